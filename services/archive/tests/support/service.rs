//! Orders and endings for tests of the ports.

use hexproof_archive::{Archive, Claim, Claimed, ClusterId, Outcome, Part};
use hexproof_core::audit::{AuditKey, AuditOrder, Ending, Trigger};
use jiff::{Timestamp, ToSpan as _};

pub fn at(second: i64) -> Timestamp {
    "2026-11-24T10:00:00Z".parse::<Timestamp>().unwrap() + second.seconds()
}

pub fn order(cluster: &str, request: &str, second: i64) -> AuditOrder {
    let cluster: ClusterId = cluster.parse().unwrap();
    let trigger = Trigger::Request { request: request.into(), subject: "ada".into() };
    AuditOrder { key: AuditKey { run: trigger.run(&cluster), cluster }, trigger, created: at(second) }
}

pub fn failed() -> Ending {
    Ending::Failed { reason: "the API server does not answer".into() }
}

/// What a worker does with an order; the digest of the pack that stands.
pub async fn carry_out(
    archive: &Archive,
    order: &AuditOrder,
    finished: Timestamp,
) -> Result<(), hexproof_archive::ArchiveError> {
    let mut run = match archive.claim(&Claim::of(order)).await? {
        Claimed::New(run) | Claimed::Unfinished { run, .. } => run,
        Claimed::Finished(_) => return Ok(()),
    };
    run.put(Part::Snapshot, "the snapshot".into()).await?;
    run.put(Part::Population, "the population".into()).await?;
    run.put(Part::Assessment, assessment()).await?;
    run.put_pack(format!("%PDF of {}", order.key.run).into()).await?;
    let outcome = Outcome {
        finished_at: finished.to_string(),
        rating: "RATING_D".into(),
        complete: true,
        overall: None,
    };
    run.finish(outcome).await.map(|_| ())
}

/// An assessment is opaque to the archive, but for being packed.
fn assessment() -> bytes::Bytes {
    zstd::encode_all(&b"{}"[..], 3).unwrap().into()
}
