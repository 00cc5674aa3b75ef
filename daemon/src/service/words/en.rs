//! English.

use super::Words;

/// English.
pub const EN: Words = Words {
    error: "faxpostd",
    failed: "faxpostd",
    systemds: |way| format!("on Linux the service is systemd's, and its units come with the package: {way}"),
    not_typed: "this is how Windows starts its service; use `faxpostd start`, or `faxpostd run` in the foreground",

    registered: "The service Faxpost is registered, and starts with the machine. Start it now with: faxpostd start",
    up_to_date: "The service Faxpost was registered already and is brought up to date; what runs goes on until it is restarted.",
    lacks: |names| format!("This system does not have: {names}."),
    removed: "The service Faxpost is removed. Its state (accounts, mail, log) is kept where it was.",
    removed_with_data: |folder| {
        format!("The service Faxpost is removed, and its state with it: {}", folder.display())
    },
    others_kept: |folder, names| {
        format!(
            "The service Faxpost is removed, and its state in {}. What is not Faxpost's there is kept: {names}",
            folder.display()
        )
    },
    no_data: |folder| {
        format!("The service Faxpost is removed. There was no state folder {}.", folder.display())
    },
    runs: "The service Faxpost runs.",
    runs_already: "It runs already.",
    ended: "The service Faxpost has ended.",
    not_running: "It was not running.",

    moved: |rows, bodies| {
        format!("Everything was moved and compared. Rows: {rows}; large messages that wait: {bodies}.\n")
    },
    moved_before: "It was moved before; nothing was done.\n",
    moved_to_server: |url| format!("Set url = \"{url}\" in [store] of faxpostd.toml, and start the daemon."),
    moved_from_server: |url| {
        format!("Take url = \"{url}\" out of [store] in faxpostd.toml, and start the daemon.")
    },
    moved_lost: |count| {
        format!("Without their body, because it was lost before: {count} waiting messages. They will fail.")
    },

    others_service: |line| format!("the service Faxpost is another program's ({line}); remove that first"),
    open_program: |path, who| {
        format!(
            "{} can be changed by others than administrators ({who}), who could so become the system; put the programs \
             where only administrators may write, e.g. below %ProgramFiles%",
            path.display()
        )
    },
    cannot_look: |path| format!("cannot see who may change {}", path.display()),
    no_path: "this program does not know its own path",
    no_text: "the command line of the service is not a text",
    source_not_registered: "the source Faxpost of the Event Log cannot be registered",
    source_not_removed: "the source Faxpost of the Event Log cannot be removed",
    path_not_changed: "the machine's PATH cannot be changed",
    not_set: |name| format!("the service's {name} cannot be set"),
    nothing_to_remove: "there is no service Faxpost on this machine; nothing was done",
    ended_at_once: |how| {
        format!(
            "the service ended at once ({how}); the Event Log (Application, source Faxpost) says why, and more stands in \
             log\\faxpostd.log of the state folder"
        )
    },
    own_code: |code| format!("error {code} of its own"),
    does_not_come_up: "the service does not come up; its log says where it is",
    does_not_end: "the service does not end; its log says what it waits for",
    administrators_only: "only administrators may do this: open the prompt with \"Run as administrator\"",
    not_registered: "there is no service Faxpost on this machine: register it with `faxpostd install`",
    being_removed: "the service is being removed, and somebody still has it open: close services.msc and the Task Manager",
    refused: "Windows' service control manager refuses",
    not_handed_over: "the service cannot be handed to Windows",
    data_kept: |folder| {
        format!(
            "the service is removed, and the state folder {} is kept; remove it by hand",
            folder.display()
        )
    },
    not_ours: "it has neither a database nor a key of Faxpost",

    invited: "With this code one machine can join within 15 minutes; there, as administrator: faxpostd join. Type it or pipe it, \
              and keep it nowhere: with the database it opens all passwords.",
    code_prompt: "Code of faxpostd invite: ",
    joined: "This machine has the key of the database now; the service can start.",
    joined_before: "This machine has the key of the database already.",
    no_server: "no PostgreSQL database is named: set url in [store] of faxpostd.toml, or give --store; the embedded database of \
                one machine has no key to hand over",
    no_fleet: "no daemon has worked on this database yet, so it has no key: start the service of the first machine",
    not_invited: "there is no invitation that is valid (each is for one machine, and for 15 minutes): run `faxpostd invite` on a \
                  machine that works on this database",
    code_not_read: "the code cannot be read",
    no_code: "this is no code: one has 28 letters and digits, in groups of four",
    mistyped: "a letter or digit of the code is mistyped; nothing was tried, run the command again",
    wrong_code: |left| match left {
        0 => "this is not the code, for the fifth time: the invitation is gone. Run `faxpostd invite` again"
            .to_owned(),
        left => format!("this is not the code of the last `faxpostd invite`; tries left: {left}"),
    },
};
