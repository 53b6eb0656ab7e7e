//! Forms as they come: read whole, and believed only with the token of the session.

use std::collections::BTreeMap;

use axum::extract::{Form, FromRequest, Request};
use axum::response::{IntoResponse as _, Response};
use hexproof_access::{Csrf, Draft, OwnForms, PageRefusal};
use http::{HeaderMap, StatusCode};
use maud::{Markup, html};
use serde::de::DeserializeOwned;

use crate::refusal::Refusal;
use crate::viewer::Viewer;

/// A form that carries the token of its session.
pub(crate) struct CheckedForm<T>(pub(crate) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for CheckedForm<T> {
    type Rejection = Response;

    async fn from_request(request: Request, state: &S) -> Result<Self, Response> {
        let unreadable = || Refusal::Invalid("The form cannot be read.".to_owned()).into_response();
        let own = request.extensions().get::<OwnForms>().cloned();
        let action = request.uri().path().to_owned();
        let csrf = request.extensions().get::<Csrf>().cloned();
        let header = token(request.headers()).map(str::to_owned);
        let form = Form::<BTreeMap<String, String>>::from_request(request, state).await;
        let Form(fields) = form.map_err(|_| unreadable())?;
        let token = header.as_deref().or_else(|| fields.get(Csrf::FIELD).map(String::as_str));
        if !csrf.is_some_and(|csrf| csrf.check(token.unwrap_or_default())) {
            // The session of the form has ended, and its person has logged in since: nobody else made it up.
            return Err(match own.is_some_and(|own| own.holds(token.unwrap_or_default())) {
                true => again(action, fields),
                false => Refusal::Denied(FOREIGN.to_owned()).into_response(),
            });
        }
        let fields = serde_json::to_value(fields).and_then(serde_json::from_value);
        fields.map(Self).map_err(|_| unreadable())
    }
}

/// Shows a form of an earlier session again: it is sent with the token of this one.
fn again(action: String, mut fields: BTreeMap<String, String>) -> Response {
    fields.remove(Csrf::FIELD);
    let sentence = "Your session had ended. Nothing was sent yet: check and send.";
    let mut refusal = PageRefusal::new(StatusCode::FORBIDDEN, sentence);
    refusal.draft = Some(Draft { action, fields: fields.into_iter().collect() });
    let mut response = refusal.status.into_response();
    response.extensions_mut().insert(refusal);
    response
}

/// What is said of a form without the token of the session.
pub(crate) const FOREIGN: &str =
    "The form is not one of your session. Open the page again and send it from there.";

/// The token that a program sends in a header.
pub(crate) fn token(headers: &HeaderMap) -> Option<&str> {
    headers.get(Csrf::HEADER).and_then(|value| value.to_str().ok())
}

/// The token of the session, for a form.
pub(crate) fn csrf(viewer: &Viewer) -> Markup {
    html! { input type="hidden" name=(Csrf::FIELD) value=(viewer.csrf); }
}
