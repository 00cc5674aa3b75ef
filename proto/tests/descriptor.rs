//! The promise of `faxpost.v1`: it only grows. `faxpost/v1/descriptor.txt` has every field, value and method that there ever
//! was, one a line. Here it is held against the API as it is now.
//!
//! After an addition: `FAXPOST_GROW=1 cargo test -p faxpost-proto --test descriptor` writes the new lines into it.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::collections::BTreeSet;
use std::path::Path;
use std::{env, fs};

use faxpost_proto::FILE_DESCRIPTOR_SET;
use prost::Message as _;
use prost_types::field_descriptor_proto::{Label, Type};
use prost_types::{DescriptorProto, EnumDescriptorProto, FieldDescriptorProto, FileDescriptorSet};

#[test]
fn f5_the_api_only_grows() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("faxpost/v1/descriptor.txt");
    let known: BTreeSet<String> =
        fs::read_to_string(&path).unwrap_or_default().lines().map(str::to_owned).collect();
    let now = lines();
    let gone: Vec<_> = known.difference(&now).collect();
    assert!(
        gone.is_empty(),
        "gone or changed, which breaks clients that exist; keep them, and add new ones beside:\n{gone:#?}"
    );
    let new: Vec<_> = now.difference(&known).collect();
    if env::var_os("FAXPOST_GROW").is_some() {
        fs::write(&path, now.iter().map(|line| format!("{line}\n")).collect::<String>()).unwrap();
    } else {
        assert!(
            new.is_empty(),
            "not yet in {}; add them with: FAXPOST_GROW=1 cargo test -p faxpost-proto --test descriptor\n{new:#?}",
            path.display()
        );
    }
}

/// A check that sees nothing holds nothing.
#[test]
fn f5_a_line_says_all_that_clients_rely_on() {
    let lines = lines();
    for line in [
        "rpc faxpost.v1.Mail/SendMailStream (stream faxpost.v1.SendMailStreamRequest) returns (faxpost.v1.SendMailStreamResponse)",
        "field faxpost.v1.SendMailRequest.to = 2 repeated string",
        "field faxpost.v1.SendMailStreamRequest.chunk = 3 bytes in part",
        "field faxpost.v1.Account.sender_name = 4 optional string",
        "value faxpost.v1.MessageState.MESSAGE_STATE_QUEUED = 1",
    ] {
        assert!(lines.contains(line), "{line} is not in {lines:#?}");
    }
    assert!(lines.len() > 500, "{}", lines.len());
}

fn lines() -> BTreeSet<String> {
    let mut lines = BTreeSet::new();
    for file in FileDescriptorSet::decode(FILE_DESCRIPTOR_SET).unwrap().file {
        if file.package() != "faxpost.v1" {
            continue;
        }
        for service in &file.service {
            for method in &service.method {
                let stream = |is: bool| if is { "stream " } else { "" };
                lines.insert(format!(
                    "rpc faxpost.v1.{}/{} ({}{}) returns ({}{})",
                    service.name(),
                    method.name(),
                    stream(method.client_streaming()),
                    method.input_type().trim_start_matches('.'),
                    stream(method.server_streaming()),
                    method.output_type().trim_start_matches('.'),
                ));
            }
        }
        file.message_type.iter().for_each(|message| of_message("faxpost.v1", message, &mut lines));
        file.enum_type.iter().for_each(|values| of_enum("faxpost.v1", values, &mut lines));
    }
    lines
}

fn of_message(within: &str, message: &DescriptorProto, lines: &mut BTreeSet<String>) {
    let name = format!("{within}.{}", message.name());
    lines.insert(format!("message {name}"));
    for field in &message.field {
        lines.insert(format!("field {name}.{} = {} {}", field.name(), field.number(), kind(field, message)));
    }
    message.nested_type.iter().for_each(|inner| of_message(&name, inner, lines));
    message.enum_type.iter().for_each(|values| of_enum(&name, values, lines));
}

fn of_enum(within: &str, values: &EnumDescriptorProto, lines: &mut BTreeSet<String>) {
    for value in &values.value {
        lines.insert(format!("value {within}.{}.{} = {}", values.name(), value.name(), value.number()));
    }
}

fn kind(field: &FieldDescriptorProto, message: &DescriptorProto) -> String {
    let label = match field.label() {
        Label::Repeated => "repeated ",
        _ if field.proto3_optional() => "optional ",
        _ => "",
    };
    let kind = match field.r#type() {
        Type::Message | Type::Enum => field.type_name().trim_start_matches('.').to_owned(),
        scalar => format!("{scalar:?}").to_ascii_lowercase(),
    };
    let oneof = field.oneof_index.filter(|_| !field.proto3_optional());
    let oneof = oneof.and_then(|index| message.oneof_decl.get(usize::try_from(index).ok()?));
    let within = oneof.map(|oneof| format!(" in {}", oneof.name())).unwrap_or_default();
    format!("{label}{kind}{within}")
}
