//! One cluster: its result, its history, its matrix over time, its schedules and audits. `gather` asks for what is
//! known, `history` draws the matrix over time, `tables` the lists, `view` the page.

mod gather;
mod history;
pub(super) mod tables;
mod view;

use axum::Extension;
use axum::extract::{Path, Query, State};
use axum::response::Response;
use hexproof_core::id::{ClusterId, RunId};
use serde::Deserialize;

use crate::comparisons::{Comparisons, Glance};
use crate::links;
use crate::parts::PortalParts;
use crate::refusal::Refusal;
use crate::shell::{Section, Shell};
use crate::viewer::Viewer;

/// What the address asks for.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Asked {
    /// The pack whose matrix is shown; the newest if it is none.
    pack: String,
}

pub(crate) async fn get(
    State(parts): State<PortalParts>,
    Extension(comparisons): Extension<Comparisons>,
    viewer: Viewer,
    Path(id): Path<ClusterId>,
    Query(asked): Query<Asked>,
) -> Result<Response, Refusal> {
    viewer.cluster(&id)?;
    let known = gather::cluster(&parts, &viewer, &id, asked.pack.parse::<RunId>().ok()).await?;
    // What moved is told if it can be had at once; else the next who asks gets it.
    let compared = match known.packs.as_slice() {
        [newest, before, ..] if known.reads && known.store => {
            Some(comparisons.glance(&before.entry, &newest.entry).await)
        }
        _ => None,
    };
    let made = match &compared {
        Some(Glance::Made(diff)) => Some(&**diff),
        _ => None,
    };
    let start = super::audit::start_form(&viewer, &id)?;
    let shell = Shell {
        section: Section::Clusters,
        crumbs: vec![("Clusters".to_owned(), links::CLUSTERS.to_owned())],
        title: view::title(&known, &parts.catalogue),
        second: view::second(&known, made),
        body: maud::html! { (crate::again::told(&viewer)) (view::body(&known, &parts, made, &start)) },
    };
    Ok(shell.show(&viewer))
}
