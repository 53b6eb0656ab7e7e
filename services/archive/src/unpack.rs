//! Compressed assessments: read in bounded memory, off the threads that serve, and no longer than somebody waits.

use std::io::{self, Read};
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::Bytes;
use hexproof_core::assessment::Assessment;
use hexproof_core::digest::{Digest, Hasher};
use tokio::sync::mpsc;

use crate::evidence::Extracts;
use crate::record::Stored;

/// The longest assessment that is unpacked.
const LONGEST: u64 = 1 << 30;
/// The longest that is held in memory as a whole.
const HELD: u64 = 256 << 20;
/// The largest window of the compression that is accepted: 2 to this power, 8 MiB.
const WINDOW: u32 = 23;
/// Bytes of a piece.
pub(crate) const PIECE: usize = 64 << 10;

/// Length and digest of what is packed.
pub(crate) async fn measure(packed: Bytes) -> io::Result<Stored> {
    blocking(move |stop| {
        let mut digest = Hasher::default();
        let mut length = 0;
        each_piece(packed, LONGEST, |piece| {
            digest.update(piece);
            length += piece.len() as u64;
            !stop.load(Ordering::Relaxed)
        })?;
        Ok(Stored { digest: digest.finish(), length })
    })
    .await
}

/// What is packed, as an assessment.
pub(crate) async fn assessment(packed: Bytes) -> io::Result<Assessment> {
    blocking(move |stop| parse(packed, stop)).await
}

fn parse(packed: Bytes, stop: &AtomicBool) -> io::Result<Assessment> {
    let mut json = Vec::new();
    each_piece(packed, HELD, |piece| {
        json.extend_from_slice(piece);
        !stop.load(Ordering::Relaxed)
    })?;
    serde_json::from_slice(&json).map_err(io::Error::from)
}

/// What readers of an assessment are given instead of it. `stored` is the digest of what is packed.
pub(crate) async fn extracts(packed: Bytes, stored: Digest) -> io::Result<Extracts> {
    blocking(move |stop| Extracts::of(&parse(packed, stop)?, &stored)).await
}

/// Sends a range of what is packed, piece by piece. Whoever does not take a piece stops the work; whoever lets go of
/// the receiver ends it.
pub(crate) fn pieces(packed: Bytes, range: Range<u64>) -> mpsc::Receiver<io::Result<Bytes>> {
    let (sender, receiver) = mpsc::channel(2);
    // Not waited for: it ends with the receiver.
    tokio::task::spawn_blocking(move || {
        let mut at = 0;
        let sent = each_piece(packed, LONGEST, |piece| {
            let (begin, end) = (at, at + piece.len() as u64);
            at = end;
            let (from, to) = (range.start.max(begin), range.end.min(end));
            if from < to {
                let piece = Bytes::copy_from_slice(&piece[(from - begin) as usize..(to - begin) as usize]);
                if sender.blocking_send(Ok(piece)).is_err() {
                    return false;
                }
            }
            end < range.end && !sender.is_closed()
        });
        if let Err(error) = sent {
            // Nobody there to be told is as good.
            let _gone = sender.blocking_send(Err(error));
        }
    });
    receiver
}

/// Hands out pieces until told to stop.
fn each_piece(packed: Bytes, limit: u64, mut take: impl FnMut(&[u8]) -> bool) -> io::Result<()> {
    let mut decoder = zstd::stream::read::Decoder::with_buffer(&packed[..])?;
    decoder.window_log_max(WINDOW)?;
    let mut piece = vec![0; PIECE];
    let mut total = 0;
    loop {
        let mut filled = 0;
        while filled < piece.len() {
            match decoder.read(&mut piece[filled..])? {
                0 => break,
                read => filled += read,
            }
        }
        total += filled as u64;
        if total > limit {
            return Err(io::Error::other(format!("more than {limit} bytes unpacked")));
        }
        if filled == 0 || !take(&piece[..filled]) {
            return Ok(());
        }
    }
}

/// Runs work that takes CPU time elsewhere, and tells it to stop when nobody waits for it any more.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce(&AtomicBool) -> io::Result<T> + Send + 'static,
) -> io::Result<T> {
    struct Stop(Arc<AtomicBool>);
    impl Drop for Stop {
        fn drop(&mut self) {
            self.0.store(true, Ordering::Relaxed);
        }
    }
    let stop = Stop(Arc::default());
    let flag = stop.0.clone();
    tokio::task::spawn_blocking(move || work(&flag)).await.unwrap_or_else(|died| Err(io::Error::other(died)))
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn collect(packed: &Bytes, range: Range<u64>) -> Vec<u8> {
        let mut pieces = pieces(packed.clone(), range);
        let mut all = Vec::new();
        while let Some(piece) = pieces.recv().await {
            let piece = piece.unwrap();
            assert!(piece.len() <= PIECE);
            all.extend_from_slice(&piece);
        }
        all
    }

    #[tokio::test]
    async fn any_range_comes_out_as_it_went_in() {
        let plain: Vec<u8> = (0..300_007_u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
        let packed = Bytes::from(zstd::encode_all(&plain[..], 3).unwrap());
        assert_eq!(measure(packed.clone()).await.unwrap(), Stored::of(&plain));
        for (from, to) in [(0, 300_007), (1, 65_536), (65_536, 65_537), (299_999, 300_007), (5, 5)] {
            assert_eq!(collect(&packed, from..to).await, plain[from as usize..to as usize], "{from}..{to}");
        }
    }

    #[tokio::test]
    async fn what_is_not_packed_or_cut_off_is_an_error() {
        assert!(measure(Bytes::from_static(b"not packed")).await.is_err());
        let packed = zstd::encode_all(&[7; 100_000][..], 3).unwrap();
        let cut = Bytes::from(packed[..packed.len() - 3].to_vec());
        assert!(measure(cut.clone()).await.is_err());
        assert!(assessment(Bytes::from(packed)).await.is_err(), "no assessment");
        let mut received = pieces(cut, 0..100_000);
        let mut failed = false;
        while let Some(piece) = received.recv().await {
            failed |= piece.is_err();
        }
        assert!(failed, "the reader is told");
    }

    #[test]
    fn a_bomb_goes_off_in_bounded_memory() {
        let bomb = Bytes::from(zstd::encode_all(io::repeat(0).take(8 << 20), 3).unwrap());
        let error = each_piece(bomb, 1 << 20, |_| true).unwrap_err();
        assert!(error.to_string().contains("more than"), "{error}");
    }
}
