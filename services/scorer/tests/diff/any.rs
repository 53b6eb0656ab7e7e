//! Properties of the comparison of any two assessments.

use std::collections::BTreeMap;

use hexproof_core::assessment::{Assessment, Cell, MeasureCount};
use hexproof_core::diff::{Cause, Change, ChangeKind, Diff, Shares};
use hexproof_core::measure::{MeasureId, MeasureRule};
use hexproof_core::observation::{Observation, Reading, Subject};
use hexproof_core::{Digest, Layer, Outcome, Rating, Significance};
use hexproof_scorer::diff::compare;
use hexproof_scorer::score::formula::{Tally, score};
use proptest::prelude::*;
use serde_json::json;

/// A measure as a test makes it: version of its rule, significance, weight, whether the catalogue has it.
type Rule = (u8, Significance, u32, bool);
/// A verdict: measure, subject, outcome, significance, waived, uid, value read.
type Seed = (usize, usize, Outcome, Significance, bool, bool, u8);

const MEASURES: usize = 4;

fn id(measure: usize) -> MeasureId {
    format!("measure-{measure}").parse().unwrap()
}

pub(crate) fn observation(seed: &Seed) -> Observation {
    let (measure, subject, outcome, significance, waived, anew, value) = *seed;
    let fails = outcome == Outcome::Fail;
    Observation {
        measure_id: id(measure),
        outcome,
        significance: if fails { significance } else { Significance::Low },
        subject: match subject {
            0 => Subject { kind: "Cluster".into(), name: "c".into(), uid: "c".into(), ..Subject::default() },
            _ => Subject {
                kind: if subject % 2 == 0 { "Pod" } else { "Role" }.into(),
                namespace: "shop".into(),
                name: format!("s{subject}"),
                api_version: "v1".into(),
                uid: format!("{subject}{anew}"),
                ..Subject::default()
            },
        },
        readings: vec![Reading { path: "spec.a".into(), value: Some(json!(value)), ..Reading::default() }],
        reason: String::new(),
        notes: vec![],
        evidence_digest: Some(Digest::of(&[value])),
        intercepted: false,
        intercepted_by: String::new(),
        waived_by: if fails && waived { "w".into() } else { String::new() },
    }
}

/// An assessment of those observations, counted and scored as the scorer does.
pub(crate) fn assessment(rules: &[Rule], settings: u8, observations: Vec<Observation>) -> Assessment {
    let mut tallies: BTreeMap<MeasureId, Tally> = BTreeMap::new();
    for observation in &observations {
        let tally = tallies.entry(observation.measure_id.clone()).or_default();
        match observation.outcome {
            Outcome::Pass => tally.pass += 1,
            Outcome::Unknown => tally.unknown += 1,
            Outcome::NotApplicable => tally.not_applicable += 1,
            Outcome::Fail => {
                tally.fail += 1;
                tally.waived += u32::from(!observation.waived_by.is_empty());
            }
        }
    }
    let measures: Vec<MeasureCount> = (0..)
        .zip(rules)
        .filter(|(_, rule)| rule.3)
        .map(|(at, (version, significance, weight, _))| {
            let tally = tallies.get(&id(at)).copied().unwrap_or_default();
            MeasureCount {
                measure_id: id(at),
                pass: tally.pass,
                fail: tally.fail,
                unknown: tally.unknown,
                not_applicable: tally.not_applicable,
                waived: tally.waived,
                intercepted: 0,
                gain: 0.0,
                reason: String::new(),
                rule: Some(MeasureRule {
                    digest: Digest::of(format!("{version}{significance:?}{weight}").as_bytes()),
                    layer: Layer::Container,
                    significance: *significance,
                    weights: [*weight, 0, 0, 0, 0, 1],
                }),
            }
        })
        .collect();
    let set = measures.iter().map(|count| {
        let tally = tallies.get(&count.measure_id).copied().unwrap_or_default();
        (count.rule.as_ref().unwrap().whole_weight(), tally)
    });
    let score = score(set);
    let overall = Cell {
        layer: None,
        goal: None,
        measures: score.measures,
        score_low: score.low,
        score_high: score.high,
        coverage: score.coverage,
        rating: Rating::D,
        rating_by_score: Rating::D,
        gated_by: vec![],
        residual_low: score.residual_low,
        accepted_low: score.accepted_low,
        accepted_high: score.accepted_high,
    };
    let text = json!({
        "cluster": {"name": "c", "id": "c"},
        "snapshot": {"digest": Digest::of(b"s"), "collectedFrom": "2026-11-24T10:00:00Z",
            "collectedAt": "2026-11-24T10:00:00Z", "collector": "test", "origin": "ORIGIN_LIVE", "records": 1},
        "catalogue": {"digest": Digest::of(format!("{rules:?}").as_bytes()), "measures": 1, "applicable": 1},
        "settingsDigest": Digest::of(&[settings]),
        "matrix": [], "goals": [], "layers": [], "overall": overall, "gates": [], "measures": [], "observations": [],
        "population": [], "notListed": [], "unreadableFiles": [], "skippedFiles": [], "sources": [], "redaction": {},
        "workList": [], "waivers": []
    });
    let mut assessment: Assessment = serde_json::from_value(text).unwrap();
    assessment.measures = measures;
    assessment.observations = observations;
    assessment.overall.score_low = score.low;
    assessment
}

prop_compose! {
    fn any_assessment()(
        rules in prop::collection::vec(
            (0u8..2, prop::sample::select(Significance::ALL), 0u32..4, prop::bool::weighted(0.85)), MEASURES..=MEASURES),
        settings in 0u8..2,
        // Subjects repeat now and then: two of one name and measure.
        seeds in prop::collection::vec(
            (0..MEASURES, 0usize..7, prop::sample::select(Outcome::ALL), prop::sample::select(Significance::ALL),
             any::<bool>(), any::<bool>(), 0u8..2), 0..40),
        blind in any::<bool>(),
    ) -> Assessment {
        let observations = seeds.iter().filter(|seed| rules[seed.0].3).map(observation).collect();
        let mut assessment = assessment(&rules, settings, observations);
        if blind {
            assessment.not_listed = serde_json::from_value(json!([{"apiVersion": "v1", "kind": "Pod", "reason": "403"}]))
                .unwrap();
        }
        assessment
    }
}

fn sums_up(shares: &Shares) -> Result<(), TestCaseError> {
    let sum: f64 = Cause::ALL.iter().map(|cause| shares.of(*cause)).sum();
    prop_assert!((sum - shares.difference()).abs() < 1e-9, "{:?}", shares);
    Ok(())
}

/// What a comparison says, without words and order; mirrored if asked.
fn said(diff: &Diff, mirrored: bool) -> Vec<String> {
    let mirror = |kind| match kind {
        ChangeKind::Better => ChangeKind::Worse,
        ChangeKind::Worse => ChangeKind::Better,
        ChangeKind::Appeared => ChangeKind::Vanished,
        ChangeKind::Vanished => ChangeKind::Appeared,
        ChangeKind::Changed => ChangeKind::Changed,
    };
    let one = |change: &Change| {
        let (before, after) = (&change.before, &change.after);
        match mirrored {
            false => format!("{:?} {:?} {before:?} {after:?}", change.kind, change.cause),
            true => format!("{:?} {:?} {after:?} {before:?}", mirror(change.kind), change.cause),
        }
    };
    let mut all: Vec<String> = diff.changes.iter().map(one).collect();
    all.sort();
    all
}

proptest! {
    #[test]
    fn nothing_differs_from_itself(a in any_assessment()) {
        let diff = compare(&a, &a).unwrap();
        prop_assert!(diff.changes.is_empty() && diff.counts.is_empty() && diff.measures.is_empty());
        prop_assert_eq!(diff.same as usize, a.observations.len());
        for shares in [diff.low, diff.high, diff.accepted_low] {
            let shares = shares.unwrap();
            prop_assert!(Cause::ALL.iter().all(|cause| shares.of(*cause) == 0.0), "{:?}", shares);
        }
    }

    #[test]
    fn the_parts_add_up_to_the_difference(a in any_assessment(), b in any_assessment()) {
        let diff = compare(&a, &b).unwrap();
        for shares in [diff.low, diff.high, diff.accepted_low] {
            sums_up(&shares.unwrap())?;
        }
        let low = diff.low.unwrap();
        prop_assert!((low.difference() - (b.overall.score_low - a.overall.score_low)).abs() < 1e-9);
        prop_assert_eq!(low.waivers, 0.0, "the score ignores waivers");
        if a.catalogue.digest == b.catalogue.digest {
            prop_assert!(low.rules.abs() < 1e-9);
        }
        if a.settings_digest == b.settings_digest {
            prop_assert!(low.settings.abs() < 1e-9);
        }
    }

    #[test]
    fn the_other_way_round_better_is_worse(a in any_assessment(), b in any_assessment()) {
        let (there, back) = (compare(&a, &b).unwrap(), compare(&b, &a).unwrap());
        prop_assert_eq!(said(&there, false), said(&back, true));
        prop_assert_eq!(there.same, back.same);
        for (one, other) in [(there.low, back.low), (there.high, back.high), (there.accepted_low, back.accepted_low)] {
            for cause in Cause::ALL {
                prop_assert!((one.unwrap().of(*cause) + other.unwrap().of(*cause)).abs() < 1e-9, "{:?}", cause);
            }
        }
    }

    #[test]
    fn every_observation_is_in_exactly_one_place(a in any_assessment(), b in any_assessment()) {
        let diff = compare(&a, &b).unwrap();
        let counted: u32 = diff.counts.iter().map(|count| count.count).sum();
        prop_assert_eq!(counted as usize, diff.changes.len());
        let by_measure: u32 = diff.measures.iter().flat_map(|m| &m.counts).map(|count| count.count).sum();
        prop_assert_eq!(by_measure, counted);
        let places = |of: fn(&Change) -> Option<u32>| {
            let mut places: Vec<u32> = diff.changes.iter().filter_map(of).collect();
            places.sort_unstable();
            places
        };
        let (old, new) = (places(|c| Some(c.before.as_ref()?.place)), places(|c| Some(c.after.as_ref()?.place)));
        for places in [&old, &new] {
            prop_assert!(places.windows(2).all(|pair| pair[0] < pair[1]), "a place twice: {:?}", places);
        }
        prop_assert_eq!(old.len() + diff.same as usize, a.observations.len());
        prop_assert_eq!(new.len() + diff.same as usize, b.observations.len());
        for change in &diff.changes {
            prop_assert_eq!(change.kind == ChangeKind::Appeared, change.before.is_none());
            prop_assert_eq!(change.kind == ChangeKind::Vanished, change.after.is_none());
            prop_assert!(!(change.is_new_failure() && change.is_gone_failure()));
            prop_assert!(!change.because.is_empty());
        }
    }
}
