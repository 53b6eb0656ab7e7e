//! One observation: what was judged, what was read, why, and what to do. Its address holds for good.

use axum::Extension;
use axum::extract::{Path, State};
use axum::response::Response;
use hexproof_core::Outcome;
use hexproof_core::access::Role;
use hexproof_core::id::{ClusterId, RunId};
use hexproof_core::measure::{Catalogue, Measure, MeasureId};
use hexproof_core::observation::{Observation, Reading};
use maud::{Markup, html};

use super::observations::filter::Wanted;
use super::opened::{Opened, open};
use super::pack::significance;
use super::sentences::{known_measure, outcome, sentence, subject, technical};
use crate::params::Params;
use crate::parts::PortalParts;
use crate::refusal::Refusal;
use crate::seals::Seals;
use crate::shell::{Section, Shell};
use crate::viewer::Viewer;
use crate::{links, marks, words};

/// Readings that are shown; the assessment has all of them.
const READINGS: usize = 200;
/// Characters of a value that are shown.
const VALUE: usize = 4000;

pub(crate) async fn get(
    State(parts): State<PortalParts>,
    Extension(seals): Extension<Seals>,
    viewer: Viewer,
    Path((cluster, run, place)): Path<(ClusterId, RunId, u32)>,
    params: Params,
) -> Result<Response, Refusal> {
    let opened = open(&parts, &seals, &viewer, (cluster, run)).await?;
    let found = parts.evidence.observation(&opened.pack, place).await?;
    let observation = found.ok_or_else(|| {
        Refusal::NotFound(format!(
            "There is no observation {place} in this pack of `{}`.",
            opened.key().cluster
        ))
    })?;
    // The filter of the list that led here, so that the way back is the same list.
    let list = Wanted::read(&params).unwrap_or_default();
    let next = place.checked_add(1);
    let (before, after) = tokio::join!(
        neighbour(&parts, &opened, place.checked_sub(1), &observation.measure_id),
        neighbour(&parts, &opened, next, &observation.measure_id)
    );
    let measure = parts.catalogue.get(observation.measure_id.as_str());
    let key = opened.key();
    let body = html! {
        (opened.notice())
        div.columns {
            div.main {
                (readings(&observation))
                (why(&observation, measure, &parts.catalogue))
                @if let Some(measure) = measure { (mend(measure, observation.outcome)) }
                @if let Some(measure) = measure { (rule(measure)) }
            }
            div.side { (facts(&opened, &observation, place, &parts.catalogue, &viewer)) }
        }
        nav.pager aria-label="Observations of this measure" {
            @match before? { Some(place) => a href=(links::observation(key, place)) rel="prev" { "Previous of this measure" }, None => span.off aria-hidden="true" { "Previous of this measure" } }
            @match after? { Some(place) => a href=(links::observation(key, place)) rel="next" { "Next of this measure" }, None => span.off aria-hidden="true" { "Next of this measure" } }
            a href=(links::observations_by(key, &observation.measure_id)) { "All of this measure" }
            @if !list.is_everything() { a href=(list.at(key, list.page.max(1))) { "Back to the filtered list" } }
        }
    };
    let mut crumbs = opened.crumbs(true);
    crumbs.push(("Observations".to_owned(), links::observations(key)));
    let second = html! {
        (known_measure(&parts.catalogue, observation.measure_id.as_str())) ": " (outcome(&observation)) "."
    };
    let title = opened.title(claim(&observation, measure));
    Ok(Shell { section: Section::Packs, crumbs, title, second, body }.show(&viewer))
}

/// The place next to this one, if it is of the same measure: observations stand in the order of measures.
async fn neighbour(
    parts: &PortalParts,
    opened: &Opened,
    place: Option<u32>,
    measure: &MeasureId,
) -> Result<Option<u32>, Refusal> {
    let Some(place) = place else { return Ok(None) };
    let found = parts.evidence.observation(&opened.pack, place).await?;
    Ok(found.filter(|found| found.measure_id == *measure).map(|_| place))
}

/// What is claimed of the subject.
fn claim(observation: &Observation, measure: Option<&Measure>) -> String {
    let subject = observation.subject.label();
    match (observation.outcome, measure) {
        (Outcome::Fail, Some(measure)) => format!("{subject} {}", measure.claim.one),
        (Outcome::Fail, None) => format!("{subject} fails"),
        (Outcome::Pass, _) => format!("{subject} passes"),
        (Outcome::Unknown, _) => format!("{subject}: not known, evidence is missing"),
        (Outcome::NotApplicable, _) => format!("{subject} is not concerned"),
    }
}

fn readings(observation: &Observation) -> Markup {
    let shown = observation.readings.iter().take(READINGS);
    html! {
        section {
            h2 { "What was read" span.note { "faults first" } }
            @if observation.readings.is_empty() {
                p.empty {
                    @match observation.outcome {
                        Outcome::Unknown => "No field could be read: the reason says why.",
                        Outcome::NotApplicable => "No field was read: the measure does not concern this subject.",
                        Outcome::Pass | Outcome::Fail => "The verdict rests on no single field: the reason says on what.",
                    }
                }
            } @else {
                table.list {
                    caption.sr { "Fields that were read, and their values" }
                    thead { tr { th scope="col" { "Field" } th scope="col" { "Value" } } }
                    tbody {
                        @for reading in shown {
                            tr.fault[reading.fault] {
                                th.lead scope="row" {
                                    (marks::id(&reading.path))
                                    @if reading.fault { span.also { strong { "fault" } } }
                                    (holder(reading, &observation.subject.container))
                                }
                                td data-label="Value" { (value(reading)) }
                            }
                        }
                    }
                }
                @if observation.readings.len() > READINGS {
                    p.quiet { (words::thousands(READINGS as u64)) " of " (words::thousands(observation.readings.len())) " fields are shown; all are in the assessment." }
                }
            }
        }
    }
}

/// What holds the field, where that is not the subject.
fn holder(reading: &Reading, container: &str) -> Markup {
    let other = !reading.container.is_empty() && reading.container != container;
    html! {
        @if !reading.object.is_empty() || other || reading.alike > 0 {
            p.quiet {
                @if !reading.object.is_empty() { "of " (marks::id(&reading.object)) " " }
                @if other { "container " (marks::id(&reading.container)) " " }
                @if reading.alike > 0 { "and " (words::count(reading.alike, "more object that reads", "more objects that read")) " the same" }
            }
        }
    }
}

fn value(reading: &Reading) -> Markup {
    let text = match &reading.value {
        None => return html! { span.quiet { @if reading.absent { "absent" } @else { "present" } } },
        Some(serde_json::Value::String(text)) if text.is_empty() => "\"\"".to_owned(),
        Some(serde_json::Value::String(text)) => text.clone(),
        Some(value) => value.to_string(),
    };
    let length = text.chars().count();
    html! {
        @if length <= VALUE { (marks::id(&text)) }
        @else {
            @let cut: String = text.chars().take(VALUE).collect();
            (marks::id(&cut))
            span.sub { (words::thousands(VALUE as u64)) " of " (words::thousands(length)) " characters; all are in the assessment." }
        }
    }
}

fn why(observation: &Observation, measure: Option<&Measure>, catalogue: &Catalogue) -> Markup {
    html! {
        section {
            h2 { "Why" }
            @if observation.reason.is_empty() { p { "The condition holds." } }
            @else { p { (sentence(&observation.reason)) } }
            @for note in &observation.notes { p { (sentence(note)) } }
            @if observation.intercepted {
                p {
                    strong { "Intercepted" } " by: " (known_measure(catalogue, &observation.intercepted_by))
                    ". An interception lowers the effect, it does not make a pass."
                }
            }
            @if let Some(measure) = measure { p { (technical(&measure.why)) } }
        }
    }
}

/// How to mend a failure; nothing where there is none.
fn mend(measure: &Measure, outcome: Outcome) -> Markup {
    html! {
        @if outcome == Outcome::Fail {
            section {
                h2 { "How to mend it" }
                p { (technical(&measure.mend.text)) }
                (patch(&measure.mend.patch))
            }
        }
    }
}

/// A change as a diff: what goes and what comes is said by signs, and by words for screen readers.
pub(crate) fn patch(patch: &str) -> Markup {
    html! {
        @if !patch.trim().is_empty() {
            pre.patch tabindex="0" role="region" aria-label="The change as a diff" {
                code {
                    @for line in patch.trim_end().lines() {
                        @match line.as_bytes().first() {
                            Some(b'-') => del { (line) "\n" },
                            Some(b'+') => ins { (line) "\n" },
                            _ => { (line) "\n" },
                        }
                    }
                }
            }
        }
    }
}

fn rule(measure: &Measure) -> Markup {
    html! {
        section {
            h2 { "What must hold" }
            p { (technical(&measure.condition)) }
        }
    }
}

fn facts(
    opened: &Opened,
    observation: &Observation,
    place: u32,
    catalogue: &Catalogue,
    viewer: &Viewer,
) -> Markup {
    let (key, judged) = (opened.key(), &observation.subject);
    html! {
        section {
            h2 { "Facts" }
            dl.facts {
                dt { "Outcome" } dd { (outcome(observation)) }
                dt { "Subject" } dd { (subject(judged)) }
                @if !judged.api_version.is_empty() { dt { "API version" } dd { (marks::id(&judged.api_version)) } }
                @if !judged.uid.is_empty() { dt { "UID" } dd { (marks::id(&judged.uid)) } }
                dt { "Measure" } dd { (known_measure(catalogue, observation.measure_id.as_str())) }
                @if let Some(measure) = catalogue.get(observation.measure_id.as_str()) { dt { "Layer" } dd { (words::layer(measure.layer)) } }
                dt { "Significance" } dd { (significance(observation.significance)) }
                @if !observation.waived_by.is_empty() { dt { "Waived by" } dd { (waiver(opened, &observation.waived_by)) } }
                @if let Some(digest) = &observation.evidence_digest { dt { "Evidence" } dd { (marks::id(&digest.to_string())) span.sub { "of the redacted object that was judged" } } }
                dt { "Address" }
                dd {
                    a href=(links::observation(key, place)) rel="bookmark" { "Observation " (words::thousands(place)) }
                    span.sub { "holds for good: a pack never changes" }
                }
            }
            @if observation.is_open_failure() && viewer.is(&[Role::Operator, Role::Admin]) {
                p.actions { a.button href=(propose(opened, observation)) { "Propose a waiver" } }
            }
        }
    }
}

/// A waiver that people keep here has a page; one of a file has none.
fn waiver(opened: &Opened, id: &str) -> Markup {
    match id.parse() {
        Ok(record) => html! { a href=(links::waiver(&opened.key().cluster, &record)) { (marks::id(id)) } },
        Err(_) => marks::id(id),
    }
}

/// The form of a new waiver, filled in with what is known here.
fn propose(opened: &Opened, observation: &Observation) -> String {
    let subject = &observation.subject;
    let pairs = [
        ("cluster", opened.key().cluster.as_str()),
        ("measure", observation.measure_id.as_str()),
        ("kind", subject.kind.as_str()),
        ("namespace", subject.namespace.as_str()),
        ("name", subject.name.as_str()),
    ];
    links::with(links::NEW_WAIVER, pairs)
}

#[cfg(test)]
mod tests {
    use hexproof_testkit::evidence::{HOSTILE, Sample, catalogue};
    use serde_json::json;

    use super::*;

    fn observation(wanted: Outcome) -> Observation {
        let a = Sample::weak(&"shop".parse().unwrap(), "2026-11-23T06:00:00Z".parse().unwrap()).assessment();
        a.observations.into_iter().find(|one| one.outcome == wanted).unwrap()
    }

    #[test]
    fn the_title_is_what_is_claimed() {
        let catalogue = catalogue();
        let fails = observation(Outcome::Fail);
        let measure = catalogue.get(fails.measure_id.as_str());
        assert!(claim(&fails, measure).ends_with(&measure.unwrap().claim.one));
        assert!(claim(&fails, None).ends_with(" fails"));
        assert!(claim(&observation(Outcome::Unknown), None).ends_with("not known, evidence is missing"));
    }

    #[test]
    fn values_of_strangers_stay_text_and_are_cut_aloud() {
        for hostile in HOSTILE {
            let reading = Reading {
                path: hostile.into(),
                value: Some(json!({ hostile: hostile })),
                object: hostile.into(),
                alike: 2,
                ..Reading::default()
            };
            let shown = format!("{}{}", value(&reading).0, holder(&reading, "").0);
            assert!(
                !shown.contains("<script") && !shown.contains("<img") && !shown.contains('\u{202e}'),
                "{shown}"
            );
        }
        let long = Reading { value: Some(json!("x".repeat(VALUE + 1))), ..Reading::default() };
        assert!(value(&long).0.contains("of 4\u{202f}001 characters"));
        assert!(value(&Reading { absent: true, ..Reading::default() }).0.contains("absent"));
    }

    #[test]
    fn a_change_is_drawn_as_a_diff() {
        let drawn = patch("  a:\n-   b: <x>\n+   b: 1\n").0;
        assert!(
            drawn.contains("<del>-   b: &lt;x&gt;\n</del>") && drawn.contains("<ins>+   b: 1\n</ins>"),
            "{drawn}"
        );
        assert_eq!(patch(" \n").0, "");
    }
}
