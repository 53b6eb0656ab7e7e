//! One list, page by page: consistent where the server allows it, complete or said not to be.

use std::{ops::ControlFlow, sync::Arc};

use hexproof_core::{
    population::NotListed,
    record::{Kind, Record},
    snapshot::Redaction,
};
use serde_json::Value;

use super::{
    LiveOptions, SecretsMode,
    api::{Answer, Api, JSON, METADATA, Refusal},
    discovery::Resource,
    meter::Meter,
    retry::Patience,
};
use crate::{
    input::{
        json,
        split::{Cut, Splitter},
    },
    limits::Limits,
    raw::{Origin, RawObject},
    redact::Redactor,
    tally::{Place, Tally},
};

/// Times a list is begun anew after its token expired, before its rest is taken as it is.
const RESTARTS: u32 = 2;
/// Pages without an object that are followed by another one.
const EMPTY_PAGES: u32 = 16;
/// Largest page in bytes; the API server limits objects to a few MiB and pages to 500 of them.
const LARGEST_PAGE: u64 = 1 << 30;

/// What a list gave.
#[derive(Debug, Default)]
pub(super) struct Listed {
    pub(super) records: Vec<Record>,
    pub(super) tally: Tally,
    pub(super) redaction: Redaction,
}

/// Everything one list needs.
pub(super) struct Lister {
    pub(super) api: Api,
    pub(super) redactor: Arc<Redactor>,
    pub(super) options: LiveOptions,
    pub(super) patience: Patience,
    pub(super) meter: Arc<Meter>,
}

/// Rest of a page beside its items.
#[derive(Debug, Default)]
struct PageEnd {
    token: Option<String>,
    remaining: Option<u64>,
}

#[derive(Debug, Default)]
struct Page {
    listed: Listed,
    objects: u64,
    end: PageEnd,
}

impl Lister {
    /// Reads the whole list of `resource`. What could not be read is in the tally.
    pub(super) async fn list(&self, resource: &Resource) -> Listed {
        if self.options.secrets == SecretsMode::None && resource.group.is_empty() && resource.kind == "Secret"
        {
            return Listed::default().cut_short(
                resource,
                "not asked for: the collector reads no Secrets",
                false,
            );
        }
        let mut restarts = 0;
        loop {
            match self.pass(resource, restarts < RESTARTS).await {
                ControlFlow::Break(listed) => return listed,
                ControlFlow::Continue(()) => restarts += 1,
            }
        }
    }

    /// One pass over the list; `Continue` when it has to be begun anew.
    async fn pass(&self, resource: &Resource, may_restart: bool) -> ControlFlow<Listed> {
        let mut all = Listed::default();
        let mut objects = 0u64;
        let mut announced = None;
        let mut token: Option<String> = None;
        let mut empty_pages = 0;
        let mut inconsistent = None;
        loop {
            let path = self.page_path(resource, token.as_deref());
            let page = self.patience.ask(|| self.page(resource, &path)).await;
            let page = match page {
                Ok(page) => page,
                Err(refusal)
                    if token.is_some() && refusal.status.is_some_and(|status| status.as_u16() == 410) =>
                {
                    if may_restart && inconsistent.is_none() {
                        return ControlFlow::Continue(());
                    }
                    let Some(resume) = refusal.resume.clone().filter(|resume| Some(resume) != token.as_ref())
                    else {
                        return ControlFlow::Break(all.cut_short(resource, &refusal.reason, false));
                    };
                    inconsistent = Some(
                        "the list changed while it was read: its token expired and the rest is of a later state",
                    );
                    token = Some(resume);
                    continue;
                }
                Err(refusal) => return ControlFlow::Break(all.cut_short(resource, &refusal.reason, false)),
            };
            if announced.is_none() {
                let there = page.objects + page.end.remaining.unwrap_or(0);
                self.meter.announce(there);
                announced = Some(there);
            }
            empty_pages = if page.objects == 0 { empty_pages + 1 } else { 0 };
            objects += page.objects;
            self.meter.read(page.objects);
            all.append(page.listed);
            match page.end.token {
                None => break,
                Some(next) if Some(&next) == token.as_ref() || empty_pages > EMPTY_PAGES => {
                    let reason = "the list does not end: the server repeats itself";
                    return ControlFlow::Break(all.cut_short(resource, reason, false));
                }
                Some(next) => token = Some(next),
            }
        }
        let short = announced.filter(|announced| *announced != objects && inconsistent.is_none());
        if let Some(announced) = short {
            let reason = format!("the server announced {announced} objects and sent {objects}");
            return ControlFlow::Break(all.cut_short(resource, &reason, true));
        }
        if let Some(reason) = inconsistent {
            return ControlFlow::Break(all.cut_short(resource, reason, true));
        }
        all.tally.known(&resource.api_version(), &resource.kind);
        ControlFlow::Break(all)
    }

    fn page_path(&self, resource: &Resource, token: Option<&str>) -> String {
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        query.append_pair("limit", &self.options.page_size.to_string());
        if let Some(token) = token {
            query.append_pair("continue", token);
        }
        format!("{}?{}", resource.path(), query.finish())
    }

    async fn page(&self, resource: &Resource, path: &str) -> Result<Page, Refusal> {
        let kind = Kind::of(&resource.api_version(), &resource.kind);
        let partial = match kind {
            Kind::Other => true,
            Kind::Secret => self.options.secrets != SecretsMode::Keys,
            _ => false,
        };
        let accept = if partial { METADATA } else { JSON };
        let mut answer = self.api.get(path, accept, self.options.request_timeout).await?;
        let whole = self.read_page(resource, &mut answer, partial);
        // A server that sends a byte now and then would otherwise never run into a timeout.
        tokio::time::timeout(self.options.page_timeout, whole)
            .await
            .map_err(|_| Refusal::fault("the answer took too long"))?
    }

    async fn read_page(
        &self,
        resource: &Resource,
        answer: &mut Answer,
        partial: bool,
    ) -> Result<Page, Refusal> {
        let limits = self.options.limits;
        let mut splitter = Splitter::new(&limits);
        let mut reader = PageReader {
            lister: self,
            resource,
            partial,
            limits,
            list: resource.path().into(),
            page: Page::default(),
            ended: false,
            fault: None,
        };
        let mut bytes = 0u64;
        while let Some(chunk) = answer.chunk().await? {
            bytes += chunk.len() as u64;
            if bytes > LARGEST_PAGE {
                return Err(Refusal {
                    status: Some(http::StatusCode::OK),
                    ..Refusal::fault("a page larger than 1 GiB")
                });
            }
            let fed = splitter.feed(&chunk, &mut |cut| reader.take(cut));
            if let Err(fault) = fed {
                return Err(Refusal::fault(format!("the answer is not a JSON list: {}", fault.reason)));
            }
            if let Some(fault) = reader.fault.take() {
                return Err(fault);
            }
            // Projection is work for the processor; other lists get their turn in between.
            tokio::task::yield_now().await;
        }
        splitter.finish().map_err(|_| Refusal::fault("the answer ends inside the list"))?;
        if !reader.ended {
            return Err(Refusal::fault("the answer is empty"));
        }
        Ok(reader.page)
    }
}

struct PageReader<'a> {
    lister: &'a Lister,
    resource: &'a Resource,
    partial: bool,
    limits: Limits,
    list: Arc<str>,
    page: Page,
    ended: bool,
    fault: Option<Refusal>,
}

impl PageReader<'_> {
    fn take(&mut self, cut: Cut<'_>) -> ControlFlow<()> {
        match cut {
            Cut::Item { text, .. } => {
                self.item(text);
                ControlFlow::Continue(())
            }
            Cut::Whole { text, line } => {
                self.ended = true;
                match json::parse(text, line, &self.limits) {
                    Ok(value) => self.end(&value),
                    Err(_) => self.fault = Some(Refusal::fault("the answer is not a JSON list")),
                }
                if self.fault.is_some() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
            }
        }
    }

    fn item(&mut self, text: &[u8]) {
        let index = self.page.objects;
        self.page.objects += 1;
        let api_version = self.resource.api_version();
        let listed = &mut self.page.listed;
        let nameless = |namespace: String| Place {
            api_version: api_version.clone(),
            kind: self.resource.kind.clone(),
            namespace,
        };
        let mut value = match json::parse(text, 1, &self.limits) {
            Ok(value) if value.is_object() => value,
            Ok(_) => {
                let place = nameless(String::new());
                listed.tally.listed(&place);
                return listed.tally.unreadable(&place, "", "the item is no object".to_owned());
            }
            Err(fault) => {
                let place = nameless(String::new());
                listed.tally.listed(&place);
                return listed.tally.unreadable(&place, "", format!("no valid JSON: {}", fault.reason));
            }
        };
        // Items of built-in lists have neither, items of metadata lists those of the metadata form.
        value["apiVersion"] = Value::from(api_version);
        value["kind"] = Value::from(self.resource.kind.clone());
        let (place, name) = Place::of(&value);
        listed.tally.listed(&place);
        let raw = RawObject {
            value,
            origin: Origin::Listed { list: self.list.clone(), index },
            partial: self.partial,
        };
        match self.lister.redactor.project(raw, &mut listed.redaction) {
            Ok(record) => {
                listed.tally.read(&place);
                listed.records.push(record);
            }
            Err(error) => listed.tally.unreadable(&place, &name, error.to_string()),
        }
    }

    fn end(&mut self, list: &Value) {
        let kind = list.get("kind").and_then(Value::as_str).unwrap_or_default();
        let items = list.get("items");
        if !kind.ends_with("List")
            || !items.is_none_or(|items| items.is_null() || items.as_array().is_some_and(Vec::is_empty))
        {
            self.fault = Some(Refusal::fault("the answer is not a JSON list"));
            return;
        }
        let metadata = list.get("metadata");
        let token = metadata
            .and_then(|m| m.get("continue"))
            .and_then(Value::as_str)
            .filter(|token| !token.is_empty());
        self.page.end = PageEnd {
            token: token.map(str::to_owned),
            remaining: metadata.and_then(|m| m.get("remainingItemCount")).and_then(Value::as_u64),
        };
    }
}

impl Listed {
    fn append(&mut self, mut page: Self) {
        self.records.append(&mut page.records);
        self.tally.append(page.tally);
        crate::collection::add(&mut self.redaction, &page.redaction);
    }

    /// The list as far as it was read, with the reason why it is not whole.
    fn cut_short(mut self, resource: &Resource, reason: &str, inconsistent: bool) -> Self {
        self.tally.not_listed(NotListed {
            api_version: resource.api_version(),
            kind: resource.kind.clone(),
            reason: reason.to_owned(),
            inconsistent,
        });
        self
    }
}
