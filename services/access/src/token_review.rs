//! Tokens of Kubernetes service accounts, reviewed by the API server that made them (authentication.k8s.io/v1).

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use hexproof_core::access::Authentication;
use hexproof_core::digest::Digest;
use hexproof_core::port::Clock;
use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::authentication::v1::{TokenReview, TokenReviewSpec};
use kube::Api;
use kube::api::PostParams;
use serde_json::Value;
use tokio::sync::Semaphore;

use crate::AccessError;
use crate::config::KubernetesConfig;
use crate::grants::{Grant, Identity};
use crate::layer::Refusal;
use crate::ledger::chain;
use crate::oidc::{claims, text};

/// How long a good review holds: so long a deleted service account lives on.
const GOOD: SignedDuration = SignedDuration::from_secs(60);
/// How long a bad one holds.
const BAD: SignedDuration = SignedDuration::from_secs(10);
/// Reviews of each kind that are kept.
const KEPT: usize = 4096;
/// Questions to the API server at a time.
const AT_ONCE: usize = 16;
const PATIENCE: Duration = Duration::from_secs(5);

const WRONG: Refusal = Refusal::Credentials("the token is not valid here");
const UNAVAILABLE: Refusal = Refusal::Unavailable("the API server does not review tokens; try again");

/// Reviews tokens.
pub(crate) struct TokenReviews {
    client: kube::Client,
    audience: String,
    /// By `system:serviceaccount:<namespace>:<name>`.
    accounts: BTreeMap<String, Vec<Grant>>,
    clock: Arc<dyn Clock>,
    /// Kept apart, so that bad tokens cannot push out the reviews of good ones.
    good: Mutex<Cache<String>>,
    bad: Mutex<Cache<()>>,
    questions: Semaphore,
}

impl TokenReviews {
    pub(crate) fn new(
        config: &KubernetesConfig,
        client: kube::Client,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, AccessError> {
        if config.audience.is_empty() {
            return Err(AccessError::config("kubernetes.audience", "is empty"));
        }
        let mut accounts: BTreeMap<String, Vec<Grant>> = BTreeMap::new();
        for (at, line) in config.grants.iter().enumerate() {
            let place = format!("kubernetes.grants[{at}]");
            let grant = line.grant(&place)?;
            let account = match (&line.service_account, &line.group, &line.subject) {
                (Some(account), None, None) => account.split_once('/').filter(|(namespace, name)| {
                    !namespace.is_empty() && !name.is_empty() && !account.contains(':') && !name.contains('/')
                }),
                _ => None,
            };
            let Some((namespace, name)) = account else {
                return Err(AccessError::config(place, "must name a `serviceAccount` as `namespace/name`"));
            };
            accounts.entry(format!("system:serviceaccount:{namespace}:{name}")).or_default().push(grant);
        }
        let (good, bad) = (Mutex::default(), Mutex::default());
        let questions = Semaphore::new(AT_ONCE);
        Ok(Self { client, audience: config.audience.clone(), accounts, clock, good, bad, questions })
    }

    /// Who a token stands for.
    pub(crate) async fn identity(&self, token: &str) -> Result<Identity, Refusal> {
        // What cannot pass is not sent to the API server: it must be a token of a known account for our audience.
        let claims = claims(token).ok_or(WRONG)?;
        let ours = match claims.get("aud") {
            Some(Value::String(one)) => *one == self.audience,
            Some(Value::Array(list)) => list.iter().any(|one| one.as_str() == Some(&self.audience)),
            _ => false,
        };
        if !ours || !text(&claims, "sub").is_some_and(|account| self.accounts.contains_key(account)) {
            return Err(WRONG);
        }
        let end = claims.get("exp").and_then(Value::as_i64).and_then(|at| Timestamp::from_second(at).ok());
        let key = *Digest::of(token.as_bytes()).bytes();
        if let Some(known) = self.known(&key) {
            return known;
        }
        let asked = tokio::time::timeout(PATIENCE, async {
            // Closed never; whoever waits here may find the answer of another.
            let _turn = self.questions.acquire().await.map_err(|_| UNAVAILABLE)?;
            match self.known(&key) {
                Some(known) => known.map(|identity| Some(identity.subject)),
                None => self.review(token).await,
            }
        });
        let account = asked.await.map_err(|_| UNAVAILABLE)??;
        let now = self.clock.now();
        let until = |span| now.checked_add(span).unwrap_or(now);
        match account {
            Some(account) if end.is_none_or(|end| now < end) => {
                let until = end.map_or(until(GOOD), |end| end.min(until(GOOD)));
                lock(&self.good).put(key, account.clone(), until);
                Ok(self.named(account))
            }
            _ => {
                lock(&self.bad).put(key, (), until(BAD));
                Err(WRONG)
            }
        }
    }

    fn known(&self, key: &[u8; 32]) -> Option<Result<Identity, Refusal>> {
        let now = self.clock.now();
        if let Some(account) = lock(&self.good).get(key, now) {
            return Some(Ok(self.named(account)));
        }
        lock(&self.bad).get(key, now).map(|()| Err(WRONG))
    }

    fn named(&self, account: String) -> Identity {
        let grants = self.accounts.get(&account).cloned().unwrap_or_default();
        Identity { subject: account, authentication: Authentication::ServiceAccount, server: false, grants }
    }

    /// Asks the API server: the account of a token that is good for us, `None` for any other.
    async fn review(&self, token: &str) -> Result<Option<String>, Refusal> {
        let spec =
            TokenReviewSpec { token: Some(token.to_owned()), audiences: Some(vec![self.audience.clone()]) };
        let review = TokenReview { spec, ..TokenReview::default() };
        let api: Api<TokenReview> = Api::all(self.client.clone());
        let answer = api.create(&PostParams::default(), &review).await.map_err(|error| {
            tracing::warn!(error = chain(&error), "the API server does not review tokens");
            UNAVAILABLE
        })?;
        let Some(status) = answer.status else { return Ok(None) };
        let ours = status.audiences.is_some_and(|list| list.contains(&self.audience));
        let good = status.authenticated == Some(true) && status.error.is_none_or(|error| error.is_empty());
        let account = status.user.and_then(|user| user.username);
        Ok(account.filter(|account| good && ours && self.accounts.contains_key(account)))
    }
}

/// Values by the digest of a token, each for its time; the oldest go first.
struct Cache<V> {
    values: BTreeMap<[u8; 32], (V, Timestamp)>,
    order: VecDeque<[u8; 32]>,
}

impl<V> Default for Cache<V> {
    fn default() -> Self {
        Self { values: BTreeMap::new(), order: VecDeque::new() }
    }
}

impl<V: Clone> Cache<V> {
    fn get(&self, key: &[u8; 32], now: Timestamp) -> Option<V> {
        self.values.get(key).filter(|(_, until)| now < *until).map(|(value, _)| value.clone())
    }

    fn put(&mut self, key: [u8; 32], value: V, until: Timestamp) {
        if self.values.insert(key, (value, until)).is_none() {
            self.order.push_back(key);
        }
        while self.order.len() > KEPT {
            if let Some(oldest) = self.order.pop_front() {
                self.values.remove(&oldest);
            }
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
