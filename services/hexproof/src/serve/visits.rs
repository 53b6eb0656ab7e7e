//! What happens around each page: a span in the caller's trace, a bound on pages at once, a time, the metrics. What
//! `calls` is to RPCs.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{Request, State};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse as _, Response};
use hexproof_access::policy::pages::{Page, page_of};
use http::{HeaderValue, StatusCode, header};
use tokio::sync::Semaphore;
use tokio::time::{Instant, timeout};
use tracing::Instrument as _;

use crate::telemetry;
use crate::telemetry::metrics::{Metrics, PageLabels};

/// A page takes at most this long: browsers and people give up then.
const LONGEST: Duration = Duration::from_secs(30);
/// A file that is sent to be checked may come over a slow line.
const LONGEST_UPLOAD: Duration = Duration::from_secs(900);

/// Surrounds pages.
#[derive(Clone)]
pub(super) struct Visits {
    metrics: Arc<Metrics>,
    /// Pages at once; more are refused, not queued.
    turns: Arc<Semaphore>,
}

impl Visits {
    /// `at_once` pages of this process at most.
    pub(super) fn new(metrics: Arc<Metrics>, at_once: usize) -> Self {
        Self { metrics, turns: Arc::new(Semaphore::new(at_once)) }
    }

    /// Surrounds every route of these pages.
    pub(super) fn around(self, pages: Router) -> Router {
        pages.layer(from_fn_with_state(self, visit))
    }
}

async fn visit(State(visits): State<Visits>, request: Request, next: Next) -> Response {
    let page = page_of(request.method(), request.uri().path()).map(|rule| rule.page);
    let name = page.map_or_else(|| "none".to_owned(), |page| format!("{page:?}"));
    let span = tracing::info_span!(
        "page",
        page = name,
        status = tracing::field::Empty,
        trace_id = tracing::field::Empty,
    );
    telemetry::join_trace(&span, request.headers());
    let since = Instant::now();
    let response = bounded(&visits, page, request, next).instrument(span.clone()).await;
    span.record("status", response.status().as_u16());
    visits.metrics.page(&PageLabels { page: name, status: class(response.status()) }, since.elapsed());
    response
}

/// The answer within its time. A file has as long as it takes: once its head is made, nothing here waits for it.
async fn bounded(visits: &Visits, page: Option<Page>, request: Request, next: Next) -> Response {
    let Ok(_turn) = visits.turns.clone().try_acquire_owned() else {
        let mut response = StatusCode::SERVICE_UNAVAILABLE.into_response();
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("5"));
        return response;
    };
    let longest = if page == Some(Page::VerifyUpload) { LONGEST_UPLOAD } else { LONGEST };
    match timeout(longest, next.run(request)).await {
        Ok(response) => response,
        Err(_) => {
            tracing::warn!(seconds = longest.as_secs(), "a page took too long");
            StatusCode::GATEWAY_TIMEOUT.into_response()
        }
    }
}

/// The class of a status, so that there are few of them.
fn class(status: StatusCode) -> &'static str {
    match status.as_u16() {
        ..400 => "ok",
        401 | 403 => "refused",
        404 => "not-found",
        400..=499 => "invalid",
        _ => "failed",
    }
}

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use axum::routing::get;
    use tower::ServiceExt as _;

    use super::*;

    async fn status(router: &Router, path: &str) -> StatusCode {
        let request = Request::builder().uri(path).body(Body::empty()).unwrap();
        router.clone().oneshot(request).await.unwrap().status()
    }

    #[tokio::test(start_paused = true)]
    async fn pages_are_counted_bounded_and_end_in_time() {
        let metrics = Arc::new(Metrics::new());
        let pages = Router::new()
            .route("/clusters", get(async || "shown"))
            .route("/packs", get(async || tokio::time::sleep(Duration::from_secs(60)).await));
        let router = Visits::new(metrics.clone(), 1).around(pages);
        assert_eq!(status(&router, "/clusters").await, StatusCode::OK);
        let (slow, soon) = tokio::join!(status(&router, "/packs"), status(&router, "/clusters"));
        assert_eq!((slow, soon), (StatusCode::GATEWAY_TIMEOUT, StatusCode::SERVICE_UNAVAILABLE));
        assert_eq!(status(&router, "/clusters").await, StatusCode::OK);
        let text = metrics.text().unwrap();
        assert!(text.contains(r#"hexproof_page_duration_seconds_count{page="Clusters",status="ok"} 2"#), "{text}");
        assert!(text.contains(r#"{page="Packs",status="failed"} 1"#), "{text}");
    }
}
