//! What changed between two packs of a cluster, and through what.

mod list;
mod moved;
mod seen;

use std::collections::BTreeSet;

use axum::Extension;
use axum::extract::{Path, State};
use axum::response::Response;
use hexproof_core::access::Clusters;
use hexproof_core::audit::AuditKey;
use hexproof_core::diff::Diff;
use hexproof_core::id::RunId;
use hexproof_core::measure::Catalogue;
use hexproof_core::port::evidence::{PackEntry, PackPick};
use maud::{Markup, html};

use super::opened::{At, Opened, open};
use crate::comparisons::Comparisons;
use crate::params::Params;
use crate::parts::PortalParts;
use crate::refusal::Refusal;
use crate::seals::Seals;
use crate::shell::{Section, Shell};
use crate::viewer::Viewer;
use crate::{links, marks, words};
use list::Wanted;

/// Earlier packs that are offered; any other can be named in the address.
const OFFERED: usize = 60;
/// Pages of the list of packs that are read to find them.
const READS: usize = 5;

pub(crate) async fn get(
    State(parts): State<PortalParts>,
    Extension(seals): Extension<Seals>,
    Extension(comparisons): Extension<Comparisons>,
    viewer: Viewer,
    Path(at): Path<At>,
    params: Params,
) -> Result<Response, Refusal> {
    let opened = open(&parts, &seals, &viewer, at).await?;
    let wanted = Wanted::read(&params)?;
    let earlier = earlier(&parts, &viewer, &opened.pack).await?;
    let before = match params.parsed::<RunId>("since", "pack")? {
        // Whoever names a pack may do so if it is within reach, whatever is offered.
        Some(run) => {
            let key = AuditKey { cluster: opened.key().cluster.clone(), run };
            Some(viewer.pack(parts.evidence.as_ref(), &key).await?)
        }
        None => earlier.first().cloned(),
    };
    // The log says which pack was asked for, not which one it was compared with.
    viewer.trail.touches(Some(&opened.key().cluster), opened.key().run.to_string());
    let Some(before) = before else { return Ok(nothing(opened, &viewer)) };
    let diff = comparisons.of(&before, &opened.pack).await?;
    let key = opened.key();
    let body = html! {
        (opened.notice())
        (choice(&opened, &earlier, &before))
        (moved::shares(&diff))
        (moved::counts(&diff, key, &before, &wanted))
        (moved::gates(&diff, &parts.catalogue, key))
        (moved::cells(&diff, key))
        (list::section(&diff, &parts.catalogue, key, &before, &wanted))
        (moved::rules(&diff, &parts.catalogue))
        (moved::waivers(&diff, &parts.catalogue))
        (seen::section(&diff, opened.summary().ok().as_deref()))
    };
    let second = html! {
        (hexproof_core::diff::words::sentence(&diff)) " "
        (words::count(diff.same, "verdict is the same", "verdicts are the same")) "."
    };
    let title = opened.title(title(&diff));
    Ok(Shell { section: Section::Packs, crumbs: opened.crumbs(true), title, second, body }.show(&viewer))
}

/// Packs of the same cluster that are older and within reach, newest first.
async fn earlier(parts: &PortalParts, viewer: &Viewer, pack: &PackEntry) -> Result<Vec<PackEntry>, Refusal> {
    let scope = &viewer.caller.scope;
    let pick = PackPick {
        clusters: Clusters::Only(BTreeSet::from([pack.key.cluster.clone()])),
        from: scope.from,
        until: Some(scope.until.map_or(pack.finished, |until| until.min(pack.finished))),
    };
    let (mut found, mut after) = (Vec::new(), None);
    for _ in 0..READS {
        let page = parts.evidence.packs(&pick, after.as_ref(), OFFERED).await?;
        found.extend(page.items.into_iter().filter(|one| one.key != pack.key));
        after = page.next;
        if after.is_none() || found.len() >= OFFERED {
            break;
        }
    }
    found.truncate(OFFERED);
    Ok(found)
}

fn nothing(opened: Opened, viewer: &Viewer) -> Response {
    let body = html! {
        (opened.notice())
        p.empty { "A comparison needs an earlier pack of the same cluster that you may see. There is none." }
        p.actions { a.button href=(links::pack(opened.key())) { "Show the pack" } }
    };
    let title = opened.title("Nothing to compare this pack with".to_owned());
    let second = html! { (hexproof_core::diff::words::FIRST) };
    Shell { section: Section::Packs, crumbs: opened.crumbs(true), title, second, body }.show(viewer)
}

/// New failures and failures that are gone.
fn title(diff: &Diff) -> String {
    let new: u64 = diff.measures.iter().map(|measure| u64::from(measure.new_failures)).sum();
    let gone: u64 = diff.measures.iter().map(|measure| u64::from(measure.gone_failures)).sum();
    let since = words::day(diff.before.collected_at);
    match (new, gone, diff.changes.len()) {
        (0, 0, 0) => format!("No verdict differs from the pack of {since}"),
        (0, 0, n) => {
            format!("{} since {since}, none of them a new failure", words::count(n, "change", "changes"))
        }
        (new, gone, _) => format!(
            "{}, and {} since {since}",
            words::counted(usize::try_from(new).unwrap_or(usize::MAX), "new failure", "new failures"),
            words::count(gone, "is gone", "are gone")
        ),
    }
}

/// Which pack it is compared with.
fn choice(opened: &Opened, earlier: &[PackEntry], before: &PackEntry) -> Markup {
    let offered = earlier.iter().any(|pack| pack.key == before.key);
    html! {
        form.filter method="get" action=(links::changes(opened.key())) {
            div.field.grow {
                label for="since" { "Compared with the pack of" }
                select id="since" name="since" {
                    @if !offered { (option(before, true)) }
                    @for pack in earlier { (option(pack, pack.key == before.key)) }
                }
            }
            button.button type="submit" { "Compare" }
        }
    }
}

fn option(pack: &PackEntry, selected: bool) -> Markup {
    html! {
        option value=(pack.key.run) selected[selected] {
            (words::minute(pack.finished)) ", " (words::rated(pack.rating))
        }
    }
}

/// The first changes, for the page of the pack.
pub(crate) fn brief(
    diff: &Diff,
    catalogue: &Catalogue,
    key: &AuditKey,
    before: &PackEntry,
    most: usize,
) -> Markup {
    html! {
        @if diff.changes.is_empty() {
            p.empty { "No verdict differs." }
        } @else {
            (list::table(&diff.changes.iter().take(most).collect::<Vec<_>>(), catalogue, key, &before.key))
            @if diff.changes.len() > most {
                p.quiet { (words::thousands(most)) " of " (words::thousands(diff.changes.len())) " changes, new failures first." }
            }
        }
    }
}

/// Points with their sign; zero is a dot.
pub(crate) fn points(n: i64) -> Markup {
    html! {
        @match n {
            0 => (marks::number_or_dot(0)),
            1.. => { "+" (words::thousands(n.unsigned_abs())) },
            _ => { "−" (words::thousands(n.unsigned_abs())) },
        }
    }
}
