//! The check of a file that somebody sent: a form, and a page that says what holds and what does not.
//!
//! Nothing is kept of the file. Few are taken at once, so that memory is bounded whatever is sent.

use std::time::Duration;

use axum::extract::{Request, State};
use axum::response::Response;
use hexproof_access::Csrf;
use hexproof_core::digest::Digest;
use hexproof_core::port::PackCheck;
use http::StatusCode;
use maud::{Markup, html};
use tokio::sync::{Semaphore, SemaphorePermit};

use crate::check_view::{self, Checked};
use crate::forms::upload::{self, Upload, announced_too_large, while_draining};
use crate::forms::{Errors, FOREIGN, csrf, submit};
use crate::parts::PortalParts;
use crate::refusal::Refusal;
use crate::shell::{Section, Shell};
use crate::viewer::Viewer;
use crate::{links, words};

/// Files that are taken and checked at once, each in memory.
static AT_ONCE: Semaphore = Semaphore::const_new(4);
/// How long somebody waits for a place among them.
const QUEUE: Duration = Duration::from_secs(10);
/// How long a check may take until its reader is told. The work cannot be stopped; it keeps its place until it ends.
const CHECKING: Duration = Duration::from_secs(60);

pub(crate) async fn get(viewer: Viewer) -> Response {
    form_page(&viewer, StatusCode::OK, &Errors::default())
}

pub(crate) async fn post(
    State(parts): State<PortalParts>,
    viewer: Viewer,
    request: Request,
) -> Result<Response, Refusal> {
    let (head, body) = request.into_parts();
    let token = head.extensions.get::<Csrf>().cloned();
    let mut body = body.into_data_stream();
    let wrong = |status, sentence: &str| form_page(&viewer, status, &Errors::of("file", sentence));
    let too_large = || {
        let limit = words::size(upload::LARGEST);
        wrong(
            StatusCode::PAYLOAD_TOO_LARGE,
            &format!("The file has more than {limit}, the most that is checked here. A pack has less."),
        )
    };
    if announced_too_large(&head.headers) {
        return Ok(while_draining(too_large(), &head.headers, body));
    }
    let Some(permit) = place().await else {
        let busy = wrong(
            StatusCode::SERVICE_UNAVAILABLE,
            "As many files are being checked as the service can. Try again in a minute.",
        );
        return Ok(while_draining(busy, &head.headers, body));
    };
    let (name, bytes) = match upload::read(&head.headers, &mut body, token.as_ref()).await {
        Upload::File(name, bytes) => (name, bytes),
        Upload::Nothing => return Ok(wrong(StatusCode::UNPROCESSABLE_ENTITY, "Choose a file.")),
        Upload::TooLarge => {
            drop(permit);
            return Ok(while_draining(too_large(), &head.headers, body));
        }
        Upload::Slow => {
            return Ok(wrong(StatusCode::REQUEST_TIMEOUT, "The file did not come within two minutes."));
        }
        Upload::Broken => {
            return Ok(wrong(StatusCode::BAD_REQUEST, "The file did not come whole. Send it again."));
        }
        Upload::Foreign => {
            drop(permit);
            let page = wrong(StatusCode::FORBIDDEN, FOREIGN);
            return Ok(while_draining(page, &head.headers, body));
        }
    };
    let size = bytes.len() as u64;
    let checked = match check(&parts, permit, bytes).await? {
        Some((check, digest, claims)) => {
            let kept = check_view::kept(&parts, &viewer, &digest, claims.as_ref()).await;
            Checked { name, size, digest, check, claims, kept }
        }
        None => {
            return Ok(wrong(
                StatusCode::UNPROCESSABLE_ENTITY,
                "The check did not end within a minute. No pack takes that long: do not rely on the file.",
            ));
        }
    };
    Ok(Shell {
        section: Section::Verify,
        crumbs: vec![("Verify a file".to_owned(), links::VERIFY.to_owned())],
        title: checked.title(),
        second: checked.second(),
        body: html! {
            (checked.body())
            section { h2 { "Check another file" } (form(&viewer, &Errors::default())) }
        },
    }
    .show(&viewer))
}

async fn place() -> Option<SemaphorePermit<'static>> {
    tokio::time::timeout(QUEUE, AT_ONCE.acquire()).await.ok()?.ok()
}

type Found = (PackCheck, Digest, Option<hexproof_core::port::PackClaims>);

/// Checks a file off the threads that serve; `None` if it takes too long.
async fn check(
    parts: &PortalParts,
    permit: SemaphorePermit<'static>,
    pdf: Vec<u8>,
) -> Result<Option<Found>, Refusal> {
    let checker = parts.check.clone();
    let work = tokio::task::spawn_blocking(move || {
        // Held to the end of the work.
        let _permit = permit;
        (checker.check(&pdf), Digest::of(&pdf), checker.claims(&pdf))
    });
    match tokio::time::timeout(CHECKING, work).await {
        Err(_) => {
            tracing::warn!("the check of a file takes longer than any pack does");
            Ok(None)
        }
        Ok(Ok(found)) => Ok(Some(found)),
        Ok(Err(error)) => {
            tracing::error!(%error, "the check of a file died");
            Err(Refusal::Internal)
        }
    }
}

fn form_page(viewer: &Viewer, status: StatusCode, errors: &Errors) -> Response {
    Shell {
        section: Section::Verify,
        crumbs: Vec::new(),
        title: match errors.is_empty() {
            true => "Verify a file that somebody sent you".to_owned(),
            false => "The file was not checked".to_owned(),
        },
        second: html! {
            "The check says whether the file is a pack, whole and unchanged since it was sealed, and by whom it was sealed. Nothing of the file is kept."
        },
        body: html! {
            (errors.summary(&[("file", "File")]))
            (form(viewer, errors))
            section {
                h2 { "What is checked" }
                (check_view::steps_explained())
            }
        },
    }
    .answer(status, viewer)
}

fn form(viewer: &Viewer, errors: &Errors) -> Markup {
    let error = errors.at("file").next();
    html! {
        form.fields action=(links::VERIFY) method="post" enctype="multipart/form-data" {
            // Before the file: it is looked at first.
            (csrf(viewer))
            div.field {
                label for="field-file" { "File" }
                p.hint id="field-file-hint" { "A PDF of at most " (words::size(upload::LARGEST)) "." }
                @if let Some(error) = error { p.error id="field-file-error" { (error) } }
                input type="file" id="field-file" name="file" accept=".pdf,application/pdf" required
                    aria-describedby=(if error.is_some() { "field-file-error field-file-hint" } else { "field-file-hint" })
                    aria-invalid=[error.map(|_| "true")];
            }
            (submit("Check file"))
        }
    }
}
