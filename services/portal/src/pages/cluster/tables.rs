//! The lists of a cluster's page: sources, gates, packs, schedules, audits.

use hexproof_api::v1;
use hexproof_core::Outcome;
use hexproof_core::access::Artifact;
use hexproof_core::assessment::{Assessment, whole_low};
use hexproof_core::audit::AuditKey;
use hexproof_core::measure::Catalogue;
use hexproof_core::snapshot::{Source, State};
use jiff::Timestamp;
use maud::{Markup, html};

use super::gather::{Found, Gap, Known};
use crate::marks::{self, Size};
use crate::words::{self, THIN, capital};
use crate::{links, verdict};

/// The sources of an audit, with what is missing and why.
pub(crate) fn sources(assessment: &Assessment) -> Markup {
    html! {
        table.list {
            caption.sr { "Sources of the last audit" }
            thead {
                tr {
                    th scope="col" { "Source" }
                    th scope="col" { "State" }
                    th.n scope="col" { "Objects" }
                    th scope="col" { "What is missing, and why" }
                }
            }
            tbody {
                @for source in &assessment.sources {
                    @let (mark, word) = state(source.state);
                    tr {
                        th scope="row" { (name(&source.name, assessment.snapshot.origin)) }
                        td.tight data-label="State" {
                            span { (marks::state(mark)) @if mark == Outcome::Pass { (word) } @else { b { (word) } } }
                        }
                        td.n data-label="Objects" { (marks::number(source.objects)) }
                        td data-label="Missing" {
                            @match (source.state, source.reason.as_str()) {
                                (State::Complete, "") => "Nothing.",
                                (State::NotCollected, "") => "Nobody asked it.",
                                (_, reason) => (marks::prose(&capital(reason))),
                            }
                        }
                    }
                }
            }
        }
    }
}

/// Mark and word for how far a source was read.
pub(crate) const fn state(state: State) -> (Outcome, &'static str) {
    match state {
        State::Complete => (Outcome::Pass, "complete"),
        State::Partial => (Outcome::Unknown, "partial"),
        State::Refused => (Outcome::Fail, "refused"),
        State::NotCollected => (Outcome::Fail, "not collected"),
    }
}

/// The name of a source for readers.
pub(crate) fn name(source: &str, origin: Source) -> Markup {
    html! {
        @match source {
            "cluster-api" if origin == Source::Manifests => "Manifest files",
            "cluster-api" => "Kubernetes API",
            "node-agent" => "Node agent",
            "kubelet-configz" => "Kubelet configz",
            "azure-arm" => "Azure",
            "manual" => "Attestations",
            other => (marks::name(other)),
        }
    }
}

/// The gates of a pack.
pub(crate) fn gates(key: &AuditKey, assessment: &Assessment, catalogue: &Catalogue) -> Markup {
    html! {
        @if assessment.gates.is_empty() {
            p.empty { "No gate: no critical measure has an open failure for its primary goals." }
        } @else {
            ol.gates {
                @for gate in &assessment.gates {
                    @let title = catalogue.get(gate.measure_id.as_str()).map(|measure| measure.title.as_str());
                    @let goals: Vec<String> =
                        gate.goals.iter().map(|goal| words::goal(*goal).to_lowercase()).collect();
                    li {
                        (marks::gate(gate.number))
                        span {
                            a href=(links::observations_by(key, &gate.measure_id)) {
                                (title.unwrap_or(gate.measure_id.as_str()))
                            }
                            span.sub { (words::layer(gate.layer)) "; holds " (words::list(&goals)) }
                        }
                        span.n { (gate.failing) " of " (gate.judged) }
                    }
                }
            }
        }
    }
}

/// The packs, newest first.
pub(super) fn packs(known: &Known) -> Markup {
    html! {
        table.list {
            caption.sr { "Packs of the cluster, newest first" }
            thead {
                tr {
                    th scope="col" { "Pack of" }
                    th scope="col" { "Rating" }
                    th scope="col" { "Score" }
                    th.n scope="col" { "Seen" }
                    th.n scope="col" { "Gates" }
                    th scope="col" { "Read" }
                    @if known.reads { th scope="col" { "Rules" } th scope="col" { "Files" } }
                }
            }
            tbody {
                @for pack in &known.packs {
                    @let entry = &pack.entry;
                    tr {
                        th scope="row" {
                            @if known.reads { a href=(links::pack(&entry.key)) { (marks::short_time(entry.finished)) } }
                            @else { (marks::short_time(entry.finished)) }
                        }
                        td data-label="Rating" { (marks::tile(entry.rating, Size::Small)) }
                        @match &entry.score {
                            Some(score) => {
                                td data-label="Score" { span.score { (verdict::interval(score)) } }
                                td.n data-label="Seen" { (whole_low(score.coverage)) (THIN) "%" }
                                td.n data-label="Gates" { (marks::number_or_dot(score.gates.into())) }
                            },
                            None => td data-label="Score" colspan="3" { span.quiet { "not listed" } },
                        }
                        td data-label="Read" { @if entry.complete { "all" } @else { b { "not all" } } }
                        @if known.reads {
                            td data-label="Rules" { (rules(&pack.found)) }
                            td data-label="Files" {
                                a href=(links::file(&entry.key, Artifact::Pack)) {
                                    "PDF" span.sr { " of the pack of " (words::minute(entry.finished)) }
                                    ", " (words::size(entry.size))
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// Which catalogue judged, by the first digits of its digest.
fn rules(found: &Found) -> Markup {
    html! {
        @match found {
            Found::Known(assessment) => {
                (assessment.catalogue.digest.hex().get(..8).unwrap_or_default())
            },
            Found::Damaged => b { "broken: not what was written" },
            Found::Unknown => span.quiet { "not known" },
        }
    }
}

/// The schedules, and the audits that did not come.
pub(super) fn schedules(schedules: &[v1::Schedule], gaps: &[Gap], now: Timestamp) -> Markup {
    html! {
        @if schedules.is_empty() {
            p.empty { "No schedule. Audits of this cluster start by hand, or when its agent delivers." }
        } @else {
            table.list {
                caption.sr { "Schedules of the cluster" }
                thead {
                    tr {
                        th scope="col" { "Schedule" }
                        th scope="col" { "Next audit" }
                        th.n scope="col" { "Gaps" }
                    }
                }
                tbody {
                    @for schedule in schedules {
                        tr {
                            th scope="row" {
                                @match schedule.schedule_id.parse() {
                                    Ok(id) => a href=(links::schedule(&id)) { (marks::name(&schedule.schedule_id)) },
                                    Err(_) => (marks::name(&schedule.schedule_id)),
                                }
                                span.sub { (schedule.cron) ", " (schedule.time_zone) }
                            }
                            td data-label="Next audit" {
                                @match next(schedule) {
                                    _ if schedule.paused => "paused",
                                    Some(at) => time datetime=(at) { (words::ahead(at, now)) },
                                    None => span.quiet { "none" },
                                }
                            }
                            td.n data-label="Gaps" { (marks::number_or_dot(schedule.recent_gaps.into())) }
                        }
                    }
                }
            }
        }
        @if !gaps.is_empty() {
            h3 { "Audits that did not come" }
            ul.plain-list {
                @for gap in gaps {
                    li {
                        (marks::time(gap.slot)) ", " (marks::name(&gap.schedule))
                        span.sub { (marks::prose(&capital(&gap.reason))) "." }
                    }
                }
            }
        }
    }
}

fn next(schedule: &v1::Schedule) -> Option<Timestamp> {
    hexproof_api::request::instant("next_slots", schedule.next_slots.first()?).ok()
}

/// Audits that run or wait.
pub(super) fn audits(known: &Known, audits: &[v1::Audit]) -> Markup {
    html! {
        ul.plain-list {
            @for audit in audits {
                li {
                    @let key = audit.audit_id.parse().map(|run| AuditKey { cluster: known.id.clone(), run });
                    @if let Ok(key) = key { a href=(links::audit(&key)) { (stage(audit)) } } @else { (stage(audit)) }
                    @if let Some(at) = audit.create_time.as_ref() {
                        @if let Ok(at) = hexproof_api::request::instant("create_time", at) {
                            span.sub { "ordered " (marks::time(at)) }
                        }
                    }
                }
            }
        }
    }
}

fn stage(audit: &v1::Audit) -> &'static str {
    match audit.stage() {
        v1::AuditStage::Collecting => "An audit reads objects",
        v1::AuditStage::Scoring => "An audit judges the snapshot",
        v1::AuditStage::Rendering => "An audit sets the report in type",
        v1::AuditStage::Sealing => "An audit signs the report",
        v1::AuditStage::Archiving => "An audit stores everything",
        v1::AuditStage::Waiting | v1::AuditStage::Unspecified => "An audit waits",
    }
}
