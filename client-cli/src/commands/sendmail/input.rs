//! Standard input, piece by piece, up to its end or a line with a single dot.

use std::io::{self, Read};

use bytes::Bytes;
use tokio::sync::mpsc::{self, Receiver};

use crate::commands::stream::CHUNK;

/// The pieces; an error is the last one.
pub(super) fn chunks(ignore_dots: bool) -> Receiver<io::Result<Bytes>> {
    let (sender, chunks) = mpsc::channel(1);
    // A read from a terminal or a pipe waits, and nothing else may wait for it.
    std::thread::spawn(move || {
        let mut input = io::stdin().lock();
        let mut end = (!ignore_dots).then(End::default);
        let mut buffer = vec![0; CHUNK];
        loop {
            let read = match input.read(&mut buffer) {
                Ok(0) => return,
                Ok(read) => read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => {
                    // Nobody listens any more? Then nobody needs to know.
                    let _ = sender.blocking_send(Err(error));
                    return;
                }
            };
            let mut chunk = Vec::with_capacity(read + 2);
            let over = match &mut end {
                Some(end) => end.push(&buffer[..read], &mut chunk),
                None => {
                    chunk.extend_from_slice(&buffer[..read]);
                    false
                }
            };
            if !chunk.is_empty() && sender.blocking_send(Ok(chunk.into())).is_err() {
                return;
            }
            if over {
                return;
            }
        }
    });
    chunks
}

/// Finds the line with a single dot, however the input is cut.
#[derive(Default)]
struct End {
    /// What is held back of a line that may be it: nothing, `.` or `.\r`.
    held: &'static [u8],
    inside: bool,
}

impl End {
    /// Hands on what belongs to the message; true: it is over.
    fn push(&mut self, input: &[u8], out: &mut Vec<u8>) -> bool {
        for &byte in input {
            match (self.held, byte) {
                (b"", b'.') if !self.inside => self.held = b".",
                (b".", b'\r') => self.held = b".\r",
                (b"." | b".\r", b'\n') => return true,
                _ => {
                    out.extend_from_slice(self.held);
                    self.held = b"";
                    out.push(byte);
                    self.inside = byte != b'\n';
                }
            }
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(input: &[u8], cut: usize) -> (Vec<u8>, bool) {
        let (mut end, mut out) = (End::default(), Vec::new());
        let over = input.chunks(cut).any(|chunk| end.push(chunk, &mut out));
        (out, over)
    }

    #[test]
    fn f4_a_single_dot_ends_the_message_and_others_do_not() {
        for (input, message, over) in [
            ("a\n.\nb\n", "a\n", true),
            (".\n", "", true),
            ("a\r\n.\r\nb", "a\r\n", true),
            ("a\n..\n.b\n. \n.\rc\n", "a\n..\n.b\n. \n.\rc\n", false),
            ("a.\nb\n", "a.\nb\n", false),
        ] {
            assert_eq!(read(input.as_bytes(), 64), (message.as_bytes().to_vec(), over), "{input:?}");
        }
    }

    proptest! {
        #[test]
        fn f4_it_makes_no_difference_where_the_input_is_cut(input in "(\\.|\n|\r|a){0,30}", cut in 1_usize..9) {
            let (whole, over) = read(input.as_bytes(), 64);
            prop_assert_eq!(read(input.as_bytes(), cut), (whole.clone(), over));
            prop_assert!(input.as_bytes().starts_with(&whole));
        }
    }
}
