//! The evidence for people: [`Evidence`] over an archive.
//!
//! Nothing here reads a whole assessment to show a part of it. `standings` holds the newest packs of every cluster,
//! `extract` makes what is read instead of an assessment, `envelope` binds that to the assessment, `table` and `columns`
//! find observations, `observations` and `summary` read, `held` keeps for a while what was read.
//!
//! Extracts are derived: whoever finds them missing, damaged or of another assessment makes them again, and shows the
//! evidence itself meanwhile.

mod columns;
mod envelope;
mod extract;
mod held;
mod observations;
mod standings;
mod summary;
mod table;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use hexproof_core::access::{Artifact, Clusters};
use hexproof_core::assessment::Assessment;
use hexproof_core::audit::AuditKey;
use hexproof_core::digest::Digest;
use hexproof_core::id::ClusterId;
use hexproof_core::measure::Catalogue;
use hexproof_core::observation::Observation;
use hexproof_core::port::evidence::{
    Evidence, EvidenceFile, ObservationFilter, ObservationPage, PackEntry, PackPick,
};
use hexproof_core::port::{Clock, Cursor, Page, StorageError};
use jiff::Timestamp;
use tokio::sync::{Mutex, MutexGuard, Semaphore, SemaphorePermit};

use crate::error::ArchiveError;
use crate::index::Chain;
use crate::layout::{self, Extract, Part};
use crate::object::Archive;
use crate::packs::{FinishedRun, PackStore};
use crate::recent::Recent;
use crate::unpack;

use envelope::Unfit;
pub use extract::Extracts;
use held::Held;
use observations::Found;
use standings::{EACH, Standings};

/// The largest summary or table that is read. It also bounds how long a store is waited for that hangs.
const LARGEST: u64 = 32 << 20;
/// Runs whose results are remembered, about a thousand bytes each.
const RESULTS: usize = 1024;
/// Bytes of summaries in memory.
const SUMMARIES: usize = 32 << 20;
/// Bytes of tables in memory.
const TABLES: usize = 64 << 20;
/// Whole assessments that are in memory at once.
const WHOLE: usize = 2;
/// Locks that assessments share.
const STRIPES: usize = 16;
/// Tables and summaries that are read at once.
const READING: usize = 8;

/// [`Evidence`] over an archive. Cheap to clone; clones share what they hold.
#[derive(Clone)]
pub struct EvidenceStore(Arc<Shared>);

struct Shared {
    archive: Archive,
    packs: PackStore,
    catalogue: Arc<Catalogue>,
    clock: Arc<dyn Clock>,
    standings: Standings,
    results: Recent<AuditKey, Arc<FinishedRun>>,
    /// By the digest of the assessment, like all that is made of it.
    summaries: Held<Digest, Assessment>,
    tables: Held<Digest, Found>,
    reading: Semaphore,
    whole: Semaphore,
    /// One of these is held while extracts are made, so that those of one assessment are made once.
    making: [Mutex<()>; STRIPES],
}

impl EvidenceStore {
    /// The evidence of an archive. The catalogue tells layers and goals of measures.
    pub fn new(packs: PackStore, catalogue: Arc<Catalogue>, clock: Arc<dyn Clock>) -> Self {
        Self(Arc::new(Shared {
            archive: packs.archive().clone(),
            packs,
            catalogue,
            clock,
            standings: Standings::default(),
            results: Recent::new(RESULTS),
            summaries: Held::new(SUMMARIES),
            tables: Held::new(TABLES),
            reading: Semaphore::new(READING),
            whole: Semaphore::new(WHOLE),
            making: std::array::from_fn(|_| Mutex::new(())),
        }))
    }

    /// Takes over what is new, and lets go of what nobody asked for lately. To be called every few seconds.
    ///
    /// # Errors
    /// Those of the storage; what was known stays known.
    pub async fn refresh(&self) -> Result<(), StorageError> {
        let now = self.0.clock.now();
        self.0.summaries.sweep(now);
        self.0.tables.sweep(now);
        Ok(self.0.standings.refresh(&self.0.archive, now).await?)
    }

    /// Bytes that summaries and tables take in memory.
    pub fn held(&self) -> usize {
        self.0.summaries.bytes() + self.0.tables.bytes()
    }
}

impl Shared {
    /// The result of the run that made a pack.
    async fn result(&self, audit: &AuditKey) -> Result<Option<Arc<FinishedRun>>, StorageError> {
        if let Some(run) = self.results.get(audit) {
            return Ok(Some(run));
        }
        let found = self.packs.find(audit).await?.map(Arc::new);
        if let Some(run) = &found {
            self.results.put(audit.clone(), run.clone());
        }
        Ok(found)
    }

    /// The result of the run that made this very pack.
    async fn run(&self, pack: &PackEntry) -> Result<Arc<FinishedRun>, StorageError> {
        let key = layout::part(&pack.key.cluster, pack.key.run, Part::Result);
        let run = self.result(&pack.key).await?.ok_or_else(|| self.archive.missing(&key))?;
        match run.entry.digest == pack.digest {
            true => Ok(run),
            // The lists are derived, the result is what counts.
            false => Err(self.archive.damaged(&key, format!("it does not name pack {}", pack.digest)).into()),
        }
    }

    /// An extract as it is stored; `None` if there is none that can be read.
    async fn stored(&self, run: &FinishedRun, extract: Extract) -> Result<Option<Bytes>, ArchiveError> {
        let key = extract.of(&run.entry.key.cluster, run.entry.key.run);
        match self.archive.read(&key, LARGEST).await {
            Err(error) if error.is_damage() => {
                tracing::warn!(%key, error = %Chain(&error), "extract of an assessment cannot be read");
                Ok(None)
            }
            other => other,
        }
    }

    /// Waits until nobody else makes the extracts of this assessment, and there is room to do so.
    async fn make(&self, digest: &Digest) -> Result<(MutexGuard<'_, ()>, SemaphorePermit<'_>), StorageError> {
        let stripe = usize::from(digest.bytes()[0]) % STRIPES;
        Ok((self.making[stripe].lock().await, acquire(&self.whole).await?))
    }

    /// Makes the extracts of a run again and stores them; whether the store has them now.
    async fn extract(&self, run: &FinishedRun) -> Result<(Extracts, bool), StorageError> {
        let assessment = run.result.assessment.digest;
        let packed = self.archive.assessment(&run.result).await?;
        let made = unpack::extracts(packed, assessment).await.map_err(|error| self.torn(run, &error))?;
        let AuditKey { cluster, run } = &run.entry.key;
        tracing::info!(%cluster, %run, "extracts of an assessment are made again");
        let stored = self.archive.store_extracts(cluster, *run, &made).await;
        Ok((made, stored))
    }

    /// What was read, if it fits the assessment.
    fn fit<T>(&self, run: &FinishedRun, read: Result<T, Unfit>) -> Option<T> {
        let AuditKey { cluster, run } = &run.entry.key;
        read.inspect_err(
            |error| tracing::warn!(%cluster, %run, %error, "extract of an assessment is not used"),
        )
        .ok()
    }

    fn torn(&self, run: &FinishedRun, error: &dyn std::error::Error) -> ArchiveError {
        let key = layout::part(&run.entry.key.cluster, run.entry.key.run, Part::Assessment);
        self.archive.damaged(&key, error.to_string())
    }
}

async fn acquire(semaphore: &Semaphore) -> Result<SemaphorePermit<'_>, StorageError> {
    // Nobody closes it.
    semaphore.acquire().await.map_err(|closed| StorageError::Unavailable(Box::new(closed)))
}

/// Work of a processor, off the threads that serve.
async fn work<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, StorageError> {
    tokio::task::spawn_blocking(work).await.map_err(|died| StorageError::Unavailable(Box::new(died)))
}

#[async_trait]
impl Evidence for EvidenceStore {
    async fn standings(
        &self,
        clusters: &Clusters,
        each: usize,
    ) -> Result<BTreeMap<ClusterId, Vec<PackEntry>>, StorageError> {
        let shared = &self.0;
        shared.standings.begin(&shared.archive, shared.clock.now()).await?;
        Ok(shared.standings.of(clusters, each.min(EACH)))
    }

    fn standings_at(&self) -> Option<Timestamp> {
        self.0.standings.at()
    }

    async fn packs(
        &self,
        pick: &PackPick,
        after: Option<&Cursor>,
        limit: usize,
    ) -> Result<Page<PackEntry>, StorageError> {
        self.0.packs.list(pick, after, limit).await
    }

    async fn pack(&self, audit: &AuditKey) -> Result<Option<PackEntry>, StorageError> {
        Ok(self.0.result(audit).await?.map(|run| run.entry.clone()))
    }

    async fn before(&self, pack: &PackEntry) -> Result<Option<PackEntry>, StorageError> {
        let clusters = Clusters::Only(BTreeSet::from([pack.key.cluster.clone()]));
        let pick = PackPick { clusters, from: None, until: Some(pack.finished) };
        Ok(self.0.packs.list(&pick, None, 1).await?.items.into_iter().next())
    }

    async fn summary(&self, pack: &PackEntry) -> Result<Arc<Assessment>, StorageError> {
        let run = self.0.run(pack).await?;
        self.0.summary(&run).await
    }

    async fn assessment(&self, pack: &PackEntry) -> Result<Arc<Assessment>, StorageError> {
        let run = self.0.run(pack).await?;
        let _permit = acquire(&self.0.whole).await?;
        Ok(Arc::new(self.0.packs.assessment(&run).await?))
    }

    async fn observations(
        &self,
        pack: &PackEntry,
        filter: &ObservationFilter,
        skip: u32,
        limit: usize,
    ) -> Result<ObservationPage, StorageError> {
        let run = self.0.run(pack).await?;
        self.0.observations(&run, filter, skip, limit).await
    }

    async fn observation(&self, pack: &PackEntry, place: u32) -> Result<Option<Observation>, StorageError> {
        let run = self.0.run(pack).await?;
        self.0.observation(&run, place).await
    }

    async fn file(&self, pack: &PackEntry, artifact: Artifact) -> Result<EvidenceFile, StorageError> {
        let run = self.0.run(pack).await?;
        let file = self.0.packs.open(&run, artifact).await?;
        Ok(EvidenceFile {
            size: file.size,
            digest: file.digest,
            media_type: file.media_type,
            file_name: file.file_name.clone(),
            read: Box::new(move |range| file.stream(range)),
        })
    }
}
