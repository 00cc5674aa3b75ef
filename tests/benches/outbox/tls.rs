//! TLS and a sign-in, through the same Postfix: Faxpost, which queues durably first, beside curl, which queues nothing; each
//! on one connection. Postfix queues what it takes, and then throws it away: delivering it would take the two cores from whoever
//! sends.

#[cfg(not(unix))]
pub(crate) async fn measure(_: usize) {}

#[cfg(unix)]
pub(crate) use front::measure;

#[cfg(unix)]
mod front {
    use std::time::{Duration, Instant, SystemTime};

    use faxpost_proto::v1;
    use faxpost_tests::daemon::TestDaemon;
    use faxpost_tests::measure::{median, row};
    use faxpost_tests::peers::{ALICE, Postfix};

    use crate::peers::{Curl, done, timed};
    use crate::{Mail, RUNS, SETTINGS, beside, drained, send_all};

    pub(crate) async fn measure(scale: usize) {
        compare(scale, "", &[ANY, ANY]).await;
        // As if the server were another machine: what a client spends does not slow down the server.
        compare(scale, ", server on its own core", &["0", "1"]).await;
    }

    /// Both cores of the machine that the figures are about.
    const ANY: &str = "0,1";

    /// The server on the first cores, and whoever sends on the others.
    async fn compare(scale: usize, how: &str, cores: &[&str; 2]) {
        let what = format!("accept and deliver 4 KB, TLS and sign-in, one connection{how} (≥ curl)");
        let waiting_what = format!("deliver 4 KB that wait, TLS and sign-in, one connection{how} (≥ curl)");
        let front = keep_to(cores[0]).and_then(|()| Postfix::discarding().map_err(|why| format!("{why:#}")));
        let front = match front.and_then(|front| keep_to(cores[1]).map(|()| front)) {
            Ok(front) => front,
            Err(why) => return row(&what, why, &[]),
        };
        let daemon = daemon(&front).await;
        let curl = Curl {
            url: format!("smtps://localhost:{}", front.smtps),
            ca: Some(front.ca()),
            user: Some(ALICE),
            bytes: 4096,
        };
        let count = 600 / scale;
        let (mut ours, mut theirs) = (Vec::new(), Vec::new());
        send_all(&daemon, 1, false, 1, Mail::Whole(4096)).await;
        drained(&daemon).await;
        let mut waiting = Vec::new();
        for _ in 0..RUNS {
            let begun = Instant::now();
            send_all(&daemon, 8, false, count, Mail::Whole(4096)).await;
            drained(&daemon).await;
            ours.push(count as f64 / begun.elapsed().as_secs_f64());
            waiting.push(count as f64 / sends_what_waits(&daemon, count).await.as_secs_f64());
            theirs.push(timed(count, || curl.send(count)));
        }
        let _ = keep_to(ANY);
        let theirs: Result<Vec<f64>, String> = theirs.into_iter().collect();
        for (what, ours) in [(what, median(ours)), (waiting_what, median(waiting))] {
            let columns = beside("curl", ours, theirs.clone());
            row(&what, format!("{ours:.0}/s"), &columns.each_ref().map(String::as_str));
        }
    }

    /// This program, and whatever it starts from now on.
    fn keep_to(cores: &str) -> Result<(), String> {
        done("taskset", &["--all-tasks", "--cpu-list", "--pid", cores, &std::process::id().to_string()])
    }

    /// How long it takes to deliver what was accepted before: curl, which is given files, accepts nothing either.
    async fn sends_what_waits(daemon: &TestDaemon, count: usize) -> Duration {
        let due = SystemTime::now() + Duration::from_secs(4);
        send_all(daemon, 8, false, count, Mail::Due(4096, due)).await;
        let early = due.duration_since(SystemTime::now()).expect("all are accepted before the first is due");
        tokio::time::sleep(early).await;
        drained(daemon).await;
        due.elapsed().expect("a clock that goes on")
    }

    async fn daemon(front: &Postfix) -> TestDaemon {
        let trusting = TestDaemon::builder().env("SSL_CERT_FILE", front.ca().display().to_string());
        let daemon = trusting.settings(SETTINGS).start().await;
        let account = v1::Account {
            id: "default".to_owned(),
            sender_email: ALICE.0.to_owned(),
            method: v1::Method::SecureSmtpClient.into(),
            server: "localhost".to_owned(),
            port: front.smtps.into(),
            security: v1::Security::Implicit.into(),
            authentication: true,
            login: ALICE.0.to_owned(),
            password: ALICE.1.to_owned(),
            max_connections: 1,
            ..v1::Account::default()
        };
        let fields = [
            "sender_email",
            "method",
            "server",
            "port",
            "security",
            "authentication",
            "login",
            "password",
            "max_connections",
        ];
        daemon.set(account, &fields).await.expect("the account");
        daemon
    }
}
