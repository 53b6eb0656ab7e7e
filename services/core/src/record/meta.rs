//! What every object has: names, labels, owners, and where it was read.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::allow_list;
use super::selector::Labels;

allow_list! {
    /// Object metadata (meta/v1 ObjectMeta). An annotation whose value is not on the allow-list is kept by
    /// name alone: its value is `None`.
    struct Meta {
        name: String,
        generate_name: String,
        namespace: String,
        uid: String,
        creation_timestamp: Option<Timestamp>,
        deletion_timestamp: Option<Timestamp>,
        labels: Labels,
        annotations: BTreeMap<String, Option<String>>,
        owner_references: Vec<OwnerReference>,
    }

    /// meta/v1 OwnerReference.
    struct OwnerReference {
        api_version: String,
        kind: String,
        name: String,
        uid: String,
        controller: Option<bool>,
    }
}

impl Meta {
    /// The owner that controls the object.
    pub fn controller(&self) -> Option<&OwnerReference> {
        self.owner_references.iter().find(|owner| owner.controller == Some(true))
    }

    /// The kept value of an annotation.
    pub fn annotation(&self, name: &str) -> Option<&str> {
        self.annotations.get(name)?.as_deref()
    }
}

/// Where an object of a manifest set stands.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Origin {
    /// The file as it was named by the user, or relative to the folder that was named.
    pub file: String,
    /// First line of the document, from 1; 0 where the reader cannot tell.
    #[serde(default)]
    pub line: u64,
}
