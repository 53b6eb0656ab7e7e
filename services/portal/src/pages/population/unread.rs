//! Kinds that could not be listed, files that could not be read, rights that were refused, values that were dropped.

use hexproof_core::assessment::Assessment;
use hexproof_core::population::UnreadableFile;
use maud::{Markup, html};

use crate::pages::pack;
use crate::pages::sentences::{marked, sentence};
use crate::{marks, words};

/// Rows of one table.
const ROWS: usize = 1000;

/// Kinds that could not be listed: how many objects they have is not known.
pub(crate) fn not_listed(a: &Assessment) -> Markup {
    if a.not_listed.is_empty() {
        return html! {};
    }
    html! {
        section {
            h2 { "Not listed" span.note { "how many objects of these kinds there are is not known" } }
            table.list {
                caption.sr { "Kinds that could not be listed" }
                thead { tr { th scope="col" { "Kind" } th scope="col" { "Why" } } }
                tbody {
                    @for kind in a.not_listed.iter().take(ROWS) {
                        tr {
                            th.lead scope="row" {
                                @if kind.kind.is_empty() { "every kind of " } @else { (marks::name(&kind.kind)) " " }
                                span.quiet { (marks::name(&kind.api_version)) }
                            }
                            td data-label="Why" {
                                @if kind.inconsistent { "Read, but not at one point in time: " }
                                (marked(&kind.reason)) "."
                            }
                        }
                    }
                }
            }
            (more(a.not_listed.len()))
        }
    }
}

/// Files and documents that could not be read, and those that hold no object.
pub(crate) fn files(a: &Assessment) -> Markup {
    if a.unreadable_files.is_empty() && a.skipped_files.is_empty() {
        return html! {};
    }
    html! {
        section {
            h2 { "Files not read" }
            table.list {
                caption.sr { "Files that were not read" }
                thead { tr { th scope="col" { "File" } th scope="col" { "State" } th scope="col" { "Why" } } }
                tbody {
                    @for file in a.unreadable_files.iter().take(ROWS) { (file_row(file, "unreadable")) }
                    @for file in a.skipped_files.iter().take(ROWS) { (file_row(file, "no object")) }
                }
            }
            (more(a.unreadable_files.len().max(a.skipped_files.len())))
        }
    }
}

fn file_row(file: &UnreadableFile, state: &str) -> Markup {
    html! {
        tr {
            th.lead scope="row" {
                (marks::id(&file.file))
                @if file.line > 0 { ", line " (words::thousands(file.line)) }
            }
            td data-label="State" { @if state == "unreadable" { strong { (state) } } @else { (state) } }
            td data-label="Why" { (sentence(&file.reason)) }
        }
    }
}

/// What the server let the collector do.
pub(crate) fn rights(a: &Assessment) -> Markup {
    let Some(permissions) = &a.permissions else { return html! {} };
    html! {
        section {
            h2 { "Rights of the collector" span.note { "as the server says" } }
            dl.facts { (pack::rights(permissions)) }
        }
    }
}

/// What was dropped before anything was stored.
pub(crate) fn redaction(a: &Assessment) -> Markup {
    let r = &a.redaction;
    let rows: Vec<(u64, &str)> = [
        (r.secret_values, "Values of Secrets"),
        (r.config_map_values, "Values of ConfigMaps"),
        (r.env_values, "Literal values of environment variables"),
        (r.command_words, "Words of commands, arguments, probes and headers"),
        (r.annotation_values, "Values of annotations"),
        (r.managed_fields, "Entries of managedFields"),
        (r.bodies, "Objects of which only the metadata was kept"),
    ]
    .into_iter()
    .filter(|(n, _)| *n > 0)
    .collect();
    html! {
        section {
            h2 { "Dropped by the collector" span.note { "these values went no further than the collector" } }
            @if rows.is_empty() { p.empty { "Nothing was dropped." } }
            @else { dl.facts { @for (n, what) in rows { dt { (what) } dd.n { (words::thousands(n)) } } } }
        }
    }
}

fn more(rows: usize) -> Markup {
    html! {
        @if rows > ROWS {
            p.quiet { (words::thousands(ROWS as u64)) " of " (words::thousands(rows)) " are shown; all are in the assessment." }
        }
    }
}
