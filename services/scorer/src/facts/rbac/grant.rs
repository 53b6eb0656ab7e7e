//! What a rule allows, matched as the RBAC authorizer matches it.

use hexproof_core::record::rbac::Rule;

/// Requests that a measure looks for.
#[derive(Debug, Clone, Copy)]
pub struct Grant {
    /// Verbs; `*` is any verb at all, one that ends with a colon any verb with that beginning.
    pub verbs: &'static [&'static str],
    /// API group of the resources.
    pub group: &'static str,
    /// Resources, with subresource; `userextras/*` is any subresource of them.
    pub resources: &'static [&'static str],
    /// What `resourceNames` change.
    pub names: Names,
    /// Where a grant has an effect.
    pub reach: Reach,
}

/// Whether a rule with `resourceNames` counts.
#[derive(Debug, Clone, Copy)]
pub enum Names {
    /// It counts all the same.
    Ignored,
    /// It does not count.
    Unrestricted,
    /// It counts if one of these is among the names.
    UnrestrictedOr(&'static [&'static str]),
}

/// Where a grant has an effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// Namespaced objects: everywhere by ClusterRoleBinding, in its namespace by RoleBinding.
    Namespaced,
    /// Cluster-scoped objects: by ClusterRoleBinding alone.
    Cluster,
    /// Namespaces: by ClusterRoleBinding, and by RoleBinding for its own one.
    Namespaces,
}

/// What a rule has of a grant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Match<'r> {
    /// Nothing.
    None,
    /// It names the resource in an API group of Kubernetes that has none of that name.
    WrongGroup,
    /// It is limited to harmless `resourceNames`.
    Named,
    /// It grants: the rule's own words for verbs and resources.
    Granted {
        /// Verbs, as the rule has them.
        verbs: Vec<&'r str>,
        /// Resources, as the rule has them.
        resources: Vec<&'r str>,
    },
}

/// API groups whose resources are known: one of another name does not exist there.
const BUILT_IN_GROUPS: &[&str] = &[
    "",
    "admissionregistration.k8s.io",
    "apiextensions.k8s.io",
    "apps",
    "authentication.k8s.io",
    "authorization.k8s.io",
    "batch",
    "certificates.k8s.io",
    "discovery.k8s.io",
    "networking.k8s.io",
    "policy",
    "rbac.authorization.k8s.io",
    "storage.k8s.io",
];

impl Grant {
    /// What `rule` has of this grant.
    pub fn matched<'r>(&self, rule: &'r Rule) -> Match<'r> {
        let mut resources = words(&rule.resources, |word| self.has_resource(word));
        let mut verbs = words(&rule.verbs, |word| self.has_verb(word));
        if resources.is_empty() || verbs.is_empty() {
            return Match::None;
        }
        if !rule.api_groups.iter().any(|group| group == "*" || group == self.group) {
            let known = rule.api_groups.iter().all(|group| BUILT_IN_GROUPS.contains(&group.as_str()));
            let named = resources.iter().any(|word| !word.starts_with('*'));
            return if known && named && !rule.api_groups.is_empty() {
                Match::WrongGroup
            } else {
                Match::None
            };
        }
        if rule.resource_names.is_empty() {
            return Match::Granted { verbs, resources };
        }
        let counts = match self.names {
            Names::Ignored => true,
            Names::Unrestricted => false,
            Names::UnrestrictedOr(names) => rule.resource_names.iter().any(|n| names.contains(&n.as_str())),
        };
        // The name of an object is not known while it is created: a rule with names never allows that. A
        // subresource is created on an object that has a name.
        if verbs.iter().all(|verb| *verb == "create") {
            resources.retain(|word| word.contains('/'));
        } else if resources.iter().all(|word| !word.contains('/') && *word != "*") {
            verbs.retain(|verb| *verb != "create");
        }
        if counts && !resources.is_empty() { Match::Granted { verbs, resources } } else { Match::Named }
    }

    fn has_verb(&self, word: &str) -> bool {
        word == "*"
            || self
                .verbs
                .iter()
                .any(|verb| *verb == "*" || *verb == word || (verb.ends_with(':') && word.starts_with(verb)))
    }

    fn has_resource(&self, word: &str) -> bool {
        word == "*"
            || self.resources.iter().any(|resource| match resource.strip_suffix('*') {
                Some(start) => word.starts_with(start) && word.len() > start.len(),
                None => {
                    *resource == word
                        || word
                            .strip_prefix("*/")
                            .is_some_and(|sub| resource.split_once('/').is_some_and(|(_, s)| s == sub))
                }
            })
    }
}

fn words(list: &[String], keep: impl Fn(&str) -> bool) -> Vec<&str> {
    list.iter().map(String::as_str).filter(|word| keep(word)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const EXEC: Grant = Grant {
        verbs: &["create", "get"],
        group: "",
        resources: &["pods/exec"],
        names: Names::Ignored,
        reach: Reach::Namespaced,
    };

    fn rule(groups: &[&str], resources: &[&str], verbs: &[&str], names: &[&str]) -> Rule {
        let texts = |list: &[&str]| list.iter().map(|text| (*text).to_owned()).collect();
        Rule {
            api_groups: texts(groups),
            resources: texts(resources),
            verbs: texts(verbs),
            resource_names: texts(names),
            non_resource_urls: Vec::new(),
        }
    }

    fn grants(grant: &Grant, rule: &Rule) -> bool {
        matches!(grant.matched(rule), Match::Granted { .. })
    }

    #[test]
    fn wildcards_match_groups_resources_subresources_and_verbs() {
        assert!(grants(&EXEC, &rule(&["*"], &["*"], &["*"], &[])));
        assert!(grants(&EXEC, &rule(&[""], &["*"], &["create"], &[])));
        assert!(grants(&EXEC, &rule(&[""], &["*/exec"], &["get"], &[])));
        // RBAC knows no such pattern: it names a subresource called `*`.
        assert!(!grants(&EXEC, &rule(&[""], &["pods/*"], &["*"], &[])));
        assert!(!grants(&EXEC, &rule(&[""], &["pods"], &["*"], &[])));
        assert!(!grants(&EXEC, &rule(&[""], &["*/log"], &["*"], &[])));
    }

    #[test]
    fn incomplete_rules_grant_nothing() {
        for empty in
            [rule(&[], &["*"], &["*"], &[]), rule(&["*"], &[], &["*"], &[]), rule(&["*"], &["*"], &[], &[])]
        {
            assert_eq!(EXEC.matched(&empty), Match::None);
        }
    }

    #[test]
    fn a_built_in_group_without_the_resource_is_told_from_a_custom_one() {
        assert_eq!(EXEC.matched(&rule(&["apps"], &["pods/exec"], &["get"], &[])), Match::WrongGroup);
        assert_eq!(EXEC.matched(&rule(&["example.com"], &["pods/exec"], &["get"], &[])), Match::None);
        assert_eq!(EXEC.matched(&rule(&["apps"], &["*"], &["get"], &[])), Match::None);
    }

    #[test]
    fn names_never_allow_to_create_an_object_but_do_allow_to_create_a_subresource() {
        let write = Grant { verbs: &["create", "update"], resources: &["pods"], ..EXEC };
        assert_eq!(write.matched(&rule(&[""], &["pods"], &["create"], &["a"])), Match::Named);
        let both = rule(&[""], &["pods"], &["create", "update"], &["a"]);
        assert_eq!(write.matched(&both), Match::Granted { verbs: vec!["update"], resources: vec!["pods"] });
        assert!(grants(&EXEC, &rule(&[""], &["pods/exec"], &["create"], &["a"])));
        let only = Grant { names: Names::UnrestrictedOr(&["b"]), ..EXEC };
        assert_eq!(only.matched(&rule(&[""], &["pods/exec"], &["get"], &["a"])), Match::Named);
        assert!(grants(&only, &rule(&[""], &["pods/exec"], &["get"], &["a", "b"])));
    }
}
