//! Chromium without a window, driven by WebDriver through its own driver: what a person does with the portal.
//!
//! `wire` speaks to the driver, `look` judges the page that is open: by axe-core, by its size, by what it wrote to the
//! console, as a picture. The browser has a profile and a folder of downloads of its own and is gone with its processes
//! when it is dropped.

#![allow(dead_code, clippy::unwrap_used, reason = "each test file uses its part, and may fail by panicking")]

mod look;
mod wire;

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use serde_json::{Value, json};

use super::parts::{Process, free_port, tool, until};
#[allow(unused_imports, reason = "not every test looks at both schemes")]
pub(crate) use look::Scheme;
use wire::Refused;

/// How long something may take to appear on a page.
const PATIENCE: Duration = Duration::from_secs(20);

/// The name under which WebDriver hands out elements.
const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";

/// Keys of a keyboard, as WebDriver writes them.
pub(crate) mod key {
    pub(crate) const TAB: &str = "\u{e004}";
    pub(crate) const ENTER: &str = "\u{e007}";
    pub(crate) const SPACE: &str = " ";
    pub(crate) const SHIFT: &str = "\u{e008}";
}

/// A browser with one window.
pub(crate) struct Browser {
    driver: Process,
    port: u16,
    session: String,
    profile: PathBuf,
    /// Where downloads go.
    pub(crate) downloads: PathBuf,
}

/// Something on a page.
#[derive(Debug, Clone)]
pub(crate) struct Element(String);

impl Browser {
    /// Starts it; `name` tells several of one test apart.
    ///
    /// Certificates are not asked where they come from: the authority of the test is nobody's.
    pub(crate) fn start(name: &str, home: &Path) -> Self {
        let port = free_port();
        let mut command = Command::new(tool("chromedriver").unwrap());
        command.arg(format!("--port={port}")).stdout(Stdio::null()).stdin(Stdio::null());
        let driver = Process::start(&format!("chromedriver-{name}"), home, &mut command).wait_for_port(port);
        let profile = home.join(format!("profile-{name}"));
        let downloads = home.join(format!("downloads-{name}"));
        std::fs::create_dir_all(&downloads).unwrap();
        let mut browser = Self { driver, port, session: String::new(), profile, downloads };
        let session = wire::command(port, "POST", "/session", &browser.wanted())
            .unwrap_or_else(|refused| panic!("{refused:?} {}", browser.driver.messages()));
        session["sessionId"].as_str().unwrap().clone_into(&mut browser.session);
        browser
    }

    fn wanted(&self) -> Value {
        let profile = format!("--user-data-dir={}", self.profile.display());
        // Its sandbox needs rights that a test in a container lacks; the pages here are our own. Fonts and colours are
        // the same on every machine.
        let arguments = [
            "--headless=new",
            "--no-sandbox",
            "--disable-dev-shm-usage",
            "--disable-gpu",
            "--hide-scrollbars",
            "--font-render-hinting=none",
            "--force-color-profile=srgb",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--window-size=1440,1000",
            profile.as_str(),
        ];
        let preferences = json!({
            "download.default_directory": self.downloads,
            "download.prompt_for_download": false,
            "plugins.always_open_pdf_externally": true,
            "credentials_enable_service": false,
        });
        json!({ "capabilities": { "alwaysMatch": {
            "browserName": "chrome",
            "acceptInsecureCerts": true,
            "timeouts": { "script": 50_000, "pageLoad": 50_000 },
            "goog:loggingPrefs": { "browser": "ALL", "performance": "ALL" },
            "goog:chromeOptions": { "binary": tool("chromium").unwrap(), "args": arguments, "prefs": preferences },
        } } })
    }

    fn try_ask(&self, method: &str, path: &str, body: &Value) -> Result<Value, Refused> {
        wire::command(self.port, method, &format!("/session/{}/{path}", self.session), body)
    }

    fn ask(&self, method: &str, path: &str, body: &Value) -> Value {
        self.try_ask(method, path, body)
            .unwrap_or_else(|refused| panic!("{method} {path}: {} {}", refused.error, refused.message))
    }

    /// Opens an address and waits until it is loaded.
    pub(crate) fn open(&self, url: &str) {
        self.ask("POST", "url", &json!({ "url": url }));
    }

    /// The address that is open.
    pub(crate) fn url(&self) -> String {
        self.ask("GET", "url", &Value::Null).as_str().unwrap().to_owned()
    }

    pub(crate) fn title(&self) -> String {
        self.ask("GET", "title", &Value::Null).as_str().unwrap().to_owned()
    }

    /// The document as the server sent it and the browser read it.
    pub(crate) fn source(&self) -> String {
        self.ask("GET", "source", &Value::Null).as_str().unwrap().to_owned()
    }

    pub(crate) fn back(&self) {
        self.ask("POST", "back", &json!({}));
    }

    pub(crate) fn reload(&self) {
        self.ask("POST", "refresh", &json!({}));
    }

    pub(crate) fn forget_cookies(&self) {
        self.ask("DELETE", "cookie", &Value::Null);
    }

    /// Name, and the rest of what a page's script could not see either, of each cookie.
    pub(crate) fn cookies(&self) -> Vec<Value> {
        self.ask("GET", "cookie", &Value::Null).as_array().unwrap().clone()
    }

    /// Every element that a CSS selector fits, now.
    pub(crate) fn all(&self, css: &str) -> Vec<Element> {
        let found = self.ask("POST", "elements", &json!({ "using": "css selector", "value": css }));
        found.as_array().unwrap().iter().map(element).collect()
    }

    /// The first element that a CSS selector fits, once it is there.
    pub(crate) fn find(&self, css: &str) -> Element {
        self.wait_for("css selector", css)
    }

    /// The link with this text.
    pub(crate) fn link(&self, text: &str) -> Element {
        self.wait_for("link text", text)
    }

    /// The link whose text begins with this.
    pub(crate) fn link_with(&self, text: &str) -> Element {
        self.wait_for("partial link text", text)
    }

    /// The button whose text holds this.
    pub(crate) fn button(&self, text: &str) -> Element {
        self.wait_for("xpath", &format!("//button[contains(normalize-space(.), \"{text}\")]"))
    }

    fn wait_for(&self, using: &str, value: &str) -> Element {
        let body = json!({ "using": using, "value": value });
        let begun = std::time::Instant::now();
        loop {
            match self.try_ask("POST", "element", &body) {
                Ok(found) => return element(&found),
                Err(refused) if begun.elapsed() > PATIENCE => {
                    let shown = self.text("body");
                    panic!("{value}: {} on {}, which says:\n{shown}", refused.error, self.url())
                }
                Err(_) => std::thread::sleep(Duration::from_millis(50)),
            }
        }
    }

    /// What a person reads in the first element that fits.
    pub(crate) fn text(&self, css: &str) -> String {
        // The page may go between the two questions.
        for _ in 0..3 {
            let path = format!("element/{}/text", self.find(css).0);
            if let Ok(text) = self.try_ask("GET", &path, &Value::Null) {
                return text.as_str().unwrap().to_owned();
            }
        }
        self.text_of(&self.find(css))
    }

    pub(crate) fn text_of(&self, element: &Element) -> String {
        let text = self.ask("GET", &format!("element/{}/text", element.0), &Value::Null);
        text.as_str().unwrap().to_owned()
    }

    /// What a person reads in each element that fits.
    pub(crate) fn texts(&self, css: &str) -> Vec<String> {
        self.all(css).iter().map(|element| self.text_of(element)).collect()
    }

    pub(crate) fn attribute(&self, element: &Element, name: &str) -> Option<String> {
        let value = self.ask("GET", &format!("element/{}/attribute/{name}", element.0), &Value::Null);
        value.as_str().map(str::to_owned)
    }

    /// Clicks; what that loads is loaded when this returns.
    pub(crate) fn click(&self, element: &Element) {
        self.ask("POST", &format!("element/{}/click", element.0), &json!({}));
    }

    /// Puts a text into a field in the place of what it holds.
    pub(crate) fn fill(&self, element: &Element, text: &str) {
        self.ask("POST", &format!("element/{}/clear", element.0), &json!({}));
        self.ask("POST", &format!("element/{}/value", element.0), &json!({ "text": text }));
    }

    /// Names a file in a field for files.
    pub(crate) fn attach(&self, element: &Element, file: &Path) {
        self.ask("POST", &format!("element/{}/value", element.0), &json!({ "text": file }));
    }

    /// Chooses the option with this value in a list.
    pub(crate) fn choose(&self, list: &Element, value: &str) {
        let wanted = json!({ "using": "css selector", "value": format!("option[value=\"{value}\"]") });
        let found = self.ask("POST", &format!("element/{}/element", list.0), &wanted);
        self.click(&element(&found));
    }

    /// What a field holds.
    pub(crate) fn value(&self, element: &Element) -> String {
        let value = self.ask("GET", &format!("element/{}/property/value", element.0), &Value::Null);
        value.as_str().unwrap_or_default().to_owned()
    }

    /// Sets what a field holds where keys would depend on the language of the browser: days, for example.
    pub(crate) fn set_value(&self, element: &Element, value: &str) {
        let field = json!({ ELEMENT: element.0 });
        self.script("arguments[0].value = arguments[1];", &[field, value.into()]);
    }

    /// An element of the page that is open, once it is there: what other processes did is seen after some seconds.
    pub(crate) fn find_soon(&self, css: &str) -> Element {
        self.wait_until(css, |browser| {
            let there = !browser.all(css).is_empty();
            if !there {
                browser.reload();
            }
            there
        });
        self.find(css)
    }

    /// Asks until it holds.
    pub(crate) fn wait_until(&self, what: &str, holds: impl Fn(&Self) -> bool) {
        until(what, PATIENCE, || holds(self).then_some(()));
    }

    /// Presses and lets go of keys, wherever the focus is.
    pub(crate) fn press(&self, keys: &[&str]) {
        let down = keys.iter().map(|key| json!({ "type": "keyDown", "value": key }));
        let up = keys.iter().rev().map(|key| json!({ "type": "keyUp", "value": key }));
        let actions: Vec<Value> = down.chain(up).collect();
        let keyboard = json!({ "type": "key", "id": "keyboard", "actions": actions });
        self.ask("POST", "actions", &json!({ "actions": [keyboard] }));
    }

    /// Runs a function body in the page; what it returns.
    pub(crate) fn script(&self, body: &str, arguments: &[Value]) -> Value {
        self.ask("POST", "execute/sync", &json!({ "script": body, "args": arguments }))
    }

    /// The same for one that calls its last argument when it is done.
    pub(crate) fn script_until_done(&self, body: &str, arguments: &[Value]) -> Value {
        self.ask("POST", "execute/async", &json!({ "script": body, "args": arguments }))
    }

    /// Sends a header with every request from now on.
    pub(crate) fn header(&self, name: &str, value: &str) {
        self.devtools("Network.setExtraHTTPHeaders", &json!({ "headers": { name: value } }));
    }

    /// A command of the DevTools protocol.
    pub(crate) fn devtools(&self, command: &str, parameters: &Value) -> Value {
        self.ask("POST", "goog/cdp/execute", &json!({ "cmd": command, "params": parameters }))
    }

    /// The bytes of a download, once it is whole. It must be the only one that fits.
    pub(crate) fn downloaded(&self, ending: &str) -> PathBuf {
        until(&format!("a download that ends with {ending}"), PATIENCE, || {
            let files = super::files(&self.downloads);
            // A download that is under way has a name of its own.
            let under_way =
                files.iter().any(|file| file.extension().is_some_and(|last| last == "crdownload"));
            let mut fitting = files.into_iter().filter(|file| file.to_string_lossy().ends_with(ending));
            fitting.next().filter(|_| !under_way)
        })
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        if std::thread::panicking() && !self.session.is_empty() {
            let _ =
                self.try_ask("GET", "url", &Value::Null).map(|url| eprintln!("open in the browser: {url}"));
        }
        let _ = wire::command(self.port, "DELETE", &format!("/session/{}", self.session), &Value::Null);
        self.driver.kill();
        // A browser whose driver was ended in the middle of something lives on: it is known by its profile.
        let mark = self.profile.display().to_string();
        for id in processes_with(&mark) {
            let _ = Command::new("kill").args(["-KILL", &id]).stderr(Stdio::null()).status();
        }
    }
}

/// The ids of processes whose arguments hold a text, where the system tells.
fn processes_with(mark: &str) -> Vec<String> {
    let Ok(entries) = std::fs::read_dir("/proc") else { return Vec::new() };
    let names = entries.flatten().map(|entry| entry.file_name().to_string_lossy().into_owned());
    let of_processes = names.filter(|name| name.bytes().all(|byte| byte.is_ascii_digit()));
    let fitting = |id: &String| {
        let arguments = std::fs::read(format!("/proc/{id}/cmdline")).unwrap_or_default();
        String::from_utf8_lossy(&arguments).contains(mark)
    };
    of_processes.filter(fitting).collect()
}

fn element(found: &Value) -> Element {
    Element(found[ELEMENT].as_str().unwrap().to_owned())
}
