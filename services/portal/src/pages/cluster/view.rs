//! The page of a cluster.

use hexproof_core::diff::{self, Diff};
use hexproof_core::measure::Catalogue;
use maud::{Markup, html};

use super::gather::{Found, Known, Pack};
use super::{history, tables};
use crate::parts::PortalParts;
use crate::words;
use crate::{charts, links, marks, matrix, verdict};

/// The title: how it is rated, and why.
pub(super) fn title(known: &Known, catalogue: &Catalogue) -> String {
    let Some(newest) = known.packs.first() else {
        return match known.store {
            true => format!("{} has no pack yet", known.name),
            false => format!("Packs of {} are not known at the moment", known.name),
        };
    };
    match newest.assessment() {
        Some(assessment) => format!("{} is {}", known.name, verdict::result(assessment, catalogue)),
        None => format!("{} is {}", known.name, words::rated(newest.entry.rating)),
    }
}

/// The second sentence: the score, what moved since the pack before, what the cluster is.
pub(super) fn second(known: &Known, compared: Option<&Diff>) -> Markup {
    let Some(newest) = known.packs.first() else { return html! {} };
    let moved = compared.map(diff::words::sentence).or_else(|| {
        let before = known.packs.get(1)?;
        let (was, is) = (before.entry.score?, newest.entry.score?);
        Some(format!("{}.", verdict::moved(&was, before.entry.finished, &is)))
    });
    html! {
        @match newest.assessment() {
            Some(assessment) => { (verdict::score(assessment)) " " },
            None => @if let Some(score) = &newest.entry.score { "Score " (verdict::interval(score)) " of 100. " },
        }
        @match moved {
            Some(moved) => (moved),
            None if known.packs.len() == 1 => (diff::words::FIRST),
            None => {},
        }
        @if let Some(assessment) = newest.assessment() { " " (verdict::facts(assessment)) "." }
    }
}

pub(super) fn body(known: &Known, parts: &PortalParts, compared: Option<&Diff>, start: &Markup) -> Markup {
    let now = parts.clock.now();
    let newest = known.packs.first();
    html! {
        (warnings(known))
        (actions(known, start))
        @match newest {
            None => {
                div.columns {
                    div.main { (no_pack(known)) }
                    div.side { (side_lists(known, now)) }
                }
            },
            Some(newest) => {
                div.columns {
                    div.main { (main_column(known, newest, compared)) }
                    div.side {
                        @if let Some(assessment) = newest.assessment() { (plate_and_gates(newest, assessment, parts)) }
                        (side_lists(known, now))
                    }
                }
                (matrix_section(known))
                section #packs {
                    h2 { "Packs" span.note { "the newest " (words::number(known.packs.len())) } }
                    (tables::packs(known))
                    p.after { a.touch href=(links::with(links::PACKS, [("cluster", known.id.as_str())])) { "All packs of this cluster" } }
                }
            },
        }
    }
}

/// What is broken or not known: first of all.
fn warnings(known: &Known) -> Markup {
    let damaged: Vec<&Pack> =
        known.packs.iter().filter(|pack| matches!(pack.found, Found::Damaged)).collect();
    html! {
        @if !damaged.is_empty() {
            div.warn role="status" {
                @for pack in damaged {
                    p {
                        b { "The pack of " (marks::time(pack.entry.finished)) " is broken." }
                        " What the store holds of it is not what was written. Do not rely on it."
                    }
                }
            }
        }
        @if !known.store {
            div.warn role="status" {
                p {
                    b { "The evidence store does not answer." }
                    " Shown is what the service remembers; the rest is missing, not lost."
                }
            }
        }
        @if known.entry.as_ref().is_some_and(|entry| entry.retired) {
            div.warn role="status" { p { b { "The registration of this cluster has ended." } " No audit starts; its packs stay." } }
        }
    }
}

fn actions(known: &Known, start: &Markup) -> Markup {
    let newest = known.packs.first().filter(|_| known.reads);
    let registered = known.entry.as_ref().is_some_and(|entry| !entry.retired);
    html! {
        @if newest.is_some() || registered {
            div.actions {
                @if let Some(newest) = newest {
                    a.button.primary href=(links::pack(&newest.entry.key)) {
                        "Open the pack of " (words::day(newest.entry.finished))
                    }
                }
                @if registered { (start) }
            }
        }
    }
}

fn no_pack(known: &Known) -> Markup {
    html! {
        section {
            h2 { "Packs" }
            p.empty {
                @if known.store { "No audit of this cluster has ended with a pack within your period." }
                @else { "The packs are not known at the moment." }
            }
        }
    }
}

fn main_column(known: &Known, newest: &Pack, compared: Option<&Diff>) -> Markup {
    html! {
        @if let Some(chart) = history::scores(&known.packs, compared) {
            section {
                h2 { "Score, pack by pack" span.note { "solid: passed; hatched: not seen" } }
                (chart)
            }
        }
        @match newest.assessment() {
            Some(assessment) => {
                @let before = known.packs.get(1);
                section {
                    h2 {
                        "The six goals"
                        span.note {
                            "all layers"
                            @if let Some(before) = before.filter(|before| before.assessment().is_some()) {
                                "; " (marks::diamond()) " low end on " (words::day(before.entry.finished))
                            }
                        }
                    }
                    (charts::goals(
                        assessment,
                        before.and_then(Pack::assessment),
                        |goal| links::observations_of(&newest.entry.key, None, Some(goal)),
                    ))
                }
                section {
                    h2 { "Sources of the last audit" }
                    (tables::sources(assessment))
                }
            },
            None if !known.reads => {
                section {
                    h2 { "Evidence" }
                    p.empty { "What was found is shown to auditors: goals, gates, sources, observations and files." }
                }
            },
            None => {},
        }
    }
}

fn plate_and_gates(
    newest: &Pack,
    assessment: &hexproof_core::assessment::Assessment,
    parts: &PortalParts,
) -> Markup {
    html! {
        section.plate-box {
            (charts::plate(assessment))
            p.caption {
                "Rings: environment (outside) to API resources. Sides, clockwise from the top: the goals as listed. "
                a href="#matrix" { "The matrix" } " says the same with numbers."
            }
        }
        section {
            h2 { "Gates" span.note { "one failed critical measure each" } }
            (tables::gates(&newest.entry.key, assessment, &parts.catalogue))
        }
    }
}

fn side_lists(known: &Known, now: jiff::Timestamp) -> Markup {
    html! {
        @if let Some(audits) = known.audits.as_ref().filter(|audits| !audits.is_empty()) {
            section { h2 { "Running audits" } (tables::audits(known, audits)) }
        }
        section {
            h2 { "Schedules" span.note { "gaps: missed among the newest 100" } }
            @match &known.schedules {
                Some(schedules) => (tables::schedules(schedules, &known.gaps, now)),
                None => p.empty { "The schedules are not known at the moment." },
            }
        }
        @if let Some(entry) = &known.entry {
            @if !entry.labels.is_empty() {
                section {
                    h2 { "Labels" }
                    dl.facts {
                        @for (name, value) in labels(entry) { dt { (marks::name(name)) } dd { (marks::name(value)) } }
                    }
                }
            }
        }
    }
}

fn labels(entry: &hexproof_api::v1::RegisteredCluster) -> std::collections::BTreeMap<&String, &String> {
    entry.labels.iter().collect()
}

/// The matrix of the chosen pack, and the letters of all.
fn matrix_section(known: &Known) -> Markup {
    let Some((pack, assessment)) =
        known.packs.get(known.chosen).and_then(|pack| Some((pack, pack.assessment()?)))
    else {
        return html! {};
    };
    let at = |place: usize| {
        let run = known.packs.get(place)?.entry.key.run.to_string();
        Some(links::with(&links::cluster(&known.id), [("pack", run)]) + "#matrix")
    };
    html! {
        section #matrix {
            h2 { "Matrix" span.note { "pack of " (marks::time(pack.entry.finished)) } }
            @if known.packs.len() > 1 {
                nav.pager.above aria-label="Packs of the matrix" {
                    span { @if let Some(earlier) = at(known.chosen + 1) { a rel="prev" href=(earlier) { "Earlier pack" } } }
                    span {
                        @if known.chosen > 0 {
                            @if let Some(later) = at(known.chosen - 1) { a rel="next" href=(later) { "Later pack" } }
                        }
                    }
                }
            }
            (matrix::matrix(assessment, |layer, goal| links::observations_of(&pack.entry.key, layer, goal)))
        }
        @if known.packs.len() > 1 {
            section {
                h2 {
                    "Matrix over time"
                    span.note { "letters of the last " (words::number(known.packs.len())) " packs, oldest first" }
                }
                (history::table(&known.packs))
            }
        }
    }
}
