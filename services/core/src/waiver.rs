//! Waivers: failures that somebody accepted for a time. [`lifecycle`] has the rules by which they come to count.

pub mod lifecycle;

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use crate::measure::MeasureId;

/// One entry of a waiver file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Waiver {
    /// A name to cite; made from the position in the file if absent.
    #[serde(default)]
    pub id: String,
    /// The measure whose failures are accepted.
    pub measure: MeasureId,
    /// The subjects whose failures are accepted.
    pub subject: SubjectSelector,
    /// Why the failure is accepted.
    pub reason: String,
    /// What limits the risk meanwhile.
    pub compensating_control: String,
    /// Who answers for the risk.
    pub owner: String,
    /// Who approved; must be another person than the owner.
    pub approver: String,
    /// The last day on which the waiver counts (UTC).
    pub expiry: Date,
}

/// Picks subjects. An absent field matches everything; `*` at the end of a name matches any rest.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct SubjectSelector {
    /// Kind of the subject.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// Namespace of the subject.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    /// Name of the subject.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
}

impl SubjectSelector {
    /// Whether a subject is picked.
    pub fn matches(&self, kind: &str, namespace: &str, name: &str) -> bool {
        matches_pattern(self.kind.as_deref(), kind)
            && matches_pattern(self.namespace.as_deref(), namespace)
            && matches_pattern(self.name.as_deref(), name)
    }

    /// Whether everything is picked: too wide for a statement about risk.
    pub fn is_empty(&self) -> bool {
        self.kind.is_none() && self.namespace.is_none() && self.name.is_none()
    }
}

/// `None` matches all; a final `*` matches any rest; anything else is compared whole.
fn matches_pattern(pattern: Option<&str>, text: &str) -> bool {
    match pattern {
        None => true,
        Some(pattern) => match pattern.strip_suffix('*') {
            Some(start) => text.starts_with(start),
            None => pattern == text,
        },
    }
}

impl std::fmt::Display for SubjectSelector {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let part = |value: &Option<String>| value.clone().unwrap_or_else(|| "*".into());
        write!(f, "{} {}/{}", part(&self.kind), part(&self.namespace), part(&self.name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn absent_fields_match_all_and_a_star_matches_the_rest() {
        let selector =
            SubjectSelector { namespace: Some("shop".into()), name: Some("web-*".into()), kind: None };
        assert!(selector.matches("Deployment", "shop", "web-1"));
        assert!(!selector.matches("Deployment", "shop", "api"));
        assert!(!selector.matches("Deployment", "shop-2", "web-1"));
    }
}
