//! What a daemon did to its disk, as strace saw it, and what of that may be there after the power went.
//!
//! The model is what POSIX promises, and nothing that one file system gives besides: a write is there for certain when a
//! sync of its file began after it had returned, and has returned itself; a name is there, or gone, when its folder was
//! synced so. Everything else may be there or not, each for itself, and a write in part.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};

use faxpost_tests::dice::Dice;

/// What a disk writes at once or not at all.
const SECTOR: usize = 512;

/// What strace has to record.
pub(crate) const CALLS: &str =
    "openat,write,writev,pwrite64,sendto,sendmsg,fsync,fdatasync,ftruncate,unlink,unlinkat";

/// One step, in the order in which they ended. `since`: the steps before this one were over when it began.
enum Step {
    Write {
        file: usize,
        at: usize,
        bytes: Vec<u8>,
    },
    Truncate {
        file: usize,
        size: usize,
    },
    Sync {
        file: usize,
        since: usize,
    },
    Create {
        path: PathBuf,
        file: usize,
    },
    Remove {
        path: PathBuf,
    },
    SyncFolder {
        folder: PathBuf,
        since: usize,
    },
    /// To a socket: whoever is at the other end may know it from now on.
    Tell(Vec<u8>),
}

/// What becomes of the steps that are not certain.
pub(crate) enum Fate<'a> {
    /// None is there.
    Lost,
    /// All are, as after a kill.
    Kept,
    /// Some, and parts of some.
    Random(&'a mut Dice),
}

/// Everything that happened to a folder.
pub(crate) struct Recording {
    root: PathBuf,
    /// As it was before: certain.
    before: BTreeMap<PathBuf, Vec<u8>>,
    steps: Vec<Step>,
}

impl Recording {
    /// `trace`: strace's output of a daemon that began with `before` in `root`.
    pub(crate) fn parse(root: &Path, before: BTreeMap<PathBuf, Vec<u8>>, trace: &str) -> Self {
        let mut reader = Reader {
            names: before.keys().cloned().zip(0..).collect(),
            files: before.len(),
            ..Reader::default()
        };
        let mut recording = Self { root: root.to_owned(), before, steps: Vec::new() };
        let mut unfinished = HashMap::new();
        for line in trace.lines() {
            let Some((process, call)) = line.split_once(' ') else { continue };
            let call = call.trim_start();
            let now = recording.steps.len();
            if let Some(begun) = call.strip_suffix("<unfinished ...>") {
                // Nobody may be told before it is true: that is why what is told counts from its beginning.
                recording.steps.extend(reader.told(begun));
                unfinished.insert(process, (begun, now));
            } else if let Some((_, end)) = call.split_once(" resumed>") {
                let Some((begun, since)) = unfinished.remove(process) else { continue };
                recording.steps.extend(reader.step(root, &format!("{begun}{end}"), since));
            } else {
                recording.steps.extend(reader.told(call));
                recording.steps.extend(reader.step(root, call, now));
            }
        }
        recording
    }

    pub(crate) fn len(&self) -> usize {
        self.steps.len()
    }

    /// The first step by which this word was told to anybody.
    pub(crate) fn told(&self, word: &str) -> Option<usize> {
        self.steps.iter().position(|step| match step {
            Step::Tell(bytes) => bytes.windows(word.len()).any(|part| part == word.as_bytes()),
            _ => false,
        })
    }

    /// Everything that was written to this file is there for certain.
    pub(crate) fn is_on_disk(&self, path: &Path) -> bool {
        let created = self.steps.iter().rev().find_map(|step| match step {
            Step::Create { path: created, file } if created == path => Some(*file),
            _ => None,
        });
        let Some(wanted) = created.or_else(|| self.before.keys().position(|before| before == path)) else {
            return false;
        };
        let is_write = |step: &Step| matches!(step, Step::Write { file, .. } if *file == wanted);
        let Some(written) = self.steps.iter().rposition(is_write) else { return false };
        self.steps
            .iter()
            .any(|step| matches!(step, Step::Sync { file, since } if *file == wanted && *since > written))
    }

    pub(crate) fn syncs(&self) -> usize {
        let is_sync = |step: &&Step| matches!(step, Step::Sync { .. } | Step::SyncFolder { .. });
        self.steps.iter().filter(is_sync).count()
    }

    /// Makes `root` what may be found there when the power went after so many steps.
    pub(crate) fn rebuild(&self, root: &Path, steps: usize, mut fate: Fate) {
        let done = &self.steps[..steps];
        let mut files: HashMap<usize, Vec<u8>> = self.before.values().cloned().enumerate().collect();
        let mut names: BTreeMap<PathBuf, usize> = self.before.keys().cloned().zip(0..).collect();
        // Of each file and each folder, the steps before this one are certain.
        let (mut synced, mut named) = (HashMap::new(), HashMap::new());
        for step in done {
            match step {
                Step::Sync { file, since } => drop(synced.insert(*file, *since)),
                Step::SyncFolder { folder, since } => drop(named.insert(folder.as_path(), *since)),
                _ => {}
            }
        }
        for (index, step) in done.iter().enumerate() {
            let since = match step {
                Step::Write { file, .. } | Step::Truncate { file, .. } => synced.get(file),
                Step::Create { path, .. } | Step::Remove { path } => {
                    path.parent().and_then(|folder| named.get(folder))
                }
                _ => continue,
            };
            let certain = since.is_some_and(|since| index < *since);
            let part = match &mut fate {
                _ if certain => usize::MAX,
                Fate::Lost => 0,
                Fate::Kept => usize::MAX,
                Fate::Random(dice) => [0, usize::MAX, dice.below(9) * SECTOR][dice.below(3)],
            };
            if part == 0 {
                continue;
            }
            match step {
                Step::Write { file, at, bytes } => {
                    let content = files.entry(*file).or_default();
                    let bytes = &bytes[..bytes.len().min(part)];
                    content.resize(content.len().max(at + bytes.len()), 0);
                    content[*at..at + bytes.len()].copy_from_slice(bytes);
                }
                Step::Truncate { file, size } => files.entry(*file).or_default().resize(*size, 0),
                Step::Create { path, file } => drop(names.insert(path.clone(), *file)),
                Step::Remove { path } => drop(names.remove(path)),
                _ => {}
            }
        }
        let _ = std::fs::remove_dir_all(root);
        faxpostd::service::prepare_state_dir(root).unwrap();
        for (path, file) in names {
            let path = root.join(path.strip_prefix(&self.root).unwrap());
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(&path, files.get(&file).map_or(&[][..], Vec::as_slice)).unwrap();
            private(&path);
        }
    }
}

/// As the daemon makes its own files; another one would not be its.
fn private(path: &Path) {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600)).unwrap();
}

/// What is known while the trace is read.
#[derive(Default)]
struct Reader {
    names: HashMap<PathBuf, usize>,
    files: usize,
    /// Where `write` goes on.
    ends: HashMap<usize, usize>,
}

impl Reader {
    fn told(&self, call: &str) -> Option<Step> {
        let (name, arguments) = call.split_once('(')?;
        let is_socket = unescape(between(arguments, '<', '>')?).starts_with(b"socket:")
            || unescape(between(arguments, '<', '>')?).starts_with(b"UNIX");
        (matches!(name, "write" | "writev" | "sendto" | "sendmsg") && is_socket)
            .then(|| Step::Tell(strings(arguments)))
    }

    /// A call that has ended; `None`: it failed, or is about something else.
    fn step(&mut self, root: &Path, call: &str, since: usize) -> Option<Step> {
        let (name, arguments) = call.split_once('(')?;
        let (arguments, result) = arguments.rsplit_once(" = ")?;
        let count: i64 = result.split(|c: char| c != '-' && !c.is_ascii_digit()).next()?.parse().ok()?;
        let count = usize::try_from(count).ok()?;
        let path = match name {
            "openat" | "unlinkat" | "unlink" => quoted(arguments)?,
            _ => text(between(arguments, '<', '>')?),
        };
        if !path.starts_with(root) {
            return None;
        }
        let last = || arguments.trim_end_matches([' ', ')']).rsplit(", ").next()?.parse::<usize>().ok();
        match name {
            "openat" if arguments.contains("O_CREAT") && !self.names.contains_key(&path) => {
                let file = self.files;
                self.files += 1;
                self.names.insert(path.clone(), file);
                Some(Step::Create { path, file })
            }
            "unlink" | "unlinkat" => {
                self.names.remove(&path);
                Some(Step::Remove { path })
            }
            "fsync" | "fdatasync" if !self.names.contains_key(&path) => {
                Some(Step::SyncFolder { folder: path, since })
            }
            "fsync" | "fdatasync" => Some(Step::Sync { file: *self.names.get(&path)?, since }),
            "ftruncate" => Some(Step::Truncate { file: *self.names.get(&path)?, size: last()? }),
            "pwrite64" | "write" => {
                let file = *self.names.get(&path)?;
                let end = self.ends.entry(file).or_default();
                let at = if name == "write" { *end } else { last()? };
                if name == "write" {
                    *end += count;
                }
                let mut bytes = strings(arguments);
                bytes.truncate(count);
                Some(Step::Write { file, at, bytes })
            }
            _ => None,
        }
    }
}

fn between(text: &str, from: char, to: char) -> Option<&str> {
    let (_, rest) = text.split_once(from)?;
    Some(rest.split_once(to)?.0)
}

fn quoted(arguments: &str) -> Option<PathBuf> {
    Some(text(between(arguments, '"', '"')?))
}

fn text(escaped: &str) -> PathBuf {
    PathBuf::from(String::from_utf8_lossy(&unescape(escaped)).into_owned())
}

/// All strings of a call's arguments, one after the other. With -xx nothing in one is a quote.
fn strings(arguments: &str) -> Vec<u8> {
    arguments.split('"').skip(1).step_by(2).flat_map(unescape).collect()
}

/// `\x2f\x74`, as -xx writes everything.
fn unescape(escaped: &str) -> Vec<u8> {
    if !escaped.starts_with("\\x") {
        return escaped.as_bytes().to_vec();
    }
    let digit = |byte: u8| char::from(byte).to_digit(16).unwrap_or(0) as u8;
    escaped.as_bytes().chunks_exact(4).map(|code| digit(code[2]) << 4 | digit(code[3])).collect()
}
