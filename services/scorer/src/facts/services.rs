//! Which Services select a pod.

use std::collections::BTreeMap;

use hexproof_core::record::Kind;
use hexproof_core::record::network::Service;
use hexproof_core::record::selector::Labels;

use super::{Facts, Item};

/// Namespace and one label that a selector asks for.
type Asked<'f> = (&'f str, &'f str, &'f str);

/// The Services of a cluster by what they select. One without selector, or of type ExternalName, selects nothing.
#[derive(Debug, Default)]
pub struct ServiceIndex<'f> {
    /// By the first label of the selector, so that a pod is compared with few Services.
    by_label: BTreeMap<Asked<'f>, Vec<(Item<'f>, &'f Service)>>,
}

impl<'f> ServiceIndex<'f> {
    /// Indexes the Services.
    pub fn new(facts: &Facts<'f>) -> Self {
        let mut index = Self::default();
        for (item, service) in facts.all::<Service>(Kind::Service) {
            if service.spec.r#type.as_deref() == Some("ExternalName") {
                continue;
            }
            if let Some((key, value)) = service.spec.selector.first_key_value() {
                index.by_label.entry((item.namespace(), key, value)).or_default().push((item, service));
            }
        }
        index
    }

    /// The Services of `namespace` that select a pod with `labels`.
    pub fn selecting<'a>(
        &'a self,
        namespace: &'a str,
        labels: &'a Labels,
    ) -> impl Iterator<Item = (Item<'f>, &'f Service)> + 'a {
        labels
            .iter()
            .filter_map(move |(key, value)| self.by_label.get(&(namespace, key.as_str(), value.as_str())))
            .flatten()
            .filter(|(_, service)| {
                service.spec.selector.iter().all(|(key, value)| labels.get(key) == Some(value))
            })
            .copied()
    }
}
