//! Registrations of clusters as messages.

use hexproof_core::register::{ClusterEntry, ClusterSource, Version};

use crate::request::timestamp;
use crate::v1;
use crate::v1::cluster_source::From as Way;

/// A registration without its newest pack, which is not part of it.
impl From<&Version<ClusterEntry>> for v1::RegisteredCluster {
    fn from(version: &Version<ClusterEntry>) -> Self {
        let Version { number, changed_by, changed_at, request: _, value } = version;
        let ClusterEntry { id, display_name, labels, platform, source, settings, retired } = value;
        Self {
            cluster_id: id.to_string(),
            display_name: display_name.clone(),
            labels: labels.clone(),
            platform: platform.map(|platform| v1::Platform::from(platform).into()),
            source: Some(source.into()),
            settings: settings.clone(),
            version: *number,
            changed_by: changed_by.clone(),
            change_time: Some(timestamp(*changed_at)),
            retired: *retired,
            latest: None,
        }
    }
}

impl From<&ClusterSource> for v1::ClusterSource {
    fn from(source: &ClusterSource) -> Self {
        let way = match source {
            ClusterSource::Agent { address, spiffe_id } => {
                Way::Agent(v1::AgentSource { address: address.clone(), spiffe_id: spiffe_id.clone() })
            }
            ClusterSource::Push => Way::Push(v1::PushSource {}),
            ClusterSource::Kubeconfig { context } => {
                Way::Kubeconfig(v1::KubeconfigSource { context: context.clone() })
            }
            ClusterSource::Manifests { path } => Way::Manifests(v1::ManifestSource { path: path.clone() }),
        };
        Self { from: Some(way) }
    }
}
