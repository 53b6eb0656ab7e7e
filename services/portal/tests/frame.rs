//! What holds for every page: headers, well-formed markup without script or style, names that stay text, sizes on the
//! wire, the overview and the page of a cluster when the store is down and when there is much to show.

#![allow(clippy::unwrap_used, reason = "a test ends where it is surprised")]

mod common;

use std::collections::BTreeSet;
use std::io::Read as _;
use std::path::Path;
use std::time::{Duration, Instant};

use common::{Answer, World, admin, auditor, caller, operator};
use hexproof_core::access::{Role, Scope};
use hexproof_testkit::evidence::{HOSTILE, Sample, StoreState};
use http::StatusCode;

/// Pages of every kind; those of a pack have tests of their own.
fn paths() -> Vec<String> {
    let pack = Sample::weak(&"hostile".parse().unwrap(), "2026-11-20T02:00:00Z".parse().unwrap()).key().run;
    let mut paths: Vec<String> = [
        "/clusters",
        "/clusters?q=%3Cscript%3Ealert(1)%3C/script%3E&rating=D&sort=name&page=9",
        "/clusters/weak-shop",
        "/clusters/core-banking",
        "/clusters/hostile",
        "/clusters/lab",
        "/packs",
        "/measures",
        "/schedules",
        "/schedules/new",
        "/schedules/weekly",
        "/waivers",
        "/waivers/new",
        "/access-log",
        "/verify",
    ]
    .map(str::to_owned)
    .to_vec();
    for page in ["", "/observations", "/observations/0", "/population", "/verification", "/changes"] {
        paths.push(format!("/clusters/hostile/packs/{pack}{page}"));
    }
    paths
}

/// Elements that have no end.
const VOID: [&str; 7] = ["meta", "link", "input", "br", "wbr", "hr", "img"];

/// Reads a page as strictly as XML would: what was opened is closed in order, ids stand once.
fn check_markup(path: &str, page: &str) {
    let mut open: Vec<String> = Vec::new();
    let mut ids = BTreeSet::new();
    let mut rest = page.strip_prefix("<!DOCTYPE html>").unwrap_or_else(|| panic!("{path}: no doctype"));
    while let Some(start) = rest.find('<') {
        assert!(
            !rest[..start].contains('>'),
            "{path}: a lone > before {}",
            &rest[start..rest.len().min(start + 60)]
        );
        rest = &rest[start + 1..];
        // The end is outside of quotes.
        let mut quoted = false;
        let end = rest
            .char_indices()
            .find(|(_, char)| {
                quoted ^= *char == '"';
                *char == '>' && !quoted
            })
            .map(|(at, _)| at)
            .unwrap_or_else(|| panic!("{path}: a tag without an end"));
        let tag = &rest[..end];
        rest = &rest[end + 1..];
        if let Some(name) = tag.strip_prefix('/') {
            assert_eq!(open.pop().as_deref(), Some(name), "{path}");
            continue;
        }
        let name = tag.split([' ', '/', '\n']).next().unwrap();
        assert!(name.bytes().all(|byte| byte.is_ascii_alphanumeric()), "{path}: <{tag}>");
        assert!(!["script", "style", "iframe", "object", "embed", "base"].contains(&name), "{path}: <{tag}>");
        for attribute in attributes(path, tag) {
            let (name, value) = attribute;
            assert!(name != "style" && !name.starts_with("on"), "{path}: {name} in <{tag}>");
            if name == "id" {
                assert!(ids.insert(value.to_owned()), "{path}: two elements are `{value}`");
            }
            if name == "href" || name == "action" {
                assert!(value.starts_with('/') || value.starts_with('#'), "{path}: leads to {value}");
            }
        }
        if !VOID.contains(&name) {
            open.push(name.to_owned());
        }
    }
    assert_eq!(open, Vec::<String>::new(), "{path}");
    let named = |attribute: &str| {
        let mark = format!(" {attribute}=\"");
        let mut out = Vec::new();
        let mut rest = page;
        while let Some(at) = rest.find(&mark) {
            rest = &rest[at + mark.len()..];
            out.extend(rest[..rest.find('"').unwrap()].split(' ').map(str::to_owned));
        }
        out
    };
    for attribute in ["aria-labelledby", "aria-describedby", "for"] {
        for id in named(attribute) {
            assert!(ids.contains(&id), "{path}: {attribute} names `{id}`, which is not there");
        }
    }
    for needed in ["<html lang=\"en\">", "<main id=\"main\"", "name=\"viewport\"", "name=\"color-scheme\""] {
        assert!(page.contains(needed), "{path}: {needed}");
    }
    assert_eq!(page.matches("<h1").count(), 1, "{path}");
}

fn attributes<'a>(path: &str, tag: &'a str) -> Vec<(&'a str, &'a str)> {
    let mut out = Vec::new();
    let mut rest = tag.split_once([' ', '\n']).map_or("", |(_, rest)| rest);
    while !rest.trim().is_empty() {
        rest = rest.trim_start();
        let name = &rest[..rest.find(['=', ' ']).unwrap_or(rest.len())];
        rest = &rest[name.len()..];
        match rest.strip_prefix("=\"") {
            Some(value) => {
                let end = value.find('"').unwrap_or_else(|| panic!("{path}: <{tag}>"));
                out.push((name, &value[..end]));
                rest = &value[end + 1..];
            }
            None => {
                assert!(rest.is_empty() || rest.starts_with(' '), "{path}: <{tag}>");
                out.push((name, ""));
            }
        }
    }
    out
}

fn says(answer: &Answer, name: &str) -> String {
    answer.headers.get(name).map_or_else(String::new, |value| value.to_str().unwrap().to_owned())
}

#[tokio::test]
async fn every_page_is_well_formed_without_script_and_style_and_tells_browsers_to_be_careful() {
    let world = World::sample().await;
    for path in paths() {
        let answer = world.get(admin(), &path).await;
        assert_eq!(answer.status, StatusCode::OK, "{path}");
        check_markup(&path, &answer.text());
        let policy = says(&answer, "content-security-policy");
        for part in ["default-src 'none'", "style-src 'self'", "base-uri 'none'", "frame-ancestors 'none'"] {
            assert!(policy.contains(part), "{path}: {policy}");
        }
        assert!(!policy.contains("unsafe"), "{path}: {policy}");
        for (name, value) in [
            ("cache-control", "no-store"),
            ("x-content-type-options", "nosniff"),
            ("referrer-policy", "no-referrer"),
            ("cross-origin-opener-policy", "same-origin"),
            ("cross-origin-resource-policy", "same-origin"),
            ("strict-transport-security", "max-age=31536000"),
        ] {
            assert!(says(&answer, name).contains(value), "{path}: {name}: {}", says(&answer, name));
        }
        assert!(says(&answer, "permissions-policy").contains("camera=()"), "{path}");
    }
}

#[tokio::test]
async fn names_of_strangers_stay_text() {
    let world = World::sample().await;
    for path in paths() {
        let page = world.get(admin(), &path).await.text();
        for hostile in HOSTILE.iter().filter(|name| name.contains('<') || name.contains('"')) {
            assert!(!page.contains(hostile), "{path}: {hostile}");
        }
        assert!(!page.contains("<script") && !page.contains("<img"), "{path}");
        assert!(
            !page.chars().any(|char| char != '\n' && hexproof_core::text::is_unprintable(char)),
            "{path}: a character that is not seen"
        );
    }
    let page = world.get(admin(), "/clusters/hostile").await.text();
    assert!(page.contains("&lt;script&gt;"), "the name is told as it is");
}

#[tokio::test]
async fn refusals_are_pages_for_people_and_a_line_for_programs() {
    let world = World::sample().await;
    let other = caller(&[Role::Auditor], Scope::cluster("lab".parse().unwrap()));
    let foreign = world.get(other.clone(), "/clusters/weak-shop").await;
    let missing = world.get(other.clone(), "/clusters/nowhere").await;
    for (answer, name) in [(&foreign, "weak-shop"), (&missing, "nowhere")] {
        assert_eq!(answer.status, StatusCode::NOT_FOUND);
        check_markup(name, &answer.text());
        assert!(says(answer, "cache-control").contains("no-store"));
    }
    let same = |answer: &Answer, name: &str| answer.text().replace(name, "x").replace("<wbr>", "");
    assert_eq!(
        same(&foreign, "weak-shop").len(),
        same(&missing, "nowhere").len(),
        "nobody learns which there are"
    );
    let line = world.get_with(Some(other), "/clusters/nowhere", &[("accept", "*/*")]).await;
    assert_eq!(line.text(), "There is no cluster `nowhere` that you may see.\n");
    let nobody = world.get_with(None, "/clusters", &[("accept", "text/html")]).await;
    assert_eq!(nobody.status, StatusCode::UNAUTHORIZED);
    check_markup("nobody", &nobody.text());
    assert!(nobody.text().contains("href=\"/login"));
    let elsewhere = world.get(auditor(), "/no/such/page").await;
    assert_eq!(elsewhere.status, StatusCode::NOT_FOUND);
    check_markup("elsewhere", &elsewhere.text());
}

#[tokio::test]
async fn the_overview_and_all_it_needs_fit_into_sixty_kilobytes() {
    let world = World::many(60, 8).await;
    let headers = [("accept", "text/html"), ("accept-encoding", "gzip, deflate, br")];
    let page = world.get_with(Some(auditor()), "/clusters", &headers).await;
    assert_eq!(says(&page, "content-encoding"), "gzip");
    let mut text = String::new();
    flate2::read::GzDecoder::new(&page.bytes[..]).read_to_string(&mut text).unwrap();
    let mut total = page.bytes.len();
    let mut sizes = vec![("/clusters".to_owned(), total)];
    for address in text.split('"').filter(|part| part.starts_with("/assets/")).collect::<BTreeSet<_>>() {
        let asset = world.get_with(None, address, &headers).await;
        assert_eq!(asset.status, StatusCode::OK);
        assert!(says(&asset, "cache-control").contains("immutable"), "{address}");
        let tag = says(&asset, "etag");
        let again = world.get_with(None, address, &[("if-none-match", &tag)]).await;
        assert_eq!((again.status, again.bytes.len()), (StatusCode::NOT_MODIFIED, 0));
        total += asset.bytes.len();
        sizes.push((address.to_owned(), asset.bytes.len()));
    }
    println!("{total} bytes: {sizes:?}");
    // The fonts for identifiers and for cells load where they are used, and here they are not.
    assert!(!text.contains("<code"), "another font would load");
    assert!(total < 60_000, "{total}: {sizes:?}");
    let unknown = world.get_with(None, "/assets/portal-0000000000000000.css", &[]).await;
    assert_eq!(unknown.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn what_the_store_knew_is_shown_while_it_is_down() {
    let world = World::sample().await;
    world.records.set_down(true);
    world.evidence.set_state(StoreState::Down);
    let overview = world.get(auditor(), "/clusters").await;
    assert_eq!(overview.status, StatusCode::OK);
    let text = overview.text();
    assert!(text.contains("The evidence store does not answer.") && text.contains("weak-"), "{text}");
    check_markup("overview", &text);
    let cluster = world.get(auditor(), "/clusters/weak-shop").await;
    assert_eq!(cluster.status, StatusCode::OK);
    let text = cluster.text();
    assert!(text.contains("The evidence store does not answer.") && text.contains("rated"), "{text}");
    check_markup("cluster", &text);
    world.evidence.set_state(StoreState::Silent);
    let overview = world.get(auditor(), "/clusters").await;
    assert_eq!(overview.status, StatusCode::OK);
    assert!(overview.text().contains("Nothing is known of the clusters at the moment."));
}

#[tokio::test]
async fn operators_see_ratings_and_schedules_but_no_evidence() {
    let world = World::sample().await;
    let text = world.get(operator(), "/clusters").await.text();
    assert!(text.contains("rated D") && text.contains("in 4 days"), "{text}");
    let text = world.get(operator(), "/clusters/weak-shop").await.text();
    assert!(text.contains("Start audit") && text.contains("is shown to auditors"), "{text}");
    assert!(!text.contains("/observations") && !text.contains("/files/"), "{text}");
    let text = world.get(auditor(), "/clusters/weak-shop").await.text();
    assert!(!text.contains("Start audit") && text.contains("/observations?"), "{text}");
}

#[tokio::test]
async fn a_period_shows_its_packs_and_no_others() {
    let world = World::sample().await;
    let until = Some("2026-07-01T00:00:00Z".parse().unwrap());
    let past = caller(&[Role::Auditor], Scope { until, ..Scope::ALL });
    let text = world.get(past, "/clusters/weak-shop").await.text();
    assert!(
        text.contains("23 Jun 2026") && !text.contains("23 Jul 2026") && !text.contains("Nov 2026"),
        "{text}"
    );
}

#[tokio::test]
async fn the_letters_of_a_cell_follow_from_what_was_seen() {
    for failing in [0, 20, 60] {
        let at = "2026-11-20T02:00:00Z".parse().unwrap();
        let assessment = Sample::weak(&"shop".parse().unwrap(), at).failing(failing).assessment();
        let cells = assessment.matrix.iter().chain(&assessment.goals).chain(&assessment.layers);
        for cell in cells.chain([&assessment.overall]).filter(|cell| cell.measures > 0) {
            let (width, unseen) = (cell.score_high - cell.score_low, 100.0 - cell.coverage);
            assert!((width - unseen).abs() < 1e-6, "{cell:?}");
        }
    }
}

#[tokio::test]
async fn a_thousand_clusters_are_shown_in_time() {
    let world = World::many(1000, 8).await;
    for path in
        ["/clusters", "/clusters?sort=age&page=20", "/clusters?q=cluster-0777", "/clusters/cluster-0777"]
    {
        world.get(auditor(), path).await;
        let since = Instant::now();
        let answer = world.get(auditor(), path).await;
        let took = since.elapsed();
        assert_eq!(answer.status, StatusCode::OK);
        println!("{path}: {took:?}, {} bytes", answer.bytes.len());
        // Tests are not optimised and share the machine; the figure of the service is a tenth of a second.
        let most = if cfg!(debug_assertions) { Duration::from_secs(2) } else { Duration::from_millis(100) };
        assert!(took < most, "{path}: {took:?}");
    }
}

#[test]
fn markup_is_made_by_the_macro_alone() {
    // Whatever passes by it would not be escaped.
    let allowed: [&str; 0] = [];
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("src")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let text = std::fs::read_to_string(&path).unwrap();
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            let escapes = text.contains(concat!("Pre", "Escaped"));
            assert!(!escapes || allowed.contains(&name.as_str()), "{}", path.display());
        }
    }
}
