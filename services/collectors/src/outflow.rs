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

    /// Only the end flushes: a piece is small then.
    fn flush(&mut self) -> io::Result<()> {
        if self.piece.is_empty() { Ok(()) } else { self.send() }
    }
}
