//! Forms as they come: read whole, and believed only with the token of the session.

use axum::extract::{Form, FromRequest, Request};
use hexproof_access::Csrf;
use maud::{Markup, html};
use serde::de::DeserializeOwned;

use crate::refusal::Refusal;
use crate::viewer::Viewer;

/// A form of this session.
pub(crate) struct CheckedForm<T>(pub(crate) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for CheckedForm<T> {
    type Rejection = Refusal;

    async fn from_request(request: Request, state: &S) -> Result<Self, Refusal> {
        let csrf = request.extensions().get::<Csrf>().cloned();
        let Form(pairs) = Form::<Vec<(String, String)>>::from_request(request, state)
            .await
            .map_err(|_| Refusal::Invalid("The form cannot be read.".to_owned()))?;
        let token = pairs.iter().find(|(name, _)| name == "csrf").map(|(_, value)| value.as_str());
        if !csrf.is_some_and(|csrf| csrf_matches(&csrf, token.unwrap_or_default().as_bytes())) {
            return Err(Refusal::Denied("The form is not one of your session.".to_owned()));
        }
        let text = serde_json::to_value(pairs.into_iter().collect::<std::collections::BTreeMap<_, _>>());
        text.and_then(serde_json::from_value)
            .map(Self)
            .map_err(|_| Refusal::Invalid("The form cannot be read.".to_owned()))
    }
}

/// The token of the session, for a form.
pub(crate) fn csrf(viewer: &Viewer) -> Markup {
    html! { input type="hidden" name="csrf" value=(viewer.csrf); }
}

/// Whether a form carries the token of the session.
pub(crate) fn csrf_matches(csrf: &Csrf, token: &[u8]) -> bool {
    !csrf.0.is_empty() && csrf.0.as_bytes() == token
}
