//! A web server over HTTPS in this process: fixed answers by host and path, and a memory of what was asked for.

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio::task::{JoinHandle, JoinSet};

use crate::smtp::Identity;

/// An answer: status, more header lines (each with its line end), body. ":PORT" in the lines is the server's own.
pub type Page = (u16, String, String);

/// A running server; dropped, it ends.
pub struct WebServer {
    address: SocketAddr,
    asked: Arc<Mutex<Vec<String>>>,
    task: JoinHandle<()>,
}

impl WebServer {
    /// Listens on a free port of the loopback. `pages`: "HOST/PATH" and its answer; everything else is 404.
    ///
    /// # Panics
    /// There is no free port.
    pub async fn start(identity: &Identity, mut pages: Vec<(String, Page)>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("an address");
        for (_, (_, headers, _)) in &mut pages {
            *headers = headers.replace(":PORT", &format!(":{}", address.port()));
        }
        let (acceptor, pages) = (identity.acceptor(), Arc::new(pages));
        let asked = Arc::new(Mutex::new(Vec::new()));
        let told = asked.clone();
        let task = tokio::spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                let (acceptor, pages, told) = (acceptor.clone(), pages.clone(), told.clone());
                connections.spawn(async move {
                    // Whoever does not like our certificate hangs up.
                    if let Ok(stream) = acceptor.accept(stream).await {
                        let _ = serve(stream, &pages, &told).await;
                    }
                });
            }
        });
        Self { address, asked, task }
    }

    /// The port alone.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.address.port()
    }

    /// Every request's head, whole.
    #[must_use]
    pub fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Drop for WebServer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn serve(
    mut stream: impl AsyncRead + AsyncWrite + Unpin,
    pages: &[(String, Page)],
    asked: &Mutex<Vec<String>>,
) -> io::Result<()> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") && head.len() < 16_384 {
        head.push(stream.read_u8().await?);
    }
    let head = String::from_utf8_lossy(&head).into_owned();
    let path = head.split(' ').nth(1).unwrap_or_default().to_owned();
    let host =
        head.lines().find_map(|line| line.to_ascii_lowercase().strip_prefix("host:").map(str::to_owned));
    let host = host.unwrap_or_default();
    let host = host.trim().split(':').next().unwrap_or_default();
    let wanted = format!("{host}{path}");
    asked.lock().unwrap_or_else(PoisonError::into_inner).push(head.clone());
    let page = pages.iter().find(|(known, _)| *known == wanted).map(|(_, page)| page.clone());
    let (status, headers, body) = page.unwrap_or((404, String::new(), "nothing here".to_owned()));
    let length = body.len();
    let answer = format!(
        "HTTP/1.1 {status} Said\r\nContent-Type: text/xml\r\nConnection: close\r\nContent-Length: {length}\r\n{headers}\r\n{body}"
    );
    stream.write_all(answer.as_bytes()).await?;
    stream.shutdown().await
}
