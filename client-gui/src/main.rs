//! `faxpost-gui`: the window of Faxpost.
#![windows_subsystem = "windows"]

use std::process::ExitCode;

use faxpost_gui::preferences::Preferences;
use faxpost_gui::{Options, app};
use faxpost_proto::advice::Language;
use faxpost_proto::endpoint;

/// A password that is typed passes through text lines, messages and buffers that know nothing of secrets. Whatever is freed
/// is wiped, so that none of it lies around after the call.
#[global_allocator]
static ALLOCATOR: zeroizing_alloc::ZeroAlloc<std::alloc::System> =
    zeroizing_alloc::ZeroAlloc(std::alloc::System);

const USAGE: &str = "Usage: faxpost-gui [--endpoint PATH] [--lang en|ru] [--theme light|dark]

The window of Faxpost: account, sign-in, certificate, test, log, outbox, requests.

  --endpoint PATH   socket or pipe of the service; FAXPOST_ENDPOINT is read, too
  --lang en|ru      language; otherwise that of the system
  --theme …         light or dark; otherwise as the system is
  --help, --version";

fn main() -> ExitCode {
    let options = match options(std::env::args().skip(1)) {
        Ok(Some(options)) => options,
        Ok(None) => return ExitCode::SUCCESS,
        Err(wrong) => {
            eprintln!("{wrong}\n\n{USAGE}");
            return ExitCode::from(64);
        }
    };
    match app::run(options) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("The window cannot be shown: {error}");
            ExitCode::FAILURE
        }
    }
}

/// `None`: everything was said.
fn options(mut words: impl Iterator<Item = String>) -> Result<Option<Options>, String> {
    let from_environment = std::env::var(endpoint::ENDPOINT_VARIABLE).ok().filter(|path| !path.is_empty());
    let chosen = Preferences::load();
    let mut options = Options {
        endpoint: from_environment.unwrap_or_else(|| endpoint::DEFAULT.to_owned()),
        language: chosen.language,
        theme: chosen.theme,
        remember: true,
        browse: |address| webbrowser::open(address).is_ok(),
    };
    while let Some(word) = words.next() {
        let mut value = || words.next().ok_or_else(|| format!("{word} wants a value."));
        match &*word {
            "--endpoint" => options.endpoint = value()?,
            "--lang" => {
                options.language = Some(match &*value()? {
                    "en" => Language::En,
                    "ru" => Language::Ru,
                    other => return Err(format!("There is no language {other:?}: en or ru.")),
                });
            }
            "--theme" => {
                options.theme = match &*value()? {
                    "light" => 1,
                    "dark" => 2,
                    other => return Err(format!("There are no colours {other:?}: light or dark.")),
                };
            }
            "--help" | "-h" => {
                println!("{USAGE}");
                return Ok(None);
            }
            "--version" | "-V" => {
                println!("faxpost-gui {}", env!("CARGO_PKG_VERSION"));
                return Ok(None);
            }
            other => return Err(format!("{other:?} is not understood.")),
        }
    }
    Ok(Some(options))
}
