//! What is served to plain HTTP clients: whether the process lives and can work, metrics, the files of links. Pages
//! for people are merged into [`routes`] beside them.

mod links;

use std::sync::Arc;

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use hexproof_access::policy::Route;
use hexproof_archive::PackStore;
use http::{HeaderValue, StatusCode, header};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::readiness::Readiness;
use crate::telemetry::metrics::Metrics;

/// Of OpenMetrics.
const METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// What the pages show.
#[derive(Clone)]
pub(crate) struct Pages {
    pub(crate) readiness: watch::Receiver<Readiness>,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) packs: PackStore,
}

/// The routes on the address for callers; the access layer stands before them.
pub(crate) fn routes(pages: Pages) -> Router {
    let link = format!("{}{{token}}", Route::Link.path());
    Router::new()
        .route(Route::Live.path(), get(async || "lives\n"))
        .route(Route::Ready.path(), get(ready))
        .route(Route::Metrics.path(), get(metrics))
        .route(&link, get(links::download))
        .with_state(pages)
}

/// The routes on the address for Prometheus and kubelets.
pub(crate) fn unguarded(pages: Pages) -> Router {
    Router::new()
        .route(Route::Live.path(), get(async || "lives\n"))
        .route(Route::Ready.path(), get(ready))
        .route(Route::Metrics.path(), get(metrics))
        .with_state(pages)
}

/// The routes of an agent, which has neither store nor queue: it is ready until `stop`.
pub(crate) fn of_an_agent(metrics: Arc<Metrics>, stop: CancellationToken) -> Router {
    let ready = async move || {
        let stopping = stop.is_cancelled();
        answer(Readiness { ready: !stopping, down: Vec::new(), stopping })
    };
    Router::new()
        .route(Route::Live.path(), get(async || "lives\n"))
        .route(Route::Ready.path(), get(ready))
        .route(Route::Metrics.path(), get(async move || text(&metrics)))
}

async fn ready(State(pages): State<Pages>) -> Response {
    answer(pages.readiness.borrow().clone())
}

fn answer(state: Readiness) -> Response {
    let status = if state.ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, [(header::CACHE_CONTROL, "no-store")], Json(state)).into_response()
}

async fn metrics(State(pages): State<Pages>) -> Response {
    text(&pages.metrics)
}

fn text(metrics: &Metrics) -> Response {
    match metrics.text() {
        Ok(text) => ([(header::CONTENT_TYPE, HeaderValue::from_static(METRICS))], text).into_response(),
        Err(error) => {
            tracing::error!(%error, "metrics cannot be written");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}
