//! Elsewhere every program keeps certificates in its own place: the user names a file.

use super::{Error, Exported, UserCertificate};

pub(super) fn list() -> Result<Vec<UserCertificate>, Error> {
    Err(Error::NoStore)
}

pub(super) fn export(_: &[u8; 32]) -> Result<Exported, Error> {
    Err(Error::NoStore)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn c1_without_a_store_of_the_user_it_is_said() {
        assert_eq!(list().unwrap_err(), Error::NoStore);
        assert!(matches!(export(&[7; 32]), Err(Error::NoStore)));
    }
}
