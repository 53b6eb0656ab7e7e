//! The one-page summary.

use hexproof_core::assessment::Cell;
use hexproof_core::{Goal, Layer};

use super::cell::{CellView, cell};
use super::context::{Context, Previous, finding_label};
use super::round::{gain, interval};
use super::text::Text;
use super::{Chapter, verdict, words};

super::view! {
    /// The summary.
    struct Summary {
        /// Its chapter.
        chapter: Chapter,
        /// The result as a sentence.
        title: String,
        /// The lines below it.
        second: Vec<Text>,
        /// Layer x goal.
        matrix: Matrix,
        /// The note beside the heading of the goals.
        goals_note: String,
        /// The six goals over all layers.
        goals: Vec<GoalRow>,
        /// The note beside the heading of the gates.
        gates_note: String,
        /// Five gates at most.
        gates: GateList,
        /// Ten steps at most.
        steps: Steps,
    }

    /// Layer x goal.
    struct Matrix {
        /// Heads of the columns.
        goals: Vec<String>,
        /// Five layers, then all.
        rows: Vec<MatrixLine>,
    }

    /// A row of the matrix.
    struct MatrixLine {
        /// Name of the layer.
        name: String,
        /// `outermost` or `innermost`.
        note: Option<String>,
        /// Six goals, then all.
        cells: Vec<CellView>,
    }

    /// A goal over all layers.
    struct GoalRow {
        /// Name.
        name: String,
        /// Interval; absent without measures.
        score: Option<String>,
        /// Solid part.
        passed: f64,
        /// Hatched part.
        unseen: f64,
        /// Low end of the pack before: an open diamond.
        before: Option<f64>,
    }

    /// The gates.
    struct GateList {
        /// What to say if there is none.
        none: Text,
        /// The first of them.
        shown: Vec<GateRow>,
        /// How many are left.
        more: Option<More>,
    }

    /// A gate.
    struct GateRow {
        /// Its number.
        tag: String,
        /// Title of the measure.
        title: String,
        /// Layer of the measure.
        layer: String,
        /// `3 of 61`.
        subjects: String,
        /// Label of the finding.
        target: String,
    }

    /// What is not on this page.
    struct More {
        /// `and 7 more`.
        text: String,
        /// Label of the page that has them.
        target: String,
    }

    /// The first steps of the work.
    struct Steps {
        /// `First ten steps`.
        title: String,
        /// The order.
        note: String,
        /// Heads of the columns.
        heads: Vec<String>,
        /// The steps.
        rows: Vec<Step>,
    }

    /// A step.
    struct Step {
        /// Printed where it changes.
        significance: String,
        /// From 1.
        number: String,
        /// Title of the measure.
        title: String,
        /// Number of the gate it opens.
        gate: Option<String>,
        /// Layer of the measure.
        layer: String,
        /// `3 of 61`.
        subjects: String,
        /// Points gained.
        points: String,
        /// Label of the finding.
        target: String,
    }
}

/// Gates on the summary; the rest stands on the pages of their layers.
const GATES: usize = 5;
/// Steps on the summary.
const STEPS: usize = 10;
/// A title longer than this is shortened on the summary alone, so that it stays one page.
const TITLE: usize = 110;

/// Five layers and all layers, by six goals and all goals.
pub(crate) fn rows(context: &Context<'_>) -> Vec<Vec<CellView>> {
    let a = context.a;
    let line = |name: &str, cells: &[&Cell], all: &Cell| {
        let mut out: Vec<CellView> = Goal::ALL
            .iter()
            .map(|goal| match cells.iter().find(|cell| cell.goal == Some(*goal)) {
                Some(found) => cell(context, name, Some(*goal), found),
                None => cell(context, name, Some(*goal), &nothing(all.layer, *goal)),
            })
            .collect();
        out.push(cell(context, name, None, all));
        out
    };
    let mut rows: Vec<Vec<CellView>> = Layer::ALL
        .iter()
        .map(|layer| {
            let cells: Vec<&Cell> = a.matrix.iter().filter(|cell| cell.layer == Some(*layer)).collect();
            let all = a.layers.iter().find(|cell| cell.layer == Some(*layer)).cloned();
            let all =
                all.unwrap_or_else(|| Cell { goal: None, ..nothing(Some(*layer), Goal::Confidentiality) });
            line(words::layer(*layer), &cells, &all)
        })
        .collect();
    rows.push(line("All layers", &a.goals.iter().collect::<Vec<_>>(), &a.overall));
    rows
}

fn nothing(layer: Option<Layer>, goal: Goal) -> Cell {
    Cell {
        layer,
        goal: Some(goal),
        measures: 0,
        score_low: 0.0,
        score_high: 100.0,
        coverage: 0.0,
        rating: hexproof_core::Rating::NotAssessed,
        rating_by_score: hexproof_core::Rating::NotAssessed,
        gated_by: Vec::new(),
        residual_low: 0.0,
        accepted_low: 0.0,
        accepted_high: 100.0,
    }
}

/// Heads of the columns.
pub(crate) fn goal_heads() -> Vec<String> {
    Goal::ALL.iter().map(|goal| words::goal(*goal).to_owned()).chain(["All goals".to_owned()]).collect()
}

pub(crate) fn summary(context: &Context<'_>, rows: Vec<Vec<CellView>>) -> Summary {
    let names = Layer::ALL.iter().map(|layer| words::layer(*layer)).chain(["All layers"]);
    let lines = names.zip(rows).enumerate().map(|(i, (name, cells))| MatrixLine {
        name: name.to_owned(),
        note: match i {
            0 => Some("outermost".to_owned()),
            4 => Some("innermost".to_owned()),
            _ => None,
        },
        cells,
    });
    Summary {
        chapter: Chapter::new("1", "Summary"),
        title: verdict::title(context),
        second: verdict::second(context),
        matrix: Matrix { goals: goal_heads(), rows: lines.collect() },
        goals_note: match context.input.previous {
            Previous::Compared(_) => "diamond: the pack before".into(),
            Previous::First | Previous::Unreadable => "all layers together".into(),
        },
        goals: context.a.goals.iter().map(|cell| goal_row(context, cell)).collect(),
        gates_note: "one failed critical measure each".into(),
        gates: gates(context),
        steps: steps(context),
    }
}

fn goal_row(context: &Context<'_>, cell: &Cell) -> GoalRow {
    let judged = cell.measures > 0;
    let before = match context.input.previous {
        Previous::Compared(diff) => diff
            .cells
            .iter()
            .find(|change| change.layer.is_none() && change.goal == cell.goal)
            .and_then(|change| change.before.as_ref())
            .filter(|before| before.measures > 0)
            .map(|before| before.score_low),
        Previous::First | Previous::Unreadable => None,
    };
    GoalRow {
        name: cell.goal.map_or("All goals", words::goal).to_owned(),
        score: judged.then(|| interval(cell.score_low, cell.score_high)),
        passed: if judged { cell.score_low } else { 0.0 },
        unseen: if judged { (cell.score_high - cell.score_low).max(0.0) } else { 0.0 },
        before,
    }
}

fn gates(context: &Context<'_>) -> GateList {
    let gates = &context.a.gates;
    let shown = gates.iter().take(GATES).map(|gate| GateRow {
        tag: gate.number.to_string(),
        title: short_title(context, gate.measure_id.as_str()),
        layer: words::layer(gate.layer).to_owned(),
        subjects: format!("{} of {}", gate.failing, gate.judged),
        target: finding_label(gate.measure_id.as_str()),
    });
    GateList {
        none: Text::from("No gate: no critical measure has an open failure for its primary goals."),
        shown: shown.collect(),
        more: gates.get(GATES).map(|next| More {
            text: format!("and {} more", words::number(gates.len() - GATES)),
            target: super::context::layer_label(next.layer),
        }),
    }
}

fn steps(context: &Context<'_>) -> Steps {
    let list = &context.a.work_list;
    let mut last = None;
    let rows: Vec<Step> = list
        .iter()
        .take(STEPS)
        .map(|step| {
            let changed = last.replace(step.significance) != Some(step.significance);
            Step {
                significance: if changed { step.significance.to_string() } else { String::new() },
                number: step.number.to_string(),
                title: short_title(context, step.measure_id.as_str()),
                gate: (step.gate > 0).then(|| step.gate.to_string()),
                layer: words::layer(step.layer).to_owned(),
                subjects: format!("{} of {}", step.failing, step.judged),
                points: gain(step.gain),
                target: finding_label(step.measure_id.as_str()),
            }
        })
        .collect();
    let title = match list.len() {
        0..=STEPS => "All steps".to_owned(),
        _ => format!("First {} of {} steps", words::number(STEPS), words::thousands(list.len())),
    };
    Steps {
        title,
        note: "significance first, then the outermost layer, then points gained".into(),
        heads: ["Significance", "", "Step", "Layer", "Subjects", "Points", "Page"]
            .map(str::to_owned)
            .to_vec(),
        rows,
    }
}

/// Title of a measure; a catalogue of somebody's own may have very long ones, and the summary is one page.
fn short_title(context: &Context<'_>, id: &str) -> String {
    let title = context.input.catalogue.get(id).map_or(id, |measure| measure.title.as_str());
    if title.chars().count() <= TITLE {
        title.to_owned()
    } else {
        format!("{} … ({id})", title.chars().take(TITLE - 10).collect::<String>().trim_end())
    }
}
