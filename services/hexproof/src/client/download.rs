//! Taking files away. Pieces go where they belong or nowhere, a broken stream goes on at its offset, and nothing bears
//! its final name before its digest is that which the server stated.

use std::fs::{self, File};
use std::io::{self, Read as _, Seek as _, Write as _};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail, ensure};
use hexproof_api::v1;
use hexproof_core::digest::Digest;
use ring::digest::{Context as Hash, SHA256};
use tonic::{Code, Request, Status};

use super::call::{Patience, Refused, is_broken};
use super::connection::Server;
use crate::terminal::progress::Progress;

/// Bytes of a file at most.
const LARGEST_FILE: u64 = 4 << 30;
/// Bytes of what is read into memory at most.
const LARGEST_IN_MEMORY: u64 = 512 << 20;
/// How often a download begins from nothing because what was there did not fit.
const RESTARTS: u32 = 2;

/// A file of an audit.
#[derive(Debug, Clone)]
pub(super) struct Wanted {
    pub(super) cluster: String,
    pub(super) audit: String,
    pub(super) artifact: v1::Artifact,
    /// `sha256:` digest that the file must have, if it is known from elsewhere.
    pub(super) digest: Option<String>,
}

/// What was taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Taken {
    /// `sha256:` digest of the file, compared with the bytes.
    pub(super) digest: String,
    /// Its bytes.
    pub(super) size: u64,
}

/// Downloads into a file: into `FILE.part` first, where a later run goes on.
pub(super) async fn to_file(
    server: &Server,
    wanted: &Wanted,
    path: &Path,
    progress: &Progress,
) -> anyhow::Result<Taken> {
    let cannot = || format!("cannot write `{}`", path.display());
    let mut part = Part::open(path).with_context(cannot)?;
    let taken = fetch(server, wanted, &mut part, LARGEST_FILE, progress).await?;
    part.file.sync_all().and_then(|()| fs::rename(&part.path, path)).with_context(cannot)?;
    Ok(taken)
}

/// Downloads into memory.
pub(super) async fn to_memory(
    server: &Server,
    wanted: &Wanted,
    progress: &Progress,
) -> anyhow::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    fetch(server, wanted, &mut bytes, LARGEST_IN_MEMORY, progress).await?;
    Ok(bytes)
}

/// Where pieces go.
trait Sink {
    fn length(&self) -> u64;
    fn append(&mut self, piece: &[u8]) -> io::Result<()>;
    fn clear(&mut self) -> io::Result<()>;
    /// Of all the bytes as they can be read back.
    fn digest(&mut self) -> io::Result<Digest>;
}

impl Sink for Vec<u8> {
    fn length(&self) -> u64 {
        self.len() as u64
    }

    fn append(&mut self, piece: &[u8]) -> io::Result<()> {
        self.extend_from_slice(piece);
        Ok(())
    }

    fn clear(&mut self) -> io::Result<()> {
        Self::clear(self);
        Ok(())
    }

    fn digest(&mut self) -> io::Result<Digest> {
        Ok(Digest::of(self))
    }
}

/// A file that is not whole yet.
struct Part {
    path: PathBuf,
    file: File,
    length: u64,
}

impl Part {
    fn open(path: &Path) -> io::Result<Self> {
        let name = path.file_name().ok_or(io::ErrorKind::InvalidFilename)?;
        let mut name = name.to_owned();
        name.push(".part");
        let path = path.with_file_name(name);
        let mut file = File::options().read(true).write(true).create(true).truncate(false).open(&path)?;
        let length = file.seek(io::SeekFrom::End(0))?;
        Ok(Self { path, file, length })
    }
}

impl Sink for Part {
    fn length(&self) -> u64 {
        self.length
    }

    fn append(&mut self, piece: &[u8]) -> io::Result<()> {
        self.file.write_all(piece)?;
        self.length += piece.len() as u64;
        Ok(())
    }

    fn clear(&mut self) -> io::Result<()> {
        self.file.set_len(0)?;
        self.file.rewind()?;
        self.length = 0;
        Ok(())
    }

    fn digest(&mut self) -> io::Result<Digest> {
        self.file.rewind()?;
        let mut hash = Hash::new(&SHA256);
        let mut buffer = vec![0; 64 << 10];
        loop {
            let read = self.file.read(&mut buffer)?;
            if read == 0 {
                break;
            }
            hash.update(&buffer[..read]);
        }
        let hex: String = hash.finish().as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
        format!("sha256:{hex}").parse().map_err(io::Error::other)
    }
}

/// How one stream ended.
enum Ended {
    /// The file is whole, by its length.
    Whole,
    /// What is there belongs to another file.
    Misfit,
    /// The stream broke.
    Broken(Status),
}

async fn fetch(
    server: &Server,
    wanted: &Wanted,
    sink: &mut dyn Sink,
    most: u64,
    progress: &Progress,
) -> anyhow::Result<Taken> {
    let mut patience = Patience::default();
    let mut stated: Option<Taken> = None;
    let mut restarts = 0;
    // What an earlier run left behind may be of another file; what came by the streams of this run is not.
    let mut inherited = sink.length() > 0;
    loop {
        let misfit = match stream(server, wanted, sink, most, &mut stated, &mut patience, progress).await? {
            Ended::Broken(status) => {
                patience.wait(&status).await.context("the download broke off; the same command goes on")?;
                continue;
            }
            Ended::Misfit => "the server sends another file than before".to_owned(),
            Ended::Whole => {
                let Some(taken) = stated.take() else { bail!("the server sent nothing") };
                let found = sink.digest().context("what was written cannot be read back")?.to_string();
                if found == taken.digest {
                    return Ok(taken);
                }
                format!("what came has digest {found}, and {} was stated", taken.digest)
            }
        };
        ensure!(inherited && restarts < RESTARTS, "{misfit}");
        restarts += 1;
        (inherited, stated) = (false, None);
        sink.clear().context("cannot begin anew")?;
    }
}

async fn stream(
    server: &Server,
    wanted: &Wanted,
    sink: &mut dyn Sink,
    most: u64,
    stated: &mut Option<Taken>,
    patience: &mut Patience,
    progress: &Progress,
) -> anyhow::Result<Ended> {
    let offset = sink.length();
    let request = v1::DownloadPackRequest {
        cluster_id: wanted.cluster.clone(),
        audit_id: wanted.audit.clone(),
        artifact: wanted.artifact.into(),
        offset,
    };
    let failed = |status: Status| match status.code() {
        Code::OutOfRange if offset > 0 => Ok(Ended::Misfit),
        _ if is_broken(&status) => Ok(Ended::Broken(status)),
        _ => Err(Refused::new(&status).into()),
    };
    let mut pieces = match server.packs().download_pack(Request::new(request)).await {
        Ok(answer) => answer.into_inner(),
        Err(status) => return failed(status),
    };
    loop {
        let piece = match pieces.message().await {
            Ok(Some(piece)) => piece,
            Ok(None) => break,
            Err(status) => return failed(status),
        };
        let this = Taken { digest: piece.digest, size: piece.total };
        match stated.as_ref() {
            None => {
                if let Some(digest) = &wanted.digest {
                    ensure!(
                        this.digest == *digest,
                        "the server sends {}, and {digest} was asked for",
                        this.digest
                    );
                }
                ensure!(this.size <= most, "the file has {} bytes, more than {most}", this.size);
                *stated = Some(this.clone());
            }
            Some(before) if *before == this => {}
            Some(_) => bail!("the server changed its mind about the file"),
        }
        ensure!(piece.offset == sink.length(), "the server sent a piece that does not follow the last one");
        let length = sink.length() + piece.data.len() as u64;
        if length > this.size {
            return Ok(Ended::Misfit);
        }
        sink.append(&piece.data).context("cannot write what came")?;
        patience.renew();
        progress.reached("downloading", length, this.size);
    }
    match stated {
        Some(taken) if sink.length() == taken.size => Ok(Ended::Whole),
        Some(_) => Ok(Ended::Broken(Status::unavailable("the stream ended before the file did"))),
        // Nothing came because all of it is there, or because there is nothing: to be sure, from the beginning.
        None if offset > 0 => Ok(Ended::Misfit),
        None => Ok(Ended::Whole),
    }
}
