//! `log transcript ID`

use faxpost_proto::v1::GetTranscriptRequest;

use crate::{
    commands::{Context, request},
    error::Error,
    output::{escape::escape, style::Style},
};

pub(super) async fn run(id: i64, context: &mut Context) -> Result<(), Error> {
    let answer =
        context.log().await?.get_transcript(request(GetTranscriptRequest { id })).await?.into_inner();
    if context.out.is_json() {
        return context.out.json(&answer);
    }
    for line in answer.text.lines() {
        // What the client said stands out from what the server said.
        let style = match direction(line) {
            Some("C") => Style::Bold,
            Some("*") => Style::Dim,
            _ => Style::Plain,
        };
        let line = context.out.paint(style, &escape(line));
        context.out.line(&line)?;
    }
    if answer.truncated {
        context.out.note(context.texts.truncated)?;
    }
    Ok(())
}

/// `  12 C: EHLO host` → `C`
fn direction(line: &str) -> Option<&str> {
    line.split_whitespace().nth(1).map(|word| word.trim_end_matches(':'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_direction_stands_after_the_milliseconds() {
        assert_eq!(direction("  12 C: EHLO host"), Some("C"));
        assert_eq!(direction("0 S 220 hello"), Some("S"));
        assert_eq!(direction(""), None);
    }
}
