//! An audit as the service sees it: who started it, how far it is, what it came to.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::digest::Digest;
use crate::id::{ClusterId, RecordId, RunId};
use crate::scale::Rating;

/// Names one audit.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct AuditKey {
    /// The cluster.
    pub cluster: ClusterId,
    /// The run.
    pub run: RunId,
}

/// Who or what started an audit. Each trigger belongs to exactly one run id, so that it can fire any number of times.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", tag = "by", deny_unknown_fields)]
pub enum Trigger {
    /// A caller asked for it.
    Request {
        /// The id that the caller chose.
        request: String,
        /// Who asked.
        subject: String,
    },
    /// A schedule was due.
    Slot {
        /// The schedule.
        schedule: RecordId,
        /// The instant that the schedule names, without jitter.
        slot: Timestamp,
    },
    /// An agent delivered a snapshot that nobody had asked for.
    Submission {
        /// The id that the agent chose.
        request: String,
        /// Who delivered it.
        subject: String,
    },
}

impl Trigger {
    /// The run that this trigger stands for, on any machine and at any time.
    pub fn run(&self, cluster: &ClusterId) -> RunId {
        match self {
            Self::Request { request, .. } => RunId::derive(cluster, &["request", request]),
            Self::Slot { schedule, slot } => {
                RunId::derive(cluster, &["slot", schedule.as_str(), &slot.as_second().to_string()])
            }
            Self::Submission { request, subject } => {
                RunId::derive(cluster, &["submission", subject, request])
            }
        }
    }
}

/// An audit that is to be done: what `claim.json` of its run says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditOrder {
    /// The audit.
    pub key: AuditKey,
    /// Who or what started it.
    pub trigger: Trigger,
    /// When it was recorded.
    pub created: Timestamp,
}

/// What an audit is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Stage {
    /// It waits for a worker or for a snapshot.
    Waiting,
    /// Objects are read.
    Collecting,
    /// Measures judge the snapshot.
    Scoring,
    /// The report is set in type.
    Rendering,
    /// The report is signed.
    Sealing,
    /// Everything is stored.
    Archiving,
}

impl Stage {
    /// Every stage, in order.
    pub const ALL: [Self; 6] =
        [Self::Waiting, Self::Collecting, Self::Scoring, Self::Rendering, Self::Sealing, Self::Archiving];

    /// The name as it stands in metrics and logs.
    pub fn word(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Collecting => "collecting",
            Self::Scoring => "scoring",
            Self::Rendering => "rendering",
            Self::Sealing => "sealing",
            Self::Archiving => "archiving",
        }
    }
}

/// How far an audit is within its stage.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Progress {
    /// The stage.
    pub stage: Stage,
    /// Objects done in it.
    pub done: u64,
    /// Objects to be done in it; 0 if that is not known.
    pub total: u64,
}

impl Progress {
    /// The beginning of a stage.
    pub fn begin(stage: Stage) -> Self {
        Self { stage, done: 0, total: 0 }
    }
}

/// How an audit ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", tag = "state", deny_unknown_fields)]
pub enum Ending {
    /// Its pack is in the store.
    #[serde(rename_all = "camelCase")]
    Succeeded {
        /// The rating of the cluster.
        rating: Rating,
        /// Whether everything that was asked could be read.
        complete: bool,
        /// The pack.
        pack: Digest,
        /// Bytes of the pack.
        pack_size: u64,
        /// The stored snapshot.
        snapshot: Digest,
        /// The stored assessment.
        assessment: Digest,
    },
    /// It ended without a pack.
    Failed {
        /// Why, as a sentence without a final stop; fit for the caller's eyes.
        reason: String,
    },
    /// It was stopped by request.
    Cancelled {
        /// Who asked.
        subject: String,
    },
}

/// An audit as the store knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditRecord {
    /// What was ordered.
    pub order: AuditOrder,
    /// How and when it ended; `None` while it has not.
    pub ended: Option<(Ending, Timestamp)>,
    /// Who asked for it to be stopped, if anybody did.
    pub cancel_requested: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trigger_names_its_run_and_no_other() {
        let shop: ClusterId = "shop".parse().unwrap();
        let slot = Trigger::Slot {
            schedule: "nightly".parse().unwrap(),
            slot: "2026-11-24T02:00:00Z".parse().unwrap(),
        };
        assert_eq!(slot.run(&shop), slot.clone().run(&shop));
        let request = |request: &str, subject: &str| Trigger::Request {
            request: request.into(),
            subject: subject.into(),
        };
        // Whoever repeats a request id means the same request.
        assert_eq!(request("a", "x").run(&shop), request("a", "y").run(&shop));
        let submission = Trigger::Submission { request: "a".into(), subject: "x".into() };
        assert_ne!(request("a", "x").run(&shop), submission.run(&shop));
        assert_ne!(slot.run(&shop), slot.run(&"other".parse().unwrap()));
    }
}
