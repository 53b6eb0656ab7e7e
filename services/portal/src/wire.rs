//! Pages are packed on the wire; files are not, for packs are packed already and are read in ranges.

use std::io::Write as _;

use axum::body::{Body, to_bytes};
use axum::response::Response;
use flate2::{Compression, GzBuilder};
use http::{HeaderMap, HeaderValue, header};
use ring::rand::{SecureRandom as _, SystemRandom};

/// Less is not worth it.
const LEAST: usize = 860;

/// Whether a client takes gzip.
pub(crate) fn takes_gzip(headers: &HeaderMap) -> bool {
    headers.get_all(header::ACCEPT_ENCODING).iter().filter_map(|value| value.to_str().ok()).any(|value| {
        value.split(',').any(|coding| {
            let mut parts = coding.split(';').map(str::trim);
            let named = parts.next().is_some_and(|name| name.eq_ignore_ascii_case("gzip") || name == "*");
            let refused = parts.any(|part| {
                part.strip_prefix("q=").and_then(|q| q.parse::<f32>().ok()).is_some_and(|q| q <= 0.0)
            });
            named && !refused
        })
    })
}

/// Packs a page for a client that takes gzip.
pub(crate) async fn packed(response: Response, gzip: bool) -> Response {
    let page = response
        .headers()
        .get(header::CONTENT_TYPE)
        .is_some_and(|kind| kind.as_bytes().starts_with(b"text/html"));
    if !page || response.headers().contains_key(header::CONTENT_ENCODING) {
        return response;
    }
    let (mut head, body) = response.into_parts();
    head.headers.append(header::VARY, HeaderValue::from_static("accept-encoding"));
    if !gzip {
        return Response::from_parts(head, body);
    }
    // Pages are made whole, in memory, so that this reads what is there already.
    let Ok(bytes) = to_bytes(body, usize::MAX).await else {
        return Response::from_parts(head, Body::empty());
    };
    match (bytes.len() >= LEAST).then(|| pack(&bytes)).flatten() {
        Some(packed) => {
            head.headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
            head.headers.remove(header::CONTENT_LENGTH);
            Response::from_parts(head, Body::from(packed))
        }
        None => Response::from_parts(head, Body::from(bytes)),
    }
}

/// A page holds a secret of the session and words of the address: the length of the packed page must not tell how well
/// the two fit together (BREACH). So the header carries a file name of random length, which every client skips.
fn pack(bytes: &[u8]) -> Option<Vec<u8>> {
    let mut length = [0_u8; 1];
    SystemRandom::new().fill(&mut length).ok()?;
    let name = vec![b'x'; usize::from(length[0] % 64) + 1];
    let mut packer =
        GzBuilder::new().filename(name).write(Vec::with_capacity(bytes.len() / 4), Compression::new(6));
    packer.write_all(bytes).ok()?;
    packer.finish().ok()
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use axum::response::{Html, IntoResponse as _};

    use super::*;

    #[test]
    fn a_client_says_whether_it_takes_gzip() {
        let takes = |value: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::ACCEPT_ENCODING, HeaderValue::from_static(value));
            takes_gzip(&headers)
        };
        assert!(takes("gzip, deflate, br") && takes("br;q=1.0, gzip;q=0.8") && takes("*"));
        assert!(!takes("br") && !takes("gzip;q=0") && !takes(""));
        assert!(!takes_gzip(&HeaderMap::new()));
    }

    #[tokio::test]
    async fn a_page_is_packed_and_a_file_is_not() {
        let text = "<p>hexagon</p>".repeat(200);
        let page = packed(Html(text.clone()).into_response(), true).await;
        assert_eq!(page.headers()[header::CONTENT_ENCODING], "gzip");
        let bytes = to_bytes(page.into_body(), usize::MAX).await.unwrap();
        assert!(bytes.len() < 300);
        let mut read = String::new();
        flate2::read::GzDecoder::new(&bytes[..]).read_to_string(&mut read).unwrap();
        assert_eq!(read, text);
        let file = packed(text.clone().into_response(), true).await;
        assert!(!file.headers().contains_key(header::CONTENT_ENCODING));
        let plain = packed(Html(text).into_response(), false).await;
        assert!(!plain.headers().contains_key(header::CONTENT_ENCODING));
    }
}
