//! The frame of every page: head, navigation, foot.

use axum::response::Response;
use maud::{DOCTYPE, Markup, html};

use crate::viewer::Viewer;

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
}

/// A page.
pub(crate) struct Shell {
    /// Where in the navigation it stands.
    pub(crate) section: Section,
    /// The way to it: text and address.
    pub(crate) crumbs: Vec<(String, String)>,
    /// The title: a sentence that says the result.
    pub(crate) title: String,
    /// The second sentence.
    pub(crate) second: Markup,
    /// What stands below the title.
    pub(crate) body: Markup,
}

impl Shell {
    /// The page for a viewer.
    pub(crate) fn show(self, viewer: &Viewer) -> Response {
        use axum::response::IntoResponse as _;
        let _ = (self.section, &self.crumbs);
        html! {
            (DOCTYPE)
            html lang="en" {
                head { title { (self.title) } }
                body { p { (viewer.caller.subject) } main { h1 { (self.title) } (self.second) (self.body) } }
            }
        }
        .into_response()
    }
}
