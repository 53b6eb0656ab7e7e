//! Pieces of a snapshot as they come from the network, handed to the reader that believes nothing.
//!
//! The reader works on a thread of its own; at most a few pieces wait for it, so that a fast sender is slowed down.

use std::io::{self, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::{Buf as _, Bytes};
use hexproof_core::digest::{Digest, Hasher};
use tokio::{sync::mpsc, task::JoinHandle};

use crate::received::{Bounds, Expected, Received, Unfit, receive};

/// Largest piece, in bytes.
pub(crate) const PIECE: usize = 64 << 10;
/// Pieces that wait.
const WAITING: usize = 8;

/// A snapshot while it comes in. Dropping it ends the reader.
#[derive(Debug)]
pub(crate) struct Inflow {
    pieces: Option<mpsc::Sender<Bytes>>,
    reader: JoinHandle<Result<Received, Unfit>>,
    stop: Arc<AtomicBool>,
    size: u64,
    hasher: Digester,
    limit: u64,
}

struct Digester(Hasher);

impl std::fmt::Debug for Digester {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Digester")
    }
}

impl Inflow {
    pub(crate) fn start(expected: Expected, bounds: Bounds) -> Self {
        let (pieces, waiting) = mpsc::channel(WAITING);
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = stop.clone();
        let reader = tokio::task::spawn_blocking(move || {
            receive(Pieces { waiting, piece: Bytes::new() }, &expected, &bounds, &stopped)
        });
        let hasher = Digester(Hasher::default());
        Self { pieces: Some(pieces), reader, stop, size: 0, hasher, limit: bounds.sent }
    }

    /// Hands on the next piece; waits while the reader is behind.
    pub(crate) async fn piece(&mut self, piece: Bytes) -> Result<(), Unfit> {
        if piece.len() > PIECE {
            return Err(Unfit::Wrong(format!("a chunk is larger than {PIECE} bytes")));
        }
        self.size += piece.len() as u64;
        if self.size > self.limit {
            return Err(Unfit::TooLarge(format!("it is larger than {} bytes", self.limit)));
        }
        self.hasher.0.update(&piece);
        let Some(pieces) = &self.pieces else { return Err(Unfit::Stopped) };
        if pieces.send(piece).await.is_ok() {
            return Ok(());
        }
        // The reader has seen enough.
        self.pieces = None;
        match self.outcome().await {
            Ok(_) => Err(Unfit::Wrong("there are bytes behind the end of the snapshot".to_owned())),
            Err(unfit) => Err(unfit),
        }
    }

    /// The snapshot, if all together was what the sender says that it sent.
    pub(crate) async fn end(mut self, size: u64, digest: &str) -> Result<Received, Unfit> {
        if size != self.size {
            return Err(Unfit::Wrong(format!("{} bytes came, the end says {size}", self.size)));
        }
        let came: Digest = std::mem::take(&mut self.hasher.0).finish();
        if came.to_string() != digest {
            return Err(Unfit::Wrong(format!("the bytes digest to {came}, not to what the end says")));
        }
        self.pieces = None;
        self.outcome().await
    }

    async fn outcome(&mut self) -> Result<Received, Unfit> {
        // A reader that panicked is a fault of ours, and still no reason to take what made it panic.
        (&mut self.reader).await.unwrap_or_else(|error| {
            tracing::error!(%error, "the reader of a snapshot ended by itself");
            Err(Unfit::Wrong("the snapshot cannot be read".to_owned()))
        })
    }
}

impl Drop for Inflow {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
    }
}

struct Pieces {
    waiting: mpsc::Receiver<Bytes>,
    piece: Bytes,
}

impl Read for Pieces {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.piece.is_empty() {
            match self.waiting.blocking_recv() {
                Some(piece) => self.piece = piece,
                None => return Ok(0),
            }
        }
        let read = self.piece.len().min(buffer.len());
        self.piece.copy_to_slice(&mut buffer[..read]);
        Ok(read)
    }
}
