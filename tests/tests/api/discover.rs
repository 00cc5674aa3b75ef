//! Presets and discovery (requirement A11), with a name server and a web server of the test's own.

use faxpost_proto::v1::{self, Security, Trust};
use faxpost_tests::daemon::TestDaemon;
use faxpost_tests::dns::{DnsServer, Record};

use crate::kit::{invalid, ok};

async fn daemon(dns: &DnsServer, https_port: u16, more: &str, roots: Option<&std::path::Path>) -> TestDaemon {
    let settings =
        format!("[discovery]\ndns-server = \"{}\"\nhttps-port = {https_port}\n{more}\n", dns.address());
    let builder = TestDaemon::builder().settings(&settings);
    match roots {
        Some(roots) => builder.env("SSL_CERT_FILE", roots.display().to_string()).start().await,
        None => builder.start().await,
    }
}

async fn discover(daemon: &TestDaemon, address: &str) -> v1::DiscoverAccountResponse {
    let request = v1::DiscoverAccountRequest { address: address.to_owned() };
    ok(daemon.accounts().await.discover_account(request).await)
}

fn told(found: &v1::DiscoverAccountResponse) -> Vec<(String, u32, Trust)> {
    let told = |proposal: &v1::Proposal| {
        let account = proposal.account.clone().unwrap();
        (account.server, account.effective_port, proposal.trust())
    };
    found.proposals.iter().map(told).collect()
}

#[tokio::test]
async fn a11_presets_are_settings_that_can_be_taken_as_they_are() {
    let daemon = TestDaemon::start().await;
    let presets = ok(daemon.accounts().await.list_presets(v1::ListPresetsRequest {}).await).presets;
    assert!(presets.len() > 12);
    for preset in presets {
        let (mut account, mut mask) = (preset.account.unwrap(), preset.update_mask.unwrap());
        account.id = preset.id.clone();
        account.sender_email = "fax@example.test".to_owned();
        mask.paths.push("sender_email".to_owned());
        let request =
            v1::CreateAccountRequest { account: Some(account), update_mask: Some(mask), validate_only: true };
        let made = daemon.accounts().await.create_account(request).await;
        let made = made.unwrap_or_else(|status| panic!("{}: {status:?}", preset.id));
        assert!(made.into_inner().account.unwrap().authentication, "{}", preset.id);
        assert!(preset.password || !preset.oauth_profile.is_empty(), "{}", preset.id);
    }
}

#[tokio::test]
async fn a11_a_known_domain_asks_nobody() {
    let dns = DnsServer::start(&[]).await;
    let daemon = daemon(&dns, 1, "", None).await;
    let found = discover(&daemon, "somebody@icloud.com").await;
    assert_eq!(told(&found), [("smtp.mail.me.com".to_owned(), 587, Trust::BuiltIn)]);
    assert!(found.proposals[0].app_password);
    assert_eq!(dns.asked(), Vec::<String>::new());
    for bad in ["", "nobody", "a@localhost", "a@[127.0.0.1]", "a@b c.example"] {
        let request = v1::DiscoverAccountRequest { address: bad.to_owned() };
        invalid(daemon.accounts().await.discover_account(request).await, &["address"]);
    }
}

#[tokio::test]
async fn a11_services_of_the_domain_are_proposed_and_of_the_address_only_the_domain_is_asked_for() {
    let dns = DnsServer::start(&[
        ("_submissions._tcp.example.test", Record::Srv(10, 1, 465, "mail.provider.test")),
        ("_submissions._tcp.example.test", Record::Srv(5, 1, 4465, "smtp.example.test")),
        ("_submission._tcp.example.test", Record::Srv(0, 0, 0, ".")),
        ("example.test", Record::Mx(10, "mx.example.test")),
    ])
    .await;
    let daemon = daemon(&dns, 1, "", None).await;
    let found = discover(&daemon, "somebody-secret@Example.test").await;
    assert_eq!(
        told(&found),
        [
            ("smtp.example.test".to_owned(), 4465, Trust::SameDomain),
            ("mail.provider.test".to_owned(), 465, Trust::Unconfirmed),
        ]
    );
    let account = found.proposals[0].account.clone().unwrap();
    assert_eq!((account.port, account.security()), (4465, Security::Implicit));
    assert_eq!(account.login, "somebody-secret@Example.test");
    assert_eq!(found.proposals[0].source, "_submissions._tcp.example.test");
    let decided = found.sources.iter().find(|source| source.name.starts_with("_submission.")).unwrap();
    assert!(decided.text.contains("no such service"), "{decided:?}");
    assert!(!dns.asked().iter().any(|name| name.contains("secret")), "{:?}", dns.asked());

    // What was proposed can be saved as it is.
    let proposal = found.proposals[0].clone();
    let mut account = proposal.account.unwrap();
    account.id = "found".to_owned();
    let update_mask = proposal.update_mask;
    let request = v1::CreateAccountRequest { account: Some(account), update_mask, validate_only: false };
    ok(daemon.accounts().await.create_account(request).await);
}

#[tokio::test]
async fn a11_mail_hosts_lead_to_the_provider_of_a_domain() {
    let dns = DnsServer::start(&[
        ("example.test", Record::Mx(20, "alt1.aspmx.l.google.com")),
        ("example.test", Record::Mx(10, "aspmx.l.google.com")),
    ])
    .await;
    let daemon = daemon(&dns, 1, "", None).await;
    let found = discover(&daemon, "fax@example.test").await;
    assert_eq!(told(&found), [("smtp.gmail.com".to_owned(), 465, Trust::Unconfirmed)]);
    assert_eq!(
        (found.proposals[0].preset.as_str(), found.proposals[0].source.as_str()),
        ("google", "MX example.test")
    );
}

#[tokio::test]
async fn a11_a_domain_without_anything_says_what_was_asked() {
    let dns = DnsServer::start(&[]).await;
    let daemon = daemon(&dns, 1, "", None).await;
    let found = discover(&daemon, "fax@example.test").await;
    assert!(found.proposals.is_empty());
    assert_eq!(found.sources.len(), 5, "{:?}", found.sources);
    assert!(
        found.sources.iter().all(|source| source.found == 0 && !source.text.is_empty()),
        "{:?}",
        found.sources
    );
}

/// Windows asks its own store for roots, which a test must not change.
#[cfg(unix)]
mod over_https {
    use std::net::Ipv4Addr;

    use faxpost_tests::smtp::Authority;
    use faxpost_tests::web::WebServer;

    use super::*;

    const HERE: Record = Record::A(Ipv4Addr::LOCALHOST);

    /// A daemon that may read documents from this machine.
    async fn daemon(dns: &DnsServer, https_port: u16, roots: &std::path::Path) -> TestDaemon {
        super::daemon(dns, https_port, "private-addresses = true", Some(roots)).await
    }

    fn document(host: &str) -> String {
        format!(
            "<clientConfig version=\"1.1\"><emailProvider id=\"x\"><outgoingServer type=\"smtp\"><hostname>{host}</hostname>\
             <port>465</port><socketType>SSL</socketType><username>%EMAILADDRESS%</username>\
             <authentication>password-cleartext</authentication></outgoingServer></emailProvider></clientConfig>"
        )
    }

    #[tokio::test]
    async fn a11_autoconfig_counts_with_a_certificate_of_the_domain_only() {
        let authority = Authority::new();
        let folder = tempfile::tempdir().unwrap();
        let roots = folder.path().join("ca.pem");
        std::fs::write(&roots, authority.pem()).unwrap();
        let identity = authority.named(&["autoconfig.example.test", "autoconfig.provider.test"]);
        let page = |host: &str| (200, String::new(), document(host));
        let pages = vec![
            ("autoconfig.example.test/mail/config-v1.1.xml".to_owned(), page("smtp.elsewhere.test")),
            ("autoconfig.wrong.test/mail/config-v1.1.xml".to_owned(), page("smtp.evil.test")),
            ("autoconfig.provider.test/mail/config-v1.1.xml".to_owned(), page("smtp.provider.test")),
        ];
        let web = WebServer::start(&identity, pages).await;
        let dns = DnsServer::start(&[
            ("autoconfig.example.test", HERE),
            ("autoconfig.wrong.test", HERE),
            ("autoconfig.provider.test", HERE),
            ("customer.test", Record::Mx(10, "mx1.provider.test")),
            ("wrong.test", Record::Mx(10, "wrong.test")),
        ])
        .await;
        let daemon = daemon(&dns, web.port(), &roots).await;

        let found = discover(&daemon, "somebody-secret@example.test").await;
        assert_eq!(
            told(&found),
            [("smtp.elsewhere.test".to_owned(), 465, Trust::Authenticated)],
            "{:?}",
            found.sources
        );
        let asked = web.asked().join("\n");
        assert!(!asked.contains("secret") && !asked.to_lowercase().contains("authorization"), "{asked}");

        let found = discover(&daemon, "fax@customer.test").await;
        assert_eq!(
            told(&found),
            [("smtp.provider.test".to_owned(), 465, Trust::Unconfirmed)],
            "{:?}",
            found.sources
        );

        let found = discover(&daemon, "fax@wrong.test").await;
        assert!(found.proposals.is_empty(), "a certificate of another name vouches for nothing: {found:?}");
    }

    #[tokio::test]
    async fn a11_nobody_has_this_machine_read_what_only_it_can_reach() {
        let authority = Authority::new();
        let folder = tempfile::tempdir().unwrap();
        let roots = folder.path().join("ca.pem");
        std::fs::write(&roots, authority.pem()).unwrap();
        let identity = authority.named(&[
            "autoconfig.example.test",
            "autoconfig.leads.test",
            "inside.test",
            "www.near.test",
            "near.test",
        ]);
        let (place, well_known) = ("/mail/config-v1.1.xml", "/.well-known/autoconfig/mail/config-v1.1.xml");
        let page = |host: &str| (200, String::new(), document(host));
        let to = |url: &str| (302, format!("Location: {url}\r\n"), String::new());
        let pages = vec![
            (format!("autoconfig.example.test{place}"), page("smtp.example.test")),
            (format!("autoconfig.leads.test{place}"), to("https://inside.test:PORT/x")),
            (format!("near.test{well_known}"), to("https://www.near.test:PORT/x")),
            ("www.near.test/x".to_owned(), page("smtp.near.test")),
            ("inside.test/x".to_owned(), page("smtp.inside.test")),
        ];
        let web = WebServer::start(&identity, pages).await;
        let hosts =
            ["autoconfig.example.test", "autoconfig.leads.test", "inside.test", "near.test", "www.near.test"];
        let dns = DnsServer::start(&hosts.map(|host| (host, HERE))).await;

        let closed = super::daemon(&dns, web.port(), "", Some(&roots)).await;
        let found = discover(&closed, "fax@example.test").await;
        assert!(found.proposals.is_empty() && web.asked().is_empty(), "{found:?}");
        let own =
            found.sources.iter().find(|source| source.name.contains("autoconfig.example.test")).unwrap();
        assert!(own.text.contains("no public address"), "{own:?}");

        let open = daemon(&dns, web.port(), &roots).await;
        let found = discover(&open, "fax@near.test").await;
        assert_eq!(told(&found), [("smtp.near.test".to_owned(), 465, Trust::Authenticated)]);
        let found = discover(&open, "fax@leads.test").await;
        assert!(found.proposals.is_empty(), "{found:?}");
        assert!(!web.asked().iter().any(|asked| asked.contains("inside.test")), "{:?}", web.asked());
    }
}
