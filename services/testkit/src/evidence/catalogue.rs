//! A small catalogue, with measures in four of the five layers: the outermost is not assessed.

use std::collections::{BTreeMap, BTreeSet};

use hexproof_core::digest::Digest;
use hexproof_core::measure::{Catalogue, Claim, Measure, MeasureId, Mend, Unit};
use hexproof_core::scale::{Goal, Layer, Platform, Significance};

/// Id, layer, significance, weights by goal in their order, kind of the subjects, title, claim, noun.
type Row = (
    &'static str,
    Layer,
    Significance,
    [u8; 6],
    &'static str,
    &'static str,
    [&'static str; 2],
    [&'static str; 2],
);

const ROWS: &[Row] = &[
    (
        "cluster-audit-logging",
        Layer::Cluster,
        Significance::High,
        [0, 1, 0, 3, 2, 0],
        "Cluster",
        "Keep an audit log of the API server",
        ["keeps no audit log", "keep no audit log"],
        ["cluster", "clusters"],
    ),
    (
        "cluster-secrets-encrypted-at-rest",
        Layer::Cluster,
        Significance::Critical,
        [3, 1, 0, 0, 2, 0],
        "Cluster",
        "Encrypt Secrets at rest",
        ["stores Secrets in clear text", "store Secrets in clear text"],
        ["cluster", "clusters"],
    ),
    (
        "node-kubelet-anonymous-auth-off",
        Layer::Node,
        Significance::Critical,
        [3, 2, 0, 3, 0, 0],
        "Node",
        "Refuse anonymous requests to the kubelet",
        ["answers anonymous requests", "answer anonymous requests"],
        ["node", "nodes"],
    ),
    (
        "node-version-supported",
        Layer::Node,
        Significance::Medium,
        [0, 2, 3, 0, 0, 1],
        "Node",
        "Run a supported version of Kubernetes",
        ["runs an unsupported version", "run an unsupported version"],
        ["node", "nodes"],
    ),
    (
        "container-no-privileged",
        Layer::Container,
        Significance::Critical,
        [3, 3, 1, 0, 2, 0],
        "Deployment",
        "Run no privileged containers",
        ["runs privileged containers", "run privileged containers"],
        ["workload", "workloads"],
    ),
    (
        "container-image-digest",
        Layer::Container,
        Significance::Medium,
        [0, 3, 0, 3, 0, 0],
        "Deployment",
        "Name images by their digest",
        ["names images by tag alone", "name images by tag alone"],
        ["workload", "workloads"],
    ),
    (
        "container-liveness-probe",
        Layer::Container,
        Significance::Low,
        [0, 0, 3, 0, 0, 1],
        "Deployment",
        "Probe whether programs are alive",
        ["has no liveness probe", "have no liveness probe"],
        ["workload", "workloads"],
    ),
    (
        "container-resource-limits",
        Layer::Container,
        Significance::Medium,
        [0, 0, 3, 0, 1, 2],
        "StatefulSet",
        "Limit memory and processor time",
        ["runs without limits", "run without limits"],
        ["workload", "workloads"],
    ),
    (
        "network-policy-default-deny-ingress",
        Layer::ApiResources,
        Significance::High,
        [3, 2, 1, 0, 0, 0],
        "Namespace",
        "Deny incoming traffic that no policy allows",
        ["admits traffic from anywhere", "admit traffic from anywhere"],
        ["namespace", "namespaces"],
    ),
    (
        "pvc-backup-coverage",
        Layer::ApiResources,
        Significance::High,
        [0, 1, 3, 0, 2, 3],
        "PersistentVolumeClaim",
        "Back up what is stored in claims",
        ["is in no backup", "are in no backup"],
        ["claim", "claims"],
    ),
    (
        "rbac-secrets-read",
        Layer::ApiResources,
        Significance::High,
        [3, 0, 0, 1, 2, 0],
        "ServiceAccount",
        "Let few subjects read Secrets",
        ["may read every Secret", "may read every Secret"],
        ["subject", "subjects"],
    ),
    (
        "service-account-long-lived-tokens",
        Layer::ApiResources,
        Significance::Medium,
        [2, 0, 0, 3, 3, 0],
        "Secret",
        "Make no tokens that never expire",
        ["is a token without an end", "are tokens without an end"],
        ["token", "tokens"],
    ),
];

/// The catalogue by which the samples are judged.
pub fn catalogue() -> Catalogue {
    let entries = ROWS.iter().filter_map(|row| {
        let measure = measure(row)?;
        let file = format!("{}/{}.yaml", measure.layer, measure.id);
        Some((file.clone(), Digest::of(file.as_bytes()), measure))
    });
    Catalogue::new(entries.collect())
}

fn measure(row: &Row) -> Option<Measure> {
    let (id, layer, significance, weights, kind, title, [one, many], [unit, units]) = *row;
    let goals: BTreeMap<Goal, u8> =
        Goal::ALL.iter().copied().zip(weights).filter(|(_, weight)| *weight > 0).collect();
    Some(Measure {
        id: id.parse::<MeasureId>().ok()?,
        layer,
        title: title.to_owned(),
        claim: Claim { one: one.to_owned(), many: many.to_owned() },
        unit: Unit { one: unit.to_owned(), many: units.to_owned() },
        significance,
        platforms: BTreeSet::from([Platform::Aks, Platform::OnPremise]),
        goals,
        subject: kind.to_owned(),
        evidence: vec!["cluster-api".to_owned()],
        condition: format!("Fails where the {unit} {one}."),
        why: format!("Whoever finds a {unit} that {one} has an easier way in than necessary."),
        mend: Mend {
            text: format!("{title}."),
            patch: "  spec:\n-   weak: true\n+   weak: false\n".to_owned(),
        },
        mitigated_by: Vec::new(),
        references: BTreeMap::from([("nist-800-53".to_owned(), vec!["AC-3".to_owned()])]),
        decided_in_collector: false,
        examples: Vec::new(),
    })
}
