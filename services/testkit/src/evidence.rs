//! Evidence in memory, with the rules of the store: filtered and paged for real, never written to, and able to go down.
//!
//! [`Sample`] makes packs of a believable cluster, of any size, and of one whose names attack whoever prints them.

mod catalogue;
mod files;
mod observations;
mod sample;
mod score;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use bytes::Bytes;
use hexproof_core::access::{Artifact, Clusters};
use hexproof_core::assessment::Assessment;
use hexproof_core::audit::AuditKey;
use hexproof_core::id::ClusterId;
use hexproof_core::measure::Catalogue;
use hexproof_core::observation::Observation;
use hexproof_core::port::evidence::{
    Evidence, EvidenceFile, ObservationFilter, ObservationPage, PackEntry, PackPick,
};
use hexproof_core::port::{Cursor, Page, StorageError};
use jiff::Timestamp;

pub use catalogue::catalogue;
pub use sample::{HOSTILE, Sample};

/// A pack and all that belongs to it.
#[derive(Debug, Clone)]
pub struct KeptPack {
    /// As lists show it.
    pub entry: PackEntry,
    /// What was found.
    pub assessment: Arc<Assessment>,
    /// The files; one that is not there is damaged.
    pub files: BTreeMap<Artifact, Bytes>,
}

/// How the store answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StoreState {
    /// As it should.
    Up,
    /// It did, and does no more: standings are told from memory, everything else is [`StorageError::Unavailable`].
    Down,
    /// It never did: everything is [`StorageError::Unavailable`].
    Silent,
}

/// [`Evidence`] in memory. Clones share what they keep.
#[derive(Clone)]
pub struct FixedEvidence(Arc<Shared>);

struct Shared {
    catalogue: Arc<Catalogue>,
    kept: Mutex<Kept>,
    calls: AtomicUsize,
}

struct Kept {
    packs: Vec<KeptPack>,
    damaged: BTreeSet<AuditKey>,
    state: StoreState,
    standings_at: Option<Timestamp>,
}

impl FixedEvidence {
    /// No pack yet. `catalogue` tells layers and goals of measures; that of the samples is [`catalogue`].
    pub fn new(catalogue: Arc<Catalogue>) -> Self {
        let kept =
            Kept { packs: Vec::new(), damaged: BTreeSet::new(), state: StoreState::Up, standings_at: None };
        Self(Arc::new(Shared { catalogue, kept: Mutex::new(kept), calls: AtomicUsize::new(0) }))
    }

    /// These packs, by the catalogue of the samples.
    pub fn of(packs: impl IntoIterator<Item = KeptPack>) -> Self {
        let evidence = Self::new(Arc::new(catalogue()));
        for pack in packs {
            evidence.add(pack);
        }
        evidence
    }

    /// One pack more.
    pub fn add(&self, pack: KeptPack) {
        let mut kept = self.lock();
        kept.standings_at = kept.standings_at.max(Some(pack.entry.finished));
        kept.packs.push(pack);
        kept.packs.sort_by(|one, other| place(&one.entry).cmp(&place(&other.entry)));
    }

    /// From now on what the store holds of this pack is damaged: lists show it, but nothing of it can be read.
    pub fn damage(&self, audit: &AuditKey) {
        self.lock().damaged.insert(audit.clone());
    }

    /// How the store answers from now on.
    pub fn set_state(&self, state: StoreState) {
        self.lock().state = state;
    }

    /// [`StoreState::Silent`] or [`StoreState::Up`].
    pub fn set_down(&self, down: bool) {
        self.set_state(if down { StoreState::Silent } else { StoreState::Up });
    }

    /// When the standings are said to have been taken over; unless told, when the newest pack was finished.
    pub fn set_standings_at(&self, at: Option<Timestamp>) {
        self.lock().standings_at = at;
    }

    /// How many calls came, answered or not.
    pub fn calls(&self) -> usize {
        self.0.calls.load(Ordering::SeqCst)
    }

    fn lock(&self) -> MutexGuard<'_, Kept> {
        self.0.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn ask(&self, memory: bool) -> Result<MutexGuard<'_, Kept>, StorageError> {
        self.0.calls.fetch_add(1, Ordering::SeqCst);
        let kept = self.lock();
        match (kept.state, memory) {
            (StoreState::Up, _) | (StoreState::Down, true) => Ok(kept),
            (StoreState::Down, false) | (StoreState::Silent, _) => {
                Err(StorageError::Unavailable("it is down for the test".into()))
            }
        }
    }

    fn read(&self, entry: &PackEntry) -> Result<KeptPack, StorageError> {
        let kept = self.ask(false)?;
        let found = kept.packs.iter().find(|pack| pack.entry.key == entry.key);
        match found {
            Some(pack) if !kept.damaged.contains(&entry.key) && pack.entry.digest == entry.digest => {
                Ok(pack.clone())
            }
            Some(_) => Err(StorageError::Damaged("it is damaged for the test".into())),
            None => Err(StorageError::Damaged("there is no such pack".into())),
        }
    }
}

/// Newest first.
fn place(entry: &PackEntry) -> (std::cmp::Reverse<Timestamp>, &AuditKey) {
    (std::cmp::Reverse(entry.finished), &entry.key)
}

fn within(clusters: &Clusters, cluster: &ClusterId) -> bool {
    match clusters {
        Clusters::All => true,
        Clusters::Only(clusters) => clusters.contains(cluster),
    }
}

#[async_trait]
impl Evidence for FixedEvidence {
    async fn standings(
        &self,
        clusters: &Clusters,
        each: usize,
    ) -> Result<BTreeMap<ClusterId, Vec<PackEntry>>, StorageError> {
        let kept = self.ask(true)?;
        let mut standings: BTreeMap<ClusterId, Vec<PackEntry>> = BTreeMap::new();
        for KeptPack { entry, .. } in
            kept.packs.iter().filter(|pack| within(clusters, &pack.entry.key.cluster))
        {
            let packs = standings.entry(entry.key.cluster.clone()).or_default();
            if packs.len() < each.min(32) {
                packs.push(entry.clone());
            }
        }
        Ok(standings)
    }

    fn standings_at(&self) -> Option<Timestamp> {
        let kept = self.lock();
        kept.standings_at.filter(|_| kept.state != StoreState::Silent)
    }

    async fn packs(
        &self,
        pick: &PackPick,
        after: Option<&Cursor>,
        limit: usize,
    ) -> Result<Page<PackEntry>, StorageError> {
        let kept = self.ask(false)?;
        let all: Vec<&PackEntry> = kept.packs.iter().map(|pack| &pack.entry).collect();
        let start = match after {
            None => 0,
            Some(Cursor(text)) => text
                .strip_prefix("after-")
                .and_then(|run| all.iter().position(|entry| entry.key.run.to_string() == run))
                .map(|at| at + 1)
                .ok_or(StorageError::Cursor)?,
        };
        let fits = |entry: &&&PackEntry| {
            within(&pick.clusters, &entry.key.cluster)
                && pick.from.is_none_or(|from| entry.finished >= from)
                && pick.until.is_none_or(|until| entry.finished < until)
        };
        let mut items: Vec<PackEntry> =
            all[start..].iter().filter(fits).take(limit + 1).map(|entry| (*entry).clone()).collect();
        let more = items.len() > limit;
        items.truncate(limit);
        let next = items.last().filter(|_| more).map(|last| Cursor(format!("after-{}", last.key.run)));
        Ok(Page { items, next })
    }

    async fn pack(&self, audit: &AuditKey) -> Result<Option<PackEntry>, StorageError> {
        let kept = self.ask(false)?;
        Ok(kept.packs.iter().find(|pack| pack.entry.key == *audit).map(|pack| pack.entry.clone()))
    }

    async fn before(&self, pack: &PackEntry) -> Result<Option<PackEntry>, StorageError> {
        let kept = self.ask(false)?;
        let older = kept.packs.iter().map(|pack| &pack.entry).find(|other| {
            other.key.cluster == pack.key.cluster
                && place(other) > place(pack)
                && other.finished < pack.finished
        });
        Ok(older.cloned())
    }

    async fn summary(&self, pack: &PackEntry) -> Result<Arc<Assessment>, StorageError> {
        Ok(Arc::new(self.read(pack)?.assessment.summary()))
    }

    async fn assessment(&self, pack: &PackEntry) -> Result<Arc<Assessment>, StorageError> {
        Ok(self.read(pack)?.assessment)
    }

    async fn observations(
        &self,
        pack: &PackEntry,
        filter: &ObservationFilter,
        skip: u32,
        limit: usize,
    ) -> Result<ObservationPage, StorageError> {
        let kept = self.read(pack)?;
        let measures = filter.measures(&self.0.catalogue);
        let all = &kept.assessment.observations;
        let number = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
        let fitting: Vec<(u32, &Observation)> =
            (0..).zip(all).filter(|(_, observation)| filter.fits(measures.as_ref(), observation)).collect();
        let mut outcomes = BTreeMap::new();
        for (_, observation) in &fitting {
            *outcomes.entry(observation.outcome).or_insert(0) += 1;
        }
        let namespaces: BTreeSet<&str> =
            all.iter().map(|observation| observation.subject.namespace.as_str()).collect();
        let skipped = fitting.iter().skip(skip as usize).take(limit);
        Ok(ObservationPage {
            items: skipped.map(|(place, observation)| (*place, (*observation).clone())).collect(),
            fitting: number(fitting.len()),
            before: skip.min(number(fitting.len())),
            total: number(all.len()),
            outcomes,
            namespaces: Arc::new(namespaces.into_iter().map(str::to_owned).collect()),
        })
    }

    async fn observation(&self, pack: &PackEntry, place: u32) -> Result<Option<Observation>, StorageError> {
        Ok(self.read(pack)?.assessment.observations.get(place as usize).cloned())
    }

    async fn file(&self, pack: &PackEntry, artifact: Artifact) -> Result<EvidenceFile, StorageError> {
        let kept = self.read(pack)?;
        let missing = || StorageError::Damaged("the file is missing for the test".into());
        let bytes = kept.files.get(&artifact).cloned().ok_or_else(missing)?;
        Ok(files::file(&pack.key, artifact, bytes))
    }
}
