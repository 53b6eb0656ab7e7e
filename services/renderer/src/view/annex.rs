//! The annexes: the matrix with two decimals, and the observations.

use hexproof_core::assessment::Cell;
use hexproof_core::measure::Measure;
use hexproof_core::observation::Observation;
use hexproof_core::{Layer, Outcome};

use super::context::Context;
use super::round::{exact, exact_high};
use super::subjects::value;
use super::text::Text;
use super::{Chapter, words};

super::view! {
    /// Annex A.
    struct MatrixAnnex {
        /// Its chapter.
        chapter: Chapter,
        /// Title sentence.
        title: String,
        /// The lines below it.
        second: Vec<Text>,
        /// Heads of the columns.
        heads: Vec<String>,
        /// By layer, then all layers.
        groups: Vec<MatrixGroup>,
    }

    /// A layer.
    struct MatrixGroup {
        /// Name.
        name: String,
        /// By goal, then all goals.
        rows: Vec<MatrixRow>,
    }

    /// A cell in numbers.
    struct MatrixRow {
        /// Goal.
        goal: String,
        /// Letter, or `not-assessed`.
        rating: String,
        /// Low end.
        low: String,
        /// High end.
        high: String,
        /// Coverage.
        seen: String,
        /// Residual low end.
        residual: String,
        /// Accepted, low and high end.
        accepted: String,
        /// Numbers of all its gates.
        gates: String,
    }

    /// Annex B.
    struct ObservationsAnnex {
        /// Its chapter.
        chapter: Chapter,
        /// The result as a sentence.
        title: String,
        /// The lines below it.
        second: Vec<Text>,
        /// By measure.
        groups: Vec<ObservationGroup>,
        /// What is not printed.
        foot: Text,
    }

    /// A measure.
    struct ObservationGroup {
        /// Title.
        title: String,
        /// Id.
        id: String,
        /// How many, and how many are shown.
        count: String,
        /// The observations.
        rows: Vec<ObservationRow>,
    }

    /// An observation.
    struct ObservationRow {
        /// `pass`, `fail` or `unknown`.
        outcome: String,
        /// `Kind namespace/name`.
        subject: String,
        /// What was read and found, or the reason.
        found: Text,
        /// First digits of the digest of the evidence.
        digest: String,
    }
}

/// Digits of an evidence digest in print.
const DIGITS: usize = 16;

pub(crate) fn matrix(context: &Context<'_>) -> MatrixAnnex {
    let a = context.a;
    let mut groups: Vec<MatrixGroup> = Layer::ALL
        .iter()
        .map(|layer| {
            let cells = a.matrix.iter().chain(&a.layers).filter(|cell| cell.layer == Some(*layer));
            MatrixGroup { name: words::layer(*layer).to_owned(), rows: rows(context, cells) }
        })
        .filter(|group| !group.rows.is_empty())
        .collect();
    groups.push(MatrixGroup {
        name: "All layers".into(),
        rows: rows(context, a.goals.iter().chain([&a.overall])),
    });
    MatrixAnnex {
        chapter: Chapter::new("A", "Annex: matrix"),
        title: "The matrix with two decimals".into(),
        second: vec![Text::from("As in the attached assessment.json; cells without measures are left out.")],
        heads: ["Layer, goal", "Rating", "Low", "High", "Seen", "Residual", "Accepted", "Gates"]
            .map(str::to_owned)
            .to_vec(),
        groups,
    }
}

fn rows<'c>(context: &Context<'_>, cells: impl Iterator<Item = &'c Cell>) -> Vec<MatrixRow> {
    cells
        .filter(|cell| cell.measures > 0)
        .map(|cell| {
            let gates: Vec<String> =
                cell.gated_by.iter().filter_map(|id| context.gate(id.as_str())).collect();
            MatrixRow {
                goal: cell.goal.map_or("All goals", words::goal).to_owned(),
                rating: words::rating_key(cell.rating).replace('-', " "),
                low: exact(cell.score_low),
                high: exact_high(cell.score_high),
                seen: exact(cell.coverage),
                residual: exact(cell.residual_low),
                accepted: exact(cell.accepted_low),
                gates: gates.join(", "),
            }
        })
        .collect()
}

pub(crate) fn observations(context: &Context<'_>) -> ObservationsAnnex {
    let judged = |id: &str| -> Vec<&Observation> {
        context.observations(id).iter().copied().filter(|o| o.outcome != Outcome::NotApplicable).collect()
    };
    let all: Vec<(&Measure, Vec<&Observation>)> = context
        .input
        .catalogue
        .measures
        .iter()
        .map(|measure| (measure, judged(measure.id.as_str())))
        .filter(|(_, list)| !list.is_empty())
        .collect();
    let sizes: Vec<usize> = all.iter().map(|(_, list)| list.len()).collect();
    let total: usize = sizes.iter().sum();
    let share = fair_share(&sizes, context.input.limits.observations);
    let shown: usize = sizes.iter().map(|n| (*n).min(share)).sum();
    let passes = all.iter().flat_map(|(_, list)| list).filter(|o| o.outcome == Outcome::Pass).count();
    let title = format!(
        "{}, {} of them passes",
        words::count(total, "verdict", "verdicts"),
        words::thousands(passes)
    );
    ObservationsAnnex {
        chapter: Chapter::new("B", "Annex: verdicts"),
        title,
        second: vec![Text::from(format!(
            "Evidence: the first {DIGITS} digits of the SHA-256 of the redacted object that was judged, in full in the attached assessment.json."
        ))],
        groups: all
            .into_iter()
            .filter(|_| share > 0)
            .map(|(measure, list)| group(measure, &list, share))
            .collect(),
        foot: if shown < total {
            Text::from(format!(
                "{} of {} verdicts shown, {share} of a measure at most; all in the attachment.",
                words::thousands(shown),
                words::thousands(total)
            ))
        } else {
            Text::default()
        },
    }
}

/// The largest number of rows that every measure may have so that all together stay within `limit`.
fn fair_share(sizes: &[usize], limit: usize) -> usize {
    let mut share = sizes.iter().copied().max().unwrap_or(0);
    while share > 0 && sizes.iter().map(|n| (*n).min(share)).sum::<usize>() > limit {
        share -= 1;
    }
    share
}

fn group(measure: &Measure, list: &[&Observation], share: usize) -> ObservationGroup {
    let count = words::count(list.len(), "verdict", "verdicts");
    ObservationGroup {
        title: measure.title.clone(),
        id: measure.id.to_string(),
        count: if list.len() > share {
            format!("{share} of {count} shown, all in the attachment")
        } else {
            count
        },
        rows: list.iter().take(share).map(|o| row(o)).collect(),
    }
}

fn row(o: &Observation) -> ObservationRow {
    let mut found = Text::default();
    if let Some(first) = o.readings.first() {
        let (value, plain) = value(first);
        found = found.code(&first.path).plain(" ");
        found = if plain { found.plain(value) } else { found.code(&value) };
        if o.readings.len() > 1 {
            found = found.plain(format!(", and {} more", o.readings.len() - 1));
        }
    }
    if o.outcome == Outcome::Unknown || found.is_empty() {
        found = Text::marked(&words::capital(&o.reason));
    }
    let mut outcome = o.outcome.to_string();
    if !o.waived_by.is_empty() {
        outcome.push_str(", waived");
    }
    ObservationRow {
        outcome,
        subject: o.subject.label(),
        found,
        digest: o
            .evidence_digest
            .as_ref()
            .map_or(String::new(), |digest| digest.hex().chars().take(DIGITS).collect()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_shared_fairly_between_measures() {
        assert_eq!(fair_share(&[3, 100, 100], 600), 100);
        assert_eq!(fair_share(&[3, 100, 100], 23), 10);
        assert_eq!(fair_share(&[5; 10], 9), 0);
        assert_eq!(fair_share(&[], 9), 0);
    }
}
