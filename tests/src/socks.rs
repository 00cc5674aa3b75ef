//! A SOCKS5 proxy (RFC 1928) in this process: lets everybody in, remembers what it was asked for, and connects where the
//! test says, whatever the name is. So a test sees that names are looked up by the proxy, and by nobody else.

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};

/// What the proxy does with a request.
#[derive(Clone, Copy, Debug)]
pub enum Manner {
    /// Connects to this address, whatever was asked for.
    To(SocketAddr),
    /// Answers with this code of RFC 1928 section 6.
    Refuse(u8),
    /// Wants a user name and a password.
    WantsPassword,
    /// Speaks something else.
    Nonsense,
    /// Says nothing.
    Silent,
}

/// A running proxy; dropped, it ends.
pub struct SocksServer {
    address: SocketAddr,
    asked: Arc<Mutex<Vec<String>>>,
    task: JoinHandle<()>,
}

impl SocksServer {
    /// Listens on a free port of the loopback.
    ///
    /// # Panics
    /// There is none.
    pub async fn start(manner: Manner) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("an address");
        let asked = Arc::new(Mutex::new(Vec::new()));
        let told = asked.clone();
        let task = tokio::spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                let told = told.clone();
                connections.spawn(async move {
                    // Whoever hangs up has what he wanted.
                    let _ = serve(stream, manner, &told).await;
                });
            }
        });
        Self { address, asked, task }
    }

    /// HOST:PORT, as an account has it.
    #[must_use]
    pub fn address(&self) -> String {
        self.address.to_string()
    }

    /// The port alone.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.address.port()
    }

    /// "name NAME:PORT" or "address ADDRESS:PORT" of every request.
    #[must_use]
    pub fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Drop for SocksServer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn serve(mut stream: TcpStream, manner: Manner, asked: &Mutex<Vec<String>>) -> io::Result<()> {
    let mut head = [0; 2];
    stream.read_exact(&mut head).await?;
    let mut methods = vec![0; head[1].into()];
    stream.read_exact(&mut methods).await?;
    match manner {
        Manner::Nonsense => return stream.write_all(b"220 mail.example ESMTP\r\n").await,
        Manner::Silent => return stream.read(&mut [0; 1]).await.map(drop),
        Manner::WantsPassword => return stream.write_all(&[5, 0xff]).await,
        Manner::To(_) | Manner::Refuse(_) => stream.write_all(&[5, 0]).await?,
    }
    let mut request = [0; 4];
    stream.read_exact(&mut request).await?;
    let target = match request[3] {
        1 => format!("address {}", Ipv4Addr::from(stream.read_u32().await?)),
        4 => format!("address {}", Ipv6Addr::from(stream.read_u128().await?)),
        _ => {
            let mut name = vec![0; stream.read_u8().await?.into()];
            stream.read_exact(&mut name).await?;
            format!("name {}", String::from_utf8_lossy(&name))
        }
    };
    let port = stream.read_u16().await?;
    asked.lock().unwrap_or_else(PoisonError::into_inner).push(format!("{target}:{port}"));
    let bound = [1, 0, 0, 0, 0, 0, 0];
    match manner {
        Manner::To(server) => {
            let mut server = TcpStream::connect(server).await?;
            stream.write_all(&[&[5, 0, 0][..], &bound].concat()).await?;
            copy_bidirectional(&mut stream, &mut server).await.map(drop)
        }
        Manner::Refuse(code) => stream.write_all(&[&[5, code, 0][..], &bound].concat()).await,
        Manner::WantsPassword | Manner::Nonsense | Manner::Silent => Ok(()),
    }
}
