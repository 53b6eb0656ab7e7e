//! The matrix over time: letters of the last packs by layer and goal, as a table; and the bars of the score.

use hexproof_core::diff::{self, Cause, Diff};
use hexproof_core::{Goal, Layer, Rating};
use maud::{Markup, html};

use super::gather::Pack;
use crate::charts::{self, Point};
use crate::marks;
use crate::matrix;
use crate::words;

/// Score, pack by pack; nothing if no score is known.
pub(super) fn scores(packs: &[Pack], compared: Option<&Diff>) -> Option<Markup> {
    let mut points = Vec::new();
    let mut before: Option<&Pack> = None;
    for pack in packs.iter().rev() {
        let Some(score) = pack.entry.score else { continue };
        let rules = before.is_some_and(|before| other_rules(before, pack));
        points.push(Point {
            label: words::short_day(pack.entry.finished),
            low: score.low,
            high: score.high,
            rules: rules.then(|| {
                alone(
                    compared
                        .filter(|_| packs.first().is_some_and(|newest| newest.entry.key == pack.entry.key)),
                )
            }),
        });
        before = Some(pack);
    }
    (!points.is_empty()).then(|| charts::packs_over_time(&points))
}

/// What changed rules account for, where that is known.
fn alone(compared: Option<&Diff>) -> String {
    let shares = compared.and_then(|diff| diff.low.as_ref()).map(diff::words::whole).unwrap_or_default();
    match shares.into_iter().find(|(cause, _)| *cause == Cause::Rules) {
        Some((_, points)) if points != 0 => {
            let sign = if points < 0 { "−" } else { "+" };
            let noun = if points.abs() == 1 { "point" } else { "points" };
            format!("rules changed: {sign}{} {noun}", points.abs())
        }
        _ => "rules changed".to_owned(),
    }
}

fn other_rules(before: &Pack, after: &Pack) -> bool {
    match (before.assessment(), after.assessment()) {
        (Some(before), Some(after)) => before.catalogue.digest != after.catalogue.digest,
        _ => false,
    }
}

/// What stands at a place of the matrix in a pack.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mark {
    Rated(Rating),
    /// No measure judges there.
    Nothing,
    /// The pack cannot be read.
    Unreadable,
}

impl Mark {
    fn of(pack: &Pack, layer: Option<Layer>, goal: Option<Goal>) -> Self {
        let Some(assessment) = pack.assessment() else { return Self::Unreadable };
        match matrix::find(assessment, layer, goal).filter(|cell| cell.measures > 0) {
            Some(cell) => Self::Rated(cell.rating),
            None => Self::Nothing,
        }
    }

    const fn words(self) -> &'static str {
        match self {
            Self::Rated(Rating::NotAssessed) => "not assessed",
            Self::Rated(rating) => marks::letter(rating),
            Self::Nothing => "no measure",
            Self::Unreadable => "not readable",
        }
    }
}

/// Letters by layer and goal, oldest pack first.
pub(super) fn table(packs: &[Pack]) -> Markup {
    let oldest_first: Vec<&Pack> = packs.iter().rev().collect();
    let heads = || Goal::ALL.iter().copied().map(Some).chain([None]);
    html! {
        table.over {
            caption.sr { "Ratings by layer and goal, pack by pack, oldest first" }
            thead {
                tr {
                    td {}
                    @for goal in heads() { th scope="col" { (goal.map_or("All goals", words::goal)) } }
                }
            }
            tbody {
                @for layer in Layer::ALL.iter().copied().map(Some).chain([None]) {
                    tr {
                        th scope="row" { (layer.map_or("All layers", words::layer)) }
                        @for goal in heads() {
                            @let letters: Vec<Mark> =
                                oldest_first.iter().map(|pack| Mark::of(pack, layer, goal)).collect();
                            td data-label=(goal.map_or("All goals", words::goal)) {
                                span.strip aria-hidden="true" { @for mark in &letters { (mini(*mark)) } }
                                span.sr { (told(&oldest_first, &letters)) }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn mini(mark: Mark) -> Markup {
    html! {
        @match mark {
            Mark::Rated(rating) => span class={ "mini tile " (marks::class(rating)) } { b { (marks::letter(rating)) } },
            Mark::Nothing => span.mini.tile.none { b { "·" } },
            Mark::Unreadable => span.mini.tile.none { b { "?" } },
        }
    }
}

/// Runs of letters in words: `C from 23 October 2026, D from 23 November 2026`.
fn told(packs: &[&Pack], letters: &[Mark]) -> String {
    let mut runs: Vec<(Mark, String)> = Vec::new();
    for (pack, mark) in packs.iter().zip(letters) {
        if runs.last().is_none_or(|(last, _)| last != mark) {
            runs.push((*mark, words::day(pack.entry.finished)));
        }
    }
    let parts: Vec<String> =
        runs.into_iter().map(|(mark, day)| format!("{} from {day}", mark.words())).collect();
    parts.join(", ")
}
