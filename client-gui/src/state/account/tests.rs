use faxpost_proto::v1::{Method, Security};

use super::*;

fn saved() -> Account {
    Account {
        id: "default".into(),
        etag: "1".into(),
        sender_email: "fax@example.org".into(),
        server: "smtp.example.org".into(),
        security: Security::Starttls.into(),
        method: Method::SecureSmtpClient.into(),
        ..Account::default()
    }
}

fn form() -> Form {
    let mut form = Form::default();
    assert_eq!(form.arrive(saved()), Arrival::First);
    form
}

#[test]
fn g2_what_is_typed_is_unsaved_until_it_is_as_before() {
    let mut form = form();
    assert!(form.changed().is_empty());
    form.edit("server", "mail.example.org");
    assert_eq!(form.changed(), ["server"]);
    form.edit("server", "smtp.example.org");
    assert!(form.changed().is_empty());
    form.switch("authentication", true);
    form.choose("security", Security::Implicit.into());
    assert_eq!(form.changed(), ["authentication", "security"]);
    form.revert();
    assert!(form.changed().is_empty());
}

#[test]
fn a12_another_editors_change_of_another_field_is_merged() {
    let mut form = form();
    form.edit("server", "mine.example.org");
    let theirs = Account { etag: "2".into(), sender_email: "other@example.org".into(), ..saved() };
    assert_eq!(form.arrive(theirs), Arrival::Merged(vec!["sender_email"]));
    assert_eq!(form.draft().sender_email, "other@example.org");
    assert_eq!(form.draft().server, "mine.example.org");
    // The update is about what was seen last.
    let update = form.update();
    assert_eq!(update.account.unwrap().etag, "2");
    assert_eq!(update.update_mask.unwrap().paths, ["server"]);
}

#[test]
fn a12_another_editors_change_of_the_same_field_is_asked_about() {
    let mut form = form();
    form.edit("server", "mine.example.org");
    let theirs = || Account {
        etag: "2".into(),
        server: "theirs.example.org".into(),
        updated_by: "anna".into(),
        ..saved()
    };
    assert_eq!(form.arrive(theirs()), Arrival::Conflict(vec!["server"]));
    assert_eq!(form.conflicts(), (vec!["server"], "anna"));
    assert_eq!(form.draft().server, "mine.example.org");
    form.take_theirs();
    assert_eq!(form.draft().server, "theirs.example.org");
    assert!(form.changed().is_empty());

    let mut form = self::form();
    form.edit("server", "mine.example.org");
    form.arrive(theirs());
    form.keep_mine();
    assert_eq!(form.conflicts().0, Vec::<&str>::new());
    assert_eq!(form.changed(), ["server"]);
}

#[test]
fn a12_two_who_want_the_same_have_no_conflict() {
    let mut form = form();
    form.edit("server", "new.example.org");
    let theirs = Account { etag: "2".into(), server: "new.example.org".into(), ..saved() };
    assert_eq!(form.arrive(theirs), Arrival::Same);
    assert!(form.changed().is_empty());
}

#[test]
fn h3_a_typed_secret_goes_with_the_call_and_is_not_kept() {
    let mut form = form();
    form.secret("password", Some(Zeroizing::new("hunter2".to_owned())));
    assert_eq!(form.changed(), ["password"]);
    let update = form.update();
    assert_eq!(update.account.unwrap().password, "hunter2");
    assert!(!form.is_typed("password"));
    assert!(form.update().account.unwrap().password.is_empty());
}

#[test]
fn g2_what_is_no_number_stays_in_its_line_and_cannot_be_applied() {
    let mut form = form();
    form.edit("port", "5x7");
    assert_eq!(form.text("port"), "5x7");
    assert!(form.is_no_number("port") && !form.is_complete());
    assert_eq!(form.changed(), ["port"]);
    form.edit("port", "587");
    assert!(form.is_complete());
    assert_eq!(form.draft().port, 587);
}

#[test]
fn g2_an_error_stands_at_its_field_until_that_is_edited() {
    let mut form = form();
    form.refused(vec![("server".into(), "is no host name".into()), ("port".into(), "is too large".into())]);
    assert_eq!(form.error("server"), "is no host name");
    form.edit("server", "x");
    assert_eq!((form.error("server"), form.error("port")), ("", "is too large"));
}

#[test]
fn a11_a_preset_is_a_proposal() {
    let google = OAuthProfile {
        id: "google".into(),
        server: "smtp.gmail.com".into(),
        port: 465,
        security: Security::Implicit.into(),
        domains: vec!["gmail.com".into()],
        ..OAuthProfile::default()
    };
    let mut form = form();
    form.edit("sender_email", "me@GMail.com");
    let profiles = [google.clone()];
    assert_eq!(proposal(form.draft(), &profiles), Some(&profiles[0]));
    form.fill_in(&google);
    assert_eq!(form.draft().server, "smtp.gmail.com");
    // 465 is the usual port of implicit TLS: nobody chose it.
    assert_eq!(form.draft().port, 0);
    assert_eq!(form.draft().login, "me@GMail.com");
    assert!(form.changed().contains(&"server"));
    assert_eq!(proposal(form.draft(), &profiles), None);
    assert_eq!(form.saved().map(|saved| &*saved.server), Some("smtp.example.org"));
}

#[test]
fn b2_oauth_is_a_way_to_authenticate() {
    let mut form = form();
    form.switch("oauth", true);
    assert!(form.draft().authentication);
    form.switch("authentication", false);
    assert!(!form.draft().oauth);
}
