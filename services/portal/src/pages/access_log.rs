//! The access log: who did what, newest first.

use axum::extract::{Query, State};
use axum::response::Response;
use hexproof_api::v1;
use maud::{Markup, html};
use serde::Deserialize;

use crate::access_words;
use crate::grpc::Api;
use crate::pages::shared::{cluster_link, filter_by_cluster, instant, next_page, only_cluster};
use crate::parts::PortalParts;
use crate::refusal::Refusal;
use crate::shell::{Section, Shell};
use crate::viewer::Viewer;
use crate::{links, marks, words};

/// Entries of a page.
const PAGE: i32 = 50;

/// What is asked for.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Wanted {
    cluster: String,
    page: String,
}

pub(crate) async fn get(
    State(parts): State<PortalParts>,
    viewer: Viewer,
    Query(wanted): Query<Wanted>,
) -> Result<Response, Refusal> {
    let cluster = only_cluster(&viewer, &wanted.cluster)?;
    let message = v1::ListAccessEntriesRequest {
        page_size: PAGE,
        page_token: wanted.page.clone(),
        cluster_id: cluster.as_ref().map(ToString::to_string).unwrap_or_default(),
    };
    let answer = Api::new(&parts, &viewer).access_log().list_access_entries(message).await?.into_inner();
    let refused = answer.entries.iter().filter(|entry| entry.outcome() == v1::AccessOutcome::Refused).count();
    let of = cluster.map(|cluster| format!(" of {cluster}")).unwrap_or_default();
    let shell = Shell {
        section: Section::AccessLog,
        crumbs: Vec::new(),
        title: match (answer.entries.len(), wanted.page.is_empty()) {
            (0, true) => format!("The access log{of} is empty"),
            (0, false) => "No further entries on this page".to_owned(),
            (count, first) => format!(
                "{} {}{of}, {} refused",
                if first { "Newest" } else { "Older" },
                words::count(count, "entry", "entries"),
                words::number(refused)
            ),
        },
        second: html! { "Every download, every change and every refused call is an entry. Entries are never changed." },
        body: html! {
            (filter_by_cluster(links::ACCESS_LOG, &wanted.cluster, &[]))
            @if !answer.entries.is_empty() { (table(&answer.entries)) }
            (next_page(links::ACCESS_LOG, &[("cluster", &wanted.cluster)], &answer.next_page_token))
        },
    };
    Ok(shell.show(&viewer))
}

fn table(entries: &[v1::AccessEntry]) -> Markup {
    html! {
        table.list.log {
            caption.sr { "Entries, newest first" }
            thead { tr {
                th scope="col" { "When, UTC" }
                th scope="col" { "Who" }
                th scope="col" { "What" }
                th scope="col" { "Cluster" }
                th scope="col" { "Object" }
                th scope="col" { "Outcome" }
            } }
            tbody {
                @for entry in entries {
                    tr {
                        td data-label="When" { @if let Some(at) = instant(entry.at.as_ref()) { (second(at)) } }
                        th scope="row" data-label="Who" {
                            (marks::name(&entry.subject))
                            span.sub { (access_words::authentication(&entry.authentication)) }
                        }
                        td data-label="What" {
                            @if let Some(words) = access_words::action(&entry.action) { (words) }
                            span.sub { (marks::id(&entry.action)) }
                        }
                        td data-label="Cluster" { @if entry.cluster_id.is_empty() { "none" } @else { (cluster_link(&entry.cluster_id)) } }
                        td data-label="Object" { @if entry.object.is_empty() { "none" } @else { (marks::id(&entry.object)) } }
                        td data-label="Outcome" { (outcome(entry.outcome())) }
                    }
                }
            }
        }
    }
}

/// To the second: entries of one minute are told apart.
fn second(at: jiff::Timestamp) -> Markup {
    let text = at.to_zoned(jiff::tz::TimeZone::UTC).strftime("%-d %b %Y, %H:%M:%S").to_string();
    html! { time datetime=(at) { (text) } }
}

fn outcome(outcome: v1::AccessOutcome) -> Markup {
    html! {
        @match outcome {
            v1::AccessOutcome::Done => "done",
            v1::AccessOutcome::Refused => b { "refused" },
            v1::AccessOutcome::Failed => b { "failed" },
            v1::AccessOutcome::Unspecified => "not known",
        }
    }
}
