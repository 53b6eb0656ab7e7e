//! Measures on where images come from and how they are pulled.

use std::collections::{BTreeMap, BTreeSet};

use hexproof_core::record::Kind;
use hexproof_core::record::config::Secret;
use hexproof_core::record::pod::LocalReference;
use hexproof_core::record::rbac::ServiceAccount;

use super::image::{image_of, named_image};
use crate::facts::{Facts, ImageRef, Item, Lookup, Part};
use crate::measures::{Entry, WORKLOADS};
use crate::verdict::{Case, Report, reading_of};

/// The functions of this module.
pub(super) const ENTRIES: &[Entry] = &[
    Entry { id: "container-image-registry", kinds: WORKLOADS, judge: registry },
    Entry { id: "container-image-pull-secrets", kinds: WORKLOADS, judge: pull_secrets },
];

/// The entry of a list that an image lies in.
fn listed<'s>(image: &ImageRef<'_>, list: &'s [String]) -> Option<&'s str> {
    list.iter().map(String::as_str).find(|entry| image.lies_in(entry))
}

fn registry(report: &mut Report<'_, '_>) {
    let registries = &report.facts.settings().registries;
    report.each_container(false, |case, part, container| {
        let Some(image) = named_image(case, part, container) else { return };
        let reading = container.field("image", container.container.image.clone());
        if let Some(entry) = listed(&image, &registries.retired) {
            case.fault_in(part, reading, format!("the registry {entry} is retired"));
        } else if registries.allowed.is_empty() {
            match listed(&image, &registries.open) {
                Some(entry) => {
                    case.fault_in(part, reading, format!("everybody may publish on {entry}"));
                }
                None => {
                    case.read_in(part, reading);
                }
            }
        } else if listed(&image, &registries.allowed).is_some() {
            case.read_in(part, reading);
        } else {
            case.fault_in(part, reading, format!("{} is in no allowed registry", image.place()));
        }
    });
}

fn pull_secrets(report: &mut Report<'_, '_>) {
    let facts = report.facts;
    let registries = &facts.settings().registries;
    let spread = namespaces_by_secret(facts);
    report.each_workload(|case, workload| {
        let mut concerned = false;
        for part in &workload.parts {
            let mut needs_secret = false;
            for container in &part.containers {
                let (text, Some(image)) = image_of(container) else { continue };
                if listed(&image, &registries.private).is_none() {
                    continue;
                }
                concerned = true;
                case.read_in(part, container.field("image", text));
                match listed(&image, &registries.node_identity) {
                    Some(entry) => {
                        case.note(format!("{entry} is recorded as served by the identity of the node"));
                    }
                    None => needs_secret = true,
                }
            }
            if needs_secret {
                judge_secrets(case, facts, part, &spread);
            }
        }
        if !concerned {
            case.not_applicable("no image comes from a registry that is configured as private");
        }
    });
}

/// What names the pull Secrets of a pod: the pod, else its ServiceAccount.
enum Named<'f> {
    ByPod(&'f [LocalReference]),
    ByAccount(Item<'f>, &'f [LocalReference]),
    Unseen(String),
    None,
}

impl<'f> Named<'f> {
    /// The API server copies the list of the account into pods that have none of their own.
    fn of(facts: &Facts<'f>, part: &Part<'f>) -> Self {
        if !part.spec.image_pull_secrets.is_empty() {
            return Self::ByPod(&part.spec.image_pull_secrets);
        }
        let namespace = part.item.namespace();
        match facts.find::<ServiceAccount>(Kind::ServiceAccount, namespace, part.spec.account()) {
            Lookup::Found(item, account) => Self::ByAccount(item, &account.image_pull_secrets),
            Lookup::Implied => match facts.not_listed(Kind::ServiceAccount) {
                Some(reason) => Self::Unseen(reason),
                None => Self::None,
            },
            Lookup::Missing => Self::None,
            Lookup::Unseen(reason) => Self::Unseen(reason),
        }
    }

    fn list(&self) -> &'f [LocalReference] {
        match self {
            Self::ByPod(list) | Self::ByAccount(_, list) => list,
            Self::Unseen(_) | Self::None => &[],
        }
    }
}

fn judge_secrets<'f>(
    case: &mut Case,
    facts: &Facts<'f>,
    part: &Part<'f>,
    spread: &BTreeMap<&'f str, BTreeSet<&'f str>>,
) {
    let named = Named::of(facts, part);
    if let Named::Unseen(reason) = named {
        case.read_in(part, part.field("imagePullSecrets", None::<String>));
        case.unknown(reason);
        return;
    }
    if named.list().is_empty() {
        let reading = part.field("imagePullSecrets", None::<String>);
        case.fault_in(part, reading, "a private image is pulled without a pull secret");
        return;
    }
    let namespace = part.item.namespace();
    for (place, reference) in named.list().iter().enumerate() {
        let name = reference.name.as_str();
        let path = format!("imagePullSecrets[{place}].name");
        let naming = match named {
            Named::ByAccount(account, _) => {
                case.uses(account);
                reading_of(account, path, name)
            }
            Named::ByPod(_) | Named::Unseen(_) | Named::None => part.field(&path, name),
        };
        match facts.find::<Secret>(Kind::Secret, namespace, name) {
            Lookup::Found(item, secret) => {
                case.uses(item).read_in(part, naming);
                let reading = reading_of(item, "type", secret.r#type.clone());
                match secret.r#type.as_deref() {
                    Some("kubernetes.io/dockerconfigjson") => {
                        case.read(reading);
                    }
                    Some("kubernetes.io/dockercfg") => {
                        case.fault(reading, format!("the pull secret {name} has the legacy type dockercfg"));
                    }
                    _ => {
                        case.fault(reading, format!("the Secret {name} is no pull secret"));
                    }
                }
            }
            Lookup::Missing | Lookup::Implied => {
                case.fault_in(part, naming, format!("the pull secret {name} does not exist"));
            }
            Lookup::Unseen(reason) => {
                case.read_in(part, naming).unknown(reason);
            }
        }
        let namespaces = spread.get(name).map_or(0, BTreeSet::len);
        if namespaces > facts.settings().registries.pull_secret_namespaces {
            case.note(format!("a pull secret of the name {name} is used in {namespaces} namespaces"));
        }
    }
}

/// The namespaces in which pods use a pull secret of a name.
fn namespaces_by_secret<'f>(facts: &Facts<'f>) -> BTreeMap<&'f str, BTreeSet<&'f str>> {
    let mut namespaces: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for part in facts.workloads().iter().flat_map(|workload| &workload.parts) {
        for reference in Named::of(facts, part).list() {
            namespaces.entry(&reference.name).or_default().insert(part.item.namespace());
        }
    }
    namespaces
}
