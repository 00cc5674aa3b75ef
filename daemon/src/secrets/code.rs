//! A code that a person carries from one machine to another: random, and typed without mistakes that nobody notices.
//!
//! 26 letters and digits of 5 bits are random, 2 more are a checksum: a typing mistake is told as one, and costs no try.

use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

use super::random;

/// Crockford's: without I, L, O and U, which are taken for others.
const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/// Random ones: 130 bits, so that nobody finds a code by trying.
const SYMBOLS: usize = 26;
const CHECK: usize = 2;
/// Of one group, as it is shown.
const GROUP: usize = 4;

/// Wiped when dropped, `***` in `Debug`.
#[derive(Clone, PartialEq, Eq)]
pub struct Code(Zeroizing<[u8; SYMBOLS]>);

/// Why a text is no code. The text is not repeated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoCode {
    /// It has other letters, or more or fewer.
    Shape,
    /// A letter or digit is another than it was.
    Mistyped,
}

impl Code {
    /// A new one.
    #[must_use]
    pub fn fresh() -> Self {
        let mut symbols = Zeroizing::new([0; SYMBOLS]);
        random(symbols.as_mut());
        for symbol in symbols.iter_mut() {
            *symbol = ALPHABET[usize::from(*symbol & 31)];
        }
        Self(symbols)
    }

    /// As a person types it: small letters, blanks and hyphens anywhere, O for 0, I and L for 1.
    ///
    /// # Errors
    /// See [`NoCode`].
    pub fn parse(text: &str) -> Result<Self, NoCode> {
        let mut read = Zeroizing::new([0; SYMBOLS + CHECK]);
        let mut places = read.iter_mut();
        for typed in text.chars().filter(|c| !c.is_whitespace() && *c != '-') {
            let symbol = match typed.to_ascii_uppercase() {
                'O' => b'0',
                'I' | 'L' => b'1',
                other => u8::try_from(other).map_err(|_| NoCode::Shape)?,
            };
            if !ALPHABET.contains(&symbol) {
                return Err(NoCode::Shape);
            }
            *places.next().ok_or(NoCode::Shape)? = symbol;
        }
        if places.next().is_some() {
            return Err(NoCode::Shape);
        }
        let mut code = Self(Zeroizing::new([0; SYMBOLS]));
        code.0.copy_from_slice(&read[..SYMBOLS]);
        if read[SYMBOLS..] == code.check() { Ok(code) } else { Err(NoCode::Mistyped) }
    }

    /// In groups, for a person.
    #[must_use]
    pub fn show(&self) -> Zeroizing<String> {
        let mut text = Zeroizing::new(String::with_capacity((SYMBOLS + CHECK) * 2));
        for (at, symbol) in self.0.iter().copied().chain(self.check()).enumerate() {
            if at > 0 && at % GROUP == 0 {
                text.push('-');
            }
            text.push(char::from(symbol));
        }
        text
    }

    pub(super) fn symbols(&self) -> &[u8] {
        self.0.as_ref()
    }

    fn check(&self) -> [u8; CHECK] {
        let hash = Sha256::new().chain_update(b"faxpost-code-1").chain_update(self.0.as_ref()).finalize();
        [hash[0], hash[1]].map(|byte| ALPHABET[usize::from(byte & 31)])
    }
}

impl std::fmt::Debug for Code {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Code(***)")
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn j1_a_code_is_read_as_people_type_it() {
        let code = Code(Zeroizing::new(*b"0123456789ABCDEFGHJKMNPQRS"));
        let shown = code.show().to_string();
        assert_eq!(shown.len(), 34);
        assert!(shown.starts_with("0123-4567-89AB-CDEF-GHJK-MNPQ-RS"), "{shown}");
        let typed = [
            shown.to_lowercase(),
            shown.replace('-', ""),
            shown.replace('-', " ") + "\r\n",
            shown.replace('0', "o").replace('1', "l"),
            shown.replace('0', "O").replace('1', "I"),
        ];
        for typed in typed {
            assert_eq!(Code::parse(&typed).as_ref(), Ok(&code), "{typed}");
        }
        for wrong in [
            "",
            "0123",
            &format!("{shown}0"),
            &shown[1..],
            &shown.replace('A', "U"),
            &shown.replace('A', "Я"),
        ] {
            assert_eq!(Code::parse(wrong), Err(NoCode::Shape), "{wrong}");
        }
        assert_eq!(format!("{code:?}"), "Code(***)");
        assert_ne!(Code::fresh(), Code::fresh());
    }

    #[test]
    fn j1_mistakes_of_a_typist_are_noticed() {
        let code = Code::fresh();
        let shown = code.show().replace('-', "").into_bytes();
        let mut passed = 0;
        let mut tried = 0;
        for at in 0..shown.len() {
            for symbol in ALPHABET.iter().filter(|symbol| **symbol != shown[at]) {
                let mut typed = shown.clone();
                typed[at] = *symbol;
                tried += 1;
                match Code::parse(std::str::from_utf8(&typed).unwrap()) {
                    Ok(other) => {
                        assert_ne!(other, code);
                        passed += 1;
                    }
                    Err(why) => assert_eq!(why, NoCode::Mistyped),
                }
            }
        }
        // One in 1024 on average.
        assert!(passed <= 12, "{passed} of {tried}");
    }

    proptest! {
        #[test]
        fn j1_whatever_is_typed_is_a_code_or_none(text in "\\PC{0,60}") {
            if let Ok(code) = Code::parse(&text) {
                prop_assert_eq!(Code::parse(&code.show()), Ok(code));
            }
        }

        #[test]
        fn j1_every_code_comes_back(symbols in proptest::array::uniform26(0_usize..32)) {
            let code = Code(Zeroizing::new(symbols.map(|at| ALPHABET[at])));
            prop_assert_eq!(Code::parse(&code.show()), Ok(code));
        }
    }
}
