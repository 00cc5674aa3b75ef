//! A mail server that takes everything, keeps nothing, and is faster than whoever sends: for benches of large messages, in which
//! `smtp-sink`, which looks at every byte, would be the slowest of all.

use std::io::{self, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};

use memchr::memmem;

/// What ends a message, and what its first line begins after.
const END: &[u8] = b"\r\n.\r\n";
const LINE_END: &[u8] = b"\r\n";

/// Starts one on a free port of the loopback, for as long as this process lives.
///
/// # Panics
/// There is no port.
#[must_use]
pub fn start() -> u16 {
    let server = TcpListener::bind("127.0.0.1:0").expect("a port of the loopback");
    let port = server.local_addr().expect("its address").port();
    std::thread::spawn(move || {
        for stream in server.incoming().flatten() {
            std::thread::spawn(move || serve(stream));
        }
    });
    port
}

/// Until the client hangs up.
fn serve(mut stream: TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    stream.write_all(b"220 sink\r\n")?;
    let (mut buffer, mut input, mut within) = (vec![0; 256 * 1024], Vec::new(), false);
    loop {
        let count = stream.read(&mut buffer)?;
        if count == 0 {
            return Ok(());
        }
        input.extend_from_slice(&buffer[..count]);
        let mut answers = Vec::new();
        while let Some(answer) = next(&mut input, &mut within) {
            answers.extend_from_slice(answer);
        }
        stream.write_all(&answers)?;
    }
}

/// Takes what is whole from `input`, and gives the answer to it.
fn next(input: &mut Vec<u8>, within: &mut bool) -> Option<&'static [u8]> {
    if *within {
        return match memmem::find(input, END) {
            Some(at) => {
                input.drain(..at + END.len());
                *within = false;
                Some(b"250 taken\r\n")
            }
            None => {
                // The end may be cut in two.
                input.drain(..input.len().saturating_sub(END.len() - 1));
                None
            }
        };
    }
    let end = memmem::find(input, LINE_END)?;
    let line: Vec<u8> = input.drain(..end + LINE_END.len()).collect();
    Some(match line.as_slice() {
        b"DATA\r\n" => {
            *within = true;
            // A message may be nothing but its end.
            input.splice(..0, LINE_END.iter().copied());
            b"354 go on\r\n"
        }
        line if line.starts_with(b"EHLO") => b"250-sink\r\n250-PIPELINING\r\n250 8BITMIME\r\n",
        _ => b"250 yes\r\n",
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What it answers to pieces that are cut like this.
    fn answers(pieces: &[&[u8]]) -> String {
        let (mut input, mut within, mut answers) = (Vec::new(), false, Vec::new());
        for piece in pieces {
            input.extend_from_slice(piece);
            while let Some(answer) = next(&mut input, &mut within) {
                answers.push(std::str::from_utf8(&answer[..3]).unwrap());
            }
        }
        answers.join(" ")
    }

    #[test]
    fn a_message_ends_at_its_dot_wherever_it_is_cut() {
        let whole = b"MAIL FROM:<>\r\nDATA\r\nA: b\r\n\r\n..\r\n.\r\nQUIT\r\n";
        for at in 0..whole.len() {
            let (one, two) = whole.split_at(at);
            assert_eq!(answers(&[one, two]), "250 354 250 250", "{at}");
        }
        assert_eq!(answers(&[b"DATA\r\n", b".\r\n", b"QUIT\r\n"]), "354 250 250");
        assert_eq!(answers(&[b"DATA\r\n.", b"\r\n"]), "354 250");
    }
}
