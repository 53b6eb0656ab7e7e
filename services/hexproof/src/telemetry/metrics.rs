//! What Prometheus is shown. Labels are words of our own and ids of registered things, never text that came in.

use std::time::Duration;

use hexproof_core::audit::Stage;
use prometheus_client::encoding::{EncodeLabelSet, text};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::Registry;

use super::scores::Scores;

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OutcomeLabel {
    outcome: &'static str,
    /// The stage in which it came to that.
    stage: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct StageLabel {
    stage: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ReasonLabel {
    reason: &'static str,
}

/// Names an RPC; only those that there are have a name of their own.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct RpcLabels {
    pub(crate) service: &'static str,
    pub(crate) method: &'static str,
    pub(crate) code: &'static str,
}

/// Names a page of the table.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct PageLabels {
    pub(crate) page: String,
    pub(crate) status: &'static str,
}

type Histograms<L> = Family<L, Histogram, fn() -> Histogram>;

/// Every metric of the process.
pub(crate) struct Metrics {
    registry: Registry,
    audits: Family<OutcomeLabel, Counter>,
    stages: Histograms<StageLabel>,
    rpcs: Histograms<RpcLabels>,
    pages: Histograms<PageLabels>,
    gaps: Family<ReasonLabel, Gauge>,
    queue_depth: Gauge,
    running: Gauge,
    connections: Gauge,
    ready: Gauge,
    /// What concerns clusters.
    pub(crate) scores: Scores,
}

impl Metrics {
    /// All at zero.
    pub(crate) fn new() -> Self {
        // From what a cached answer takes to what a long audit takes.
        let rpc: fn() -> Histogram = || Histogram::new(exponential_buckets(0.001, 2.5, 12));
        let stage: fn() -> Histogram = || Histogram::new(exponential_buckets(0.01, 3.0, 11));
        let metrics = Self {
            registry: Registry::with_prefix("hexproof"),
            audits: Family::default(),
            stages: Family::new_with_constructor(stage),
            rpcs: Family::new_with_constructor(rpc),
            pages: Family::new_with_constructor(rpc),
            gaps: Family::default(),
            queue_depth: Gauge::default(),
            running: Gauge::default(),
            connections: Gauge::default(),
            ready: Gauge::default(),
            scores: Scores::default(),
        };
        metrics.registered()
    }

    fn registered(mut self) -> Self {
        let registry = &mut self.registry;
        registry.register(
            "audits",
            "Attempts at audits in this process, by how they came out and in which stage",
            self.audits.clone(),
        );
        registry.register(
            "stage_duration_seconds",
            "Time that audits of this process spent in a stage",
            self.stages.clone(),
        );
        registry.register("rpc_duration_seconds", "Duration of calls, by their status", self.rpcs.clone());
        registry.register("page_duration_seconds", "Duration of pages, by how they ended", self.pages.clone());
        registry.register(
            "schedule_gaps",
            "Slots that this replica saw pass without an audit since it was started, by reason",
            self.gaps.clone(),
        );
        registry.register("queue_depth", "Audits that wait for a worker", self.queue_depth.clone());
        registry.register(
            "audits_running",
            "Audits that workers of this process carry",
            self.running.clone(),
        );
        registry.register("connections", "Open connections", self.connections.clone());
        registry.register("ready", "Whether store and queue answer", self.ready.clone());
        registry.register_collector(Box::new(self.scores.clone()));
        self
    }

    /// An attempt at an audit came out, in this stage.
    pub(crate) fn audit(&self, outcome: &'static str, stage: Stage) {
        self.audits.get_or_create(&OutcomeLabel { outcome, stage: stage.word() }).inc();
    }

    /// An audit was in a stage for so long.
    pub(crate) fn stage(&self, stage: Stage, took: Duration) {
        self.stages.get_or_create(&StageLabel { stage: stage.word() }).observe(took.as_secs_f64());
    }

    /// A page took so long.
    pub(crate) fn page(&self, labels: &PageLabels, took: Duration) {
        self.pages.get_or_create(labels).observe(took.as_secs_f64());
    }

    /// A call took so long.
    pub(crate) fn rpc(&self, labels: &RpcLabels, took: Duration) {
        self.rpcs.get_or_create(labels).observe(took.as_secs_f64());
    }

    /// So many slots became gaps for a reason, since the start.
    pub(crate) fn gaps(&self, reason: &'static str, count: u64) {
        self.gaps.get_or_create(&ReasonLabel { reason }).set(count.try_into().unwrap_or(i64::MAX));
    }

    /// So many audits wait.
    pub(crate) fn waiting(&self, audits: u64) {
        self.queue_depth.set(audits.try_into().unwrap_or(i64::MAX));
    }

    /// So many audits are carried here.
    pub(crate) fn running(&self, audits: usize) {
        self.running.set(audits.try_into().unwrap_or(i64::MAX));
    }

    /// Whether the process is ready.
    pub(crate) fn ready(&self, ready: bool) {
        self.ready.set(i64::from(ready));
    }

    /// One connection more, until what is returned is dropped.
    pub(crate) fn connection(&self) -> impl Drop + Send + 'static {
        struct Open(Gauge);
        impl Drop for Open {
            fn drop(&mut self) {
                self.0.dec();
            }
        }
        self.connections.inc();
        Open(self.connections.clone())
    }

    /// Everything, as OpenMetrics text.
    pub(crate) fn text(&self) -> Result<String, std::fmt::Error> {
        let mut out = String::new();
        text::encode(&mut out, &self.registry)?;
        Ok(out)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metrics_have_the_names_that_dashboards_use() {
        let metrics = Metrics::new();
        metrics.audit("failed", Stage::Rendering);
        metrics.stage(Stage::Rendering, Duration::from_millis(300));
        metrics.gaps("missed", 2);
        metrics.waiting(3);
        metrics.running(1);
        let labels = RpcLabels { service: "hexproof.v1.PackService", method: "ListPacks", code: "OK" };
        metrics.rpc(&labels, Duration::from_millis(2));
        let open = metrics.connection();
        let text = metrics.text().unwrap();
        for line in [
            "hexproof_audits_total{outcome=\"failed\",stage=\"rendering\"} 1",
            "hexproof_stage_duration_seconds_count{stage=\"rendering\"} 1",
            "hexproof_queue_depth 3",
            "hexproof_audits_running 1",
            "hexproof_connections 1",
            "hexproof_schedule_gaps{reason=\"missed\"} 2",
            "hexproof_rpc_duration_seconds_count{service=\"hexproof.v1.PackService\",method=\"ListPacks\",code=\"OK\"} 1",
        ] {
            assert!(text.contains(line), "`{line}` is missing in\n{text}");
        }
        drop(open);
        assert!(metrics.text().unwrap().contains("hexproof_connections 0"));
    }
}
