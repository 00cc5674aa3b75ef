//! Signs under whatever account it runs, for the tests of who may use a key: `sign KEY MESSAGE`, the key as JSON. Prints
//! the signature in hexadecimal digits; or why there is none, and fails.

use std::process::ExitCode;

use faxpostd::certs::{KeyReference, open_key};

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().collect();
    let [_, key, message] = arguments.as_slice() else {
        eprintln!("usage: sign KEY MESSAGE");
        return ExitCode::from(64);
    };
    let key: KeyReference = match serde_json::from_str(key) {
        Ok(key) => key,
        Err(error) => {
            eprintln!("{key}: {error}");
            return ExitCode::from(64);
        }
    };
    match open_key(&key).and_then(|key| key.sign(message.as_bytes())) {
        Ok(signature) => {
            println!("{}", hex::encode(signature));
            ExitCode::SUCCESS
        }
        Err(error) => {
            println!("{error:?}");
            ExitCode::FAILURE
        }
    }
}
