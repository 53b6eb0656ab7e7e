//! What lists have in common: the choice of a cluster and the way to the next page.

use hexproof_api::v1;
use hexproof_core::id::ClusterId;
use jiff::Timestamp;
use maud::{Markup, html};
use tonic::{Code, Status};

use crate::forms::Errors;
use crate::grpc::Api;
use crate::refusal::Refusal;
use crate::viewer::Viewer;
use crate::{links, marks};

/// The cluster that a query names, if it names one and that is within reach.
pub(crate) fn only_cluster(viewer: &Viewer, text: &str) -> Result<Option<ClusterId>, Refusal> {
    let text = text.trim();
    if text.is_empty() {
        return Ok(None);
    }
    let unknown = || Refusal::NotFound("There is no cluster of this name that you may see.".to_owned());
    let cluster: ClusterId = text.parse().map_err(|_| unknown())?;
    viewer.cluster(&cluster)?;
    Ok(Some(cluster))
}

/// The form that leaves the lines of one cluster. `kept` is what else the address says.
pub(crate) fn filter_by_cluster(address: &str, cluster: &str, kept: &[(&str, &str)]) -> Markup {
    html! {
        form.filter action=(address) method="get" role="search" {
            @for (name, value) in kept {
                @if !value.is_empty() { input type="hidden" name=(name) value=(value); }
            }
            div.field {
                label for="filter-cluster" { "Cluster" }
                input.code id="filter-cluster" name="cluster" value=(cluster) autocomplete="off" spellcheck="false" autocapitalize="none";
            }
            button.button type="submit" { "Show cluster" }
            @if !cluster.is_empty() { a.touch href=(links::with(address, kept.iter().copied())) { "Show all clusters" } }
        }
    }
}

/// The way to the next page of a list, if there is one.
pub(crate) fn next_page(address: &str, kept: &[(&str, &str)], token: &str) -> Markup {
    html! {
        @if !token.is_empty() {
            nav.pager aria-label="Pages" {
                a.button rel="next" href=(links::with(address, kept.iter().copied().chain([("page", token)]))) { "Show the next page" }
            }
        }
    }
}

/// A cluster by its id, with a link to its page.
pub(crate) fn cluster_link(id: &str) -> Markup {
    html! {
        @match id.parse::<ClusterId>() {
            Ok(cluster) => { a href=(links::cluster(&cluster)) { (marks::name(id)) } },
            Err(_) => { (marks::name(id)) },
        }
    }
}

/// Ids of the clusters that the viewer may choose from, in order; none where there are too many to be offered.
pub(crate) async fn cluster_names(api: &Api) -> Result<Vec<String>, Refusal> {
    const MOST: i32 = 200;
    let read_mask = Some(prost_types::FieldMask { paths: vec!["cluster_id".to_owned()] });
    let message =
        v1::ListClustersRequest { page_size: MOST, read_mask, ..v1::ListClustersRequest::default() };
    let answer = api.clusters().list_clusters(message).await?.into_inner();
    Ok(match answer.next_page_token.is_empty() {
        true => answer.clusters.into_iter().map(|cluster| cluster.cluster_id).collect(),
        false => Vec::new(),
    })
}

/// What an RPC found wrong with a form that names a cluster: one that is not registered, or not within reach, is an
/// error of that field, in the same words.
pub(crate) fn wrong(
    status: Status,
    paths: &[(&str, &'static str)],
    cluster: &str,
) -> Result<Errors, Refusal> {
    match status.code() {
        Code::NotFound | Code::PermissionDenied => {
            let cluster = if cluster.is_empty() { "this name" } else { cluster };
            Ok(Errors::of("cluster", format!("No cluster {cluster} is registered that you may act on.")))
        }
        _ => Errors::read(status, paths),
    }
}

/// The instant of a message, if it has one.
pub(crate) fn instant(at: Option<&prost_types::Timestamp>) -> Option<Timestamp> {
    at.and_then(|at| Timestamp::new(at.seconds, at.nanos).ok())
}
