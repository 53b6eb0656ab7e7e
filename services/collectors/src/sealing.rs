//! From a collection to a snapshot: what the sources do not tell is stated by whoever collects.

use hexproof_core::{
    Digest, Platform,
    snapshot::{Cluster, Header, Snapshot, SourceState, State},
};
use jiff::Timestamp;

use crate::collection::Collection;

/// Sources of the catalogue that these collectors do not ask.
const NOT_COLLECTED: [&str; 4] = ["node-agent", "kubelet-configz", "azure-arm", "manual"];

/// What a snapshot says beside what was collected.
#[derive(Debug, Clone)]
pub struct Stated {
    /// The name of the cluster.
    pub name: String,
    /// The id of the cluster.
    pub id: String,
    /// Where the cluster runs; what the objects show, if nothing.
    pub platform: Option<Platform>,
    /// When collection began.
    pub from: Timestamp,
    /// When collection ended.
    pub at: Timestamp,
    /// Program and version, such as `hexproof 1.0.0`.
    pub collector: String,
}

impl Collection {
    /// The snapshot of this collection.
    pub fn seal(self, stated: Stated) -> Snapshot {
        let (platform, platform_reason) = match (stated.platform, self.cluster.platform) {
            (Some(platform), _) => (platform, "given".to_owned()),
            (None, Some((platform, reason))) => (platform, format!("detected: {reason}")),
            (None, None) => (Platform::OnPremise, "assumed: no node was seen".to_owned()),
        };
        let mut sources = self.sources;
        sources.extend(NOT_COLLECTED.iter().map(|name| SourceState {
            name: (*name).to_owned(),
            state: State::NotCollected,
            objects: 0,
            reason: "this release does not ask it".to_owned(),
        }));
        let header = Header {
            format: String::new(),
            cluster: Cluster {
                name: stated.name,
                id: stated.id,
                version: self.cluster.version,
                platform: Some(platform),
                platform_reason,
            },
            collected_from: stated.from,
            collected_at: stated.at,
            collector: stated.collector,
            identity: self.cluster.identity,
            origin: self.origin,
            sources,
            redaction: self.redaction,
            permissions: self.permissions,
            records: 0,
            records_digest: Digest::of(b""),
        };
        Snapshot::seal(header, self.population, self.records)
    }
}
