//! What a measure found on one subject, with the fields it read.

use serde::{Deserialize, Serialize};

use crate::digest::Digest;
use crate::measure::MeasureId;
use crate::scale::{Outcome, Significance};

/// What one verdict is decided on: the topmost owner for pods that a controller made.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Subject {
    /// Kind of the object; `Cluster` for the cluster as a whole.
    pub kind: String,
    /// Namespace; empty for cluster-scoped objects.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub namespace: String,
    /// Name.
    pub name: String,
    /// `apiVersion`; empty for subjects that are no object.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub api_version: String,
    /// The container, where the fault lies in a single one.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub container: String,
    /// UID of the object, if it has one.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub uid: String,
}

impl Subject {
    /// `Kind namespace/name`, or `Kind name` for cluster-scoped objects.
    pub fn label(&self) -> String {
        if self.namespace.is_empty() {
            format!("{} {}", self.kind, self.name)
        } else {
            format!("{} {}/{}", self.kind, self.namespace, self.name)
        }
    }
}

/// A field that was read.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Reading {
    /// Path inside the object, for example `spec.template.spec.containers[0].securityContext.privileged`.
    pub path: String,
    /// The value found; absent fields have none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value: Option<serde_json::Value>,
    /// The field was not there.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub absent: bool,
    /// The object that holds the field, `Kind namespace/name`, where it is not the subject.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub object: String,
    /// The container, for fields of one.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub container: String,
    /// The reading is what makes the observation fail.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub fault: bool,
    /// How many more objects under the subject read the same (running pods like their template).
    #[serde(skip_serializing_if = "is_zero")]
    pub alike: u32,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the signature serde asks for")]
fn is_zero(number: &u32) -> bool {
    *number == 0
}

/// Measure x subject: the verdict and its evidence.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Observation {
    /// The measure.
    pub measure_id: MeasureId,
    /// The verdict.
    pub outcome: Outcome,
    /// Significance of the finding: the measure's, or its own where the condition says so.
    pub significance: Significance,
    /// What was judged.
    pub subject: Subject,
    /// The fields read. Of a failure the faults come first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub readings: Vec<Reading>,
    /// Why: a sentence without a final stop. Empty for a pass that needs none.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub reason: String,
    /// What is worth knowing, but no failure.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
    /// Digest of the redacted object that was judged; absent where no single object was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub evidence_digest: Option<Digest>,
    /// A measure of an outer layer passes in the scope of the subject.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub intercepted: bool,
    /// Which.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub intercepted_by: String,
    /// Id of the valid waiver that covers the failure.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub waived_by: String,
}

impl Observation {
    /// A failure that no valid waiver covers.
    pub fn is_open_failure(&self) -> bool {
        self.outcome == Outcome::Fail && self.waived_by.is_empty()
    }
}
