//! x
use crate::mailer::Failure;
/// x
pub fn advise(_: &Failure, _: &str) -> Option<&'static str> {
    None
}
