//! One cell of the matrix: letter, interval, bar, notes, gates.

use hexproof_core::assessment::Cell;
use hexproof_core::{Goal, Rating};

use super::context::Context;
use super::round::{down, interval};
use super::words;

super::view! {
    /// A cell as it is printed. Lengths are parts of a hundred, unrounded; numbers are strings, rounded.
    struct CellView {
        /// What a screen reader says.
        alt: String,
        /// `A` to `E`, `not-assessed` or `no-measure`.
        rating: String,
        /// The black foot: numbers of the gates.
        gates: Option<String>,
        /// `79–82`; absent without measures.
        score: Option<String>,
        /// Lines below the bar.
        notes: Vec<String>,
        /// Solid part of the bar.
        passed: f64,
        /// Hatched part of the bar.
        unseen: f64,
        /// Residual low end, where it differs from the low end as shown.
        tick: Option<f64>,
    }
}

/// The cell for `layer` (a layer's name, or "All layers") and a goal, or all goals.
pub(crate) fn cell(context: &Context<'_>, row: &str, goal: Option<Goal>, cell: &Cell) -> CellView {
    let column = goal.map_or("all goals".to_owned(), |goal| words::goal(goal).to_lowercase());
    let place = format!("{row}, {column}");
    if cell.measures == 0 {
        let exists = context.input.catalogue.measures.iter().any(|measure| {
            cell.layer.is_none_or(|layer| layer == measure.layer)
                && goal.is_none_or(|goal| measure.weight(goal) > 0)
        });
        let note = if exists { "none applies" } else { "no measure" };
        return CellView {
            alt: format!("{place}: {note}"),
            rating: "no-measure".into(),
            gates: None,
            score: None,
            notes: vec![note.into()],
            passed: 0.0,
            unseen: 0.0,
            tick: None,
        };
    }
    let assessed = cell.rating != Rating::NotAssessed;
    let numbers: Vec<u32> = cell
        .gated_by
        .iter()
        .filter_map(|id| context.gate(id.as_str()))
        .filter_map(|n| n.parse().ok())
        .collect();
    let score = interval(cell.score_low, cell.score_high);
    let seen = down(cell.coverage);
    let residual = (assessed && down(cell.residual_low) != down(cell.score_low)).then_some(cell.residual_low);
    let mut notes = Vec::new();
    if !assessed {
        notes.push("not assessed".to_owned());
    }
    notes.push(format!("seen {seen}"));
    notes.extend(residual.map(|residual| format!("residual {}", down(residual))));
    let verdict = if assessed { format!("rated {}", cell.rating) } else { "not assessed".to_owned() };
    let held = match numbers.as_slice() {
        [] => String::new(),
        [one] => format!(", gate {one}"),
        many => format!(", gates {}", words::list(&many.iter().map(u32::to_string).collect::<Vec<_>>())),
    };
    let rest = residual.map_or(String::new(), |residual| format!("; residual {}", down(residual)));
    CellView {
        alt: format!(
            "{place}: {verdict}{held}; score {}; seen {seen} percent{rest}",
            score.replace('–', " to ")
        ),
        rating: words::rating_key(cell.rating).into(),
        gates: (assessed && !numbers.is_empty()).then(|| foot(&numbers)),
        score: Some(score),
        notes,
        passed: cell.score_low.clamp(0.0, 100.0),
        unseen: (cell.score_high - cell.score_low).clamp(0.0, 100.0),
        tick: residual,
    }
}

/// Numbers in the three characters that fit a foot: runs joined by a dash, else how many there are.
pub(crate) fn foot(numbers: &[u32]) -> String {
    let mut parts: Vec<(u32, u32)> = Vec::new();
    for &n in numbers {
        match parts.last_mut() {
            Some((_, last)) if *last + 1 == n => *last = n,
            _ => parts.push((n, n)),
        }
    }
    let words: Vec<String> =
        parts.iter().map(|(a, b)| if a == b { a.to_string() } else { format!("{a}–{b}") }).collect();
    let text = words.join(" ");
    if text.chars().count() > 3 { format!("{}×", numbers.len()) } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_foot_names_gates_in_three_characters_or_counts_them() {
        assert_eq!(foot(&[3]), "3");
        assert_eq!(foot(&[3, 4]), "3–4");
        assert_eq!(foot(&[1, 5]), "1 5");
        assert_eq!(foot(&[1, 2, 3, 7]), "4×");
        assert_eq!(foot(&[10, 11, 12]), "3×");
        assert_eq!(foot(&(1..=60).collect::<Vec<_>>()), "60×");
    }
}
