//! What several measures of this layer share.

use hexproof_core::observation::Subject;
use hexproof_core::record::Meta;

use crate::facts::{Facts, NamespaceFacts};
use crate::verdict::{Case, Report};

/// The reason for namespaces of the platform.
pub(super) const SYSTEM: &str = "a namespace of the platform";

/// A case on a namespace, whether its object is there or it is only named.
pub(super) fn namespace_case(name: &str, facts: Option<&NamespaceFacts<'_>>) -> Case {
    match facts.and_then(|facts| facts.item) {
        Some(item) => Case::of(item),
        None => Case::on(subject("Namespace", "", name), None),
    }
}

/// A subject of the core group that may not be among the records.
pub(super) fn subject(kind: &str, namespace: &str, name: &str) -> Subject {
    Subject {
        kind: kind.into(),
        namespace: namespace.into(),
        name: name.into(),
        api_version: "v1".into(),
        ..Subject::default()
    }
}

/// Judges every user namespace that holds pods or workloads; the others are not applicable.
pub(super) fn each_user_namespace<'f>(
    report: &mut Report<'_, 'f>,
    mut judge: impl FnMut(&mut Case, &NamespaceFacts<'f>, &Facts<'f>),
) {
    let facts = report.facts;
    let gap = facts.pods_not_listed();
    for namespace in facts.namespaces() {
        let mut case = namespace_case(namespace.name, Some(namespace));
        if namespace.system {
            case.not_applicable(SYSTEM);
        } else if !namespace.workloads.is_empty() {
            judge(&mut case, namespace, facts);
        } else if let Some(gap) = &gap {
            case.unknown(gap.as_str());
        } else {
            case.not_applicable("it holds no pods or workloads");
        }
        report.push(case);
    }
}

/// Names in one sentence: the first few, and how many more.
pub(super) fn some_of(names: &[String]) -> String {
    const SHOWN: usize = 5;
    let shown = names.get(..SHOWN.min(names.len())).unwrap_or_default().join(", ");
    match names.len().saturating_sub(SHOWN) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}

/// The class of an Ingress: the field, else the older annotation.
pub(super) fn ingress_class<'i>(field: Option<&'i String>, meta: &'i Meta) -> Option<&'i str> {
    field
        .map(String::as_str)
        .or_else(|| meta.annotation("kubernetes.io/ingress.class"))
        .filter(|c| !c.is_empty())
}

/// Whether `pattern`, a host name that may begin with `*.`, covers `host`: a star stands for one label.
pub(super) fn covers(pattern: &str, host: &str) -> bool {
    if pattern.eq_ignore_ascii_case(host) {
        return true;
    }
    match (pattern.strip_prefix("*."), host.split_once('.')) {
        (Some(domain), Some((label, rest))) => label != "*" && domain.eq_ignore_ascii_case(rest),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_stands_for_one_label() {
        assert!(covers("*.example.com", "a.example.com"));
        assert!(covers("*.example.com", "*.example.com"));
        assert!(!covers("*.example.com", "a.b.example.com"));
        assert!(!covers("*.example.com", "example.com"));
        assert!(!covers("*.com", "*.example.com"));
        assert!(!covers("*.example.com", "*.b.example.com"));
    }
}
