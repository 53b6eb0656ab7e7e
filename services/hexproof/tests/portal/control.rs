//! A check that finds nothing proves nothing unless it would have found something: each is shown a page that is wrong.

use crate::support::browser::{Browser, Scheme, key};
use crate::support::parts::present;

const WRONG: &str = r#"<!doctype html><html><head><title>Wrong</title>
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; img-src data:">
<style>
  :root { color-scheme: light dark; background: light-dark(#fff, #111) } p { color: light-dark(#aaa, #fff); background: light-dark(#fff, #111) }
  .wide { width: 700px; height: 1px } a:focus { outline: none } input:focus { outline: 2px solid }
  .late { animation: grow 0.2s forwards } @keyframes grow { from { height: 0 } to { height: 300px } }
</style></head><body><div class="late"></div><p>Too pale in the light.</p><input name="unlabelled">
<a href="/here">a link whose focus nobody sees</a><div class="wide"></div>
<script>document.title = "Scripts run"</script></body></html>"#;

#[test]
fn every_check_of_pages_finds_what_is_wrong() {
    if !present(&["chromedriver", "chromium", "axe-core"]) {
        return;
    }
    let home = tempfile::tempdir().unwrap();
    let file = home.path().join("wrong.html");
    std::fs::write(&file, WRONG).unwrap();
    let browser = Browser::start("control", home.path());
    browser.size(390, 800);
    browser.open(&format!("file://{}", file.display()));

    let console = browser.console();
    assert!(console.iter().any(|line| line.contains("Content Security Policy")), "{console:?}");
    assert!(browser.layout_shift() > 0.0);
    assert_eq!(browser.overflow(), 8 + 700 - 390, "{:?}", browser.sticking_out());
    assert!(browser.sticking_out().iter().any(|element| element.contains("wide")));
    let found = browser.axe();
    let has = |found: &[String], rule: &str| found.iter().any(|line| line.starts_with(rule));
    for rule in ["color-contrast", "label", "html-has-lang", "landmark-one-main"] {
        assert!(has(&found, rule), "{rule} {found:#?}");
    }
    browser.scheme(Scheme::Dark);
    let found = browser.axe();
    assert!(!has(&found, "color-contrast"), "the page is wrong in the light alone: {found:#?}");
    assert!(browser.traffic("file:").addresses.iter().any(|address| address.ends_with("wrong.html")));

    browser.press(&[key::TAB]);
    assert_eq!(browser.focus(), ("input unlabelled".to_owned(), true));
    browser.press(&[key::TAB]);
    assert_eq!(browser.focus(), ("a a link whose focus nobody sees".to_owned(), false));

    // Without the policy the script of the page runs, unless scripts are switched off.
    std::fs::write(&file, WRONG.replace("default-src 'none'; ", "")).unwrap();
    browser.reload();
    assert_eq!(browser.title(), "Scripts run");
    browser.without_scripts();
    browser.reload();
    assert_eq!(browser.title(), "Wrong");
    assert_eq!(browser.overflow(), 8 + 700 - 390, "the checks go on without the scripts of the page");

    let picture = home.path().join("wrong.png");
    browser.picture(&picture, Some(200));
    let bytes = std::fs::read(&picture).unwrap();
    assert_eq!(&bytes[16..24], [0, 0, 708_u32.to_be_bytes()[2], 708_u32.to_be_bytes()[3], 0, 0, 0, 200]);
}
