//! What a collector may do towards the API server, as the server itself says when it is asked.
//!
//! This is a statement about the collector, not about the cluster: a reader sees what could not be read for want of a
//! right, and whether the collector holds rights that reading does not need.

use serde::{Deserialize, Serialize};

/// What a collector may read, what it was refused, and what it may do beyond its need. Each list is in order and names
/// nothing twice.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Permissions {
    /// Lists that it may read in the whole cluster.
    pub granted: Vec<Permission>,
    /// Lists that it may not read in the whole cluster.
    pub refused: Vec<Permission>,
    /// Rights that it does not need: those that change something, wildcards, reading of Secrets that it does not do.
    pub excess: Vec<Permission>,
    /// Questions that the server did not answer, as sentences without a final stop.
    pub unanswered: Vec<String>,
}

/// One right: a verb on a resource.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Permission {
    /// API group of the resource; empty for the core group, `*` for all.
    pub api_group: String,
    /// The resource by its name in paths, such as `pods` or `pods/exec`; `*` for all. A path that begins with `/` is no
    /// resource but a path of the server.
    pub resource: String,
    /// The verb; `*` for all.
    pub verb: String,
    /// The namespace in which it holds; empty where it holds in the whole cluster, or in every namespace asked about.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub namespace: String,
}
