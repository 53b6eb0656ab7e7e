//! What the measures on roles look for: one [`Spec`] a measure.

use hexproof_core::Significance;
use hexproof_core::record::rbac::Rule;

use crate::facts::Facts;
use crate::facts::rbac::{Grant, Identity, Names, Reach};

/// Rights that a measure restricts, and which uses of them are failures.
pub(super) struct Spec {
    /// The measure.
    pub id: &'static str,
    /// The rights, each with the group that [`Spec::effect`] knows it by.
    pub powers: &'static [(Power, Grant)],
    /// Only ClusterRoles bound by ClusterRoleBinding are concerned.
    pub cluster_wide_only: bool,
    /// What a use comes to. Rights that a binding cannot give are sorted out before.
    pub effect: fn(&Use<'_, '_>) -> Effect,
}

/// Groups of rights that a measure treats differently.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Power {
    /// What the measure is about.
    Main,
    /// To write RoleBindings and ClusterRoleBindings.
    Bindings,
    /// To mint tokens.
    Tokens,
    /// To change namespaces.
    Namespaces,
    /// To delete claims, snapshots and backups.
    Data,
    /// Counts by ClusterRoleBinding only.
    ClusterWide,
    /// To change ConfigMaps of kube-system.
    SystemConfig,
}

/// A right in the hands of a subject.
pub(super) struct Use<'u, 'f> {
    pub facts: &'u Facts<'f>,
    pub power: Power,
    /// The verbs, as the rule has them.
    pub verbs: &'u [&'u str],
    pub rule: &'u Rule,
    /// Bound by ClusterRoleBinding.
    pub cluster_wide: bool,
    /// Namespace of the RoleBinding.
    pub namespace: &'u str,
    pub identity: Identity<'u>,
}

impl Use<'_, '_> {
    fn is_central(&self) -> bool {
        self.cluster_wide || self.facts.is_system(self.namespace)
    }
}

/// What a use of a right comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Effect {
    /// It is accepted.
    Accepted,
    /// It fails, with a significance of its own if there is one.
    Fails(Option<Significance>),
}

const FAILS: Effect = Effect::Fails(None);

const fn fails_as(significance: Significance) -> Effect {
    Effect::Fails(Some(significance))
}

const fn grant(
    verbs: &'static [&'static str],
    group: &'static str,
    resources: &'static [&'static str],
    reach: Reach,
) -> Grant {
    Grant { verbs, group, resources, names: Names::Ignored, reach }
}

const fn named(grant: Grant, names: Names) -> Grant {
    Grant { names, ..grant }
}

const RBAC: &str = "rbac.authorization.k8s.io";
const AUTHENTICATION: &str = "authentication.k8s.io";
const CERTIFICATES: &str = "certificates.k8s.io";
const SNAPSHOTS: &str = "snapshot.storage.k8s.io";
const CHANGE: &[&str] = &["update", "patch"];
const WRITE: &[&str] = &["create", "update", "patch"];
const DELETE: &[&str] = &["delete", "deletecollection"];
const WRITE_OR_DELETE: &[&str] = &["create", "update", "patch", "delete", "deletecollection"];

/// rbac-secrets-read.
pub(super) const SECRETS: Spec = Spec {
    id: "rbac-secrets-read",
    powers: &[(
        Power::Main,
        named(
            grant(&["get", "list", "watch", "update", "patch"], "", &["secrets"], Reach::Namespaced),
            Names::Unrestricted,
        ),
    )],
    cluster_wide_only: false,
    effect: |at| if at.is_central() { fails_as(Significance::Critical) } else { FAILS },
};

const ADMIN_ROLE: Names = Names::UnrestrictedOr(&["cluster-admin"]);
const MASTERS: Names = Names::UnrestrictedOr(&["system:masters"]);
const CONSTRAINED: &[&str] = &["impersonate:"];
const IMPERSONATE: &[&str] = &["impersonate", "impersonate:"];

/// rbac-escalate-bind-impersonate.
///
/// `bind` on clusterroles by RoleBinding allows to bind them in its namespace. The verbs of constrained
/// impersonation are checked in another API group than `impersonate` itself.
pub(super) const ESCALATION: Spec = Spec {
    id: "rbac-escalate-bind-impersonate",
    powers: &[
        (Power::Main, grant(&["escalate"], RBAC, &["roles"], Reach::Namespaced)),
        (Power::Main, grant(&["escalate"], RBAC, &["clusterroles"], Reach::Cluster)),
        (
            Power::Main,
            named(grant(&["bind"], RBAC, &["roles", "clusterroles"], Reach::Namespaced), ADMIN_ROLE),
        ),
        (Power::Main, named(grant(IMPERSONATE, "", &["serviceaccounts"], Reach::Namespaced), MASTERS)),
        (Power::Main, named(grant(IMPERSONATE, "", &["users", "groups"], Reach::Cluster), MASTERS)),
        (
            Power::Main,
            named(grant(CONSTRAINED, AUTHENTICATION, &["serviceaccounts"], Reach::Namespaced), MASTERS),
        ),
        (
            Power::Main,
            named(grant(CONSTRAINED, AUTHENTICATION, &["users", "groups"], Reach::Cluster), MASTERS),
        ),
        (
            Power::Main,
            named(grant(IMPERSONATE, AUTHENTICATION, &["uids", "userextras/*"], Reach::Cluster), MASTERS),
        ),
        (Power::Bindings, grant(WRITE, RBAC, &["rolebindings"], Reach::Namespaced)),
        (Power::Bindings, grant(WRITE, RBAC, &["clusterrolebindings"], Reach::Cluster)),
    ],
    cluster_wide_only: false,
    effect: |at| match at.power {
        Power::Bindings => fails_as(Significance::Medium),
        _ if at.is_central() => FAILS,
        _ => fails_as(Significance::High),
    },
};

/// rbac-workload-create.
pub(super) const WORKLOADS: Spec = Spec {
    id: "rbac-workload-create",
    powers: &[
        (
            Power::Main,
            grant(WRITE, "", &["pods", "podtemplates", "replicationcontrollers"], Reach::Namespaced),
        ),
        (
            Power::Main,
            grant(
                WRITE,
                "apps",
                &["deployments", "replicasets", "statefulsets", "daemonsets"],
                Reach::Namespaced,
            ),
        ),
        (Power::Main, grant(WRITE, "batch", &["jobs", "cronjobs"], Reach::Namespaced)),
    ],
    cluster_wide_only: false,
    effect: |at| {
        if at.cluster_wide {
            fails_as(Significance::High)
        } else if at.is_central() || at.identity.is_account() {
            FAILS
        } else {
            fails_as(Significance::Low)
        }
    },
};

/// rbac-pod-exec.
pub(super) const EXEC: Spec = Spec {
    id: "rbac-pod-exec",
    powers: &[
        (
            Power::Main,
            grant(
                &["create", "get"],
                "",
                &["pods/exec", "pods/attach", "pods/portforward"],
                Reach::Namespaced,
            ),
        ),
        (Power::Main, grant(CHANGE, "", &["pods/ephemeralcontainers"], Reach::Namespaced)),
        (Power::Main, grant(&["create", "get"], "", &["pods/proxy", "services/proxy"], Reach::Namespaced)),
    ],
    cluster_wide_only: false,
    effect: |_| FAILS,
};

/// rbac-nodes-proxy.
pub(super) const NODES_PROXY: Spec = Spec {
    id: "rbac-nodes-proxy",
    powers: &[(Power::Main, grant(&["*"], "", &["nodes/proxy"], Reach::Cluster))],
    cluster_wide_only: true,
    effect: |_| FAILS,
};

/// rbac-credential-issuing.
pub(super) const CREDENTIALS: Spec = Spec {
    id: "rbac-credential-issuing",
    powers: &[
        (
            Power::Tokens,
            named(grant(&["create"], "", &["serviceaccounts/token"], Reach::Namespaced), Names::Unrestricted),
        ),
        (
            Power::Main,
            grant(
                CHANGE,
                CERTIFICATES,
                &["certificatesigningrequests/approval", "certificatesigningrequests/status"],
                Reach::Cluster,
            ),
        ),
        (Power::Main, grant(&["approve", "sign"], CERTIFICATES, &["signers"], Reach::Cluster)),
    ],
    cluster_wide_only: false,
    effect: |at| {
        if at.power == Power::Tokens && at.is_central() { fails_as(Significance::Critical) } else { FAILS }
    },
};

/// rbac-webhook-configuration.
pub(super) const ADMISSION: Spec = Spec {
    id: "rbac-webhook-configuration",
    powers: &[
        (
            Power::Main,
            grant(
                WRITE_OR_DELETE,
                "admissionregistration.k8s.io",
                &[
                    "validatingwebhookconfigurations",
                    "mutatingwebhookconfigurations",
                    "validatingadmissionpolicies",
                    "mutatingadmissionpolicies",
                    "validatingadmissionpolicybindings",
                    "mutatingadmissionpolicybindings",
                ],
                Reach::Cluster,
            ),
        ),
        (Power::Namespaces, grant(WRITE, "", &["namespaces"], Reach::Namespaces)),
    ],
    cluster_wide_only: false,
    effect: |at| {
        let names = &at.rule.resource_names;
        let own = names.is_empty() || names.iter().any(|name| name == at.namespace);
        if at.cluster_wide {
            FAILS
        } else if own && at.verbs.iter().any(|verb| *verb != "create") {
            fails_as(Significance::Medium)
        } else {
            Effect::Accepted
        }
    },
};

/// rbac-persistent-volume-create.
pub(super) const VOLUMES: Spec = Spec {
    id: "rbac-persistent-volume-create",
    powers: &[
        (Power::Main, grant(WRITE, "", &["persistentvolumes"], Reach::Cluster)),
        (
            Power::Main,
            grant(
                WRITE,
                "storage.k8s.io",
                &["storageclasses", "csidrivers", "volumeattachments"],
                Reach::Cluster,
            ),
        ),
    ],
    cluster_wide_only: true,
    effect: |at| {
        let of_platform = at.identity.is_account() && at.facts.is_system(at.identity.namespace);
        if of_platform { Effect::Accepted } else { FAILS }
    },
};

/// rbac-destructive-verbs.
pub(super) const DESTRUCTION: Spec = Spec {
    id: "rbac-destructive-verbs",
    powers: &[
        (Power::Data, grant(DELETE, "", &["persistentvolumeclaims"], Reach::Namespaced)),
        (Power::Data, grant(DELETE, SNAPSHOTS, &["volumesnapshots"], Reach::Namespaced)),
        (Power::Data, grant(DELETE, "velero.io", &["backups"], Reach::Namespaced)),
        (Power::ClusterWide, grant(DELETE, "velero.io", &["schedules"], Reach::Namespaced)),
        (Power::ClusterWide, grant(DELETE, "", &["secrets", "events"], Reach::Namespaced)),
        (Power::ClusterWide, grant(DELETE, "events.k8s.io", &["events"], Reach::Namespaced)),
        (Power::ClusterWide, grant(DELETE, "", &["namespaces"], Reach::Namespaces)),
        (Power::ClusterWide, grant(DELETE, "", &["persistentvolumes"], Reach::Cluster)),
        (Power::ClusterWide, grant(DELETE, SNAPSHOTS, &["volumesnapshotcontents"], Reach::Cluster)),
        (
            Power::ClusterWide,
            grant(DELETE, "apiextensions.k8s.io", &["customresourcedefinitions"], Reach::Cluster),
        ),
    ],
    cluster_wide_only: false,
    effect: |at| {
        let by_account = at.power == Power::Data && at.identity.holds_accounts();
        if at.cluster_wide || by_account { FAILS } else { Effect::Accepted }
    },
};

/// rbac-network-and-dns-write.
pub(super) const NETWORK: Spec = Spec {
    id: "rbac-network-and-dns-write",
    powers: &[
        (Power::Main, grant(WRITE_OR_DELETE, "networking.k8s.io", &["networkpolicies"], Reach::Namespaced)),
        (Power::Main, grant(WRITE_OR_DELETE, "", &["endpoints"], Reach::Namespaced)),
        (Power::Main, grant(WRITE_OR_DELETE, "discovery.k8s.io", &["endpointslices"], Reach::Namespaced)),
        (Power::Main, grant(CHANGE, "", &["services/status"], Reach::Namespaced)),
        (Power::Main, grant(CHANGE, "", &["nodes/status"], Reach::Cluster)),
        (Power::ClusterWide, grant(WRITE_OR_DELETE, "", &["services"], Reach::Namespaced)),
        (Power::ClusterWide, grant(WRITE_OR_DELETE, "networking.k8s.io", &["ingresses"], Reach::Namespaced)),
        (
            Power::ClusterWide,
            grant(
                WRITE_OR_DELETE,
                "gateway.networking.k8s.io",
                &["httproutes", "grpcroutes", "tcproutes", "tlsroutes", "udproutes"],
                Reach::Namespaced,
            ),
        ),
        (
            Power::SystemConfig,
            named(
                grant(CHANGE, "", &["configmaps"], Reach::Namespaced),
                Names::UnrestrictedOr(&["coredns", "coredns-custom", "kube-proxy"]),
            ),
        ),
    ],
    cluster_wide_only: false,
    effect: |at| match at.power {
        Power::ClusterWide if !at.cluster_wide => Effect::Accepted,
        Power::SystemConfig if !at.cluster_wide && at.namespace != "kube-system" => Effect::Accepted,
        _ => FAILS,
    },
};

/// Every measure on roles but rbac-wildcards.
pub(super) const ALL: &[&Spec] = &[
    &SECRETS,
    &ESCALATION,
    &WORKLOADS,
    &EXEC,
    &NODES_PROXY,
    &CREDENTIALS,
    &ADMISSION,
    &VOLUMES,
    &DESTRUCTION,
    &NETWORK,
];
