//! CDO is a part of Windows.

use super::{Order, Refusal};

pub(super) fn missing() -> Option<String> {
    Some("Collaboration Data Objects are a part of Windows".to_owned())
}

/// REGDB_E_CLASSNOTREG, as Windows says where a class is missing.
const NOT_THERE: u32 = 0x8004_0154;

pub(super) fn send(_order: &Order) -> Result<(), Refusal> {
    Err(Refusal { code: NOT_THERE, text: missing().unwrap_or_default(), call: "CoCreateInstance" })
}
