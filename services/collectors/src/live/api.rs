//! How questions reach an API server, or the recording of one.

use std::{io::Read, sync::Arc, time::Duration};

use bytes::Bytes;
use http::{HeaderMap, Method, Request, StatusCode, header};
use http_body_util::BodyExt;
use kube::client::Body;

use super::recording::Recording;
use crate::input::yaml::printable;

/// What asks for objects as they are.
pub(super) const JSON: &str = "application/json";
/// What asks for metadata alone, so that the rest of an object never travels.
pub(super) const METADATA: &str =
    "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,application/json";
/// What asks for all resources of all groups at once.
pub(super) const DISCOVERY: &str = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,\
     application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList,application/json";

/// Largest answer that is read whole (discovery, reviews, errors).
const SMALL: usize = 16 << 20;
/// Largest error text that is looked at.
const ERROR: usize = 64 << 10;

/// An API server.
#[derive(Clone)]
pub enum Api {
    /// A live one.
    Live(kube::Client),
    /// The answers of one, recorded earlier.
    Recorded(Arc<Recording>),
}

// A client holds credentials.
impl std::fmt::Debug for Api {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Live(_) => "Live",
            Self::Recorded(_) => "Recorded",
        })
    }
}

/// Why an answer could not be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Refusal {
    /// HTTP status; nothing where no answer came.
    pub(super) status: Option<StatusCode>,
    /// A sentence with the server's own reason.
    pub(super) reason: String,
    /// How long the server asked to wait.
    pub(super) retry_after: Option<Duration>,
    /// The token of an expired list with which its rest can still be had.
    pub(super) resume: Option<String>,
}

impl Refusal {
    /// A fault of the connection or of the answer itself.
    pub(super) fn fault(reason: impl Into<String>) -> Self {
        Self { status: None, reason: reason.into(), retry_after: None, resume: None }
    }

    /// Whether the same question may be answered a little later.
    pub(super) fn is_passing(&self) -> bool {
        match self.status {
            None => true,
            Some(status) => matches!(status.as_u16(), 429 | 500 | 502 | 503 | 504),
        }
    }
}

/// An answer with status 2xx whose body is still to be read.
pub(super) struct Answer {
    body: AnswerBody,
    timeout: Duration,
}

enum AnswerBody {
    Stream(Body),
    File(std::fs::File),
}

impl Answer {
    /// The next piece of the body; nothing at its end.
    pub(super) async fn chunk(&mut self) -> Result<Option<Bytes>, Refusal> {
        match &mut self.body {
            AnswerBody::Stream(body) => loop {
                let frame = tokio::time::timeout(self.timeout, body.frame());
                match frame.await.map_err(|_| Refusal::fault("the answer stopped half-way"))? {
                    None => return Ok(None),
                    Some(Err(error)) => {
                        return Err(Refusal::fault(format!("the answer broke off: {}", chain(&error))));
                    }
                    Some(Ok(frame)) => {
                        if let Ok(data) = frame.into_data() {
                            return Ok(Some(data));
                        }
                    }
                }
            },
            AnswerBody::File(file) => {
                let mut chunk = vec![0; 64 << 10];
                let read = file
                    .read(&mut chunk)
                    .map_err(|error| Refusal::fault(format!("cannot be read: {error}")))?;
                chunk.truncate(read);
                Ok((read > 0).then(|| chunk.into()))
            }
        }
    }

    async fn whole(&mut self, limit: usize) -> Result<Vec<u8>, Refusal> {
        let mut out = Vec::new();
        while let Some(chunk) = self.chunk().await? {
            if out.len() + chunk.len() > limit {
                return Err(Refusal::fault(format!("the answer is larger than {} KiB", limit >> 10)));
            }
            out.extend_from_slice(&chunk);
        }
        Ok(out)
    }

    /// A small answer as JSON.
    pub(super) async fn json(mut self) -> Result<serde_json::Value, Refusal> {
        let bytes = self.whole(SMALL).await?;
        // The parser's message may quote the text.
        serde_json::from_slice(&bytes).map_err(|_| Refusal::fault("the answer is not JSON"))
    }
}

impl Api {
    /// Asks once; anything but a status of 2xx is a refusal with the server's reason.
    pub(super) async fn get(&self, path: &str, accept: &str, timeout: Duration) -> Result<Answer, Refusal> {
        self.ask(Method::GET, path, accept, Vec::new(), timeout).await
    }

    /// Posts a review, which changes nothing on the server.
    pub(super) async fn review(
        &self,
        path: &str,
        body: Vec<u8>,
        timeout: Duration,
    ) -> Result<Answer, Refusal> {
        self.ask(Method::POST, path, JSON, body, timeout).await
    }

    async fn ask(
        &self,
        method: Method,
        path: &str,
        accept: &str,
        body: Vec<u8>,
        timeout: Duration,
    ) -> Result<Answer, Refusal> {
        let client = match self {
            Self::Recorded(recording) => {
                let file = recording.open(&method, path, accept)?;
                return Ok(Answer { body: AnswerBody::File(file), timeout });
            }
            Self::Live(client) => client,
        };
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header(header::ACCEPT, accept)
            .header(header::CONTENT_TYPE, JSON)
            .body(Body::from(body))
            .map_err(|error| Refusal::fault(format!("the request cannot be made: {error}")))?;
        let seconds = timeout.as_secs_f32();
        let response = tokio::time::timeout(timeout, client.send(request))
            .await
            .map_err(|_| Refusal::fault(format!("no answer within {seconds} s")))?
            .map_err(|error| Refusal::fault(format!("no answer: {}", chain(&error))))?;
        let (parts, body) = response.into_parts();
        let mut answer = Answer { body: AnswerBody::Stream(body), timeout };
        if parts.status.is_success() {
            return Ok(answer);
        }
        let text = answer.whole(ERROR).await.unwrap_or_default();
        Err(refusal(parts.status, &parts.headers, &text))
    }
}

/// What a status other than 2xx means, in the server's words where it has any.
pub(super) fn refusal(status: StatusCode, headers: &HeaderMap, body: &[u8]) -> Refusal {
    let parsed: Option<serde_json::Value> = serde_json::from_slice(body).ok();
    let of_status = |pointer: &str| parsed.as_ref()?.pointer(pointer)?.as_str();
    let message = match of_status("/message") {
        Some(message) => message.to_owned(),
        // 404 and 503 of the aggregation layer are plain text; pages of proxies are not worth showing.
        None => String::from_utf8_lossy(body)
            .lines()
            .next()
            .filter(|line| !line.starts_with('<'))
            .unwrap_or_default()
            .to_owned(),
    };
    let name = of_status("/reason").or_else(|| status.canonical_reason()).unwrap_or_default();
    let reason = match message.trim() {
        "" => format!("{} {name}", status.as_u16()),
        message => format!("{} {name}: {message}", status.as_u16()),
    };
    let retry_after = headers.get(header::RETRY_AFTER).and_then(|value| value.to_str().ok()?.parse().ok());
    Refusal {
        status: Some(status),
        reason: shown(&reason),
        retry_after: retry_after.map(Duration::from_secs),
        resume: of_status("/metadata/continue").map(str::to_owned),
    }
}

/// Up to 300 characters of a text for a message.
fn shown(text: &str) -> String {
    let mut parts = text.chars();
    let mut out = String::new();
    for _ in 0..3 {
        let part: String = parts.by_ref().take(100).collect();
        out.push_str(&printable(&part));
    }
    out
}

/// An error with what caused it; causes that only repeat it are left out.
pub(super) fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        if !text.contains(&cause_text) {
            text.push_str(": ");
            text.push_str(&cause_text);
        }
        source = cause.source();
    }
    shown(&text)
}
