//! Every example of every measure file gives the outcome it states, and every file has its function.

#![allow(clippy::unwrap_used, reason = "a test may fail by panicking")]

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

use hexproof_core::measure::Measure;
use hexproof_core::record::Record;
use hexproof_core::{Layer, Outcome};
use hexproof_scorer::{catalogue, examples, measures};

fn catalogue_files() -> Vec<Measure> {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../measures");
    let mut all = Vec::new();
    for layer in Layer::ALL {
        let Ok(entries) = fs::read_dir(root.join(layer.word())) else { continue };
        let mut paths: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
        paths.sort();
        for path in paths {
            let name = format!("{}/{}", layer.word(), path.file_name().unwrap().to_str().unwrap());
            let measure = catalogue::parse(&name, &fs::read_to_string(&path).unwrap());
            all.push(measure.unwrap_or_else(|error| panic!("{error}")));
        }
    }
    all
}

#[test]
fn every_example_gives_its_outcome() {
    let failures: Vec<String> = catalogue_files()
        .iter()
        .filter(|measure| !measure.decided_in_collector)
        .flat_map(|measure| examples::failures(measure, &|raw, _| Record::decode(raw)))
        .collect();
    assert!(failures.is_empty(), "{} examples fail:\n{}", failures.len(), failures.join("\n"));
}

#[test]
fn every_measure_has_passing_and_failing_examples() {
    for measure in catalogue_files() {
        for wanted in [Outcome::Pass, Outcome::Fail] {
            assert!(
                measure.examples.iter().any(|e| e.outcome == wanted),
                "{} has no example that gives {wanted}",
                measure.id
            );
        }
    }
}

#[test]
fn files_and_functions_are_the_same_set() {
    let files: BTreeSet<String> = catalogue_files().iter().map(|measure| measure.id.to_string()).collect();
    let functions: Vec<&str> = measures::entries().map(|entry| entry.id).collect();
    let set: BTreeSet<String> = functions.iter().map(|id| (*id).to_owned()).collect();
    assert_eq!(functions.len(), set.len(), "a measure has two functions");
    assert_eq!(files, set);
}

#[test]
fn every_measure_is_well_formed() {
    const FRAMEWORKS: &[&str] = &[
        "cis-k8s",
        "cis-aks",
        "nsa-cisa",
        "pss",
        "bsi",
        "iso27001-2022",
        "soc2",
        "nist-800-53",
        "pci-dss-4",
        "mitre",
        "mcsb",
    ];
    for measure in catalogue_files() {
        let id = &measure.id;
        assert!(
            measure.goals.values().all(|w| (1..=3).contains(w)) && measure.goals.values().any(|w| *w == 3),
            "{id}: goals"
        );
        assert!(!measure.evidence.is_empty() && !measure.platforms.is_empty(), "{id}: evidence or platforms");
        for text in [
            &measure.title,
            &measure.claim.one,
            &measure.claim.many,
            &measure.unit.one,
            &measure.condition,
            &measure.why,
            &measure.mend.text,
        ] {
            assert!(!text.trim().is_empty(), "{id}: an empty text");
        }
        assert!(!measure.title.ends_with('.'), "{id}: the title ends with a stop");
        for framework in measure.references.keys() {
            assert!(FRAMEWORKS.contains(&framework.as_str()), "{id}: framework {framework}");
        }
        for line in measure.mend.patch.lines() {
            assert!(line.is_empty() || line.starts_with([' ', '+', '-']), "{id}: patch line `{line}`");
        }
        let outer: Vec<_> =
            measure.mitigated_by.iter().map(|m| m.as_str().split('-').next().unwrap_or_default()).collect();
        assert!(
            outer.iter().all(|prefix| ["env", "cluster", "node", "container"].contains(prefix)),
            "{id}: mitigatedBy"
        );
    }
}
