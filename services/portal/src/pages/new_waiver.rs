//! The form that proposes a waiver.

use axum::extract::{Query, State};
use axum::response::{IntoResponse as _, Redirect, Response};
use hexproof_core::id::{ClusterId, RecordId};
use http::StatusCode;
use maud::{Markup, html};

use crate::forms::{CheckedForm, Errors, Kept, Notice, csrf, hidden, request_id, submit};
use crate::grpc::Api;
use crate::links;
use crate::pages::shared::{cluster_names, wrong};
use crate::parts::PortalParts;
use crate::refusal::Refusal;
use crate::shell::{Section, Shell};
use crate::viewer::Viewer;
use crate::waivers::form::{LABELS, PATHS, WaiverForm};

/// The form; a query fills in what is known, such as the cluster and the measure of a finding.
pub(crate) async fn get(
    State(parts): State<PortalParts>,
    viewer: Viewer,
    kept: Kept,
    Query(asked): Query<WaiverForm>,
) -> Result<Response, Refusal> {
    // Its own request id is kept with it: whatever was done of it before is not done again.
    let form = match kept.form(links::WAIVERS) {
        Some(form) => form,
        None => WaiverForm { request: request_id()?, ..asked },
    };
    page(&parts, &viewer, &form, &Errors::default(), kept.told()).await
}

pub(crate) async fn post(
    State(parts): State<PortalParts>,
    viewer: Viewer,
    CheckedForm(form): CheckedForm<WaiverForm>,
) -> Result<Response, Refusal> {
    let missing = form.missing();
    if !missing.is_empty() {
        return page(&parts, &viewer, &form, &missing, html! {}).await;
    }
    let message = form.message();
    if let Ok(cluster) = message.cluster_id.parse::<ClusterId>() {
        viewer.trail.touches(Some(&cluster), "");
    }
    let made = match Api::new(&parts, &viewer).waivers().propose_waiver(message).await {
        Ok(answer) => answer.into_inner().waiver.unwrap_or_default(),
        Err(status) => {
            let errors = wrong(status, PATHS, &form.cluster)?;
            return page(&parts, &viewer, &form, &errors, html! {}).await;
        }
    };
    let cluster: ClusterId = made.cluster_id.parse().map_err(|_| Refusal::Internal)?;
    let id: RecordId = made.waiver.unwrap_or_default().id.parse().map_err(|_| Refusal::Internal)?;
    Ok(Redirect::to(&Notice::WaiverProposed.at(&links::waiver(&cluster, &id))).into_response())
}

async fn page(
    parts: &PortalParts,
    viewer: &Viewer,
    form: &WaiverForm,
    errors: &Errors,
    told: Markup,
) -> Result<Response, Refusal> {
    let clusters = cluster_names(&Api::new(parts, viewer)).await?;
    let shell = Shell {
        section: Section::Waivers,
        crumbs: vec![("Waivers".to_owned(), links::WAIVERS.to_owned())],
        title: match errors.is_empty() {
            true => "New waiver".to_owned(),
            false => "The waiver is not proposed: something cannot be used".to_owned(),
        },
        second: html! {
            "You propose it as " b { (crate::marks::name(&viewer.caller.subject)) }
            ". It counts once another person has approved it, until its last day."
        },
        body: html! {
            (told)
            (errors.summary(LABELS))
            form.fields action=(links::WAIVERS) method="post" novalidate {
                (csrf(viewer))
                (hidden("request", &form.request))
                (form.fields(&clusters, &parts.catalogue, errors))
                div.actions {
                    (submit("Propose waiver"))
                    a.touch href=(links::WAIVERS) { "Back to the waivers" }
                }
            }
        },
    };
    let status = if errors.is_empty() { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY };
    Ok(shell.answer(status, viewer))
}
