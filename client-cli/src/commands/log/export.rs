//! `log export`: JSON lines for programs, with and without --json. Reads page by page in the order of time, so that a log
//! of any size needs no more memory than a page; what is written meanwhile comes last.

use faxpost_proto::{
    reason,
    v1::{
        Entry, EntryFilter, GetTranscriptRequest, GetTranscriptResponse, ListEntriesRequest,
        log_client::LogClient,
    },
};
use tonic::{Status, transport::Channel};
use tonic_types::StatusExt as _;

use crate::{
    commands::{Context, request},
    error::Error,
};

/// What the daemon gives on one page at most.
const PAGE: i32 = 500;

pub(super) async fn run(filter: EntryFilter, transcripts: bool, context: &mut Context) -> Result<(), Error> {
    let mut client = context.log().await?;
    let mut count = 0;
    let mut page_token = String::new();
    loop {
        let page = ListEntriesRequest {
            page_size: PAGE,
            page_token,
            filter: Some(filter.clone()),
            oldest_first: true,
        };
        let page = client.list_entries(request(page)).await?.into_inner();
        for entry in &page.entries {
            let transcript = match entry {
                Entry { id, has_transcript: true, .. } if transcripts => transcript(&mut client, *id).await?,
                _ => None,
            };
            context.out.record(entry, transcript.as_ref())?;
            count += 1;
        }
        // What is there is handed over, however long the next page takes.
        context.out.flush()?;
        page_token = page.next_page_token;
        if page_token.is_empty() {
            break;
        }
    }
    let sentence = (context.texts.exported)(count);
    context.out.remark(&sentence)
}

/// The dialogue, if it was not removed since the page was read.
async fn transcript(
    client: &mut LogClient<Channel>,
    id: i64,
) -> Result<Option<GetTranscriptResponse>, Error> {
    match client.get_transcript(request(GetTranscriptRequest { id })).await {
        Ok(answer) => Ok(Some(answer.into_inner())),
        Err(status) if is_gone(&status) => Ok(None),
        Err(status) => Err(status.into()),
    }
}

fn is_gone(status: &Status) -> bool {
    status
        .get_details_error_info()
        .is_some_and(|info| [reason::TRANSCRIPT_NOT_FOUND, reason::ENTRY_NOT_FOUND].contains(&&*info.reason))
}
