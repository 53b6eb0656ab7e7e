//! What is known of the seal, and how to check it without this service.

use hexproof_core::access::Artifact;
use hexproof_core::assessment::Assessment;
use hexproof_core::port::CheckState;
use maud::{Markup, html};

use super::files::Listed;
use crate::pages::opened::Opened;
use crate::seals::Checked;
use crate::{links, marks, words};

/// The state of a seal in a word.
pub(crate) const fn word(state: CheckState) -> &'static str {
    match state {
        CheckState::Valid => "valid",
        CheckState::Invalid => "not valid",
        CheckState::Unknown => "unknown",
        CheckState::NotApplicable => "not applicable",
    }
}

/// The word, heavy where it is not the good one.
pub(crate) fn state(state: CheckState) -> Markup {
    html! {
        @match state {
            CheckState::Valid | CheckState::NotApplicable => (word(state)),
            CheckState::Invalid | CheckState::Unknown => strong { (word(state)) },
        }
    }
}

/// What a step of a check found.
fn found<'a>(seal: &'a Checked, step: &str) -> Option<&'a str> {
    let of = |(name, state, found): &'a (String, CheckState, String)| {
        (name == step && *state == CheckState::Valid).then_some(found.as_str())
    };
    seal.check.steps.iter().find_map(of)
}

/// Facts of the seal.
pub(crate) fn facts(opened: &Opened, a: &Assessment) -> Markup {
    html! {
        section {
            h2 { "Seal" }
            dl.facts {
                dt { "Verified" }
                dd {
                    @match &opened.seal {
                        Some(seal) => { (state(seal.check.state)) ", " (marks::time(seal.at)) },
                        None => { strong { "not yet" } },
                    }
                    "; " a href=(links::verification(opened.key())) { "step by step" }
                }
                @if let Some(seal) = &opened.seal {
                    @if let Some(signed) = found(seal, "signature") { dt { "Signature" } dd { (marks::prose(&words::capital(signed))) } }
                    @if let Some(leads) = found(seal, "certificate") { dt { "Certificate" } dd { (marks::prose(&words::capital(leads))) } }
                }
                dt { "SHA-256" } dd { (marks::id(&opened.pack.digest.hex())) }
                dt { "Snapshot" } dd { (marks::id(&a.snapshot.digest.hex())) }
                dt { "Catalogue" } dd { (marks::id(&a.catalogue.digest.hex())) }
                dt { "Settings" } dd { (marks::id(&a.settings_digest.hex())) }
                dt { "Audit" } dd { a href=(links::audit(opened.key())) { (marks::id(&opened.key().run.to_string())) } }
            }
        }
    }
}

/// How to check the pack without this service.
pub(crate) fn offline(files: &[Listed]) -> Markup {
    let pack = files.iter().find(|file| file.artifact == Artifact::Pack).and_then(|file| file.found.as_ref());
    command(pack.map(|(name, _, _)| name.as_str()))
}

/// The command that checks a file, and what it must say.
pub(crate) fn command(name: Option<&str>) -> Markup {
    let name = name.unwrap_or("PACK.pdf");
    html! {
        section {
            h2 { "Verify it yourself" span.note { "on any machine, without a network" } }
            p {
                "The program needs the file and the certificate of the authority, which you ask of whoever operates this service "
                "by another way than this page."
            }
            pre.command tabindex="0" { code { "hexproof verify " (name) " --trust ca.pem" } }
            p {
                "It must say: " q { "Valid: signed by …; covers the whole file." }
                " Any validator of PAdES signatures that trusts the same authority must agree."
            }
        }
    }
}
