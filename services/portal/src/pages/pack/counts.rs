//! Counts of every measure, by layer: fails first, then what was not seen, then what passes.

use hexproof_core::assessment::{Assessment, MeasureCount};
use hexproof_core::audit::AuditKey;
use hexproof_core::measure::Catalogue;
use hexproof_core::{Layer, Outcome};
use maud::{Markup, html};

use super::steps::significance;
use crate::pages::sentences::{measure_link, sentence};
use crate::{links, marks, words};

/// Measures of a layer with their counts.
struct Group<'a> {
    name: &'static str,
    counts: Vec<&'a MeasureCount>,
}

impl Group<'_> {
    /// `54 measures: 12 fail, 3 unknown, 30 pass, 9 do not apply`.
    fn says(&self) -> String {
        let of = |class: fn(&MeasureCount) -> u8, wanted: u8| {
            self.counts.iter().filter(|count| class(count) == wanted).count()
        };
        let parts: Vec<String> = [(0, "fail"), (1, "unknown"), (2, "pass"), (3, "not applicable")]
            .into_iter()
            .map(|(class, word)| (of(rank, class), word))
            .filter(|(n, _)| *n > 0)
            .map(|(n, word)| format!("{} {word}", words::thousands(n)))
            .collect();
        format!("{}: {}", words::count(self.counts.len(), "measure", "measures"), parts.join(", "))
    }
}

/// What a measure comes to: fails, unknown, passes, does not apply.
fn rank(count: &MeasureCount) -> u8 {
    match (count.fail, count.unknown, count.pass) {
        (1.., _, _) => 0,
        (0, 1.., _) => 1,
        (0, 0, 1..) => 2,
        (0, 0, 0) => 3,
    }
}

fn groups<'a>(a: &'a Assessment, catalogue: &Catalogue) -> Vec<Group<'a>> {
    let layer = |count: &MeasureCount| catalogue.get(count.measure_id.as_str()).map(|measure| measure.layer);
    let mut groups: Vec<Group<'_>> = Layer::ALL
        .iter()
        .map(|wanted| Group {
            name: words::layer(*wanted),
            counts: a.measures.iter().filter(|count| layer(count) == Some(*wanted)).collect(),
        })
        .collect();
    // A pack may be older than the catalogue of this service.
    groups.push(Group {
        name: "Not in the catalogue of this service",
        counts: a.measures.iter().filter(|count| layer(count).is_none()).collect(),
    });
    groups.retain(|group| !group.counts.is_empty());
    for group in &mut groups {
        group.counts.sort_by_key(|count| rank(count));
    }
    groups
}

/// Counts by measure, one list a layer, to be opened.
pub(crate) fn counts(a: &Assessment, catalogue: &Catalogue, key: &AuditKey) -> Markup {
    html! {
        section {
            h2 { "Measures" span.note { "outcomes by measure; every number leads to its observations" } }
            @for group in groups(a, catalogue) {
                details.group {
                    summary { strong { (group.name) } " " span.note { (group.says()) } }
                    (table(&group, catalogue, key))
                }
            }
            p { a href=(links::observations(key)) { "All observations" } }
        }
    }
}

const HEADS: [(&str, Option<Outcome>); 5] = [
    ("Fail", Some(Outcome::Fail)),
    ("Unknown", Some(Outcome::Unknown)),
    ("Pass", Some(Outcome::Pass)),
    ("Not applicable", Some(Outcome::NotApplicable)),
    ("Waived", None),
];

fn table(group: &Group<'_>, catalogue: &Catalogue, key: &AuditKey) -> Markup {
    html! {
        table.list {
            caption.sr { "Outcomes by measure: " (group.name) }
            thead {
                tr {
                    th scope="col" { "Measure" }
                    th scope="col" { "Significance" }
                    @for (head, _) in HEADS { th.n scope="col" { (head) } }
                }
            }
            tbody {
                @for count in &group.counts {
                    tr {
                        th.lead scope="row" {
                            (measure_link(catalogue, &count.measure_id, &links::observations_by(key, &count.measure_id)))
                            @if !count.reason.is_empty() { span.sub { (sentence(&count.reason)) } }
                        }
                        td data-label="Significance" {
                            @if let Some(measure) = catalogue.get(count.measure_id.as_str()) { (significance(measure.significance)) }
                        }
                        @for (head, outcome) in HEADS {
                            td.n data-label=(head) { (number(count, outcome, key)) }
                        }
                    }
                }
            }
        }
    }
}

fn number(count: &MeasureCount, outcome: Option<Outcome>, key: &AuditKey) -> Markup {
    let n = outcome.map_or(count.waived, |outcome| count.of(outcome));
    if n == 0 {
        return marks::number_or_dot(0);
    }
    let what = match outcome {
        Some(outcome) => ("outcome", outcome.word()),
        None => ("waived", "yes"),
    };
    let address = links::with(&links::observations(key), [("measure", count.measure_id.as_str()), what]);
    html! { a href=(address) { (words::thousands(n)) } }
}

#[cfg(test)]
mod tests {
    use hexproof_testkit::evidence::{Sample, catalogue};

    use super::*;

    #[test]
    fn what_fails_stands_before_what_was_not_seen_and_what_passes() {
        let a = Sample::weak(&"shop".parse().unwrap(), "2026-11-23T06:00:00Z".parse().unwrap()).assessment();
        let catalogue = catalogue();
        let groups = groups(&a, &catalogue);
        assert_eq!(groups.iter().map(|group| group.counts.len()).sum::<usize>(), a.measures.len());
        for group in &groups {
            assert!(group.counts.is_sorted_by_key(|count| rank(count)), "{}", group.name);
        }
        let unknown = Catalogue::new(Vec::new());
        assert_eq!(super::groups(&a, &unknown).len(), 1);
    }
}
