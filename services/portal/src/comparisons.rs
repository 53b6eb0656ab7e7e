//! Comparisons of packs: made once for two packs, kept while there is room.
//!
//! Packs never change, so a comparison holds for good. It needs every observation of both, which is work for seconds
//! where there are a hundred thousand: whoever asked and went away has not asked in vain.

use std::sync::Arc;
use std::time::Duration;

use hexproof_core::diff::Diff;
use hexproof_core::digest::Digest;
use hexproof_core::port::evidence::{Evidence, PackEntry};
use hexproof_core::port::{Compare, StorageError};
use tokio::sync::Semaphore;

use crate::refusal::Refusal;
use crate::slots::Slots;

/// Changes that are kept, of all comparisons together.
const KEPT: u64 = 250_000;
/// Comparisons that are made at once: each holds two assessments.
const AT_ONCE: usize = 2;
/// What a page waits for that shows more than the comparison.
const GLANCE: Duration = Duration::from_millis(60);

/// Compares packs and remembers. Cheap to clone; clones share what they remember.
#[derive(Clone)]
pub(crate) struct Comparisons {
    evidence: Arc<dyn Evidence>,
    compare: Arc<dyn Compare>,
    kept: Slots<(Digest, Digest), Arc<Diff>>,
    turns: Arc<Semaphore>,
}

/// A comparison that a page shows among other things.
#[derive(Debug, Clone)]
pub(crate) enum Glance {
    /// It is there.
    Made(Arc<Diff>),
    /// It is being made.
    Waiting,
    /// It cannot be made; the log says why.
    Failed,
}

impl Comparisons {
    pub(crate) fn new(evidence: Arc<dyn Evidence>, compare: Arc<dyn Compare>) -> Self {
        Self { evidence, compare, kept: Slots::new(KEPT), turns: Arc::new(Semaphore::new(AT_ONCE)) }
    }

    /// What is different in `after`.
    pub(crate) async fn of(&self, before: &PackEntry, after: &PackEntry) -> Result<Arc<Diff>, Refusal> {
        match self.start(before, after).await {
            Ok(made) => made,
            Err(error) => {
                tracing::error!(error = &error as &dyn std::error::Error, "a comparison ended early");
                Err(Refusal::Internal)
            }
        }
    }

    /// The same, if it can be had at once; else it is made for the next who asks.
    pub(crate) async fn glance(&self, before: &PackEntry, after: &PackEntry) -> Glance {
        if let Some(diff) = self.kept.known(&(before.digest, after.digest)) {
            return Glance::Made(diff);
        }
        match tokio::time::timeout(GLANCE, self.start(before, after)).await {
            Err(_) => Glance::Waiting,
            Ok(Ok(Ok(diff))) => Glance::Made(diff),
            Ok(Ok(Err(_)) | Err(_)) => Glance::Failed,
        }
    }

    /// A task of its own: it ends with the comparison, whether anybody waits for it or not.
    fn start(
        &self,
        before: &PackEntry,
        after: &PackEntry,
    ) -> tokio::task::JoinHandle<Result<Arc<Diff>, Refusal>> {
        let (this, before, after) = (self.clone(), before.clone(), after.clone());
        tokio::spawn(async move { this.make(&before, &after).await })
    }

    async fn make(&self, before: &PackEntry, after: &PackEntry) -> Result<Arc<Diff>, Refusal> {
        let key = (before.digest, after.digest);
        let slot = self.kept.slot(&key);
        let mut found = slot.lock().await;
        if let Some(diff) = found.as_ref() {
            return Ok(diff.clone());
        }
        let _turn = self.turns.acquire().await.map_err(|_| Refusal::Internal)?;
        let one = self.evidence.assessment(before).await?;
        let other = self.evidence.assessment(after).await?;
        let compare = self.compare.clone();
        let made = tokio::task::spawn_blocking(move || compare.compare(&one, &other)).await;
        let mut diff = match made {
            Ok(Ok(diff)) => diff,
            // An assessment that contradicts itself was not written by this program.
            Ok(Err(error)) => return Err(StorageError::Damaged(Box::new(error)).into()),
            Err(error) => {
                tracing::error!(error = &error as &dyn std::error::Error, "a comparison ended early");
                return Err(Refusal::Internal);
            }
        };
        diff.before.audit_id = before.key.run.to_string();
        diff.after.audit_id = after.key.run.to_string();
        let weight = diff.changes.len() as u64;
        let diff = Arc::new(diff);
        *found = Some(diff.clone());
        self.kept.weighs(&key, weight);
        Ok(diff)
    }
}
