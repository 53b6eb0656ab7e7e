//! A finding: one failing measure, and every subject that fails it.

use hexproof_core::measure::Measure;
use hexproof_core::observation::Observation;
use hexproof_core::{Goal, Outcome, Significance};

use super::context::{Context, finding_label};
use super::frameworks::FRAMEWORKS;
use super::round::gain;
use super::subjects::{Found, found};
use super::text::Text;
use super::words;

super::view! {
    /// A finding.
    struct Finding {
        /// Its label.
        target: String,
        /// `7.1`.
        number: String,
        /// Id of the measure.
        id: String,
        /// Title of the measure.
        measure: String,
        /// The claim: "3 of 61 workloads run privileged containers".
        claim: String,
        /// It starts a page.
        critical: bool,
        /// Why it matters.
        why: Text,
        /// What must hold.
        holds: Text,
        /// How to mend it, in words.
        mend: Text,
        /// How to mend it, as a diff.
        patch: Vec<PatchLine>,
        /// What the diff shows.
        patch_note: Option<Text>,
        /// The column at the side.
        facts: Vec<SideFact>,
        /// The subjects.
        found: Found,
        /// Measures of outer layers that could stop it.
        outer: Vec<OuterMeasure>,
        /// What an interception means here.
        outer_note: Text,
    }

    /// A line of a diff.
    struct PatchLine {
        /// `-`, `+` or a blank.
        op: String,
        /// Blanks before the text.
        indent: usize,
        /// The text.
        text: String,
    }

    /// A fact in the column at the side.
    struct SideFact {
        /// The key.
        key: String,
        /// A gate tag before the value.
        gate: Option<String>,
        /// The value stands out.
        strong: bool,
        /// The value, line by line.
        value: Vec<Text>,
    }

    /// A measure of an outer layer.
    struct OuterMeasure {
        /// Number of its finding.
        number: String,
        /// Title, or id.
        title: Text,
        /// Number of its gate.
        gate: Option<String>,
        /// Layer.
        layer: String,
        /// What it says.
        state: Text,
    }
}

pub(crate) fn finding(context: &Context<'_>, measure: &Measure) -> Finding {
    let id = measure.id.as_str();
    let count = context.count(measure);
    let failures: Vec<&Observation> = context.with_outcome(id, Outcome::Fail).collect();
    let one = count.judged() == 1;
    let claim = if count.fail == 1 { &measure.claim.one } else { &measure.claim.many };
    let patch = patch(&measure.mend.patch);
    Finding {
        target: finding_label(id),
        number: context.finding_number(id).unwrap_or_default().to_owned(),
        id: id.to_owned(),
        measure: measure.title.clone(),
        claim: format!(
            "{} of {} {} {claim}",
            words::thousands(count.fail),
            words::thousands(count.judged()),
            if one { &measure.unit.one } else { &measure.unit.many },
        ),
        critical: measure.significance == Significance::Critical,
        why: Text::technical(&measure.why),
        holds: Text::technical(&measure.condition),
        mend: Text::technical(&measure.mend.text),
        patch_note: (!patch.is_empty())
            .then(|| Text::from("An example; names and paths of the subjects differ.")),
        patch,
        facts: facts(context, measure),
        found: found(context, measure, &failures),
        outer: if outer_judged(context, measure) {
            measure.mitigated_by.iter().map(|outer| outer_measure(context, outer.as_str())).collect()
        } else {
            Vec::new()
        },
        outer_note: outer_note(context, measure),
    }
}

/// Whether the catalogue has a measure that could intercept this one.
pub(crate) fn outer_judged(context: &Context<'_>, measure: &Measure) -> bool {
    measure.mitigated_by.iter().any(|outer| context.input.catalogue.get(outer.as_str()).is_some())
}

fn outer_note(context: &Context<'_>, measure: &Measure) -> Text {
    if measure.mitigated_by.is_empty() {
        return Text::default();
    }
    if !outer_judged(context, measure) {
        let (what, are) = if measure.mitigated_by.len() == 1 {
            ("A measure of an outer layer could intercept this, ", "; it is")
        } else {
            ("Measures of outer layers could intercept this, ", "; they are")
        };
        let mut text = Text::from(what);
        for (i, outer) in measure.mitigated_by.iter().enumerate() {
            text = text.plain(if i == 0 { "" } else { ", " }).code(outer.as_str());
        }
        return text.plain(format!("{are} not in this catalogue and so not judged."));
    }
    let count = context.count(measure);
    let first = match count.intercepted {
        0 => "None of the failures is intercepted.".to_owned(),
        n => format!(
            "{n} of {} failures are intercepted and count one half in the residual score.",
            count.fail
        ),
    };
    Text::from(first).plain(" An interception lowers the effect, it does not make a pass.")
}

/// Lines of a diff; blanks that all lines begin with are left out.
fn patch(text: &str) -> Vec<PatchLine> {
    let mut lines: Vec<PatchLine> = text
        .lines()
        .map(|line| {
            let mut chars = line.chars();
            let (op, rest) = match chars.next() {
                Some(op @ ('-' | '+' | ' ')) => (op, chars.as_str()),
                _ => (' ', line),
            };
            let body = rest.trim_start_matches(' ');
            PatchLine {
                op: op.to_string(),
                indent: rest.len() - body.len(),
                text: body.trim_end().to_owned(),
            }
        })
        .collect();
    let common = lines.iter().filter(|line| !line.text.is_empty()).map(|line| line.indent).min().unwrap_or(0);
    for line in &mut lines {
        line.indent = line.indent.saturating_sub(common);
    }
    lines
}

fn facts(context: &Context<'_>, measure: &Measure) -> Vec<SideFact> {
    let plain = |key: &str, value: Vec<Text>| SideFact { key: key.into(), gate: None, strong: false, value };
    let mut facts = Vec::new();
    let gate = context.a.gates.iter().find(|gate| gate.measure_id == measure.id);
    if let Some(gate) = gate {
        let goals: Vec<String> = gate.goals.iter().map(|goal| words::goal(*goal).to_lowercase()).collect();
        facts.push(SideFact {
            gate: Some(gate.number.to_string()),
            ..plain("Gate", vec![Text::from(format!("holds {} at D", words::list(&goals)))])
        });
    }
    facts.push(SideFact {
        strong: measure.significance == Significance::Critical,
        ..plain("Significance", vec![Text::from(measure.significance.to_string())])
    });
    let mut goals: Vec<(Goal, u8)> = measure.goals.iter().map(|(goal, weight)| (*goal, *weight)).collect();
    goals.sort_by_key(|(goal, weight)| (std::cmp::Reverse(*weight), *goal));
    let goals: Vec<String> = goals
        .iter()
        .map(|(goal, weight)| format!("{} {weight}", words::goal(*goal).to_lowercase()))
        .collect();
    facts.push(plain("Goals and weights", vec![Text::from(words::capital(&goals.join(", ")))]));
    let opens = gate.map_or(String::new(), |gate| format!(", and opens gate {}", gate.number));
    facts.push(plain(
        "Mending gains",
        vec![Text::from(format!("{} points{opens}", gain(context.count(measure).gain)))],
    ));
    facts.push(plain("Decided on", vec![Text::technical(&measure.subject)]));
    let related: Vec<Text> = FRAMEWORKS
        .iter()
        .filter_map(|framework| {
            let ids = measure.references.get(framework.key)?;
            (!ids.is_empty()).then(|| Text::from(format!("{} {}", framework.short, ids.join(", "))))
        })
        .collect();
    if !related.is_empty() {
        facts.push(plain("Related to", related));
    }
    facts
}

fn outer_measure(context: &Context<'_>, id: &str) -> OuterMeasure {
    match context.input.catalogue.get(id) {
        Some(measure) => {
            let count = context.count(measure);
            let state = match count.judged() {
                0 => "not applicable here".to_owned(),
                n => {
                    format!("passes on {} of {}", count.pass, words::count(n, "subject", "subjects"))
                }
            };
            OuterMeasure {
                number: context.finding_number(id).unwrap_or_default().to_owned(),
                title: Text::from(measure.title.clone()),
                gate: context.gate(id),
                layer: words::layer(measure.layer).to_owned(),
                state: Text::from(state),
            }
        }
        None => OuterMeasure {
            number: String::new(),
            title: Text::of_code(id),
            gate: None,
            layer: match id.split('-').next() {
                Some("env") => "Environment",
                Some("cluster") => "Cluster",
                Some("node") => "Node",
                _ => "",
            }
            .to_owned(),
            state: Text::from("not in this catalogue, so not judged"),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_diff_keeps_its_signs_and_indentation() {
        let lines = patch("  containers:\n  - name: a\n-     privileged: true\n+     privileged: false\n");
        let shown: Vec<_> = lines.iter().map(|l| (l.op.as_str(), l.indent, l.text.as_str())).collect();
        assert_eq!(
            shown,
            [
                (" ", 0, "containers:"),
                (" ", 0, "- name: a"),
                ("-", 4, "privileged: true"),
                ("+", 4, "privileged: false")
            ]
        );
    }
}
