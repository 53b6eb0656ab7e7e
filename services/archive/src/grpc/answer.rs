//! What the services of the register have in common: identifiers, failures of the storage, pages of bounded size.

use std::error::Error;

use hexproof_api::status;
use hexproof_core::id::ClusterId;
use hexproof_core::port::{Register, StorageError};
use hexproof_core::register::{Kept, Version};
use prost::Message;
use tonic::Status;

/// Bytes of a page after which no further item is begun. Clients take 4 MiB unless they ask for more.
const FULL_PAGE: usize = 1 << 20;

/// What the storage gave, or what the caller is told of its failure; the log gets the chain.
pub(super) fn stored<T>(result: Result<T, StorageError>) -> Result<T, Status> {
    result.map_err(|error| {
        tracing::warn!(error = &error as &(dyn Error + 'static), "the register could not be read or written");
        status::storage(&error)
    })
}

/// A cluster id of a request.
pub(super) fn cluster_id(field: &'static str, text: &str) -> Result<ClusterId, Status> {
    text.parse().map_err(|error| status::invalid_id(field, &error))
}

/// The present version of something, of `seen` or later: whoever has seen a version may have seen it on another
/// replica, whose writes this one takes over only now and then.
pub(super) async fn present<T: Kept>(
    register: &Register,
    id: &hexproof_core::id::RecordId,
    seen: u64,
) -> Result<Option<Version<T>>, Status> {
    let found: Option<Version<T>> = stored(register.latest(id).await)?;
    if found.as_ref().is_some_and(|version| version.number >= seen) {
        return Ok(found);
    }
    stored(register.refresh().await)?;
    stored(register.latest(id).await)
}

/// Writes the next version. If somebody else was first, the register is brought up to date before that is told, so
/// that whoever reads again reads what won.
pub(super) async fn put_next<T: Kept>(
    register: &Register,
    id: &hexproof_core::id::RecordId,
    version: Version<T>,
) -> Result<(), Status> {
    let written = register.put(id, version).await;
    if let Err(StorageError::Conflict) = written {
        stored(register.refresh().await)?;
    }
    stored(written)
}

/// ABORTED: the version that the caller has read is not the present one.
pub(super) fn stale(kind: &str, present: u64) -> Status {
    let message = format!("version {present} of the {kind} is present; read it again");
    status::status(tonic::Code::Aborted, "CONFLICT", message)
}

/// The first items of a list as messages, up to `limit` of them or a full page, and whether there are more.
pub(super) fn fill<T, M: Message>(
    items: impl Iterator<Item = T>,
    limit: usize,
    message: impl Fn(&T) -> M,
) -> (Vec<(T, M)>, bool) {
    let mut page = Vec::new();
    let mut bytes = 0;
    for item in items {
        if page.len() == limit || bytes >= FULL_PAGE {
            return (page, true);
        }
        let message = message(&item);
        bytes += message.encoded_len();
        page.push((item, message));
    }
    (page, false)
}
