//! What the kernel takes from the mailer beside its privileges: the file system (Landlock) and dangerous calls (seccomp).
//!
//! Both are belts beside the braces of the account: a kernel that lacks them does not keep mail from going out.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use landlock::{
    ABI, Access as _, AccessFs, CompatLevel, Compatible as _, Ruleset, RulesetAttr as _,
    RulesetCreatedAttr as _, RulesetStatus, Scope, path_beneath_rules,
};
use nix::libc;
use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter, SeccompRule,
};

/// Programs and libraries, settings of the system (names, certificates, time zones), and where resolvers keep theirs.
const READABLE: [&str; 16] = [
    "/usr",
    "/etc",
    "/lib",
    "/lib64",
    "/bin",
    "/sbin",
    "/nix/store",
    "/var/lib/ca-certificates",
    "/run/systemd/resolve",
    "/run/resolvconf",
    "/run/NetworkManager",
    "/run/nscd",
    "/dev/null",
    "/dev/zero",
    "/dev/random",
    "/dev/urandom",
];

/// Where OpenSSL's variables say that trust is rooted.
const ROOTS: [&str; 2] = ["SSL_CERT_FILE", "SSL_CERT_DIR"];

/// A process that the mailer starts looks up its own stack there (the C library does), under a number that is not known yet.
/// What is in it of others is what everybody may read; to look into another process, Landlock refuses of itself.
const PROCESSES: &str = "/proc";

/// Puts both on; says what was done, for the log.
pub(super) fn enter(keys: &Path) -> Vec<String> {
    let files = match files(keys) {
        Ok(RulesetStatus::FullyEnforced) => "landlock".to_owned(),
        Ok(RulesetStatus::PartiallyEnforced) => "landlock in part".to_owned(),
        Ok(RulesetStatus::NotEnforced) => "no landlock: the kernel does not have it".to_owned(),
        Err(error) => format!("no landlock: {error}"),
    };
    let calls = match calls() {
        Ok(()) => "seccomp".to_owned(),
        Err(error) => format!("no seccomp: {error}"),
    };
    vec![files, calls]
}

/// Nothing can be written, and read only what is needed; other processes get no signals.
fn files(keys: &Path) -> anyhow::Result<RulesetStatus> {
    let abi = ABI::V6;
    let roots: Vec<PathBuf> = ROOTS.iter().filter_map(std::env::var_os).map(PathBuf::from).collect();
    let restricted = Ruleset::default()
        .set_compatibility(CompatLevel::BestEffort)
        .handle_access(AccessFs::from_all(abi))?
        .scope(Scope::from_all(abi))?
        .create()?
        // What is not there is passed over.
        .add_rules(path_beneath_rules(READABLE, AccessFs::from_read(abi)))?
        .add_rules(path_beneath_rules([PROCESSES], AccessFs::ReadFile))?
        .add_rules(path_beneath_rules(roots, AccessFs::ReadFile | AccessFs::ReadDir))?
        .add_rules(path_beneath_rules([keys], AccessFs::ReadFile | AccessFs::ReadDir))?
        .restrict_self()?;
    Ok(restricted.ruleset)
}

/// A list of what is forbidden and not of what is allowed: TLS, resolvers and the helpers of other methods call what they
/// like, and an update of the C library must not stop the mail.
fn calls() -> anyhow::Result<()> {
    let forbidden = filter(forbidden(), libc::EPERM)?;
    // The C library takes this answer for an old kernel and uses clone, which can be looked into.
    let missing = filter(BTreeMap::from([(libc::SYS_clone3, Vec::new())]), libc::ENOSYS)?;
    seccompiler::apply_filter(&missing)?;
    seccompiler::apply_filter(&forbidden)?;
    Ok(())
}

type Rules = BTreeMap<libc::c_long, Vec<SeccompRule>>;

fn filter(rules: Rules, errno: i32) -> anyhow::Result<BpfProgram> {
    let refuse = SeccompAction::Errno(errno.unsigned_abs());
    let here = std::env::consts::ARCH.try_into()?;
    Ok(SeccompFilter::new(rules.into_iter().collect(), SeccompAction::Allow, refuse, here)?.try_into()?)
}

fn forbidden() -> Rules {
    // Other processes' memory; mounts and namespaces; modules and other kernels; clocks, names and quotas of the machine;
    // keys of the kernel; what kernels were broken by most often.
    let mut rules: Rules = [
        libc::SYS_ptrace,
        libc::SYS_process_vm_readv,
        libc::SYS_process_vm_writev,
        libc::SYS_kcmp,
        libc::SYS_pidfd_getfd,
        libc::SYS_process_madvise,
        libc::SYS_move_pages,
        libc::SYS_migrate_pages,
        libc::SYS_mount,
        libc::SYS_umount2,
        libc::SYS_pivot_root,
        libc::SYS_chroot,
        libc::SYS_setns,
        libc::SYS_unshare,
        libc::SYS_open_tree,
        libc::SYS_move_mount,
        libc::SYS_fsopen,
        libc::SYS_fsconfig,
        libc::SYS_fsmount,
        libc::SYS_fspick,
        libc::SYS_mount_setattr,
        libc::SYS_init_module,
        libc::SYS_finit_module,
        libc::SYS_delete_module,
        libc::SYS_kexec_load,
        libc::SYS_reboot,
        libc::SYS_swapon,
        libc::SYS_swapoff,
        libc::SYS_acct,
        libc::SYS_quotactl,
        libc::SYS_syslog,
        libc::SYS_vhangup,
        libc::SYS_settimeofday,
        libc::SYS_clock_settime,
        libc::SYS_clock_adjtime,
        libc::SYS_adjtimex,
        libc::SYS_sethostname,
        libc::SYS_setdomainname,
        libc::SYS_keyctl,
        libc::SYS_add_key,
        libc::SYS_request_key,
        libc::SYS_bpf,
        libc::SYS_perf_event_open,
        libc::SYS_userfaultfd,
        libc::SYS_io_uring_setup,
        libc::SYS_io_uring_enter,
        libc::SYS_io_uring_register,
        libc::SYS_fanotify_init,
        libc::SYS_open_by_handle_at,
        libc::SYS_name_to_handle_at,
        libc::SYS_personality,
        libc::SYS_mknodat,
    ]
    .into_iter()
    .map(|call| (call, Vec::new()))
    .collect();
    let namespaces = [
        libc::CLONE_NEWUSER,
        libc::CLONE_NEWNS,
        libc::CLONE_NEWPID,
        libc::CLONE_NEWNET,
        libc::CLONE_NEWIPC,
        libc::CLONE_NEWUTS,
        libc::CLONE_NEWCGROUP,
    ];
    let flag = |flag: i32| {
        let flag = u64::from(flag.unsigned_abs());
        condition(0, SeccompCmpOp::MaskedEq(flag), flag)
    };
    rules.insert(libc::SYS_clone, namespaces.into_iter().filter_map(|one| rule(vec![flag(one)])).collect());
    // Sockets of the network, of this machine, and of the kernel's list of addresses; no raw ones come without root.
    let families = [libc::AF_UNIX, libc::AF_INET, libc::AF_INET6, libc::AF_NETLINK];
    let others = families.map(|family| condition(0, SeccompCmpOp::Ne, u64::from(family.unsigned_abs())));
    rules.insert(libc::SYS_socket, rule(others.into()).into_iter().collect());
    second_numbers(rules)
}

/// On x86-64 the same calls can be made by a second number (x32) where the kernel has that.
fn second_numbers(mut rules: Rules) -> Rules {
    const X32: libc::c_long = 0x4000_0000;
    if cfg!(target_arch = "x86_64") {
        let second: Vec<_> = rules.iter().map(|(call, rule)| (call | X32, rule.clone())).collect();
        rules.extend(second);
    }
    rules
}

fn condition(
    argument: u8,
    comparison: SeccompCmpOp,
    value: u64,
) -> Result<SeccompCondition, seccompiler::BackendError> {
    SeccompCondition::new(argument, SeccompCmpArgLen::Dword, comparison, value)
}

fn rule(conditions: Vec<Result<SeccompCondition, seccompiler::BackendError>>) -> Option<SeccompRule> {
    // Wrong only with an argument's number above five, or no condition.
    SeccompRule::new(conditions.into_iter().collect::<Result<_, _>>().ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn h6_the_filter_of_calls_can_be_built_here() {
        let rules = forbidden();
        assert!(rules.len() > 50);
        assert_eq!(rules[&libc::SYS_socket].len(), 1);
        assert_eq!(rules[&libc::SYS_clone].len(), 7);
        assert!(!filter(rules, libc::EPERM).unwrap().is_empty());
    }
}
