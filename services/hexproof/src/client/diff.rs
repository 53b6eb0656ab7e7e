//! `hexproof diff --cluster`: two packs of a server, which compares them.

use anyhow::Context as _;
use hexproof_api::v1;
use hexproof_core::diff::Diff;

use super::args::ServerArgs;
use super::call::{answered, ask};
use super::connection::Server;
use super::print;
use crate::cli::{DiffArgs, Format};
use crate::commands::print as out;
use crate::configuration;
use crate::exit::Exit;
use crate::terminal::{compared, style};

/// Changes of one page.
const PAGE: i32 = 500;

pub(crate) fn run(args: &DiffArgs, server: &ServerArgs) -> anyhow::Result<Exit> {
    let diff = super::runtime()?.block_on(async { fetch(&Server::open(server)?, args).await })?;
    let json = print::json("Diff", &diff)?;
    match args.format {
        Format::Json => out(&json)?,
        Format::Text => {
            let diff: Diff =
                serde_json::from_str(&json).context("the answer of the server cannot be read")?;
            let catalogue = configuration::catalogue(args.measures.as_deref())?;
            let (palette, columns) = (style::Palette::detect(), style::columns());
            out(&compared::text(&diff, &catalogue, palette, columns, &[], "0: done"))?;
        }
    }
    Ok(Exit::Done)
}

/// The comparison with all its changes.
async fn fetch(server: &Server, args: &DiffArgs) -> anyhow::Result<v1::Diff> {
    let mut whole: Option<v1::Diff> = None;
    let mut page_token = String::new();
    loop {
        let message = v1::ComparePacksRequest {
            cluster_id: args.cluster.clone().unwrap_or_default(),
            audit_id: args.after.clone(),
            base_audit_id: args.before.clone(),
            page_size: PAGE,
            page_token,
            ..v1::ComparePacksRequest::default()
        };
        let answer = answered(|| {
            let mut client = server.packs();
            let request = ask(message.clone());
            async move { client.compare_packs(request).await }
        });
        let v1::ComparePacksResponse { diff, next_page_token, .. } = answer.await?;
        let mut page = diff.context("the server answered without a comparison")?;
        match &mut whole {
            None => whole = Some(page),
            Some(whole) => whole.changes.append(&mut page.changes),
        }
        page_token = next_page_token;
        if page_token.is_empty() {
            return whole.context("the server answered without a comparison");
        }
    }
}
