//! Measures on bindings to the groups that everybody is in, and on the group that nothing restrains.

use hexproof_core::observation::Subject;
use hexproof_core::record::Kind;
use hexproof_core::record::rbac::CertificateSigningRequest;
use hexproof_core::{Platform, Significance};

use super::rbac_bindings::{BINDINGS, each_binding, recorded, role_ref, subject};
use crate::facts::Facts;
use crate::facts::rbac::{BindingFacts, Identity};
use crate::measures::Entry;
use crate::verdict::{Case, Report, reading};

/// The functions of this module.
pub(super) const ENTRIES: &[Entry] = &[
    Entry { id: "rbac-anonymous-bindings", kinds: BINDINGS, judge: anonymous },
    Entry { id: "rbac-authenticated-group-bindings", kinds: BINDINGS, judge: everybody },
    Entry {
        id: "rbac-system-masters",
        kinds: &[Kind::ClusterRoleBinding, Kind::RoleBinding, Kind::CertificateSigningRequest],
        judge: masters,
    },
];

const MASTERS: &str = "system:masters";

/// Default bindings that name nobody the measure looks for are not applicable, unless somebody added a subject.
fn is_other_default(binding: &BindingFacts<'_>, concerned: impl Fn(Identity<'_>) -> bool) -> bool {
    binding.default
        && binding.added().next().is_none()
        && !binding.subjects.iter().any(|bound| concerned(bound.identity))
}

fn anonymous(report: &mut Report<'_, '_>) {
    let is_anonymous = |identity: Identity<'_>| {
        matches!(
            (identity.kind, identity.name),
            ("User", "system:anonymous") | ("Group", "system:unauthenticated")
        )
    };
    each_binding(report, BINDINGS, |case, report, binding| {
        if is_other_default(binding, is_anonymous) {
            case.not_applicable("a default binding of Kubernetes");
            return;
        }
        case.read(role_ref(binding));
        for bound in &binding.subjects {
            if !is_anonymous(bound.identity) || bound.shipped || is_cluster_info(binding) {
                case.read(subject(bound));
                continue;
            }
            let reason = format!("{} is anyone who can reach the API server", bound.identity);
            let fault = case.fault(subject(bound), reason);
            if reads_paths_only(report.facts, binding) {
                fault.counts_as(Significance::Medium);
            }
        }
        case.passes("no subject is anonymous, but by default");
    });
}

/// The binding by which kubeadm lets nodes read the public cluster-info before they join.
fn is_cluster_info(binding: &BindingFacts<'_>) -> bool {
    const NAME: &str = "kubeadm:bootstrap-signer-clusterinfo";
    (binding.item.kind(), binding.item.namespace(), binding.item.name())
        == (Kind::RoleBinding, "kube-public", NAME)
        && binding.role_key() == Some((Kind::Role, "kube-public", NAME))
}

/// Whether all that the role allows is to get paths that are no resources.
fn reads_paths_only(facts: &Facts<'_>, binding: &BindingFacts<'_>) -> bool {
    facts.rbac().role_of(binding).is_some_and(|role| {
        role.gap.is_none()
            && role.rules.iter().all(|rule| {
                let rule = rule.rule;
                rule.resources.is_empty()
                    && rule.api_groups.is_empty()
                    && !rule.non_resource_urls.is_empty()
                    && rule.verbs.iter().all(|verb| verb == "get")
            })
    })
}

fn everybody(report: &mut Report<'_, '_>) {
    const ACCOUNTS: &str = "system:serviceaccounts";
    let is_everybody = |identity: Identity<'_>| {
        identity.kind == "Group" && (identity.name == "system:authenticated" || identity.holds_accounts())
    };
    each_binding(report, BINDINGS, |case, report, binding| {
        if is_other_default(binding, is_everybody) {
            case.not_applicable("a default binding of Kubernetes");
            return;
        }
        case.read(role_ref(binding));
        for bound in &binding.subjects {
            if !is_everybody(bound.identity) || bound.shipped {
                case.read(subject(bound));
                continue;
            }
            let of = bound.identity.name.strip_prefix(ACCOUNTS).and_then(|rest| rest.strip_prefix(':'));
            let own = binding.item.kind() == Kind::RoleBinding && of == Some(binding.item.namespace());
            if own && let Some(entry) = recorded(report, bound.identity) {
                case.cites(entry).read(subject(bound));
                continue;
            }
            let who = match of {
                Some(namespace) => format!("every ServiceAccount of namespace {namespace}"),
                None if bound.identity.name == ACCOUNTS => "every ServiceAccount of the cluster".into(),
                None => "everybody who can log in, and every ServiceAccount".into(),
            };
            let fault = case.fault(subject(bound), format!("{} is {who}", bound.identity));
            if own {
                fault.counts_as(Significance::Medium);
            }
        }
        case.passes("no subject is such a group, but by default");
    });
}

fn masters(report: &mut Report<'_, '_>) {
    each_binding(report, BINDINGS, |case, _, binding| {
        case.read(role_ref(binding));
        for bound in &binding.subjects {
            if bound.identity == Identity::group(MASTERS) && !bound.shipped {
                case.fault(subject(bound), "binds the group system:masters");
            } else {
                case.read(subject(bound));
            }
        }
        case.passes("the group system:masters is not bound, but by default");
    });
    let facts = report.facts;
    for (item, body) in facts.all::<CertificateSigningRequest>(Kind::CertificateSigningRequest) {
        let mut case = Case::of(item);
        let request = item.record.derived.as_ref().and_then(|derived| derived.request_subject.as_ref());
        let refused = refusal(body);
        if let Some(refused) = refused {
            case.read(reading("status.conditions", refused)).passes("the request was refused or failed");
        } else if let Some(request) = request {
            let organizations = reading("spec.request subject O", request.organizations.as_slice());
            if request.organizations.iter().any(|name| name == MASTERS) {
                case.fault(organizations, "asks for a certificate in the group system:masters");
            } else {
                case.read(organizations).passes("the certificate is not in the group system:masters");
            }
        } else {
            case.unknown("the subject of the request could not be read");
        }
        report.push(case);
    }
    report.push(node_files(facts));
}

/// The condition that ends a request without a certificate.
fn refusal(request: &CertificateSigningRequest) -> Option<&str> {
    let conditions = request.status.iter().flat_map(|status| &status.conditions);
    let mut ending = conditions.filter(|condition| {
        matches!(condition.r#type.as_str(), "Denied" | "Failed")
            && condition.status.as_deref().is_none_or(|status| status == "True")
    });
    ending.next().map(|condition| condition.r#type.as_str())
}

/// Client certificates in the files of the nodes: only an agent on the node sees them.
fn node_files(facts: &Facts<'_>) -> Case {
    let name = facts.snapshot().header.cluster.name.clone();
    let mut case = Case::on(Subject { kind: "NodeFiles".into(), name, ..Subject::default() }, None);
    if facts.is_manifests() {
        case.not_applicable("a manifest set has no nodes");
    } else if facts.platform() == Platform::Aks {
        case.not_applicable("on AKS the provider keeps the certificates of the control plane");
    } else {
        case.unknown("the client certificates in files of the nodes were not read: no node agent");
    }
    case
}
