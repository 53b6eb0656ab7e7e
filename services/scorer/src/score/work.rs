//! The order of work: significance of the finding first, then the outermost layer, then the points gained.

use std::collections::BTreeMap;

use hexproof_core::Significance;
use hexproof_core::assessment::{Gate, WorkStep};

use super::{Judged, formula};

/// One step for the open failures of a measure that carry one significance.
pub(super) fn order(judged: &[Judged<'_>], gates: &[Gate]) -> Vec<WorkStep> {
    let mut steps = Vec::new();
    for j in judged {
        let mut failing: BTreeMap<Significance, u32> = BTreeMap::new();
        for verdict in j.verdicts.iter().filter(|v| v.observation.is_open_failure()) {
            *failing.entry(verdict.observation.significance).or_default() += 1;
        }
        let tally = j.tally();
        for (significance, failing) in failing {
            let gate = gates
                .iter()
                .find(|gate| significance == Significance::Critical && gate.measure_id == j.measure.id)
                .map_or(0, |gate| gate.number);
            steps.push(WorkStep {
                number: 0,
                measure_id: j.measure.id.clone(),
                layer: j.measure.layer,
                significance,
                failing,
                judged: tally.judged(),
                gain: formula::gain(j.measure, &tally, failing, judged),
                gate,
            });
        }
    }
    steps.sort_by(|a, b| {
        b.significance
            .cmp(&a.significance)
            .then(a.layer.cmp(&b.layer))
            .then(b.gain.total_cmp(&a.gain))
            .then_with(|| a.measure_id.cmp(&b.measure_id))
    });
    for (number, step) in (1..).zip(&mut steps) {
        step.number = number;
    }
    steps
}
