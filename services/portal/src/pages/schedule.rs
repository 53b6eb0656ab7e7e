//! One schedule: when it runs, what became of its slots, and what operators do with it.

use axum::extract::{Path, Query, State};
use axum::response::{IntoResponse as _, Redirect, Response};
use hexproof_api::v1;
use hexproof_core::access::Role;
use hexproof_core::audit::AuditKey;
use hexproof_core::id::{ClusterId, RecordId};
use http::StatusCode;
use jiff::Timestamp;
use maud::{Markup, html};
use serde::{Deserialize, Serialize};

use crate::forms::{CheckedForm, Errors, Fields, Kept, Notice, csrf, hidden, submit, submit_as, told};
use crate::grpc::Api;
use crate::links;
use crate::marks;
use crate::pages::shared::{cluster_link, instant, next_page};
use crate::parts::PortalParts;
use crate::refusal::Refusal;
use crate::schedules::form::{LABELS, PATHS, ScheduleForm, preview};
use crate::schedules::slots;
use crate::shell::{Section, Shell};
use crate::viewer::Viewer;
use crate::words;

/// What is asked for.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Wanted {
    page: String,
    done: String,
}

/// What a form that was sent left to be shown again.
#[derive(Default)]
struct Again {
    form: Option<ScheduleForm>,
    errors: Errors,
    shown: Option<v1::Schedule>,
    told: Markup,
    /// The box was left empty.
    unconfirmed: bool,
}

pub(crate) async fn get(
    State(parts): State<PortalParts>,
    viewer: Viewer,
    kept: Kept,
    Path(id): Path<RecordId>,
    Query(wanted): Query<Wanted>,
) -> Result<Response, Refusal> {
    let schedule = find(&parts, &viewer, &id).await?;
    let again = Again { form: kept.form(&links::schedule(&id)), told: kept.told(), ..Again::default() };
    page(&parts, &viewer, &id, &schedule, &wanted, again).await
}

/// Changes, pauses or resumes.
pub(crate) async fn post(
    State(parts): State<PortalParts>,
    viewer: Viewer,
    Path(id): Path<RecordId>,
    CheckedForm(form): CheckedForm<ScheduleForm>,
) -> Result<Response, Refusal> {
    let present = find(&parts, &viewer, &id).await?;
    let (message, paths, notice) = match form.intent.as_str() {
        intent @ ("pause" | "resume") => {
            let paused = intent == "pause";
            let version = form.version.parse().unwrap_or(0);
            let notice = if paused { Notice::SchedulePaused } else { Notice::ScheduleResumed };
            (v1::Schedule { paused, version, ..present.clone() }, vec!["paused"], notice)
        }
        _ => match form.message() {
            Ok(message) => {
                let paths = changed(&ScheduleForm::of(&present), &form);
                (v1::Schedule { schedule_id: id.to_string(), ..message }, paths, Notice::ScheduleChanged)
            }
            Err(errors) => {
                let again = Again { form: Some(form), errors, ..Again::default() };
                return page(&parts, &viewer, &id, &present, &Wanted::default(), again).await;
            }
        },
    };
    let only_preview = form.intent == "preview";
    if paths.is_empty() && !only_preview {
        return Ok(Redirect::to(&links::schedule(&id)).into_response());
    }
    // A mask without a field would name every one.
    let paths = if paths.is_empty() { vec!["cron"] } else { paths };
    let message = v1::UpdateScheduleRequest {
        schedule: Some(message),
        update_mask: Some(prost_types::FieldMask { paths: paths.into_iter().map(str::to_owned).collect() }),
        validate_only: only_preview,
    };
    let again = match Api::new(&parts, &viewer).schedules().update_schedule(message).await {
        Ok(answer) if only_preview => {
            Again { form: Some(form), shown: answer.into_inner().schedule, ..Again::default() }
        }
        Ok(_) => return Ok(Redirect::to(&notice.at(&links::schedule(&id))).into_response()),
        Err(status) => Again { form: Some(form), errors: Errors::read(status, PATHS)?, ..Again::default() },
    };
    page(&parts, &viewer, &id, &present, &Wanted::default(), again).await
}

/// What the form that ends a schedule says.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct EndForm {
    confirm: String,
}

/// Ends a schedule, if the box is ticked.
pub(crate) async fn delete(
    State(parts): State<PortalParts>,
    viewer: Viewer,
    Path(id): Path<RecordId>,
    CheckedForm(form): CheckedForm<EndForm>,
) -> Result<Response, Refusal> {
    let present = find(&parts, &viewer, &id).await?;
    if form.confirm != "yes" {
        let errors = Errors::of("confirm", "Tick the box to end the schedule.");
        let again = Again { errors, unconfirmed: true, ..Again::default() };
        return page(&parts, &viewer, &id, &present, &Wanted::default(), again).await;
    }
    let message = v1::DeleteScheduleRequest { schedule_id: id.to_string() };
    match Api::new(&parts, &viewer).schedules().delete_schedule(message).await {
        Ok(_) => Ok(Redirect::to(&Notice::ScheduleEnded.at(links::SCHEDULES)).into_response()),
        Err(status) => {
            let again = Again { errors: Errors::read(status, &[])?, ..Again::default() };
            page(&parts, &viewer, &id, &present, &Wanted::default(), again).await
        }
    }
}

/// Fields that the form says otherwise than the schedule: what it cannot say in full stays as it is.
fn changed(present: &ScheduleForm, form: &ScheduleForm) -> Vec<&'static str> {
    let pairs = [
        ("cron", &present.cron, &form.cron),
        ("time_zone", &present.time_zone, &form.time_zone),
        ("jitter", &present.jitter, &form.jitter),
        ("catch_up", &present.catch_up, &form.catch_up),
    ];
    pairs
        .into_iter()
        .filter(|(_, before, after)| before.trim() != after.trim())
        .map(|(path, ..)| path)
        .collect()
}

async fn find(parts: &PortalParts, viewer: &Viewer, id: &RecordId) -> Result<v1::Schedule, Refusal> {
    viewer.trail.touches(None, id.as_str());
    let message = v1::GetScheduleRequest { schedule_id: id.to_string(), read_mask: None };
    let found = Api::new(parts, viewer).schedules().get_schedule(message).await?.into_inner();
    let unknown = || Refusal::NotFound(format!("There is no schedule `{id}` that you may see."));
    let schedule = found.schedule.ok_or_else(unknown)?;
    let cluster: ClusterId = schedule.cluster_id.parse().map_err(|_| unknown())?;
    viewer.cluster(&cluster).map_err(|_| unknown())?;
    Ok(schedule)
}

async fn page(
    parts: &PortalParts,
    viewer: &Viewer,
    id: &RecordId,
    schedule: &v1::Schedule,
    wanted: &Wanted,
    again: Again,
) -> Result<Response, Refusal> {
    let message =
        v1::ListSlotsRequest { schedule_id: id.to_string(), page_size: 50, page_token: wanted.page.clone() };
    let past = Api::new(parts, viewer).schedules().list_slots(message).await?.into_inner();
    let operator = viewer.is(&[Role::Operator, Role::Admin]);
    let wrong = !again.errors.is_empty();
    let labels: Vec<(&'static str, &str)> =
        LABELS.iter().copied().chain([("confirm", "Confirmation")]).collect();
    let shell = Shell {
        section: Section::Schedules,
        crumbs: vec![("Schedules".to_owned(), links::SCHEDULES.to_owned())],
        title: title(schedule, parts.clock.now()),
        second: html! {
            "Schedule " (marks::id(&schedule.schedule_id)) " of " (cluster_link(&schedule.cluster_id)) "."
        },
        body: html! {
            (told(&wanted.done))
            (again.told)
            (again.errors.summary(&labels))
            @if let Some(shown) = &again.shown { (preview(shown)) }
            div.columns {
                div.main {
                    (past_slots(schedule, &past, wanted, id))
                    @if operator { (change(viewer, schedule, &again, id)) }
                }
                aside.side {
                    (facts(schedule))
                    @if operator { (pause(viewer, schedule, id)) (end(viewer, &again, id)) }
                }
            }
        },
    };
    let status = if wrong { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    Ok(shell.answer(status, viewer))
}

fn title(schedule: &v1::Schedule, now: Timestamp) -> String {
    let times =
        crate::schedules::cron::words(&schedule.cron).unwrap_or_else(|| format!("Times {}", schedule.cron));
    let next = instant(schedule.next_slots.first());
    match (schedule.paused, next) {
        (true, _) => format!("Paused: no audit of {} starts by this schedule", schedule.cluster_id),
        (false, Some(next)) => {
            format!("{times}: the next audit of {} is due {}", schedule.cluster_id, words::ahead(next, now))
        }
        (false, None) => format!("{times}: no further slots"),
    }
}

fn facts(schedule: &v1::Schedule) -> Markup {
    html! {
        section {
            h2 { "Times" }
            dl.facts {
                dt { "Times" } dd { (slots::times(schedule)) }
                dt { "Next slots" } dd { (slots::next(schedule, 5)) }
                dt { "Delay" } dd { (slots::jitter(schedule)) }
                dt { "Missed slots" } dd { (slots::catch_up(schedule.catch_up())) }
                dt { "Version" }
                dd {
                    (schedule.version) ", by " (marks::name(&schedule.changed_by))
                    @if let Some(at) = instant(schedule.change_time.as_ref()) { ", " (marks::time(at)) }
                }
            }
        }
    }
}

fn past_slots(
    schedule: &v1::Schedule,
    past: &v1::ListSlotsResponse,
    wanted: &Wanted,
    id: &RecordId,
) -> Markup {
    let zone = slots::zone(&schedule.time_zone);
    let gaps = words::counted(schedule.recent_gaps as usize, "gap", "gaps");
    html! {
        section aria-labelledby="slots" {
            h2 #slots { "Slots" span.note { (gaps) " among the newest 100" } }
            @if past.slots.is_empty() {
                p { @if wanted.page.is_empty() { "No slot has passed yet." } @else { "No further slots." } }
            } @else {
                table.list {
                    caption.sr { "Slots that have passed, newest first" }
                    thead { tr { th scope="col" { "Slot" } th scope="col" { "Outcome" } } }
                    tbody {
                        @for slot in &past.slots {
                            tr class=[matches!(slot.outcome, Some(v1::slot::Outcome::Gap(_))).then_some("gap")] {
                                th scope="row" data-label="Slot" {
                                    @if let Some(at) = instant(slot.slot.as_ref()) { (slots::slot(at, &zone)) }
                                }
                                td data-label="Outcome" { (outcome(&schedule.cluster_id, slot)) }
                            }
                        }
                    }
                }
            }
            (next_page(&links::schedule(id), &[], &past.next_page_token))
        }
    }
}

/// What became of a slot: a link to the audit that it started, or why there is none.
pub(crate) fn outcome(cluster: &str, slot: &v1::Slot) -> Markup {
    html! {
        @match &slot.outcome {
            Some(v1::slot::Outcome::AuditId(run)) => {
                "run: "
                @match (cluster.parse::<ClusterId>(), run.parse()) {
                    (Ok(cluster), Ok(run)) => { a href=(links::audit(&AuditKey { cluster, run })) { "audit " (marks::id(&short(&run.to_string()))) } },
                    _ => { (marks::id(run)) },
                }
            },
            Some(v1::slot::Outcome::Gap(reason)) => { b { "gap" } ": " (marks::name(reason)) },
            None => { "not known" },
        }
    }
}

/// The first group of a run id: enough to tell runs of one schedule apart; the page of the audit has it in full.
fn short(run: &str) -> String {
    run.split('-').next().unwrap_or(run).to_owned()
}

fn change(viewer: &Viewer, schedule: &v1::Schedule, again: &Again, id: &RecordId) -> Markup {
    let form = again.form.clone().unwrap_or_else(|| ScheduleForm::of(schedule));
    let open = again.form.as_ref().is_some_and(|form| !matches!(form.intent.as_str(), "pause" | "resume"));
    html! {
        section {
            details open[open] {
                summary { h2 { "Change the times" } }
                form.fields action=(links::schedule(id)) method="post" novalidate {
                    (csrf(viewer))
                    // The version that was read first: a change that came between is not overwritten.
                    (hidden("version", &form.version))
                    (form.times(&again.errors))
                    div.actions { (submit("Keep changes")) (submit_as("preview", "Show next slots")) }
                }
            }
        }
    }
}

fn pause(viewer: &Viewer, schedule: &v1::Schedule, id: &RecordId) -> Markup {
    html! {
        section {
            h2 { @if schedule.paused { "Resume" } @else { "Pause" } }
            form action=(links::schedule(id)) method="post" {
                (csrf(viewer))
                (hidden("version", &schedule.version.to_string()))
                @if schedule.paused {
                    p { "Slots that pass while it is paused are neither run nor gaps." }
                    (submit_as("resume", "Resume schedule"))
                } @else {
                    p { "No audit starts until it is resumed." }
                    (submit_as("pause", "Pause schedule"))
                }
            }
        }
    }
}

fn end(viewer: &Viewer, again: &Again, id: &RecordId) -> Markup {
    let none = Errors::default();
    let errors = if again.unconfirmed { &again.errors } else { &none };
    html! {
        section {
            h2 { "End" }
            form.fields action=(links::delete_schedule(id)) method="post" novalidate {
                (csrf(viewer))
                p { "No further audits start by it. Its versions, slots and packs are kept; its name cannot be used again." }
                (Fields(errors).checkbox("confirm", "End this schedule for good", "", false))
                button.button type="submit" { "End schedule" }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_the_form_says_otherwise_is_changed() {
        // 90 seconds are told as 1 minute: sending the form back unchanged keeps them.
        let schedule = v1::Schedule {
            cron: "0 2 * * *".into(),
            jitter: Some(prost_types::Duration { seconds: 90, nanos: 0 }),
            ..Default::default()
        };
        let present = ScheduleForm::of(&schedule);
        assert!(changed(&present, &present.clone()).is_empty());
        let form = ScheduleForm { cron: "0 3 * * *".into(), ..present.clone() };
        assert_eq!(changed(&present, &form), ["cron"]);
    }
}
