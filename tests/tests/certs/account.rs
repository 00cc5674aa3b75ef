//! Accounts that sign: which certificate they take, and the alarms before it is too late.

use faxpost_proto::v1;
use faxpost_tests::pki::Kind;
use tonic::Code;

use crate::kit::{Fixture, SENDER, invalid};

#[tokio::test]
async fn a8_an_account_takes_a_certificate_that_fits_its_sender() {
    let fixture = Fixture::start().await;
    let issued = fixture.installed(SENDER, Kind::EcP256).await;
    fixture.sign_with(&issued.fingerprint().to_uppercase()).await.unwrap();
    let request = v1::GetAccountRequest::default();
    let account =
        fixture.daemon.accounts().await.get_account(request).await.unwrap().into_inner().account.unwrap();
    assert_eq!((account.certificate.as_str(), account.sign()), (&*issued.fingerprint(), v1::Signing::Clear));
    assert_eq!(fixture.alarms().await, []);
    // What has nothing to do with it can be changed whatever becomes of the certificate.
    std::fs::remove_dir_all(fixture.folder().join(issued.fingerprint())).unwrap();
    let other = fixture.pki.person("other@example.test", Kind::EcP256);
    fixture.install(&other).await;
    fixture
        .set(v1::Account { sender_name: Some("x".to_owned()), ..Default::default() }, &["sender_name"])
        .await
        .unwrap();
}

#[tokio::test]
async fn a8_a_certificate_that_is_unknown_or_does_not_fit_is_refused_with_the_field() {
    let fixture = Fixture::start().await;
    let text = invalid(fixture.sign_with(&"ab".repeat(32)).await, "certificate");
    assert!(text.contains("there is no certificate"), "{text}");
    invalid(fixture.sign_with("ab").await, "certificate");
    let foreign = fixture.installed("other@example.test", Kind::EcP256).await;
    let text = invalid(fixture.sign_with(&foreign.fingerprint()).await, "certificate");
    assert!(text.contains("It is for other@example.test, not for fax@example.test."), "{text}");
    // The sender cannot walk away from it either.
    let issued = fixture.installed(SENDER, Kind::EcP256).await;
    fixture.sign_with(&issued.fingerprint()).await.unwrap();
    let walk = v1::Account { sender_email: "x@example.test".to_owned(), ..Default::default() };
    invalid(fixture.set(walk, &["sender_email"]).await, "certificate");
}

#[tokio::test]
async fn a8_c8_what_time_or_a_grant_can_change_is_no_reason_to_refuse_but_an_alarm() {
    let fixture = Fixture::start().await;
    let mut params = fixture.pki.params(SENDER);
    params.not_after = rcgen::date_time_ymd(2024, 2, 3);
    let issued = fixture.pki.issue(params, Kind::EcP256);
    fixture.install(&issued).await;
    fixture.sign_with(&issued.fingerprint()).await.unwrap();
    let alarms = fixture.alarms().await;
    assert_eq!(alarms.len(), 1, "{alarms:?}");
    assert!(
        alarms[0].0 == "CERTIFICATE_UNUSABLE" && alarms[0].1.contains("It is over since 2024-02-03."),
        "{alarms:?}"
    );
    fixture.sign_with("").await.unwrap();
    assert_eq!(fixture.alarms().await[0].0, "CERTIFICATE_UNUSABLE");
    let off = v1::Account { sign: v1::Signing::Off.into(), ..Default::default() };
    fixture.set(off, &["sign"]).await.unwrap();
    assert_eq!(fixture.alarms().await, []);
}

#[tokio::test]
async fn c8_the_end_of_a_certificate_is_told_thirty_days_before() {
    for (days, expected) in
        [(40, None), (29, Some("ends in 28 days")), (2, Some("ends in a day")), (1, Some("less than a day"))]
    {
        let fixture = Fixture::start().await;
        let end = jiff::Timestamp::now() + jiff::SignedDuration::from_hours(24 * days - 1);
        let end = end.to_zoned(jiff::tz::TimeZone::UTC);
        let mut params = fixture.pki.params(SENDER);
        let (year, month, day) = (end.year().into(), end.month() as u8, end.day() as u8);
        // To the day: a certificate made here begins and ends at midnight.
        params.not_after = rcgen::date_time_ymd(year, month, day);
        fixture.install(&fixture.pki.issue(params, Kind::EcP256)).await;
        fixture.sign_with("").await.unwrap();
        let alarms = fixture.alarms().await;
        match expected {
            None => assert_eq!(alarms, []),
            Some(_) if days <= 2 => assert!(alarms.len() == 1, "{alarms:?}"),
            Some(_) => {
                assert_eq!(alarms[0].0, "CERTIFICATE_EXPIRING", "{alarms:?}");
                assert!(alarms[0].1.contains("ends in 2") && alarms[0].1.contains("successor"), "{alarms:?}");
            }
        }
    }
}

#[tokio::test]
async fn a7_every_method_says_that_it_signs_and_one_that_is_missing_is_refused() {
    let fixture = Fixture::start().await;
    let request = v1::GetCapabilitiesRequest::default();
    let methods =
        fixture.daemon.accounts().await.get_capabilities(request).await.unwrap().into_inner().methods;
    assert!(methods.iter().all(|row| row.signing), "{methods:?}");
    let missing = v1::Account {
        method: faxpost_tests::MISSING_METHOD.into(),
        sign: v1::Signing::Clear.into(),
        ..Default::default()
    };
    let refusal = fixture.set(missing, &["method", "sign"]).await.unwrap_err();
    assert_eq!(refusal.code(), Code::InvalidArgument);
}
