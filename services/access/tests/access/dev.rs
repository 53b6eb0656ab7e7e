//! `--dev` serves one machine.

use std::sync::Arc;

use hexproof_access::{Access, DEV_SUBJECT};

use crate::support::{Store, TestClock, World, code, empty, header, rpc};

#[test]
fn addresses_that_others_reach_are_refused() {
    let dev = |address: &str| {
        let store = Arc::new(Store::default());
        Access::dev(address.parse().unwrap(), TestClock::noon(), store.register(), store)
    };
    for address in ["0.0.0.0:80", "10.0.0.1:80", "[::]:80", "[2001:db8::1]:80", "[::ffff:127.0.0.1]:80"] {
        let error = dev(address).err().unwrap().to_string();
        assert!(error.contains("no loopback address") && error.contains(address), "{error}");
    }
    for address in ["127.0.0.1:80", "127.3.2.1:80", "[::1]:80"] {
        assert!(dev(address).is_ok(), "{address}");
    }
}

#[tokio::test]
async fn whoever_calls_is_dev_unless_another_name_is_told() {
    let world = World::dev();
    let call = || rpc("/hexproof.v1.WaiverService/ApproveWaiver").header("x-cluster", "shop");
    assert_eq!(header(&world.send(empty(call())).await, "x-subject"), "dev");
    let ben = world.send(empty(call().header(DEV_SUBJECT, "ben"))).await;
    assert_eq!(header(&ben, "x-subject"), "ben");
    let subjects: Vec<_> = world.entries().await.into_iter().map(|entry| entry.subject).collect();
    assert_eq!(subjects, ["dev", "ben"]);
    let long = "x".repeat(65);
    for name in ["", "a b", long.as_str()] {
        assert_eq!(code(&world.send(empty(call().header(DEV_SUBJECT, name))).await), 3, "{name:?}");
    }
    let submit = rpc("/hexproof.v1.IntakeService/SubmitSnapshot");
    assert_eq!(code(&world.send(empty(submit)).await), 7, "dev is no agent");
}

#[tokio::test]
async fn names_and_pages_from_elsewhere_are_refused() {
    let world = World::dev();
    let host = |name: &str| {
        let path = "/hexproof.v1.MeasureService/ListMeasures";
        http::Request::post(path).header("content-type", "application/grpc").header("host", name)
    };
    for name in ["localhost:8443", "LOCALHOST", "127.0.0.1:8443", "[::1]:8443"] {
        assert_eq!(code(&world.send(empty(host(name))).await), 0, "{name}");
    }
    for name in [
        "evil.example",
        "127.0.0.1.evil.example",
        "localhost.evil.example",
        "10.0.0.1",
        "localhost@evil.example",
        "evil@localhost",
        "",
        "127.1",
    ] {
        assert_eq!(code(&world.send(empty(host(name))).await), 7, "{name}");
    }
    let none = http::Request::get("/livez");
    assert_eq!(world.send(empty(none)).await.status(), 403, "no host at all");
    let two = host("localhost").header("host", "evil.example");
    assert_eq!(code(&world.send(empty(two)).await), 7);
    for (origin, expected) in
        [("http://localhost:3000", 0), ("https://evil.example", 7), ("null", 7), ("http://127.0.0.1", 0)]
    {
        let request = host("localhost").header("origin", origin);
        assert_eq!(code(&world.send(empty(request)).await), expected, "{origin}");
    }
}
