//! A file that is given out piece by piece. A reader that is slow holds back the store, not the other way round.

use std::ops::Range;

use bytes::Bytes;
use futures::stream::{self, BoxStream, StreamExt as _};
use hexproof_core::digest::{Digest, Hasher};
use hexproof_core::port::StorageError;

use crate::layout::Key;
use crate::object::Archive;
use crate::record::Stored;
use crate::unpack::{self, PIECE};

/// Bytes that are asked of the store at once, and held for one reader.
const AT_ONCE: u64 = 256 << 10;

/// A file of a finished run.
#[derive(Debug, Clone)]
pub struct Download {
    /// Bytes of the whole file.
    pub size: u64,
    /// SHA-256 of the whole file.
    pub digest: Digest,
    /// Its media type (RFC 6838).
    pub media_type: &'static str,
    /// A name for whoever keeps it: letters, digits, `-` and `.` only.
    pub file_name: String,
    source: Source,
}

#[derive(Debug, Clone)]
enum Source {
    Stored(Archive, Key),
    /// Compressed, and unpacked on the way out.
    Packed(Bytes),
}

impl Download {
    pub(crate) fn stored(
        archive: Archive,
        key: Key,
        stored: Stored,
        media_type: &'static str,
        file_name: String,
    ) -> Self {
        let Stored { digest, length: size } = stored;
        Self { size, digest, media_type, file_name, source: Source::Stored(archive, key) }
    }

    pub(crate) fn packed(
        packed: Bytes,
        unpacked: Stored,
        media_type: &'static str,
        file_name: String,
    ) -> Self {
        let Stored { digest, length: size } = unpacked;
        Self { size, digest, media_type, file_name, source: Source::Packed(packed) }
    }

    /// The bytes of a range, cut at the end of the file, in pieces of at most 64 KiB. A file that is read as a whole is
    /// checked against its digest: the last piece does not come if it differs.
    pub fn stream(self, range: Range<u64>) -> BoxStream<'static, Result<Bytes, StorageError>> {
        let range = range.start.min(self.size)..range.end.min(self.size);
        match self.source {
            Source::Packed(packed) => {
                let pieces = unpack::pieces(packed, range);
                stream::unfold(pieces, async |mut pieces| {
                    let piece = pieces.recv().await?;
                    Some((piece.map_err(|error| StorageError::Damaged(Box::new(error))), pieces))
                })
                .boxed()
            }
            Source::Stored(archive, key) => {
                let whole = range == (0..self.size);
                let reader = Reader {
                    archive,
                    key,
                    size: self.size,
                    left: range,
                    held: Bytes::new(),
                    check: whole.then(|| (Hasher::default(), self.digest)),
                };
                stream::try_unfold(reader, async |mut reader| {
                    Ok(reader.next().await?.map(|piece| (piece, reader)))
                })
                .boxed()
            }
        }
    }
}

/// One reader of one object.
struct Reader {
    archive: Archive,
    key: Key,
    size: u64,
    /// What was not asked for yet.
    left: Range<u64>,
    /// What came and was not handed on yet.
    held: Bytes,
    check: Option<(Hasher, Digest)>,
}

impl Reader {
    async fn next(&mut self) -> Result<Option<Bytes>, StorageError> {
        if self.held.is_empty() {
            if self.left.start >= self.left.end {
                return Ok(None);
            }
            let end = self.left.end.min(self.left.start + AT_ONCE);
            let read = self.archive.read_range(&self.key, self.left.start..end).await?;
            let (bytes, total) = read.ok_or_else(|| self.archive.missing(&self.key))?;
            if total != self.size {
                let reason = format!("it has {total} bytes, not {}", self.size);
                return Err(self.archive.damaged(&self.key, reason).into());
            }
            self.left.start = end;
            self.held = bytes;
            self.verify()?;
        }
        Ok(Some(self.held.split_to(self.held.len().min(PIECE))))
    }

    /// Takes what came into account, and at the end compares.
    fn verify(&mut self) -> Result<(), StorageError> {
        let Some((digester, _)) = &mut self.check else { return Ok(()) };
        digester.update(&self.held);
        if self.left.start < self.left.end {
            return Ok(());
        }
        match self.check.take() {
            Some((digester, wanted)) => match digester.finish() {
                found if found == wanted => Ok(()),
                found => {
                    let reason = format!("its digest is {found}, not {wanted}");
                    Err(self.archive.damaged(&self.key, reason).into())
                }
            },
            None => Ok(()),
        }
    }
}
