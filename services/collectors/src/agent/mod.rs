//! The collector inside a cluster: knows which cluster it is in, and reads it once at a time.
//!
//! [`grpc`] serves it to whoever may call; [`crate::push`] calls by itself.

pub mod grpc;

use std::sync::Arc;

use hexproof_core::{id::ClusterId, id::RunId, port::Clock, snapshot::Snapshot};
use tokio::sync::{OnceCell, OwnedSemaphorePermit, Semaphore};

use crate::{
    error::CollectError,
    live::{Api, LiveOptions, Meter, SecretsMode, cluster_uid, collect_cluster_metered},
    redact::Redactor,
    sealing::Stated,
};

/// How an agent collects.
#[derive(Debug, Clone)]
pub struct AgentOptions {
    /// The id under which the cluster is registered; the UID of namespace kube-system, if nothing.
    pub cluster: Option<ClusterId>,
    /// Program and version, such as `hexproof 1.0.0`.
    pub collector: String,
    /// How the cluster is read. What it says of Secrets is the most that the agent does, whoever asks.
    pub live: LiveOptions,
    /// Callers that may wait while one is served.
    pub waiting: usize,
}

/// What a caller wants collected.
#[derive(Debug, Clone, Default)]
pub struct Wanted {
    /// The name that the snapshot shall print; the id of the cluster, if empty.
    pub name: String,
    /// What is asked of Secrets.
    pub secrets: SecretsMode,
    /// Names of variables and keys that are no credentials.
    pub allowed_names: Vec<String>,
    /// Names of annotations whose values are kept.
    pub kept_annotations: Vec<String>,
}

/// Why an agent did not collect.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AgentError {
    /// Another cluster is meant.
    #[error("this agent is in cluster `{own}`, not in `{wanted}`")]
    OtherCluster {
        /// The cluster that was named.
        wanted: ClusterId,
        /// The cluster of the agent.
        own: ClusterId,
    },
    /// The cluster cannot be told.
    #[error("the API server does not show the UID of namespace kube-system: state the id of the cluster")]
    NoCluster,
    /// Enough callers wait.
    #[error("the agent collects for others; try again later")]
    Busy,
    /// The collection failed.
    #[error(transparent)]
    Collect(#[from] CollectError),
}

/// The collector of one cluster.
pub struct Agent {
    api: Api,
    clock: Arc<dyn Clock>,
    options: AgentOptions,
    own: OnceCell<ClusterId>,
    places: Arc<Semaphore>,
    turn: Arc<Semaphore>,
}

/// A place in the queue of an agent; free again when dropped.
#[derive(Debug)]
pub struct Place(#[allow(dead_code, reason = "held, never read")] OwnedSemaphorePermit);

/// A turn to collect: nobody else collects until it is dropped.
#[derive(Debug)]
pub struct Turn {
    _place: Place,
    _turn: Option<OwnedSemaphorePermit>,
}

impl Agent {
    /// A collector of the cluster behind `api`.
    #[must_use]
    pub fn new(api: Api, clock: Arc<dyn Clock>, options: AgentOptions) -> Arc<Self> {
        let places = Arc::new(Semaphore::new(1 + options.waiting));
        let turn = Arc::new(Semaphore::new(1));
        Arc::new(Self { api, clock, options, own: OnceCell::new(), places, turn })
    }

    /// The cluster of this agent.
    ///
    /// # Errors
    /// A server that does not answer, or does not show by what its cluster is known.
    pub async fn cluster(&self) -> Result<ClusterId, AgentError> {
        let ask = || async {
            if let Some(stated) = &self.options.cluster {
                return Ok(stated.clone());
            }
            let uid = cluster_uid(&self.api, self.options.live).await?;
            uid.and_then(|uid| uid.parse().ok()).ok_or(AgentError::NoCluster)
        };
        self.own.get_or_try_init(ask).await.cloned()
    }

    /// Refuses a cluster that is not that of the agent.
    ///
    /// # Errors
    /// [`AgentError::OtherCluster`], or those of [`Agent::cluster`].
    pub async fn is(&self, wanted: &ClusterId) -> Result<(), AgentError> {
        let own = self.cluster().await?;
        match own == *wanted {
            true => Ok(()),
            false => Err(AgentError::OtherCluster { wanted: wanted.clone(), own }),
        }
    }

    /// A place in the queue.
    ///
    /// # Errors
    /// [`AgentError::Busy`] if there is none.
    pub fn place(&self) -> Result<Place, AgentError> {
        self.places.clone().try_acquire_owned().map(Place).map_err(|_| AgentError::Busy)
    }

    /// Waits for its turn and collects. Dropping the future ends the collection.
    ///
    /// # Errors
    /// Those of the collection, and a server that turns out to be another cluster than was stated.
    pub async fn collect(
        &self,
        wanted: &Wanted,
        place: Place,
        meter: &Arc<Meter>,
    ) -> Result<(Snapshot, Turn), AgentError> {
        // The semaphore is never closed.
        let turn = Turn { _place: place, _turn: self.turn.clone().acquire_owned().await.ok() };
        let own = self.cluster().await?;
        let redactor = Redactor::new(wanted.allowed_names.clone())
            .keeping_annotations(wanted.kept_annotations.iter().cloned());
        let secrets = less(wanted.secrets, self.options.live.secrets);
        let options = LiveOptions { secrets, ..self.options.live };
        let from = self.clock.now();
        let collection = collect_cluster_metered(&self.api, &redactor, options, meter).await?;
        same_cluster(&own, &collection.cluster.id)?;
        let name = if wanted.name.is_empty() { own.to_string() } else { wanted.name.clone() };
        let collector = self.options.collector.clone();
        let at = self.clock.now();
        let stated = Stated { name, id: own.to_string(), platform: None, from, at, collector };
        Ok((collection.seal(stated), turn))
    }
}

/// Refuses a cluster whose kube-system namespace has another UID than its id, where the id is a UID at all.
pub(crate) fn same_cluster(id: &ClusterId, uid: &str) -> Result<(), AgentError> {
    let is_uid = id.as_str().parse::<RunId>().is_ok();
    if !is_uid || id.as_str() == uid {
        return Ok(());
    }
    match uid.parse() {
        Ok(own) => Err(AgentError::OtherCluster { wanted: id.clone(), own }),
        Err(_) => Err(AgentError::NoCluster),
    }
}

/// The one of two modes that asks for less.
fn less(one: SecretsMode, other: SecretsMode) -> SecretsMode {
    match (one, other) {
        (SecretsMode::None, _) | (_, SecretsMode::None) => SecretsMode::None,
        (SecretsMode::Metadata, _) | (_, SecretsMode::Metadata) => SecretsMode::Metadata,
        (SecretsMode::Keys, SecretsMode::Keys) => SecretsMode::Keys,
    }
}
