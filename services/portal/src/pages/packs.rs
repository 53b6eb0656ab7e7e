//! The packs of all clusters within reach, newest first.

use std::collections::BTreeSet;

use axum::Extension;
use axum::extract::State;
use axum::response::Response;
use hexproof_core::access::{Clusters, Role, Scope};
use hexproof_core::id::ClusterId;
use hexproof_core::port::evidence::{PackEntry, PackPick};
use hexproof_core::port::{Cursor, StorageError};
use jiff::civil::Date;
use jiff::tz::TimeZone;
use maud::{Markup, html};

use super::pack::{seal_state, within};
use crate::marks::Size;
use crate::params::Params;
use crate::parts::PortalParts;
use crate::refusal::Refusal;
use crate::seals::Seals;
use crate::shell::{Section, Shell};
use crate::viewer::Viewer;
use crate::{links, marks, verdict, words};

/// Packs of one page.
const EACH: usize = 50;
/// Pages of the store that are read for one of ours: its pages may be short.
const READS: usize = 8;
/// Clusters that are offered; with more of them the name is typed.
const OFFERED: usize = 200;

/// The packs that are wanted. The days are whole days of UTC, the last one included.
#[derive(Debug, Default, PartialEq, Eq)]
struct Wanted {
    cluster: Option<ClusterId>,
    from: Option<Date>,
    to: Option<Date>,
    after: Option<Cursor>,
}

impl Wanted {
    fn read(params: &Params) -> Result<Self, Refusal> {
        Ok(Self {
            cluster: params.parsed("cluster", "cluster")?,
            from: params.parsed("from", "day")?,
            to: params.parsed("to", "day")?,
            after: params.given("after").map(|token| Cursor(token.to_owned())),
        })
    }

    fn at(&self, after: Option<&Cursor>) -> String {
        let day = |day: Option<Date>| day.map(|day| day.to_string()).unwrap_or_default();
        let pairs = [
            ("cluster", self.cluster.as_ref().map_or("", ClusterId::as_str).to_owned()),
            ("from", day(self.from)),
            ("to", day(self.to)),
            ("after", after.map(|cursor| cursor.0.clone()).unwrap_or_default()),
        ];
        links::with(links::PACKS, pairs)
    }

    /// What the store is asked for: never more than the scope.
    fn pick(&self, scope: &Scope) -> PackPick {
        let start = |day: Date| day.to_zoned(TimeZone::UTC).ok().map(|at| at.timestamp());
        let from = self.from.and_then(start);
        let until = self.to.and_then(|day| day.tomorrow().ok()).and_then(start);
        let clusters = match &self.cluster {
            // One that is out of reach is as one that there is not: nothing is found.
            Some(cluster) if scope.admits(cluster) => Clusters::Only(BTreeSet::from([cluster.clone()])),
            Some(_) => Clusters::Only(BTreeSet::new()),
            None => scope.clusters.clone(),
        };
        PackPick {
            clusters,
            from: from.max(scope.from),
            until: [until, scope.until].into_iter().flatten().min(),
        }
    }

    fn is_everything(&self) -> bool {
        self.cluster.is_none() && self.from.is_none() && self.to.is_none()
    }
}

pub(crate) async fn get(
    State(parts): State<PortalParts>,
    Extension(seals): Extension<Seals>,
    viewer: Viewer,
    params: Params,
) -> Result<Response, Refusal> {
    let wanted = Wanted::read(&params)?;
    let scope = &viewer.caller.scope;
    let (packs, next) = match read(&parts, &wanted, scope).await {
        Ok(found) => found,
        // The token of another list, or of another store.
        Err(StorageError::Cursor) => {
            return Err(Refusal::Invalid(
                "This address names a place that is in no list of packs. Begin at the first page.".to_owned(),
            ));
        }
        Err(error) => return Err(error.into()),
    };
    let clusters: Vec<ClusterId> = match parts.evidence.standings(&scope.clusters, 1).await {
        Ok(standings) => standings.into_keys().take(OFFERED + 1).collect(),
        Err(_) => Vec::new(),
    };
    let reads = viewer.is(&[Role::Auditor, Role::Admin]);
    let body = html! {
        (form(&wanted, &clusters))
        @if packs.is_empty() {
            (nothing(&wanted, next.is_some()))
        } @else {
            (table(&packs, &seals, reads))
        }
        @if wanted.after.is_some() || next.is_some() {
            nav.pager aria-label="Pages of the list" {
                @if wanted.after.is_some() { a href=(wanted.at(None)) { "Newest packs" } } @else { span.off aria-hidden="true" { "Newest packs" } }
                @if let Some(next) = &next { a href=(wanted.at(Some(next))) rel="next" { "Older packs" } }
                @else { span.off aria-hidden="true" { "Older packs" } }
            }
        }
    };
    let shell = Shell {
        section: Section::Packs,
        crumbs: Vec::new(),
        title: title(&packs, &wanted, next.is_some()),
        second: html! { "A pack is the sealed evidence of one audit. " (period(scope)) },
        body,
    };
    Ok(shell.show(&viewer))
}

/// A page of packs. What the store gives beyond the scope is left out, whatever it was asked.
async fn read(
    parts: &PortalParts,
    wanted: &Wanted,
    scope: &Scope,
) -> Result<(Vec<PackEntry>, Option<Cursor>), StorageError> {
    let pick = wanted.pick(scope);
    let (mut packs, mut after) = (Vec::new(), wanted.after.clone());
    for _ in 0..READS {
        let page = parts.evidence.packs(&pick, after.as_ref(), EACH - packs.len()).await?;
        packs.extend(page.items.into_iter().filter(|pack| within(scope, pack)));
        after = page.next;
        if after.is_none() || packs.len() >= EACH {
            break;
        }
    }
    Ok((packs, after))
}

fn title(packs: &[PackEntry], wanted: &Wanted, more: bool) -> String {
    let newest = packs.first().map(|pack| words::day(pack.finished));
    match (newest, wanted.after.is_some(), wanted.is_everything()) {
        (None, _, true) if !more => "No pack yet".to_owned(),
        (None, _, _) => "No pack fits".to_owned(),
        (Some(newest), true, _) => format!("Packs of {newest} and before"),
        (Some(newest), false, true) => format!("The newest pack is of {newest}"),
        (Some(newest), false, false) => format!("The newest pack that fits is of {newest}"),
    }
}

/// The period that the viewer may see, if it is bounded.
fn period(scope: &Scope) -> Markup {
    html! {
        @match (scope.from, scope.until) {
            (None, None) => {},
            (Some(from), None) => { "You see packs from " (marks::time(from)) " on." },
            (None, Some(until)) => { "You see packs before " (marks::time(until)) "." },
            (Some(from), Some(until)) => { "You see packs from " (marks::time(from)) " to " (marks::time(until)) "." },
        }
    }
}

fn form(wanted: &Wanted, clusters: &[ClusterId]) -> Markup {
    let day = |day: Option<Date>| day.map(|day| day.to_string()).unwrap_or_default();
    html! {
        form.filter method="get" action=(links::PACKS) role="search" {
            div.field.grow { label for="cluster" { "Cluster" } (choice(wanted, clusters)) }
            div.field { label for="from" { "From" } input id="from" name="from" type="date" value=(day(wanted.from)); }
            div.field { label for="to" { "To" } input id="to" name="to" type="date" value=(day(wanted.to)); }
            button.button.primary type="submit" { "Show" }
            @if !wanted.is_everything() { a.button href=(links::PACKS) { "Clear all filters" } }
        }
    }
}

fn choice(wanted: &Wanted, clusters: &[ClusterId]) -> Markup {
    let chosen = wanted.cluster.as_ref();
    html! {
        @if clusters.len() > OFFERED || clusters.is_empty() {
            input id="cluster" name="cluster" value=(chosen.map_or("", ClusterId::as_str)) maxlength="63" autocomplete="off" spellcheck="false";
        } @else {
            select id="cluster" name="cluster" {
                option value="" { "All clusters" }
                @if let Some(cluster) = chosen.filter(|cluster| !clusters.contains(cluster)) {
                    option value=(cluster) selected { (cluster) }
                }
                @for cluster in clusters { option value=(cluster) selected[chosen == Some(cluster)] { (cluster) } }
            }
        }
    }
}

fn nothing(wanted: &Wanted, more: bool) -> Markup {
    html! {
        p.empty {
            @if more { "No pack fits on this stretch of the list; older ones may." }
            @else if wanted.is_everything() && wanted.after.is_none() { "There is no pack that you may see. The first audit makes one." }
            @else { "No pack that you may see fits. " a href=(links::PACKS) { "Show all packs" } }
        }
    }
}

fn table(packs: &[PackEntry], seals: &Seals, reads: bool) -> Markup {
    html! {
        table.list {
            caption.sr { "Packs, newest first" }
            thead {
                tr {
                    th scope="col" { "Finished" }
                    th scope="col" { "Cluster" }
                    th scope="col" { "Rating" }
                    th scope="col" { "Score" }
                    th.n scope="col" { "Seen" }
                    th.n scope="col" { "Gates" }
                    th scope="col" { "Read" }
                    th scope="col" { "Seal" }
                    th.n scope="col" { "PDF" }
                }
            }
            tbody { @for pack in packs { (row(pack, seals, reads)) } }
        }
    }
}

fn row(pack: &PackEntry, seals: &Seals, reads: bool) -> Markup {
    html! {
        tr {
            th.lead scope="row" {
                @if reads { a href=(links::pack(&pack.key)) { (marks::short_time(pack.finished)) } }
                @else { (marks::short_time(pack.finished)) }
            }
            td data-label="Cluster" { a href=(links::cluster(&pack.key.cluster)) { (marks::id(pack.key.cluster.as_str())) } }
            td data-label="Rating" { (marks::tile(pack.rating, Size::Small)) }
            @match &pack.score {
                Some(score) => {
                    td data-label="Score" { span.score { (verdict::interval(score)) } }
                    td.n data-label="Seen" { (marks::percent(hexproof_core::assessment::whole_low(score.coverage))) }
                    td.n data-label="Gates" { (marks::number_or_dot(score.gates.into())) }
                },
                None => td colspan="3" data-label="Score" { span.quiet { "in the pack" } },
            }
            td data-label="Read" { @if pack.complete { "complete" } @else { strong { "in part" } } }
            td.tight data-label="Seal" {
                @match seals.known(&pack.digest) {
                    Some(seal) => (seal_state(seal.check.state)),
                    None => span.quiet { "not checked" },
                }
            }
            td.n data-label="PDF" {
                @if reads { a href=(links::file(&pack.key, hexproof_core::access::Artifact::Pack)) { (words::size(pack.size)) } }
                @else { (words::size(pack.size)) }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn a_filter_never_reaches_beyond_the_scope() {
        let shop: ClusterId = "shop".parse().unwrap();
        let scope = Scope {
            from: Some(at("2026-06-01T12:00:00Z")),
            until: Some(at("2026-09-01T00:00:00Z")),
            ..Scope::cluster(shop.clone())
        };
        let pick = |query: &str| Wanted::read(&Params::read(query)).unwrap().pick(&scope);
        assert_eq!(pick("").from, scope.from);
        assert_eq!(pick("from=2020-01-01&to=2030-01-01").from, scope.from);
        assert_eq!(pick("from=2020-01-01&to=2030-01-01").until, scope.until);
        let within = pick("from=2026-07-01&to=2026-07-31");
        assert_eq!(within.from, Some(at("2026-07-01T00:00:00Z")));
        assert_eq!(within.until, Some(at("2026-08-01T00:00:00Z")), "the last day is included");
        assert_eq!(pick("cluster=shop").clusters, Clusters::Only(BTreeSet::from([shop])));
        assert_eq!(pick("cluster=other").clusters, Clusters::Only(BTreeSet::new()));
    }

    #[test]
    fn what_is_no_day_and_no_cluster_is_refused() {
        for query in ["from=yesterday", "to=2026-13-01", "cluster=..%2Fx", "cluster=A"] {
            assert!(Wanted::read(&Params::read(query)).is_err(), "{query}");
        }
        let wanted = Wanted::read(&Params::read("cluster=shop&from=2026-07-01&after=a%26b")).unwrap();
        assert_eq!(wanted.at(wanted.after.as_ref()), "/packs?cluster=shop&from=2026-07-01&after=a%26b");
        assert_eq!(wanted.at(None), "/packs?cluster=shop&from=2026-07-01");
    }
}
