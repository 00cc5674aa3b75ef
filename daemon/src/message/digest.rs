//! What makes two requests the same: a digest over an encoding that no other draft can have.

use std::io::{self, Read as _};

use sha2::{Digest as _, Sha256};

use super::{Content, Draft};

/// Bytes read at once.
const CHUNK: usize = 64 * 1024;

/// See [`Draft::digest`].
///
/// # Errors
/// An attachment's file cannot be read.
pub(super) fn digest(draft: &Draft) -> io::Result<[u8; 32]> {
    // Stored digests are compared after an update of the daemon, too: a change of this encoding needs a new label.
    let mut hasher = Hasher(Sha256::new());
    hasher.text("faxpost-draft-1");
    for list in [&draft.to, &draft.cc, &draft.bcc] {
        hasher.count(list.len());
        list.iter().for_each(|text| hasher.text(text));
    }
    for text in [&draft.subject, &draft.text, &draft.html] {
        hasher.text(text);
    }
    hasher.count(draft.headers.len());
    for (name, value) in &draft.headers {
        hasher.text(name);
        hasher.text(value);
    }
    hasher.count(draft.attachments.len());
    for attachment in &draft.attachments {
        hasher.text(&attachment.file_name);
        hasher.text(&attachment.content_type);
        hasher.0.update(content(&attachment.content)?);
    }
    Ok(hasher.0.finalize().into())
}

/// Of fixed length, so that it needs no length before it: a file's is known only when it has been read.
pub(super) fn content(content: &Content) -> io::Result<[u8; 32]> {
    let mut hasher = Sha256::new();
    if let Content::Memory(bytes) = content {
        hasher.update(bytes);
        return Ok(hasher.finalize().into());
    }
    let mut reader = content.reader()?;
    let mut buffer = vec![0; CHUNK];
    loop {
        match reader.read(&mut buffer) {
            Ok(0) => return Ok(hasher.finalize().into()),
            Ok(read) => hasher.update(&buffer[..read]),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

/// Every part with its length before it.
struct Hasher(Sha256);

impl Hasher {
    fn count(&mut self, count: usize) {
        self.0.update((count as u64).to_be_bytes());
    }

    fn text(&mut self, text: &str) {
        self.count(text.len());
        self.0.update(text);
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use proptest::prelude::*;

    use super::*;
    use crate::message::Attachment;

    fn draft() -> Draft {
        Draft { to: vec!["a@b.c".to_owned()], subject: "s".to_owned(), ..Draft::default() }
    }

    fn attached(content: Content) -> Draft {
        let attachment = Attachment { file_name: "a".to_owned(), content_type: String::new(), content };
        Draft { attachments: vec![attachment], ..draft() }
    }

    #[test]
    fn f2_every_given_field_counts_and_the_sender_does_not() {
        let same = Draft { sender_name: "x".to_owned(), sender_email: "x@y.z".to_owned(), ..draft() };
        assert_eq!(draft().digest().unwrap(), same.digest().unwrap());
        let others = [
            Draft { to: vec![], cc: vec!["a@b.c".to_owned()], ..draft() },
            Draft { to: vec![], bcc: vec!["a@b.c".to_owned()], ..draft() },
            Draft { subject: String::new(), text: "s".to_owned(), ..draft() },
            Draft { html: "s".to_owned(), ..draft() },
            Draft { headers: vec![("X".to_owned(), "y".to_owned())], ..draft() },
            Draft { headers: vec![("Xy".to_owned(), String::new())], ..draft() },
            attached(Content::Memory(Bytes::from_static(b"1"))),
            attached(Content::Memory(Bytes::from_static(b"2"))),
        ];
        let mut digests: Vec<_> =
            others.iter().chain([&draft()]).map(|draft| draft.digest().unwrap()).collect();
        digests.sort_unstable();
        digests.dedup();
        assert_eq!(digests.len(), others.len() + 1);
    }

    #[test]
    fn f2_an_attachment_is_the_same_in_memory_and_in_a_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x");
        let bytes = Bytes::from(vec![3; 3 * CHUNK + 5]);
        std::fs::write(&path, &bytes).unwrap();
        let file = attached(Content::File(path)).digest().unwrap();
        assert_eq!(attached(Content::Memory(bytes)).digest().unwrap(), file);
        assert!(attached(Content::File(folder.path().join("missing"))).digest().is_err());
    }

    proptest! {
        #[test]
        fn f2_moving_text_between_entries_changes_the_digest(to in proptest::collection::vec("[a-b,]{0,3}", 0..4)) {
            let one = Draft { to: to.clone(), ..Draft::default() };
            let two = Draft { to: vec![to.concat()], ..Draft::default() };
            prop_assert_eq!(to.len() == 1, one.digest().unwrap() == two.digest().unwrap());
        }
    }
}
