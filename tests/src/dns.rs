//! A name server in this process, over UDP: answers with the records a test gives it, and remembers what it was asked for.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::net::UdpSocket;
use tokio::task::JoinHandle;

/// One record; its name is beside it.
#[derive(Clone, Debug)]
pub enum Record {
    /// An address.
    A(Ipv4Addr),
    /// A mail host, with its preference.
    Mx(u16, &'static str),
    /// A service: priority, weight, port, host.
    Srv(u16, u16, u16, &'static str),
}

/// A running server; dropped, it ends.
pub struct DnsServer {
    address: SocketAddr,
    asked: Arc<Mutex<Vec<String>>>,
    task: JoinHandle<()>,
}

impl DnsServer {
    /// Listens on a free port of the loopback. Names are without the dot of the root; what is not there does not exist.
    ///
    /// # Panics
    /// There is no free port.
    pub async fn start(records: &[(&str, Record)]) -> Self {
        let socket = UdpSocket::bind("127.0.0.1:0").await.expect("a free port");
        let address = socket.local_addr().expect("an address");
        let asked = Arc::new(Mutex::new(Vec::new()));
        let records: Vec<_> =
            records.iter().map(|(name, record)| ((*name).to_owned(), record.clone())).collect();
        let told = asked.clone();
        let task = tokio::spawn(async move {
            let mut buffer = [0; 1500];
            while let Ok((length, peer)) = socket.recv_from(&mut buffer).await {
                if let Some((answer, question)) = answer(&buffer[..length], &records) {
                    told.lock().unwrap_or_else(PoisonError::into_inner).push(question);
                    let _ = socket.send_to(&answer, peer).await;
                }
            }
        });
        Self { address, asked, task }
    }

    /// ADDRESS:PORT.
    #[must_use]
    pub fn address(&self) -> String {
        self.address.to_string()
    }

    /// The names that were asked for, in order.
    #[must_use]
    pub fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Drop for DnsServer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

fn answer(query: &[u8], records: &[(String, Record)]) -> Option<(Vec<u8>, String)> {
    let (mut at, mut labels) = (12, Vec::new());
    loop {
        let length = usize::from(*query.get(at)?);
        at += 1;
        if length == 0 {
            break;
        }
        labels.push(String::from_utf8_lossy(query.get(at..at + length)?).to_lowercase());
        at += length;
    }
    let name = labels.join(".");
    let kind = u16::from_be_bytes([*query.get(at)?, *query.get(at + 1)?]);
    let question = query.get(12..at + 4)?;
    let of_name: Vec<_> = records.iter().filter(|(known, _)| *known == name).collect();
    let answers: Vec<_> = of_name.iter().filter_map(|(_, record)| data(record, kind)).collect();

    let code = if of_name.is_empty() { 3 } else { 0 };
    let mut bytes = query.get(..2)?.to_vec();
    // An answer of a recursive server; one question, no authorities.
    bytes.extend([0x81, 0x80 | code, 0, 1, 0, u8::try_from(answers.len()).ok()?, 0, 0, 0, 0]);
    bytes.extend(question);
    for data in answers {
        // The name of the question, by a pointer; class IN, a minute.
        bytes.extend([0xc0, 12]);
        bytes.extend(kind.to_be_bytes());
        bytes.extend([0, 1, 0, 0, 0, 60]);
        bytes.extend(u16::try_from(data.len()).ok()?.to_be_bytes());
        bytes.extend(data);
    }
    Some((bytes, name))
}

/// The record's data, if it is of this kind.
fn data(record: &Record, kind: u16) -> Option<Vec<u8>> {
    match (record, kind) {
        (Record::A(address), 1) => Some(address.octets().to_vec()),
        (Record::Mx(preference, host), 15) => Some([&preference.to_be_bytes()[..], &wire(host)].concat()),
        (Record::Srv(priority, weight, port, host), 33) => {
            let numbers = [priority, weight, port].map(|number| number.to_be_bytes()).concat();
            Some([numbers, wire(host)].concat())
        }
        _ => None,
    }
}

fn wire(name: &str) -> Vec<u8> {
    let labels = name.split('.').filter(|label| !label.is_empty());
    let mut bytes: Vec<u8> = labels
        .flat_map(|label| std::iter::once(u8::try_from(label.len()).expect("a label")).chain(label.bytes()))
        .collect();
    bytes.push(0);
    bytes
}
