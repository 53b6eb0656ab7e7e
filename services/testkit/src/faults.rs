//! What can be wrong with the answer to a list.

use std::{convert::Infallible, time::Duration};

use axum::{
    body::Body,
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use http::{StatusCode, header};
use serde_json::{Value, json};

/// A fault that a resource answers with instead of, or in, its list.
#[derive(Debug, Clone, PartialEq)]
pub enum Fault {
    /// 403 with the message of an RBAC denial.
    Forbidden,
    /// 401, as for a token that is not valid.
    Unauthorized,
    /// 404 in plain text, as for a group that is gone.
    NotFound,
    /// 405 with a Status.
    MethodNotAllowed,
    /// 503 in plain text, for the first so many requests.
    Unavailable(u32),
    /// 429 with `Retry-After: 0`, for the first so many requests.
    Throttled(u32),
    /// The continue token expires for the first so many uses; with a token for the rest if `resumable`.
    Expired {
        /// Uses that fail.
        times: u32,
        /// Whether the Status carries a token for the inconsistent rest.
        resumable: bool,
    },
    /// No answer for so long.
    Silent(Duration),
    /// Half of the list, then nothing more while the connection stays open.
    Stalled,
    /// Half of the list, then the end of the body.
    Truncated,
    /// Bytes that are no JSON, with the content type of JSON.
    Garbage,
    /// The login page of a proxy, with status 200.
    Html,
    /// Every page has a continue token, always a new one.
    Endless,
    /// Every page has the same continue token.
    SameToken,
    /// One list whose items never end.
    EndlessItems,
    /// The list announces so many objects more than it has.
    Missing(u64),
    /// All objects at once, whatever `limit` asks for.
    IgnoresLimit,
}

/// A metav1 Status.
pub(crate) fn status(code: StatusCode, reason: &str, message: &str) -> Response {
    let body = json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
        "message": message, "reason": reason, "code": code.as_u16()});
    (code, axum::Json(body)).into_response()
}

/// 410 of an expired token.
pub(crate) fn expired(resume: Option<&str>) -> Response {
    let mut metadata = json!({});
    if let Some(resume) = resume {
        metadata["continue"] = Value::from(resume);
    }
    let body = json!({"kind": "Status", "apiVersion": "v1", "metadata": metadata, "status": "Failure",
        "message": "The provided continue parameter is too old", "reason": "Expired", "code": 410});
    (StatusCode::GONE, axum::Json(body)).into_response()
}

/// A 200 with these bytes as JSON.
pub(crate) fn json_bytes(body: Body) -> Response {
    ([(header::CONTENT_TYPE, "application/json")], body).into_response()
}

/// The first half of `text`, then silence without an end.
pub(crate) fn stalled(text: &str) -> Response {
    let half = Bytes::copy_from_slice(text.as_bytes().get(..text.len() / 2).unwrap_or_default());
    json_bytes(Body::from_stream(Endless { next: vec![half], repeat: None }))
}

/// A list that goes on with the same item for ever.
pub(crate) fn endless_items(kind: &str, api_version: &str) -> Response {
    let head =
        format!("{{\"kind\":\"{kind}List\",\"apiVersion\":\"{api_version}\",\"metadata\":{{}},\"items\":[");
    let item = "{\"metadata\":{\"name\":\"again\",\"namespace\":\"default\"}},".repeat(1000);
    json_bytes(Body::from_stream(Endless { next: vec![head.into()], repeat: Some(item.into()) }))
}

/// Yields what is given, then the same chunk for ever, or nothing for ever.
struct Endless {
    next: Vec<Bytes>,
    repeat: Option<Bytes>,
}

impl futures_core::Stream for Endless {
    type Item = Result<Bytes, Infallible>;

    fn poll_next(
        mut self: std::pin::Pin<&mut Self>,
        context: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Self::Item>> {
        let _ = context;
        match self.next.pop().or_else(|| self.repeat.clone()) {
            Some(chunk) => std::task::Poll::Ready(Some(Ok(chunk))),
            // Never woken again: the silence is the point.
            None => std::task::Poll::Pending,
        }
    }
}
