//! Records in versions, with the present version of each in memory.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, PoisonError, RwLock};

use async_trait::async_trait;
use futures::{StreamExt, TryStreamExt};
use hexproof_core::id::RecordId;
use hexproof_core::port::{Readable, Records, StorageError};
use hexproof_core::register::{RecordKind, Version};
use serde_json::Value;
use tokio::sync::Mutex;

use crate::error::ArchiveError;
use crate::index::Chain;
use crate::layout;
use crate::object::Archive;
use crate::storage::Contradiction;

/// Records that are read at once.
const AT_ONCE: usize = 16;

/// [`Records`] over an archive. Cheap to clone; clones share what they hold.
#[derive(Debug, Clone)]
pub struct RecordStore {
    archive: Archive,
    view: Arc<RwLock<View>>,
    /// Held while the store is read for the view, and tells whether that was done once.
    loaded: Arc<Mutex<bool>>,
}

type View = BTreeMap<(RecordKind, RecordId), Present>;

/// The present version of a record, or its number if it cannot be read.
#[derive(Debug, Clone)]
enum Present {
    Read(Version<Value>),
    Unreadable(u64),
}

impl Present {
    fn number(&self) -> u64 {
        match self {
            Self::Read(version) => version.number,
            Self::Unreadable(number) => *number,
        }
    }

    fn version(&self, id: &RecordId) -> Result<Version<Value>, StorageError> {
        match self {
            Self::Read(version) => Ok(version.clone()),
            Self::Unreadable(_) => Err(Contradiction::Record(id.to_string()).into()),
        }
    }
}

impl RecordStore {
    /// The records of an archive. Nothing is read before it is asked for.
    pub fn new(archive: Archive) -> Self {
        Self { archive, view: Arc::default(), loaded: Arc::default() }
    }

    /// Reads the store once, for the first who asks; the others wait for that.
    async fn load(&self) -> Result<(), StorageError> {
        let mut loaded = self.loaded.lock().await;
        if !*loaded {
            self.read_changed().await?;
            *loaded = true;
        }
        Ok(())
    }

    /// Takes over the newest version of each record that has one newer than the view.
    async fn read_changed(&self) -> Result<(), ArchiveError> {
        let mut newest: BTreeMap<(RecordKind, RecordId), u64> = BTreeMap::new();
        for (kind, _) in layout::KINDS {
            for key in self.archive.keys(&layout::records(kind)).await? {
                let Some((kind, id, number)) = layout::parse_version(&key) else { continue };
                let known = newest.entry((kind, id)).or_default();
                *known = number.max(*known);
            }
        }
        newest.retain(|key, number| {
            let view = self.view.read().unwrap_or_else(PoisonError::into_inner);
            view.get(key).is_none_or(|present| present.number() < *number)
        });
        let read = newest.into_iter().map(|((kind, id), number)| self.take_over(kind, id, number));
        futures::stream::iter(read).buffer_unordered(AT_ONCE).try_collect().await
    }

    async fn take_over(&self, kind: RecordKind, id: RecordId, number: u64) -> Result<(), ArchiveError> {
        let present = match self.version(kind, &id, number).await {
            Ok(version) => Present::Read(version),
            // One record that is damaged must not take the others with it; whoever asks for it is told.
            Err(error) if error.is_damage() => {
                tracing::error!(?kind, %id, number, error = %Chain(&error), "record cannot be read");
                Present::Unreadable(number)
            }
            Err(error) => return Err(error),
        };
        self.show(kind, id, present);
        Ok(())
    }

    async fn version(
        &self,
        kind: RecordKind,
        id: &RecordId,
        number: u64,
    ) -> Result<Version<Value>, ArchiveError> {
        let key = layout::version(kind, id, number);
        let version: Version<Value> =
            self.archive.record(&key).await?.ok_or_else(|| self.archive.missing(&key))?;
        match version.number == number {
            true => Ok(version),
            false => Err(self.archive.damaged(&key, format!("it is version {}", version.number))),
        }
    }

    /// Puts a version into the view, unless a newer one is there.
    fn show(&self, kind: RecordKind, id: RecordId, present: Present) {
        let mut view = self.view.write().unwrap_or_else(PoisonError::into_inner);
        match view.get(&(kind, id.clone())) {
            Some(newer) if newer.number() >= present.number() => {}
            Some(_) | None => {
                view.insert((kind, id), present);
            }
        }
    }

    fn present(&self, kind: RecordKind, id: &RecordId) -> Option<Present> {
        let view = self.view.read().unwrap_or_else(PoisonError::into_inner);
        view.get(&(kind, id.clone())).cloned()
    }

    /// The numbers of a record that the store has.
    async fn numbers(&self, kind: RecordKind, id: &RecordId) -> Result<BTreeSet<u64>, ArchiveError> {
        let keys = self.archive.keys(&layout::versions(kind, id)).await?;
        Ok(keys.iter().filter_map(|key| layout::parse_version(key)).map(|(_, _, number)| number).collect())
    }
}

#[async_trait]
impl Records for RecordStore {
    async fn latest_json(
        &self,
        kind: RecordKind,
        id: &RecordId,
    ) -> Result<Option<Version<Value>>, StorageError> {
        self.load().await?;
        self.present(kind, id).map(|present| present.version(id)).transpose()
    }

    async fn all_json(&self, kind: RecordKind) -> Result<Vec<(RecordId, Version<Value>)>, StorageError> {
        self.load().await?;
        let view = self.view.read().unwrap_or_else(PoisonError::into_inner);
        let of_kind = view.iter().filter(|((of, _), _)| *of == kind);
        of_kind.map(|((_, id), present)| Ok((id.clone(), present.version(id)?))).collect()
    }

    async fn readable_json(&self, kind: RecordKind) -> Result<Readable<Value>, StorageError> {
        self.load().await?;
        let view = self.view.read().unwrap_or_else(PoisonError::into_inner);
        let mut readable = Readable { records: Vec::new(), damaged: Vec::new() };
        for ((_, id), present) in view.iter().filter(|((of, _), _)| *of == kind) {
            match present {
                Present::Read(version) => readable.records.push((id.clone(), version.clone())),
                Present::Unreadable(_) => readable.damaged.push(id.clone()),
            }
        }
        Ok(readable)
    }

    async fn history_json(
        &self,
        kind: RecordKind,
        id: &RecordId,
    ) -> Result<Vec<Version<Value>>, StorageError> {
        let numbers = self.numbers(kind, id).await?;
        let read = numbers.into_iter().map(|number| self.version(kind, id, number));
        Ok(futures::stream::iter(read).buffered(AT_ONCE).try_collect().await?)
    }

    async fn put_json(
        &self,
        kind: RecordKind,
        id: &RecordId,
        version: Version<Value>,
    ) -> Result<(), StorageError> {
        self.load().await?;
        let present = self.present(kind, id);
        if let Some(Present::Read(present)) = &present
            && *present == version
        {
            return Ok(());
        }
        if version.number != present.map_or(0, |present| present.number()) + 1 {
            return Err(StorageError::Conflict);
        }
        let key = layout::version(kind, id, version.number);
        match self.archive.create(&key, self.archive.encode(&key, &version)?).await {
            Ok(_) => {
                self.show(kind, id.clone(), Present::Read(version));
                Ok(())
            }
            Err(ArchiveError::Conflict { .. }) => {
                // Another replica was first: whoever reads again now shall see what it wrote.
                if let Some(newest) = self.numbers(kind, id).await?.into_iter().next_back() {
                    self.take_over(kind, id.clone(), newest).await?;
                }
                Err(StorageError::Conflict)
            }
            Err(error) => Err(error.into()),
        }
    }

    async fn refresh(&self) -> Result<(), StorageError> {
        let mut loaded = self.loaded.lock().await;
        self.read_changed().await?;
        *loaded = true;
        Ok(())
    }
}
