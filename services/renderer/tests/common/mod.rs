//! Builds assessments: the smallest cluster that matters to a test, in the core's own types.
#![allow(dead_code, reason = "each test binary uses its own part")]

use std::collections::{BTreeMap, BTreeSet};

use hexproof_core::assessment::{
    Assessment, CatalogueRef, Cell, ClusterFacts, Gate, MeasureCount, PopulationRow, RowReason, SnapshotRef,
    WaiverState, WorkStep,
};
use hexproof_core::measure::{Catalogue, Claim, Measure, MeasureId, Mend, Unit};
use hexproof_core::observation::{Observation, Reading, Subject};
use hexproof_core::snapshot::{Redaction, Source, SourceState, State};
use hexproof_core::waiver::{SubjectSelector, Waiver};
use hexproof_core::{Digest, Goal, Layer, Outcome, Platform, Rating, Significance};
use hexproof_renderer::view::{Input, Limits, Report, Seal, SnapshotPlace, build};
use hexproof_renderer::{Attachment, Relationship};

pub(crate) fn id(text: &str) -> MeasureId {
    text.parse().unwrap()
}

pub(crate) fn measure(name: &str, layer: Layer, significance: Significance) -> Measure {
    Measure {
        id: id(name),
        layer,
        title: format!("Keep to {}", name.replace('-', " ")),
        claim: Claim { one: "runs against it".into(), many: "run against it".into() },
        unit: Unit { one: "workload".into(), many: "workloads".into() },
        significance,
        platforms: BTreeSet::from([Platform::OnPremise]),
        goals: BTreeMap::from([(Goal::Confidentiality, 3), (Goal::Integrity, 2)]),
        subject: "Pod and every workload template".into(),
        evidence: vec!["cluster-api".into()],
        condition: "`securityContext.privileged` of every container is absent or `false`.".into(),
        why: "Who controls it controls the node, and with it every pod there.".into(),
        mend: Mend {
            text: "Take the flag away.".into(),
            patch: " securityContext:\n-  privileged: true\n+  privileged: false\n".into(),
        },
        mitigated_by: vec![id("cluster-pod-security-admission-baseline")],
        references: BTreeMap::from([
            ("cis-k8s".to_owned(), vec!["5.2.2".to_owned(), "5.2.10".to_owned()]),
            ("bsi".to_owned(), vec!["APP.4.4.A4".to_owned()]),
        ]),
        decided_in_collector: false,
        examples: Vec::new(),
    }
}

pub(crate) fn subject(namespace: &str, name: &str) -> Subject {
    Subject {
        kind: "Deployment".into(),
        namespace: namespace.into(),
        name: name.into(),
        api_version: "apps/v1".into(),
        container: "app".into(),
        uid: String::new(),
    }
}

pub(crate) fn observation(measure: &Measure, subject: Subject, outcome: Outcome) -> Observation {
    let fault = outcome == Outcome::Fail;
    Observation {
        measure_id: measure.id.clone(),
        outcome,
        significance: measure.significance,
        readings: vec![Reading {
            path: "spec.template.spec.containers[0].securityContext.privileged".into(),
            value: fault.then_some(serde_json::Value::Bool(true)),
            absent: !fault,
            fault,
            container: subject.container.clone(),
            ..Reading::default()
        }],
        subject,
        reason: if fault { "container `app` is privileged".into() } else { String::new() },
        notes: Vec::new(),
        evidence_digest: Some(Digest::of(b"evidence")),
        intercepted: false,
        intercepted_by: String::new(),
        waived_by: String::new(),
    }
}

pub(crate) fn cell(layer: Option<Layer>, goal: Option<Goal>, measures: u32, low: f64, high: f64) -> Cell {
    let letter = match low {
        l if l >= 90.0 => Rating::A,
        l if l >= 75.0 => Rating::B,
        l if l >= 60.0 => Rating::C,
        l if l >= 40.0 => Rating::D,
        _ => Rating::E,
    };
    let coverage = 100.0 - (high - low);
    let letter = if coverage < 50.0 { Rating::NotAssessed } else { letter };
    Cell {
        layer,
        goal,
        measures,
        score_low: low,
        score_high: high,
        coverage,
        rating: letter,
        rating_by_score: letter,
        gated_by: Vec::new(),
        residual_low: low + (high - low) / 2.0,
        accepted_low: low,
        accepted_high: high,
    }
}

/// An assessment of `observations`; every score is 62.4 to 78.2, which the scorer would compute.
pub(crate) fn assessment(cluster: &str, catalogue: &Catalogue, observations: Vec<Observation>) -> Assessment {
    let count = |measure: &Measure, outcome: Outcome| {
        observations.iter().filter(|o| o.measure_id == measure.id && o.outcome == outcome).count() as u32
    };
    let measures: Vec<MeasureCount> = catalogue
        .measures
        .iter()
        .map(|m| MeasureCount {
            measure_id: m.id.clone(),
            pass: count(m, Outcome::Pass),
            fail: count(m, Outcome::Fail),
            unknown: count(m, Outcome::Unknown),
            not_applicable: count(m, Outcome::NotApplicable),
            waived: 0,
            intercepted: 0,
            gain: 0.41,
            reason: String::new(),
            rule: Some(m.rule()),
        })
        .collect();
    let failing: Vec<&Measure> = catalogue
        .measures
        .iter()
        .filter(|m| measures.iter().any(|c| c.measure_id == m.id && c.fail > 0))
        .collect();
    let judged = |m: &Measure| measures.iter().find(|c| c.measure_id == m.id).map_or(0, MeasureCount::judged);
    let failed = |m: &Measure| measures.iter().find(|c| c.measure_id == m.id).map_or(0, |c| c.fail);
    let gates: Vec<Gate> = failing
        .iter()
        .filter(|m| m.significance == Significance::Critical)
        .enumerate()
        .map(|(i, m)| Gate {
            number: i as u32 + 1,
            measure_id: m.id.clone(),
            layer: m.layer,
            goals: vec![Goal::Confidentiality],
            failing: failed(m),
            judged: judged(m),
        })
        .collect();
    let held: Vec<MeasureId> = gates.iter().map(|g| g.measure_id.clone()).collect();
    let layers_with = |layer: Layer| catalogue.measures.iter().filter(|m| m.layer == layer).count() as u32;
    let hold = |mut cell: Cell| {
        if !held.is_empty() && cell.measures > 0 {
            cell.gated_by = held.clone();
            cell.rating = Rating::D;
        }
        cell
    };
    let work_list = failing
        .iter()
        .enumerate()
        .map(|(i, m)| WorkStep {
            number: i as u32 + 1,
            measure_id: m.id.clone(),
            layer: m.layer,
            significance: m.significance,
            failing: failed(m),
            judged: judged(m),
            gain: 0.41,
            gate: gates.iter().find(|g| g.measure_id == m.id).map_or(0, |g| g.number),
        })
        .collect();
    Assessment {
        cluster: ClusterFacts {
            name: cluster.into(),
            id: "5b0e6c1e-93a1-4a55-9d0b-7e1f6f9b2c40".into(),
            version: "v1.33.4".into(),
            platform: Some(Platform::OnPremise),
            platform_reason: "given".into(),
            nodes: 9,
            namespaces: 14,
        },
        snapshot: SnapshotRef {
            digest: Digest::of(cluster.as_bytes()),
            collected_from: "2026-11-23T06:00:04Z".parse().unwrap(),
            collected_at: "2026-11-23T06:01:37Z".parse().unwrap(),
            collector: "hexproof 0.1.0".into(),
            identity: String::new(),
            origin: Source::Live,
            records: 818,
        },
        catalogue: CatalogueRef {
            digest: catalogue.digest,
            measures: catalogue.measures.len() as u32,
            applicable: catalogue.measures.len() as u32,
        },
        settings_digest: Digest::of(b"settings"),
        matrix: Layer::ALL
            .iter()
            .flat_map(|l| Goal::ALL.iter().map(move |g| (*l, *g)))
            .map(|(l, g)| hold(cell(Some(l), Some(g), layers_with(l), 62.4, 78.2)))
            .collect(),
        goals: Goal::ALL.iter().map(|g| hold(cell(None, Some(*g), 1, 62.4, 78.2))).collect(),
        layers: Layer::ALL.iter().map(|l| hold(cell(Some(*l), None, layers_with(*l), 62.4, 78.2))).collect(),
        overall: hold(cell(None, None, 1, 62.4, 78.2)),
        gates,
        measures,
        population: population(&observations),
        observations,
        not_listed: Vec::new(),
        unreadable_files: Vec::new(),
        skipped_files: Vec::new(),
        sources: vec![SourceState {
            name: "cluster-api".into(),
            state: State::Complete,
            objects: 818,
            reason: String::new(),
        }],
        redaction: Redaction { secret_values: 114, ..Redaction::default() },
        permissions: None,
        work_list,
        waivers: Vec::new(),
    }
}

fn population(observations: &[Observation]) -> Vec<PopulationRow> {
    let mut names: BTreeMap<(String, String), BTreeSet<String>> = BTreeMap::new();
    for o in observations {
        names
            .entry((o.subject.kind.clone(), o.subject.namespace.clone()))
            .or_default()
            .insert(o.subject.name.clone());
    }
    names
        .into_iter()
        .map(|((kind, namespace), names)| {
            let n = names.len() as u32;
            PopulationRow {
                api_version: "apps/v1".into(),
                kind,
                namespace,
                listed: n + 1,
                evaluated: n,
                excluded: 1,
                reasons: vec![RowReason {
                    column: "excluded".into(),
                    count: 1,
                    reason: "owned by the platform".into(),
                    names: Vec::new(),
                }],
                ..PopulationRow::default()
            }
        })
        .collect()
}

pub(crate) fn waiver(measure: &str, valid: bool, reason: &str) -> WaiverState {
    WaiverState {
        waiver: Waiver {
            id: "w-2026-031".into(),
            measure: id(measure),
            subject: SubjectSelector { kind: None, namespace: Some("shop".into()), name: None },
            reason: reason.into(),
            compensating_control: "rotation every night".into(),
            owner: "J. Müller".into(),
            approver: "R. Okafor".into(),
            expiry: "2027-01-31".parse().unwrap(),
        },
        valid,
        void_reason: if valid { String::new() } else { "expired on 1 November 2026".into() },
        covers: u32::from(valid),
    }
}

pub(crate) fn catalogue(measures: Vec<Measure>) -> Catalogue {
    let entries =
        measures.into_iter().map(|m| (format!("{}/{}.yaml", m.layer, m.id), Digest::of(b"file"), m));
    Catalogue::new(entries.collect())
}

pub(crate) fn seal() -> Seal {
    Seal {
        level: "PAdES B-B".into(),
        signer: "Hexproof local signing".into(),
        issuer: "Hexproof local CA".into(),
        algorithm: "ECDSA P-256 with SHA-256".into(),
        certificate: Digest::of(b"certificate"),
        retention: "not protected by the store (W0)".into(),
    }
}

pub(crate) fn report(assessment: &Assessment, catalogue: &Catalogue, limits: Limits) -> Report {
    build(Input {
        assessment,
        catalogue,
        pack: None,
        program: "Hexproof 0.1.0",
        file_name: "pack.pdf",
        trust_file: "ca.pem",
        seal: &seal(),
        snapshot: &SnapshotPlace::Store("clusters/c/runs/r/snapshot.ndjson.zst".into()),
        previous: hexproof_renderer::view::Previous::First,
        limits,
    })
    .unwrap()
}

pub(crate) fn attachment(name: &str, bytes: &[u8]) -> Attachment {
    Attachment {
        name: name.into(),
        mime: "application/json".into(),
        relationship: Relationship::Data,
        description: format!("The {name} of this pack"),
        bytes: bytes.to_vec(),
    }
}

/// Every word of a PDF with its left and right edge in points, by `pdftotext -bbox`.
pub(crate) fn words_of(pdf: &[u8]) -> Option<Vec<(f64, f64, String)>> {
    let text = poppler(pdf, &["-bbox"])?;
    let edge = |line: &str, name: &str| -> Option<f64> {
        line.split_once(&format!("{name}=\""))?.1.split_once('"')?.0.parse().ok()
    };
    let words = text.lines().filter_map(|line| {
        let word = line.trim().strip_prefix("<word ")?;
        Some((edge(word, "xMin")?, edge(word, "xMax")?, word.to_owned()))
    });
    Some(words.collect())
}

/// The text of a PDF by `pdftotext`; `None` where that program is not installed.
pub(crate) fn text_of(pdf: &[u8], page: Option<usize>) -> Option<String> {
    match page.map(|page| page.to_string()) {
        Some(page) => poppler(pdf, &["-raw", "-f", &page, "-l", &page]),
        None => poppler(pdf, &["-raw"]),
    }
}

fn poppler(pdf: &[u8], options: &[&str]) -> Option<String> {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("pack.pdf");
    std::fs::write(&file, pdf).unwrap();
    let Ok(output) = std::process::Command::new("pdftotext").args(options).arg(&file).arg("-").output()
    else {
        eprintln!("skipped: pdftotext (poppler-utils) is not installed");
        return None;
    };
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Some(String::from_utf8(output.stdout).unwrap())
}
