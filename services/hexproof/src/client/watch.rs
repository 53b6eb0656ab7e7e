//! Following an audit to its end, over as many streams as it takes.

use anyhow::Context as _;
use hexproof_api::v1;
use tonic::{Request, Status};

use super::call::{Patience, Refused, is_broken};
use super::connection::Server;
use crate::terminal::progress::Progress;

/// Follows an audit until it has ended. A stream that breaks is opened again; its first message is the present state.
pub(super) async fn to_end(
    server: &Server,
    cluster: &str,
    audit: &str,
    progress: &Progress,
) -> anyhow::Result<v1::Audit> {
    let mut patience = Patience::default();
    loop {
        let status = match stream(server, cluster, audit, progress, &mut patience).await {
            Ok(Some(ended)) => return Ok(ended),
            // The server went away in good order, as one that shuts down does.
            Ok(None) => Status::unavailable("the stream ended before the audit did"),
            Err(status) => status,
        };
        if !is_broken(&status) {
            return Err(Refused::new(&status).into());
        }
        patience.wait(&status).await.context("the audit goes on, but it cannot be followed")?;
    }
}

async fn stream(
    server: &Server,
    cluster: &str,
    audit: &str,
    progress: &Progress,
    patience: &mut Patience,
) -> Result<Option<v1::Audit>, Status> {
    let request = v1::WatchAuditRequest {
        cluster_id: cluster.to_owned(),
        audit_id: audit.to_owned(),
        min_interval: None,
    };
    let mut stream = server.audits().watch_audit(Request::new(request)).await?.into_inner();
    while let Some(message) = stream.message().await? {
        patience.renew();
        let Some(audit) = message.audit else { continue };
        if has_ended(audit.state()) {
            return Ok(Some(audit));
        }
        progress.reached(stage(audit.stage()), audit.done, audit.total);
    }
    Ok(None)
}

pub(super) fn has_ended(state: v1::AuditState) -> bool {
    match state {
        v1::AuditState::Succeeded | v1::AuditState::Failed | v1::AuditState::Cancelled => true,
        v1::AuditState::Unspecified | v1::AuditState::Queued | v1::AuditState::Running => false,
    }
}

/// The stages as an audit on this machine names them.
fn stage(stage: v1::AuditStage) -> &'static str {
    match stage {
        v1::AuditStage::Unspecified | v1::AuditStage::Waiting => "waiting",
        v1::AuditStage::Collecting => "collecting",
        v1::AuditStage::Scoring => "rating",
        v1::AuditStage::Rendering => "rendering",
        v1::AuditStage::Sealing => "sealing",
        v1::AuditStage::Archiving => "archiving",
    }
}
