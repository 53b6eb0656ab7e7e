//! One store for tests, with all ports over it: create-only like the real one, switched off, or failing at one call.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use bytes::Bytes;
use hexproof_core::access::Clusters;
use hexproof_core::audit::{AuditKey, AuditOrder, AuditRecord, Ending, Trigger};
use hexproof_core::id::{ClusterId, RecordId};
use hexproof_core::port::{
    Audits, Clock, Cursor, Ordered, Page, Records, Register, Runs, Slots, StartError, StorageError,
};
use hexproof_core::register::{
    CatchUp, ClusterEntry, ClusterSource, RecordKind, ScheduleEntry, SlotRecord, Version,
};
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;
use tokio::sync::Notify;
use tokio::time::Instant;

/// What happens at one call of a port.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    FailsBefore,
    FailsAfter,
    DiesBefore,
    DiesAfter,
}

type Kept = BTreeMap<(RecordKind, RecordId), Vec<Version<Value>>>;

#[derive(Default)]
pub(crate) struct World {
    records: Mutex<Kept>,
    pub(crate) slots: Mutex<BTreeMap<(RecordId, Timestamp), SlotRecord>>,
    pub(crate) runs: Mutex<BTreeMap<AuditKey, AuditRecord>>,
    /// How often an order was new.
    pub(crate) orders: AtomicUsize,
    pub(crate) calls: AtomicUsize,
    pub(crate) down: AtomicBool,
    fault: Mutex<Option<(usize, Fault)>>,
    pub(crate) died: Notify,
}

impl World {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self::default())
    }

    pub(crate) fn register(self: &Arc<Self>) -> Register {
        Register::new(Arc::clone(self) as Arc<dyn Records>)
    }

    /// Lets a call to come go wrong, counted from 0; whether the last one that was set has not come yet.
    pub(crate) fn fail(&self, fault: Option<(usize, Fault)>) -> bool {
        std::mem::replace(&mut *self.fault.lock().unwrap(), fault).is_some()
    }

    pub(crate) async fn cluster(self: &Arc<Self>, id: &str, retired: bool) {
        let entry = ClusterEntry {
            id: id.parse().unwrap(),
            display_name: id.to_owned(),
            labels: BTreeMap::new(),
            platform: None,
            source: ClusterSource::Push,
            settings: String::new(),
            retired,
        };
        self.keep(&entry.id.clone().into(), entry).await;
    }

    /// Keeps the next version of something.
    pub(crate) async fn keep<T: hexproof_core::register::Kept>(self: &Arc<Self>, id: &RecordId, value: T) {
        let register = self.register();
        let number = register.latest::<T>(id).await.unwrap().map_or(1, |version| version.number + 1);
        let version = Version {
            number,
            changed_by: "ann".to_owned(),
            changed_at: Timestamp::UNIX_EPOCH,
            request: String::new(),
            value,
        };
        register.put(id, version).await.unwrap();
    }

    pub(crate) fn recorded(&self) -> Vec<SlotRecord> {
        self.slots.lock().unwrap().values().cloned().collect()
    }

    /// Passes a call, with other tasks in between.
    async fn pass<T>(&self, effect: impl FnOnce() -> Result<T, StorageError>) -> Result<T, StorageError> {
        tokio::task::yield_now().await;
        if self.down.load(Ordering::SeqCst) {
            return Err(unavailable());
        }
        let call = self.calls.fetch_add(1, Ordering::SeqCst);
        let fault = self.fault.lock().unwrap().take_if(|(at, _)| *at == call).map(|(_, fault)| fault);
        match fault {
            Some(Fault::FailsBefore) => return Err(unavailable()),
            Some(Fault::DiesBefore) => self.die().await,
            Some(Fault::FailsAfter | Fault::DiesAfter) | None => {}
        }
        let result = effect();
        tokio::task::yield_now().await;
        match fault {
            Some(Fault::FailsAfter) => Err(unavailable()),
            Some(Fault::DiesAfter) => self.die().await,
            Some(Fault::FailsBefore | Fault::DiesBefore) | None => result,
        }
    }

    async fn die(&self) -> ! {
        self.died.notify_one();
        std::future::pending().await
    }
}

fn unavailable() -> StorageError {
    StorageError::Unavailable("the store is down".into())
}

#[async_trait]
impl Records for World {
    async fn latest_json(
        &self,
        kind: RecordKind,
        id: &RecordId,
    ) -> Result<Option<Version<Value>>, StorageError> {
        Ok(self.history_json(kind, id).await?.pop())
    }

    async fn all_json(&self, kind: RecordKind) -> Result<Vec<(RecordId, Version<Value>)>, StorageError> {
        self.pass(|| {
            let records = self.records.lock().unwrap();
            let all = records.iter().filter(|((of, _), _)| *of == kind);
            Ok(all.map(|((_, id), versions)| (id.clone(), versions.last().unwrap().clone())).collect())
        })
        .await
    }

    async fn history_json(
        &self,
        kind: RecordKind,
        id: &RecordId,
    ) -> Result<Vec<Version<Value>>, StorageError> {
        let key = (kind, id.clone());
        self.pass(|| Ok(self.records.lock().unwrap().get(&key).cloned().unwrap_or_default())).await
    }

    async fn put_json(
        &self,
        kind: RecordKind,
        id: &RecordId,
        version: Version<Value>,
    ) -> Result<(), StorageError> {
        self.pass(|| {
            let mut records = self.records.lock().unwrap();
            let versions = records.entry((kind, id.clone())).or_default();
            match usize::try_from(version.number).unwrap() {
                number if number == versions.len() + 1 => versions.push(version),
                number if versions.get(number - 1) == Some(&version) => {}
                _ => return Err(StorageError::Conflict),
            }
            Ok(())
        })
        .await
    }

    async fn refresh(&self) -> Result<(), StorageError> {
        self.pass(|| Ok(())).await
    }
}

#[async_trait]
impl Slots for World {
    async fn record(&self, schedule: &RecordId, slot: &SlotRecord) -> Result<SlotRecord, StorageError> {
        let key = (schedule.clone(), slot.slot);
        self.pass(|| Ok(self.slots.lock().unwrap().entry(key).or_insert_with(|| slot.clone()).clone())).await
    }

    async fn list(
        &self,
        schedule: &RecordId,
        after: Option<&Cursor>,
        limit: usize,
    ) -> Result<Page<SlotRecord>, StorageError> {
        let before: Option<Timestamp> = after.map(|Cursor(text)| text.parse().unwrap());
        self.pass(|| {
            let slots = self.slots.lock().unwrap();
            let mut rest = slots
                .iter()
                .rev()
                .filter(|((of, at), _)| of == schedule && before.is_none_or(|before| *at < before))
                .map(|(_, record)| record.clone())
                .peekable();
            let items: Vec<_> = rest.by_ref().take(limit).collect();
            let next = rest.peek().and(items.last()).map(|last| Cursor(last.slot.to_string()));
            Ok(Page { items, next })
        })
        .await
    }
}

#[async_trait]
impl Runs for World {
    async fn order(&self, order: &AuditOrder) -> Result<Ordered, StorageError> {
        self.pass(|| {
            let mut runs = self.runs.lock().unwrap();
            if let Some(earlier) = runs.get(&order.key) {
                return Ok(Ordered::Earlier(Box::new(earlier.clone())));
            }
            let record = AuditRecord { order: order.clone(), ended: None, cancel_requested: None };
            runs.insert(order.key.clone(), record);
            self.orders.fetch_add(1, Ordering::SeqCst);
            Ok(Ordered::New)
        })
        .await
    }

    async fn find(&self, key: &AuditKey) -> Result<Option<AuditRecord>, StorageError> {
        self.pass(|| Ok(self.runs.lock().unwrap().get(key).cloned())).await
    }

    async fn unfinished(&self) -> Result<Vec<AuditRecord>, StorageError> {
        self.pass(|| Ok(self.runs.lock().unwrap().values().cloned().collect())).await
    }

    async fn list(
        &self,
        _: &Clusters,
        _: Option<&Cursor>,
        _: usize,
    ) -> Result<Page<AuditRecord>, StorageError> {
        Ok(Page { items: self.unfinished().await?, next: None })
    }

    async fn end(&self, _: &AuditKey, ending: &Ending, _: Timestamp) -> Result<Ending, StorageError> {
        Ok(ending.clone())
    }

    async fn request_cancel(&self, _: &AuditKey, _: &str, _: Timestamp) -> Result<(), StorageError> {
        Ok(())
    }

    async fn put_snapshot(&self, _: &AuditKey, _: Bytes) -> Result<(), StorageError> {
        Ok(())
    }

    async fn snapshot(&self, _: &AuditKey) -> Result<Option<Bytes>, StorageError> {
        Ok(None)
    }
}

#[async_trait]
impl Audits for World {
    async fn start(&self, cluster: &ClusterId, trigger: Trigger) -> Result<AuditRecord, StartError> {
        let key = AuditKey { cluster: cluster.clone(), run: trigger.run(cluster) };
        let order = AuditOrder { key, trigger, created: Timestamp::UNIX_EPOCH };
        Ok(match self.order(&order).await? {
            Ordered::New => AuditRecord { order, ended: None, cancel_requested: None },
            Ordered::Earlier(earlier) => *earlier,
        })
    }

    async fn snapshot_arrived(&self, _: &AuditKey) -> Result<(), StartError> {
        Ok(())
    }
}

/// A clock that goes with the runtime's own, and can be wrong.
pub(crate) struct Wrist {
    begun: Instant,
    base: Timestamp,
    skew: Mutex<SignedDuration>,
}

impl Wrist {
    pub(crate) fn new(base: &str) -> Arc<Self> {
        let base = base.parse().unwrap();
        Arc::new(Self { begun: Instant::now(), base, skew: Mutex::new(SignedDuration::ZERO) })
    }

    /// The same time, wrong by some seconds.
    pub(crate) fn wrong(&self, seconds: i64) -> Arc<Self> {
        let skew = Mutex::new(SignedDuration::from_secs(seconds));
        Arc::new(Self { begun: self.begun, base: self.base, skew })
    }

    pub(crate) fn set_wrong(&self, seconds: i64) {
        *self.skew.lock().unwrap() = SignedDuration::from_secs(seconds);
    }
}

impl Clock for Wrist {
    fn now(&self) -> Timestamp {
        let passed = SignedDuration::try_from(self.begun.elapsed()).unwrap();
        self.base + passed + *self.skew.lock().unwrap()
    }
}

pub(crate) fn schedule(cron: &str, catch_up: CatchUp, since: &str) -> ScheduleEntry {
    ScheduleEntry {
        id: "nightly".parse().unwrap(),
        cluster: "shop".parse().unwrap(),
        cron: cron.to_owned(),
        time_zone: "UTC".to_owned(),
        jitter_seconds: 0,
        catch_up,
        paused: false,
        deleted: false,
        since: since.parse().unwrap(),
    }
}
