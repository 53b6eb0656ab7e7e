//! The assessment: what the scorer makes of a snapshot. Its JSON is that of `hexproof.v1.Assessment`.

use jiff::Timestamp;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::digest::Digest;
use crate::measure::{MeasureId, MeasureRule};
use crate::observation::Observation;
use crate::permissions::Permissions;
use crate::population::{NotListed, Reason, UnreadableFile};
use crate::scale::{Goal, Layer, Outcome, Platform, Rating, Significance};
use crate::snapshot::{Redaction, SourceState};
use crate::waiver::Waiver;

/// An assessment of one snapshot by one catalogue.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Assessment {
    /// The cluster that was judged.
    pub cluster: ClusterFacts,
    /// The snapshot that was judged.
    pub snapshot: SnapshotRef,
    /// The catalogue that judged.
    pub catalogue: CatalogueRef,
    /// Digest of the settings in effect.
    pub settings_digest: Digest,
    /// Layer x goal, layers outermost first, goals in the order of the Hexad.
    pub matrix: Vec<Cell>,
    /// Each goal over all layers.
    pub goals: Vec<Cell>,
    /// Each layer over all goals.
    pub layers: Vec<Cell>,
    /// Everything.
    pub overall: Cell,
    /// Critical findings that hold a rating, in the order they are numbered, from 1.
    pub gates: Vec<Gate>,
    /// Outcomes by measure, in catalogue order.
    pub measures: Vec<MeasureCount>,
    /// Every verdict, passes too, in canonical order.
    pub observations: Vec<Observation>,
    /// The reconciled population.
    pub population: Vec<PopulationRow>,
    /// Kinds that could not be listed.
    pub not_listed: Vec<NotListed>,
    /// Files that could not be read.
    pub unreadable_files: Vec<UnreadableFile>,
    /// Files that hold no Kubernetes object.
    pub skipped_files: Vec<UnreadableFile>,
    /// The sources asked.
    pub sources: Vec<SourceState>,
    /// What the collector dropped.
    pub redaction: Redaction,
    /// What the collector may do towards the API server; absent where that was not asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub permissions: Option<Permissions>,
    /// What to mend, in the order of work.
    pub work_list: Vec<WorkStep>,
    /// The waivers given, with their state.
    pub waivers: Vec<WaiverState>,
}

impl Assessment {
    /// Everything but the observations, most of the bytes, which are not copied for that.
    pub fn summary(&self) -> Self {
        Self {
            cluster: self.cluster.clone(),
            snapshot: self.snapshot.clone(),
            catalogue: self.catalogue.clone(),
            settings_digest: self.settings_digest,
            matrix: self.matrix.clone(),
            goals: self.goals.clone(),
            layers: self.layers.clone(),
            overall: self.overall.clone(),
            gates: self.gates.clone(),
            measures: self.measures.clone(),
            observations: Vec::new(),
            population: self.population.clone(),
            not_listed: self.not_listed.clone(),
            unreadable_files: self.unreadable_files.clone(),
            skipped_files: self.skipped_files.clone(),
            sources: self.sources.clone(),
            redaction: self.redaction.clone(),
            permissions: self.permissions.clone(),
            work_list: self.work_list.clone(),
            waivers: self.waivers.clone(),
        }
    }
}

/// Facts of the cluster, as the snapshot states them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ClusterFacts {
    /// Name given by the user.
    pub name: String,
    /// UID of namespace kube-system, or one derived from the name.
    pub id: String,
    /// Server version; empty from manifests.
    pub version: String,
    /// Where it was judged to run.
    pub platform: Option<Platform>,
    /// How that was decided.
    pub platform_reason: String,
    /// Number of nodes.
    pub nodes: u32,
    /// Number of namespaces that exist or are named by an object.
    pub namespaces: u32,
}

/// The snapshot that was judged.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SnapshotRef {
    /// SHA-256 of the canonical bytes.
    pub digest: Digest,
    /// When collection began.
    pub collected_from: Timestamp,
    /// When collection ended.
    pub collected_at: Timestamp,
    /// Program and version that collected.
    pub collector: String,
    /// Identity of the collector towards the API server; empty from manifests.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub identity: String,
    /// Where its objects came from.
    pub origin: crate::snapshot::Source,
    /// Number of records.
    pub records: u32,
}

/// The catalogue that judged.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CatalogueRef {
    /// SHA-256 over the list of measure files.
    pub digest: Digest,
    /// Number of measures.
    pub measures: u32,
    /// Number of measures that apply on the platform.
    pub applicable: u32,
}

/// Score of a set of measures: a cell, a goal, a layer or the cluster.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Cell {
    /// The layer; absent for a goal and for the cluster.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub layer: Option<Layer>,
    /// The goal; absent for a layer and for the cluster.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub goal: Option<Goal>,
    /// Measures with weight in the set that have a pass, failure or unknown.
    pub measures: u32,
    /// Points of 100 if all that was not seen fails.
    #[serde(with = "points")]
    pub score_low: f64,
    /// Points of 100 if all that was not seen passes.
    #[serde(with = "points_high")]
    pub score_high: f64,
    /// Percent of the weight that was seen.
    #[serde(with = "points")]
    pub coverage: f64,
    /// The letter, gates respected.
    pub rating: Rating,
    /// The letter of `score_low` alone.
    pub rating_by_score: Rating,
    /// Measures whose critical failures hold the rating at D, in gate order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub gated_by: Vec<MeasureId>,
    /// `score_low` with intercepted failures counted one half.
    #[serde(with = "points")]
    pub residual_low: f64,
    /// `score_low` with waived failures left out.
    #[serde(with = "points")]
    pub accepted_low: f64,
    /// `score_high` with waived failures left out.
    #[serde(with = "points_high")]
    pub accepted_high: f64,
}

/// A critical failure that no waiver covers: it holds ratings at D.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Gate {
    /// From 1.
    pub number: u32,
    /// The measure.
    pub measure_id: MeasureId,
    /// Its layer.
    pub layer: Layer,
    /// The goals it holds (weight 3).
    pub goals: Vec<Goal>,
    /// Subjects that fail critically and unwaived.
    pub failing: u32,
    /// Subjects judged: passes, failures, unknowns.
    pub judged: u32,
}

/// Outcomes of one measure.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct MeasureCount {
    /// The measure.
    pub measure_id: MeasureId,
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
    /// Failures that an outer layer intercepts.
    pub intercepted: u32,
    /// Points the cluster's `score_low` would gain if every failure passed.
    #[serde(with = "points")]
    pub gain: f64,
    /// Why the whole measure does not apply, if so.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub reason: String,
    /// What the measure asks and how it counts; absent in assessments of earlier programs. With it every score can be
    /// computed from the assessment alone, and a changed measure is told from a changed cluster.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rule: Option<MeasureRule>,
}

impl MeasureCount {
    /// Passes, failures and unknowns together.
    pub fn judged(&self) -> u32 {
        self.pass + self.fail + self.unknown
    }

    /// The count of one outcome.
    pub fn of(&self, outcome: Outcome) -> u32 {
        match outcome {
            Outcome::Pass => self.pass,
            Outcome::Fail => self.fail,
            Outcome::Unknown => self.unknown,
            Outcome::NotApplicable => self.not_applicable,
        }
    }
}

/// One kind in one namespace: listed = evaluated + not applicable + waived + unreadable + excluded + gap.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct PopulationRow {
    /// `apiVersion` of the objects.
    pub api_version: String,
    /// Kind of the objects.
    pub kind: String,
    /// Namespace; empty for cluster-scoped objects.
    pub namespace: String,
    /// Objects the source listed.
    pub listed: u32,
    /// Objects that a verdict rests on, as subject or as part of one.
    pub evaluated: u32,
    /// Objects that no measure judges, or that are judged through their owner.
    pub not_applicable: u32,
    /// Objects a failure of which a valid waiver covers.
    pub waived: u32,
    /// Objects that could not be decoded.
    pub unreadable: u32,
    /// Objects left out on purpose.
    pub excluded: u32,
    /// What the sum lacks; 0 if it holds.
    pub gap: i32,
    /// Why objects were not evaluated, by column and reason.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub reasons: Vec<RowReason>,
}

/// Why objects of a row stand in a column.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct RowReason {
    /// `notApplicable`, `waived`, `unreadable`, `excluded` or `gap`.
    pub column: String,
    /// Number of objects.
    pub count: u32,
    /// The reason.
    pub reason: String,
    /// Up to a few names.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub names: Vec<String>,
}

impl RowReason {
    /// From a reason of the collector.
    pub fn new(column: &str, reason: &Reason) -> Self {
        Self {
            column: column.to_owned(),
            count: u32::try_from(reason.count).unwrap_or(u32::MAX),
            reason: reason.reason.clone(),
            names: reason.names.clone(),
        }
    }
}

/// One step of work: the failures of a measure that carry one significance.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct WorkStep {
    /// From 1.
    pub number: u32,
    /// The measure.
    pub measure_id: MeasureId,
    /// Its layer.
    pub layer: Layer,
    /// Significance of the failures.
    pub significance: Significance,
    /// Subjects that fail with that significance, unwaived.
    pub failing: u32,
    /// Subjects judged.
    pub judged: u32,
    /// Points the cluster's `score_low` would gain.
    #[serde(with = "points")]
    pub gain: f64,
    /// Number of the gate this opens; 0 if none.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub gate: u32,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the signature serde asks for")]
fn is_zero(number: &u32) -> bool {
    *number == 0
}

/// A waiver and whether it counts.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct WaiverState {
    /// The waiver as given.
    pub waiver: Waiver,
    /// It counts.
    pub valid: bool,
    /// Why it does not.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub void_reason: String,
    /// Failures it covers.
    pub covers: u32,
}

/// Two decimals in JSON: to the nearest, but never up to another whole point, nor letter.
mod points {
    use super::{Deserialize, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(value: &f64, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_f64(super::two_decimals(*value))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
        f64::deserialize(deserializer)
    }
}

/// Two decimals in JSON of the high end of an interval: to the nearest, but never down to another whole point.
mod points_high {
    use super::Serializer;

    pub(super) use super::points::deserialize;

    pub(super) fn serialize<S: Serializer>(value: &f64, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_f64(super::two_decimals_high(*value))
    }
}

/// Sums of fractions are off by far less; true scores differ by far more.
const EPSILON: f64 = 1e-9;

/// The low end of an interval for people: whole points, rounded down.
pub fn whole_low(value: f64) -> u32 {
    whole((value + EPSILON).floor())
}

/// The high end of an interval for people: whole points, rounded up.
pub fn whole_high(value: f64) -> u32 {
    whole((value - EPSILON).ceil())
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped to 0..=100 before")]
fn whole(value: f64) -> u32 {
    value.clamp(0.0, 100.0) as u32
}

impl Cell {
    /// Whether everything in the set was seen: the score is one number.
    pub fn is_certain(&self) -> bool {
        (self.score_high - self.score_low).abs() < EPSILON
    }

    /// The interval for people, `dash` between its ends: low end down, high end up, one number if all was seen.
    pub fn interval(&self, dash: &str) -> String {
        if self.is_certain() {
            whole_low(self.score_low).to_string()
        } else {
            format!("{}{dash}{}", whole_low(self.score_low), whole_high(self.score_high))
        }
    }
}

/// Rounds to two decimals, but never up to the next whole point: who reads the stored value prints the same whole points,
/// and the same letter, as who has the exact one.
pub fn two_decimals(value: f64) -> f64 {
    let nearest = (value * 100.0).round() / 100.0;
    let rises = (value + EPSILON).floor() < nearest.floor();
    if rises { (value * 100.0).floor() / 100.0 } else { nearest }
}

/// As [`two_decimals`] for the high end of an interval: never down to the whole point below.
pub fn two_decimals_high(value: f64) -> f64 {
    let nearest = (value * 100.0).round() / 100.0;
    let falls = (value - EPSILON).ceil() > nearest.ceil();
    if falls { (value * 100.0).ceil() / 100.0 } else { nearest }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rounding_for_people_never_flatters() {
        assert_eq!((whole_low(89.97), whole_low(90.0), whole_low(89.999_999_999_99)), (89, 90, 90));
        assert_eq!((whole_high(94.01), whole_high(94.0), whole_high(94.000_000_000_01)), (95, 94, 94));
    }

    #[test]
    fn two_decimals_are_the_nearest_but_never_lift_a_letter() {
        assert_eq!(two_decimals(84.285_714), 84.29);
        assert_eq!(two_decimals(89.999), 89.99);
        assert_eq!(two_decimals(99.996), 99.99);
        assert_eq!(two_decimals(100.0), 100.0);
        assert_eq!(two_decimals(0.004), 0.0);
        assert_eq!(two_decimals(79.996), 79.99);
    }

    #[test]
    fn whole_points_are_the_same_before_and_after_two_decimals() {
        for thousandth in 0..=100_000_u32 {
            for value in [f64::from(thousandth) / 1000.0, f64::from(thousandth) / 1000.0 + 1e-12] {
                let value = value.min(100.0);
                assert_eq!(whole_low(two_decimals(value)), whole_low(value), "{value}");
                assert_eq!(whole_high(two_decimals_high(value)), whole_high(value), "{value}");
                assert!(
                    (two_decimals(value) - value).abs() < 0.01
                        && (two_decimals_high(value) - value).abs() < 0.01
                );
            }
        }
    }
}
