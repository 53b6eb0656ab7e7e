//! The scenario and the router that plays it.

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    path::Path,
    sync::{Arc, Mutex, MutexGuard},
};

use axum::{
    Router,
    body::Body,
    extract::{Request, State},
    response::{IntoResponse, Response},
};
use http::{StatusCode, header};
use serde_json::{Value, json};

use crate::{
    faults::{self, Fault},
    lists,
    replay::Replay,
};

/// A request that was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    /// Method.
    pub method: String,
    /// Path with its query.
    pub path: String,
    /// `Accept` header.
    pub accept: String,
    /// `User-Agent` header.
    pub agent: String,
    /// Body of a review; nothing where there is none.
    pub review: Option<Value>,
}

/// A resource with its objects.
#[derive(Debug, Clone, Default)]
pub struct Served {
    /// `apiVersion` of the objects.
    pub api_version: String,
    /// Kind of the objects.
    pub kind: String,
    /// Name of the resource in paths.
    pub plural: String,
    /// The objects, in the order of the list.
    pub objects: Vec<Value>,
}

#[derive(Debug, Default)]
struct Scenario {
    served: Vec<Served>,
    stale: Vec<(String, String)>,
    faults: BTreeMap<String, Fault>,
    /// How often a counted fault was played, by resource.
    played: BTreeMap<String, u32>,
    asked: Vec<Asked>,
    legacy_discovery: bool,
    unauthorized: bool,
    /// Rules beyond those that everybody has: namespace (every one, if empty) and rule.
    rules: Vec<(String, Value)>,
    without_reviews: bool,
    replay: Option<Replay>,
}

/// An API server that plays a scenario.
#[derive(Debug, Clone, Default)]
pub struct FakeCluster {
    scenario: Arc<Mutex<Scenario>>,
}

impl FakeCluster {
    /// A server without any resource.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// A server that gives the recorded answers of a folder, and 404 for everything else.
    ///
    /// # Errors
    /// An index that cannot be read.
    pub fn replaying(folder: &Path) -> std::io::Result<Self> {
        let cluster = Self::new();
        cluster.scenario().replay = Some(Replay::open(folder)?);
        Ok(cluster)
    }

    /// Serves a resource, empty until objects of its kind are added.
    #[must_use]
    pub fn serving(self, api_version: &str, kind: &str, plural: &str) -> Self {
        self.scenario().served.push(Served {
            api_version: api_version.to_owned(),
            kind: kind.to_owned(),
            plural: plural.to_owned(),
            objects: Vec::new(),
        });
        self
    }

    /// Adds an object to the resource of its kind, which is served from now on. The plural is that
    /// of regular kinds unless [`FakeCluster::serving`] gave another one.
    #[must_use]
    pub fn with(self, object: Value) -> Self {
        let text = |key: &str| object[key].as_str().unwrap_or_default().to_owned();
        let (api_version, kind) = (text("apiVersion"), text("kind"));
        let known = |s: &Served| s.api_version == api_version && s.kind == kind;
        if !self.scenario().served.iter().any(known) {
            let plural = plural(&kind);
            return self.serving(&api_version, &kind, &plural).with(object);
        }
        if let Some(served) = self.scenario().served.iter_mut().find(|s| known(s)) {
            served.objects.push(object);
        }
        self
    }

    /// Marks an API group as one whose server cannot be reached.
    #[must_use]
    pub fn with_stale_group(self, group: &str, version: &str) -> Self {
        self.scenario().stale.push((group.to_owned(), version.to_owned()));
        self
    }

    /// Answers requests for a resource (by its plural) with a fault.
    #[must_use]
    pub fn failing(self, plural: &str, fault: Fault) -> Self {
        self.scenario().faults.insert(plural.to_owned(), fault);
        self
    }

    /// Answers list requests of a resource with 403.
    #[must_use]
    pub fn forbidding(self, plural: &str) -> Self {
        self.failing(plural, Fault::Forbidden)
    }

    /// Tells of a right when the caller asks for its rules in `namespace`; in every one, if that is empty.
    #[must_use]
    pub fn allowing(self, namespace: &str, verbs: &[&str], group: &str, resources: &[&str]) -> Self {
        let rule = json!({"verbs": verbs, "apiGroups": [group], "resources": resources});
        self.scenario().rules.push((namespace.to_owned(), rule));
        self
    }

    /// Answers reviews of what the caller may do with 403.
    #[must_use]
    pub fn without_reviews(self) -> Self {
        self.scenario().without_reviews = true;
        self
    }

    /// Answers every request with 401.
    #[must_use]
    pub fn refusing_everybody(self) -> Self {
        self.scenario().unauthorized = true;
        self
    }

    /// Speaks discovery as servers before 1.26 do.
    #[must_use]
    pub fn with_legacy_discovery(self) -> Self {
        self.scenario().legacy_discovery = true;
        self
    }

    /// The requests so far.
    #[must_use]
    pub fn asked(&self) -> Vec<Asked> {
        self.scenario().asked.clone()
    }

    /// The requests so far for paths that hold `part`.
    #[must_use]
    pub fn asked_for(&self, part: &str) -> Vec<Asked> {
        self.asked().into_iter().filter(|asked| asked.path.contains(part)).collect()
    }

    /// The server as a service, to be called without a socket.
    pub fn router(&self) -> Router {
        Router::new().fallback(answer).with_state(self.clone())
    }

    /// The server behind a socket of its own; it ends with the runtime.
    ///
    /// # Errors
    /// No free port.
    pub async fn listen(&self) -> std::io::Result<SocketAddr> {
        let listener = tokio::net::TcpListener::bind((std::net::Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let router = self.router();
        tokio::spawn(async move { axum::serve(listener, router).await });
        Ok(address)
    }

    fn scenario(&self) -> MutexGuard<'_, Scenario> {
        // A test that panicked while it held the lock has failed already.
        self.scenario.lock().unwrap_or_else(|poison| poison.into_inner())
    }
}

fn plural(kind: &str) -> String {
    let lower = kind.to_lowercase();
    match lower.strip_suffix('y') {
        Some(stem) if !stem.ends_with(['a', 'e', 'o', 'u']) => format!("{stem}ies"),
        _ if lower.ends_with("ss") => format!("{lower}es"),
        _ if lower.ends_with('s') => lower,
        _ => format!("{lower}s"),
    }
}

async fn answer(State(cluster): State<FakeCluster>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let body = axum::body::to_bytes(body, 1 << 20).await.unwrap_or_default();
    let header = |name| {
        let value = parts.headers.get(name).and_then(|value| value.to_str().ok());
        value.unwrap_or_default().to_owned()
    };
    let asked = Asked {
        method: parts.method.to_string(),
        path: parts.uri.to_string(),
        accept: header(header::ACCEPT),
        agent: header(header::USER_AGENT),
        review: serde_json::from_slice(&body).ok(),
    };
    let (answer, wait) = cluster.scenario().answer(&asked);
    if let Some(wait) = wait {
        tokio::time::sleep(wait).await;
    }
    answer
}

impl Scenario {
    fn answer(&mut self, asked: &Asked) -> (Response, Option<std::time::Duration>) {
        self.asked.push(asked.clone());
        let (path, query) = asked.path.split_once('?').unwrap_or((&asked.path, ""));
        if self.unauthorized {
            return (faults::status(StatusCode::UNAUTHORIZED, "Unauthorized", "Unauthorized"), None);
        }
        if let Some(replay) = &self.replay {
            return (replay.answer(asked), None);
        }
        let aggregated = asked.accept.contains("APIGroupDiscoveryList") && !self.legacy_discovery;
        let body = match path {
            "/version" => json!({"major": "1", "minor": "36", "gitVersion": "v1.36.2"}),
            "/apis/authentication.k8s.io/v1/selfsubjectreviews" if asked.method == "POST" => {
                json!({"kind": "SelfSubjectReview", "apiVersion": "authentication.k8s.io/v1",
                    "status": {"userInfo": {"username": "auditor", "groups": ["system:authenticated"]}}})
            }
            "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
            | "/apis/authorization.k8s.io/v1/selfsubjectrulesreviews"
                if asked.method == "POST" && self.without_reviews =>
            {
                let message = "selfsubjectreviews is forbidden";
                return (faults::status(StatusCode::FORBIDDEN, "Forbidden", message), None);
            }
            "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews" if asked.method == "POST" => {
                self.access_review(asked)
            }
            "/apis/authorization.k8s.io/v1/selfsubjectrulesreviews" if asked.method == "POST" => {
                self.rules_review(asked)
            }
            "/api" | "/apis" if aggregated => self.aggregated(path == "/api"),
            "/api" => json!({"kind": "APIVersions", "versions": ["v1"]}),
            "/apis" => self.groups(),
            _ => return self.resource(asked, path, query),
        };
        (axum::Json(body).into_response(), None)
    }

    /// Whether the caller may list: all that is served and not forbidden.
    fn access_review(&self, asked: &Asked) -> Value {
        let review = asked.review.clone().unwrap_or_default();
        let text = |key: &str| review["spec"]["resourceAttributes"][key].as_str().unwrap_or_default();
        let forbidden = matches!(self.faults.get(text("resource")), Some(Fault::Forbidden));
        json!({"kind": "SelfSubjectAccessReview", "apiVersion": "authorization.k8s.io/v1",
            "status": {"allowed": text("verb") == "list" && !forbidden}})
    }

    /// What everybody may do, and the rules of the scenario.
    fn rules_review(&self, asked: &Asked) -> Value {
        let review = asked.review.clone().unwrap_or_default();
        let namespace = review["spec"]["namespace"].as_str().unwrap_or_default();
        let mut rules = vec![
            json!({"verbs": ["create"], "apiGroups": ["authorization.k8s.io"],
                "resources": ["selfsubjectaccessreviews", "selfsubjectrulesreviews"]}),
            json!({"verbs": ["create"], "apiGroups": ["authentication.k8s.io"],
                "resources": ["selfsubjectreviews"]}),
        ];
        let here = self.rules.iter().filter(|(of, _)| of.is_empty() || of == namespace);
        rules.extend(here.map(|(_, rule)| rule.clone()));
        json!({"kind": "SelfSubjectRulesReview", "apiVersion": "authorization.k8s.io/v1",
            "status": {"resourceRules": rules, "incomplete": false,
                "nonResourceRules": [{"verbs": ["get"], "nonResourceURLs": ["/api", "/api/*", "/version"]}]}})
    }

    fn aggregated(&self, core: bool) -> Value {
        let mut groups: BTreeMap<String, BTreeMap<String, Vec<&Served>>> = BTreeMap::new();
        for served in &self.served {
            let (group, version) = split(&served.api_version);
            groups.entry(group.to_owned()).or_default().entry(version.to_owned()).or_default().push(served);
        }
        let mut items: Vec<Value> = Vec::new();
        for (group, versions) in groups.iter().filter(|(group, _)| group.is_empty() == core) {
            // Newest first, as the server orders them by preference.
            let versions: Vec<Value> = versions
                .iter()
                .rev()
                .map(|(version, served)| {
                    let resources: Vec<Value> = served
                        .iter()
                        .map(|s| {
                            json!({"resource": s.plural, "scope": "Namespaced",
                        "responseKind": {"group": "", "version": "", "kind": s.kind},
                        "verbs": ["get", "list", "watch"]})
                        })
                        .collect();
                    json!({"version": version, "freshness": "Current", "resources": resources})
                })
                .collect();
            items.push(json!({"metadata": {"name": group}, "versions": versions}));
        }
        if !core {
            items.extend(self.stale.iter().map(|(group, version)| {
                json!({"metadata": {"name": group},
                "versions": [{"version": version, "freshness": "Stale"}]})
            }));
        }
        json!({"kind": "APIGroupDiscoveryList", "apiVersion": "apidiscovery.k8s.io/v2", "items": items})
    }

    fn groups(&self) -> Value {
        let served = self.served.iter().map(|served| split(&served.api_version));
        let stale = self.stale.iter().map(|(group, version)| (group.as_str(), version.as_str()));
        let mut groups: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for (group, version) in served.chain(stale).filter(|(group, _)| !group.is_empty()) {
            let versions = groups.entry(group).or_default();
            if !versions.contains(&version) {
                versions.insert(0, version);
            }
        }
        let groups: Vec<Value> = groups
            .into_iter()
            .map(|(group, versions)| {
                json!({"name": group, "preferredVersion": {"version": versions.first()},
                "versions": versions.iter().map(|v| json!({"version": v})).collect::<Vec<_>>()})
            })
            .collect();
        json!({"kind": "APIGroupList", "apiVersion": "v1", "groups": groups})
    }

    fn resource(
        &mut self,
        asked: &Asked,
        path: &str,
        query: &str,
    ) -> (Response, Option<std::time::Duration>) {
        let at = |served: &Served| match served.api_version.split_once('/') {
            Some((group, version)) => format!("/apis/{group}/{version}"),
            None => format!("/api/{}", served.api_version),
        };
        let resources: Vec<Value> = self
            .served
            .iter()
            .filter(|served| at(served) == path)
            .map(|s| json!({"name": s.plural, "kind": s.kind, "namespaced": true, "verbs": ["get", "list"]}))
            .collect();
        if !resources.is_empty() {
            let list = json!({"kind": "APIResourceList", "resources": resources});
            return (axum::Json(list).into_response(), None);
        }
        if self.stale.iter().any(|(group, version)| path == format!("/apis/{group}/{version}")) {
            return ((StatusCode::SERVICE_UNAVAILABLE, "service unavailable\n").into_response(), None);
        }
        let Some(served) =
            self.served.iter().find(|served| format!("{}/{}", at(served), served.plural) == path).cloned()
        else {
            return ((StatusCode::NOT_FOUND, "404 page not found\n").into_response(), None);
        };
        let parameter = |name: &str| {
            query
                .split('&')
                .find_map(|pair| pair.split_once('=').filter(|(key, _)| *key == name))
                .map(|(_, value)| value)
        };
        let limit = parameter("limit").and_then(|limit| limit.parse().ok()).unwrap_or(usize::MAX);
        let token = parameter("continue").unwrap_or_default();
        let metadata_only = asked.accept.contains("as=PartialObjectMetadataList");
        self.list(&served, limit, token, metadata_only)
    }

    fn list(
        &mut self,
        served: &Served,
        limit: usize,
        token: &str,
        metadata_only: bool,
    ) -> (Response, Option<std::time::Duration>) {
        let start = if token.is_empty() { 0 } else { lists::start_of(token).unwrap_or(0) };
        let mut page = lists::page(served, start, limit, metadata_only);
        let played = self.played.entry(served.plural.clone()).or_default();
        let mut wait = None;
        let answer = match self.faults.get(&served.plural) {
            None => None,
            Some(Fault::Forbidden) => {
                let message = format!(
                    "{} is forbidden: User \"auditor\" cannot list resource \"{}\"",
                    served.plural, served.plural
                );
                Some(faults::status(StatusCode::FORBIDDEN, "Forbidden", &message))
            }
            Some(Fault::Unauthorized) => {
                Some(faults::status(StatusCode::UNAUTHORIZED, "Unauthorized", "Unauthorized"))
            }
            Some(Fault::NotFound) => Some((StatusCode::NOT_FOUND, "404 page not found\n").into_response()),
            Some(Fault::MethodNotAllowed) => {
                let message = "the server does not allow this method on the requested resource";
                Some(faults::status(StatusCode::METHOD_NOT_ALLOWED, "MethodNotAllowed", message))
            }
            Some(Fault::Unavailable(times)) => (*played < *times).then(|| {
                *played += 1;
                (StatusCode::SERVICE_UNAVAILABLE, "service unavailable\n").into_response()
            }),
            Some(Fault::Throttled(times)) => (*played < *times).then(|| {
                *played += 1;
                (StatusCode::TOO_MANY_REQUESTS, [(header::RETRY_AFTER, "0")], "too many requests\n")
                    .into_response()
            }),
            Some(Fault::Expired { times, resumable }) => (!token.is_empty() && *played < *times).then(|| {
                *played += 1;
                let resume = format!("resumed-{}", lists::token(start));
                faults::expired(resumable.then_some(resume.as_str()))
            }),
            Some(Fault::Silent(time)) => {
                wait = Some(*time);
                None
            }
            Some(Fault::Stalled) => Some(faults::stalled(&page.to_string())),
            Some(Fault::Truncated) => {
                let text = page.to_string();
                let half = text.get(..text.len() / 2).unwrap_or_default().to_owned();
                Some(faults::json_bytes(Body::from(half)))
            }
            Some(Fault::Garbage) => Some(faults::json_bytes(Body::from("\u{1}\u{2}garbage{{{"))),
            Some(Fault::Html) => {
                let page = "<html><body>Please log in</body></html>";
                Some(([(header::CONTENT_TYPE, "text/html")], page).into_response())
            }
            Some(Fault::Endless) => {
                *played += 1;
                page["metadata"]["continue"] = format!("{played}-{}", lists::token(0)).into();
                None
            }
            Some(Fault::SameToken) => {
                page["metadata"]["continue"] = lists::token(0).into();
                None
            }
            Some(Fault::EndlessItems) => Some(faults::endless_items(&served.kind, &served.api_version)),
            Some(Fault::Missing(missing)) => {
                page["metadata"]["remainingItemCount"] = (*missing).into();
                None
            }
            Some(Fault::IgnoresLimit) => {
                page = lists::page(served, 0, usize::MAX, metadata_only);
                None
            }
        };
        (answer.unwrap_or_else(|| axum::Json(page).into_response()), wait)
    }
}

fn split(api_version: &str) -> (&str, &str) {
    api_version.split_once('/').unwrap_or(("", api_version))
}
