//! The schedules of the clusters within reach.

use axum::extract::{Query, State};
use axum::response::Response;
use hexproof_api::v1;
use hexproof_core::access::Role;
use hexproof_core::id::{ClusterId, RecordId};
use jiff::Timestamp;
use maud::{Markup, html};
use serde::Deserialize;

use crate::forms::told;
use crate::grpc::Api;
use crate::links;
use crate::marks;
use crate::pages::shared::{cluster_link, filter_by_cluster, instant, next_page, only_cluster};
use crate::parts::PortalParts;
use crate::refusal::Refusal;
use crate::schedules::slots;
use crate::shell::{Section, Shell};
use crate::viewer::Viewer;
use crate::words;

/// What is asked for.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Wanted {
    cluster: String,
    page: String,
    done: String,
}

pub(crate) async fn get(
    State(parts): State<PortalParts>,
    viewer: Viewer,
    Query(wanted): Query<Wanted>,
) -> Result<Response, Refusal> {
    let cluster = only_cluster(&viewer, &wanted.cluster)?;
    let message = v1::ListSchedulesRequest {
        cluster_id: wanted.cluster.clone(),
        page_size: 50,
        page_token: wanted.page.clone(),
        read_mask: None,
    };
    let mut answer = Api::new(&parts, &viewer).schedules().list_schedules(message).await?.into_inner();
    answer.schedules.sort_by(|one, other| {
        (&one.cluster_id, &one.schedule_id).cmp(&(&other.cluster_id, &other.schedule_id))
    });
    let operator = viewer.is(&[Role::Operator, Role::Admin]);
    let now = parts.clock.now();
    let more = next_page(links::SCHEDULES, &[("cluster", &wanted.cluster)], &answer.next_page_token);
    let shell = Shell {
        section: Section::Schedules,
        crumbs: Vec::new(),
        title: title(&answer, cluster.as_ref(), !wanted.page.is_empty()),
        second: second(&answer.schedules, now),
        body: html! {
            (told(&wanted.done))
            @if operator {
                p.actions { a.button.primary href=(links::with(links::NEW_SCHEDULE, [("cluster", &wanted.cluster)])) { "New schedule" } }
            }
            (filter_by_cluster(links::SCHEDULES, &wanted.cluster, &[]))
            @if !answer.schedules.is_empty() { (table(&answer.schedules)) }
            (more)
        },
    };
    Ok(shell.show(&viewer))
}

fn title(answer: &v1::ListSchedulesResponse, cluster: Option<&ClusterId>, later: bool) -> String {
    let of = cluster.map(|cluster| format!(" of {cluster}")).unwrap_or_default();
    let gaps = answer.schedules.iter().filter(|schedule| schedule.recent_gaps > 0).count();
    if answer.schedules.is_empty() {
        return match (cluster, later) {
            (_, true) => "No further schedules".to_owned(),
            (None, false) => "No audit starts by itself: there are no schedules".to_owned(),
            (Some(cluster), false) => format!("No audit of {cluster} starts by itself: it has no schedule"),
        };
    }
    let more = if answer.next_page_token.is_empty() && !later { "" } else { " on this page" };
    let count = words::counted(answer.schedules.len(), "schedule", "schedules");
    match gaps {
        0 => format!("{count}{of}{more}, no recent gaps"),
        gaps => format!("{count}{of}{more}, {} with recent gaps", words::number(gaps)),
    }
}

/// When the next audit starts, and what does not run.
fn second(schedules: &[v1::Schedule], now: Timestamp) -> Markup {
    let next = schedules
        .iter()
        .filter(|schedule| !schedule.paused)
        .filter_map(|schedule| Some((instant(schedule.next_slots.first())?, schedule)))
        .min_by_key(|(at, _)| *at);
    let paused = schedules.iter().filter(|schedule| schedule.paused).count();
    html! {
        @if let Some((at, schedule)) = next {
            "The next audit is that of " (marks::name(&schedule.cluster_id)) ", " (words::ahead(at, now)) "."
        }
        @if paused > 0 { " " (words::counted(paused, "schedule is", "schedules are")) " paused." }
    }
}

fn table(schedules: &[v1::Schedule]) -> Markup {
    html! {
        table.list.schedules {
            caption.sr { "Schedules by cluster" }
            thead { tr {
                th scope="col" { "Cluster" }
                th scope="col" { "Schedule" }
                th scope="col" { "Times" }
                th scope="col" { "Next slots" }
                th scope="col" { "Last slot" }
                th.n scope="col" { "Gaps" }
            } }
            tbody {
                @for (place, schedule) in schedules.iter().enumerate() {
                    // The name of a cluster stands once.
                    @let first = place == 0 || schedules[place - 1].cluster_id != schedule.cluster_id;
                    tr {
                        td data-label="Cluster" class=[(!first).then_some("again")] {
                            @if first { (cluster_link(&schedule.cluster_id)) } @else { span { (schedule.cluster_id) } }
                        }
                        th scope="row" data-label="Schedule" { (name(&schedule.schedule_id)) }
                        td data-label="Times" { (slots::times(schedule)) }
                        td data-label="Next slots" { @if schedule.paused { b { "paused" } } @else { (slots::next(schedule, 3)) } }
                        td data-label="Last slot" { (last(schedule)) }
                        td.n data-label="Gaps of 100" {
                            @if schedule.recent_gaps > 0 { b { (schedule.recent_gaps) } } @else { (0) }
                        }
                    }
                }
            }
        }
    }
}

fn name(id: &str) -> Markup {
    html! {
        @match id.parse::<RecordId>() {
            Ok(record) => { a href=(links::schedule(&record)) { (marks::id(id)) } },
            Err(_) => { (marks::id(id)) },
        }
    }
}

/// What became of the last slot.
fn last(schedule: &v1::Schedule) -> Markup {
    let Some(slot) = &schedule.last_slot else { return html! { "none yet" } };
    html! {
        @if let Some(at) = instant(slot.slot.as_ref()) { (marks::short_time(at)) " UTC: " }
        (super::schedule::outcome(&schedule.cluster_id, slot))
    }
}
