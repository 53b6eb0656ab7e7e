//! Forms whose session had ended: nothing of them is done, and nothing of them is lost.

use hexproof_access::PageRefusal;
use http_body_util::Full;
use serde_json::{Value, json};

use crate::browser::{Browser, DRAFT, OWN, Provider, SESSION};
use crate::support::{World, header};

async fn world() -> (Provider, World) {
    let provider = Provider::start().await;
    let grants = json!([{"group": "people", "roles": ["operator"], "clusters": "all"}]);
    let world = World::new(&provider.config(&grants, &[]), None);
    (provider, world)
}

/// Somebody who opens the form of a waiver, and its token.
async fn at_the_form(world: &World, provider: &Provider, subject: &str) -> (Browser, String) {
    let mut browser = Browser::default();
    browser.log_in(world, provider, subject, &["people"], "/waivers/new").await;
    let token = header(&browser.get(world, "/waivers/new").await, "x-csrf").to_owned();
    (browser, token)
}

fn draft<B>(response: &http::Response<B>) -> Option<Value> {
    let text = header(response, "x-draft");
    (!text.is_empty()).then(|| serde_json::from_str(text).unwrap())
}

#[tokio::test]
async fn a_form_is_there_again_after_the_login() {
    let (provider, world) = world().await;
    let (mut browser, token) = at_the_form(&world, &provider, "ann").await;
    world.clock.pass(901);
    let form = format!("csrf={token}&reason=a+%26+b%0D%0A%C3%A9&owner=&cluster=shop");
    let response = browser.post(&world, "/waivers", &form).await;
    assert_eq!(
        (response.status().as_u16(), header(&response, "location")),
        (303, "/login?to=%2Fwaivers%2Fnew")
    );
    assert!(!browser.cookies[DRAFT].contains("reason"), "what was typed is not readable");
    assert!(
        world
            .entries()
            .await
            .iter()
            .all(|entry| entry.action != "Portal.ProposeWaiver" || entry.subject == "anonymous")
    );
    let to = browser.log_in(&world, &provider, "ann", &["people"], "/waivers/new").await;
    assert_eq!(to, "/waivers/new");
    assert_eq!(draft(&browser.get(&world, "/waivers").await), None, "another page");
    let shown = browser.get(&world, "/waivers/new").await;
    let fields = json!([["reason", "a & b\r\n\u{e9}"], ["owner", ""], ["cluster", "shop"]]);
    assert_eq!(draft(&shown), Some(json!(["/waivers", fields])));
    assert_ne!(header(&shown, "x-csrf"), token, "it is sent again with the token of the new session");
    assert!(!browser.cookies.contains_key(DRAFT));
    assert_eq!(draft(&browser.get(&world, "/waivers/new").await), None, "it is shown once");
}

#[tokio::test]
async fn a_form_is_kept_even_if_the_browser_forgot_the_session() {
    let (provider, world) = world().await;
    let (_, token) = at_the_form(&world, &provider, "ann").await;
    let mut browser = Browser::default();
    let response =
        browser.post(&world, "/schedules/nightly/delete", &format!("csrf={token}&confirm=yes")).await;
    assert_eq!(header(&response, "location"), "/login?to=%2Fschedules%2Fnightly");
    browser.log_in(&world, &provider, "ann", &["people"], "/schedules/nightly").await;
    let shown = browser.get(&world, "/schedules/nightly").await;
    assert_eq!(draft(&shown), Some(json!(["/schedules/nightly/delete", [["confirm", "yes"]]])));
}

#[tokio::test]
async fn another_person_does_not_get_it() {
    let (provider, world) = world().await;
    let (mut browser, token) = at_the_form(&world, &provider, "ann").await;
    world.clock.pass(901);
    browser.post(&world, "/waivers", &format!("csrf={token}&reason=secret")).await;
    let before = browser.clone();
    browser.log_in(&world, &provider, "ben", &["people"], "/waivers/new").await;
    assert_eq!(draft(&browser.get(&world, "/waivers/new").await), None);
    assert!(!browser.cookies.contains_key(DRAFT), "it is dropped");
    // After an hour it is nobody's.
    let mut late = before;
    world.clock.pass(3600);
    late.log_in(&world, &provider, "ann", &["people"], "/waivers/new").await;
    assert_eq!(draft(&late.get(&world, "/waivers/new").await), None);
    assert!(!late.cookies.contains_key(DRAFT));
}

#[tokio::test]
async fn nobody_else_plants_a_form() {
    let (provider, world) = world().await;
    let (_, attackers) = at_the_form(&world, &provider, "mallory").await;
    for token in ["forged", &attackers] {
        let mut browser = Browser::default();
        browser.post(&world, "/waivers", &format!("csrf={token}&reason=planted")).await;
        browser.log_in(&world, &provider, "ann", &["people"], "/waivers/new").await;
        assert_eq!(draft(&browser.get(&world, "/waivers/new").await), None, "{token}");
    }
    let mut browser = Browser::default();
    let request = browser.request("POST", "/waivers").header("origin", "https://evil.example");
    let request = request.header("content-type", "application/x-www-form-urlencoded");
    let request = request.body(Full::from(format!("csrf={attackers}&reason=x"))).unwrap();
    assert_eq!(browser.send(&world, request).await.status(), 403);
    assert!(browser.cookies.is_empty(), "another site leaves nothing behind");
}

#[tokio::test]
async fn a_form_that_no_cookie_holds_goes_back_at_once() {
    let (provider, world) = world().await;
    let (mut browser, token) = at_the_form(&world, &provider, "ann").await;
    world.clock.pass(901);
    let reason = "x".repeat(60_000);
    let response = browser.post(&world, "/waivers", &format!("csrf={token}&reason={reason}")).await;
    assert_eq!(response.status(), 401);
    let refusal = response.extensions().get::<PageRefusal>().unwrap();
    let lost = refusal.draft.as_ref().unwrap();
    assert_eq!(
        (lost.action.as_str(), lost.get("reason"), lost.get("csrf")),
        ("/waivers", Some(reason.as_str()), Some(token.as_str()))
    );
    assert_eq!(refusal.login.as_deref(), Some("/login?to=%2Fwaivers%2Fnew"));
    assert!(!browser.cookies.contains_key(DRAFT));
    for (kind, body) in [
        ("application/x-www-form-urlencoded", format!("csrf={token}&reason={}", "x".repeat(70_000))),
        ("multipart/form-data; boundary=a", "--a--".to_owned()),
        ("application/x-www-form-urlencoded", "reason=without+a+token".to_owned()),
    ] {
        let request = browser.request("POST", "/waivers").header("origin", OWN).header("content-type", kind);
        let response = world.send(request.body(Full::from(body)).unwrap()).await;
        assert_eq!(response.status(), 401, "{kind}");
        assert_eq!(response.extensions().get::<PageRefusal>().unwrap().draft, None);
    }
    assert!(browser.cookies.contains_key(SESSION), "an ended session stays until a login takes its place");
}
