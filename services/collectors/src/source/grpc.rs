//! The port `Collect`: by whatever way the registration of a cluster names.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use hexproof_api::v1::collector_service_client::CollectorServiceClient;
use hexproof_api::v1::{self, collect_response::Part};
use hexproof_core::audit::{AuditKey, Progress, Stage};
use hexproof_core::port::{AuditError, Clock, Collect, Collected, Runs, StorageError};
use hexproof_core::register::{ClusterEntry, ClusterSource};
use tokio::time;
use tonic::{Code, Status};

use super::{Dial, ReadTerms, SourceOptions, Terms, folder};
use crate::{
    ManifestOptions,
    agent::same_cluster,
    collection::collect_manifests,
    inflow::Inflow,
    live::{self, LiveOptions, Meter, SecretsMode, Target},
    outflow,
    received::{Expected, Unfit},
    sealing::Stated,
};

/// How long an agent may say nothing: it tells its progress every second.
const SILENT: Duration = Duration::from_secs(60);
/// How long a connection may take.
const CONNECT: Duration = Duration::from_secs(20);
/// Times an agent is called that is busy or does not answer.
const CALLS: u32 = 4;
/// First wait before an agent is called again; it doubles.
const FIRST_WAIT: Duration = Duration::from_secs(2);
/// How often progress is told.
const TOLD: Duration = Duration::from_millis(500);

/// The sources of clusters.
pub struct Sources {
    dial: Arc<dyn Dial>,
    runs: Arc<dyn Runs>,
    terms: ReadTerms,
    clock: Arc<dyn Clock>,
    options: SourceOptions,
}

type Told<'a> = &'a (dyn Fn(Progress) + Send + Sync);

impl Sources {
    /// Sources that call agents by `dial`, find delivered snapshots in `runs` and read settings by `terms`.
    #[must_use]
    pub fn new(
        dial: Arc<dyn Dial>,
        runs: Arc<dyn Runs>,
        terms: ReadTerms,
        clock: Arc<dyn Clock>,
        options: SourceOptions,
    ) -> Self {
        Self { dial, runs, terms, clock, options }
    }

    async fn by_agent(
        &self,
        cluster: &ClusterEntry,
        terms: &Terms,
        address: &str,
        spiffe_id: &str,
        told: Told<'_>,
    ) -> Result<Collected, AuditError> {
        let mut wait = FIRST_WAIT;
        let mut calls = CALLS;
        loop {
            calls -= 1;
            match self.call(cluster, terms, address, spiffe_id, told).await {
                Err(Call::Passing(cause)) if calls > 0 => {
                    tracing::debug!(cluster = %cluster.id, %cause, "the agent is called again");
                    time::sleep(wait).await;
                    wait *= 2;
                }
                Err(Call::Passing(cause) | Call::Lasting(cause)) => return Err(failed(cause)),
                Ok(snapshot) => return Ok(snapshot),
            }
        }
    }

    async fn call(
        &self,
        cluster: &ClusterEntry,
        terms: &Terms,
        address: &str,
        spiffe_id: &str,
        told: Told<'_>,
    ) -> Result<Collected, Call> {
        let dialled = time::timeout(CONNECT, self.dial.dial(&cluster.id, address, spiffe_id)).await;
        let channel = match dialled {
            Ok(Ok(channel)) => channel,
            Ok(Err(error)) => {
                tracing::warn!(cluster = %cluster.id, %error, "the agent cannot be reached");
                return Err(Call::Passing("the agent cannot be reached".to_owned()));
            }
            Err(_) => return Err(Call::Passing("the agent cannot be reached in time".to_owned())),
        };
        let mut client = CollectorServiceClient::new(channel).max_decoding_message_size(1 << 20);
        let request = request(cluster, terms);
        let answered = time::timeout(SILENT, client.collect(request)).await;
        let mut parts = answered.map_err(|_| silent())?.map_err(|status| said(&status))?.into_inner();
        let mut inflow = Inflow::start(expected(cluster, terms, self.clock.as_ref()), self.options.bounds);
        loop {
            let part = time::timeout(SILENT, parts.message()).await.map_err(|_| silent())?;
            match part.map_err(|status| said(&status))?.and_then(|message| message.part) {
                Some(Part::Progress(v1::CollectProgress { objects, total })) => {
                    told(Progress { stage: Stage::Collecting, done: objects, total });
                }
                Some(Part::Chunk(piece)) => inflow.piece(piece.into()).await?,
                Some(Part::End(end)) => {
                    let received = inflow.end(end.size, &end.digest).await?;
                    return Ok(Collected::Snapshot(received.bytes));
                }
                None => return Err(Call::Lasting("the agent ended before its snapshot did".to_owned())),
            }
        }
    }

    async fn by_kubeconfig(
        &self,
        cluster: &ClusterEntry,
        terms: &Terms,
        context: &str,
        told: Told<'_>,
    ) -> Result<Collected, AuditError> {
        if !self.options.may_read_clusters {
            return Err(failed("the service was started without a kubeconfig to read clusters by"));
        }
        let options = LiveOptions { secrets: terms.secrets, ..self.options.live };
        let context = (!context.is_empty()).then(|| context.to_owned());
        let target = Target { kubeconfig: self.options.kubeconfig.clone(), context };
        let from = self.clock.now();
        let connected = live::connect(&target, &self.options.user_agent, options.request_timeout)
            .await
            .map_err(|error| failed(error.to_string()))?;
        let meter = Arc::new(Meter::default());
        let redactor = terms.redactor();
        let collection = live::collect_cluster_metered(&connected.api, &redactor, options, &meter);
        tokio::pin!(collection);
        let mut ticks = time::interval(TOLD);
        let collection = loop {
            tokio::select! {
                done = &mut collection => break done.map_err(|error| failed(error.to_string()))?,
                _ = ticks.tick() => {
                    let (done, total) = meter.now();
                    told(Progress { stage: Stage::Collecting, done, total });
                }
            }
        };
        same_cluster(&cluster.id, &collection.cluster.id)
            .map_err(|_| failed(format!("the API server is not that of cluster `{}`", cluster.id)))?;
        self.packed(cluster, collection, from).await
    }

    async fn of_manifests(
        &self,
        cluster: &ClusterEntry,
        terms: &Terms,
        path: &str,
    ) -> Result<Collected, AuditError> {
        let from = self.clock.now();
        let (folders, path, redactor) =
            (self.options.manifest_folders.clone(), path.to_owned(), terms.redactor());
        let read = tokio::task::spawn_blocking(move || {
            let real = folder::below(&folders, &path)?;
            let options = ManifestOptions { keep_going: true, ..ManifestOptions::default() };
            // The messages of the readers name files; the real path is nobody's business.
            collect_manifests(std::slice::from_ref(&real), &redactor, &options)
                .map_err(|error| error.to_string().replace(&real.display().to_string(), &path))
        });
        let collection = read.await.map_err(|error| failed(error.to_string()))?.map_err(failed)?;
        self.packed(cluster, collection, from).await
    }

    async fn packed(
        &self,
        cluster: &ClusterEntry,
        collection: crate::Collection,
        from: jiff::Timestamp,
    ) -> Result<Collected, AuditError> {
        let stated = Stated {
            name: cluster.display_name.clone(),
            id: cluster.id.to_string(),
            platform: cluster.platform,
            from,
            at: self.clock.now(),
            collector: self.options.collector.clone(),
        };
        let work = tokio::task::spawn_blocking(move || outflow::whole(&collection.seal(stated)));
        let bytes = work
            .await
            .map_err(|error| failed(error.to_string()))?
            .map_err(|error| failed(format!("the snapshot cannot be compressed: {error}")))?;
        Ok(Collected::Snapshot(bytes))
    }
}

#[async_trait]
impl Collect for Sources {
    async fn collect(
        &self,
        cluster: &ClusterEntry,
        key: &AuditKey,
        progress: &(dyn Fn(Progress) + Send + Sync),
    ) -> Result<Collected, AuditError> {
        let terms = (self.terms)(cluster).map_err(failed)?;
        progress(Progress::begin(Stage::Collecting));
        match &cluster.source {
            ClusterSource::Agent { address, spiffe_id } => {
                self.by_agent(cluster, &terms, address, spiffe_id, progress).await
            }
            ClusterSource::Push => match self.runs.snapshot(key).await {
                Ok(Some(snapshot)) => Ok(Collected::Snapshot(snapshot)),
                Ok(None) => Ok(Collected::Awaited),
                Err(error) => Err(stored(error)),
            },
            ClusterSource::Kubeconfig { context } => {
                self.by_kubeconfig(cluster, &terms, context, progress).await
            }
            ClusterSource::Manifests { path } => self.of_manifests(cluster, &terms, path).await,
        }
    }
}

/// What an agent is asked for.
pub(crate) fn request(cluster: &ClusterEntry, terms: &Terms) -> v1::CollectRequest {
    let secrets = match terms.secrets {
        SecretsMode::Keys => v1::SecretsMode::Keys,
        // An agent that may not even list them does less by itself.
        SecretsMode::Metadata | SecretsMode::None => v1::SecretsMode::Metadata,
    };
    v1::CollectRequest {
        cluster_id: cluster.id.to_string(),
        display_name: cluster.display_name.clone(),
        secrets: secrets.into(),
        kept_annotations: terms.kept_annotations.clone(),
        allowed_names: terms.allowed_names.clone(),
    }
}

/// What a snapshot of a cluster must be.
pub(crate) fn expected(cluster: &ClusterEntry, terms: &Terms, clock: &dyn Clock) -> Expected {
    Expected {
        cluster: cluster.id.clone(),
        name: cluster.display_name.clone(),
        platform: cluster.platform,
        redactor: terms.redactor(),
        now: clock.now(),
    }
}

/// Why a call did not give a snapshot.
enum Call {
    /// Another call may.
    Passing(String),
    /// No other call will.
    Lasting(String),
}

impl From<Unfit> for Call {
    fn from(unfit: Unfit) -> Self {
        Self::Lasting(format!("the snapshot of the agent was refused: {unfit}"))
    }
}

fn silent() -> Call {
    Call::Passing("the agent does not answer".to_owned())
}

fn said(status: &Status) -> Call {
    let words: String = status.message().chars().take(300).flat_map(char::escape_debug).collect();
    match status.code() {
        Code::Unavailable | Code::ResourceExhausted | Code::Aborted => {
            Call::Passing(format!("the agent cannot collect now: {words}"))
        }
        _ => Call::Lasting(format!("the agent refused: {words}")),
    }
}

fn failed(reason: impl Into<String>) -> AuditError {
    AuditError::Failed { reason: reason.into(), source: None }
}

fn stored(error: StorageError) -> AuditError {
    match error {
        StorageError::Unavailable(_) => AuditError::Retry {
            reason: "the store does not answer".to_owned(),
            source: Some(Box::new(error)),
        },
        _ => AuditError::Failed {
            reason: "the stored snapshot cannot be read".to_owned(),
            source: Some(Box::new(error)),
        },
    }
}
