//! The store of the machine: LOCAL_MACHINE\MY with its keys; ROOT and CA for what chains are built from.

use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use x509_parser::prelude::{FromDer as _, X509Certificate};

use super::account;
use super::blob::{self, PrivateKey};
use super::descriptor::{Descriptor, Refusal, Sid};
use super::keys::{self, Made, store_fault};
use super::system::{Context, Name, Store};
use crate::certs::{
    Authorities, CertificateStore, Fingerprint, Holder, Identity, KeyError, KeyReference, KeyType,
    PendingKey, StoreFault, Stored, Trustee,
};

/// Issuers above a certificate, at most: real chains have two or three.
const CHAIN_LENGTH: usize = 8;

/// LOCAL_MACHINE's stores. All of it changes one at a time: an access list is read, changed and written.
struct MachineStore {
    changing: Mutex<()>,
}

/// The machine's store. Windows keeps it: there is none in the state folder.
///
/// # Errors
/// None here.
pub fn machine_store(_state_dir: &Path) -> Result<Arc<dyn CertificateStore>, StoreFault> {
    Ok(Arc::new(MachineStore { changing: Mutex::new(()) }))
}

impl MachineStore {
    fn lock(&self) -> MutexGuard<'_, ()> {
        // It guards no data that could be half changed.
        self.changing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes who may use a key, and sees that it came true.
    fn change(
        &self,
        key: &KeyReference,
        trustee: &Trustee,
        change: impl Fn(&mut Descriptor, &Sid) -> Result<bool, Refusal>,
    ) -> Result<(), StoreFault> {
        let sid = sid(trustee)?;
        if account::is_builtin(&trustee.id) {
            return Err(StoreFault::Builtin(trustee.name.clone()));
        }
        let refused = |refusal: Refusal| StoreFault::Unsupported(format!("{}: {refusal}", trustee.name));
        let _lock = self.lock();
        let mut descriptor = keys::descriptor(key)?;
        if !change(&mut descriptor, &sid).map_err(refused)? {
            return Ok(());
        }
        keys::set_descriptor(key, &descriptor)?;
        let mut now = keys::descriptor(key)?;
        match change(&mut now, &sid) {
            Ok(false) => Ok(()),
            _ => Err(StoreFault::Failed(
                "Windows took the key's new access list, and did not keep it".to_owned(),
            )),
        }
    }
}

impl CertificateStore for MachineStore {
    fn list(&self) -> Result<Vec<Stored>, StoreFault> {
        let authorities = self.authorities()?;
        let found = Store::look(Name::My).map_err(store_fault)?.certificates();
        Ok(found
            .iter()
            .filter_map(|context| {
                let stored = stored(context, &authorities);
                (stored.key.is_some() || !is_authority(&stored.certificate)).then_some(stored)
            })
            .collect())
    }

    fn install(&self, identity: &Identity, exportable: bool) -> Result<Stored, StoreFault> {
        let public_key = public_key(&identity.certificate)?;
        let key = PrivateKey::read(&identity.key, &public_key)
            .map_err(|error| StoreFault::Unsupported(error.to_string()))?;
        let _lock = self.lock();
        // Whoever may use the key that is there goes on using it.
        if let Some(there) = find(Name::My, &identity.certificate)?
            && own_key(&there).is_some()
        {
            return Ok(stored(&there, &self.authorities()?));
        }
        let made = Made::import(&key, exportable)?;
        put(&identity.certificate, &identity.chain, made.reference())?;
        made.keep();
        self.read_back(&identity.certificate)
    }

    fn delete(&self, certificate: &Fingerprint) -> Result<(), StoreFault> {
        let _lock = self.lock();
        let store = Store::change(Name::My).map_err(store_fault)?;
        let (mut same, others): (Vec<_>, Vec<_>) =
            store.certificates().into_iter().partition(|context| fingerprint(context) == *certificate);
        let context = same.pop().ok_or(StoreFault::NotFound)?;
        // A renewed certificate may have the key of the one before.
        if let Some(key) = own_key(&context)
            && !others.iter().any(|other| own_key(other).as_ref() == Some(&key))
        {
            match keys::delete(&key) {
                Ok(()) | Err(StoreFault::NotFound) => {}
                Err(fault) => return Err(fault),
            }
        }
        context.delete().and_then(|()| store.commit()).map_err(store_fault)
    }

    fn holders(&self, key: &KeyReference) -> Result<Vec<Holder>, StoreFault> {
        let Some(users) = keys::descriptor(key)?.users() else {
            // Without a list.
            let everyone = account::find("S-1-1-0")?;
            return Ok(vec![Holder { trustee: everyone, full: true, builtin: true }]);
        };
        Ok(users
            .into_iter()
            .map(|user| {
                let trustee = account::named(&user.sid);
                let builtin = account::is_builtin(&trustee.id);
                Holder { trustee, full: user.full, builtin }
            })
            .collect())
    }

    fn may_use(&self, key: &KeyReference, trustee: &Trustee) -> Result<bool, StoreFault> {
        sid(trustee)?;
        Ok(keys::descriptor(key)?.lets_use(&account::with_groups(&trustee.id)))
    }

    fn grant(&self, key: &KeyReference, trustee: &Trustee) -> Result<(), StoreFault> {
        if !account::exists(&trustee.id) {
            return Err(StoreFault::TrusteeUnknown(trustee.id.clone()));
        }
        if account::is_everybody(&trustee.id) {
            return Err(StoreFault::Unsupported(format!(
                "{} is nearly everybody on this machine: name the account that is to sign",
                trustee.name
            )));
        }
        self.change(key, trustee, Descriptor::grant)
    }

    fn revoke(&self, key: &KeyReference, trustee: &Trustee) -> Result<(), StoreFault> {
        self.change(key, trustee, Descriptor::revoke)
    }

    fn trustee(&self, text: &str) -> Result<Trustee, StoreFault> {
        account::find(text)
    }

    fn service_account(&self) -> Result<Trustee, StoreFault> {
        account::find(account::NETWORK_SERVICE)
    }

    fn create_key(&self, key_type: KeyType) -> Result<PendingKey, StoreFault> {
        let made = Made::generate(key_type)?;
        let public_key =
            keys::public_key(made.reference()).map_err(|error| StoreFault::Failed(error.to_string()))?;
        Ok(PendingKey { key: made.keep(), public_key })
    }

    fn complete(
        &self,
        pending: &PendingKey,
        certificate: &[u8],
        chain: &[Vec<u8>],
    ) -> Result<Stored, StoreFault> {
        let there = keys::public_key(&pending.key).map_err(|error| match error {
            KeyError::Missing => StoreFault::NotFound,
            other => StoreFault::Failed(other.to_string()),
        })?;
        if !blob::same_key(&there, &public_key(certificate)?) {
            return Err(StoreFault::Unsupported("the certificate is for another key".to_owned()));
        }
        let _lock = self.lock();
        put(certificate, chain, &pending.key)?;
        self.read_back(certificate)
    }

    fn discard(&self, pending: &PendingKey) -> Result<(), StoreFault> {
        keys::delete(&pending.key)
    }

    fn authorities(&self) -> Result<Authorities, StoreFault> {
        let ca = Store::look(Name::Ca).map_err(store_fault)?;
        let root = Store::look(Name::Root).map_err(store_fault)?;
        let bytes = |store: &Store| {
            store.certificates().iter().map(|context| context.certificate().to_vec()).collect()
        };
        Ok(Authorities {
            roots: bytes(&root),
            intermediates: bytes(&ca),
            revocation_lists: [ca.revocation_lists(), root.revocation_lists()].concat(),
        })
    }
}

impl MachineStore {
    fn read_back(&self, certificate: &[u8]) -> Result<Stored, StoreFault> {
        let lost = || StoreFault::Failed("Windows took the certificate, and did not keep it".to_owned());
        let there = find(Name::My, certificate)?.ok_or_else(lost)?;
        Ok(stored(&there, &self.authorities()?))
    }
}

/// Puts a certificate into MY with its key, and its chain into CA: into ROOT nothing comes by the way, that would make it
/// trusted. Nothing is left when it fails.
fn put(certificate: &[u8], chain: &[Vec<u8>], key: &KeyReference) -> Result<(), StoreFault> {
    let authorities = Store::change(Name::Ca).map_err(store_fault)?;
    let mine = Store::change(Name::My).map_err(store_fault)?;
    let mut added = Vec::new();
    let result = (|| {
        for issuer in chain {
            added.extend(authorities.add_new(issuer)?);
        }
        let context = match mine.find(certificate) {
            Some(there) => there,
            None => mine.add(certificate)?,
        };
        context.set_key(key)?;
        authorities.commit()?;
        mine.commit()
    })();
    let wrong = match result {
        Ok(()) => match find(Name::My, certificate)?.map(|there| there.key()) {
            Some(Ok(Some(kept))) if kept == *key => return Ok(()),
            _ => StoreFault::Failed("Windows did not keep where the certificate's key is".to_owned()),
        },
        Err(error) => store_fault(error),
    };
    let of_mine = mine.find(certificate).filter(|there| matches!(there.key(), Ok(Some(now)) if now == *key));
    for context in added.into_iter().chain(of_mine) {
        if let Err(error) = context.delete() {
            tracing::warn!(
                "a certificate that is not wanted could not be taken out again: {}",
                error.message()
            );
        }
    }
    let _ = authorities.commit().and_then(|()| mine.commit());
    Err(wrong)
}

fn find(store: Name, certificate: &[u8]) -> Result<Option<Context>, StoreFault> {
    Ok(Store::look(store).map_err(store_fault)?.find(certificate))
}

fn stored(context: &Context, authorities: &Authorities) -> Stored {
    let certificate = context.certificate().to_vec();
    let key = own_key(context);
    let exportable = key.as_ref().is_some_and(keys::exportable);
    Stored { chain: chain(&certificate, authorities), certificate, key, exportable }
}

/// The certificate's key, if it is really there. One that may not be looked at is taken at its word.
fn own_key(context: &Context) -> Option<KeyReference> {
    let key = context.key().ok().flatten()?;
    match keys::public_key(&key) {
        Ok(there) => {
            let wanted = public_key(context.certificate()).ok()?;
            blob::same_key(&there, &wanted).then_some(key)
        }
        Err(KeyError::Missing) => None,
        Err(_) => Some(key),
    }
}

/// From the issuer upwards, for sending along: by name and signature, as more than one authority may have a name. Whether
/// the chain is to be trusted is seen where it is judged.
fn chain(certificate: &[u8], authorities: &Authorities) -> Vec<Vec<u8>> {
    let all: Vec<(&Vec<u8>, X509Certificate<'_>)> = [&authorities.intermediates, &authorities.roots]
        .into_iter()
        .flatten()
        .filter_map(|bytes| Some((bytes, X509Certificate::from_der(bytes).ok()?.1)))
        .collect();
    let Ok((_, mut last)) = X509Certificate::from_der(certificate) else { return Vec::new() };
    let mut chain: Vec<Vec<u8>> = Vec::new();
    while chain.len() < CHAIN_LENGTH && last.issuer().as_raw() != last.subject().as_raw() {
        let issuer = all.iter().find(|(_, issuer)| {
            issuer.subject().as_raw() == last.issuer().as_raw()
                && last.verify_signature(Some(issuer.public_key())).is_ok()
        });
        let Some((bytes, issuer)) = issuer else { break };
        if chain.contains(bytes) {
            break;
        }
        chain.push((*bytes).clone());
        last = issuer.clone();
    }
    chain
}

fn is_authority(certificate: &[u8]) -> bool {
    X509Certificate::from_der(certificate).is_ok_and(|(_, certificate)| certificate.is_ca())
}

fn public_key(certificate: &[u8]) -> Result<Vec<u8>, StoreFault> {
    let (_, certificate) = X509Certificate::from_der(certificate)
        .map_err(|_| StoreFault::Unsupported("the certificate is damaged".to_owned()))?;
    Ok(certificate.public_key().raw.to_vec())
}

fn fingerprint(context: &Context) -> Fingerprint {
    use sha2::{Digest as _, Sha256};
    Sha256::digest(context.certificate()).into()
}

fn sid(trustee: &Trustee) -> Result<Sid, StoreFault> {
    trustee.id.parse().map_err(|_| StoreFault::TrusteeUnknown(trustee.id.clone()))
}
