//! Measures on ServiceAccounts: the default one, tokens in Secrets, and accounts that nothing uses.

use std::collections::{BTreeMap, BTreeSet};

use hexproof_core::observation::Subject;
use hexproof_core::record::Kind;
use hexproof_core::record::config::Secret;
use hexproof_core::record::pod::Pod;
use hexproof_core::record::rbac::ServiceAccount;
use hexproof_core::settings::day;
use jiff::SignedDuration;
use jiff::civil::Date;

use crate::facts::rbac::Identity;
use crate::facts::{Facts, Item};
use crate::measures::{Entry, WORKLOADS};
use crate::verdict::{Case, Report, reading, reading_of};

use super::rbac_bindings::BINDINGS;
use super::workload_powers::mounts_token;

/// The functions of this module.
pub(super) const ENTRIES: &[Entry] = &[
    Entry { id: "rbac-default-service-account", kinds: &[Kind::ServiceAccount], judge: default_account },
    Entry { id: "service-account-long-lived-tokens", kinds: &[Kind::Namespace], judge: long_lived_tokens },
    Entry { id: "service-account-unused", kinds: &[Kind::ServiceAccount], judge: unused },
];

fn default_account(report: &mut Report<'_, '_>) {
    let facts = report.facts;
    let mut written = BTreeSet::new();
    for (item, account) in facts.all::<ServiceAccount>(Kind::ServiceAccount) {
        if item.name() == "default" {
            written.insert(item.namespace());
            let mut case = Case::of(item);
            judge_default(&mut case, facts, item.namespace(), Some(account));
            report.push(case);
        }
    }
    if !facts.is_manifests() {
        return;
    }
    // A set need not hold the object: it exists wherever a workload or a binding names its namespace.
    let workloads = facts.workloads().iter().map(|workload| workload.item.namespace());
    let of_bindings = facts.rbac().bindings().iter().map(|binding| binding.item.namespace());
    let of_subjects = facts.rbac().identities().map(|identity| identity.namespace);
    let named: BTreeSet<&str> = workloads.chain(of_bindings).chain(of_subjects).collect();
    for namespace in named.difference(&written).filter(|namespace| !namespace.is_empty()) {
        let mut case = Case::on(subject_of("ServiceAccount", namespace, "default"), None);
        judge_default(&mut case, facts, namespace, None);
        report.push(case);
    }
}

fn subject_of(kind: &str, namespace: &str, name: &str) -> Subject {
    Subject {
        kind: kind.into(),
        namespace: namespace.into(),
        name: name.into(),
        api_version: "v1".into(),
        ..Subject::default()
    }
}

fn judge_default(case: &mut Case, facts: &Facts<'_>, namespace: &str, account: Option<&ServiceAccount>) {
    let identity = Identity::account(namespace, "default");
    for binding in facts.rbac().bindings_to(identity) {
        let bound = binding.subjects.iter().find(|bound| bound.identity == identity);
        let path = format!("subjects[{}]", bound.map_or(0, |bound| bound.place));
        let role = &binding.body.role_ref;
        let reason = format!("{} gives it {} {}", binding.item.label(), role.kind, role.name);
        case.uses(binding.item);
        case.fault(reading_of(binding.item, path, identity.to_string()), reason);
    }
    for gap in BINDINGS.iter().filter_map(|kind| facts.not_listed(*kind)) {
        case.unknown(gap);
    }
    let value = account.and_then(|account| account.automount_service_account_token);
    let field = reading("automountServiceAccountToken", value);
    let has_workloads = facts.workloads_in(namespace).next().is_some();
    if facts.is_system(namespace) {
        case.read(field).passes("no binding names it; in a system namespace its token is not judged");
    } else if value == Some(false) {
        case.read(field);
    } else if has_workloads {
        case.fault(field, "its token is mounted automatically");
    } else {
        for gap in WORKLOADS.iter().filter_map(|kind| facts.not_listed(*kind)) {
            case.unknown(format!("whether pods mount its token is not known: {gap}"));
        }
        case.read(field).passes("no binding names it, and no pod runs in the namespace");
    }
}

fn long_lived_tokens(report: &mut Report<'_, '_>) {
    let facts = report.facts;
    let mut by_namespace: BTreeMap<&str, Vec<(Item<'_>, &Secret)>> = BTreeMap::new();
    for (item, secret) in facts.all::<Secret>(Kind::Secret) {
        by_namespace.entry(item.namespace()).or_default().push((item, secret));
    }
    for namespace in facts.namespaces().filter(|namespace| !namespace.system) {
        let mut case = match namespace.item {
            Some(item) => Case::of(item),
            None => Case::on(subject_of("Namespace", "", namespace.name), None),
        };
        let secrets = by_namespace.get(namespace.name).map_or(&[][..], Vec::as_slice);
        for (item, secret) in secrets {
            case.uses(*item);
            judge_secret(&mut case, report, *item, secret);
        }
        if let Some(gap) = facts.not_listed(Kind::Secret) {
            case.unknown(gap);
        }
        case.passes(format!("{} Secrets, none of them a token that does not expire", secrets.len()));
        report.push(case);
    }
}

fn judge_secret(case: &mut Case, report: &Report<'_, '_>, item: Item<'_>, secret: &Secret) {
    const TOKEN: &str = "kubernetes.io/service-account-token";
    const INVALID: &str = "kubernetes.io/legacy-token-invalid-since";
    match secret.r#type.as_deref() {
        Some(TOKEN) => {}
        None if secret.keys_not_read == Some(true) => {
            case.unknown(format!("the type of {} was not read", item.label()));
            return;
        }
        Some(_) | None => return,
    }
    let labels = &item.record.metadata.labels;
    if let Some(since) = labels.get(INVALID) {
        case.read(reading_of(item, format!("metadata.labels[{INVALID}]"), since.as_str()));
        return;
    }
    let kind = reading_of(item, "type", TOKEN);
    let Some(entry) = report.recorded("Secret", item.namespace(), item.name()) else {
        case.fault(kind, format!("{} holds a token that never expires", item.label()));
        return;
    };
    case.cites(entry).read(kind);
    if !report.facts.is_manifests() {
        judge_age(case, report.facts, item);
    }
}

/// A recorded token must be in use and renewed once a year.
fn judge_age(case: &mut Case, facts: &Facts<'_>, item: Item<'_>) {
    const LAST_USED: &str = "kubernetes.io/legacy-token-last-used";
    let last_used = item.record.metadata.labels.get(LAST_USED).map(String::as_str);
    let field = reading_of(item, format!("metadata.labels[{LAST_USED}]"), last_used);
    let today = day(facts.at());
    let is_recent = |used: Date| used.until(today).is_ok_and(|span| span.get_days() < 30);
    match last_used.map(str::parse::<Date>) {
        Some(Ok(used)) if is_recent(used) => {
            case.read(field);
        }
        Some(Ok(used)) => {
            case.fault(field, format!("{} was last used on {used}", item.label()));
        }
        Some(Err(_)) => {
            case.unknown(format!("the label {LAST_USED} of {} is no date", item.label()));
        }
        None => {
            case.fault(field, format!("{} was not used since its use is tracked", item.label()));
        }
    }
    let Some(created) = item.record.metadata.creation_timestamp else {
        case.unknown(format!("the age of {} is not known", item.label()));
        return;
    };
    let field = reading_of(item, "metadata.creationTimestamp", created.to_string());
    let age = facts.at().duration_since(created);
    if age < SignedDuration::from_hours(365 * 24) {
        case.read(field);
    } else {
        case.fault(field, format!("{} is {} days old", item.label(), age.as_hours() / 24));
    }
}

fn unused(report: &mut Report<'_, '_>) {
    let facts = report.facts;
    let users = users(facts);
    for (item, _) in facts.all::<ServiceAccount>(Kind::ServiceAccount) {
        let mut case = Case::of(item);
        let identity = Identity::account(item.namespace(), item.name());
        if item.name() == "default" {
            case.not_applicable("every namespace has a ServiceAccount default");
        } else if facts.is_system(item.namespace()) {
            case.not_applicable("a ServiceAccount of a system namespace");
        } else {
            let used_by = users.get(&identity).map_or(&[][..], Vec::as_slice);
            judge_use(&mut case, facts, identity, used_by);
        }
        report.push(case);
    }
}

/// A pod spec that runs under an account: its object, the path of the field, and whether its token is mounted.
type User<'f> = (Item<'f>, String, bool);

/// The pod specs by account: of every workload, and of pods that have ended.
fn users<'f>(facts: &Facts<'f>) -> BTreeMap<Identity<'f>, Vec<User<'f>>> {
    let mut users: BTreeMap<Identity<'f>, Vec<User<'f>>> = BTreeMap::new();
    let mut seen = BTreeSet::new();
    for part in facts.workloads().iter().flat_map(|workload| &workload.parts) {
        seen.insert(part.item.index);
        let identity = Identity::account(part.item.namespace(), part.spec.account());
        let path = format!("{}.serviceAccountName", part.prefix);
        users.entry(identity).or_default().push((part.item, path, mounts_token(facts, part)));
    }
    for (item, pod) in facts.all::<Pod>(Kind::Pod).filter(|(item, _)| !seen.contains(&item.index)) {
        let identity = Identity::account(item.namespace(), pod.spec.account());
        users.entry(identity).or_default().push((item, "spec.serviceAccountName".to_owned(), false));
    }
    users
}

fn judge_use(case: &mut Case, facts: &Facts<'_>, identity: Identity<'_>, used_by: &[User<'_>]) {
    let name = identity.name;
    if let Some((item, path, _)) = used_by.first() {
        case.uses(*item).read(reading_of(*item, path.as_str(), name)).passes("a pod runs under it");
    }
    let mut bindings = facts.rbac().bindings_to(identity);
    if let Some(binding) = bindings.next() {
        case.uses(binding.item).read(reading_of(binding.item, "subjects", identity.to_string()));
        case.passes("a binding names it");
        return;
    }
    let gap_of_bindings = BINDINGS.iter().find_map(|kind| facts.not_listed(*kind));
    if used_by.iter().any(|(_, _, mounted)| *mounted) && gap_of_bindings.is_none() {
        case.note("its token is mounted, but no binding gives it a right");
    }
    if !used_by.is_empty() {
        return;
    }
    let mut gaps =
        WORKLOADS.iter().filter_map(|kind| facts.not_listed(*kind)).chain(gap_of_bindings).peekable();
    if gaps.peek().is_some() {
        for gap in gaps {
            case.unknown(gap);
        }
    } else {
        case.fault(reading("metadata.name", name), "no pod runs under it, and no binding names it");
    }
}
