//! What operators do, and what one of them cannot do alone.

use crate::support::browser::Browser;
use crate::world::{SHOP, World};

fn propose(browser: &Browser, reason: &str) {
    browser.fill(&browser.find("[name=cluster]"), SHOP);
    browser.choose(&browser.find("select[name=measure]"), "container-privileged");
    browser.fill(&browser.find("[name=kind]"), "CronJob");
    browser.fill(&browser.find("[name=namespace]"), "build");
    browser.fill(&browser.find("[name=reason]"), reason);
    browser.fill(&browser.find("[name=control]"), "Nodes of the build pool run nothing else.");
    browser.fill(&browser.find("[name=owner]"), "R. Okafor");
    let next_month =
        "const day = new Date(Date.now() + 30 * 86400000); return day.toISOString().slice(0, 10);";
    let day = browser.script(next_month, &[]);
    browser.set_value(&browser.find("[name=expiry]"), day.as_str().unwrap());
}

#[test]
fn an_operator_schedules_and_proposes_but_needs_another_one_to_approve() {
    let Some(world) = World::start() else { return };
    let olga = world.browser("olga");
    world.log_in(&olga, "olga", "/schedules");

    // A schedule, looked at before it is made.
    olga.click(&olga.find("main a[href*='/schedules/new']"));
    olga.fill(&olga.find("[name=cluster]"), SHOP);
    olga.fill(&olga.find("[name=cron]"), "0 25 * * *");
    olga.click(&olga.button("Create schedule"));
    assert!(olga.text("h1").contains("not kept"), "{}", olga.text("main"));
    assert_eq!(olga.attribute(&olga.find("[name=cron]"), "aria-invalid").as_deref(), Some("true"));
    assert_eq!(olga.value(&olga.find("[name=cluster]")), SHOP, "what was typed is still there");
    olga.fill(&olga.find("[name=cron]"), "0 6 * * *");
    olga.fill(&olga.find("[name=zone], [name=time_zone], [name=timeZone]"), "Europe/Berlin");
    olga.click(&olga.button("Show next slots"));
    olga.click(&olga.button("Create schedule"));
    assert!(olga.text("main").contains("The schedule is kept"), "{}", olga.text("main"));
    let schedules = world.call("ScheduleService/ListSchedules", &serde_json::json!({ "clusterId": SHOP }));
    assert_eq!(schedules["schedules"][0]["cron"], "0 6 * * *");
    assert_eq!(schedules["schedules"][0]["timeZone"], "Europe/Berlin");

    // A waiver: she proposes it, and cannot approve it, even by a form that the page does not show her.
    olga.open(&format!("{}/waivers/new", world.url));
    propose(&olga, "The tool reads the process table of the node.");
    olga.click(&olga.button("Propose waiver"));
    assert!(olga.text("main").contains("The waiver is proposed"), "{}", olga.text("main"));
    let waiver = olga.url().split('?').next().unwrap().to_owned();
    assert!(olga.text("main").contains("another person must approve"), "{}", olga.text("main"));
    olga.script(
        "const form = document.querySelector(\"main form[action$='/revoke']\");
         form.action = form.action.replace(/revoke$/, 'approve');
         const version = document.createElement('input');
         version.name = 'version'; version.value = '1'; form.append(version); form.submit();",
        &[],
    );
    let refused = "whoever proposed a waiver cannot approve it";
    olga.wait_until("the answer", |browser| browser.url().ends_with("/approve"));
    let told = olga.text("main");
    assert!(told.to_lowercase().contains(refused), "{told}");

    // Somebody else approves.
    let omar = world.browser("omar");
    let path = waiver.strip_prefix(&world.url).unwrap();
    world.log_in(&omar, "omar", path);
    omar.click(&omar.button("Approve waiver"));
    assert!(omar.text("main").contains("The waiver is approved"), "{}", omar.text("main"));
    olga.open(&waiver);
    assert!(olga.text("h1").starts_with("In force until"), "{}", olga.text("h1"));
    let cells = olga.texts("main table.list tbody tr");
    assert!(cells[0].contains("olga") && cells[1].contains("omar"), "{cells:?}");

    // Ratings are hers to see, the contents of packs are not.
    let pack = world.audit(SHOP, "first");
    olga.open(&format!("{}/clusters/{SHOP}", world.url));
    assert!(olga.text("h1").contains(SHOP));
    olga.open(&format!("{}/clusters/{SHOP}/packs/{pack}", world.url));
    assert!(olga.all("table.matrix").is_empty(), "{}", olga.text("main"));
    let granted = world.call("WaiverService/ListWaivers", &serde_json::json!({ "clusterId": SHOP }));
    assert_eq!(granted["waivers"].as_array().unwrap().len(), 1, "{granted}");
}

#[test]
fn a_session_that_ends_in_the_middle_of_a_form_loses_nothing_of_it() {
    let Some(world) = World::start() else { return };
    let olga = world.browser("olga");
    world.log_in(&olga, "olga", "/waivers/new");
    let reason = "Needs the process table: \"<ps>\" & co.\nEnds with ticket 4711.";
    propose(&olga, reason);
    olga.forget_cookies();
    olga.click(&olga.button("Propose waiver"));

    // Nothing was done yet: the provider still knows her, and she stands before the form as she left it.
    olga.find("main p.notice");
    olga.wait_until("the form", |browser| browser.url() == format!("{}/waivers/new", world.url));
    assert!(olga.text("main p.notice").contains("Your session had ended"));
    assert_eq!(olga.value(&olga.find("[name=reason]")).replace("\r\n", "\n"), reason);
    assert_eq!(olga.value(&olga.find("[name=owner]")), "R. Okafor");
    assert_eq!(olga.value(&olga.find("select[name=measure]")), "container-privileged");
    let waivers = world.call("WaiverService/ListWaivers", &serde_json::json!({ "clusterId": SHOP }));
    assert!(waivers["waivers"].as_array().is_none_or(Vec::is_empty), "{waivers}");
    olga.click(&olga.button("Propose waiver"));
    assert!(olga.text("main").contains("The waiver is proposed"), "{}", olga.text("main"));
}
