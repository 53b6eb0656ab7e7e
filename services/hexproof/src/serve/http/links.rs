//! The file of a download link. The access layer has checked the link, and writes the entry of the log.

use axum::Extension;
use axum::body::Body;
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use futures::TryStreamExt as _;
use hexproof_archive::Download;
use hexproof_core::access::LinkGrant;
use hexproof_core::port::StorageError;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};

use super::Pages;
use super::range::{Part, part};

pub(super) async fn download(
    State(pages): State<Pages>,
    Extension(grant): Extension<LinkGrant>,
    headers: HeaderMap,
) -> Response {
    match open(&pages, &grant).await {
        Ok(Some(download)) => send(download, &headers),
        Ok(None) => (StatusCode::NOT_FOUND, "there is no such file\n").into_response(),
        Err(error) => {
            tracing::error!(error = &error as &dyn std::error::Error, "a file cannot be sent");
            let retry = [(header::RETRY_AFTER, HeaderValue::from_static("5"))];
            (StatusCode::SERVICE_UNAVAILABLE, retry, "the store does not answer; try again\n").into_response()
        }
    }
}

/// The file, if it is still the one that the link was made for.
async fn open(pages: &Pages, grant: &LinkGrant) -> Result<Option<Download>, StorageError> {
    let Some(run) = pages.packs.find(&grant.audit).await? else { return Ok(None) };
    let download = pages.packs.open(&run, grant.artifact).await?;
    Ok(Some(download).filter(|download| download.digest == grant.digest))
}

fn send(download: Download, headers: &HeaderMap) -> Response {
    let size = download.size;
    // Strong: the name of the bytes is their digest.
    let tag = format!("\"{}\"", download.digest.hex());
    let asked = |name: HeaderName| headers.get(name).and_then(|value| value.to_str().ok());
    let same = asked(header::IF_RANGE).is_none_or(|wanted| wanted == tag);
    let wanted = part(asked(header::RANGE).filter(|_| same), size);
    let mut response = match wanted {
        Part::Beyond => {
            let mut response = StatusCode::RANGE_NOT_SATISFIABLE.into_response();
            set(&mut response, header::CONTENT_RANGE, &format!("bytes */{size}"));
            return guarded(response);
        }
        Part::Whole => stream(download.clone(), 0..size),
        Part::Bytes(ref range) => {
            let mut response = stream(download.clone(), range.clone());
            *response.status_mut() = StatusCode::PARTIAL_CONTENT;
            let of = format!("bytes {}-{}/{size}", range.start, range.end - 1);
            set(&mut response, header::CONTENT_RANGE, &of);
            response
        }
    };
    set(&mut response, header::CONTENT_TYPE, download.media_type);
    // The archive makes names of letters, digits, `-` and `.` only.
    set(
        &mut response,
        header::CONTENT_DISPOSITION,
        &format!("attachment; filename=\"{}\"", download.file_name),
    );
    set(&mut response, header::ACCEPT_RANGES, "bytes");
    set(&mut response, header::ETAG, &tag);
    guarded(response)
}

fn stream(download: Download, range: std::ops::Range<u64>) -> Response {
    let length = range.end - range.start;
    let pieces = download.stream(range).inspect_err(|error| {
        tracing::error!(error = error as &dyn std::error::Error, "a file broke off");
    });
    let mut response = Response::new(Body::from_stream(pieces));
    set(&mut response, header::CONTENT_LENGTH, &length.to_string());
    response
}

/// Evidence is kept by nobody on the way, and shown as nothing but what it is.
fn guarded(mut response: Response) -> Response {
    set(&mut response, header::CACHE_CONTROL, "no-store, private");
    set(&mut response, header::X_CONTENT_TYPE_OPTIONS, "nosniff");
    set(&mut response, header::REFERRER_POLICY, "no-referrer");
    set(&mut response, header::CONTENT_SECURITY_POLICY, "default-src 'none'; sandbox");
    response
}

fn set(response: &mut Response, name: HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        response.headers_mut().insert(name, value);
    }
}
