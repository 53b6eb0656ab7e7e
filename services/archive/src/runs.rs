//! The audits of all clusters, as the services see them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use futures::future::try_join3;
use futures::{StreamExt, TryStreamExt};
use hexproof_core::access::Clusters;
use hexproof_core::audit::{AuditKey, AuditOrder, AuditRecord, Ending};
use hexproof_core::port::{Cursor, Ordered, Page, Runs, StorageError};
use jiff::Timestamp;

use crate::error::ArchiveError;
use crate::index::{Chain, row};
use crate::layout::{self, AuditRow, Index, Part};
use crate::object::{Archive, LARGEST_OBJECT};
use crate::record::{Cancel, Claim, Ended};
use crate::run::Claimed;
use crate::storage::Contradiction;
use crate::timeline::Stretch;

/// Audits that are read at once.
const AT_ONCE: usize = 32;
/// Audits that ended and are remembered, some hundred bytes each.
const REMEMBERED: usize = 8192;
/// Lists are read on at most so often to fill a page.
const ROUNDS: usize = 8;

/// [`Runs`] over an archive. Cheap to clone; clones share what they remember.
#[derive(Debug, Clone)]
pub struct RunStore {
    archive: Archive,
    /// Audits that have ended: they never change.
    ended: Arc<crate::recent::Recent<AuditKey, AuditRecord>>,
}

impl RunStore {
    /// The audits of an archive.
    pub fn new(archive: Archive) -> Self {
        Self { archive, ended: Arc::new(crate::recent::Recent::new(REMEMBERED)) }
    }

    async fn read(&self, key: &AuditKey) -> Result<Option<AuditRecord>, ArchiveError> {
        if let Some(record) = self.ended.get(key) {
            return Ok(Some(record));
        }
        let cancel = layout::part(&key.cluster, key.run, Part::Cancel);
        let (claim, ended, cancel) = try_join3(
            self.archive.standing_claim(key),
            self.archive.ended(key),
            self.archive.record::<Cancel>(&cancel),
        )
        .await?;
        let Some(claim) = claim else { return Ok(None) };
        let record = self.record(&claim, ended.as_ref(), cancel)?;
        if record.ended.is_some() {
            self.ended.put(key.clone(), record.clone());
        }
        Ok(Some(record))
    }

    fn record(
        &self,
        claim: &Claim,
        ended: Option<&Ended>,
        cancel: Option<Cancel>,
    ) -> Result<AuditRecord, ArchiveError> {
        let at = |part| layout::part(&claim.cluster, claim.run, part);
        let order =
            claim.order().map_err(|error| self.archive.damaged(&at(Part::Claim), error.to_string()))?;
        let ended = ended
            .map(|ended| ended.ending().map_err(|reason| self.archive.damaged(&at(Part::Result), reason)))
            .transpose()?;
        Ok(AuditRecord { order, ended, cancel_requested: cancel.map(|cancel| cancel.subject) })
    }

    async fn ordered(&self, key: &AuditKey) -> Result<Claim, StorageError> {
        match self.archive.standing_claim(key).await? {
            Some(claim) => Ok(claim),
            None => Err(Contradiction::NeverOrdered { cluster: key.cluster.clone(), run: key.run }.into()),
        }
    }

    /// The audit of an entry of the list. An entry whose claim never came, or whose claim is another's, is none.
    async fn listed(&self, wanted: AuditRow) -> Result<Option<AuditRecord>, ArchiveError> {
        match self.read(&wanted.key).await {
            Ok(record) => Ok(record.filter(|record| row(&record.order) == wanted)),
            Err(error) if error.is_damage() => {
                tracing::error!(cluster = %wanted.key.cluster, run = %wanted.key.run,
                    error = %Chain(&error), "audit cannot be read and is not listed");
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    /// The audit of a marker, unless it has ended; `created` are the times that markers of it bear.
    async fn open(
        &self,
        key: AuditKey,
        created: BTreeSet<Timestamp>,
    ) -> Result<Option<AuditRecord>, ArchiveError> {
        let record = match self.read(&key).await {
            // An order whose claim has not come: whoever placed it was told nothing yet.
            Ok(None) => return Ok(None),
            Ok(Some(record)) => record,
            Err(error) if error.is_damage() => {
                tracing::error!(cluster = %key.cluster, run = %key.run, error = %Chain(&error),
                    "audit cannot be read and stays undone");
                return Ok(None);
            }
            Err(error) => return Err(error),
        };
        if record.ended.is_none() {
            return Ok(Some(record));
        }
        self.complete(&key).await?;
        for created in created {
            // Those of orders that came too late, too.
            self.archive.forget(&open_marker(&key, created)).await;
        }
        Ok(None)
    }

    /// Completes what a crash left undone of an audit that has ended.
    async fn complete(&self, key: &AuditKey) -> Result<(), ArchiveError> {
        let (claim, ended) =
            futures::future::try_join(self.archive.standing_claim(key), self.archive.ended(key)).await?;
        match (claim, ended) {
            (Some(claim), Some(ended)) => self.archive.settle(&claim, &ended).await,
            (_, _) => Ok(()),
        }
    }
}

#[async_trait]
impl Runs for RunStore {
    async fn order(&self, order: &AuditOrder) -> Result<Ordered, StorageError> {
        if let Some(record) = self.read(&order.key).await? {
            return Ok(Ordered::Earlier(Box::new(record)));
        }
        self.archive.announce(order).await?;
        match self.archive.claim(&Claim::of(order)).await {
            Ok(Claimed::New(_)) => return Ok(Ordered::New),
            Ok(Claimed::Unfinished { .. } | Claimed::Finished(_)) | Err(ArchiveError::Ended { .. }) => {}
            Err(error) => return Err(error.into()),
        }
        let standing = self.read(&order.key).await?;
        let Some(record) = standing else {
            return Err(Contradiction::NeverOrdered {
                cluster: order.key.cluster.clone(),
                run: order.key.run,
            }
            .into());
        };
        if record.order.created != order.created {
            self.archive.withdraw(order).await;
        } else if record.ended.is_some() {
            // Our marker may have come after the end.
            self.complete(&order.key).await?;
        }
        Ok(Ordered::Earlier(Box::new(record)))
    }

    async fn find(&self, key: &AuditKey) -> Result<Option<AuditRecord>, StorageError> {
        Ok(self.read(key).await?)
    }

    async fn unfinished(&self) -> Result<Vec<AuditRecord>, StorageError> {
        let open = layout::open();
        let mut markers: BTreeMap<AuditKey, BTreeSet<Timestamp>> = BTreeMap::new();
        for key in self.archive.keys(&open).await? {
            match open.tail_of(&key).and_then(AuditRow::parse) {
                Some(AuditRow { key, created }) => markers.entry(key).or_default().insert(created),
                None => continue,
            };
        }
        let found = markers.into_iter().map(|(key, created)| self.open(key, created));
        let found: Vec<Option<AuditRecord>> =
            futures::stream::iter(found).buffer_unordered(AT_ONCE).try_collect().await?;
        let mut records: Vec<AuditRecord> = found.into_iter().flatten().collect();
        records.sort_by(|one, other| {
            (one.order.created, &one.order.key).cmp(&(other.order.created, &other.order.key))
        });
        Ok(records)
    }

    async fn list(
        &self,
        clusters: &Clusters,
        after: Option<&Cursor>,
        limit: usize,
    ) -> Result<Page<AuditRecord>, StorageError> {
        let mut stretch = Stretch::after(after)?;
        let mut items = Vec::new();
        for _ in 0..ROUNDS {
            let page = self.archive.indexed(Index::Audits, clusters, &stretch, limit - items.len()).await?;
            let rows: Vec<AuditRow> = page.tails.iter().filter_map(|tail| AuditRow::parse(tail)).collect();
            let read = rows.into_iter().map(|row| self.listed(row));
            let read: Vec<Option<AuditRecord>> =
                futures::stream::iter(read).buffered(AT_ONCE).try_collect().await?;
            items.extend(read.into_iter().flatten());
            match page.next {
                Some(next) => stretch.after = next,
                None => return Ok(Page { items, next: None }),
            }
            if items.len() >= limit {
                break;
            }
        }
        Ok(Page { items, next: Some(Cursor(stretch.after)) })
    }

    async fn end(&self, key: &AuditKey, ending: &Ending, at: Timestamp) -> Result<Ending, StorageError> {
        let claim = self.ordered(key).await?;
        let standing = match (self.archive.ended(key).await?, Ended::without(key, ending, at)) {
            (Some(ended), _) => ended,
            (None, Some(ended)) => self.archive.end(key, ended).await?,
            (None, None) => {
                return Err(Contradiction::NoResult { cluster: key.cluster.clone(), run: key.run }.into());
            }
        };
        let record = self.record(&claim, Some(&standing), None)?;
        self.archive.settled(&claim, &standing).await;
        match record.ended {
            Some((ending, _)) => Ok(ending),
            None => Err(Contradiction::NoResult { cluster: key.cluster.clone(), run: key.run }.into()),
        }
    }

    async fn request_cancel(&self, key: &AuditKey, subject: &str, at: Timestamp) -> Result<(), StorageError> {
        self.ordered(key).await?;
        let cancel = layout::part(&key.cluster, key.run, Part::Cancel);
        let bytes = self.archive.encode(&cancel, &Cancel::new(subject, at))?;
        match self.archive.create(&cancel, bytes).await {
            Ok(_) | Err(ArchiveError::Conflict { .. }) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    async fn put_snapshot(&self, key: &AuditKey, snapshot: Bytes) -> Result<(), StorageError> {
        let length = snapshot.len() as u64;
        if length > LARGEST_OBJECT {
            return Err(StorageError::TooLarge { length, limit: LARGEST_OBJECT });
        }
        self.ordered(key).await?;
        let at = layout::part(&key.cluster, key.run, Part::Snapshot);
        match self.archive.create(&at, snapshot).await {
            Ok(_) | Err(ArchiveError::Conflict { .. }) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    async fn snapshot(&self, key: &AuditKey) -> Result<Option<Bytes>, StorageError> {
        let at = layout::part(&key.cluster, key.run, Part::Snapshot);
        Ok(self.archive.read(&at, LARGEST_OBJECT).await?)
    }
}

fn open_marker(key: &AuditKey, created: Timestamp) -> layout::Key {
    layout::open().below(&AuditRow { key: key.clone(), created }.tail())
}
