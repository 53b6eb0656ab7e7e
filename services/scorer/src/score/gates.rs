//! Gates: an average must not hide a privileged container.
//!
//! While a measure has an unwaived failure that counts as critical, every set that holds one of its primary goals
//! is rated D at best.

use hexproof_core::Significance;
use hexproof_core::assessment::Gate;
use hexproof_core::measure::Measure;

use super::{Judged, formula};

/// The gates, numbered in the order of work: outermost layer first, then the points gained.
pub(super) fn number(judged: &[Judged<'_>]) -> Vec<Gate> {
    let mut found: Vec<(f64, &Measure, u32, u32)> = Vec::new();
    for j in judged {
        let critical = |v: &&crate::verdict::Verdict| {
            v.observation.is_open_failure() && v.observation.significance == Significance::Critical
        };
        let failing = super::number(j.verdicts.iter().filter(critical).count());
        if failing > 0 {
            let tally = j.tally();
            found.push((
                formula::gain(j.measure, &tally, failing, judged),
                j.measure,
                failing,
                tally.judged(),
            ));
        }
    }
    found.sort_by(|a, b| {
        a.1.layer.cmp(&b.1.layer).then(b.0.total_cmp(&a.0)).then_with(|| a.1.id.cmp(&b.1.id))
    });
    let gate = |(number, (_, measure, failing, judged)): (u32, (f64, &Measure, u32, u32))| Gate {
        number,
        measure_id: measure.id.clone(),
        layer: measure.layer,
        goals: measure.primary_goals().collect(),
        failing,
        judged,
    };
    (1..).zip(found).map(gate).collect()
}
