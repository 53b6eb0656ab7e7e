//! What a cell of the matrix says, in words and numbers.

use std::collections::BTreeMap;

use hexproof_core::assessment::{Assessment, Cell, whole_low};
use hexproof_core::measure::MeasureId;
use hexproof_core::{Goal, Layer, Rating};

use crate::words;

/// A row of the matrix.
pub(super) struct Line<'a> {
    /// The layer; `None` for all.
    pub(super) layer: Option<Layer>,
    /// Its name.
    pub(super) name: &'static str,
    /// `outermost` or `innermost`.
    pub(super) note: Option<&'static str>,
    /// Six goals, then all.
    pub(super) spots: Vec<Spot<'a>>,
}

/// A place of the matrix.
pub(super) struct Spot<'a> {
    /// The layer; `None` for all.
    pub(super) layer: Option<Layer>,
    /// The goal; `None` for all.
    pub(super) goal: Option<Goal>,
    cell: Option<&'a Cell>,
    gates: Vec<u32>,
}

/// Five layers, then all of them, whatever the assessment holds.
pub(super) fn lines(assessment: &Assessment) -> Vec<Line<'_>> {
    let numbers: BTreeMap<&MeasureId, u32> =
        assessment.gates.iter().map(|gate| (&gate.measure_id, gate.number)).collect();
    let layers = Layer::ALL.iter().copied().map(Some).chain([None]);
    layers
        .map(|layer| Line {
            layer,
            name: layer.map_or("All layers", words::layer),
            note: match layer {
                Some(Layer::Environment) => Some("outermost"),
                Some(Layer::ApiResources) => Some("innermost"),
                _ => None,
            },
            spots: Goal::ALL
                .iter()
                .copied()
                .map(Some)
                .chain([None])
                .map(|goal| {
                    let cell = find(assessment, layer, goal);
                    let held = cell.map_or(&[][..], |cell| &cell.gated_by);
                    let gates = held.iter().filter_map(|id| numbers.get(id).copied()).collect();
                    Spot { layer, goal, cell, gates }
                })
                .collect(),
        })
        .collect()
}

/// A cell of an assessment; `None` is all layers, all goals.
pub(crate) fn find(assessment: &Assessment, layer: Option<Layer>, goal: Option<Goal>) -> Option<&Cell> {
    let cells = match (layer, goal) {
        (None, None) => return Some(&assessment.overall),
        (None, Some(_)) => &assessment.goals,
        (Some(_), None) => &assessment.layers,
        (Some(_), Some(_)) => &assessment.matrix,
    };
    cells
        .iter()
        .find(|cell| (layer.is_none() || cell.layer == layer) && (goal.is_none() || cell.goal == goal))
}

impl<'a> Spot<'a> {
    /// The cell, if any measure judges there.
    pub(super) fn judged(&self) -> Option<&'a Cell> {
        self.cell.filter(|cell| cell.measures > 0)
    }

    pub(super) fn goal_name(&self) -> &'static str {
        self.goal.map_or("All goals", words::goal)
    }

    fn assessed(&self) -> Option<&'a Cell> {
        self.judged().filter(|cell| cell.rating != Rating::NotAssessed)
    }

    /// Numbers of the gates in what fits the foot of a tile.
    pub(super) fn foot(&self) -> Option<String> {
        self.assessed()?;
        (!self.gates.is_empty()).then(|| foot(&self.gates))
    }

    /// The residual low end, where it differs from the low end as shown.
    pub(super) fn residual(&self) -> Option<f64> {
        let cell = self.assessed()?;
        (whole_low(cell.residual_low) != whole_low(cell.score_low)).then_some(cell.residual_low)
    }

    /// The lines below the bar.
    pub(super) fn notes(&self) -> Vec<String> {
        let Some(cell) = self.judged() else { return vec!["no measure".to_owned()] };
        let mut notes = Vec::new();
        if cell.rating == Rating::NotAssessed {
            notes.push("not assessed".to_owned());
        }
        notes.push(format!("seen {}", whole_low(cell.coverage)));
        notes.extend(self.residual().map(|residual| format!("residual {}", whole_low(residual))));
        notes
    }

    /// The notes and the gates in one line.
    pub(super) fn line(&self) -> String {
        let mut parts = self.notes();
        if self.assessed().is_some() && !self.gates.is_empty() {
            parts.push(gates(&self.gates));
        }
        parts.join(", ")
    }

    /// What a screen reader says: `Container, confidentiality: rated D, gates 3 and 4; score 79 to 82; seen 97 percent;
    /// residual 82`.
    pub(super) fn words(&self) -> String {
        let row = self.layer.map_or("All layers", words::layer);
        let place = format!("{row}, {}", self.goal_name().to_lowercase());
        let Some(cell) = self.judged() else { return format!("{place}: no measure") };
        let held = match self.assessed() {
            Some(_) if !self.gates.is_empty() => format!(", {}", gates(&self.gates)),
            _ => String::new(),
        };
        let rest =
            self.residual().map_or(String::new(), |residual| format!("; residual {}", whole_low(residual)));
        format!(
            "{place}: {}{held}; score {}; seen {} percent{rest}",
            words::rated(cell.rating),
            cell.interval(" to "),
            whole_low(cell.coverage),
        )
    }
}

fn gates(numbers: &[u32]) -> String {
    let noun = if numbers.len() == 1 { "gate" } else { "gates" };
    format!("{noun} {}", words::list(&numbers.iter().map(u32::to_string).collect::<Vec<_>>()))
}

/// Numbers in the three characters that fit a foot: runs joined by a dash, else how many there are.
fn foot(numbers: &[u32]) -> String {
    let mut runs: Vec<(u32, u32)> = Vec::new();
    for &number in numbers {
        match runs.last_mut() {
            Some((_, last)) if last.checked_add(1) == Some(number) => *last = number,
            _ => runs.push((number, number)),
        }
    }
    let parts: Vec<String> = runs
        .iter()
        .map(|(first, last)| match first == last {
            true => first.to_string(),
            false => format!("{first}–{last}"),
        })
        .collect();
    let text = parts.join(" ");
    if text.chars().count() > 3 { format!("{}×", numbers.len()) } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cell(low: f64, high: f64, rating: Rating) -> Cell {
        Cell {
            layer: Some(Layer::Container),
            goal: Some(Goal::Confidentiality),
            measures: 3,
            score_low: low,
            score_high: high,
            coverage: 100.0 - (high - low),
            rating,
            rating_by_score: rating,
            gated_by: Vec::new(),
            residual_low: low,
            accepted_low: low,
            accepted_high: high,
        }
    }

    fn spot(cell: &Cell, gates: Vec<u32>) -> Spot<'_> {
        Spot { layer: cell.layer, goal: cell.goal, cell: Some(cell), gates }
    }

    #[test]
    fn a_cell_reads_as_the_packs_say_it() {
        let cell = Cell { residual_low: 82.4, ..cell(79.2, 81.8, Rating::D) };
        let spot = spot(&cell, vec![3, 4]);
        assert_eq!(
            spot.words(),
            "Container, confidentiality: rated D, gates 3 and 4; score 79 to 82; seen 97 percent; residual 82"
        );
        assert_eq!(spot.notes(), ["seen 97", "residual 82"]);
        assert_eq!(spot.foot().as_deref(), Some("3–4"));
        assert_eq!(spot.line(), "seen 97, residual 82, gates 3 and 4");
    }

    #[test]
    fn what_is_not_assessed_has_no_residual_and_no_foot() {
        let cell = Cell { residual_low: 50.0, ..cell(33.0, 100.0, Rating::NotAssessed) };
        let spot = spot(&cell, vec![1]);
        assert_eq!((spot.foot(), spot.residual()), (None, None));
        assert_eq!(spot.line(), "not assessed, seen 33");
        assert!(!spot.words().contains("gate"));
    }

    #[test]
    fn rounding_never_flatters() {
        let cell = cell(89.97, 89.97, Rating::B);
        assert!(spot(&cell, Vec::new()).words().contains("rated B; score 89; seen 100 percent"));
    }

    #[test]
    fn the_foot_names_gates_in_three_characters_or_counts_them() {
        assert_eq!(foot(&[3]), "3");
        assert_eq!(foot(&[3, 4]), "3–4");
        assert_eq!(foot(&[1, 5]), "1 5");
        assert_eq!(foot(&[1, 2, 3, 7]), "4×");
        assert_eq!(foot(&(1..=60).collect::<Vec<_>>()), "60×");
    }
}
