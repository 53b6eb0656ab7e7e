//! The frame of every page: head, navigation, way, title, foot.

use axum::response::{Html, IntoResponse as _, Response};
use hexproof_core::access::{Authentication, Role};
use http::StatusCode;
use maud::{DOCTYPE, Markup, html};

use crate::viewer::Viewer;
use crate::{assets, links, marks};

/// The sections of the navigation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Section {
    Clusters,
    Packs,
    Schedules,
    Waivers,
    Measures,
    AccessLog,
    Verify,
    /// None of them.
    Elsewhere,
}

/// Which sections there are: name, address, and whose they are; nobody named is everybody.
const SECTIONS: &[(Section, &str, &str, &[Role])] = &[
    (Section::Clusters, "Clusters", links::CLUSTERS, &[]),
    (Section::Packs, "Packs", links::PACKS, &[]),
    (Section::Schedules, "Schedules", links::SCHEDULES, &[]),
    (Section::Waivers, "Waivers", links::WAIVERS, &[]),
    (Section::Measures, "Measures", links::MEASURES, &[]),
    (Section::Verify, "Verify a file", links::VERIFY, &[Role::Auditor, Role::Admin]),
    (Section::AccessLog, "Access log", links::ACCESS_LOG, &[Role::Admin]),
];

/// A page.
pub(crate) struct Shell {
    /// Where in the navigation it stands.
    pub(crate) section: Section,
    /// The way to it: text and address.
    pub(crate) crumbs: Vec<(String, String)>,
    /// The title: a sentence that says the result, without a final stop.
    pub(crate) title: String,
    /// The second sentence.
    pub(crate) second: Markup,
    /// What stands below the title.
    pub(crate) body: Markup,
}

impl Shell {
    /// The page for a viewer.
    pub(crate) fn show(self, viewer: &Viewer) -> Response {
        self.answer(StatusCode::OK, viewer)
    }

    /// The page for a viewer, under a status of its own: a form that was not taken, for example.
    pub(crate) fn answer(self, status: StatusCode, viewer: &Viewer) -> Response {
        self.response(status, Some(viewer))
    }

    /// The page for whoever it is.
    pub(crate) fn response(self, status: StatusCode, viewer: Option<&Viewer>) -> Response {
        (status, Html(self.page(viewer).into_string())).into_response()
    }

    fn page(self, viewer: Option<&Viewer>) -> Markup {
        html! {
            (DOCTYPE)
            html lang="en" {
                head {
                    meta charset="utf-8";
                    title { (marks::plain(&self.title)) " – Hexproof" }
                    meta name="viewport" content="width=device-width, initial-scale=1";
                    meta name="color-scheme" content="light dark";
                    meta name="robots" content="noindex";
                    (preload(&assets::sans()))
                    // Later they would come too late to be shown: nothing moves once it stands.
                    @if self.body.0.contains("<span class=\"notes\"") { (preload(&assets::condensed())) }
                    @if self.body.0.contains("<code") { (preload(&assets::mono())) }
                    link rel="stylesheet" href=(assets::styles());
                    link rel="icon" href=(assets::icon()) type="image/svg+xml";
                }
                body {
                    (marks::patterns())
                    a.skip href="#main" { "Skip to the content" }
                    (top(self.section, viewer))
                    main id="main" tabindex="-1" {
                        @if !self.crumbs.is_empty() {
                            nav.crumbs aria-label="Way to this page" {
                                ol { @for (text, address) in &self.crumbs { li { a href=(address) { (marks::name(text)) } } } }
                            }
                        }
                        h1 { (marks::prose(&self.title)) }
                        @if !self.second.0.is_empty() { p.second { (self.second) } }
                        (self.body)
                    }
                    footer.foot {
                        p {
                            "Times are UTC. Every number on this page is also in the sealed pack; the pack prevails."
                        }
                    }
                }
            }
        }
    }
}

fn preload(font: &str) -> Markup {
    html! { link rel="preload" href=(font) as="font" type="font/woff2" crossorigin; }
}

fn top(section: Section, viewer: Option<&Viewer>) -> Markup {
    html! {
        header.top {
            div.inner {
                a.brand href="/" { (marks::hexagons()) span { "Hexproof" } }
                @if let Some(viewer) = viewer {
                    nav.sections.wide aria-label="Sections" { (entries(section, viewer)) }
                    div.who.wide { (who(viewer)) }
                    details.menu.narrow {
                        summary { "Menu" }
                        nav.sections aria-label="Sections" { (entries(section, viewer)) }
                        div.who { (who(viewer)) }
                    }
                }
            }
        }
    }
}

fn entries(section: Section, viewer: &Viewer) -> Markup {
    html! {
        ul {
            @for (entry, name, address, roles) in SECTIONS {
                @if roles.is_empty() || viewer.is(roles) {
                    li {
                        a href=(address) aria-current=[(*entry == section).then_some("page")] { (name) }
                    }
                }
            }
        }
    }
}

fn who(viewer: &Viewer) -> Markup {
    html! {
        span.caller { (marks::name(&viewer.caller.subject)) ", " (marks::roles(&viewer.caller.roles)) }
        // Only a session can be ended here.
        @if viewer.caller.authentication == Authentication::Oidc && !viewer.csrf.is_empty() {
            form method="post" action=(links::LOGOUT) {
                input type="hidden" name="csrf" value=(viewer.csrf);
                button.plain type="submit" { "Log out" }
            }
        }
    }
}
