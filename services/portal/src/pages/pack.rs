//! One pack: what it says, whether it is whole, what to do first, and everything to take along.

mod counts;
mod files;
mod scope;
mod seal;
mod steps;

use std::sync::Arc;

use axum::Extension;
use axum::extract::{Path, State};
use axum::response::Response;
use hexproof_core::access::{Artifact, Scope};
use hexproof_core::assessment::Assessment;
use hexproof_core::diff::{self, Diff};
use hexproof_core::measure::Catalogue;
use hexproof_core::port::evidence::PackEntry;
use maud::{Markup, html};

use super::opened::{At, Opened, open};
use super::{changes, population};
use crate::comparisons::{Comparisons, Glance};
use crate::matrix::matrix;
use crate::parts::PortalParts;
use crate::refusal::Refusal;
use crate::seals::Seals;
use crate::shell::{Section, Shell};
use crate::viewer::Viewer;
use crate::{links, marks, verdict, words};
pub(crate) use scope::{resource, rights, sources};
pub(crate) use seal::{command, state as seal_state};
pub(crate) use steps::significance;

/// Changes that the page shows; all of them have a page.
const CHANGES: usize = 10;

pub(crate) async fn get(
    State(parts): State<PortalParts>,
    Extension(seals): Extension<Seals>,
    Extension(comparisons): Extension<Comparisons>,
    viewer: Viewer,
    Path(at): Path<At>,
) -> Result<Response, Refusal> {
    let opened = open(&parts, &seals, &viewer, at).await?;
    let summary = match opened.summary() {
        Ok(summary) => summary,
        // What it says cannot be read; that it is broken can be told, and its files are still there to be looked into.
        Err(Refusal::Damaged) => return Ok(unreadable(&parts, opened, &viewer).await),
        Err(refusal) => return Err(refusal),
    };
    let before =
        parts.evidence.before(&opened.pack).await?.filter(|before| within(&viewer.caller.scope, before));
    let (compared, files) = tokio::join!(
        compare(&comparisons, before.as_ref(), &opened.pack),
        files::files(parts.evidence.as_ref(), &opened.pack)
    );
    let title = format!("{} is {}", opened.label(), verdict::result(&summary, &parts.catalogue));
    let key = opened.key();
    let body = html! {
        (opened.notice())
        (actions(&opened))
        section {
            h2.sr { "The matrix" }
            (matrix(&summary, |layer, goal| links::observations_of(key, layer, goal)))
        }
        div.columns {
            div.main {
                (steps::steps(&summary, &parts.catalogue, key))
                (changed(&compared, before.as_ref(), &parts.catalogue, &opened))
            }
            div.side {
                (steps::gates(&summary, &parts.catalogue, key))
                (seal::facts(&opened, &summary))
            }
        }
        (scope::sources(&summary))
        (population::brief(&summary, &links::population(key)))
        (scope::collector(&summary))
        (scope::waivers(&summary, &parts.catalogue))
        (counts::counts(&summary, &parts.catalogue, key))
        @if let Some(other) = rules(&summary, &parts.catalogue) { p.quiet { (other) } }
        (files::section(&files, key))
        (seal::offline(&files))
    };
    let second = html! {
        "State of " (marks::time(summary.snapshot.collected_at)) ". "
        (moved(&compared)) " " (verdict::score(&summary))
    };
    let shell = Shell {
        section: Section::Packs,
        crumbs: opened.crumbs(false),
        title: opened.title(title),
        second,
        body,
    };
    Ok(shell.show(&viewer))
}

/// What the pack is compared with.
enum Compared {
    /// The comparison with the pack before.
    With(Arc<Diff>),
    /// There is none before, within reach.
    First,
    /// It is being made.
    Waiting,
    /// It cannot be made.
    Unreadable,
}

/// How the low end moved since the pack before.
fn moved(compared: &Compared) -> String {
    match compared {
        Compared::With(diff) => diff::words::sentence(diff),
        Compared::First => diff::words::FIRST.to_owned(),
        Compared::Waiting => "The comparison with the pack before is being made.".to_owned(),
        Compared::Unreadable => diff::words::UNREADABLE.to_owned(),
    }
}

/// Whether a pack is within reach of a scope.
pub(crate) fn within(scope: &Scope, pack: &PackEntry) -> bool {
    scope.admits_at(&pack.key.cluster, pack.finished)
}

async fn compare(comparisons: &Comparisons, before: Option<&PackEntry>, pack: &PackEntry) -> Compared {
    let Some(before) = before else { return Compared::First };
    match comparisons.glance(before, pack).await {
        Glance::Made(diff) => Compared::With(diff),
        Glance::Waiting => Compared::Waiting,
        Glance::Failed => Compared::Unreadable,
    }
}

/// What most people come for.
fn actions(opened: &Opened) -> Markup {
    let (key, pack) = (opened.key(), &opened.pack);
    html! {
        p.actions {
            a.button.primary href=(links::file(key, Artifact::Pack)) { "Download PDF, " (words::size(pack.size)) }
            a.button href=(links::verification(key)) {
                @if opened.seal.is_some() { "Verify again" } @else { "Verify" }
            }
        }
    }
}

/// What changed since the pack before.
fn changed(
    compared: &Compared,
    before: Option<&PackEntry>,
    catalogue: &Catalogue,
    opened: &Opened,
) -> Markup {
    let Some(before) = before else { return html! {} };
    let all = links::with(&links::changes(opened.key()), [("since", before.key.run.to_string())]);
    html! {
        section {
            h2 { "Changes" span.note { "since the pack of " (words::day(before.finished)) } }
            @match compared {
                Compared::With(diff) => (changes::brief(diff, catalogue, opened.key(), before, CHANGES)),
                other => p { (moved(other)) },
            }
            p { a href=(all) { "All changes" } }
        }
    }
}

/// A pack of which only the files are left.
async fn unreadable(parts: &PortalParts, opened: Opened, viewer: &Viewer) -> Response {
    let files = files::files(parts.evidence.as_ref(), &opened.pack).await;
    let key = opened.key();
    let body = html! {
        (opened.notice())
        div.warn role="note" {
            p { strong { "The assessment of this pack is not what was written." } }
            p { "It cannot be shown. The PDF holds a copy of its own: check the PDF, and ask the operator of this service for the log." }
        }
        (actions(&opened))
        (files::section(&files, key))
    };
    let title = format!("{} is broken: its assessment cannot be read", opened.label());
    let second = html! { "Made by audit " (marks::id(&key.run.to_string())) ", which ended " (marks::time(opened.pack.finished)) "." };
    Shell { section: Section::Packs, crumbs: opened.crumbs(false), title, second, body }.show(viewer)
}

/// What a page says of the rules that a pack was judged by.
fn rules(a: &Assessment, catalogue: &Catalogue) -> Option<&'static str> {
    (a.catalogue.digest != catalogue.digest).then_some(
        "This pack was judged by another catalogue than the one of this service: titles and conditions are those of today.",
    )
}
