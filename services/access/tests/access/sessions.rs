//! Sessions: who has one, for how long, and that nothing else is taken for one.

use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;

use hexproof_core::access::AccessOutcome;
use serde_json::{Value, json};

use crate::browser::{Browser, OWN, Provider, SESSION, asked, onward, sentence};
use crate::support::{World, code, empty, header, rpc};

fn grants(role: &str, cluster: &str) -> Value {
    json!([{"group": "people", "roles": [role], "clusters": [cluster]}])
}

fn key(folder: &Path, name: &str) -> PathBuf {
    let file = folder.join(name);
    std::fs::write(&file, name.repeat(32)).unwrap();
    file
}

async fn logged_in() -> (Provider, World, Browser) {
    let provider = Provider::start().await;
    let world = World::new(&provider.config(&grants("operator", "shop"), &[]), None);
    let mut browser = Browser::default();
    browser.log_in(&world, &provider, "ann", &["people"], "/clusters").await;
    (provider, world, browser)
}

async fn status(world: &World, browser: &Browser, path: &str) -> u16 {
    browser.clone().get(world, path).await.status().as_u16()
}

#[tokio::test]
async fn a_session_ends_without_use_and_after_its_time() {
    let (_provider, world, mut browser) = logged_in().await;
    let idle = browser.clone();
    for minutes in (0..480).step_by(6).skip(1) {
        world.clock.pass(360);
        let response = browser.get(&world, "/schedules").await;
        assert_eq!(response.status(), 200, "after {minutes} minutes");
        assert!(response.headers().contains_key("set-cookie"), "a third of the idle time has passed");
        world.clock.pass(0);
        let next = browser.get(&world, "/schedules").await;
        assert!(!next.headers().contains_key("set-cookie"), "it is not told twice");
        if minutes == 18 {
            assert_eq!(status(&world, &idle, "/schedules").await, 303, "a quarter of an hour without use");
        }
    }
    world.clock.pass(360);
    let response = browser.get(&world, "/schedules").await;
    assert_eq!((response.status().as_u16(), header(&response, "location")), (303, "/login?to=%2Fschedules"));
}

#[tokio::test]
async fn what_a_person_may_is_asked_of_the_configuration_of_now() {
    let folder = tempfile::tempdir().unwrap();
    let provider = Provider::start().await;
    let (old, new) = (key(folder.path(), "old"), key(folder.path(), "new"));
    let only_old = [("old", old.clone())];
    let before = World::new(&provider.config(&grants("operator", "shop"), &only_old), None);
    let mut browser = Browser::default();
    browser.log_in(&before, &provider, "ann", &["people"], "/clusters").await;
    let both = [("new", new.clone()), ("old", old)];
    let after = World::new(&provider.config(&grants("auditor", "bank"), &both), None);
    assert_eq!(status(&after, &browser, "/schedules/new").await, 403, "no operator any more");
    let response = browser.get(&after, "/packs").await;
    assert_eq!(header(&response, "x-roles"), "auditor");
    // It is renewed with the new key, so that the old one can go.
    after.clock.pass(301);
    browser.get(&after, "/packs").await;
    assert!(browser.cookies[SESSION].starts_with("new."));
    let gone = World::new(&provider.config(&grants("auditor", "bank"), &[("new", new)]), None);
    gone.clock.pass(301);
    assert_eq!(status(&gone, &browser, "/packs").await, 200);
    let none = World::new(&provider.config(&json!([]), &both), None);
    none.clock.pass(301);
    assert_eq!(status(&none, &browser, "/packs").await, 403, "nothing is granted any more");
    // Keys of another process, and of another provider.
    let other = World::new(&provider.config(&grants("auditor", "bank"), &[]), None);
    assert_eq!(status(&other, &browser, "/packs").await, 303);
    let elsewhere = Provider::start().await;
    let moved = World::new(&elsewhere.config(&grants("auditor", "bank"), &both), None);
    assert_eq!(status(&moved, &browser, "/packs").await, 303);
}

#[tokio::test]
async fn nothing_but_a_session_of_ours_is_taken_for_one() {
    let (_provider, world, browser) = logged_in().await;
    let good = browser.cookies[SESSION].clone();
    assert_eq!(status(&world, &browser, "/clusters").await, 200);
    for at in (0..good.len()).step_by(7) {
        let mut bytes = good.clone().into_bytes();
        bytes[at] = if bytes[at] == b'A' { b'B' } else { b'A' };
        let forged = String::from_utf8(bytes).unwrap();
        let sessions = [(SESSION.to_owned(), forged)].into();
        assert_eq!(status(&world, &Browser { cookies: sessions }, "/clusters").await, 303, "byte {at}");
        let cut = [(SESSION.to_owned(), good[..at].to_owned())].into();
        assert_eq!(status(&world, &Browser { cookies: cut }, "/clusters").await, 303, "cut at {at}");
    }
    for forged in
        ["", "process.", "e30", "process.e30", &"a".repeat(8000), &format!("{good}{}", "A".repeat(3000))]
    {
        let sessions = [(SESSION.to_owned(), forged.to_owned())].into();
        assert_eq!(status(&world, &Browser { cookies: sessions }, "/clusters").await, 303, "{forged}");
    }
    // Boxes of other purposes, made with the same key.
    let mut other = Browser::default();
    other.begin(&world, "/clusters").await;
    let login = other.cookies.values().next().unwrap().clone();
    let sessions = [(SESSION.to_owned(), login)].into();
    assert_eq!(status(&world, &Browser { cookies: sessions }, "/clusters").await, 303);
    // The name without its prefix is anybody's.
    let plain = [("hexproof-session".to_owned(), good.clone())].into();
    assert_eq!(status(&world, &Browser { cookies: plain }, "/clusters").await, 303);
    for pair in [format!("{SESSION}={good}; {SESSION}={good}"), format!("{SESSION}=x; {SESSION}={good}")] {
        let request = Browser::default().request("GET", "/clusters").header("cookie", pair);
        assert_eq!(world.send(empty(request)).await.status(), 303, "two sessions");
    }
    let large = Browser::default().request("GET", "/clusters").header("cookie", "a".repeat(33_000));
    assert_eq!(world.send(empty(large)).await.status(), 431);
}

#[tokio::test]
async fn a_session_that_was_planted_before_the_login_is_not_that_of_the_login() {
    let (provider, world, attacker) = logged_in().await;
    // She logs in with a session of somebody else in her browser: it has to end first.
    let mut victim = attacker.clone();
    let login = victim.request("GET", "/login?to=%2Fclusters").header("x-a", "a");
    assert_eq!(victim.send(&world, empty(login)).await.status(), 303);
    world.clock.pass(901);
    victim.log_in(&world, &provider, "bea", &["people"], "/clusters").await;
    assert_ne!(victim.cookies[SESSION], attacker.cookies[SESSION]);
    assert_eq!(header(&victim.get(&world, "/clusters").await, "x-subject"), "bea");
    assert_eq!(status(&world, &attacker, "/clusters").await, 303);
    let objects: Vec<String> = world.entries().await.into_iter().map(|entry| entry.object).collect();
    assert_ne!(objects[0], objects[1], "another session");
}

#[tokio::test]
async fn a_session_opens_pages_and_nothing_else() {
    let (_provider, world, browser) = logged_in().await;
    let cookie = format!("{SESSION}={}", browser.cookies[SESSION]);
    let call =
        rpc("/hexproof.v1.AuditService/StartAudit").header("cookie", &cookie).header("x-cluster", "shop");
    assert_eq!(code(&world.send(empty(call)).await), 16, "no form of another site calls by it");
    let web = http::Request::post("/hexproof.v1.AuditService/GetAudit")
        .header("content-type", "application/grpc-web+proto")
        .header("cookie", &cookie);
    assert_eq!(code(&world.send(empty(web)).await), 16);
    assert_eq!(status(&world, &browser, "/metrics").await, 401);
    let both = browser.request("GET", "/clusters").header("authorization", "Bearer a.b.c");
    assert_eq!(world.send(empty(both)).await.status(), 401, "two identities");
    let peer = hexproof_access::Peer {
        identity: Some((
            "spiffe://example.org/server".parse().unwrap(),
            "2026-11-25T00:00:00Z".parse().unwrap(),
        )),
    };
    let certified = browser.request("GET", "/clusters").extension(peer);
    assert_eq!(world.send(empty(certified)).await.status(), 303, "two identities");
    assert_eq!(status(&world, &Browser::default(), "/assets/portal.css").await, 200);
}

#[tokio::test]
async fn whoever_logs_out_is_out_everywhere() {
    let (provider, world, mut browser) = logged_in().await;
    let copy = browser.clone();
    let token = header(&browser.get(&world, "/clusters").await, "x-csrf").to_owned();
    for form in ["", "csrf=", "csrf=forged", "x=y"] {
        let response = browser.post(&world, "/logout", form).await;
        assert_eq!(
            (response.status().as_u16(), sentence(&response).starts_with("You are still")),
            (403, true)
        );
    }
    let foreign = browser.request("POST", "/logout").header("origin", "https://evil.example");
    let foreign = foreign.header("content-type", "application/x-www-form-urlencoded");
    let foreign = foreign.body(http_body_util::Full::from(format!("csrf={token}"))).unwrap();
    assert_eq!(world.send(foreign).await.status(), 403, "another site logs nobody out");
    assert_eq!(status(&world, &copy, "/logout").await, 405, "nor does a picture");
    assert_eq!(status(&world, &copy, "/clusters").await, 200);
    let response = browser.post(&world, "/logout", &format!("csrf={token}")).await;
    assert_eq!(response.status(), 200);
    let end = onward(&response).to_owned();
    assert!(end.starts_with(&format!("{}/end?", provider.url)), "{end}");
    let told = asked(&end);
    assert_eq!(told["client_id"], "portal");
    assert_eq!(told["post_logout_redirect_uri"], format!("{OWN}/login?out=1"));
    assert!(browser.cookies.is_empty());
    let out = browser.get(&world, "/login?out=1").await;
    assert_eq!((out.status().as_u16(), sentence(&out)), (200, "You are logged out."));
    assert_eq!(status(&world, &copy, "/clusters").await, 303, "a copy of the session is worth nothing");
    // Whoever sends the form again is told the same.
    let again = browser.post(&world, "/logout", &format!("csrf={token}")).await;
    assert_eq!(header(&again, "location"), "/login?out=1");
    let entries = world.entries().await;
    let done: Vec<_> = entries
        .iter()
        .filter(|entry| entry.outcome == AccessOutcome::Done)
        .map(|entry| (entry.action.as_str(), entry.object.clone()))
        .collect();
    assert_eq!(done.len(), 2, "{done:?}");
    assert_eq!((done[0].0, done[1].0), ("Portal.Login", "Portal.Logout"));
    assert_eq!(done[0].1, done[1].1, "of one session");
}

#[tokio::test]
async fn while_the_store_is_down_no_session_is_trusted_and_none_is_lost() {
    let (_provider, world, mut browser) = logged_in().await;
    let token = header(&browser.get(&world, "/clusters").await, "x-csrf").to_owned();
    world.store.down.store(true, Ordering::SeqCst);
    let response = browser.get(&world, "/clusters").await;
    assert_eq!(response.status(), 503);
    assert!(sentence(&response).contains("Nothing is lost"), "{}", sentence(&response));
    assert_eq!(browser.post(&world, "/logout", &format!("csrf={token}")).await.status(), 503);
    world.store.down.store(false, Ordering::SeqCst);
    assert_eq!(browser.get(&world, "/clusters").await.status(), 200);
}

#[tokio::test]
async fn forms_carry_the_token_of_their_session() {
    let (provider, world, mut browser) = logged_in().await;
    let first = header(&browser.get(&world, "/waivers/new").await, "x-csrf").to_owned();
    assert_eq!(header(&browser.get(&world, "/schedules").await, "x-csrf"), first);
    let mut other = Browser::default();
    other.log_in(&world, &provider, "ann", &["people"], "/clusters").await;
    let second = header(&other.get(&world, "/waivers/new").await, "x-csrf").to_owned();
    assert_ne!(first, second, "another session");
    // A form of an earlier session of the same person is known as one, and that of another person is not.
    let request = other.request("GET", "/waivers/new").header("x-token", &first);
    assert_eq!(header(&other.send(&world, empty(request)).await, "x-own"), "true");
    let mut ben = Browser::default();
    ben.log_in(&world, &provider, "ben", &["people"], "/clusters").await;
    let request = ben.request("GET", "/waivers/new").header("x-token", &first);
    assert_eq!(header(&ben.send(&world, empty(request)).await, "x-own"), "false");
}
