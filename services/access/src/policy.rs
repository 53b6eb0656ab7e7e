//! The one table of who may do what. What is not in it is denied to everybody.
//!
//! A test compares the table with the compiled proto files, so that a new RPC has to be decided on before it works.

pub mod pages;

use std::collections::BTreeSet;

use hexproof_core::access::Role;
use hexproof_core::access::Role::{Admin, Auditor, Collector, Operator};
use http::Method;
pub use pages::{Page, PageRule};

/// Who may call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Callers {
    /// Whoever reaches the address; no identity is asked for.
    Anyone,
    /// Whoever proved an identity, with or without a role.
    Authenticated,
    /// Whoever has one of these roles; the scope is that of the grants which give them.
    Roles(&'static [Role]),
    /// Whoever has one of these roles for every cluster at any time: what is given tells of all clusters at once.
    Everywhere(&'static [Role]),
    /// The service itself, by its certificate. Agents serve nobody else.
    Server,
    /// The holder of a download link, which names the only file it gives.
    Link,
}

impl Callers {
    /// The roles that may call; none where roles do not matter.
    pub fn roles(self) -> &'static [Role] {
        match self {
            Self::Roles(roles) | Self::Everywhere(roles) => roles,
            Self::Anyone | Self::Authenticated | Self::Server | Self::Link => &[],
        }
    }
}

/// One line of the table: an RPC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rule {
    /// The path of the RPC, such as `/hexproof.v1.AuditService/StartAudit`.
    pub path: &'static str,
    /// Who may call it.
    pub callers: Callers,
    /// Whether each call is an entry of the access log: changes and downloads are.
    pub logged: bool,
}

/// A page or file that is served to plain HTTP clients beside the RPCs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Route {
    /// Whether the process lives.
    Live,
    /// Whether it can do its work.
    Ready,
    /// Figures of all clusters, for Prometheus.
    Metrics,
    /// The file of a download link.
    Link,
}

impl Route {
    /// Every route.
    pub const ALL: [Self; 4] = [Self::Live, Self::Ready, Self::Metrics, Self::Link];

    /// Its path; below that of [`Route::Link`] stands the token.
    pub fn path(self) -> &'static str {
        match self {
            Self::Live => "/livez",
            Self::Ready => "/readyz",
            Self::Metrics => "/metrics",
            Self::Link => "/links/",
        }
    }

    /// The route of a path.
    pub fn of(path: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|route| match route {
            Self::Link => path.strip_prefix(route.path()).is_some_and(|token| !token.is_empty()),
            Self::Live | Self::Ready | Self::Metrics => path == route.path(),
        })
    }

    /// Who may use it.
    pub fn callers(self) -> Callers {
        match self {
            Self::Live | Self::Ready => Callers::Anyone,
            Self::Metrics => Callers::Everywhere(&[Operator, Admin]),
            Self::Link => Callers::Link,
        }
    }

    /// Whether each use is an entry of the access log.
    pub fn logged(self) -> bool {
        match self {
            Self::Link => true,
            Self::Live | Self::Ready | Self::Metrics => false,
        }
    }

    /// Whether a method may be used on it.
    pub fn admits(self, method: &Method) -> bool {
        match self {
            // A link is made for one method.
            Self::Link => method == Method::GET,
            Self::Live | Self::Ready | Self::Metrics => method == Method::GET || method == Method::HEAD,
        }
    }

    /// Its name in the access log.
    pub fn action(self) -> &'static str {
        match self {
            Self::Live => "Health.Live",
            Self::Ready => "Health.Ready",
            Self::Metrics => "Metrics.Read",
            Self::Link => "Link.Download",
        }
    }
}

/// What a request leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target {
    /// An RPC.
    Rpc(&'static Rule),
    /// A route for programs.
    Route(Route),
    /// A page of the portal.
    Page(&'static PageRule),
}

impl Target {
    /// What a method and a path lead to; `None` is denied. A page that is there for another method is found too: it
    /// does not admit this one.
    pub fn of(method: &Method, path: &str) -> Option<Self> {
        RULES
            .iter()
            .find(|rule| rule.path == path)
            .map(Self::Rpc)
            .or_else(|| Route::of(path).map(Self::Route))
            .or_else(|| pages::page_of(method, path).or_else(|| pages::page_at(path)).map(Self::Page))
    }

    /// Who may call.
    pub fn callers(self) -> Callers {
        match self {
            Self::Rpc(rule) => rule.callers,
            Self::Route(route) => route.callers(),
            Self::Page(rule) => rule.callers,
        }
    }

    /// Whether a method may be used on it. Of RPCs the protocol decides.
    pub fn admits(self, method: &Method) -> bool {
        match self {
            Self::Rpc(_) => true,
            Self::Route(route) => route.admits(method),
            Self::Page(rule) => rule.admits(method),
        }
    }

    /// Whether each call is an entry of the access log.
    pub fn logged(self) -> bool {
        match self {
            Self::Rpc(rule) => rule.logged,
            Self::Route(route) => route.logged(),
            Self::Page(rule) => rule.logged,
        }
    }

    /// Its name in the access log, such as `PackService.DownloadPack`.
    pub fn action(self) -> String {
        match self {
            Self::Rpc(rule) => {
                let name = rule.path.trim_start_matches('/');
                name.strip_prefix("hexproof.v1.").unwrap_or(name).replace('/', ".")
            }
            Self::Route(route) => route.action().to_owned(),
            Self::Page(rule) => rule.page.action(),
        }
    }
}

/// The roles of `held` that an entry of the table asks for.
pub fn fitting(callers: Callers, held: &BTreeSet<Role>) -> BTreeSet<Role> {
    callers.roles().iter().copied().filter(|role| held.contains(role)).collect()
}

const COLLECTORS: Callers = Callers::Roles(&[Collector]);
const OPERATORS: Callers = Callers::Roles(&[Operator, Admin]);
const AUDITORS: Callers = Callers::Roles(&[Auditor, Admin]);
const PEOPLE: Callers = Callers::Roles(&[Operator, Auditor, Admin]);
const ADMINS: Callers = Callers::Roles(&[Admin]);

const fn read(path: &'static str, callers: Callers) -> Rule {
    Rule { path, callers, logged: false }
}

const fn logged(path: &'static str, callers: Callers) -> Rule {
    Rule { path, callers, logged: true }
}

/// Every RPC that is served.
pub const RULES: &[Rule] = &[
    read("/hexproof.v1.AccessLogService/ListAccessEntries", ADMINS),
    logged("/hexproof.v1.AuditService/StartAudit", OPERATORS),
    read("/hexproof.v1.AuditService/GetAudit", PEOPLE),
    read("/hexproof.v1.AuditService/ListAudits", PEOPLE),
    read("/hexproof.v1.AuditService/WatchAudit", PEOPLE),
    logged("/hexproof.v1.AuditService/CancelAudit", OPERATORS),
    logged("/hexproof.v1.ClusterService/RegisterCluster", ADMINS),
    read("/hexproof.v1.ClusterService/GetCluster", PEOPLE),
    read("/hexproof.v1.ClusterService/ListClusters", PEOPLE),
    logged("/hexproof.v1.ClusterService/UpdateCluster", ADMINS),
    logged("/hexproof.v1.ClusterService/RetireCluster", ADMINS),
    read("/hexproof.v1.CollectorService/Collect", Callers::Server),
    read("/hexproof.v1.IntakeService/AwaitCollections", COLLECTORS),
    logged("/hexproof.v1.IntakeService/SubmitSnapshot", COLLECTORS),
    read("/hexproof.v1.MeasureService/ListMeasures", PEOPLE),
    read("/hexproof.v1.MeasureService/GetMeasure", PEOPLE),
    read("/hexproof.v1.PackService/ListPacks", PEOPLE),
    read("/hexproof.v1.PackService/GetPack", AUDITORS),
    logged("/hexproof.v1.PackService/DownloadPack", AUDITORS),
    logged("/hexproof.v1.PackService/CreateDownloadLink", AUDITORS),
    logged("/hexproof.v1.PackService/RevokeDownloadLink", AUDITORS),
    read("/hexproof.v1.PackService/VerifyPack", AUDITORS),
    read("/hexproof.v1.PackService/ComparePacks", AUDITORS),
    logged("/hexproof.v1.ScheduleService/CreateSchedule", OPERATORS),
    read("/hexproof.v1.ScheduleService/GetSchedule", PEOPLE),
    read("/hexproof.v1.ScheduleService/ListSchedules", PEOPLE),
    logged("/hexproof.v1.ScheduleService/UpdateSchedule", OPERATORS),
    logged("/hexproof.v1.ScheduleService/DeleteSchedule", OPERATORS),
    read("/hexproof.v1.ScheduleService/ListSlots", PEOPLE),
    logged("/hexproof.v1.WaiverService/ProposeWaiver", OPERATORS),
    logged("/hexproof.v1.WaiverService/ApproveWaiver", OPERATORS),
    logged("/hexproof.v1.WaiverService/RevokeWaiver", OPERATORS),
    read("/hexproof.v1.WaiverService/GetWaiver", PEOPLE),
    read("/hexproof.v1.WaiverService/ListWaivers", PEOPLE),
    // Load balancers and kubelets ask without an identity.
    read("/grpc.health.v1.Health/Check", Callers::Anyone),
    read("/grpc.health.v1.Health/List", Callers::Authenticated),
    read("/grpc.health.v1.Health/Watch", Callers::Authenticated),
    read("/grpc.reflection.v1.ServerReflection/ServerReflectionInfo", Callers::Authenticated),
    read("/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo", Callers::Authenticated),
];

#[cfg(test)]
mod tests {
    use prost::Message as _;

    use super::*;

    #[test]
    fn the_table_names_every_rpc_of_the_api_and_no_other() {
        let set = prost_types::FileDescriptorSet::decode(hexproof_api::FILE_DESCRIPTOR_SET).unwrap();
        let mut served = BTreeSet::new();
        for file in set.file.iter().filter(|file| file.package() == "hexproof.v1") {
            for service in &file.service {
                for method in &service.method {
                    served.insert(format!("/hexproof.v1.{}/{}", service.name(), method.name()));
                }
            }
        }
        assert!(served.len() > 30, "{served:?}");
        let ruled: BTreeSet<String> = RULES
            .iter()
            .map(|rule| rule.path.to_owned())
            .filter(|path| path.starts_with("/hexproof."))
            .collect();
        assert_eq!(ruled, served);
        let paths: BTreeSet<_> = RULES.iter().map(|rule| rule.path).collect();
        assert_eq!(paths.len(), RULES.len(), "a path stands twice");
    }

    #[test]
    fn unknown_paths_lead_nowhere() {
        for path in [
            "",
            "//",
            "/hexproof.v1.AuditService/StartAudit/",
            "/hexproof.v1.auditservice/startaudit",
            "//hexproof.v1.AuditService/StartAudit",
            "/hexproof.v1.AuditService/%53tartAudit",
            "/hexproof.v1.AuditService/",
            "/links/",
            "/links",
            "/metrics/",
            "/portal",
        ] {
            for method in [Method::GET, Method::POST, Method::PUT] {
                assert_eq!(Target::of(&method, path), None, "{method} {path}");
            }
        }
        assert_eq!(Target::of(&Method::GET, "/links/abc"), Some(Target::Route(Route::Link)));
    }

    #[test]
    fn actions_are_named_by_service_and_method() {
        let name = |path| Target::of(&Method::GET, path).unwrap().action();
        assert_eq!(name("/hexproof.v1.PackService/DownloadPack"), "PackService.DownloadPack");
        assert_eq!(name("/links/x"), "Link.Download");
        assert_eq!(name("/waivers/new"), "Portal.NewWaiver");
        assert_eq!(name("/grpc.health.v1.Health/Check"), "grpc.health.v1.Health.Check");
    }
    #[test]
    fn a_page_is_found_for_any_method_and_admits_its_own() {
        let at = |method: &Method, path: &str| match Target::of(method, path) {
            Some(Target::Page(rule)) => (rule.page, rule.admits(method)),
            other => panic!("{method} {path}: {other:?}"),
        };
        assert_eq!(at(&Method::GET, "/schedules"), (Page::Schedules, true));
        assert_eq!(at(&Method::HEAD, "/schedules"), (Page::Schedules, true));
        assert_eq!(at(&Method::POST, "/schedules"), (Page::CreateSchedule, true));
        assert!(!at(&Method::PUT, "/schedules").1);
        assert_eq!(at(&Method::GET, "/logout"), (Page::Logout, false));
        assert_eq!(at(&Method::HEAD, "/clusters/shop/audits"), (Page::StartAudit, false));
        assert_eq!(at(&Method::POST, "/clusters"), (Page::Clusters, false));
    }
}
