//! The pages of packs, over samples: who sees what, what is told first, and that names of strangers stay text.

#![allow(clippy::unwrap_used, reason = "a test ends where it is surprised")]

mod common;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use common::{Answer, World, auditor, caller, operator};
use hexproof_core::access::{Role, Scope};
use hexproof_core::audit::AuditKey;
use hexproof_core::id::ClusterId;
use hexproof_core::port::{CheckPack, CheckState, PackCheck};
use hexproof_testkit::evidence::{Sample, StoreState};
use http::StatusCode;
use jiff::Timestamp;

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn sample(cluster: &str, finished: &str) -> Sample {
    Sample::weak(&cluster.parse::<ClusterId>().unwrap(), at(finished))
}

fn newest() -> AuditKey {
    sample("weak-shop", "2026-11-23T06:00:00Z").key()
}

fn path(key: &AuditKey, rest: &str) -> String {
    format!("/clusters/{}/packs/{}{rest}", key.cluster, key.run)
}

/// Every page of a pack but its files.
const PAGES: [&str; 7] =
    ["", "/observations", "/observations/0", "/observations/40", "/population", "/changes", "/verification"];

async fn shown(world: &World, path: &str) -> String {
    let answer = world.get(auditor(), path).await;
    assert_eq!(answer.status, StatusCode::OK, "{path}: {}", answer.text());
    answer.text()
}

/// Says of every file the same.
struct Always(CheckState, &'static str);

impl CheckPack for Always {
    fn check(&self, _: &[u8]) -> PackCheck {
        PackCheck { state: self.0, steps: vec![("digest".to_owned(), self.0, self.1.to_owned())] }
    }
}

fn h1(page: &str) -> String {
    let start = page.find("<h1>").unwrap() + 4;
    let text = &page[start..start + page[start..].find("</h1>").unwrap()];
    text.replace("<wbr>", "")
}

#[tokio::test]
async fn a_pack_is_told_from_its_title_to_its_files() {
    let world = World::sample().await;
    let page = shown(&world, &path(&newest(), "")).await.replace("<wbr>", "");
    assert!(h1(&page).starts_with("Pack of 23 November 2026 is "), "{}", h1(&page));
    for told in [
        "Download PDF, 20 kB",
        "Verify again",
        "class=\"matrix\"",
        "critical measure",
        "Gates",
        "Since October the low end",
        "Collector",
        "system:serviceaccount:hexproof:collector",
        "limits-of-batch",
        "Population",
        "/files/assessment",
        "/files/snapshot",
        "/files/population",
        "hexproof verify ",
        "layer=container&amp;goal=integrity",
    ] {
        assert!(page.contains(told), "{told}");
    }
    assert!(!page.contains("class=\"warn\""), "nothing is wrong with it");
}

#[tokio::test]
async fn names_of_strangers_stay_text_on_every_page() {
    let world = World::sample().await;
    let key = sample("hostile", "2026-11-20T02:00:00Z").hostile().key();
    let searched = "/observations?words=%3Cscript%3Ealert(1)%3C%2Fscript%3E&namespace=%22%3E%3Cimg%20src=x%20onerror=alert(1)%3E";
    for rest in PAGES.into_iter().chain([searched]) {
        let page = shown(&world, &path(&key, rest)).await;
        for raw in ["<script", "<img", "\u{202e}", "\u{200b}", "\0", " style=", "href=\"javascript:"] {
            assert!(!page.contains(raw), "{rest}: {raw:?}");
        }
    }
    // It is shown all the same.
    let list = shown(&world, &path(&key, "/observations")).await;
    assert!(list.contains("U+202E") && list.contains("&lt;script&gt;"));
}

#[tokio::test]
async fn what_is_out_of_reach_is_as_what_there_is_not() {
    let world = World::sample().await;
    let key = newest();
    let other = caller(&[Role::Auditor], Scope::cluster("core-banking".parse().unwrap()));
    let earlier = caller(
        &[Role::Auditor],
        Scope { until: Some(at("2026-11-01T00:00:00Z")), ..Scope::cluster("weak-shop".parse().unwrap()) },
    );
    for who in [other, earlier.clone()] {
        for rest in PAGES.into_iter().chain(["/files/pack", "/files/snapshot"]) {
            let answer = world.get(who.clone(), &path(&key, rest)).await;
            assert_eq!(answer.status, StatusCode::NOT_FOUND, "{rest}");
        }
        let list = world.get(who, "/packs").await.text();
        assert!(!list.contains(&key.run.to_string()));
    }
    // What lies within the period is there, and is compared with nothing beyond it.
    let october = sample("weak-shop", "2026-10-23T06:00:00Z").key();
    assert_eq!(world.get(earlier.clone(), &path(&october, "")).await.status, StatusCode::OK);
    let since = format!("/changes?since={}", key.run);
    assert_eq!(world.get(earlier, &path(&october, &since)).await.status, StatusCode::NOT_FOUND);
    let late = caller(
        &[Role::Auditor],
        Scope { from: Some(at("2026-11-01T00:00:00Z")), ..Scope::cluster("weak-shop".parse().unwrap()) },
    );
    let page = world.get(late.clone(), &path(&key, "")).await.text();
    assert!(page.contains("First pack of this cluster"), "the one before is out of reach");
    assert!(world.get(late, &path(&key, "/changes")).await.text().contains("Nothing to compare"));
}

#[tokio::test]
async fn a_broken_pack_is_shown_as_broken_first_of_all() {
    let mut world = World::sample().await;
    world.parts.check =
        Arc::new(Always(CheckState::Invalid, "1 byte differs from what was signed, at offset 20 481"));
    for rest in ["", "/observations", "/observations/0", "/population", "/changes"] {
        let page = shown(&world, &path(&newest(), rest)).await;
        assert!(h1(&page).starts_with("This pack is broken. "), "{rest}: {}", h1(&page));
        let (warn, matter) =
            (page.find("class=\"warn\"").unwrap(), page.find("<section").unwrap_or(usize::MAX));
        assert!(warn < matter, "{rest}");
        assert!(page.contains("1 byte differs"), "{rest}");
    }
    let page = shown(&world, &path(&newest(), "/verification")).await;
    assert!(h1(&page).starts_with("Not valid: 1 byte differs"), "{}", h1(&page));
    world.parts.check = Arc::new(Always(CheckState::Unknown, "no authority is trusted"));
    let page = shown(&world, &path(&newest(), "")).await;
    assert!(page.contains("Not verified: no authority is trusted"));
}

#[tokio::test]
async fn what_is_damaged_in_the_store_is_told_and_the_rest_still_stands() {
    let world = World::sample().await;
    world.evidence.damage(&newest());
    let page = shown(&world, &path(&newest(), "")).await;
    assert!(h1(&page).contains("is broken"), "{}", h1(&page));
    assert!(page.contains("Not readable"));
    assert_eq!(
        world.get(auditor(), &path(&newest(), "/observations")).await.status,
        StatusCode::INTERNAL_SERVER_ERROR
    );
    assert!(shown(&world, "/packs").await.contains(&newest().run.to_string()));
    world.evidence.set_state(StoreState::Down);
    let answer = world.get(auditor(), &path(&newest(), "")).await;
    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(answer.text().contains("does not answer"));
}

#[tokio::test]
async fn packs_are_paged_to_the_end_and_a_foreign_place_is_refused() {
    let world = World::many(1, 120).await;
    let mut seen = BTreeSet::new();
    let mut next = Some("/packs".to_owned());
    let mut pages = 0;
    while let Some(address) = next {
        let page = shown(&world, &address).await;
        pages += 1;
        let found: Vec<&str> = page.split("/packs/").skip(1).filter_map(|rest| rest.get(..36)).collect();
        seen.extend(found.into_iter().map(str::to_owned));
        next = page.split("href=\"").skip(1).find_map(|rest| {
            let (address, tail) = rest.split_once('"')?;
            (address.contains("after=") && tail.starts_with(" rel=\"next\""))
                .then(|| address.replace("&amp;", "&"))
        });
    }
    assert_eq!((seen.len(), pages), (120, 3));
    for foreign in
        ["/packs?after=..%2F..%2Fledger", "/packs?after=zzzz", "/packs?from=x", "/packs?cluster=%3Cb%3E"]
    {
        let answer = world.get(auditor(), foreign).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{foreign}");
        assert!(!answer.text().contains("<b>&"), "{foreign}");
    }
    let none = shown(&world, "/packs?from=2030-01-01").await;
    assert!(none.contains("Show all packs"));
    let list = world.get(operator(), "/packs").await.text();
    assert!(!list.contains("/packs/") && !list.contains("/files/"), "operators read no evidence");
}

async fn file(world: &World, headers: &[(&str, &str)]) -> Answer {
    world.get_with(Some(auditor()), &path(&newest(), "/files/pack"), headers).await
}

#[tokio::test]
async fn files_are_sent_whole_or_in_a_range() {
    let world = World::sample().await;
    let whole = file(&world, &[("accept-encoding", "gzip")]).await;
    let pack = sample("weak-shop", "2026-11-23T06:00:00Z").failing(28).pack();
    assert_eq!(whole.bytes.len() as u64, pack.entry.size);
    assert_eq!(whole.headers["etag"], format!("\"{}\"", pack.entry.digest.hex()).as_str());
    assert!(whole.headers.get("content-encoding").is_none());
    assert!(whole.headers["cache-control"].to_str().unwrap().contains("no-store"));
    assert!(whole.headers["content-disposition"].to_str().unwrap().starts_with("attachment; filename=\""));
    assert!(whole.headers["content-security-policy"].to_str().unwrap().contains("sandbox"));
    let part = file(&world, &[("range", "bytes=9-18")]).await;
    assert_eq!((part.status, &part.bytes[..]), (StatusCode::PARTIAL_CONTENT, &whole.bytes[9..19]));
    let beyond = file(&world, &[("range", "bytes=999999999-")]).await;
    assert_eq!(beyond.status, StatusCode::RANGE_NOT_SATISFIABLE);
    world.evidence.damage(&newest());
    assert_eq!(file(&world, &[]).await.status, StatusCode::INTERNAL_SERVER_ERROR);
}

#[tokio::test]
async fn observations_are_filtered_by_their_address() {
    let world = World::sample().await;
    let key = newest();
    let all = shown(&world, &path(&key, "/observations")).await;
    let fails = shown(&world, &path(&key, "/observations?outcome=fail&layer=container")).await;
    assert_ne!(h1(&all), h1(&fails));
    assert!(fails.contains("option value=\"container\" selected") && fails.contains("outcome=fail"));
    assert!(
        fails.contains("observations/") && fails.contains("layer=container&amp;outcome=fail"),
        "links keep the filter"
    );
    let none = shown(&world, &path(&key, "/observations?layer=environment&words=web")).await;
    assert!(none.contains("without the layer “Environment”"), "{none}");
    let beyond = shown(&world, &path(&key, "/observations?page=4000000000")).await;
    assert!(beyond.contains("ends before this page"));
    for refused in ["/observations?layer=x", "/observations?measure=..", "/observations?page=-1"] {
        assert_eq!(
            world.get(auditor(), &path(&key, refused)).await.status,
            StatusCode::BAD_REQUEST,
            "{refused}"
        );
    }
}

#[tokio::test]
async fn an_observation_leads_to_its_neighbours_and_to_a_waiver() {
    let world = World::sample().await;
    let key = newest();
    let assessment = sample("weak-shop", "2026-11-23T06:00:00Z").failing(28).assessment();
    let place = assessment
        .observations
        .iter()
        .position(|one| one.is_open_failure() && one.measure_id.as_str() == "container-no-privileged")
        .unwrap();
    let rest = format!("/observations/{}", place + 1);
    let page = shown(&world, &path(&key, &rest)).await;
    assert!(page.contains(&format!("/observations/{place}\" rel=\"prev\"")), "the one before");
    assert!(page.contains("runs privileged containers") && page.contains("What must hold"));
    assert!(!page.contains("Propose a waiver"), "auditors propose nothing");
    let both = caller(&[Role::Auditor, Role::Operator], Scope::ALL);
    let page = world.get(both, &path(&key, &rest)).await.text();
    assert!(
        page.contains(
            "/waivers/new?cluster=weak-shop&amp;measure=container-no-privileged&amp;kind=Deployment"
        ),
        "{page}"
    );
    let beyond = world.get(auditor(), &path(&key, "/observations/4294967295")).await;
    assert_eq!(beyond.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn changes_are_told_by_cause() {
    let world = World::sample().await;
    let key = newest();
    let page = shown(&world, &path(&key, "/changes")).await;
    assert!(page.contains("2026-10-23") || page.contains("23 October 2026"), "the one before is chosen");
    for told in [
        "How much each cause moved the score",
        "Gates",
        "Cells that moved",
        "How many, and through what",
        "What could be seen",
    ] {
        assert!(page.contains(told), "{told}");
    }
    let april = sample("weak-shop", "2026-04-23T06:00:00Z").key();
    let since = format!("/changes?since={}&kind=better", april.run);
    let page = shown(&world, &path(&key, &since)).await;
    assert!(page.contains("Better, through the cluster") && !page.contains("<h3>Worse"), "{}", h1(&page));
    let foreign = sample("core-banking", "2026-11-22T02:00:00Z").key();
    let since = format!("/changes?since={}", foreign.run);
    assert_eq!(world.get(auditor(), &path(&key, &since)).await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn measures_are_found_and_tell_how_clusters_stand() {
    let world = World::sample().await;
    let list = shown(&world, "/measures?significance=critical&words=privileged").await;
    assert!(list.contains("container-<wbr>no-<wbr>privileged") && h1(&list).starts_with("One of "));
    let one = shown(&world, "/measures/container-no-privileged").await;
    assert!(one.contains("How clusters stand") && one.contains("weak-<wbr>shop"));
    let one = world.get(operator(), "/measures/container-no-privileged").await.text();
    assert!(!one.contains("How clusters stand"), "operators read no evidence");
    assert_eq!(world.get(auditor(), "/measures/no-such").await.status, StatusCode::NOT_FOUND);
    assert_eq!(world.get(auditor(), "/measures?layer=x").await.status, StatusCode::BAD_REQUEST);
}

/// Every page stays within its time where a pack has a hundred thousand observations. The machine of a test may be busy:
/// the best of a few counts, and a build without optimisation gets more time.
#[tokio::test(flavor = "multi_thread")]
async fn pages_are_fast_at_a_hundred_thousand_observations() {
    let world = World::new();
    let shop: ClusterId = "weak-shop".parse().unwrap();
    for finished in ["2026-10-23T06:00:00Z", "2026-11-23T06:00:00Z"] {
        world.evidence.add(Sample::weak(&shop, at(finished)).subjects(11_000).pdf_bytes(3_000_000).pack());
    }
    let portal = world.portal(Some(auditor()));
    let limit = Duration::from_millis(if cfg!(debug_assertions) { 1500 } else { 100 });
    for rest in
        PAGES.into_iter().chain(["/observations?words=web+shop&page=7", "/observations?layer=environment"])
    {
        if rest == "/changes" {
            // The first who asks makes the comparison.
            continue;
        }
        let mut best = Duration::MAX;
        for _ in 0..3 {
            let request = axum::extract::Request::builder()
                .uri(path(&newest(), rest))
                .header("accept", "text/html")
                .body(axum::body::Body::empty())
                .unwrap();
            let start = Instant::now();
            let answer = tower::ServiceExt::oneshot(portal.clone(), request).await.unwrap();
            assert_eq!(answer.status(), StatusCode::OK, "{rest}");
            let bytes = axum::body::to_bytes(answer.into_body(), 8 << 20).await.unwrap();
            best = best.min(start.elapsed());
            assert!(bytes.len() < 600_000, "{rest}: {} bytes", bytes.len());
        }
        println!("{rest:<40} {best:?}");
        assert!(best < limit, "{rest}: {best:?}");
    }
}

#[tokio::test]
async fn a_file_that_was_changed_in_the_store_is_no_pack_whatever_its_seal_says() {
    let world = World::new();
    let shop: ClusterId = "weak-shop".parse().unwrap();
    let mut pack = Sample::weak(&shop, at("2026-11-23T06:00:00Z")).pack();
    let file = pack.files.get_mut(&hexproof_core::access::Artifact::Pack).unwrap();
    let mut bytes = file.to_vec();
    *bytes.last_mut().unwrap() ^= 1;
    *file = bytes.into();
    world.evidence.add(pack);
    let page = shown(&world, &path(&newest(), "")).await;
    assert!(h1(&page).starts_with("This pack is broken."), "{}", h1(&page));
    assert!(page.contains("the stored file is not the one that the audit archived"));
}
