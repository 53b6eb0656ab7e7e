//! A clock, a store, a log, an issuer and a service behind the layer.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use hexproof_access::{Access, AccessConfig, Draft, LoggedIn, OwnForms};
use hexproof_api::status;
use hexproof_core::access::{AccessEntry, Caller, LinkGrant, Trail};
use hexproof_core::id::{ClusterId, RecordId};
use hexproof_core::port::{AccessLog, Clock, Cursor, Page, Records, Register, StorageError};
use hexproof_core::register::{RecordKind, Version};
use http::{Request, Response};
use http_body_util::Full;
use jiff::{SignedDuration, Timestamp};
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};
use serde_json::{Value, json};
use tower::{Layer as _, ServiceExt as _};

pub(crate) const NOON: &str = "2026-11-24T12:00:00Z";
pub(crate) const AUDIENCE: &str = "hexproof";

pub(crate) struct TestClock(Mutex<Timestamp>);

impl TestClock {
    pub(crate) fn noon() -> Arc<Self> {
        Arc::new(Self(Mutex::new(NOON.parse().unwrap())))
    }

    pub(crate) fn pass(&self, seconds: i64) {
        let mut now = self.0.lock().unwrap();
        *now = now.checked_add(SignedDuration::from_secs(seconds)).unwrap();
    }
}

impl Clock for TestClock {
    fn now(&self) -> Timestamp {
        *self.0.lock().unwrap()
    }
}

type Versions = Vec<Version<Value>>;

/// Records and log in memory; either can be made to fail.
#[derive(Default)]
pub(crate) struct Store {
    records: Mutex<BTreeMap<(RecordKind, RecordId), Versions>>,
    entries: Mutex<Vec<AccessEntry>>,
    pub(crate) down: std::sync::atomic::AtomicBool,
}

impl Store {
    pub(crate) fn register(self: &Arc<Self>) -> Register {
        Register::new(self.clone())
    }

    pub(crate) fn entries(&self) -> Vec<AccessEntry> {
        self.entries.lock().unwrap().clone()
    }

    pub(crate) fn clear(&self) {
        self.entries.lock().unwrap().clear();
    }

    fn up(&self) -> Result<(), StorageError> {
        match self.down.load(Ordering::SeqCst) {
            true => Err(StorageError::Unavailable("down".into())),
            false => Ok(()),
        }
    }
}

#[async_trait]
impl Records for Store {
    async fn latest_json(
        &self,
        kind: RecordKind,
        id: &RecordId,
    ) -> Result<Option<Version<Value>>, StorageError> {
        self.up()?;
        let records = self.records.lock().unwrap();
        Ok(records.get(&(kind, id.clone())).and_then(|list| list.last().cloned()))
    }

    async fn all_json(&self, kind: RecordKind) -> Result<Vec<(RecordId, Version<Value>)>, StorageError> {
        self.up()?;
        let records = self.records.lock().unwrap();
        let of_kind = records.iter().filter(|((found, _), _)| *found == kind);
        Ok(of_kind.filter_map(|((_, id), list)| Some((id.clone(), list.last()?.clone()))).collect())
    }

    async fn history_json(
        &self,
        kind: RecordKind,
        id: &RecordId,
    ) -> Result<Vec<Version<Value>>, StorageError> {
        self.up()?;
        Ok(self.records.lock().unwrap().get(&(kind, id.clone())).cloned().unwrap_or_default())
    }

    async fn put_json(
        &self,
        kind: RecordKind,
        id: &RecordId,
        version: Version<Value>,
    ) -> Result<(), StorageError> {
        self.up()?;
        self.records.lock().unwrap().entry((kind, id.clone())).or_default().push(version);
        Ok(())
    }

    async fn refresh(&self) -> Result<(), StorageError> {
        self.up()
    }
}

#[async_trait]
impl AccessLog for Store {
    async fn append(&self, entry: &AccessEntry) -> Result<(), StorageError> {
        self.up()?;
        self.entries.lock().unwrap().push(entry.clone());
        Ok(())
    }

    async fn list(
        &self,
        _: Option<&ClusterId>,
        _: Option<&Cursor>,
        _: usize,
    ) -> Result<Page<AccessEntry>, StorageError> {
        Ok(Page { items: self.entries(), next: None })
    }
}

/// Everything that a test has around it.
pub(crate) struct World {
    pub(crate) clock: Arc<TestClock>,
    pub(crate) store: Arc<Store>,
    pub(crate) access: Access,
}

impl World {
    pub(crate) fn new(config: &AccessConfig, client: Option<kube::Client>) -> Self {
        let (clock, store) = (TestClock::noon(), Arc::new(Store::default()));
        let access =
            Access::with_client(config, client, clock.clone(), store.register(), store.clone()).unwrap();
        Self { clock, store, access }
    }

    pub(crate) fn dev() -> Self {
        let (clock, store) = (TestClock::noon(), Arc::new(Store::default()));
        let address = "127.0.0.1:8443".parse().unwrap();
        let access = Access::dev(address, clock.clone(), store.register(), store.clone()).unwrap();
        Self { clock, store, access }
    }

    pub(crate) async fn send(&self, request: Request<Full<Bytes>>) -> Response<Full<Bytes>> {
        let inner =
            tower::service_fn(|request| async move { Ok::<_, std::convert::Infallible>(serve(request)) });
        self.access.layer().layer(inner).oneshot(request).await.unwrap()
    }

    /// The entries, once those are written that nobody waits for.
    pub(crate) async fn entries(&self) -> Vec<AccessEntry> {
        self.access.finish().await;
        self.store.entries()
    }
}

/// Behind the layer: asks for the scope as every service must, tells the trail, and answers who called.
fn serve(request: Request<Full<Bytes>>) -> Response<Full<Bytes>> {
    for name in ["authorization", "cookie"] {
        assert!(request.headers().get(name).is_none(), "credentials reach the services");
    }
    let cluster = request.headers().get("x-cluster").map(|id| id.to_str().unwrap().parse().unwrap());
    let caller = request.extensions().get::<Caller>();
    if let Some(cluster) = &cluster {
        let Some(caller) = caller else { return status::unauthenticated("nobody").into_http() };
        if request.extensions().get::<hexproof_access::Csrf>().is_some() {
            request.extensions().get::<Trail>().unwrap().touches(Some(cluster), "an-object");
        }
        if let Err(refused) = status::within(caller, cluster) {
            // A page says of what is out of reach that it is not there.
            let page = request.extensions().get::<hexproof_access::Csrf>().is_some();
            let gone = || Response::builder().status(404).body(Full::default()).unwrap();
            return if page { gone() } else { refused.into_http() };
        }
        request.extensions().get::<Trail>().unwrap().touches(Some(cluster), "an-object");
        let made = request.headers().get("x-made").map(|at| at.to_str().unwrap().parse().unwrap());
        if made.is_some_and(|at| !caller.scope.admits_at(cluster, at)) {
            // Evidence of another time is not there, for clients as for people.
            return match request.extensions().get::<hexproof_access::Csrf>() {
                Some(_) => Response::builder().status(404).body(Full::default()).unwrap(),
                None => status::not_found("audit", "x").into_http(),
            };
        }
    }
    if request.headers().contains_key("x-fail") {
        return status::not_found("audit", "x").into_http();
    }
    let subject = caller.map_or("", |caller| &caller.subject);
    let response = Response::builder().header("x-subject", subject);
    let roles: Vec<&str> = caller.iter().flat_map(|caller| &caller.roles).map(|role| role.word()).collect();
    let response = response.header("x-roles", roles.join(","));
    let csrf = request.extensions().get::<hexproof_access::Csrf>().map(|csrf| csrf.0.clone());
    let response = response.header("x-csrf", csrf.unwrap_or_default());
    let digest = request.extensions().get::<LinkGrant>().map(|grant| grant.digest.to_string());
    let name = request.extensions().get::<LoggedIn>().map(|person| person.name.clone());
    let response = response.header("x-name", name.unwrap_or_default());
    let draft = request.extensions().get::<Draft>().map(|draft| json!([draft.action, draft.fields]));
    let draft = draft.map(|draft| encode(&draft)).unwrap_or_default();
    let response = response.header("x-draft", draft);
    let told = request.headers().get("x-token").map(|token| token.to_str().unwrap().to_owned());
    let own = request.extensions().get::<OwnForms>().zip(told).is_some_and(|(own, token)| own.holds(&token));
    let response = response.header("x-own", own.to_string());
    response.header("x-digest", digest.unwrap_or_default()).body(Full::default()).unwrap()
}

/// A gRPC request.
pub(crate) fn rpc(path: &str) -> http::request::Builder {
    Request::post(format!("http://localhost{path}")).header("content-type", "application/grpc")
}

pub(crate) fn empty(builder: http::request::Builder) -> Request<Full<Bytes>> {
    builder.body(Full::default()).unwrap()
}

/// The gRPC code of an answer; 0 without one.
pub(crate) fn code<B>(response: &Response<B>) -> i32 {
    response.headers().get("grpc-status").map_or(0, |code| code.to_str().unwrap().parse().unwrap())
}

pub(crate) fn header<'a, B>(response: &'a Response<B>, name: &str) -> &'a str {
    response.headers().get(name).unwrap().to_str().unwrap()
}

pub(crate) fn encode(value: &Value) -> String {
    URL_SAFE_NO_PAD.encode(value.to_string())
}

/// A key of an issuer.
pub(crate) struct SigningKey {
    pub(crate) kid: &'static str,
    pair: EcdsaKeyPair,
}

impl SigningKey {
    pub(crate) fn new(kid: &'static str) -> Self {
        let random = SystemRandom::new();
        let algorithm = &ECDSA_P256_SHA256_FIXED_SIGNING;
        let bytes = EcdsaKeyPair::generate_pkcs8(algorithm, &random).unwrap();
        Self { kid, pair: EcdsaKeyPair::from_pkcs8(algorithm, bytes.as_ref(), &random).unwrap() }
    }

    pub(crate) fn public(&self) -> &[u8] {
        self.pair.public_key().as_ref()
    }

    pub(crate) fn jwk(&self) -> Value {
        let (x, y) = self.public()[1..].split_at(32);
        let (x, y) = (URL_SAFE_NO_PAD.encode(x), URL_SAFE_NO_PAD.encode(y));
        json!({"kty": "EC", "crv": "P-256", "use": "sig", "kid": self.kid, "x": x, "y": y})
    }

    pub(crate) fn sign(&self, head: &Value, claims: &Value) -> String {
        let text = format!("{}.{}", encode(head), encode(claims));
        let signature = self.pair.sign(&SystemRandom::new(), text.as_bytes()).unwrap();
        format!("{text}.{}", URL_SAFE_NO_PAD.encode(signature.as_ref()))
    }

    pub(crate) fn token(&self, claims: &Value) -> String {
        self.sign(&json!({"alg": "ES256", "typ": "JWT", "kid": self.kid}), claims)
    }
}

/// An OpenID provider on a loopback port.
pub(crate) struct Issuer {
    pub(crate) url: String,
    pub(crate) keys: Arc<Mutex<Vec<Value>>>,
    /// How often its keys were read.
    pub(crate) asked: Arc<AtomicUsize>,
    /// What it calls itself; its address unless set.
    pub(crate) name: Arc<Mutex<Option<String>>>,
    server: tokio::task::JoinHandle<()>,
}

impl Drop for Issuer {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl Issuer {
    pub(crate) async fn start(keys: Vec<Value>) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let keys = Arc::new(Mutex::new(keys));
        let asked = Arc::new(AtomicUsize::new(0));
        let name = Arc::new(Mutex::new(None::<String>));
        let (served, counted, called, at) = (keys.clone(), asked.clone(), name.clone(), url.clone());
        let discovery = move || {
            let issuer = called.lock().unwrap().clone().unwrap_or_else(|| at.clone());
            let answer = json!({"issuer": issuer, "jwks_uri": format!("{at}/jwks")});
            async move { axum::Json(answer) }
        };
        let jwks = move || {
            counted.fetch_add(1, Ordering::SeqCst);
            let answer = json!({"keys": *served.lock().unwrap()});
            async move { axum::Json(answer) }
        };
        let router = axum::Router::new()
            .route("/.well-known/openid-configuration", axum::routing::get(discovery))
            .route("/jwks", axum::routing::get(jwks));
        let server = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { url, keys, asked, name, server }
    }

    pub(crate) fn config(&self, grants: Value) -> AccessConfig {
        let config = json!({"oidc": {"issuer": self.url, "audience": AUDIENCE, "grants": grants}});
        serde_json::from_value(config).unwrap()
    }

    /// Claims that hold for an hour from noon.
    pub(crate) fn claims(&self, subject: &str, groups: &[&str]) -> Value {
        let noon = NOON.parse::<Timestamp>().unwrap().as_second();
        json!({"iss": self.url, "aud": AUDIENCE, "sub": subject, "groups": groups, "iat": noon, "exp": noon + 3600})
    }
}
