//! The method `pickup`: a finished message becomes a file `<stem>.eml` in a folder, from where other software takes it.
//!
//! The envelope would be lost with the headers alone (Bcc, envelope sender), so the lines of the pickup folders of IIS
//! and Exchange stand at the top, before the message: one `X-Sender:`, and an `X-Receiver:` for each recipient. What
//! follows is the message, byte for byte.
//!
//! Whoever watches the folder never sees half a file: it is written under another name, synced, and renamed. The same
//! stem is the same message (an attempt repeated after a crash), so a file of that name is replaced.
//!
//! Steps: `Connect` is the folder (made when it is missing, and tried), `Message` is the file; the others are skipped.
//! Dropping the job does not stop a file that is being written.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use crate::mailer::failure::Fault;
use crate::mailer::progress::Progress;
use crate::mailer::smtp::Recorder;
use crate::mailer::{Body, Envelope, FailureKind, Job, Outcome, RecipientOutcome, Step, envelope};

pub(in crate::mailer) async fn run(
    job: &Job,
    directory: &Path,
    stem: &str,
    mut progress: Progress,
) -> Outcome {
    let mut recorder = Recorder::new();
    let unusable =
        |to: &String| envelope::recipient(to).err().map(|answer| RecipientOutcome::Failed { answer });
    let mut recipients: Vec<_> = job.envelope.to.iter().map(unusable).collect();
    let mut answer = String::new();
    let mut failure = None;

    for step in Step::ALL.into_iter().take_while(|step| *step <= job.until) {
        let result = match step {
            Step::Connect => {
                progress.begin(step);
                try_folder(directory, stem).await.map(|()| directory.display().to_string())
            }
            Step::Message => {
                progress.begin(step);
                if let Some(signature) = job.body.signature() {
                    recorder.remark(&signature);
                    progress.note(&signature);
                }
                write(job, directory, stem).await.map(|path| path.display().to_string())
            }
            _ => {
                progress.skip(step);
                continue;
            }
        };
        match result {
            Ok(place) => {
                recorder
                    .remark(&format!("{} {place}", if step == Step::Message { "wrote" } else { "folder" }));
                progress.note(&place);
                progress.pass();
                answer = place;
            }
            Err(fault) => {
                recorder.remark(&fault.text);
                failure = Some(progress.fail(fault));
                break;
            }
        }
    }

    let written = failure.is_none() && job.until == Step::Message;
    for recipient in recipients.iter_mut().filter(|recipient| recipient.is_none()) {
        *recipient = Some(match &failure {
            Some(failure) => failure.outcome(),
            None if written => RecipientOutcome::Delivered { answer: answer.clone() },
            None => RecipientOutcome::Deferred { answer: "not written: only a test".to_owned() },
        });
    }
    Outcome {
        reused: false,
        failure,
        recipients: recipients.into_iter().flatten().collect(),
        transcript: recorder.finish(),
        tls: None,
        answer: if written { answer } else { String::new() },
    }
}

/// The folder exists and takes a file.
async fn try_folder(directory: &Path, stem: &str) -> Result<(), Fault> {
    let names = Names::new(directory, stem)?;
    blocking(names.directory.clone(), move || {
        fs::create_dir_all(&names.directory)?;
        File::create(&names.temporary)?;
        fs::remove_file(&names.temporary)
    })
    .await
}

async fn write(job: &Job, directory: &Path, stem: &str) -> Result<PathBuf, Fault> {
    let names = Names::new(directory, stem)?;
    let top = top_lines(&job.envelope)?;
    let body = job.body.clone();
    let finished = names.finished.clone();
    blocking(finished.clone(), move || {
        names.write(top.as_bytes(), &body).inspect_err(|_| {
            // Half a file is of no use to anybody; the error that is told is the first one.
            let _ = fs::remove_file(&names.temporary);
        })
    })
    .await?;
    Ok(finished)
}

/// Without recipients that cannot stand in a line: their outcome is failed already.
fn top_lines(envelope: &Envelope) -> Result<String, Fault> {
    let sender = envelope::sender(envelope)?.map_or_else(String::new, |sender| sender.to_string());
    let mut lines = format!("X-Sender: {sender}\r\n");
    for recipient in envelope.to.iter().filter_map(|to| envelope::recipient(to).ok()) {
        lines.push_str(&format!("X-Receiver: {recipient}\r\n"));
    }
    Ok(lines)
}

/// Where a file is made, and where it goes.
struct Names {
    directory: PathBuf,
    temporary: PathBuf,
    finished: PathBuf,
}

impl Names {
    fn new(directory: &Path, stem: &str) -> Result<Self, Fault> {
        // The stem is ours, but a path in it would write anywhere.
        if stem.is_empty() || !stem.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_')) {
            return Err(Fault::new(FailureKind::LocalFile, "the name of the pickup file is not usable"));
        }
        Ok(Self {
            directory: directory.to_owned(),
            temporary: directory.join(format!("{stem}.tmp")),
            finished: directory.join(format!("{stem}.eml")),
        })
    }

    fn write(&self, top: &[u8], body: &Body) -> io::Result<()> {
        fs::create_dir_all(&self.directory)?;
        let mut file = File::create(&self.temporary)?;
        file.write_all(top)?;
        let copied = match body {
            Body::Inline(bytes) => file.write_all(bytes).map(|()| bytes.len() as u64)?,
            Body::File { path, .. } => io::copy(&mut File::open(path)?, &mut file)?,
            // Folders are written to where the message is.
            Body::Remote(_) => return Err(io::ErrorKind::Unsupported.into()),
            Body::Signed(signed) => io::copy(&mut signed.reader()?, &mut file)?,
        };
        if copied != body.size() {
            return Err(io::Error::other(format!(
                "the message has {copied} bytes instead of {}",
                body.size()
            )));
        }
        file.sync_all()?;
        drop(file);
        fs::rename(&self.temporary, &self.finished)?;
        // A folder can be opened, and its entries synced, on Unix only; elsewhere the rename has to do.
        match File::open(&self.directory) {
            Ok(folder) => folder.sync_all(),
            Err(_) => Ok(()),
        }
    }
}

async fn blocking(
    place: PathBuf,
    work: impl FnOnce() -> io::Result<()> + Send + 'static,
) -> Result<(), Fault> {
    let result = tokio::task::spawn_blocking(work).await.unwrap_or_else(|panic| Err(io::Error::other(panic)));
    result.map_err(|error| Fault::new(FailureKind::LocalFile, format!("{}: {error}", place.display())))
}
