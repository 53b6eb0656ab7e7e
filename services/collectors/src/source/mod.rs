//! How the service gets at the state of a cluster: it calls an agent, waits for one that calls, reads an API server by
//! itself, or reads manifests of its own folders.

pub mod folder;
pub mod grpc;

use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
use hexproof_core::id::ClusterId;
use hexproof_core::register::ClusterEntry;
use tonic::transport::Channel;

use crate::{
    live::{LiveOptions, SecretsMode},
    received::Bounds,
    redact::Redactor,
};

/// Opens connections to agents.
#[async_trait]
pub trait Dial: Send + Sync {
    /// A connection to the agent of a cluster, which has proved that it is `spiffe_id`; if that is empty, the collector
    /// of the cluster in the trust domain of the service.
    ///
    /// # Errors
    /// Why there is none, for the log.
    async fn dial(
        &self,
        cluster: &ClusterId,
        address: &str,
        spiffe_id: &str,
    ) -> Result<Channel, Box<dyn std::error::Error + Send + Sync>>;
}

/// What the settings of a cluster mean for its collection.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Terms {
    /// What is asked of Secrets.
    pub secrets: SecretsMode,
    /// Names of variables and keys that are no credentials.
    pub allowed_names: Vec<String>,
    /// Names of annotations whose values are kept.
    pub kept_annotations: Vec<String>,
}

impl Terms {
    /// What of an object may leave a collector.
    #[must_use]
    pub fn redactor(&self) -> Redactor {
        Redactor::new(self.allowed_names.clone()).keeping_annotations(self.kept_annotations.iter().cloned())
    }
}

/// Reads the settings of a cluster; the error is a sentence for the caller.
pub type ReadTerms = Arc<dyn Fn(&ClusterEntry) -> Result<Terms, String> + Send + Sync>;

/// How the service collects.
#[derive(Debug, Clone)]
pub struct SourceOptions {
    /// Program and version, such as `hexproof 1.0.0`.
    pub collector: String,
    /// The User-Agent towards API servers, such as `hexproof/1.0.0`.
    pub user_agent: String,
    /// The kubeconfig of the service; the usual one, if nothing.
    pub kubeconfig: Option<PathBuf>,
    /// Whether clusters may be read by that kubeconfig.
    pub may_read_clusters: bool,
    /// Folders below which manifests may be read; none, if empty.
    pub manifest_folders: Vec<PathBuf>,
    /// How API servers are read.
    pub live: LiveOptions,
    /// Bounds on what agents send.
    pub bounds: Bounds,
}
