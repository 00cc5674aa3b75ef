//! `request watch`: a line for each request as it comes and changes. Ctrl-C ends the program.

use std::collections::HashMap;

use faxpost_proto::v1::{Request, WatchRequestsRequest};

use super::{method, show::style};
use crate::{
    commands::Context,
    error::Error,
    output::escape::{one_line, shorten, width},
};

pub(super) async fn run(context: &mut Context) -> Result<(), Error> {
    let mut states = context.approvals().await?.watch_requests(WatchRequestsRequest {}).await?.into_inner();
    let mut shown = HashMap::new();
    while let Some(snapshot) = states.message().await? {
        if context.out.is_json() {
            context.out.json(&snapshot)?;
            continue;
        }
        // Newest first on the wire; people read on.
        shown.retain(|number, _| snapshot.requests.iter().any(|request| request.number == *number));
        for request in snapshot.requests.iter().rev() {
            if shown.insert(request.number, request.state) != Some(request.state) {
                let line = line(request, context);
                context.out.line(&line)?;
            }
        }
        context.out.flush()?;
    }
    Ok(())
}

fn line(request: &Request, context: &Context) -> String {
    let state = (context.texts.certificates.request_state)(request.state());
    let before = format!("{:>4}  ", request.number);
    let summary = context.texts.said(&request.summary);
    let parts = [&*request.caller_name, method(request), &*summary, &*request.decision_text];
    let parts = parts.into_iter().filter(|part| !part.is_empty()).map(one_line);
    let rest = parts.collect::<Vec<_>>().join("  ");
    let room = context.out.width().map(|columns| columns.saturating_sub(width(&before) + width(state) + 2));
    let rest = room.map_or_else(|| rest.clone().into(), |room| shorten(&rest, room));
    format!("{before}{}  {rest}", context.out.paint(style(request.state()), state))
}
