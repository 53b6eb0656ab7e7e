//! Work in place of the pipeline, steered by the test.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use hexproof_core::audit::{AuditKey, AuditOrder, Ending, Progress, Stage};
use hexproof_core::digest::Digest;
use hexproof_core::port::{AuditError, Clock, Execute, Executed, FixedClock, Runs};
use hexproof_core::scale::Rating;
use tokio::sync::Semaphore;

/// What to do with an audit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Act {
    /// End it well.
    Succeed,
    /// Wait for [`Work::release`], then end it well.
    Wait,
    /// Panic.
    Panic,
    /// It will never work.
    Fail,
    /// Store or queue are down.
    Retry,
    /// Wait for a snapshot, and end well once there is one.
    Await,
}

type Decide = dyn Fn(&AuditOrder, usize) -> Act + Send + Sync;

/// Like the pipeline it takes up what is there and writes the result itself.
pub(crate) struct Work {
    runs: Arc<dyn Runs>,
    act: Box<Decide>,
    gate: Semaphore,
    begun: Mutex<Vec<AuditKey>>,
    dropped: Arc<AtomicUsize>,
}

impl Work {
    /// `act` decides by the audit and by how often it was begun before.
    pub(crate) fn new(
        runs: Arc<dyn Runs>,
        act: impl Fn(&AuditOrder, usize) -> Act + Send + Sync + 'static,
    ) -> Arc<Self> {
        let (gate, begun, dropped) = (Semaphore::new(0), Mutex::default(), Arc::default());
        Arc::new(Self { runs, act: Box::new(act), gate, begun, dropped })
    }

    pub(crate) fn begun(&self) -> Vec<AuditKey> {
        self.begun.lock().unwrap().clone()
    }

    /// How many attempts were dropped before they came to an end.
    pub(crate) fn dropped(&self) -> usize {
        self.dropped.load(Ordering::SeqCst)
    }

    /// Lets so many audits go on.
    pub(crate) fn release(&self, audits: usize) {
        self.gate.add_permits(audits);
    }
}

pub(crate) fn success() -> Ending {
    let digest = Digest::of(b"x");
    Ending::Succeeded {
        rating: Rating::B,
        complete: true,
        pack: digest,
        pack_size: 1,
        snapshot: digest,
        assessment: digest,
    }
}

struct Dropped(Option<Arc<AtomicUsize>>);

impl Drop for Dropped {
    fn drop(&mut self) {
        if let Some(count) = &self.0 {
            count.fetch_add(1, Ordering::SeqCst);
        }
    }
}

#[async_trait]
impl Execute for Work {
    async fn execute(
        &self,
        order: &AuditOrder,
        progress: &(dyn Fn(Progress) + Send + Sync),
    ) -> Result<Executed, AuditError> {
        let earlier = {
            let mut begun = self.begun.lock().unwrap();
            begun.push(order.key.clone());
            begun.iter().filter(|key| **key == order.key).count() - 1
        };
        let mut dropped = Dropped(Some(self.dropped.clone()));
        progress(Progress { stage: Stage::Rendering, done: 1, total: 2 });
        let act = (self.act)(order, earlier);
        match act {
            Act::Wait => self.gate.acquire().await.unwrap().forget(),
            Act::Panic => panic!("as the test wants it"),
            Act::Succeed | Act::Fail | Act::Retry | Act::Await => {}
        }
        dropped.0 = None;
        let down =
            |error| AuditError::Retry { reason: "the store is down".into(), source: Some(Box::new(error)) };
        match act {
            Act::Fail => return Err(AuditError::Failed { reason: "it rained".into(), source: None }),
            Act::Retry => return Err(AuditError::Retry { reason: "it rains".into(), source: None }),
            Act::Await if self.runs.snapshot(&order.key).await.map_err(down)?.is_none() => {
                return Ok(Executed::Awaiting);
            }
            Act::Await | Act::Succeed | Act::Wait | Act::Panic => {}
        }
        let now = FixedClock(super::now()).now();
        let counts = self.runs.end(&order.key, &success(), now).await.map_err(down)?;
        Ok(Executed::Ended(counts))
    }
}
