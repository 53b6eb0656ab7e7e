//! From assessments to packs: extreme, hostile and empty ones.
#![allow(clippy::unwrap_used, reason = "a test that cannot unwrap fails, as it should")]

mod common;

use common::{
    assessment, attachment, catalogue, measure, observation, report, subject, text_of, waiver, words_of,
};
use hexproof_core::assessment::Assessment;
use hexproof_core::measure::Catalogue;
use hexproof_core::permissions::{Permission, Permissions};
use hexproof_core::{Layer, Outcome, Rating, Significance};
use hexproof_renderer::render;
use hexproof_renderer::view::Limits;

fn small(names: &[(&str, &str)]) -> (Assessment, Catalogue) {
    let catalogue = catalogue(vec![
        measure("container-privileged", Layer::Container, Significance::Critical),
        measure("rbac-wildcards", Layer::ApiResources, Significance::High),
        measure("container-host-pid", Layer::Container, Significance::High),
    ]);
    let find = |name: &str| catalogue.get(name).unwrap().clone();
    let mut observations = Vec::new();
    for (namespace, name) in names {
        observations.push(observation(
            &find("container-privileged"),
            subject(namespace, name),
            Outcome::Fail,
        ));
        observations.push(observation(&find("rbac-wildcards"), subject(namespace, name), Outcome::Pass));
        observations.push(observation(
            &find("container-host-pid"),
            subject(namespace, name),
            Outcome::Unknown,
        ));
    }
    (assessment("weak-shop", &catalogue, observations), catalogue)
}

#[test]
fn a_hostile_name_prints_literally_and_comes_back_from_the_text() {
    let long = format!("a{}z", "b".repeat(251));
    let dashes = "very-long-name-with-dashes-".repeat(9) + "0123456789";
    let names = [
        "#read(\"/etc/passwd\")".to_owned(),
        "$x^2$*bold*_it_`raw`<l>@ref//c".to_owned(),
        "#{panic()}".to_owned(),
        "= heading \\ #pagebreak()".to_owned(),
        "a".repeat(63),
        long,
        dashes,
        "web-審査-проверка".to_owned(),
    ];
    let pairs: Vec<(&str, &str)> = names
        .iter()
        .map(|n| ("team-checkout-experimental-blue-green-canary-2026-q4-do-not-delete-xy", n.as_str()))
        .collect();
    let (a, c) = small(&pairs);
    let pdf = render(&report(&a, &c, Limits::default()), &[attachment("assessment.json", b"{}")]).unwrap();
    let Some(text) = text_of(&pdf, None) else { return };
    let joined: String = text.split('\n').map(|line| line.trim_end_matches('\r')).collect();
    for name in &names {
        assert!(joined.contains(name.as_str()), "{name} does not come back");
    }
    stays_within_the_margins(&pdf);
}

/// No word crosses the right margin (190 mm); the thumb index stands beyond 203 mm.
fn stays_within_the_margins(pdf: &[u8]) {
    let millimetre = 72.0 / 25.4;
    let Some(words) = words_of(pdf) else { return };
    assert!(words.len() > 500, "{} words", words.len());
    for (left, right, word) in words {
        let in_text = left < 195.0 * millimetre;
        assert!(!in_text || right < 190.6 * millimetre, "crosses the margin: {word}");
    }
}

#[test]
fn characters_that_act_on_the_layout_are_shown_as_code_points() {
    let names = [
        ("shop", "web\u{202E}gpj.exe"),
        ("shop", "zero\u{200B}width"),
        ("shop", "bell\u{7}\nline"),
        ("shop", "\u{F8FF}"),
    ];
    let (mut a, c) = small(&names);
    a.cluster.name = "rtl\u{202E}cluster".into();
    a.waivers.push(waiver("container-privileged", true, "because \u{2066}of\u{2069} this 🧯 reason"));
    let pdf = render(&report(&a, &c, Limits::default()), &[]).unwrap();
    let Some(text) = text_of(&pdf, None) else { return };
    let joined: String = text.split('\n').collect();
    for shown in ["webU+202Egpj.exe", "zeroU+200Bwidth", "bellU+0007U+000Aline", "U+F8FF", "rtlU+202Ecluster"]
    {
        assert!(joined.contains(shown), "{shown} is not there");
    }
    assert!(!text.contains(['\u{202E}', '\u{2066}', '\u{200B}']));
}

#[test]
fn names_and_reasons_of_any_length_break_no_page() {
    let name = "n".repeat(20_000);
    let (mut a, c) = small(&[("shop", name.as_str())]);
    a.cluster.name = name.clone();
    for o in &mut a.observations {
        o.reason = "word ".repeat(5_000);
        o.notes = vec!["x".repeat(9_000); 50];
        o.readings[0].path = "p".repeat(9_000);
        o.readings[0].value = Some(serde_json::Value::String("v".repeat(9_000)));
    }
    let mut long = waiver("container-privileged", true, &"because ".repeat(3_000));
    long.waiver.owner = name;
    a.waivers.push(long);
    let pdf = render(&report(&a, &c, Limits::default()), &[]).unwrap();
    stays_within_the_margins(&pdf);
}

fn crowd(measures: usize, subjects: usize, significance: Significance) -> (Assessment, Catalogue) {
    let layers = [Layer::Container, Layer::ApiResources];
    let list: Vec<_> = (0..measures)
        .map(|i| {
            let mut m = measure(&format!("measure-{i:03}"), layers[i % 2], significance);
            m.title = format!(
                "Keep measure {i} within what an auditor of a very large organisation still considers fair"
            );
            m
        })
        .collect();
    let catalogue = catalogue(list);
    let mut observations = Vec::new();
    for m in &catalogue.measures {
        for i in 0..subjects {
            let outcome = match i % 4 {
                0 | 1 => Outcome::Fail,
                2 => Outcome::Unknown,
                _ => Outcome::Pass,
            };
            observations.push(observation(
                m,
                subject(&format!("namespace-{}", i % 14), &format!("workload-{i:04}")),
                outcome,
            ));
        }
    }
    let name = "a-cluster-whose-name-has-as-many-letters-as-a-name-in-kubernetes-may-have-when-nobody-stops-the-team";
    (assessment(name, &catalogue, observations), catalogue)
}

#[test]
fn the_summary_is_one_page_even_with_sixty_gates_and_long_titles() {
    let (mut a, c) = crowd(60, 3, Significance::Critical);
    for cell in a.matrix.iter_mut().chain(&mut a.goals).chain(&mut a.layers).chain([&mut a.overall]) {
        cell.score_low = 0.0;
        cell.score_high = 49.9;
        cell.coverage = 50.1;
        cell.rating = Rating::E;
        cell.residual_low = 24.9;
    }
    let pdf = render(&report(&a, &c, Limits::default()), &[]).unwrap();
    let (Some(second), Some(third)) = (text_of(&pdf, Some(2)), text_of(&pdf, Some(3))) else { return };
    assert!(second.contains("All layers") && second.contains("and 55 more"), "{second}");
    assert!(third.contains("One formula gives every number"), "the summary runs over: {third}");
    stays_within_the_margins(&pdf);
}

#[test]
fn long_tables_are_cut_only_with_a_count() {
    let (a, c) = crowd(10, 400, Significance::High);
    let limits = Limits { observations: 50, finding_names: 60, ..Limits::default() };
    let pdf = render(&report(&a, &c, limits), &[]).unwrap();
    let Some(text) = text_of(&pdf, None) else { return };
    let text = text.replace('\n', " ");
    assert!(text.contains("5 of 400 verdicts shown, all in the attachment"), "annex");
    assert!(text.contains("60 of 200 subjects named"), "finding");
    stays_within_the_margins(&pdf);
}

#[test]
fn a_cluster_without_failures_has_a_pack_too() {
    let catalogue =
        catalogue(vec![measure("container-privileged", Layer::Container, Significance::Critical)]);
    let m = catalogue.measures[0].clone();
    let a = assessment("good", &catalogue, vec![observation(&m, subject("shop", "web"), Outcome::Pass)]);
    let r = report(&a, &catalogue, Limits::default());
    assert!(r.summary.title.contains("every critical measure passes"), "{}", r.summary.title);
    assert!(r.summary.gates.shown.is_empty());
    render(&r, &[]).unwrap();
}

#[test]
fn an_assessment_without_any_verdict_is_not_assessed_and_still_a_document() {
    let catalogue =
        catalogue(vec![measure("container-privileged", Layer::Container, Significance::Critical)]);
    let mut a = assessment("empty", &catalogue, Vec::new());
    for cell in a.matrix.iter_mut().chain(&mut a.goals).chain(&mut a.layers).chain([&mut a.overall]) {
        cell.measures = 0;
        cell.rating = Rating::NotAssessed;
    }
    let r = report(&a, &catalogue, Limits::default());
    assert!(r.summary.title.starts_with("Not assessed"), "{}", r.summary.title);
    render(&r, &[]).unwrap();
}

#[test]
fn words_and_numbers_never_flatter() {
    let (mut a, c) = small(&[("shop", "web")]);
    a.overall.score_low = 89.97;
    a.overall.score_high = 92.01;
    a.overall.coverage = 97.96;
    a.overall.rating = Rating::B;
    a.overall.rating_by_score = Rating::B;
    a.gates.clear();
    let r = report(&a, &c, Limits::default());
    assert_eq!(r.cover.plate.score.as_deref(), Some("89–93"));
    let all = &r.summary.matrix.rows[5].cells[6];
    assert_eq!(all.notes[0], "seen 97");
    let json = serde_json::to_string(&r.signoff.says_not).unwrap();
    assert!(json.contains("3\u{202F}%"), "what was not seen is rounded up: {json}");
}

#[test]
fn nothing_is_claimed_that_this_pack_does_not_have() {
    let (a, c) = small(&[("shop", "web")]);
    let json = serde_json::to_string(&report(&a, &c, Limits::default())).unwrap();
    for claim in ["ledger", "OSCAL", "countersign", "B-T", "locked", "stamped by"] {
        assert!(!json.contains(claim), "{claim}");
    }
    assert!(json.contains("no time stamp"));
}

#[test]
fn the_width_of_the_interval_is_what_was_not_seen() {
    let (a, c) = small(&[("shop", "web")]);
    let r = report(&a, &c, Limits::default());
    for line in &r.summary.matrix.rows {
        for cell in line.cells.iter().filter(|cell| cell.score.is_some()) {
            assert!((cell.unseen - (78.2 - 62.4)).abs() < 1e-9);
        }
    }
}

fn right(group: &str, resource: &str, verb: &str, namespace: &str) -> Permission {
    Permission {
        api_group: group.into(),
        resource: resource.into(),
        verb: verb.into(),
        namespace: namespace.into(),
    }
}

#[test]
fn the_pack_says_what_the_collector_may_do_and_was_refused() {
    let (mut a, c) = small(&[("shop", "web")]);
    a.snapshot.identity = "system:serviceaccount:hexproof:collector".into();
    a.permissions = Some(Permissions {
        granted: vec![right("", "pods", "list", ""), right("apps", "deployments", "list", "")],
        refused: vec![right("", "secrets", "list", "")],
        excess: vec![right("apps", "deployments", "patch", "kube-system"), right("*", "*", "*", "")],
        unanswered: vec!["rules in namespace default: 403 Forbidden".into()],
    });
    let pdf = render(&report(&a, &c, Limits::default()), &[]).unwrap();
    let Some(text) = text_of(&pdf, None) else { return };
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    for part in [
        "What the collector may do",
        "system:serviceaccount:hexproof:collector",
        "2 of 3 lists of the server may be read in the whole cluster",
        "Refused secrets",
        "patch deployments.apps in kube-system, * *.*",
        "Rules in namespace default: 403 Forbidden",
    ] {
        assert!(text.contains(part), "{part} is not in the pack");
    }
}

#[test]
fn a_collector_that_did_not_ask_has_unknown_rights_and_manifests_have_none() {
    let (mut a, c) = small(&[("shop", "web")]);
    let text = |a: &Assessment| text_of(&render(&report(a, &c, Limits::default()), &[]).unwrap(), None);
    let Some(live) = text(&a) else { return };
    assert!(live.contains("not known: the collector did not ask for them"));
    a.snapshot.origin = hexproof_core::snapshot::Source::Manifests;
    assert!(!text(&a).unwrap().contains("What the collector may do"));
}

#[test]
fn rights_of_any_number_and_length_break_no_page() {
    let (mut a, c) = small(&[("shop", "web")]);
    let many: Vec<_> =
        (0..5000).map(|n| right("example.com", &format!("{}{n}", "w".repeat(250)), "*", "x")).collect();
    a.permissions = Some(Permissions {
        granted: many.clone(),
        refused: many.clone(),
        excess: many,
        unanswered: vec!["why ".repeat(80); 50],
    });
    let pdf = render(&report(&a, &c, Limits::default()), &[]).unwrap();
    stays_within_the_margins(&pdf);
}
