//! What the provider knows: codes, tokens and which of them are still good; and what it answers.

use std::collections::{HashMap, HashSet};
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use sha2::{Digest as _, Sha256};
use tokio::sync::watch;

use super::CLIENT_ID;
use super::http::error_body;
use super::script::{At, Fault, Script};

/// Pairs of a form or query.
type Pairs = Vec<(String, String)>;
/// Status, header lines, body.
type Reply = (u16, String, String);

/// What becomes of a refresh token that was used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rotation {
    /// It stays good, and no new one is given.
    Never,
    /// There is a new one; the old one stays good until that is used.
    UntilNewIsUsed,
    /// There is a new one at once; who comes with the old one has stolen it, and everything ends.
    Strict,
}

/// A request.
#[derive(Clone, Debug)]
pub struct Asked {
    /// GET or POST.
    pub method: String,
    /// Without query.
    pub path: String,
    /// Without question mark.
    pub query: String,
    /// As it came.
    pub body: String,
    /// Header field, as it came.
    pub authorization: String,
}

pub(super) struct Settings {
    pub(super) secret: Option<String>,
    pub(super) life: i64,
    pub(super) rotation: Rotation,
    pub(super) refresh: bool,
    pub(super) granted: Option<String>,
    pub(super) refresh_life: Option<i64>,
    pub(super) script: Script,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            secret: None,
            life: 3600,
            rotation: Rotation::Strict,
            refresh: true,
            granted: None,
            refresh_life: None,
            script: Script::default(),
        }
    }
}

pub(super) struct State {
    pub(super) settings: Settings,
    pub(super) asked: Vec<Asked>,
    pub(super) secrets: Vec<String>,
    pub(super) stalls: watch::Sender<usize>,
    codes: HashMap<String, Code>,
    devices: HashMap<String, Device>,
    access: HashMap<String, (u32, Instant)>,
    refresh: HashMap<String, Refresh>,
    ended: HashSet<u32>,
    grants: u32,
    issued: u32,
}

struct Code {
    challenge: String,
    redirect: String,
    scope: String,
}

struct Device {
    user_code: String,
    scope: String,
    decided: Option<bool>,
}

struct Refresh {
    grant: u32,
    scope: String,
    /// A new one was given for it.
    used: bool,
    /// The one before.
    parent: Option<String>,
}

impl Asked {
    /// A parameter of the form.
    #[must_use]
    pub fn form(&self, name: &str) -> Option<&str> {
        // Kept whole in `body`; forms of tests are small.
        let pair = self.body.split('&').find(|pair| pair.split('=').next() == Some(name))?;
        let value = pair.split_once('=')?.1;
        // Only values without escapes are asked for by reference.
        Some(value)
    }

    /// A parameter of the form, decoded.
    #[must_use]
    pub fn value(&self, name: &str) -> Option<String> {
        pairs(&self.body).into_iter().find(|(known, _)| known == name).map(|(_, value)| value)
    }

    pub(super) fn plain(&self) -> String {
        pairs(&self.body).into_iter().map(|(_, value)| value).collect::<Vec<_>>().join(" ")
    }
}

impl State {
    pub(super) fn new(settings: Settings) -> Self {
        Self {
            settings,
            asked: Vec::new(),
            secrets: Vec::new(),
            stalls: watch::Sender::new(0),
            codes: HashMap::new(),
            devices: HashMap::new(),
            access: HashMap::new(),
            refresh: HashMap::new(),
            ended: HashSet::new(),
            grants: 0,
            issued: 0,
        }
    }

    pub(super) fn note(&mut self, asked: &Asked) {
        for name in ["code", "code_verifier", "client_secret", "refresh_token", "token", "device_code"] {
            self.secrets.extend(asked.value(name));
        }
        self.asked.push(asked.clone());
    }

    pub(super) fn fault(&mut self, asked: &Asked) -> Option<Fault> {
        let places: &[At] = match asked.path.as_str() {
            "/token" if asked.form("grant_type") == Some("refresh_token") => &[At::Refresh, At::Token],
            "/token" => &[At::Token],
            "/device" => &[At::Device],
            "/revoke" => &[At::Revoke],
            path if path.contains("/.well-known/") => &[At::Metadata],
            _ => &[],
        };
        self.settings.script.next(places)
    }

    pub(super) fn reply(&mut self, asked: &Asked, issuer: &str) -> Reply {
        let ok = |body: serde_json::Value| (200, String::new(), body.to_string());
        let not_found = (404, String::new(), String::new());
        match (asked.method.as_str(), asked.path.as_str()) {
            ("GET", "/.well-known/openid-configuration") => ok(serde_json::json!({
                "issuer": issuer,
                "authorization_endpoint": format!("{issuer}/authorize"),
                "token_endpoint": format!("{issuer}/token"),
                "device_authorization_endpoint": format!("{issuer}/device"),
                "revocation_endpoint": format!("{issuer}/revoke"),
                "scopes_supported": ["mail", "offline_access"],
                "unknown_to_us": { "x": [1, 2] },
            })),
            ("GET", "/authorize") => match self.authorize(&asked.query, true, issuer) {
                Ok(location) => (302, format!("Location: {location}\r\n"), String::new()),
                Err(why) => (400, String::new(), why),
            },
            ("POST", "/token" | "/device" | "/revoke") => {
                let form = pairs(&asked.body);
                if !self.knows(asked, &form) {
                    return (401, String::new(), error_body("invalid_client", "who are you?"));
                }
                let answered = match asked.path.as_str() {
                    "/token" => self.token(&form),
                    "/device" => Ok(self.device(&form, issuer)),
                    _ => Ok(self.revoke(&form)),
                };
                match answered {
                    Ok(body) => ok(body),
                    Err((error, words)) => (400, String::new(), error_body(error, words)),
                }
            }
            _ => not_found,
        }
    }

    /// The authorization request (RFC 6749 section 4.1.1, RFC 7636 section 4.3): where the browser is sent.
    pub(super) fn authorize(&mut self, query: &str, agrees: bool, issuer: &str) -> Result<String, String> {
        let form = pairs(query);
        let wanted = |name: &str| get(&form, name).ok_or_else(|| format!("no {name}"));
        if wanted("response_type")? != "code" || wanted("client_id")? != CLIENT_ID {
            return Err("response_type or client_id is wrong".to_owned());
        }
        if wanted("code_challenge_method")? != "S256" {
            return Err("PKCE with S256 is required".to_owned());
        }
        let (redirect, state) = (wanted("redirect_uri")?, wanted("state")?);
        let encode = |text: &str| url_encode(text);
        let tail = format!("state={}&iss={}", encode(state), encode(issuer));
        if !agrees {
            let words = encode("the person said no");
            return Ok(format!("{redirect}?error=access_denied&error_description={words}&{tail}"));
        }
        let code = self.fresh("code");
        let (challenge, scope) = (wanted("code_challenge")?.to_owned(), wanted("scope")?.to_owned());
        let known = Code { challenge, redirect: redirect.to_owned(), scope };
        self.codes.insert(code.clone(), known);
        Ok(format!("{redirect}?code={}&{tail}", encode(&code)))
    }

    pub(super) fn decide_device(&mut self, user_code: &str, agrees: bool) {
        let device = self.devices.values_mut().find(|device| device.user_code == user_code);
        device.expect("a code that was given").decided = Some(agrees);
    }

    pub(super) fn accepts(&self, token: &str) -> bool {
        self.access
            .get(token)
            .is_some_and(|(grant, until)| !self.ended.contains(grant) && Instant::now() < *until)
    }

    pub(super) fn end_access_tokens(&mut self) {
        self.access.clear();
    }

    pub(super) fn revoke_all(&mut self) {
        self.ended.extend(0..=self.grants);
    }

    fn knows(&self, asked: &Asked, form: &Pairs) -> bool {
        let by_form = || {
            let secret = get(form, "client_secret");
            get(form, "client_id") == Some(CLIENT_ID) && secret == self.settings.secret.as_deref()
        };
        let Some(basic) = asked.authorization.strip_prefix("Basic ") else { return by_form() };
        let decoded = STANDARD.decode(basic).ok().and_then(|bytes| String::from_utf8(bytes).ok());
        let Some((id, secret)) = decoded.as_deref().and_then(|text| text.split_once(':')) else {
            return false;
        };
        url_decode(id) == CLIENT_ID && Some(url_decode(secret)) == self.settings.secret
    }

    fn token(&mut self, form: &Pairs) -> Result<serde_json::Value, (&'static str, &'static str)> {
        let wanted = |name: &'static str| get(form, name).ok_or(("invalid_request", name));
        match wanted("grant_type")? {
            "authorization_code" => {
                let code = self.codes.remove(wanted("code")?).ok_or(("invalid_grant", "no such code"))?;
                let challenge = URL_SAFE_NO_PAD.encode(Sha256::digest(wanted("code_verifier")?));
                if challenge != code.challenge || wanted("redirect_uri")? != code.redirect {
                    return Err(("invalid_grant", "another verifier or redirect"));
                }
                self.grants += 1;
                Ok(self.issue(self.grants, &code.scope, None, true))
            }
            "refresh_token" => self.rotate(wanted("refresh_token")?, get(form, "scope")),
            "client_credentials" => {
                self.grants += 1;
                Ok(self.issue(self.grants, wanted("scope")?, None, false))
            }
            "urn:ietf:params:oauth:grant-type:device_code" => {
                let code = wanted("device_code")?;
                let device = self.devices.get(code).ok_or(("expired_token", "no such code"))?;
                match device.decided {
                    None => Err(("authorization_pending", "")),
                    Some(false) => Err(("access_denied", "the person said no")),
                    Some(true) => {
                        let scope = self.devices.remove(code).map(|device| device.scope).unwrap_or_default();
                        self.grants += 1;
                        Ok(self.issue(self.grants, &scope, None, true))
                    }
                }
            }
            _ => Err(("unsupported_grant_type", "")),
        }
    }

    fn rotate(
        &mut self,
        token: &str,
        scope: Option<&str>,
    ) -> Result<serde_json::Value, (&'static str, &'static str)> {
        let Some(known) = self.refresh.get(token) else { return Err(("invalid_grant", "no such token")) };
        let (grant, granted, used) = (known.grant, known.scope.clone(), known.used);
        if self.ended.contains(&grant) {
            return Err(("invalid_grant", "AADSTS50173: the grant was revoked"));
        }
        // RFC 6749 section 6.
        if scope.unwrap_or_default().split(' ').any(|word| !word.is_empty() && !granted.contains(word)) {
            return Err(("invalid_scope", "more than was granted"));
        }
        match self.settings.rotation {
            Rotation::Never => Ok(self.issue(grant, &granted, None, false)),
            Rotation::Strict if used => {
                self.ended.insert(grant);
                Err(("invalid_grant", "the token was used before: everything is revoked"))
            }
            rotation => {
                if rotation == Rotation::UntilNewIsUsed
                    && let Some(parent) = self.refresh.get(token).and_then(|known| known.parent.clone())
                {
                    self.refresh.remove(&parent);
                }
                if let Some(known) = self.refresh.get_mut(token) {
                    known.used = true;
                }
                Ok(self.issue(grant, &granted, Some(token.to_owned()), true))
            }
        }
    }

    fn issue(&mut self, grant: u32, scope: &str, parent: Option<String>, refresh: bool) -> serde_json::Value {
        let scope = self.settings.granted.clone().unwrap_or_else(|| scope.to_owned());
        let access = self.fresh("access");
        let life = self.settings.life;
        let until = Instant::now() + Duration::from_secs(life.max(0).unsigned_abs().max(60));
        self.access.insert(access.clone(), (grant, until));
        let mut body = serde_json::json!({
            "access_token": access,
            "token_type": "Bearer",
            "expires_in": life,
            "scope": scope,
            "ext_expires_in": 7,
        });
        if refresh && self.settings.refresh {
            let token = self.fresh("refresh");
            self.refresh.insert(token.clone(), Refresh { grant, scope, used: false, parent });
            body["refresh_token"] = token.into();
            if let Some(life) = self.settings.refresh_life {
                body["refresh_token_expires_in"] = life.into();
            }
        }
        body
    }

    fn device(&mut self, form: &Pairs, issuer: &str) -> serde_json::Value {
        let code = self.fresh("device");
        let user_code = format!("FAX-{:04}", self.issued);
        let scope = get(form, "scope").unwrap_or_default().to_owned();
        let device = Device { user_code: user_code.clone(), scope, decided: None };
        self.devices.insert(code.clone(), device);
        serde_json::json!({
            "device_code": code,
            "user_code": user_code,
            "verification_uri": format!("{issuer}/activate"),
            "verification_uri_complete": format!("{issuer}/activate?code={user_code}"),
            "expires_in": 600,
            "interval": 1,
        })
    }

    fn revoke(&mut self, form: &Pairs) -> serde_json::Value {
        let token = get(form, "token").unwrap_or_default();
        let grant = self.refresh.get(token).map(|known| known.grant);
        self.ended.extend(grant.or_else(|| self.access.get(token).map(|(grant, _)| *grant)));
        serde_json::json!({})
    }

    /// Long enough to be found where it should not be, and no word of anything else.
    fn fresh(&mut self, kind: &str) -> String {
        self.issued += 1;
        let random = uuid::Uuid::new_v4().simple().to_string();
        let text = format!("{kind}.{}~{random}", self.issued);
        self.secrets.push(text.clone());
        text
    }
}

fn get<'a>(pairs: &'a Pairs, name: &str) -> Option<&'a str> {
    pairs.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
}

fn pairs(text: &str) -> Pairs {
    let pair = |pair: &str| {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        (url_decode(name), url_decode(value))
    };
    text.split('&').filter(|part| !part.is_empty()).map(pair).collect()
}

/// application/x-www-form-urlencoded, done by hand: an independent reader of what the daemon's crates write.
fn url_decode(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let escaped = (bytes[at] == b'%')
            .then(|| bytes.get(at + 1..at + 3))
            .flatten()
            .and_then(|digits| std::str::from_utf8(digits).ok())
            .and_then(|digits| u8::from_str_radix(digits, 16).ok());
        match escaped {
            Some(byte) => {
                out.push(byte);
                at += 3;
            }
            None => {
                out.push(if bytes[at] == b'+' { b' ' } else { bytes[at] });
                at += 1;
            }
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

fn url_encode(text: &str) -> String {
    text.bytes()
        .map(|byte| match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' => char::from(byte).to_string(),
            byte => format!("%{byte:02X}"),
        })
        .collect()
}
