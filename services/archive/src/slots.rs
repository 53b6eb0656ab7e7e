//! The slots of schedules that have passed.

use async_trait::async_trait;
use futures::{StreamExt, TryStreamExt};
use hexproof_core::id::RecordId;
use hexproof_core::port::{Cursor, Page, Slots, StorageError};
use hexproof_core::register::SlotRecord;

use crate::error::ArchiveError;
use crate::layout::{self, Key};
use crate::object::Archive;
use crate::timeline::Stretch;

/// Slots that are read at once.
const AT_ONCE: usize = 32;

/// [`Slots`] over an archive.
#[derive(Debug, Clone)]
pub struct SlotStore {
    archive: Archive,
}

impl SlotStore {
    /// The slots of an archive.
    pub fn new(archive: Archive) -> Self {
        Self { archive }
    }

    async fn read(&self, key: Key) -> Result<SlotRecord, ArchiveError> {
        self.archive.record(&key).await?.ok_or_else(|| self.archive.missing(&key))
    }
}

#[async_trait]
impl Slots for SlotStore {
    async fn record(&self, schedule: &RecordId, slot: &SlotRecord) -> Result<SlotRecord, StorageError> {
        let key = layout::slots(schedule).below(&layout::slot_tail(slot.slot));
        match self.archive.create(&key, self.archive.encode(&key, slot)?).await {
            Ok(_) => Ok(slot.clone()),
            Err(ArchiveError::Conflict { .. }) => Ok(self.read(key).await?),
            Err(error) => Err(error.into()),
        }
    }

    async fn list(
        &self,
        schedule: &RecordId,
        after: Option<&Cursor>,
        limit: usize,
    ) -> Result<Page<SlotRecord>, StorageError> {
        let root = layout::slots(schedule);
        let page = self.archive.timeline(&root, &Stretch::after(after)?, limit).await?;
        let keys: Vec<Key> = page.tails.iter().map(|tail| root.below(tail)).collect();
        let read = keys.into_iter().map(|key| self.read(key));
        let items = futures::stream::iter(read).buffered(AT_ONCE).try_collect().await?;
        Ok(Page { items, next: page.next.map(Cursor) })
    }
}
