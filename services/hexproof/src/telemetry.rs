//! What operators see of the program: logs, traces, metrics.
//!
//! Logs go to standard error, as text or as JSON, one object a line; every span carries a `trace_id`, so that a line
//! leads to the trace it belongs to. Traces go by OTLP to the collector that `OTEL_EXPORTER_OTLP_ENDPOINT` names, and
//! nowhere if it names none. `metrics` holds what Prometheus is shown, `scores` the part of it that concerns clusters.

pub(crate) mod metrics;
pub(crate) mod scores;

use std::time::Duration;

use anyhow::Context as _;
use http::HeaderMap;
use opentelemetry::propagation::{Extractor, TextMapPropagator as _};
use opentelemetry::trace::{TraceContextExt as _, TracerProvider as _};
use opentelemetry_otlp::SpanExporter;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::propagation::TraceContextPropagator;
use opentelemetry_sdk::trace::SdkTracerProvider;
use tracing::Span;
use tracing_opentelemetry::OpenTelemetrySpanExt as _;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{EnvFilter, Layer as _};

use crate::cli::LogFormat;

/// Which lines are logged, as `tracing` writes it: `info`, `hexproof=debug`.
const FILTER: &str = "HEXPROOF_LOG";
/// Where traces go.
const ENDPOINT: &str = "OTEL_EXPORTER_OTLP_ENDPOINT";
/// How long the last traces may take on their way.
const FLUSH: Duration = Duration::from_secs(3);

/// Logs of a command that runs and ends.
pub(crate) fn for_a_command() {
    tracing_subscriber::fmt()
        .with_env_filter(EnvFilter::from_env(FILTER))
        .with_writer(std::io::stderr)
        .init();
}

/// Logs and traces of a service, until [`Telemetry::flush`].
pub(crate) struct Telemetry {
    traces: SdkTracerProvider,
}

/// Starts logs and traces of a service named `service`. Needs the runtime.
///
/// # Errors
/// An address of a trace collector that is none, or a filter that cannot be read.
pub(crate) fn for_a_service(service: &'static str, format: LogFormat) -> anyhow::Result<Telemetry> {
    let resource = Resource::builder().with_service_name(service).build();
    let mut traces = SdkTracerProvider::builder().with_resource(resource);
    let endpoint = std::env::var_os(ENDPOINT).is_some_and(|value| !value.is_empty());
    if endpoint {
        let exporter = SpanExporter::builder().with_tonic().build();
        traces = traces.with_batch_exporter(exporter.with_context(|| format!("{ENDPOINT} cannot be used"))?);
    }
    let traces = traces.build();
    let filter = match std::env::var(FILTER) {
        Ok(text) if !text.is_empty() => {
            EnvFilter::try_new(&text).with_context(|| format!("{FILTER} cannot be read"))?
        }
        _ => EnvFilter::new("info"),
    };
    let lines = tracing_subscriber::fmt::layer().with_writer(std::io::stderr);
    let lines = match format {
        LogFormat::Text => lines.with_ansi(false).boxed(),
        LogFormat::Json => lines.json().flatten_event(true).with_current_span(false).boxed(),
    };
    // Of our own code: what libraries do inside a call would drown it.
    let spans = tracing_opentelemetry::layer().with_tracer(traces.tracer(service)).with_filter(
        tracing_subscriber::filter::filter_fn(|metadata| metadata.target().starts_with("hexproof")),
    );
    tracing_subscriber::registry().with(filter).with(spans).with(lines).init();
    Ok(Telemetry { traces })
}

impl Telemetry {
    /// Sends what is left. Blocks for a few seconds at most.
    pub(crate) fn flush(self) {
        if let Err(error) = self.traces.shutdown_with_timeout(FLUSH) {
            tracing::warn!(%error, "the last traces were not delivered");
        }
    }
}

/// Puts a span into the trace that the caller names in `traceparent` (W3C Trace Context), and notes the id of the
/// trace in it; the span has a field `trace_id`.
pub(crate) fn join_trace(span: &Span, headers: &HeaderMap) {
    if headers.contains_key("traceparent") {
        let context = TraceContextPropagator::new().extract(&Headers(headers));
        // Fails only without the layer above: then there are no traces.
        let _ = span.set_parent(context);
    }
    note_trace(span);
}

/// Notes the id of the trace of a span in its field `trace_id`.
pub(crate) fn note_trace(span: &Span) {
    let context = span.context();
    let of = context.span().span_context().clone();
    if of.is_valid() {
        span.record("trace_id", tracing::field::display(of.trace_id()));
    }
}

struct Headers<'a>(&'a HeaderMap);

impl Extractor for Headers<'_> {
    fn get(&self, key: &str) -> Option<&str> {
        self.0.get(key).and_then(|value| value.to_str().ok())
    }

    fn keys(&self) -> Vec<&str> {
        self.0.keys().map(http::HeaderName::as_str).collect()
    }
}
