//! An SMTP server that takes a message when it is told to, and not before.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;

use crate::kit::eventually;

/// Listens on a free port of the loopback for as long as the test runs.
pub(crate) struct Gate {
    pub(crate) port: u16,
    open: Arc<Semaphore>,
    waiting: Arc<AtomicUsize>,
}

impl Gate {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let (open, waiting) = (Arc::new(Semaphore::new(0)), Arc::new(AtomicUsize::new(0)));
        let gate = Self { port, open: open.clone(), waiting: waiting.clone() };
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(session(stream, open.clone(), waiting.clone()));
            }
        });
        gate
    }

    /// How many messages were sent here to the final dot.
    pub(crate) fn seen(&self) -> usize {
        self.waiting.load(Ordering::SeqCst)
    }

    /// Waits until a message waits for its answer.
    pub(crate) async fn reached(&self) {
        eventually("the final dot", async || self.seen() > 0).await;
    }

    /// Takes what waits, and everything after it.
    pub(crate) fn open(&self) {
        self.open.add_permits(1000);
    }
}

async fn session(stream: TcpStream, open: Arc<Semaphore>, waiting: Arc<AtomicUsize>) -> std::io::Result<()> {
    let mut stream = BufReader::new(stream);
    stream.write_all(b"220 gate\r\n").await?;
    let mut within = false;
    loop {
        let mut line = Vec::new();
        if stream.read_until(b'\n', &mut line).await? == 0 {
            return Ok(());
        }
        let answer: &[u8] = match (within, line.as_slice()) {
            (true, b".\r\n") => {
                within = false;
                waiting.fetch_add(1, Ordering::SeqCst);
                let Ok(permit) = open.acquire().await else { return Ok(()) };
                permit.forget();
                b"250 taken\r\n"
            }
            (true, _) => continue,
            (false, b"DATA\r\n") => {
                within = true;
                b"354 go on\r\n"
            }
            (false, b"QUIT\r\n") => return stream.write_all(b"221 bye\r\n").await,
            (false, _) => b"250 yes\r\n",
        };
        stream.write_all(answer).await?;
    }
}
