//! What the collector could see before and after: sources, rights, kinds.

use hexproof_core::Outcome;
use hexproof_core::assessment::Assessment;
use hexproof_core::diff::{Diff, Turn};
use hexproof_core::snapshot::{Source, State};
use maud::{Markup, html};

use crate::marks;
use crate::pages::cluster::tables;
use crate::pages::pack::resource;
use crate::pages::sentences::{marked, sentence};

/// Everything that differs in what could be seen.
pub(crate) fn section(diff: &Diff, after: Option<&Assessment>) -> Markup {
    let origin = after.map_or(Source::Live, |a| a.snapshot.origin);
    let same = diff.sources.is_empty() && diff.permissions.is_empty() && diff.not_listed.is_empty();
    html! {
        section {
            h2 { "What could be seen" span.note { "sources, rights of the collector, kinds" } }
            @if same { p.empty { "The collector could see as much as before." } }
            @if !diff.sources.is_empty() {
                table.list {
                    caption.sr { "Sources before and after" }
                    thead {
                        tr { th scope="col" { "Source" } th scope="col" { "Before" } th scope="col" { "After" } th scope="col" { "What is missing, and why" } }
                    }
                    tbody {
                        @for source in &diff.sources {
                            tr {
                                th.lead scope="row" { (tables::name(&source.name, origin)) }
                                td data-label="Before" { (how_far(source.before)) }
                                td data-label="After" { (how_far(source.after)) }
                                td data-label="Missing" {
                                    @if source.reason.is_empty() { "Nothing." } @else { (sentence(&source.reason)) }
                                }
                            }
                        }
                    }
                }
            }
            @if !diff.permissions.is_empty() || !diff.not_listed.is_empty() {
                table.list {
                    caption.sr { "Rights and kinds before and after" }
                    thead { tr { th scope="col" { "Right or kind" } th scope="col" { "State" } } }
                    tbody {
                        @for change in &diff.permissions {
                            tr {
                                th.lead scope="row" {
                                    (marks::name(&change.permission.verb)) " " (marks::id(&resource(&change.permission)))
                                    @if !change.permission.namespace.is_empty() { " in " (marks::id(&change.permission.namespace)) }
                                }
                                td data-label="State" {
                                    @match change.turn {
                                        Turn::Begun => "granted now",
                                        Turn::Ended => strong { "granted no more" },
                                        Turn::Altered => "altered",
                                    }
                                    @if change.excess { span.also { "more than needed" } }
                                }
                            }
                        }
                        @for change in &diff.not_listed {
                            tr {
                                th.lead scope="row" { (marks::name(&change.not_listed.kind)) " " span.quiet { (marks::name(&change.not_listed.api_version)) } }
                                td data-label="State" {
                                    @match change.turn {
                                        Turn::Begun => strong { "cannot be listed any more" },
                                        Turn::Ended => "can be listed now",
                                        Turn::Altered => "cannot be listed, for another reason",
                                    }
                                    @if !change.not_listed.reason.is_empty() { span.sub { (marked(&change.not_listed.reason)) "." } }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn how_far(state: Option<State>) -> Markup {
    html! {
        @match state.map(tables::state) {
            Some((mark, word)) => { (marks::state(mark)) @if mark == Outcome::Pass { (word) } @else { b { (word) } } },
            None => span.quiet { "not asked" },
        }
    }
}
