//! Label selectors, in both forms the API knows.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Labels of an object.
pub type Labels = BTreeMap<String, String>;

/// One requirement of a label selector.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Requirement {
    pub key: String,
    pub operator: String,
    #[serde(
        default,
        deserialize_with = "super::lenient::null_is_absent",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub values: Vec<String>,
}

impl Requirement {
    fn matches(&self, labels: &Labels) -> bool {
        let value = labels.get(&self.key);
        match self.operator.as_str() {
            "In" => value.is_some_and(|v| self.values.contains(v)),
            "NotIn" => value.is_none_or(|v| !self.values.contains(v)),
            "Exists" => value.is_some(),
            "DoesNotExist" => value.is_none(),
            _ => false,
        }
    }
}

/// A label selector: `matchLabels` and `matchExpressions` (meta/v1 LabelSelector), or the plain map of
/// Services and ReplicationControllers. Empty matches everything in the first form and nothing in the second.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Selector {
    /// meta/v1 LabelSelector.
    Labels { match_labels: Labels, match_expressions: Vec<Requirement> },
    /// A plain map of labels.
    Plain(Labels),
}

impl Selector {
    /// Whether an object with `labels` is selected.
    pub fn matches(&self, labels: &Labels) -> bool {
        match self {
            Self::Labels { match_labels, match_expressions } => {
                contains(labels, match_labels) && match_expressions.iter().all(|r| r.matches(labels))
            }
            Self::Plain(map) => !map.is_empty() && contains(labels, map),
        }
    }

    /// Whether no label is asked for.
    pub fn is_empty(&self) -> bool {
        match self {
            Self::Labels { match_labels, match_expressions } => {
                match_labels.is_empty() && match_expressions.is_empty()
            }
            Self::Plain(map) => map.is_empty(),
        }
    }
}

fn contains(labels: &Labels, wanted: &Labels) -> bool {
    wanted.iter().all(|(key, value)| labels.get(key) == Some(value))
}

impl Default for Selector {
    fn default() -> Self {
        Self::Labels { match_labels: Labels::new(), match_expressions: Vec::new() }
    }
}

impl Serialize for Selector {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use serde::ser::SerializeMap as _;
        match self {
            Self::Plain(map) => map.serialize(serializer),
            Self::Labels { match_labels, match_expressions } => {
                let mut map = serializer.serialize_map(None)?;
                if !match_labels.is_empty() {
                    map.serialize_entry("matchLabels", match_labels)?;
                }
                if !match_expressions.is_empty() {
                    map.serialize_entry("matchExpressions", match_expressions)?;
                }
                map.end()
            }
        }
    }
}

impl<'de> Deserialize<'de> for Selector {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // A label may itself be called matchLabels; its value is then a text and not a map.
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Entry {
            Text(String),
            Labels(Labels),
            Requirements(Vec<Requirement>),
            Null(()),
        }
        let entries = BTreeMap::<String, Entry>::deserialize(deserializer)?;
        let mut plain = Labels::new();
        let mut match_labels = Labels::new();
        let mut match_expressions = Vec::new();
        for (key, entry) in entries {
            match (key.as_str(), entry) {
                (_, Entry::Text(value)) => {
                    plain.insert(key, value);
                }
                ("matchLabels", Entry::Labels(labels)) => match_labels = labels,
                ("matchExpressions", Entry::Requirements(list)) => match_expressions = list,
                // Unknown fields are dropped, as everywhere in the allow-list.
                (_, Entry::Labels(_) | Entry::Requirements(_) | Entry::Null(())) => {}
            }
        }
        Ok(if plain.is_empty() {
            Self::Labels { match_labels, match_expressions }
        } else {
            Self::Plain(plain)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(pairs: &[(&str, &str)]) -> Labels {
        pairs.iter().map(|(k, v)| ((*k).into(), (*v).into())).collect()
    }

    #[test]
    fn both_forms_are_read_and_matched() {
        let plain: Selector = serde_json::from_str(r#"{"app":"web"}"#).unwrap();
        let full: Selector = serde_json::from_str(
            r#"{"matchLabels":{"app":"web"},"matchExpressions":[{"key":"tier","operator":"NotIn","values":["db"]}]}"#,
        )
        .unwrap();
        assert!(plain.matches(&labels(&[("app", "web"), ("x", "y")])));
        assert!(full.matches(&labels(&[("app", "web")])));
        assert!(!full.matches(&labels(&[("app", "web"), ("tier", "db")])));
    }

    #[test]
    fn an_empty_selector_selects_all_and_an_unknown_operator_nothing() {
        assert!(Selector::default().matches(&Labels::new()));
        let odd = Requirement { key: "a".into(), operator: "Near".into(), values: vec![] };
        assert!(!odd.matches(&labels(&[("a", "b")])));
    }
}
