//! A live cluster, or the recording of one, read through its API.
//!
//! `api` asks and names refusals, `discovery` says which lists there are, `list` reads one page by
//! page, `permissions` what the collector may do, `meter` how far it is, `retry` holds the patience, `recording` answers from a folder, `connect` finds the server.
//! Only GET requests and reviews of the caller itself are made; nothing is ever changed.

mod api;
mod connect;
mod discovery;
mod list;
mod meter;
mod permissions;
mod recording;
mod retry;

use std::{sync::Arc, time::Duration};

use hexproof_core::snapshot::{Source, State};
use serde_json::{Value, json};
use tokio::{sync::Semaphore, task::JoinSet, time::Instant};

pub use api::Api;
pub use connect::{Connected, Target, connect};
pub use meter::Meter;
pub use recording::Recording;

use crate::{
    collection::{ClusterFacts, Collection, add, finish},
    error::CollectError,
    limits::Limits,
    redact::Redactor,
    tally::Tally,
};
use api::Refusal;
use list::{Listed, Lister};
use retry::Patience;

/// What is asked of Secrets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum SecretsMode {
    /// Whole Secrets are read; type, key names and public certificate facts are kept.
    #[default]
    Keys,
    /// Only metadata is asked for: whether a key is there is then unknown.
    Metadata,
    /// They are not asked for at all, and the population says so.
    None,
}

/// How a cluster is read.
#[derive(Debug, Clone, Copy)]
pub struct LiveOptions {
    /// What is asked of Secrets.
    pub secrets: SecretsMode,
    /// Objects asked for at a time.
    pub page_size: u32,
    /// Longest wait for the beginning of an answer, and for the next piece of it.
    pub request_timeout: Duration,
    /// Longest time for one page.
    pub page_timeout: Duration,
    /// Longest time for the whole collection.
    pub deadline: Duration,
    /// Times a question is asked while the fault may pass.
    pub tries: u32,
    /// Lists read at the same time.
    pub parallel: usize,
    /// Bounds of single objects.
    pub limits: Limits,
}

impl Default for LiveOptions {
    fn default() -> Self {
        Self {
            secrets: SecretsMode::default(),
            page_size: 500,
            request_timeout: Duration::from_secs(30),
            page_timeout: Duration::from_secs(120),
            deadline: Duration::from_secs(1800),
            tries: 4,
            parallel: 4,
            limits: Limits::default(),
        }
    }
}

/// Reads everything a server lists: known kinds by their allow-list, all others by metadata.
///
/// What the server refuses, list by list, is part of the population.
///
/// # Errors
/// A server that does not answer at all, or refuses the question what it serves.
pub async fn collect_cluster(
    api: &Api,
    redactor: &Redactor,
    options: LiveOptions,
) -> Result<Collection, CollectError> {
    collect_cluster_metered(api, redactor, options, &Arc::default()).await
}

/// Reads as [`collect_cluster`] does, and counts on `meter` what is read.
///
/// # Errors
/// Those of [`collect_cluster`].
pub async fn collect_cluster_metered(
    api: &Api,
    redactor: &Redactor,
    options: LiveOptions,
    meter: &Arc<Meter>,
) -> Result<Collection, CollectError> {
    let patience = Patience { tries: options.tries, until: Instant::now() + options.deadline };
    let mut cluster = ClusterFacts::default();
    let version =
        patience.ask(|| question(api, "/version", options.request_timeout)).await.map_err(unanswered)?;
    cluster.version = text(&version, "/gitVersion");
    cluster.identity = identity(api, options.request_timeout, &patience).await;
    let served = discovery::discover(api, options.request_timeout, &patience).await.map_err(unanswered)?;

    let permissions = permissions::ask(api, &served.resources, options, &patience).await;

    let lister = Arc::new(Lister {
        api: api.clone(),
        redactor: Arc::new(redactor.clone()),
        options,
        patience,
        meter: meter.clone(),
    });
    let turns = Arc::new(Semaphore::new(options.parallel.max(1)));
    let mut lists = JoinSet::new();
    for (index, resource) in served.resources.iter().cloned().enumerate() {
        let (lister, turns) = (lister.clone(), turns.clone());
        lists.spawn(async move {
            // The semaphore is never closed; without a turn the list is read all the same.
            let _turn = turns.acquire().await.ok();
            (index, lister.list(&resource).await)
        });
    }
    let mut done: Vec<(usize, Listed)> = Vec::with_capacity(served.resources.len());
    while let Some(list) = lists.join_next().await {
        done.push(list.map_err(|error| CollectError::Stopped { reason: error.to_string() })?);
    }
    // In the order of discovery, whichever list was read first.
    done.sort_by_key(|(index, _)| *index);

    let mut tally = Tally::default();
    let mut records = Vec::new();
    let mut redaction = hexproof_core::snapshot::Redaction::default();
    for (_, mut listed) in done {
        records.append(&mut listed.records);
        tally.append(listed.tally);
        add(&mut redaction, &listed.redaction);
    }
    for missing in served.missing {
        tally.not_listed(missing);
    }
    for (api_version, kind, other) in &served.same {
        tally.served_as(api_version, kind, other);
    }
    let population = tally.finish();
    let origin = match api {
        Api::Live(_) => Source::Live,
        Api::Recorded(_) => Source::Recording,
    };
    let state = match (records.is_empty(), population.is_complete()) {
        (_, true) => State::Complete,
        (false, false) => State::Partial,
        (true, false) => State::Refused,
    };
    let reason = match population.not_listed.as_slice() {
        [] => String::new(),
        [_] => "1 list is missing or not whole".to_owned(),
        lists => format!("{} lists are missing or not whole", lists.len()),
    };
    let collection = finish(records, population, redaction, origin, cluster, state, reason);
    Ok(Collection { permissions, ..collection })
}

/// The UID of namespace kube-system, by which a cluster is known; nothing where the server does not show it.
///
/// # Errors
/// A server that does not answer, or refuses.
pub async fn cluster_uid(api: &Api, options: LiveOptions) -> Result<Option<String>, CollectError> {
    let patience = Patience { tries: options.tries, until: Instant::now() + options.deadline };
    // A list with a selector: reading one object by name would take another right.
    let path = "/api/v1/namespaces?fieldSelector=metadata.name%3Dkube-system&limit=500";
    let list = patience.ask(|| question(api, path, options.request_timeout)).await.map_err(unanswered)?;
    let items = list.get("items").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let found = items.iter().find(|item| text(item, "/metadata/name") == "kube-system");
    Ok(found.map(|item| text(item, "/metadata/uid")).filter(|uid| !uid.is_empty()))
}

async fn question(api: &Api, path: &str, timeout: Duration) -> Result<Value, Refusal> {
    api.get(path, api::JSON, timeout).await?.json().await
}

/// Who the server takes the collector for; empty where it does not say.
async fn identity(api: &Api, timeout: Duration, patience: &Patience) -> String {
    let review = json!({"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"});
    let body = serde_json::to_vec(&review).unwrap_or_default();
    let path = "/apis/authentication.k8s.io/v1/selfsubjectreviews";
    let ask = || async { api.review(path, body.clone(), timeout).await?.json().await };
    match patience.ask(ask).await {
        Ok(answer) => crate::input::yaml::printable(&text(&answer, "/status/userInfo/username")),
        Err(refusal) => {
            tracing::debug!(reason = refusal.reason, "the server does not say who is asking");
            String::new()
        }
    }
}

fn text(value: &Value, pointer: &str) -> String {
    value.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned()
}

fn unanswered(refusal: Refusal) -> CollectError {
    CollectError::Unanswered { reason: refusal.reason }
}
