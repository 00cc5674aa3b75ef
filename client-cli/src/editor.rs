//! The user's own editor, on a file that nobody else can read. What was typed is never lost: the file stays where
//! something goes wrong.

use std::{env, fs, io, path::PathBuf, process::Command};

use tempfile::TempDir;

/// Where no variable names one.
const FALLBACK: &str = if cfg_windows() { "notepad" } else { "vi" };

/// A text between two runs of the editor.
pub(crate) struct Draft {
    folder: TempDir,
    file: PathBuf,
}

/// Why an editor did not do it.
pub(crate) enum Failure {
    /// It cannot be run, or ended badly.
    Editor(String),
    /// The file cannot be written or read.
    File(PathBuf, io::Error),
}

impl Draft {
    /// In a folder of its own, that only this user may enter.
    pub(crate) fn new(name: &str) -> Result<Self, Failure> {
        let folder = tempfile::Builder::new().prefix("faxpost-").tempdir();
        let folder = folder.map_err(|error| Failure::File(env::temp_dir(), error))?;
        let file = folder.path().join(format!("{name}.toml"));
        Ok(Self { folder, file })
    }

    /// Opens it with this text, and gives what is there afterwards.
    pub(crate) fn edit(&self, text: &str) -> Result<String, Failure> {
        let failed = |error| Failure::File(self.file.clone(), error);
        fs::write(&self.file, text).map_err(failed)?;
        let (program, arguments) = program();
        let ended = Command::new(&program).args(arguments).arg(&self.file).status();
        if !ended.is_ok_and(|status| status.success()) {
            return Err(Failure::Editor(program));
        }
        let bytes = fs::read(&self.file).map_err(failed)?;
        String::from_utf8(bytes)
            .map(|text| text.replace("\r\n", "\n"))
            .map_err(|_| failed(io::ErrorKind::InvalidData.into()))
    }

    /// Whether nobody has changed this text.
    pub(crate) fn holds(&self, text: &str) -> bool {
        fs::read_to_string(&self.file).is_ok_and(|there| there == text)
    }

    /// Keeps it, and says where.
    pub(crate) fn keep(self) -> PathBuf {
        let _ = self.folder.keep();
        self.file
    }
}

/// The program and what goes before the file. A path with blanks in it is one word.
fn program() -> (String, Vec<String>) {
    let named = ["VISUAL", "EDITOR"]
        .iter()
        .find_map(|name| env::var(name).ok().filter(|text| !text.trim().is_empty()));
    let named = named.unwrap_or_else(|| FALLBACK.to_owned());
    if PathBuf::from(&named).is_file() {
        return (named, Vec::new());
    }
    let mut words = named.split_whitespace().map(str::to_owned);
    let program = words.next().unwrap_or_else(|| FALLBACK.to_owned());
    (program, words.collect())
}

/// The house wants platforms in files of their own; one word is not worth a pair.
const fn cfg_windows() -> bool {
    std::path::MAIN_SEPARATOR == '\\'
}
