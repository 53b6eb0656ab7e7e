//! Measures on ServiceAccounts and their tokens.

use std::collections::{BTreeMap, BTreeSet};

use hexproof_core::record::Kind;
use hexproof_core::record::rbac::{BindingSubject, RoleBinding, ServiceAccount};

use crate::facts::{Facts, Item, Lookup, Part, Workload};
use crate::measures::{Entry, WORKLOADS};
use crate::verdict::{Case, Found, Report, reading_of};

/// The functions of this module.
pub(super) const ENTRIES: &[Entry] = &[
    Entry { id: "container-service-account-token", kinds: WORKLOADS, judge: service_account_token },
    Entry { id: "container-dedicated-service-account", kinds: WORKLOADS, judge: dedicated_service_account },
];

/// A mirror pod stands for a static one, which has no account.
const MIRROR: &str = "a mirror pod gets no token";
/// A token for another service may live one day.
const LONGEST_LIFE_SECONDS: i64 = 86_400;

fn service_account_token(report: &mut Report<'_, '_>) {
    let facts = report.facts;
    let bindings = Bindings::gather(facts);
    report.each_workload(|case, workload| {
        if workload.is_mirror() {
            case.not_applicable(MIRROR);
            return;
        }
        for part in &workload.parts {
            judge_tokens(case, facts, part, &bindings);
        }
    });
}

fn judge_tokens<'f>(case: &mut Case, facts: &Facts<'f>, part: &Part<'f>, bindings: &Bindings<'f>) {
    let mut mounted = is_auto_mounted(case, facts, part);
    for token in projected_tokens(part) {
        if token.is_for_api {
            case.read_in(part, part.field(&format!("{}.audience", token.path), token.audience));
            mounted = Mounted::Yes;
            continue;
        }
        let path = format!("{}.expirationSeconds", token.path);
        let reading = part.field(&path, token.expiration_seconds);
        if token.expiration_seconds.is_some_and(|seconds| seconds > LONGEST_LIFE_SECONDS) {
            case.fault_in(part, reading, "a token for another audience lives longer than a day");
        } else {
            case.read_in(part, reading);
        }
    }
    match mounted {
        Mounted::No => {}
        Mounted::Unseen(reason) => {
            case.unknown(reason);
        }
        Mounted::Yes => show_need(case, part, bindings),
    }
}

/// Whether the token of the account is mounted.
enum Mounted {
    Yes,
    No,
    Unseen(String),
}

/// Decides the automatic mount: the pod, else its account, else yes.
fn is_auto_mounted<'f>(case: &mut Case, facts: &Facts<'f>, part: &Part<'f>) -> Mounted {
    const FIELD: &str = "automountServiceAccountToken";
    let of_pod = part.spec.automount_service_account_token;
    case.read_in(part, part.field(FIELD, of_pod));
    match of_pod {
        Some(true) => return Mounted::Yes,
        Some(false) => return Mounted::No,
        None => {}
    }
    let name = part.spec.account();
    match facts.find::<ServiceAccount>(Kind::ServiceAccount, part.item.namespace(), name) {
        Lookup::Found(item, account) => {
            let of_account = account.automount_service_account_token;
            case.uses(item).read(reading_of(item, FIELD, of_account));
            if of_account == Some(false) { Mounted::No } else { Mounted::Yes }
        }
        // The account `default` has no setting unless somebody gave it one.
        Lookup::Implied => facts.not_listed(Kind::ServiceAccount).map_or(Mounted::Yes, Mounted::Unseen),
        Lookup::Missing => {
            case.note(format!("the ServiceAccount {name} does not exist"));
            Mounted::Yes
        }
        Lookup::Unseen(reason) => Mounted::Unseen(reason),
    }
}

/// A mounted token passes if its account is the pod's own and may do something.
fn show_need(case: &mut Case, part: &Part<'_>, bindings: &Bindings<'_>) {
    let (namespace, name) = (part.item.namespace(), part.spec.account());
    let reading = part.field("serviceAccountName", part.spec.service_account_name.as_deref());
    if name == "default" {
        case.fault_in(part, reading, "the token of the ServiceAccount default is mounted");
        return;
    }
    match bindings.of_account(namespace, name) {
        Some((item, place)) => {
            case.read_in(part, reading).uses(item);
            case.read(reading_of(item, format!("subjects[{place}]"), format!("{namespace}/{name}")));
        }
        None => match &bindings.gap {
            Some(gap) => {
                case.read_in(part, reading).unknown(gap.as_str());
            }
            None => {
                let reason =
                    format!("the token of {name} is mounted, and no binding gives the account a right");
                case.fault_in(part, reading, reason);
            }
        },
    }
}

/// A token that a projected volume asks for.
struct ProjectedToken<'f> {
    path: String,
    audience: Option<&'f str>,
    expiration_seconds: Option<i64>,
    is_for_api: bool,
}

fn projected_tokens<'p>(part: &'p Part<'_>) -> impl Iterator<Item = ProjectedToken<'p>> {
    part.spec.volumes.iter().enumerate().flat_map(|(volume_place, volume)| {
        let sources = volume.projected.iter().flat_map(|projected| &projected.sources).enumerate();
        sources.filter_map(move |(place, source)| {
            let token = source.service_account_token.as_ref()?;
            let audience = token.audience.as_deref().filter(|audience| !audience.is_empty());
            Some(ProjectedToken {
                path: format!("volumes[{volume_place}].projected.sources[{place}].serviceAccountToken"),
                audience,
                expiration_seconds: token.expiration_seconds,
                is_for_api: audience.is_none_or(|name| name.starts_with("https://kubernetes.default.svc")),
            })
        })
    })
}

/// The ServiceAccounts that bindings name, by namespace and name.
struct Bindings<'f> {
    by_account: BTreeMap<(&'f str, &'f str), (Item<'f>, usize)>,
    /// Why the bindings are not all known.
    gap: Option<String>,
}

impl<'f> Bindings<'f> {
    fn gather(facts: &Facts<'f>) -> Self {
        let mut by_account = BTreeMap::new();
        let kinds = [Kind::ClusterRoleBinding, Kind::RoleBinding];
        for kind in kinds {
            for (item, binding) in facts.all::<RoleBinding>(kind) {
                for (place, subject) in binding.subjects.iter().enumerate() {
                    if let Some(account) = account_of(subject, item.namespace()) {
                        by_account.entry(account).or_insert((item, place));
                    }
                }
            }
        }
        Self { by_account, gap: kinds.into_iter().find_map(|kind| facts.not_listed(kind)) }
    }

    fn of_account(&self, namespace: &str, name: &str) -> Option<(Item<'f>, usize)> {
        self.by_account.get(&(namespace, name)).copied()
    }
}

/// Namespace and name of the ServiceAccount that a subject is.
fn account_of<'f>(subject: &'f BindingSubject, binding_namespace: &'f str) -> Option<(&'f str, &'f str)> {
    match subject.kind.as_str() {
        "ServiceAccount" => {
            let given = subject.namespace.as_deref().filter(|namespace| !namespace.is_empty());
            Some((given.unwrap_or(binding_namespace), &subject.name))
        }
        "User" => subject.name.strip_prefix("system:serviceaccount:")?.split_once(':'),
        _ => None,
    }
}

/// What a workload belongs to: the value of its application label, else itself.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Application<'f> {
    Named(&'f str),
    Alone(u32),
}

impl<'f> Application<'f> {
    fn of(workload: &Workload<'f>, label_names: &[String]) -> Self {
        let template = workload.template().map(|part| part.labels);
        let labels = [Some(&workload.item.record.metadata.labels), template];
        label_names
            .iter()
            .find_map(|name| labels.into_iter().flatten().find_map(|labels| labels.get(name)))
            .filter(|value| !value.is_empty())
            .map_or(Self::Alone(workload.item.index), |value| Self::Named(value))
    }
}

fn dedicated_service_account(report: &mut Report<'_, '_>) {
    let facts = report.facts;
    let label_names = &facts.settings().labels.name;
    let mut users: BTreeMap<(&str, &str), BTreeMap<Application<'_>, String>> = BTreeMap::new();
    for workload in facts.workloads() {
        let application = Application::of(workload, label_names);
        let accounts: BTreeSet<&str> = workload.parts.iter().map(|part| part.spec.account()).collect();
        for account in accounts {
            let known = users.entry((workload.item.namespace(), account)).or_default();
            known.entry(application.clone()).or_insert_with(|| workload.item.label());
        }
    }
    report.each_workload(|case, workload| {
        if workload.is_mirror() {
            case.not_applicable(MIRROR);
            return;
        }
        let application = Application::of(workload, label_names);
        for part in &workload.parts {
            let name = part.spec.account();
            let written = [&part.spec.service_account_name, &part.spec.service_account];
            let found = written.into_iter().flatten().find(|name| !name.is_empty());
            let alias =
                found.is_some() && part.spec.service_account_name.as_deref().is_none_or(str::is_empty);
            let field = if alias { "serviceAccount" } else { "serviceAccountName" };
            if alias {
                case.note("the account is named by the deprecated field serviceAccount");
            }
            let reading = part.field(field, found.map_or(Found::ABSENT, |name| Found::from(name.as_str())));
            if name == "default" {
                case.fault_in(part, reading, "the pod runs under the ServiceAccount default");
                continue;
            }
            let others = users.get(&(workload.item.namespace(), name));
            let other = others.and_then(|all| all.iter().find(|(user, _)| **user != application));
            if let Some((_, label)) = other {
                let reason = format!("the ServiceAccount {name} also serves another application: {label}");
                case.fault_in(part, reading, reason);
                continue;
            }
            match facts.find::<ServiceAccount>(Kind::ServiceAccount, workload.item.namespace(), name) {
                Lookup::Found(item, _) => {
                    case.read_in(part, reading).uses(item);
                }
                Lookup::Missing | Lookup::Implied => {
                    case.fault_in(part, reading, format!("the ServiceAccount {name} does not exist"));
                }
                Lookup::Unseen(reason) => {
                    case.read_in(part, reading).unknown(reason);
                }
            }
        }
    });
}
