//! `signin --device`: the person signs in on any other device, with a code (RFC 8628).

use std::time::{Duration, SystemTime};

use faxpost_proto::v1::{SignInWithDeviceRequest, SignInWithDeviceResponse};
use tokio::time::{MissedTickBehavior, interval};

use super::{command, done, refused};
use crate::{
    commands::Context,
    error::Error,
    exit::Exit,
    output::{escape::one_line, escape::width, style::Style},
};

pub(super) async fn run(id: &str, context: &mut Context) -> Result<(), Error> {
    let call = SignInWithDeviceRequest { account: id.to_owned() };
    let mut answers = context.oauth().await?.sign_in_with_device(call).await?.into_inner();
    let mut clock = Clock::default();
    let mut seconds = interval(Duration::from_secs(1));
    seconds.set_missed_tick_behavior(MissedTickBehavior::Skip);
    loop {
        let answer = tokio::select! {
            answer = answers.message() => answer,
            _ = seconds.tick() => {
                clock.draw(context)?;
                continue;
            }
        };
        clock.clear(context)?;
        let Some(answer) = answer? else {
            // The daemon says why when it is refused, and so it stops.
            let sentence = (context.texts.signin.timed_out)(&format!("{} --device", command(id)));
            return Err(refused(&sentence, Exit::Temporary, context));
        };
        if context.out.is_json() {
            context.out.json(&answer)?;
        } else {
            tell(&answer, context)?;
        }
        if answer.expire_time.is_some() {
            clock.end = answer.expire_time.and_then(|time| SystemTime::try_from(time).ok());
        }
        if let Some(sign_in) = answer.sign_in {
            return if context.out.is_json() { Ok(()) } else { done(&sign_in, context) };
        }
    }
}

/// Each on a line of its own, to be copied.
fn tell(answer: &SignInWithDeviceResponse, context: &mut Context) -> Result<(), Error> {
    if answer.user_code.is_empty() {
        return Ok(());
    }
    let texts = &context.texts.signin;
    context.out.line(texts.go_to)?;
    context.out.line(&format!("\n  {}\n", one_line(&answer.verification_uri)))?;
    let code = context.out.paint(Style::Bold, &one_line(&answer.user_code));
    context.out.line(&format!("{}:\n\n  {code}\n", texts.code))?;
    if !answer.verification_uri_complete.is_empty() {
        context.out.line(&format!(
            "{}:\n\n  {}\n",
            texts.or_go_to,
            one_line(&answer.verification_uri_complete)
        ))?;
    }
    context.out.flush()
}

/// The time left, live, where somebody looks.
#[derive(Default)]
struct Clock {
    end: Option<SystemTime>,
    /// Columns on the screen.
    drawn: usize,
}

impl Clock {
    fn draw(&mut self, context: &mut Context) -> Result<(), Error> {
        if context.out.is_json() || context.out.width().is_none() {
            return Ok(());
        }
        let Some(end) = self.end else { return Ok(()) };
        let left = end.duration_since(SystemTime::now()).unwrap_or_default().as_secs();
        let line = (context.texts.signin.time_left)(&minutes(left));
        let blanks = " ".repeat(self.drawn.saturating_sub(width(&line)));
        context.out.piece(&format!("\r{line}{blanks}"))?;
        self.drawn = width(&line);
        Ok(())
    }

    fn clear(&mut self, context: &mut Context) -> Result<(), Error> {
        if self.drawn > 0 {
            context.out.piece(&format!("\r{}\r", " ".repeat(self.drawn)))?;
            self.drawn = 0;
        }
        Ok(())
    }
}

fn minutes(seconds: u64) -> String {
    format!("{}:{:02}", seconds / 60, seconds % 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn b3_the_time_left_is_minutes_and_seconds() {
        assert_eq!([0, 59, 60, 605].map(minutes), ["0:00", "0:59", "1:00", "10:05"]);
    }
}
