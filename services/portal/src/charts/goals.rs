//! Six goals on one scale.

use hexproof_core::assessment::Assessment;
use hexproof_core::{Goal, Rating};
use maud::{Markup, html};

use crate::marks::{self, Size};
use crate::matrix;
use crate::words;

/// A bar per goal over all layers, with an open diamond at the low end of the pack before.
pub(crate) fn goals(
    assessment: &Assessment,
    before: Option<&Assessment>,
    link: impl Fn(Goal) -> String,
) -> Markup {
    html! {
        table.goals {
            caption.sr { "The six goals over all layers" }
            thead.sr {
                tr {
                    th scope="col" { "Goal" }
                    th scope="col" { "Rating" }
                    th scope="col" { "Score" }
                    th scope="col" { "Low end before" }
                }
            }
            tbody {
                @for goal in Goal::ALL.iter().copied() {
                    @let cell = matrix::find(assessment, None, Some(goal)).filter(|cell| cell.measures > 0);
                    @let earlier = before
                        .and_then(|before| matrix::find(before, None, Some(goal)))
                        .filter(|cell| cell.measures > 0);
                    tr {
                        th scope="row" { a href=(link(goal)) { (words::goal(goal)) } }
                        @match cell {
                            None => {
                                td { (marks::tile(Rating::NotAssessed, Size::Small)) }
                                td colspan="2" { "no measure" }
                            },
                            Some(cell) => {
                                td { (marks::tile(cell.rating, Size::Small)) }
                                td { span.score { (cell.interval("–")) } }
                                td.wide-bar {
                                    (marks::bar_with(
                                        cell.score_low, cell.score_high, None, earlier.map(|cell| cell.score_low),
                                    ))
                                    @if let Some(earlier) = earlier {
                                        span.sr { (hexproof_core::assessment::whole_low(earlier.score_low)) }
                                    }
                                }
                            },
                        }
                    }
                }
            }
        }
    }
}
