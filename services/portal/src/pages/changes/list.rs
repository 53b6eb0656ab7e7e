//! The changes one by one: by kind, then cause, then measure.

use hexproof_core::Significance;
use hexproof_core::audit::AuditKey;
use hexproof_core::diff::{Cause, Change, ChangeKind, Diff, Verdict};
use hexproof_core::measure::{Catalogue, MeasureId};
use hexproof_core::port::evidence::PackEntry;
use maud::{Markup, html};

use crate::pages::paging::{Paging, paging};
use crate::pages::sentences::{measure_link, sentence, subject, title};
use crate::params::Params;
use crate::refusal::Refusal;
use crate::{links, marks, words};

/// Changes of one page.
const EACH: usize = 100;

/// The changes that are wanted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Wanted {
    pub(crate) kind: Option<ChangeKind>,
    pub(crate) cause: Option<Cause>,
    pub(crate) measure: Option<MeasureId>,
    /// From 1.
    pub(crate) page: u32,
}

impl Wanted {
    pub(crate) fn read(params: &Params) -> Result<Self, Refusal> {
        let refused = |what: &str| Refusal::Invalid(format!("There is no such {what} of changes."));
        let kind = params.given("kind").map(|word| {
            ChangeKind::ALL.iter().copied().find(|kind| kind.word() == word).ok_or_else(|| refused("kind"))
        });
        let cause = params.given("cause").map(|word| {
            Cause::ALL.iter().copied().find(|cause| cause.word() == word).ok_or_else(|| refused("cause"))
        });
        Ok(Self {
            kind: kind.transpose()?,
            cause: cause.transpose()?,
            measure: params.parsed("measure", "measure")?,
            page: params.parsed::<u32>("page", "page")?.unwrap_or(1).max(1),
        })
    }

    /// The address of these changes.
    pub(crate) fn at(&self, key: &AuditKey, before: &AuditKey, page: u32) -> String {
        let pairs = [
            ("since", before.run.to_string()),
            ("kind", self.kind.map_or("", ChangeKind::word).to_owned()),
            ("cause", self.cause.map_or("", Cause::word).to_owned()),
            ("measure", self.measure.as_ref().map_or("", MeasureId::as_str).to_owned()),
            ("page", if page > 1 { page.to_string() } else { String::new() }),
        ];
        links::with(&links::changes(key), pairs)
    }

    fn admits(&self, change: &Change) -> bool {
        self.kind.is_none_or(|kind| kind == change.kind)
            && self.cause.is_none_or(|cause| cause == change.cause)
            && self.measure.as_ref().is_none_or(|measure| *measure == change.measure_id)
    }

    fn is_everything(&self) -> bool {
        self.kind.is_none() && self.cause.is_none() && self.measure.is_none()
    }
}

/// A cause in the words of tables.
pub(crate) const fn cause(cause: Cause) -> &'static str {
    match cause {
        Cause::Cluster => "the cluster",
        Cause::Rules => "changed rules",
        Cause::Settings => "changed settings",
        Cause::Waivers => "waivers",
        Cause::Seen => "what was seen",
    }
}

/// The changes that fit, in the order of the page.
fn fitting<'a>(diff: &'a Diff, catalogue: &Catalogue, wanted: &Wanted) -> Vec<&'a Change> {
    let mut fitting: Vec<(usize, &Change)> = diff
        .changes
        .iter()
        .filter(|change| wanted.admits(change))
        .map(|change| {
            let place = catalogue.measures.iter().position(|measure| measure.id == change.measure_id);
            (place.unwrap_or(usize::MAX), change)
        })
        .collect();
    // Stable: within a measure the order is that of the comparison.
    fitting.sort_by(|(place, one), (other_place, other)| {
        (one.kind, one.cause, place, &one.measure_id).cmp(&(
            other.kind,
            other.cause,
            other_place,
            &other.measure_id,
        ))
    });
    fitting.into_iter().map(|(_, change)| change).collect()
}

/// One page of the changes, with what they are grouped by.
pub(crate) fn section(
    diff: &Diff,
    catalogue: &Catalogue,
    key: &AuditKey,
    before: &PackEntry,
    wanted: &Wanted,
) -> Markup {
    let fitting = fitting(diff, catalogue, wanted);
    let skip = (wanted.page as usize - 1).saturating_mul(EACH).min(fitting.len());
    let shown = &fitting[skip..fitting.len().min(skip + EACH)];
    let paging_of = Paging { each: EACH as u64, page: wanted.page.into(), fitting: fitting.len() as u64 };
    html! {
        section id="changes" {
            h2 { "Changes" span.note { (words::count(fitting.len(), "change fits", "changes fit")) } }
            @if !wanted.is_everything() {
                p {
                    "Shown: " (says(wanted, catalogue)) ". "
                    a href=(Wanted::default().at(key, &before.key, 1)) { "Show all changes" }
                }
            }
            @if fitting.is_empty() {
                p.empty { @if diff.changes.is_empty() { "No verdict differs." } @else { "No change is of that kind, cause and measure." } }
            } @else if shown.is_empty() {
                p.empty { "The list ends before this page. " a href=(wanted.at(key, &before.key, 1)) { "Show the first page" } }
            }
            @for group in shown.chunk_by(|one, other| (one.kind, one.cause) == (other.kind, other.cause)) {
                @if let Some(first) = group.first() {
                    h3 { (words::capital(first.kind.word())) ", through " (cause(first.cause)) }
                }
                (table(group, catalogue, key, &before.key))
            }
            (paging(&paging_of, |page| wanted.at(key, &before.key, u32::try_from(page).unwrap_or(u32::MAX))))
        }
    }
}

fn says(wanted: &Wanted, catalogue: &Catalogue) -> Markup {
    let kind = wanted.kind.map(|kind| kind.word().to_owned());
    let through = wanted.cause.map(|found| format!("through {}", cause(found)));
    let measure = wanted.measure.as_ref().map(|id| format!("“{}”", title(catalogue, id)));
    let parts: Vec<String> = kind.into_iter().chain(through).chain(measure).collect();
    html! { (marks::prose(&parts.join(", "))) }
}

/// Changes as a table.
pub(crate) fn table(changes: &[&Change], catalogue: &Catalogue, key: &AuditKey, before: &AuditKey) -> Markup {
    html! {
        table.list {
            caption.sr { "Changes" }
            thead {
                tr {
                    th scope="col" { "Change" }
                    th scope="col" { "Measure, subject" }
                    th scope="col" { "Before" }
                    th scope="col" { "After" }
                }
            }
            tbody {
                @for change in changes {
                    tr {
                        td data-label="Change" {
                            @if change.is_new_failure() { strong { (change.kind.word()) } } @else { (change.kind.word()) }
                            span.sub { "through " (cause(change.cause)) }
                        }
                        th.lead scope="row" {
                            (measure_link(catalogue, &change.measure_id, &address(change, key, before)))
                            span.sub { (subject(&change.subject)) @if change.recreated { ", made anew" } }
                            @if !change.because.is_empty() { span.sub { (sentence(&change.because)) } }
                        }
                        td data-label="Before" { (verdict(change.before.as_ref(), catalogue, &change.measure_id)) }
                        td data-label="After" { (verdict(change.after.as_ref(), catalogue, &change.measure_id)) }
                    }
                }
            }
        }
    }
}

/// The observation that a change is about: that of the later pack, if it is there.
fn address(change: &Change, key: &AuditKey, before: &AuditKey) -> String {
    match (&change.after, &change.before) {
        (Some(after), _) => links::observation(key, after.place),
        (None, Some(verdict)) => links::observation(before, verdict.place),
        (None, None) => links::observations_by(key, &change.measure_id),
    }
}

fn verdict(verdict: Option<&Verdict>, catalogue: &Catalogue, measure: &MeasureId) -> Markup {
    let usual = catalogue.get(measure.as_str()).map(|measure| measure.significance);
    html! {
        @match verdict {
            None => span.quiet { "not there" },
            Some(verdict) => {
                span.outcome { (marks::state(verdict.outcome)) " "
                    @if verdict.is_open_failure() { strong { (words::outcome(verdict.outcome)) } }
                    @else { (words::outcome(verdict.outcome)) }
                }
                @if !verdict.waived_by.is_empty() { span.also { "waived" } }
                @if usual.is_some_and(|usual: Significance| usual != verdict.significance) {
                    span.also { (verdict.significance.word()) }
                }
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_reads_back_and_unknown_words_are_refused() {
        let key = AuditKey {
            cluster: "shop".parse().unwrap(),
            run: "0b7c9a52-1f04-5e1b-8c3d-9a0f6e5d4c3b".parse().unwrap(),
        };
        for kind in ChangeKind::ALL {
            for cause in Cause::ALL {
                let wanted = Wanted {
                    kind: Some(*kind),
                    cause: Some(*cause),
                    measure: Some("rbac-wildcards".parse().unwrap()),
                    page: 3,
                };
                let address = wanted.at(&key, &key, 3);
                let (_, query) = address.split_once('?').unwrap();
                assert_eq!(Wanted::read(&Params::read(query)).unwrap(), wanted);
            }
        }
        for query in ["kind=x", "cause=<script>", "measure=A", "page=x"] {
            assert!(Wanted::read(&Params::read(query)).is_err(), "{query}");
        }
    }
}
