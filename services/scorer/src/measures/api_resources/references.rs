//! The objects that a workload names.

use hexproof_core::observation::Reading;
use hexproof_core::record::cluster::{PriorityClass, RuntimeClass};
use hexproof_core::record::config::{ConfigMap, Secret};
use hexproof_core::record::network::Service;
use hexproof_core::record::pod::{KeyToPath, Volume};
use hexproof_core::record::rbac::ServiceAccount;
use hexproof_core::record::storage::{Claim, SecretProviderClass};
use hexproof_core::record::{Bodied, Kind};

use crate::facts::{Facts, Lookup, Part, Workload};
use crate::measures::{Entry, WORKLOADS};
use crate::verdict::{Case, Found, Report};

/// The functions of this module.
pub(super) const ENTRIES: &[Entry] =
    &[Entry { id: "workload-references-resolve", kinds: WORKLOADS, judge: resolve }];

fn resolve(report: &mut Report<'_, '_>) {
    let facts = report.facts;
    report.each_workload(|case, workload| {
        controller(case, facts, workload);
        for part in workload.parts.iter().filter(|part| part.own || !part.running) {
            Naming { case: &mut *case, facts, part }.all(workload);
        }
    });
}

/// What stands beside the template: selector and governing Service.
fn controller<'f>(case: &mut Case, facts: &Facts<'f>, workload: &Workload<'f>) {
    let (Some(controller), Some(part)) = (workload.controller(), workload.template()) else { return };
    let kind = workload.item.kind();
    // The API server fills the selector of Jobs and ReplicationControllers.
    let required = matches!(kind, Kind::Deployment | Kind::StatefulSet | Kind::DaemonSet | Kind::ReplicaSet);
    match &controller.spec.selector {
        Some(selector) => {
            let reading = workload.field("spec.selector", serde_json::to_value(selector).ok());
            if selector.matches(part.labels) {
                case.read(reading);
            } else {
                case.fault(reading, "the selector does not match the labels of the template");
            }
        }
        None if required => {
            case.fault(workload.field("spec.selector", Found::ABSENT), "there is no selector");
        }
        None => {}
    }
    let service = controller.spec.service_name.as_deref().filter(|name| !name.is_empty());
    if let (Kind::StatefulSet, Some(name)) = (kind, service) {
        let reading = workload.field("spec.serviceName", name);
        let lookup = facts.find::<Service>(Kind::Service, workload.item.namespace(), name);
        Naming { case, facts, part }.answer(Kind::Service, name, reading, lookup);
    }
}

/// The references of one pod spec.
struct Naming<'c, 'm, 'f> {
    case: &'c mut Case,
    facts: &'m Facts<'f>,
    part: &'m Part<'f>,
}

/// A reference to a ConfigMap or Secret.
struct Keyed<'k> {
    path: String,
    name: &'k str,
    keys: Vec<&'k str>,
    optional: Option<bool>,
}

impl<'f> Naming<'_, '_, 'f> {
    fn all(&mut self, workload: &Workload<'f>) {
        let part = self.part;
        let spec = part.spec;
        let account = spec.account();
        let reading = part.field("serviceAccountName", account);
        self.exists::<ServiceAccount>(Kind::ServiceAccount, account, reading);
        if let Some(name) = spec.priority_class_name.as_deref().filter(|name| !name.is_empty()) {
            let reading = part.field("priorityClassName", name);
            self.exists::<PriorityClass>(Kind::PriorityClass, name, reading);
        }
        if let Some(name) = spec.runtime_class_name.as_deref().filter(|name| !name.is_empty()) {
            let reading = part.field("runtimeClassName", name);
            self.exists::<RuntimeClass>(Kind::RuntimeClass, name, reading);
        }
        let templates = workload.controller().map_or(&[][..], |c| c.spec.volume_claim_templates.as_slice());
        for (place, volume) in spec.volumes.iter().enumerate() {
            // A claim template takes the place of a volume of its name.
            if !templates.iter().any(|template| template.metadata.name == volume.name) {
                self.volume(&format!("volumes[{place}]"), volume);
            }
        }
        self.variables();
    }

    fn volume(&mut self, at: &str, volume: &Volume) {
        if let Some(claim) = &volume.persistent_volume_claim {
            let path = format!("{at}.persistentVolumeClaim.claimName");
            let reading = self.part.field(&path, claim.claim_name.as_str());
            self.exists::<Claim>(Kind::PersistentVolumeClaim, &claim.claim_name, reading);
        }
        let class =
            volume.csi.as_ref().and_then(|csi| csi.volume_attributes.secret_provider_class.as_deref());
        if let Some(name) = class {
            let path = format!("{at}.csi.volumeAttributes.secretProviderClass");
            let reading = self.part.field(&path, name);
            self.exists::<SecretProviderClass>(Kind::SecretProviderClass, name, reading);
        }
        if let Some(source) = &volume.config_map {
            let path = format!("{at}.configMap.name");
            self.config_map(&Keyed {
                path,
                name: &source.name,
                keys: keys(&source.items),
                optional: source.optional,
            });
        }
        if let Some(source) = &volume.secret {
            let path = format!("{at}.secret.secretName");
            let keys = keys(&source.items);
            self.secret(&Keyed { path, name: &source.secret_name, keys, optional: source.optional });
        }
        let sources = volume.projected.iter().flat_map(|projected| &projected.sources).enumerate();
        for (place, source) in sources {
            if let Some(source) = &source.config_map {
                let path = format!("{at}.projected.sources[{place}].configMap.name");
                let keys = keys(&source.items);
                self.config_map(&Keyed { path, name: &source.name, keys, optional: source.optional });
            }
            if let Some(source) = &source.secret {
                let path = format!("{at}.projected.sources[{place}].secret.name");
                let keys = keys(&source.items);
                self.secret(&Keyed { path, name: &source.name, keys, optional: source.optional });
            }
        }
    }

    fn variables(&mut self) {
        let part = self.part;
        for container in &part.containers {
            let at = container.path.get(part.prefix.len() + 1..).unwrap_or_default();
            for (place, variable) in container.container.env.iter().enumerate() {
                let Some(source) = &variable.value_from else { continue };
                let at = format!("{at}.env[{place}].valueFrom");
                if let Some(key) = &source.config_map_key_ref {
                    let path = format!("{at}.configMapKeyRef");
                    let keys = vec![key.key.as_str()];
                    self.config_map(&Keyed { path, name: &key.name, keys, optional: key.optional });
                }
                if let Some(key) = &source.secret_key_ref {
                    let path = format!("{at}.secretKeyRef");
                    let keys = vec![key.key.as_str()];
                    self.secret(&Keyed { path, name: &key.name, keys, optional: key.optional });
                }
            }
            for (place, source) in container.container.env_from.iter().enumerate() {
                if let Some(whole) = &source.config_map_ref {
                    let path = format!("{at}.envFrom[{place}].configMapRef.name");
                    self.config_map(&Keyed {
                        path,
                        name: &whole.name,
                        keys: vec![],
                        optional: whole.optional,
                    });
                }
                if let Some(whole) = &source.secret_ref {
                    let path = format!("{at}.envFrom[{place}].secretRef.name");
                    self.secret(&Keyed { path, name: &whole.name, keys: vec![], optional: whole.optional });
                }
            }
        }
    }

    fn config_map(&mut self, wanted: &Keyed<'_>) {
        let Some((map, reading)) = self.keyed::<ConfigMap>(Kind::ConfigMap, wanted) else { return };
        self.has_keys(Kind::ConfigMap, wanted, &map.keys, reading);
    }

    fn secret(&mut self, wanted: &Keyed<'_>) {
        let Some((secret, reading)) = self.keyed::<Secret>(Kind::Secret, wanted) else { return };
        if secret.keys_not_read == Some(true) {
            if !wanted.keys.is_empty() {
                self.case.unknown(format!("the keys of Secret {} were not read", wanted.name));
            }
            return;
        }
        self.has_keys(Kind::Secret, wanted, &secret.keys, reading);
    }

    fn keyed<T: Bodied>(&mut self, kind: Kind, wanted: &Keyed<'_>) -> Option<(&'f T, Reading)> {
        if wanted.optional == Some(true) {
            return None;
        }
        let reading = self.part.field(&wanted.path, wanted.name);
        let found = self.exists::<T>(kind, wanted.name, reading.clone())?;
        Some((found, reading))
    }

    fn has_keys(&mut self, kind: Kind, wanted: &Keyed<'_>, keys: &[String], reading: Reading) {
        for key in wanted.keys.iter().filter(|wanted| !keys.iter().any(|key| key == *wanted)) {
            let reason = format!("{kind} {} has no key {key}", wanted.name);
            self.case.fault_in(self.part, reading.clone(), reason);
        }
    }

    fn exists<T: Bodied>(&mut self, kind: Kind, name: &str, reading: Reading) -> Option<&'f T> {
        let namespace = if kind.is_cluster_scoped() == Some(true) { "" } else { self.part.item.namespace() };
        let lookup = self.facts.find::<T>(kind, namespace, name);
        self.answer(kind, name, reading, lookup)
    }

    fn answer<T>(&mut self, kind: Kind, name: &str, reading: Reading, found: Lookup<'f, T>) -> Option<&'f T> {
        match found {
            Lookup::Found(item, body) => {
                self.case.uses(item).read_in(self.part, reading);
                return Some(body);
            }
            Lookup::Implied => {
                self.case.read_in(self.part, reading);
            }
            Lookup::Missing => {
                self.case.fault_in(self.part, reading, format!("{kind} {name} does not exist"));
            }
            Lookup::Unseen(reason) => {
                self.case.read_in(self.part, reading).unknown(reason);
            }
        }
        None
    }
}

fn keys(items: &[KeyToPath]) -> Vec<&str> {
    items.iter().map(|item| item.key.as_str()).collect()
}
