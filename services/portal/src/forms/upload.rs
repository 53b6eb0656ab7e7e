//! A file that somebody sends for a check: taken piece by piece, up to a limit, and kept nowhere.
//!
//! What is too large is refused by its announced length, or as soon as it has passed the limit. The rest is then read
//! and thrown away, within bounds, while the answer is already under way: browsers show an answer only after they have
//! sent everything, and not at all if the connection breaks before.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use axum::body::{Body, BodyDataStream, Bytes};
use axum::response::Response;
use futures::StreamExt as _;
use futures::stream;
use hexproof_access::Csrf;
use http::{HeaderMap, HeaderValue, header};
use multer::Multipart;

use super::checked::token;

/// The largest file that is checked: that of the RPC.
pub(crate) const LARGEST: u64 = 32 << 20;
/// What stands around the file: the boundary, the heads of the parts, the token.
const AROUND: u64 = 64 << 10;
/// The longest token of a form.
const TOKEN: usize = 4 << 10;
/// How long a file may take to come.
const PATIENCE: Duration = Duration::from_secs(120);
/// What is read and thrown away of what is too large, and how long.
const DRAINED: u64 = 2 << 30;
const DRAINING: Duration = Duration::from_secs(30);

/// What came.
#[derive(Debug)]
pub(crate) enum Upload {
    /// A file, with the name that the sender's machine has for it.
    File(String, Vec<u8>),
    /// No file was chosen.
    Nothing,
    /// More than [`LARGEST`] bytes.
    TooLarge,
    /// It did not come in time.
    Slow,
    /// It broke off, or is no form.
    Broken,
    /// It does not carry the token of the session.
    Foreign,
}

/// Whether the announced length says that it is too large.
pub(crate) fn announced_too_large(headers: &HeaderMap) -> bool {
    let length = headers.get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok());
    length.and_then(|text| text.parse::<u64>().ok()).is_some_and(|length| length > LARGEST + AROUND)
}

/// Takes a file out of a form; the token of the session has to come first.
pub(crate) async fn read(headers: &HeaderMap, body: &mut BodyDataStream, csrf: Option<&Csrf>) -> Upload {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let Ok(boundary) = multer::parse_boundary(kind) else { return Upload::Broken };
    let come = Arc::new(AtomicU64::new(0));
    let counted = come.clone();
    // Nothing beyond the limit gets as far as the reader of the form.
    let bounded = body.map(move |piece| match piece {
        Ok(piece) => {
            let come = counted.fetch_add(piece.len() as u64, Ordering::Relaxed) + piece.len() as u64;
            if come > LARGEST + AROUND { Err(Stopped) } else { Ok(piece) }
        }
        Err(_) => Err(Stopped),
    });
    let ours = token(headers).is_some_and(|token| is_of(csrf, token));
    match tokio::time::timeout(PATIENCE, parts(Multipart::new(bounded, boundary), csrf, ours)).await {
        Err(_) => Upload::Slow,
        Ok(Err(_)) if come.load(Ordering::Relaxed) > LARGEST => Upload::TooLarge,
        Ok(Err(_)) => Upload::Broken,
        Ok(Ok(upload)) => upload,
    }
}

#[derive(Debug, thiserror::Error)]
#[error("no more is read")]
struct Stopped;

fn is_of(csrf: Option<&Csrf>, token: &str) -> bool {
    csrf.is_some_and(|csrf| csrf.check(token))
}

async fn parts(
    mut form: Multipart<'_>,
    csrf: Option<&Csrf>,
    mut ours: bool,
) -> Result<Upload, multer::Error> {
    while let Some(mut field) = form.next_field().await? {
        match field.name() {
            Some(Csrf::FIELD) => {
                let mut token = Vec::new();
                while let Some(piece) = field.chunk().await? {
                    if token.len() + piece.len() > TOKEN {
                        return Ok(Upload::Foreign);
                    }
                    token.extend_from_slice(&piece);
                }
                ours |= is_of(csrf, std::str::from_utf8(&token).unwrap_or_default());
            }
            Some("file") if ours => {
                let name = field.file_name().unwrap_or_default().to_owned();
                let mut bytes = Vec::new();
                while let Some(piece) = field.chunk().await? {
                    if (bytes.len() + piece.len()) as u64 > LARGEST {
                        return Ok(Upload::TooLarge);
                    }
                    bytes.extend_from_slice(&piece);
                }
                return Ok(if name.is_empty() && bytes.is_empty() {
                    Upload::Nothing
                } else {
                    Upload::File(name, bytes)
                });
            }
            Some("file") => return Ok(Upload::Foreign),
            _ => while field.chunk().await?.is_some() {},
        }
    }
    Ok(if ours { Upload::Nothing } else { Upload::Foreign })
}

/// Lets an answer go while the rest of the request is read and thrown away, within bounds. The connection ends after.
pub(crate) fn while_draining(response: Response, headers: &HeaderMap, body: BodyDataStream) -> Response {
    let (mut head, page) = response.into_parts();
    head.headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
    // Whoever waits to be told to go on has sent nothing.
    if headers.contains_key(header::EXPECT) {
        return Response::from_parts(head, page);
    }
    let drained = stream::once(async move {
        let mut left = DRAINED;
        let mut body = body;
        let drain = async {
            while let Some(Ok(piece)) = body.next().await {
                left = left.saturating_sub(piece.len() as u64);
                if left == 0 {
                    break;
                }
            }
        };
        // Both ends are good: bounds are all that matters here.
        let _ = tokio::time::timeout(DRAINING, drain).await;
        Ok(Bytes::new())
    });
    head.headers.remove(header::CONTENT_LENGTH);
    Response::from_parts(head, Body::from_stream(page.into_data_stream().chain(drained)))
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use super::*;

    const KIND: &str = "multipart/form-data; boundary=x";

    fn form(parts: &[(&str, &str, &[u8])]) -> Vec<u8> {
        let mut body = Vec::new();
        for (name, file, bytes) in parts {
            let file = if file.is_empty() { String::new() } else { format!("; filename=\"{file}\"") };
            body.extend_from_slice(
                format!("--x\r\ncontent-disposition: form-data; name=\"{name}\"{file}\r\n\r\n").as_bytes(),
            );
            body.extend_from_slice(bytes);
            body.extend_from_slice(b"\r\n");
        }
        body.extend_from_slice(b"--x--\r\n");
        body
    }

    async fn come(kind: &'static str, body: Vec<u8>) -> Upload {
        let mut headers = HeaderMap::new();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
        let pieces = body
            .chunks(60_000)
            .map(|piece| Ok::<_, Infallible>(Bytes::copy_from_slice(piece)))
            .collect::<Vec<_>>();
        let mut body = Body::from_stream(stream::iter(pieces)).into_data_stream();
        read(&headers, &mut body, Some(&Csrf("token".to_owned()))).await
    }

    #[tokio::test]
    async fn a_file_is_taken_with_the_token_before_it() {
        let whole = form(&[("csrf", "", b"token"), ("other", "", b"x"), ("file", "a.pdf", b"%PDF")]);
        assert!(
            matches!(come(KIND, whole).await, Upload::File(name, bytes) if name == "a.pdf" && bytes == b"%PDF")
        );
        for foreign in [
            form(&[("file", "a.pdf", b"%PDF")]),
            form(&[("file", "a.pdf", b"%PDF"), ("csrf", "", b"token")]),
            form(&[("csrf", "", b"tokem"), ("file", "a.pdf", b"%PDF")]),
            form(&[("csrf", "", &[b'a'; TOKEN + 1])]),
            form(&[]),
        ] {
            assert!(matches!(come(KIND, foreign).await, Upload::Foreign));
        }
        assert!(matches!(come(KIND, form(&[("csrf", "", b"token")])).await, Upload::Nothing));
    }

    #[tokio::test]
    async fn what_is_no_form_or_breaks_off_is_told_so() {
        let whole = form(&[("csrf", "", b"token"), ("file", "a.pdf", b"%PDF")]);
        for broken in [&whole[..40], &whole[..whole.len() - 9], b"", b"\r\n\r\n"] {
            assert!(matches!(come(KIND, broken.to_vec()).await, Upload::Broken), "{}", broken.len());
        }
        assert!(matches!(come("text/plain", whole.clone()).await, Upload::Broken));
        assert!(matches!(come("multipart/form-data", whole).await, Upload::Broken));
        assert!(matches!(come(KIND, vec![b'a'; 40 << 20]).await, Upload::TooLarge));
    }

    #[tokio::test]
    async fn the_limit_is_that_of_the_file() {
        let largest = vec![b'a'; LARGEST as usize];
        let upload = come(KIND, form(&[("csrf", "", b"token"), ("file", "a", &largest)])).await;
        assert!(matches!(upload, Upload::File(_, bytes) if bytes.len() as u64 == LARGEST));
        let more = vec![b'a'; LARGEST as usize + 1];
        let upload = come(KIND, form(&[("csrf", "", b"token"), ("file", "a", &more)])).await;
        assert!(matches!(upload, Upload::TooLarge));
    }

    #[test]
    fn an_announced_length_is_enough_to_refuse() {
        let mut headers = HeaderMap::new();
        assert!(!announced_too_large(&headers));
        headers.insert(header::CONTENT_LENGTH, HeaderValue::from(1_u64 << 30));
        assert!(announced_too_large(&headers));
        headers.insert(header::CONTENT_LENGTH, HeaderValue::from_static("999999999999999999999999"));
        assert!(!announced_too_large(&headers), "it is read, up to the limit");
    }
}
