//! Logins by the authorisation code flow: the good, and every way in that must stay shut.

use std::sync::atomic::Ordering;

use hexproof_access::{AccessConfig, PageRefusal};
use hexproof_core::access::{AccessOutcome, Authentication};
use serde_json::{Value, json};

use crate::browser::{Browser, OWN, Provider, SESSION, asked, onward, sentence};
use crate::support::{World, encode, header};

fn grants() -> Value {
    json!([{"group": "auditors", "roles": ["auditor"], "clusters": ["shop"]}])
}

async fn world() -> (Provider, World) {
    let provider = Provider::start().await;
    let world = World::new(&provider.config(&grants(), &[]), None);
    (provider, world)
}

#[tokio::test]
async fn a_person_logs_in_and_is_where_she_wanted_to_be() {
    let (provider, world) = world().await;
    let mut browser = Browser::default();
    let page = "/clusters/shop?from=2026-01-01";
    assert_eq!(browser.log_in(&world, &provider, "ann", &["auditors", "others"], page).await, page);
    assert_eq!(browser.cookies.len(), 1, "the login is forgotten: {:?}", browser.cookies);
    let response = browser.get(&world, page).await;
    assert_eq!(response.status(), 200);
    assert_eq!((header(&response, "x-subject"), header(&response, "x-name")), ("ann", "ann B."));
    assert_eq!(header(&response, "x-roles"), "auditor");
    // Whoever is logged in is not sent to the provider again.
    let again = browser.get(&world, "/login?to=%2Fpacks").await;
    assert_eq!((again.status().as_u16(), header(&again, "location")), (303, "/packs"));
    let entries = world.entries().await;
    let [entry] = entries.as_slice() else { panic!("{entries:?}") };
    assert_eq!((entry.action.as_str(), entry.subject.as_str()), ("Portal.Login", "ann"));
    assert_eq!((entry.authentication, entry.outcome), (Some(Authentication::Oidc), AccessOutcome::Done));
    assert!(entry.object.starts_with("session-"), "{}", entry.object);
}

#[tokio::test]
async fn several_tabs_log_in_beside_each_other() {
    let (provider, world) = world().await;
    let mut browser = Browser::default();
    let first = browser.begin(&world, "/clusters").await;
    let second = browser.begin(&world, "/packs").await;
    assert_ne!(asked(&first)["state"], asked(&second)["state"]);
    for (address, to) in [(first, "/clusters"), (second, "/packs")] {
        let token = provider.key.token(&provider.claims(&address, "ann", &["auditors"]));
        let response = browser.get(&world, &provider.answer(&address, &token)).await;
        assert_eq!(header(&response, "location"), to);
    }
    // Somebody who never ends a login gathers no cookies.
    let mut restless = Browser::default();
    for _ in 0..40 {
        restless.begin(&world, "/clusters").await;
        assert!(restless.cookies.len() <= 7, "{}", restless.cookies.len());
    }
}

#[tokio::test]
async fn nobody_is_ever_sent_to_another_site() {
    let (provider, world) = world().await;
    for to in [
        "//evil.example",
        "/\\evil.example",
        "https:evil.example",
        "https://evil.example/clusters",
        "/clusters\r\nlocation: https://evil.example",
        "/%2fevil.example",
        "javascript:alert(1)",
        "/login?to=/login",
        "/links/a.b",
    ] {
        let mut browser = Browser::default();
        let query: String =
            url::form_urlencoded::Serializer::new(String::new()).append_pair("to", to).finish();
        let response = browser.get(&world, &format!("/login?{query}")).await;
        let address = onward(&response).to_owned();
        assert!(address.starts_with(&provider.url), "{address}");
        let token = provider.key.token(&provider.claims(&address, "ann", &[]));
        let response = browser.get(&world, &provider.answer(&address, &token)).await;
        assert_eq!(header(&response, "location"), "/", "{to:?}");
        // The same for somebody who is logged in already.
        let response = browser.get(&world, &format!("/login?{query}")).await;
        assert_eq!(header(&response, "location"), "/", "{to:?}");
    }
}

/// Spoils an answer of the provider before it reaches the service.
type Spoil = fn(&str, &mut Browser) -> String;

#[tokio::test]
async fn spoiled_answers_log_nobody_in() {
    let (provider, world) = world().await;
    let spoiled: [(&str, Spoil, u16); 14] = [
        ("another state", |answer, _| replaced(answer, "state", &"A".repeat(43)), 403),
        ("no state", |answer, _| replaced(answer, "state", ""), 403),
        ("two states", |answer, _| format!("{answer}&state=a"), 400),
        ("another code", |answer, _| replaced(answer, "code", "code0"), 403),
        ("no code", |answer, _| replaced(answer, "code", ""), 400),
        ("two codes", |answer, _| format!("{answer}&code=a"), 400),
        ("another issuer", |answer, _| replaced(answer, "iss", "https://evil.example"), 403),
        ("no issuer", |answer, _| answer.split("&iss=").next().unwrap().to_owned(), 403),
        ("two issuers", |answer, _| format!("{answer}&iss=a"), 400),
        ("an error beside the code", |answer, _| format!("{answer}&error=access_denied"), 403),
        (
            "an error with markup",
            |answer, _| format!("{answer}&error=%3Cb%3E&error_description=%3Cscript%3E"),
            403,
        ),
        (
            "a browser that began nothing",
            |answer, browser| (browser.cookies.clear(), answer.to_owned()).1,
            403,
        ),
        (
            "a login of another browser",
            |answer, browser| {
                browser.cookies.values_mut().for_each(|value| value.replace_range(20..24, "AAAA"));
                answer.to_owned()
            },
            403,
        ),
        ("an answer without end", |answer, _| format!("{answer}&x={}", "a".repeat(9000)), 400),
    ];
    for (what, spoil, status) in spoiled {
        let mut browser = Browser::default();
        let address = browser.begin(&world, "/packs").await;
        let token = provider.key.token(&provider.claims(&address, "ann", &["auditors"]));
        let answer = spoil(&provider.answer(&address, &token), &mut browser);
        let response = browser.get(&world, &answer).await;
        assert_eq!(response.status(), status, "{what}");
        assert!(!browser.cookies.contains_key(SESSION), "{what}");
        let refusal = response.extensions().get::<PageRefusal>().unwrap();
        assert!(refusal.login.as_ref().is_some_and(|login| login.starts_with("/login?to=%2F")), "{what}");
        assert!(!refusal.sentence.contains('<'), "{what}: {}", refusal.sentence);
        let entries = world.entries().await;
        assert_eq!(entries.last().unwrap().action, "Portal.Login", "{what}");
        assert_eq!(entries.last().unwrap().outcome, AccessOutcome::Refused, "{what}");
        assert_eq!(entries.last().unwrap().subject, "anonymous", "{what}");
    }
}

fn replaced(answer: &str, name: &str, value: &str) -> String {
    let (path, query) = answer.split_once('?').unwrap();
    let pairs = url::form_urlencoded::parse(query.as_bytes());
    let pairs = pairs.map(|(found, old)| match found == name {
        true => (found, value.into()),
        false => (found, old),
    });
    format!("{path}?{}", url::form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish())
}

/// Makes the ID token of an answer from good claims.
type Forge = fn(&Provider, Value) -> String;

fn with(provider: &Provider, mut claims: Value, name: &str, value: Value) -> String {
    claims[name] = value;
    provider.key.token(&claims)
}

#[tokio::test]
async fn bad_id_tokens_log_nobody_in() {
    let (provider, world) = world().await;
    let forged: [(&str, Forge); 14] = [
        ("another nonce", |p, claims| with(p, claims, "nonce", json!("A".repeat(43)))),
        ("no nonce", |p, claims| with(p, claims, "nonce", Value::Null)),
        ("another audience", |p, claims| with(p, claims, "aud", json!("other"))),
        ("the audience of the API", |p, claims| with(p, claims, "aud", json!("hexproof"))),
        ("several audiences and no party", |p, claims| with(p, claims, "aud", json!(["portal", "other"]))),
        ("another party", |p, claims| with(p, claims, "azp", json!("other"))),
        ("another issuer", |p, claims| with(p, claims, "iss", json!("https://evil.example"))),
        ("expired", |p, claims| with(p, claims, "exp", json!(1))),
        ("from the future", |p, claims| with(p, claims, "iat", json!(4_000_000_000_u64))),
        ("nobody", |p, claims| with(p, claims, "sub", json!(""))),
        ("alg none", |_, claims| format!("{}.{}.", encode(&json!({"alg": "none"})), encode(&claims))),
        ("another key", |_, claims| crate::support::SigningKey::new("a").token(&claims)),
        ("an access token", |p, claims| {
            p.key.sign(&json!({"alg": "ES256", "kid": "a", "typ": "at+jwt"}), &claims)
        }),
        ("no token at all", |_, _| "a.b.c".to_owned()),
    ];
    for (what, forge) in forged {
        let mut browser = Browser::default();
        let address = browser.begin(&world, "/packs").await;
        let token = forge(&provider, provider.claims(&address, "ann", &["auditors"]));
        let response = browser.get(&world, &provider.answer(&address, &token)).await;
        assert_eq!(response.status(), 403, "{what}");
        assert!(browser.cookies.is_empty(), "{what}: {:?}", browser.cookies);
        assert!(!sentence(&response).is_empty());
        world.clock.pass(1);
    }
}

#[tokio::test]
async fn a_code_and_a_login_are_used_once() {
    let (provider, world) = world().await;
    let mut browser = Browser::default();
    let address = browser.begin(&world, "/packs").await;
    let before = browser.clone();
    let token = provider.key.token(&provider.claims(&address, "ann", &["auditors"]));
    let answer = provider.answer(&address, &token);
    assert_eq!(browser.get(&world, &answer).await.status(), 303);
    // Somebody who copied everything is later than she.
    let mut thief = before.clone();
    let response = thief.get(&world, &answer).await;
    assert_eq!((response.status().as_u16(), thief.cookies.contains_key(SESSION)), (403, false));
    assert_eq!(sentence(&response), "This login was ended already. Log in again.");
    // She goes back in her own browser, and is still logged in.
    let back = browser.get(&world, &answer).await;
    assert_eq!((back.status().as_u16(), header(&back, "location")), (303, "/"));
    // A code of one login is none of another.
    let mut other = Browser::default();
    let theirs = other.begin(&world, "/packs").await;
    let code = provider.answer(&address, &token);
    let mixed = replaced(&code, "state", &asked(&theirs)["state"]);
    assert_eq!(other.get(&world, &mixed).await.status(), 403, "the verifier is another one");
    // A login that took too long.
    let mut slow = before;
    world.clock.pass(600);
    let answer = provider.answer(&address, &token);
    let response = slow.get(&world, &answer).await;
    assert!(sentence(&response).contains("longer than ten minutes"), "{}", sentence(&response));
}

#[tokio::test]
async fn a_provider_that_fails_is_told_without_its_words() {
    let (provider, world) = world().await;
    for (status, answer, expected) in [
        (500, json!("<b>stack trace</b>"), 502),
        (400, json!({"error": "invalid_client", "error_description": "<b>secret</b>"}), 502),
        (400, json!({"error": "invalid_grant"}), 403),
        (200, json!({"access_token": "a"}), 502),
        (200, json!({"id_token": 5}), 502),
    ] {
        let mut browser = Browser::default();
        let address = browser.begin(&world, "/packs").await;
        provider.state.lock().unwrap().status = Some((status, answer.clone()));
        let back = provider.answer(&address, "x");
        let response = browser.get(&world, &back).await;
        provider.state.lock().unwrap().status = None;
        assert_eq!(response.status(), expected, "{status} {answer}");
        assert!(!sentence(&response).contains("secret") && !sentence(&response).contains("trace"));
        world.clock.pass(1);
    }
    // The same where it does not answer at all, or serves no logins.
    let nowhere = json!({"oidc": {"issuer": "http://127.0.0.1:9", "audience": "x"},
        "login": {"clientId": "portal", "publicUrl": OWN}});
    let lost = World::new(&serde_json::from_value(nowhere).unwrap(), None);
    let response = Browser::default().get(&lost, "/login").await;
    assert_eq!(response.status(), 502);
    assert_eq!(lost.entries().await[0].outcome, AccessOutcome::Failed);
    provider
        .state
        .lock()
        .unwrap()
        .announced
        .insert("authorization_endpoint".into(), json!("http://evil.example/a"));
    let plain = World::new(&provider.config(&grants(), &[]), None);
    assert_eq!(
        Browser::default().get(&plain, "/login").await.status(),
        502,
        "an address without TLS is none"
    );
}

#[tokio::test]
async fn what_the_token_does_not_tell_the_provider_is_asked_for() {
    let (provider, world) = world().await;
    for (told, status) in [
        (json!({"sub": "ann", "groups": ["auditors"]}), 303),
        (json!({"sub": "ben", "groups": ["auditors"]}), 403),
        (json!({"groups": ["auditors"]}), 403),
    ] {
        provider.state.lock().unwrap().userinfo = Some(told.clone());
        let mut browser = Browser::default();
        let address = browser.begin(&world, "/clusters").await;
        let mut claims = provider.claims(&address, "ann", &[]);
        claims.as_object_mut().unwrap().remove("groups");
        let answer = provider.answer(&address, &provider.key.token(&claims));
        assert_eq!(browser.get(&world, &answer).await.status(), status, "{told}");
        if status == 303 {
            assert_eq!(header(&browser.get(&world, "/packs").await, "x-roles"), "auditor");
        }
    }
}

#[tokio::test]
async fn without_a_login_a_page_says_so() {
    let world = World::new(&AccessConfig::default(), None);
    let response = Browser::default().get(&world, "/login?to=%2Fpacks").await;
    assert_eq!(response.status(), 404);
    assert!(sentence(&response).starts_with("Nobody can log in here."));
    let back = Browser::default().get(&world, "/login/return?code=a&state=b").await;
    assert_eq!((back.status().as_u16(), header(&back, "location")), (303, "/login"));
    let dev = World::dev();
    let mut browser = Browser::default();
    let request = browser.request("GET", "/login?to=%2Fpacks");
    let mut request = request.body(Default::default()).unwrap();
    request.headers_mut().insert("host", "localhost".parse().unwrap());
    let response = browser.send(&dev, request).await;
    assert_eq!((response.status().as_u16(), header(&response, "location")), (303, "/packs"));
}

#[tokio::test]
async fn nobody_logs_in_unseen() {
    let (provider, world) = world().await;
    let mut browser = Browser::default();
    let address = browser.begin(&world, "/packs").await;
    let token = provider.key.token(&provider.claims(&address, "ann", &["auditors"]));
    world.store.down.store(true, Ordering::SeqCst);
    let response = browser.get(&world, &provider.answer(&address, &token)).await;
    assert_eq!((response.status().as_u16(), browser.cookies.contains_key(SESSION)), (503, false));
}

#[test]
fn settings_that_cannot_be_meant_are_refused_with_their_name() {
    let start = |login: Value| {
        let oidc = json!({"issuer": "https://a.example", "audience": "x"});
        let config: AccessConfig = serde_json::from_value(json!({"oidc": oidc, "login": login})).unwrap();
        let store = std::sync::Arc::new(crate::support::Store::default());
        let access =
            hexproof_access::Access::new(&config, crate::support::TestClock::noon(), store.register(), store);
        access.err().map(|error| error.to_string()).unwrap_or_default()
    };
    let login = |name: &str, value: Value| {
        let mut login = json!({"clientId": "portal", "publicUrl": OWN});
        login[name] = value;
        start(login)
    };
    assert_eq!(login("clientId", json!("portal")), "");
    for url in [
        "http://a.example",
        "a.example",
        "https://a.example/portal",
        "https://a.example?x",
        "https://u@a.example",
    ] {
        assert!(login("publicUrl", json!(url)).contains("login.publicUrl"), "{url}");
    }
    assert!(login("clientId", json!("")).contains("login.clientId"));
    assert!(login("scopes", json!(["a b"])).contains("login.scopes"));
    assert!(login("sessionMinutes", json!(0)).contains("login.sessionMinutes"));
    assert!(login("sessionMinutes", json!(500)).contains("login.sessionHours"));
    assert!(login("sessionHours", json!(25)).contains("login.sessionHours"));
    assert!(login("clientSecretFile", json!("/nowhere")).contains("/nowhere"));
    let alone: AccessConfig =
        serde_json::from_value(json!({"login": {"clientId": "a", "publicUrl": OWN}})).unwrap();
    let store = std::sync::Arc::new(crate::support::Store::default());
    let clock = crate::support::TestClock::noon();
    let error = hexproof_access::Access::new(&alone, clock, store.register(), store).err().unwrap();
    assert!(error.to_string().contains("oidc"), "{error}");
}
