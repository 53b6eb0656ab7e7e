//! A snapshot on its way out: compressed on a thread of its own, in pieces, as fast as they are taken.

use std::io::{self, Write};

use bytes::{Bytes, BytesMut};
use hexproof_core::snapshot::Snapshot;
use tokio::{
    sync::mpsc,
    task::{self, JoinHandle},
};

use crate::{inflow::PIECE, received::LEVEL};

/// Pieces that wait to be taken.
const WAITING: usize = 4;

/// The pieces of a snapshot, and what became of the compression. Dropping the receiver ends it.
pub(crate) fn pieces(snapshot: Snapshot) -> (mpsc::Receiver<Bytes>, JoinHandle<io::Result<()>>) {
    let (sender, receiver) = mpsc::channel(WAITING);
    let work = task::spawn_blocking(move || compress(&snapshot, Pieces { sender, piece: BytesMut::new() }));
    (receiver, work)
}

/// A whole snapshot, compressed.
pub(crate) fn whole(snapshot: &Snapshot) -> io::Result<Bytes> {
    let mut bytes = Vec::new();
    compress(snapshot, &mut bytes)?;
    Ok(bytes.into())
}

fn compress(snapshot: &Snapshot, out: impl Write) -> io::Result<()> {
    let mut encoder = zstd::Encoder::new(out, LEVEL)?;
    encoder.include_checksum(true)?;
    snapshot.write(&mut encoder)?;
    encoder.finish()?.flush()
}

struct Pieces {
    sender: mpsc::Sender<Bytes>,
    piece: BytesMut,
}

impl Pieces {
    fn send(&mut self) -> io::Result<()> {
        let piece = self.piece.split().freeze();
        let gone = |_| io::Error::new(io::ErrorKind::BrokenPipe, "nobody takes the snapshot any more");
        self.sender.blocking_send(piece).map_err(gone)
    }
}

impl Write for Pieces {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let taken = bytes.len().min(PIECE - self.piece.len());
        self.piece.extend_from_slice(&bytes[..taken]);
        if self.piece.len() == PIECE {
            self.send()?;
        }
        Ok(taken)
    }

    /// Only the end of the text and that of the frame flush: a piece is small then.
    fn flush(&mut self) -> io::Result<()> {
        if self.piece.is_empty() { Ok(()) } else { self.send() }
    }
}

#[cfg(test)]
mod tests {
    use hexproof_core::{population::Population, record::Record, snapshot::SourceState, snapshot::State};
    use serde_json::json;

    use super::*;
    use crate::{collection::ClusterFacts, sealing::Stated};

    /// A snapshot whose names do not pack, so that it makes many pieces.
    fn snapshot(objects: u32) -> Snapshot {
        let name = |number: u32| {
            hexproof_core::Digest::of(&number.to_be_bytes()).hex()
                + &hexproof_core::Digest::of(&(!number).to_be_bytes()).hex()
        };
        let records = (0..objects)
            .map(|number| {
                let object = json!({"apiVersion": "v1", "kind": "Event", "metadata": {"name": name(number)}});
                Record::decode(&object).unwrap()
            })
            .collect();
        let source = SourceState {
            name: "cluster-api".into(),
            state: State::Complete,
            objects: 0,
            reason: String::new(),
        };
        let collection = crate::Collection {
            records,
            population: Population::default(),
            redaction: Default::default(),
            origin: hexproof_core::snapshot::Source::Live,
            sources: vec![source],
            cluster: ClusterFacts::default(),
            permissions: None,
        };
        let at = jiff::Timestamp::UNIX_EPOCH;
        let (name, id) = ("c".to_owned(), "c".to_owned());
        collection.seal(Stated { name, id, platform: None, from: at, at, collector: "test".into() })
    }

    #[tokio::test]
    async fn whoever_takes_nothing_holds_the_compression_back() {
        let (mut pieces, work) = pieces(snapshot(20_000));
        let full = async {
            while pieces.len() < WAITING {
                tokio::time::sleep(std::time::Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(std::time::Duration::from_secs(20), full).await.unwrap();
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        assert!(!work.is_finished() && pieces.len() == WAITING);
        let mut sizes = Vec::new();
        while let Some(piece) = pieces.recv().await {
            sizes.push(piece.len());
        }
        work.await.unwrap().unwrap();
        assert!(sizes.len() > 3 * WAITING, "{sizes:?}");
        assert!(sizes.iter().all(|size| (1..=PIECE).contains(size)), "{sizes:?}");
    }

    #[tokio::test]
    async fn whoever_goes_away_ends_the_compression() {
        let (pieces, work) = pieces(snapshot(20_000));
        drop(pieces);
        let ended = tokio::time::timeout(std::time::Duration::from_secs(20), work).await.unwrap().unwrap();
        assert_eq!(ended.unwrap_err().kind(), io::ErrorKind::BrokenPipe);
    }
}
