//! Messages of the protocol as proto3 JSON.

use faxpost_proto::FILE_DESCRIPTOR_SET;
use prost::{Message, Name};
use prost_reflect::{DescriptorPool, DynamicMessage};

use super::escape::escape_json;

/// The descriptors of all messages. Costs a millisecond or so: only for whoever wants JSON.
pub(super) fn descriptors() -> DescriptorPool {
    DescriptorPool::decode(FILE_DESCRIPTOR_SET).expect("the build wrote the descriptors")
}

/// One message on one line.
pub(super) fn line<M: Message + Name>(descriptors: &DescriptorPool, message: &M) -> String {
    let descriptor =
        descriptors.get_message_by_name(&M::full_name()).expect("the build described every message it made");
    let mut dynamic = DynamicMessage::new(descriptor);
    dynamic.transcode_from(message).expect("both sides are made from the same description");
    escape_json(serde_json::to_string(&dynamic).expect("messages have text keys only"))
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
