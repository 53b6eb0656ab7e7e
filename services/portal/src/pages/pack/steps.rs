//! Gates, and the first steps of the work.

use hexproof_core::assessment::Assessment;
use hexproof_core::audit::AuditKey;
use hexproof_core::measure::{Catalogue, MeasureId};
use hexproof_core::{Outcome, Significance};
use maud::{Markup, html};

use crate::pages::cluster::tables;
use crate::pages::sentences::{gain, measure_link};
use crate::{links, marks, words};

/// Steps on the page; the pack has all of them.
const STEPS: usize = 10;

/// Failures of a measure that nobody accepted.
fn open_failures(key: &AuditKey, measure: &MeasureId) -> String {
    let pairs = [("measure", measure.as_str()), ("outcome", Outcome::Fail.word()), ("waived", "no")];
    links::with(&links::observations(key), pairs)
}

/// Failed critical measures.
pub(crate) fn gates(a: &Assessment, catalogue: &Catalogue, key: &AuditKey) -> Markup {
    html! {
        section {
            h2 { "Gates" span.note { "one failed critical measure each" } }
            (tables::gates(key, a, catalogue))
        }
    }
}

/// What to mend first.
pub(crate) fn steps(a: &Assessment, catalogue: &Catalogue, key: &AuditKey) -> Markup {
    let list = &a.work_list;
    let head = match list.len() {
        0..=STEPS => "All steps".to_owned(),
        many => format!("First ten of {} steps", words::thousands(many)),
    };
    html! {
        section {
            h2 { (head) span.note { "significance first, then the outermost layer, then points gained" } }
            @if list.is_empty() {
                p.empty { "Nothing to mend: no measure has an open failure." }
            } @else {
                table.list {
                    caption.sr { "What to mend, in the order of work" }
                    thead {
                        tr {
                            th.n scope="col" { span.sr { "Number" } }
                            th scope="col" { "Step" }
                            th scope="col" { "Layer" }
                            th scope="col" { "Significance" }
                            th.n scope="col" { "Subjects" }
                            th.n scope="col" { "Points" }
                        }
                    }
                    tbody {
                        @for step in list.iter().take(STEPS) {
                            tr {
                                td.n.quiet data-label="Number" { (step.number) }
                                th.lead scope="row" {
                                    (measure_link(catalogue, &step.measure_id, &open_failures(key, &step.measure_id)))
                                    @if step.gate > 0 { " " (marks::gate(step.gate)) }
                                }
                                td data-label="Layer" { (words::layer(step.layer)) }
                                td data-label="Significance" { (significance(step.significance)) }
                                td.n data-label="Subjects" {
                                    (words::thousands(step.failing)) " of " (words::thousands(step.judged))
                                }
                                td.n data-label="Points" { (gain(step.gain)) }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// Critical is the only significance that stands out.
pub(crate) fn significance(significance: Significance) -> Markup {
    html! {
        @if significance == Significance::Critical { strong { (significance.word()) } }
        @else { (significance.word()) }
    }
}
