//! Listing and reading what runs left. Nothing read is believed without its digest.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use futures::TryStreamExt;
use hexproof_core::audit::AuditKey;
use hexproof_core::digest::Digest;
use serde::de::DeserializeOwned;

use crate::error::ArchiveError;
use crate::layout::{self, ClusterId, Key, Part, RunId};
use crate::object::{Archive, LARGEST_OBJECT, answered};
use crate::record::{Ended, LARGEST_RECORD, RunResult, Stored};

/// How far a run has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum RunState {
    /// There is no `result.json`.
    Unfinished,
    /// There is one: it has a pack, or says why it has none.
    Finished,
}

/// The runs of a cluster as the store lists them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RunListing {
    /// Every run of which there is an object, in the order of run ids.
    pub runs: BTreeMap<RunId, RunState>,
    /// Keys that this program does not write; someone else did.
    pub strangers: BTreeSet<String>,
}

impl Archive {
    /// The clusters of which there are runs, in order.
    pub async fn list_clusters(&self) -> Result<BTreeSet<ClusterId>, ArchiveError> {
        let prefix = layout::clusters();
        let path = prefix.path();
        let listed = self.store.list_with_delimiter(Some(&path));
        let listed = match answered(self.wait_for(LARGEST_RECORD), listed).await {
            Ok(listed) => listed,
            Err(fault) => return self.read_error(&prefix, fault).map(|()| BTreeSet::new()),
        };
        Ok(listed
            .common_prefixes
            .iter()
            .filter_map(|prefix| layout::parse_cluster(prefix.as_ref()))
            .collect())
    }

    /// The runs of a cluster; none if the cluster is not known.
    pub async fn list_runs(&self, cluster: &ClusterId) -> Result<RunListing, ArchiveError> {
        let prefix = layout::runs(cluster);
        let mut listing = RunListing::default();
        let mut objects = self.store.list(Some(&prefix.path()));
        let wait = self.wait_for(LARGEST_RECORD);
        loop {
            let object = match answered(wait, objects.try_next()).await {
                Ok(Some(object)) => object,
                Ok(None) => return Ok(listing),
                // A folder that disappears while it is listed is as good as none.
                Err(fault) => return self.read_error(&prefix, fault).map(|()| listing),
            };
            match layout::parse_part(object.location.as_ref()) {
                Some((of, run, part)) if of == *cluster => {
                    let state = listing.runs.entry(run).or_insert(RunState::Unfinished);
                    if part == Part::Result {
                        *state = RunState::Finished;
                    }
                }
                Some(_) | None => {
                    listing.strangers.insert(object.location.to_string());
                }
            }
        }
    }

    /// The result of a run; `None` while it is unfinished or unknown, and if it ended without a pack.
    pub async fn result(&self, cluster: &ClusterId, run: RunId) -> Result<Option<RunResult>, ArchiveError> {
        let audit = AuditKey { cluster: cluster.clone(), run };
        match self.ended(&audit).await? {
            Some(Ended::Pack(result)) => Ok(Some(*result)),
            Some(Ended::Without(_)) | None => Ok(None),
        }
    }

    /// How a run ended; `None` while it is unfinished or unknown.
    pub(crate) async fn ended(&self, audit: &AuditKey) -> Result<Option<Ended>, ArchiveError> {
        let key = layout::part(&audit.cluster, audit.run, Part::Result);
        let Some(ended) = self.record::<Ended>(&key).await? else { return Ok(None) };
        if ended.key() != (&audit.cluster, audit.run) {
            return Err(self.damaged(&key, "it is the result of another run".to_owned()));
        }
        Ok(Some(ended))
    }

    /// The snapshot that a result names, checked against its digest.
    pub async fn snapshot(&self, result: &RunResult) -> Result<Bytes, ArchiveError> {
        self.verified(&layout::part(&result.cluster, result.run, Part::Snapshot), &result.snapshot).await
    }

    /// The population that a result names, checked against its digest.
    pub async fn population(&self, result: &RunResult) -> Result<Bytes, ArchiveError> {
        self.verified(&layout::part(&result.cluster, result.run, Part::Population), &result.population).await
    }

    /// The assessment that a result names, checked against its digest.
    pub async fn assessment(&self, result: &RunResult) -> Result<Bytes, ArchiveError> {
        self.verified(&layout::part(&result.cluster, result.run, Part::Assessment), &result.assessment).await
    }

    /// The pack of this digest, checked against it.
    pub async fn pack(&self, digest: &Digest) -> Result<Bytes, ArchiveError> {
        let key = layout::pack(digest);
        let bytes = self.read(&key, LARGEST_OBJECT).await?.ok_or_else(|| self.missing(&key))?;
        self.check(&key, digest, bytes)
    }

    /// Whether there is a pack of this digest; its bytes are not looked at.
    pub async fn has_pack(&self, digest: &Digest) -> Result<bool, ArchiveError> {
        Ok(self.length(&layout::pack(digest)).await?.is_some())
    }

    /// Bytes of an object; `None` when there is none.
    pub(crate) async fn length(&self, key: &Key) -> Result<Option<u64>, ArchiveError> {
        let head = object_store::GetOptions { head: true, ..Default::default() };
        match answered(self.wait_for(0), self.store.get_opts(&key.path(), head)).await {
            Ok(found) => Ok(Some(found.meta.size)),
            Err(fault) => self.read_error(key, fault).map(|()| None),
        }
    }

    async fn verified(&self, key: &Key, stored: &Stored) -> Result<Bytes, ArchiveError> {
        let bytes = self.read(key, LARGEST_OBJECT).await?.ok_or_else(|| self.missing(key))?;
        self.check(key, &stored.digest, bytes)
    }

    fn check(&self, key: &Key, digest: &Digest, bytes: Bytes) -> Result<Bytes, ArchiveError> {
        match Digest::of(&bytes) {
            found if found == *digest => Ok(bytes),
            found => Err(self.damaged(key, format!("its digest is {found}, not {digest}"))),
        }
    }

    pub(crate) async fn record<T: DeserializeOwned>(&self, key: &Key) -> Result<Option<T>, ArchiveError> {
        let Some(bytes) = self.read(key, LARGEST_RECORD).await? else { return Ok(None) };
        serde_json::from_slice(&bytes).map(Some).map_err(|source| {
            let (store, key) = self.at(key);
            ArchiveError::Malformed { store, key, source }
        })
    }
}
