//! CDO is a part of Windows.

use super::{Order, Refusal};

pub(super) fn missing() -> Option<String> {
    Some("Collaboration Data Objects are a part of Windows".to_owned())
}

pub(super) fn send(order: &Order) -> Result<(), Refusal> {
    let Order { settings, notify, message } = order;
    let text = format!("{} settings, {} bytes, {notify:?}: not here", settings.len(), message.len());
    // REGDB_E_CLASSNOTREG, as Windows says where it is missing.
    Err(Refusal { code: 0x8004_0154, text, call: "CoCreateInstance" })
}
