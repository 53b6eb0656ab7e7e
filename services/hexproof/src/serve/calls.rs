//! What happens around each call: a span in the caller's trace, a bound on calls at once, the deadline, the metrics.
//!
//! `names` knows the calls that there are, `deadline` reads `grpc-timeout`, `body` follows an answer to its end: a
//! stream counts, and is bounded, until its last message.

mod body;
mod deadline;
mod names;

use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::Body;
use hexproof_api::status;
use http::{Request, Response};
use tokio::sync::Semaphore;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tonic::{Code, Status};
use tower::{Layer, Service};
use tracing::Instrument as _;

use crate::telemetry;
use crate::telemetry::metrics::{Metrics, RpcLabels};
use body::CallBody;
pub(crate) use names::Names;

/// Puts [`Calls`] around the gRPC services.
#[derive(Clone)]
pub(crate) struct CallsLayer {
    shared: Arc<Shared>,
}

struct Shared {
    names: Names,
    metrics: Arc<Metrics>,
    /// Calls at once; more are refused, not queued: who waits in vain had better know.
    turns: Arc<Semaphore>,
    /// A call without a deadline of its own, unless it is a stream, has this one.
    longest: Duration,
    stop: CancellationToken,
}

impl CallsLayer {
    /// `at_once` calls of this process at most; those that do not stream take `longest` at most; those that would go on
    /// for ever end at `stop`.
    pub(crate) fn new(
        names: Names,
        metrics: Arc<Metrics>,
        at_once: usize,
        longest: Duration,
        stop: CancellationToken,
    ) -> Self {
        let turns = Arc::new(Semaphore::new(at_once));
        Self { shared: Arc::new(Shared { names, metrics, turns, longest, stop }) }
    }
}

impl<S> Layer<S> for CallsLayer {
    type Service = Calls<S>;

    fn layer(&self, inner: S) -> Calls<S> {
        Calls { inner, shared: self.shared.clone() }
    }
}

/// Surrounds calls. See the module.
#[derive(Clone)]
pub(crate) struct Calls<S> {
    inner: S,
    shared: Arc<Shared>,
}

/// What is measured of one call, once.
struct Measure {
    metrics: Arc<Metrics>,
    labels: RpcLabels,
    since: Instant,
    span: tracing::Span,
    ended: bool,
}

impl Measure {
    fn end(&mut self, code: Code) {
        if !std::mem::replace(&mut self.ended, true) {
            self.labels.code = names::code(code);
            self.span.record("code", self.labels.code);
            self.metrics.rpc(&self.labels, self.since.elapsed());
        }
    }
}

impl Drop for Measure {
    fn drop(&mut self) {
        // Who goes before the end has cancelled.
        self.end(Code::Cancelled);
    }
}

impl<S> Service<Request<Body>> for Calls<S>
where
    S: Service<Request<Body>, Response = Response<Body>, Error = Infallible> + Clone + Send + 'static,
    S::Future: Send,
{
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Body>, Infallible>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        // The instance that was polled to readiness is the one to be called.
        let clone = self.inner.clone();
        let mut inner = std::mem::replace(&mut self.inner, clone);
        let shared = self.shared.clone();
        let name = shared.names.of(request.uri().path());
        let span = tracing::info_span!(
            "rpc",
            service = name.service,
            method = name.method,
            code = tracing::field::Empty,
            trace_id = tracing::field::Empty,
        );
        telemetry::join_trace(&span, request.headers());
        let labels = RpcLabels { service: name.service, method: name.method, code: "OK" };
        let measure = Measure {
            metrics: shared.metrics.clone(),
            labels,
            since: Instant::now(),
            span: span.clone(),
            ended: false,
        };
        let deadline = match deadline::of(request.headers()) {
            Ok(Some(timeout)) => Some(measure.since + timeout),
            Ok(None) if name.streams => None,
            Ok(None) => Some(measure.since + shared.longest),
            Err(reason) => return answer(measure, status::invalid("grpc-timeout", reason)),
        };
        let Ok(turn) = shared.turns.clone().try_acquire_owned() else {
            let full = "the service has as much to do as it can; try again";
            return answer(measure, status::status(Code::ResourceExhausted, "OVERLOADED", full));
        };
        let stop = name.endless.then(|| shared.stop.clone());
        let call = async move {
            let answered = match deadline {
                Some(at) => tokio::time::timeout_at(at, inner.call(request)).await,
                None => Ok(inner.call(request).await),
            };
            Ok(match answered {
                Ok(Ok(response)) => {
                    let (head, body) = response.into_parts();
                    let body = CallBody::new(body, &head.headers, measure, deadline, stop, turn);
                    Response::from_parts(head, Body::new(body))
                }
                Ok(Err(never)) => match never {},
                Err(_) => finish(measure, &late()),
            })
        };
        Box::pin(call.instrument(span))
    }
}

fn late() -> Status {
    status::status(Code::DeadlineExceeded, "DEADLINE_EXCEEDED", "the time that the call was given is over")
}

fn finish(mut measure: Measure, status: &Status) -> Response<Body> {
    measure.end(status.code());
    status.clone().into_http()
}

fn answer(
    measure: Measure,
    status: Status,
) -> Pin<Box<dyn Future<Output = Result<Response<Body>, Infallible>> + Send>> {
    Box::pin(std::future::ready(Ok(finish(measure, &status))))
}
