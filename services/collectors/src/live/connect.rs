//! Which server is asked, and how it is spoken to.

use std::{path::PathBuf, time::Duration};

use http::{HeaderName, HeaderValue};
use kube::{
    Client, Config,
    config::{KubeConfigOptions, Kubeconfig},
};

use super::api::{Api, chain};
use crate::error::CollectError;

/// Which cluster is meant.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Target {
    /// A kubeconfig file; nothing means `KUBECONFIG`, `~/.kube/config`, or the cluster around us.
    pub kubeconfig: Option<PathBuf>,
    /// A context of it; nothing means the current one.
    pub context: Option<String>,
}

/// A server with the name under which the user knows its cluster.
#[derive(Debug)]
pub struct Connected {
    /// The server.
    pub api: Api,
    /// Name of the context; empty inside a cluster.
    pub name: String,
}

/// Prepares to speak to the target; the first question shows whether it answers.
///
/// `agent` is the User-Agent, such as `hexproof/1.0.0`.
///
/// # Errors
/// No configuration, or one that cannot be used.
pub async fn connect(target: &Target, agent: &str, timeout: Duration) -> Result<Connected, CollectError> {
    let unusable = |reason: String| CollectError::Kubeconfig { reason };
    let options = KubeConfigOptions { context: target.context.clone(), ..KubeConfigOptions::default() };
    let read = match &target.kubeconfig {
        Some(path) => Kubeconfig::read_from(path),
        None => Kubeconfig::read(),
    };
    let (mut config, name) = match read {
        Ok(kubeconfig) => {
            let name =
                target.context.clone().or_else(|| kubeconfig.current_context.clone()).unwrap_or_default();
            let config = Config::from_custom_kubeconfig(kubeconfig, &options);
            (config.await.map_err(|error| unusable(chain(&error)))?, name)
        }
        Err(error) if target.kubeconfig.is_none() && target.context.is_none() => {
            let inside = Config::incluster().map_err(|inside| {
                unusable(format!("{}; not inside a cluster either: {}", chain(&error), chain(&inside)))
            })?;
            (inside, String::new())
        }
        Err(error) => return Err(unusable(chain(&error))),
    };
    config.connect_timeout = Some(timeout);
    config.read_timeout = Some(timeout);
    config.write_timeout = Some(timeout);
    // Its fifteen tries with waits of up to a quarter of an hour are not ours.
    config.default_retry = false;
    let agent =
        HeaderValue::from_str(agent).map_err(|_| unusable("the user agent is no header value".to_owned()))?;
    config.headers.push((HeaderName::from_static("user-agent"), agent));
    let client = Client::try_from(config).map_err(|error| unusable(chain(&error)))?;
    Ok(Connected { api: Api::Live(client), name })
}
