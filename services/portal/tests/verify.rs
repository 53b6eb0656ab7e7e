//! A file that somebody sent: taken within bounds, checked, told apart, kept nowhere.

#![allow(clippy::unwrap_used, reason = "a test may fail by panicking")]

mod common;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::body::{Body, Bytes, to_bytes};
use axum::extract::Request;
use common::{Answer, World, auditor, caller};
use futures::StreamExt as _;
use futures::stream;
use hexproof_core::access::{Caller, Role, Scope};
use hexproof_core::port::evidence::{Evidence as _, PackPick};
use hexproof_core::port::{CheckPack, CheckState, PackCheck, PackClaims};
use hexproof_testkit::evidence::HOSTILE;
use http::{StatusCode, header};
use tower::ServiceExt as _;

/// Says what a test wants to be said.
struct Says {
    state: CheckState,
    sentence: String,
    claims: Option<PackClaims>,
}

impl CheckPack for Says {
    fn check(&self, _: &[u8]) -> PackCheck {
        let step = |name: &str, state| (name.to_owned(), state, self.sentence.clone());
        let steps = vec![
            step("structure", CheckState::Valid),
            step("digest", self.state),
            step("other", CheckState::NotApplicable),
        ];
        PackCheck { state: self.state, steps }
    }

    fn claims(&self, _: &[u8]) -> Option<PackClaims> {
        self.claims.clone()
    }
}

const KIND: &str = "multipart/form-data; boundary=edge";

fn form(token: &str, name: &str, file: &[u8]) -> Vec<u8> {
    let mut body = format!(
        "--edge\r\ncontent-disposition: form-data; name=\"csrf\"\r\n\r\n{token}\r\n\
         --edge\r\ncontent-disposition: form-data; name=\"file\"; filename=\"{name}\"\r\ncontent-type: application/pdf\r\n\r\n"
    )
    .into_bytes();
    body.extend_from_slice(file);
    body.extend_from_slice(b"\r\n--edge--\r\n");
    body
}

async fn send(world: &World, caller: Caller, kind: &str, length: Option<u64>, body: Body) -> Answer {
    let mut request = Request::post("/verify").header("accept", "text/html").header("content-type", kind);
    if let Some(length) = length {
        request = request.header("content-length", length);
    }
    let answer = world.portal(Some(caller)).oneshot(request.body(body).unwrap()).await.unwrap();
    let (head, body) = answer.into_parts();
    Answer {
        status: head.status,
        headers: head.headers,
        bytes: to_bytes(body, 64 << 20).await.unwrap().to_vec(),
    }
}

async fn check(world: &World, caller: Caller, name: &str, file: &[u8]) -> Answer {
    send(world, caller, KIND, None, Body::from(form("token-of-the-session", name, file))).await
}

fn says(world: &mut World, state: CheckState, sentence: &str, claims: Option<PackClaims>) {
    world.parts.check = Arc::new(Says { state, sentence: sentence.to_owned(), claims });
}

#[tokio::test]
async fn the_verdict_is_the_title_and_nothing_of_the_file_is_markup() {
    let mut world = World::sample().await;
    for hostile in HOSTILE {
        let claims = PackClaims {
            cluster: "hostile".parse().unwrap(),
            name: hostile.to_owned(),
            collected: "2026-11-20T02:00:00Z".parse().unwrap(),
        };
        for state in [CheckState::Valid, CheckState::Invalid, CheckState::Unknown] {
            says(&mut world, state, hostile, Some(claims.clone()));
            let name = hostile.replace(['\n', '\0', '"'], "");
            let page = check(&world, auditor(), &name, b"%PDF-1.7").await;
            assert_eq!(page.status, StatusCode::OK);
            let html = page.text();
            assert!(
                !html.contains("<script") && !html.contains("<img") && !html.contains('\u{202e}'),
                "{html}"
            );
            let title = match state {
                CheckState::Valid => "<title>Valid: ",
                CheckState::Invalid => "<title>Not valid: ",
                CheckState::Unknown | CheckState::NotApplicable => "<title>Unknown: ",
            };
            assert!(html.contains(title), "{title}: {html}");
        }
    }
}

#[tokio::test]
async fn the_same_file_is_found_in_the_store_within_reach_alone() {
    let mut world = World::sample().await;
    let scope = Scope::cluster("weak-shop".parse().unwrap());
    let pick = PackPick { clusters: scope.clusters.clone(), from: None, until: None };
    let kept = world.evidence.packs(&pick, None, 1).await.unwrap().items.remove(0);
    let file = world.evidence.file(&kept, hexproof_core::access::Artifact::Pack).await.unwrap();
    let size = file.size;
    let bytes: Vec<Bytes> = (file.read)(0..size).map(|piece| piece.unwrap()).collect().await;
    let bytes = bytes.concat();
    let claims =
        PackClaims { cluster: kept.key.cluster.clone(), name: "shop".to_owned(), collected: kept.finished };
    says(&mut world, CheckState::Valid, "holds", Some(claims.clone()));
    let link = format!("/clusters/weak-shop/packs/{}", kept.key.run);
    let has = async |world: &World, caller: Caller, file: &[u8]| {
        check(world, caller, "a.pdf", file).await.text().contains(&link)
    };
    assert!(has(&world, auditor(), &bytes).await);
    assert!(has(&world, caller(&[Role::Auditor], scope.clone()), &bytes).await);
    assert!(!has(&world, auditor(), b"%PDF-1.7 another").await);
    let bank = Scope::cluster("core-banking".parse().unwrap());
    assert!(!has(&world, caller(&[Role::Auditor], bank), &bytes).await);
    let earlier = Scope { until: Some(kept.finished), ..scope };
    assert!(!has(&world, caller(&[Role::Auditor], earlier), &bytes).await);
    // It claims to be of another time: it is not looked for there.
    says(
        &mut world,
        CheckState::Valid,
        "holds",
        Some(PackClaims { collected: "2020-01-01T00:00:00Z".parse().unwrap(), ..claims }),
    );
    assert!(!has(&world, auditor(), &bytes).await);
}

/// A body without an end, and how much of it was asked for.
fn endless(head: Vec<u8>) -> (Body, Arc<AtomicU64>) {
    let asked = Arc::new(AtomicU64::new(0));
    let count = asked.clone();
    let piece = Bytes::from(vec![b'a'; 1 << 20]);
    let rest = stream::repeat_with(move || {
        count.fetch_add(piece.len() as u64, Ordering::SeqCst);
        Ok::<_, std::convert::Infallible>(piece.clone())
    });
    (Body::from_stream(stream::iter([Ok(Bytes::from(head))]).chain(rest)), asked)
}

#[tokio::test]
async fn what_is_too_large_is_refused_and_the_rest_is_thrown_away_within_bounds() {
    let world = World::sample().await;
    // By what is announced: nothing is read before the answer is made.
    let (body, _) = endless(Vec::new());
    let page = send(&world, auditor(), KIND, Some(1 << 30), body).await;
    assert_eq!(page.status, StatusCode::PAYLOAD_TOO_LARGE);
    assert!(page.text().contains("more than 33 MB"), "{}", page.text());
    assert_eq!(page.headers[header::CONNECTION], "close");
    // By what comes.
    let head = form("token-of-the-session", "a.pdf", b"");
    let (body, asked) = endless(head[..head.len() - 12].to_vec());
    let page = send(&world, auditor(), KIND, None, body).await;
    assert_eq!(page.status, StatusCode::PAYLOAD_TOO_LARGE);
    let asked = asked.load(Ordering::SeqCst);
    assert!(asked <= (2 << 30) + (40 << 20), "{asked} bytes were read");
}

#[tokio::test]
async fn whoever_waits_to_be_told_to_send_is_told_before() {
    let world = World::sample().await;
    let (body, asked) = endless(Vec::new());
    let request = Request::post("/verify")
        .header("content-type", KIND)
        .header("content-length", 1_u64 << 30)
        .header("expect", "100-continue")
        .body(body)
        .unwrap();
    let answer = world.portal(Some(auditor())).oneshot(request).await.unwrap();
    assert_eq!(answer.status(), StatusCode::PAYLOAD_TOO_LARGE);
    to_bytes(answer.into_body(), 1 << 20).await.unwrap();
    assert_eq!(asked.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn what_is_no_file_of_this_session_is_told_so() {
    let world = World::sample().await;
    let send = async |kind: &str, body: Vec<u8>| send(&world, auditor(), kind, None, Body::from(body)).await;
    let whole = form("token-of-the-session", "a.pdf", b"%PDF");
    for (kind, body, status, words) in [
        (KIND, form("another", "a.pdf", b"%PDF"), StatusCode::FORBIDDEN, "not one of your session"),
        (KIND, form("token-of-the-session", "", b""), StatusCode::UNPROCESSABLE_ENTITY, "Choose a file."),
        (KIND, whole[..whole.len() - 10].to_vec(), StatusCode::BAD_REQUEST, "did not come whole"),
        (KIND, Vec::new(), StatusCode::BAD_REQUEST, "did not come whole"),
        ("application/pdf", b"%PDF".to_vec(), StatusCode::BAD_REQUEST, "did not come whole"),
    ] {
        let page = send(kind, body).await;
        assert_eq!(page.status, status, "{words}: {}", page.text());
        assert!(page.text().contains(words), "{words}: {}", page.text());
        assert!(page.text().contains("href=\"#field-file\""), "{words}");
    }
}
