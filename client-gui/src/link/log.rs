//! Calls of the log page.

use std::io::{ErrorKind, Write as _};
use std::path::{Path, PathBuf};

use faxpost_proto::json;
use faxpost_proto::reason;
use faxpost_proto::refusal::reason_of;
use faxpost_proto::v1::log_client::LogClient;
use faxpost_proto::v1::{
    Entry, EntryFilter, FollowEntriesRequest, GetTranscriptRequest, GetTranscriptResponse, ListEntriesRequest,
};
use tempfile::NamedTempFile;
use tonic::Status;
use tonic::transport::Channel;

use super::{Answer, LARGEST_ANSWER, Sender, request};

/// Entries of one message that are shown with it: as many as attempts of weeks.
const OF_ONE: i32 = 200;
/// What the daemon gives on one page at most.
const LARGEST_PAGE: i32 = 500;

/// How far an export is.
pub enum Progress {
    /// So many entries were written.
    Written(u64),
    /// It is over.
    Done(Result<u64, ExportError>),
}

/// Why an export ended early.
pub enum ExportError {
    /// There is such a file; nothing is overwritten.
    Exists,
    /// It cannot be written.
    File(std::io::Error),
    /// The daemon's.
    Refused(Box<Status>),
}

/// A page, newest first, and what leads to the next one.
///
/// # Errors
/// The daemon's.
pub async fn entries(
    channel: Channel,
    filter: EntryFilter,
    page_token: String,
    size: usize,
) -> Answer<(Vec<Entry>, String)> {
    let page_size = i32::try_from(size).unwrap_or(LARGEST_PAGE).min(LARGEST_PAGE);
    let call = ListEntriesRequest { page_size, page_token, filter: Some(filter), oldest_first: false };
    let answer = client(channel).list_entries(request(call)).await?.into_inner();
    Ok((answer.entries, answer.next_page_token))
}

/// Everything about one message, oldest first.
///
/// # Errors
/// The daemon's.
pub async fn of_message(channel: Channel, message: String) -> Answer<Vec<Entry>> {
    let call = ListEntriesRequest {
        page_size: OF_ONE,
        filter: Some(EntryFilter { message, ..EntryFilter::default() }),
        oldest_first: true,
        ..ListEntriesRequest::default()
    };
    Ok(client(channel).list_entries(request(call)).await?.into_inner().entries)
}

/// The dialogue of an entry.
///
/// # Errors
/// The daemon's.
pub async fn transcript(channel: Channel, id: i64) -> Answer<GetTranscriptResponse> {
    Ok(client(channel).get_transcript(request(GetTranscriptRequest { id })).await?.into_inner())
}

/// What is written from now on.
pub async fn follow(channel: Channel, filter: EntryFilter, to: Sender<Entry>) {
    let call = FollowEntriesRequest { filter: Some(filter), backlog: 0 };
    let Ok(answers) = client(channel).follow_entries(call).await else { return };
    let mut answers = answers.into_inner();
    while let Ok(Some(answer)) = answers.message().await {
        if let Some(entry) = answer.entry {
            to.send(entry);
        }
    }
}

/// Writes what is found into a new file, as JSON lines in the order of time. It has its name when it is complete, and is
/// its maker's alone: it has addresses and subjects.
pub async fn export(
    channel: Channel,
    filter: EntryFilter,
    transcripts: bool,
    path: PathBuf,
    to: Sender<Progress>,
) {
    let result = write(channel, filter, transcripts, &path, &to).await;
    to.send(Progress::Done(result));
}

async fn write(
    channel: Channel,
    filter: EntryFilter,
    transcripts: bool,
    path: &Path,
    to: &Sender<Progress>,
) -> Result<u64, ExportError> {
    let refused = |status| ExportError::Refused(Box::new(status));
    if path.exists() {
        return Err(ExportError::Exists);
    }
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    // Gone with the task, if that is dropped.
    let mut file = NamedTempFile::new_in(folder).map_err(ExportError::File)?;
    let mut client = client(channel);
    let pool = json::descriptors();
    let (mut count, mut page_token) = (0, String::new());
    loop {
        let call = ListEntriesRequest {
            page_size: LARGEST_PAGE,
            page_token,
            filter: Some(filter.clone()),
            oldest_first: true,
        };
        let page = client.list_entries(request(call)).await.map_err(refused)?.into_inner();
        let mut lines = String::new();
        for entry in &page.entries {
            let transcript = match entry {
                Entry { id, has_transcript: true, .. } if transcripts => {
                    kept(client.get_transcript(request(GetTranscriptRequest { id: *id })).await)
                        .map_err(refused)?
                }
                _ => None,
            };
            lines.push_str(&json::record(&pool, entry, transcript.as_ref()));
            lines.push('\n');
            count += 1;
        }
        file.write_all(lines.as_bytes()).map_err(ExportError::File)?;
        to.send(Progress::Written(count));
        page_token = page.next_page_token;
        if page_token.is_empty() {
            break;
        }
    }
    match file.persist_noclobber(path) {
        Ok(_) => Ok(count),
        Err(error) if error.error.kind() == ErrorKind::AlreadyExists => Err(ExportError::Exists),
        Err(error) => Err(ExportError::File(error.error)),
    }
}

/// The dialogue, if it was not removed since its entry was read.
fn kept(
    answer: Result<tonic::Response<GetTranscriptResponse>, Status>,
) -> Result<Option<GetTranscriptResponse>, Status> {
    const GONE: [&str; 2] = [reason::TRANSCRIPT_NOT_FOUND, reason::ENTRY_NOT_FOUND];
    match answer {
        Ok(answer) => Ok(Some(answer.into_inner())),
        Err(status) if reason_of(&status).is_some_and(|reason| GONE.contains(&&*reason)) => Ok(None),
        Err(status) => Err(status),
    }
}

fn client(channel: Channel) -> LogClient<Channel> {
    LogClient::new(channel).max_decoding_message_size(LARGEST_ANSWER)
}
