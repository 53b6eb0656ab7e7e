//! What is done every few seconds: changes of other replicas are taken over, and metrics are brought up to date.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use hexproof_access::ServerTls;
use hexproof_archive::grpc::clusters::{LatestPacks, NewestPack};
use hexproof_archive::{Archive, PackStore, Pick};
use hexproof_core::access::Clusters;
use hexproof_core::id::ClusterId;
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
/// Between two looks at the newest packs.
const PACKS: u32 = 6;

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

/// The newest packs by the index of the store.
pub(super) struct Newest(pub(super) PackStore);

#[async_trait]
impl LatestPacks for Newest {
    async fn latest(&self, cluster: &ClusterId) -> Result<Option<NewestPack>, StorageError> {
        let pick =
            Pick { clusters: Clusters::Only(BTreeSet::from([cluster.clone()])), from: None, until: None };
        let page = self.0.list(&pick, None, 1).await?;
        Ok(page.items.into_iter().next().map(|row| NewestPack {
            audit: row.key.run,
            finished: row.finished,
            rating: row.rating,
            complete: row.complete,
        }))
    }
}

/// Looks after records and metrics.
pub(super) struct Upkeep {
    pub(super) register: Register,
    pub(super) packs: PackStore,
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
                if let Err(error) = self.look(round.is_multiple_of(PACKS)).await {
                    // Readiness says it loudly.
                    tracing::debug!(error = chain(&error), "upkeep waits for the store");
                }
                tokio::time::sleep(PERIOD).await;
            }
        };
        stop.run_until_cancelled(work).await;
    }

    async fn look(&self, packs: bool) -> Result<(), StorageError> {
        if let Ok(depth) = self.queue.depth().await {
            self.metrics.waiting(depth.waiting);
        }
        if let Some(overview) = &self.overview {
            for (reason, count) in &overview.borrow().gaps {
                self.metrics.gaps(reason, *count);
            }
        }
        self.register.refresh().await?;
        if packs {
            self.standings().await?;
        }
        Ok(())
    }

    /// How clusters stand, by their newest packs; an assessment is read only where its scores are not known.
    async fn standings(&self) -> Result<(), StorageError> {
        for (_, version) in self.register.all::<ClusterEntry>().await? {
            let cluster = version.value.id;
            let pick =
                Pick { clusters: Clusters::Only(BTreeSet::from([cluster.clone()])), from: None, until: None };
            let Some(row) = self.packs.list(&pick, None, 1).await?.items.into_iter().next() else { continue };
            let assessment = match self.metrics.scores.lacks(&cluster, row.finished) {
                true => match self.packs.find(&row.key).await? {
                    Some(run) => Some(self.packs.assessment(&run).await?),
                    None => None,
                },
                false => None,
            };
            self.metrics.scores.pack(&cluster, row.finished, assessment.as_ref());
        }
        Ok(())
    }
}
