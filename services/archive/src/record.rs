//! The small JSON records of a run: its claim, its end, and that somebody wants it stopped.
//!
//! Each carries a `version`. A reader refuses a version it does not know and fields it does not know: a
//! record that is half understood is not evidence.

mod claim;
mod ended;
mod overall;

use bytes::Bytes;
use hexproof_core::digest::Digest;
use hexproof_core::port::evidence::ScoreEntry;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

pub use claim::Claim;
pub(crate) use ended::Ended;
pub use overall::Overall;

use crate::layout::{ClusterId, RunId};

/// Records are small; more than this is not one of ours.
pub(crate) const LARGEST_RECORD: u64 = 1 << 20;

/// What the caller says of a run that it finishes.
#[derive(Debug, Clone, PartialEq)]
pub struct Outcome {
    /// When the run was finished, RFC 3339 in UTC, by the caller's clock.
    pub finished_at: String,
    /// The rating of the cluster as the contract spells it, such as `RATING_D`.
    pub rating: String,
    /// Whether all sources were read; the population says which were not.
    pub complete: bool,
    /// The score of the cluster, for lists.
    pub overall: Option<ScoreEntry>,
}

/// One stored object: its digest and its length in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Stored {
    /// SHA-256 of the bytes.
    pub digest: Digest,
    /// Length in bytes.
    pub length: u64,
}

impl Stored {
    /// Describes `bytes`.
    pub fn of(bytes: &[u8]) -> Self {
        Self { digest: Digest::of(bytes), length: bytes.len() as u64 }
    }
}

/// What a run came to. Stored as `result.json`, last; it names the one pack that counts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RunResult {
    version: Version<1>,
    /// The cluster the run audited.
    pub cluster: ClusterId,
    /// The run.
    pub run: RunId,
    /// When the run was finished, RFC 3339 in UTC.
    pub finished_at: String,
    /// The rating of the cluster, such as `RATING_D`.
    pub rating: String,
    /// Whether all sources were read.
    pub complete: bool,
    /// The score of the cluster; absent in results that were written before lists showed it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub overall: Option<Overall>,
    /// The snapshot.
    pub snapshot: Stored,
    /// The population.
    pub population: Stored,
    /// The assessment.
    pub assessment: Stored,
    /// The pack; its digest is its key.
    pub pack: Stored,
}

impl RunResult {
    pub(crate) fn new(claim: &Claim, outcome: Outcome, parts: [Stored; 3], pack: Stored) -> Self {
        let [snapshot, population, assessment] = parts;
        Self {
            version: Version,
            cluster: claim.cluster.clone(),
            run: claim.run,
            finished_at: outcome.finished_at,
            rating: outcome.rating,
            complete: outcome.complete,
            overall: outcome.overall.map(Overall::from),
            snapshot,
            population,
            assessment,
            pack,
        }
    }
}

/// The bytes of a record: pretty JSON with a final newline, so that a person can read the store too.
pub(crate) fn to_bytes<T: Serialize>(record: &T) -> Result<Bytes, serde_json::Error> {
    let mut bytes = serde_json::to_vec_pretty(record)?;
    bytes.push(b'\n');
    Ok(bytes.into())
}

/// Somebody wants a run stopped. Stored as `cancel.json`; the first wish counts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Cancel {
    version: Version<1>,
    /// Who.
    pub(crate) subject: String,
    /// When.
    pub(crate) asked_at: Timestamp,
}

impl Cancel {
    pub(crate) fn new(subject: &str, asked_at: Timestamp) -> Self {
        Self { version: Version, subject: subject.to_owned(), asked_at }
    }
}

/// The number `N`, and nothing else, in JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "u32", into = "u32")]
struct Version<const N: u32>;

impl<const N: u32> From<Version<N>> for u32 {
    fn from(_: Version<N>) -> u32 {
        N
    }
}

impl<const N: u32> TryFrom<u32> for Version<N> {
    type Error = String;
    fn try_from(version: u32) -> Result<Self, String> {
        match version == N {
            true => Ok(Version),
            false => Err(format!("record version {version} is not known to this program, which knows {N}")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Written once; every later program must still read these bytes to these values.
    const CLAIM_V1: &str = include_str!("../tests/golden/claim-v1.json");
    const RESULT_V1: &str = include_str!("../tests/golden/result-v1.json");

    fn claim() -> Claim {
        let run = "0b7c9a52-1f04-5e1b-8c3d-9a0f6e5d4c3b".parse().unwrap();
        Claim::new("shop".parse().unwrap(), run, "host-1", "2026-11-24T10:00:00Z")
    }

    fn result() -> RunResult {
        let outcome = Outcome {
            finished_at: "2026-11-24T10:00:02Z".into(),
            rating: "RATING_D".into(),
            complete: true,
            overall: None,
        };
        let parts = [b"snapshot".as_slice(), b"population", b"assessment"].map(Stored::of);
        RunResult::new(&claim(), outcome, parts, Stored::of(b"pack"))
    }

    #[test]
    fn version_one_is_read_and_written_as_it_was() {
        assert_eq!(serde_json::from_str::<Claim>(CLAIM_V1).unwrap(), claim());
        assert_eq!(serde_json::from_str::<RunResult>(RESULT_V1).unwrap(), result());
        assert_eq!(to_bytes(&claim()).unwrap(), CLAIM_V1);
        assert_eq!(to_bytes(&result()).unwrap(), RESULT_V1);
    }

    #[test]
    fn a_score_is_written_to_the_hundredth_and_read_back() {
        let score = ScoreEntry { low: 41.07, high: 89.99, coverage: 100.0, gates: 3 };
        let result = RunResult { overall: Some(score.into()), ..result() };
        let bytes = to_bytes(&result).unwrap();
        let text = std::str::from_utf8(&bytes).unwrap();
        assert!(text.contains("\"scoreLow\": 41.07"), "{text}");
        let read: RunResult = serde_json::from_slice(&bytes).unwrap();
        assert_eq!(read.overall.map(ScoreEntry::from), Some(score));
        for wrong in ["-0.01", "100.01", "41.075", "1e300", "null"] {
            let text = text.replace("41.07", wrong);
            assert!(serde_json::from_str::<RunResult>(&text).is_err(), "{wrong}");
        }
    }

    #[test]
    fn an_unknown_version_or_field_is_refused() {
        let newer = RESULT_V1.replace("\"version\": 1", "\"version\": 2");
        let error = serde_json::from_str::<RunResult>(&newer).unwrap_err().to_string();
        assert!(error.contains("version 2"), "{error}");
        let more = CLAIM_V1.replace("\"version\": 1,", "\"version\": 1, \"lease\": 3,");
        assert!(serde_json::from_str::<Claim>(&more).is_err());
    }
}
