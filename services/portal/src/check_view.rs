//! A check of a file as people read it: the verdict, the steps with the broken ones first, and whether the store has
//! the same file.

use std::collections::BTreeSet;

use hexproof_core::access::Clusters;
use hexproof_core::digest::Digest;
use hexproof_core::port::evidence::{PackEntry, PackPick};
use hexproof_core::port::{CheckState, PackCheck, PackClaims};
use jiff::ToSpan as _;
use maud::{Markup, html};

use crate::pages::pack::seal_state;
use crate::pages::verification::{mark, step};
use crate::parts::PortalParts;
use crate::refusal::Refusal;
use crate::viewer::Viewer;
use crate::{links, marks, words};

/// The steps of a check, by the words of the checker.
const STEPS: [&str; 7] =
    ["structure", "coverage", "digest", "signature", "certificate", "attachments", "revisions"];

/// A file that was checked.
pub(crate) struct Checked {
    /// The name that the sender's machine has for it.
    pub(crate) name: String,
    pub(crate) size: u64,
    pub(crate) digest: Digest,
    pub(crate) check: PackCheck,
    pub(crate) claims: Option<PackClaims>,
    pub(crate) kept: Kept,
}

/// Whether the store has the same file, within the viewer's reach.
pub(crate) enum Kept {
    /// It is this pack.
    Here(Box<PackEntry>),
    /// No pack within reach is this file.
    No,
    /// The store does not answer.
    Unknown,
}

/// Packs of one cluster that are looked through at most, from the time on that the file claims.
const LOOKED_THROUGH: usize = 2_000;

/// Looks for a pack of the same digest, where the file says that it belongs. What it says is believed for that alone:
/// beyond the viewer's reach nothing is looked for.
pub(crate) async fn kept(
    parts: &PortalParts,
    viewer: &Viewer,
    digest: &Digest,
    claims: Option<&PackClaims>,
) -> Kept {
    let Some(claims) = claims.filter(|claims| viewer.caller.scope.admits(&claims.cluster)) else {
        return Kept::No;
    };
    let pick = PackPick {
        clusters: Clusters::Only(BTreeSet::from([claims.cluster.clone()])),
        from: Some(claims.collected),
        // An audit may wait for its agent for days, never for months.
        until: claims.collected.checked_add((24 * 60).hours()).ok(),
    };
    let (mut after, mut seen) = (None, 0);
    while seen < LOOKED_THROUGH {
        let page = match parts.evidence.packs(&pick, after.as_ref(), 100).await {
            Ok(page) => page,
            Err(error) => {
                let _told = Refusal::from(error);
                return Kept::Unknown;
            }
        };
        seen += 100;
        let same = page.items.into_iter().find(|pack| pack.digest == *digest);
        if let Some(pack) = same {
            return match viewer.caller.scope.admits_at(&pack.key.cluster, pack.finished) {
                true => Kept::Here(Box::new(pack)),
                false => Kept::No,
            };
        }
        match page.next {
            Some(next) => after = Some(next),
            None => break,
        }
    }
    Kept::No
}

impl Checked {
    /// The verdict as a title.
    pub(crate) fn title(&self) -> String {
        let first = |state: CheckState| self.check.steps.iter().find(|(_, found, _)| *found == state);
        match self.check.state {
            CheckState::Valid => "Valid: sealed by a trusted authority, and unchanged since".to_owned(),
            CheckState::Invalid => match first(CheckState::Invalid) {
                Some((_, _, sentence)) => format!("Not valid: {sentence}"),
                None => "Not valid".to_owned(),
            },
            CheckState::Unknown | CheckState::NotApplicable => match first(CheckState::Unknown) {
                Some((_, _, sentence)) => format!("Unknown: {sentence}"),
                None => "Unknown: the check did not come to an end".to_owned(),
            },
        }
    }

    /// What to do with it.
    pub(crate) fn second(&self) -> Markup {
        html! {
            @match self.check.state {
                CheckState::Valid => "The file may be relied on as what its sealer stated at that time.",
                CheckState::Invalid => "Do not rely on this file. Ask its sender for the file as it was sealed, or take it from this service.",
                CheckState::Unknown | CheckState::NotApplicable => "Unknown is not valid: do not rely on this file until what is open has been settled.",
            }
        }
    }

    /// Verdict, steps, the file, the store.
    pub(crate) fn body(&self) -> Markup {
        html! {
            div.columns {
                div.main { (steps(&self.check)) }
                aside.side { (self.store()) (self.file()) }
            }
        }
    }

    fn store(&self) -> Markup {
        html! {
            section {
                h2 { "In this store" }
                @match &self.kept {
                    Kept::Here(pack) => {
                        p { "The same file, byte for byte, is the pack of " (marks::name(pack.key.cluster.as_str())) " that was finished " (marks::time(pack.finished)) "." }
                        p.actions { a.button href=(links::pack(&pack.key)) { "Show pack" } }
                    },
                    Kept::No => p { "No pack that you may see is this file, byte for byte." },
                    Kept::Unknown => p { "Unknown: the store does not answer. The check of the file itself does not need it." },
                }
            }
        }
    }

    fn file(&self) -> Markup {
        html! {
            section {
                h2 { "The file" }
                dl.facts {
                    dt { "Name" } dd { @if self.name.is_empty() { "none" } @else { (marks::id(&self.name)) } }
                    dt { "Size" } dd { (words::size(self.size)) }
                    dt { "SHA-256" } dd { (marks::id(&self.digest.hex())) }
                    @if let Some(claims) = &self.claims {
                        dt { "It says it is of" } dd { (marks::name(&claims.name)) ", " (marks::id(claims.cluster.as_str())) }
                        dt { "State of" } dd { (marks::time(claims.collected)) }
                    }
                }
                @if self.claims.is_some() && self.check.state != CheckState::Valid {
                    p.note { "What the file says of itself is proved by nothing while the check is not valid." }
                }
            }
        }
    }
}

/// The steps of a check: broken ones first, then open ones, then those that hold.
pub(crate) fn steps(check: &PackCheck) -> Markup {
    let order = |state: CheckState| match state {
        CheckState::Invalid => 0,
        CheckState::Unknown => 1,
        CheckState::Valid => 2,
        CheckState::NotApplicable => 3,
    };
    let mut steps: Vec<_> = check.steps.iter().collect();
    steps.sort_by_key(|(_, state, _)| order(*state));
    let broken = steps.iter().filter(|(_, state, _)| *state == CheckState::Invalid).count();
    let open = steps.iter().filter(|(_, state, _)| *state == CheckState::Unknown).count();
    html! {
        section {
            h2 { "Step by step"
                span.note {
                    (steps.len()) " steps, "
                    (words::number(broken)) " broken, " (words::number(open)) " not decided"
                }
            }
            table.list {
                caption.sr { "Steps of the check, what does not hold first" }
                thead { tr { th scope="col" { "Step" } th scope="col" { "State" } th scope="col" { "What was found" } } }
                tbody {
                    @for (name, state, sentence) in steps {
                        tr.note[*state == CheckState::Invalid] {
                            th.lead scope="row" {
                                @match step(name) {
                                    Some((name, question)) => { (name) span.sub { (question) } },
                                    None => (marks::name(name)),
                                }
                            }
                            td data-label="State" { (marks::state(mark(*state))) (seal_state(*state)) }
                            td data-label="Found" { (marks::prose(&words::capital(sentence))) "." }
                        }
                    }
                }
            }
        }
    }
}

/// What each step asks, before anything was checked.
pub(crate) fn steps_explained() -> Markup {
    html! {
        dl.facts {
            @for (name, question) in STEPS.into_iter().filter_map(step) { dt { (name) } dd { (question) } }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(states: &[(&str, CheckState)]) -> PackCheck {
        let state = states.iter().map(|(_, state)| *state).find(|state| *state != CheckState::Valid);
        let steps = states
            .iter()
            .map(|(name, state)| ((*name).to_owned(), *state, format!("<i>{name}</i> told")))
            .collect();
        PackCheck { state: state.unwrap_or(CheckState::Valid), steps }
    }

    #[test]
    fn what_is_broken_stands_first() {
        let check = check(&[
            ("structure", CheckState::Valid),
            ("coverage", CheckState::Unknown),
            ("digest", CheckState::Invalid),
        ]);
        let html = steps(&check).into_string();
        let at = |text: &str| html.find(text).unwrap_or_else(|| panic!("{text}: {html}"));
        assert!(at("Is the document what") < at("Is every byte") && at("Is every byte") < at("Is it a PDF"));
        assert!(html.contains("one broken, one not decided") && !html.contains("<i>"), "{html}");
    }

    #[test]
    fn the_title_tells_the_first_thing_that_is_wrong() {
        let checked = |states: &[(&str, CheckState)]| Checked {
            name: String::new(),
            size: 1,
            digest: Digest::of(b""),
            check: check(states),
            claims: None,
            kept: Kept::No,
        };
        assert!(checked(&[("structure", CheckState::Valid)]).title().starts_with("Valid:"));
        assert_eq!(checked(&[("digest", CheckState::Invalid)]).title(), "Not valid: <i>digest</i> told");
        assert_eq!(checked(&[]).title(), "Valid: sealed by a trusted authority, and unchanged since");
        assert!(checked(&[("digest", CheckState::Unknown)]).title().starts_with("Unknown:"));
    }
}
