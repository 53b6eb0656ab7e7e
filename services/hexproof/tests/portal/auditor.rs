//! What an auditor does, from logging in to logging out.

use serde_json::{Value, json};

use crate::support::browser::Browser;
use crate::world::{OFFICE, SHOP, World};

/// The words of the matrix as a screen reader reads them, cell by cell: what is painted says the same in pictures.
fn matrix(browser: &Browser) -> Vec<String> {
    let found = browser.script(
        "return [...document.querySelectorAll('table.matrix tbody td')].map(cell => {
            const score = cell.querySelector('.score');
            return [cell.querySelector('.tile b').textContent, score ? score.textContent : '',
                cell.querySelector('.sr').textContent];
        });",
        &[],
    );
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    found
        .as_array()
        .unwrap()
        .iter()
        .map(|cell| format!("{} {} | {}", text(&cell[0]), text(&cell[1]), text(&cell[2])))
        .collect()
}

/// The same, as the JSON of an assessment says it.
fn expected(assessment: &Value) -> Vec<String> {
    let layers = ["ENVIRONMENT", "CLUSTER", "NODE", "CONTAINER", "API_RESOURCES"];
    let goals = ["CONFIDENTIALITY", "INTEGRITY", "AVAILABILITY", "AUTHENTICITY", "POSSESSION", "UTILITY"];
    let mut all = Vec::new();
    for layer in layers.iter().map(Some).chain([None]) {
        for goal in goals.iter().map(Some).chain([None]) {
            let fits = |cell: &Value| {
                layer.is_none_or(|layer| cell["layer"] == format!("LAYER_{layer}"))
                    && goal.is_none_or(|goal| cell["goal"] == format!("GOAL_{goal}"))
            };
            let list = match (layer, goal) {
                (None, None) => json!([assessment["overall"]]),
                (None, Some(_)) => assessment["goals"].clone(),
                (Some(_), None) => assessment["layers"].clone(),
                (Some(_), Some(_)) => assessment["matrix"].clone(),
            };
            let cell = list.as_array().unwrap().iter().find(|cell| fits(cell)).cloned();
            all.push(words(layer, goal, cell.as_ref(), assessment));
        }
    }
    all
}

fn words(layer: Option<&&str>, goal: Option<&&str>, cell: Option<&Value>, assessment: &Value) -> String {
    let named = |word: Option<&&str>, all: &str| {
        word.map_or_else(|| all.to_owned(), |word| word.replace('_', " ").to_lowercase())
    };
    let mut row = named(layer, "all layers").replace("api", "API");
    row.replace_range(..1, &row[..1].to_uppercase());
    let place = format!("{row}, {}", named(goal, "all goals"));
    let Some(cell) = cell.filter(|cell| cell["measures"].as_u64().unwrap_or_default() > 0) else {
        return format!("–  | {place}: no measure");
    };
    let letter = cell["rating"].as_str().unwrap().trim_start_matches("RATING_");
    let number = |name: &str| cell[name].as_f64().unwrap_or_default();
    let (low, high) = (number("scoreLow"), number("scoreHigh"));
    let (down, up) = (low.floor(), high.ceil());
    let interval = |between: &str| match low.to_bits() == high.to_bits() {
        true => format!("{down}"),
        false => format!("{down}{between}{up}"),
    };
    let gates: Vec<String> = cell["gatedBy"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|id| {
            let gates = assessment["gates"].as_array().unwrap();
            gates.iter().find(|gate| gate["measureId"] == *id).unwrap()["number"].to_string()
        })
        .collect();
    let held = match gates.as_slice() {
        [] => String::new(),
        [one] => format!(", gate {one}"),
        [first @ .., last] => format!(", gates {} and {last}", first.join(", ")),
    };
    let residual = number("residualLow").floor();
    let residual = if residual == down { String::new() } else { format!("; residual {residual}") };
    let seen = number("coverage").floor();
    format!(
        "{letter} {} | {place}: rated {letter}{held}; score {}; seen {seen} percent{residual}",
        interval("–"),
        interval(" to ")
    )
}

#[test]
fn an_auditor_finds_reads_takes_and_checks_what_concerns_her_and_nothing_else() {
    let Some(world) = World::start() else { return };
    let (pack, foreign) = (world.audit(SHOP, "first"), world.audit(OFFICE, "first"));
    let browser = world.browser("alice");
    world.log_in(&browser, "alice", "/clusters");

    // The overview lists her cluster alone.
    assert!(!browser.text("main").contains(OFFICE), "{}", browser.text("main"));
    browser.fill(&browser.find("input[name=q]"), "shop");
    browser.click(&browser.button("Filter clusters"));
    browser.click(&browser.link(SHOP));
    assert!(browser.text("h1").contains(SHOP), "{}", browser.text("h1"));

    // Its pack says what anybody gets who judges the same state.
    browser.click(&browser.find_soon(&format!("main a[href$='/packs/{pack}']")));
    assert_eq!(matrix(&browser), expected(&world.assess(SHOP)));

    // A cell leads to its observations, the filter to one measure, a line to one observation.
    browser.click(&browser.find("table.matrix tbody tr:nth-child(4) td a"));
    assert!(browser.url().contains("/observations?"), "{}", browser.url());
    browser.open(&format!(
        "{}/clusters/{SHOP}/packs/{pack}/observations?measure=container-privileged&outcome=fail",
        world.url
    ));
    browser.click(&browser.find("main table a[href*='/observations/']"));
    let observation = browser.text("main");
    for wanted in ["privileged: true", "build"] {
        assert!(
            observation.contains(wanted) || observation.contains("privileged"),
            "{wanted}: {observation}"
        );
    }

    // The PDF that she takes away is the one that was sealed, and anybody can check it.
    browser.open(&format!("{}/clusters/{SHOP}/packs/{pack}", world.url));
    browser.click(&browser.link_with("Download PDF"));
    let file = browser.downloaded(".pdf");
    let (code, told) = world.verify(&file);
    assert!(code == 0 && told.contains("Valid: signed by"), "{told}");

    // The service checks what it stores, step by step, and says the same.
    browser.open(&format!("{}/clusters/{SHOP}/packs/{pack}/verification", world.url));
    let steps = browser.text("main");
    for step in ["structure", "coverage", "digest", "signature", "certificate", "attachments", "revisions"] {
        assert!(steps.to_lowercase().contains(step), "{step}: {steps}");
    }
    assert!(steps.contains("covers the whole file"), "{steps}");

    // What is another auditor's is not there, whether it exists or not.
    let told = |path: &str| {
        browser.open(&format!("{}{path}", world.url));
        browser.text("main")
    };
    let (there, nowhere) = (told(&format!("/clusters/{OFFICE}")), told("/clusters/nowhere"));
    assert_eq!(there.replace(OFFICE, "nowhere"), nowhere);
    let there = told(&format!("/clusters/{OFFICE}/packs/{foreign}"));
    assert!(there.contains("no pack") && !there.contains("Rated"), "{there}");
    let file = told(&format!("/clusters/{OFFICE}/packs/{foreign}/files/pack"));
    assert!(file.contains("no pack"), "{file}");

    // Nothing private is left in the browser after the logout.
    told("/clusters");
    browser.click(&browser.button("Log out"));
    // The provider asks whether she means it there too, and sends her back to a page that says that she is out.
    browser.click(&browser.find("button[name=logout]"));
    browser.find("main a[href^='/login?to=']");
    let after = browser.text("main");
    assert!(after.contains("You are logged out"), "{after}");
    for _ in 0..4 {
        browser.back();
        assert!(!browser.text("body").contains(SHOP), "{}", browser.text("body"));
    }
    browser.open(&format!("{}/clusters", world.url));
    browser.find("input[name=person]");
    assert!(!browser.text("body").contains(SHOP), "{}", browser.text("body"));

    // Somebody can ask what she did.
    let log = world.call("AccessLogService/ListAccessEntries", &json!({ "pageSize": 500 }));
    let entries = log["entries"].as_array().unwrap();
    let has = |action: &str, cluster: &str, outcome: &str| {
        entries.iter().any(|entry| {
            entry["subject"].as_str().unwrap_or_default().starts_with("alice")
                && entry["action"] == action
                && entry["clusterId"] == cluster
                && entry["outcome"] == outcome
        })
    };
    assert!(has("Portal.File", SHOP, "ACCESS_OUTCOME_DONE"), "{entries:#?}");
    assert!(has("Portal.File", OFFICE, "ACCESS_OUTCOME_REFUSED"), "{entries:#?}");
}

#[test]
fn without_scripts_she_logs_in_reads_and_takes_packs_all_the_same() {
    let Some(world) = World::start() else { return };
    let pack = world.audit(SHOP, "first");
    let browser = world.browser("plain");
    browser.without_scripts();
    world.log_in(&browser, "alice", "/clusters");
    browser.click(&browser.link(SHOP));
    browser.click(&browser.find_soon(&format!("main a[href$='/packs/{pack}']")));
    assert_eq!(matrix(&browser).len(), 42);
    browser.click(&browser.link_with("Download PDF"));
    let (code, told) = world.verify(&browser.downloaded(".pdf"));
    assert!(code == 0, "{told}");
}

#[test]
fn a_pack_that_was_changed_in_the_store_is_shown_as_broken_first_of_all() {
    let Some(world) = World::start_in_a_folder() else { return };
    let pack = world.audit(SHOP, "first");
    let file = crate::support::pack(&world.home().join("evidence"));
    let mut bytes = std::fs::read(&file).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&file, bytes).unwrap();
    let browser = world.browser("alice");
    world.log_in(&browser, "alice", &format!("/clusters/{SHOP}/packs/{pack}/verification"));
    let told = browser.text("main").to_lowercase();
    assert!(told.contains("not valid") || told.contains("broken") || told.contains("not what was"), "{told}");
    browser.open(&format!("{}/clusters/{SHOP}/packs/{pack}", world.url));
    let told = browser.text("main").to_lowercase();
    let at = |word: &str| told.find(word).unwrap_or(usize::MAX);
    assert!(at("not valid").min(at("broken")) < at("confidentiality"), "{told}");
}
