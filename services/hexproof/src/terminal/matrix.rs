//! Layer x goal as a table: cells of 9 columns in 80, cells of 15 with gates, coverage and residual from 120.

use hexproof_core::assessment::{Assessment, Cell, whole_low};
use hexproof_core::measure::MeasureId;
use hexproof_core::{Goal, Layer, Rating};

use super::style::{Palette, Style};
use super::wrapping::{left, right};

/// The matrix with its legend, line by line.
pub(crate) fn lines(assessment: &Assessment, palette: Palette, columns: usize) -> Vec<String> {
    if columns >= 120 { wide(assessment, palette) } else { narrow(assessment, palette) }
}

/// A row: its label, its six cells and its total.
fn rows(assessment: &Assessment) -> Vec<(&'static str, Vec<&Cell>)> {
    let cell = |layer: Layer, goal: Goal| {
        assessment.matrix.iter().find(move |c| c.layer == Some(layer) && c.goal == Some(goal))
    };
    let total = |layer: Layer| assessment.layers.iter().find(move |c| c.layer == Some(layer));
    let mut rows: Vec<(&'static str, Vec<&Cell>)> = Layer::ALL
        .iter()
        .map(|layer| {
            let cells = Goal::ALL.iter().filter_map(|goal| cell(*layer, *goal)).chain(total(*layer));
            (layer.word(), cells.collect())
        })
        .collect();
    rows.push(("ALL", assessment.goals.iter().chain([&assessment.overall]).collect()));
    rows
}

/// The letter of a cell; a dash where it was not assessed.
pub(crate) fn letter(rating: Rating) -> &'static str {
    match rating {
        Rating::NotAssessed => "-",
        Rating::A | Rating::B | Rating::C | Rating::D | Rating::E => rating.word(),
    }
}

fn narrow(assessment: &Assessment, palette: Palette) -> Vec<String> {
    const HEADS: [&str; 7] = ["confid.", "integr.", "availab.", "authent.", "possess.", "utility", "ALL"];
    let mut lines = vec![format!("{}{}", " ".repeat(14), HEADS.map(|head| right(head, 9)).concat())];
    for (label, cells) in rows(assessment) {
        let mut line = palette.paint(Style::Bold, &left(label, 14));
        if label != "ALL" {
            line = left(label, 14);
        }
        for cell in cells {
            let gate = if is_gated(cell) { "!" } else { " " };
            let tile = format!("{}{gate}", letter(cell.rating));
            let score = if cell.measures == 0 { String::new() } else { cell.interval("-") };
            line.push_str(&format!(
                " {}{}",
                palette.paint(Style::Tile(cell.rating), &tile),
                right(&score, 6)
            ));
        }
        lines.push(line.trim_end().to_owned());
    }
    lines.push(String::new());
    lines.push(
        palette.paint(
            Style::Dim,
            "! gate: D at best   - not assessed, under 50 % seen   low-high: what was not",
        ),
    );
    lines.push(palette.paint(Style::Dim, "seen counts as failed, as passed; one number: all was seen"));
    lines
}

fn wide(assessment: &Assessment, palette: Palette) -> Vec<String> {
    const HEADS: [&str; 7] =
        ["confidential", "integrity", "availability", "authenticity", "possession", "utility", "ALL"];
    let mut lines = vec![
        format!("{}{}", " ".repeat(16), HEADS.map(|head| left(head, 15)).concat()).trim_end().to_owned(),
    ];
    for (label, cells) in rows(assessment) {
        let mut first =
            if label == "ALL" { palette.paint(Style::Bold, &left(label, 15)) } else { left(label, 15) };
        let mut second = " ".repeat(16);
        for cell in &cells {
            let tile = palette.paint(Style::Tile(cell.rating), &format!(" {} ", letter(cell.rating)));
            let gates = if is_gated(cell) { gate_numbers(assessment, &cell.gated_by) } else { String::new() };
            let score = if cell.measures == 0 { "no measure".into() } else { cell.interval("-") };
            let room = 11_usize.saturating_sub(super::wrapping::width(&gates));
            first.push_str(&format!("{tile}{gates}{} ", right(&score, room)));
            let mut note = String::new();
            if cell.measures > 0 {
                note = format!("seen {}", whole_low(cell.coverage));
                if cell.rating != Rating::NotAssessed
                    && whole_low(cell.residual_low) != whole_low(cell.score_low)
                {
                    note.push_str(&format!(" r{}", whole_low(cell.residual_low)));
                }
            }
            second.push_str(&format!("{}  ", right(&note, 13)));
        }
        lines.push(first.trim_end().to_owned());
        if !second.trim().is_empty() {
            lines.push(palette.paint(Style::Dim, second.trim_end()));
        }
    }
    lines.push(String::new());
    let legend = "!n gate n: D at best    - not assessed, under 50 % seen    r residual low end, with interception by outer layers";
    lines.push(palette.paint(Style::Dim, legend));
    lines
}

fn is_gated(cell: &Cell) -> bool {
    cell.rating != Rating::NotAssessed && !cell.gated_by.is_empty()
}

/// Gate numbers as `!3-4` or `!1,5`; how many there are where that takes more than five columns.
pub(crate) fn gate_numbers(assessment: &Assessment, gated_by: &[MeasureId]) -> String {
    let numbers: Vec<u32> = assessment
        .gates
        .iter()
        .filter(|gate| gated_by.contains(&gate.measure_id))
        .map(|gate| gate.number)
        .collect();
    let mut runs: Vec<(u32, u32)> = Vec::new();
    for number in &numbers {
        match runs.last_mut() {
            Some((_, end)) if *end + 1 == *number => *end = *number,
            _ => runs.push((*number, *number)),
        }
    }
    let texts: Vec<String> =
        runs.iter().map(|(a, b)| if a == b { a.to_string() } else { format!("{a}-{b}") }).collect();
    let text = format!("!{}", texts.join(","));
    if text.len() > 5 { format!("!{}x", numbers.len()) } else { text }
}
