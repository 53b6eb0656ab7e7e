//! Which lists a server has, and which of them show the same objects.

use std::time::Duration;

use hexproof_core::population::NotListed;
use serde_json::Value;

use super::{
    api::{Api, DISCOVERY, JSON, Refusal},
    retry::Patience,
};

/// A list to read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Resource {
    pub(super) group: String,
    pub(super) version: String,
    pub(super) kind: String,
    pub(super) plural: String,
}

impl Resource {
    pub(super) fn api_version(&self) -> String {
        if self.group.is_empty() { self.version.clone() } else { format!("{}/{}", self.group, self.version) }
    }

    pub(super) fn path(&self) -> String {
        if self.group.is_empty() {
            format!("/api/{}/{}", self.version, self.plural)
        } else {
            format!("/apis/{}/{}/{}", self.group, self.version, self.plural)
        }
    }
}

/// What a server serves.
#[derive(Debug, Default)]
pub(super) struct Served {
    /// The lists to read, each object once.
    pub(super) resources: Vec<Resource>,
    /// Lists of the same objects under another name: `apiVersion`, kind, and as what they are read.
    pub(super) same: Vec<(String, String, String)>,
    /// Groups that are there but did not answer.
    pub(super) missing: Vec<NotListed>,
}

/// Resources that old servers show in two groups; the second one is read where both are there.
const MOVED: [(&str, &str, &str); 6] = [
    ("", "events", "events.k8s.io"),
    ("extensions", "deployments", "apps"),
    ("extensions", "daemonsets", "apps"),
    ("extensions", "replicasets", "apps"),
    ("extensions", "ingresses", "networking.k8s.io"),
    ("extensions", "networkpolicies", "networking.k8s.io"),
];

struct Version {
    group: String,
    version: String,
    resources: Result<Vec<(String, String)>, String>,
}

/// Asks for everything served. A group that does not answer is named, and does not hide the others.
pub(super) async fn discover(api: &Api, timeout: Duration, patience: &Patience) -> Result<Served, Refusal> {
    let mut versions = Vec::new();
    for root in ["/api", "/apis"] {
        let ask = || async { api.get(root, DISCOVERY, timeout).await?.json().await };
        let answer = patience.ask(ask).await?;
        if answer.get("kind").and_then(Value::as_str) == Some("APIGroupDiscoveryList") {
            versions.extend(aggregated(&answer));
        } else {
            versions.extend(one_by_one(api, root, &answer, timeout, patience).await);
        }
    }
    Ok(plan(versions))
}

fn aggregated(answer: &Value) -> Vec<Version> {
    let mut out = Vec::new();
    for group in members(answer, "items") {
        let name = group.pointer("/metadata/name").and_then(Value::as_str).unwrap_or_default();
        for version in members(group, "versions") {
            let stale = version.get("freshness").and_then(Value::as_str) == Some("Stale");
            let found = members(version, "resources").iter().filter(|resource| lists(resource)).filter_map(
                |resource| {
                    let kind = resource.pointer("/responseKind/kind")?.as_str()?;
                    Some((resource.get("resource")?.as_str()?.to_owned(), kind.to_owned()))
                },
            );
            out.push(Version {
                group: name.to_owned(),
                version: text(version, "version"),
                // The resources of a stale group may be gone or changed; none is no proof of none.
                resources: if stale {
                    Err("the API server could not reach the service behind this API group".to_owned())
                } else {
                    Ok(found.collect())
                },
            });
        }
    }
    out
}

/// Servers before 1.26, and proxies that do not know the aggregated form.
async fn one_by_one(
    api: &Api,
    root: &str,
    answer: &Value,
    timeout: Duration,
    patience: &Patience,
) -> Vec<Version> {
    let mut names: Vec<(String, String)> = Vec::new();
    for version in members(answer, "versions").iter().filter_map(Value::as_str) {
        names.push((String::new(), version.to_owned()));
    }
    for group in members(answer, "groups") {
        let preferred =
            group.pointer("/preferredVersion/version").and_then(Value::as_str).unwrap_or_default();
        let mut versions: Vec<String> =
            members(group, "versions").iter().map(|v| text(v, "version")).collect();
        versions.sort_by_key(|version| version != preferred);
        names.extend(versions.into_iter().map(|version| (text(group, "name"), version)));
    }
    let mut out = Vec::new();
    for (group, version) in names {
        let path =
            if group.is_empty() { format!("{root}/{version}") } else { format!("{root}/{group}/{version}") };
        let ask = || async { api.get(&path, JSON, timeout).await?.json().await };
        let resources = patience.ask(ask).await.map_err(|refusal| refusal.reason).map(|answer| {
            let listed = members(&answer, "resources").iter().filter(|resource| lists(resource));
            listed.map(|resource| (text(resource, "name"), text(resource, "kind"))).collect()
        });
        out.push(Version { group, version, resources });
    }
    out
}

/// Takes each resource from the version its group prefers.
fn plan(versions: Vec<Version>) -> Served {
    let mut served = Served::default();
    for Version { group, version, resources } in versions {
        let resources = match resources {
            Ok(resources) => resources,
            Err(reason) => {
                let api_version = if group.is_empty() { version } else { format!("{group}/{version}") };
                served.missing.push(NotListed { api_version, reason, ..NotListed::default() });
                continue;
            }
        };
        for (plural, kind) in resources {
            // Subresources have no list of their own; a slash in a name would also leave the path.
            if !is_name(&plural)
                || !is_name(&group) && !group.is_empty()
                || !is_name(&version)
                || kind.is_empty()
            {
                continue;
            }
            let resource = Resource { group: group.clone(), version: version.clone(), kind, plural };
            let before =
                served.resources.iter().find(|r| r.group == resource.group && r.plural == resource.plural);
            match before {
                Some(before) => {
                    served.same.push((resource.api_version(), resource.kind, before.api_version()))
                }
                None => served.resources.push(resource),
            }
        }
    }
    for (group, plural, moved_to) in MOVED {
        let find = |group: &str| served.resources.iter().position(|r| r.group == group && r.plural == plural);
        if let (Some(old), Some(new)) = (find(group), find(moved_to)) {
            let other = served.resources.get(new).map(Resource::api_version).unwrap_or_default();
            let old = served.resources.remove(old);
            served.same.push((old.api_version(), old.kind, other));
        }
    }
    served
}

fn is_name(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.'))
}

fn lists(resource: &Value) -> bool {
    members(resource, "verbs").iter().any(|verb| verb == "list")
}

fn members<'v>(value: &'v Value, key: &str) -> &'v [Value] {
    value.get(key).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
}

fn text(value: &Value, key: &str) -> String {
    value.get(key).and_then(Value::as_str).unwrap_or_default().to_owned()
}
