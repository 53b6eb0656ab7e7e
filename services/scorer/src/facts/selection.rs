//! Pods and templates by their labels, so that a selector need not look at every pod.

use std::collections::BTreeMap;

use hexproof_core::record::Kind;
use hexproof_core::record::selector::{Labels, Selector};

use super::{Facts, Item, Part, Workload};

/// Namespace, name and value of a label.
type LabelKey<'f> = (&'f str, &'f str, &'f str);

/// Places of pods (workload, part) by label.
#[derive(Debug, Default)]
pub(super) struct PodIndex<'f>(BTreeMap<LabelKey<'f>, Vec<(usize, usize)>>);

impl<'f> PodIndex<'f> {
    fn new(workloads: &[Workload<'f>]) -> Self {
        let mut index = Self::default();
        for (place, workload) in workloads.iter().enumerate() {
            for (at, part) in workload.parts.iter().enumerate() {
                for (name, value) in part.labels {
                    let key = (part.item.namespace(), name.as_str(), value.as_str());
                    index.0.entry(key).or_default().push((place, at));
                }
            }
        }
        index
    }

    /// The shortest list that holds every pod with these labels; `None` if no label is asked for.
    fn candidates<'i>(&'i self, namespace: &'i str, labels: &'i Labels) -> Option<&'i [(usize, usize)]> {
        labels
            .iter()
            .map(|(name, value)| {
                self.0.get(&(namespace, name.as_str(), value.as_str())).map_or(&[][..], Vec::as_slice)
            })
            .min_by_key(|list| list.len())
    }
}

impl<'f> Facts<'f> {
    /// The pods and templates of a namespace that a selector selects.
    pub fn pods_selected<'s>(
        &'s self,
        namespace: &'s str,
        selector: &'s Selector,
    ) -> Box<dyn Iterator<Item = (&'s Workload<'f>, &'s Part<'f>)> + 's> {
        let labels = match selector {
            Selector::Labels { match_labels, .. } => match_labels,
            Selector::Plain(map) if map.is_empty() => return Box::new(std::iter::empty()),
            Selector::Plain(map) => map,
        };
        let index = self.pod_index.get_or_init(|| PodIndex::new(&self.workloads));
        match index.candidates(namespace, labels) {
            Some(places) => Box::new(places.iter().filter_map(move |(place, at)| {
                let workload = self.workloads.get(*place)?;
                let part = workload.parts.get(*at)?;
                selector.matches(part.labels).then_some((workload, part))
            })),
            None => Box::new(
                self.workloads_in(namespace)
                    .flat_map(|workload| workload.parts.iter().map(move |part| (workload, part)))
                    .filter(|(_, part)| selector.matches(part.labels)),
            ),
        }
    }

    /// A custom resource of a manifest set that carries the labels itself: its operator makes the pods, and they
    /// are not in the set.
    pub fn custom_resource_selected(&self, namespace: &str, selector: &Selector) -> Option<Item<'f>> {
        if !self.is_manifests() || selector.is_empty() {
            return None;
        }
        let custom = |item: &&Item<'f>| {
            let group = item.record.group();
            group.contains('.') && !group.ends_with(".k8s.io")
        };
        self.items(Kind::Other)
            .iter()
            .filter(custom)
            .find(|item| item.namespace() == namespace && selector.matches(&item.record.metadata.labels))
            .copied()
    }

    /// Why the pods and workloads of the cluster are not all known; `None` if they are.
    pub fn pods_not_listed(&self) -> Option<String> {
        crate::measures::WORKLOADS.iter().find_map(|kind| self.not_listed(*kind))
    }
}
