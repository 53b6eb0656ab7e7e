//! `hexproof audits`: what a server audited and audits.

use anyhow::Context as _;
use hexproof_api::v1;

use super::args::{AuditName, Audits, AuditsCommand};
use super::call::{answered, ask, pages};
use super::connection::Server;
use super::{print, watch};
use crate::cli::Format;
use crate::commands::print as out;
use crate::exit::Exit;
use crate::terminal::progress::Progress;

pub(super) async fn run(server: &Server, args: Audits) -> anyhow::Result<Exit> {
    let format = args.format;
    match args.command {
        AuditsCommand::List { cluster, state, limit } => list(server, cluster, state, limit, format).await,
        AuditsCommand::Show(AuditName { cluster, audit }) => {
            let message = v1::GetAuditRequest { cluster_id: cluster, audit_id: audit, read_mask: None };
            let answer = answered(|| {
                let mut client = server.audits();
                let request = ask(message.clone());
                async move { client.get_audit(request).await }
            });
            show("GetAuditResponse", &answer.await?, |answer| answer.audit.as_ref(), format)
        }
        AuditsCommand::Watch { name, quiet } => {
            let progress = Progress::new(quiet);
            let audit = watch::to_end(server, &name.cluster, &name.audit, &progress).await?;
            progress.finish();
            let failed = audit.state() != v1::AuditState::Succeeded;
            let answer = v1::GetAuditResponse { audit: Some(audit) };
            show("GetAuditResponse", &answer, |answer| answer.audit.as_ref(), format)?;
            Ok(if failed { Exit::Unusable } else { Exit::Done })
        }
        AuditsCommand::Cancel(AuditName { cluster, audit }) => {
            let message = v1::CancelAuditRequest { cluster_id: cluster, audit_id: audit };
            let answer = answered(|| {
                let mut client = server.audits();
                let request = ask(message.clone());
                async move { client.cancel_audit(request).await }
            });
            show("CancelAuditResponse", &answer.await?, |answer| answer.audit.as_ref(), format)
        }
    }
}

async fn list(
    server: &Server,
    cluster: Option<String>,
    state: Vec<super::args::AuditStateArg>,
    limit: usize,
    format: Format,
) -> anyhow::Result<Exit> {
    let message = v1::ListAuditsRequest {
        cluster_id: cluster.unwrap_or_default(),
        states: state.into_iter().map(|state| v1::AuditState::from(state).into()).collect(),
        ..v1::ListAuditsRequest::default()
    };
    let (audits, more) = pages(limit, async |page_size, page_token| {
        let message = v1::ListAuditsRequest { page_size, page_token, ..message.clone() };
        let page = answered(|| {
            let mut client = server.audits();
            let request = ask(message.clone());
            async move { client.list_audits(request).await }
        });
        let page = page.await?;
        Ok((page.audits, page.next_page_token))
    })
    .await?;
    match format {
        Format::Json => {
            let answer = v1::ListAuditsResponse { audits, next_page_token: String::new() };
            out(&print::json("ListAuditsResponse", &answer)?)?;
        }
        Format::Text => {
            let rows: Vec<_> = audits.iter().map(row).collect();
            out(&print::table(&["CLUSTER", "AUDIT", "STATE", "RATING", "RECORDED", "ENDED"], &rows))?;
        }
    }
    if more {
        print::more(limit);
    }
    Ok(Exit::Done)
}

fn row(audit: &v1::Audit) -> Vec<String> {
    let rating =
        audit.result.as_ref().map_or_else(|| "-".to_owned(), |result| print::rating(result.rating()));
    vec![
        audit.cluster_id.clone(),
        audit.audit_id.clone(),
        state(audit),
        rating,
        print::instant(audit.create_time.as_ref()),
        print::instant(audit.finish_time.as_ref()),
    ]
}

/// The state in a word.
pub(super) fn state(audit: &v1::Audit) -> String {
    print::word(audit.state().as_str_name(), "AUDIT_STATE_")
}

fn show<M: prost::Message>(
    name: &str,
    answer: &M,
    audit: impl Fn(&M) -> Option<&v1::Audit>,
    format: Format,
) -> anyhow::Result<Exit> {
    match format {
        Format::Json => out(&print::json(name, answer)?)?,
        Format::Text => {
            let audit = audit(answer).context("the server named no audit")?;
            out(&print::facts(&facts(audit)))?;
        }
    }
    Ok(Exit::Done)
}

fn facts(audit: &v1::Audit) -> Vec<(&'static str, String)> {
    let mut facts = vec![
        ("cluster", audit.cluster_id.clone()),
        ("audit", audit.audit_id.clone()),
        ("state", state(audit)),
    ];
    if !watch::has_ended(audit.state()) {
        let stage = print::word(audit.stage().as_str_name(), "AUDIT_STAGE_");
        let counted = match (audit.done, audit.total) {
            (0, _) => String::new(),
            (done, 0) => format!(", {done} done"),
            (done, total) => format!(", {done} of {total}"),
        };
        facts.push(("stage", stage + &counted));
    }
    facts.push(("started by", audit.trigger.as_ref().map(trigger).unwrap_or_default()));
    facts.push(("recorded", print::instant(audit.create_time.as_ref())));
    facts.push(("ended", print::instant(audit.finish_time.as_ref())));
    facts.push(("failure", audit.failure.clone()));
    if let Some(result) = &audit.result {
        let complete = if result.complete { "yes" } else { "no" };
        facts.push(("rating", print::rating(result.rating())));
        facts.push(("complete", complete.to_owned()));
        facts.push(("pack", result.pack_digest.clone()));
    }
    facts
}

fn trigger(trigger: &v1::AuditTrigger) -> String {
    use v1::audit_trigger::By;
    match &trigger.by {
        None => String::new(),
        Some(By::Request(request)) => format!("{} (request {})", request.subject, request.request_id),
        Some(By::Slot(slot)) => {
            format!("schedule {} at {}", slot.schedule_id, print::instant(slot.slot.as_ref()))
        }
        Some(By::Submission(submission)) => {
            format!("{} (submission {})", submission.subject, submission.request_id)
        }
    }
}
