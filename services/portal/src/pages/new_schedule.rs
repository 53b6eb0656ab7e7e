//! The form of a new schedule, and what makes one.

use axum::extract::{Query, State};
use axum::response::{IntoResponse as _, Redirect, Response};
use hexproof_api::v1;
use hexproof_core::id::RecordId;
use http::StatusCode;
use maud::{Markup, html};

use crate::forms::{CheckedForm, Errors, Kept, Notice, csrf, hidden, request_id, submit, submit_as};
use crate::grpc::Api;
use crate::links;
use crate::pages::shared::{cluster_names, wrong};
use crate::parts::PortalParts;
use crate::refusal::Refusal;
use crate::schedules::form::{LABELS, PATHS, ScheduleForm, preview};
use crate::shell::{Section, Shell};
use crate::viewer::Viewer;

pub(crate) async fn get(
    State(parts): State<PortalParts>,
    viewer: Viewer,
    kept: Kept,
    Query(asked): Query<ScheduleForm>,
) -> Result<Response, Refusal> {
    // Its own request id is kept with it: whatever was done of it before is not done again.
    let form = match kept.form(links::SCHEDULES) {
        Some(form) => form,
        None => ScheduleForm { request: request_id()?, ..asked },
    };
    page(&parts, &viewer, &form, &Errors::default(), None, kept.told()).await
}

pub(crate) async fn post(
    State(parts): State<PortalParts>,
    viewer: Viewer,
    CheckedForm(form): CheckedForm<ScheduleForm>,
) -> Result<Response, Refusal> {
    let schedule = match form.message() {
        Ok(schedule) => schedule,
        Err(errors) => return page(&parts, &viewer, &form, &errors, None, html! {}).await,
    };
    let only_preview = form.intent == "preview";
    let message = v1::CreateScheduleRequest {
        schedule: Some(schedule),
        request_id: form.request.clone(),
        validate_only: only_preview,
    };
    let made = match Api::new(&parts, &viewer).schedules().create_schedule(message).await {
        Ok(answer) => answer.into_inner().schedule.unwrap_or_default(),
        Err(status) => {
            let errors = wrong(status, PATHS, &form.cluster)?;
            return page(&parts, &viewer, &form, &errors, None, html! {}).await;
        }
    };
    if only_preview {
        return page(&parts, &viewer, &form, &Errors::default(), Some(&made), html! {}).await;
    }
    let id: RecordId = made.schedule_id.parse().map_err(|_| Refusal::Internal)?;
    Ok(Redirect::to(&Notice::ScheduleCreated.at(&links::schedule(&id))).into_response())
}

async fn page(
    parts: &PortalParts,
    viewer: &Viewer,
    form: &ScheduleForm,
    errors: &Errors,
    shown: Option<&v1::Schedule>,
    told: Markup,
) -> Result<Response, Refusal> {
    let clusters = cluster_names(&Api::new(parts, viewer)).await?;
    let shell = Shell {
        section: Section::Schedules,
        crumbs: vec![("Schedules".to_owned(), links::SCHEDULES.to_owned())],
        title: match errors.is_empty() {
            true => "New schedule".to_owned(),
            false => "The schedule is not kept: something cannot be used".to_owned(),
        },
        second: html! { "Audits of a cluster start at the slots that the times name. Each slot runs at most once." },
        body: html! { (told) (body(viewer, form, &clusters, errors, shown)) },
    };
    let status = if errors.is_empty() { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY };
    Ok(shell.answer(status, viewer))
}

fn body(
    viewer: &Viewer,
    form: &ScheduleForm,
    clusters: &[String],
    errors: &Errors,
    shown: Option<&v1::Schedule>,
) -> Markup {
    html! {
        (errors.summary(LABELS))
        @if let Some(shown) = shown { (preview(shown)) }
        form.fields action=(links::SCHEDULES) method="post" novalidate {
            (csrf(viewer))
            (hidden("request", &form.request))
            (form.place(clusters, errors))
            (form.times(errors))
            div.actions {
                (submit("Create schedule"))
                (submit_as("preview", "Show next slots"))
                a.touch href=(links::SCHEDULES) { "Back to the schedules" }
            }
        }
    }
}
