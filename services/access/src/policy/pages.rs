//! The pages of the portal: which there are, who may open them. The portal adds no route but through this table.
//!
//! Each piece of a path is read as what it names: a path that holds anything else leads nowhere, so that no text of a
//! caller ever becomes part of a key of the store.

use hexproof_core::access::Artifact;
use hexproof_core::id::{ClusterId, RecordId, RunId};
use hexproof_core::measure::MeasureId;
use http::Method;

use super::{ADMINS, AUDITORS, Callers, OPERATORS, PEOPLE};

/// A page, or what a form does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Page {
    /// Styles and fonts.
    Asset,
    /// Leads to the overview.
    Home,
    /// Begins a login.
    Login,
    /// Where the provider sends people back to.
    LoginReturn,
    /// Ends a session.
    Logout,
    /// The overview of clusters.
    Clusters,
    /// One cluster: its history.
    Cluster,
    /// Starts an audit.
    StartAudit,
    /// How far an audit is.
    Audit,
    /// Stops an audit.
    CancelAudit,
    /// The packs of all clusters.
    Packs,
    /// One pack.
    Pack,
    /// The observations of a pack.
    Observations,
    /// One observation.
    Observation,
    /// The population of a pack.
    Population,
    /// What changed between two packs of a cluster.
    Changes,
    /// The check of a pack, step by step.
    Verification,
    /// A file of a pack.
    File,
    /// The catalogue.
    Measures,
    /// One measure.
    Measure,
    /// The schedules.
    Schedules,
    /// The form of a new schedule.
    NewSchedule,
    /// Makes a schedule.
    CreateSchedule,
    /// One schedule and its slots.
    Schedule,
    /// Changes, pauses or resumes a schedule.
    UpdateSchedule,
    /// Ends a schedule.
    DeleteSchedule,
    /// The waivers.
    Waivers,
    /// The form of a new waiver.
    NewWaiver,
    /// Proposes a waiver.
    ProposeWaiver,
    /// One waiver and its way.
    Waiver,
    /// Approves a waiver.
    ApproveWaiver,
    /// Ends or refuses a waiver.
    RevokeWaiver,
    /// The access log.
    AccessLog,
    /// The form that checks a file.
    Verify,
    /// Checks a file.
    VerifyUpload,
}

/// A line of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PageRule {
    /// The page.
    pub page: Page,
    /// The method; pages that are read with `GET` are given to `HEAD` too.
    pub method: &'static Method,
    /// The path, as axum writes it.
    pub pattern: &'static str,
    /// Who may.
    pub callers: Callers,
    /// Whether each use is an entry of the access log.
    pub logged: bool,
}

const fn page(page: Page, pattern: &'static str, callers: Callers) -> PageRule {
    PageRule { page, method: &Method::GET, pattern, callers, logged: false }
}

const fn form(page: Page, pattern: &'static str, callers: Callers) -> PageRule {
    PageRule { page, method: &Method::POST, pattern, callers, logged: true }
}

const fn logged(rule: PageRule) -> PageRule {
    PageRule { logged: true, ..rule }
}

const fn unlogged(rule: PageRule) -> PageRule {
    PageRule { logged: false, ..rule }
}

/// Every page.
pub const PAGES: &[PageRule] = &[
    page(Page::Asset, "/assets/{name}", Callers::Anyone),
    page(Page::Home, "/", Callers::Authenticated),
    page(Page::Login, "/login", Callers::Anyone),
    page(Page::LoginReturn, "/login/return", Callers::Anyone),
    form(Page::Logout, "/logout", Callers::Authenticated),
    page(Page::Clusters, "/clusters", PEOPLE),
    page(Page::Cluster, "/clusters/{cluster}", PEOPLE),
    form(Page::StartAudit, "/clusters/{cluster}/audits", OPERATORS),
    page(Page::Audit, "/clusters/{cluster}/audits/{audit}", PEOPLE),
    form(Page::CancelAudit, "/clusters/{cluster}/audits/{audit}/cancel", OPERATORS),
    page(Page::Packs, "/packs", PEOPLE),
    page(Page::Pack, "/clusters/{cluster}/packs/{audit}", AUDITORS),
    page(Page::Observations, "/clusters/{cluster}/packs/{audit}/observations", AUDITORS),
    page(Page::Observation, "/clusters/{cluster}/packs/{audit}/observations/{place}", AUDITORS),
    page(Page::Population, "/clusters/{cluster}/packs/{audit}/population", AUDITORS),
    page(Page::Changes, "/clusters/{cluster}/packs/{audit}/changes", AUDITORS),
    page(Page::Verification, "/clusters/{cluster}/packs/{audit}/verification", AUDITORS),
    logged(page(Page::File, "/clusters/{cluster}/packs/{audit}/files/{artifact}", AUDITORS)),
    page(Page::Measures, "/measures", PEOPLE),
    page(Page::Measure, "/measures/{measure}", PEOPLE),
    page(Page::Schedules, "/schedules", PEOPLE),
    page(Page::NewSchedule, "/schedules/new", OPERATORS),
    form(Page::CreateSchedule, "/schedules", OPERATORS),
    page(Page::Schedule, "/schedules/{schedule}", PEOPLE),
    form(Page::UpdateSchedule, "/schedules/{schedule}", OPERATORS),
    form(Page::DeleteSchedule, "/schedules/{schedule}/delete", OPERATORS),
    page(Page::Waivers, "/waivers", PEOPLE),
    page(Page::NewWaiver, "/waivers/new", OPERATORS),
    form(Page::ProposeWaiver, "/waivers", OPERATORS),
    page(Page::Waiver, "/clusters/{cluster}/waivers/{waiver}", PEOPLE),
    form(Page::ApproveWaiver, "/clusters/{cluster}/waivers/{waiver}/approve", OPERATORS),
    form(Page::RevokeWaiver, "/clusters/{cluster}/waivers/{waiver}/revoke", OPERATORS),
    page(Page::AccessLog, "/access-log", ADMINS),
    page(Page::Verify, "/verify", AUDITORS),
    // Looks at bytes that the caller brought: nothing is changed and nothing is taken away.
    unlogged(form(Page::VerifyUpload, "/verify", AUDITORS)),
];

impl Page {
    /// Its line of the table.
    pub fn rule(self) -> Option<&'static PageRule> {
        PAGES.iter().find(|rule| rule.page == self)
    }

    /// Its name in the access log, such as `Portal.File`.
    pub fn action(self) -> String {
        format!("Portal.{self:?}")
    }
}

impl PageRule {
    /// Whether a path is one of this page: every piece reads as what the pattern names.
    pub fn is_at(&self, path: &str) -> bool {
        let mut wanted = self.pattern.split('/');
        let mut found = path.split('/');
        loop {
            match (wanted.next(), found.next()) {
                (None, None) => return true,
                (Some(wanted), Some(found)) if fits(wanted, found) => {}
                _ => return false,
            }
        }
    }

    /// Whether a method is the one of this page.
    pub fn admits(&self, method: &Method) -> bool {
        method == self.method || (method == Method::HEAD && self.method == Method::GET)
    }
}

/// The page that a method and a path lead to.
pub fn page_of(method: &Method, path: &str) -> Option<&'static PageRule> {
    // `new` is no id: where a fixed piece and a name fit, the fixed one stands first or is the only one that parses.
    let mut fitting = PAGES.iter().filter(|rule| rule.is_at(path) && rule.admits(method));
    let first = fitting.next()?;
    fitting.fold(Some(first), |best, rule| match best {
        Some(best) if best.pattern.contains('{') && !rule.pattern.contains('{') => Some(rule),
        best => best,
    })
}

fn fits(wanted: &str, found: &str) -> bool {
    match wanted {
        "{cluster}" => found.parse::<ClusterId>().is_ok(),
        "{audit}" => found.parse::<RunId>().is_ok(),
        "{schedule}" | "{waiver}" => found.parse::<RecordId>().is_ok(),
        "{measure}" => found.parse::<MeasureId>().is_ok(),
        "{place}" => found.parse::<u32>().is_ok_and(|place| place.to_string() == found),
        "{artifact}" => artifact(found).is_some(),
        "{name}" => {
            !found.is_empty()
                && found.len() <= 80
                && found.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._".contains(&byte))
        }
        wanted => wanted == found,
    }
}

/// The artifact that a piece of a path names.
pub fn artifact(word: &str) -> Option<Artifact> {
    Some(match word {
        "pack" => Artifact::Pack,
        "assessment" => Artifact::Assessment,
        "snapshot" => Artifact::Snapshot,
        "population" => Artifact::Population,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_page_stands_in_the_table_once() {
        let pages: BTreeSet<Page> = PAGES.iter().map(|rule| rule.page).collect();
        assert_eq!(pages.len(), PAGES.len());
        let places: BTreeSet<(&str, &str)> =
            PAGES.iter().map(|rule| (rule.method.as_str(), rule.pattern)).collect();
        assert_eq!(places.len(), PAGES.len());
    }

    #[test]
    fn a_path_leads_to_a_page_only_if_every_piece_reads_as_what_it_names() {
        let at = |path: &str| page_of(&Method::GET, path).map(|rule| rule.page);
        let run = "0b7c9a52-1f04-5e1b-8c3d-9a0f6e5d4c3b";
        assert_eq!(at("/"), Some(Page::Home));
        assert_eq!(at("/clusters/shop"), Some(Page::Cluster));
        assert_eq!(at("/schedules/new"), Some(Page::NewSchedule));
        assert_eq!(at("/waivers/new"), Some(Page::NewWaiver));
        assert_eq!(at(&format!("/clusters/shop/packs/{run}/files/pack")), Some(Page::File));
        assert_eq!(at(&format!("/clusters/shop/packs/{run}/observations/7")), Some(Page::Observation));
        for path in [
            "",
            "//",
            "/clusters/",
            "/clusters/..",
            "/clusters/%2e%2e",
            "/clusters/Shop",
            "/clusters/shop/packs/x",
            &format!("/clusters/../packs/{run}"),
            &format!("/clusters/shop/packs/{run}/files/../../secret"),
            &format!("/clusters/shop/packs/{run}/files/other"),
            &format!("/clusters/shop/packs/{run}/observations/007"),
            &format!("/clusters/shop/packs/{run}/observations/-1"),
            &format!("/clusters/shop/packs/{run}/"),
            "/assets/../x",
            "/assets/",
            "/portal",
        ] {
            assert_eq!(at(path), None, "{path}");
        }
        assert_eq!(page_of(&Method::HEAD, "/clusters").map(|rule| rule.page), Some(Page::Clusters));
        assert_eq!(page_of(&Method::POST, "/schedules").map(|rule| rule.page), Some(Page::CreateSchedule));
        assert_eq!(page_of(&Method::PUT, "/schedules"), None);
        assert_eq!(page_of(&Method::POST, "/clusters"), None);
    }
}
