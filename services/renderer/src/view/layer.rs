//! A layer: its row of the matrix, its measures, its findings.

use hexproof_core::measure::Measure;
use hexproof_core::{Goal, Layer, Outcome};

use super::cell::CellView;
use super::context::{Context, FIRST_LAYER_CHAPTER, finding_label, layer_label};
use super::finding::{Finding, finding};
use super::summary::goal_heads;
use super::text::Text;
use super::{Chapter, words};

super::view! {
    /// A layer.
    struct LayerChapter {
        /// Its chapter.
        chapter: Chapter,
        /// Its label.
        target: String,
        /// The result as a sentence.
        title: String,
        /// The lines below it.
        second: Vec<Text>,
        /// Paragraphs of a layer that was not judged.
        empty: Vec<Text>,
        /// Heads of the columns.
        goals: Vec<String>,
        /// Its row of the matrix.
        cells: Vec<CellView>,
        /// Heading of the measures.
        measures_title: String,
        /// The note beside it.
        measures_note: String,
        /// Failing, unknown, passed.
        groups: Vec<MeasureGroup>,
        /// What is not counted.
        foot: Text,
        /// A finding for every measure that fails.
        findings: Vec<Finding>,
    }

    /// Measures of one result.
    struct MeasureGroup {
        /// `28 fail`.
        head: String,
        /// The measures.
        rows: Vec<MeasureRow>,
    }

    /// A measure.
    struct MeasureRow {
        /// Title.
        title: String,
        /// Number of its gate.
        gate: Option<String>,
        /// Id.
        id: String,
        /// `1 waived`.
        note: Option<String>,
        /// Significance.
        significance: String,
        /// Weights for the six goals; empty for none.
        weights: Vec<String>,
        /// Failures.
        fail: String,
        /// Unknowns.
        unknown: String,
        /// Passes.
        pass: String,
        /// Parts of a hundred.
        bar: Option<BarView>,
        /// Label of its finding.
        target: Option<String>,
    }

    /// A bar.
    struct BarView {
        /// Solid part.
        passed: f64,
        /// Hatched part.
        unseen: f64,
    }
}

/// What the layer is, for a reader who is no engineer.
const fn about(layer: Layer) -> &'static str {
    match layer {
        Layer::Environment => "The account, the network and the backups around the cluster.",
        Layer::Cluster => "The control plane and the rules it enforces everywhere.",
        Layer::Node => "The machines on which the pods run.",
        Layer::Container => "What runs in the pods, and with which rights.",
        Layer::ApiResources => {
            "What is written into the cluster: roles, policies, services, secrets, claims."
        }
    }
}

pub(crate) fn layer(context: &Context<'_>, layer: Layer, cells: Vec<CellView>) -> LayerChapter {
    let position = Layer::ALL.iter().position(|l| *l == layer).unwrap_or(0);
    let number = (FIRST_LAYER_CHAPTER + position).to_string();
    let name = words::layer(layer);
    let chapter = Chapter::new(
        number,
        if layer == Layer::ApiResources { name.into() } else { format!("{name} layer") },
    );
    let measures: Vec<&Measure> = context.measures(layer).collect();
    let failing = context.failing(layer);
    let unknown = context.by_significance(layer, |count| count.fail == 0 && count.unknown > 0);
    let passing =
        context.by_significance(layer, |count| count.fail == 0 && count.unknown == 0 && count.pass > 0);
    let judged = failing.len() + unknown.len() + passing.len();
    let mut out = LayerChapter {
        chapter,
        target: layer_label(layer),
        title: String::new(),
        second: Vec::new(),
        empty: Vec::new(),
        goals: goal_heads(),
        cells,
        measures_title: format!("The {} of this layer", words::count(judged, "measure", "measures")),
        measures_note: "failing first, then unknown, then passed; inside a group by significance".into(),
        groups: Vec::new(),
        foot: Text::default(),
        findings: failing.iter().map(|measure| finding(context, measure)).collect(),
    };
    if judged == 0 {
        empty(&mut out, layer, measures.len());
        return out;
    }
    out.title = title(context, layer, &failing, unknown.len(), judged);
    out.second = vec![second(context, layer)];
    let heads = [
        (format!("{} fail", failing.len()), failing),
        (format!("{} unknown: evidence is missing", unknown.len()), unknown),
        (format!("{} pass", passing.len()), passing),
    ];
    out.groups = heads
        .into_iter()
        .filter(|(_, list)| !list.is_empty())
        .map(|(head, list)| MeasureGroup {
            head,
            rows: list.iter().map(|measure| row(context, measure)).collect(),
        })
        .collect();
    let left_out = measures.len() - judged;
    out.foot =
        Text::from("Con … Uti: weight of the measure for each goal, 3 is primary.").plain(match left_out {
            0 => String::new(),
            1 => " One measure has no subject here; it is not applicable and counts nowhere.".to_owned(),
            n => format!(
                " {} measures have no subject here; they are not applicable and count nowhere.",
                words::capital(&words::number(n))
            ),
        });
    out
}

fn empty(out: &mut LayerChapter, layer: Layer, measures: usize) {
    let name = words::layer(layer);
    out.title = format!("{name}: nothing was judged");
    out.second = vec![Text::from(about(layer))];
    let why = if measures == 0 {
        "The catalogue in use has no measure for this layer.".to_owned()
    } else {
        format!("None of the {measures} measures of this layer found a subject to judge.")
    };
    out.empty = vec![
        Text::from(why)
            .plain(" The pack makes no statement about it: its cells in the matrix on page ")
            .page("summary")
            .plain(" are empty, and it counts in no score, neither for the cluster nor against it."),
        Text::from("Do not read the ratings of the other layers as if this one were sound."),
    ];
}

fn title(context: &Context<'_>, layer: Layer, failing: &[&Measure], unknown: usize, judged: usize) -> String {
    let name = words::layer(layer);
    let gates = context.a.gates.iter().filter(|gate| gate.layer == layer).count();
    let rest = match (gates, unknown) {
        (0, 0) => String::new(),
        (0, n) => format!("; {} could not be seen", words::number(n)),
        (1, _) => "; one holds a gate".to_owned(),
        (n, _) => format!("; {} hold gates", words::number(n)),
    };
    if failing.is_empty() {
        let passed = judged - unknown;
        return format!(
            "{name}: {passed} of {} pass, none fails{rest}",
            words::count(judged, "measure", "measures")
        );
    }
    let verb = if failing.len() == 1 { "fails" } else { "fail" };
    format!("{name}: {} of {} {verb}{rest}", failing.len(), words::count(judged, "measure", "measures"))
}

fn second(context: &Context<'_>, layer: Layer) -> Text {
    let mut subjects = std::collections::BTreeSet::new();
    let mut verdicts = 0_usize;
    for measure in context.measures(layer) {
        for observation in context.observations(measure.id.as_str()) {
            if observation.outcome != Outcome::NotApplicable {
                verdicts += 1;
                let s = &observation.subject;
                subjects.insert((&s.kind, &s.namespace, &s.name));
            }
        }
    }
    let outer: Vec<String> =
        Layer::ALL.iter().filter(|l| **l < layer).map(|l| words::layer(*l).to_lowercase()).collect();
    let interception = if outer.is_empty() {
        "No layer lies outside of it to intercept a failure.".to_owned()
    } else {
        format!(
            "A failure here can be intercepted by the {} layer.",
            words::list(&outer).replace(" and ", " or ")
        )
    };
    Text::from(format!(
        "{} {} on {}. {interception}",
        about(layer),
        words::count(verdicts, "verdict", "verdicts"),
        words::count(subjects.len(), "subject", "subjects"),
    ))
}

fn row(context: &Context<'_>, measure: &Measure) -> MeasureRow {
    let count = context.count(measure);
    let judged = f64::from(count.judged().max(1));
    let id = measure.id.as_str();
    MeasureRow {
        title: measure.title.clone(),
        gate: context.gate(id),
        id: id.to_owned(),
        note: (count.waived > 0).then(|| format!("{} waived", count.waived)),
        significance: measure.significance.to_string(),
        weights: Goal::ALL
            .iter()
            .map(|goal| match measure.weight(*goal) {
                0 => String::new(),
                weight => weight.to_string(),
            })
            .collect(),
        fail: count.fail.to_string(),
        unknown: count.unknown.to_string(),
        pass: count.pass.to_string(),
        bar: (count.judged() > 0).then(|| BarView {
            passed: 100.0 * f64::from(count.pass) / judged,
            unseen: 100.0 * f64::from(count.unknown) / judged,
        }),
        target: (count.fail > 0).then(|| finding_label(id)),
    }
}
