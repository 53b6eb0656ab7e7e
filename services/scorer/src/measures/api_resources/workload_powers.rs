//! The measure on workloads whose ServiceAccount could take the cluster over.

use std::collections::{BTreeMap, BTreeSet};

use hexproof_core::Significance;
use hexproof_core::observation::Reading;
use hexproof_core::record::Kind;
use hexproof_core::record::rbac::ServiceAccount;
use hexproof_core::settings::Recorded;

use super::rbac_bindings::BINDINGS;
use super::rbac_grants::{self as grants, Effect, Spec};
use super::rbac_powers::{self as powers, Bound};
use crate::facts::rbac::{BindingFacts, Identity, RoleFacts};
use crate::facts::{Facts, Item, Lookup, Part, Workload};
use crate::measures::{Entry, WORKLOADS};
use crate::verdict::{Case, Report, reading_of};

/// The functions of this module.
pub(super) const ENTRIES: &[Entry] =
    &[Entry { id: "workload-service-account-powers", kinds: WORKLOADS, judge: account_powers }];

/// The measures whose failures let an account take the cluster over.
const TAKEOVER: &[&Spec] = &[
    &grants::SECRETS,
    &grants::WORKLOADS,
    &grants::EXEC,
    &grants::ESCALATION,
    &grants::CREDENTIALS,
    &grants::ADMISSION,
    &grants::NODES_PROXY,
];

/// Whether a token of the API server is mounted; also where that is not certain.
pub(super) fn mounts_token(facts: &Facts<'_>, part: &Part<'_>) -> bool {
    let sources =
        part.spec.volumes.iter().filter_map(|volume| volume.projected.as_ref()).flat_map(|p| &p.sources);
    let asked_for = sources.filter_map(|source| source.service_account_token.as_ref()).any(|token| {
        token
            .audience
            .as_deref()
            .is_none_or(|a| a.is_empty() || a.starts_with("https://kubernetes.default.svc"))
    });
    if part.is_mirror() {
        return false;
    }
    asked_for
        || part.spec.automount_service_account_token.unwrap_or_else(|| {
            let (namespace, name) = (part.item.namespace(), part.spec.account());
            match facts.find::<ServiceAccount>(Kind::ServiceAccount, namespace, name) {
                Lookup::Found(_, account) => account.automount_service_account_token != Some(false),
                Lookup::Implied | Lookup::Missing | Lookup::Unseen(_) => true,
            }
        })
}

/// What an identity may do cluster-wide or in a system namespace. Workloads share it.
#[derive(Default)]
struct Powers<'f> {
    dangers: Vec<Danger>,
    gaps: BTreeSet<String>,
    bindings: Vec<Item<'f>>,
}

/// The rights that fail one measure: the first binding and rule, and how many bindings more.
struct Danger {
    binding: Reading,
    rule: Reading,
    reason: String,
}

type Known<'f> = BTreeMap<(String, String), Powers<'f>>;

fn account_powers(report: &mut Report<'_, '_>) {
    let facts = report.facts;
    let mut known = Known::new();
    let measure = report.measure.id.as_str();
    report.each_workload(|case, workload| {
        let item = workload.item;
        if facts.is_system(item.namespace()) {
            case.not_applicable("a workload of a system namespace");
        } else if let Some(entry) = recorded(facts, measure, workload) {
            case.cites(entry).not_applicable(format!("recorded until {} by {}", entry.until, entry.owner));
        } else {
            for part in &workload.parts {
                judge_part(case, facts, part, &mut known);
            }
        }
    });
}

/// The entry that records the workload or its account as a controller.
fn recorded<'f>(facts: &Facts<'f>, measure: &str, workload: &Workload<'f>) -> Option<&'f Recorded> {
    let item = workload.item;
    let kind = &item.record.kind_name.name;
    facts.recorded(measure, kind, item.namespace(), item.name()).or_else(|| {
        let account = workload.parts.first()?.spec.account();
        facts.recorded(measure, "ServiceAccount", item.namespace(), account)
    })
}

fn judge_part<'f>(case: &mut Case, facts: &Facts<'f>, part: &Part<'f>, known: &mut Known<'f>) {
    let namespace = part.item.namespace();
    let account = Identity::account(namespace, part.spec.account());
    let of_namespace = format!("system:serviceaccounts:{namespace}");
    let field = part.field("serviceAccountName", part.spec.service_account_name.as_deref());
    let mounted = mounts_token(facts, part);
    case.read_in(part, field.clone());
    let groups = ["system:serviceaccounts", of_namespace.as_str(), "system:authenticated"];
    for identity in std::iter::once(account).chain(groups.map(Identity::group)) {
        let key = (identity.namespace.to_owned(), identity.name.to_owned());
        let powers = known.entry(key).or_insert_with(|| powers_of(facts, identity));
        for gap in &powers.gaps {
            case.unknown(gap.as_str());
        }
        for item in &powers.bindings {
            case.uses(*item);
        }
        for danger in &powers.dangers {
            let fault = case.fault_in(part, field.clone(), danger.reason.as_str());
            if !mounted {
                fault.counts_as(Significance::Low);
            }
            case.read(danger.binding.clone()).read(danger.rule.clone());
        }
    }
    if case.has_fault() && !mounted {
        case.note("its token is not mounted");
    }
    for gap in BINDINGS.iter().filter_map(|kind| facts.not_listed(*kind)) {
        case.unknown(gap);
    }
    case.passes("its account holds no such right cluster-wide or in a system namespace");
}

fn powers_of<'f>(facts: &Facts<'f>, identity: Identity<'_>) -> Powers<'f> {
    let mut powers = Powers::default();
    let mut central = Vec::new();
    for binding in facts.rbac().bindings_to(identity) {
        if let Some(role) = facts.rbac().role_of(binding)
            && (binding.is_cluster_wide() || facts.is_system(binding.item.namespace()))
        {
            powers.bindings.push(binding.item);
            powers.gaps.extend(role.gap.clone());
            central.push((binding, role));
        }
    }
    // A subject that is recorded for a measure does not fail it.
    let open = TAKEOVER
        .iter()
        .filter(|spec| facts.recorded(spec.id, identity.kind, identity.namespace, identity.name).is_none());
    powers.dangers.extend(open.filter_map(|spec| danger(facts, spec, identity, &central)));
    powers
}

/// What fails a measure among the roles of an identity.
fn danger<'f>(
    facts: &Facts<'f>,
    spec: &Spec,
    identity: Identity<'_>,
    central: &[(&BindingFacts<'f>, &RoleFacts<'f>)],
) -> Option<Danger> {
    let mut first: Option<Danger> = None;
    let mut more = 0;
    for (binding, role) in central {
        let (cluster_wide, namespace) = (binding.is_cluster_wide(), binding.item.namespace());
        let to = Bound { cluster_wide, namespace, identity };
        let hits = powers::hits(spec, &role.rules);
        let Some(hit) = hits.iter().find(|hit| matches!(hit.effect(spec, facts, to), Some(Effect::Fails(_))))
        else {
            continue;
        };
        if first.is_some() {
            more += 1;
            continue;
        }
        let subject = reading_of(binding.item, "subjects", identity.to_string());
        first = Some(Danger {
            binding: Reading { fault: true, ..subject },
            rule: Reading { fault: true, ..hit.rule.reading_from(&role.subject().label()) },
            reason: format!("{identity} has {} by {}", hit.rights(), binding.item.label()),
        });
    }
    let mut danger = first?;
    if more > 0 {
        danger.reason.push_str(&format!(" and {more} more"));
    }
    danger.reason.push_str(&format!(" (fails {})", spec.id));
    Some(danger)
}
