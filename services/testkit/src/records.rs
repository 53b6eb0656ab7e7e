//! What the service keeps, in memory: records in versions and the access log, under the contract of their ports.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use hexproof_core::access::AccessEntry;
use hexproof_core::id::{ClusterId, RecordId};
use hexproof_core::port::{AccessLog, Cursor, Page, Records, StorageError};
use hexproof_core::register::{RecordKind, Version};
use serde_json::Value;

/// Whether a store answers; shared by the fakes below.
#[derive(Debug, Default)]
struct Outage(AtomicBool);

impl Outage {
    fn check(&self) -> Result<(), StorageError> {
        match self.0.load(Ordering::SeqCst) {
            true => Err(StorageError::Unavailable("the store of this test is down".into())),
            false => Ok(()),
        }
    }
}

/// All versions of everything, oldest first.
type Kept = BTreeMap<(RecordKind, RecordId), Vec<Version<Value>>>;

/// [`Records`] in memory. Of any number of writers of one version the first wins, as in a store.
#[derive(Debug, Default)]
pub struct MemoryRecords {
    kept: Mutex<Kept>,
    outage: Outage,
}

impl MemoryRecords {
    /// Nothing kept yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// From now on every call fails as if the store did not answer, or no longer.
    pub fn set_down(&self, down: bool) {
        self.outage.0.store(down, Ordering::SeqCst);
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Records for MemoryRecords {
    async fn latest_json(
        &self,
        kind: RecordKind,
        id: &RecordId,
    ) -> Result<Option<Version<Value>>, StorageError> {
        self.outage.check()?;
        Ok(self.kept().get(&(kind, id.clone())).and_then(|versions| versions.last().cloned()))
    }

    async fn all_json(&self, kind: RecordKind) -> Result<Vec<(RecordId, Version<Value>)>, StorageError> {
        self.outage.check()?;
        let kept = self.kept();
        let of_kind = kept.iter().filter(|((of, _), _)| *of == kind);
        Ok(of_kind.filter_map(|((_, id), versions)| Some((id.clone(), versions.last()?.clone()))).collect())
    }

    async fn history_json(
        &self,
        kind: RecordKind,
        id: &RecordId,
    ) -> Result<Vec<Version<Value>>, StorageError> {
        self.outage.check()?;
        Ok(self.kept().get(&(kind, id.clone())).cloned().unwrap_or_default())
    }

    async fn put_json(
        &self,
        kind: RecordKind,
        id: &RecordId,
        version: Version<Value>,
    ) -> Result<(), StorageError> {
        self.outage.check()?;
        // Lets other tasks run between a caller's reading and its writing, as a real store does.
        tokio::task::yield_now().await;
        let mut kept = self.kept();
        let versions = kept.entry((kind, id.clone())).or_default();
        let next = versions.len() as u64 + 1;
        let taken = version.number.checked_sub(1).and_then(|at| versions.get(usize::try_from(at).ok()?));
        match taken {
            Some(taken) if *taken == version => Ok(()),
            None if version.number == next => {
                versions.push(version);
                Ok(())
            }
            Some(_) | None => Err(StorageError::Conflict),
        }
    }

    async fn refresh(&self) -> Result<(), StorageError> {
        self.outage.check()
    }
}

/// [`AccessLog`] in memory, newest first as the port has it. A cursor is the number of entries already seen, counted
/// from the oldest, so that entries that come between two pages do not shift them.
#[derive(Debug, Default)]
pub struct MemoryAccessLog {
    entries: Mutex<Vec<AccessEntry>>,
    outage: Outage,
}

impl MemoryAccessLog {
    /// An empty log.
    pub fn new() -> Self {
        Self::default()
    }

    /// From now on every call fails as if the store did not answer, or no longer.
    pub fn set_down(&self, down: bool) {
        self.outage.0.store(down, Ordering::SeqCst);
    }

    /// Everything that was appended, oldest first.
    pub fn entries(&self) -> Vec<AccessEntry> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

#[async_trait]
impl AccessLog for MemoryAccessLog {
    async fn append(&self, entry: &AccessEntry) -> Result<(), StorageError> {
        self.outage.check()?;
        self.entries.lock().unwrap_or_else(PoisonError::into_inner).push(entry.clone());
        Ok(())
    }

    async fn list(
        &self,
        cluster: Option<&ClusterId>,
        after: Option<&Cursor>,
        limit: usize,
    ) -> Result<Page<AccessEntry>, StorageError> {
        self.outage.check()?;
        let entries = self.entries();
        let end = match after {
            None => entries.len(),
            Some(Cursor(place)) => place.parse().map_err(|error| {
                StorageError::Damaged(Box::<dyn std::error::Error + Send + Sync>::from(format!(
                    "`{place}`: {error}"
                )))
            })?,
        };
        let wanted = |entry: &&AccessEntry| cluster.is_none_or(|id| entry.cluster.as_ref() == Some(id));
        let mut found = entries.iter().enumerate().take(end).rev().filter(|(_, entry)| wanted(entry));
        let items: Vec<_> = found.by_ref().take(limit).collect();
        let more = found.next().is_some();
        let next = items.last().filter(|_| more).map(|(at, _)| Cursor(at.to_string()));
        Ok(Page { items: items.into_iter().map(|(_, entry)| entry.clone()).collect(), next })
    }
}

#[cfg(test)]
mod tests {
    use hexproof_core::access::AccessOutcome;

    use super::*;

    fn version(number: u64, text: &str) -> Version<Value> {
        Version {
            number,
            changed_by: "jo".into(),
            changed_at: "2026-11-24T00:00:00Z".parse().unwrap(),
            request: String::new(),
            value: text.into(),
        }
    }

    #[tokio::test]
    async fn versions_are_written_once_and_without_gaps() {
        let records = MemoryRecords::new();
        let id: RecordId = "a".parse().unwrap();
        let kind = RecordKind::Waivers;
        records.put_json(kind, &id, version(1, "x")).await.unwrap();
        records.put_json(kind, &id, version(1, "x")).await.expect("the same again does no harm");
        for wrong in [version(0, "x"), version(1, "y"), version(3, "z")] {
            let refused = records.put_json(kind, &id, wrong).await;
            assert!(matches!(refused, Err(StorageError::Conflict)), "{refused:?}");
        }
        records.put_json(kind, &id, version(2, "y")).await.unwrap();
        assert_eq!(records.latest_json(kind, &id).await.unwrap().unwrap().number, 2);
        assert_eq!(records.history_json(kind, &id).await.unwrap().len(), 2);
        assert!(records.all_json(RecordKind::Clusters).await.unwrap().is_empty());
        records.set_down(true);
        assert!(matches!(records.refresh().await, Err(StorageError::Unavailable(_))));
    }

    #[tokio::test]
    async fn the_log_is_read_newest_first_and_its_pages_do_not_shift() {
        let log = MemoryAccessLog::new();
        let entry = |object: &str, cluster: &str| AccessEntry {
            at: "2026-11-24T00:00:00Z".parse().unwrap(),
            subject: "jo".into(),
            authentication: None,
            action: "PackService.DownloadPack".into(),
            cluster: Some(cluster.parse().unwrap()),
            object: object.into(),
            outcome: AccessOutcome::Done,
        };
        for object in ["1", "2", "3"] {
            log.append(&entry(object, "shop")).await.unwrap();
            log.append(&entry("other", "bank")).await.unwrap();
        }
        let shop = "shop".parse().unwrap();
        let objects = |page: &Page<AccessEntry>| -> Vec<String> {
            page.items.iter().map(|entry| entry.object.clone()).collect()
        };
        let first = log.list(Some(&shop), None, 2).await.unwrap();
        assert_eq!(objects(&first), ["3", "2"]);
        log.append(&entry("4", "shop")).await.unwrap();
        let second = log.list(Some(&shop), first.next.as_ref(), 2).await.unwrap();
        assert_eq!((objects(&second), second.next), (vec!["1".to_owned()], None));
        assert_eq!(log.list(None, None, 100).await.unwrap().items.len(), 7);
    }
}
