//! `policy show` and `policy set METHOD ROLE=DECISION`

use faxpost_proto::v1::{
    Decision, GetPolicyRequest, GetPolicyResponse, PolicyCell, PolicyRule, Role, UpdatePolicyRequest,
};

use super::{Context, request};
use crate::{
    args::{Cell as Change, Policy},
    error::Error,
    output::{
        style::Style,
        table::{Cell, Fit, Table},
    },
    words::{Word, word},
};

pub(super) async fn run(command: Policy, context: &mut Context) -> Result<(), Error> {
    match command {
        Policy::Show => show(context).await,
        Policy::Set { method, cell } => set(method, cell, context).await,
    }
}

async fn show(context: &mut Context) -> Result<(), Error> {
    let policy = context.admin().await?.get_policy(request(GetPolicyRequest {})).await?.into_inner();
    if context.out.is_json() {
        return context.out.json(&policy);
    }
    let rules = rules(&policy.rules, context);
    context.out.table(&rules)?;
    if policy.rules.iter().flat_map(|rule| &rule.cells).any(|cell| cell.changed) {
        context.out.line(context.texts.policy_changed)?;
    }
    context.out.line("")?;
    let roles = roles(&policy, context);
    context.out.table(&roles)
}

async fn set(method: String, cell: Change, context: &mut Context) -> Result<(), Error> {
    let call = UpdatePolicyRequest {
        method,
        role: cell.role.into(),
        decision: cell.decision.unwrap_or_default().into(),
    };
    let answer = context.admin().await?.update_policy(request(call)).await?.into_inner();
    if context.out.is_json() {
        return context.out.json(&answer);
    }
    let rule = rules(answer.rule.as_slice(), context);
    context.out.table(&rule)
}

fn rules(rules: &[PolicyRule], context: &Context) -> Table {
    let mut columns = vec![(context.texts.call, Fit::Whole)];
    columns.extend(Role::WORDS.iter().map(|(role, _)| (*role, Fit::Whole)));
    let mut table = Table::new(columns);
    for rule in rules {
        let mut row: Vec<Cell> = vec![rule.method.trim_start_matches("faxpost.v1.").into()];
        row.extend(Role::WORDS.iter().map(|&(_, role)| {
            let cell = rule.cells.iter().find(|cell| cell.role() == role);
            cell.map_or_else(|| "-".into(), decision)
        }));
        table.row(row);
    }
    table
}

fn decision(cell: &PolicyCell) -> Cell {
    let style = match cell.decision() {
        Decision::Allow => Style::Good,
        Decision::Approval => Style::Warn,
        Decision::Deny | Decision::Unspecified => Style::Dim,
    };
    let mark = if cell.changed { " *" } else { "" };
    Cell::styled(format!("{}{mark}", word::<Decision>(cell.decision)), style)
}

fn roles(policy: &GetPolicyResponse, context: &Context) -> Table {
    let mut table = Table::new([(context.texts.role_label, Fit::Whole)]).with_remarks(context.texts.members);
    for definition in &policy.roles {
        let members: Vec<_> = definition.members.iter().map(|member| context.texts.said(member)).collect();
        table.row_with([word::<Role>(definition.role).into()], members.join(", "));
    }
    table
}
