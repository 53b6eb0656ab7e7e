//! Answers from a folder of recorded ones.

use std::{
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
};

use axum::{
    body::Body,
    response::{IntoResponse, Response},
};
use http::{StatusCode, header};
use serde::Deserialize;

use crate::cluster::Asked;

/// The recorded answers, by method and path.
#[derive(Debug)]
pub(crate) struct Replay {
    folder: PathBuf,
    answers: BTreeMap<(String, String), Vec<Entry>>,
}

#[derive(Debug, Deserialize)]
struct Entry {
    file: String,
    method: String,
    path: String,
    status: u16,
    headers: Vec<(String, String)>,
    #[serde(default)]
    request_headers: BTreeMap<String, String>,
}

impl Replay {
    pub(crate) fn open(folder: &Path) -> io::Result<Self> {
        let entries: Vec<Entry> = serde_json::from_slice(&fs::read(folder.join("_index.json"))?)?;
        let mut answers: BTreeMap<_, Vec<Entry>> = BTreeMap::new();
        for entry in entries {
            answers.entry((entry.method.clone(), entry.path.clone())).or_default().push(entry);
        }
        Ok(Self { folder: folder.to_owned(), answers })
    }

    /// The recorded answer; a page limit that was not recorded is answered with the whole list.
    pub(crate) fn answer(&self, asked: &Asked) -> Response {
        let without_query = asked.path.split('?').next().unwrap_or_default().to_owned();
        let find = |path: String| self.answers.get(&(asked.method.clone(), path));
        let Some(entries) = find(asked.path.clone()).or_else(|| find(without_query)) else {
            return (StatusCode::NOT_FOUND, "404 page not found\n").into_response();
        };
        let first = |accept: &str| accept.split(',').next().map(str::to_owned);
        let same = entries.iter().find(|e| {
            e.request_headers.get("Accept").and_then(|accept| first(accept)) == first(&asked.accept)
        });
        let Some(entry) = same.or(entries.first()) else {
            return StatusCode::NOT_FOUND.into_response();
        };
        let Ok(body) = fs::read(self.folder.join(&entry.file)) else {
            return StatusCode::INTERNAL_SERVER_ERROR.into_response();
        };
        let status = StatusCode::from_u16(entry.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let content_type = entry
            .headers
            .iter()
            .find(|(name, _)| name.eq_ignore_ascii_case("content-type"))
            .map(|(_, value)| value.clone());
        let content_type = content_type.unwrap_or_else(|| "application/json".to_owned());
        (status, [(header::CONTENT_TYPE, content_type)], Body::from(body)).into_response()
    }
}
