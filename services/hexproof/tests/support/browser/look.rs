//! Judges the page that is open.

use std::collections::BTreeSet;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::super::parts::tools;
use super::Browser;

/// The success criteria that axe-core checks, and what it holds to be good besides.
const RULES: [&str; 6] = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"];

/// The colours that the reader's system asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scheme {
    Light,
    Dark,
}

/// What was loaded since the last time of asking.
#[derive(Debug, Default)]
pub(crate) struct Traffic {
    /// Bytes that came over the wire, heads included.
    pub(crate) bytes: f64,
    /// Every address that was asked for, those of the browser's own pages aside.
    pub(crate) addresses: Vec<String>,
    /// The types, in the browser's words, of what was asked for there: Document, Stylesheet, Font, Script, ...
    pub(crate) types: Vec<String>,
}

impl Browser {
    /// Shows pages in these colours from now on.
    pub(crate) fn scheme(&self, scheme: Scheme) {
        let value = if scheme == Scheme::Dark { "dark" } else { "light" };
        let features = json!([{ "name": "prefers-color-scheme", "value": value }]);
        self.devtools("Emulation.setEmulatedMedia", &json!({ "features": features }));
        // The page has its new colours only once it was drawn again.
        let drawn =
            "const done = arguments[0]; requestAnimationFrame(() => requestAnimationFrame(() => done()))";
        self.script_until_done(drawn, &[]);
    }

    /// Shows pages as they would be printed, or on a screen again.
    pub(crate) fn printed(&self, printed: bool) {
        let media = if printed { "print" } else { "screen" };
        self.devtools("Emulation.setEmulatedMedia", &json!({ "media": media }));
    }

    /// Makes the inside of the window this large, in CSS pixels: windows themselves have a least width.
    pub(crate) fn size(&self, width: u32, height: u32) {
        let size = json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": false });
        self.devtools("Emulation.setDeviceMetricsOverride", &size);
    }

    /// Runs no script of any page from now on.
    pub(crate) fn without_scripts(&self) {
        self.devtools("Emulation.setScriptExecutionDisabled", &json!({ "value": true }));
    }

    /// Draws the page as PNG from top to bottom, at most `height` pixels of it.
    pub(crate) fn picture(&self, file: &Path, height: Option<u32>) {
        let size = self.devtools("Page.getLayoutMetrics", &json!({}))["cssContentSize"].clone();
        let whole = size["height"].as_f64().unwrap();
        let clip = json!({
            "x": 0, "y": 0, "scale": 1, "width": size["width"],
            "height": height.map_or(whole, |height| whole.min(height.into())),
        });
        let drawn = self.devtools(
            "Page.captureScreenshot",
            &json!({ "format": "png", "captureBeyondViewport": true, "clip": clip }),
        );
        std::fs::write(file, STANDARD.decode(drawn["data"].as_str().unwrap()).unwrap()).unwrap();
    }

    /// What axe-core finds wrong with the page, a line each: the rule, where, and why.
    pub(crate) fn axe(&self) -> Vec<String> {
        let source = std::fs::read_to_string(tools().join("npm/node_modules/axe-core/axe.min.js")).unwrap();
        self.script(&source, &[]);
        let found = self.script_until_done(
            "const done = arguments[arguments.length - 1];
             axe.run(document, { runOnly: { type: 'tag', values: arguments[0] }, resultTypes: ['violations'] })
                .then(found => done(found.violations), fault => done(String(fault)));",
            &[json!(RULES)],
        );
        let violations = found.as_array().unwrap_or_else(|| panic!("axe-core failed: {found}"));
        violations.iter().flat_map(lines_of).collect()
    }

    /// By how many pixels the page is wider than the window.
    pub(crate) fn overflow(&self) -> i64 {
        let wider = "const page = document.scrollingElement; return page.scrollWidth - page.clientWidth;";
        self.script(wider, &[]).as_i64().unwrap()
    }

    /// What sticks out of the window, to be named where [`Browser::overflow`] is not zero.
    pub(crate) fn sticking_out(&self) -> Vec<String> {
        let found = self.script(
            "const width = document.scrollingElement.clientWidth;
             return [...document.body.querySelectorAll('*')]
                .filter(element => element.getBoundingClientRect().right > width + 0.5)
                .map(element => element.tagName + '.' + element.getAttribute('class') + ' '
                    + element.textContent.trim().slice(0, 60));",
            &[],
        );
        found.as_array().unwrap().iter().map(|text| text.as_str().unwrap().to_owned()).collect()
    }

    /// How much moved on the page while it was loaded (Cumulative Layout Shift).
    pub(crate) fn layout_shift(&self) -> f64 {
        let sum = self.script_until_done(
            "const done = arguments[arguments.length - 1];
             let sum = 0;
             new PerformanceObserver(list => { for (const entry of list.getEntries()) sum += entry.value; })
                .observe({ type: 'layout-shift', buffered: true });
             requestAnimationFrame(() => setTimeout(() => done(sum), 50));",
            &[],
        );
        sum.as_f64().unwrap()
    }

    /// What pages wrote to the console since the last time of asking; breaches of the content policy stand there too.
    pub(crate) fn console(&self) -> Vec<String> {
        let entries = self.ask("POST", "se/log", &json!({ "type": "browser" }));
        let line = |entry: &Value| format!("{} {}", entry["level"], entry["message"]);
        entries.as_array().unwrap().iter().map(line).collect()
    }

    /// What was loaded since the last time of asking; bytes count if they came from an address that begins with `from`.
    pub(crate) fn traffic(&self, from: &str) -> Traffic {
        let mut traffic = Traffic::default();
        let mut counted = BTreeSet::new();
        let entries = self.ask("POST", "se/log", &json!({ "type": "performance" }));
        for entry in entries.as_array().unwrap() {
            let event: Value = serde_json::from_str(entry["message"].as_str().unwrap()).unwrap();
            let (event, parameters) = (&event["message"]["method"], &event["message"]["params"]);
            let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
            let id = text(&parameters["requestId"]);
            match event.as_str().unwrap() {
                "Network.requestWillBeSent" => {
                    let address = text(&parameters["request"]["url"]);
                    if address.starts_with(from) {
                        counted.insert(id);
                        traffic.types.push(text(&parameters["type"]));
                    }
                    // A redirection is told by the request that follows it.
                    let moved = &parameters["redirectResponse"];
                    if text(&moved["url"]).starts_with(from) {
                        traffic.bytes += moved["encodedDataLength"].as_f64().unwrap_or_default();
                    }
                    if !address.starts_with("chrome:") {
                        traffic.addresses.push(address);
                    }
                }
                "Network.loadingFinished" if counted.contains(&id) => {
                    traffic.bytes += parameters["encodedDataLength"].as_f64().unwrap_or_default();
                }
                _ => {}
            }
        }
        traffic
    }

    /// What has the focus: its tag and text, and whether a person sees that.
    pub(crate) fn focus(&self) -> (String, bool) {
        let found = self.script(
            "const at = document.activeElement;
             const style = getComputedStyle(at);
             const box = at.getBoundingClientRect();
             // The browser itself draws the ring of the button in a field for days.
             const ring = at.type === 'date' || style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) >= 2;
             const inside = box.width > 0 && box.height > 0 && box.bottom > 0 && box.top < innerHeight;
             const name = at.getAttribute('aria-label') || at.getAttribute('name') || at.textContent.trim();
             return [at.tagName.toLowerCase() + ' ' + name.replace(/\\s+/g, ' '), ring && inside];",
            &[],
        );
        (found[0].as_str().unwrap().to_owned(), found[1].as_bool().unwrap())
    }
}

fn lines_of(violation: &Value) -> Vec<String> {
    let rule = violation["id"].as_str().unwrap_or_default();
    let nodes = violation["nodes"].as_array().cloned().unwrap_or_default();
    nodes
        .iter()
        .map(|node| {
            let why = node["failureSummary"].as_str().unwrap_or_default().replace('\n', " ");
            format!("{rule} at {}: {} {why}", node["target"], node["html"].as_str().unwrap_or_default())
        })
        .collect()
}
