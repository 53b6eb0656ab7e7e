//! Annotations: the names of all, the values of a list, and even those without credentials.

use std::collections::BTreeSet;

use hexproof_core::{
    record::{Finding, Kind, derived::nginx_character},
    snapshot::Redaction,
};
use serde_json::{Map, Value};

use super::{path, patterns};

/// What kubectl leaves behind: the whole object as it was applied, Secrets included.
pub(super) const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";

/// Longest annotation value that is kept.
const LONGEST: usize = 2048;

/// Values kept by exact name.
const KEPT: [&str; 19] = [
    "kubernetes.io/config.mirror",
    "kubernetes.io/ingress.class",
    "ingressclass.kubernetes.io/is-default-class",
    "storageclass.kubernetes.io/is-default-class",
    "nginx.ingress.kubernetes.io/ssl-redirect",
    "nginx.ingress.kubernetes.io/force-ssl-redirect",
    "nginx.ingress.kubernetes.io/ssl-passthrough",
    "nginx.ingress.kubernetes.io/auth-url",
    "nginx.ingress.kubernetes.io/auth-tls-secret",
    "nginx.ingress.kubernetes.io/auth-tls-match-cn",
    "nginx.ingress.kubernetes.io/auth-tls-verify-client",
    "nginx.ingress.kubernetes.io/auth-secret",
    "nginx.ingress.kubernetes.io/proxy-ssl-secret",
    "nginx.ingress.kubernetes.io/mirror-target",
    "nginx.ingress.kubernetes.io/mirror-host",
    "kubernetes.azure.com/tls-cert-keyvault-uri",
    "azure.workload.identity/client-id",
    "config.linkerd.io/default-inbound-policy",
    "argocd.argoproj.io/tracking-id",
];

/// Values kept by the beginning of the name.
const KEPT_PREFIXES: [&str; 3] = [
    "seccomp.security.alpha.kubernetes.io/",
    "container.seccomp.security.alpha.kubernetes.io/",
    "container.apparmor.security.beta.kubernetes.io/",
];

/// Annotations whose value becomes part of the configuration of nginx.
const INTO_NGINX: [&str; 4] = ["auth-url", "auth-tls-match-cn", "mirror-target", "mirror-host"];

/// Flags of k3s and RKE2 whose value is kept; of others the name stays.
const NODE_FLAGS: [&str; 5] =
    ["--secrets-encryption", "--disable-network-policy", "--flannel-backend", "--data-dir", "--disable"];

/// Replaces the values that are not kept by null.
pub(super) fn redact(annotations: &mut Value, kind: Kind, named: &BTreeSet<String>, counts: &mut Redaction) {
    let Value::Object(annotations) = annotations else { return };
    for (name, value) in annotations.iter_mut() {
        let kept = match value {
            Value::String(text) => kept(name, text, kind, named),
            // A wrong type stays for the decoder to name; null is no value.
            Value::Null => continue,
            Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => continue,
        };
        match kept {
            Some(text) => *value = Value::String(text),
            None => {
                counts.annotation_values += 1;
                *value = Value::Null;
            }
        }
    }
}

fn kept(name: &str, value: &str, kind: Kind, named: &BTreeSet<String>) -> Option<String> {
    if value.len() > LONGEST || patterns::credential(value).is_some() {
        return None;
    }
    if name == "k3s.io/node-args" {
        return Some(node_flags(value));
    }
    if KEPT.contains(&name) {
        return Some(without_url_secrets(value));
    }
    if KEPT_PREFIXES.iter().any(|prefix| name.starts_with(prefix)) || says_owner(name) || named.contains(name)
    {
        return Some(value.to_owned());
    }
    let of_service = name.starts_with("service.beta.kubernetes.io/") || is_azure(name);
    (kind == Kind::Service && of_service).then(|| value.to_owned())
}

fn is_azure(name: &str) -> bool {
    name.rsplit_once('/').map_or(name, |(_, name)| name).starts_with("azure-")
}

fn says_owner(name: &str) -> bool {
    let last = name.rsplit_once('/').map_or(name, |(_, last)| last);
    matches!(last, "owner" | "team" | "contact")
}

/// A URL without user information and query; any other text as it is.
fn without_url_secrets(value: &str) -> String {
    let Some((scheme, rest)) = value.split_once("://") else { return value.to_owned() };
    let rest = rest.split(['?', '#']).next().unwrap_or_default();
    let (authority, path) = rest.split_once('/').map_or((rest, None), |(a, p)| (a, Some(p)));
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    match path {
        Some(path) => format!("{scheme}://{host}/{path}"),
        None => format!("{scheme}://{host}"),
    }
}

/// The flags of a node's command line (a JSON list): values of known harmless ones only.
fn node_flags(value: &str) -> String {
    let words: Vec<String> = serde_json::from_str(value).unwrap_or_default();
    let mut kept: Vec<String> = Vec::new();
    let mut harmless = false;
    for word in words {
        if word.starts_with('-') {
            let (flag, value) = word.split_once('=').map_or((word.as_str(), None), |(f, v)| (f, Some(v)));
            harmless = NODE_FLAGS.contains(&flag);
            match value {
                Some(_) if harmless => kept.push(word),
                Some(_) | None => kept.push(flag.to_owned()),
            }
        } else if std::mem::take(&mut harmless) {
            kept.push(word);
        }
    }
    serde_json::to_string(&kept).unwrap_or_default()
}

/// Credentials in annotation values. What kubectl last applied is left out: it repeats the object.
pub(super) fn credentials(annotations: &Map<String, Value>, at: &str, found: &mut Vec<Finding>) {
    for (name, value) in annotations {
        let Value::String(text) = value else { continue };
        if name == LAST_APPLIED {
            continue;
        }
        if let Some(detector) = patterns::credential(text) {
            found.push(Finding {
                path: path::member(at, name),
                key: name.clone(),
                detector: detector.to_owned(),
            });
        }
    }
}

/// Characters with which a value could leave its place in the configuration of nginx.
pub(super) fn nginx_characters(annotations: &Map<String, Value>, found: &mut Vec<Finding>) {
    for (name, value) in annotations {
        let (Some(short), Value::String(text)) = (name.strip_prefix("nginx.ingress.kubernetes.io/"), value)
        else {
            continue;
        };
        if !INTO_NGINX.contains(&short) {
            continue;
        }
        let mut seen: Vec<&str> = text.chars().filter_map(nginx_character).collect();
        seen.sort_unstable();
        seen.dedup();
        found.extend(seen.into_iter().map(|character| Finding {
            path: path::member("metadata.annotations", name),
            key: name.clone(),
            detector: character.to_owned(),
        }));
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_listed_values_stay_and_never_their_credentials() {
        let mut annotations = json!({
            LAST_APPLIED: "{\"data\":\"hunter2\"}",
            "example.com/owner": "team-a",
            "nginx.ingress.kubernetes.io/auth-url": "https://u:p@auth.example/check?token=hunter2",
            "nginx.ingress.kubernetes.io/mirror-target": "https://auth.example/check?token=hunter2",
            "kubernetes.io/ingress.class": "nginx",
            "k3s.io/node-args": "[\"server\",\"--token\",\"hunter2\",\"--flannel-backend\",\"none\",\"--agent-token=hunter2\"]",
            "service.beta.kubernetes.io/azure-load-balancer-internal": "true",
            "team": "ghp_hunter2",
            "n": null,
        });
        let mut counts = Redaction::default();
        redact(&mut annotations, Kind::Ingress, &BTreeSet::new(), &mut counts);
        assert_eq!(
            annotations,
            json!({
                LAST_APPLIED: null,
                "example.com/owner": "team-a",
                "nginx.ingress.kubernetes.io/auth-url": null,
                "nginx.ingress.kubernetes.io/mirror-target": "https://auth.example/check",
                "kubernetes.io/ingress.class": "nginx",
                "k3s.io/node-args": "[\"--token\",\"--flannel-backend\",\"none\",\"--agent-token\"]",
                "service.beta.kubernetes.io/azure-load-balancer-internal": null,
                "team": null,
                "n": null,
            })
        );
        assert_eq!(counts.annotation_values, 4);
    }
}
