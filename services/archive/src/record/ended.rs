//! What `result.json` says: a pack, or that there will be none.
//!
//! Both ways to end are one object that is written once, so a run has exactly one ending however many workers race.
//! Version 1 names a pack, version 2 says why there is none; a program that knows version 1 only refuses the other
//! instead of taking it for a success.

use hexproof_core::audit::{AuditKey, Ending};
use hexproof_core::port::evidence::{PackEntry, ScoreEntry};
use jiff::Timestamp;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

use super::{RunResult, Version};
use crate::layout::{ClusterId, RunId};

/// How a run ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub(crate) enum Ended {
    /// With a pack.
    Pack(Box<RunResult>),
    /// Without.
    Without(Without),
}

/// The end of a run that has no pack.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Without {
    version: Version<2>,
    cluster: ClusterId,
    run: RunId,
    ended_at: Timestamp,
    ending: Ending,
}

impl Ended {
    /// The end of a run without a pack; `None` for a success, which only a run that stored everything can claim.
    pub(crate) fn without(key: &AuditKey, ending: &Ending, at: Timestamp) -> Option<Self> {
        let AuditKey { cluster, run } = key.clone();
        match ending {
            Ending::Succeeded { .. } => None,
            Ending::Failed { .. } | Ending::Cancelled { .. } => Some(Self::Without(Without {
                version: Version,
                cluster,
                run,
                ended_at: at,
                ending: ending.clone(),
            })),
        }
    }

    /// The run.
    pub(crate) fn key(&self) -> (&ClusterId, RunId) {
        match self {
            Self::Pack(result) => (&result.cluster, result.run),
            Self::Without(without) => (&without.cluster, without.run),
        }
    }

    /// The ending and its time.
    ///
    /// # Errors
    /// What of the result cannot be understood.
    pub(crate) fn ending(&self) -> Result<(Ending, Timestamp), String> {
        match self {
            Self::Without(without) => Ok((without.ending.clone(), without.ended_at)),
            Self::Pack(result) => {
                let ending = Ending::Succeeded {
                    rating: result.rating.parse().map_err(|error| format!("`rating`: {error}"))?,
                    complete: result.complete,
                    pack: result.pack.digest,
                    pack_size: result.pack.length,
                    snapshot: result.snapshot.digest,
                    assessment: result.assessment.digest,
                };
                let at = result.finished_at.parse().map_err(|error| format!("`finishedAt`: {error}"))?;
                Ok((ending, at))
            }
        }
    }

    /// The pack as lists show it; `None` if there is none.
    ///
    /// # Errors
    /// What of the result cannot be understood.
    pub(crate) fn pack(&self) -> Result<Option<PackEntry>, String> {
        let Self::Pack(result) = self else { return Ok(None) };
        Ok(Some(PackEntry {
            key: AuditKey { cluster: result.cluster.clone(), run: result.run },
            finished: result.finished_at.parse().map_err(|error| format!("`finishedAt`: {error}"))?,
            rating: result.rating.parse().map_err(|error| format!("`rating`: {error}"))?,
            score: result.overall.map(ScoreEntry::from),
            complete: result.complete,
            size: result.pack.length,
            digest: result.pack.digest,
        }))
    }

    /// Why there is no pack, for people; `None` if there is one.
    pub(crate) fn why_without(&self) -> Option<String> {
        match self {
            Self::Pack(_) => None,
            Self::Without(Without { ending, .. }) => Some(match ending {
                Ending::Failed { reason } => reason.clone(),
                Ending::Cancelled { subject } => format!("it was stopped by `{subject}`"),
                Ending::Succeeded { .. } => "it says both".to_owned(),
            }),
        }
    }
}

impl<'de> Deserialize<'de> for Ended {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let record = Value::deserialize(deserializer)?;
        if record.get("version") != Some(&2.into()) {
            let result = serde_json::from_value(record).map_err(D::Error::custom)?;
            return Ok(Self::Pack(Box::new(result)));
        }
        let without: Without = serde_json::from_value(record).map_err(D::Error::custom)?;
        match without.ending {
            Ending::Succeeded { .. } => Err(D::Error::custom("a success of version 2")),
            Ending::Failed { .. } | Ending::Cancelled { .. } => Ok(Self::Without(without)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RESULT_V1: &str = include_str!("../../tests/golden/result-v1.json");
    const RESULT_V2: &str = include_str!("../../tests/golden/result-v2.json");

    fn failed() -> Ended {
        let key = AuditKey {
            cluster: "shop".parse().unwrap(),
            run: "0b7c9a52-1f04-5e1b-8c3d-9a0f6e5d4c3b".parse().unwrap(),
        };
        let ending = Ending::Failed { reason: "the API server does not answer".into() };
        Ended::without(&key, &ending, "2026-11-24T10:00:02Z".parse().unwrap()).unwrap()
    }

    #[test]
    fn an_end_without_a_pack_is_read_and_written_as_it_was() {
        assert_eq!(super::super::to_bytes(&failed()).unwrap(), RESULT_V2);
        assert_eq!(serde_json::from_str::<Ended>(RESULT_V2).unwrap(), failed());
        // A reader of results alone does not take it for one.
        assert!(serde_json::from_str::<RunResult>(RESULT_V2).is_err());
    }

    #[test]
    fn a_result_is_a_success_with_all_its_facts() {
        let ended: Ended = serde_json::from_str(RESULT_V1).unwrap();
        let (ending, at) = ended.ending().unwrap();
        assert!(matches!(ending, Ending::Succeeded { complete: true, pack_size: 4, .. }), "{ending:?}");
        assert_eq!(at.to_string(), "2026-11-24T10:00:02Z");
        let wrong: Ended = serde_json::from_str(&RESULT_V1.replace("RATING_D", "RATING_Z")).unwrap();
        assert!(wrong.ending().unwrap_err().contains("rating"));
    }

    #[test]
    fn a_success_never_comes_by_the_way_of_failures() {
        let text = r#"{"version":2,"cluster":"shop","run":"0b7c9a52-1f04-5e1b-8c3d-9a0f6e5d4c3b",
            "endedAt":"2026-11-24T10:00:02Z","ending":{"state":"cancelled","subject":"ada"}}"#;
        assert!(serde_json::from_str::<Ended>(text).unwrap().why_without().unwrap().contains("ada"));
        assert!(serde_json::from_str::<Ended>("{\"version\":3}").is_err());
    }
}
