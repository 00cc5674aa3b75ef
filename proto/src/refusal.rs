//! What a failed call tells: whose failure it is, and by what reason.

use std::error::Error as _;

use tonic::{Code, Status};
use tonic_types::StatusExt as _;

use crate::connect::ConnectError;
use crate::reason;

/// Faxpost's reason of a refusal, if it is one of its own.
#[must_use]
pub fn reason_of(status: &Status) -> Option<String> {
    let info = status.get_details_error_info()?;
    (info.domain == reason::DOMAIN).then_some(info.reason)
}

/// The status was made here, because the connection broke: its words ("transport error") are not for people, and nobody
/// knows what the daemon did.
#[must_use]
pub fn is_broken(status: &Status) -> bool {
    let from_here = status.source().is_some() || status.code() == Code::Unknown;
    from_here && reason_of(status).is_none()
}

/// A reconnection that found no way in.
#[must_use]
pub fn way_in(status: &Status) -> Option<&ConnectError> {
    let mut cause = status.source();
    while let Some(error) = cause {
        if let Some(error) = error.downcast_ref() {
            return Some(error);
        }
        cause = error.source();
    }
    None
}

/// The number of the request that a change became, because an administrator must approve it.
#[must_use]
pub fn pending_request(status: &Status) -> Option<i64> {
    let info = status.get_details_error_info().filter(|info| info.reason == reason::APPROVAL_PENDING)?;
    info.metadata.get("request")?.parse().ok()
}

/// What the system said, without " (os error 2)".
#[must_use]
pub fn without_number(text: &str) -> &str {
    text.split_once(" (os error").map_or(text, |(text, _)| text)
}
