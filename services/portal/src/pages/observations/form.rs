//! The form that filters observations: one `GET`, so that an address says everything.

use hexproof_core::audit::AuditKey;
use hexproof_core::measure::Catalogue;
use hexproof_core::port::evidence::ObservationPage;
use hexproof_core::{Goal, Layer, Outcome};
use maud::{Markup, html};

use super::filter::{Wanted, namespace_value};
use crate::{links, marks, words};

/// Namespaces that are offered; with more of them the name is typed.
const NAMESPACES: usize = 300;

/// The form, filled in as the address says.
pub(crate) fn form(wanted: &Wanted, page: &ObservationPage, catalogue: &Catalogue, key: &AuditKey) -> Markup {
    let filter = &wanted.filter;
    html! {
        form.filter method="get" action=(links::observations(key)) role="search" {
            div.field.grow {
                label for="words" { "Words" span.hint id="words-hint" { "in kind, namespace, name, container, measure, reason" } }
                input id="words" name="words" type="search" value=(marks::plain(&filter.words.join(" "))) maxlength="200" autocomplete="off"
                    spellcheck="false";
            }
            div.field {
                label for="layer" { "Layer" }
                select id="layer" name="layer" {
                    option value="" { "All layers" }
                    @for layer in Layer::ALL {
                        option value=(layer.word()) selected[filter.layer == Some(*layer)] { (words::layer(*layer)) }
                    }
                }
            }
            div.field {
                label for="goal" { "Goal" }
                select id="goal" name="goal" {
                    option value="" { "All goals" }
                    @for goal in Goal::ALL {
                        option value=(goal.word()) selected[filter.goal == Some(*goal)] { (words::goal(*goal)) }
                    }
                }
            }
            div.field.grow {
                label for="measure" { "Measure" }
                (measures(wanted, catalogue))
            }
            div.field {
                label for="namespace" { "Namespace" }
                (namespaces(wanted, page))
            }
            div.field {
                label for="outcome" { "Outcome" }
                select id="outcome" name="outcome" {
                    option value="" { "All outcomes" }
                    @for outcome in [Outcome::Fail, Outcome::Unknown, Outcome::Pass, Outcome::NotApplicable] {
                        option value=(outcome.word()) selected[filter.outcome == Some(outcome)] { (words::outcome(outcome)) }
                    }
                }
            }
            div.field {
                label for="waived" { "Waiver" }
                select id="waived" name="waived" {
                    option value="" { "Waived or not" }
                    option value="yes" selected[filter.waived == Some(true)] { "Waived" }
                    option value="no" selected[filter.waived == Some(false)] { "Not waived" }
                }
            }
            div.buttons {
                button.button.primary type="submit" { "Show" }
                @if !wanted.is_everything() { a.button href=(links::observations(key)) { "Clear all filters" } }
            }
        }
    }
}

fn measures(wanted: &Wanted, catalogue: &Catalogue) -> Markup {
    let chosen = wanted.filter.measure.as_ref();
    let known = chosen.is_some_and(|id| catalogue.get(id.as_str()).is_some());
    html! {
        select id="measure" name="measure" {
            option value="" { "All measures" }
            // A pack may be older than the catalogue of this service.
            @if let Some(id) = chosen.filter(|_| !known) { option value=(id) selected { (id) } }
            @for layer in Layer::ALL {
                @let of: Vec<_> = catalogue.measures.iter().filter(|measure| measure.layer == *layer).collect();
                @if !of.is_empty() {
                    optgroup label=(words::layer(*layer)) {
                        @for measure in of {
                            option value=(measure.id) selected[chosen == Some(&measure.id)] { (measure.title) }
                        }
                    }
                }
            }
        }
    }
}

fn namespaces(wanted: &Wanted, page: &ObservationPage) -> Markup {
    let chosen = wanted.filter.namespace.as_deref();
    let value = chosen.map(namespace_value).unwrap_or_default();
    if page.namespaces.len() > NAMESPACES {
        return html! {
            input id="namespace" name="namespace" value=(value) autocomplete="off" spellcheck="false" aria-describedby="namespace-hint";
            p.hint id="namespace-hint" { (words::thousands(page.namespaces.len())) " namespaces; - is none" }
        };
    }
    html! {
        select id="namespace" name="namespace" {
            option value="" { "All namespaces" }
            option value=(namespace_value("")) selected[chosen == Some("")] { "No namespace" }
            @if let Some(name) = chosen.filter(|name| !name.is_empty() && page.namespaces.iter().all(|known| known != name)) {
                option value=(value) selected { (marks::plain(name)) }
            }
            @for name in page.namespaces.iter().filter(|name| !name.is_empty()) {
                option value=(namespace_value(name)) selected[chosen == Some(name.as_str())] { (marks::plain(name)) }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::sync::Arc;

    use hexproof_testkit::evidence::{HOSTILE, catalogue};

    use super::*;
    use crate::params::Params;

    fn shown_with(namespaces: Vec<String>, query: &str) -> String {
        let key = AuditKey {
            cluster: "shop".parse().unwrap(),
            run: "0b7c9a52-1f04-5e1b-8c3d-9a0f6e5d4c3b".parse().unwrap(),
        };
        let page = ObservationPage {
            items: Vec::new(),
            fitting: 0,
            before: 0,
            total: 1,
            outcomes: BTreeMap::new(),
            namespaces: Arc::new(namespaces),
        };
        form(&Wanted::read(&Params::read(query)).unwrap(), &page, &catalogue(), &key).0
    }

    #[test]
    fn names_of_namespaces_stay_text() {
        let shown = shown_with(HOSTILE.map(str::to_owned).to_vec(), "words=%22%3E%3Cimg%20src=x%3E");
        assert!(
            !shown.contains("<script") && !shown.contains("<img") && !shown.contains('\u{202e}'),
            "{shown}"
        );
        assert!(shown.contains("shopU+202Egpj.exe"), "{shown}");
    }

    #[test]
    fn of_many_namespaces_the_name_is_typed() {
        let many = (0..=NAMESPACES).map(|n| format!("n{n}")).collect();
        let shown = shown_with(many, "namespace=n7");
        assert!(shown.contains(r#"<input id="namespace" name="namespace" value="n7""#), "{shown}");
        assert!(shown.len() < 20_000);
    }
}
