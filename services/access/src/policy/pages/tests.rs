//! The table against itself and against that of RPCs.

use std::collections::BTreeSet;

use hexproof_core::access::Role;

use super::super::{Callers, RULES};
use super::*;

#[test]
fn every_page_stands_in_the_table_once() {
    let pages: BTreeSet<Page> = PAGES.iter().map(|rule| rule.page).collect();
    assert_eq!(pages.len(), PAGES.len());
    let places: BTreeSet<(&str, &str)> =
        PAGES.iter().map(|rule| (rule.method.as_str(), rule.pattern)).collect();
    assert_eq!(places.len(), PAGES.len());
}

#[test]
fn a_path_leads_to_a_page_only_if_every_piece_reads_as_what_it_names() {
    let at = |path: &str| page_of(&Method::GET, path).map(|rule| rule.page);
    let run = "0b7c9a52-1f04-5e1b-8c3d-9a0f6e5d4c3b";
    assert_eq!(at("/"), Some(Page::Home));
    assert_eq!(at("/clusters/shop"), Some(Page::Cluster));
    assert_eq!(at("/schedules/new"), Some(Page::NewSchedule));
    assert_eq!(at("/waivers/new"), Some(Page::NewWaiver));
    assert_eq!(at(&format!("/clusters/shop/packs/{run}/files/pack")), Some(Page::File));
    assert_eq!(at(&format!("/clusters/shop/packs/{run}/observations/7")), Some(Page::Observation));
    for path in [
        "",
        "//",
        "/clusters/",
        "/clusters/..",
        "/clusters/%2e%2e",
        "/clusters/Shop",
        "/clusters/shop/packs/x",
        &format!("/clusters/../packs/{run}"),
        &format!("/clusters/shop/packs/{run}/files/../../secret"),
        &format!("/clusters/shop/packs/{run}/files/other"),
        &format!("/clusters/shop/packs/{run}/observations/007"),
        &format!("/clusters/shop/packs/{run}/observations/-1"),
        &format!("/clusters/shop/packs/{run}/"),
        "/assets/../x",
        "/assets/",
        "/portal",
    ] {
        assert_eq!(at(path), None, "{path}");
    }
    assert_eq!(page_of(&Method::HEAD, "/clusters").map(|rule| rule.page), Some(Page::Clusters));
    assert_eq!(page_of(&Method::POST, "/schedules").map(|rule| rule.page), Some(Page::CreateSchedule));
    assert_eq!(page_of(&Method::PUT, "/schedules"), None);
    assert_eq!(page_of(&Method::POST, "/clusters"), None);
}

#[test]
fn whoever_may_open_a_page_may_call_what_it_calls() {
    for rule in PAGES {
        for path in rule.page.calls() {
            let rpc = RULES.iter().find(|rpc| rpc.path == *path).unwrap_or_else(|| panic!("{path}"));
            let of_rpc: BTreeSet<Role> = rpc.callers.roles().iter().copied().collect();
            let of_page: BTreeSet<Role> = rule.callers.roles().iter().copied().collect();
            assert!(!of_page.is_empty() && of_page.is_subset(&of_rpc), "{:?} calls {path}", rule.page);
            // Whoever sees the evidence of all clusters at once must have been granted all of them.
            assert!(!matches!(rpc.callers, Callers::Everywhere(_)), "{path}");
            // A change that is an entry of the log when a client makes it is one when a form does.
            if rpc.logged {
                assert!(rule.logged, "{:?} calls {path}", rule.page);
            }
        }
    }
}

#[test]
fn every_form_has_a_page_that_shows_it_for_the_same_callers() {
    for rule in PAGES.iter().filter(|rule| rule.method == Method::POST) {
        let Some(form) = rule.page.form() else {
            assert!(matches!(rule.page, Page::Logout | Page::VerifyUpload), "{:?}", rule.page);
            continue;
        };
        let form = form.rule().unwrap();
        assert_eq!(form.method, Method::GET);
        let shown: BTreeSet<_> = form.callers.roles().iter().collect();
        assert!(rule.callers.roles().iter().all(|role| shown.contains(role)), "{:?}", rule.page);
    }
    let at = |page: Page, path: &str| page.rule().unwrap().form_at(path);
    let run = "0b7c9a52-1f04-5e1b-8c3d-9a0f6e5d4c3b";
    assert_eq!(at(Page::CreateSchedule, "/schedules").unwrap(), "/schedules/new");
    assert_eq!(at(Page::DeleteSchedule, "/schedules/night/delete").unwrap(), "/schedules/night");
    assert_eq!(at(Page::StartAudit, "/clusters/shop/audits").unwrap(), "/clusters/shop");
    let cancel = format!("/clusters/shop/audits/{run}/cancel");
    assert_eq!(at(Page::CancelAudit, &cancel).unwrap(), format!("/clusters/shop/audits/{run}"));
    let approve = "/clusters/shop/waivers/w1/approve";
    assert_eq!(at(Page::ApproveWaiver, approve).unwrap(), "/clusters/shop/waivers/w1");
    assert_eq!(at(Page::ApproveWaiver, "/clusters/Shop/waivers/w1/approve"), None);
    assert_eq!(at(Page::Logout, "/logout"), None);
}
