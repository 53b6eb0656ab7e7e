//! The matrix: five layers and all layers by six goals and all goals, every cell with its letter, interval, bar, what
//! was seen, residual and gates. On a phone it is drawn anew: tiles alone, then one list a layer.
//!
//! Styles show one of the two; what is not shown is not read out either. The tiles of the phone say nothing to screen
//! readers, for the lists below them say all.

mod cell;

use hexproof_core::assessment::Assessment;
use hexproof_core::{Goal, Layer};
use maud::{Markup, html};

use crate::marks;
use crate::words;
pub(crate) use cell::find;
use cell::{Line, Spot};

/// The matrix of an assessment. `link` gives the address of a cell's observations; `None` is all layers, all goals.
pub(crate) fn matrix(
    assessment: &Assessment,
    link: impl Fn(Option<Layer>, Option<Goal>) -> String,
) -> Markup {
    let lines = cell::lines(assessment);
    html! {
        div.wide { (table(&lines, &link)) }
        div.narrow { (tiles(&lines, &link)) }
        (legend(assessment.gates.is_empty()))
        div.narrow { (lists(&lines, &link)) }
    }
}

fn heads() -> impl Iterator<Item = (&'static str, &'static str)> {
    let goals = Goal::ALL.iter().map(|goal| (words::goal(*goal), words::short_goal(*goal)));
    goals.chain([("All goals", "All")])
}

fn table(lines: &[Line<'_>], link: &impl Fn(Option<Layer>, Option<Goal>) -> String) -> Markup {
    html! {
        table.matrix {
            caption.sr { "Ratings by layer and goal" }
            thead {
                tr {
                    td {}
                    @for (name, _) in heads() { th scope="col" { (name) } }
                }
            }
            tbody {
                @for line in lines {
                    tr class=[line.layer.is_none().then_some("all")] {
                        th scope="row" {
                            (line.name)
                            @if let Some(note) = line.note { span.note { (note) } }
                        }
                        @for spot in &line.spots { (wide_cell(spot, &link(spot.layer, spot.goal))) }
                    }
                }
            }
        }
    }
}

fn wide_cell(spot: &Spot<'_>, address: &str) -> Markup {
    html! {
        td {
            @match spot.judged() {
                None => {
                    span.view aria-hidden="true" {
                        span.tile.large.none { b { "–" } }
                        span.facts { span.notes { "no measure" } }
                    }
                    span.sr { (spot.words()) }
                },
                Some(cell) => a href=(address) {
                    span.view aria-hidden="true" {
                        span class={ "tile large " (marks::class(cell.rating)) } {
                            b { (marks::letter(cell.rating)) }
                            @if let Some(foot) = spot.foot() { i { (foot) } }
                        }
                        span.facts {
                            span.score { (cell.interval("–")) }
                            (marks::bar_with(cell.score_low, cell.score_high, spot.residual(), None))
                            span.notes { @for note in spot.notes() { span { (note) } } }
                        }
                    }
                    span.sr { (spot.words()) }
                },
            }
        }
    }
}

fn tiles(lines: &[Line<'_>], link: &impl Fn(Option<Layer>, Option<Goal>) -> String) -> Markup {
    html! {
        table.tiles aria-hidden="true" {
            thead {
                tr {
                    td {}
                    @for (_, short) in heads() { th { (short) } }
                }
            }
            tbody {
                @for line in lines {
                    tr class=[line.layer.is_none().then_some("all")] {
                        th { (line.name) }
                        @for spot in &line.spots {
                            td {
                                @match spot.judged() {
                                    None => span.tile.square.none { b { "–" } },
                                    Some(cell) => a tabindex="-1" href=(link(spot.layer, spot.goal)) {
                                        span class={ "tile square " (marks::class(cell.rating)) } {
                                            b { (marks::letter(cell.rating)) }
                                            @if let Some(foot) = spot.foot() { i { (foot) } }
                                        }
                                    },
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn lists(lines: &[Line<'_>], link: &impl Fn(Option<Layer>, Option<Goal>) -> String) -> Markup {
    html! {
        @for line in lines {
            h3.layer { (line.name) }
            @if line.spots.iter().all(|spot| spot.judged().is_none()) {
                p.none { "No measure judges here." }
            } @else {
            ul.cells {
                @for spot in &line.spots {
                    li {
                        @match spot.judged() {
                            None => span.row {
                                span.tile.medium.none aria-hidden="true" { b { "–" } }
                                span.goal { (spot.goal_name()) }
                                span.words { "no measure" }
                            },
                            Some(cell) => a.row href=(link(spot.layer, spot.goal)) {
                                (marks::tile(cell.rating, marks::Size::Medium))
                                span.goal { (spot.goal_name()) }
                                span.score { (cell.interval("–")) }
                                (marks::bar_with(cell.score_low, cell.score_high, spot.residual(), None))
                                span.words { (spot.line()) }
                            },
                        }
                    }
                }
            }
            }
        }
    }
}

/// What the marks mean; once a page.
fn legend(no_gates: bool) -> Markup {
    html! {
        p.legend aria-hidden="true" {
            @if !no_gates { span { span.gate { "1" } " gate 1: D at best" } }
            span { svg.bar.key { rect.pass width="100%" height="100%" {} } " passed" }
            span {
                svg.bar.key {
                    rect width="100%" height="100%" fill="url(#hatch)" {}
                    rect.box width="100%" height="100%" {}
                }
                " not seen"
            }
            span { svg.bar.key { rect.box width="100%" height="100%" {} } " failed" }
            span { span.stroke {} " residual: outer layers count half" }
            span { "seen: percent of the weight" }
        }
    }
}
