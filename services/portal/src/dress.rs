//! The outermost layer: refusals become pages for people and stay one plain line for programs; every answer gets its
//! headers; pages are packed.
//!
//! gRPC passes untouched.

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::middleware::{Next, from_fn};
use axum::response::{Html, IntoResponse as _, Response};
use hexproof_access::PageRefusal;
use http::response::Parts;
use http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use maud::{DOCTYPE, Markup, html};

use crate::shell::{Section, Shell};
use crate::viewer::Viewer;
use crate::{again, headers, links, wire};

/// The sentence of a refusal, beside its answer.
#[derive(Debug, Clone)]
pub(crate) struct Said(pub(crate) String);

/// Dresses everything that a router serves, and what it does not serve. `tls` says that the service is reached by TLS
/// alone.
pub fn dress(router: Router, tls: bool) -> Router {
    router
        .layer(from_fn(move |request: Request, next: Next| async move { dressed(request, next, tls).await }))
}

/// Keeps who looks beside the answer, for the frame of a refusal. Inside of the access layer.
pub(crate) async fn remember(request: Request, next: Next) -> Response {
    let viewer = Viewer::of(request.extensions());
    let mut response = next.run(request).await;
    if let Some(viewer) = viewer {
        response.extensions_mut().insert(viewer);
    }
    response
}

async fn dressed(request: Request, next: Next, tls: bool) -> Response {
    if is_grpc(request.headers()) || request.method() == Method::OPTIONS {
        return next.run(request).await;
    }
    let page = takes_page(request.headers());
    let gzip = wire::takes_gzip(request.headers());
    let mut response = next.run(request).await;
    if is_bare(&response) {
        response = if page { refusal_page(response) } else { line(response) };
    }
    headers::add(response.headers_mut(), tls);
    wire::packed(response, gzip).await
}

fn is_grpc(headers: &HeaderMap) -> bool {
    headers.get(header::CONTENT_TYPE).is_some_and(|kind| kind.as_bytes().starts_with(b"application/grpc"))
}

/// Whether a person looks: browsers name the type, programs do not.
fn takes_page(headers: &HeaderMap) -> bool {
    headers
        .get_all(header::ACCEPT)
        .iter()
        .any(|value| value.to_str().is_ok_and(|value| value.to_ascii_lowercase().contains("text/html")))
}

/// Whether an answer is a refusal that is no page yet.
fn is_bare(response: &Response) -> bool {
    if response.extensions().get::<PageRefusal>().is_some() {
        return true;
    }
    let status = response.status();
    let kind = response.headers().get(header::CONTENT_TYPE).map(|kind| kind.as_bytes().to_ascii_lowercase());
    (status.is_client_error() || status.is_server_error())
        && kind.is_none_or(|kind| kind.starts_with(b"text/plain"))
}

/// What is to be told of a refusal.
fn told(head: &mut Parts) -> PageRefusal {
    let said = head.extensions.remove::<Said>().map(|said| said.0);
    head.extensions.remove::<PageRefusal>().unwrap_or_else(|| {
        PageRefusal::new(head.status, said.unwrap_or_else(|| usual(head.status).to_owned()))
    })
}

/// One plain line for programs, where nothing stands yet.
fn line(response: Response) -> Response {
    let (mut head, body) = response.into_parts();
    if head.headers.contains_key(header::CONTENT_TYPE) {
        return Response::from_parts(head, body);
    }
    let sentence = told(&mut head).sentence;
    head.headers.remove(header::CONTENT_LENGTH);
    head.headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    Response::from_parts(head, Body::from(format!("{sentence}\n")))
}

/// The page of a refusal: its sentence, and what to do.
fn refusal_page(response: Response) -> Response {
    let (mut head, _) = response.into_parts();
    let PageRefusal { sentence, login, draft, .. } = told(&mut head);
    let viewer = head.extensions.remove::<Viewer>();
    // The title is the first sentence; where there is no further one, the status knows what to say.
    let (title, rest) = sentence.split_once(". ").unwrap_or((sentence.trim_end_matches('.'), ""));
    let second = if rest.is_empty() { advice(head.status) } else { rest }.to_owned();
    let title = title.to_owned();
    let unknown = viewer.is_none() && head.status == StatusCode::UNAUTHORIZED;
    let login = login.or_else(|| unknown.then(|| links::LOGIN.to_owned()));
    if head.headers.contains_key(header::REFRESH) {
        let page = Html(passing(&title, &second, login.as_deref()).into_string());
        return with_heads((head.status, page).into_response(), &head.headers);
    }
    let shell = Shell {
        section: Section::Elsewhere,
        crumbs: Vec::new(),
        title,
        second: html! { (second) },
        body: html! {
            @match (&draft, &viewer) {
                (Some(draft), Some(viewer)) => { (again::resend(draft, &viewer.csrf, "Send")) },
                (Some(draft), None) => { (again::waiting(draft, login.as_deref().unwrap_or(links::LOGIN))) },
                (None, _) => {},
            }
            @if draft.is_none() { p.actions {
                @if let Some(login) = &login { a.button.primary href=(login) { "Log in" } }
                @else { a.button href=(links::CLUSTERS) { "Show the clusters" } }
            } }
        },
    };
    with_heads(shell.response(head.status, viewer.as_ref()), &head.headers)
}

/// A page that its browser leaves at once: it loads nothing that would be broken off on the way.
fn passing(title: &str, second: &str, login: Option<&str>) -> Markup {
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                title { (title) " – Hexproof" }
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
            }
            body { main {
                h1 { (title) }
                p { (second) }
                @if let Some(login) = login { p { a href=(login) { "Log in" } } }
            } }
        }
    }
}

/// Adds what else an answer says: when to come back, or a cookie that ends.
fn with_heads(mut page: Response, more: &HeaderMap) -> Response {
    for (name, value) in more {
        if ![header::CONTENT_TYPE, header::CONTENT_LENGTH].contains(name) {
            page.headers_mut().append(name, value.clone());
        }
    }
    page
}

fn usual(status: StatusCode) -> &'static str {
    match status.as_u16() {
        401 => "Log in to see this page.",
        403 => "You may not do this.",
        404 => "There is no such page.",
        405 => "This page cannot be used that way.",
        408 | 504 => "The page took too long.",
        413 => "What was sent is too large.",
        415 => "What was sent is of a kind that this page does not read.",
        429 => "The service has as much to do as it can.",
        503 => "The evidence store does not answer.",
        400..=499 => "What was sent cannot be used.",
        _ => "The page could not be made.",
    }
}

fn advice(status: StatusCode) -> &'static str {
    match status.as_u16() {
        401 => "The service does not know who you are, or your session has ended.",
        403 => "Your roles do not cover it. Whoever runs the service can change them.",
        404 => "The address may be old, or what it names is beyond your clusters and your period.",
        429 | 503 | 504 => "Nothing is lost. Try again in a minute.",
        500.. => "The log of the service says why.",
        _ => "",
    }
}
