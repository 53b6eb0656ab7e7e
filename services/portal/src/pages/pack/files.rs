//! The files of a pack, to be taken along.

use hexproof_core::access::Artifact;
use hexproof_core::audit::AuditKey;
use hexproof_core::digest::Digest;
use hexproof_core::port::evidence::{Evidence, PackEntry};
use maud::{Markup, html};

use crate::{links, marks, words};

/// A file as the list shows it.
pub(crate) struct Listed {
    /// Which.
    pub(crate) artifact: Artifact,
    /// Its name for whoever keeps it, its size and digest; `None` if the store does not give it.
    pub(crate) found: Option<(String, u64, Digest)>,
}

const FILES: [Artifact; 4] = [Artifact::Pack, Artifact::Assessment, Artifact::Snapshot, Artifact::Population];

/// The files of a pack. What cannot be read of one does not keep the others from being shown.
pub(crate) async fn files(evidence: &dyn Evidence, pack: &PackEntry) -> Vec<Listed> {
    let each = FILES.map(async |artifact| {
        let found = match evidence.file(pack, artifact).await {
            Ok(file) => Some((file.file_name, file.size, file.digest)),
            Err(error) => {
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    ?artifact,
                    "a file of a pack cannot be read"
                );
                None
            }
        };
        Listed { artifact, found }
    });
    futures::future::join_all(each).await
}

/// Name of a file, and what it is.
const fn named(artifact: Artifact) -> (&'static str, &'static str) {
    match artifact {
        Artifact::Pack => ("PDF", "the sealed pack; it prevails"),
        Artifact::Assessment => ("Assessment", "every verdict, JSON"),
        Artifact::Snapshot => ("Snapshot", "the redacted objects that were judged, NDJSON in zstd"),
        Artifact::Population => ("Population", "what was listed and read, JSON"),
    }
}

/// The list of files.
pub(crate) fn section(files: &[Listed], key: &AuditKey) -> Markup {
    html! {
        section {
            h2 { "Files" span.note { "the digest is that of the file as it is downloaded" } }
            table.list {
                caption.sr { "Files of the pack" }
                thead {
                    tr {
                        th scope="col" { "File" }
                        th.n scope="col" { "Size" }
                        th scope="col" { "SHA-256" }
                    }
                }
                tbody {
                    @for file in files {
                        @let (name, what) = named(file.artifact);
                        tr {
                            th.lead scope="row" {
                                @match file.found {
                                    Some(_) => a href=(links::file(key, file.artifact)) { "Download " (name) },
                                    None => (name),
                                }
                                span.sub { (words::capital(what)) "." }
                            }
                            @match &file.found {
                                Some((_, size, digest)) => {
                                    td.n data-label="Size" { (words::size(*size)) }
                                    td data-label="SHA-256" { (marks::id(&digest.hex())) }
                                },
                                None => td colspan="2" data-label="State" { strong { "Not readable" } " in the store." },
                            }
                        }
                    }
                }
            }
        }
    }
}
