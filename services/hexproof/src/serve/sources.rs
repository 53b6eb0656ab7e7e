//! The way to the state of a cluster, by what its registration says: the collectors, with what the configuration
//! opens to them.

use std::sync::Arc;

use async_trait::async_trait;
use hexproof_collectors::live::LiveOptions;
use hexproof_collectors::received::Bounds;
use hexproof_collectors::source::grpc::Sources;
use hexproof_collectors::source::{Dial, ReadTerms, SourceOptions, Terms};
use hexproof_core::id::ClusterId;
use hexproof_core::port::{Clock, Runs};
use hexproof_core::register::ClusterEntry;
use tonic::transport::{Channel, Endpoint};
use url::Host;

use super::config::Config;
use crate::configuration;
use crate::inputs::{AGENT, PROGRAM};

/// The sources that the configuration opens.
pub(super) fn sources(
    config: &Config,
    dial: Arc<dyn Dial>,
    runs: Arc<dyn Runs>,
    clock: Arc<dyn Clock>,
) -> Sources {
    let options = SourceOptions {
        collector: PROGRAM.to_owned(),
        user_agent: AGENT.to_owned(),
        kubeconfig: config.kubeconfig.clone(),
        may_read_clusters: config.read_clusters || config.kubeconfig.is_some(),
        manifest_folders: config.manifests.iter().cloned().collect(),
        live: LiveOptions { secrets: config.secrets.into(), ..LiveOptions::default() },
        bounds: Bounds::default(),
    };
    Sources::new(dial, runs, terms(config), clock, options)
}

/// What the settings of a cluster mean for its collection.
pub(super) fn terms(config: &Config) -> ReadTerms {
    let secrets = config.secrets.into();
    Arc::new(move |cluster: &ClusterEntry| {
        let settings = configuration::settings_text(&cluster.settings)
            .map_err(|reason| format!("the settings of cluster `{}` cannot be read: {reason}", cluster.id))?;
        Ok(Terms { secrets, allowed_names: settings.credentials.allow, kept_annotations: Vec::new() })
    })
}

/// Calls agents without TLS, on this machine: what `--dev` has.
pub(super) struct DialLoopback;

#[async_trait]
impl Dial for DialLoopback {
    async fn dial(
        &self,
        _: &ClusterId,
        address: &str,
        _: &str,
    ) -> Result<Channel, Box<dyn std::error::Error + Send + Sync>> {
        let url = url::Url::parse(address)?;
        let loopback = match url.host() {
            Some(Host::Ipv4(ip)) => ip.is_loopback(),
            Some(Host::Ipv6(ip)) => ip.is_loopback(),
            Some(Host::Domain(_)) | None => false,
        };
        if url.scheme() != "http" || !loopback {
            return Err("with --dev agents are called at `http://` and a loopback address only".into());
        }
        Ok(Endpoint::from_shared(address.to_owned())?.connect().await?)
    }
}
