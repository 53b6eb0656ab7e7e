//! One manifest, whatever its form: decides between JSON and YAML and puts lists together again.

use std::{io::Read, ops::ControlFlow, sync::Arc};

use serde_json::Value;

use super::{
    document, json,
    split::{Cut, Splitter},
    text, too_large,
    yaml::{self, Fault, Piece},
};
use crate::{
    limits::{Limits, weight},
    raw::{Failure, Origin, Reading, Sink},
};

/// Bytes read at a time.
const CHUNK: usize = 64 << 10;

/// Reads one manifest to its end, or until `sink` breaks.
///
/// `file` is how messages and origins name it.
pub fn read_manifest(
    mut source: impl Read,
    file: &Arc<str>,
    limits: &Limits,
    sink: &mut Sink<'_>,
) -> ControlFlow<()> {
    let mut start = Vec::with_capacity(CHUNK);
    if let Err(error) = source.by_ref().take(CHUNK as u64).read_to_end(&mut start) {
        return io_failure(file, &error, sink);
    }
    if text::is_json(&start) {
        return read_json(&start, source, file, limits, sink);
    }
    // A binary file is refused by its beginning, however large it is.
    if start.len() == CHUNK
        && !start.starts_with(&[0xFF, 0xFE])
        && !start.starts_with(&[0xFE, 0xFF])
        && let Some(at) = memchr::memchr(0, &start)
        && let Err(fault) = text::decode(start.get(..=at).unwrap_or_default())
    {
        return failure(file, fault, sink);
    }
    let mut bytes = start;
    let room = limits.yaml_bytes.saturating_add(1).saturating_sub(bytes.len() as u64);
    if let Err(error) = source.take(room).read_to_end(&mut bytes) {
        return io_failure(file, &error, sink);
    }
    if bytes.len() as u64 > limits.yaml_bytes {
        let mib = limits.yaml_bytes >> 20;
        let reason =
            format!("a YAML file larger than {mib} MiB: split it, or give it as JSON, which is streamed");
        return sink(Reading::Failed(Failure { file: file.clone(), line: None, reason, broken: true }));
    }
    read_manifest_bytes(&bytes, file, limits, sink)
}

/// Reads a manifest that is in memory already.
pub fn read_manifest_bytes(
    bytes: &[u8],
    file: &Arc<str>,
    limits: &Limits,
    sink: &mut Sink<'_>,
) -> ControlFlow<()> {
    if text::is_json(bytes) {
        return read_json(bytes, std::io::empty(), file, limits, sink);
    }
    match text::decode(bytes) {
        Ok(text) => read_yaml(&text, file, limits, sink),
        Err(fault) => failure(file, fault, sink),
    }
}

fn read_yaml(text: &str, file: &Arc<str>, limits: &Limits, sink: &mut Sink<'_>) -> ControlFlow<()> {
    let mut lists = Lists::new(file, limits);
    let mut flow = ControlFlow::Continue(());
    // Looked for once: a file can have as many broken documents as it has lines.
    let mut template = None;
    yaml::read(text, limits, &mut |piece| {
        flow = match piece {
            Piece::Item { value, line, document } => lists.item(value, line, document, None, sink),
            Piece::Document { value, line, document } => lists.end(value, line, document, sink),
            Piece::Broken { mut fault } => {
                lists = Lists::new(file, limits);
                if *template.get_or_insert_with(|| text.contains("{{")) {
                    fault.reason.push_str(
                        "; the file holds `{{`: if it is a Helm template, give the output of `helm template`",
                    );
                }
                failure(file, fault, sink)
            }
        };
        flow
    });
    flow
}

fn read_json(
    start: &[u8],
    mut rest: impl Read,
    file: &Arc<str>,
    limits: &Limits,
    sink: &mut Sink<'_>,
) -> ControlFlow<()> {
    let start = start.strip_prefix(&[0xEF, 0xBB, 0xBF]).unwrap_or(start);
    let mut splitter = Splitter::new(limits);
    let mut reader = JsonReader { lists: Lists::new(file, limits), file, limits, document: 1, sink };
    let mut chunk = vec![0; CHUNK];
    let mut next = start;
    let mut total = 0u64;
    loop {
        // A file tells its size beforehand; a stream is counted.
        total += next.len() as u64;
        if total > limits.json_bytes {
            let reason = too_large(limits);
            return (reader.sink)(Reading::Failed(Failure {
                file: file.clone(),
                line: None,
                reason,
                broken: true,
            }));
        }
        match splitter.feed(next, &mut |cut| reader.take(cut)) {
            Ok(ControlFlow::Continue(())) => {}
            Ok(ControlFlow::Break(())) => return ControlFlow::Break(()),
            Err(fault) => return failure(file, fault, reader.sink),
        }
        let read = loop {
            match rest.read(&mut chunk) {
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                other => break other,
            }
        };
        let read = match read {
            Ok(0) => break,
            Ok(read) => read,
            Err(error) => return io_failure(file, &error, reader.sink),
        };
        next = chunk.get(..read).unwrap_or_default();
    }
    match splitter.finish() {
        Ok(()) => ControlFlow::Continue(()),
        Err(fault) => failure(file, fault, reader.sink),
    }
}

struct JsonReader<'a, 's> {
    lists: Lists<'a>,
    file: &'a Arc<str>,
    limits: &'a Limits,
    document: u32,
    sink: &'a mut Sink<'s>,
}

impl JsonReader<'_, '_> {
    fn take(&mut self, cut: Cut<'_>) -> ControlFlow<()> {
        match cut {
            Cut::Item { text, line, list } => match json::parse(text, line, self.limits) {
                Ok(value) => {
                    let head = list.api_version.as_deref().zip(list.kind.as_deref());
                    self.lists.item(value, line, self.document, head, self.sink)
                }
                Err(fault) => failure(self.file, fault, self.sink),
            },
            Cut::Whole { text, line } => {
                let document = self.document;
                self.document = document.saturating_add(1);
                match json::parse(text, line, self.limits) {
                    Ok(value) => self.lists.end(value, line, document, self.sink),
                    Err(fault) => failure(self.file, fault, self.sink),
                }
            }
        }
    }
}

/// Items of a list that arrive before the rest of the list does.
struct Lists<'a> {
    file: &'a Arc<str>,
    limits: &'a Limits,
    handed_on: u64,
    /// Items without a kind of their own, until the list says what they are.
    waiting: Vec<(Value, u32)>,
    waiting_bytes: usize,
}

impl<'a> Lists<'a> {
    fn new(file: &'a Arc<str>, limits: &'a Limits) -> Self {
        Self { file, limits, handed_on: 0, waiting: Vec::new(), waiting_bytes: 0 }
    }

    fn origin(&self, line: u32, document: u32) -> Origin {
        Origin::Document { file: self.file.clone(), document, line }
    }

    fn item(
        &mut self,
        value: Value,
        line: u32,
        document: u32,
        head: Option<(&str, &str)>,
        sink: &mut Sink<'_>,
    ) -> ControlFlow<()> {
        let known = |key| value.get(key).is_some_and(Value::is_string);
        if head.is_some() || (known("apiVersion") && known("kind")) {
            self.handed_on += 1;
            return document::emit_item(value, self.origin(line, document), head.unwrap_or_default(), sink);
        }
        self.waiting_bytes += weight(&value);
        if self.waiting_bytes > self.limits.tree_bytes {
            let reason =
                "the list names its kind after its items, and they have none: too large to wait for it";
            return failure(self.file, Fault { line, reason: reason.to_owned() }, sink);
        }
        self.waiting.push((value, line));
        ControlFlow::Continue(())
    }

    fn end(&mut self, mut value: Value, line: u32, document: u32, sink: &mut Sink<'_>) -> ControlFlow<()> {
        let origin = self.origin(line, document);
        let handed_on = std::mem::take(&mut self.handed_on);
        let waiting = std::mem::take(&mut self.waiting);
        self.waiting_bytes = 0;
        if handed_on == 0 && waiting.is_empty() {
            return document::emit(value, origin, sink);
        }
        let text = |key| value.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
        let (api_version, kind) = (text("apiVersion"), text("kind"));
        if kind.ends_with("List") {
            for (item, line) in waiting {
                let origin = self.origin(line, document);
                document::emit_item(item, origin, (&api_version, &kind), sink)?;
            }
            let rest = value.get("items").and_then(Value::as_array).is_some_and(|rest| !rest.is_empty());
            return if rest { document::emit(value, origin, sink) } else { ControlFlow::Continue(()) };
        }
        if handed_on > 0 {
            let reason = "the document has `items` that are objects, but its kind is no list";
            return sink(document::failed(&origin, reason.to_owned()));
        }
        if let Some(items) = value.get_mut("items").and_then(Value::as_array_mut) {
            items.extend(waiting.into_iter().map(|(item, _)| item));
        }
        document::emit(value, origin, sink)
    }
}

fn failure(file: &Arc<str>, fault: Fault, sink: &mut Sink<'_>) -> ControlFlow<()> {
    let Fault { line, reason } = fault;
    sink(Reading::Failed(Failure { file: file.clone(), line: Some(line), reason, broken: true }))
}

fn io_failure(file: &Arc<str>, error: &std::io::Error, sink: &mut Sink<'_>) -> ControlFlow<()> {
    let reason = format!("cannot be read: {error}");
    sink(Reading::Failed(Failure { file: file.clone(), line: None, reason, broken: true }))
}
