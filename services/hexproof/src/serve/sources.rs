//! The way to the state of a cluster, by what its registration says.

use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use anyhow::Context as _;
use async_trait::async_trait;
use bytes::Bytes;
use hexproof_collectors::redact::Redactor;
use hexproof_collectors::{ManifestOptions, collect_manifests};
use hexproof_core::audit::{AuditKey, Progress, Stage};
use hexproof_core::port::{AuditError, Clock, Collect, Collected};
use hexproof_core::register::{ClusterEntry, ClusterSource};

use super::config::Config;
use crate::inputs::{self, Named};
use crate::{configuration, snapshot_file};

/// Collects by every way that is set up.
pub(super) struct Sources {
    /// Where registered manifests lie; canonical.
    manifests: Option<PathBuf>,
    clock: Arc<dyn Clock>,
}

impl Sources {
    /// The ways that the configuration opens.
    pub(super) fn new(config: &Config, clock: Arc<dyn Clock>) -> anyhow::Result<Self> {
        let canonical = |folder: &PathBuf| {
            folder.canonicalize().with_context(|| format!("`manifests`: cannot read `{}`", folder.display()))
        };
        Ok(Self { manifests: config.manifests.as_ref().map(canonical).transpose()?, clock })
    }
}

#[async_trait]
impl Collect for Sources {
    async fn collect(
        &self,
        cluster: &ClusterEntry,
        _key: &AuditKey,
        progress: &(dyn Fn(Progress) + Send + Sync),
    ) -> Result<Collected, AuditError> {
        match &cluster.source {
            ClusterSource::Manifests { path } => self.from_manifests(cluster, path, progress).await,
            ClusterSource::Agent { .. } | ClusterSource::Push | ClusterSource::Kubeconfig { .. } => {
                Err(failed("this source is not set up here"))
            }
        }
    }
}

impl Sources {
    async fn from_manifests(
        &self,
        cluster: &ClusterEntry,
        path: &str,
        progress: &(dyn Fn(Progress) + Send + Sync),
    ) -> Result<Collected, AuditError> {
        let root = self.manifests.as_ref().ok_or_else(|| failed("this server has no folder of manifests"))?;
        let settings = configuration::settings_text(&cluster.settings)
            .map_err(|reason| failed(&format!("the settings of the cluster cannot be read: {reason}")))?;
        let folder = below(root, path)?;
        let named = Named {
            name: cluster.display_name.clone(),
            id: cluster.id.to_string(),
            platform: cluster.platform,
        };
        let clock = self.clock.clone();
        let collected = tokio::task::spawn_blocking(move || {
            let from = clock.now();
            let redactor = Redactor::new(settings.credentials.allow);
            // What is broken stands in the pack, beside what is not.
            let options = ManifestOptions { keep_going: true, ..ManifestOptions::default() };
            let collection = collect_manifests(&[folder], &redactor, &options).map_err(|error| AuditError::Failed {
                reason: "the manifests cannot be read".into(),
                source: Some(Box::new(error)),
            })?;
            let snapshot = inputs::seal(collection, named, from, clock.now());
            let packed = snapshot_file::pack(&snapshot).map_err(|error| AuditError::Failed {
                reason: "the snapshot cannot be written".into(),
                source: Some(error.into()),
            })?;
            Ok::<_, AuditError>((Bytes::from(packed.0), snapshot.records.len() as u64))
        });
        let (snapshot, objects) = collected.await.map_err(|error| AuditError::Failed {
            reason: "the collection broke off".into(),
            source: Some(Box::new(error)),
        })??;
        progress(Progress { stage: Stage::Collecting, done: objects, total: objects });
        Ok(Collected::Snapshot(snapshot))
    }
}

/// A path below a folder, wherever links on the way lead.
fn below(root: &Path, path: &str) -> Result<PathBuf, AuditError> {
    let relative = Path::new(path);
    let plain = relative.components().all(|part| matches!(part, Component::Normal(_) | Component::CurDir));
    let found = match plain {
        true => root.join(relative).canonicalize().ok().filter(|found| found.starts_with(root)),
        false => None,
    };
    found.ok_or_else(|| failed("the registered path is not below the server's folder of manifests"))
}

fn failed(reason: &str) -> AuditError {
    AuditError::Failed { reason: reason.to_owned(), source: None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_path_leaves_the_folder() {
        let outside = tempfile::tempdir().unwrap();
        let root = outside.path().canonicalize().unwrap().join("manifests");
        std::fs::create_dir_all(root.join("shop")).unwrap();
        std::fs::write(outside.path().join("secret"), "x").unwrap();
        std::os::unix::fs::symlink(outside.path(), root.join("way-out")).unwrap();
        assert!(below(&root, "shop").is_ok() && below(&root, "./shop").is_ok());
        for path in ["..", "../secret", "shop/../../secret", "/etc", "way-out", "way-out/secret", "nothing"] {
            assert!(below(&root, path).is_err(), "{path}");
        }
    }
}
