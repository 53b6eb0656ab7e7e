//! Lists that keep each entry once, in the order of arrival: thousands of pods of one template read the same.

use std::collections::{BTreeMap, BTreeSet};

use hexproof_core::observation::Reading;

/// Readings of one case.
#[derive(Debug, Default)]
pub(crate) struct Readings {
    kept: Vec<Reading>,
    places: BTreeMap<Key, Place>,
}

/// What makes two readings the same.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Key {
    fault: bool,
    container: String,
    /// The path; without the prefix that leads to the pod spec, so that a pod and its template compare.
    path: String,
    /// The object, for readings outside pod specs.
    object: Option<String>,
    value: Option<String>,
}

/// Where a reading is kept, and the object that read it last.
#[derive(Debug)]
struct Place {
    index: usize,
    object: String,
}

impl Readings {
    /// Whether nothing was read.
    pub(crate) fn is_empty(&self) -> bool {
        self.kept.is_empty()
    }

    /// Keeps a reading. `prefix` is the length of the path that leads to the pod spec; 0 outside pod specs. What
    /// another pod of the subject reads the same is counted, not repeated.
    pub(crate) fn keep(&mut self, reading: Reading, prefix: usize) {
        let key = Key {
            fault: reading.fault,
            container: reading.container.clone(),
            path: reading.path.get(prefix..).unwrap_or(&reading.path).to_owned(),
            object: (prefix == 0).then(|| reading.object.clone()),
            value: reading.value.as_ref().map(serde_json::Value::to_string),
        };
        match self.places.get_mut(&key) {
            // A pod may read one field for each of its containers.
            Some(place) if place.object == reading.object => {}
            Some(place) => {
                place.object.clone_from(&reading.object);
                if let Some(kept) = self.kept.get_mut(place.index) {
                    kept.alike += 1;
                }
            }
            None => {
                let place = Place { index: self.kept.len(), object: reading.object.clone() };
                self.places.insert(key, place);
                self.kept.push(reading);
            }
        }
    }

    /// The readings, in the order of arrival.
    pub(crate) fn into_vec(self) -> Vec<Reading> {
        self.kept
    }
}

/// Sentences, each once.
#[derive(Debug, Default)]
pub(crate) struct Sentences {
    kept: Vec<String>,
    seen: BTreeSet<String>,
}

impl Sentences {
    /// Keeps a sentence.
    pub(crate) fn keep(&mut self, sentence: String) {
        if self.seen.insert(sentence.clone()) {
            self.kept.push(sentence);
        }
    }

    /// Whether there are none.
    pub(crate) fn is_empty(&self) -> bool {
        self.kept.is_empty()
    }

    /// The sentences, in the order of arrival.
    pub(crate) fn into_vec(self) -> Vec<String> {
        self.kept
    }

    /// The sentences as one.
    pub(crate) fn join(self) -> String {
        self.kept.join("; ")
    }
}

impl FromIterator<String> for Sentences {
    fn from_iter<I: IntoIterator<Item = String>>(sentences: I) -> Self {
        let mut all = Self::default();
        sentences.into_iter().for_each(|sentence| all.keep(sentence));
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::verdict::reading;

    fn of(object: &str, path: &str) -> Reading {
        Reading { object: object.into(), ..reading(path, true) }
    }

    #[test]
    fn pods_that_read_like_their_template_are_counted_once_each() {
        let mut readings = Readings::default();
        let template = "spec.template.spec";
        readings.keep(of("", "spec.template.spec.hostPID"), template.len());
        for pod in ["Pod shop/a", "Pod shop/b"] {
            // Once for each of two containers.
            readings.keep(of(pod, "spec.hostPID"), "spec".len());
            readings.keep(of(pod, "spec.hostPID"), "spec".len());
        }
        let kept = readings.into_vec();
        assert_eq!(
            kept.iter().map(|r| (r.path.as_str(), r.alike)).collect::<Vec<_>>(),
            [("spec.template.spec.hostPID", 2)]
        );
    }

    #[test]
    fn another_value_fault_or_object_outside_pod_specs_is_another_reading() {
        let mut readings = Readings::default();
        readings.keep(of("Pod shop/a", "spec.hostPID"), 4);
        readings.keep(Reading { fault: true, ..of("Pod shop/a", "spec.hostPID") }, 4);
        readings.keep(Reading { value: Some(false.into()), ..of("Pod shop/a", "spec.hostPID") }, 4);
        readings.keep(of("PersistentVolume a", "spec.hostPath.path"), 0);
        readings.keep(of("PersistentVolume b", "spec.hostPath.path"), 0);
        assert_eq!(readings.into_vec().len(), 5);
    }

    #[test]
    fn sentences_stand_once_in_the_order_of_arrival() {
        let sentences: Sentences = ["b", "a", "b"].map(str::to_owned).into_iter().collect();
        assert_eq!(sentences.join(), "b; a");
    }
}
