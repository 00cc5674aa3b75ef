//! `request list`

use faxpost_proto::v1::{ListRequestsRequest, ListRequestsResponse, RequestState};

use super::{method, show::style};
use crate::{
    commands::{Context, page_size, request},
    error::Error,
    output::table::{Cell, Fit, Table},
    times,
};

/// What the daemon gives on one page at most.
const PAGE: u32 = 100;

pub(super) async fn run(states: &[RequestState], number: u32, context: &mut Context) -> Result<(), Error> {
    let mut client = context.approvals().await?;
    let mut all = ListRequestsResponse::default();
    while page_size(number, all.requests.len(), PAGE) > 0 {
        let page = ListRequestsRequest {
            page_size: page_size(number, all.requests.len(), PAGE),
            page_token: all.next_page_token.clone(),
            states: states.iter().map(|&state| state.into()).collect(),
        };
        let page = client.list_requests(request(page)).await?.into_inner();
        all.requests.extend(page.requests);
        all.next_page_token = page.next_page_token;
        if all.next_page_token.is_empty() {
            break;
        }
    }
    if context.out.is_json() {
        return context.out.json(&all);
    }
    if all.requests.is_empty() {
        return context.out.note(context.texts.nothing);
    }
    let (texts, words) = (context.texts, context.texts.certificates);
    let mut table = Table::new([
        (words.number, Fit::Whole),
        (texts.state, Fit::Whole),
        (words.asked_at, Fit::WholeOrDrop),
        (words.asked_by, Fit::Shorten),
        (words.what, Fit::Shorten),
        (texts.call, Fit::WholeOrDrop),
    ]);
    for request in &all.requests {
        table.row([
            request.number.to_string().into(),
            Cell::styled((words.request_state)(request.state()), style(request.state())),
            times::local(request.create_time.as_ref()).into(),
            (&*request.caller_name).into(),
            texts.said(&request.summary).into(),
            method(request).into(),
        ]);
    }
    context.out.table(&table)?;
    if !all.next_page_token.is_empty() {
        context.out.note(context.texts.more)?;
    }
    Ok(())
}
