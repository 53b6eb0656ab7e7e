//! What was listed, what was read, and what was not seen and why.

use serde::{Deserialize, Serialize};

/// The population of a snapshot: one row per kind and namespace, and what could not be listed or read at all.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Population {
    /// Rows in canonical order: API version, kind, namespace.
    pub rows: Vec<Row>,
    /// Kinds whose list was refused or failed; how many objects they have is not known.
    pub not_listed: Vec<NotListed>,
    /// Files and documents that could not be read.
    pub unreadable_files: Vec<UnreadableFile>,
    /// Files and documents that hold no Kubernetes object.
    pub skipped_files: Vec<UnreadableFile>,
}

/// Counts of one kind in one namespace.
///
/// `listed` is what the source announced or handed over; it is counted before decoding, apart from `read`, so
/// that a loss shows.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Row {
    /// `apiVersion` of the objects.
    pub api_version: String,
    /// Kind of the objects.
    pub kind: String,
    /// Namespace; empty for cluster-scoped objects.
    pub namespace: String,
    /// Objects the source listed.
    pub listed: u64,
    /// Objects that became records.
    pub read: u64,
    /// Objects that could not be decoded, by reason.
    pub unreadable: Vec<Reason>,
    /// Objects left out on purpose by the collector, by reason.
    pub excluded: Vec<Reason>,
}

/// How many objects, and why.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Reason {
    /// Number of objects.
    pub count: u64,
    /// A sentence without a final stop.
    pub reason: String,
    /// Up to a few names of the objects.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub names: Vec<String>,
}

/// A kind that could not be listed.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct NotListed {
    /// `apiVersion` of the kind.
    pub api_version: String,
    /// The kind; empty where a whole API group was not served.
    pub kind: String,
    /// The server's reason, for example `403 Forbidden: ...`.
    pub reason: String,
    /// The list was read but is not one consistent state (a continue token expired on the way).
    pub inconsistent: bool,
}

/// A file, or one document of it, that was not read.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct UnreadableFile {
    /// The file as the user named it, or relative to the folder the user named.
    pub file: String,
    /// Line, from 1; 0 where there is none.
    pub line: u64,
    /// Why.
    pub reason: String,
}

impl Population {
    /// Objects listed, over all rows.
    pub fn listed(&self) -> u64 {
        self.rows.iter().map(|row| row.listed).sum()
    }

    /// Whether something that should have been read was not.
    pub fn is_complete(&self) -> bool {
        self.not_listed.is_empty()
            && self.unreadable_files.is_empty()
            && self.rows.iter().all(|row| row.unreadable.is_empty())
    }

    /// Puts rows and lists into canonical order.
    pub fn sort(&mut self) {
        self.rows.sort_by(|a, b| {
            (&a.api_version, &a.kind, &a.namespace).cmp(&(&b.api_version, &b.kind, &b.namespace))
        });
        for row in &mut self.rows {
            for list in [&mut row.unreadable, &mut row.excluded] {
                list.sort_by(|a, b| a.reason.cmp(&b.reason));
                for reason in list {
                    reason.names.sort();
                }
            }
        }
        self.not_listed.sort();
        self.unreadable_files.sort();
        self.skipped_files.sort();
    }
}
