//! The parts of a comparison: what differs in cells, gates, measures, verdicts, and in what they rest on.

use serde::{Deserialize, Serialize};

use super::{Cause, ChangeKind, Turn};
use crate::assessment::Cell;
use crate::digest::Digest;
use crate::measure::MeasureId;
use crate::observation::Subject;
use crate::permissions::Permission;
use crate::population::NotListed;
use crate::scale::{Goal, Layer, Outcome, Significance};
use crate::snapshot::State;
use crate::waiver::Waiver;

/// One cell in both packs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CellChange {
    /// The layer; absent for a goal and for the cluster.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub layer: Option<Layer>,
    /// The goal; absent for a layer and for the cluster.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub goal: Option<Goal>,
    /// Before; absent if the earlier assessment has no such cell.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<Cell>,
    /// After; absent if the later assessment has no such cell.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<Cell>,
}

/// A critical measure that holds a rating in one of the packs, or in both.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct GateChange {
    /// Whether it began to hold, ended, or holds as before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub turn: Option<Turn>,
    /// The measure.
    pub measure_id: MeasureId,
    /// Its layer.
    pub layer: Layer,
    /// The goals it holds.
    pub goals: Vec<Goal>,
    /// Its number in the earlier pack; 0 if it did not hold.
    #[serde(default)]
    pub number_before: u32,
    /// Its number in the later pack; 0 if it does not hold.
    #[serde(default)]
    pub number_after: u32,
    /// Subjects that failed critically without a waiver.
    #[serde(default)]
    pub failing_before: u32,
    /// Subjects that fail critically without a waiver.
    #[serde(default)]
    pub failing_after: u32,
    /// Through what it began or ended: causes of the changes of its measure, in their order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub causes: Vec<Cause>,
}

/// How many changes of one kind have one cause.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ChangeCount {
    /// The kind.
    pub kind: ChangeKind,
    /// The cause.
    pub cause: Cause,
    /// How many.
    pub count: u32,
}

/// A measure in both packs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct MeasureChange {
    /// The measure.
    pub measure_id: MeasureId,
    /// Whether the measure itself came, went or asks for something else; absent if it is the same in both packs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rule: Option<Turn>,
    /// Outcomes before; absent if the earlier catalogue has no such measure.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<OutcomeCounts>,
    /// Outcomes after; absent if the later catalogue has no such measure.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<OutcomeCounts>,
    /// Subjects that fail openly now and did not before.
    pub new_failures: u32,
    /// Subjects that failed before and do not now.
    pub gone_failures: u32,
    /// How many changes there are, by kind and cause.
    pub counts: Vec<ChangeCount>,
}

/// Outcomes of a measure in one pack.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct OutcomeCounts {
    /// Subjects that pass.
    pub pass: u32,
    /// Subjects that fail, waived ones too.
    pub fail: u32,
    /// Subjects of which evidence is missing.
    pub unknown: u32,
    /// Subjects it does not concern.
    pub not_applicable: u32,
    /// Failures that a valid waiver covers.
    pub waived: u32,
}

/// A verdict that differs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Change {
    /// What became of it.
    pub kind: ChangeKind,
    /// Through what.
    pub cause: Cause,
    /// How that was decided: a sentence without a final stop.
    pub because: String,
    /// The measure.
    pub measure_id: MeasureId,
    /// What was judged, as the later pack names it; as the earlier one does if it is only there.
    pub subject: Subject,
    /// An object of the same name took the place of the earlier one: its UID is another.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub recreated: bool,
    /// The verdict before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<Verdict>,
    /// The verdict after.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<Verdict>,
}

/// A verdict in one of the packs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Verdict {
    /// Place of the observation among all of its pack, from 0.
    pub place: u32,
    /// The outcome.
    pub outcome: Outcome,
    /// Significance of the finding.
    pub significance: Significance,
    /// Why.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub reason: String,
    /// Id of the waiver that covers the failure.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub waived_by: String,
    /// Digest of the object that was judged.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub evidence_digest: Option<Digest>,
}

impl Verdict {
    /// A failure that no waiver covers.
    pub fn is_open_failure(&self) -> bool {
        self.outcome == Outcome::Fail && self.waived_by.is_empty()
    }
}

impl Change {
    /// The subject fails openly now, and did not before.
    pub fn is_new_failure(&self) -> bool {
        let open = |verdict: &Option<Verdict>| verdict.as_ref().is_some_and(Verdict::is_open_failure);
        open(&self.after) && !open(&self.before)
    }

    /// The subject failed before and does not now: it passes, is not concerned, not seen or not there. A waiver mends
    /// nothing.
    pub fn is_gone_failure(&self) -> bool {
        let fails = |verdict: &Option<Verdict>| verdict.as_ref().is_some_and(|v| v.outcome == Outcome::Fail);
        fails(&self.before) && !fails(&self.after)
    }

    /// The worse significance of the two verdicts.
    pub fn significance(&self) -> Significance {
        let of = |verdict: &Option<Verdict>| verdict.as_ref().map_or(Significance::Low, |v| v.significance);
        of(&self.before).max(of(&self.after))
    }
}

/// A source of evidence in both packs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SourceChange {
    /// Its name.
    pub name: String,
    /// How far it was read before; absent if it was not spoken of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<State>,
    /// How far it was read after; absent if it is not spoken of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<State>,
    /// What is missing now, and why; empty if nothing is.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub reason: String,
}

/// A right of the collector.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PermissionChange {
    /// Gained or lost.
    pub turn: Turn,
    /// The right.
    pub permission: Permission,
    /// It is one that reading does not need.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub excess: bool,
}

/// A kind that could not be listed in one of the packs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct NotListedChange {
    /// Begun: it cannot be listed any more. Ended: it can be listed now.
    pub turn: Turn,
    /// The kind, and why.
    pub not_listed: NotListed,
}

/// A waiver that counts in one of the packs alone, or in another way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct WaiverChange {
    /// Whether it began or ended to count, or was altered.
    pub turn: Turn,
    /// The waiver, as the later pack has it; as the earlier one if it is only there.
    pub waiver: Waiver,
    /// Why it ended; empty if it began.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub reason: String,
    /// Failures it covered before.
    #[serde(default)]
    pub covers_before: u32,
    /// Failures it covers now.
    #[serde(default)]
    pub covers_after: u32,
}
