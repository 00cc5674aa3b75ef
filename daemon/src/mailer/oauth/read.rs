//! Reading what providers answer: bytes from outside, in all the forms they are known to have.

use std::time::Duration;

use oauth2::basic::BasicTokenType;
use oauth2::{
    DeviceCodeErrorResponse, ErrorResponse, ExtraTokenFields, HttpResponse, RequestTokenError,
    StandardDeviceAuthorizationResponse, StandardErrorResponse, StandardTokenResponse, TokenResponse as _,
};
use serde::{Deserialize, Serialize};

use super::LONGEST_POLL;
use super::exchange::{Answer, DeviceCodes, ExchangeError, ExchangeFault, Tokens};
use super::http::fault;
use crate::secrets::Secret;

/// Of a provider's words: enough for a person, too little to fill a log.
const MAX_WORDS: usize = 600;

/// What some providers say beside RFC 6749.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Extra {
    /// Google and Microsoft, for some grants.
    #[serde(default)]
    refresh_token_expires_in: Option<u64>,
}

impl ExtraTokenFields for Extra {}

/// A 200 that carries an error and no token is a 400.
pub(super) fn honest_status(mut response: HttpResponse) -> HttpResponse {
    #[derive(Deserialize)]
    struct Either {
        error: Option<serde::de::IgnoredAny>,
        access_token: Option<serde::de::IgnoredAny>,
    }
    let either = serde_json::from_slice::<Either>(response.body());
    if response.status().is_success()
        && either.is_ok_and(|either| either.error.is_some() && either.access_token.is_none())
    {
        *response.status_mut() = ::http::StatusCode::BAD_REQUEST;
    }
    response
}

pub(super) fn tokens(response: StandardTokenResponse<Extra, BasicTokenType>) -> Answer {
    let scope = response.scopes().map(|scopes| {
        let words: Vec<&str> = scopes.iter().flat_map(|scope| scope.split_ascii_whitespace()).collect();
        words.join(" ")
    });
    Answer::Tokens(Tokens {
        access: Secret::new(response.access_token().secret().clone()),
        expires_in: response.expires_in().map(|life| life.as_secs()),
        refresh: response.refresh_token().map(|token| Secret::new(token.secret().clone())),
        refresh_expires_in: response.extra_fields().refresh_token_expires_in,
        // "Granted as asked" is said by leaving it out; an empty one says nothing else.
        scope: scope.filter(|scope| !scope.is_empty()).map(|scope| words(&scope)),
    })
}

pub(super) fn device_codes(
    response: &StandardDeviceAuthorizationResponse,
) -> Result<DeviceCodes, ExchangeError> {
    let page = response.verification_uri().to_string();
    // A person will open it: nothing but a web page.
    let is_page = |text: &str| text.starts_with("https://") || text.starts_with("http://");
    if !is_page(&page) || page.len() > 2048 {
        return Err(fault(ExchangeFault::Nonsense, "the provider names no web page for the code".to_owned()));
    }
    let complete = response.verification_uri_complete().map(|page| page.secret().clone());
    Ok(DeviceCodes {
        device_code: Secret::new(response.device_code().secret().clone()),
        user_code: words(response.user_code().secret()),
        verification_uri: page,
        verification_uri_complete: complete.filter(|page| is_page(page) && page.len() <= 2048),
        expires_in: response.expires_in().as_secs(),
        interval: response.interval().as_secs(),
    })
}

/// The other way: for the crate's own polling.
pub(super) fn as_the_crate_has_them(
    codes: &DeviceCodes,
) -> Result<StandardDeviceAuthorizationResponse, ExchangeError> {
    serde_json::from_value(serde_json::json!({
        "device_code": codes.device_code.expose(),
        "user_code": codes.user_code,
        "verification_uri": codes.verification_uri,
        "expires_in": codes.expires_in,
        "interval": codes.interval,
    }))
    .map_err(|_| fault(ExchangeFault::Nonsense, "the device codes are not usable".to_owned()))
}

/// How long the codes can be asked about.
pub(super) fn lifetime(codes: &DeviceCodes) -> Duration {
    Duration::from_secs(codes.expires_in).min(LONGEST_POLL)
}

/// RFC 7009: 200, also for a token that was unknown.
pub(super) fn revoked(response: &HttpResponse) -> Result<Answer, ExchangeError> {
    if response.status().is_success() {
        return Ok(Answer::Revoked);
    }
    match serde_json::from_slice::<StandardErrorResponse<oauth2::basic::BasicErrorResponseType>>(
        response.body(),
    ) {
        Ok(error) => Err(refused(error.error().as_ref(), error.error_description().map(String::as_str))),
        Err(_) => {
            let text = format!("the provider refused with HTTP status {}", response.status().as_u16());
            Err(fault(ExchangeFault::Nonsense, text))
        }
    }
}

/// What a failure of the crate means.
pub(super) fn error<E: Spoken>(error: RequestTokenError<ExchangeError, E>) -> ExchangeError {
    match error {
        RequestTokenError::Request(error) => error,
        RequestTokenError::ServerResponse(error) => {
            let (code, description) = error.spoken();
            refused(&code, description.as_deref())
        }
        // Neither the body nor the parser's words: both may hold a token.
        RequestTokenError::Parse(error, _) => {
            let path = words(&error.path().to_string());
            let text = format!("the provider's answer is not one of OAuth 2.0 (at \"{path}\")");
            fault(ExchangeFault::Nonsense, text)
        }
        RequestTokenError::Other(_) => {
            fault(ExchangeFault::Nonsense, "the provider's answer is not one of OAuth 2.0".to_owned())
        }
    }
}

/// An error response, whatever its set of codes.
pub(super) trait Spoken: ErrorResponse + 'static {
    /// The code, and the provider's words.
    fn spoken(&self) -> (String, Option<String>);
}

impl Spoken for oauth2::basic::BasicErrorResponse {
    fn spoken(&self) -> (String, Option<String>) {
        (self.error().as_ref().to_owned(), self.error_description().cloned())
    }
}

impl Spoken for DeviceCodeErrorResponse {
    fn spoken(&self) -> (String, Option<String>) {
        (self.error().as_ref().to_owned(), self.error_description().cloned())
    }
}

/// An error of OAuth 2.0, with the code that says most.
fn refused(error: &str, description: Option<&str>) -> ExchangeError {
    let (error, description) = (words(error), words(description.unwrap_or_default()));
    let kind = match error.as_str() {
        "temporarily_unavailable" | "server_error" | "slow_down" => ExchangeFault::Busy,
        // Microsoft's word for its own troubles, which pass.
        _ if aadsts(&description) == Some("AADSTS90033") => ExchangeFault::Busy,
        _ => ExchangeFault::Refused,
    };
    let code = aadsts(&description).unwrap_or(&error).to_owned();
    let text = if description.is_empty() {
        format!("the provider refused: {error}")
    } else {
        format!("the provider refused: {error}: {description}")
    };
    ExchangeError { kind, code, error, text, retry_after: None }
}

/// Microsoft's own code, which its description begins with.
fn aadsts(description: &str) -> Option<&str> {
    let begin = description.find("AADSTS")?;
    let rest = &description[begin..];
    let end = rest[6..].find(|c: char| !c.is_ascii_digit()).map_or(rest.len(), |end| end + 6);
    (end > 6 && end <= 16).then(|| &rest[..end])
}

/// Text from outside in one line of bounded length.
pub(super) fn words(text: &str) -> String {
    let one_line = text.chars().map(|c| if c.is_control() { ' ' } else { c });
    one_line.take(MAX_WORDS).collect::<String>().trim().to_owned()
}

/// Providers repeat in their errors what they were sent: what is secret of it is taken out.
pub(super) fn redact(mut error: ExchangeError, secrets: &[Secret]) -> ExchangeError {
    for secret in secrets.iter().filter(|secret| !secret.is_empty()) {
        for text in [&mut error.text, &mut error.code, &mut error.error] {
            if text.contains(secret.expose()) {
                *text = text.replace(secret.expose(), "***");
            }
        }
        // The end of a cut-off text may hold its beginning.
        let beginning: String = secret.expose().chars().take(12).collect();
        if beginning.len() >= 12
            && let Some(at) = error.text.find(&beginning)
        {
            error.text.truncate(at);
            error.text.push_str("***");
        }
    }
    error
}
