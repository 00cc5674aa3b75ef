//! The log of a service, which has no standard error: a file in the state folder, and some older ones beside it.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// Of one file, in bytes: a week of an ordinary daemon, and still quickly opened in an editor.
const LONGEST: u64 = 8 * 1024 * 1024;

/// Older files: `faxpostd.1.log` is the newest of them.
const OLDER: u32 = 4;

/// The file that is written to. It never has more than [`LONGEST`] bytes, unless one line is longer.
pub(super) struct LogFile {
    folder: PathBuf,
    longest: u64,
    file: File,
    length: u64,
}

impl LogFile {
    /// In this folder, which is there.
    pub(super) fn open(folder: &Path) -> io::Result<Self> {
        Self::open_with(folder, LONGEST)
    }

    fn open_with(folder: &Path, longest: u64) -> io::Result<Self> {
        let (file, length) = append(&name(folder, 0))?;
        Ok(Self { folder: folder.to_owned(), longest, file, length })
    }

    /// Each file becomes one older, and the oldest goes. Where that fails (somebody reads one), the current one is emptied:
    /// a bound that holds is worth more than old lines.
    fn turn(&mut self) -> io::Result<()> {
        for age in (0..OLDER).rev() {
            let (from, to) = (name(&self.folder, age), name(&self.folder, age + 1));
            if from.exists() {
                let _ = fs::rename(from, to);
            }
        }
        let (file, length) = append(&name(&self.folder, 0))?;
        if length > 0 {
            file.set_len(0)?;
        }
        (self.file, self.length) = (file, 0);
        Ok(())
    }
}

impl Write for LogFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.length > 0 && self.length + bytes.len() as u64 > self.longest {
            self.turn()?;
        }
        self.file.write_all(bytes)?;
        self.length += bytes.len() as u64;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

fn name(folder: &Path, age: u32) -> PathBuf {
    folder.join(if age == 0 { "faxpostd.log".to_owned() } else { format!("faxpostd.{age}.log") })
}

/// Open to readers and to being renamed meanwhile, as std opens files.
fn append(path: &Path) -> io::Result<(File, u64)> {
    let file = OpenOptions::new().append(true).create(true).open(path)?;
    let length = file.metadata()?.len();
    Ok((file, length))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn i1_the_log_goes_on_and_never_grows_beyond_its_bound() {
        let folder = tempfile::tempdir().unwrap();
        for start in 0..3 {
            let mut log = LogFile::open_with(folder.path(), 100).unwrap();
            for line in 0..20 {
                writeln!(log, "{start} {line:02} ........................").unwrap();
            }
        }
        let files: Vec<_> = fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().path()).collect();
        assert_eq!(files.len() as u32, OLDER + 1);
        for file in files {
            assert!(fs::metadata(&file).unwrap().len() <= 100, "{}", file.display());
        }
        let newest = fs::read_to_string(name(folder.path(), 0)).unwrap();
        assert!(newest.contains("2 19"), "{newest}");
    }
}
