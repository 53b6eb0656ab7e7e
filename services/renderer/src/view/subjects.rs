//! The subjects of a finding: what was read of each, what was found, and why it fails.

use std::collections::BTreeMap;

use hexproof_core::measure::Measure;
use hexproof_core::observation::{Observation, Reading};

use super::context::Context;
use super::finding::outer_judged;
use super::text::Text;
use super::words;

super::view! {
    /// The subjects.
    struct Found {
        /// Beside the heading.
        note: Text,
        /// Head of the last column.
        last: String,
        /// A row a subject.
        rows: Vec<SubjectRow>,
        /// Many subjects: names by namespace.
        groups: Vec<FoundGroup>,
        /// What is not printed.
        foot: Text,
    }

    /// A subject.
    struct SubjectRow {
        /// Kind.
        kind: String,
        /// Namespace.
        namespace: Option<String>,
        /// Name.
        name: String,
        /// Container.
        container: Option<String>,
        /// Own significance, waiver, notes.
        note: Option<Text>,
        /// What was read.
        readings: Vec<ReadingView>,
        /// Reason and interception.
        last: Text,
    }

    /// A field that was read.
    struct ReadingView {
        /// Path.
        path: String,
        /// The object that holds it, where it is not the subject; and how many read the same.
        of: Option<Text>,
        /// Value found, or words.
        value: String,
        /// The value is words.
        plain: bool,
    }

    /// Subjects of one namespace.
    struct FoundGroup {
        /// Namespace, or words where there is none.
        namespace: String,
        /// The namespace is words.
        plain: bool,
        /// Number of failures in it.
        count: String,
        /// The subjects.
        subjects: Vec<GroupedSubject>,
    }

    /// A subject in a list.
    struct GroupedSubject {
        /// Kind.
        kind: String,
        /// Name.
        name: String,
    }
}

/// Notes printed with one subject.
const NOTES: usize = 5;
/// Longest value printed of one field; the attachment has it whole.
const VALUE: usize = 400;

pub(crate) fn found(context: &Context<'_>, measure: &Measure, failures: &[&Observation]) -> Found {
    let limits = context.input.limits;
    let count = context.count(measure);
    let passes = match count.pass {
        0 => "; none passes".to_owned(),
        1 => "; 1 passes, annex B".to_owned(),
        n => format!("; {} pass, annex B", words::thousands(n)),
    };
    let note = Text::from(format!("{}{passes}, page ", words::count(failures.len(), "failure", "failures")))
        .page("annex-observations");
    let last = if outer_judged(context, measure) { "Why, and interception" } else { "Why" };
    let mut out =
        Found { note, last: last.into(), rows: Vec::new(), groups: Vec::new(), foot: Text::default() };
    if failures.len() <= limits.finding_rows {
        out.rows = failures.iter().map(|failure| subject_row(context, measure, failure)).collect();
        if failures.iter().any(|o| o.readings.iter().any(|r| r.fault) && !o.readings.iter().all(|r| r.fault))
        {
            out.foot = Text::from(
                "The fields at fault are printed; all that were read are in the attached assessment.json.",
            );
        }
        return out;
    }
    let mut groups: BTreeMap<&str, Vec<&Observation>> = BTreeMap::new();
    for failure in failures {
        groups.entry(failure.subject.namespace.as_str()).or_default().push(failure);
    }
    let mut room = limits.finding_names;
    for (namespace, members) in groups {
        let subjects: Vec<GroupedSubject> = members
            .iter()
            .take(room)
            .map(|o| GroupedSubject { kind: o.subject.kind.clone(), name: o.subject.name.clone() })
            .collect();
        room -= subjects.len();
        out.groups.push(FoundGroup {
            namespace: if namespace.is_empty() { "no namespace".into() } else { namespace.to_owned() },
            plain: namespace.is_empty(),
            count: words::thousands(members.len()),
            subjects,
        });
    }
    let shown = limits.finding_names - room;
    out.foot = if shown < failures.len() {
        Text::from(format!(
            "{} of {} subjects named. ",
            words::thousands(shown),
            words::thousands(failures.len())
        ))
    } else {
        Text::default()
    }
    .plain("The fields read and the values found are in the attached assessment.json, for every subject.");
    out
}

fn subject_row(context: &Context<'_>, measure: &Measure, o: &Observation) -> SubjectRow {
    let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    let limit = context.input.limits.readings;
    let mut note = Text::default();
    let mut add = |text: Text| {
        let before = std::mem::take(&mut note);
        note = if before.is_empty() { text } else { before.plain("; ").text(text) };
    };
    if o.significance != measure.significance {
        add(Text::from(format!("counts as {}", o.significance)));
    }
    if !o.waived_by.is_empty() {
        add(Text::from("waived by ").code(&o.waived_by));
    }
    // The fields at fault come first; those beside them are in the attachment.
    let faults = o.readings.iter().filter(|r| r.fault).count();
    let shown = if faults > 0 { faults } else { o.readings.len() }.min(limit);
    let asked = if faults > 0 { faults } else { o.readings.len() };
    if shown < asked {
        add(Text::from(format!("{shown} of {asked} fields shown, all in the attachment")));
    }
    SubjectRow {
        kind: o.subject.kind.clone(),
        namespace: some(&o.subject.namespace),
        name: o.subject.name.clone(),
        container: some(&o.subject.container),
        note: (!note.is_empty()).then_some(note),
        readings: o.readings.iter().take(shown).map(|r| reading(r, &o.subject.container)).collect(),
        last: reason(context, measure, o),
    }
}

fn reason(context: &Context<'_>, measure: &Measure, o: &Observation) -> Text {
    let mut text = Text::technical(&words::capital(&o.reason));
    if !o.reason.is_empty() {
        text = text.plain(". ");
    }
    for note in o.notes.iter().take(NOTES) {
        text = text.text(Text::technical(&words::capital(note))).plain(". ");
    }
    if o.intercepted {
        let by = context.input.catalogue.get(&o.intercepted_by);
        let name = by.map_or_else(|| Text::of_code(&o.intercepted_by), |m| Text::from(m.title.clone()));
        text = text.strong("Intercepted").plain(" by: ").text(name).plain(".");
    } else if outer_judged(context, measure) {
        text = text.plain("Not intercepted.");
    }
    text
}

/// A field, its holder where that is not the subject (`container`: the subject's), and its value.
fn reading(r: &Reading, container: &str) -> ReadingView {
    let mut of = Text::default();
    if !r.object.is_empty() {
        of = of.plain("of ").code(&r.object);
    }
    if !r.container.is_empty() && r.container != container {
        let sep = if of.is_empty() { "container " } else { ", container " };
        of = of.plain(sep).code(&r.container);
    }
    if r.alike > 0 {
        let sep = if of.is_empty() { "" } else { "; " };
        of = of.plain(format!("{sep}{} more alike", words::thousands(r.alike)));
    }
    let (value, plain) = value(r);
    ReadingView { path: r.path.clone(), of: (!of.is_empty()).then_some(of), value, plain }
}

/// The value as it is printed, and whether it is words of ours.
pub(crate) fn value(r: &Reading) -> (String, bool) {
    let text = match &r.value {
        None if r.absent => return ("absent".to_owned(), true),
        None => return ("present".to_owned(), true),
        Some(serde_json::Value::String(text)) if text.is_empty() => "\"\"".to_owned(),
        Some(serde_json::Value::String(text)) => text.clone(),
        Some(value) => value.to_string(),
    };
    let length = text.chars().count();
    if length <= VALUE {
        return (text, false);
    }
    let cut: String = text.chars().take(VALUE).collect();
    (format!("{cut} ({VALUE} of {length} characters shown, all in the attachment)"), false)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_shown_as_it_was_found() {
        let of = |value: serde_json::Value| value_of(Some(value), false);
        assert_eq!(of(serde_json::json!(true)), ("true".into(), false));
        assert_eq!(of(serde_json::json!("")), ("\"\"".into(), false));
        assert_eq!(of(serde_json::json!(["NET_RAW"])), ("[\"NET_RAW\"]".into(), false));
        assert_eq!(value_of(None, true), ("absent".into(), true));
        assert!(of(serde_json::json!("x".repeat(5_000))).0.contains("400 of 5000 characters shown"));
    }

    fn value_of(value: Option<serde_json::Value>, absent: bool) -> (String, bool) {
        super::value(&Reading { value, absent, ..Reading::default() })
    }
}
