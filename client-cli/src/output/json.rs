//! Messages of the protocol as proto3 JSON.

use faxpost_proto::{
    FILE_DESCRIPTOR_SET,
    v1::{Entry, GetTranscriptResponse},
};
use prost::{Message, Name};
use prost_reflect::{DescriptorPool, DynamicMessage};
use serde::Serialize;

use super::escape::escape_json;

/// The descriptors of all messages. Costs a millisecond or so: only for whoever wants JSON.
pub(super) fn descriptors() -> DescriptorPool {
    DescriptorPool::decode(FILE_DESCRIPTOR_SET).expect("the build wrote the descriptors")
}

/// One message on one line.
pub(super) fn line<M: Message + Name>(descriptors: &DescriptorPool, message: &M) -> String {
    text(&dynamic(descriptors, message))
}

/// An entry of the log on one line, with its dialogue beside its own fields.
pub(super) fn record(
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
    escape_json(serde_json::to_string(value).expect("messages have text keys only"))
}

#[cfg(test)]
mod tests {
    use faxpost_proto::v1::{
        Account, GetAccountResponse, ListMessagesResponse, Message as Mail, MessageState, Method,
    };

    use super::*;

    #[test]
    fn json_is_proto3_json_with_camel_case_and_enum_names() {
        let account =
            Account { id: "default".into(), method: Method::Pickup.into(), port: 25, ..Default::default() };
        let json = line(&descriptors(), &GetAccountResponse { account: Some(account) });
        assert_eq!(json, r#"{"account":{"id":"default","method":"METHOD_PICKUP","port":25}}"#);
    }

    #[test]
    fn e3_an_exported_entry_has_its_dialogue_beside_its_fields() {
        let entry = Entry { id: 7, subject: "Факс".into(), ..Default::default() };
        let pool = descriptors();
        assert_eq!(record(&pool, &entry, None), line(&pool, &entry));
        let said = GetTranscriptResponse { text: "0 S: 220 a\u{9b}b\n".into(), truncated: true };
        assert_eq!(
            record(&pool, &entry, Some(&said)),
            r#"{"id":"7","subject":"Факс","transcript":"0 S: 220 a\u009bb\n","transcriptTruncated":true}"#
        );
    }

    #[test]
    fn json_has_times_as_rfc_3339_and_64_bits_as_text() {
        let message = Mail {
            state: MessageState::Queued.into(),
            size: 5,
            subject: "a\u{9b}b".into(),
            accept_time: Some(prost_types::Timestamp { seconds: 0, nanos: 0 }),
            ..Default::default()
        };
        let list = ListMessagesResponse { messages: vec![message], next_page_token: String::new() };
        assert_eq!(
            line(&descriptors(), &list),
            r#"{"messages":[{"state":"MESSAGE_STATE_QUEUED","subject":"a\u009bb","size":"5","acceptTime":"1970-01-01T00:00:00Z"}]}"#
        );
    }
}
