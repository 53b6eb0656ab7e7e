//! Ratings of layers and goals: the same formula for every set of measures.

use hexproof_core::assessment::{Cell, Gate};
use hexproof_core::{Goal, Layer};

use super::Judged;
use super::formula::{self, Tally};

pub(super) struct Cells {
    pub(super) matrix: Vec<Cell>,
    pub(super) goals: Vec<Cell>,
    pub(super) layers: Vec<Cell>,
    pub(super) overall: Cell,
}

impl Cells {
    pub(super) fn rate(judged: &[Judged<'_>], gates: &[Gate]) -> Self {
        let tallies: Vec<(&Judged<'_>, Tally)> = judged.iter().map(|j| (j, j.tally())).collect();
        let cell = |layer: Option<Layer>, goal: Option<Goal>| {
            let set = tallies.iter().filter(|(j, _)| layer.is_none_or(|layer| j.measure.layer == layer)).map(
                |(j, tally)| {
                    let weight = match goal {
                        Some(goal) => formula::weight(j.measure, goal),
                        None => formula::whole_weight(j.measure),
                    };
                    (weight, *tally)
                },
            );
            let score = formula::score(set);
            let gated_by: Vec<_> = gates
                .iter()
                .filter(|gate| layer.is_none_or(|layer| gate.layer == layer))
                .filter(|gate| goal.is_none_or(|goal| gate.goals.contains(&goal)))
                .map(|gate| gate.measure_id.clone())
                .collect();
            let by_score = formula::rating(&score);
            Cell {
                layer,
                goal,
                measures: score.measures,
                score_low: score.low,
                score_high: score.high,
                coverage: score.coverage,
                rating: if gated_by.is_empty() { by_score } else { formula::gated(by_score) },
                rating_by_score: by_score,
                gated_by,
                residual_low: score.residual_low,
                accepted_low: score.accepted_low,
                accepted_high: score.accepted_high,
            }
        };
        let goals = || Goal::ALL.iter().copied();
        let layers = || Layer::ALL.iter().copied();
        Self {
            matrix: layers()
                .flat_map(|l| goals().map(move |g| (l, g)))
                .map(|(l, g)| cell(Some(l), Some(g)))
                .collect(),
            goals: goals().map(|g| cell(None, Some(g))).collect(),
            layers: layers().map(|l| cell(Some(l), None)).collect(),
            overall: cell(None, None),
        }
    }
}
