//! What an operator states about a cluster: registries, administrators, namespaces, limits, recorded exceptions.
//!
//! One YAML file, `--settings FILE`; every field has a default, an unknown field is an error. The lists of a file
//! replace the defaults; `docs/settings.md` shows all of them.

use std::collections::BTreeMap;

use jiff::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use crate::waiver::SubjectSelector;

macro_rules! texts {
    ($($text:literal),* $(,)?) => { vec![$($text.to_owned()),*] };
}

/// All settings.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Settings {
    /// Namespaces of the platform; every other namespace is a user namespace.
    pub system_namespaces: Vec<String>,
    /// Workloads of system namespaces that the platform runs: kind, namespace and name, `*` at the end allowed.
    pub platform_owned: Vec<SubjectSelector>,
    /// DNS domain of the cluster.
    pub cluster_domain: String,
    /// Where images may come from.
    pub registries: Registries,
    /// What image names mean.
    pub images: Images,
    /// Limits on scan results.
    pub vulnerabilities: Vulnerabilities,
    /// Detection of credentials.
    pub credentials: Credentials,
    /// Addresses of DNS resolvers that pods may name with dnsPolicy None.
    pub resolvers: Vec<String>,
    /// Administrative interfaces that must not be reachable from outside.
    pub sensitive_interfaces: SensitiveInterfaces,
    /// Label names that say what an object is and whose.
    pub labels: LabelNames,
    /// Release name by namespace: where given, the instance label must equal it.
    pub releases: BTreeMap<String, String>,
    /// Limits on roles and bindings.
    pub rbac: Rbac,
    /// Age of Secrets.
    pub secrets: Secrets,
    /// Backups.
    pub backup: Backup,
    /// Names of Ingress classes whose controller has a default certificate that covers every host.
    pub default_certificate_classes: Vec<String>,
    /// Namespaces of monitoring, whose pods may reach node ports.
    pub monitoring_namespaces: Vec<String>,
    /// Recorded exceptions: what a measure accepts until a date.
    pub recorded: Vec<Recorded>,
}

/// Registries of images, as `host` or `host/path`, compared up to a slash.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Registries {
    /// The only registries allowed; empty: all but the retired and open ones.
    pub allowed: Vec<String>,
    /// Registries that no longer serve images.
    pub retired: Vec<String>,
    /// Registries where everybody may publish.
    pub open: Vec<String>,
    /// Hosts whose images need a pull secret.
    pub private: Vec<String>,
    /// Private hosts that the kubelet's own identity may pull from.
    pub node_identity: Vec<String>,
    /// One pull secret name in more namespaces than this is noted.
    pub pull_secret_namespaces: usize,
}

/// What image names mean.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Images {
    /// Tags that move.
    pub moving_tags: Vec<String>,
    /// Last part of the repository of databases and queues.
    pub stateful: Vec<String>,
    /// The same, but stateful only with persistence switched on in command or args.
    pub stateful_with_persistence: Vec<String>,
}

/// Limits on scan results.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Vulnerabilities {
    /// A result older than this is no result.
    pub max_age_days: i64,
    /// Fixable findings of severity high that are accepted per image.
    pub max_fixable_high: i64,
}

/// Detection of credentials; used by collectors.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Credentials {
    /// Names of variables and keys that are no credentials whatever they look like.
    pub allow: Vec<String>,
}

/// Administrative interfaces.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct SensitiveInterfaces {
    /// Names of Services, workloads, applications or images; a name may go on with a dash.
    pub names: Vec<String>,
    /// Target ports.
    pub ports: Vec<i64>,
}

/// Label names, any one of each list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct LabelNames {
    /// The application.
    pub name: Vec<String>,
    /// The instance or release.
    pub instance: Vec<String>,
    /// The version.
    pub version: Vec<String>,
    /// The tool that manages it.
    pub managed_by: Vec<String>,
    /// The owner of a namespace: names of labels or annotations, with or without a prefix.
    pub owner: Vec<String>,
    /// Label that marks claims whose data may be lost, as `name: value`.
    pub scratch: BTreeMap<String, String>,
}

/// Limits on roles and bindings.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Rbac {
    /// Bindings that may name one subject, cluster-wide and per namespace.
    pub max_bindings_per_subject: usize,
}

/// Age of Secrets.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Secrets {
    /// Days after which a Secret must have been renewed.
    pub max_age_days: i64,
}

/// Backups.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Backup {
    /// A backup older than this does not count.
    pub max_age_hours: i64,
    /// VolumeSnapshotClasses whose snapshots are stored outside the cluster.
    pub external_snapshot_classes: Vec<String>,
}

/// A recorded exception.
///
/// Subjects are named by kind, namespace and name; besides objects these kinds are used: `User` and `Group` of
/// bindings, `Host` for host names of routes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Recorded {
    /// Ids of measures; a final `*` matches any rest (`rbac-*`).
    pub measures: Vec<String>,
    /// What is recorded.
    pub subject: SubjectSelector,
    /// Who answers for it.
    pub owner: String,
    /// Why.
    pub reason: String,
    /// The last day on which it counts (UTC).
    pub until: Date,
}

impl Recorded {
    /// Whether the entry speaks of `measure` and the subject, on the day of `at`.
    pub fn covers(&self, measure: &str, kind: &str, namespace: &str, name: &str, at: Timestamp) -> bool {
        let named = self.measures.iter().any(|pattern| match pattern.strip_suffix('*') {
            Some(start) => measure.starts_with(start),
            None => pattern == measure,
        });
        named && self.subject.matches(kind, namespace, name) && day(at) <= self.until
    }
}

/// The day (UTC) of an instant.
pub fn day(at: Timestamp) -> Date {
    at.to_zoned(jiff::tz::TimeZone::UTC).date()
}

fn owned(kind: &str, namespace: &str, name: &str) -> SubjectSelector {
    SubjectSelector { kind: Some(kind.into()), namespace: Some(namespace.into()), name: Some(name.into()) }
}

impl Default for Settings {
    fn default() -> Self {
        let daemons = [
            "kube-proxy*",
            "cilium*",
            "calico-*",
            "canal*",
            "kube-flannel*",
            "weave-net*",
            "antrea-*",
            "kindnet*",
            "csi-*",
            "ebs-csi-*",
            "azuredisk-csi-*",
            "azurefile-csi-*",
            "azure-*",
            "cloud-node-manager*",
            "ama-*",
            "node-local-dns*",
            "aws-node*",
            "konnectivity-agent*",
        ];
        let deployments = [
            "coredns*",
            "metrics-server*",
            "calico-*",
            "cilium-operator*",
            "konnectivity-agent*",
            "csi-*",
            "ebs-csi-*",
            "local-path-provisioner*",
            "azure-*",
        ];
        let mut platform_owned = Vec::new();
        platform_owned.extend(daemons.iter().map(|name| owned("DaemonSet", "kube-system", name)));
        platform_owned.extend(deployments.iter().map(|name| owned("Deployment", "kube-system", name)));
        for namespace in ["calico-system", "kube-flannel", "gatekeeper-system", "tigera-operator"] {
            platform_owned.extend(["DaemonSet", "Deployment"].iter().map(|kind| owned(kind, namespace, "*")));
        }
        Self {
            system_namespaces: texts![
                "kube-system",
                "kube-public",
                "kube-node-lease",
                "gatekeeper-system",
                "calico-system",
                "tigera-operator",
                "kube-flannel",
                "aks-command",
                "app-routing-system",
                "aks-istio-system",
            ],
            platform_owned,
            cluster_domain: "cluster.local".into(),
            registries: Registries::default(),
            images: Images::default(),
            vulnerabilities: Vulnerabilities::default(),
            credentials: Credentials::default(),
            resolvers: Vec::new(),
            sensitive_interfaces: SensitiveInterfaces::default(),
            labels: LabelNames::default(),
            releases: BTreeMap::new(),
            rbac: Rbac::default(),
            secrets: Secrets::default(),
            backup: Backup::default(),
            default_certificate_classes: Vec::new(),
            monitoring_namespaces: Vec::new(),
            recorded: Vec::new(),
        }
    }
}

impl Default for Registries {
    fn default() -> Self {
        Self {
            allowed: Vec::new(),
            retired: texts![
                "k8s.gcr.io",
                "gcr.io/google_containers",
                "gcr.io/google-containers",
                "docker.bintray.io"
            ],
            open: texts![
                "docker.io",
                "quay.io",
                "ghcr.io",
                "gcr.io",
                "public.ecr.aws",
                "registry.gitlab.com"
            ],
            private: Vec::new(),
            node_identity: Vec::new(),
            pull_secret_namespaces: 5,
        }
    }
}

impl Default for Images {
    fn default() -> Self {
        Self {
            moving_tags: texts!["latest"],
            stateful: texts![
                "postgres",
                "postgresql",
                "mysql",
                "mariadb",
                "mongo",
                "mongodb",
                "elasticsearch",
                "opensearch",
                "kafka",
                "rabbitmq",
                "etcd",
                "minio",
            ],
            stateful_with_persistence: texts!["redis", "valkey"],
        }
    }
}

impl Default for Vulnerabilities {
    fn default() -> Self {
        Self { max_age_days: 7, max_fixable_high: 10 }
    }
}

impl Default for SensitiveInterfaces {
    fn default() -> Self {
        Self {
            names: texts![
                "kubernetes-dashboard",
                "argo-server",
                "argocd-server",
                "jenkins",
                "prometheus",
                "alertmanager",
                "grafana",
                "kibana",
                "nifi",
                "weave-scope-app",
                "kubeflow",
                "ray-dashboard",
                "ray-head",
                "mlflow",
                "jupyterhub",
                "ollama",
                "vllm",
                "kserve",
                "triton-inference-server",
                "phpmyadmin",
                "minio-console",
            ],
            ports: vec![2375, 2379, 10250],
        }
    }
}

impl Default for LabelNames {
    fn default() -> Self {
        Self {
            name: texts!["app.kubernetes.io/name", "app"],
            instance: texts!["app.kubernetes.io/instance", "release"],
            version: texts!["app.kubernetes.io/version", "version"],
            managed_by: texts!["app.kubernetes.io/managed-by"],
            owner: texts!["owner", "team", "contact"],
            scratch: BTreeMap::from([("data-class".to_owned(), "scratch".to_owned())]),
        }
    }
}

impl Default for Rbac {
    fn default() -> Self {
        Self { max_bindings_per_subject: 8 }
    }
}

impl Default for Secrets {
    fn default() -> Self {
        Self { max_age_days: 365 }
    }
}

impl Default for Backup {
    fn default() -> Self {
        Self { max_age_hours: 36, external_snapshot_classes: Vec::new() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_file_gives_the_defaults_and_an_unknown_field_is_an_error() {
        assert_eq!(serde_json::from_str::<Settings>("{}").unwrap(), Settings::default());
        let error = serde_json::from_str::<Settings>(r#"{"registrys": {}}"#).unwrap_err().to_string();
        assert!(error.contains("registrys"), "{error}");
    }

    #[test]
    fn a_record_counts_until_the_end_of_its_last_day() {
        let entry: Recorded = serde_json::from_value(serde_json::json!({
            "measures": ["rbac-*"], "subject": {"kind": "User", "name": "alice"},
            "owner": "o", "reason": "r", "until": "2026-05-31"
        }))
        .unwrap();
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        assert!(entry.covers("rbac-wildcards", "User", "", "alice", at("2026-05-31T23:59:59Z")));
        assert!(!entry.covers("rbac-wildcards", "User", "", "alice", at("2026-06-01T00:00:00Z")));
        assert!(!entry.covers("service-node-port", "User", "", "alice", at("2026-05-01T00:00:00Z")));
    }
}
