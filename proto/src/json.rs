//! Messages of the protocol as proto3 JSON, alike in every client.

use prost::{Message, Name};
use prost_reflect::{DescriptorPool, DynamicMessage};
use serde::Serialize;

use crate::FILE_DESCRIPTOR_SET;
use crate::v1::{Entry, GetTranscriptResponse};

/// The descriptors of all messages. Costs a millisecond or so: only for whoever wants JSON.
///
/// # Panics
/// The build wrote none.
#[must_use]
pub fn descriptors() -> DescriptorPool {
    DescriptorPool::decode(FILE_DESCRIPTOR_SET).expect("the build wrote the descriptors")
}

/// One message on one line.
#[must_use]
pub fn line<M: Message + Name>(descriptors: &DescriptorPool, message: &M) -> String {
    text(&dynamic(descriptors, message))
}

/// An entry of the log on one line, with its dialogue beside its own fields.
#[must_use]
pub fn record(
    descriptors: &DescriptorPool,
    entry: &Entry,
    transcript: Option<&GetTranscriptResponse>,
) -> String {
    text(&Record {
        entry: dynamic(descriptors, entry),
        transcript: transcript.map(|transcript| &*transcript.text),
        transcript_truncated: transcript.is_some_and(|transcript| transcript.truncated),
    })
}

/// As the entry alone when there is no dialogue: proto3 JSON leaves out what is empty.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Record<'a> {
    #[serde(flatten)]
    entry: DynamicMessage,
    #[serde(skip_serializing_if = "Option::is_none")]
    transcript: Option<&'a str>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    transcript_truncated: bool,
}

fn dynamic<M: Message + Name>(descriptors: &DescriptorPool, message: &M) -> DynamicMessage {
    let descriptor =
        descriptors.get_message_by_name(&M::full_name()).expect("the build described every message it made");
    let mut dynamic = DynamicMessage::new(descriptor);
    dynamic.transcode_from(message).expect("both sides are made from the same description");
    dynamic
}

fn text(value: &impl Serialize) -> String {
    serde_json::to_string(value).expect("messages have text keys only")
}
