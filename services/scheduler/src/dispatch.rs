//! How audits begin: recorded in the store, then queued.

use std::sync::Arc;

use async_trait::async_trait;
use hexproof_core::audit::{AuditKey, AuditOrder, AuditRecord, Trigger};
use hexproof_core::id::{ClusterId, RecordId};
use hexproof_core::port::{Audits, Clock, Ordered, Register, Runs, StartError};
use hexproof_core::register::ClusterEntry;
use tracing::{info, warn};

use crate::queue::Queue;
use crate::worker::chain;

/// Records and queues audits.
///
/// A queue that does not answer is no reason to refuse an audit: once it is recorded, the workers find it in the store
/// and queue it as soon as they can. [`StartError::Queue`] therefore never comes from here.
pub struct Dispatcher {
    register: Register,
    runs: Arc<dyn Runs>,
    queue: Arc<dyn Queue>,
    clock: Arc<dyn Clock>,
}

impl Dispatcher {
    /// A dispatcher for the clusters of `register`.
    pub fn new(
        register: Register,
        runs: Arc<dyn Runs>,
        queue: Arc<dyn Queue>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self { register, runs, queue, clock }
    }

    async fn enqueue(&self, key: &AuditKey) {
        if let Err(error) = self.queue.push(key).await {
            warn!(error = chain(&error), cluster = %key.cluster, run = %key.run, "audit is recorded but not queued yet");
        }
    }
}

#[async_trait]
impl Audits for Dispatcher {
    async fn start(&self, cluster: &ClusterId, trigger: Trigger) -> Result<AuditRecord, StartError> {
        let entry = self.register.latest::<ClusterEntry>(&RecordId::from(cluster.clone())).await?;
        if entry.is_none_or(|entry| entry.value.retired) {
            return Err(StartError::NotRegistered(cluster.clone()));
        }
        let key = AuditKey { cluster: cluster.clone(), run: trigger.run(cluster) };
        let order = AuditOrder { key, trigger, created: self.clock.now() };
        let record = match self.runs.order(&order).await? {
            Ordered::New => {
                info!(cluster = %order.key.cluster, run = %order.key.run, "audit recorded");
                AuditRecord { order, ended: None, cancel_requested: None }
            }
            Ordered::Earlier(record) if same(&record.order.trigger, &order.trigger) => *record,
            Ordered::Earlier(_) => return Err(StartError::Taken),
        };
        if record.ended.is_none() {
            self.enqueue(&record.order.key).await;
        }
        Ok(record)
    }

    async fn snapshot_arrived(&self, key: &AuditKey) -> Result<(), StartError> {
        self.enqueue(key).await;
        Ok(())
    }
}

/// Whether two triggers of one run are one. The ids are derived from the triggers, so that only a store that was written
/// by somebody else can say otherwise. Who repeats a request means the same request.
fn same(earlier: &Trigger, now: &Trigger) -> bool {
    match (earlier, now) {
        (Trigger::Request { request: a, .. }, Trigger::Request { request: b, .. }) => a == b,
        (Trigger::Slot { .. }, Trigger::Slot { .. })
        | (Trigger::Submission { .. }, Trigger::Submission { .. }) => earlier == now,
        _ => false,
    }
}
