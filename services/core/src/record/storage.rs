//! Claims, volumes, classes, attachments, snapshots and backups.

use jiff::Timestamp;
use std::collections::BTreeMap;

use super::allow_list;
use super::pod::{Condition, HostPath, Present, Resources};
use super::selector::Selector;

allow_list! {
    /// core/v1 PersistentVolumeClaim.
    struct Claim { spec: ClaimSpec, status: Option<ClaimStatus> }
    struct ClaimSpec {
        storage_class_name: Option<String>,
        volume_name: Option<String>,
        access_modes: Vec<String>,
        volume_mode: Option<String>,
        resources: Option<Resources>,
    }
    struct ClaimStatus { phase: Option<String>, access_modes: Vec<String> }

    /// core/v1 PersistentVolume. Types that are only counted are `Present`.
    struct Volume { spec: VolumeSpec, status: Option<VolumeStatus> }
    struct VolumeSpec {
        claim_ref: Option<ClaimRef>,
        storage_class_name: Option<String>,
        access_modes: Vec<String>,
        persistent_volume_reclaim_policy: Option<String>,
        host_path: Option<HostPath>,
        local: Option<LocalPath>,
        csi: Option<CsiSource>,
        nfs: Option<Present>,
        volume_mode: Option<String>,
    }
    struct ClaimRef { namespace: String, name: String, uid: Option<String> }
    struct LocalPath { path: String }
    struct CsiSource { driver: String, volume_handle: Option<String> }
    struct VolumeStatus { phase: Option<String>, last_phase_transition_time: Option<Timestamp> }

    /// storage.k8s.io/v1 StorageClass.
    struct StorageClass {
        provisioner: String,
        reclaim_policy: Option<String>,
        volume_binding_mode: Option<String>,
        allow_volume_expansion: Option<bool>,
        /// Only the parameters that say how data is encrypted, names in lower case.
        parameters: BTreeMap<String, String>,
    }

    /// storage.k8s.io/v1 VolumeAttachment.
    struct VolumeAttachment { spec: AttachmentSpec, status: Option<AttachmentStatus> }
    struct AttachmentSpec { attacher: String, node_name: String, source: AttachmentSource }
    struct AttachmentSource { persistent_volume_name: Option<String> }
    struct AttachmentStatus { attached: Option<bool>, attach_error: Option<AttachError> }
    struct AttachError { time: Option<Timestamp> }

    /// snapshot.storage.k8s.io VolumeSnapshot.
    struct VolumeSnapshot { spec: VolumeSnapshotSpec, status: Option<VolumeSnapshotStatus> }
    struct VolumeSnapshotSpec { volume_snapshot_class_name: Option<String>, source: SnapshotSource }
    struct SnapshotSource { persistent_volume_claim_name: Option<String>, volume_snapshot_content_name: Option<String> }
    struct VolumeSnapshotStatus { ready_to_use: Option<bool>, creation_time: Option<Timestamp>, bound_volume_snapshot_content_name: Option<String> }

    /// snapshot.storage.k8s.io VolumeSnapshotClass.
    struct VolumeSnapshotClass { driver: String, deletion_policy: Option<String> }

    /// velero.io/v1 Backup.
    struct VeleroBackup { spec: VeleroBackupSpec, status: Option<VeleroStatus> }
    struct VeleroBackupSpec {
        included_namespaces: Vec<String>,
        excluded_namespaces: Vec<String>,
        included_resources: Vec<String>,
        excluded_resources: Vec<String>,
        label_selector: Option<Selector>,
        or_label_selectors: Vec<Selector>,
        snapshot_volumes: Option<bool>,
        default_volumes_to_fs_backup: Option<bool>,
        storage_location: Option<String>,
    }
    struct VeleroStatus { phase: Option<String>, start_timestamp: Option<Timestamp>, completion_timestamp: Option<Timestamp>, expiration: Option<Timestamp> }

    /// velero.io/v1 PodVolumeBackup.
    struct PodVolumeBackup { spec: PodVolumeBackupSpec, status: Option<VeleroStatus> }
    struct PodVolumeBackupSpec { pod: Option<PodReference>, volume: Option<String>, tags: BackupTags }
    struct PodReference { namespace: Option<String>, name: Option<String> }
    /// Of the tags only the claim's is kept.
    struct BackupTags {
        #[serde(rename = "pvc-uid")]
        pvc_uid: Option<String>,
    }

    /// velero.io/v1 Schedule.
    struct VeleroSchedule { spec: VeleroScheduleSpec, status: Option<VeleroScheduleStatus> }
    struct VeleroScheduleSpec { schedule: Option<String>, paused: Option<bool>, template: VeleroBackupSpec }
    struct VeleroScheduleStatus { phase: Option<String>, last_backup: Option<Timestamp> }

    /// secrets-store.csi.x-k8s.io SecretProviderClass.
    struct SecretProviderClass { spec: SecretProviderClassSpec }
    struct SecretProviderClassSpec { provider: Option<String> }

    /// Condition list of kinds of which nothing else is kept.
    struct Conditioned { status: Option<ConditionedStatus> }
    struct ConditionedStatus { conditions: Vec<Condition> }
}
