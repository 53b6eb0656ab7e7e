//! What the configuration grants, and what of it counts for one call.
//!
//! A person may be an operator of one cluster and an auditor of another. Roles and scopes must not mix then: for each
//! call only the grants count that give a role which the call asks for.

use std::collections::BTreeSet;

use hexproof_core::access::{Authentication, Caller, Clusters, Role, Scope};
use hexproof_core::id::ClusterId;
use jiff::Timestamp;
use serde::de::{Error as _, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};

use crate::AccessError;
use crate::policy::{Callers, fitting};

/// Roles for clusters and a period.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grant {
    /// The roles.
    pub roles: BTreeSet<Role>,
    /// Where and when they count.
    pub scope: Scope,
}

/// The part of a grant that stands in the configuration whoever it is for.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct GrantConfig {
    /// A group of the OpenID provider, compared exactly. Either this, `subject` or `service_account` is set.
    #[serde(default)]
    pub group: Option<String>,
    /// One person or program, by the subject that the log shows, compared exactly.
    #[serde(default)]
    pub subject: Option<String>,
    /// A Kubernetes service account as `namespace/name`, compared exactly.
    #[serde(default)]
    pub service_account: Option<String>,
    /// What it is there for: `collector`, `operator`, `auditor`, `admin`.
    pub roles: BTreeSet<Role>,
    /// The clusters: a list of ids, or the word `all`.
    #[serde(deserialize_with = "clusters")]
    pub clusters: Clusters,
    /// Evidence made before this instant is out of reach.
    #[serde(default)]
    pub from: Option<Timestamp>,
    /// Evidence made at or after this instant is out of reach.
    #[serde(default)]
    pub until: Option<Timestamp>,
}

impl GrantConfig {
    /// The grant.
    ///
    /// # Errors
    /// No role; a period that ends before it begins; the role collector together with another role or for anything
    /// but exactly one cluster. `place` names the grant in messages.
    pub fn grant(&self, place: &str) -> Result<Grant, AccessError> {
        let wrong = |reason: &str| Err(AccessError::config(place, reason));
        if self.roles.is_empty() {
            return wrong("names no role");
        }
        if matches!((self.from, self.until), (Some(from), Some(until)) if from >= until) {
            return wrong("ends before it begins: `from` must be before `until`");
        }
        let one = matches!(&self.clusters, Clusters::Only(clusters) if clusters.len() == 1);
        if self.roles.contains(&Role::Collector) && (self.roles.len() > 1 || !one) {
            return wrong("the role `collector` stands alone, for exactly one cluster");
        }
        let scope = Scope { clusters: self.clusters.clone(), from: self.from, until: self.until };
        Ok(Grant { roles: self.roles.clone(), scope })
    }
}

fn clusters<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Clusters, D::Error> {
    struct Read;
    impl<'de> Visitor<'de> for Read {
        type Value = Clusters;

        fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("a list of cluster ids, or the word `all`")
        }

        fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Clusters, E> {
            match text {
                "all" => Ok(Clusters::All),
                _ => Err(E::invalid_value(serde::de::Unexpected::Str(text), &self)),
            }
        }

        fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Clusters, A::Error> {
            let mut clusters = BTreeSet::new();
            while let Some(text) = list.next_element::<String>()? {
                clusters.insert(text.parse::<ClusterId>().map_err(A::Error::custom)?);
            }
            Ok(Clusters::Only(clusters))
        }
    }
    deserializer.deserialize_any(Read)
}

/// Somebody whose identity was proved, with all that is granted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// Names the person or program.
    pub subject: String,
    /// How it was known.
    pub authentication: Authentication,
    /// It is the service itself.
    pub server: bool,
    /// What is granted.
    pub grants: Vec<Grant>,
}

impl Identity {
    /// The caller of one call: the roles that the call asks for, within the scope of the grants that give them.
    /// `None` if the caller may not call.
    pub fn caller(&self, callers: Callers) -> Option<Caller> {
        let caller = |roles, scope| Caller {
            subject: self.subject.clone(),
            authentication: self.authentication,
            roles,
            scope,
        };
        match callers {
            Callers::Anyone | Callers::Authenticated => {
                let roles = self.grants.iter().flat_map(|grant| grant.roles.iter().copied()).collect();
                // What asks for no role shows no evidence either.
                Some(caller(roles, Scope::none()))
            }
            Callers::Server => self.server.then(|| caller(BTreeSet::new(), Scope::ALL)),
            Callers::Link => None,
            Callers::Roles(_) | Callers::Everywhere(_) => {
                let mut roles = BTreeSet::new();
                let mut scopes = Vec::new();
                for grant in &self.grants {
                    let fitting = fitting(callers, &grant.roles);
                    if !fitting.is_empty() {
                        roles.extend(fitting);
                        scopes.push(&grant.scope);
                    }
                }
                let scope = union(&scopes)?;
                let all = scope == Scope::ALL;
                let fits = !matches!(callers, Callers::Everywhere(_)) || all;
                fits.then(|| caller(roles, scope))
            }
        }
    }
}

/// One scope for several: all their clusters. A scope has one period; where the periods differ, the part that they have
/// in common counts, so that no grant reaches further through another. `None` for no scope at all.
fn union(scopes: &[&Scope]) -> Option<Scope> {
    // A scope within another one adds nothing and must not narrow it.
    let mut widest: Vec<&Scope> = Vec::new();
    for &scope in scopes {
        if !widest.iter().any(|wide| holds(wide, scope)) {
            widest.retain(|narrow| !holds(scope, narrow));
            widest.push(scope);
        }
    }
    let (first, rest) = widest.split_first()?;
    Some(rest.iter().fold((*first).clone(), |sum, scope| Scope {
        clusters: match (&sum.clusters, &scope.clusters) {
            (Clusters::Only(a), Clusters::Only(b)) => Clusters::Only(a.union(b).cloned().collect()),
            (Clusters::All, _) | (_, Clusters::All) => Clusters::All,
        },
        from: sum.from.max(scope.from),
        until: match (sum.until, scope.until) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        },
    }))
}

/// Whether all that `inner` admits is admitted by `outer`.
fn holds(outer: &Scope, inner: &Scope) -> bool {
    let clusters = match (&outer.clusters, &inner.clusters) {
        (Clusters::All, _) => true,
        (Clusters::Only(_), Clusters::All) => false,
        (Clusters::Only(outer), Clusters::Only(inner)) => inner.is_subset(outer),
    };
    let from = outer.from.is_none_or(|outer| inner.from.is_some_and(|inner| inner >= outer));
    let until = outer.until.is_none_or(|outer| inner.until.is_some_and(|inner| inner <= outer));
    clusters && from && until
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grant(role: Role, cluster: &str) -> Grant {
        Grant { roles: BTreeSet::from([role]), scope: Scope::cluster(cluster.parse().unwrap()) }
    }

    fn person(grants: Vec<Grant>) -> Identity {
        let subject = "ann".to_owned();
        Identity { subject, authentication: Authentication::Oidc, server: false, grants }
    }

    #[test]
    fn a_role_of_one_cluster_is_none_of_another() {
        let ann = person(vec![grant(Role::Operator, "shop"), grant(Role::Auditor, "bank")]);
        let caller = ann.caller(Callers::Roles(&[Role::Auditor, Role::Admin])).unwrap();
        assert_eq!(caller.roles, BTreeSet::from([Role::Auditor]));
        assert_eq!(caller.scope, Scope::cluster("bank".parse().unwrap()));
        let both = ann.caller(Callers::Roles(&[Role::Auditor, Role::Operator])).unwrap();
        assert!(both.scope.admits(&"shop".parse().unwrap()) && both.scope.admits(&"bank".parse().unwrap()));
        assert_eq!(ann.caller(Callers::Roles(&[Role::Admin])), None);
        assert_eq!(ann.caller(Callers::Everywhere(&[Role::Operator])), None);
        assert_eq!(ann.caller(Callers::Server), None);
        assert_eq!(ann.caller(Callers::Link), None);
        assert_eq!(person(vec![]).caller(Callers::Roles(&Role::ALL)), None);
    }

    #[test]
    fn periods_never_widen_each_other() {
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        let mut early = grant(Role::Auditor, "shop");
        early.scope.until = Some(at("2026-06-01T00:00:00Z"));
        let mut late = grant(Role::Auditor, "bank");
        late.scope.from = Some(at("2026-03-01T00:00:00Z"));
        let callers = Callers::Roles(&[Role::Auditor]);
        let shop: ClusterId = "shop".parse().unwrap();
        let both = person(vec![early.clone(), late]).caller(callers).unwrap().scope;
        assert!(both.admits_at(&shop, at("2026-04-01T00:00:00Z")));
        assert!(!both.admits_at(&shop, at("2026-07-01T00:00:00Z")));
        // A grant within another one takes nothing away from it.
        let wide = Grant { roles: BTreeSet::from([Role::Auditor]), scope: Scope::ALL };
        let scope = person(vec![early, wide]).caller(callers).unwrap().scope;
        assert_eq!(scope, Scope::ALL);
    }

    #[test]
    fn grants_that_cannot_be_meant_are_refused() {
        let read = |value| serde_json::from_value::<GrantConfig>(value);
        let good = serde_json::json!({"group": "a", "roles": ["auditor"], "clusters": ["shop"]});
        assert!(read(good).unwrap().grant("g").is_ok());
        for wrong in [
            serde_json::json!({"group": "a", "roles": ["auditor"]}),
            serde_json::json!({"group": "a", "roles": ["auditor"], "clusters": "every"}),
            serde_json::json!({"group": "a", "roles": ["auditor"], "clusters": ["*"]}),
            serde_json::json!({"group": "a", "roles": ["root"], "clusters": "all"}),
            serde_json::json!({"group": "a", "roles": ["auditor"], "clusters": "all", "form": "x"}),
        ] {
            assert!(read(wrong.clone()).is_err(), "{wrong}");
        }
        for wrong in [
            serde_json::json!({"group": "a", "roles": [], "clusters": "all"}),
            serde_json::json!({"group": "a", "roles": ["collector"], "clusters": "all"}),
            serde_json::json!({"group": "a", "roles": ["collector", "auditor"], "clusters": ["shop"]}),
            serde_json::json!({"group": "a", "roles": ["auditor"], "clusters": "all",
                "from": "2026-02-01T00:00:00Z", "until": "2026-01-01T00:00:00Z"}),
        ] {
            assert!(read(wrong.clone()).unwrap().grant("g").is_err(), "{wrong}");
        }
    }
}
