//! Styles and fonts. They are part of the program, carry a digest of their bytes in their names and never change under a
//! name: a browser asks for each once.

use std::io::Write as _;
use std::sync::LazyLock;

use axum::extract::Path;
use axum::response::{IntoResponse as _, Response};
use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use hexproof_core::Digest;
use http::{HeaderMap, HeaderValue, StatusCode, header};

use crate::refusal::Refusal;

/// A year: as long as anything may be kept (RFC 9111).
const FOREVER: &str = "public, max-age=31536000, immutable";

/// One file.
struct Asset {
    name: String,
    media_type: &'static str,
    bytes: Bytes,
    /// Gzip of the bytes, where that is smaller.
    packed: Option<Vec<u8>>,
    tag: HeaderValue,
}

struct Assets {
    sans: Asset,
    styles: Asset,
    icon: Asset,
    condensed: Asset,
    mono: Asset,
    others: Vec<Asset>,
}

const SANS: &[u8] = include_bytes!("../assets/ibm-plex-sans-latin-wght-normal.woff2");
const SANS_EXT: &[u8] = include_bytes!("../assets/ibm-plex-sans-latin-ext-wght-normal.woff2");
const CONDENSED: &[u8] = include_bytes!("../assets/ibm-plex-sans-condensed-latin-400-normal.woff2");
const MONO: &[u8] = include_bytes!("../assets/ibm-plex-mono-latin-400-normal.woff2");
const MONO_BOLD: &[u8] = include_bytes!("../assets/ibm-plex-mono-latin-600-normal.woff2");
/// Tokens, type, frame; then what pages are made of; then print.
const STYLES: [&str; 8] = [
    include_str!("../assets/tokens.css"),
    include_str!("../assets/frame.css"),
    include_str!("../assets/parts.css"),
    include_str!("../assets/matrix.css"),
    include_str!("../assets/charts.css"),
    include_str!("../assets/evidence.css"),
    include_str!("../assets/forms.css"),
    include_str!("../assets/print.css"),
];
const ICON: &str = include_str!("../assets/icon.svg");

static ASSETS: LazyLock<Assets> = LazyLock::new(|| {
    let font = |name: &str, bytes: &'static [u8]| Asset::new(name, "woff2", "font/woff2", bytes.into());
    let sans = font("sans", SANS);
    let sans_ext = font("sans-ext", SANS_EXT);
    let condensed = font("condensed", CONDENSED);
    let mono = font("mono", MONO);
    let mono_bold = font("mono-bold", MONO_BOLD);
    let styles = [
        ("{sans}", &sans),
        ("{sans-ext}", &sans_ext),
        ("{condensed}", &condensed),
        ("{mono}", &mono),
        ("{mono-bold}", &mono_bold),
    ]
    .into_iter()
    .fold(small(&STYLES.concat()), |styles, (place, asset)| styles.replace(place, &asset.name));
    Assets {
        sans,
        styles: Asset::new("portal", "css", "text/css; charset=utf-8", styles.into_bytes().into()),
        icon: Asset::new("icon", "svg", "image/svg+xml", ICON.as_bytes().into()),
        condensed,
        mono,
        others: vec![sans_ext, mono_bold],
    }
});

impl Asset {
    fn new(name: &str, ending: &str, media_type: &'static str, bytes: Bytes) -> Self {
        let digest = Digest::of(&bytes).hex();
        let short = digest.get(..16).unwrap_or(&digest);
        Self {
            name: format!("{name}-{short}.{ending}"),
            media_type,
            packed: pack(&bytes).filter(|packed| packed.len() < bytes.len()),
            bytes,
            tag: HeaderValue::from_str(&format!("\"{short}\"")).unwrap_or(HeaderValue::from_static("\"\"")),
        }
    }

    fn path(&self) -> String {
        format!("/assets/{}", self.name)
    }
}

/// Where the main font is found.
pub(crate) fn sans() -> String {
    ASSETS.sans.path()
}

/// Where the font of cells is found.
pub(crate) fn condensed() -> String {
    ASSETS.condensed.path()
}

/// Where the font of identifiers is found.
pub(crate) fn mono() -> String {
    ASSETS.mono.path()
}

/// Where the styles are found.
pub(crate) fn styles() -> String {
    ASSETS.styles.path()
}

/// Where the icon is found.
pub(crate) fn icon() -> String {
    ASSETS.icon.path()
}

/// A file by its name.
pub(crate) async fn get(Path(name): Path<String>, headers: HeaderMap) -> Result<Response, Refusal> {
    let Assets { sans, styles, icon, condensed, mono, others } = &*ASSETS;
    let asset = [sans, styles, icon, condensed, mono]
        .into_iter()
        .chain(others)
        .find(|asset| asset.name == name)
        .ok_or_else(|| Refusal::NotFound("There is no such file.".to_owned()))?;
    let mut response = match headers.get(header::IF_NONE_MATCH) {
        Some(known) if *known == asset.tag => StatusCode::NOT_MODIFIED.into_response(),
        _ => match &asset.packed {
            Some(packed) if crate::wire::takes_gzip(&headers) => {
                let mut response = packed.clone().into_response();
                response.headers_mut().insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
                response
            }
            _ => asset.bytes.clone().into_response(),
        },
    };
    let head = response.headers_mut();
    head.insert(header::CONTENT_TYPE, HeaderValue::from_static(asset.media_type));
    head.insert(header::CACHE_CONTROL, HeaderValue::from_static(FOREVER));
    head.insert(header::VARY, HeaderValue::from_static("accept-encoding"));
    head.insert(header::ETAG, asset.tag.clone());
    Ok(response)
}

fn pack(bytes: &[u8]) -> Option<Vec<u8>> {
    let mut packer = GzEncoder::new(Vec::new(), Compression::best());
    packer.write_all(bytes).ok()?;
    packer.finish().ok()
}

/// Styles without comments and indentation.
fn small(styles: &str) -> String {
    let mut out = String::with_capacity(styles.len());
    let mut rest = styles;
    while let Some(start) = rest.find("/*") {
        out.push_str(&rest[..start]);
        rest = rest[start..].find("*/").map_or("", |end| &rest[start + end + 2..]);
    }
    out.push_str(rest);
    let lines: Vec<&str> = out.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn styles_name_the_fonts_by_their_digests() {
        let styles = String::from_utf8(ASSETS.styles.bytes.to_vec()).unwrap();
        assert!(styles.contains(&ASSETS.sans.name));
        assert!(!styles.contains("{sans}") && !styles.contains("{mono}") && !styles.contains("/*"));
        assert_eq!(styles.matches('{').count(), styles.matches('}').count());
    }

    #[test]
    fn every_name_fits_the_table_of_pages() {
        for path in [sans(), styles(), icon(), condensed(), mono()]
            .into_iter()
            .chain(ASSETS.others.iter().map(Asset::path))
        {
            let rule = hexproof_access::policy::pages::page_of(&http::Method::GET, &path).unwrap();
            assert_eq!(rule.page, hexproof_access::policy::pages::Page::Asset);
        }
    }

    #[test]
    fn comments_go_and_rules_stay() {
        assert_eq!(small("/* a */\na {\n  b: c;\n}\n\n/* d"), "a {\nb: c;\n}");
    }
}
