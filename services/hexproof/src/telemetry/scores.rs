//! How clusters stand: scores of each layer and goal, and the age of the newest pack.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use hexproof_core::assessment::{Assessment, Cell};
use hexproof_core::id::ClusterId;
use jiff::Timestamp;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric as _};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::gauge::ConstGauge;

/// Clusters whose scores are shown: each has 80 series. The others are seen by their age alone.
const CLUSTERS: usize = 500;

/// What is known of the clusters. Clones share it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Scores(Arc<Mutex<BTreeMap<ClusterId, Standing>>>);

#[derive(Debug, Clone, Default)]
struct Standing {
    last_pack: Option<Timestamp>,
    /// Layer, goal, lower and upper bound; `all` for a whole row or column.
    cells: Vec<(&'static str, &'static str, f64, f64)>,
}

impl Scores {
    /// A cluster has a pack of this instant. Only the newest one counts.
    pub(crate) fn pack(&self, cluster: &ClusterId, finished: Timestamp, assessment: Option<&Assessment>) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let standing = all.entry(cluster.clone()).or_default();
        if standing.last_pack.is_some_and(|last| last > finished) {
            return;
        }
        standing.last_pack = Some(finished);
        if let Some(assessment) = assessment {
            standing.cells = cells(assessment);
        }
    }

    /// Whether the scores of a cluster's newest pack are not known yet.
    pub(crate) fn lacks(&self, cluster: &ClusterId, finished: Timestamp) -> bool {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match all.get(cluster) {
            Some(standing) => {
                standing.last_pack.is_none_or(|last| last < finished) || standing.cells.is_empty()
            }
            None => all.len() < CLUSTERS,
        }
    }
}

fn cells(assessment: &Assessment) -> Vec<(&'static str, &'static str, f64, f64)> {
    let every = assessment
        .matrix
        .iter()
        .chain(&assessment.goals)
        .chain(&assessment.layers)
        .chain(std::iter::once(&assessment.overall));
    every
        .filter(|cell| cell.measures > 0)
        .map(|cell: &Cell| {
            let layer = cell.layer.map_or("all", |layer| layer.word());
            let goal = cell.goal.map_or("all", |goal| goal.word());
            (layer, goal, cell.score_low, cell.score_high)
        })
        .collect()
}

impl Collector for Scores {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), std::fmt::Error> {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let help = "Score of a cluster, by layer and goal: its lower and its upper bound";
        let mut scores = encoder.encode_descriptor("cluster_score", help, None, MetricType::Gauge)?;
        for (cluster, standing) in
            all.iter().filter(|(_, standing)| !standing.cells.is_empty()).take(CLUSTERS)
        {
            for (layer, goal, low, high) in &standing.cells {
                for (bound, score) in [("low", low), ("high", high)] {
                    let labels =
                        [("cluster", cluster.as_str()), ("layer", *layer), ("goal", *goal), ("bound", bound)];
                    ConstGauge::new(*score).encode(scores.encode_family(&labels)?)?;
                }
            }
        }
        let help = "When the newest pack of a cluster was finished";
        let mut packs =
            encoder.encode_descriptor("last_pack_timestamp_seconds", help, None, MetricType::Gauge)?;
        for (cluster, standing) in &all {
            if let Some(at) = standing.last_pack {
                let labels = [("cluster", cluster.as_str())];
                ConstGauge::new(at.as_second()).encode(packs.encode_family(&labels)?)?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::metrics::Metrics;
    use super::*;

    #[test]
    fn only_the_newest_pack_of_a_cluster_counts() {
        let metrics = Metrics::new();
        let shop: ClusterId = "shop".parse().unwrap();
        let at = |second| Timestamp::from_second(second).unwrap();
        metrics.scores.pack(&shop, at(200), None);
        metrics.scores.pack(&shop, at(100), None);
        let text = metrics.text().unwrap();
        assert!(text.contains("hexproof_last_pack_timestamp_seconds{cluster=\"shop\"} 200"), "{text}");
        assert!(metrics.scores.lacks(&shop, at(200)), "its cells were never told");
    }
}
