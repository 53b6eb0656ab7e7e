//! What holds for every page of the table: for whoever cannot see it, has a small or a large screen, uses no mouse, or
//! runs no scripts.

use std::collections::BTreeSet;

use hexproof_access::policy::pages::PAGES;
use serde_json::json;

use crate::support::browser::{Browser, Scheme, key};
use crate::world::{SHOP, World};

/// Widths of windows: the smallest that WCAG 2.2 asks for (reflow), a phone, a tablet, a desk.
const WIDTHS: [u32; 4] = [320, 390, 820, 1440];

/// What a page may move while it loads: nothing that anybody sees. A long table that comes in pieces settles the widths
/// of its columns by less than a pixel, on a machine under load by some thousandths. Up to 0.1 counts as good (Core Web Vitals).
const STEADY: f64 = 0.01;

/// Every page that is read with `GET`, filled with what a history gives: audits, a schedule, a waiver, a hostile name.
struct Tour {
    world: World,
    pages: Vec<(String, String)>,
}

impl Tour {
    fn start() -> Option<Self> {
        let world = World::start()?;
        let hostile = include_str!("hostile.yaml");
        std::fs::write(world.state(SHOP).join("60-hostile.yaml"), hostile).unwrap();
        world.audit(SHOP, "first");
        std::fs::remove_file(world.state(SHOP).join("10-web.yaml")).unwrap();
        let pack = world.audit(SHOP, "second");
        let audit = world.call("AuditService/GetAudit", &json!({ "clusterId": SHOP, "auditId": pack }));
        let today = audit["audit"]["createTime"].as_str().unwrap()[..10].to_owned();
        world.call(
            "ScheduleService/CreateSchedule",
            &json!({ "requestId": "s", "schedule": { "scheduleId": "shop-mornings", "clusterId": SHOP,
                "cron": "0 6 * * *", "timeZone": "Europe/Berlin" } }),
        );
        let waiver = json!({ "measure": "container-privileged", "subject": { "kind": "CronJob", "namespace": "build" },
            "reason": "<script>alert(1)</script> & more", "owner": "R. Okafor", "compensatingControl": "None runs beside it",
            "expiry": today });
        let waiver = world.call(
            "WaiverService/ProposeWaiver",
            &json!({ "clusterId": SHOP, "requestId": "w", "waiver": waiver }),
        );
        let waiver = waiver["waiver"]["waiver"]["id"].as_str().unwrap().to_owned();
        let filled = |pattern: &str| {
            pattern
                .replace("{cluster}", SHOP)
                .replace("{audit}", &pack)
                .replace("{schedule}", "shop-mornings")
                .replace("{waiver}", &waiver)
                .replace("{measure}", "container-privileged")
                .replace("{place}", "0")
        };
        // What is no page: files, and addresses that lead elsewhere.
        let elsewhere = ["/", "/login", "/login/return", "/assets/{name}"];
        let pages = PAGES
            .iter()
            .filter(|rule| rule.method == "GET" && !elsewhere.contains(&rule.pattern))
            .filter(|rule| !rule.pattern.contains("{artifact}"))
            .map(|rule| (format!("{:?}", rule.page), filled(rule.pattern)))
            .chain([
                (
                    "NotFound".to_owned(),
                    format!("/clusters/{SHOP}/packs/00000000-0000-4000-8000-000000000000"),
                ),
                ("NoPage".to_owned(), "/no/such/page".to_owned()),
                (
                    "Filtered".to_owned(),
                    format!(
                        "/clusters/{SHOP}/packs/{pack}/observations?outcome=fail&layer=container&q=hostile"
                    ),
                ),
            ])
            .collect();
        Some(Self { world, pages })
    }

    /// Opens every page and collects what is wrong with it.
    fn each(&self, browser: &Browser, mut wrong: impl FnMut(&str) -> Vec<String>) -> Vec<String> {
        let mut all = Vec::new();
        for (name, path) in &self.pages {
            browser.open(&format!("{}{path}", self.world.url));
            assert!(!browser.all("h1").is_empty(), "{name} has no title: {}", browser.source());
            all.extend(wrong(name).into_iter().map(|what| format!("{name}: {what}")));
        }
        all
    }
}

fn check(all: &[String]) {
    assert!(all.is_empty(), "{} faults\n{}", all.len(), all.join("\n"));
}

#[test]
fn every_page_is_open_to_everybody() {
    let Some(tour) = Tour::start() else { return };
    let browser = tour.world.browser("ada");
    let mut wrong = Vec::new();

    browser.size(1440, 1000);
    tour.world.log_in(&browser, "ada", "/clusters");
    drop(browser.console());

    for (scheme, width) in
        [(Scheme::Light, 1440), (Scheme::Dark, 1440), (Scheme::Light, 390), (Scheme::Dark, 390)]
    {
        browser.size(width, 900);
        browser.scheme(scheme);
        wrong.extend(tour.each(&browser, |_| {
            let shift = browser.layout_shift();
            let moved = (shift > STEADY).then(|| format!("the layout shifts by {shift}"));
            let found: Vec<String> = browser.axe().into_iter().chain(moved).collect();
            found.into_iter().map(|what| format!("{scheme:?} {width}: {what}")).collect()
        }));
    }
    browser.scheme(Scheme::Light);
    for width in WIDTHS {
        browser.size(width, 900);
        wrong.extend(tour.each(&browser, |_| match browser.overflow() {
            0 => Vec::new(),
            over => vec![format!("{over} px wider than {width}: {:?}", browser.sticking_out())],
        }));
    }
    // Checks of ours may be what the policy forbids; pages may not.
    drop(browser.console());
    browser.size(1440, 900);
    wrong.extend(tour.each(&browser, |name| {
        let noise = |line: &String| name.starts_with("No") && line.contains("404");
        let mut faults: Vec<String> = browser.console().into_iter().filter(|line| !noise(line)).collect();
        let hostile = browser.script(
            "return [...document.querySelectorAll('*')].flatMap(element => [...element.attributes]
                .filter(attribute => /^(on|style$)/.test(attribute.name)).map(attribute => attribute.name))
                .concat([...document.querySelectorAll('script:not([src]), style, iframe, object, embed')]
                .map(element => element.tagName));",
            &[],
        );
        faults.extend(hostile.as_array().unwrap().iter().map(|what| format!("has {what}")));
        faults
    }));
    check(&wrong);
}

#[test]
fn the_keyboard_alone_reaches_everything_and_is_never_caught() {
    let Some(tour) = Tour::start() else { return };
    let browser = tour.world.browser("keys");
    browser.size(1440, 900);
    tour.world.log_in(&browser, "ada", "/clusters");

    // The first key shows the way past the navigation.
    browser.press(&[key::TAB]);
    assert_eq!(browser.focus(), ("a Skip to the content".to_owned(), true));
    browser.press(&[key::ENTER]);
    browser.press(&[key::TAB]);
    let inside = browser.script("return document.activeElement.closest('main') !== null;", &[]);
    assert_eq!(inside, true, "{:?}", browser.focus());

    let wrong = tour.each(&browser, |_| {
        let wanted = browser.script(
            "return [...document.querySelectorAll('a[href], button, input:not([type=hidden]), select, textarea, summary')]
                .filter(element => element.tabIndex >= 0 && !element.disabled && element.checkVisibility({
                    visibilityProperty: true })).length;",
            &[],
        );
        let wanted = wanted.as_u64().unwrap();
        let mut faults = Vec::new();
        let (mut seen, mut last) = (BTreeSet::new(), None);
        for _ in 0..wanted + 40 {
            browser.press(&[key::TAB]);
            let place = browser.script(
                "const at = document.activeElement;
                 return at === document.body ? -1 : [...document.querySelectorAll('*')].indexOf(at);",
                &[],
            );
            let place = place.as_i64().unwrap();
            if place < 0 {
                break;
            }
            // A field for days is one with three places to stop at.
            let stays = last == Some(place);
            last = Some(place);
            if !seen.insert(place) && !stays {
                break;
            }
            let (name, visible) = browser.focus();
            if !visible {
                faults.push(format!("the focus on `{name}` is not seen"));
            }
        }
        if (seen.len() as u64) < wanted {
            faults.push(format!("{} of {wanted} are reached by the keyboard", seen.len()));
        }
        faults
    });
    check(&wrong);
}

#[test]
fn the_first_page_is_small_and_waits_for_no_script() {
    let Some(world) = World::start() else { return };
    world.audit(SHOP, "first");
    let browser = world.browser("first");
    drop(browser.traffic(&world.url));
    // Somebody who was never here: login, then the overview, with all that both load.
    world.log_in(&browser, "ada", "/clusters");
    let first = browser.traffic(&world.url);
    println!("the first pages: {} bytes, {:?}", first.bytes, first.addresses);
    assert!(first.bytes < 60_000.0, "{} bytes: {:#?}", first.bytes, first.addresses);
    assert!(!first.types.iter().any(|kind| kind == "Script"), "{:?}", first.types);
    browser.open(&format!("{}/clusters", world.url));
    let again = browser.traffic(&world.url);
    println!("the overview again: {} bytes, {:?}", again.bytes, again.addresses);
    assert!(again.bytes < 20_000.0, "styles and fonts are kept: {} {:?}", again.bytes, again.addresses);
}
