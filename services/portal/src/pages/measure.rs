//! One measure: what must hold, why, how to mend a failure, and how the clusters within reach stand.

use axum::extract::{Path, State};
use axum::response::Response;
use hexproof_core::access::Role;
use hexproof_core::assessment::MeasureCount;
use hexproof_core::measure::{Catalogue, Measure, MeasureId};
use hexproof_core::port::evidence::PackEntry;
use hexproof_core::snapshot::Source;
use maud::{Markup, html};

use super::cluster::tables::name as name_of_source;
use super::measures::{by_weight, platforms};
use super::observation::patch;
use super::pack::{significance, within};
use super::sentences::{known_measure, technical};
use crate::parts::PortalParts;
use crate::refusal::Refusal;
use crate::shell::{Section, Shell};
use crate::viewer::Viewer;
use crate::{links, marks, words};

/// Clusters whose packs are looked into for one page; with more of them the page costs too much.
const CLUSTERS: usize = 24;

pub(crate) async fn get(
    State(parts): State<PortalParts>,
    viewer: Viewer,
    Path(id): Path<MeasureId>,
) -> Result<Response, Refusal> {
    let measure = parts
        .catalogue
        .get(id.as_str())
        .ok_or_else(|| Refusal::NotFound(format!("There is no measure `{id}` in this catalogue.")))?;
    // Operators read no evidence.
    let standing = match viewer.is(&[Role::Auditor, Role::Admin]) {
        true => standing(&parts, &viewer, &id).await,
        false => Standing::Hidden,
    };
    let body = html! {
        div.columns {
            div.main {
                section { h2 { "What must hold" } p { (technical(&measure.condition)) } }
                section { h2 { "Why" } p { (technical(&measure.why)) } }
                section {
                    h2 { "How to mend a failure" }
                    p { (technical(&measure.mend.text)) }
                    (patch(&measure.mend.patch))
                }
                (clusters(&standing, measure))
            }
            div.side { (facts(measure, &parts.catalogue)) }
        }
    };
    let second = html! {
        (marks::id(measure.id.as_str())) ", of the layer " (words::layer(measure.layer).to_lowercase()) ". "
        "A failing " (marks::prose(&measure.unit.one)) " " (marks::prose(&measure.claim.one)) "."
    };
    let crumbs = vec![
        ("Measures".to_owned(), links::MEASURES.to_owned()),
        (
            words::layer(measure.layer).to_owned(),
            links::with(links::MEASURES, [("layer", measure.layer.word())]),
        ),
    ];
    let shell = Shell { section: Section::Measures, crumbs, title: measure.title.clone(), second, body };
    Ok(shell.show(&viewer))
}

fn facts(measure: &Measure, catalogue: &Catalogue) -> Markup {
    html! {
        section {
            h2 { "Facts" }
            dl.facts {
                dt { "Significance" } dd { (significance(measure.significance)) }
                dt { "Goals" }
                dd {
                    @for (goal, weight) in by_weight(measure) {
                        div { (words::goal(goal)) " " (weight) @if weight == 3 { span.quiet { ", primary" } } }
                    }
                    span.sub { "weights of 1 to 3" }
                }
                dt { "Platforms" } dd { (platforms(measure)) }
                dt { "Subject" } dd { (marks::prose(&measure.subject)) }
                dt { "Evidence" }
                dd {
                    @for (i, name) in measure.evidence.iter().enumerate() {
                        @if i > 0 { ", or " } (name_of_source(name, Source::Live))
                    }
                    @if measure.decided_in_collector { span.sub { "decided in the collector: values do not leave it" } }
                }
                @if !measure.mitigated_by.is_empty() {
                    dt { "Intercepted by" }
                    dd { @for id in &measure.mitigated_by { div { (known_measure(catalogue, id.as_str())) } } }
                }
                @if !measure.references.is_empty() {
                    dt { "Related to" }
                    dd {
                        @for (framework, places) in &measure.references {
                            div { (marks::prose(&framework_name(framework))) ": " (marks::prose(&places.join(", "))) }
                        }
                    }
                }
            }
        }
    }
}

/// A framework as people write it.
fn framework_name(key: &str) -> String {
    match key {
        "cis-k8s" => "CIS Kubernetes".to_owned(),
        "cis-aks" => "CIS AKS".to_owned(),
        "nsa-cisa" => "NSA/CISA".to_owned(),
        "pss" => "Pod Security Standards".to_owned(),
        "bsi" => "BSI".to_owned(),
        "iso27001-2022" => "ISO 27001:2022".to_owned(),
        "soc2" => "SOC 2".to_owned(),
        "nist-800-53" => "NIST SP 800-53".to_owned(),
        "mitre" => "MITRE ATT&CK".to_owned(),
        other => other.to_owned(),
    }
}

/// How clusters stand.
enum Standing {
    /// The viewer reads no evidence.
    Hidden,
    /// There are too many clusters to look into each.
    Many(usize),
    /// The store does not answer.
    Unavailable,
    /// The newest pack of each, and what it says of the measure.
    Of(Vec<(PackEntry, Option<MeasureCount>)>),
}

/// What the newest packs within reach say of a measure. That they cannot be read does not keep the measure from being
/// shown.
async fn standing(parts: &PortalParts, viewer: &Viewer, id: &MeasureId) -> Standing {
    let scope = &viewer.caller.scope;
    let Ok(standings) = parts.evidence.standings(&scope.clusters, 32).await else {
        return Standing::Unavailable;
    };
    let newest: Vec<PackEntry> = standings
        .into_values()
        .filter_map(|packs| packs.into_iter().find(|pack| within(scope, pack)))
        .collect();
    if newest.len() > CLUSTERS {
        return Standing::Many(newest.len());
    }
    let each = newest.into_iter().map(async |pack| {
        let count = parts
            .evidence
            .summary(&pack)
            .await
            .ok()
            .map(|a| a.measures.iter().find(|count| count.measure_id == *id).cloned());
        count.map(|count| (pack, count))
    });
    Standing::Of(futures::future::join_all(each).await.into_iter().flatten().collect())
}

fn clusters(standing: &Standing, measure: &Measure) -> Markup {
    html! {
        @match standing {
            Standing::Hidden => {},
            Standing::Many(clusters) => (section(html! {
                p.empty { (words::thousands(*clusters as u64)) " clusters are within reach, too many to look into here. " a href=(links::CLUSTERS) { "Choose a cluster" } }
            })),
            Standing::Unavailable => (section(html! { p.empty { "The store does not answer: how the clusters stand is not known." } })),
            Standing::Of(packs) if packs.is_empty() => (section(html! { p.empty { "No pack within reach judges this measure yet." } })),
            Standing::Of(packs) => (section(table(packs, measure))),
        }
    }
}

fn section(inner: Markup) -> Markup {
    html! { section { h2 { "How clusters stand" span.note { "in the newest pack of each" } } (inner) } }
}

fn table(packs: &[(PackEntry, Option<MeasureCount>)], measure: &Measure) -> Markup {
    html! {
        table.list {
            caption.sr { "Outcomes of this measure by cluster" }
            thead {
                tr {
                    th scope="col" { "Cluster" }
                    th scope="col" { "Pack" }
                    th.n scope="col" { "Fail" }
                    th.n scope="col" { "Unknown" }
                    th.n scope="col" { "Pass" }
                }
            }
            tbody {
                @for (pack, count) in packs {
                    tr {
                        th.lead scope="row" { a href=(links::observations_by(&pack.key, &measure.id)) { (marks::id(pack.key.cluster.as_str())) } }
                        td data-label="Pack" { (marks::short_time(pack.finished)) }
                        @match count {
                            Some(count) => {
                                td.n data-label="Fail" { (marks::number_or_dot(count.fail.into())) }
                                td.n data-label="Unknown" { (marks::number_or_dot(count.unknown.into())) }
                                td.n data-label="Pass" { (marks::number_or_dot(count.pass.into())) }
                            },
                            None => td colspan="3" data-label="Outcomes" { "not judged by this measure" },
                        }
                    }
                }
            }
        }
    }
}
