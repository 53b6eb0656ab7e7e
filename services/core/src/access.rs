//! Who is calling, and what a caller may reach. How a caller is known and what a role may do is decided by the access
//! crate; here are the nouns, so that every service can ask about scope.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::audit::AuditKey;
use crate::digest::Digest;
use crate::id::{ClusterId, RecordId};

/// What a caller is there for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// An agent: submits for its own cluster, reads nothing.
    Collector,
    /// Registers nothing and reads no evidence; starts and schedules audits, proposes and approves waivers.
    Operator,
    /// Lists, downloads and verifies packs of its clusters and period.
    Auditor,
    /// Registers clusters, reads the access log, and may do what operators and auditors do.
    Admin,
}

impl Role {
    /// Every role.
    pub const ALL: [Self; 4] = [Self::Collector, Self::Operator, Self::Auditor, Self::Admin];

    /// The name as it stands in configuration.
    pub fn word(self) -> &'static str {
        match self {
            Self::Collector => "collector",
            Self::Operator => "operator",
            Self::Auditor => "auditor",
            Self::Admin => "admin",
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.word())
    }
}

/// The clusters and the time that a caller may reach.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scope {
    /// The clusters.
    pub clusters: Clusters,
    /// Evidence made before this instant is out of reach.
    pub from: Option<Timestamp>,
    /// Evidence made at or after this instant is out of reach.
    pub until: Option<Timestamp>,
}

/// A set of clusters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Clusters {
    /// Every cluster, known or to come.
    All,
    /// These; none if empty.
    Only(BTreeSet<ClusterId>),
}

impl Scope {
    /// Everything, at any time.
    pub const ALL: Self = Self { clusters: Clusters::All, from: None, until: None };

    /// Nothing at all: what a caller has of whom nothing is stated.
    pub fn none() -> Self {
        Self { clusters: Clusters::Only(BTreeSet::new()), from: None, until: None }
    }

    /// One cluster, at any time.
    pub fn cluster(id: ClusterId) -> Self {
        Self { clusters: Clusters::Only(BTreeSet::from([id])), from: None, until: None }
    }

    /// Whether a cluster is within reach.
    pub fn admits(&self, cluster: &ClusterId) -> bool {
        match &self.clusters {
            Clusters::All => true,
            Clusters::Only(clusters) => clusters.contains(cluster),
        }
    }

    /// Whether evidence of a cluster that was made at an instant is within reach.
    pub fn admits_at(&self, cluster: &ClusterId, made: Timestamp) -> bool {
        self.admits(cluster)
            && self.from.is_none_or(|from| made >= from)
            && self.until.is_none_or(|until| made < until)
    }
}

/// How a caller was known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Authentication {
    /// A client certificate with a SPIFFE id.
    Mtls,
    /// A token of a Kubernetes service account, reviewed by its API server.
    ServiceAccount,
    /// A token of an OpenID provider.
    Oidc,
    /// A download link.
    Link,
    /// `--dev`: whoever reaches the loopback address.
    Dev,
}

impl Authentication {
    /// The name as it stands in the access log.
    pub fn word(self) -> &'static str {
        match self {
            Self::Mtls => "mtls",
            Self::ServiceAccount => "service-account",
            Self::Oidc => "oidc",
            Self::Link => "link",
            Self::Dev => "dev",
        }
    }
}

/// A caller whose identity was proved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// Names the person or program: an e-mail address or subject claim, a SPIFFE id, a service account. Two callers
    /// are the same person if and only if this is equal.
    pub subject: String,
    /// How it was known.
    pub authentication: Authentication,
    /// What it is there for.
    pub roles: BTreeSet<Role>,
    /// What it may reach.
    pub scope: Scope,
}

/// How a call ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AccessOutcome {
    /// It was done.
    Done,
    /// The caller may not do it.
    Refused,
    /// It failed.
    Failed,
}

/// One entry of the access log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AccessEntry {
    /// When.
    pub at: Timestamp,
    /// Who; `anonymous` where nobody proved an identity.
    pub subject: String,
    /// How the caller was known; absent where nobody proved an identity.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub authentication: Option<Authentication>,
    /// What was done, such as `PackService.DownloadPack`.
    pub action: String,
    /// The cluster it was done to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cluster: Option<ClusterId>,
    /// What it was done to, such as the id of an audit.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub object: String,
    /// How it ended.
    pub outcome: AccessOutcome,
}

/// What a call turned out to touch. The access layer puts an empty one beside each request, the service fills it in as
/// soon as it knows, and the layer writes it into the access log.
#[derive(Debug, Clone, Default)]
pub struct Trail(Arc<Mutex<(Option<ClusterId>, String)>>);

impl Trail {
    /// Says what is touched: the cluster, and an object such as the id of an audit. The last word counts.
    pub fn touches(&self, cluster: Option<&ClusterId>, object: impl Into<String>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = (cluster.cloned(), object.into());
    }

    /// What was said.
    pub fn touched(&self) -> (Option<ClusterId>, String) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// One file of an audit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Artifact {
    /// The signed PDF.
    Pack,
    /// The assessment: JSON.
    Assessment,
    /// The snapshot: NDJSON, zstd.
    Snapshot,
    /// The reconciled population: JSON.
    Population,
}

/// What a download link gives, and until when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LinkGrant {
    /// Who asked for the link.
    pub subject: String,
    /// The audit whose file it gives.
    pub audit: AuditKey,
    /// The file.
    pub artifact: Artifact,
    /// `sha256:` digest of the file, so that a link never gives another one.
    pub digest: Digest,
    /// When it ends.
    pub expires: Timestamp,
}

/// A link that was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    /// Names the link in the log and to whoever revokes it.
    pub id: RecordId,
    /// The address.
    pub url: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scope_admits_its_clusters_within_its_period() {
        let shop: ClusterId = "shop".parse().unwrap();
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        let scope = Scope {
            from: Some(at("2026-01-01T00:00:00Z")),
            until: Some(at("2026-07-01T00:00:00Z")),
            ..Scope::cluster(shop.clone())
        };
        assert!(scope.admits_at(&shop, at("2026-01-01T00:00:00Z")));
        assert!(!scope.admits_at(&shop, at("2025-12-31T23:59:59Z")));
        assert!(!scope.admits_at(&shop, at("2026-07-01T00:00:00Z")));
        assert!(!scope.admits(&"other".parse().unwrap()));
        assert!(!Scope::none().admits(&shop));
        assert!(Scope::ALL.admits_at(&shop, at("1970-01-01T00:00:00Z")));
    }
}
