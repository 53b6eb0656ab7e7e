//! Files out of memory, piece by piece.

use std::ops::Range;

use bytes::Bytes;
use hexproof_core::access::Artifact;
use hexproof_core::audit::AuditKey;
use hexproof_core::digest::Digest;
use hexproof_core::port::StorageError;
use hexproof_core::port::evidence::{ByteStream, EvidenceFile};

pub(super) fn file(audit: &AuditKey, artifact: Artifact, bytes: Bytes) -> EvidenceFile {
    let (media_type, ending) = match artifact {
        Artifact::Pack => ("application/pdf", ".pdf"),
        Artifact::Assessment => ("application/json", "-assessment.json"),
        Artifact::Snapshot => ("application/zstd", "-snapshot.ndjson.zst"),
        Artifact::Population => ("application/json", "-population.json"),
    };
    EvidenceFile {
        size: bytes.len() as u64,
        digest: Digest::of(&bytes),
        media_type,
        file_name: format!("{}-{}{ending}", audit.cluster, audit.run),
        read: Box::new(move |range| pieces(&bytes, range)),
    }
}

/// Bytes of a piece of a file.
const PIECE: usize = 64 << 10;

fn pieces(bytes: &Bytes, range: Range<u64>) -> ByteStream {
    let length = bytes.len();
    let at = |place: u64| usize::try_from(place).unwrap_or(usize::MAX).min(length);
    let (from, to) = (at(range.start), at(range.end));
    Box::pin(Pieces(bytes.slice(from..to.max(from))))
}

/// Bytes in pieces.
struct Pieces(Bytes);

impl futures_core::Stream for Pieces {
    type Item = Result<Bytes, StorageError>;

    fn poll_next(
        mut self: std::pin::Pin<&mut Self>,
        _: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Self::Item>> {
        let length = self.0.len().min(PIECE);
        let piece = (length > 0).then(|| Ok(self.0.split_to(length)));
        std::task::Poll::Ready(piece)
    }
}
