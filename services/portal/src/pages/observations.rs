//! The observations of a pack: searched, filtered, counted, page by page.

pub(crate) mod filter;
mod form;

use axum::Extension;
use axum::extract::{Path, State};
use axum::response::Response;
use hexproof_core::Outcome;
use hexproof_core::audit::AuditKey;
use hexproof_core::measure::Catalogue;
use hexproof_core::observation::Observation;
use hexproof_core::port::evidence::ObservationPage;
use maud::{Markup, html};

use super::opened::{At, Opened, open};
use super::pack::significance;
use super::paging::{Paging, paging};
use super::sentences::{measure_link, outcome, sentence, subject};
use crate::params::Params;
use crate::parts::PortalParts;
use crate::refusal::Refusal;
use crate::seals::Seals;
use crate::shell::{Section, Shell};
use crate::viewer::Viewer;
use crate::{links, words};
use filter::{EACH, Part, Wanted};

pub(crate) async fn get(
    State(parts): State<PortalParts>,
    Extension(seals): Extension<Seals>,
    viewer: Viewer,
    Path(at): Path<At>,
    params: Params,
) -> Result<Response, Refusal> {
    let opened = open(&parts, &seals, &viewer, at).await?;
    let wanted = Wanted::read(&params)?;
    let page =
        parts.evidence.observations(&opened.pack, &wanted.filter, wanted.skip(), EACH as usize).await?;
    let loose = match page.fitting {
        0 => loosened(&parts, &opened, &wanted).await?,
        _ => Vec::new(),
    };
    let key = opened.key();
    let rows = Paging { each: EACH.into(), page: wanted.page.into(), fitting: page.fitting.into() };
    let body = html! {
        (opened.notice())
        (form::form(&wanted, &page, &parts.catalogue, key))
        (counts(&wanted, &page, key))
        @if page.fitting == 0 {
            (nothing(&wanted, &loose, page.total, key))
        } @else if page.items.is_empty() {
            p.empty { "The list ends before this page. " a href=(wanted.at(key, 1)) { "Show the first page" } }
        } @else {
            (table(&page.items, &parts.catalogue, key, &wanted))
        }
        (paging(&rows, |page| wanted.at(key, u32::try_from(page).unwrap_or(u32::MAX))))
    };
    let second = html! {
        "Of " (crate::marks::name(&opened.cluster_name())) ", in canonical order: by measure, failures first. "
        "Each observation has a permanent address."
    };
    let title = opened.title(title(&wanted, &page));
    Ok(Shell { section: Section::Packs, crumbs: opened.crumbs(true), title, second, body }.show(&viewer))
}

fn title(wanted: &Wanted, page: &ObservationPage) -> String {
    let all = words::count(page.total, "observation", "observations");
    if wanted.is_everything() {
        let fail = page.outcomes.get(&Outcome::Fail).copied().unwrap_or_default();
        return format!("{all}, {} of them failures", words::number(fail as usize));
    }
    match page.fitting {
        0 => format!("None of {all} fits"),
        1 => format!("One of {all} fits"),
        fitting => format!("{} of {all} fit", words::thousands(fitting)),
    }
}

/// What would fit if one restriction were taken away.
async fn loosened(
    parts: &PortalParts,
    opened: &Opened,
    wanted: &Wanted,
) -> Result<Vec<(Part, u32)>, Refusal> {
    let mut found = Vec::new();
    for part in Part::ALL {
        if let Some(loose) = wanted.without(part) {
            let page = parts.evidence.observations(&opened.pack, &loose.filter, 0, 1).await?;
            found.push((part, page.fitting));
        }
    }
    Ok(found)
}

/// Counts by outcome of what fits; each shows those alone.
fn counts(wanted: &Wanted, page: &ObservationPage, key: &AuditKey) -> Markup {
    html! {
        p.counts {
            @for outcome in [Outcome::Fail, Outcome::Unknown, Outcome::Pass, Outcome::NotApplicable] {
                @let n = page.outcomes.get(&outcome).copied().unwrap_or_default();
                span {
                    (crate::marks::state(outcome)) " "
                    @if n > 0 && wanted.filter.outcome.is_none() {
                        a href=(wanted.with_outcome(Some(outcome)).at(key, 1)) { (words::thousands(n)) " " (words::outcome(outcome)) }
                    } @else { (words::thousands(n)) " " (words::outcome(outcome)) }
                }
            }
            @if wanted.filter.outcome.is_some() {
                a href=(wanted.with_outcome(None).at(key, 1)) { "All outcomes" }
            }
        }
    }
}

/// Which filter to loosen.
fn nothing(wanted: &Wanted, loose: &[(Part, u32)], total: u32, key: &AuditKey) -> Markup {
    let helps: Vec<&(Part, u32)> = loose.iter().filter(|(_, fitting)| *fitting > 0).collect();
    html! {
        div.empty {
            @if total == 0 {
                p { "This pack has no observations: no measure applied to what was read." }
            } @else if helps.is_empty() {
                p { "No observation fits, whichever single filter is taken away. " a href=(links::observations(key)) { "Show all of them" } }
            } @else {
                p { "No observation fits. There are" }
                ul {
                    @for (part, fitting) in helps {
                        @if let Some(without) = wanted.without(*part) {
                            li {
                                a href=(without.at(key, 1)) { (words::thousands(*fitting)) " without " (crate::marks::prose(&wanted.says(*part))) }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn table(items: &[(u32, Observation)], catalogue: &Catalogue, key: &AuditKey, wanted: &Wanted) -> Markup {
    html! {
        table.list {
            caption.sr { "Observations" }
            thead {
                tr {
                    th scope="col" { "Outcome" }
                    th scope="col" { "Measure" }
                    th scope="col" { "Subject" }
                    th scope="col" { "Why" }
                }
            }
            tbody {
                @for (place, observation) in items {
                    tr {
                        td data-label="Outcome" {
                            (outcome(observation))
                            @if observation.outcome == Outcome::Fail { span.sub { (significance(observation.significance)) } }
                        }
                        th.lead scope="row" { (measure_link(catalogue, &observation.measure_id, &address(key, *place, wanted))) }
                        td data-label="Subject" { (subject(&observation.subject)) }
                        td data-label="Why" {
                            @if observation.reason.is_empty() { span.quiet { "the condition holds" } }
                            @else { (sentence(&observation.reason)) }
                        }
                    }
                }
            }
        }
    }
}

/// The address of an observation, with the way back to this list.
fn address(key: &AuditKey, place: u32, wanted: &Wanted) -> String {
    let page = ("page", if wanted.page > 1 { wanted.page.to_string() } else { String::new() });
    links::with(&links::observation(key, place), wanted.pairs().into_iter().chain([page]))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::sync::Arc;

    use super::*;

    fn page(fitting: u32) -> ObservationPage {
        ObservationPage {
            items: Vec::new(),
            fitting,
            before: 0,
            total: 20_481,
            outcomes: BTreeMap::from([(Outcome::Fail, 3)]),
            namespaces: Arc::default(),
        }
    }

    fn wanted(query: &str) -> Wanted {
        Wanted::read(&Params::read(query)).unwrap()
    }

    #[test]
    fn the_title_counts_what_fits() {
        assert_eq!(title(&wanted(""), &page(20_481)), "20\u{202f}481 observations, three of them failures");
        assert_eq!(title(&wanted("layer=node"), &page(214)), "214 of 20\u{202f}481 observations fit");
        assert_eq!(title(&wanted("layer=node"), &page(1)), "One of 20\u{202f}481 observations fits");
        assert_eq!(title(&wanted("layer=node"), &page(0)), "None of 20\u{202f}481 observations fits");
    }

    #[test]
    fn an_empty_result_says_what_to_loosen() {
        let key = AuditKey {
            cluster: "shop".parse().unwrap(),
            run: "0b7c9a52-1f04-5e1b-8c3d-9a0f6e5d4c3b".parse().unwrap(),
        };
        let wanted = wanted("layer=node&words=%3Cscript%3E");
        let shown = nothing(&wanted, &[(Part::Words, 12), (Part::Layer, 0)], 100, &key).0;
        assert!(shown.contains("12 without the words “&lt;script&gt;”"), "{shown}");
        assert!(
            shown.contains("observations?layer=node\"") && !shown.contains("without the layer"),
            "{shown}"
        );
        assert!(nothing(&wanted, &[(Part::Words, 0)], 100, &key).0.contains("whichever"));
        assert!(nothing(&wanted, &[], 0, &key).0.contains("no observations"));
    }
}
