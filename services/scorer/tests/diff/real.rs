//! Small clusters judged twice.

use hexproof_core::assessment::Assessment;
use hexproof_core::diff::{Cause, Change, ChangeKind, Diff, Shares, Turn};
use hexproof_core::measure::{Catalogue, Example};
use hexproof_core::population::NotListed;
use hexproof_core::record::Record;
use hexproof_core::settings::Settings;
use hexproof_core::snapshot::Snapshot;
use hexproof_core::waiver::Waiver;
use hexproof_core::{Outcome, Significance};
use hexproof_scorer::diff::compare;
use hexproof_scorer::{Input, assess, builtin, examples};
use serde_json::{Value, json};

fn pod(name: &str, privileged: bool) -> Value {
    json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "namespace": "shop", "uid": format!("u-{name}")},
        "spec": {"containers": [{"name": "a", "securityContext": {"privileged": privileged}}]}})
}

fn snapshot(objects: Vec<Value>) -> Snapshot {
    let example: Example =
        serde_json::from_value(json!({"name": "e", "objects": objects, "outcome": "pass"})).unwrap();
    examples::snapshot(&example, &Settings::default(), &|raw, _| Record::decode(raw)).unwrap()
}

struct Case {
    snapshot: Snapshot,
    catalogue: Catalogue,
    settings: Settings,
    waivers: Vec<Waiver>,
}

impl Case {
    fn new(objects: Vec<Value>) -> Self {
        Self {
            snapshot: snapshot(objects),
            catalogue: builtin().unwrap(),
            settings: Settings::default(),
            waivers: vec![],
        }
    }

    fn judge(&self) -> Assessment {
        let assessment = assess(Input {
            snapshot: &self.snapshot,
            digest: self.snapshot.digest(),
            catalogue: &self.catalogue,
            settings: &self.settings,
            waivers: &self.waivers,
        });
        // As it comes out of a store.
        serde_json::from_slice(&serde_json::to_vec(&assessment).unwrap()).unwrap()
    }
}

fn diff(before: &Case, after: &Case) -> Diff {
    compare(&before.judge(), &after.judge()).unwrap()
}

fn change<'a>(diff: &'a Diff, measure: &str, name: &str) -> &'a Change {
    diff.changes
        .iter()
        .find(|change| change.measure_id.as_str() == measure && change.subject.name == name)
        .unwrap_or_else(|| panic!("no change of {measure} on {name}: {:#?}", diff.changes))
}

/// Only `cause` moved the low end, and by something.
fn only(shares: &Shares, cause: Cause) {
    for each in Cause::ALL {
        assert_eq!(shares.of(*each).abs() > 1e-9, *each == cause, "{each:?} of {shares:?}");
    }
    assert!((shares.difference() - shares.of(cause)).abs() < 1e-9, "{shares:?}");
}

#[test]
fn a_mended_object_is_the_clusters_gain_and_ends_its_gate() {
    let (before, after) =
        (Case::new(vec![pod("a", true), pod("b", false)]), Case::new(vec![pod("a", false), pod("b", false)]));
    let diff = diff(&before, &after);
    let mended = change(&diff, "container-privileged", "a");
    assert_eq!((mended.kind, mended.cause), (ChangeKind::Better, Cause::Cluster));
    assert!(mended.because.contains("privileged` was `true`, is `false`"), "{}", mended.because);
    assert!(mended.is_gone_failure() && !mended.recreated);
    only(&diff.low.unwrap(), Cause::Cluster);
    let gate = diff.gates.iter().find(|gate| gate.measure_id.as_str() == "container-privileged").unwrap();
    assert_eq!((gate.turn, gate.failing_before, gate.failing_after), (Some(Turn::Ended), 1, 0));
    assert_eq!(gate.causes, [Cause::Cluster]);
    assert!(!diff.other_rules && !diff.other_settings && diff.same_cluster);
    let measure = diff.measures.iter().find(|m| m.measure_id.as_str() == "container-privileged").unwrap();
    assert_eq!((measure.rule, measure.new_failures, measure.gone_failures), (None, 0, 1));
}

#[test]
fn an_object_that_is_gone_vanished_and_a_new_one_appeared() {
    let diff = diff(&Case::new(vec![pod("a", true)]), &Case::new(vec![pod("b", false)]));
    let gone = change(&diff, "container-privileged", "a");
    assert_eq!((gone.kind, gone.cause, gone.after.is_none()), (ChangeKind::Vanished, Cause::Cluster, true));
    assert_eq!(gone.because, "it is no longer in the cluster");
    let new = change(&diff, "container-privileged", "b");
    assert_eq!((new.kind, new.cause, new.before.is_none()), (ChangeKind::Appeared, Cause::Cluster, true));
}

#[test]
fn an_object_made_anew_under_its_name_neither_vanished_nor_appeared() {
    let mut anew = pod("a", true);
    anew["metadata"]["uid"] = json!("another");
    let unchanged = diff(&Case::new(vec![pod("a", true)]), &Case::new(vec![anew.clone()]));
    assert!(unchanged.changes.is_empty(), "{:#?}", unchanged.changes);
    anew["spec"]["containers"][0]["securityContext"]["privileged"] = json!(false);
    let mended = diff(&Case::new(vec![pod("a", true)]), &Case::new(vec![anew]));
    let change = change(&mended, "container-privileged", "a");
    assert!(change.recreated);
    assert_eq!((change.kind, change.cause), (ChangeKind::Better, Cause::Cluster));
}

#[test]
fn a_waiver_mends_nothing_and_moves_the_accepted_score_alone() {
    let before = Case::new(vec![pod("a", true), pod("b", false)]);
    let mut after = Case::new(vec![pod("a", true), pod("b", false)]);
    after.waivers = serde_json::from_value(json!([{
        "id": "w-1", "measure": "container-privileged", "subject": {"kind": "Pod", "namespace": "shop", "name": "a"},
        "reason": "r", "compensatingControl": "c", "owner": "o", "approver": "p", "expiry": "2030-01-01"}]))
    .unwrap();
    let begun = diff(&before, &after);
    let covered = change(&begun, "container-privileged", "a");
    assert_eq!((covered.kind, covered.cause), (ChangeKind::Changed, Cause::Waivers));
    assert_eq!(covered.because, "waiver w-1 covers it");
    assert!(!covered.is_gone_failure() && !covered.is_new_failure());
    assert_eq!(begun.changes.len(), 1);
    assert_eq!(begun.low.unwrap().difference(), 0.0);
    only(&begun.accepted_low.unwrap(), Cause::Waivers);
    assert_eq!(begun.gates[0].causes, [Cause::Waivers]);
    let [waiver] = begun.waivers.as_slice() else { panic!("{:?}", begun.waivers) };
    assert_eq!((waiver.turn, waiver.covers_before, waiver.covers_after), (Turn::Begun, 0, 1));
    let ended = diff(&after, &before);
    assert!(change(&ended, "container-privileged", "a").is_new_failure(), "the failure is open again");
    assert_eq!(ended.waivers[0].turn, Turn::Ended);
}

#[test]
fn what_can_no_longer_be_listed_is_not_seen_and_not_gone() {
    let before = Case::new(vec![pod("a", false), pod("b", false)]);
    let mut after = Case::new(vec![]);
    after.snapshot.population.not_listed.push(NotListed {
        api_version: "v1".into(),
        kind: "Pod".into(),
        reason: "403 Forbidden".into(),
        inconsistent: false,
    });
    let diff = diff(&before, &after);
    let gone = change(&diff, "container-privileged", "a");
    assert_eq!((gone.kind, gone.cause), (ChangeKind::Vanished, Cause::Seen));
    assert!(gone.because.ends_with("403 Forbidden"), "{}", gone.because);
    let lack = change(&diff, "container-privileged", "example");
    assert_eq!((lack.kind, lack.cause), (ChangeKind::Appeared, Cause::Seen));
    assert_eq!(diff.not_listed[0].turn, Turn::Begun);
    assert!(diff.low.unwrap().seen < -1.0, "{:?}", diff.low);
}

#[test]
fn another_significance_is_a_matter_of_rules() {
    let before = Case::new(vec![pod("a", true), pod("b", false)]);
    let mut after = Case::new(vec![pod("a", true), pod("b", false)]);
    let mut files = std::mem::take(&mut after.catalogue.files);
    let mut measures = std::mem::take(&mut after.catalogue.measures);
    let at = measures.iter().position(|measure| measure.id.as_str() == "container-privileged").unwrap();
    measures[at].significance = Significance::Medium;
    files[at].1 = hexproof_core::Digest::of(b"changed");
    after.catalogue = Catalogue::new(files.into_iter().zip(measures).map(|((f, d), m)| (f, d, m)).collect());
    let altered = diff(&before, &after);
    let change = change(&altered, "container-privileged", "a");
    assert_eq!((change.kind, change.cause), (ChangeKind::Better, Cause::Rules));
    only(&altered.low.unwrap(), Cause::Rules);
    assert!(altered.other_rules);
    assert_eq!(altered.gates[0].causes, [Cause::Rules]);
    assert_eq!(altered.measures.iter().filter(|measure| measure.rule == Some(Turn::Altered)).count(), 1);
}

#[test]
fn a_measure_that_is_new_in_the_catalogue_is_a_matter_of_rules() {
    let mut before = Case::new(vec![pod("a", true), pod("b", false)]);
    let after = Case::new(vec![pod("a", true), pod("b", false)]);
    let files = std::mem::take(&mut before.catalogue.files);
    let measures = std::mem::take(&mut before.catalogue.measures);
    let rest = files.into_iter().zip(measures).filter(|(_, m)| m.id.as_str() != "container-privileged");
    before.catalogue = Catalogue::new(rest.map(|((f, d), m)| (f, d, m)).collect());
    let diff = diff(&before, &after);
    let new = change(&diff, "container-privileged", "a");
    assert_eq!((new.kind, new.cause), (ChangeKind::Appeared, Cause::Rules));
    assert!(new.is_new_failure());
    only(&diff.low.unwrap(), Cause::Rules);
    assert_eq!(diff.measures[0].rule, Some(Turn::Begun));
}

#[test]
fn a_recorded_exception_is_a_matter_of_settings() {
    let ingress = || {
        vec![json!({"apiVersion": "networking.k8s.io/v1", "kind": "Ingress",
            "metadata": {"name": "i", "namespace": "shop"}, "spec": {"rules": [{"host": "*.example.com"}]}})]
    };
    let before = Case::new(ingress());
    let mut after = Case::new(ingress());
    after.settings = serde_json::from_value(json!({"recorded": [{"measures": ["ingress-no-wildcard-host"],
        "subject": {"kind": "Host", "namespace": "shop", "name": "*.example.com"}, "owner": "platform team",
        "reason": "tenants", "until": "2026-12-31"}]}))
    .unwrap();
    let diff = diff(&before, &after);
    let accepted = diff.changes.iter().find(|c| c.measure_id.as_str() == "ingress-no-wildcard-host").unwrap();
    assert_eq!((accepted.kind, accepted.cause), (ChangeKind::Better, Cause::Settings));
    assert_eq!(accepted.before.as_ref().unwrap().outcome, Outcome::Fail);
    assert!(diff.other_settings);
    only(&diff.low.unwrap(), Cause::Settings);
}

#[test]
fn an_assessment_of_an_earlier_program_is_compared_without_shares() {
    let (mut before, after) =
        (Case::new(vec![pod("a", true)]).judge(), Case::new(vec![pod("a", false)]).judge());
    before.measures.iter_mut().for_each(|count| count.rule = None);
    // The later one tells the weights, and the catalogue is the same.
    assert!(compare(&before, &after).unwrap().low.is_some());
    before.catalogue.digest = hexproof_core::Digest::of(b"another");
    let diff = compare(&before, &after).unwrap();
    assert_eq!(diff.low, None);
    assert_eq!(change(&diff, "container-privileged", "a").cause, Cause::Cluster);
}

#[test]
fn an_assessment_that_contradicts_itself_is_refused() {
    let good = Case::new(vec![pod("a", true), pod("b", false)]).judge();
    let refused = |change: &dyn Fn(&mut Assessment)| {
        let mut bad = good.clone();
        change(&mut bad);
        compare(&bad, &good).unwrap_err().to_string()
    };
    let missing = refused(&|bad| bad.observations.clear());
    assert!(missing.contains("counts other outcomes"), "{missing}");
    let unknown = refused(&|bad| bad.measures.retain(|m| m.measure_id.as_str() != "container-privileged"));
    assert!(unknown.contains("which it does not count"), "{unknown}");
    let flattered = refused(&|bad| bad.overall.score_low += 1.0);
    assert!(flattered.contains("the earlier assessment") && flattered.contains("points"), "{flattered}");
    let twice = refused(&|bad| bad.measures.push(bad.measures[0].clone()));
    assert!(twice.contains("twice"), "{twice}");
}
