//! The catalogue: every measure, filtered.

use axum::extract::State;
use axum::response::Response;
use hexproof_core::measure::{Catalogue, Measure};
use hexproof_core::{Goal, Layer, Platform, Significance};
use maud::{Markup, html};

use super::pack::significance;
use super::sentences::platform;
use crate::params::Params;
use crate::parts::PortalParts;
use crate::refusal::Refusal;
use crate::shell::{Section, Shell};
use crate::viewer::Viewer;
use crate::{links, marks, words};

/// The measures that are wanted.
#[derive(Debug, Default)]
struct Wanted {
    layer: Option<Layer>,
    goal: Option<Goal>,
    significance: Option<Significance>,
    platform: Option<Platform>,
    words: String,
}

impl Wanted {
    fn read(params: &Params) -> Result<Self, Refusal> {
        Ok(Self {
            layer: params.parsed("layer", "layer")?,
            goal: params.parsed("goal", "goal")?,
            significance: params.parsed("significance", "significance")?,
            platform: params.parsed("platform", "platform")?,
            words: params.text("words").to_owned(),
        })
    }

    fn admits(&self, measure: &Measure) -> bool {
        let text = || {
            let references =
                measure.references.values().flatten().map(String::as_str).collect::<Vec<_>>().join(" ");
            let parts = [measure.id.as_str(), &measure.title, &measure.condition, &measure.why, &references];
            parts.join("\n").to_lowercase()
        };
        self.layer.is_none_or(|layer| layer == measure.layer)
            && self.goal.is_none_or(|goal| measure.weight(goal) > 0)
            && self.significance.is_none_or(|significance| significance == measure.significance)
            && self.platform.is_none_or(|platform| measure.platforms.contains(&platform))
            && (self.words.is_empty() || {
                let text = text();
                self.words.to_lowercase().split_whitespace().all(|word| text.contains(word))
            })
    }

    fn is_everything(&self) -> bool {
        self.layer.is_none()
            && self.goal.is_none()
            && self.significance.is_none()
            && self.platform.is_none()
            && self.words.is_empty()
    }
}

pub(crate) async fn get(
    State(parts): State<PortalParts>,
    viewer: Viewer,
    params: Params,
) -> Result<Response, Refusal> {
    let wanted = Wanted::read(&params)?;
    let fitting: Vec<&Measure> =
        parts.catalogue.measures.iter().filter(|measure| wanted.admits(measure)).collect();
    let body = html! {
        (form(&wanted))
        @if fitting.is_empty() {
            p.empty { "No measure fits. " a href=(links::MEASURES) { "Show all measures" } }
        }
        @for layer in Layer::ALL {
            @let of: Vec<&Measure> = fitting.iter().copied().filter(|measure| measure.layer == *layer).collect();
            @if !of.is_empty() {
                section {
                    h2 { (words::layer(*layer)) span.note { (words::count(of.len(), "measure", "measures")) } }
                    (table(&of, *layer))
                }
            }
        }
    };
    let second = html! {
        "A measure is one condition that each of its subjects passes or fails. Catalogue " (marks::id(&parts.catalogue.digest.hex())) "."
    };
    let shell = Shell {
        section: Section::Measures,
        crumbs: Vec::new(),
        title: title(&parts.catalogue, &wanted, fitting.len()),
        second,
        body,
    };
    Ok(shell.show(&viewer))
}

fn title(catalogue: &Catalogue, wanted: &Wanted, fitting: usize) -> String {
    let all = words::count(catalogue.measures.len(), "measure", "measures");
    if wanted.is_everything() {
        let critical =
            catalogue.measures.iter().filter(|one| one.significance == Significance::Critical).count();
        let are = if critical == 1 { "is" } else { "are" };
        return format!("{all}, {} of which {are} critical", words::number(critical));
    }
    match fitting {
        0 => format!("None of {all} fits"),
        1 => format!("One of {all} fits"),
        n => format!("{} of {all} fit", words::capital(&words::number(n))),
    }
}

fn form(wanted: &Wanted) -> Markup {
    html! {
        form.filter method="get" action=(links::MEASURES) role="search" {
            div.field.grow {
                label for="words" { "Words" }
                input id="words" name="words" type="search" value=(wanted.words) maxlength="200" autocomplete="off" spellcheck="false";
            }
            (choice("layer", "Layer", "All layers", Layer::ALL.iter().map(|layer| (layer.word(), words::layer(*layer))), wanted.layer.map(Layer::word)))
            (choice("goal", "Goal", "All goals", Goal::ALL.iter().map(|goal| (goal.word(), words::goal(*goal))), wanted.goal.map(Goal::word)))
            (choice("significance", "Significance", "All", Significance::ALL.iter().rev().map(|one| (one.word(), one.word())), wanted.significance.map(Significance::word)))
            (choice("platform", "Platform", "All platforms", Platform::ALL.iter().map(|one| (one.word(), platform(*one))), wanted.platform.map(Platform::word)))
            button.button.primary type="submit" { "Show" }
            @if !wanted.is_everything() { a.button href=(links::MEASURES) { "Clear all filters" } }
        }
    }
}

/// A choice of one word of a scale, or of all.
fn choice<'a>(
    name: &str,
    label: &str,
    all: &str,
    options: impl Iterator<Item = (&'a str, &'a str)>,
    chosen: Option<&str>,
) -> Markup {
    html! {
        div.field {
            label for=(name) { (label) }
            select id=(name) name=(name) {
                option value="" { (all) }
                @for (value, text) in options { option value=(value) selected[chosen == Some(value)] { (text) } }
            }
        }
    }
}

fn table(measures: &[&Measure], layer: Layer) -> Markup {
    html! {
        table.list {
            caption.sr { "Measures of the layer " (words::layer(layer)) }
            thead {
                tr {
                    th scope="col" { "Measure" }
                    th scope="col" { "Significance" }
                    th scope="col" { "Goals" span.sr { ", the primary ones first" } }
                    th scope="col" { "Platforms" }
                }
            }
            tbody {
                @for measure in measures {
                    tr {
                        th.lead scope="row" {
                            a href=(links::measure(&measure.id)) { (marks::prose(&measure.title)) }
                            span.sub { (marks::id(measure.id.as_str())) }
                        }
                        td data-label="Significance" { (significance(measure.significance)) }
                        td data-label="Goals" { (goals(measure)) }
                        td data-label="Platforms" { (platforms(measure)) }
                    }
                }
            }
        }
    }
}

/// The goals by weight, the primary ones first.
pub(crate) fn by_weight(measure: &Measure) -> Vec<(Goal, u8)> {
    let mut goals: Vec<(Goal, u8)> = measure.goals.iter().map(|(goal, weight)| (*goal, *weight)).collect();
    goals.sort_by_key(|(goal, weight)| (std::cmp::Reverse(*weight), *goal));
    goals
}

fn goals(measure: &Measure) -> Markup {
    html! {
        @for (i, (goal, weight)) in by_weight(measure).into_iter().enumerate() {
            @if i > 0 { ", " }
            (words::goal(goal).to_lowercase()) " " (weight)
        }
    }
}

pub(crate) fn platforms(measure: &Measure) -> String {
    let names: Vec<&str> = measure.platforms.iter().map(|one| platform(*one)).collect();
    if measure.platforms.len() == Platform::ALL.len() { "all".to_owned() } else { names.join(", ") }
}

#[cfg(test)]
mod tests {
    use hexproof_testkit::evidence::catalogue;

    use super::*;

    fn fitting(query: &str) -> Vec<String> {
        let wanted = Wanted::read(&Params::read(query)).unwrap();
        let catalogue = catalogue();
        let fit = catalogue.measures.iter().filter(|measure| wanted.admits(measure));
        fit.map(|measure| measure.id.to_string()).collect()
    }

    #[test]
    fn filters_act_together() {
        let all = fitting("");
        let container = fitting("layer=container");
        assert!(!container.is_empty() && container.len() < all.len());
        let critical = fitting("layer=container&significance=critical");
        assert_eq!(critical, ["container-no-privileged"]);
        assert_eq!(fitting("words=PRIVILEGED+containers"), ["container-no-privileged"]);
        assert!(fitting("words=%3Cscript%3E").is_empty());
        assert!(Wanted::read(&Params::read("platform=gke")).is_err());
    }

    #[test]
    fn the_title_counts() {
        let catalogue = catalogue();
        let some = Wanted::read(&Params::read("layer=node")).unwrap();
        assert!(title(&catalogue, &Wanted::default(), 0).contains("of which are critical"));
        assert!(title(&catalogue, &some, 1).starts_with("One of "));
        assert!(title(&catalogue, &some, 0).starts_with("None of "));
    }
}
