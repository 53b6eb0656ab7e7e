//! What is done every few seconds: changes of other replicas are taken over, and metrics are brought up to date.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use hexproof_access::ServerTls;
use hexproof_archive::grpc::clusters::{LatestPacks, NewestPack};
use hexproof_archive::{Archive, EvidenceStore};
use hexproof_core::access::Clusters;
use hexproof_core::id::ClusterId;
use hexproof_core::port::evidence::Evidence;
use hexproof_core::port::{Register, StorageError};
use hexproof_core::register::ClusterEntry;
use hexproof_scheduler::engine::Overview;
use hexproof_scheduler::queue::Queue;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::readiness::Dependency;
use crate::telemetry::metrics::Metrics;

/// Between two looks.
const PERIOD: Duration = Duration::from_secs(5);
/// Looks between two at the scores of the newest packs.
const SCORES: u32 = 6;

/// Between two looks at the files of certificates.
const CERTIFICATES: Duration = Duration::from_secs(60);

/// The store, as something that has to answer.
pub(super) struct Store(pub(super) Archive);

#[async_trait]
impl Dependency for Store {
    fn name(&self) -> &'static str {
        "store"
    }

    async fn answers(&self) -> Result<(), String> {
        self.0.probe().await.map_err(|error| chain(&error))
    }
}

/// The queue, as something that has to answer.
pub(super) struct Waiting(pub(super) Arc<dyn Queue>);

#[async_trait]
impl Dependency for Waiting {
    fn name(&self) -> &'static str {
        "queue"
    }

    async fn answers(&self) -> Result<(), String> {
        self.0.depth().await.map(|_| ()).map_err(|error| chain(&error))
    }
}

/// An error with its causes.
fn chain(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(error.source(), |error| error.source());
    causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"))
}

/// Takes certificates over when their files change, until `stop`.
pub(crate) async fn certificates(tls: &ServerTls, stop: CancellationToken) {
    let renew = async {
        loop {
            tokio::time::sleep(CERTIFICATES).await;
            match tls.reload() {
                Ok(true) => tracing::info!("new certificates are in use"),
                Ok(false) => {}
                Err(error) => {
                    tracing::warn!(
                        error = chain(&error),
                        "new certificates cannot be used; the old ones stay"
                    );
                }
            }
        }
    };
    stop.run_until_cancelled(renew).await;
}

/// The newest packs by the standings.
pub(super) struct Newest(pub(super) Arc<dyn Evidence>);

#[async_trait]
impl LatestPacks for Newest {
    async fn latest(&self, cluster: &ClusterId) -> Result<Option<NewestPack>, StorageError> {
        let only = Clusters::Only(BTreeSet::from([cluster.clone()]));
        let newest = self.0.standings(&only, 1).await?.into_values().flatten().next();
        Ok(newest.map(|pack| NewestPack {
            audit: pack.key.run,
            finished: pack.finished,
            rating: pack.rating,
            complete: pack.complete,
        }))
    }
}

/// Looks after records and metrics.
pub(super) struct Upkeep {
    pub(super) register: Register,
    pub(super) evidence: EvidenceStore,
    pub(super) queue: Arc<dyn Queue>,
    pub(super) metrics: Arc<Metrics>,
    /// Of the engine of schedules, if it runs here.
    pub(super) overview: Option<watch::Receiver<Overview>>,
}

impl Upkeep {
    /// Works until `stop`.
    pub(super) async fn run(&self, stop: CancellationToken) {
        let work = async {
            for round in 0_u32.. {
                if let Err(error) = self.look(round.is_multiple_of(SCORES)).await {
                    // Readiness says it loudly.
                    tracing::debug!(error = chain(&error), "upkeep waits for the store");
                }
                tokio::time::sleep(PERIOD).await;
            }
        };
        stop.run_until_cancelled(work).await;
    }

    async fn look(&self, scores: bool) -> Result<(), StorageError> {
        if let Ok(depth) = self.queue.depth().await {
            self.metrics.waiting(depth.waiting);
        }
        if let Some(overview) = &self.overview {
            for (reason, count) in &overview.borrow().gaps {
                self.metrics.gaps(reason, *count);
            }
        }
        self.register.refresh().await?;
        self.evidence.refresh().await?;
        if scores {
            self.scores().await?;
        }
        Ok(())
    }

    /// How clusters stand, by their newest packs; a summary is read only where its scores are not known.
    async fn scores(&self) -> Result<(), StorageError> {
        let registered = self.register.all::<ClusterEntry>().await?;
        let registered = registered.into_iter().map(|(_, version)| version.value.id).collect();
        for (cluster, packs) in self.evidence.standings(&Clusters::Only(registered), 1).await? {
            let Some(pack) = packs.first() else { continue };
            let summary = match self.metrics.scores.lacks(&cluster, pack.finished) {
                true => match self.evidence.summary(pack).await {
                    Ok(summary) => Some(summary),
                    Err(error @ StorageError::Unavailable(_)) => return Err(error),
                    // One pack that is damaged must not hide how the others stand.
                    Err(error) => {
                        tracing::debug!(%cluster, error = chain(&error), "scores of a pack are not known");
                        None
                    }
                },
                false => None,
            };
            self.metrics.scores.pack(&cluster, pack.finished, summary.as_deref());
        }
        Ok(())
    }
}
