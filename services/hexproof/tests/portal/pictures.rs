//! The pictures of the portal in the documents. `HEXPROOF_PICTURES=1 cargo test -p hexproof --test portal pictures`
//! makes them again; without it they are looked at only from outside.

use std::path::PathBuf;

use crate::demo::{Demo, SHOP, VIEWER};
use crate::support::browser::{Browser, Scheme};
use crate::support::parts::present;
use crate::support::root;

/// No picture is larger: they come with every clone.
const LARGEST: u64 = 250_000;

/// Name, width, height at most, colours.
const PICTURES: [(&str, u32, u32, Scheme); 8] = [
    ("clusters", 1280, 800, Scheme::Light),
    ("cluster", 1280, 1400, Scheme::Light),
    ("pack", 1280, 1500, Scheme::Light),
    ("pack-dark", 1280, 1500, Scheme::Dark),
    ("pack-phone", 390, 1500, Scheme::Light),
    ("changes", 1280, 1300, Scheme::Light),
    ("verification", 1280, 1100, Scheme::Light),
    ("waiver", 1280, 1000, Scheme::Light),
];

fn file(name: &str) -> PathBuf {
    root().join("docs/portal").join(name).with_extension("png")
}

#[test]
fn the_pictures_of_the_documents_are_small_and_shown() {
    if std::env::var_os("HEXPROOF_PICTURES").is_some() {
        make();
    }
    let shown: String = ["README.md", "docs/README.md", "docs/auditor.md", "docs/operator.md"]
        .iter()
        .map(|document| std::fs::read_to_string(root().join(document)).unwrap())
        .collect();
    for (name, width, height, _) in PICTURES {
        let bytes = std::fs::read(file(name)).unwrap();
        assert!(bytes.starts_with(b"\x89PNG"), "{name}");
        let number = |at: usize| u32::from_be_bytes(bytes[at..at + 4].try_into().unwrap());
        assert!(number(16) == width && number(20) <= height, "{name}: {} x {}", number(16), number(20));
        assert!((bytes.len() as u64) < LARGEST, "{name}: {} bytes", bytes.len());
        assert!(shown.contains(&format!("portal/{name}.png")), "no document shows {name}");
    }
}

fn make() {
    assert!(present(&["chromedriver", "chromium", "grpcurl"]), "the pictures need a browser");
    let demo = Demo::make();
    let pack = format!("/clusters/{SHOP}/packs/{}", demo.newest(SHOP));
    let browser = Browser::start("pictures", demo.home.path());
    browser.header("x-hexproof-dev-subject", VIEWER);
    std::fs::create_dir_all(root().join("docs/portal")).unwrap();
    for (name, width, height, scheme) in PICTURES {
        browser.size(width, 900);
        browser.scheme(scheme);
        browser.open(&demo.page(&match name {
            "clusters" => "/clusters".to_owned(),
            "cluster" => format!("/clusters/{SHOP}"),
            "changes" => format!("{pack}/changes"),
            "verification" => format!("{pack}/verification"),
            "waiver" => "/waivers".to_owned(),
            _ => pack.clone(),
        }));
        if name == "waiver" {
            browser.click(&browser.find("main table a[href*='/waivers/']"));
        }
        browser.picture(&file(name), Some(height));
    }
}
