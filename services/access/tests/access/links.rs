//! Download links give one file for a quarter of an hour, and nothing else.

use hexproof_access::AccessConfig;
use hexproof_core::access::{AccessOutcome, Artifact, Authentication, Link, LinkGrant};
use hexproof_core::audit::AuditKey;
use hexproof_core::digest::Digest;
use hexproof_core::id::RunId;
use hexproof_core::port::Clock as _;
use hexproof_core::register::{RevokedLink, Version};
use jiff::SignedDuration;
use serde_json::json;

use crate::support::{NOON, World, empty, header};

fn grant(minutes: i64) -> LinkGrant {
    let cluster = "shop".parse().unwrap();
    let run = RunId::derive(&cluster, &["x"]);
    let end = NOON.parse::<jiff::Timestamp>().unwrap() + SignedDuration::from_mins(minutes);
    LinkGrant {
        subject: "ann".to_owned(),
        audit: AuditKey { cluster, run },
        artifact: Artifact::Pack,
        digest: Digest::of(b"pack"),
        expires: end,
    }
}

async fn take(world: &World, path: &str) -> u16 {
    world.send(empty(http::Request::get(path))).await.status().as_u16()
}

fn keys(folder: &std::path::Path, names: &[&str]) -> AccessConfig {
    let keys: Vec<_> = names
        .iter()
        .map(|name| {
            let file = folder.join(name);
            std::fs::write(&file, format!("{}\n", name.repeat(16))).unwrap();
            json!({"id": name, "file": file})
        })
        .collect();
    serde_json::from_value(json!({"links": {"baseUrl": "https://evidence.example/", "keys": keys}})).unwrap()
}

fn path(link: &Link) -> &str {
    link.url.strip_prefix("https://evidence.example").unwrap_or(&link.url)
}

#[tokio::test]
async fn a_link_gives_its_file_until_it_ends_and_each_use_is_logged() {
    let world = World::new(&AccessConfig::default(), None);
    let link = world.access.links().create(&grant(10));
    let response = world.send(empty(http::Request::get(&link.url))).await;
    assert_eq!(response.status(), 200);
    assert_eq!(header(&response, "x-digest"), Digest::of(b"pack").to_string());
    assert_eq!(header(&response, "x-roles"), "");
    let entries = world.entries().await;
    let [entry] = entries.as_slice() else { panic!("{entries:?}") };
    assert_eq!((entry.action.as_str(), entry.subject.as_str()), ("Link.Download", "ann"));
    assert_eq!(entry.authentication, Some(Authentication::Link));
    assert_eq!(entry.outcome, AccessOutcome::Done);
    assert_eq!(entry.cluster, Some("shop".parse().unwrap()));
    assert!(entry.object.contains(link.id.as_str()), "{}", entry.object);
    world.clock.pass(599);
    assert_eq!(take(&world, &link.url).await, 200);
    world.clock.pass(1);
    assert_eq!(take(&world, &link.url).await, 403);
    for method in ["HEAD", "POST", "PUT", "DELETE", "OPTIONS"] {
        let fresh = world.access.links().create(&grant(14));
        let request = http::Request::builder().method(method).uri(&fresh.url);
        assert_eq!(world.send(empty(request)).await.status(), 403, "{method}");
    }
}

#[tokio::test]
async fn no_link_lives_longer_than_a_quarter_of_an_hour() {
    let world = World::new(&AccessConfig::default(), None);
    let link = world.access.links().create(&grant(100_000));
    world.clock.pass(899);
    assert_eq!(take(&world, &link.url).await, 200);
    world.clock.pass(1);
    assert_eq!(take(&world, &link.url).await, 403);
}

#[tokio::test]
async fn any_changed_byte_is_refused() {
    let world = World::new(&AccessConfig::default(), None);
    let link = world.access.links().create(&grant(10));
    let token = link.url.strip_prefix("/links/").unwrap();
    for at in 0..token.len() {
        for change in [1_u8, 2, 4, 16, 32] {
            let mut bytes = token.as_bytes().to_vec();
            bytes[at] ^= change;
            let Ok(changed) = String::from_utf8(bytes) else { continue };
            let Ok(uri) = format!("/links/{changed}").parse::<http::Uri>() else { continue };
            let request = http::Request::get(uri);
            assert_ne!(world.send(empty(request)).await.status(), 200, "byte {at} by {change}");
        }
    }
    let long = "a".repeat(5000);
    for odd in ["a", ".", "a.b", &token[1..], &token[..token.len() - 1], &format!("{token}A"), &long] {
        assert_eq!(take(&world, &format!("/links/{odd}")).await, 403, "{odd}");
    }
    assert_eq!(take(&world, &link.url).await, 200);
}

#[tokio::test]
async fn links_of_other_keys_are_refused_and_keys_are_rotated() {
    let folder = tempfile::tempdir().unwrap();
    let old = World::new(&keys(folder.path(), &["k1"]), None);
    let link = old.access.links().create(&grant(10));
    assert!(link.url.starts_with("https://evidence.example/links/"), "{}", link.url);
    let rotated = World::new(&keys(folder.path(), &["k2", "k1"]), None);
    assert_eq!(take(&rotated, path(&link)).await, 200, "the old key is still taken");
    let renewed = rotated.access.links().create(&grant(10));
    assert_eq!(take(&old, path(&renewed)).await, 403, "the new one signs");
    let without = World::new(&keys(folder.path(), &["k2"]), None);
    assert_eq!(take(&without, path(&link)).await, 403);
    // The same name over another key.
    std::fs::create_dir(folder.path().join("b")).unwrap();
    let config = keys(&folder.path().join("b"), &["k1"]);
    std::fs::write(&config.links.keys[0].file, "another key that has thirty-two bytes").unwrap();
    let other = World::new(&config, None);
    assert_eq!(take(&other, path(&link)).await, 403);
    // Two processes without keys do not take each other's links.
    let (one, two) = (World::new(&AccessConfig::default(), None), World::new(&AccessConfig::default(), None));
    assert_eq!(take(&two, &one.access.links().create(&grant(10)).url).await, 403);
}

#[tokio::test]
async fn a_revoked_link_gives_nothing_and_neither_does_one_that_cannot_be_looked_up() {
    let world = World::new(&AccessConfig::default(), None);
    let (link, other) = (world.access.links().create(&grant(10)), world.access.links().create(&grant(10)));
    assert_ne!(link.id, other.id);
    let value = RevokedLink { id: link.id.clone(), cluster: "shop".parse().unwrap() };
    let changed_at = world.clock.now();
    let version = Version { number: 1, changed_by: "ann".into(), changed_at, request: String::new(), value };
    world.store.register().put(&link.id, version).await.unwrap();
    assert_eq!(take(&world, &link.url).await, 403);
    assert_eq!(take(&world, &other.url).await, 200);
    world.store.down.store(true, std::sync::atomic::Ordering::SeqCst);
    assert_eq!(take(&world, &other.url).await, 503);
}

#[test]
fn short_keys_and_keys_of_one_name_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let start = |config: &AccessConfig| {
        let store = std::sync::Arc::new(crate::support::Store::default());
        let clock = crate::support::TestClock::noon();
        let access = hexproof_access::Access::new(config, clock, store.register(), store);
        access.err().unwrap().to_string()
    };
    let config = keys(folder.path(), &["k1"]);
    std::fs::write(&config.links.keys[0].file, "a".repeat(31)).unwrap();
    assert!(start(&config).contains("less than 32 bytes"));
    assert!(start(&keys(folder.path(), &["k1", "k1"])).contains("twice"));
    std::fs::remove_file(&config.links.keys[0].file).unwrap();
    assert!(start(&config).contains("cannot read"));
}
