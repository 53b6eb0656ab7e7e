//! What moved: the score and through what, gates, cells, rules, waivers.

use hexproof_core::assessment::{Cell, whole_high, whole_low};
use hexproof_core::audit::AuditKey;
use hexproof_core::diff::{Cause, CellChange, ChangeKind, Diff, GateChange, Shares, Turn};
use hexproof_core::measure::Catalogue;
use hexproof_core::port::evidence::PackEntry;
use maud::{Markup, html};

use super::list::{Wanted, cause};
use super::points;
use crate::marks::Size;
use crate::pages::sentences::{known_measure, measure_link, sentence};
use crate::{links, marks, words};

/// How the ends of the score moved, by cause.
pub(crate) fn shares(diff: &Diff) -> Markup {
    let Some(low) = &diff.low else {
        return html! {
            section {
                h2 { "Score" }
                p.empty { "How much each cause moved the score cannot be told: a pack does not state the weights of its measures." }
            }
        };
    };
    let parts = hexproof_core::diff::words::whole(low);
    let of = |cause: Cause| {
        parts.iter().find(|(found, _)| *found == cause).map_or(0, |(_, points)| i64::from(*points))
    };
    let column = |shares: &Shares| (whole_low(shares.before), whole_low(shares.after));
    let (before, after) = column(low);
    html! {
        section {
            h2 { "Low end of the score" span.note { "whole points, so that they add up" } }
            table.list.shares {
                caption.sr { "How the low end moved, by cause" }
                thead { tr { th scope="col" { "Cause" } th.n scope="col" { "Points" } } }
                tbody {
                    tr { th.lead scope="row" { (words::capital("before")) } td.n data-label="Points" { (before) } }
                    @for found in Cause::ALL {
                        tr { th.lead scope="row" { (words::capital(cause(*found))) } td.n data-label="Points" { (points(of(*found))) } }
                    }
                }
                tfoot { tr.total { th scope="row" { "After" } td.n data-label="Points" { strong { (after) } } } }
            }
            @if let Some(accepted) = &diff.accepted_low {
                @let (before, after) = column(accepted);
                p.quiet { "With waived failures left out the low end moved from " (before) " to " (after) "." }
            }
        }
    }
}

/// How many changes there are, by kind and cause; each number shows them.
pub(crate) fn counts(diff: &Diff, key: &AuditKey, before: &PackEntry, wanted: &Wanted) -> Markup {
    let of = |kind: ChangeKind, cause: Option<Cause>| {
        let fits =
            diff.counts.iter().filter(|count| count.kind == kind && cause.is_none_or(|c| c == count.cause));
        fits.map(|count| u64::from(count.count)).sum::<u64>()
    };
    let causes: Vec<Cause> = Cause::ALL
        .iter()
        .copied()
        .filter(|cause| diff.counts.iter().any(|count| count.cause == *cause))
        .collect();
    let number = |n: u64, kind, cause| {
        let these = Wanted { kind: Some(kind), cause, measure: None, page: 1 };
        html! {
            @if n == 0 { (marks::number_or_dot(0)) }
            @else {
                a href={ (these.at(key, &before.key, 1)) "#changes" }
                    aria-current=[((wanted.kind, wanted.cause) == (Some(kind), cause)).then_some("true")]
                { (words::thousands(n)) }
            }
        }
    };
    if diff.counts.is_empty() {
        return html! {};
    }
    html! {
        section {
            h2 { "How many, and through what" }
            table.list {
                caption.sr { "Changes by kind and cause" }
                thead {
                    tr {
                        th scope="col" { "Kind" }
                        @for found in &causes { th.n scope="col" { (words::capital(cause(*found))) } }
                        th.n scope="col" { "All" }
                    }
                }
                tbody {
                    @for kind in ChangeKind::ALL {
                        tr {
                            th.lead scope="row" { (words::capital(kind.word())) }
                            @for found in &causes {
                                td.n data-label=(words::capital(cause(*found))) { (number(of(*kind, Some(*found)), *kind, Some(*found))) }
                            }
                            td.n data-label="All" { (number(of(*kind, None), *kind, None)) }
                        }
                    }
                }
            }
        }
    }
}

/// Gates that opened, closed or hold as before.
pub(crate) fn gates(diff: &Diff, catalogue: &Catalogue, key: &AuditKey) -> Markup {
    html! {
        section {
            h2 { "Gates" span.note { "critical measures that hold a rating at D" } }
            @if diff.gates.is_empty() {
                p.empty { "No critical measure holds a rating in either pack." }
            } @else {
                table.list {
                    caption.sr { "Gates in both packs" }
                    thead {
                        tr {
                            th scope="col" { "Gate" }
                            th scope="col" { "State" }
                            th.n scope="col" { "Failing before" }
                            th.n scope="col" { "Failing after" }
                        }
                    }
                    tbody {
                        @for gate in &diff.gates {
                            tr {
                                th.lead scope="row" {
                                    @if gate.number_after > 0 { (marks::gate(gate.number_after)) " " }
                                    (measure_link(catalogue, &gate.measure_id, &links::observations_by(key, &gate.measure_id)))
                                    span.sub { (words::layer(gate.layer)) }
                                }
                                td data-label="State" { (turned(gate)) }
                                td.n data-label="Failing before" { (marks::number_or_dot(gate.failing_before.into())) }
                                td.n data-label="Failing after" { (marks::number_or_dot(gate.failing_after.into())) }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn turned(gate: &GateChange) -> Markup {
    let causes: Vec<&str> = gate.causes.iter().map(|found| cause(*found)).collect();
    html! {
        @match gate.turn {
            Some(Turn::Begun) => strong { "holds now" },
            Some(Turn::Ended) => "holds no more",
            Some(Turn::Altered) | None => "holds as before",
        }
        @if !causes.is_empty() { span.sub { "through " (words::list(&causes)) } }
    }
}

/// Whether a reader of the matrix sees a difference.
fn differs(change: &CellChange) -> bool {
    let seen = |cell: &Option<Cell>| {
        let cell = cell.as_ref().filter(|cell| cell.measures > 0)?;
        Some((cell.rating, whole_low(cell.score_low), whole_high(cell.score_high), whole_low(cell.coverage)))
    };
    seen(&change.before) != seen(&change.after)
}

/// Cells of the matrix that differ.
pub(crate) fn cells(diff: &Diff, key: &AuditKey) -> Markup {
    let moved: Vec<&CellChange> = diff.cells.iter().filter(|change| differs(change)).collect();
    html! {
        section {
            h2 { "Cells that moved" span.note { (words::count(moved.len(), "cell", "cells")) " of the matrix" } }
            @if moved.is_empty() {
                p.empty { "Every cell reads as before." }
            } @else {
                table.list {
                    caption.sr { "Cells of the matrix before and after" }
                    thead {
                        tr {
                            th scope="col" { "Layer, goal" }
                            th scope="col" { "Before" }
                            th scope="col" { "After" }
                            th.n scope="col" { "Low end" }
                        }
                    }
                    tbody {
                        @for change in moved {
                            tr {
                                th.lead scope="row" {
                                    a href=(links::observations_of(key, change.layer, change.goal)) {
                                        (change.layer.map_or("All layers", words::layer)) ", "
                                        (change.goal.map_or("all goals".to_owned(), |goal| words::goal(goal).to_lowercase()))
                                    }
                                }
                                td data-label="Before" { (cell(change.before.as_ref())) }
                                td data-label="After" { (cell(change.after.as_ref())) }
                                td.n data-label="Low end" { (points(step(change))) }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn step(change: &CellChange) -> i64 {
    let low = |cell: &Option<Cell>| cell.as_ref().map_or(0, |cell| i64::from(whole_low(cell.score_low)));
    match (&change.before, &change.after) {
        (Some(_), Some(_)) => low(&change.after) - low(&change.before),
        _ => 0,
    }
}

fn cell(cell: Option<&Cell>) -> Markup {
    html! {
        @match cell.filter(|cell| cell.measures > 0) {
            None => span.quiet { "no measure" },
            Some(cell) => {
                (marks::tile(cell.rating, Size::Small)) " "
                span.score { (cell.interval("–")) }
                span.quiet { " seen " (whole_low(cell.coverage)) }
            },
        }
    }
}

/// Measures that came, went or ask for something else.
pub(crate) fn rules(diff: &Diff, catalogue: &Catalogue) -> Markup {
    let changed: Vec<_> = diff.measures.iter().filter(|measure| measure.rule.is_some()).collect();
    html! {
        section {
            h2 { "Rules" }
            p {
                @if diff.other_rules { "The packs were judged by different catalogues. " } @else { "Both packs were judged by the same catalogue. " }
                @if diff.other_settings { "The settings of the cluster differ." } @else { "The settings are the same." }
            }
            @if !changed.is_empty() {
                table.list {
                    caption.sr { "Measures that changed" }
                    thead { tr { th scope="col" { "Measure" } th scope="col" { "Rule" } } }
                    tbody {
                        @for measure in changed {
                            tr {
                                th.lead scope="row" { (known_measure(catalogue, measure.measure_id.as_str())) }
                                td data-label="Rule" {
                                    @match measure.rule {
                                        Some(Turn::Begun) => "new in the catalogue",
                                        Some(Turn::Ended) => "no longer in the catalogue",
                                        Some(Turn::Altered) => "asks for something else",
                                        None => {},
                                    }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// Waivers that count in one of the packs alone.
pub(crate) fn waivers(diff: &Diff, catalogue: &Catalogue) -> Markup {
    if diff.waivers.is_empty() {
        return html! {};
    }
    html! {
        section {
            h2 { "Waivers" }
            table.list {
                caption.sr { "Waivers that began or ended" }
                thead {
                    tr {
                        th scope="col" { "Waiver" }
                        th scope="col" { "State" }
                        th.n scope="col" { "Covered before" }
                        th.n scope="col" { "Covers" }
                    }
                }
                tbody {
                    @for change in &diff.waivers {
                        tr {
                            th.lead scope="row" {
                                (marks::id(&change.waiver.id))
                                span.sub { (known_measure(catalogue, change.waiver.measure.as_str())) }
                            }
                            td data-label="State" {
                                @match change.turn {
                                    Turn::Begun => "counts now",
                                    Turn::Ended => "counts no more",
                                    Turn::Altered => "altered",
                                }
                                @if !change.reason.is_empty() { span.sub { (sentence(&change.reason)) } }
                            }
                            td.n data-label="Covered before" { (marks::number_or_dot(change.covers_before.into())) }
                            td.n data-label="Covers" { (marks::number_or_dot(change.covers_after.into())) }
                        }
                    }
                }
            }
        }
    }
}
