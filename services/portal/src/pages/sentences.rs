//! Texts of the catalogue and of verdicts as markup: backticks mark identifiers, fields are found by their looks. Whatever
//! the text is, it is shown as text.

use hexproof_core::measure::{Catalogue, MeasureId};
use hexproof_core::observation::{Observation, Subject};
use hexproof_core::words::looks_technical;
use hexproof_core::{Outcome, Platform};
use maud::{Markup, html};

use crate::{links, marks, words};

/// A text in which backticks mark identifiers.
pub(crate) fn marked(text: &str) -> Markup {
    // An odd one out marks nothing: else the rest of the text would be an identifier.
    let marks_pairs = text.matches('`').count().is_multiple_of(2);
    html! {
        @if marks_pairs {
            @for (i, part) in text.split('`').enumerate() {
                @if i % 2 == 0 { (marks::prose(part)) } @else { (marks::id(part)) }
            }
        } @else { (marks::prose(text)) }
    }
}

/// A text of the catalogue: as [`marked`], or, if it marks nothing, with fields, paths and constants found by their looks
/// (`spec.hostIPC`, `hostPath`, `/etc`, `NET_RAW`).
pub(crate) fn technical(text: &str) -> Markup {
    if text.contains('`') {
        return marked(text);
    }
    html! {
        @for (i, word) in text.split(' ').enumerate() {
            @if i > 0 { " " }
            @let (before, core, after) = bare(word);
            @if looks_technical(core) { (before) (marks::id(core)) (after) } @else { (marks::prose(word)) }
        }
    }
}

/// A clause of a verdict or a check as a sentence: with a capital, unless it begins with a name, and with a stop.
pub(crate) fn sentence(clause: &str) -> Markup {
    let clause = clause.trim();
    let first = clause.split(' ').next().unwrap_or_default();
    let word = first.trim_end_matches([',', ':', ';']).bytes().all(|byte| byte.is_ascii_lowercase());
    let capital = if word { words::capital(clause) } else { clause.to_owned() };
    html! {
        (technical(&capital))
        @if !clause.ends_with(['.', '!', '?']) { "." }
    }
}

/// A word between what punctuation stands before and after it.
fn bare(word: &str) -> (&str, &str, &str) {
    let start = word.len() - word.trim_start_matches(['(', '"']).len();
    let end = word.trim_end_matches([',', '.', ';', ':', ')', '"', '?']).len().max(start);
    (&word[..start], &word[start..end], &word[end..])
}

/// A subject: kind, then namespace and name in mono, then the container.
pub(crate) fn subject(subject: &Subject) -> Markup {
    html! {
        (marks::name(&subject.kind)) " "
        @if subject.namespace.is_empty() { (marks::id(&subject.name)) }
        @else { (marks::id(&format!("{}/{}", subject.namespace, subject.name))) }
        @if !subject.container.is_empty() { ", container " (marks::id(&subject.container)) }
    }
}

/// The word for an outcome, and whether a waiver covers it. Failures stand out.
pub(crate) fn outcome(observation: &Observation) -> Markup {
    let word = words::outcome(observation.outcome);
    html! {
        span.outcome {
            (marks::state(observation.outcome)) " "
            @if observation.outcome == Outcome::Fail { strong { (word) } } @else { (word) }
        }
        @if !observation.waived_by.is_empty() { span.also { "waived" } }
        @if observation.intercepted { span.also { "intercepted" } }
    }
}

/// The title of a measure; its id where the catalogue of this service has none of that name.
pub(crate) fn title<'a>(catalogue: &'a Catalogue, id: &'a MeasureId) -> &'a str {
    catalogue.get(id.as_str()).map_or(id.as_str(), |measure| measure.title.as_str())
}

/// The title of a measure as a link to an address.
pub(crate) fn measure_link(catalogue: &Catalogue, id: &MeasureId, address: &str) -> Markup {
    html! { a href=(address) { (marks::prose(title(catalogue, id))) } }
}

/// The title of a measure as a link to the measure, if the catalogue of this service has it.
pub(crate) fn known_measure(catalogue: &Catalogue, id: &str) -> Markup {
    match catalogue.get(id) {
        Some(measure) => measure_link(catalogue, &measure.id, &links::measure(&measure.id)),
        None => marks::id(id),
    }
}

/// Points gained, one decimal, rounded down.
pub(crate) fn gain(points: f64) -> String {
    let tenths = ((points + 1e-9) * 10.0).floor() / 10.0;
    if tenths <= 0.0 && points > 1e-9 { "<0.1".to_owned() } else { format!("+{:.1}", tenths.max(0.0)) }
}

/// Name of a platform.
pub(crate) const fn platform(platform: Platform) -> &'static str {
    match platform {
        Platform::Aks => "Azure Kubernetes Service",
        Platform::OnPremise => "on-premise",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn backticks_mark_identifiers_and_an_odd_one_marks_nothing() {
        assert_eq!(marked("`a` is <b>").0, "<code>a</code> is &lt;b&gt;");
        assert_eq!(marked("it`s").0, "it`s");
    }

    #[test]
    fn fields_are_found_by_their_looks() {
        assert_eq!(
            technical("No spec.volumes[] (see hostPath, NET_RAW).").0,
            "No <code>spec.<wbr>volumes[]</code> (see <code>hostPath</code>, <code>NET_<wbr>RAW</code>)."
        );
        for hostile in ["(((", "\"", "...", "", " ", "é.", "<script>a.b</script>"] {
            assert!(!technical(hostile).0.contains("<script"), "{hostile}");
        }
    }

    #[test]
    fn a_clause_becomes_a_sentence_and_a_name_stays_as_it_is() {
        assert_eq!(sentence("covers the whole file").0, "Covers the whole file.");
        assert_eq!(sentence("web-1 runs privileged.").0, "web-1 runs privileged.");
        assert_eq!(sentence("").0, ".");
    }

    #[test]
    fn a_gain_is_never_overstated() {
        assert_eq!((gain(1.59), gain(0.04), gain(0.0)), ("+1.5".into(), "<0.1".into(), "+0.0".into()));
    }
}
