//! The overview as a page.

use hexproof_core::Rating;
use hexproof_core::assessment::whole_low;
use jiff::Timestamp;
use maud::{Markup, html};

use super::Asked;
use super::gather::{Row, Schedules, Troubles};
use crate::charts;
use crate::marks::{self, Size};
use crate::words::{self, THIN, count, counted};
use crate::{links, verdict};

/// What is shown.
pub(super) struct List<'a> {
    pub(super) asked: &'a Asked,
    pub(super) shown: &'a [Row],
    /// Clusters within reach.
    pub(super) total: usize,
    /// Of those, the ones that were asked for.
    pub(super) fitting: usize,
    pub(super) page: usize,
    pub(super) pages: usize,
    pub(super) troubles: Troubles,
}

/// The title: how many are bad.
pub(super) fn title(rows: &[Row]) -> String {
    let all = rows.len();
    let of = |wanted: &[Rating]| {
        rows.iter().filter(|row| row.rating().is_some_and(|rating| wanted.contains(&rating))).count()
    };
    let (bad, judged) = (of(&[Rating::D, Rating::E]), of(&[Rating::A, Rating::B, Rating::C]));
    let whole = words::thousands(all);
    match (all, bad, judged) {
        (0, ..) => "There is no cluster that you may see".to_owned(),
        (1, 0, 0) => "The cluster was not assessed yet".to_owned(),
        (_, 0, 0) => format!("None of {whole} clusters was assessed yet"),
        (1, 1, _) => "The cluster is rated D or worse".to_owned(),
        (1, ..) => "The cluster is rated C or better".to_owned(),
        (_, 0, judged) if judged == all => format!("All {whole} clusters are rated C or better"),
        (_, 0, judged) => {
            format!(
                "{} of {whole} clusters {} rated C or better, and none is worse",
                one(judged),
                verb(judged)
            )
        }
        (_, bad, _) => format!("{} of {whole} clusters {} rated D or worse", one(bad), verb(bad)),
    }
}

const fn verb(n: usize) -> &'static str {
    if n == 1 { "is" } else { "are" }
}

fn one(n: usize) -> String {
    words::capital(&words::number(n))
}

/// The second sentence: what is not known, and what a filter leaves.
pub(super) fn second(list: &List<'_>) -> Markup {
    let filtered = list.fitting != list.total;
    html! {
        @if filtered {
            (counted(list.fitting, "cluster fits", "clusters fit")) " what you asked for. "
        }
        "Worst first, unless you choose another order; what was not assessed stands behind D."
    }
}

pub(super) fn body(list: &List<'_>, now: Timestamp) -> Markup {
    html! {
        (troubles(list.troubles))
        (filter(list.asked))
        section {
            @if list.shown.is_empty() {
                p.empty {
                    @if list.total == 0 {
                        "No cluster is registered within your reach. Whoever administers the service registers clusters and gives roles."
                    } @else {
                        "No cluster fits. " a href=(links::CLUSTERS) { "Show all " (words::thousands(list.total)) } "."
                    }
                }
            } @else {
                (table(list, now))
                (pager(list))
            }
        }
    }
}

/// What could not be asked, first of all.
fn troubles(troubles: Troubles) -> Markup {
    html! {
        @if !troubles.register || !troubles.packs {
            div.warn role="status" {
                p {
                    b { "The evidence store does not answer." } " "
                    @match (troubles.register, troubles.packs) {
                        (false, true) => "Packs are shown as they were last known; names, labels and schedules may be missing.",
                        (true, false) => "Ratings and packs are not known at the moment.",
                        _ => "Nothing is known of the clusters at the moment. Nothing is lost; try again in a minute.",
                    }
                }
            }
        }
    }
}

fn filter(asked: &Asked) -> Markup {
    let choices = [
        ("", "any"),
        ("E", "E"),
        ("D", "D"),
        ("C", "C"),
        ("B", "B"),
        ("A", "A"),
        ("not-assessed", "not assessed"),
        ("none", "no pack yet"),
    ];
    html! {
        form.filter method="get" action=(links::CLUSTERS) role="search" {
            div.field.grow {
                label for="q" { "Name or label" }
                input type="search" id="q" name="q" value=(asked.q) autocomplete="off" maxlength="200";
            }
            div.field {
                label for="rating" { "Rating" }
                select id="rating" name="rating" {
                    @for (value, name) in choices {
                        option value=(value) selected[asked.rating == value] { (name) }
                    }
                }
            }
            @if !asked.sort.is_empty() { input type="hidden" name="sort" value=(asked.sort); }
            button.button type="submit" { "Filter clusters" }
        }
    }
}

fn table(list: &List<'_>, now: Timestamp) -> Markup {
    let sort = match list.asked.sort.as_str() {
        by @ ("name" | "age") => by,
        _ => "worst",
    };
    let head = |by: &str, name: &str| {
        html! {
            th scope="col" aria-sort=[(sort == by).then_some("ascending")] {
                a href=(list.asked.sorted(by)) { (name) }
            }
        }
    };
    html! {
        table.list.clusters {
            caption.sr { "Clusters" }
            thead {
                tr {
                    (head("name", "Cluster"))
                    (head("worst", "Rating"))
                    th scope="col" { "Score" }
                    th.n scope="col" { "Seen" }
                    th.n scope="col" { "Gates" }
                    th.nw scope="col" { "Low end by pack" }
                    (head("age", "Last pack"))
                    th scope="col" { "Next audit" }
                    th.n scope="col" { "Gaps" }
                }
            }
            tbody { @for row in list.shown { (line(row, now)) } }
        }
    }
}

fn line(row: &Row, now: Timestamp) -> Markup {
    let newest = row.packs.first();
    let score = newest.and_then(|pack| pack.score);
    html! {
        tr {
            th scope="row" {
                a href=(links::cluster(&row.id)) { (marks::name(&row.name)) }
                @if let Some(sub) = sub(row) { span.sub { (sub) } }
            }
            @match newest {
                None => {
                    td data-label="Rating" colspan="6" { span.quiet { "no pack yet" } }
                },
                Some(pack) => {
                    td data-label="Rating" { (marks::tile(pack.rating, Size::Small)) }
                    @match &score {
                        Some(score) => {
                            td data-label="Score" { span.score { (verdict::interval(score)) } }
                            td.n data-label="Seen" { (whole_low(score.coverage)) (THIN) "%" }
                            td.n data-label="Gates" { (marks::number_or_dot(score.gates.into())) }
                        },
                        None => td data-label="Score" colspan="3" { span.quiet { "not listed" } },
                    }
                    td.nw data-label="Low end" { (charts::trend(&trend(row))) }
                    td.nw data-label="Last pack" {
                        time datetime=(pack.finished) { (words::age(pack.finished, now)) }
                        @if !pack.complete { span.sub { "not complete" } }
                    }
                },
            }
            td.nw data-label="Next audit" { (next(row.schedules.as_ref(), now)) }
            td.n data-label="Gaps" {
                @match &row.schedules {
                    Some(schedules) => (marks::number_or_dot(schedules.gaps)),
                    None => span.quiet { "not known" },
                }
            }
        }
    }
}

/// Scores of the packs, oldest first.
fn trend(row: &Row) -> Vec<Option<(f64, f64)>> {
    row.packs.iter().rev().map(|pack| pack.score.map(|score| (score.low, score.high))).collect()
}

/// The id where the name is another one, and the labels.
fn sub(row: &Row) -> Option<Markup> {
    let id = (row.name != row.id.as_str()).then(|| row.id.as_str());
    let labels: Vec<String> = row.labels.iter().map(|(name, value)| format!("{name}={value}")).collect();
    if id.is_none() && labels.is_empty() && !row.retired {
        return None;
    }
    Some(html! {
        @if let Some(id) = id { (marks::name(id)) }
        @for (i, label) in labels.iter().enumerate() {
            @if i > 0 || id.is_some() { ", " }
            (marks::name(label))
        }
        @if row.retired {
            @if id.is_some() || !labels.is_empty() { "; " }
            "registration has ended"
        }
    })
}

fn next(schedules: Option<&Schedules>, now: Timestamp) -> Markup {
    html! {
        @match schedules {
            None => span.quiet { "not known" },
            Some(Schedules { number: 0, .. }) => span.quiet { "no schedule" },
            Some(Schedules { next: Some(at), .. }) => time datetime=(at) { (words::ahead(*at, now)) },
            Some(Schedules { paused, .. }) if *paused > 0 => "paused",
            Some(_) => span.quiet { "none" },
        }
    }
}

fn pager(list: &List<'_>) -> Markup {
    html! {
        nav.pager aria-label="Pages of the list" {
            span {
                @if list.pages > 1 { "Page " (list.page) " of " (list.pages) ", " }
                (count(list.fitting as u64, "cluster", "clusters"))
            }
            @if list.pages > 1 {
                span {
                    @if list.page > 1 { a rel="prev" href=(list.asked.at(list.page - 1)) { "Previous " (super::EACH) } " " }
                    @if list.page < list.pages { a rel="next" href=(list.asked.at(list.page + 1)) { "Next clusters" } }
                }
            }
        }
    }
}
