//! Messages of the protocol as proto3 JSON, harmless for a terminal.

use faxpost_proto::{
    json,
    v1::{Entry, GetTranscriptResponse},
};
use prost::{Message, Name};
use prost_reflect::DescriptorPool;

use super::escape::escape_json;

pub(super) use json::descriptors;

/// One message on one line.
pub(super) fn line<M: Message + Name>(descriptors: &DescriptorPool, message: &M) -> String {
    escape_json(json::line(descriptors, message))
}

/// An entry of the log on one line, with its dialogue beside its own fields.
pub(super) fn record(
    descriptors: &DescriptorPool,
    entry: &Entry,
    transcript: Option<&GetTranscriptResponse>,
) -> String {
    escape_json(json::record(descriptors, entry, transcript))
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
