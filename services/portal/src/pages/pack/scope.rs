//! What was asked and could not be seen, by whom, with which rights, and which failures are accepted.

use hexproof_core::assessment::Assessment;
use hexproof_core::measure::Catalogue;
use hexproof_core::permissions::{Permission, Permissions};
use hexproof_core::snapshot::Source;
use maud::{Markup, html};

use crate::pages::cluster::tables;
use crate::pages::sentences::{self, known_measure, marked, sentence};
use crate::{marks, words};

/// The sources of the audit, and what is missing.
pub(crate) fn sources(a: &Assessment) -> Markup {
    html! {
        section {
            h2 { "Sources" span.note { "what was asked, and what could not be seen" } }
            (tables::sources(a))
        }
    }
}

/// Who read the cluster, and what the server let it do.
pub(crate) fn collector(a: &Assessment) -> Markup {
    let read = match a.snapshot.origin {
        Source::Manifests => "manifests, as if they were the whole cluster; they have no status",
        Source::Recording => "recorded answers of the API server",
        Source::Live => "answers of the API server",
    };
    html! {
        section {
            h2 { "Collector" span.note { "who read, and with which rights" } }
            dl.facts {
                dt { "Program" } dd { (marks::name(&a.snapshot.collector)) }
                dt { "Identity" }
                dd {
                    @if a.snapshot.identity.is_empty() { "none: no server was asked" }
                    @else { (marks::id(&a.snapshot.identity)) }
                }
                dt { "Read" } dd { (read) }
                dt { "From" } dd { (marks::time(a.snapshot.collected_from)) }
                dt { "Until" } dd { (marks::time(a.snapshot.collected_at)) }
                dt { "Platform" }
                dd {
                    (a.cluster.platform.map_or("not known", sentences::platform))
                    @if !a.cluster.platform_reason.is_empty() { " (" (marked(&a.cluster.platform_reason)) ")" }
                }
                @match &a.permissions {
                    Some(permissions) => (rights(permissions)),
                    None => @if a.snapshot.origin == Source::Live {
                        dt { "Rights" } dd { "not known: the collector did not ask for them" }
                    },
                }
            }
        }
    }
}

/// The rights of the collector, as pairs of a list.
pub(crate) fn rights(permissions: &Permissions) -> Markup {
    let asked = permissions.granted.len() + permissions.refused.len();
    html! {
        @if asked > 0 {
            dt { "Granted" }
            dd {
                (words::thousands(permissions.granted.len())) " of " (words::thousands(asked))
                " lists of the server may be read in the whole cluster"
            }
            dt { "Refused" }
            dd { @if permissions.refused.is_empty() { "nothing" } @else { (list(&permissions.refused, false)) } }
        }
        dt { "More than needed" }
        dd {
            @match (permissions.excess.is_empty(), permissions.unanswered.is_empty()) {
                (true, true) => "nothing that was seen",
                (true, false) => "not known",
                (false, _) => (list(&permissions.excess, true)),
            }
        }
        @if !permissions.unanswered.is_empty() {
            dt { "Not answered" }
            dd { @for reason in &permissions.unanswered { p { (sentence(reason)) } } }
        }
    }
}

fn list(rights: &[Permission], verb: bool) -> Markup {
    html! {
        @for (i, right) in rights.iter().enumerate() {
            @if i > 0 { ", " }
            @if verb { (marks::name(&right.verb)) " " }
            (marks::id(&resource(right)))
            @if !right.namespace.is_empty() { " in " (marks::id(&right.namespace)) }
        }
    }
}

/// A resource with its group, as kubectl names it.
pub(crate) fn resource(right: &Permission) -> String {
    match right.api_group.as_str() {
        "" => right.resource.clone(),
        group => format!("{}.{group}", right.resource),
    }
}

/// Failures that somebody accepted, and waivers that do not count.
pub(crate) fn waivers(a: &Assessment, catalogue: &Catalogue) -> Markup {
    let valid = a.waivers.iter().filter(|state| state.valid).count();
    let note = match (valid, a.waivers.len() - valid) {
        (valid, 0) => format!("{} in force", words::number(valid)),
        (valid, void) => format!("{} in force, {} not", words::number(valid), words::number(void)),
    };
    html! {
        section {
            h2 { "Waivers" span.note { (note) } }
            @if a.waivers.is_empty() {
                p.empty { "No failure of this pack is accepted by a waiver." }
            } @else {
                table.list {
                    caption.sr { "Waivers given for this audit" }
                    thead {
                        tr {
                            th scope="col" { "Waiver" }
                            th scope="col" { "Accepts failures of" }
                            th scope="col" { "Owner, approver" }
                            th scope="col" { "Until" }
                            th.n scope="col" { "Covers" }
                        }
                    }
                    tbody {
                        @for state in &a.waivers {
                            @let waiver = &state.waiver;
                            tr {
                                th.lead scope="row" {
                                    (marks::id(&waiver.id))
                                    @if !state.valid { p { strong { "Does not count" } ": " (marked(&state.void_reason)) "." } }
                                    span.sub { (marks::prose(&waiver.reason)) }
                                }
                                td data-label="Accepts" {
                                    (known_measure(catalogue, waiver.measure.as_str()))
                                    span.sub { "of " (marks::id(&waiver.subject.to_string())) }
                                }
                                td data-label="Owner, approver" { (marks::name(&waiver.owner)) ", " (marks::name(&waiver.approver)) }
                                td data-label="Until" { time datetime=(waiver.expiry) { (words::date(waiver.expiry)) } }
                                td.n data-label="Covers" { (marks::number_or_dot(state.covers.into())) }
                            }
                        }
                    }
                }
            }
        }
    }
}
