//! Files given out: whole or one range, piece by piece, kept by nobody on the way. Pages and download links send files
//! by this one function.
//!
//! What is read wrong ends the connection before the length that was announced: a broken file never looks whole.

mod range;

use std::ops::Range;

use axum::body::Body;
use axum::response::{IntoResponse as _, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use futures::TryStreamExt as _;
use hexproof_core::port::evidence::EvidenceFile;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};

use range::{Part, part};

/// The answer to a request for a file: `GET` or `HEAD`, with the conditions of RFC 9110 (sections 13 and 14) that the
/// headers state. The entity tag is strong, because it is the digest of the bytes; so is `Repr-Digest` (RFC 9530).
pub fn send(file: EvidenceFile, method: &Method, headers: &HeaderMap) -> Response {
    let size = file.size;
    let tag = format!("\"{}\"", file.digest.hex());
    let asked = |name: HeaderName| headers.get(name).and_then(|value| value.to_str().ok());
    if asked(header::IF_MATCH).is_some_and(|wanted| !names(wanted, &tag, false)) {
        return guarded(StatusCode::PRECONDITION_FAILED.into_response());
    }
    if asked(header::IF_NONE_MATCH).is_some_and(|held| names(held, &tag, true)) {
        let mut response = StatusCode::NOT_MODIFIED.into_response();
        set(&mut response, header::ETAG, &tag);
        return guarded(response);
    }
    // A range is defined for GET alone. A date in If-Range proves nothing here: only the tag does.
    let same = *method == Method::GET && asked(header::IF_RANGE).is_none_or(|wanted| wanted == tag);
    let digest = format!("sha-256=:{}:", STANDARD.encode(file.digest.bytes()));
    let (media_type, name) = (file.media_type, file.file_name.clone());
    let mut response = match part(asked(header::RANGE).filter(|_| same), size) {
        Part::Beyond => {
            let mut response = StatusCode::RANGE_NOT_SATISFIABLE.into_response();
            set(&mut response, header::CONTENT_RANGE, &format!("bytes */{size}"));
            return guarded(response);
        }
        Part::Whole => {
            let mut response = stream(file, 0..size, method);
            // The content is the representation: both have one digest.
            set(&mut response, HeaderName::from_static("content-digest"), &digest);
            response
        }
        Part::Bytes(range) => {
            let of = format!("bytes {}-{}/{size}", range.start, range.end - 1);
            let mut response = stream(file, range, method);
            *response.status_mut() = StatusCode::PARTIAL_CONTENT;
            set(&mut response, header::CONTENT_RANGE, &of);
            response
        }
    };
    set(&mut response, header::CONTENT_TYPE, media_type);
    set(&mut response, header::CONTENT_DISPOSITION, &format!("attachment; filename=\"{}\"", safe(&name)));
    set(&mut response, header::ACCEPT_RANGES, "bytes");
    set(&mut response, header::ETAG, &tag);
    set(&mut response, HeaderName::from_static("repr-digest"), &digest);
    guarded(response)
}

/// Whether a list of entity tags names this one.
fn names(list: &str, tag: &str, weak: bool) -> bool {
    list.split(',').map(str::trim).any(|held| {
        let held = if weak { held.strip_prefix("W/").unwrap_or(held) } else { held };
        held == "*" || held == tag
    })
}

/// The archive makes names of letters, digits, `-` and `.` only; whatever else comes does not end the quotes.
fn safe(name: &str) -> String {
    let permitted = |char: &char| char.is_ascii_alphanumeric() || matches!(char, '-' | '.' | '_');
    let name: String = name.chars().filter(permitted).collect();
    match name.trim_start_matches('.') {
        "" => "file".to_owned(),
        name => name.to_owned(),
    }
}

fn stream(file: EvidenceFile, range: Range<u64>, method: &Method) -> Response {
    let length = range.end - range.start;
    let mut response = match *method == Method::HEAD {
        // Nothing is read for a head.
        true => Response::new(Body::empty()),
        false => {
            let pieces = (file.read)(range).inspect_err(|error| {
                tracing::error!(error = error as &dyn std::error::Error, "a file broke off");
            });
            Response::new(Body::from_stream(pieces))
        }
    };
    set(&mut response, header::CONTENT_LENGTH, &length.to_string());
    response
}

/// Evidence is kept and recoded by nobody on the way, and shown as nothing but what it is.
fn guarded(mut response: Response) -> Response {
    set(&mut response, header::CACHE_CONTROL, "no-store, no-transform, private");
    set(&mut response, header::X_CONTENT_TYPE_OPTIONS, "nosniff");
    set(&mut response, header::REFERRER_POLICY, "no-referrer");
    set(&mut response, header::CONTENT_SECURITY_POLICY, crate::headers::FILE);
    response
}

fn set(response: &mut Response, name: HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        response.headers_mut().insert(name, value);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use bytes::Bytes;
    use futures::stream;
    use hexproof_core::digest::Digest;
    use hexproof_core::port::StorageError;
    use http_body_util::BodyExt as _;

    use super::*;

    const TEXT: &[u8] = b"0123456789";

    fn file(name: &str) -> EvidenceFile {
        EvidenceFile {
            size: TEXT.len() as u64,
            digest: Digest::of(TEXT),
            media_type: "application/pdf",
            file_name: name.to_owned(),
            read: Box::new(|range| {
                let piece = Bytes::from_static(TEXT).slice(range.start as usize..range.end as usize);
                Box::pin(stream::iter([Ok(piece)]))
            }),
        }
    }

    fn asking(headers: &[(&'static str, &str)]) -> HeaderMap {
        let pair = |(name, value): &(&'static str, &str)| {
            (HeaderName::from_static(name), HeaderValue::from_str(value).unwrap())
        };
        headers.iter().map(pair).collect()
    }

    async fn answer(method: Method, headers: &[(&'static str, &str)]) -> (StatusCode, HeaderMap, Bytes) {
        let response = send(file("pack.pdf"), &method, &asking(headers));
        let (head, body) = response.into_parts();
        (head.status, head.headers, body.collect().await.unwrap().to_bytes())
    }

    #[tokio::test]
    async fn one_range_is_sent_and_anything_else_is_the_whole_file() {
        let tag = format!("\"{}\"", Digest::of(TEXT).hex());
        let other = "\"0000\"";
        for (headers, status, body) in [
            (vec![], 200, "0123456789"),
            (vec![("range", "bytes=2-4")], 206, "234"),
            (vec![("range", "bytes=-3")], 206, "789"),
            (vec![("range", "bytes=0-1,3-4")], 200, "0123456789"),
            (vec![("range", "bytes=2-4"), ("if-range", tag.as_str())], 206, "234"),
            (vec![("range", "bytes=2-4"), ("if-range", other)], 200, "0123456789"),
            (vec![("range", "bytes=2-4"), ("if-range", "Tue, 24 Nov 2026 06:00:00 GMT")], 200, "0123456789"),
            (vec![("range", "bytes=10-")], 416, ""),
            (vec![("if-none-match", tag.as_str())], 304, ""),
            (vec![("if-none-match", other)], 200, "0123456789"),
            (vec![("if-match", other)], 412, ""),
            (vec![("if-match", tag.as_str())], 200, "0123456789"),
        ] {
            let (found, found_headers, bytes) = answer(Method::GET, &headers).await;
            assert_eq!((found.as_u16(), &*bytes), (status, body.as_bytes()), "{headers:?}");
            assert!(found_headers["cache-control"].to_str().unwrap().contains("no-store"), "{headers:?}");
        }
        let (_, headers, _) = answer(Method::GET, &[("range", "bytes=2-4")]).await;
        assert_eq!(headers["content-range"], "bytes 2-4/10");
        assert_eq!(headers["content-length"], "3");
        assert!(headers.get("content-digest").is_none(), "the digest of a part is not that of the whole");
        let (_, headers, _) = answer(Method::GET, &[("range", "bytes=10-")]).await;
        assert_eq!(headers["content-range"], "bytes */10");
    }

    #[tokio::test]
    async fn the_head_says_what_the_file_is_and_reads_nothing() {
        let reads = Arc::new(AtomicUsize::new(0));
        let counted = reads.clone();
        let mut file = file("pack.pdf");
        file.read = Box::new(move |_| {
            counted.fetch_add(1, Ordering::SeqCst);
            Box::pin(stream::empty())
        });
        let response = send(file, &Method::HEAD, &asking(&[("range", "bytes=0-1")]));
        assert_eq!(response.status(), StatusCode::OK);
        let headers = response.headers();
        assert_eq!(headers["content-length"], "10");
        assert_eq!(headers["etag"], format!("\"{}\"", Digest::of(TEXT).hex()).as_str());
        assert_eq!(headers["repr-digest"], "sha-256=:hNiYd/DUBB77a/kaFvAkjy/Vc+avBcGflr7bn4gveII=:");
        assert_eq!(headers["repr-digest"], headers["content-digest"]);
        assert_eq!(headers["content-disposition"], "attachment; filename=\"pack.pdf\"");
        assert_eq!(headers["x-content-type-options"], "nosniff");
        assert_eq!(reads.load(Ordering::SeqCst), 0);
    }

    #[tokio::test]
    async fn what_breaks_off_is_an_error_and_no_end() {
        let mut file = file("pack.pdf");
        file.read = Box::new(|_| {
            let broken = StorageError::Damaged("its digest is another".into());
            Box::pin(stream::iter([Ok(Bytes::from_static(b"01234")), Err(broken)]))
        });
        let response = send(file, &Method::GET, &HeaderMap::new());
        assert!(response.into_body().collect().await.is_err());
    }

    #[test]
    fn no_name_leaves_its_quotes() {
        for (name, safe) in [
            ("shop-2026.pdf", "shop-2026.pdf"),
            ("a\"; filename=\"b.exe", "afilenameb.exe"),
            ("../../etc/passwd", "etcpasswd"),
            ("\u{202e}fdp.exe\r\nSet-Cookie: a", "fdp.exeSet-Cookiea"),
            ("", "file"),
        ] {
            assert_eq!(super::safe(name), safe, "{name:?}");
        }
    }
}
