//! The shortest way through: a fresh install takes a mail and puts it into the pickup folder.

use faxpost_proto::v1;
use faxpost_tests::daemon::TestDaemon;

#[tokio::test]
async fn a7_a_fresh_install_sends_into_the_pickup_folder() {
    let daemon = TestDaemon::start().await;
    let mut mail = daemon.mail().await;
    let sent = mail
        .send_mail(v1::SendMailRequest {
            to: vec!["someone@example.test".to_owned()],
            subject: "Факс принят".to_owned(),
            text: "Две страницы.".to_owned(),
            ..Default::default()
        })
        .await
        .unwrap()
        .into_inner();

    let mut states =
        mail.watch_message(v1::WatchMessageRequest { id: sent.id.clone() }).await.unwrap().into_inner();
    let mut last = None;
    while let Some(state) = states.message().await.unwrap() {
        last = state.message;
    }
    assert_eq!(last.unwrap().state(), v1::MessageState::Delivered);
    let file = std::fs::read_to_string(daemon.pickup_dir().join(format!("{}.eml", sent.id))).unwrap();
    assert!(file.contains(&sent.message_id), "{file}");
}
