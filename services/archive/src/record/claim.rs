//! The claim of a run, in the two versions that there are.
//!
//! Version 1 is written by who runs an audit here and now, version 2 by a service that records an order which some
//! worker is to carry out. Both are read forever.

use hexproof_core::audit::{AuditKey, AuditOrder, Trigger};
use jiff::Timestamp;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

use super::Version;
use crate::layout::{ClusterId, RunId};

/// Who took a run on. Stored as `claim.json`; the first writer has the run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(into = "Written")]
pub struct Claim {
    /// The cluster the run audits.
    pub cluster: ClusterId,
    /// The run.
    pub run: RunId,
    /// Who claims: whatever tells one claimant from another, such as host and process. Of an order it is who or what
    /// caused it.
    pub claimant: String,
    /// When the run was claimed, RFC 3339 in UTC, by the caller's clock.
    pub claimed_at: String,
    /// Who or what started it; `None` for a run that its claimant carries out by itself.
    trigger: Option<Trigger>,
}

impl Claim {
    /// A claim of `run` by `claimant`.
    pub fn new(
        cluster: ClusterId,
        run: RunId,
        claimant: impl Into<String>,
        claimed_at: impl Into<String>,
    ) -> Self {
        Self { cluster, run, claimant: claimant.into(), claimed_at: claimed_at.into(), trigger: None }
    }

    /// The claim that records an order. Every worker that carries the order out makes the same one.
    pub fn of(order: &AuditOrder) -> Self {
        let AuditOrder { key: AuditKey { cluster, run }, trigger, created } = order;
        Self::ordered(cluster.clone(), *run, trigger.clone(), created.to_string())
    }

    fn ordered(cluster: ClusterId, run: RunId, trigger: Trigger, claimed_at: String) -> Self {
        let claimant = match &trigger {
            Trigger::Request { subject, .. } | Trigger::Submission { subject, .. } => subject.clone(),
            Trigger::Slot { schedule, .. } => schedule.to_string(),
        };
        Self { cluster, run, claimant, claimed_at, trigger: Some(trigger) }
    }

    /// Whether the claim is an order, which any worker may carry out.
    pub fn is_order(&self) -> bool {
        self.trigger.is_some()
    }

    /// The audit.
    pub fn key(&self) -> AuditKey {
        AuditKey { cluster: self.cluster.clone(), run: self.run }
    }

    /// The order that the claim records. One without a trigger is a request of its claimant.
    ///
    /// # Errors
    /// An instant that cannot be read.
    pub fn order(&self) -> Result<AuditOrder, jiff::Error> {
        let created: Timestamp = self.claimed_at.parse()?;
        let trigger = self.trigger.clone().unwrap_or_else(|| Trigger::Request {
            request: self.run.to_string(),
            subject: self.claimant.clone(),
        });
        Ok(AuditOrder { key: self.key(), trigger, created })
    }
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct One {
    version: Version<1>,
    cluster: ClusterId,
    run: RunId,
    claimant: String,
    claimed_at: String,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Two {
    version: Version<2>,
    cluster: ClusterId,
    run: RunId,
    trigger: Trigger,
    created_at: String,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Written {
    One(One),
    Two(Two),
}

impl From<Claim> for Written {
    fn from(claim: Claim) -> Self {
        let Claim { cluster, run, claimant, claimed_at, trigger } = claim;
        match trigger {
            None => Self::One(One { version: Version, cluster, run, claimant, claimed_at }),
            Some(trigger) => {
                Self::Two(Two { version: Version, cluster, run, trigger, created_at: claimed_at })
            }
        }
    }
}

impl<'de> Deserialize<'de> for Claim {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let record = Value::deserialize(deserializer)?;
        if record.get("version") == Some(&2.into()) {
            let two: Two = serde_json::from_value(record).map_err(D::Error::custom)?;
            return Ok(Self::ordered(two.cluster, two.run, two.trigger, two.created_at));
        }
        let one: One = serde_json::from_value(record).map_err(D::Error::custom)?;
        Ok(Self::new(one.cluster, one.run, one.claimant, one.claimed_at))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CLAIM_V2: &str = include_str!("../../tests/golden/claim-v2.json");

    fn order() -> AuditOrder {
        let cluster: ClusterId = "shop".parse().unwrap();
        let trigger = Trigger::Slot {
            schedule: "nightly".parse().unwrap(),
            slot: "2026-11-24T02:00:00Z".parse().unwrap(),
        };
        let key = AuditKey { run: trigger.run(&cluster), cluster };
        AuditOrder { key, trigger, created: "2026-11-24T02:00:03.25Z".parse().unwrap() }
    }

    #[test]
    fn an_order_is_read_and_written_as_it_was() {
        assert_eq!(super::super::to_bytes(&Claim::of(&order())).unwrap(), CLAIM_V2);
        let claim: Claim = serde_json::from_str(CLAIM_V2).unwrap();
        assert_eq!(claim, Claim::of(&order()));
        assert!(claim.is_order());
        assert_eq!(claim.order().unwrap(), order());
    }

    #[test]
    fn a_claim_without_a_trigger_is_a_request_of_its_claimant() {
        let claim = Claim::new("shop".parse().unwrap(), order().key.run, "host-1", "2026-11-24T10:00:00Z");
        let read = claim.order().unwrap();
        assert!(matches!(read.trigger, Trigger::Request { subject, .. } if subject == "host-1"));
        assert!(!claim.is_order());
        assert!(Claim { claimed_at: "yesterday".into(), ..claim }.order().is_err());
    }

    #[test]
    fn an_order_of_a_later_version_or_with_more_fields_is_refused() {
        let newer = CLAIM_V2.replace("\"version\": 2", "\"version\": 3");
        let error = serde_json::from_str::<Claim>(&newer).unwrap_err().to_string();
        assert!(error.contains("version 3") || error.contains("unknown field"), "{error}");
        let more = CLAIM_V2.replace("\"version\": 2,", "\"version\": 2, \"lease\": 3,");
        assert!(serde_json::from_str::<Claim>(&more).is_err());
        for text in ["[]", "{}", "2", "{\"version\": 2}"] {
            assert!(serde_json::from_str::<Claim>(text).is_err(), "{text}");
        }
    }
}
