//! The pages of the portal: which there are, who may open them. The portal adds no route but through this table.
//!
//! Each piece of a path is read as what it names: a path that holds anything else leads nowhere, so that no text of a
//! caller ever becomes part of a key of the store. `path` reads them.

mod path;

use http::Method;
pub use path::{artifact, page_at, page_of};

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

    /// The page that shows the form which this one does; `None` for what no form of fields leads to.
    pub fn form(self) -> Option<Self> {
        Some(match self {
            Self::StartAudit => Self::Cluster,
            Self::CancelAudit => Self::Audit,
            Self::CreateSchedule => Self::NewSchedule,
            Self::UpdateSchedule | Self::DeleteSchedule => Self::Schedule,
            Self::ProposeWaiver => Self::NewWaiver,
            Self::ApproveWaiver | Self::RevokeWaiver => Self::Waiver,
            _ => return None,
        })
    }

    /// Whether the access layer answers it by itself: what becomes of identities is none of the portal's business.
    pub fn is_answered_by_access(self) -> bool {
        matches!(self, Self::Login | Self::LoginReturn | Self::Logout)
    }

    /// The RPCs that it stands for or calls. Whoever may open it may call each of them.
    pub fn calls(self) -> &'static [&'static str] {
        match self {
            Self::Asset | Self::Home | Self::Login | Self::LoginReturn | Self::Logout => &[],
            Self::Clusters => &[
                "/hexproof.v1.ClusterService/ListClusters",
                "/hexproof.v1.PackService/ListPacks",
                "/hexproof.v1.ScheduleService/ListSchedules",
                "/hexproof.v1.ScheduleService/ListSlots",
            ],
            Self::Cluster => &[
                "/hexproof.v1.ClusterService/GetCluster",
                "/hexproof.v1.PackService/ListPacks",
                "/hexproof.v1.AuditService/ListAudits",
                "/hexproof.v1.ScheduleService/ListSchedules",
                "/hexproof.v1.ScheduleService/ListSlots",
            ],
            Self::StartAudit => &["/hexproof.v1.AuditService/StartAudit"],
            Self::Audit => &["/hexproof.v1.AuditService/GetAudit"],
            Self::CancelAudit => &["/hexproof.v1.AuditService/CancelAudit"],
            Self::Packs => &["/hexproof.v1.PackService/ListPacks"],
            Self::Pack | Self::Observations | Self::Observation | Self::Population => {
                &["/hexproof.v1.PackService/GetPack", "/hexproof.v1.PackService/ListPacks"]
            }
            Self::Changes => &["/hexproof.v1.PackService/ComparePacks", "/hexproof.v1.PackService/ListPacks"],
            Self::Verification | Self::Verify | Self::VerifyUpload => {
                &["/hexproof.v1.PackService/VerifyPack"]
            }
            Self::File => &["/hexproof.v1.PackService/DownloadPack"],
            Self::Measures => &["/hexproof.v1.MeasureService/ListMeasures"],
            Self::Measure => &["/hexproof.v1.MeasureService/GetMeasure"],
            Self::Schedules => &[
                "/hexproof.v1.ScheduleService/ListSchedules",
                "/hexproof.v1.ScheduleService/ListSlots",
                "/hexproof.v1.ClusterService/ListClusters",
            ],
            Self::NewSchedule => &["/hexproof.v1.ClusterService/ListClusters"],
            Self::CreateSchedule => &["/hexproof.v1.ScheduleService/CreateSchedule"],
            Self::Schedule => {
                &["/hexproof.v1.ScheduleService/GetSchedule", "/hexproof.v1.ScheduleService/ListSlots"]
            }
            Self::UpdateSchedule => {
                &["/hexproof.v1.ScheduleService/GetSchedule", "/hexproof.v1.ScheduleService/UpdateSchedule"]
            }
            Self::DeleteSchedule => &["/hexproof.v1.ScheduleService/DeleteSchedule"],
            Self::Waivers => {
                &["/hexproof.v1.WaiverService/ListWaivers", "/hexproof.v1.ClusterService/ListClusters"]
            }
            Self::NewWaiver => {
                &["/hexproof.v1.ClusterService/ListClusters", "/hexproof.v1.MeasureService/ListMeasures"]
            }
            Self::ProposeWaiver => &["/hexproof.v1.WaiverService/ProposeWaiver"],
            Self::Waiver => &["/hexproof.v1.WaiverService/GetWaiver"],
            Self::ApproveWaiver => &["/hexproof.v1.WaiverService/ApproveWaiver"],
            Self::RevokeWaiver => &["/hexproof.v1.WaiverService/RevokeWaiver"],
            Self::AccessLog => &["/hexproof.v1.AccessLogService/ListAccessEntries"],
        }
    }

    /// Its name in the access log, such as `Portal.File`.
    pub fn action(self) -> String {
        format!("Portal.{self:?}")
    }
}

#[cfg(test)]
mod tests;
