//! The file of a download link. The access layer has checked the link, and writes the entry of the log.

use axum::Extension;
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use hexproof_archive::Download;
use hexproof_core::access::LinkGrant;
use hexproof_core::port::StorageError;
use hexproof_core::port::evidence::EvidenceFile;
use http::{HeaderMap, HeaderValue, Method, StatusCode, header};

use super::Pages;

pub(super) async fn download(
    State(pages): State<Pages>,
    Extension(grant): Extension<LinkGrant>,
    method: Method,
    headers: HeaderMap,
) -> Response {
    match open(&pages, &grant).await {
        Ok(Some(download)) => hexproof_portal::send(file(download), &method, &headers),
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

fn file(download: Download) -> EvidenceFile {
    EvidenceFile {
        size: download.size,
        digest: download.digest,
        media_type: download.media_type,
        file_name: download.file_name.clone(),
        read: Box::new(move |range| download.stream(range)),
    }
}
