//! Page sizes and page tokens.

use tonic::Status;

use super::error;

/// The size to use: `asked`, or `usual` for 0, at most `most`.
pub(super) fn size(asked: i32, usual: usize, most: usize) -> Result<usize, Status> {
    match usize::try_from(asked) {
        Ok(0) => Ok(usual),
        Ok(asked) => Ok(asked.min(most)),
        Err(_) => Err(error::invalid("page_size", "a page size is not negative")),
    }
}

/// Where a page begins: the key of the last row of the page before.
pub(super) fn key(token: &str) -> Result<Option<i64>, Status> {
    if token.is_empty() {
        return Ok(None);
    }
    match token.parse() {
        Ok(key) if key > 0 => Ok(Some(key)),
        _ => Err(error::invalid("page_token", "not a token of an earlier page; begin without one")),
    }
}

/// The token of the next page, when this one is full.
pub(super) fn next(last: Option<i64>, more: bool) -> String {
    last.filter(|_| more).map_or_else(String::new, |key| key.to_string())
}
