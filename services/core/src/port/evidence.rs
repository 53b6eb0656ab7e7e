//! What readers of evidence ask of storage: how clusters stand, what a pack says, the files themselves.
//!
//! Nothing here asks who is reading: whoever gives evidence to people looks at the scope first
//! ([`crate::access::Scope::admits_at`] with [`PackEntry::finished`]).

mod filter;

use std::collections::BTreeMap;
use std::ops::Range;
use std::pin::Pin;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use futures_core::Stream;
use jiff::Timestamp;

use super::{Cursor, Page, StorageError};
use crate::access::{Artifact, Clusters};
use crate::assessment::{Assessment, two_decimals, two_decimals_high};
use crate::audit::AuditKey;
use crate::digest::Digest;
use crate::id::ClusterId;
use crate::observation::Observation;
use crate::scale::{Outcome, Rating};

pub use filter::ObservationFilter;

/// A pack as lists show it.
#[derive(Debug, Clone, PartialEq)]
pub struct PackEntry {
    /// The audit that made it.
    pub key: AuditKey,
    /// When that was finished.
    pub finished: Timestamp,
    /// The rating of the cluster.
    pub rating: Rating,
    /// The score of the cluster; `None` for packs of which lists do not know it.
    pub score: Option<ScoreEntry>,
    /// Whether everything that was asked could be read.
    pub complete: bool,
    /// Bytes of the PDF.
    pub size: u64,
    /// SHA-256 of the PDF.
    pub digest: Digest,
}

/// The overall cell of a pack, as lists show it: two decimals, as in the JSON of an assessment.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ScoreEntry {
    /// Points of 100 if all that was not seen fails.
    pub low: f64,
    /// Points of 100 if all that was not seen passes.
    pub high: f64,
    /// Percent of the weight that was seen.
    pub coverage: f64,
    /// Number of gates.
    pub gates: u32,
}

impl ScoreEntry {
    /// The overall cell of an assessment.
    pub fn of(assessment: &Assessment) -> Self {
        let overall = &assessment.overall;
        Self {
            low: two_decimals(overall.score_low),
            high: two_decimals_high(overall.score_high),
            coverage: two_decimals(overall.coverage),
            gates: u32::try_from(assessment.gates.len()).unwrap_or(u32::MAX),
        }
    }
}

/// Which packs are listed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PackPick {
    /// Of these clusters.
    pub clusters: Clusters,
    /// Finished at or after this instant.
    pub from: Option<Timestamp>,
    /// Finished before this instant.
    pub until: Option<Timestamp>,
}

/// Part of the observations of a pack, in canonical order.
#[derive(Debug, Clone, PartialEq)]
pub struct ObservationPage {
    /// The observations and their places among all observations of the pack, counted from 0: a place names an
    /// observation for good.
    pub items: Vec<(u32, Observation)>,
    /// How many observations fit the filter.
    pub fitting: u32,
    /// How many of those come before the first item.
    pub before: u32,
    /// How many observations the pack has.
    pub total: u32,
    /// Of the fitting ones: how many by outcome.
    pub outcomes: BTreeMap<Outcome, u32>,
    /// Namespaces of all subjects of the pack, in order; for a choice.
    pub namespaces: Arc<Vec<String>>,
}

/// Bytes, piece by piece. A reader that is slow holds back the store.
pub type ByteStream = Pin<Box<dyn Stream<Item = Result<Bytes, StorageError>> + Send>>;

/// A file of a finished audit, to be read from any offset.
pub struct EvidenceFile {
    /// Bytes of the whole file.
    pub size: u64,
    /// SHA-256 of the whole file.
    pub digest: Digest,
    /// Its media type (RFC 6838).
    pub media_type: &'static str,
    /// A name for whoever keeps it: letters, digits, `-` and `.` only.
    pub file_name: String,
    /// Reads a range of it, cut at its end.
    pub read: Box<dyn FnOnce(Range<u64>) -> ByteStream + Send>,
}

/// The evidence of all clusters, for those who show it to people.
#[async_trait]
pub trait Evidence: Send + Sync {
    /// The newest packs of each of some clusters, newest first, at most `each` (which is at most 32). Answered from what
    /// is held in memory and taken over from the store every few seconds, so that an overview of a thousand clusters
    /// costs nothing. Clusters without a pack are left out.
    async fn standings(
        &self,
        clusters: &Clusters,
        each: usize,
    ) -> Result<BTreeMap<ClusterId, Vec<PackEntry>>, StorageError>;

    /// When the standings were last taken over from the store, whole; `None` before the first time. Older than a minute
    /// or so means that the store does not answer: what is shown may be out of date, and should say so.
    fn standings_at(&self) -> Option<Timestamp>;

    /// Packs, newest first. A page may be short, even empty, before the end: `next` alone says whether there is more.
    async fn packs(
        &self,
        pick: &PackPick,
        after: Option<&Cursor>,
        limit: usize,
    ) -> Result<Page<PackEntry>, StorageError>;

    /// The pack that an audit made, if it made one.
    async fn pack(&self, audit: &AuditKey) -> Result<Option<PackEntry>, StorageError>;

    /// The newest pack of the same cluster that is older than this one.
    async fn before(&self, pack: &PackEntry) -> Result<Option<PackEntry>, StorageError>;

    /// The assessment of a pack without its observations: small, and kept in memory for a while.
    async fn summary(&self, pack: &PackEntry) -> Result<Arc<Assessment>, StorageError>;

    /// The whole assessment: large. For those who need every observation at once.
    async fn assessment(&self, pack: &PackEntry) -> Result<Arc<Assessment>, StorageError>;

    /// Observations of a pack, `limit` at most, leaving out the first `skip` that fit.
    async fn observations(
        &self,
        pack: &PackEntry,
        filter: &ObservationFilter,
        skip: u32,
        limit: usize,
    ) -> Result<ObservationPage, StorageError>;

    /// One observation by its place; `None` beyond the end.
    async fn observation(&self, pack: &PackEntry, place: u32) -> Result<Option<Observation>, StorageError>;

    /// A file of a pack. Nothing of it is read for that.
    async fn file(&self, pack: &PackEntry, artifact: Artifact) -> Result<EvidenceFile, StorageError>;
}
