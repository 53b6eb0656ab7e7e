//! An assessment in which every field says something, and one in which as few as possible do.
#![allow(unreachable_pub, reason = "a module of one test")]

use hexproof_core::Digest;
use hexproof_core::assessment::{
    Assessment, CatalogueRef, Cell, ClusterFacts, Gate, MeasureCount, PopulationRow, RowReason, SnapshotRef,
    WaiverState, WorkStep,
};
use hexproof_core::measure::{MeasureId, MeasureRule};
use hexproof_core::observation::{Observation, Reading, Subject};
use hexproof_core::permissions::{Permission, Permissions};
use hexproof_core::population::{NotListed, UnreadableFile};
use hexproof_core::snapshot::{Redaction, Source, SourceState, State};
use hexproof_core::waiver::{SubjectSelector, Waiver};
use hexproof_core::{Goal, Layer, Outcome, Platform, Rating, Significance};
use serde_json::json;

fn measure() -> MeasureId {
    "container-privileged".parse().unwrap()
}

fn cell(layer: Option<Layer>, goal: Option<Goal>) -> Cell {
    Cell {
        layer,
        goal,
        measures: 3,
        score_low: 84.285_714_285,
        score_high: 91.428_571_428,
        coverage: 92.857_142_857,
        rating: Rating::D,
        rating_by_score: Rating::B,
        gated_by: vec![measure()],
        residual_low: 88.571_428_571,
        accepted_low: 92.857_142_857,
        accepted_high: 100.0,
    }
}

fn observation() -> Observation {
    let path = "spec.template.spec.containers[0].securityContext.privileged";
    Observation {
        measure_id: measure(),
        outcome: Outcome::Fail,
        significance: Significance::Critical,
        subject: Subject {
            kind: "Deployment".into(),
            namespace: "shop".into(),
            name: "web".into(),
            api_version: "apps/v1".into(),
            container: "app".into(),
            uid: "0b7c9a52-1f04-4e1b-8c3d-9a0f6e5d4c3b".into(),
        },
        readings: vec![
            Reading {
                path: path.into(),
                value: Some(json!(true)),
                absent: false,
                object: "Pod shop/web-1".into(),
                container: "app".into(),
                fault: true,
                alike: 2,
            },
            Reading { path: "spec.hostPID".into(), absent: true, ..Reading::default() },
            reading(json!({"drop": ["ALL", 1, -2.5, null, false, {"": []}], "text": "\u{202e}#read(\"x\")"})),
            reading(json!(1_u64 << 53)),
            reading(json!("")),
            reading(json!([])),
        ],
        reason: "privileged is true".into(),
        notes: vec!["the image is signed".into()],
        evidence_digest: Some(Digest::of(b"object")),
        intercepted: true,
        intercepted_by: "cluster-pod-security".into(),
        waived_by: "W-1".into(),
    }
}

fn reading(value: serde_json::Value) -> Reading {
    Reading { path: "spec".into(), value: Some(value), ..Reading::default() }
}

fn file() -> UnreadableFile {
    UnreadableFile { file: "shop/web.yaml".into(), line: 7, reason: "not YAML".into() }
}

fn permission(resource: &str, verb: &str, namespace: &str) -> Permission {
    Permission {
        api_group: "apps".into(),
        resource: resource.into(),
        verb: verb.into(),
        namespace: namespace.into(),
    }
}

pub fn assessment() -> Assessment {
    Assessment {
        cluster: ClusterFacts {
            name: "shop".into(),
            id: "3f1e9f6e-6b6b-4c57-9d8e-0a4d2f3b1c5d".into(),
            version: "v1.36.2".into(),
            platform: Some(Platform::OnPremise),
            platform_reason: "given".into(),
            nodes: 3,
            namespaces: 12,
        },
        snapshot: SnapshotRef {
            digest: Digest::of(b"snapshot"),
            collected_from: "2026-11-24T10:00:00Z".parse().unwrap(),
            collected_at: "2026-11-24T10:00:02.5Z".parse().unwrap(),
            collector: "hexproof 0.1.0".into(),
            identity: "system:serviceaccount:hexproof:collector".into(),
            origin: Source::Live,
            records: 4_000_000_000,
        },
        catalogue: CatalogueRef { digest: Digest::of(b"catalogue"), measures: 200, applicable: 180 },
        settings_digest: Digest::of(b"settings"),
        matrix: vec![cell(Some(Layer::Container), Some(Goal::Confidentiality))],
        goals: vec![cell(None, Some(Goal::Utility))],
        layers: vec![cell(Some(Layer::ApiResources), None)],
        overall: cell(None, None),
        gates: vec![Gate {
            number: 1,
            measure_id: measure(),
            layer: Layer::Container,
            goals: vec![Goal::Confidentiality, Goal::Integrity],
            failing: 1,
            judged: 10,
        }],
        measures: vec![MeasureCount {
            measure_id: measure(),
            pass: 9,
            fail: 1,
            unknown: 2,
            not_applicable: 3,
            waived: 1,
            intercepted: 1,
            gain: 1.25,
            reason: "applies on-premise".into(),
            rule: Some(MeasureRule {
                digest: Digest::of(b"rule"),
                layer: Layer::Container,
                significance: Significance::High,
                weights: [3, 0, 1, 0, 2, 0],
            }),
        }],
        observations: vec![observation()],
        population: vec![PopulationRow {
            api_version: "v1".into(),
            kind: "Pod".into(),
            namespace: "shop".into(),
            listed: 12,
            evaluated: 6,
            not_applicable: 1,
            waived: 2,
            unreadable: 3,
            excluded: 1,
            gap: -1,
            reasons: vec![RowReason {
                column: "unreadable".into(),
                count: 3,
                reason: "not decoded".into(),
                names: vec!["web-1".into()],
            }],
        }],
        not_listed: vec![NotListed {
            api_version: "v1".into(),
            kind: "Secret".into(),
            reason: "403 Forbidden".into(),
            inconsistent: true,
        }],
        unreadable_files: vec![file()],
        skipped_files: vec![file()],
        sources: vec![SourceState {
            name: "cluster-api".into(),
            state: State::Partial,
            objects: 120,
            reason: "secrets are forbidden".into(),
        }],
        redaction: Redaction {
            secret_values: 1,
            config_map_values: 2,
            env_values: 3,
            command_words: 4,
            annotation_values: 5,
            managed_fields: 6,
            bodies: 7,
        },
        permissions: Some(Permissions {
            granted: vec![permission("pods", "list", "")],
            refused: vec![permission("secrets", "list", "")],
            excess: vec![permission("deployments", "patch", "kube-system")],
            unanswered: vec!["rules in namespace default: 403 Forbidden".into()],
        }),
        work_list: vec![WorkStep {
            number: 1,
            measure_id: measure(),
            layer: Layer::Container,
            significance: Significance::Critical,
            failing: 1,
            judged: 10,
            gain: 1.25,
            gate: 1,
        }],
        waivers: vec![WaiverState {
            waiver: Waiver {
                id: "W-1".into(),
                measure: measure(),
                subject: SubjectSelector {
                    kind: Some("Deployment".into()),
                    namespace: Some("shop".into()),
                    name: Some("web*".into()),
                },
                reason: "a legacy driver".into(),
                compensating_control: "a node of its own".into(),
                owner: "ada@example.org".into(),
                approver: "grace@example.org".into(),
                expiry: "2026-12-31".parse().unwrap(),
            },
            valid: true,
            void_reason: "none".into(),
            covers: 1,
        }],
    }
}

/// Nothing optional is set, every list is empty, every number is zero.
pub fn smallest() -> Assessment {
    let none = Cell {
        layer: None,
        goal: None,
        measures: 0,
        score_low: 0.0,
        score_high: 0.0,
        coverage: 0.0,
        rating: Rating::NotAssessed,
        rating_by_score: Rating::NotAssessed,
        gated_by: vec![],
        residual_low: 0.0,
        accepted_low: 0.0,
        accepted_high: 0.0,
    };
    let full = assessment();
    let bare = Observation {
        subject: Subject::default(),
        readings: vec![Reading::default()],
        reason: String::new(),
        notes: vec![],
        evidence_digest: None,
        intercepted: false,
        intercepted_by: String::new(),
        waived_by: String::new(),
        ..observation()
    };
    Assessment {
        cluster: ClusterFacts::default(),
        snapshot: SnapshotRef {
            identity: String::new(),
            origin: Source::Manifests,
            records: 0,
            collected_from: jiff::Timestamp::UNIX_EPOCH,
            collected_at: "1969-12-31T23:59:58.5Z".parse().unwrap(),
            ..full.snapshot
        },
        overall: none,
        observations: vec![bare],
        matrix: vec![],
        goals: vec![],
        layers: vec![],
        gates: vec![],
        measures: vec![],
        population: vec![PopulationRow::default()],
        not_listed: vec![],
        unreadable_files: vec![],
        skipped_files: vec![],
        sources: vec![],
        redaction: Redaction::default(),
        permissions: None,
        work_list: vec![],
        waivers: vec![],
        ..full
    }
}
