//! The lists: made as audits are ordered and end, and made again from the runs where anything is lacking.
//!
//! The order of writes makes a crash harmless. Marker and list entry come before the claim, so that no order is
//! forgotten; an entry without its claim is passed over by readers. The end comes before its list entry, and the marker
//! goes last, so that whoever reads the markers finds what is to be completed.

use futures::future::try_join_all;
use futures::{StreamExt, TryStreamExt};
use hexproof_core::audit::AuditOrder;

use crate::error::ArchiveError;
use crate::layout::{self, AuditRow, ClusterId, Index, Key, RunId};
use crate::object::Archive;
use crate::read::RunState;
use crate::record::{Claim, Ended};

/// Runs that are read at once when lists are made again.
const AT_ONCE: usize = 16;

/// Whole assessments that are in memory at once meanwhile.
const WHOLE: usize = 2;

/// What [`Archive::reindex`] found.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Reindexed {
    /// Runs that are listed now.
    pub runs: u64,
    /// Runs that cannot be read, and are not listed; the log says which.
    pub damaged: u64,
    /// Runs whose extracts were made again.
    pub extracted: u64,
}

impl Archive {
    /// Puts an order into the lists and marks it as open, before its claim is written.
    pub(crate) async fn announce(&self, order: &AuditOrder) -> Result<(), ArchiveError> {
        let tail = row(order).tail();
        let [all, cluster] = layout::entries(Index::Audits, &order.key.cluster, &tail);
        self.enter([layout::open().below(&tail), all, cluster]).await
    }

    /// Takes an order out of the lists whose claim was not the one that counts.
    pub(crate) async fn withdraw(&self, order: &AuditOrder) {
        let tail = row(order).tail();
        let [all, cluster] = layout::entries(Index::Audits, &order.key.cluster, &tail);
        for key in [layout::open().below(&tail), all, cluster] {
            self.forget(&key).await;
        }
    }

    /// Puts the end of a run into the lists and takes its marker away.
    pub(crate) async fn settle(&self, standing: &Claim, ended: &Ended) -> Result<(), ArchiveError> {
        let result = layout::part(&standing.cluster, standing.run, layout::Part::Result);
        let claim = layout::part(&standing.cluster, standing.run, layout::Part::Claim);
        let order = standing.order().map_err(|error| self.damaged(&claim, error.to_string()))?;
        if !standing.is_order() {
            // Nobody announced it: its claimant carried it out by itself.
            let tail = row(&order).tail();
            self.enter(layout::entries(Index::Audits, &standing.cluster, &tail)).await?;
        }
        if let Some(pack) = ended.pack().map_err(|reason| self.damaged(&result, reason))? {
            self.enter(layout::pack_entries(&pack)).await?;
        }
        if standing.is_order() {
            self.forget(&layout::open().below(&row(&order).tail())).await;
        }
        Ok(())
    }

    /// [`Archive::settle`] where the end is stored and a failure changes nothing about it: the marker stays, or a
    /// repetition or [`Archive::reindex`] makes up for it.
    pub(crate) async fn settled(&self, standing: &Claim, ended: &Ended) {
        if let Err(error) = self.settle(standing, ended).await {
            tracing::warn!(cluster = %standing.cluster, run = %standing.run, error = %Chain(&error),
                "run has ended, but is not in the lists yet");
        }
    }

    /// Makes lists and extracts again from the runs: what is lacking is added, nothing is taken away. For stores whose lists
    /// were lost, and for runs that were interrupted in the middle of them.
    ///
    /// # Errors
    /// The store's failures. Runs that cannot be read are counted and left out.
    pub async fn reindex(&self) -> Result<Reindexed, ArchiveError> {
        let mut done = Reindexed::default();
        for cluster in self.list_clusters().await? {
            let runs = self.list_runs(&cluster).await?.runs.into_keys();
            let listed = futures::stream::iter(runs.map(|run| {
                let cluster = cluster.clone();
                async move { self.list_again(hexproof_core::audit::AuditKey { cluster, run }).await }
            }));
            let listed: Vec<Option<bool>> = listed.buffer_unordered(AT_ONCE).try_collect().await?;
            done.runs += listed.iter().filter(|listed| **listed == Some(true)).count() as u64;
            done.damaged += listed.iter().filter(|listed| **listed == Some(false)).count() as u64;
            done.extracted += self.extract_cluster(&cluster).await?;
        }
        Ok(done)
    }

    /// Makes the extracts of a cluster's assessments again where they are lacking; of how many runs.
    async fn extract_cluster(&self, cluster: &ClusterId) -> Result<u64, ArchiveError> {
        let finished = self.list_runs(cluster).await?.runs.into_iter();
        let finished = finished.filter(|(_, state)| *state == RunState::Finished).map(|(run, _)| run);
        let extracted = futures::stream::iter(finished.map(|run| self.extract_run(cluster, run)));
        let extracted: Vec<bool> = extracted.buffer_unordered(WHOLE).try_collect().await?;
        Ok(extracted.into_iter().filter(|extracted| *extracted).count() as u64)
    }

    async fn extract_run(&self, cluster: &ClusterId, run: RunId) -> Result<bool, ArchiveError> {
        let extracted = async {
            match self.result(cluster, run).await? {
                Some(result) => self.extract_again(&result).await,
                None => Ok(false),
            }
        };
        match extracted.await {
            Err(error) if error.is_damage() => {
                tracing::error!(%cluster, %run, error = %Chain(&error), "assessment cannot be read");
                Ok(false)
            }
            other => other,
        }
    }

    /// Whether a run could be listed; `None` for one that there is nothing to list of.
    async fn list_again(&self, key: hexproof_core::audit::AuditKey) -> Result<Option<bool>, ArchiveError> {
        let read = async {
            let Some(claim) = self.standing_claim(&key).await? else { return Ok(None) };
            let ended = self.ended(&key).await?;
            if claim.is_order() {
                let order = claim.order().map_err(|error| {
                    let at = layout::part(&key.cluster, key.run, layout::Part::Claim);
                    self.damaged(&at, error.to_string())
                })?;
                self.announce(&order).await?;
            }
            match &ended {
                Some(ended) => self.settle(&claim, ended).await.map(|()| Some(true)),
                None => Ok(claim.is_order().then_some(true)),
            }
        };
        match read.await {
            Err(error) if error.is_damage() => {
                tracing::error!(cluster = %key.cluster, run = %key.run, error = %Chain(&error),
                    "run cannot be listed");
                Ok(Some(false))
            }
            other => other,
        }
    }

    async fn enter<const N: usize>(&self, keys: [Key; N]) -> Result<(), ArchiveError> {
        try_join_all(keys.iter().map(|key| self.create(key, bytes::Bytes::new()))).await.map(|_| ())
    }
}

/// An audit as lists show it.
pub(crate) fn row(order: &AuditOrder) -> AuditRow {
    AuditRow { key: order.key.clone(), created: order.created }
}

/// An error with its causes on one line, for the log.
pub(crate) struct Chain<'a>(pub(crate) &'a (dyn std::error::Error + 'static));

impl std::fmt::Display for Chain<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.0)?;
        let mut next = self.0.source();
        while let Some(cause) = next {
            write!(f, ": {cause}")?;
            next = cause.source();
        }
        Ok(())
    }
}
