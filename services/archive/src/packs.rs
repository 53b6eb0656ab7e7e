//! The packs of all clusters: listed from the index, given out piece by piece.

use std::sync::Arc;

use hexproof_core::access::Artifact;
use hexproof_core::assessment::Assessment;
use hexproof_core::audit::AuditKey;
use hexproof_core::digest::Digest;
use hexproof_core::port::evidence::{PackEntry, PackPick};
use hexproof_core::port::{Cursor, Page, StorageError};
use jiff::{Timestamp, ToSpan as _};

use crate::download::Download;
use crate::error::ArchiveError;
use crate::layout::{self, Index, Part};
use crate::object::Archive;
use crate::recent::Recent;
use crate::record::{Ended, RunResult, Stored};
use crate::timeline::Stretch;
use crate::unpack;

/// Assessments whose unpacked length and digest are remembered.
const REMEMBERED: usize = 1024;

/// The packs of an archive. Cheap to clone; clones share what they remember.
#[derive(Debug, Clone)]
pub struct PackStore {
    archive: Archive,
    /// Of a stored assessment: what it is unpacked.
    unpacked: Arc<Recent<Digest, Stored>>,
}

/// A pack and the audit that made it.
#[derive(Debug, Clone, PartialEq)]
pub struct FinishedRun {
    /// The pack as lists show it.
    pub entry: PackEntry,
    /// What the run came to.
    pub result: RunResult,
}

impl PackStore {
    /// The packs of an archive.
    pub fn new(archive: Archive) -> Self {
        Self { archive, unpacked: Arc::new(Recent::new(REMEMBERED)) }
    }

    pub(crate) fn archive(&self) -> &Archive {
        &self.archive
    }

    /// Packs, newest first. A page may be short, even empty, before the end: `next` alone says whether there is more.
    ///
    /// # Errors
    /// Those of the storage.
    pub async fn list(
        &self,
        pick: &PackPick,
        after: Option<&Cursor>,
        limit: usize,
    ) -> Result<Page<PackEntry>, StorageError> {
        let mut stretch = Stretch::after(after)?;
        let just_before = |at: Timestamp| layout::place(at.saturating_sub(1.nanosecond()).unwrap_or(at));
        if let Some(until) = pick.until {
            stretch.after = stretch.after.max(just_before(until));
        }
        if let Some(from) = pick.from {
            stretch.before = just_before(from);
        }
        let page = self.archive.indexed(Index::Packs, &pick.clusters, &stretch, limit).await?;
        let items = page.tails.iter().filter_map(|tail| layout::parse_pack(tail)).collect();
        Ok(Page { items, next: page.next.map(Cursor) })
    }

    /// The pack that an audit made, if it made one.
    ///
    /// # Errors
    /// Those of the storage.
    pub async fn find(&self, audit: &AuditKey) -> Result<Option<FinishedRun>, StorageError> {
        let Some(ended) = self.archive.ended(audit).await? else { return Ok(None) };
        let entry = ended.pack().map_err(|reason| {
            self.archive.damaged(&layout::part(&audit.cluster, audit.run, Part::Result), reason)
        })?;
        Ok(match (entry, ended) {
            (Some(entry), Ended::Pack(result)) => Some(FinishedRun { entry, result: *result }),
            (_, _) => None,
        })
    }

    /// A file of a finished run, to be read from any offset. Nothing of it but an assessment is read for that.
    ///
    /// # Errors
    /// Those of the storage.
    pub async fn open(&self, run: &FinishedRun, artifact: Artifact) -> Result<Download, StorageError> {
        let FinishedRun { entry, result } = run;
        let stem = format!("{}-{}", entry.key.cluster, entry.key.run);
        let part = |part| layout::part(&entry.key.cluster, entry.key.run, part);
        Ok(match artifact {
            Artifact::Pack => {
                let key = layout::pack(&result.pack.digest);
                Download::stored(self.archive.clone(), key, result.pack, "application/pdf", stem + ".pdf")
            }
            Artifact::Snapshot => {
                let (key, name) = (part(Part::Snapshot), stem + "-snapshot.ndjson.zst");
                Download::stored(self.archive.clone(), key, result.snapshot, "application/zstd", name)
            }
            Artifact::Population => {
                let (key, name) = (part(Part::Population), stem + "-population.json");
                Download::stored(self.archive.clone(), key, result.population, "application/json", name)
            }
            Artifact::Assessment => {
                let packed = self.archive.assessment(result).await?;
                let stored = match self.unpacked.get(&result.assessment.digest) {
                    Some(stored) => stored,
                    None => {
                        let stored =
                            unpack::measure(packed.clone()).await.map_err(|error| self.torn(run, &error))?;
                        self.unpacked.put(result.assessment.digest, stored);
                        stored
                    }
                };
                Download::packed(packed, stored, "application/json", stem + "-assessment.json")
            }
        })
    }

    /// The assessment of a finished run.
    ///
    /// # Errors
    /// Those of the storage.
    pub async fn assessment(&self, run: &FinishedRun) -> Result<Assessment, StorageError> {
        let packed = self.archive.assessment(&run.result).await?;
        Ok(unpack::assessment(packed).await.map_err(|error| self.torn(run, &error))?)
    }

    /// The bytes of a pack, at most `limit` of them.
    ///
    /// # Errors
    /// Those of the storage.
    pub async fn bytes(&self, run: &FinishedRun, limit: u64) -> Result<bytes::Bytes, StorageError> {
        let length = run.result.pack.length;
        if length > limit {
            return Err(StorageError::TooLarge { length, limit });
        }
        Ok(self.archive.pack(&run.result.pack.digest).await?)
    }

    fn torn(&self, run: &FinishedRun, error: &std::io::Error) -> ArchiveError {
        let key = layout::part(&run.entry.key.cluster, run.entry.key.run, Part::Assessment);
        self.archive.damaged(&key, error.to_string())
    }
}
