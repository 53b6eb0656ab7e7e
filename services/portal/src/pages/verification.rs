//! The check of a pack, step by step, made anew for whoever asks.

use axum::Extension;
use axum::extract::{Path, State};
use axum::response::Response;
use hexproof_core::Outcome;
use hexproof_core::access::Artifact;
use hexproof_core::port::CheckState;
use maud::{Markup, html};

use super::opened::{At, open};
use super::pack::{command, seal_state};
use super::sentences::sentence;
use crate::parts::PortalParts;
use crate::refusal::Refusal;
use crate::seals::{Checked, STORE, Seals};
use crate::shell::{Section, Shell};
use crate::viewer::Viewer;
use crate::{links, marks, words};

pub(crate) async fn get(
    State(parts): State<PortalParts>,
    Extension(seals): Extension<Seals>,
    viewer: Viewer,
    Path(at): Path<At>,
) -> Result<Response, Refusal> {
    let opened = open(&parts, &seals, &viewer, at).await?;
    let seal = seals.again(&opened.pack).await;
    let name = parts.evidence.file(&opened.pack, Artifact::Pack).await.ok().map(|file| file.file_name);
    let key = opened.key();
    let body = html! {
        (steps(&seal))
        p.actions {
            a.button href=(links::verification(key)) { "Verify again" }
            a.button href=(links::file(key, Artifact::Pack)) { "Download PDF, " (words::size(opened.pack.size)) }
        }
        (command(name.as_deref()))
        (limits(opened.summary().ok().map(|summary| summary.overall.coverage)))
        section {
            h2 { "The file" }
            dl.facts {
                dt { "SHA-256" } dd { (marks::id(&opened.pack.digest.hex())) }
                dt { "Size" } dd { (words::count(opened.pack.size, "byte", "bytes")) }
                dt { "Audit" } dd { (marks::id(&key.run.to_string())) }
            }
        }
    };
    let second = html! { "Checked " (marks::time(seal.at)) ", every byte of the stored file." };
    Ok(Shell { section: Section::Packs, crumbs: opened.crumbs(true), title: title(&seal), second, body }
        .show(&viewer))
}

/// Everything together, as a sentence without a stop.
fn title(seal: &Checked) -> String {
    let cause = seal.cause().unwrap_or("the check came to no result");
    match seal.check.state {
        CheckState::Valid => "Valid: the pack is what was sealed".to_owned(),
        CheckState::Invalid => format!("Not valid: {cause}"),
        CheckState::Unknown | CheckState::NotApplicable => format!("Unknown: {cause}"),
    }
}

/// What a step is about.
pub(crate) fn step(name: &str) -> Option<(&'static str, &'static str)> {
    Some(match name {
        STORE => ("Store", "Is the stored file the one that the audit archived?"),
        "structure" => ("Structure", "Is it a PDF with exactly one certification seal?"),
        "coverage" => ("Coverage", "Is every byte of the file covered by a signature?"),
        "digest" => ("Digest", "Is the document what was signed?"),
        "signature" => ("Signature", "Was it signed with the key of the certificate?"),
        "certificate" => {
            ("Certificate", "Does the certificate lead to an authority that this service trusts?")
        }
        "attachments" => ("Attachments", "Is each attached file whole?"),
        "revisions" => ("Revisions", "Is what was added after the seal permitted?"),
        _ => return None,
    })
}

/// Mark of a state: filled, hatched, empty, and the word beside it.
pub(crate) fn mark(state: CheckState) -> Outcome {
    match state {
        CheckState::Valid => Outcome::Pass,
        CheckState::Invalid => Outcome::Fail,
        CheckState::Unknown => Outcome::Unknown,
        CheckState::NotApplicable => Outcome::NotApplicable,
    }
}

fn steps(seal: &Checked) -> Markup {
    html! {
        section {
            h2 { "Step by step" span.note { "in the order in which they are made" } }
            table.list {
                caption.sr { "Steps of the check" }
                thead { tr { th scope="col" { "Step" } th scope="col" { "State" } th scope="col" { "What was found" } } }
                tbody {
                    @for (name, state, found) in &seal.check.steps {
                        tr.note[*state == CheckState::Invalid] {
                            th.lead scope="row" {
                                @match step(name) {
                                    Some((name, question)) => { (name) span.sub { (question) } },
                                    None => (marks::name(name)),
                                }
                            }
                            td.tight data-label="State" { span { (marks::state(mark(*state))) (seal_state(*state)) } }
                            td data-label="Found" { (sentence(found)) }
                        }
                    }
                }
            }
        }
    }
}

/// What a seal says and does not say.
fn limits(coverage: Option<f64>) -> Markup {
    html! {
        section {
            h2 { "What the seal says" }
            p {
                "Whoever holds the key of the certificate made this file: read the state of the cluster, judged it by the catalogue "
                "that the pack names, and no byte has changed since."
            }
            h3 { "What it does not say" }
            p {
                "That the cluster is secure; that the state was the same before or after; anything about what is marked not seen"
                @if let Some(coverage) = coverage {
                    ": " (hexproof_core::assessment::whole_high(100.0 - coverage)) (words::THIN) "% of the weight of the measures"
                }
                "; or when it was made: the time is the signer’s own clock. A printed copy proves nothing."
            }
            p { "This page is the word of this service. Whoever does not trust the service verifies the file without it, as above." }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use hexproof_core::port::PackCheck;
    use jiff::Timestamp;

    use super::*;

    fn seal(state: CheckState) -> Checked {
        let steps = vec![
            (
                STORE.to_owned(),
                CheckState::Valid,
                "the stored file is the one that the audit archived".to_owned(),
            ),
            ("digest".to_owned(), state, "the document differs from <script>".to_owned()),
            ("other".to_owned(), CheckState::NotApplicable, "nothing to decide".to_owned()),
        ];
        Checked { at: Timestamp::UNIX_EPOCH, check: Arc::new(PackCheck { state, steps }) }
    }

    #[test]
    fn the_title_is_the_verdict() {
        assert_eq!(title(&seal(CheckState::Valid)), "Valid: the pack is what was sealed");
        assert_eq!(title(&seal(CheckState::Invalid)), "Not valid: the document differs from <script>");
        assert!(title(&seal(CheckState::Unknown)).starts_with("Unknown: "));
    }

    #[test]
    fn each_step_has_its_word_and_what_was_found_is_text() {
        let shown = steps(&seal(CheckState::Invalid)).0;
        assert!(shown.contains("<strong>not valid</strong>") && shown.contains("not applicable"), "{shown}");
        assert!(shown.contains("&lt;script&gt;") && !shown.contains("<script>"), "{shown}");
    }
}
