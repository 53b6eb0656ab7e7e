//! The matrix over time: letters of the last packs by layer and goal, as a table; and the bars of the score.

use hexproof_core::{Goal, Layer, Rating};
use maud::{Markup, html};

use super::gather::Pack;
use crate::charts::{self, Point};
use crate::marks;
use crate::matrix;
use crate::words;

/// Score, pack by pack; nothing if no score is known.
pub(super) fn scores(packs: &[Pack]) -> Option<Markup> {
    let mut points = Vec::new();
    let mut before: Option<&Pack> = None;
    for pack in packs.iter().rev() {
        let Some(score) = pack.entry.score else { continue };
        let rules = before.is_some_and(|before| other_rules(before, pack));
        points.push(Point {
            label: words::short_day(pack.entry.finished),
            low: score.low,
            high: score.high,
            rules: rules.then(|| "rules changed".to_owned()),
        });
        before = Some(pack);
    }
    (!points.is_empty()).then(|| charts::packs_over_time(&points))
}

fn other_rules(before: &Pack, after: &Pack) -> bool {
    match (before.assessment(), after.assessment()) {
        (Some(before), Some(after)) => before.catalogue.digest != after.catalogue.digest,
        _ => false,
    }
}

/// The letter of a place in a pack; `None` if the pack cannot be read.
fn letter(pack: &Pack, layer: Option<Layer>, goal: Option<Goal>) -> Option<Rating> {
    let cell = matrix::find(pack.assessment()?, layer, goal);
    Some(cell.filter(|cell| cell.measures > 0).map_or(Rating::NotAssessed, |cell| cell.rating))
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
                            @let letters: Vec<Option<Rating>> =
                                oldest_first.iter().map(|pack| letter(pack, layer, goal)).collect();
                            td data-label=(goal.map_or("All goals", words::goal)) {
                                span.strip aria-hidden="true" { @for rating in &letters { (mini(*rating)) } }
                                span.sr { (told(&oldest_first, &letters)) }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn mini(rating: Option<Rating>) -> Markup {
    html! {
        @match rating {
            Some(rating) => span class={ "mini tile " (marks::class(rating)) } { b { (marks::letter(rating)) } },
            None => span.mini.tile.none { b { "?" } },
        }
    }
}

/// Runs of letters in words: `C on 23 October 2026, D since 23 November 2026`.
fn told(packs: &[&Pack], letters: &[Option<Rating>]) -> String {
    let mut runs: Vec<(Option<Rating>, String)> = Vec::new();
    for (pack, rating) in packs.iter().zip(letters) {
        if runs.last().is_none_or(|(last, _)| last != rating) {
            runs.push((*rating, words::day(pack.entry.finished)));
        }
    }
    let parts: Vec<String> = runs
        .into_iter()
        .map(|(rating, day)| {
            let letter = match rating {
                Some(Rating::NotAssessed) => "not assessed",
                Some(rating) => marks::letter(rating),
                None => "not readable",
            };
            format!("{letter} from {day}")
        })
        .collect();
    parts.join(", ")
}
