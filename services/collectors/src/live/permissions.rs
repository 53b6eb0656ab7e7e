//! What the collector may do: asked of the server, which knows its own authorizers best.
//!
//! Whether a list may be read is asked list by list (SelfSubjectAccessReview). What else the collector may do is told by
//! namespace alone (SelfSubjectRulesReview): a right in the whole cluster shows in every namespace.

use std::collections::{BTreeMap, BTreeSet};

use futures::{FutureExt as _, StreamExt as _, future::BoxFuture, stream};
use hexproof_core::permissions::{Permission, Permissions};
use serde_json::{Value, json};

use super::{
    LiveOptions, SecretsMode,
    api::{Api, Refusal},
    discovery::Resource,
    retry::Patience,
    text,
};
use crate::input::yaml::printable;

const ACCESS: &str = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews";
const RULES: &str = "/apis/authorization.k8s.io/v1/selfsubjectrulesreviews";
/// Rights beyond the need that are named; whoever has more has everything.
const NAMED: usize = 200;
/// Longest name that is kept.
const LONGEST: usize = 253;
/// Reviews of oneself, which every caller may make, by group.
const REVIEWS: [(&str, &str); 4] = [
    ("authentication.k8s.io", "selfsubjectreviews"),
    ("authorization.k8s.io", "selfsubjectaccessreviews"),
    ("authorization.k8s.io", "selfsubjectrulesreviews"),
    ("authorization.k8s.io", "localsubjectaccessreviews"),
];
/// Parts of objects that do something even when they are read.
const ACTING: [&str; 4] = ["/exec", "/attach", "/portforward", "/proxy"];

/// Asks what the collector may do; nothing of a recording, which has no such answers.
pub(super) async fn ask(
    api: &Api,
    resources: &[Resource],
    options: LiveOptions,
    patience: &Patience,
) -> Option<Permissions> {
    let Api::Live(client) = api else { return None };
    let mut permissions = Permissions::default();
    let mut unanswered = BTreeSet::new();
    // Boxed: a stream over closures that borrow cannot be sent to another thread.
    let questions: Vec<BoxFuture<'_, _>> =
        resources.iter().map(|resource| may_list(api, resource, options, patience).boxed()).collect();
    let answers: Vec<_> = stream::iter(questions).buffered(options.parallel.max(1)).collect().await;
    for (resource, answer) in resources.iter().zip(answers) {
        let right = Permission {
            api_group: resource.group.clone(),
            resource: resource.plural.clone(),
            verb: "list".to_owned(),
            namespace: String::new(),
        };
        match answer {
            Ok(true) => permissions.granted.push(right),
            Ok(false) => permissions.refused.push(right),
            Err(refusal) => drop(unanswered.insert(format!("whether lists may be read: {}", refusal.reason))),
        }
    }
    let own = client.default_namespace();
    let namespaces: BTreeSet<String> =
        [own, "default", "kube-system"].into_iter().filter(|n| !n.is_empty()).map(str::to_owned).collect();
    let mut found: BTreeMap<Permission, BTreeSet<String>> = BTreeMap::new();
    let mut asked = 0;
    for namespace in namespaces {
        match rules(api, &namespace, options, patience).await {
            Ok(status) => {
                asked += 1;
                if status.get("incomplete").and_then(Value::as_bool) == Some(true) {
                    let why = shown(&text(&status, "/evaluationError"));
                    let why =
                        if why.is_empty() { "the server cannot tell all of them".to_owned() } else { why };
                    unanswered.insert(format!("rules in namespace {namespace} are not complete: {why}"));
                }
                for right in beyond_need(&status, options.secrets) {
                    found.entry(right).or_default().insert(namespace.clone());
                }
            }
            Err(refusal) => {
                unanswered.insert(format!("rules in namespace {namespace}: {}", refusal.reason));
            }
        }
    }
    for (right, places) in found {
        if places.len() == asked {
            permissions.excess.push(right);
        } else {
            let within = |namespace| Permission { namespace, ..right.clone() };
            permissions.excess.extend(places.into_iter().map(within));
        }
    }
    let (named, all) = (NAMED, permissions.excess.len());
    if all > named {
        permissions.excess.truncate(named);
        unanswered.insert(format!("{} further rights beyond the need are not named", all - named));
    }
    permissions.granted.sort();
    permissions.refused.sort();
    permissions.unanswered = unanswered.into_iter().take(50).collect();
    Some(permissions)
}

async fn may_list(
    api: &Api,
    resource: &Resource,
    options: LiveOptions,
    patience: &Patience,
) -> Result<bool, Refusal> {
    let review = json!({"apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectAccessReview",
        "spec": {"resourceAttributes":
            {"verb": "list", "group": resource.group, "version": resource.version, "resource": resource.plural}}});
    let answer = reviewed(api, ACCESS, &review, options, patience).await?;
    let allowed = answer.pointer("/status/allowed").and_then(Value::as_bool);
    allowed.ok_or_else(|| Refusal::fault("the answer does not say"))
}

async fn rules(
    api: &Api,
    namespace: &str,
    options: LiveOptions,
    patience: &Patience,
) -> Result<Value, Refusal> {
    let review = json!({"apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectRulesReview",
        "spec": {"namespace": namespace}});
    let answer = reviewed(api, RULES, &review, options, patience).await?;
    answer.get("status").cloned().ok_or_else(|| Refusal::fault("the answer does not say"))
}

async fn reviewed(
    api: &Api,
    path: &str,
    review: &Value,
    options: LiveOptions,
    patience: &Patience,
) -> Result<Value, Refusal> {
    let body = serde_json::to_vec(review).unwrap_or_default();
    let ask = || async { api.review(path, body.clone(), options.request_timeout).await?.json().await };
    patience.ask(ask).await
}

/// The rights of a rules review that the collector does not need.
fn beyond_need(status: &Value, secrets: SecretsMode) -> BTreeSet<Permission> {
    let mut found = BTreeSet::new();
    for rule in members(status, "resourceRules") {
        for verb in words(rule, "verbs") {
            for group in words(rule, "apiGroups") {
                for resource in words(rule, "resources") {
                    // The answer of one server is not worth unbounded memory.
                    if found.len() > 4 * NAMED {
                        return found;
                    }
                    if is_beyond(verb, group, resource, secrets) {
                        found.insert(right(group, resource, verb));
                    }
                }
            }
        }
    }
    for rule in members(status, "nonResourceRules") {
        for verb in words(rule, "verbs").filter(|verb| !matches!(*verb, "get" | "head" | "options")) {
            for path in words(rule, "nonResourceURLs").take(NAMED) {
                let path = if path.starts_with('/') { path.to_owned() } else { format!("/{path}") };
                found.insert(right("", &path, verb));
            }
        }
    }
    found
}

fn is_beyond(verb: &str, group: &str, resource: &str, secrets: SecretsMode) -> bool {
    let is_secrets = matches!(group, "" | "*") && matches!(resource, "secrets" | "*");
    match verb {
        "get" | "list" | "watch" => {
            let acts = verb == "get"
                && (ACTING.iter().any(|part| resource.ends_with(part))
                    || resource == "*" && matches!(group, "" | "*"));
            let reads_secrets = is_secrets
                && match secrets {
                    SecretsMode::Keys => false,
                    // Metadata comes by lists, and no right to list can be had for metadata alone.
                    SecretsMode::Metadata => verb != "list",
                    SecretsMode::None => true,
                };
            acts || reads_secrets
        }
        "create" => !REVIEWS.contains(&(group, resource)),
        _ => true,
    }
}

fn right(group: &str, resource: &str, verb: &str) -> Permission {
    Permission {
        api_group: shown(group),
        resource: shown(resource),
        verb: shown(verb),
        namespace: String::new(),
    }
}

fn shown(text: &str) -> String {
    printable(&text.chars().take(LONGEST).collect::<String>())
}

fn members<'v>(value: &'v Value, key: &str) -> &'v [Value] {
    value.get(key).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
}

fn words<'v>(value: &'v Value, key: &str) -> impl Iterator<Item = &'v str> {
    members(value, key).iter().filter_map(Value::as_str)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_changes_acts_or_reads_secrets_is_beyond_the_need() {
        let beyond = |verb, group, resource| is_beyond(verb, group, resource, SecretsMode::Metadata);
        for (verb, group, resource) in [
            ("create", "", "pods"),
            ("patch", "apps", "deployments"),
            ("*", "example.com", "widgets"),
            ("escalate", "rbac.authorization.k8s.io", "clusterroles"),
            ("impersonate", "", "users"),
            ("get", "", "pods/exec"),
            ("get", "", "nodes/proxy"),
            ("get", "*", "*"),
            ("get", "", "secrets"),
            ("watch", "", "secrets"),
            ("create", "authorization.k8s.io", "subjectaccessreviews"),
        ] {
            assert!(beyond(verb, group, resource), "{verb} {group}/{resource}");
        }
        for (verb, group, resource) in [
            ("list", "", "secrets"),
            ("list", "*", "*"),
            ("get", "", "pods"),
            ("watch", "apps", "deployments"),
            ("create", "authorization.k8s.io", "selfsubjectaccessreviews"),
            ("create", "authentication.k8s.io", "selfsubjectreviews"),
        ] {
            assert!(!beyond(verb, group, resource), "{verb} {group}/{resource}");
        }
        assert!(is_beyond("list", "", "secrets", SecretsMode::None));
        assert!(!is_beyond("get", "", "secrets", SecretsMode::Keys));
    }
}
