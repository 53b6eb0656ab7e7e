//! Every page by every role, within the scope and beyond it. What is expected stands here once more, by hand: the table
//! of the crate is not asked.

use hexproof_access::policy::pages::PAGES;
use hexproof_access::{AccessConfig, PageRefusal, Peer};
use http::{Request, Response};
use serde_json::json;

use crate::support::{Issuer, SigningKey, World, empty, header};

const RUN: &str = "0b7c9a52-1f04-5e1b-8c3d-9a0f6e5d4c3b";

/// Method and path; who may of C collector, O operator, A auditor, M admin, S the service's certificate, N somebody
/// without a role, - nobody known; whether it is logged.
const TABLE: &[(&str, &str, &str, bool)] = &[
    ("GET", "/assets/portal.css", "COAMSN-", false),
    ("GET", "/", "COAMSN", false),
    ("GET", "/clusters", "OAM", false),
    ("GET", "/clusters/shop", "OAM", false),
    ("POST", "/clusters/shop/audits", "OM", true),
    ("GET", "/clusters/shop/audits/RUN", "OAM", false),
    ("POST", "/clusters/shop/audits/RUN/cancel", "OM", true),
    ("GET", "/packs", "OAM", false),
    ("GET", "/clusters/shop/packs/RUN", "AM", false),
    ("GET", "/clusters/shop/packs/RUN/observations", "AM", false),
    ("GET", "/clusters/shop/packs/RUN/observations/7", "AM", false),
    ("GET", "/clusters/shop/packs/RUN/population", "AM", false),
    ("GET", "/clusters/shop/packs/RUN/changes", "AM", false),
    ("GET", "/clusters/shop/packs/RUN/verification", "AM", false),
    ("GET", "/clusters/shop/packs/RUN/files/pack", "AM", true),
    ("GET", "/measures", "OAM", false),
    ("GET", "/measures/pss-host-path", "OAM", false),
    ("GET", "/schedules", "OAM", false),
    ("GET", "/schedules/new", "OM", false),
    ("POST", "/schedules", "OM", true),
    ("GET", "/schedules/nightly", "OAM", false),
    ("POST", "/schedules/nightly", "OM", true),
    ("POST", "/schedules/nightly/delete", "OM", true),
    ("GET", "/waivers", "OAM", false),
    ("GET", "/waivers/new", "OM", false),
    ("POST", "/waivers", "OM", true),
    ("GET", "/clusters/shop/waivers/w1", "OAM", false),
    ("POST", "/clusters/shop/waivers/w1/approve", "OM", true),
    ("POST", "/clusters/shop/waivers/w1/revoke", "OM", true),
    ("GET", "/access-log", "M", false),
    ("GET", "/verify", "AM", false),
    ("POST", "/verify", "AM", false),
];

fn peer(id: &str) -> Peer {
    Peer { identity: Some((id.parse().unwrap(), "2026-11-25T00:00:00Z".parse().unwrap())) }
}

fn refusal<B>(response: &Response<B>) -> &PageRefusal {
    response.extensions().get::<PageRefusal>().expect("a refusal that a page can tell")
}

#[test]
fn the_expectations_name_every_page_but_those_that_access_answers() {
    let walked: Vec<_> =
        TABLE.iter().map(|&(method, path, _, _)| (method, path.replace("RUN", RUN))).collect();
    for rule in PAGES.iter().filter(|rule| !rule.page.is_answered_by_access()) {
        let found =
            walked.iter().filter(|(method, path)| rule.is_at(path) && *method == rule.method.as_str());
        // `new` may name a schedule too.
        assert!(found.count() >= 1, "{:?} is not walked", rule.page);
    }
    assert_eq!(walked.len(), PAGES.iter().filter(|rule| !rule.page.is_answered_by_access()).count());
}

#[tokio::test]
async fn every_page_admits_its_roles_within_their_scope_and_nobody_else() {
    let key = SigningKey::new("a");
    let issuer = Issuer::start(vec![key.jwk()]).await;
    let grants: Vec<_> = ["operator", "auditor", "admin"]
        .map(|role| json!({"group": role, "roles": [role], "clusters": ["shop"]}))
        .into();
    let world = World::new(&issuer.config(grants.into()), None);
    for &(method, path, admitted, logged) in TABLE {
        let path = path.replace("RUN", RUN);
        for who in "COAMSN-".chars() {
            for cluster in ["shop", "bank", ""] {
                let open = path == "/" || path.starts_with("/assets/");
                if open && !cluster.is_empty() {
                    continue; // They name no cluster.
                }
                world.store.clear();
                let mut builder = Request::builder().method(method).uri(&path);
                if !cluster.is_empty() {
                    builder = builder.header("x-cluster", cluster);
                }
                let group = match who {
                    'O' => Some("operator"),
                    'A' => Some("auditor"),
                    'M' => Some("admin"),
                    'N' => Some("guests"),
                    _ => None,
                };
                builder = match who {
                    'C' => builder.extension(peer("spiffe://example.org/cluster/shop/collector")),
                    'S' => builder.extension(peer("spiffe://example.org/server")),
                    _ => builder,
                };
                if let Some(group) = group {
                    let token = key.token(&issuer.claims("ann", &[group]));
                    builder = builder.header("authorization", format!("Bearer {token}"));
                }
                let expected = match (admitted.contains(who), who, cluster) {
                    (true, _, "bank") => 404,
                    (true, _, _) => 200,
                    (false, '-', _) => 401,
                    (false, _, _) => 403,
                };
                let response = world.send(empty(builder)).await;
                assert_eq!(response.status(), expected, "{method} {path} by {who} for `{cluster}`");
                if matches!(expected, 401 | 403) {
                    assert_eq!(refusal(&response).status, response.status());
                }
                let outcomes: Vec<_> =
                    world.entries().await.into_iter().map(|entry| format!("{:?}", entry.outcome)).collect();
                if expected == 404 {
                    assert_eq!(outcomes, ["Refused"], "{method} {path} by {who}: what is beyond reach");
                }
                if expected == 200 {
                    let wanted: &[&str] = if logged { &["Done"] } else { &[] };
                    assert_eq!(outcomes, wanted, "{method} {path} by {who}");
                }
                world.clock.pass(1);
            }
        }
        for other in ["PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"] {
            let token = key.token(&issuer.claims("ann", &["admin"]));
            let builder = Request::builder().method(other).uri(&path);
            let builder = builder.header("authorization", format!("Bearer {token}"));
            assert_eq!(world.send(empty(builder)).await.status(), 405, "{other} {path}");
        }
        world.entries().await; // These refusals are written before the next page is looked at.
    }
}

#[tokio::test]
async fn a_browser_without_an_identity_is_sent_to_the_login_and_back() {
    let world = World::new(&AccessConfig::default(), None);
    let browser = |method: &str, path: &str| {
        let request = Request::builder().method(method).uri(path);
        empty(request.header("accept", "text/html,application/xhtml+xml;q=0.9,*/*;q=0.8"))
    };
    for (path, to) in [
        ("/", "/login?to=%2F"),
        ("/clusters/shop?from=2026-01-01", "/login?to=%2Fclusters%2Fshop%3Ffrom%3D2026-01-01"),
        ("/access-log", "/login?to=%2Faccess-log"),
    ] {
        let response = world.send(browser("GET", path)).await;
        assert_eq!((response.status().as_u16(), header(&response, "location")), (303, to));
        assert_eq!(header(&response, "cache-control"), "no-store");
    }
    let put = world.send(browser("PUT", "/schedules")).await;
    assert_eq!(
        (put.status().as_u16(), refusal(&put).login.as_deref()),
        (401, Some("/login?to=%2Fschedules"))
    );
    for path in ["/nothing", "/clusters/%2e%2e", "/clusters/shop/", "/hexproof.v1.AuditService/GetAudit/"] {
        let unknown = world.send(browser("GET", path)).await;
        assert_eq!(unknown.status(), 404, "{path}");
        assert_eq!(refusal(&unknown).sentence, "There is no such page.");
    }
    let program = world.send(empty(Request::get("/clusters"))).await;
    assert_eq!((program.status().as_u16(), header(&program, "www-authenticate")), (401, "Bearer"));
}

#[tokio::test]
async fn forms_of_other_sites_are_refused_before_anything_else() {
    let world = World::dev();
    let post = |headers: &[(&str, &str)]| {
        let request = Request::post("/schedules").header("host", "localhost:8443");
        empty(headers.iter().fold(request, |request, (name, value)| request.header(*name, *value)))
    };
    for (headers, status) in [
        (vec![], 200),
        (vec![("origin", "http://localhost:8443"), ("sec-fetch-site", "same-origin")], 200),
        (vec![("origin", "null"), ("sec-fetch-site", "same-origin")], 200),
        (vec![("origin", "null")], 403),
        (vec![("origin", "http://localhost:3000")], 403),
        (vec![("origin", "https://evil.example"), ("sec-fetch-site", "cross-site")], 403),
        (vec![("sec-fetch-site", "cross-site")], 403),
        (vec![("sec-fetch-site", "same-site")], 403),
    ] {
        let response = world.send(post(&headers)).await;
        assert_eq!(response.status(), status, "{headers:?}");
    }
}

#[tokio::test]
async fn at_one_machine_forms_carry_one_token_until_the_process_ends() {
    let world = World::dev();
    async fn page(world: &World, subject: &str) -> String {
        let request = Request::get("/schedules/new").header("host", "localhost");
        let request = request.header(hexproof_access::DEV_SUBJECT, subject);
        header(&world.send(empty(request)).await, "x-csrf").to_owned()
    }
    let token = page(&world, "ann").await;
    assert!(token.len() > 40, "{token}");
    assert_eq!(page(&world, "ben").await, token);
    assert_ne!(page(&World::dev(), "ann").await, token);
}
