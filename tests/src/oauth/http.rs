//! As much of HTTP/1.1 as a provider needs: one request, one answer, and the connection closed.

use std::io;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};

use super::lock;
use super::script::Fault;
use super::state::{Asked, State};

const LONGEST: usize = 64 * 1024;

pub(super) async fn answer<S>(mut stream: S, issuer: String, state: Arc<Mutex<State>>)
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let Ok(asked) = read(&mut stream).await else { return };
    let (fault, reply) = {
        let mut state = lock(&state);
        state.note(&asked);
        let fault = state.fault(&asked);
        let done = matches!(fault, None | Some(Fault::StallAfter | Fault::DropAfter));
        let reply = if done { state.reply(&asked, &issuer) } else { (500, String::new(), String::new()) };
        (fault, reply)
    };
    let (status, header, body) = match fault {
        None => reply,
        Some(Fault::Answer(status, body)) => (status, String::new(), body),
        Some(Fault::AnswerWith(status, header, body)) => (status, header, body),
        Some(Fault::Error(error, words)) => (400, String::new(), error_body(error, &words)),
        Some(Fault::Echo(error)) => {
            let all = format!("{} {} {}", asked.body, asked.authorization, asked.plain());
            (400, String::new(), error_body(error, &format!("refused: {all}")))
        }
        Some(Fault::Drop | Fault::DropAfter) => return,
        Some(Fault::Stall | Fault::StallAfter) => {
            lock(&state).stalls.send_modify(|stalls| *stalls += 1);
            // Until the other side or the provider ends.
            let _ = stream.read(&mut [0; 1]).await;
            return;
        }
        Some(Fault::Endless) => {
            let _ =
                stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n{\"x\":\"").await;
            while stream.write_all(&[b'x'; 8192]).await.is_ok() {}
            return;
        }
    };
    let length = body.len();
    let head = format!(
        "HTTP/1.1 {status} Said\r\nContent-Type: application/json\r\nCache-Control: no-store\r\nConnection: close\r\n\
         Content-Length: {length}\r\n{header}\r\n"
    );
    let _ = stream.write_all(format!("{head}{body}").as_bytes()).await;
    let _ = stream.shutdown().await;
}

pub(super) fn error_body(error: &str, words: &str) -> String {
    serde_json::json!({ "error": error, "error_description": words }).to_string()
}

async fn read(stream: &mut (impl AsyncRead + Unpin)) -> io::Result<Asked> {
    let mut bytes = Vec::new();
    let head = loop {
        if let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
            break end;
        }
        more(stream, &mut bytes).await?;
    };
    let text = String::from_utf8_lossy(&bytes[..head]).into_owned();
    let mut lines = text.split("\r\n");
    let mut first = lines.next().unwrap_or_default().split(' ');
    let (method, target) = (first.next().unwrap_or_default(), first.next().unwrap_or_default());
    let header = |name: &str| {
        let line = text.split("\r\n").find(|line| line.to_ascii_lowercase().starts_with(&format!("{name}:")));
        line.and_then(|line| line.split_once(':'))
            .map(|(_, value)| value.trim().to_owned())
            .unwrap_or_default()
    };
    let length = header("content-length").parse().unwrap_or(0);
    while bytes.len() < head + 4 + length {
        more(stream, &mut bytes).await?;
    }
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    Ok(Asked {
        method: method.to_owned(),
        path: path.to_owned(),
        query: query.to_owned(),
        body: String::from_utf8_lossy(&bytes[head + 4..head + 4 + length]).into_owned(),
        authorization: header("authorization"),
    })
}

async fn more(stream: &mut (impl AsyncRead + Unpin), bytes: &mut Vec<u8>) -> io::Result<()> {
    let mut part = [0; 4096];
    let count = stream.read(&mut part).await?;
    if count == 0 || bytes.len() > LONGEST {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    bytes.extend_from_slice(&part[..count]);
    Ok(())
}
