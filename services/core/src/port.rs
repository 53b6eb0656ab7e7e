//! What the services ask of the world, as traits: time, what is kept, the runs, the log. The archive implements those
//! of storage over an object store; the program wires them together.

pub mod evidence;

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use jiff::Timestamp;
use serde_json::Value;

use crate::access::{AccessEntry, Clusters, Link, LinkGrant};
use crate::audit::{AuditKey, AuditOrder, AuditRecord, Ending, Progress, Trigger};
use crate::id::{ClusterId, RecordId};
use crate::register::{Kept, RecordKind, SlotRecord, Version};

/// Tells the time. The program has one clock; tests have a fixed one.
pub trait Clock: Send + Sync {
    /// The present instant.
    fn now(&self) -> Timestamp;
}

/// A clock that always tells the same time: for tests and for reproducible runs.
#[derive(Debug, Clone, Copy)]
pub struct FixedClock(pub Timestamp);

impl Clock for FixedClock {
    fn now(&self) -> Timestamp {
        self.0
    }
}

/// Why storage did not do what it was asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StorageError {
    /// The store does not answer or refuses: try again later. Nothing is known to be lost.
    #[error("the store does not answer")]
    Unavailable(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// What the store holds cannot be what was written.
    #[error("the store holds something that cannot be right")]
    Damaged(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// Another writer was first, with other content.
    #[error("another writer was first")]
    Conflict,
    /// A list was to begin at a place that no list gave out.
    #[error("the place in the list is not one of this store")]
    Cursor,
    /// What was to be written is larger than a reader would take.
    #[error("{length} bytes are more than the {limit} that are kept")]
    TooLarge {
        /// Bytes offered.
        length: u64,
        /// Bytes taken at most.
        limit: u64,
    },
}

/// A place within a list; opaque, made and read by the storage alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cursor(pub String);

/// Part of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page<T> {
    /// The items.
    pub items: Vec<T>,
    /// Where the next page begins; `None` at the end.
    pub next: Option<Cursor>,
}

/// Things that are kept in versions, as JSON. The present version of each is held in memory and refreshed from the
/// store, so that reading costs nothing; a change made by another replica is seen after [`Records::refresh`].
/// [`Register`] gives the typed view.
#[async_trait]
pub trait Records: Send + Sync {
    /// The present version, if there is any.
    async fn latest_json(
        &self,
        kind: RecordKind,
        id: &RecordId,
    ) -> Result<Option<Version<Value>>, StorageError>;
    /// Every id with its present version, in the order of ids.
    async fn all_json(&self, kind: RecordKind) -> Result<Vec<(RecordId, Version<Value>)>, StorageError>;
    /// As [`Records::all_json`], but what is damaged does not keep the others back: the ids of those come beside.
    async fn readable_json(&self, kind: RecordKind) -> Result<Readable<Value>, StorageError> {
        Ok(Readable { records: self.all_json(kind).await?, damaged: Vec::new() })
    }
    /// Every version, oldest first.
    async fn history_json(
        &self,
        kind: RecordKind,
        id: &RecordId,
    ) -> Result<Vec<Version<Value>>, StorageError>;
    /// Writes a version; its number must be one more than the present one.
    ///
    /// # Errors
    /// [`StorageError::Conflict`] if that number is taken with other content. Of any number of writers one wins.
    async fn put_json(
        &self,
        kind: RecordKind,
        id: &RecordId,
        version: Version<Value>,
    ) -> Result<(), StorageError>;
    /// Takes over what other replicas wrote.
    async fn refresh(&self) -> Result<(), StorageError>;
}

/// What [`Records::readable_json`] found.
#[derive(Debug, Clone, PartialEq)]
pub struct Readable<T> {
    /// The records that can be read, in the order of ids.
    pub records: Vec<(RecordId, Version<T>)>,
    /// Those that cannot.
    pub damaged: Vec<RecordId>,
}

/// [`Records`] by type.
#[derive(Clone)]
pub struct Register(Arc<dyn Records>);

impl Register {
    /// A typed view of `records`.
    pub fn new(records: Arc<dyn Records>) -> Self {
        Self(records)
    }

    /// The present version, if there is any.
    ///
    /// # Errors
    /// Those of the storage; what cannot be read as `T` is [`StorageError::Damaged`].
    pub async fn latest<T: Kept>(&self, id: &RecordId) -> Result<Option<Version<T>>, StorageError> {
        self.0.latest_json(T::KIND, id).await?.map(typed).transpose()
    }

    /// Every id with its present version, in the order of ids.
    ///
    /// # Errors
    /// As [`Register::latest`].
    pub async fn all<T: Kept>(&self) -> Result<Vec<(RecordId, Version<T>)>, StorageError> {
        let all = self.0.all_json(T::KIND).await?;
        all.into_iter().map(|(id, version)| Ok((id, typed(version)?))).collect()
    }

    /// As [`Register::all`], for those who have to go on with what can be read.
    ///
    /// # Errors
    /// Those of the storage, but for damage of single records.
    pub async fn readable<T: Kept>(&self) -> Result<Readable<T>, StorageError> {
        let Readable { records: found, mut damaged } = self.0.readable_json(T::KIND).await?;
        let mut records = Vec::with_capacity(found.len());
        for (id, version) in found {
            match typed(version) {
                Ok(version) => records.push((id, version)),
                Err(_) => damaged.push(id),
            }
        }
        Ok(Readable { records, damaged })
    }

    /// Every version, oldest first.
    ///
    /// # Errors
    /// As [`Register::latest`].
    pub async fn history<T: Kept>(&self, id: &RecordId) -> Result<Vec<Version<T>>, StorageError> {
        self.0.history_json(T::KIND, id).await?.into_iter().map(typed).collect()
    }

    /// Writes a version; its number must be one more than the present one.
    ///
    /// # Errors
    /// As [`Records::put_json`].
    pub async fn put<T: Kept>(&self, id: &RecordId, version: Version<T>) -> Result<(), StorageError> {
        let Version { number, changed_by, changed_at, request, value } = version;
        let value = serde_json::to_value(value).map_err(|error| StorageError::Damaged(Box::new(error)))?;
        self.0.put_json(T::KIND, id, Version { number, changed_by, changed_at, request, value }).await
    }

    /// Takes over what other replicas wrote.
    ///
    /// # Errors
    /// Those of the storage.
    pub async fn refresh(&self) -> Result<(), StorageError> {
        self.0.refresh().await
    }
}

fn typed<T: Kept>(version: Version<Value>) -> Result<Version<T>, StorageError> {
    let Version { number, changed_by, changed_at, request, value } = version;
    let value = serde_json::from_value(value).map_err(|error| StorageError::Damaged(Box::new(error)))?;
    Ok(Version { number, changed_by, changed_at, request, value })
}

/// What [`Runs::order`] found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ordered {
    /// The order is recorded; of any number of callers exactly one gets this.
    New,
    /// It had been recorded before, as told.
    Earlier(Box<AuditRecord>),
}

/// The audits of all clusters.
#[async_trait]
pub trait Runs: Send + Sync {
    /// Records that an audit is to be done (create-only `claim.json`). Durable when it returns.
    async fn order(&self, order: &AuditOrder) -> Result<Ordered, StorageError>;
    /// What is known of an audit.
    async fn find(&self, key: &AuditKey) -> Result<Option<AuditRecord>, StorageError>;
    /// Audits that were ordered and have not ended, oldest first, without reading the whole store.
    async fn unfinished(&self) -> Result<Vec<AuditRecord>, StorageError>;
    /// Audits of some clusters, newest order first. `limit` is at least 1.
    async fn list(
        &self,
        clusters: &Clusters,
        after: Option<&Cursor>,
        limit: usize,
    ) -> Result<Page<AuditRecord>, StorageError>;
    /// Ends an audit. The first ending counts; the one that counts is returned. A success is written by
    /// the pipeline when it finishes the run; offering it here once more does no harm.
    async fn end(&self, key: &AuditKey, ending: &Ending, at: Timestamp) -> Result<Ending, StorageError>;
    /// Records that somebody wants an audit stopped.
    async fn request_cancel(&self, key: &AuditKey, subject: &str, at: Timestamp) -> Result<(), StorageError>;
    /// Stores the snapshot (NDJSON, zstd) that an agent delivered for an audit; the first one counts.
    async fn put_snapshot(&self, key: &AuditKey, snapshot: Bytes) -> Result<(), StorageError>;
    /// The snapshot that was delivered or collected for an audit, if there is one.
    async fn snapshot(&self, key: &AuditKey) -> Result<Option<Bytes>, StorageError>;
}

/// The slots of schedules that have passed.
#[async_trait]
pub trait Slots: Send + Sync {
    /// Records what became of a slot; the first record counts and is returned.
    async fn record(&self, schedule: &RecordId, slot: &SlotRecord) -> Result<SlotRecord, StorageError>;
    /// The newest slots, newest first.
    async fn list(
        &self,
        schedule: &RecordId,
        after: Option<&Cursor>,
        limit: usize,
    ) -> Result<Page<SlotRecord>, StorageError>;
}

/// Who did what.
#[async_trait]
pub trait AccessLog: Send + Sync {
    /// Adds an entry. Durable when it returns.
    async fn append(&self, entry: &AccessEntry) -> Result<(), StorageError>;
    /// Entries, newest first; of one cluster if one is named.
    async fn list(
        &self,
        cluster: Option<&ClusterId>,
        after: Option<&Cursor>,
        limit: usize,
    ) -> Result<Page<AccessEntry>, StorageError>;
}

/// Reads the state of a cluster, by whatever way its registration names.
#[async_trait]
pub trait Collect: Send + Sync {
    /// Collects a snapshot (NDJSON, zstd). `progress` is told now and then how far it is.
    ///
    /// # Errors
    /// A sentence that is fit for the caller's eyes; its source is for the log.
    async fn collect(
        &self,
        cluster: &crate::register::ClusterEntry,
        key: &AuditKey,
        progress: &(dyn Fn(Progress) + Send + Sync),
    ) -> Result<Collected, AuditError>;
}

/// What [`Collect::collect`] came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Collected {
    /// The snapshot.
    Snapshot(Bytes),
    /// It has to be delivered by the agent: the audit waits for it, and its worker goes on to other work.
    Awaited,
}

/// Carries one audit from its collection to its end. The scheduler's workers call it; the program implements it.
#[async_trait]
pub trait Execute: Send + Sync {
    /// Runs an audit whose order is recorded. Dropping the future stops the work. What an earlier attempt stored is
    /// taken up again. The ending is not written to the store for failures: the caller does that.
    async fn execute(
        &self,
        order: &AuditOrder,
        progress: &(dyn Fn(Progress) + Send + Sync),
    ) -> Result<Executed, AuditError>;
}

/// What [`Execute::execute`] came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Executed {
    /// The run has a result in the store.
    Ended(Ending),
    /// The audit waits for a snapshot that an agent has to deliver; it is queued again when that has come.
    Awaiting,
}

/// Why an audit did not get to its pack.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AuditError {
    /// It will never work as things are: the audit ends as failed.
    #[error("{reason}")]
    Failed {
        /// A sentence without a final stop, fit for the caller's eyes.
        reason: String,
        /// The chain of causes, for the log.
        #[source]
        source: Option<Box<dyn std::error::Error + Send + Sync>>,
    },
    /// Store or queue do not answer: the audit waits and is tried again.
    #[error("{reason}; it will be tried again")]
    Retry {
        /// A sentence without a final stop.
        reason: String,
        /// The chain of causes, for the log.
        #[source]
        source: Option<Box<dyn std::error::Error + Send + Sync>>,
    },
}

/// The front of the scheduler: how audits begin.
#[async_trait]
pub trait Audits: Send + Sync {
    /// Records an audit of a registered cluster and queues it. The same trigger always finds the same audit. Once this
    /// returns, the audit is not lost whatever happens.
    async fn start(&self, cluster: &ClusterId, trigger: Trigger) -> Result<AuditRecord, StartError>;
    /// Queues an audit again whose snapshot has been stored.
    async fn snapshot_arrived(&self, key: &AuditKey) -> Result<(), StartError>;
}

/// Why an audit was not started.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// No such cluster is registered, or its registration has ended.
    #[error("cluster `{0}` is not registered")]
    NotRegistered(ClusterId),
    /// The trigger was used before for another purpose.
    #[error("this request id started another audit before")]
    Taken,
    /// The store does not do its part.
    #[error("the audit could not be recorded")]
    Storage(#[from] StorageError),
    /// The queue does not do its part. The audit is recorded, and is queued as soon as the queue answers.
    #[error("the audit is recorded, but the queue does not answer")]
    Queue(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// Makes download links. The access crate does; the service of packs asks it.
pub trait Links: Send + Sync {
    /// A link for a grant.
    fn create(&self, grant: &LinkGrant) -> Link;
}

/// Checks a pack. The sealer does; the service of packs asks it. Takes milliseconds of CPU time: call it off the
/// threads that serve.
pub trait CheckPack: Send + Sync {
    /// Checks the bytes of a PDF, whatever they are.
    fn check(&self, pdf: &[u8]) -> PackCheck;
}

/// What a check of a pack found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PackCheck {
    /// Everything together.
    pub state: CheckState,
    /// The steps in their order: name, state, what was found.
    pub steps: Vec<(String, CheckState, String)>,
}

/// How a check went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum CheckState {
    /// It holds.
    Valid,
    /// It does not hold.
    Invalid,
    /// It cannot be decided. Never to be read as valid.
    Unknown,
    /// There is nothing to decide here.
    NotApplicable,
}
