//! The next message of an account begins behind the content of the one before it, where the server takes several commands at once.

use std::collections::HashSet;
use std::time::Duration;

use faxpost_tests::smtp::{At, Fault, SmtpServer};
use faxpostd::mailer::{FailureKind, Job, Mailer, Outcome, Shared};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};

use crate::kit::{JobExt as _, MESSAGE, job, job_to};

/// Over so many connections, to somebody of his own.
fn numbered(server: &SmtpServer, connections: usize, number: usize) -> Job {
    number_of(job(server), connections, number)
}

fn number_of(job: Job, connections: usize, number: usize) -> Job {
    let pool = Some(Shared { name: "default".to_owned(), connections, as_of: 0 });
    Job { pool, seven_bit: true, ..job }.to(&[&format!("{number}@example.com")])
}

fn delivered(outcome: &Outcome) {
    assert!(outcome.failure.is_none(), "{:?}\n{}", outcome.failure, outcome.transcript.text);
}

/// All three at once, in this order.
async fn three(mailer: &Mailer, job: impl Fn(usize) -> Job) -> [Outcome; 3] {
    tokio::join!(mailer.deliver(job(1), None), mailer.deliver(job(2), None), mailer.deliver(job(3), None))
        .into()
}

/// A server whose every word is the test's own.
struct Hand(TcpListener);

impl Hand {
    async fn new() -> Self {
        Self(TcpListener::bind("127.0.0.1:0").await.expect("a port"))
    }

    fn job(&self, number: usize) -> Job {
        number_of(job_to(self.0.local_addr().expect("an address").port()), 1, number)
    }

    /// A connection, as far as EHLO.
    async fn accept(&self, extensions: &str) -> Talk {
        let (stream, _) = self.0.accept().await.expect("a connection");
        let mut talk = Talk(BufReader::new(stream));
        talk.say("220 ready").await;
        talk.hear("EHLO").await;
        talk.say(&format!("250-hand\r\n{extensions}250 PIPELINING")).await;
        talk
    }
}

struct Talk(BufReader<TcpStream>);

impl Talk {
    async fn say(&mut self, text: &str) {
        self.0.get_mut().write_all(format!("{text}\r\n").as_bytes()).await.expect("it listens");
    }

    async fn hear(&mut self, beginning: &str) -> String {
        let mut line = String::new();
        self.0.read_line(&mut line).await.expect("a line");
        assert!(line.starts_with(beginning), "{line:?} for {beginning:?}");
        line
    }

    /// Content, of DATA or BDAT, and no answer to it.
    async fn content(&mut self, chunked: bool) {
        if chunked {
            let command = self.hear("BDAT ").await;
            let size = command.split(' ').nth(1).and_then(|size| size.parse().ok());
            self.0.read_exact(&mut vec![0; size.expect("a size")]).await.expect("all of it");
            return;
        }
        let mut line = String::new();
        while line != ".\r\n" {
            line.clear();
            assert!(self.0.read_line(&mut line).await.expect("a line") > 0);
        }
    }

    async fn envelope(&mut self, number: usize, chunked: bool) {
        self.hear("MAIL FROM:").await;
        self.hear(&format!("RCPT TO:<{number}@")).await;
        if !chunked {
            self.hear("DATA").await;
        }
    }

    async fn agree(&mut self, chunked: bool) {
        self.say(if chunked { "250 ok\r\n250 ok" } else { "250 ok\r\n250 ok\r\n354 go on" }).await;
    }
}

#[tokio::test]
async fn f3_the_next_message_begins_before_the_one_before_it_is_answered() {
    for chunked in [true, false] {
        let hand = Hand::new().await;
        let mailer = Mailer::in_process();
        let serve = async {
            let mut talk = hand.accept(if chunked { "250-CHUNKING\r\n" } else { "" }).await;
            talk.envelope(1, chunked).await;
            talk.agree(chunked).await;
            for next in [2, 3] {
                talk.content(chunked).await;
                // Not a word to the content yet.
                talk.envelope(next, chunked).await;
                talk.say(&format!("250 2.0.0 that was {}", next - 1)).await;
                talk.agree(chunked).await;
            }
            talk.content(chunked).await;
            talk.say("250 2.0.0 that was 3").await;
            talk
        };
        let (outcomes, _talk) = tokio::join!(three(&mailer, |number| hand.job(number)), serve);
        for (outcome, number) in outcomes.into_iter().zip(1..) {
            delivered(&outcome);
            assert_eq!(outcome.answer, format!("250 2.0.0 that was {number}"));
            // Each tells of its own message, and of no other: another caller may read it.
            let text = &outcome.transcript.text;
            for other in [1, 2, 3] {
                let told = text.matches(&format!("C: RCPT TO:<{other}@")).count();
                assert_eq!(told, usize::from(other == number), "{text}");
            }
            assert_eq!(text.matches("C: MAIL FROM:").count(), 1, "{text}");
            assert_eq!(text.matches("S: 250 ok").count(), 2, "{text}");
        }
    }
}

#[tokio::test]
async fn f3_a_server_that_hangs_up_over_it_is_asked_for_one_message_at_a_time() {
    let hand = Hand::new().await;
    let mailer = Mailer::in_process();
    let serve = async {
        let mut talk = hand.accept("").await;
        talk.envelope(1, false).await;
        talk.agree(false).await;
        talk.content(false).await;
        talk.envelope(2, false).await;
        talk.say("250 2.0.0 taken").await;
        drop(talk);
        let mut talk = hand.accept("").await;
        for number in [2, 3] {
            talk.envelope(number, false).await;
            talk.agree(false).await;
            talk.content(false).await;
            // Whatever is behind it would be there with it: it is one write.
            assert!(talk.0.buffer().is_empty(), "{:?}", String::from_utf8_lossy(talk.0.buffer()));
            talk.say("250 2.0.0 taken").await;
        }
        talk
    };
    let (outcomes, _talk) = tokio::join!(three(&mailer, |number| hand.job(number)), serve);
    outcomes.iter().for_each(delivered);
}

#[tokio::test]
async fn f3_whatever_becomes_of_the_message_before_the_next_one_is_delivered_once() {
    for (at, fault) in [
        (At::Mail, Fault::Drop),
        (At::Mail, Fault::answer(421, "4.7.0 enough")),
        (At::Mail, Fault::answer(452, "4.5.3 too many messages on this connection")),
        (At::Mail, Fault::answer(503, "5.5.1 not now")),
        (At::Mail, Fault::Garbage),
        (At::Rcpt, Fault::Drop),
        (At::Data, Fault::answer(421, "4.7.0 enough")),
        (At::Bdat, Fault::answer(502, "5.5.1 what?")),
        (At::Idle, Fault::Drop),
    ] {
        for extension in ["CHUNKING", "DSN"] {
            let server = SmtpServer::builder().with(extension).after(1, at, fault.clone()).start().await;
            let mailer = Mailer::in_process();
            three(&mailer, |number| numbered(&server, 1, number)).await.iter().for_each(delivered);
            let received = server.received();
            let to: HashSet<_> = received.iter().flat_map(|message| message.to.clone()).collect();
            assert_eq!((received.len(), to.len()), (3, 3), "{at:?} {fault:?}: each once");
            assert!(received.iter().all(|message| message.content == MESSAGE));
            assert_eq!(server.most_at_once(), 1, "{at:?} {fault:?}");
        }
    }
}

#[tokio::test]
async fn f3_a_message_whose_end_is_uncertain_takes_no_other_with_it() {
    for extension in ["CHUNKING", "DSN"] {
        let server =
            SmtpServer::builder().with(extension).fault_times(1, At::FinalDot, Fault::Drop).start().await;
        let mailer = Mailer::in_process();
        let (first, second) = tokio::join!(
            mailer.deliver(numbered(&server, 1, 1), None),
            mailer.deliver(numbered(&server, 1, 2), None),
        );
        assert_eq!(first.failure.map(|failure| failure.kind), Some(FailureKind::Uncertain));
        delivered(&second);
        assert_eq!((server.connections(), server.received().len()), (2, 2));
    }
}

#[tokio::test]
async fn f3_what_was_begun_behind_a_refused_message_stands() {
    for extension in ["CHUNKING", "DSN"] {
        let refusal = Fault::answer(554, "5.7.1 spam");
        let server =
            SmtpServer::builder().with(extension).fault_times(1, At::FinalDot, refusal).start().await;
        let mailer = Mailer::in_process();
        let [first, second, third] = three(&mailer, |number| numbered(&server, 1, number)).await;
        assert_eq!(first.failure.map(|failure| failure.kind), Some(FailureKind::MessageRejected));
        [second, third].iter().for_each(delivered);
        assert_eq!((server.connections(), server.received().len()), (1, 2));
        assert!(!server.commands().iter().any(|command| command == "RSET"), "{:?}", server.commands());
    }
}

/// A connection on which the second message has begun, and is given up before the first is answered.
async fn given_up(hand: &Hand, mailer: &Mailer, chunked: bool) -> Talk {
    let unwanted = tokio::spawn({
        let (mailer, job) = (mailer.clone(), hand.job(2));
        // It waits behind the first, which has its turn at once.
        let first = tokio::spawn({
            let (mailer, job) = (mailer.clone(), hand.job(1));
            async move { mailer.deliver(job, None).await }
        });
        async move {
            tokio::task::yield_now().await;
            (first, mailer.deliver(job, None).await)
        }
    });
    let mut talk = hand.accept(if chunked { "250-CHUNKING\r\n" } else { "" }).await;
    talk.envelope(1, chunked).await;
    talk.agree(chunked).await;
    talk.content(chunked).await;
    talk.envelope(2, chunked).await;
    unwanted.abort();
    assert!(unwanted.await.expect_err("it was given up").is_cancelled());
    talk.say("250 2.0.0 taken").await;
    talk.agree(chunked).await;
    talk
}

#[tokio::test]
async fn f3_a_message_that_nobody_wants_any_more_is_taken_back_from_the_server() {
    let hand = Hand::new().await;
    let mailer = Mailer::in_process();
    let mut talk = given_up(&hand, &mailer, true).await;
    talk.hear("RSET").await;
    talk.say("250 2.0.0 ok").await;
    let (third, ()) = tokio::join!(mailer.deliver(hand.job(3), None), async {
        talk.envelope(3, true).await;
        talk.agree(true).await;
        talk.content(true).await;
        talk.say("250 2.0.0 taken").await;
    });
    delivered(&third);
    assert!(!third.transcript.text.contains("2@example.com"), "{}", third.transcript.text);
}

#[tokio::test]
async fn a10_a_connection_that_cannot_be_used_again_is_gone_at_the_server_before_another_takes_its_place() {
    let hand = Hand::new().await;
    let mailer = Mailer::in_process();
    // DATA cannot be taken back.
    let mut talk = given_up(&hand, &mailer, false).await;
    let third = mailer.deliver(hand.job(3), None);
    let serve = async {
        assert_eq!(talk.hear("").await, "", "it hangs up");
        let too_early = tokio::time::timeout(Duration::from_millis(300), hand.0.accept()).await;
        assert!(too_early.is_err(), "the server still has the first connection");
        drop(talk);
        let mut talk = hand.accept("").await;
        talk.envelope(3, false).await;
        talk.agree(false).await;
        talk.content(false).await;
        talk.say("250 2.0.0 taken").await;
    };
    let (third, ()) = tokio::join!(third, serve);
    delivered(&third);
}

#[tokio::test]
async fn f3_the_next_message_does_not_wait_for_a_server_that_hangs_over_the_one_before() {
    let server =
        SmtpServer::builder().with("CHUNKING").fault_times(1, At::FinalDot, Fault::Stall).start().await;
    let mailer = Mailer::in_process();
    let first = mailer.deliver(numbered(&server, 2, 1), None);
    let others = three(&mailer, |number| numbered(&server, 2, number + 1));
    let others = tokio::select! {
        biased;
        first = first => panic!("the others waited for it: {:?}", first.failure),
        others = others => others,
    };
    others.iter().for_each(delivered);
}
