//! One line of the catalogue: a measure, as its file under `measures/` states it.

mod rule;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize};

pub use rule::MeasureRule;

use crate::digest::Digest;
use crate::scale::{Goal, Layer, Outcome, Platform, Significance};

/// Stable name of a measure: lower-case words joined by dashes.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct MeasureId(String);

/// A text that is no measure id.
#[derive(Debug, Clone, thiserror::Error)]
#[error("`{0}` is no measure id: lower-case letters, digits and single dashes, at most 63 characters")]
pub struct InvalidMeasureId(String);

impl MeasureId {
    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for MeasureId {
    type Err = InvalidMeasureId;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let well_formed = (1..=63).contains(&text.len())
            && text.split('-').all(|word| {
                !word.is_empty() && word.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit())
            });
        if well_formed {
            Ok(Self(text.to_owned()))
        } else {
            Err(InvalidMeasureId(text.chars().take(80).collect()))
        }
    }
}

impl fmt::Display for MeasureId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl<'de> Deserialize<'de> for MeasureId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// A measure of the catalogue.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Measure {
    /// Stable, unique name.
    pub id: MeasureId,
    /// The layer it protects.
    pub layer: Layer,
    /// What to do, as an imperative sentence without a final stop.
    pub title: String,
    /// What failing subjects do, to follow "3 of 61 workloads": both numbers of the verb.
    pub claim: Claim,
    /// The noun for subjects.
    pub unit: Unit,
    /// How much it matters; a finding may carry its own.
    pub significance: Significance,
    /// Where it applies.
    pub platforms: BTreeSet<Platform>,
    /// Weight per goal, 1 to 3; 3 is primary.
    pub goals: BTreeMap<Goal, u8>,
    /// What one verdict is decided on.
    pub subject: String,
    /// Sources of the evidence, preferred first.
    pub evidence: Vec<String>,
    /// When it passes, fails or does not apply, in words.
    pub condition: String,
    /// Why it matters, for a reader who is no engineer.
    pub why: String,
    /// How to mend a failure.
    pub mend: Mend,
    /// Measures of outer layers, any one of which intercepts a failure where it passes.
    #[serde(default)]
    pub mitigated_by: Vec<MeasureId>,
    /// Related requirements by framework.
    pub references: BTreeMap<String, Vec<String>>,
    /// The condition depends on values that only a collector sees: examples need a collector.
    #[serde(default)]
    pub decided_in_collector: bool,
    /// Clusters in small, with the outcome they must give.
    #[serde(default, skip_serializing)]
    pub examples: Vec<Example>,
}

/// The verb phrase of a finding, singular and plural.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Claim {
    /// After "1 of 61 workloads": "runs privileged containers".
    pub one: String,
    /// After "3 of 61 workloads": "run privileged containers".
    pub many: String,
}

/// The noun for subjects, singular and plural.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Unit {
    /// For example "workload".
    pub one: String,
    /// For example "workloads".
    pub many: String,
}

/// How to mend a failure.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mend {
    /// What to do, in words.
    pub text: String,
    /// The change as a diff: lines begin with `-`, `+` or a blank.
    #[serde(default)]
    pub patch: String,
}

/// A small cluster and what the measure must say of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Example {
    /// The claim the example makes.
    pub name: String,
    /// The objects, as manifests.
    pub objects: Vec<serde_json::Value>,
    /// The expected outcome.
    #[serde(deserialize_with = "outcome")]
    pub outcome: Outcome,
    /// The subject judged, `Kind namespace/name` or `Kind name`; the subject of the first object if absent.
    #[serde(default)]
    pub subject: Option<String>,
    /// The own significance the finding must carry, if it differs from the measure's.
    #[serde(default)]
    pub significance: Option<Significance>,
    /// A text that the reason or a note must contain.
    #[serde(default)]
    pub says: Option<String>,
    /// The objects are those of a live cluster, not of a manifest set.
    #[serde(default)]
    pub live: bool,
    /// The platform; on-premise if absent.
    #[serde(default)]
    pub platform: Option<Platform>,
    /// Settings that differ from the defaults.
    #[serde(default)]
    pub settings: serde_json::Value,
    /// When the state was collected; 2026-06-01T00:00:00Z if absent.
    #[serde(default)]
    pub at: Option<jiff::Timestamp>,
    /// Kinds whose list was refused.
    #[serde(default)]
    pub refused: Vec<String>,
}

fn outcome<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Outcome, D::Error> {
    Outcome::deserialize(deserializer)
}

/// All measures of one catalogue, in its fixed order: layer, then id.
#[derive(Debug, Clone, PartialEq)]
pub struct Catalogue {
    /// The measures.
    pub measures: Vec<Measure>,
    /// SHA-256 over the file digests of [`Catalogue::files`], in order.
    pub digest: Digest,
    /// Name and digest of every measure file.
    pub files: Vec<(String, Digest)>,
}

impl Catalogue {
    /// Orders the measures of `files` (path relative to the catalogue, digest of the bytes, measure).
    pub fn new(mut entries: Vec<(String, Digest, Measure)>) -> Self {
        entries.sort_by(|a, b| (a.2.layer, &a.2.id).cmp(&(b.2.layer, &b.2.id)));
        let (files, measures): (Vec<_>, Vec<_>) =
            entries.into_iter().map(|(file, digest, measure)| ((file, digest), measure)).unzip();
        let digest = Digest::of(list(&files).as_bytes());
        Self { measures, digest, files }
    }

    /// The list of files with their digests, one a line; its own digest is that of the catalogue.
    pub fn list(&self) -> String {
        list(&self.files)
    }

    /// The measure of that id.
    pub fn get(&self, id: &str) -> Option<&Measure> {
        self.measures.iter().find(|measure| measure.id.as_str() == id)
    }
}

fn list(files: &[(String, Digest)]) -> String {
    files.iter().map(|(file, digest)| format!("{digest}  {file}\n")).collect()
}

impl Measure {
    /// Weight for a goal; 0 if the measure does not serve it.
    pub fn weight(&self, goal: Goal) -> u32 {
        self.goals.get(&goal).copied().map_or(0, u32::from)
    }

    /// The goals it serves first of all (weight 3).
    pub fn primary_goals(&self) -> impl Iterator<Item = Goal> + '_ {
        self.goals.iter().filter(|(_, weight)| **weight == 3).map(|(goal, _)| *goal)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_words_joined_by_dashes_are_ids() {
        assert!("container-host-pid".parse::<MeasureId>().is_ok());
        for bad in ["", "-a", "a-", "a--b", "A-b", "a_b", "../a", &"a".repeat(64)] {
            assert!(bad.parse::<MeasureId>().is_err(), "{bad}");
        }
    }
}
