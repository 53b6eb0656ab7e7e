//! Pods and the pod templates of workloads (core/v1 PodSpec).
//!
//! Not here, on purpose: env values, command, args, exec commands, header values, image pull secret contents,
//! `windowsOptions.gmsaCredentialSpec`.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::allow_list;
use super::scalar::{IntOrString, Quantity};
use super::selector::{Labels, Selector};

/// Amounts by resource name.
pub type ResourceList = BTreeMap<String, Quantity>;

allow_list! {
    /// core/v1 Pod, without its metadata.
    struct Pod { spec: PodSpec, status: Option<PodStatus> }

    /// core/v1 PodTemplateSpec.
    struct PodTemplateSpec { metadata: TemplateMeta, spec: PodSpec }

    /// Labels and annotations of a template.
    struct TemplateMeta { labels: Labels, annotations: BTreeMap<String, Option<String>> }

    /// core/v1 PodSpec.
    struct PodSpec {
        os: Option<PodOs>,
        #[serde(rename = "hostPID")]
        host_pid: Option<bool>,
        #[serde(rename = "hostIPC")]
        host_ipc: Option<bool>,
        host_network: Option<bool>,
        host_users: Option<bool>,
        share_process_namespace: Option<bool>,
        host_aliases: Vec<HostAlias>,
        dns_policy: Option<String>,
        dns_config: Option<DnsConfig>,
        service_account_name: Option<String>,
        service_account: Option<String>,
        automount_service_account_token: Option<bool>,
        priority_class_name: Option<String>,
        runtime_class_name: Option<String>,
        node_name: Option<String>,
        node_selector: BTreeMap<String, String>,
        affinity: Option<Affinity>,
        tolerations: Vec<Toleration>,
        topology_spread_constraints: Vec<TopologySpreadConstraint>,
        termination_grace_period_seconds: Option<i64>,
        restart_policy: Option<String>,
        active_deadline_seconds: Option<i64>,
        image_pull_secrets: Vec<LocalReference>,
        resources: Option<Resources>,
        security_context: Option<PodSecurityContext>,
        containers: Vec<Container>,
        init_containers: Vec<Container>,
        ephemeral_containers: Vec<Container>,
        volumes: Vec<Volume>,
    }

    struct PodOs { name: String }
    struct HostAlias { ip: String, hostnames: Vec<String> }
    struct DnsConfig { nameservers: Vec<String> }
    struct LocalReference { name: String }
    struct Toleration { key: Option<String>, operator: Option<String>, value: Option<String>, effect: Option<String>, toleration_seconds: Option<i64> }

    struct Affinity { pod_anti_affinity: Option<PodAntiAffinity> }
    struct PodAntiAffinity {
        required_during_scheduling_ignored_during_execution: Vec<PodAffinityTerm>,
        preferred_during_scheduling_ignored_during_execution: Vec<WeightedPodAffinityTerm>,
    }
    struct WeightedPodAffinityTerm { weight: Option<i64>, pod_affinity_term: PodAffinityTerm }
    struct PodAffinityTerm { label_selector: Option<Selector>, namespaces: Vec<String>, topology_key: String }

    struct TopologySpreadConstraint {
        max_skew: Option<i64>,
        topology_key: String,
        when_unsatisfiable: Option<String>,
        label_selector: Option<Selector>,
    }

    /// core/v1 ResourceRequirements.
    struct Resources { limits: ResourceList, requests: ResourceList }

    /// core/v1 PodSecurityContext.
    struct PodSecurityContext {
        run_as_user: Option<i64>,
        run_as_group: Option<i64>,
        run_as_non_root: Option<bool>,
        fs_group: Option<i64>,
        fs_group_change_policy: Option<String>,
        supplemental_groups: Vec<i64>,
        supplemental_groups_policy: Option<String>,
        seccomp_profile: Option<Profile>,
        app_armor_profile: Option<Profile>,
        #[serde(rename = "seLinuxOptions")]
        se_linux_options: Option<SeLinuxOptions>,
        sysctls: Vec<Sysctl>,
        windows_options: Option<WindowsOptions>,
    }

    /// core/v1 SecurityContext of a container.
    struct SecurityContext {
        privileged: Option<bool>,
        allow_privilege_escalation: Option<bool>,
        run_as_user: Option<i64>,
        run_as_group: Option<i64>,
        run_as_non_root: Option<bool>,
        read_only_root_filesystem: Option<bool>,
        capabilities: Option<Capabilities>,
        proc_mount: Option<String>,
        seccomp_profile: Option<Profile>,
        app_armor_profile: Option<Profile>,
        #[serde(rename = "seLinuxOptions")]
        se_linux_options: Option<SeLinuxOptions>,
        windows_options: Option<WindowsOptions>,
    }

    struct Capabilities { add: Vec<String>, drop: Vec<String> }
    struct Profile { r#type: Option<String>, localhost_profile: Option<String> }
    struct SeLinuxOptions { user: Option<String>, role: Option<String>, r#type: Option<String>, level: Option<String> }
    struct Sysctl { name: String, value: Option<String> }
    struct WindowsOptions {
        host_process: Option<bool>,
        run_as_user_name: Option<String>,
        gmsa_credential_spec_name: Option<String>,
    }

    /// core/v1 Container and EphemeralContainer.
    struct Container {
        name: String,
        image: Option<String>,
        image_pull_policy: Option<String>,
        restart_policy: Option<String>,
        security_context: Option<SecurityContext>,
        resources: Option<Resources>,
        ports: Vec<ContainerPort>,
        volume_mounts: Vec<VolumeMount>,
        volume_devices: Vec<VolumeDevice>,
        env: Vec<EnvVar>,
        env_from: Vec<EnvFrom>,
        liveness_probe: Option<Probe>,
        readiness_probe: Option<Probe>,
        startup_probe: Option<Probe>,
        lifecycle: Option<Lifecycle>,
    }

    struct ContainerPort { name: Option<String>, container_port: Option<i64>, host_port: Option<i64>, host_ip: Option<String>, protocol: Option<String> }
    struct VolumeMount { name: String, mount_path: String, sub_path: Option<String>, read_only: Option<bool>, mount_propagation: Option<String> }
    struct VolumeDevice { name: String, device_path: String }

    /// An environment variable: its name and source; a literal value is dropped.
    struct EnvVar { name: String, value_from: Option<EnvSource> }
    struct EnvSource {
        secret_key_ref: Option<KeyRef>,
        config_map_key_ref: Option<KeyRef>,
        field_ref: Option<Present>,
        resource_field_ref: Option<Present>,
        file_key_ref: Option<Present>,
    }
    struct KeyRef { name: String, key: String, optional: Option<bool> }
    /// Something that is there; its contents are not kept.
    struct Present {}
    struct EnvFrom { prefix: Option<String>, secret_ref: Option<NameRef>, config_map_ref: Option<NameRef> }
    struct NameRef { name: String, optional: Option<bool> }

    /// core/v1 Probe.
    struct Probe {
        exec: Option<Present>,
        http_get: Option<HttpGet>,
        tcp_socket: Option<TcpSocket>,
        grpc: Option<Grpc>,
        initial_delay_seconds: Option<i64>,
        period_seconds: Option<i64>,
        timeout_seconds: Option<i64>,
        failure_threshold: Option<i64>,
        success_threshold: Option<i64>,
        termination_grace_period_seconds: Option<i64>,
        /// Derived on liveness probes by the collector: the handler equals that of the readiness probe, exec
        /// commands and headers included (they are dropped here).
        handler_equals_readiness: Option<bool>,
    }
    struct HttpGet { host: Option<String>, path: Option<String>, port: Option<IntOrString>, scheme: Option<String> }
    struct TcpSocket { host: Option<String>, port: Option<IntOrString> }
    struct Grpc { port: Option<i64>, service: Option<String> }
    struct Lifecycle { post_start: Option<Handler>, pre_stop: Option<Handler> }
    struct Handler { exec: Option<Present>, http_get: Option<HttpGet>, tcp_socket: Option<TcpSocket>, sleep: Option<Present> }

    /// core/v1 Volume. Types that are only counted are `Present`.
    struct Volume {
        name: String,
        host_path: Option<HostPath>,
        empty_dir: Option<EmptyDir>,
        config_map: Option<ConfigMapVolume>,
        secret: Option<SecretVolume>,
        projected: Option<Projected>,
        persistent_volume_claim: Option<ClaimVolume>,
        ephemeral: Option<Ephemeral>,
        csi: Option<CsiVolume>,
        #[serde(rename = "downwardAPI")]
        downward_api: Option<Present>,
        image: Option<Present>,
        nfs: Option<Present>,
        iscsi: Option<Present>,
        fc: Option<Present>,
        rbd: Option<Present>,
        cephfs: Option<Present>,
        cinder: Option<Present>,
        glusterfs: Option<Present>,
        azure_disk: Option<Present>,
        azure_file: Option<AzureFile>,
        aws_elastic_block_store: Option<Present>,
        gce_persistent_disk: Option<Present>,
        vsphere_volume: Option<Present>,
        photon_persistent_disk: Option<Present>,
        portworx_volume: Option<Present>,
        quobyte: Option<Present>,
        #[serde(rename = "scaleIO")]
        scale_io: Option<Present>,
        #[serde(rename = "storageos")]
        storage_os: Option<Present>,
        flex_volume: Option<Present>,
        flocker: Option<Present>,
        git_repo: Option<Present>,
        /// Derived: names of sources that this list does not know.
        other_sources: Vec<String>,
    }
    struct HostPath { path: String, r#type: Option<String> }
    struct EmptyDir { medium: Option<String>, size_limit: Option<Quantity> }
    struct KeyToPath { key: String, mode: Option<i64> }
    struct ConfigMapVolume { name: String, items: Vec<KeyToPath>, default_mode: Option<i64>, optional: Option<bool> }
    struct SecretVolume { secret_name: String, items: Vec<KeyToPath>, default_mode: Option<i64>, optional: Option<bool> }
    struct Projected { sources: Vec<ProjectedSource>, default_mode: Option<i64> }
    struct ProjectedSource {
        config_map: Option<ConfigMapVolume>,
        secret: Option<ProjectedSecret>,
        service_account_token: Option<TokenProjection>,
        #[serde(rename = "downwardAPI")]
        downward_api: Option<Present>,
        cluster_trust_bundle: Option<Present>,
    }
    struct ProjectedSecret { name: String, items: Vec<KeyToPath>, optional: Option<bool> }
    struct TokenProjection { audience: Option<String>, expiration_seconds: Option<i64> }
    struct ClaimVolume { claim_name: String, read_only: Option<bool> }
    struct Ephemeral { volume_claim_template: Option<ClaimTemplate> }
    struct ClaimTemplate { metadata: ClaimTemplateMeta, spec: super::storage::ClaimSpec }
    struct ClaimTemplateMeta { name: String, labels: Labels }
    struct CsiVolume {
        driver: String,
        read_only: Option<bool>,
        volume_attributes: CsiAttributes,
        /// Name of the Secret handed to the driver.
        node_publish_secret_ref: Option<LocalReference>,
    }
    /// Of the share only the name of its Secret is kept.
    struct AzureFile { secret_name: String }
    /// Of the attributes only the SecretProviderClass is kept.
    struct CsiAttributes { secret_provider_class: Option<String> }

    /// core/v1 PodStatus.
    struct PodStatus {
        phase: Option<String>,
        qos_class: Option<String>,
        start_time: Option<Timestamp>,
        #[serde(rename = "podIP")]
        pod_ip: Option<String>,
        #[serde(rename = "hostIP")]
        host_ip: Option<String>,
        conditions: Vec<Condition>,
        container_statuses: Vec<ContainerStatus>,
        init_container_statuses: Vec<ContainerStatus>,
    }
    struct Condition { r#type: String, status: String, reason: Option<String>, last_transition_time: Option<Timestamp> }
    struct ContainerStatus {
        name: String,
        image: Option<String>,
        #[serde(rename = "imageID")]
        image_id: Option<String>,
        ready: Option<bool>,
        restart_count: Option<i64>,
        state: Option<ContainerState>,
    }
    struct ContainerState { running: Option<Present>, waiting: Option<StateReason>, terminated: Option<StateReason> }
    struct StateReason { reason: Option<String> }
}

impl PodSpec {
    /// Whether the pod runs on Windows: `os.name`, else the node selector.
    pub fn is_windows(&self) -> bool {
        match &self.os {
            Some(os) => os.name == "windows",
            None => self.node_selector.get("kubernetes.io/os").is_some_and(|os| os == "windows"),
        }
    }

    /// The ServiceAccount the pod runs under; `default` where none is named.
    pub fn account(&self) -> &str {
        let named = |name: &'_ Option<String>| name.as_deref().is_some_and(|n| !n.is_empty());
        if named(&self.service_account_name) {
            self.service_account_name.as_deref().unwrap_or("default")
        } else if named(&self.service_account) {
            self.service_account.as_deref().unwrap_or("default")
        } else {
            "default"
        }
    }
}

impl Volume {
    /// Field name of the source; an entry without one is an emptyDir.
    pub fn source(&self) -> &str {
        self.sources().next().unwrap_or("emptyDir")
    }

    /// Field names of all sources of the entry. The API server permits one; a manifest may hold more.
    pub fn sources(&self) -> impl Iterator<Item = &str> {
        let known: [(&'static str, bool); 30] = [
            ("hostPath", self.host_path.is_some()),
            ("emptyDir", self.empty_dir.is_some()),
            ("configMap", self.config_map.is_some()),
            ("secret", self.secret.is_some()),
            ("projected", self.projected.is_some()),
            ("persistentVolumeClaim", self.persistent_volume_claim.is_some()),
            ("ephemeral", self.ephemeral.is_some()),
            ("csi", self.csi.is_some()),
            ("downwardAPI", self.downward_api.is_some()),
            ("image", self.image.is_some()),
            ("nfs", self.nfs.is_some()),
            ("iscsi", self.iscsi.is_some()),
            ("fc", self.fc.is_some()),
            ("rbd", self.rbd.is_some()),
            ("cephfs", self.cephfs.is_some()),
            ("cinder", self.cinder.is_some()),
            ("glusterfs", self.glusterfs.is_some()),
            ("azureDisk", self.azure_disk.is_some()),
            ("azureFile", self.azure_file.is_some()),
            ("awsElasticBlockStore", self.aws_elastic_block_store.is_some()),
            ("gcePersistentDisk", self.gce_persistent_disk.is_some()),
            ("vsphereVolume", self.vsphere_volume.is_some()),
            ("photonPersistentDisk", self.photon_persistent_disk.is_some()),
            ("portworxVolume", self.portworx_volume.is_some()),
            ("quobyte", self.quobyte.is_some()),
            ("scaleIO", self.scale_io.is_some()),
            ("storageos", self.storage_os.is_some()),
            ("flexVolume", self.flex_volume.is_some()),
            ("flocker", self.flocker.is_some()),
            ("gitRepo", self.git_repo.is_some()),
        ];
        let known = known.into_iter().filter(|(_, there)| *there).map(|(name, _)| name);
        known.chain(self.other_sources.iter().map(String::as_str))
    }
}
