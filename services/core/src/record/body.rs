//! One object of a snapshot, and how it is decoded.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Derived, Kind, Meta, Origin};
use super::{addons, cluster, config, network, pod, rbac, storage, workload};
use crate::digest::Digest;

/// An object as it leaves a collector: one line of a snapshot.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Record {
    /// `apiVersion` of the object.
    pub api_version: String,
    /// `kind` of the object.
    #[serde(rename = "kind")]
    pub kind_name: KindName,
    pub metadata: Meta,
    #[serde(flatten)]
    pub body: Body,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub derived: Option<Box<Derived>>,
    /// Where a manifest stands; absent for objects of a live cluster.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub origin: Option<Origin>,
}

/// The kind as written, beside the kind it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KindName {
    pub name: String,
    pub kind: Kind,
}

impl Serialize for KindName {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.name)
    }
}

/// Why an object could not be decoded: the path of the field and what was wrong with it, without its value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("field `{path}`: {reason}")]
pub struct DecodeError {
    /// Path inside the object; `.` for the object itself.
    pub path: String,
    /// What was wrong; never contains the value, which may be a secret.
    pub reason: String,
}

macro_rules! bodies {
    ($($variant:ident($ty:ty) = $($kind:ident)|+),+ $(,)?) => {
        /// The fields of an object beside its metadata.
        #[derive(Debug, Clone, PartialEq, Serialize)]
        #[serde(untagged)]
        pub enum Body {
            $($variant(Box<$ty>),)+
            /// A kind of which only metadata is kept.
            Other(Empty),
        }

        $(
            impl Bodied for $ty {
                fn of(body: &Body) -> Option<&Self> {
                    match body {
                        Body::$variant(typed) => Some(typed),
                        _ => None,
                    }
                }
            }
        )+

        impl Body {
            /// Decodes the allow-listed fields of `raw` as those of `kind`.
            ///
            /// # Errors
            /// The first field whose type is not the one of the API, by path and without its value.
            pub fn decode(kind: Kind, raw: &Value) -> Result<Self, DecodeError> {
                Ok(match kind {
                    $($(Kind::$kind)|+ => Self::$variant(Box::new(decode::<$ty>(raw)?)),)+
                    Kind::Other => Self::Other(Empty {}),
                })
            }
        }
    };
}

/// Fields of one family of kinds.
pub trait Bodied: Sized {
    /// The fields, if the body is of this family.
    fn of(body: &Body) -> Option<&Self>;
}

/// No fields.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Empty {}

bodies! {
    Pod(pod::Pod) = Pod,
    Workload(workload::Workload) = Deployment | StatefulSet | DaemonSet | ReplicaSet | ReplicationController
        | Job | CronJob | PodTemplate,
    Namespace(cluster::Namespace) = Namespace,
    Node(cluster::Node) = Node,
    ResourceQuota(cluster::ResourceQuota) = ResourceQuota,
    LimitRange(cluster::LimitRange) = LimitRange,
    PriorityClass(cluster::PriorityClass) = PriorityClass,
    RuntimeClass(cluster::RuntimeClass) = RuntimeClass,
    DisruptionBudget(cluster::DisruptionBudget) = PodDisruptionBudget,
    Autoscaler(cluster::Autoscaler) = HorizontalPodAutoscaler,
    ScaledObject(cluster::ScaledObject) = ScaledObject,
    ServiceAccount(rbac::ServiceAccount) = ServiceAccount,
    Role(rbac::Role) = Role | ClusterRole,
    RoleBinding(rbac::RoleBinding) = RoleBinding | ClusterRoleBinding,
    CertificateSigningRequest(rbac::CertificateSigningRequest) = CertificateSigningRequest,
    Secret(config::Secret) = Secret,
    ConfigMap(config::ConfigMap) = ConfigMap,
    Service(network::Service) = Service,
    EndpointSlice(network::EndpointSlice) = EndpointSlice,
    Ingress(network::Ingress) = Ingress,
    IngressClass(network::IngressClass) = IngressClass,
    NetworkPolicy(network::NetworkPolicy) = NetworkPolicy,
    GatewayClass(network::GatewayClass) = GatewayClass,
    Gateway(network::Gateway) = Gateway,
    Route(network::Route) = HttpRoute | GrpcRoute | TlsRoute | TcpRoute | UdpRoute,
    ReferenceGrant(network::ReferenceGrant) = ReferenceGrant,
    CiliumPolicy(network::CiliumPolicy) = CiliumNetworkPolicy | CiliumClusterwideNetworkPolicy,
    CalicoPolicy(network::CalicoPolicy) = CalicoNetworkPolicy | CalicoGlobalNetworkPolicy
        | CalicoCrdNetworkPolicy | CalicoCrdGlobalNetworkPolicy,
    AdminPolicy(storage::Conditioned) = AdminNetworkPolicy | BaselineAdminNetworkPolicy,
    Certificate(network::CertManagerCertificate) = Certificate,
    Claim(storage::Claim) = PersistentVolumeClaim,
    Volume(storage::Volume) = PersistentVolume,
    StorageClass(storage::StorageClass) = StorageClass,
    VolumeAttachment(storage::VolumeAttachment) = VolumeAttachment,
    VolumeSnapshot(storage::VolumeSnapshot) = VolumeSnapshot,
    VolumeSnapshotClass(storage::VolumeSnapshotClass) = VolumeSnapshotClass,
    VeleroBackup(storage::VeleroBackup) = VeleroBackup,
    VeleroSchedule(storage::VeleroSchedule) = VeleroSchedule,
    PodVolumeBackup(storage::PodVolumeBackup) = PodVolumeBackup,
    SecretProviderClass(storage::SecretProviderClass) = SecretProviderClass,
    CustomResourceDefinition(cluster::CustomResourceDefinition) = CustomResourceDefinition,
    ApiService(cluster::ApiService) = ApiService,
    VulnerabilityReport(addons::VulnerabilityReport) = VulnerabilityReport,
    VulnerabilityManifest(addons::VulnerabilityManifest) = VulnerabilityManifest,
}

/// Decodes one typed part of an object. Error texts of serde may quote the value; only the expectation is kept.
fn decode<T: DeserializeOwned>(raw: &Value) -> Result<T, DecodeError> {
    serde_path_to_error::deserialize::<_, T>(raw).map_err(|error| {
        let path = error.path().to_string();
        DecodeError { path, reason: without_value(&error.into_inner().to_string()) }
    })
}

/// Reduces an error text of serde to what it expected.
fn without_value(text: &str) -> String {
    if text.starts_with("missing field") {
        // Names a field of ours, not a value.
        return text.split(" at line").next().unwrap_or(text).to_owned();
    }
    match text.rsplit_once("expected ") {
        Some((found, expected)) => {
            let expected = expected.split(" at line").next().unwrap_or(expected);
            let type_found = ["null", "boolean", "integer", "floating point", "string", "sequence", "map"]
                .into_iter()
                .find(|t| found.contains(&format!("invalid type: {t}")));
            match type_found {
                Some(type_found) => format!("a {type_found} where {expected} is expected"),
                None => format!("a value where {expected} is expected"),
            }
        }
        None => "a value of another type than the API's".to_owned(),
    }
}

impl Record {
    /// The kind, if it is one of the allow-list.
    pub fn kind(&self) -> Kind {
        self.kind_name.kind
    }

    /// API group of the object; empty for the core group.
    pub fn group(&self) -> &str {
        self.api_version.split_once('/').map_or("", |(group, _)| group)
    }

    /// Decodes the allow-listed part of an object: a raw one of the API, or a line of a snapshot.
    ///
    /// Annotations keep every value that `raw` has; dropping values is the collector's work.
    ///
    /// # Errors
    /// The first field of a wrong type, by path and without its value.
    pub fn decode(raw: &Value) -> Result<Self, DecodeError> {
        let text = |field: &str| match raw.get(field) {
            Some(Value::String(text)) => Ok(text.clone()),
            Some(_) => {
                Err(DecodeError { path: field.into(), reason: "a value where a string is expected".into() })
            }
            None => Err(DecodeError { path: field.into(), reason: "the field is missing".into() }),
        };
        let api_version = text("apiVersion")?;
        let name = text("kind")?;
        let part = |field: &str| raw.get(field).unwrap_or(&Value::Null);
        let inside = |field: &'static str| {
            move |error: DecodeError| DecodeError { path: join(field, &error.path), reason: error.reason }
        };
        let kind = Kind::of(&api_version, &name);
        Ok(Self {
            metadata: decode::<Option<Meta>>(part("metadata"))
                .map_err(inside("metadata"))?
                .unwrap_or_default(),
            body: Body::decode(kind, raw)?,
            derived: decode::<Option<Box<Derived>>>(part("derived")).map_err(inside("derived"))?,
            origin: decode::<Option<Origin>>(part("origin")).map_err(inside("origin"))?,
            api_version,
            kind_name: KindName { name, kind },
        })
    }

    /// The digest of the redacted object: of its canonical JSON without `origin`, so that a file may move.
    pub fn digest(&self) -> Digest {
        #[derive(Serialize)]
        #[serde(rename_all = "camelCase")]
        struct WithoutOrigin<'a> {
            api_version: &'a str,
            #[serde(rename = "kind")]
            kind_name: &'a KindName,
            metadata: &'a Meta,
            #[serde(flatten)]
            body: &'a Body,
            #[serde(skip_serializing_if = "Option::is_none")]
            derived: Option<&'a Derived>,
        }
        let object = WithoutOrigin {
            api_version: &self.api_version,
            kind_name: &self.kind_name,
            metadata: &self.metadata,
            body: &self.body,
            derived: self.derived.as_deref(),
        };
        Digest::of(&serde_json::to_vec(&object).unwrap_or_default())
    }

    /// The canonical order of records: kind, namespace, name, uid, then origin.
    pub fn order(&self) -> (&str, &str, &str, &str, &str, &str, Option<&Origin>) {
        (
            self.group(),
            &self.kind_name.name,
            &self.metadata.namespace,
            &self.metadata.name,
            &self.metadata.uid,
            &self.api_version,
            self.origin.as_ref(),
        )
    }
}

fn join(field: &str, path: &str) -> String {
    if path == "." { field.to_owned() } else { format!("{field}.{path}") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn pod() -> Value {
        json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "a", "labels": null, "managedFields": [{}]},
            "spec": {"hostPID": true, "containers": [{"name": "c", "command": ["x"],
                "env": [{"name": "A", "value": "hunter2"}]}], "unknown": 1}})
    }

    #[test]
    fn decoding_keeps_the_allow_list_and_drops_the_rest() {
        let record = Record::decode(&pod()).unwrap();
        let text = serde_json::to_string(&record).unwrap();
        assert!(text.contains("hostPID"));
        for dropped in ["hunter2", "command", "unknown", "managedFields"] {
            assert!(!text.contains(dropped), "{dropped} in {text}");
        }
    }

    #[test]
    fn a_snapshot_line_decodes_to_the_same_record() {
        let record = Record::decode(&pod()).unwrap();
        let line = serde_json::to_string(&record).unwrap();
        let again = Record::decode(&serde_json::from_str(&line).unwrap()).unwrap();
        assert_eq!(record, again);
        assert_eq!(record.digest(), again.digest());
    }

    #[test]
    fn a_field_of_a_wrong_type_is_named_without_its_value() {
        let mut raw = pod();
        raw["spec"]["containers"][0]["securityContext"] = json!({"privileged": "s3cr3t-canary"});
        let error = Record::decode(&raw).unwrap_err();
        assert_eq!(error.path, "spec.containers[0].securityContext.privileged");
        assert!(!error.to_string().contains("canary"), "{error}");
        assert!(error.reason.contains("string") && error.reason.contains("boolean"), "{error}");
    }

    #[test]
    fn an_unknown_kind_keeps_metadata_alone() {
        let raw = json!({"apiVersion": "example.com/v1", "kind": "Widget", "metadata": {"name": "w"}, "spec": {"a": 1}});
        let record = Record::decode(&raw).unwrap();
        assert_eq!(record.body, Body::Other(Empty {}));
        assert!(!serde_json::to_string(&record).unwrap().contains("spec"));
    }
}
