//! The audits of all clusters in memory, with the rules of the store: what is there is never replaced.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use bytes::Bytes;
use hexproof_core::access::Clusters;
use hexproof_core::audit::{AuditKey, AuditOrder, AuditRecord, Ending};
use hexproof_core::port::{Cursor, Ordered, Page, Runs, StorageError};
use jiff::Timestamp;

/// [`Runs`] in memory. Clones share what they keep, as replicas share a store; it outlives whoever uses it.
#[derive(Clone, Default)]
pub struct MemoryRuns(Arc<Shared>);

#[derive(Default)]
struct Shared {
    kept: Mutex<BTreeMap<AuditKey, Kept>>,
    down: AtomicBool,
    calls: AtomicUsize,
    refused_endings: AtomicUsize,
}

struct Kept {
    order: AuditOrder,
    ended: Option<(Ending, Timestamp)>,
    cancel: Option<String>,
    snapshot: Option<Bytes>,
}

impl Kept {
    fn record(&self) -> AuditRecord {
        AuditRecord {
            order: self.order.clone(),
            ended: self.ended.clone(),
            cancel_requested: self.cancel.clone(),
        }
    }
}

impl MemoryRuns {
    /// Nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// While a store is down every call is answered with [`StorageError::Unavailable`] and changes nothing.
    pub fn set_down(&self, down: bool) {
        self.0.down.store(down, Ordering::SeqCst);
    }

    /// How many calls came, answered or not.
    pub fn calls(&self) -> usize {
        self.0.calls.load(Ordering::SeqCst)
    }

    /// How many endings came too late, because another one was there.
    pub fn late_endings(&self) -> usize {
        self.0.refused_endings.load(Ordering::SeqCst)
    }

    /// Everything that is kept, in the order of keys.
    pub fn all(&self) -> Vec<AuditRecord> {
        self.lock().values().map(Kept::record).collect()
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<AuditKey, Kept>> {
        self.0.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn open(&self) -> Result<MutexGuard<'_, BTreeMap<AuditKey, Kept>>, StorageError> {
        self.0.calls.fetch_add(1, Ordering::SeqCst);
        match self.0.down.load(Ordering::SeqCst) {
            true => Err(StorageError::Unavailable("it is down for the test".into())),
            false => Ok(self.lock()),
        }
    }
}

/// What is asked of an audit that was never ordered.
fn unknown() -> StorageError {
    StorageError::Damaged("no such audit was ordered".into())
}

#[async_trait]
impl Runs for MemoryRuns {
    async fn order(&self, order: &AuditOrder) -> Result<Ordered, StorageError> {
        let mut kept = self.open()?;
        if let Some(earlier) = kept.get(&order.key) {
            return Ok(Ordered::Earlier(Box::new(earlier.record())));
        }
        kept.insert(
            order.key.clone(),
            Kept { order: order.clone(), ended: None, cancel: None, snapshot: None },
        );
        Ok(Ordered::New)
    }

    async fn find(&self, key: &AuditKey) -> Result<Option<AuditRecord>, StorageError> {
        Ok(self.open()?.get(key).map(Kept::record))
    }

    async fn unfinished(&self) -> Result<Vec<AuditRecord>, StorageError> {
        let mut found: Vec<_> =
            self.open()?.values().filter(|kept| kept.ended.is_none()).map(Kept::record).collect();
        found.sort_by_key(|record| record.order.created);
        Ok(found)
    }

    async fn list(
        &self,
        clusters: &Clusters,
        after: Option<&Cursor>,
        limit: usize,
    ) -> Result<Page<AuditRecord>, StorageError> {
        let place = |record: &AuditRecord| {
            let AuditOrder { key, created, .. } = &record.order;
            // Newest first: the age counts down from the end of time.
            let age = i128::MAX - created.as_nanosecond();
            format!("{age:039}/{}/{}", key.cluster, key.run)
        };
        let mut all: BTreeMap<String, AuditRecord> = self
            .open()?
            .values()
            .filter(|kept| match clusters {
                Clusters::All => true,
                Clusters::Only(clusters) => clusters.contains(&kept.order.key.cluster),
            })
            .map(Kept::record)
            .map(|record| (place(&record), record))
            .collect();
        if let Some(Cursor(after)) = after {
            all = all.split_off(&format!("{after}\0"));
        }
        let more = all.len() > limit;
        let items: Vec<_> = all.into_iter().take(limit).collect();
        let next = items.last().filter(|_| more).map(|(place, _)| Cursor(place.clone()));
        Ok(Page { items: items.into_iter().map(|(_, record)| record).collect(), next })
    }

    async fn end(&self, key: &AuditKey, ending: &Ending, at: Timestamp) -> Result<Ending, StorageError> {
        let mut kept = self.open()?;
        let run = kept.get_mut(key).ok_or_else(unknown)?;
        if let Some((earlier, _)) = &run.ended {
            self.0.refused_endings.fetch_add(1, Ordering::SeqCst);
            return Ok(earlier.clone());
        }
        run.ended = Some((ending.clone(), at));
        Ok(ending.clone())
    }

    async fn request_cancel(&self, key: &AuditKey, subject: &str, _: Timestamp) -> Result<(), StorageError> {
        let mut kept = self.open()?;
        let run = kept.get_mut(key).ok_or_else(unknown)?;
        run.cancel.get_or_insert_with(|| subject.to_owned());
        Ok(())
    }

    async fn put_snapshot(&self, key: &AuditKey, snapshot: Bytes) -> Result<(), StorageError> {
        let mut kept = self.open()?;
        let run = kept.get_mut(key).ok_or_else(unknown)?;
        run.snapshot.get_or_insert(snapshot);
        Ok(())
    }

    async fn snapshot(&self, key: &AuditKey) -> Result<Option<Bytes>, StorageError> {
        Ok(self.open()?.get(key).and_then(|run| run.snapshot.clone()))
    }
}

#[cfg(test)]
mod tests {
    use hexproof_core::audit::Trigger;

    use super::*;

    fn order(request: &str, second: i64) -> AuditOrder {
        let cluster = "shop".parse().unwrap();
        let trigger = Trigger::Request { request: request.into(), subject: "ada".into() };
        let run = trigger.run(&cluster);
        let created = Timestamp::from_second(second).unwrap();
        AuditOrder { key: AuditKey { cluster, run }, trigger, created }
    }

    #[tokio::test]
    async fn the_first_order_and_the_first_ending_count() {
        let runs = MemoryRuns::new();
        let order = order("a", 1);
        assert_eq!(runs.order(&order).await.unwrap(), Ordered::New);
        assert!(matches!(runs.order(&order).await.unwrap(), Ordered::Earlier(_)));
        let failed = Ending::Failed { reason: "it rained".into() };
        let cancelled = Ending::Cancelled { subject: "ada".into() };
        assert_eq!(runs.end(&order.key, &failed, Timestamp::UNIX_EPOCH).await.unwrap(), failed);
        assert_eq!(runs.end(&order.key, &cancelled, Timestamp::UNIX_EPOCH).await.unwrap(), failed);
        assert_eq!(runs.late_endings(), 1);
        assert!(runs.unfinished().await.unwrap().is_empty());
        runs.set_down(true);
        assert!(matches!(runs.find(&order.key).await, Err(StorageError::Unavailable(_))));
    }

    #[tokio::test]
    async fn pages_run_from_the_newest_to_the_oldest() {
        let runs = MemoryRuns::new();
        for second in 0..5 {
            runs.order(&order(&second.to_string(), second)).await.unwrap();
        }
        let (mut seen, mut after) = (Vec::new(), None);
        loop {
            let page = runs.list(&Clusters::All, after.as_ref(), 2).await.unwrap();
            seen.extend(page.items.iter().map(|record| record.order.created.as_second()));
            after = page.next;
            if after.is_none() {
                break;
            }
        }
        assert_eq!(seen, [4, 3, 2, 1, 0]);
        let none = Clusters::Only(Default::default());
        assert!(runs.list(&none, None, 9).await.unwrap().items.is_empty());
    }
}
