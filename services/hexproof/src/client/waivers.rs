//! `hexproof waivers`: failures that people accept for a time.

use anyhow::Context as _;
use hexproof_api::v1;

use super::args::{ProposeArgs, WaiverName, Waivers, WaiversCommand};
use super::call::{answered, ask, pages};
use super::connection::Server;
use super::{print, request_id};
use crate::cli::Format;
use crate::commands::print as out;
use crate::exit::Exit;

pub(super) async fn run(server: &Server, args: Waivers) -> anyhow::Result<Exit> {
    let format = args.format;
    match args.command {
        WaiversCommand::List { cluster, stage, limit } => {
            let message = v1::ListWaiversRequest {
                cluster_id: cluster.unwrap_or_default(),
                stages: stage.into_iter().map(|stage| v1::WaiverStage::from(stage).into()).collect(),
                ..v1::ListWaiversRequest::default()
            };
            list(server, message, limit, format).await
        }
        WaiversCommand::Propose(args) => {
            let message = proposal(*args)?;
            let answer = answered(|| {
                let mut client = server.waivers();
                let request = ask(message.clone());
                async move { client.propose_waiver(request).await }
            });
            show("ProposeWaiverResponse", &answer.await?, |answer| answer.waiver.as_ref(), format)
        }
        WaiversCommand::Approve { name, version } => approve(server, name, version, format).await,
        WaiversCommand::Revoke { name: WaiverName { cluster, waiver }, comment } => {
            let message = v1::RevokeWaiverRequest { cluster_id: cluster, waiver_id: waiver, comment };
            let answer = answered(|| {
                let mut client = server.waivers();
                let request = ask(message.clone());
                async move { client.revoke_waiver(request).await }
            });
            show("RevokeWaiverResponse", &answer.await?, |answer| answer.waiver.as_ref(), format)
        }
    }
}

fn proposal(args: ProposeArgs) -> anyhow::Result<v1::ProposeWaiverRequest> {
    let ProposeArgs {
        cluster,
        measure,
        kind,
        namespace,
        name,
        reason,
        compensating_control,
        owner,
        expiry,
        request_id: asked,
    } = args;
    Ok(v1::ProposeWaiverRequest {
        cluster_id: cluster,
        request_id: request_id(asked.as_ref())?,
        waiver: Some(v1::Waiver {
            measure,
            subject: Some(v1::SubjectSelector { kind, namespace, name }),
            reason,
            compensating_control,
            owner,
            expiry,
            ..v1::Waiver::default()
        }),
    })
}

/// Approves the version that was read: the one named, or the present one, which is printed before.
async fn approve(
    server: &Server,
    WaiverName { cluster, waiver }: WaiverName,
    version: Option<u64>,
    format: Format,
) -> anyhow::Result<Exit> {
    let version = match version {
        Some(version) => version,
        None => {
            let message = v1::GetWaiverRequest { cluster_id: cluster.clone(), waiver_id: waiver.clone() };
            let found = answered(|| {
                let mut client = server.waivers();
                let request = ask(message.clone());
                async move { client.get_waiver(request).await }
            });
            let found = found.await?.waiver.context("the server named no waiver")?;
            eprint!("approving\n{}", print::facts(&facts(&found)));
            found.version
        }
    };
    let message = v1::ApproveWaiverRequest { cluster_id: cluster, waiver_id: waiver, version };
    let answer = answered(|| {
        let mut client = server.waivers();
        let request = ask(message.clone());
        async move { client.approve_waiver(request).await }
    });
    show("ApproveWaiverResponse", &answer.await?, |answer| answer.waiver.as_ref(), format)
}

async fn list(
    server: &Server,
    message: v1::ListWaiversRequest,
    limit: usize,
    format: Format,
) -> anyhow::Result<Exit> {
    let (waivers, more) = pages(limit, async |page_size, page_token| {
        let message = v1::ListWaiversRequest { page_size, page_token, ..message.clone() };
        let page = answered(|| {
            let mut client = server.waivers();
            let request = ask(message.clone());
            async move { client.list_waivers(request).await }
        });
        let page = page.await?;
        Ok((page.waivers, page.next_page_token))
    })
    .await?;
    match format {
        Format::Json => {
            let answer = v1::ListWaiversResponse { waivers, next_page_token: String::new() };
            out(&print::json("ListWaiversResponse", &answer)?)?;
        }
        Format::Text => {
            let rows: Vec<_> = waivers.iter().map(row).collect();
            let heads = ["CLUSTER", "WAIVER", "STAGE", "MEASURE", "SUBJECT", "OWNER", "EXPIRY"];
            out(&print::table(&heads, &rows))?;
        }
    }
    if more {
        print::more(limit);
    }
    Ok(Exit::Done)
}

fn row(record: &v1::WaiverRecord) -> Vec<String> {
    let waiver = record.waiver.clone().unwrap_or_default();
    vec![
        record.cluster_id.clone(),
        waiver.id,
        stage(record.stage()),
        waiver.measure,
        subject(waiver.subject.as_ref()),
        waiver.owner,
        waiver.expiry,
    ]
}

fn stage(stage: v1::WaiverStage) -> String {
    print::word(stage.as_str_name(), "WAIVER_STAGE_")
}

/// Kind, namespace and name; a star where any will do.
fn subject(selector: Option<&v1::SubjectSelector>) -> String {
    let part = |part: Option<&String>| part.cloned().unwrap_or_else(|| "*".to_owned());
    selector.map_or_else(String::new, |selector| {
        format!(
            "{} {}/{}",
            part(selector.kind.as_ref()),
            part(selector.namespace.as_ref()),
            part(selector.name.as_ref())
        )
    })
}

fn facts(record: &v1::WaiverRecord) -> Vec<(&'static str, String)> {
    let waiver = record.waiver.clone().unwrap_or_default();
    let mut facts = vec![
        ("cluster", record.cluster_id.clone()),
        ("waiver", waiver.id),
        ("stage", stage(record.stage())),
        ("measure", waiver.measure),
        ("subject", subject(waiver.subject.as_ref())),
        ("reason", waiver.reason),
        ("compensating control", waiver.compensating_control),
        ("owner", waiver.owner),
        ("approver", waiver.approver),
        ("expiry", waiver.expiry),
        ("version", record.version.to_string()),
    ];
    for event in &record.history {
        let comment = if event.comment.is_empty() { String::new() } else { format!(": {}", event.comment) };
        let at = print::instant(event.at.as_ref());
        facts.push(("history", format!("{at} {} by {}{comment}", stage(event.stage()), event.subject)));
    }
    facts
}

fn show<M: prost::Message>(
    name: &str,
    answer: &M,
    waiver: impl Fn(&M) -> Option<&v1::WaiverRecord>,
    format: Format,
) -> anyhow::Result<Exit> {
    match format {
        Format::Json => out(&print::json(name, answer)?)?,
        Format::Text => {
            let waiver = waiver(answer).context("the server named no waiver")?;
            out(&print::facts(&facts(waiver)))?;
        }
    }
    Ok(Exit::Done)
}
