//! How a service and its child talk: frames of a length (8 bytes, big endian) and so many bytes.
//!
//! To the child go a frame of JSON that describes the document, and a frame for each attachment. Back comes one
//! frame: its first byte says whether the rest is a PDF or the reason why there is none.

use std::io::{self, Read, Write};

use hexproof_renderer::{Attachment, Relationship, Report};
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};

use super::Document;

/// No document and no attachment has more bytes.
pub(super) const LARGEST: u64 = 2 << 30;

/// First byte of an answer that is a PDF.
pub(super) const DRAWN: u8 = b'P';
/// First byte of an answer that is a reason.
pub(super) const REFUSED: u8 = b'E';

/// The first frame.
#[derive(Serialize, Deserialize)]
pub(super) struct Described<R> {
    report: R,
    attachments: Vec<Description>,
}

#[derive(Serialize, Deserialize)]
struct Description {
    name: String,
    mime: String,
    relationship: Relationship,
    description: String,
}

/// The first frame of a document.
pub(super) fn describe(document: &Document) -> serde_json::Result<Vec<u8>> {
    let attachments = document.attachments.iter().map(|attachment| Description {
        name: attachment.name.clone(),
        mime: attachment.mime.clone(),
        relationship: attachment.relationship,
        description: attachment.description.clone(),
    });
    serde_json::to_vec(&Described { report: &document.report, attachments: attachments.collect() })
}

/// Reads a document.
pub(super) fn read_document(input: &mut impl Read) -> io::Result<Document> {
    let described: Described<Report> = serde_json::from_slice(&read(input)?)?;
    let attachments = described.attachments.into_iter().map(|description| {
        let Description { name, mime, relationship, description } = description;
        Ok(Attachment { name, mime, relationship, description, bytes: read(input)? })
    });
    Ok(Document { attachments: attachments.collect::<io::Result<_>>()?, report: described.report })
}

fn read(input: &mut impl Read) -> io::Result<Vec<u8>> {
    let mut length = [0; 8];
    input.read_exact(&mut length)?;
    let length = bounded(u64::from_be_bytes(length))?;
    let mut bytes = Vec::new();
    input.take(length).read_to_end(&mut bytes)?;
    match bytes.len() as u64 == length {
        true => Ok(bytes),
        false => Err(io::ErrorKind::UnexpectedEof.into()),
    }
}

/// Writes an answer.
pub(super) fn answer(output: &mut impl Write, kind: u8, bytes: &[u8]) -> io::Result<()> {
    output.write_all(&(bytes.len() as u64 + 1).to_be_bytes())?;
    output.write_all(&[kind])?;
    output.write_all(bytes)?;
    output.flush()
}

/// Sends one frame.
pub(super) async fn send(output: &mut (impl AsyncWrite + Unpin), bytes: &[u8]) -> io::Result<()> {
    output.write_all(&(bytes.len() as u64).to_be_bytes()).await?;
    output.write_all(bytes).await
}

/// Receives an answer: its kind, and its bytes.
pub(super) async fn receive(input: &mut (impl AsyncRead + Unpin)) -> io::Result<(u8, Vec<u8>)> {
    let length = bounded(input.read_u64().await?)?;
    let kind = input.read_u8().await?;
    let mut bytes = Vec::new();
    input.take(length.saturating_sub(1)).read_to_end(&mut bytes).await?;
    match bytes.len() as u64 + 1 == length {
        true => Ok((kind, bytes)),
        false => Err(io::ErrorKind::UnexpectedEof.into()),
    }
}

fn bounded(length: u64) -> io::Result<u64> {
    match length <= LARGEST {
        true => Ok(length),
        false => Err(io::Error::other(format!("a frame of {length} bytes is longer than {LARGEST}"))),
    }
}
