//! The loopback redirect (RFC 8252 section 7.3): a listener that answers one request, from this machine only.
//!
//! Anybody on the machine, and any page in a browser on it, can send something here. So what is read is bounded in size
//! and time, and nothing ends the wait but a GET of our path with the state of this very sign-in: whatever else comes
//! is sent away. A browser that connects in advance and says nothing does no harm.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::page::{Page, language_of};
use super::query;
use crate::advice::Language;

/// Bytes of a request's head. The daemon takes a query of 8192; the rest is cookies and the like.
const LONGEST_HEAD: usize = 32 * 1024;

/// For a whole request's head, and for an answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// Connections looked at at once. Browsers open two or three.
const MOST_CONNECTIONS: usize = 16;

/// Where the provider sends the browser: always to this machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Redirect {
    host: &'static str,
    /// 0: a free one.
    port: u16,
    /// With its slash; empty: none.
    path: String,
}

impl Default for Redirect {
    /// `http://127.0.0.1:PORT/callback`, as RFC 8252 has it.
    fn default() -> Self {
        Self { host: "127.0.0.1", port: 0, path: "/callback".to_owned() }
    }
}

/// This is no address to send a browser back to.
#[derive(Debug, thiserror::Error)]
#[error(
    "a redirect is http://127.0.0.1, http://[::1] or http://localhost, with or without a port and a path"
)]
pub struct NoRedirect;

impl Redirect {
    /// `http://localhost:PORT`, what some registrations are limited to (Microsoft's, Mail.ru's).
    #[must_use]
    pub fn localhost() -> Self {
        Self { host: "localhost", port: 0, path: String::new() }
    }

    /// The one that fits registrations with the provider of this profile, unless the registration says otherwise.
    #[must_use]
    pub fn of_profile(profile: &str) -> Self {
        if matches!(profile, "microsoft" | "mailru") { Self::localhost() } else { Self::default() }
    }

    /// As it was registered: without a port, a free one is taken.
    ///
    /// # Errors
    /// It does not lead to this machine, or is no address.
    pub fn parse(address: &str) -> Result<Self, NoRedirect> {
        let rest = address.strip_prefix("http://").ok_or(NoRedirect)?;
        let (authority, path) = rest.find('/').map_or((rest, ""), |at| rest.split_at(at));
        let (host, port) = ["127.0.0.1", "[::1]", "localhost"]
            .into_iter()
            .find_map(|host| Some((host, authority.strip_prefix(host)?)))
            .ok_or(NoRedirect)?;
        let port = match port.strip_prefix(':') {
            Some(port) if port.bytes().all(|byte| byte.is_ascii_digit()) => {
                port.parse::<u16>().ok().filter(|port| *port > 0).ok_or(NoRedirect)?
            }
            None if port.is_empty() => 0,
            _ => return Err(NoRedirect),
        };
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/-._~".contains(&byte);
        if path.len() > 256 || !path.bytes().all(is_plain) {
            return Err(NoRedirect);
        }
        Ok(Self { host, port, path: path.to_owned() })
    }
}

/// Waits for the browser.
#[derive(Debug)]
pub struct Loopback {
    listeners: Vec<TcpListener>,
    redirect: Redirect,
}

impl Loopback {
    /// Listens on the loopback.
    ///
    /// # Errors
    /// The port is taken, or there is no loopback.
    pub async fn bind(redirect: &Redirect) -> io::Result<Self> {
        let v6 = IpAddr::V6(Ipv6Addr::LOCALHOST);
        let first = if redirect.host == "[::1]" { v6 } else { IpAddr::V4(Ipv4Addr::LOCALHOST) };
        let listener = TcpListener::bind(SocketAddr::new(first, redirect.port)).await?;
        let port = listener.local_addr()?.port();
        let mut listeners = vec![listener];
        if redirect.host == "localhost" {
            // A browser may try that one first; a machine without it has no such browser.
            listeners.extend(TcpListener::bind(SocketAddr::new(v6, port)).await);
        }
        Ok(Self { listeners, redirect: Redirect { port, ..redirect.clone() } })
    }

    /// The address for the provider.
    #[must_use]
    pub fn redirect_uri(&self) -> String {
        let Redirect { host, port, path } = &self.redirect;
        format!("http://{host}:{port}{path}")
    }

    /// Waits for the browser that comes back with this state. The listener is closed then: there is no second one.
    /// `otherwise`: the page's language for a browser that asks for none of ours.
    ///
    /// # Errors
    /// The system's, when it lets nobody in any more.
    pub async fn visit(self, state: Option<&str>, otherwise: Language) -> io::Result<Visit> {
        let mut readers = JoinSet::new();
        loop {
            tokio::select! {
                accepted = accept(&self.listeners), if readers.len() < MOST_CONNECTIONS => {
                    readers.spawn(timeout(PATIENCE, read_head(accepted?)));
                }
                Some(read) = readers.join_next() => {
                    let Ok(Ok(Ok((stream, head)))) = read else { continue };
                    let language = header(&head, "accept-language")
                        .map_or(otherwise, |accepted| language_of(accepted, otherwise));
                    match self.wanted(&head, state) {
                        Some(query) => return Ok(Visit { stream, query: query.to_owned(), language }),
                        // Not awaited here: who does not read must not keep the right one waiting.
                        None => drop(tokio::spawn(reply(stream, Page::NotHere, language))),
                    }
                }
            }
        }
    }

    /// The query, if this is the request that is waited for.
    fn wanted<'a>(&self, head: &'a str, state: Option<&str>) -> Option<&'a str> {
        let target = head.split("\r\n").next()?.strip_prefix("GET ")?.strip_suffix(" HTTP/1.1")?;
        let (path, query) = target.split_once('?')?;
        let expected = if self.redirect.path.is_empty() { "/" } else { &self.redirect.path };
        // A page of another site that had its name resolved to here would send that name.
        let host = header(head, "host")?;
        let ours = format!("{}:{}", self.redirect.host, self.redirect.port);
        let is_ours = path == expected && host.eq_ignore_ascii_case(&ours);
        (is_ours && (state.is_none() || query::value_of(query, "state").as_deref() == state)).then_some(query)
    }
}

/// The browser came back, and waits for its page.
#[derive(Debug)]
pub struct Visit {
    stream: TcpStream,
    query: String,
    language: Language,
}

impl Visit {
    /// What it brought, as it came.
    #[must_use]
    pub fn query(&self) -> &str {
        &self.query
    }

    /// Tells the person there how it went. Whether that arrives changes nothing.
    pub async fn reply(self, signed_in: bool) {
        let page = if signed_in { Page::SignedIn } else { Page::Failed };
        reply(self.stream, page, self.language).await;
    }
}

async fn accept(listeners: &[TcpListener]) -> io::Result<TcpStream> {
    let accepted = std::future::poll_fn(|context| {
        let ready = listeners.iter().find_map(|listener| match listener.poll_accept(context) {
            std::task::Poll::Ready(accepted) => Some(accepted),
            std::task::Poll::Pending => None,
        });
        ready.map_or(std::task::Poll::Pending, std::task::Poll::Ready)
    });
    accepted.await.map(|(stream, _)| stream)
}

/// Up to the empty line. A body would stay unread: a GET has none.
async fn read_head(mut stream: TcpStream) -> io::Result<(TcpStream, String)> {
    let mut bytes = Vec::new();
    loop {
        if let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
            bytes.truncate(end);
            let head = String::from_utf8(bytes).map_err(|_| io::ErrorKind::InvalidData)?;
            return Ok((stream, head));
        }
        if bytes.len() >= LONGEST_HEAD || stream.read_buf(&mut bytes).await? == 0 {
            return Err(io::ErrorKind::InvalidData.into());
        }
    }
}

/// The value of the field of this name.
fn header<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    head.split("\r\n").skip(1).find_map(|line| {
        let (its, value) = line.split_once(':')?;
        its.eq_ignore_ascii_case(name).then(|| value.trim())
    })
}

async fn reply(mut stream: TcpStream, page: Page, language: Language) {
    let answer = async {
        stream.write_all(page.response(language).as_bytes()).await?;
        stream.shutdown().await?;
        // Closed with something unread, the answer could be lost on its way.
        let mut rest = [0; 1024];
        while stream.read(&mut rest).await? > 0 {}
        io::Result::Ok(())
    };
    let _ = timeout(PATIENCE, answer).await;
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    async fn get(port: u16, request: &str) -> String {
        let mut stream = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        answer
    }

    fn request(port: u16, target: &str, more: &str) -> String {
        format!("GET {target} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n{more}\r\n")
    }

    #[tokio::test]
    async fn b2_only_the_browser_that_comes_back_from_this_sign_in_is_taken() {
        let loopback = Loopback::bind(&Redirect::default()).await.unwrap();
        let port = loopback.redirect.port;
        assert_eq!(loopback.redirect_uri(), format!("http://127.0.0.1:{port}/callback"));
        let waiting = tokio::spawn(loopback.visit(Some("right state"), Language::En));
        // One that says nothing, as browsers do in advance.
        let silent = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
        let right = "/callback?code=a%20b&state=right+state";
        for other in [
            request(port, "/callback?code=x&state=wrong", ""),
            request(port, "/callback?code=x", ""),
            request(port, "/callback", ""),
            request(port, "/favicon.ico?state=right+state", ""),
            request(port, right, "").replace("GET ", "POST "),
            request(port, right, "").replace("127.0.0.1:", "evil.example:"),
            request(port, right, "").replace("Host:", "X-Host:"),
        ] {
            let answer = get(port, &other).await;
            assert!(answer.starts_with("HTTP/1.1 404 "), "{other} {answer}");
            assert!(!answer.contains("right") && !answer.contains("wrong"), "nothing is repeated: {answer}");
        }
        let browser =
            tokio::spawn(async move { get(port, &request(port, right, "Accept-Language: ru\r\n")).await });
        let visit = waiting.await.unwrap().unwrap();
        assert_eq!(visit.query(), "code=a%20b&state=right+state");
        // There is no second one.
        assert!(TcpStream::connect(("127.0.0.1", port)).await.is_err());
        visit.reply(true).await;
        let page = browser.await.unwrap();
        assert!(page.starts_with("HTTP/1.1 200 OK\r\n") && page.contains("можно закрыть"), "{page}");
        drop(silent);
    }

    #[tokio::test]
    async fn b2_what_is_too_long_or_no_http_does_not_end_the_wait() {
        let loopback = Loopback::bind(&Redirect::localhost()).await.unwrap();
        let port = loopback.redirect.port;
        assert_eq!(loopback.redirect_uri(), format!("http://localhost:{port}"));
        let waiting = tokio::spawn(loopback.visit(None, Language::En));
        for other in [vec![b'x'; LONGEST_HEAD + 1], b"\xff\r\n\r\n".to_vec(), b"GET /?a\r\n\r\n".to_vec()] {
            let mut stream = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
            // It may hang up before all was written.
            let _ = stream.write_all(&other).await;
            let mut answer = Vec::new();
            let _ = stream.read_to_end(&mut answer).await;
            assert!(!answer.starts_with(b"HTTP/1.1 200"));
        }
        let request = format!("GET /?error=access_denied HTTP/1.1\r\nhost: LocalHost:{port}\r\n\r\n");
        let browser = tokio::spawn(async move { get(port, &request).await });
        let visit = waiting.await.unwrap().unwrap();
        assert_eq!(visit.query(), "error=access_denied");
        visit.reply(false).await;
        assert!(browser.await.unwrap().contains("did not work"));
    }

    #[test]
    fn b2_a_redirect_leads_to_this_machine_only() {
        let parsed =
            |address| Redirect::parse(address).ok().map(|found| (found.host, found.port, found.path));
        assert_eq!(parsed("http://localhost"), Some(("localhost", 0, String::new())));
        assert_eq!(parsed("http://127.0.0.1:8400/x/y"), Some(("127.0.0.1", 8400, "/x/y".to_owned())));
        assert_eq!(parsed("http://[::1]/"), Some(("[::1]", 0, "/".to_owned())));
        for bad in [
            "https://localhost",
            "http://localhost.example",
            "http://localhost@example.org",
            "http://127.0.0.1:",
            "http://127.0.0.1:0",
            "http://127.0.0.1:+80",
            "http://127.0.0.1:65536",
            "http://localhost/a?b",
            "http://localhost/\r\n",
            "http://10.0.0.1",
            "localhost",
            "",
        ] {
            assert_eq!(parsed(bad), None, "{bad}");
        }
        assert_eq!(Redirect::of_profile("microsoft"), Redirect::localhost());
        assert_eq!(Redirect::of_profile("google"), Redirect::default());
    }

    proptest! {
        #[test]
        fn b2_no_head_does_harm(head in "(GET /callback[?]\\PC{0,60} HTTP/1.1\r\n)?\\PC{0,80}(\r\nHost:\\PC{0,20}){0,2}") {
            let loopback = Loopback { listeners: Vec::new(), redirect: Redirect { port: 1, ..Redirect::default() } };
            if let Some(query) = loopback.wanted(&head, Some("s")) {
                prop_assert!(query.contains("state=s"));
            }
            let _ = Redirect::parse(&head);
        }
    }
}
