//! The population of a pack: the sum by kind and namespace, and everything that was not read.

mod sum;
mod unread;

use axum::Extension;
use axum::extract::{Path, State};
use axum::response::Response;
use hexproof_core::assessment::Assessment;
use maud::{Markup, html};

use super::opened::{At, open};
use super::pack;
use crate::parts::PortalParts;
use crate::refusal::Refusal;
use crate::seals::Seals;
use crate::shell::{Section, Shell};
use crate::viewer::Viewer;
use crate::words;
use sum::{HEADS, Sum};

pub(crate) async fn get(
    State(parts): State<PortalParts>,
    Extension(seals): Extension<Seals>,
    viewer: Viewer,
    Path(at): Path<At>,
) -> Result<Response, Refusal> {
    let opened = open(&parts, &seals, &viewer, at).await?;
    let summary = opened.summary()?;
    let total = Sum::over(&summary.population);
    let second = html! {
        @if total.is_whole() {
            "Listed objects are counted before they are read, so that a loss would show as a gap. "
        } @else {
            strong { "Where the sum does not hold, the row says so: what became of those objects is not known." } " "
        }
        "What was not read is counted as unknown, never as a pass."
    };
    let body = html! {
        (opened.notice())
        (unread::not_listed(&summary))
        (unread::files(&summary))
        (sum::table(&summary.population, total))
        (sum::reasons(&summary.population))
        (unread::rights(&summary))
        (pack::sources(&summary))
        (unread::redaction(&summary))
    };
    let title = opened.title(title(&summary, total));
    Ok(Shell { section: Section::Packs, crumbs: opened.crumbs(true), title, second, body }.show(&viewer))
}

/// How many objects were listed, and whether each is accounted for.
fn title(a: &Assessment, total: Sum) -> String {
    let found = words::count(total.listed(), "object was listed", "objects were listed");
    let title = match (total.listed(), missing(a)) {
        (0, 0) => "No object was listed".to_owned(),
        (1, 0) => format!("{found}; it is accounted for"),
        (_, 0) => format!("{found}; every one is accounted for"),
        (listed, gap) => {
            format!("{found}; {} are accounted for", words::thousands(listed.saturating_sub(gap)))
        }
    };
    match a.not_listed.len() {
        0 => title,
        1 => format!("{title}; one kind could not be listed"),
        kinds => format!("{title}; {} kinds could not be listed", words::number(kinds)),
    }
}

/// Objects that the sum lacks, whichever way.
fn missing(a: &Assessment) -> u64 {
    a.population.iter().map(|row| u64::from(row.gap.unsigned_abs())).sum()
}

/// The sum in one line, for the page of the pack.
pub(crate) fn brief(a: &Assessment, address: &str) -> Markup {
    let total = Sum::over(&a.population);
    let gap = missing(a);
    html! {
        section {
            h2 { "Population" span.note { "listed, and where every listed object went" } }
            @if gap > 0 {
                div.warn role="note" {
                    p {
                        strong { (words::count(gap, "object is", "objects are")) " not accounted for." }
                        " What became of " (if gap == 1 { "it" } else { "them" }) " is not known."
                    }
                }
            }
            table.list.sum {
                caption.sr { "The sum over all kinds" }
                thead { tr { @for head in &HEADS[1..] { th.n scope="col" { (head) } } } }
                tbody { tr class=[(!total.is_whole()).then_some("note")] { (total.cells()) } }
            }
            p {
                a href=(address) { "By kind and namespace" }
                @let unread = a.not_listed.len() + a.unreadable_files.len();
                @if unread > 0 {
                    "; " strong { (words::count(unread, "kind or file", "kinds and files")) " could not be read" }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use hexproof_testkit::evidence::Sample;

    use super::*;

    fn assessment() -> Assessment {
        let mut a =
            Sample::strong(&"shop".parse().unwrap(), "2026-11-23T06:00:00Z".parse().unwrap()).assessment();
        a.population.truncate(2);
        for (row, listed) in a.population.iter_mut().zip([800, 18]) {
            row.listed = listed;
            row.gap = 0;
        }
        a
    }

    #[test]
    fn the_title_tells_a_gap() {
        let mut a = assessment();
        let told = |a: &Assessment| title(a, Sum::over(&a.population));
        assert_eq!(told(&a), "818 objects were listed; every one is accounted for");
        a.population[0].gap = 3;
        assert_eq!(told(&a), "818 objects were listed; 815 are accounted for");
        // Two rows that are wrong in opposite ways are not right together.
        a.population[1].gap = -3;
        assert_eq!(told(&a), "818 objects were listed; 812 are accounted for");
        assert!(
            brief(&a, "/x").0.contains("6 objects are</strong>")
                || brief(&a, "/x").0.contains("6 objects are not accounted for")
        );
        a.population.clear();
        assert_eq!(told(&a), "No object was listed");
    }

    #[test]
    fn no_loud_word_where_nothing_is_missing() {
        assert!(!brief(&assessment(), "/x").0.contains("warn"));
    }
}
