//! CRAM-MD5 (RFC 2195), for old servers: the password does not cross, but the server proves nothing, and who sees an
//! exchange tries passwords against it as fast as MD5 goes. So without TLS it is used only where a password may cross.

use hmac::{Hmac, Mac as _};
use md5::Md5;
use zeroize::Zeroizing;

use super::{Exchange, Turn};
use crate::mailer::SignIn;

/// Our one answer.
pub(super) struct CramMd5 {
    sign_in: SignIn,
    proof: Option<Zeroizing<String>>,
}

impl CramMd5 {
    pub(super) fn new(sign_in: &SignIn) -> Self {
        Self { sign_in: sign_in.clone(), proof: None }
    }
}

impl Exchange for CramMd5 {
    fn answer(&mut self, challenge: &[u8]) -> Turn {
        // An empty one, or the same answer again, would be something to look up in a table.
        if challenge.is_empty() || self.proof.is_some() {
            return Turn::Cancel;
        }
        let password = self.sign_in.credential.secret().expose().as_bytes();
        let mac = Hmac::<Md5>::new_from_slice(password).expect("HMAC takes keys of any length");
        let proof = Zeroizing::new(hex::encode(mac.chain_update(challenge).finalize().into_bytes()));
        let answer = format!("{} {}", self.sign_in.login, &*proof).into_bytes();
        self.proof = Some(proof);
        Turn::Answer(Zeroizing::new(answer))
    }

    fn proof(&self) -> Option<&str> {
        self.proof.as_deref().map(String::as_str)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mailer::Credential;
    use crate::secrets::Secret;

    #[test]
    fn a5_cram_md5_as_in_rfc_2195_section_2() {
        let sign_in = SignIn {
            login: "tim".to_owned(),
            credential: Credential::Password(Secret::new("tanstaaftanstaaf".to_owned())),
            mechanism: None,
        };
        let mut cram = CramMd5::new(&sign_in);
        assert!(cram.initial().is_none(), "the server begins");
        let challenge = b"<1896.697170952@postoffice.reston.mci.net>";
        let Turn::Answer(answer) = cram.answer(challenge) else { panic!("an answer") };
        assert_eq!(answer.as_slice(), b"tim b913a602c7eda7a495b4e6e7334d3890");
        assert_eq!(cram.proof(), Some("b913a602c7eda7a495b4e6e7334d3890"));
        assert!(matches!(cram.answer(challenge), Turn::Cancel), "one answer only");
        assert!(matches!(CramMd5::new(&sign_in).answer(b""), Turn::Cancel));
    }
}
