//! Tokens of service accounts, against an API server in the process.

use std::convert::Infallible;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt as _, Full};
use serde_json::{Value, json};

use crate::support::{NOON, World, code, empty, encode, header, rpc};

const ACCOUNT: &str = "system:serviceaccount:ci:runner";

/// What the API server says of each token, and how often it was asked.
struct ApiServer {
    answer: Arc<Mutex<(u16, Value)>>,
    asked: Arc<AtomicUsize>,
}

impl ApiServer {
    fn start(status: Value) -> (Self, World) {
        let answer = Arc::new(Mutex::new((201, status)));
        let asked = Arc::new(AtomicUsize::new(0));
        let (answers, count) = (answer.clone(), asked.clone());
        let service = tower::service_fn(move |request: Request<kube::client::Body>| {
            let (answers, count) = (answers.clone(), count.clone());
            async move {
                assert_eq!(request.uri().path(), "/apis/authentication.k8s.io/v1/tokenreviews");
                let body = request.into_body().collect().await.unwrap().to_bytes();
                let review: Value = serde_json::from_slice(&body).unwrap();
                assert_eq!(review["spec"]["audiences"], json!(["hexproof"]), "our audience is asked for");
                assert!(review["spec"]["token"].is_string());
                count.fetch_add(1, Ordering::SeqCst);
                let (code, status) = answers.lock().unwrap().clone();
                let answer = json!({"apiVersion": "authentication.k8s.io/v1", "kind": "TokenReview",
                    "metadata": {}, "spec": review["spec"], "status": status});
                let body = Full::new(Bytes::from(answer.to_string()));
                Ok::<_, Infallible>(Response::builder().status(code).body(body).unwrap())
            }
        });
        let config = json!({"kubernetes": {"audience": "hexproof", "grants": [
            {"serviceAccount": "ci/runner", "roles": ["operator"], "clusters": ["shop"]},
        ]}});
        let client = kube::Client::new(service, "default");
        let world = World::new(&serde_json::from_value(config).unwrap(), Some(client));
        (Self { answer, asked }, world)
    }

    fn says(&self, status: Value) {
        *self.answer.lock().unwrap() = (201, status);
    }

    fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }
}

fn good() -> Value {
    json!({"authenticated": true, "audiences": ["hexproof"], "user": {"username": ACCOUNT}})
}

fn token(claims: &Value, signature: &str) -> String {
    format!("{}.{}.{signature}", encode(&json!({"alg": "RS256"})), encode(claims))
}

fn claims() -> Value {
    let noon = NOON.parse::<jiff::Timestamp>().unwrap().as_second();
    json!({"iss": "https://kubernetes.default.svc", "aud": ["hexproof"], "sub": ACCOUNT, "exp": noon + 600})
}

async fn send(world: &World, token: &str) -> i32 {
    let call = rpc("/hexproof.v1.AuditService/StartAudit")
        .header("authorization", format!("Bearer {token}"))
        .header("x-cluster", "shop");
    let response = world.send(empty(call)).await;
    if code(&response) == 0 {
        assert_eq!(header(&response, "x-subject"), ACCOUNT);
    }
    code(&response)
}

#[tokio::test]
async fn a_good_review_holds_for_a_minute() {
    let (server, world) = ApiServer::start(good());
    let token = token(&claims(), "a");
    for _ in 0..100 {
        assert_eq!(send(&world, &token).await, 0);
    }
    assert_eq!(server.asked(), 1);
    server.says(json!({"authenticated": false}));
    world.clock.pass(59);
    assert_eq!(send(&world, &token).await, 0);
    world.clock.pass(1);
    assert_eq!(send(&world, &token).await, 16, "the account was deleted");
    assert_eq!(server.asked(), 2);
    assert_eq!(send(&world, &token).await, 16);
    assert_eq!(server.asked(), 2, "bad reviews hold for a while as well");
    server.says(good());
    world.clock.pass(10);
    assert_eq!(send(&world, &token).await, 0);
}

#[tokio::test]
async fn reviews_that_do_not_say_all_that_is_asked_are_refused() {
    for status in [
        json!({"authenticated": false, "audiences": ["hexproof"], "user": {"username": ACCOUNT}}),
        json!({"audiences": ["hexproof"], "user": {"username": ACCOUNT}}),
        json!({"authenticated": true, "user": {"username": ACCOUNT}}),
        json!({"authenticated": true, "audiences": [], "user": {"username": ACCOUNT}}),
        json!({"authenticated": true, "audiences": ["https://kubernetes"], "user": {"username": ACCOUNT}}),
        json!({"authenticated": true, "audiences": ["hexproof"]}),
        json!({"authenticated": true, "audiences": ["hexproof"], "user": {"username": "system:admin"}}),
        json!({"authenticated": true, "audiences": ["hexproof"], "user": {"username": format!("{ACCOUNT}2")}}),
        json!({"authenticated": true, "audiences": ["hexproof"], "user": {"username": ACCOUNT}, "error": "x"}),
        Value::Null,
    ] {
        let (_server, world) = ApiServer::start(status.clone());
        assert_eq!(send(&world, &token(&claims(), "a")).await, 16, "{status}");
    }
}

#[tokio::test]
async fn what_cannot_pass_is_not_sent_to_the_api_server() {
    let (server, world) = ApiServer::start(good());
    let with = |name: &str, value: Value| {
        let mut claims = claims();
        claims[name] = value;
        token(&claims, "a")
    };
    for token in [
        "opaque".to_owned(),
        "a.b.c".to_owned(),
        with("aud", json!("https://kubernetes.default.svc")),
        with("aud", json!(null)),
        with("sub", json!("system:serviceaccount:ci:other")),
        with("sub", json!("system:serviceaccount:ci2:runner")),
    ] {
        assert_eq!(send(&world, &token).await, 16, "{token}");
    }
    assert_eq!(server.asked(), 0);
}

#[tokio::test]
async fn a_token_that_ends_is_not_kept_beyond_its_end() {
    let (server, world) = ApiServer::start(good());
    let noon = NOON.parse::<jiff::Timestamp>().unwrap().as_second();
    let mut claims = claims();
    claims["exp"] = json!(noon + 20);
    assert_eq!(send(&world, &token(&claims, "a")).await, 0);
    world.clock.pass(20);
    assert_eq!(send(&world, &token(&claims, "a")).await, 16);
    assert_eq!(server.asked(), 2);
}

#[tokio::test]
async fn an_api_server_that_is_down_is_no_verdict() {
    let (server, world) = ApiServer::start(good());
    *server.answer.lock().unwrap() = (503, Value::Null);
    let token = token(&claims(), "a");
    assert_eq!(send(&world, &token).await, 14);
    server.says(good());
    assert_eq!(send(&world, &token).await, 0, "nothing was kept of it");
}

#[tokio::test]
async fn bad_tokens_do_not_push_out_good_ones() {
    let (server, world) = ApiServer::start(good());
    let mine = token(&claims(), "mine");
    assert_eq!(send(&world, &mine).await, 0);
    server.says(json!({"authenticated": false}));
    for number in 0..5000 {
        assert_eq!(send(&world, &token(&claims(), &number.to_string())).await, 16);
    }
    assert_eq!(send(&world, &mine).await, 0);
}
