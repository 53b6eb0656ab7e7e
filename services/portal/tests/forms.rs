//! What people send: schedules, waivers, audits. Each form does what the RPC does, keeps what was typed, and says what
//! is wrong at its field.

#![allow(clippy::unwrap_used, reason = "a test may fail by panicking")]

mod common;

use axum::body::Body;
use axum::body::to_bytes;
use axum::extract::Request;
use common::{Answer, World, auditor, caller, header_is, operator};
use hexproof_access::Draft;
use hexproof_core::access::{AccessEntry, AccessOutcome, Authentication, Caller, Role, Scope};
use hexproof_core::port::AccessLog as _;
use hexproof_testkit::evidence::HOSTILE;
use http::{StatusCode, header};
use tower::ServiceExt as _;
use url::form_urlencoded::Serializer;

const TOKEN: (&str, &str) = ("csrf", "token-of-the-session");

/// What a browser of this caller gets for a form.
async fn send(world: &World, caller: Caller, path: &str, fields: &[(&str, &str)]) -> Answer {
    let body = Serializer::new(String::new()).extend_pairs(fields).finish();
    let request = Request::post(path)
        .header("accept", "text/html")
        .header("content-type", "application/x-www-form-urlencoded")
        .body(Body::from(body))
        .unwrap();
    let (head, body) = world.portal(Some(caller)).oneshot(request).await.unwrap().into_parts();
    Answer {
        status: head.status,
        headers: head.headers,
        bytes: to_bytes(body, 64 << 20).await.unwrap().to_vec(),
    }
}

/// Where an answer leads.
fn location(answer: &Answer) -> String {
    assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", answer.text());
    answer.headers[header::LOCATION].to_str().unwrap().to_owned()
}

/// A page in one line without tags.
fn text(answer: &Answer) -> String {
    let (mut out, mut inside) = (String::new(), false);
    for char in answer.text().chars() {
        match char {
            '<' => inside = true,
            '>' => inside = false,
            char if !inside => out.push(char),
            _ => {}
        }
    }
    out
}

/// The value of a field of a form that was drawn.
fn value(answer: &Answer, name: &str) -> String {
    let text = answer.text();
    let at = text.find(&format!("name=\"{name}\"")).unwrap_or_else(|| panic!("{name}: {text}"));
    // Of the element alone, whatever else stands in it.
    let element = &text[at..at + text[at..].find('>').unwrap()];
    let (_, rest) = element.split_once(" value=\"").unwrap_or_else(|| panic!("{name}: {element}"));
    rest[..rest.find('"').unwrap()].to_owned()
}

fn person(name: &str) -> Caller {
    Caller { subject: name.to_owned(), ..operator() }
}

const NIGHTLY: [(&str, &str); 6] = [
    TOKEN,
    ("request", "r-1"),
    ("cluster", "weak-shop"),
    ("cron", "0 2 * * 1-5"),
    ("time_zone", "Europe/Berlin"),
    ("jitter", "10"),
];

#[tokio::test]
async fn a_schedule_is_made_once_however_often_the_button_is_pressed() {
    let world = World::sample().await;
    let form = world.get(operator(), "/schedules/new?cluster=weak-shop").await;
    assert_eq!(value(&form, "cluster"), "weak-shop");
    assert_eq!(value(&form, "request").len(), 32);
    let first = location(&send(&world, operator(), "/schedules", &NIGHTLY).await);
    let second = location(&send(&world, operator(), "/schedules", &NIGHTLY).await);
    assert_eq!(first, second);
    assert!(first.ends_with("?done=schedule-created"), "{first}");
    let page = world.get(operator(), &first).await;
    assert_eq!(page.status, StatusCode::OK);
    let shown = text(&page);
    for part in [
        "Monday to Friday at 02:00",
        "Wed 25 Nov, 02:00 CET (01:00 UTC)",
        "The schedule is kept",
        "10 minutes",
    ] {
        assert!(shown.contains(part), "{part}: {shown}");
    }
    let list = text(&world.get(auditor(), "/schedules?cluster=weak-shop").await);
    assert!(list.contains("Two schedules of weak-shop"), "{list}");
}

#[tokio::test]
async fn the_next_slots_are_shown_before_anything_is_kept() {
    let world = World::sample().await;
    let fields = [&NIGHTLY[..], &[("intent", "preview")]].concat();
    let page = send(&world, operator(), "/schedules", &fields).await;
    assert_eq!(page.status, StatusCode::OK);
    assert!(text(&page).contains("Thu 26 Nov, 02:00 CET"), "{}", text(&page));
    assert_eq!((value(&page, "request").as_str(), value(&page, "cron").as_str()), ("r-1", "0 2 * * 1-5"));
    let list = text(&world.get(auditor(), "/schedules?cluster=weak-shop").await);
    assert!(list.contains("One schedule of weak-shop"), "{list}");
}

#[tokio::test]
async fn what_is_wrong_is_said_at_its_field_and_what_was_typed_is_kept() {
    let world = World::sample().await;
    let wrong = [
        TOKEN,
        ("request", "r-2"),
        ("cluster", "weak-shop"),
        ("cron", "0 2 \"><script>alert(1)</script>"),
        ("time_zone", "Europe/Berlin"),
    ];
    let page = send(&world, operator(), "/schedules", &wrong).await;
    assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY);
    let html = page.text();
    assert!(html.contains("href=\"#field-cron\"") && html.contains("id=\"field-cron-error\""), "{html}");
    assert!(html.contains("aria-invalid=\"true\"") && !html.contains("<script"), "{html}");
    assert_eq!(value(&page, "cron"), "0 2 &quot;&gt;&lt;script&gt;alert(1)&lt;/script&gt;");
    for (field, wrong) in
        [("time_zone", "Europe/Nowhere"), ("jitter", "61"), ("cluster", "no-such"), ("id", "Not An Id")]
    {
        let fields: Vec<_> =
            NIGHTLY.iter().copied().filter(|(name, _)| *name != field).chain([(field, wrong)]).collect();
        let page = send(&world, operator(), "/schedules", &fields).await;
        assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY, "{field}");
        assert!(page.text().contains(&format!("href=\"#field-{field}\"")), "{field}: {}", page.text());
        assert_eq!(value(&page, "cron"), "0 2 * * 1-5", "{field}");
    }
}

#[tokio::test]
async fn a_schedule_is_paused_resumed_changed_and_ended() {
    let world = World::sample().await;
    let at = "/schedules/monthly";
    let version = |page: &Answer| value(page, "version");
    let page = world.get(operator(), at).await;
    let first = version(&page);
    let pause = send(&world, operator(), at, &[TOKEN, ("version", &first), ("intent", "pause")]).await;
    let page = world.get(operator(), &location(&pause)).await;
    assert!(text(&page).contains("Paused: no audit of weak-shop starts"), "{}", text(&page));
    // The version that was read first is no longer the present one.
    let stale = send(&world, operator(), at, &[TOKEN, ("version", &first), ("intent", "resume")]).await;
    assert_eq!(stale.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(text(&stale).contains("Somebody else changed it"), "{}", text(&stale));
    let resume = [TOKEN, ("version", &version(&page)), ("intent", "resume")];
    location(&send(&world, operator(), at, &resume).await);

    let page = world.get(operator(), at).await;
    let changed = [
        TOKEN,
        ("version", &version(&page)),
        ("cron", "30 5 * * *"),
        ("time_zone", "Europe/Berlin"),
        ("jitter", "0"),
        ("catch_up", "latest"),
    ];
    let shown = send(&world, operator(), at, &[&changed[..], &[("intent", "preview")]].concat()).await;
    assert!(text(&shown).contains("Wed 25 Nov, 05:30 CET"), "{}", text(&shown));
    assert!(text(&world.get(operator(), at).await).contains("0 6 23 * *"));
    let answer = send(&world, operator(), at, &changed).await;
    assert!(location(&answer).ends_with("?done=schedule-changed"));
    assert!(text(&world.get(operator(), at).await).contains("Every day at 05:30"));

    let end = "/schedules/monthly/delete";
    let unsure = send(&world, operator(), end, &[TOKEN]).await;
    assert_eq!(unsure.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(unsure.text().contains("href=\"#field-confirm\""));
    assert_eq!(
        location(&send(&world, operator(), end, &[TOKEN, ("confirm", "yes")]).await),
        "/schedules?done=schedule-ended"
    );
    assert_eq!(world.get(operator(), at).await.status, StatusCode::NOT_FOUND);
}

fn proposal<'a>() -> Vec<(&'a str, &'a str)> {
    vec![
        TOKEN,
        ("request", "w-1"),
        ("cluster", "weak-shop"),
        ("measure", "container-privileged"),
        ("namespace", "shop-*"),
        ("reason", "The tool reads <script>alert(1)</script>\r\nthe process table."),
        ("control", "Nodes of the pool run nothing else."),
        ("owner", "R. Okafor"),
        ("expiry", "2027-03-31"),
    ]
}

/// A measure that the catalogue of the samples has.
fn with_known_measure(world: &World, mut form: Vec<(&'static str, String)>) -> Vec<(&'static str, String)> {
    let known = world.parts.catalogue.measures[0].id.to_string();
    form.iter_mut().filter(|(name, _)| *name == "measure").for_each(|(_, value)| value.clone_from(&known));
    form
}

async fn propose(world: &World, caller: Caller) -> Answer {
    let form = proposal().into_iter().map(|(name, value)| (name, value.to_owned())).collect();
    let form = with_known_measure(world, form);
    let fields: Vec<_> = form.iter().map(|(name, value)| (*name, value.as_str())).collect();
    send(world, caller, "/waivers", &fields).await
}

#[tokio::test]
async fn a_waiver_counts_once_another_person_approved_it() {
    let world = World::sample().await;
    let told = location(&propose(&world, person("jo@example.com")).await);
    assert_eq!(told, location(&propose(&world, person("jo@example.com")).await), "one form, one waiver");
    let at = told.split('?').next().unwrap().to_owned();
    let own = world.get(person("JO@example.com"), &told).await;
    assert!(text(&own).contains("You proposed it; another person must approve."), "{}", text(&own));
    assert!(!own.text().contains("/approve\"") && !own.text().contains("<script"), "{}", own.text());
    let owner = world.get(person("r. okafor"), &at).await;
    assert!(text(&owner).contains("You own the risk; another person must approve."));

    let approve = format!("{at}/approve");
    let refused = send(&world, person("jo@example.com"), &approve, &[TOKEN, ("version", "1")]).await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(text(&refused).contains("Whoever proposed a waiver cannot approve it."), "{}", text(&refused));

    let page = world.get(person("mia@example.com"), &at).await;
    let version = value(&page, "version");
    let done = send(&world, person("mia@example.com"), &approve, &[TOKEN, ("version", &version)]).await;
    let page = world.get(auditor(), &location(&done)).await;
    let shown = text(&page);
    for part in ["In force until 31 March 2027", "mia@example.com", "jo@example.com", "beginning with shop-"]
    {
        assert!(shown.contains(part), "{part}: {shown}");
    }
    assert!(!page.text().contains("<form action"), "an auditor reads: {}", page.text());

    let revoke = format!("{at}/revoke");
    let silent = send(&world, person("jo@example.com"), &revoke, &[TOKEN, ("comment", " ")]).await;
    assert_eq!(silent.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(silent.text().contains("href=\"#field-comment\""));
    let ended = send(&world, person("jo@example.com"), &revoke, &[TOKEN, ("comment", "mended")]).await;
    let shown = text(&world.get(auditor(), &location(&ended)).await);
    assert!(shown.contains("Revoked: it no longer counts") && shown.contains("mended"), "{shown}");
    for (state, waivers) in
        [("revoked", 1), ("proposed", 0), ("in-force", 0), ("expiring", 0), ("expired", 0), ("", 1)]
    {
        let list = world.get(auditor(), &format!("/waivers?state={state}&cluster=weak-shop")).await.text();
        assert_eq!(
            list.matches("/waivers/").count() - usize::from(list.contains("/waivers/new")),
            waivers,
            "{state}"
        );
    }
}

#[tokio::test]
async fn every_field_of_a_waiver_that_is_missing_is_named_at_once() {
    let world = World::sample().await;
    let page =
        send(&world, operator(), "/waivers", &[TOKEN, ("request", "w-2"), ("reason", "kept as it is")]).await;
    assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY);
    for field in ["cluster", "measure", "kind", "control", "owner", "expiry"] {
        assert!(page.text().contains(&format!("href=\"#field-{field}\"")), "{field}");
    }
    assert!(page.text().contains("kept as it is</textarea>") && !page.text().contains("#field-reason"));
    for (field, wrong) in [
        ("expiry", "2028-01-01"),
        ("namespace", "a*b"),
        ("owner", "R.\u{202e}Okafor"),
        ("cluster", "no-such"),
    ] {
        let mut form: Vec<_> = proposal().into_iter().map(|(name, value)| (name, value.to_owned())).collect();
        form.iter_mut().filter(|(name, _)| *name == field).for_each(|(_, value)| *value = wrong.to_owned());
        let form = with_known_measure(&world, form);
        let fields: Vec<_> = form.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let page = send(&world, operator(), "/waivers", &fields).await;
        assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY, "{field}");
        assert!(page.text().contains(&format!("href=\"#field-{field}\"")), "{field}: {}", page.text());
        assert!(!page.text().contains('\u{202e}'), "{field}");
    }
}

#[tokio::test]
async fn a_finding_fills_in_the_form_of_its_waiver() {
    let world = World::sample().await;
    let page = world
        .get(operator(), "/waivers/new?cluster=weak-shop&namespace=%22%3E%3Cscript%3E&name=web&kind=Pod")
        .await;
    assert_eq!(value(&page, "namespace"), "&quot;&gt;&lt;script&gt;");
    assert_eq!((value(&page, "name").as_str(), value(&page, "kind").as_str()), ("web", "Pod"));
}

#[tokio::test]
async fn an_audit_is_started_once_followed_and_stopped() {
    let world = World::sample().await;
    let form = [TOKEN, ("request", "a-1")];
    let first = location(&send(&world, operator(), "/clusters/weak-shop/audits", &form).await);
    assert_eq!(first, location(&send(&world, operator(), "/clusters/weak-shop/audits", &form).await));
    let page = world.get(operator(), &first).await;
    assert!(
        text(&page).contains("Queued: the audit waits") && text(&page).contains("a.lindqvist@example.com")
    );
    assert!(!page.headers.contains_key(header::REFRESH), "nothing moves unless it is asked for");
    let at = first.split('?').next().unwrap();
    let follow = world.get(operator(), &format!("{at}?follow=on")).await;
    assert!(header_is(&follow, header::REFRESH, "10") && follow.text().contains("Stop refreshing"));
    let reader = world.get(auditor(), at).await.text();
    assert!(!reader.contains("Cancel audit"), "an auditor reads");
    let stop = send(&world, operator(), &format!("{at}/cancel"), &[TOKEN]).await;
    assert!(location(&stop).ends_with("?done=audit-cancelled"));
    let unknown = "/clusters/weak-shop/audits/00000000-0000-4000-8000-000000000000";
    assert_eq!(world.get(operator(), unknown).await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn nothing_is_taken_without_the_token_of_the_session() {
    let world = World::sample().await;
    let waiver = "/clusters/weak-shop/waivers/w";
    for path in [
        "/schedules",
        "/schedules/monthly",
        "/schedules/monthly/delete",
        "/waivers",
        &format!("{waiver}/approve"),
        &format!("{waiver}/revoke"),
        "/clusters/weak-shop/audits",
        "/clusters/weak-shop/audits/00000000-0000-4000-8000-000000000000/cancel",
    ] {
        for token in [None, Some(""), Some("token-of-another")] {
            let fields: Vec<_> =
                token.map(|token| ("csrf", token)).into_iter().chain([("confirm", "yes")]).collect();
            let answer = send(&world, operator(), path, &fields).await;
            assert_eq!(answer.status, StatusCode::FORBIDDEN, "{path} {token:?}");
        }
    }
    assert_eq!(world.get(operator(), "/schedules/monthly").await.status, StatusCode::OK);
}

#[tokio::test]
async fn what_lies_beyond_reach_looks_like_what_does_not_exist() {
    let world = World::sample().await;
    let made = location(&propose(&world, person("jo@example.com")).await);
    let waiver = made.split('?').next().unwrap();
    let audits = "/clusters/weak-shop/audits";
    let audit = location(&send(&world, operator(), audits, &[TOKEN, ("request", "a-9")]).await);
    let audit = audit.split('?').next().unwrap();
    let banker = || caller(&[Role::Operator], Scope::cluster("core-banking".parse().unwrap()));
    for path in
        ["/schedules/monthly", waiver, audit, "/schedules?cluster=weak-shop", "/waivers?cluster=weak-shop"]
    {
        let answer = world.get(banker(), path).await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND, "{path}");
        assert!(!answer.text().contains("Okafor"), "{path}");
    }
    for (path, fields) in [
        (audits.to_owned(), vec![TOKEN, ("request", "x")]),
        ("/schedules/monthly".to_owned(), vec![TOKEN, ("version", "1"), ("intent", "pause")]),
        ("/schedules/monthly/delete".to_owned(), vec![TOKEN, ("confirm", "yes")]),
        (format!("{waiver}/approve"), vec![TOKEN, ("version", "1")]),
        (format!("{waiver}/revoke"), vec![TOKEN, ("comment", "x")]),
        (format!("{audit}/cancel"), vec![TOKEN]),
    ] {
        let answer = send(&world, banker(), &path, &fields).await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND, "{path}");
    }
    // A form that names it is told the same as one that names nothing.
    let sentence = |page: &Answer| {
        text(page)
            .replace("no-such", "weak-shop")
            .contains("No cluster weak-shop is registered that you may act on.")
    };
    for cluster in ["weak-shop", "no-such"] {
        let fields: Vec<_> = NIGHTLY
            .iter()
            .copied()
            .filter(|(name, _)| *name != "cluster")
            .chain([("cluster", cluster)])
            .collect();
        let page = send(&world, banker(), "/schedules", &fields).await;
        assert!(sentence(&page), "{cluster}: {} {}", page.status, text(&page));
    }
    for path in ["/schedules", "/waivers", "/schedules/new", "/waivers/new"] {
        let shown = text(&world.get(banker(), path).await);
        assert!(!shown.contains("weak-shop"), "{path}: {shown}");
    }
}

#[tokio::test]
async fn auditors_are_shown_no_button_that_they_may_not_use() {
    let world = World::sample().await;
    let made = location(&propose(&world, person("jo@example.com")).await);
    for path in ["/schedules", "/schedules/monthly", "/waivers", made.as_str()] {
        let page = world.get(auditor(), path).await;
        assert!(!page.text().contains("method=\"post\" action=\"/schedules"), "{path}");
        for word in [
            "New schedule",
            "New waiver",
            "Pause schedule",
            "End schedule",
            "Approve waiver",
            "Refuse waiver",
            "Keep changes",
        ] {
            assert!(!text(&page).contains(word), "{path}: {word}");
        }
    }
}

#[tokio::test]
async fn no_name_of_anybody_becomes_markup() {
    let world = World::sample().await;
    for (hour, hostile) in HOSTILE.iter().enumerate() {
        world.gap("weekly", &format!("2026-10-{:02}T02:00:00Z", hour + 1), hostile).await;
    }
    for hostile in HOSTILE {
        let person = || person(hostile);
        for path in
            ["/schedules/weekly", "/schedules", "/waivers", "/waivers/new", "/schedules/new", "/verify"]
        {
            let page = world.get(person(), path).await;
            let html = page.text();
            assert_eq!(page.status, StatusCode::OK, "{path}");
            for mark in ["<script", "<img", "onerror=", "javascript:", "\u{202e}"] {
                let quoted = html.contains(mark) && mark.starts_with('<');
                assert!(!quoted && !html.contains('\u{202e}'), "{path} {hostile:?}: {mark}");
            }
        }
    }
}

#[tokio::test]
async fn a_register_that_is_down_is_said_to_be_down() {
    let world = World::sample().await;
    world.records.set_down(true);
    for path in ["/schedules", "/schedules/monthly", "/waivers", "/clusters/weak-shop/waivers/w"] {
        let page = world.get(operator(), path).await;
        assert_eq!(page.status, StatusCode::SERVICE_UNAVAILABLE, "{path}");
        assert!(!page.text().contains("the store of this test"), "{path}");
    }
    let answer = send(&world, operator(), "/schedules", &NIGHTLY).await;
    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
}

#[tokio::test]
async fn the_access_log_says_in_words_who_did_what() {
    let world = World::sample().await;
    let entry = |number: i64, action: &str, cluster: Option<&str>, subject: &str| AccessEntry {
        at: jiff::Timestamp::from_second(1_790_000_000 + number).unwrap(),
        subject: subject.to_owned(),
        authentication: Some(Authentication::Oidc),
        action: action.to_owned(),
        cluster: cluster.map(|cluster| cluster.parse().unwrap()),
        object: HOSTILE[1].to_owned(),
        outcome: if number % 2 == 0 { AccessOutcome::Done } else { AccessOutcome::Refused },
    };
    for number in 0..60 {
        world
            .log
            .append(&entry(number, "Portal.ApproveWaiver", Some("weak-shop"), HOSTILE[0]))
            .await
            .unwrap();
    }
    world.log.append(&entry(99, "Never.Heard", Some("core-banking"), "mia")).await.unwrap();
    let first = world.get(common::admin(), "/access-log").await;
    let shown = text(&first);
    assert!(shown.contains("Newest 50 entries") && shown.contains("approved a waiver"), "{shown}");
    assert!(shown.contains("Never.Heard") && shown.contains("Portal.ApproveWaiver"), "{shown}");
    assert!(!first.text().contains("<script") && !first.text().contains("<img"), "{}", first.text());
    let next = first.text();
    let next = &next[next.find("/access-log?page=").unwrap()..];
    let next = next[..next.find('"').unwrap()].replace("&amp;", "&");
    let second = text(&world.get(common::admin(), &next).await);
    assert!(second.contains("Older 11 entries"), "{second}");
    let shop = text(&world.get(common::admin(), "/access-log?cluster=core-banking").await);
    assert!(shop.contains("Newest 1 entry of core-banking, one refused"), "{shop}");
    assert_eq!(
        world.get(common::admin(), "/access-log?cluster=No%20Cluster").await.status,
        StatusCode::NOT_FOUND
    );
    assert_eq!(world.get(common::admin(), "/access-log?page=forged").await.status, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn a_form_whose_session_ended_stands_in_its_page_as_it_was_typed() {
    let world = World::sample().await;
    let shown = async |path: &str, action: &str, fields: &[(&str, &str)]| {
        let fields = fields.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let mut request = Request::get(path).header("accept", "text/html").body(Body::empty()).unwrap();
        request.extensions_mut().insert(Draft { action: action.to_owned(), fields });
        let (head, body) = world.portal(Some(operator())).oneshot(request).await.unwrap().into_parts();
        Answer {
            status: head.status,
            headers: head.headers,
            bytes: to_bytes(body, 64 << 20).await.unwrap().to_vec(),
        }
    };
    let page = shown("/schedules/new", "/schedules", &NIGHTLY).await;
    assert_eq!((value(&page, "request").as_str(), value(&page, "cron").as_str()), ("r-1", "0 2 * * 1-5"));
    assert!(text(&page).contains("Nothing was sent"), "{}", text(&page));
    let page =
        shown("/schedules/monthly", "/schedules/monthly", &[("version", "1"), ("cron", "5 5 * * *")]).await;
    assert_eq!(value(&page, "cron"), "5 5 * * *");
    let page = shown("/waivers/new", "/waivers", &proposal()).await;
    assert!(page.text().contains("the process table.</textarea>") && value(&page, "owner") == "R. Okafor");
    let made = location(&propose(&world, person("jo@example.com")).await);
    let at = made.split('?').next().unwrap();
    let page = shown(at, &format!("{at}/revoke"), &[("comment", "kept <b>")]).await;
    assert!(page.text().contains("kept &lt;b&gt;</textarea>"), "{}", page.text());
}
