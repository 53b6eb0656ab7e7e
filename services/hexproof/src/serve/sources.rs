//! The way to the state of a cluster, by what its registration says: the collectors, with what the configuration
//! opens to them.

use std::sync::Arc;

use hexproof_collectors::live::LiveOptions;
use hexproof_collectors::received::Bounds;
use hexproof_collectors::source::grpc::Sources;
use hexproof_collectors::source::{Dial, ReadTerms, SourceOptions, Terms};
use hexproof_core::port::{Clock, Runs};
use hexproof_core::register::ClusterEntry;

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
