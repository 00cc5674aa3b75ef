//! Autoconfig documents (draft-ietf-mailmaint-autoconfig): the outgoing servers of one.

use roxmltree::{Document, Node, ParsingOptions};

use super::{Outgoing, Socket, shortened};

/// Far more than a document of a provider has.
const MOST_NODES: u32 = 5_000;

/// Servers of one document that are looked at.
const MOST: usize = 8;

/// No name of the DNS is longer, and no login that is offered.
const LONGEST: usize = 255;

/// Its outgoing SMTP servers, in its order: the first that fits is meant.
pub(super) fn parse(text: &str) -> Result<Vec<Outgoing>, String> {
    // Without a DTD there are no entities that grow.
    let options = ParsingOptions { allow_dtd: false, nodes_limit: MOST_NODES, ..ParsingOptions::default() };
    let document = Document::parse_with_options(text.trim_start(), options)
        .map_err(|error| shortened(&format!("what is there is no autoconfig document: {error}")))?;
    let root = document.root_element();
    if !root.has_tag_name("clientConfig") {
        return Err("what is there is no autoconfig document".to_owned());
    }
    let servers: Vec<_> = root
        .descendants()
        .filter(|node| node.has_tag_name("outgoingServer") && node.attribute("type") == Some("smtp"))
        .filter_map(outgoing)
        .take(MOST)
        .collect();
    if servers.is_empty() { Err("the document names no outgoing server".to_owned()) } else { Ok(servers) }
}

fn outgoing(server: Node<'_, '_>) -> Option<Outgoing> {
    let texts = |name: &'static str| {
        server
            .children()
            .filter(move |node| node.has_tag_name(name))
            .filter_map(|node| node.text())
            .map(str::trim)
            .filter(|text| !text.is_empty() && text.len() <= LONGEST && !text.contains(char::is_control))
    };
    let socket = match texts("socketType").next()?.to_ascii_lowercase().as_str() {
        "ssl" => Socket::Implicit,
        "starttls" => Socket::Starttls,
        "plain" => Socket::Plain,
        _ => return None,
    };
    Some(Outgoing {
        host: texts("hostname").next()?.to_owned(),
        port: texts("port").next()?.parse().ok().filter(|port| *port > 0)?,
        socket,
        username: texts("username").next().unwrap_or_default().to_owned(),
        authentication: texts("authentication").take(MOST).map(str::to_ascii_lowercase).collect(),
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const DOCUMENT: &str = r#"<?xml version="1.0" encoding="UTF-8"?>
<clientConfig version="1.1">
  <emailProvider id="example.org">
    <domain>example.org</domain>
    <incomingServer type="imap"><hostname>imap.example.org</hostname><port>993</port></incomingServer>
    <outgoingServer type="smtp">
      <hostname>smtp.example.org</hostname>
      <port>465</port>
      <socketType>SSL</socketType>
      <username>%EMAILADDRESS%</username>
      <authentication>OAuth2</authentication>
      <authentication>password-cleartext</authentication>
    </outgoingServer>
    <outgoingServer type="smtp">
      <hostname>smtp.example.org</hostname><port>587</port><socketType>STARTTLS</socketType>
    </outgoingServer>
    <outgoingServer type="exchange"><hostname>x</hostname><port>1</port><socketType>SSL</socketType></outgoingServer>
  </emailProvider>
</clientConfig>"#;

    #[test]
    fn a11_the_outgoing_servers_of_a_document() {
        let servers = parse(DOCUMENT).unwrap();
        assert_eq!(servers.len(), 2);
        assert_eq!(
            servers[0],
            Outgoing {
                host: "smtp.example.org".to_owned(),
                port: 465,
                socket: Socket::Implicit,
                username: "%EMAILADDRESS%".to_owned(),
                authentication: vec!["oauth2".to_owned(), "password-cleartext".to_owned()],
            }
        );
        assert_eq!((servers[1].port, servers[1].socket), (587, Socket::Starttls));
    }

    #[test]
    fn a11_what_is_no_document_says_so() {
        let bomb = r#"<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><clientConfig>&b;</clientConfig>"#;
        let many = format!("<clientConfig>{}</clientConfig>", "<a/>".repeat(6_000));
        for bad in [
            "",
            "not found",
            "<html><body>404</body></html>",
            "<clientConfig/>",
            bomb,
            &many,
            &DOCUMENT.replace("<port>465", "<port>0").replace("587", "99999"),
            &DOCUMENT.replace("hostname", "host"),
        ] {
            assert!(parse(bad).is_err(), "{bad:.60}");
        }
    }

    proptest! {
        #[test]
        fn a11_any_text_is_read_or_refused(
            text in any::<String>(), inside in "[<>a-z/&;!\\[\\]\" %]{0,80}", cut in 0..800_usize,
        ) {
            let _ = parse(&text);
            let _ = parse(&format!("<clientConfig>{inside}</clientConfig>"));
            let cut: String = DOCUMENT.chars().take(cut).chain(inside.chars()).collect();
            for server in parse(&cut).unwrap_or_default() {
                prop_assert!(server.host.len() <= LONGEST && !server.host.is_empty());
            }
        }
    }
}
