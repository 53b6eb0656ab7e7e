//! Observations of the samples: the same every time, in canonical order.

use hexproof_core::assessment::MeasureCount;
use hexproof_core::digest::Digest;
use hexproof_core::measure::{Catalogue, Measure};
use hexproof_core::observation::{Observation, Reading, Subject};
use hexproof_core::scale::{Layer, Outcome};
use serde_json::json;

use super::sample::HOSTILE;

/// Namespaces of the samples.
const NAMESPACES: [&str; 6] = ["default", "ingress", "kube-system", "monitoring", "shop", "shop-staging"];
/// Names of the samples, numbered where there are more.
const NAMES: [&str; 7] = ["web", "api", "cart", "checkout", "search", "database", "mail"];

/// What is observed.
#[derive(Debug, Clone, Copy)]
pub(super) struct Plan {
    pub(super) subjects: u32,
    pub(super) failing: u32,
    pub(super) unknown: u32,
    pub(super) hostile: bool,
    pub(super) waiver: bool,
}

/// Every verdict by every measure, with the counts.
pub(super) fn observe(catalogue: &Catalogue, plan: Plan) -> (Vec<Observation>, Vec<MeasureCount>) {
    let (mut all, mut counts) = (Vec::new(), Vec::new());
    for (measure, seed) in catalogue.measures.iter().zip(0_u32..) {
        let subjects = match measure.subject.as_str() {
            "Cluster" => 1,
            "Node" => plan.subjects.min(5),
            _ => plan.subjects,
        };
        let mut found: Vec<Observation> = (0..subjects).map(|n| one(measure, seed, n, plan)).collect();
        found.sort_by(|one, other| rank(one).cmp(&rank(other)));
        counts.push(count(measure, &found));
        all.extend(found);
    }
    (all, counts)
}

/// Failures first, as the scorer has them.
fn rank(observation: &Observation) -> (u8, &Subject) {
    let rank = match observation.outcome {
        Outcome::Fail => 0,
        Outcome::Unknown => 1,
        Outcome::Pass => 2,
        Outcome::NotApplicable => 3,
    };
    (rank, &observation.subject)
}

fn one(measure: &Measure, seed: u32, n: u32, plan: Plan) -> Observation {
    let subject = subject(measure, n, plan.hostile);
    // Of a hundred subjects, in an order that differs from measure to measure.
    let lot = (n * 37 + seed * 61) % 100;
    let outcome = match lot {
        _ if lot < plan.failing => Outcome::Fail,
        _ if lot < plan.failing + plan.unknown => Outcome::Unknown,
        98.. => Outcome::NotApplicable,
        _ => Outcome::Pass,
    };
    let (reason, value) = match outcome {
        Outcome::Fail => (format!("{} {}", subject.name, measure.claim.one), Some(json!(true))),
        Outcome::Unknown => ("the list of its parts was refused: 403 Forbidden".to_owned(), None),
        Outcome::NotApplicable => ("runs on Windows, where the field has no meaning".to_owned(), None),
        Outcome::Pass => (String::new(), Some(json!(false))),
    };
    let path = format!("spec.template.spec.containers[0].{}", measure.id.as_str().replace('-', "."));
    let readings = match outcome {
        Outcome::Unknown | Outcome::NotApplicable => Vec::new(),
        Outcome::Fail | Outcome::Pass => {
            vec![Reading {
                path,
                absent: value.is_none(),
                value,
                fault: outcome == Outcome::Fail,
                ..Reading::default()
            }]
        }
    };
    let fails = outcome == Outcome::Fail;
    let waived = fails && plan.waiver && measure.id.as_str() == "container-resource-limits";
    let intercepted = fails && measure.layer == Layer::Container && lot.is_multiple_of(4);
    Observation {
        measure_id: measure.id.clone(),
        outcome,
        significance: measure.significance,
        evidence_digest: Some(Digest::of(subject.label().as_bytes())),
        subject,
        readings,
        reason,
        notes: Vec::new(),
        intercepted,
        intercepted_by: if intercepted { "cluster-audit-logging".to_owned() } else { String::new() },
        waived_by: if waived { "limits-of-batch".to_owned() } else { String::new() },
    }
}

fn subject(measure: &Measure, n: u32, hostile: bool) -> Subject {
    let pick = |of: &[&str], n: u32| of.get(n as usize % of.len()).copied().unwrap_or_default().to_owned();
    let name = match (hostile, n % 2) {
        (true, 0) => pick(&HOSTILE, n / 2),
        _ => format!("{}-{n:05}", pick(&NAMES, n)),
    };
    let scoped = !matches!(measure.subject.as_str(), "Cluster" | "Node" | "Namespace");
    let namespace = match (scoped, hostile && n.is_multiple_of(5)) {
        (false, _) => String::new(),
        (true, true) => pick(&HOSTILE, n / 5),
        (true, false) => pick(&NAMESPACES, n / 3),
    };
    let api_version = match measure.subject.as_str() {
        "Deployment" | "StatefulSet" => "apps/v1",
        "Cluster" => "",
        _ => "v1",
    };
    Subject {
        kind: measure.subject.clone(),
        namespace,
        name,
        api_version: api_version.to_owned(),
        container: if measure.layer == Layer::Container { "app".to_owned() } else { String::new() },
        uid: format!("00000000-0000-4000-8000-{n:012}"),
    }
}

fn count(measure: &Measure, found: &[Observation]) -> MeasureCount {
    let of = |wanted: &dyn Fn(&Observation) -> bool| {
        u32::try_from(found.iter().filter(|one| wanted(one)).count()).unwrap_or(u32::MAX)
    };
    MeasureCount {
        measure_id: measure.id.clone(),
        pass: of(&|one| one.outcome == Outcome::Pass),
        fail: of(&|one| one.outcome == Outcome::Fail),
        unknown: of(&|one| one.outcome == Outcome::Unknown),
        not_applicable: of(&|one| one.outcome == Outcome::NotApplicable),
        waived: of(&|one| !one.waived_by.is_empty()),
        intercepted: of(&|one| one.intercepted),
        gain: 0.0,
        reason: String::new(),
        rule: None,
    }
}
