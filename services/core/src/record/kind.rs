//! The kinds that records know; every other kind is kept by metadata alone.

/// A kind of the allow-list, or `Other`.
macro_rules! kinds {
    ($($variant:ident = $group:literal $name:literal),+ $(,)?) => {
        /// A kind whose fields are known. The version is not part of it.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Kind { $($variant,)+ /// Any other kind: metadata only.
            Other }

        impl Kind {
            /// All known kinds.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// API group and kind name; empty for `Other`.
            pub const fn group_kind(self) -> (&'static str, &'static str) {
                match self { $(Self::$variant => ($group, $name),)+ Self::Other => ("", "") }
            }

            /// The kind of an object.
            pub fn of(api_version: &str, kind: &str) -> Self {
                let group = api_version.split_once('/').map_or("", |(group, _)| group);
                match (group, kind) { $(($group, $name) => Self::$variant,)+ _ => Self::Other }
            }
        }
    };
}

kinds! {
    Pod = "" "Pod",
    Deployment = "apps" "Deployment",
    StatefulSet = "apps" "StatefulSet",
    DaemonSet = "apps" "DaemonSet",
    ReplicaSet = "apps" "ReplicaSet",
    ReplicationController = "" "ReplicationController",
    Job = "batch" "Job",
    CronJob = "batch" "CronJob",
    PodTemplate = "" "PodTemplate",
    Namespace = "" "Namespace",
    Node = "" "Node",
    ResourceQuota = "" "ResourceQuota",
    LimitRange = "" "LimitRange",
    PriorityClass = "scheduling.k8s.io" "PriorityClass",
    RuntimeClass = "node.k8s.io" "RuntimeClass",
    PodDisruptionBudget = "policy" "PodDisruptionBudget",
    HorizontalPodAutoscaler = "autoscaling" "HorizontalPodAutoscaler",
    ScaledObject = "keda.sh" "ScaledObject",
    ServiceAccount = "" "ServiceAccount",
    Role = "rbac.authorization.k8s.io" "Role",
    ClusterRole = "rbac.authorization.k8s.io" "ClusterRole",
    RoleBinding = "rbac.authorization.k8s.io" "RoleBinding",
    ClusterRoleBinding = "rbac.authorization.k8s.io" "ClusterRoleBinding",
    CertificateSigningRequest = "certificates.k8s.io" "CertificateSigningRequest",
    Secret = "" "Secret",
    ConfigMap = "" "ConfigMap",
    Service = "" "Service",
    EndpointSlice = "discovery.k8s.io" "EndpointSlice",
    Ingress = "networking.k8s.io" "Ingress",
    IngressClass = "networking.k8s.io" "IngressClass",
    NetworkPolicy = "networking.k8s.io" "NetworkPolicy",
    GatewayClass = "gateway.networking.k8s.io" "GatewayClass",
    Gateway = "gateway.networking.k8s.io" "Gateway",
    HttpRoute = "gateway.networking.k8s.io" "HTTPRoute",
    GrpcRoute = "gateway.networking.k8s.io" "GRPCRoute",
    TlsRoute = "gateway.networking.k8s.io" "TLSRoute",
    TcpRoute = "gateway.networking.k8s.io" "TCPRoute",
    UdpRoute = "gateway.networking.k8s.io" "UDPRoute",
    ReferenceGrant = "gateway.networking.k8s.io" "ReferenceGrant",
    CiliumNetworkPolicy = "cilium.io" "CiliumNetworkPolicy",
    CiliumClusterwideNetworkPolicy = "cilium.io" "CiliumClusterwideNetworkPolicy",
    CalicoNetworkPolicy = "projectcalico.org" "NetworkPolicy",
    CalicoGlobalNetworkPolicy = "projectcalico.org" "GlobalNetworkPolicy",
    CalicoCrdNetworkPolicy = "crd.projectcalico.org" "NetworkPolicy",
    CalicoCrdGlobalNetworkPolicy = "crd.projectcalico.org" "GlobalNetworkPolicy",
    AdminNetworkPolicy = "policy.networking.k8s.io" "AdminNetworkPolicy",
    BaselineAdminNetworkPolicy = "policy.networking.k8s.io" "BaselineAdminNetworkPolicy",
    Certificate = "cert-manager.io" "Certificate",
    PersistentVolumeClaim = "" "PersistentVolumeClaim",
    PersistentVolume = "" "PersistentVolume",
    StorageClass = "storage.k8s.io" "StorageClass",
    VolumeAttachment = "storage.k8s.io" "VolumeAttachment",
    VolumeSnapshot = "snapshot.storage.k8s.io" "VolumeSnapshot",
    VolumeSnapshotClass = "snapshot.storage.k8s.io" "VolumeSnapshotClass",
    VeleroBackup = "velero.io" "Backup",
    VeleroSchedule = "velero.io" "Schedule",
    PodVolumeBackup = "velero.io" "PodVolumeBackup",
    SecretProviderClass = "secrets-store.csi.x-k8s.io" "SecretProviderClass",
    CustomResourceDefinition = "apiextensions.k8s.io" "CustomResourceDefinition",
    ApiService = "apiregistration.k8s.io" "APIService",
    VulnerabilityReport = "aquasecurity.github.io" "VulnerabilityReport",
    VulnerabilityManifest = "spdx.softwarecomposition.kubescape.io" "VulnerabilityManifest",
}

impl Kind {
    /// Whether objects of this kind hold a pod template.
    pub const fn is_workload(self) -> bool {
        matches!(
            self,
            Self::Deployment
                | Self::StatefulSet
                | Self::DaemonSet
                | Self::ReplicaSet
                | Self::ReplicationController
                | Self::Job
                | Self::CronJob
                | Self::PodTemplate
        )
    }

    /// Whether objects of this kind live outside any namespace (`None` for `Other`).
    pub const fn is_cluster_scoped(self) -> Option<bool> {
        Some(match self {
            Self::Namespace
            | Self::Node
            | Self::PriorityClass
            | Self::RuntimeClass
            | Self::ClusterRole
            | Self::ClusterRoleBinding
            | Self::CertificateSigningRequest
            | Self::IngressClass
            | Self::GatewayClass
            | Self::CiliumClusterwideNetworkPolicy
            | Self::CalicoGlobalNetworkPolicy
            | Self::CalicoCrdGlobalNetworkPolicy
            | Self::AdminNetworkPolicy
            | Self::BaselineAdminNetworkPolicy
            | Self::PersistentVolume
            | Self::StorageClass
            | Self::VolumeAttachment
            | Self::VolumeSnapshotClass
            | Self::CustomResourceDefinition
            | Self::ApiService => true,
            Self::Other => return None,
            _ => false,
        })
    }

    /// The plural of the kind's name, for sentences.
    pub fn plural(self) -> String {
        let name = self.group_kind().1;
        match name {
            "NetworkPolicy" | "CiliumNetworkPolicy" => format!("{}ies", &name[..name.len() - 1]),
            _ if name.ends_with('s') => format!("{name}es"),
            _ if name.ends_with("Policy") => format!("{}ies", &name[..name.len() - 1]),
            _ => format!("{name}s"),
        }
    }
}

impl std::fmt::Display for Kind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.group_kind().1)
    }
}
