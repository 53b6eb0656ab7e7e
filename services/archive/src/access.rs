//! The access log: one object an entry, so that an entry that was acknowledged stays whatever happens to others.

use async_trait::async_trait;
use bytes::Bytes;
use futures::{StreamExt, TryStreamExt};
use hexproof_core::access::AccessEntry;
use hexproof_core::id::ClusterId;
use hexproof_core::port::{AccessLog, Cursor, Page, StorageError};
use ring::rand::{SecureRandom as _, SystemRandom};

use crate::error::ArchiveError;
use crate::layout::{self, Key};
use crate::object::Archive;
use crate::timeline::Stretch;

/// Entries that are read at once.
const AT_ONCE: usize = 32;
/// Bytes of a text of an entry that are kept.
const LONGEST: usize = 1024;

/// [`AccessLog`] over an archive.
#[derive(Debug, Clone)]
pub struct AccessStore {
    archive: Archive,
    random: SystemRandom,
}

impl AccessStore {
    /// The access log of an archive.
    pub fn new(archive: Archive) -> Self {
        Self { archive, random: SystemRandom::new() }
    }

    /// Tells entries of one instant apart.
    fn unique(&self) -> Result<u64, ArchiveError> {
        let mut bytes = [0; 8];
        let filled = self.random.fill(&mut bytes);
        filled.map_err(|_| ArchiveError::NoRandomness { store: self.archive.name().to_owned() })?;
        Ok(u64::from_be_bytes(bytes))
    }

    async fn read(&self, key: Key) -> Result<Option<AccessEntry>, ArchiveError> {
        self.archive.record(&key).await
    }
}

#[async_trait]
impl AccessLog for AccessStore {
    async fn append(&self, entry: &AccessEntry) -> Result<(), StorageError> {
        let entry = bounded(entry);
        let tail = layout::access_tail(entry.at, self.unique()?);
        // The pointer first: one without an entry is passed over, an entry without a pointer would be overlooked.
        if let Some(cluster) = &entry.cluster {
            self.archive.create(&layout::access_of(cluster).below(&tail), Bytes::new()).await?;
        }
        let key = layout::access().below(&tail);
        self.archive.create(&key, self.archive.encode(&key, &entry)?).await?;
        Ok(())
    }

    async fn list(
        &self,
        cluster: Option<&ClusterId>,
        after: Option<&Cursor>,
        limit: usize,
    ) -> Result<Page<AccessEntry>, StorageError> {
        let (all, root) = (layout::access(), cluster.map_or_else(layout::access, layout::access_of));
        let page = self.archive.timeline(&root, &Stretch::after(after)?, limit).await?;
        let keys: Vec<Key> = page.tails.iter().map(|tail| all.below(tail)).collect();
        let read = keys.into_iter().map(|key| self.read(key));
        let items: Vec<Option<AccessEntry>> =
            futures::stream::iter(read).buffered(AT_ONCE).try_collect().await?;
        Ok(Page { items: items.into_iter().flatten().collect(), next: page.next.map(Cursor) })
    }
}

/// The entry with texts of bounded length: what callers send must not fill the store.
fn bounded(entry: &AccessEntry) -> AccessEntry {
    let cut = |text: &str| match text.len() > LONGEST {
        true => {
            let fits = (0..=LONGEST).rev().find(|end| text.is_char_boundary(*end)).unwrap_or(0);
            format!("{}…", &text[..fits])
        }
        false => text.to_owned(),
    };
    AccessEntry {
        subject: cut(&entry.subject),
        action: cut(&entry.action),
        object: cut(&entry.object),
        ..entry.clone()
    }
}
