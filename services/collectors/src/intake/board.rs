//! Which audits wait for the snapshot of an agent that dials out.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use hexproof_core::audit::AuditKey;
use hexproof_core::id::ClusterId;
use hexproof_core::port::{Register, Runs, StorageError};
use hexproof_core::register::{ClusterEntry, ClusterSource};
use tokio::{sync::watch, time};
use tokio_util::sync::CancellationToken;

/// How often the store is asked.
pub const POLL: Duration = Duration::from_secs(2);

type Waiting = BTreeMap<ClusterId, BTreeSet<AuditKey>>;

/// The audits that wait, refreshed by [`Board::run`].
pub struct Board {
    runs: Arc<dyn Runs>,
    register: Register,
    waiting: watch::Sender<Arc<Waiting>>,
    /// Audits whose snapshot was seen here: they are unfinished for a while, and wait for nothing.
    delivered: Mutex<BTreeSet<AuditKey>>,
}

impl Board {
    /// An empty board.
    #[must_use]
    pub fn new(runs: Arc<dyn Runs>, register: Register) -> Arc<Self> {
        let (waiting, _) = watch::channel(Arc::default());
        Arc::new(Self { runs, register, waiting, delivered: Mutex::default() })
    }

    /// Asks the store every two seconds while anybody waits, until `stop`.
    pub async fn run(&self, stop: CancellationToken) {
        let mut ticks = time::interval(POLL);
        ticks.set_missed_tick_behavior(time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                _ = ticks.tick() => {}
            }
            if self.waiting.receiver_count() == 0 {
                continue;
            }
            tokio::select! {
                () = stop.cancelled() => return,
                asked = self.refresh() => if let Err(error) = asked {
                    tracing::warn!(%error, "it is not known which audits wait for an agent");
                },
            }
        }
    }

    /// Asks the store once.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn refresh(&self) -> Result<(), StorageError> {
        let unfinished = self.runs.unfinished().await?;
        let all: BTreeSet<AuditKey> = unfinished.iter().map(|record| record.order.key.clone()).collect();
        let delivered = {
            let mut delivered = self.delivered.lock().unwrap_or_else(PoisonError::into_inner);
            delivered.retain(|key| all.contains(key));
            delivered.clone()
        };
        let mut waiting = Waiting::new();
        let mut pushes: BTreeMap<ClusterId, bool> = BTreeMap::new();
        for record in unfinished {
            let key = record.order.key;
            if record.ended.is_some() || record.cancel_requested.is_some() || delivered.contains(&key) {
                continue;
            }
            let push = match pushes.get(&key.cluster) {
                Some(push) => *push,
                None => {
                    let entry = self.register.latest::<ClusterEntry>(&key.cluster.clone().into()).await?;
                    let push = entry.is_some_and(|entry| entry.value.source == ClusterSource::Push);
                    pushes.insert(key.cluster.clone(), push);
                    push
                }
            };
            if push {
                waiting.entry(key.cluster.clone()).or_default().insert(key);
            }
        }
        self.waiting.send_if_modified(|before| {
            let changed = **before != waiting;
            if changed {
                *before = Arc::new(waiting);
            }
            changed
        });
        Ok(())
    }

    /// Follows the board.
    pub(super) fn follow(&self) -> watch::Receiver<Arc<Waiting>> {
        let mut receiver = self.waiting.subscribe();
        receiver.mark_changed();
        receiver
    }

    /// Whether the snapshot of an audit is there. Looked up in the store once, and remembered if it is.
    pub(super) async fn is_delivered(&self, key: &AuditKey) -> Result<bool, StorageError> {
        let known = self.delivered.lock().unwrap_or_else(PoisonError::into_inner).contains(key);
        if known {
            return Ok(true);
        }
        let there = self.runs.snapshot(key).await?.is_some();
        if there {
            self.deliver(key.clone());
        }
        Ok(there)
    }

    pub(super) fn deliver(&self, key: AuditKey) {
        self.delivered.lock().unwrap_or_else(PoisonError::into_inner).insert(key);
    }
}
