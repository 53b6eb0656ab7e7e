//! A whole run over any archive, and a store that fails on demand.
#![allow(dead_code, unreachable_pub, reason = "each test binary uses its own share")]

pub mod count;
pub mod fault;
pub mod packs;
pub mod service;

use std::error::Error as _;

use bytes::Bytes;
use hexproof_archive::{Archive, ArchiveError, Claim, Claimed, ClusterId, Outcome, Part, RunId, RunResult};

pub fn cluster() -> ClusterId {
    "shop".parse().unwrap()
}

pub fn run_id() -> RunId {
    RunId::derive(&cluster(), &["nightly"])
}

/// One attempt at a run, as the pipeline makes it. The pack differs with each attempt, as signatures do.
pub async fn attempt(archive: &Archive, name: &str) -> Result<RunResult, ArchiveError> {
    attempt_with_pack(archive, name, format!("the pack, signed in {name}").into()).await
}

/// An attempt that makes this pack.
pub async fn attempt_with_pack(
    archive: &Archive,
    name: &str,
    pack: Bytes,
) -> Result<RunResult, ArchiveError> {
    let claim = Claim::new(cluster(), run_id(), name, "2026-11-24T10:00:00Z");
    let mut run = match archive.claim(&claim).await? {
        Claimed::New(run) | Claimed::Unfinished { run, .. } => run,
        Claimed::Finished(result) => return Ok(result),
    };
    run.put(Part::Snapshot, "the snapshot".into()).await?;
    run.put(Part::Population, "the population".into()).await?;
    run.put(Part::Assessment, "the assessment".into()).await?;
    run.put_pack(pack).await?;
    let outcome = Outcome {
        finished_at: "2026-11-24T10:00:02Z".into(),
        rating: "RATING_D".into(),
        complete: true,
        overall: None,
    };
    Ok(run.finish(outcome).await?.result)
}

/// What must hold of a store at any moment: a result is there only with everything that it names.
pub async fn assert_sound(archive: &Archive, context: &str) -> Option<RunResult> {
    let result =
        archive.result(&cluster(), run_id()).await.unwrap_or_else(|error| panic!("{context}: {error}"))?;
    archive.snapshot(&result).await.unwrap_or_else(|error| panic!("{context}: {error}"));
    archive.population(&result).await.unwrap_or_else(|error| panic!("{context}: {error}"));
    archive.assessment(&result).await.unwrap_or_else(|error| panic!("{context}: {error}"));
    archive.pack(&result.pack.digest).await.unwrap_or_else(|error| panic!("{context}: {error}"));
    Some(result)
}

/// An error with its causes on one line, as the program prints it.
pub fn chain(error: &ArchiveError) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        text = format!("{text}: {cause}");
        next = cause.source();
    }
    text
}
