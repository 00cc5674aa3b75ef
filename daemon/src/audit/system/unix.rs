//! journald, in its native protocol: a datagram of fields, one a line (systemd.io/JOURNAL_NATIVE_PROTOCOL). Other
//! systems and containers have no such socket.

use std::io;
use std::os::unix::net::UnixDatagram;
use std::path::Path;

use super::{Event, Outcome};

const SOCKET: &str = "/run/systemd/journal/socket";

pub(super) fn write(event: &Event) -> io::Result<()> {
    send(Path::new(SOCKET), event)
}

fn send(socket: &Path, event: &Event) -> io::Result<()> {
    let journal = UnixDatagram::unbound()?;
    // A journal that does not read must not hold up who waits for an answer.
    journal.set_nonblocking(true)?;
    journal.send_to(&datagram(event), socket).map(drop)
}

fn datagram(event: &Event) -> Vec<u8> {
    // As in syslog(3).
    let priority = match event.outcome {
        Outcome::Done | Outcome::Pending => "5",
        Outcome::Denied | Outcome::Failed => "4",
    };
    let request = event.request.to_string();
    let sentence = event.sentence();
    let fields = [
        ("MESSAGE", sentence.as_str()),
        ("PRIORITY", priority),
        ("SYSLOG_IDENTIFIER", "faxpostd"),
        // authpriv: what only administrators read.
        ("SYSLOG_FACILITY", "10"),
        ("FAXPOST_METHOD", &event.method),
        ("FAXPOST_CALLER", &event.caller_name),
        ("FAXPOST_CALLER_ID", &event.caller_id),
        ("FAXPOST_ROLE", &event.role),
        ("FAXPOST_ORIGIN", &event.origin),
        ("FAXPOST_TARGET", &event.target),
        ("FAXPOST_OUTCOME", event.outcome.as_str()),
        ("FAXPOST_REASON", &event.reason),
        ("FAXPOST_REQUEST", if event.request == 0 { "" } else { &request }),
    ];
    let mut bytes = Vec::new();
    for (name, value) in fields.into_iter().filter(|(_, value)| !value.is_empty()) {
        bytes.extend_from_slice(name.as_bytes());
        if value.contains('\n') {
            // With its length, so that no value can bring fields of its own.
            bytes.push(b'\n');
            bytes.extend_from_slice(&(value.len() as u64).to_le_bytes());
        } else {
            bytes.push(b'=');
        }
        bytes.extend_from_slice(value.as_bytes());
        bytes.push(b'\n');
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event() -> Event {
        Event {
            at: 1,
            caller_id: "uid:1000".to_owned(),
            caller_name: "anna".to_owned(),
            role: "user".to_owned(),
            origin: "local, process 4711".to_owned(),
            method: "faxpost.v1.Certificates/GrantKeyAccess".to_owned(),
            target: "certificate ab12 to fax".to_owned(),
            outcome: Outcome::Pending,
            reason: "APPROVAL_PENDING".to_owned(),
            request: 7,
        }
    }

    fn received(event: &Event) -> Vec<u8> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("socket");
        let journal = UnixDatagram::bind(&path).unwrap();
        send(&path, event).unwrap();
        let mut bytes = vec![0; 65_536];
        let length = journal.recv(&mut bytes).unwrap();
        bytes.truncate(length);
        bytes
    }

    #[test]
    fn h4_journald_gets_every_part_as_a_field() {
        let text = String::from_utf8(received(&event())).unwrap();
        let lines: Vec<_> = text.lines().collect();
        assert_eq!(
            lines,
            [
                "MESSAGE=Certificates/GrantKeyAccess pending: anna (uid:1000), user, local, process 4711, \
                 target: certificate ab12 to fax, reason: APPROVAL_PENDING, request 7",
                "PRIORITY=5",
                "SYSLOG_IDENTIFIER=faxpostd",
                "SYSLOG_FACILITY=10",
                "FAXPOST_METHOD=faxpost.v1.Certificates/GrantKeyAccess",
                "FAXPOST_CALLER=anna",
                "FAXPOST_CALLER_ID=uid:1000",
                "FAXPOST_ROLE=user",
                "FAXPOST_ORIGIN=local, process 4711",
                "FAXPOST_TARGET=certificate ab12 to fax",
                "FAXPOST_OUTCOME=pending",
                "FAXPOST_REASON=APPROVAL_PENDING",
                "FAXPOST_REQUEST=7",
            ]
        );
        let denied = Event { outcome: Outcome::Denied, request: 0, ..event() };
        let text = String::from_utf8(received(&denied)).unwrap();
        assert!(text.contains("PRIORITY=4\n") && !text.contains("FAXPOST_REQUEST"), "{text}");
    }

    #[test]
    fn h4_a_name_with_a_line_end_brings_no_field_of_its_own() {
        let evil = "CN=x\nPRIORITY=0\nFAXPOST_OUTCOME=done";
        let bytes = received(&Event { target: evil.to_owned(), ..event() });
        let field =
            [&b"FAXPOST_TARGET\n"[..], &(evil.len() as u64).to_le_bytes(), evil.as_bytes(), b"\n"].concat();
        assert!(bytes.windows(field.len()).any(|window| window == field));
        let message = bytes.split(|byte| *byte == b'\n').next().unwrap();
        assert!(String::from_utf8_lossy(message).contains("CN=x PRIORITY=0"), "one line");
    }

    #[test]
    fn h4_without_a_journal_it_is_said_and_nothing_hangs() {
        let folder = tempfile::tempdir().unwrap();
        assert!(send(&folder.path().join("nothing"), &event()).is_err());
        let path = folder.path().join("full");
        let _journal = UnixDatagram::bind(&path).unwrap();
        let sent = (0..100_000).take_while(|_| send(&path, &event()).is_ok()).count();
        assert!(sent < 100_000, "a journal that does not read is given up, and not waited for");
    }
}
