//! A form that was sent after its session had ended: it stands in its page again as it was typed, and nothing was done.

use std::collections::BTreeMap;
use std::convert::Infallible;

use axum::extract::FromRequestParts;
use hexproof_access::Draft;
use http::request::Parts;
use maud::{Markup, html};
use serde::de::DeserializeOwned;

/// What the access layer kept of a form of this page, if it kept one.
#[derive(Debug, Clone, Default)]
pub(crate) struct Kept(Option<Draft>);

impl<S: Send + Sync> FromRequestParts<S> for Kept {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(Self(parts.extensions.get::<Draft>().cloned()))
    }
}

impl Kept {
    /// The form that was to be sent to an address.
    pub(crate) fn form<T: DeserializeOwned>(&self, action: &str) -> Option<T> {
        let draft = self.0.as_ref().filter(|draft| draft.action == action)?;
        // Browsers send the lines of a text with CR and LF, and show them with LF alone.
        let lines = |value: &String| value.replace("\r\n", "\n");
        let fields: BTreeMap<&str, String> =
            draft.fields.iter().map(|(name, value)| (name.as_str(), lines(value))).collect();
        serde_json::to_value(fields).and_then(serde_json::from_value).ok()
    }

    /// Says that nothing was done yet.
    pub(crate) fn told(&self) -> Markup {
        html! {
            @if self.0.is_some() {
                p.notice role="status" {
                    "Your session had ended. Nothing was sent: the form stands here as you typed it. Send it again."
                }
            }
        }
    }
}
