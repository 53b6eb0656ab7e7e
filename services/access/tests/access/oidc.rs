//! Tokens of an OpenID provider: the good, and every kind of bad.

use std::sync::atomic::Ordering;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hexproof_access::AccessConfig;
use ring::hmac;
use serde_json::{Value, json};

use crate::support::{Issuer, NOON, SigningKey, World, code, empty, encode, header, rpc};

const UNAUTHENTICATED: i32 = 16;
const UNAVAILABLE: i32 = 14;

fn grants() -> Value {
    json!([
        {"group": "auditors-eu", "roles": ["auditor"], "clusters": ["shop"]},
        {"subject": "ben", "roles": ["operator"], "clusters": ["bank"]},
    ])
}

async fn send(world: &World, token: &str) -> i32 {
    let call = rpc("/hexproof.v1.AuditService/GetAudit").header("authorization", format!("Bearer {token}"));
    code(&world.send(empty(call)).await)
}

#[tokio::test]
async fn groups_and_subjects_give_roles_within_their_clusters() {
    let key = SigningKey::new("a");
    let issuer = Issuer::start(vec![key.jwk()]).await;
    let world = World::new(&issuer.config(grants()), None);
    let cases = [
        ("ann", vec!["auditors-eu"], "shop", 0),
        ("ann", vec!["auditors-eu"], "bank", 7),
        ("ann", vec!["auditors-eu-2"], "shop", 7),
        ("ann", vec![], "shop", 7),
        ("ben", vec![], "bank", 0),
        ("ben", vec!["auditors-eu"], "shop", 0),
    ];
    for (subject, groups, cluster, expected) in cases {
        let token = key.token(&issuer.claims(subject, &groups));
        let call = rpc("/hexproof.v1.AuditService/GetAudit")
            .header("authorization", format!("bearer {token}"))
            .header("x-cluster", cluster);
        let response = world.send(empty(call)).await;
        assert_eq!(code(&response), expected, "{subject} {groups:?} {cluster}");
        if expected == 0 {
            assert_eq!(header(&response, "x-subject"), subject);
        }
    }
    assert_eq!(issuer.asked.load(Ordering::SeqCst), 1, "keys are kept");
    // An operator of the bank who audits the shop downloads nothing of the bank.
    let token = key.token(&issuer.claims("ben", &["auditors-eu"]));
    for (cluster, expected) in [("shop", 0), ("bank", 7)] {
        let call = rpc("/hexproof.v1.PackService/DownloadPack")
            .header("authorization", format!("Bearer {token}"))
            .header("x-cluster", cluster);
        assert_eq!(code(&world.send(empty(call)).await), expected, "{cluster}");
    }
}

#[tokio::test]
async fn forged_tokens_and_tokens_for_others_are_refused() {
    let (key, other) = (SigningKey::new("a"), SigningKey::new("a"));
    let issuer = Issuer::start(vec![key.jwk()]).await;
    let world = World::new(&issuer.config(grants()), None);
    let good = issuer.claims("ann", &["auditors-eu"]);
    assert_eq!(send(&world, &key.token(&good)).await, 0);
    let noon = NOON.parse::<jiff::Timestamp>().unwrap().as_second();
    let with = |name: &str, value: Value| {
        let mut claims = good.clone();
        claims[name] = value;
        key.token(&claims)
    };
    let without = |name: &str| {
        let mut claims = good.clone();
        claims.as_object_mut().unwrap().remove(name);
        key.token(&claims)
    };
    let head = |head: Value| key.sign(&head, &good);
    let hs256 = |secret: &[u8], kid: &str| {
        let text =
            format!("{}.{}", encode(&json!({"alg": "HS256", "typ": "JWT", "kid": kid})), encode(&good));
        let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret), text.as_bytes());
        format!("{text}.{}", URL_SAFE_NO_PAD.encode(tag.as_ref()))
    };
    let none = |alg: &str| format!("{}.{}.", encode(&json!({"alg": alg, "typ": "JWT"})), encode(&good));
    let token = key.token(&good);
    let swapped = {
        let mine = key.token(&issuer.claims("mallory", &[]));
        let parts: Vec<&str> = mine.split('.').collect();
        format!("{}.{}.{}", parts[0], encode(&good), parts[2])
    };
    let bad = [
        ("another key with the same name", other.token(&good)),
        ("claims of another signature", swapped),
        ("another audience", with("aud", json!("kubernetes"))),
        ("audiences without ours", with("aud", json!(["a", "hexproof2"]))),
        ("no audience", without("aud")),
        ("another issuer", with("iss", json!("https://login.example"))),
        ("nearly our issuer", with("iss", json!(format!("{}/", issuer.url)))),
        ("expired", with("exp", json!(noon - 31))),
        ("an expiry that is a text", with("exp", json!("9999999999"))),
        ("no expiry", without("exp")),
        ("not valid yet", with("nbf", json!(noon + 31))),
        ("issued in the future", with("iat", json!(noon + 31))),
        ("nobody", without("sub")),
        ("an empty subject", with("sub", json!(""))),
        ("a subject of a certificate", with("sub", json!("spiffe://example.org/server"))),
        ("a subject of Kubernetes", with("sub", json!("system:serviceaccount:a:b"))),
        ("a subject with a line break", with("sub", json!("ann\nben"))),
        ("a logout token by its events", with("events", json!({}))),
        ("a logout token by its type", head(json!({"alg": "ES256", "typ": "logout+jwt", "kid": "a"}))),
        ("a critical extension", head(json!({"alg": "ES256", "crit": ["x"], "kid": "a"}))),
        ("an algorithm of another key", head(json!({"alg": "RS256", "kid": "a"}))),
        ("an algorithm of another curve", head(json!({"alg": "ES384", "kid": "a"}))),
        ("an algorithm of another family", head(json!({"alg": "EdDSA", "kid": "a"}))),
        ("no algorithm", head(json!({"kid": "a"}))),
        ("an unknown key", head(json!({"alg": "ES256", "kid": "b"}))),
        (
            "a key that it brings along",
            other.sign(&json!({"alg": "ES256", "kid": "a", "jwk": other.jwk()}), &good),
        ),
        ("none", none("none")),
        ("None", none("None")),
        ("nothing at all", none("")),
        ("the public key as a secret", hs256(key.public(), "a")),
        ("the JWK as a secret", hs256(key.jwk().to_string().as_bytes(), "a")),
        ("an empty secret", hs256(b"", "a")),
        ("no signature", token.rsplit_once('.').unwrap().0.to_owned() + "."),
        ("two parts", token.rsplit_once('.').unwrap().0.to_owned()),
        ("four parts", format!("{token}.a")),
        ("padding", format!("{token}=")),
        ("garbage", "a.b.c".to_owned()),
        ("too large", format!("{token}{}", "a".repeat(17_000))),
    ];
    for (what, token) in bad {
        assert_eq!(send(&world, &token).await, UNAUTHENTICATED, "{what}");
        world.clock.pass(0);
    }
    // Within the leeway all is well.
    assert_eq!(send(&world, &with("exp", json!(noon - 29))).await, 0);
    assert_eq!(send(&world, &with("aud", json!(["a", "hexproof"]))).await, 0);
    assert_eq!(
        send(&world, &head(json!({"alg": "ES256", "typ": "at+jwt"}))).await,
        0,
        "one key needs no name"
    );
    assert_eq!(send(&world, &token).await, 0);
    let logged = world.entries().await;
    assert!(logged.len() >= 30, "refusals are logged: {}", logged.len());
    assert!(logged.iter().all(|entry| entry.subject == "anonymous"), "what is claimed is not believed");
}

#[tokio::test]
async fn any_flipped_bit_of_a_signature_or_claim_is_refused() {
    let key = SigningKey::new("a");
    let issuer = Issuer::start(vec![key.jwk()]).await;
    let world = World::new(&issuer.config(grants()), None);
    let token = key.token(&issuer.claims("ann", &["auditors-eu"]));
    for at in 0..token.len() {
        let mut bytes = token.clone().into_bytes();
        bytes[at] = if bytes[at] == b'A' { b'B' } else { b'A' };
        let changed = String::from_utf8(bytes).unwrap();
        assert_eq!(send(&world, &changed).await, UNAUTHENTICATED, "byte {at}");
    }
}

#[tokio::test]
async fn keys_are_rotated_and_the_provider_is_not_asked_too_often() {
    let (old, new) = (SigningKey::new("old"), SigningKey::new("new"));
    let issuer = Issuer::start(vec![old.jwk()]).await;
    let world = World::new(&issuer.config(grants()), None);
    let claims = issuer.claims("ann", &["auditors-eu"]);
    assert_eq!(send(&world, &old.token(&claims)).await, 0);
    *issuer.keys.lock().unwrap() = vec![new.jwk()];
    for _ in 0..50 {
        assert_eq!(send(&world, &new.token(&claims)).await, UNAUTHENTICATED, "too early to ask again");
    }
    assert_eq!(issuer.asked.load(Ordering::SeqCst), 1);
    world.clock.pass(31);
    assert_eq!(send(&world, &new.token(&claims)).await, 0);
    assert_eq!(send(&world, &old.token(&claims)).await, UNAUTHENTICATED, "a withdrawn key");
    assert_eq!(issuer.asked.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn a_withdrawn_key_ends_within_the_hour_without_any_new_token() {
    let key = SigningKey::new("a");
    let issuer = Issuer::start(vec![key.jwk()]).await;
    let world = World::new(&issuer.config(grants()), None);
    let mut claims = issuer.claims("ann", &["auditors-eu"]);
    claims["exp"] = json!(4_000_000_000_u64);
    assert_eq!(send(&world, &key.token(&claims)).await, 0);
    *issuer.keys.lock().unwrap() = vec![SigningKey::new("b").jwk()];
    world.clock.pass(3601);
    assert_eq!(send(&world, &key.token(&claims)).await, UNAUTHENTICATED);
}

#[tokio::test]
async fn a_provider_that_does_not_answer_is_no_reason_to_send_callers_away_for_good() {
    let key = SigningKey::new("a");
    let issuer = Issuer::start(vec![key.jwk()]).await;
    *issuer.name.lock().unwrap() = Some("https://login.example".to_owned());
    let world = World::new(&issuer.config(grants()), None);
    let token = key.token(&issuer.claims("ann", &["auditors-eu"]));
    assert_eq!(send(&world, &token).await, UNAVAILABLE, "it calls itself otherwise");
    *issuer.name.lock().unwrap() = None;
    world.clock.pass(31);
    assert_eq!(send(&world, &token).await, 0);
    // Keys outlive a short outage.
    *issuer.name.lock().unwrap() = Some("https://login.example".to_owned());
    world.clock.pass(3500);
    assert_eq!(send(&world, &token).await, 0);
}

#[tokio::test]
async fn secrets_and_keys_for_encryption_in_the_key_set_are_no_keys() {
    let key = SigningKey::new("a");
    let mut encryption = key.jwk();
    encryption["use"] = json!("enc");
    let secret = json!({"kty": "oct", "kid": "a", "k": URL_SAFE_NO_PAD.encode("secret")});
    let mut stated = key.jwk();
    stated["alg"] = json!("ES384");
    let issuer = Issuer::start(vec![secret, encryption, stated, json!(null), json!({"kty": "x"})]).await;
    let world = World::new(&issuer.config(grants()), None);
    let token = key.token(&issuer.claims("ann", &["auditors-eu"]));
    assert_eq!(send(&world, &token).await, UNAVAILABLE, "no key that could be used");
}

#[tokio::test]
async fn claims_may_be_named_otherwise() {
    let key = SigningKey::new("a");
    let issuer = Issuer::start(vec![key.jwk()]).await;
    let config = json!({"oidc": {"issuer": issuer.url, "audience": "hexproof", "subjectClaim": "email",
        "groupsClaim": "/realm_access/roles",
        "grants": [{"group": "g", "roles": ["auditor"], "clusters": "all"}]}});
    let world = World::new(&serde_json::from_value(config).unwrap(), None);
    let mut claims = issuer.claims("123", &[]);
    claims["realm_access"] = json!({"roles": ["g"]});
    claims["email"] = json!("ann@example.org");
    assert_eq!(send(&world, &key.token(&claims)).await, 0);
    claims["email_verified"] = json!(false);
    assert_eq!(send(&world, &key.token(&claims)).await, UNAUTHENTICATED);
    claims["email_verified"] = json!("true");
    assert_eq!(send(&world, &key.token(&claims)).await, UNAUTHENTICATED);
}

#[tokio::test]
async fn odd_headers_are_refused() {
    let key = SigningKey::new("a");
    let issuer = Issuer::start(vec![key.jwk()]).await;
    let world = World::new(&issuer.config(grants()), None);
    let token = key.token(&issuer.claims("ann", &["auditors-eu"]));
    let call = || rpc("/hexproof.v1.AuditService/GetAudit");
    for value in ["", "Bearer", "Bearer ", "Basic YTpi", &token] {
        assert_eq!(
            code(&world.send(empty(call().header("authorization", value))).await),
            UNAUTHENTICATED,
            "{value}"
        );
    }
    let bytes = http::HeaderValue::from_bytes(b"Bearer \xff").unwrap();
    assert_eq!(code(&world.send(empty(call().header("authorization", bytes))).await), UNAUTHENTICATED);
    let bearer = format!("Bearer {token}");
    let two = call().header("authorization", &bearer).header("authorization", &bearer);
    assert_eq!(code(&world.send(empty(two)).await), UNAUTHENTICATED, "two headers");
    let peer = hexproof_access::Peer {
        identity: Some((
            "spiffe://example.org/cluster/shop/collector".parse().unwrap(),
            "2026-11-25T00:00:00Z".parse().unwrap(),
        )),
    };
    let both = call().header("authorization", &bearer).extension(peer.clone());
    assert_eq!(code(&world.send(empty(both)).await), UNAUTHENTICATED, "two identities");
    world.clock.pass(86_400);
    let late = rpc("/hexproof.v1.IntakeService/SubmitSnapshot").extension(peer);
    assert_eq!(code(&world.send(empty(late)).await), UNAUTHENTICATED, "the certificate ended meanwhile");
    let large = call().header("x-large", "a".repeat(33_000));
    assert_eq!(code(&world.send(empty(large)).await), 8);
    let large = http::Request::get("/livez").header("x-large", "a".repeat(33_000));
    assert_eq!(world.send(empty(large)).await.status(), 431);
    let web = http::Request::post("/hexproof.v1.AuditService/GetAudit")
        .header("content-type", "application/grpc-web+proto");
    let response = world.send(empty(web)).await;
    assert_eq!((code(&response), header(&response, "content-type")), (16, "application/grpc-web+proto"));
}

#[test]
fn settings_that_cannot_be_meant_are_refused_with_their_name() {
    let start = |oidc: Value| {
        let config: AccessConfig = serde_json::from_value(json!({"oidc": oidc})).unwrap();
        let store = std::sync::Arc::new(crate::support::Store::default());
        let clock = crate::support::TestClock::noon();
        let access = hexproof_access::Access::new(&config, clock, store.register(), store);
        access.err().map(|error| error.to_string()).unwrap_or_default()
    };
    let grant = json!({"group": "a", "roles": ["auditor"], "clusters": "all"});
    assert_eq!(start(json!({"issuer": "https://a.example", "audience": "x", "grants": [grant]})), "");
    for issuer in ["http://a.example", "a.example", "ftp://a.example", "https://a.example?x", "file:///etc"] {
        let error = start(json!({"issuer": issuer, "audience": "x"}));
        assert!(error.contains("oidc.issuer"), "{issuer}: {error}");
    }
    assert!(start(json!({"issuer": "https://a.example", "audience": ""})).contains("oidc.audience"));
    let nobody = json!({"roles": ["auditor"], "clusters": "all"});
    let error = start(json!({"issuer": "https://a.example", "audience": "x", "grants": [nobody]}));
    assert!(error.contains("oidc.grants[0]"), "{error}");
}

#[tokio::test]
async fn a_key_is_used_with_its_own_algorithms_alone() {
    let key = SigningKey::new("a");
    let modulus = URL_SAFE_NO_PAD.encode([0xab; 256]);
    let rsa = json!({"kty": "RSA", "kid": "rsa", "n": modulus, "e": "AQAB"});
    let ed = json!({"kty": "OKP", "crv": "Ed25519", "kid": "ed", "x": URL_SAFE_NO_PAD.encode([7; 32])});
    let issuer = Issuer::start(vec![key.jwk(), rsa, ed]).await;
    let world = World::new(&issuer.config(grants()), None);
    let claims = issuer.claims("ann", &["auditors-eu"]);
    for kid in ["a", "rsa", "ed"] {
        for alg in ["ES256", "ES384", "RS256", "PS256", "EdDSA", "RS512", "PS512", "ES512", "HS512"] {
            let token = key.sign(&json!({"alg": alg, "kid": kid}), &claims);
            let expected = if (kid, alg) == ("a", "ES256") { 0 } else { UNAUTHENTICATED };
            assert_eq!(send(&world, &token).await, expected, "{alg} with the key {kid}");
        }
    }
}
