//! Two assessments compared: what got better, worse, appeared and vanished, and through what.
//!
//! Nouns alone; the scorer computes them. The JSON of a [`Diff`] is that of `hexproof.v1.Diff`. [`words`] says in a
//! sentence what it comes to.

mod change;
pub mod words;

pub use change::{
    CellChange, Change, ChangeCount, GateChange, MeasureChange, NotListedChange, OutcomeCounts,
    PermissionChange, SourceChange, Verdict, WaiverChange,
};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::assessment::Cell;
use crate::digest::Digest;
use crate::scale::scale;

scale! {
    /// What became of a verdict.
    ChangeKind {
        /// The subject fails now and passed or was not concerned, fails with more significance, or is no longer seen to
        /// pass.
        Worse = "worse" / "CHANGE_KIND_WORSE",
        /// The subject failed and does not any more, fails with less significance, or is now seen to pass.
        Better = "better" / "CHANGE_KIND_BETTER",
        /// The measure judged no such subject before.
        Appeared = "appeared" / "CHANGE_KIND_APPEARED",
        /// The measure judges no such subject any more.
        Vanished = "vanished" / "CHANGE_KIND_VANISHED",
        /// Another verdict that is neither better nor worse: a failure came into sight or went out of it, a waiver
        /// began or ended, the measure no longer concerns a subject that passed.
        Changed = "changed" / "CHANGE_KIND_CHANGED",
    }
}

scale! {
    /// Through what a verdict changed.
    Cause {
        /// The cluster is another one: objects came, went, or differ in what a measure reads.
        Cluster = "cluster" / "CAUSE_CLUSTER",
        /// The catalogue is another one: measures came, went, or ask for something else.
        Rules = "rules" / "CAUSE_RULES",
        /// The settings are others.
        Settings = "settings" / "CAUSE_SETTINGS",
        /// A waiver began or ended.
        Waivers = "waivers" / "CAUSE_WAIVERS",
        /// More or less could be seen: sources, rights of the collector, files.
        Seen = "seen" / "CAUSE_SEEN",
    }
}

scale! {
    /// Whether something is there in the later pack that was not in the earlier one, or the other way round.
    Turn {
        /// It is there now.
        Begun = "begun" / "TURN_BEGUN",
        /// It was there before.
        Ended = "ended" / "TURN_ENDED",
        /// It is there in both, and differs.
        Altered = "altered" / "TURN_ALTERED",
    }
}

/// Two assessments compared.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Diff {
    /// The earlier one.
    pub before: PackRef,
    /// The later one.
    pub after: PackRef,
    /// Whether both are of one cluster. Of two clusters a difference is none of time.
    pub same_cluster: bool,
    /// The catalogues differ.
    pub other_rules: bool,
    /// The settings differ.
    pub other_settings: bool,
    /// How the low end of the cluster's score moved, by cause; absent where an assessment does not tell the weights of
    /// its measures.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub low: Option<Shares>,
    /// The same of the high end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub high: Option<Shares>,
    /// The same of the low end with waived failures left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub accepted_low: Option<Shares>,
    /// Every cell of the matrix, then goals, then layers, then the cluster.
    pub cells: Vec<CellChange>,
    /// Critical measures that hold a rating in one of the packs, in the order of the catalogue.
    pub gates: Vec<GateChange>,
    /// How many changes there are, by kind and cause; those that do not occur are left out.
    pub counts: Vec<ChangeCount>,
    /// Verdicts that are the same in both packs.
    pub same: u32,
    /// Measures with changes, in the order of the catalogue.
    pub measures: Vec<MeasureChange>,
    /// Every verdict that differs: new failures first, then failures that are gone, then the others.
    pub changes: Vec<Change>,
    /// Sources that were read in another way.
    pub sources: Vec<SourceChange>,
    /// Rights of the collector that it gained or lost.
    pub permissions: Vec<PermissionChange>,
    /// Kinds that could not be listed in one of the packs.
    pub not_listed: Vec<NotListedChange>,
    /// Waivers that count in one of the packs alone.
    pub waivers: Vec<WaiverChange>,
}

/// One of the two packs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PackRef {
    /// Name of the cluster.
    pub cluster_name: String,
    /// Id of the cluster, as the snapshot states it.
    pub cluster_id: String,
    /// The audit that made the pack; empty where that is not known.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub audit_id: String,
    /// Digest of the snapshot.
    pub snapshot_digest: Digest,
    /// When collection ended.
    pub collected_at: Timestamp,
    /// Digest of the catalogue.
    pub catalogue_digest: Digest,
    /// Digest of the settings.
    pub settings_digest: Digest,
    /// Score and rating of the cluster.
    pub overall: Cell,
    /// Number of observations.
    pub observations: u32,
}

/// How a figure moved, by cause. The five parts add up to the difference of `before` and `after`; nothing is rounded.
///
/// Causes act on one another (a new measure weighs on objects that changed too), so each part is the mean over all
/// orders in which the causes can take effect one by one (the Shapley value). Hence no cause is favoured by its place,
/// and the comparison the other way round has the same parts with the other sign.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Shares {
    /// Points before.
    pub before: f64,
    /// Points after.
    pub after: f64,
    /// Points that the cluster gained or lost.
    pub cluster: f64,
    /// Points through other rules.
    pub rules: f64,
    /// Points through other settings.
    pub settings: f64,
    /// Points through waivers: 0 for figures that ignore them.
    pub waivers: f64,
    /// Points through what could be seen.
    pub seen: f64,
}

impl Shares {
    /// The part of one cause.
    pub fn of(&self, cause: Cause) -> f64 {
        match cause {
            Cause::Cluster => self.cluster,
            Cause::Rules => self.rules,
            Cause::Settings => self.settings,
            Cause::Waivers => self.waivers,
            Cause::Seen => self.seen,
        }
    }

    /// The whole difference.
    pub fn difference(&self) -> f64 {
        self.after - self.before
    }
}
