//! One object: written once, read back whole.

use std::fmt;
use std::future::Future;
use std::path::{Path as FilePath, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use futures::TryStreamExt;
use object_store::{GetOptions, ObjectStore, ObjectStoreExt as _, PutMode, PutOptions, PutPayload};

use crate::error::{ArchiveError, Meaning, StoreFault};
use crate::layout::{self, Key};

/// How long an operation on a small object may take before it counts as unanswered.
const PATIENCE: Duration = Duration::from_secs(30);
/// The slowest transfer that is waited for, in bytes a second; it lengthens the wait for large objects.
const SLOWEST: u64 = 256 << 10;
/// Writes whose fate is unclear are looked up and tried again so often, and then given up.
const TRIES: u32 = 3;
/// The wait before the second try; it doubles.
const PAUSE: Duration = Duration::from_millis(250);
/// The largest object that is read into memory.
pub(crate) const LARGEST_OBJECT: u64 = 1 << 30;

/// A store of runs and packs. Cheap to clone; all clones are one store.
#[derive(Clone)]
pub struct Archive {
    pub(crate) store: Arc<dyn ObjectStore>,
    name: Arc<str>,
    /// The folder of a local store.
    root: Option<Arc<FilePath>>,
    /// Lists come in the order of keys and can begin at any of them.
    ordered: bool,
    /// The object of the probe has been seen.
    answered: Arc<AtomicBool>,
    patience: Duration,
}

impl fmt::Debug for Archive {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Archive").field(&self.name).finish()
    }
}

/// Whether a create wrote the object or found it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Created {
    Written,
    AlreadyThere,
}

impl Archive {
    /// An archive over any store of `object_store`; `name` stands for it in errors.
    ///
    /// [`Archive::open`] is the usual way in; this one is for stores that no address names.
    pub fn over(store: Arc<dyn ObjectStore>, name: impl Into<String>) -> Self {
        Self {
            store,
            name: name.into().into(),
            root: None,
            ordered: false,
            answered: Arc::default(),
            patience: PATIENCE,
        }
    }

    pub(crate) fn local(store: Arc<dyn ObjectStore>, name: String, root: PathBuf) -> Self {
        Self { root: Some(root.into()), ..Self::over(store, name) }
    }

    /// The same archive over a store that lists in the order of keys, from any key on.
    pub(crate) fn in_key_order(self) -> Self {
        Self { ordered: true, ..self }
    }

    /// Whether lists come in the order of keys.
    pub(crate) fn lists_in_order(&self) -> bool {
        self.ordered
    }

    pub(crate) fn note_answer(&self) {
        self.answered.store(true, Ordering::Relaxed);
    }

    pub(crate) fn has_answered(&self) -> bool {
        self.answered.load(Ordering::Relaxed)
    }

    /// The same archive with another limit on the time that one operation on a small object may take
    /// before it counts as unanswered; 30 seconds unless told. Large objects get more, by their size.
    #[must_use]
    pub fn with_patience(self, patience: Duration) -> Self {
        Self { patience, ..self }
    }

    /// The address of the store, without credentials.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether the store is a folder of this machine.
    pub(crate) fn is_local(&self) -> bool {
        self.root.is_some()
    }

    /// Writes an object that must not exist yet with other bytes.
    ///
    /// Returning means durable. Failing means that nothing of *these* bytes is promised: they are either
    /// absent or, where the store's answer was lost, present whole.
    pub(crate) async fn create(&self, key: &Key, bytes: Bytes) -> Result<Created, ArchiveError> {
        let mut pause = PAUSE;
        for left in (0..TRIES).rev() {
            let fault = match self.put(key, bytes.clone()).await {
                Ok(()) => return Ok(Created::Written),
                Err(fault) => fault,
            };
            match fault.meaning() {
                Meaning::Absent | Meaning::Denied | Meaning::Full | Meaning::Unsupported => {
                    return Err(self.write_error(key, fault));
                }
                Meaning::Exists | Meaning::Unclear => {}
            }
            // "Exists" may be our own write whose answer was lost, or another writer in the middle of it;
            // an unclear fault may have been applied. Only the object itself can tell.
            match self.read(key, LARGEST_OBJECT).await {
                Ok(Some(found)) if found == bytes => {
                    self.sync(key).await?;
                    return Ok(Created::AlreadyThere);
                }
                Ok(Some(_)) => return Err(self.conflict(key)),
                Ok(None) if left == 0 || self.is_local() => return Err(self.write_error(key, fault)),
                Ok(None) => tokio::time::sleep(pause).await,
                Err(error) if fault.meaning() == Meaning::Exists => return Err(error),
                // The store neither wrote nor answers: the first failure is the one to report.
                Err(_) => return Err(self.write_error(key, fault)),
            }
            pause *= 2;
        }
        Err(self.write_error(key, StoreFault::elapsed(pause)))
    }

    /// Reads an object whole; `None` when there is none.
    pub(crate) async fn read(&self, key: &Key, limit: u64) -> Result<Option<Bytes>, ArchiveError> {
        let fetch = async {
            let found = match self.store.get_opts(&key.path(), GetOptions::default()).await {
                Ok(found) => found,
                Err(fault) => return self.read_error(key, fault.into()).map(|()| None),
            };
            let length = found.meta.size;
            if length > limit {
                let (store, key) = self.at(key);
                return Err(ArchiveError::TooLarge { store, key, length, limit });
            }
            let mut bytes = BytesMut::with_capacity(length as usize);
            let mut pieces = found.into_stream();
            while let Some(piece) =
                pieces.try_next().await.or_else(|fault| self.read_error(key, fault.into()).map(|()| None))?
            {
                // A store that sends more than it announced must not fill the memory.
                if bytes.len() as u64 + piece.len() as u64 > length {
                    return Err(self.damaged(key, format!("more than the announced {length} bytes")));
                }
                bytes.extend_from_slice(&piece);
            }
            if bytes.len() as u64 != length {
                return Err(self.damaged(key, format!("{} of the announced {length} bytes", bytes.len())));
            }
            Ok(Some(bytes.freeze()))
        };
        // The length is known only on the way: the wait is that for the largest object asked for, at most
        // ten minutes.
        let limit = self.wait_for(limit).min(self.patience.max(Duration::from_secs(600)));
        match tokio::time::timeout(limit, fetch).await {
            Ok(read) => read,
            Err(_) => self.read_error(key, StoreFault::elapsed(limit)).map(|()| None),
        }
    }

    /// Deletes an object of the index, which can be made again at any time. A store that refuses, or does not have
    /// the object, is no worse for it: whoever reads the index knows that it may hold too much.
    pub(crate) async fn forget(&self, key: &Key) {
        if layout::derived().tail_of(key.as_str()).is_none() {
            // Evidence is never deleted, whatever the caller believes.
            return;
        }
        let path = key.path();
        if let Err(error) = answered(self.patience, self.store.delete(&path)).await
            && error.meaning() != Meaning::Absent
        {
            tracing::debug!(store = self.name(), %key, %error, "entry of the index is left");
        }
    }

    /// Reads a stretch of an object, with the length of the whole; `None` when there is no such object.
    pub(crate) async fn read_range(
        &self,
        key: &Key,
        range: std::ops::Range<u64>,
    ) -> Result<Option<(Bytes, u64)>, ArchiveError> {
        let wanted = range.end - range.start;
        let fetch = async {
            let options = GetOptions { range: Some(range.into()), ..GetOptions::default() };
            let found = self.store.get_opts(&key.path(), options).await?;
            let total = found.meta.size;
            Ok((found.bytes().await?, total))
        };
        match answered(self.wait_for(wanted), fetch).await {
            Ok((bytes, _)) if bytes.len() as u64 != wanted => {
                Err(self.damaged(key, format!("{} of {wanted} bytes that were asked for", bytes.len())))
            }
            Ok(found) => Ok(Some(found)),
            Err(fault) => self.read_error(key, fault).map(|()| None),
        }
    }

    async fn put(&self, key: &Key, bytes: Bytes) -> Result<(), StoreFault> {
        let limit = self.wait_for(bytes.len() as u64);
        let options = PutOptions { mode: PutMode::Create, ..PutOptions::default() };
        let path = key.path();
        let put = self.store.put_opts(&path, PutPayload::from_bytes(bytes), options);
        answered(limit, put).await.map(|_| ())
    }

    /// Makes an object durable that another writer made visible.
    ///
    /// That writer may have died between making it visible and syncing it; and what we report as stored
    /// must survive a loss of power.
    async fn sync(&self, key: &Key) -> Result<(), ArchiveError> {
        let Some(root) = self.root.clone() else { return Ok(()) };
        let file = root.join(key.as_str());
        let sync = move || {
            std::fs::File::open(&file)?.sync_all()?;
            file.ancestors().skip(1).take_while(|folder| folder.starts_with(&*root)).try_for_each(sync_folder)
        };
        let synced =
            tokio::task::spawn_blocking(sync).await.unwrap_or_else(|died| Err(std::io::Error::other(died)));
        synced.map_err(|fault| self.write_error(key, fault.into()))
    }

    pub(crate) fn wait_for(&self, length: u64) -> Duration {
        self.patience + Duration::from_secs(length / SLOWEST)
    }

    pub(crate) fn at(&self, key: &Key) -> (String, String) {
        (self.name.to_string(), key.to_string())
    }

    pub(crate) fn conflict(&self, key: &Key) -> ArchiveError {
        let (store, key) = self.at(key);
        ArchiveError::Conflict { store, key }
    }

    pub(crate) fn damaged(&self, key: &Key, reason: String) -> ArchiveError {
        let (store, key) = self.at(key);
        ArchiveError::Damaged { store, key, reason }
    }

    pub(crate) fn missing(&self, key: &Key) -> ArchiveError {
        let (store, key) = self.at(key);
        ArchiveError::Missing { store, key }
    }

    fn write_error(&self, key: &Key, source: StoreFault) -> ArchiveError {
        let (store, key) = self.at(key);
        match source.meaning() {
            Meaning::Absent => ArchiveError::NoBucket { store, key, source },
            Meaning::Denied => ArchiveError::Denied { store, key, source },
            Meaning::Full => ArchiveError::Full { store, key, source },
            Meaning::Exists | Meaning::Unsupported | Meaning::Unclear => {
                ArchiveError::Write { store, key, source }
            }
        }
    }

    /// The error of a failed read; an absent object is none.
    pub(crate) fn read_error(&self, key: &Key, source: StoreFault) -> Result<(), ArchiveError> {
        let (store, key) = self.at(key);
        match source.meaning() {
            Meaning::Absent => Ok(()),
            Meaning::Denied => Err(ArchiveError::Denied { store, key, source }),
            Meaning::Full | Meaning::Exists | Meaning::Unsupported | Meaning::Unclear => {
                Err(ArchiveError::Read { store, key, source })
            }
        }
    }
}

/// Waits for an answer of the store, but not forever.
pub(crate) async fn answered<T>(
    limit: Duration,
    operation: impl Future<Output = object_store::Result<T>>,
) -> Result<T, StoreFault> {
    match tokio::time::timeout(limit, operation).await {
        Ok(answer) => answer.map_err(StoreFault::from),
        Err(_) => Err(StoreFault::elapsed(limit)),
    }
}

/// Makes the entries of a folder durable.
pub(crate) fn sync_folder(folder: &FilePath) -> std::io::Result<()> {
    // Elsewhere a folder cannot be opened as a file; its entries are the file system's own concern.
    if cfg!(unix) { std::fs::File::open(folder)?.sync_all() } else { Ok(()) }
}
