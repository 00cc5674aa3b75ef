use super::*;
use crate::certs::test_pki::{Issued, Kind, Pki};

struct Fixture {
    folder: tempfile::TempDir,
    store: FileStore,
    pki: Pki,
}

fn fixture() -> Fixture {
    let folder = tempfile::tempdir().unwrap();
    let store = FileStore::open(folder.path()).unwrap();
    Fixture { folder, store, pki: Pki::new(Kind::EcP256) }
}

fn identity(issued: &Issued) -> Identity {
    Identity {
        certificate: issued.certificate.clone(),
        chain: issued.chain.clone(),
        key: issued.key.clone().into(),
    }
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().mode() & 0o777
}

/// Names in the store, without the folders that are always there.
fn names(fixture: &Fixture) -> Vec<String> {
    let entries = fs::read_dir(fixture.folder.path().join("certificates")).unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    names.filter(|name| !["pending", "authorities", "revocation"].contains(&name.as_str())).collect()
}

#[test]
fn c4_an_installed_certificate_is_there_with_its_chain_and_a_key_for_its_owner_only() {
    let fixture = fixture();
    let person = fixture.pki.person("fax@example.com", Kind::EcP256);
    let stored = fixture.store.install(&identity(&person), false).unwrap();
    let Some(KeyReference::File(key)) = &stored.key else { panic!("a key") };
    assert_eq!((&stored.certificate, &stored.chain), (&person.certificate, &person.chain));
    assert_eq!(fs::read(key).unwrap(), person.key);
    let folder = key.parent().unwrap();
    assert_eq!(folder.file_name().unwrap().to_str().unwrap(), person.fingerprint());
    let modes = [CERTIFICATE, CHAIN, KEY].map(|name| mode(&folder.join(name)));
    assert_eq!((modes, mode(folder), mode(folder.parent().unwrap())), ([0o644, 0o644, 0o600], 0o711, 0o711));

    let reopened = FileStore::open(fixture.folder.path()).unwrap();
    let listed = reopened.list().unwrap();
    assert_eq!((listed.len(), &listed[0].certificate, &listed[0].key), (1, &person.certificate, &stored.key));

    let fingerprint = Sha256::digest(&person.certificate).into();
    reopened.delete(&fingerprint).unwrap();
    assert_eq!(names(&fixture), [] as [&str; 0]);
    assert_eq!(reopened.delete(&fingerprint), Err(StoreFault::NotFound));
}

#[test]
fn c4_nothing_is_left_behind_by_a_failure_or_a_crash() {
    let fixture = fixture();
    let person = fixture.pki.person("fax@example.com", Kind::EcP256);
    let failed = fixture.store.put(&person.certificate, &[], |_| Err(ErrorKind::StorageFull.into()));
    assert!(matches!(failed, Err(StoreFault::Failed(_))));
    assert_eq!(names(&fixture), [] as [&str; 0]);

    let left = fixture.folder.path().join("certificates").join(format!("{UNFINISHED}1"));
    fs::create_dir(&left).unwrap();
    fs::write(left.join(KEY), "key").unwrap();
    assert_eq!(fixture.store.list().unwrap().len(), 0);
    FileStore::open(fixture.folder.path()).unwrap();
    assert_eq!(names(&fixture), [] as [&str; 0]);
}

#[test]
fn c4_a_folder_with_another_certificate_than_its_name_says_is_left_out() {
    let fixture = fixture();
    let person = fixture.pki.person("fax@example.com", Kind::EcP256);
    fixture.store.install(&identity(&person), false).unwrap();
    let other = fixture.pki.person("other@example.com", Kind::EcP256);
    let path = fixture.store.place(&Sha256::digest(&person.certificate).into()).join(CERTIFICATE);
    fs::write(&path, files::to_pem(&[other.certificate])).unwrap();
    assert_eq!(fixture.store.list().unwrap().len(), 0);
    fs::write(&path, "garbage").unwrap();
    assert_eq!(fixture.store.list().unwrap().len(), 0);
}

#[test]
fn c5_a_grant_is_seen_and_can_be_taken_back() {
    let fixture = fixture();
    let person = fixture.pki.person("fax@example.com", Kind::EcP256);
    let key = fixture.store.install(&identity(&person), false).unwrap().key.unwrap();
    let own = nix::unistd::geteuid().as_raw();
    let builtin = if own == 0 { 1 } else { 2 };
    let holders = fixture.store.holders(&key).unwrap();
    assert!(holders.len() == builtin && holders.iter().all(|holder| holder.builtin && holder.full));

    let somebody = fixture.store.trustee("uid:54321").unwrap();
    assert_eq!(fixture.store.may_use(&key, &somebody), Ok(false));
    fixture.store.grant(&key, &somebody).unwrap();
    fixture.store.grant(&key, &somebody).unwrap();
    let added = &fixture.store.holders(&key).unwrap()[builtin..];
    assert_eq!(added, [Holder { trustee: somebody.clone(), full: false, builtin: false }]);
    assert_eq!(fixture.store.may_use(&key, &somebody), Ok(true));
    fixture.store.revoke(&key, &somebody).unwrap();
    assert_eq!(fixture.store.may_use(&key, &somebody), Ok(false));

    let own = account::of_uid(own);
    assert_eq!(fixture.store.may_use(&key, &own), Ok(true));
    fixture.store.grant(&key, &own).unwrap();
    assert_eq!(fixture.store.revoke(&key, &own), Err(StoreFault::Builtin(own.name.clone())));
    assert_eq!(fixture.store.holders(&key).unwrap().len(), builtin);
}

#[test]
fn c5_only_keys_of_the_store_can_be_granted() {
    let fixture = fixture();
    let path = fixture.folder.path().join("secret.key");
    fs::write(&path, "x").unwrap();
    let somebody = fixture.store.trustee("uid:54321").unwrap();
    let outside = KeyReference::File(path);
    assert_eq!(fixture.store.grant(&outside, &somebody), Err(StoreFault::NotFound));
    let place = fixture.folder.path().join("certificates/x");
    std::os::unix::fs::symlink(fixture.folder.path().join("secret.key"), &place).unwrap();
    assert!(matches!(fixture.store.grant(&KeyReference::File(place), &somebody), Err(StoreFault::Failed(_))));
}

#[test]
fn c9_a_key_waits_until_its_certificate_comes() {
    let fixture = fixture();
    let pending = fixture.store.create_key(KeyType::EcP256).unwrap();
    assert_eq!(fixture.store.list().unwrap().len(), 0);
    let KeyReference::File(waiting) = &pending.key else { panic!("a file") };
    assert_eq!((mode(waiting), mode(waiting.parent().unwrap())), (0o600, 0o700));
    let person = fixture.pki.person("fax@example.com", Kind::EcP256);

    // A failure leaves the key where it is.
    let place = fixture.store.place(&Sha256::digest(&person.certificate).into());
    fs::write(&place, "in the way").unwrap();
    assert!(fixture.store.complete(&pending, &person.certificate, &[]).is_err());
    assert!(waiting.exists());
    fs::remove_file(&place).unwrap();

    let bytes = fs::read(waiting).unwrap();
    let stored = fixture.store.complete(&pending, &person.certificate, &person.chain).unwrap();
    let Some(KeyReference::File(key)) = stored.key else { panic!("a file") };
    assert_eq!((fs::read(&key).unwrap(), mode(&key)), (bytes, 0o600));
    assert!(!waiting.exists());
    assert_eq!(fixture.store.discard(&pending), Err(StoreFault::NotFound));

    let other = fixture.store.create_key(KeyType::EcP256).unwrap();
    fixture.store.discard(&other).unwrap();
    assert_eq!(fs::read_dir(&fixture.store.pending).unwrap().count(), 0);
}

#[test]
fn c2_authorities_and_lists_are_read_from_their_folders() {
    let fixture = fixture();
    let at = |name: &str| fixture.folder.path().join("certificates").join(name);
    let pem = files::to_pem(&[fixture.pki.root(), fixture.pki.intermediate()]);
    fs::write(at("authorities/own.pem"), pem).unwrap();
    fs::write(at("authorities/readme.txt"), "nothing").unwrap();
    fs::write(at("revocation/ca.crl"), fixture.pki.revocation_list(&[7], 2099)).unwrap();
    let pem = crate::certs::test_pki::pem("X509 CRL", &fixture.pki.revocation_list(&[8], 2099));
    fs::write(at("revocation/ca.pem"), pem).unwrap();
    fs::write(at("revocation/garbage"), "x").unwrap();
    let known = fixture.store.authorities().unwrap();
    assert!(known.roots.contains(&fixture.pki.root()) && !known.roots.contains(&fixture.pki.intermediate()));
    assert_eq!((known.intermediates, known.revocation_lists.len()), (vec![fixture.pki.intermediate()], 2));
}
