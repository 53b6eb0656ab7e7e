//! The waivers of the clusters within reach, by how far they have come.

use axum::extract::{Query, State};
use axum::response::Response;
use hexproof_api::v1;
use hexproof_core::access::Role;
use hexproof_core::id::{ClusterId, RecordId};
use jiff::civil::Date;
use maud::{Markup, html};
use serde::Deserialize;

use crate::forms::told;
use crate::grpc::Api;
use crate::pages::shared::{cluster_link, filter_by_cluster, next_page, only_cluster};
use crate::parts::PortalParts;
use crate::refusal::Refusal;
use crate::shell::{Section, Shell};
use crate::viewer::Viewer;
use crate::waivers::{SOON_DAYS, State as Stage, measure, subject, today};
use crate::{links, marks, words};

/// What is asked for.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Wanted {
    cluster: String,
    state: String,
    page: String,
    done: String,
}

/// Pages of 500 waivers that are searched at most for those that expire soon.
const SEARCHED: usize = 20;

pub(crate) async fn get(
    State(parts): State<PortalParts>,
    viewer: Viewer,
    Query(wanted): Query<Wanted>,
) -> Result<Response, Refusal> {
    let cluster = only_cluster(&viewer, &wanted.cluster)?;
    let api = Api::new(&parts, &viewer);
    let today = today(parts.clock.now());
    let stage = Stage::ALL.into_iter().find(|stage| stage.word() == wanted.state);
    let list = |stages: &[v1::WaiverStage], page_size: i32, page_token: String| v1::ListWaiversRequest {
        cluster_id: cluster.as_ref().map(ToString::to_string).unwrap_or_default(),
        stages: stages.iter().map(|stage| i32::from(*stage)).collect(),
        page_size,
        page_token,
    };
    let waiting = list(&[v1::WaiverStage::Proposed], 500, String::new());
    let waiting = api.waivers().list_waivers(waiting).await?.into_inner();
    let (waivers, next) = match stage {
        Some(Stage::Soon) => {
            let mut soon = Vec::new();
            let mut token = String::new();
            for _ in 0..SEARCHED {
                let message = list(&[v1::WaiverStage::Approved], 500, token);
                let page = api.waivers().list_waivers(message).await?.into_inner();
                soon.extend(
                    page.waivers.into_iter().filter(|waiver| Stage::of(waiver, today) == Stage::Soon),
                );
                token = page.next_page_token;
                if token.is_empty() {
                    break;
                }
            }
            // The first to expire stands first.
            soon.sort_by(|one, other| expiry(one).cmp(expiry(other)));
            (soon, String::new())
        }
        stage => {
            let stages = stage.map(Stage::stages).unwrap_or_default();
            let page = api.waivers().list_waivers(list(stages, 50, wanted.page.clone())).await?.into_inner();
            (page.waivers, page.next_page_token)
        }
    };
    let kept = [("state", wanted.state.as_str())];
    let shell = Shell {
        section: Section::Waivers,
        crumbs: Vec::new(),
        title: title(&waiting, cluster.as_ref()),
        second: html! {
            "A waiver accepts a failure for a time. It never changes the score; it opens the gate that the failure holds."
        },
        body: html! {
            (told(&wanted.done))
            @if viewer.is(&[Role::Operator, Role::Admin]) {
                p.actions { a.button.primary href=(links::with(links::NEW_WAIVER, [("cluster", &wanted.cluster)])) { "New waiver" } }
            }
            (states(stage, &wanted.cluster))
            (filter_by_cluster(links::WAIVERS, &wanted.cluster, &kept))
            @if waivers.is_empty() { p { (none(stage)) } } @else { (table(&waivers, &parts, today)) }
            (next_page(links::WAIVERS, &[("state", &wanted.state), ("cluster", &wanted.cluster)], &next))
        },
    };
    Ok(shell.show(&viewer))
}

fn title(waiting: &v1::ListWaiversResponse, cluster: Option<&ClusterId>) -> String {
    let of = cluster.map(|cluster| format!(" of {cluster}")).unwrap_or_default();
    match (waiting.waivers.len(), waiting.next_page_token.is_empty()) {
        (0, _) => format!("No waiver{of} waits for approval"),
        (count, true) => format!(
            "{}{of} for approval by another person",
            words::counted(count, "waiver waits", "waivers wait")
        ),
        (count, false) => {
            format!("More than {} waivers wait{of} for approval by another person", words::thousands(count))
        }
    }
}

fn none(stage: Option<Stage>) -> String {
    match stage {
        None => "There are no waivers.".to_owned(),
        Some(stage) => format!("There are no waivers in this state: {}.", stage.label().to_lowercase()),
    }
}

/// The states as links; the one that is shown is marked.
fn states(shown: Option<Stage>, cluster: &str) -> Markup {
    let address = |word: &str| links::with(links::WAIVERS, [("state", word), ("cluster", cluster)]);
    html! {
        nav.tabs aria-label="States" {
            ul {
                li { a href=(address("")) aria-current=[shown.is_none().then_some("true")] { "All" } }
                @for stage in Stage::ALL {
                    li { a href=(address(stage.word())) aria-current=[(shown == Some(stage)).then_some("true")] { (stage.label()) } }
                }
            }
        }
    }
}

fn table(waivers: &[v1::WaiverRecord], parts: &PortalParts, today: Date) -> Markup {
    html! {
        table.list.waivers {
            caption.sr { "Waivers" }
            thead { tr {
                th scope="col" { "State" }
                th scope="col" { "Measure" }
                th scope="col" { "Cluster" }
                th scope="col" { "Subjects" }
                th scope="col" { "Owner" }
                th scope="col" { "Last day" }
            } }
            tbody {
                @for record in waivers {
                    @let waiver = record.waiver.clone().unwrap_or_default();
                    tr {
                        td data-label="State" { b { (Stage::of(record, today).phrase()) } }
                        th scope="row" data-label="Measure" { (named(record, &waiver, parts)) }
                        td data-label="Cluster" { (cluster_link(&record.cluster_id)) }
                        td data-label="Subjects" { (subject(waiver.subject.as_ref())) }
                        td data-label="Owner" { (marks::name(&waiver.owner)) }
                        td data-label="Last day" { (last_day(&waiver, record, today)) }
                    }
                }
            }
        }
    }
}

/// The measure by its title, with a link to the waiver.
fn named(record: &v1::WaiverRecord, waiver: &v1::Waiver, parts: &PortalParts) -> Markup {
    let title = measure(&parts.catalogue, &waiver.measure);
    html! {
        @match (record.cluster_id.parse::<ClusterId>(), waiver.id.parse::<RecordId>()) {
            (Ok(cluster), Ok(id)) => { a href=(links::waiver(&cluster, &id)) { (marks::name(title)) } },
            _ => { (marks::name(title)) },
        }
        span.sub { (marks::id(&waiver.measure)) }
    }
}

fn last_day(waiver: &v1::Waiver, record: &v1::WaiverRecord, today: Date) -> Markup {
    let Ok(day) = waiver.expiry.parse::<Date>() else { return marks::name(&waiver.expiry) };
    html! {
        time datetime=(day) { (words::date(day)) }
        @if Stage::of(record, today) == Stage::Soon { span.sub { "within " (SOON_DAYS) " days" } }
    }
}

fn expiry(record: &v1::WaiverRecord) -> &str {
    record.waiver.as_ref().map(|waiver| waiver.expiry.as_str()).unwrap_or_default()
}
