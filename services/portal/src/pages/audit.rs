//! One audit: how far it is, what it came to; starting and stopping one.

use axum::extract::{Path, Query, State};
use axum::response::{IntoResponse as _, Redirect, Response};
use hexproof_api::v1;
use hexproof_core::access::Role;
use hexproof_core::audit::AuditKey;
use hexproof_core::id::{ClusterId, RecordId, RunId};
use http::{HeaderValue, StatusCode, header};
use maud::{Markup, html};
use serde::{Deserialize, Serialize};

use crate::forms::{CheckedForm, Errors, Notice, csrf, hidden, request_id, submit, told};
use crate::grpc::Api;
use crate::marks::Size;
use crate::pages::shared::{cluster_link, instant};
use crate::parts::PortalParts;
use crate::refusal::Refusal;
use crate::schedules::slots;
use crate::shell::{Section, Shell};
use crate::viewer::Viewer;
use crate::{links, marks, words};

/// Seconds between two loads of a page whose reader asked for that.
const REFRESH: &str = "10";

/// The stages in their order.
const STAGES: [(v1::AuditStage, &str); 6] = [
    (v1::AuditStage::Waiting, "waits for a worker or for its agent"),
    (v1::AuditStage::Collecting, "objects are read"),
    (v1::AuditStage::Scoring, "measures judge the snapshot"),
    (v1::AuditStage::Rendering, "the report is set in type"),
    (v1::AuditStage::Sealing, "the report is signed"),
    (v1::AuditStage::Archiving, "everything is stored"),
];

/// What is asked for.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Wanted {
    done: String,
    /// `on` if the page shall load itself again.
    follow: String,
}

/// The form that starts an audit: for the page of a cluster. Nothing for whoever may not.
///
/// # Errors
/// If the system gives no random bytes.
pub(crate) fn start_form(viewer: &Viewer, cluster: &ClusterId) -> Result<Markup, Refusal> {
    if !viewer.is(&[Role::Operator, Role::Admin]) {
        return Ok(html! {});
    }
    let request = request_id()?;
    Ok(html! {
        form.inline action=(links::start_audit(cluster)) method="post" {
            (csrf(viewer))
            (hidden("request", &request))
            button.button type="submit" { "Start audit" }
        }
    })
}

/// What the form that starts an audit says.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct StartForm {
    request: String,
}

/// Starts an audit; the same form sent twice starts one.
pub(crate) async fn start(
    State(parts): State<PortalParts>,
    viewer: Viewer,
    Path(cluster): Path<ClusterId>,
    CheckedForm(form): CheckedForm<StartForm>,
) -> Result<Response, Refusal> {
    viewer.cluster(&cluster)?;
    let message = v1::StartAuditRequest { cluster_id: cluster.to_string(), request_id: form.request };
    let audit = Api::new(&parts, &viewer).audits().start_audit(message).await?.into_inner().audit;
    let run: RunId = audit.and_then(|audit| audit.audit_id.parse().ok()).ok_or(Refusal::Internal)?;
    let key = AuditKey { cluster, run };
    Ok(Redirect::to(&Notice::AuditStarted.at(&links::audit(&key))).into_response())
}

pub(crate) async fn get(
    State(parts): State<PortalParts>,
    viewer: Viewer,
    Path((cluster, run)): Path<(ClusterId, RunId)>,
    Query(wanted): Query<Wanted>,
) -> Result<Response, Refusal> {
    let key = AuditKey { cluster, run };
    let audit = find(&parts, &viewer, &key).await?;
    Ok(page(&viewer, &key, &audit, &wanted, &Errors::default()))
}

/// What the form that stops an audit says: nothing.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct CancelForm {}

/// Asks for an audit to be stopped.
pub(crate) async fn cancel(
    State(parts): State<PortalParts>,
    viewer: Viewer,
    Path((cluster, run)): Path<(ClusterId, RunId)>,
    CheckedForm(_): CheckedForm<CancelForm>,
) -> Result<Response, Refusal> {
    let key = AuditKey { cluster, run };
    viewer.cluster(&key.cluster)?;
    let message =
        v1::CancelAuditRequest { cluster_id: key.cluster.to_string(), audit_id: key.run.to_string() };
    let audit = Api::new(&parts, &viewer).audits().cancel_audit(message).await?.into_inner().audit;
    let audit = audit.ok_or_else(|| unknown(&key))?;
    // One that had ended before was not stopped.
    let address = links::audit(&key);
    let stops =
        matches!(audit.state(), v1::AuditState::Queued | v1::AuditState::Running | v1::AuditState::Cancelled);
    Ok(Redirect::to(&if stops { Notice::AuditCancelled.at(&address) } else { address }).into_response())
}

fn unknown(key: &AuditKey) -> Refusal {
    Refusal::NotFound(format!("There is no audit {} of `{}` that you may see.", key.run, key.cluster))
}

async fn find(parts: &PortalParts, viewer: &Viewer, key: &AuditKey) -> Result<v1::Audit, Refusal> {
    viewer.cluster(&key.cluster)?;
    viewer.trail.touches(Some(&key.cluster), key.run.to_string());
    let message = v1::GetAuditRequest {
        cluster_id: key.cluster.to_string(),
        audit_id: key.run.to_string(),
        read_mask: None,
    };
    let found = Api::new(parts, viewer).audits().get_audit(message).await?.into_inner().audit;
    found.ok_or_else(|| unknown(key))
}

fn page(viewer: &Viewer, key: &AuditKey, audit: &v1::Audit, wanted: &Wanted, errors: &Errors) -> Response {
    let going = matches!(audit.state(), v1::AuditState::Queued | v1::AuditState::Running);
    let follows = going && wanted.follow == "on";
    let shell = Shell {
        section: Section::Clusters,
        crumbs: vec![
            ("Clusters".to_owned(), links::CLUSTERS.to_owned()),
            (key.cluster.to_string(), links::cluster(&key.cluster)),
        ],
        title: title(audit),
        second: html! { "Audit " (marks::id(&audit.audit_id)) " of " (cluster_link(&audit.cluster_id)) "." },
        body: html! {
            (told(&wanted.done))
            (crate::again::told(viewer))
            (errors.summary(&[]))
            @if going { (refresh(key, follows)) }
            @if audit.state() == v1::AuditState::Succeeded { (result(viewer, key, audit)) }
            @if going { (stages(audit)) }
            (facts(audit))
            @if going && viewer.is(&[Role::Operator, Role::Admin]) { (cancel_form(viewer, key)) }
        },
    };
    let mut response = shell.answer(StatusCode::OK, viewer);
    if follows {
        // Only on the reader's wish: a page must not move by itself (WCAG 2.2, 2.2.1).
        response.headers_mut().insert(header::REFRESH, HeaderValue::from_static(REFRESH));
    }
    response
}

fn title(audit: &v1::Audit) -> String {
    match audit.state() {
        v1::AuditState::Unspecified => "The state of this audit is not known".to_owned(),
        v1::AuditState::Queued => "Queued: the audit waits for a worker or for its agent".to_owned(),
        v1::AuditState::Running => match (audit.stage(), audit.total) {
            (v1::AuditStage::Collecting, 0) => format!("Collecting: {} read", objects(audit.done)),
            (v1::AuditStage::Collecting, total) => {
                format!("Collecting: {} of {} read", words::thousands(audit.done), objects(total))
            }
            (stage, _) => format!(
                "Running: {}",
                STAGES.iter().find(|(each, _)| *each == stage).map_or("started", |(_, text)| text)
            ),
        },
        v1::AuditState::Succeeded => {
            let result = audit.result.clone().unwrap_or_default();
            let seen = if result.complete {
                "everything that was asked was read"
            } else {
                "not everything that was asked was read"
            };
            format!("{}: {seen}", words::capital(&words::rated(rating(&result))))
        }
        v1::AuditState::Failed => format!("Failed: {}", audit.failure),
        v1::AuditState::Cancelled => "Cancelled: the audit was stopped by request and has no pack".to_owned(),
    }
}

fn objects(count: u64) -> String {
    words::count(count, "object", "objects")
}

fn rating(result: &v1::AuditResult) -> hexproof_core::Rating {
    use hexproof_core::Rating;
    match result.rating() {
        v1::Rating::A => Rating::A,
        v1::Rating::B => Rating::B,
        v1::Rating::C => Rating::C,
        v1::Rating::D => Rating::D,
        v1::Rating::E => Rating::E,
        v1::Rating::NotAssessed | v1::Rating::Unspecified => Rating::NotAssessed,
    }
}

fn refresh(key: &AuditKey, follows: bool) -> Markup {
    let address = links::audit(key);
    html! {
        p.actions {
            @if follows {
                a.button href=(address) { "Stop refreshing" }
                span.note { "This page loads again every " (REFRESH) " seconds." }
            } @else {
                a.button href=(address) { "Refresh page" }
                a.touch href=(links::with(&address, [("follow", "on")])) { "Refresh every " (REFRESH) " seconds" }
            }
        }
    }
}

fn result(viewer: &Viewer, key: &AuditKey, audit: &v1::Audit) -> Markup {
    let result = audit.result.clone().unwrap_or_default();
    html! {
        section {
            h2 { "Pack" }
            p.actions {
                (marks::tile(rating(&result), Size::Small))
                // Operators start audits and read no evidence.
                @if viewer.is(&[Role::Auditor, Role::Admin]) { a.button.primary href=(links::pack(key)) { "Show pack" } }
            }
            dl.facts {
                dt { "SHA-256 of the PDF" } dd { (marks::id(result.pack_digest.trim_start_matches("sha256:"))) }
                dt { "of the snapshot" } dd { (marks::id(result.snapshot_digest.trim_start_matches("sha256:"))) }
                dt { "of the assessment" } dd { (marks::id(result.assessment_digest.trim_start_matches("sha256:"))) }
            }
        }
    }
}

/// The stages: those that are done, the present one, those to come. A word says which.
fn stages(audit: &v1::Audit) -> Markup {
    let at = STAGES.iter().position(|(stage, _)| *stage == audit.stage()).unwrap_or(0);
    html! {
        section {
            h2 { "Stages" }
            ol.stages {
                @for (place, (stage, text)) in STAGES.iter().enumerate() {
                    @let state = if place < at { "done" } else if place == at { "now" } else { "to come" };
                    li.done[place < at].now[place == at] aria-current=[(place == at).then_some("step")] {
                        b { (stage_name(*stage)) }
                        span { (text) }
                        span.note { (state)
                            @if place == at && audit.done > 0 {
                                ", " (words::thousands(audit.done))
                                @if audit.total > 0 { " of " (words::thousands(audit.total)) }
                                @if *stage == v1::AuditStage::Collecting { " objects" }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn stage_name(stage: v1::AuditStage) -> &'static str {
    match stage {
        v1::AuditStage::Unspecified | v1::AuditStage::Waiting => "Waiting",
        v1::AuditStage::Collecting => "Collecting",
        v1::AuditStage::Scoring => "Scoring",
        v1::AuditStage::Rendering => "Rendering",
        v1::AuditStage::Sealing => "Sealing",
        v1::AuditStage::Archiving => "Archiving",
    }
}

fn facts(audit: &v1::Audit) -> Markup {
    html! {
        section {
            h2 { "Facts" }
            dl.facts {
                dt { "Started by" } dd { (trigger(audit)) }
                @if let Some(at) = instant(audit.create_time.as_ref()) { dt { "Recorded" } dd { (marks::time(at)) } }
                @if let Some(at) = instant(audit.finish_time.as_ref()) { dt { "Ended" } dd { (marks::time(at)) } }
                @if !audit.failure.is_empty() { dt { "Failure" } dd { (marks::name(&audit.failure)) "." } }
                dt { "Id" } dd { (marks::id(&audit.audit_id)) }
            }
        }
    }
}

fn trigger(audit: &v1::Audit) -> Markup {
    use v1::audit_trigger::By;
    html! {
        @match audit.trigger.as_ref().and_then(|trigger| trigger.by.as_ref()) {
            Some(By::Request(request)) => { (marks::name(&request.subject)) ", by request" },
            Some(By::Slot(slot)) => {
                "schedule "
                @match slot.schedule_id.parse::<RecordId>() {
                    Ok(id) => { a href=(links::schedule(&id)) { (marks::id(&slot.schedule_id)) } },
                    Err(_) => { (marks::id(&slot.schedule_id)) },
                }
                @if let Some(at) = instant(slot.slot.as_ref()) { ", slot " (slots::slot(at, &jiff::tz::TimeZone::UTC)) }
            },
            Some(By::Submission(submission)) => { (marks::name(&submission.subject)) ", by a snapshot that nobody had asked for" },
            None => { "not known" },
        }
    }
}

fn cancel_form(viewer: &Viewer, key: &AuditKey) -> Markup {
    html! {
        section {
            h2 { "Stop" }
            form action=(links::cancel_audit(key)) method="post" {
                (csrf(viewer))
                p { "An audit that is stopped has no pack." }
                button.button type="submit" { "Cancel audit" }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_title_says_how_far_it_is() {
        let audit = |state: v1::AuditState, stage: v1::AuditStage, done, total| {
            title(&v1::Audit {
                state: state.into(),
                stage: stage.into(),
                done,
                total,
                failure: "why".into(),
                ..Default::default()
            })
        };
        let running = v1::AuditState::Running;
        assert_eq!(
            audit(running, v1::AuditStage::Collecting, 1200, 4000),
            "Collecting: 1\u{202F}200 of 4\u{202F}000 objects read"
        );
        assert_eq!(audit(running, v1::AuditStage::Collecting, 1, 0), "Collecting: 1 object read");
        assert_eq!(audit(running, v1::AuditStage::Sealing, 0, 0), "Running: the report is signed");
        assert_eq!(audit(v1::AuditState::Failed, v1::AuditStage::Unspecified, 0, 0), "Failed: why");
    }
}
