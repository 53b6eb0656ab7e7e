//! YAML documents to JSON values, by events, without recursion and within a budget.
//!
//! Follows kubectl where YAML leaves a choice; duplicate keys are an error, because which of two
//! values a cluster would take is not for the reader to guess.

use std::{collections::BTreeMap, ops::ControlFlow};

use granit_parser::{ErrorKind, Event, Parser, ScalarStyle, ScanError, Tag};
use serde_json::{Map, Value};

use super::scalar;
use crate::limits::{Budget, CONTAINER, KEY, Limits, SCALAR, weight};

/// A fault in a document: its line, from 1, and what is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Fault {
    pub(crate) line: u32,
    pub(crate) reason: String,
}

/// Why a document ends early.
enum Stop {
    /// It is not well formed: the next document may be.
    Broken(Fault),
    /// It breaks a limit: what follows is not looked at, a bomb costs its limit and no more.
    Limit(Fault),
}

impl From<Fault> for Stop {
    fn from(fault: Fault) -> Self {
        Self::Broken(fault)
    }
}

/// A finished piece of a YAML stream.
pub(crate) enum Piece {
    /// A whole document, or what is left of one whose `items` were handed on singly.
    Document { value: Value, line: u32, document: u32 },
    /// One element of a document's top-level `items`.
    Item { value: Value, line: u32, document: u32 },
    /// A document that cannot be read; the ones after it still are.
    Broken { fault: Fault },
}

/// Reads all documents of `text`; stops early when `each` breaks.
pub(crate) fn read(text: &str, limits: &Limits, each: &mut dyn FnMut(Piece) -> ControlFlow<()>) {
    let options = granit_parser::options! {
        block_scalar_eof_without_line_feed: true,
        flow_nesting_limit: limits.depth + 1,
        block_nesting_limit: limits.depth + 1,
    };
    let mut parser = Parser::new_from_str_with_options(text, options);
    let mut number = 0u32;
    loop {
        let mut document = Document::new(text.len(), limits);
        let fault = match document.read(&mut parser, &mut number, each) {
            Ok(Next::Document) => continue,
            Ok(Next::End) => return,
            Err(Stop::Broken(fault)) => fault,
            Err(Stop::Limit(fault)) => {
                let _ = each(Piece::Broken { fault });
                return;
            }
        };
        if each(Piece::Broken { fault }).is_break() {
            return;
        }
        // A fault of the scanner after a fault of ours means that the rest is lost too.
        match parser.proceed_next_document() {
            Ok(true) => {}
            Ok(false) => return,
            Err(error) => {
                let _ = each(Piece::Broken { fault: scan_fault(&error) });
                return;
            }
        }
    }
}

enum Next {
    Document,
    End,
}

enum Node {
    Map { map: Map<String, Value>, key: Option<String>, merges: Vec<Value> },
    Seq(Vec<Value>),
}

struct Frame {
    node: Node,
    anchor: usize,
    line: u32,
}

struct Document<'a> {
    limits: &'a Limits,
    stack: Vec<Frame>,
    anchors: BTreeMap<usize, Value>,
    budget: Budget,
    alias_budget: Budget,
    root: Option<(Value, u32)>,
}

impl<'a> Document<'a> {
    fn new(bytes: usize, limits: &'a Limits) -> Self {
        let aliases = limits.alias_bytes.saturating_add(limits.alias_ratio.saturating_mul(bytes));
        Self {
            limits,
            stack: Vec::new(),
            anchors: BTreeMap::new(),
            budget: Budget::new(limits.tree_bytes),
            alias_budget: Budget::new(aliases),
            root: None,
        }
    }

    fn read<'t, T: granit_parser::BorrowedInput<'t>>(
        &mut self,
        parser: &mut Parser<'t, T>,
        number: &mut u32,
        each: &mut dyn FnMut(Piece) -> ControlFlow<()>,
    ) -> Result<Next, Stop> {
        loop {
            let Some(next) = parser.next_event() else { return Ok(Next::End) };
            let (event, span) = next.map_err(|error| scan_stop(&error))?;
            let line = line_number(span.start.line());
            match event {
                Event::StreamEnd => return Ok(Next::End),
                Event::DocumentStart(..) => *number += 1,
                Event::DocumentEnd => {
                    let (value, line) = self.root.take().unwrap_or((Value::Null, line));
                    return match each(Piece::Document { value, line, document: *number }) {
                        ControlFlow::Continue(()) => Ok(Next::Document),
                        ControlFlow::Break(()) => Ok(Next::End),
                    };
                }
                Event::MappingStart(_, anchor, _) => {
                    let node = Node::Map { map: Map::new(), key: None, merges: Vec::new() };
                    self.open(Frame { node, anchor, line })?;
                }
                Event::SequenceStart(_, anchor, _) => {
                    self.open(Frame { node: Node::Seq(Vec::new()), anchor, line })?;
                }
                Event::MappingEnd | Event::SequenceEnd => {
                    let Some(frame) = self.stack.pop() else { continue };
                    let value = finish(frame.node, frame.line)?;
                    if self.at_items() {
                        // An item's tree is given back to the budget once it is handed on.
                        if frame.anchor == 0 && self.anchors.is_empty() {
                            self.budget = Budget::new(self.limits.tree_bytes);
                        }
                        self.remember(frame.anchor, &value, frame.line)?;
                        let item = Piece::Item { value, line: frame.line, document: *number };
                        if each(item).is_break() {
                            return Ok(Next::End);
                        }
                        continue;
                    }
                    self.remember(frame.anchor, &value, frame.line)?;
                    self.place(value, frame.line)?;
                }
                Event::Scalar(text, style, anchor, tag) => {
                    self.scalar(&text, style, tag.as_deref(), anchor, line)?;
                }
                Event::Alias(id) => {
                    let value = self.alias(id, line)?;
                    self.place(value, line)?;
                }
                // Comments carry no state; the rest are events we did not ask for.
                _ => {}
            }
        }
    }

    /// Whether the innermost open node is the `items` sequence of the document's root.
    fn at_items(&self) -> bool {
        matches!(
            self.stack.as_slice(),
            [Frame { node: Node::Map { map, key: Some(key), .. }, .. }, Frame { node: Node::Seq(_), .. }]
                if key == "items" && may_be_list(map)
        )
    }

    fn open(&mut self, frame: Frame) -> Result<(), Stop> {
        let line = frame.line;
        if self.stack.len() >= self.limits.depth {
            return Err(self.too_deep(line));
        }
        if let Some(Frame { node: Node::Map { key: None, .. }, .. }) = self.stack.last() {
            return Err(fault(line, "a mapping or sequence is used as a key".to_owned()).into());
        }
        self.charge(CONTAINER, line)?;
        self.stack.push(frame);
        Ok(())
    }

    fn scalar(
        &mut self,
        text: &str,
        style: ScalarStyle,
        tag: Option<&Tag>,
        anchor: usize,
        line: u32,
    ) -> Result<(), Stop> {
        let plain = style == ScalarStyle::Plain;
        if let Some(Frame { node: Node::Map { map, key: key @ None, .. }, .. }) = self.stack.last_mut() {
            if !self.budget.charge(KEY + text.len()) {
                return Err(self.too_large(line));
            }
            let name = if plain && tag.is_none() { scalar::key(text) } else { Some(text.to_owned()) };
            let Some(name) = name else { return Err(fault(line, "a key is null".to_owned()).into()) };
            let merge = plain && name == "<<";
            if !merge && map.contains_key(&name) {
                return Err(fault(line, format!("the key `{}` is given twice", printable(&name))).into());
            }
            if anchor != 0 {
                self.anchors.insert(anchor, Value::String(name.clone()));
            }
            *key = Some(name);
            return Ok(());
        }
        // Before the text is copied: it may be as large as the file.
        self.charge(SCALAR + text.len(), line)?;
        let value = match tag.and_then(Tag::core_suffix) {
            None if tag.is_none() && plain => scalar::resolve(text),
            None => Value::String(text.to_owned()),
            Some(suffix) => tagged(suffix, text, line)?,
        };
        self.remember(anchor, &value, line)?;
        self.place(value, line)
    }

    fn alias(&mut self, id: usize, line: u32) -> Result<Value, Stop> {
        let Some(value) = self.anchors.get(&id) else {
            return Err(fault(line, "an alias stands inside the node that it names".to_owned()).into());
        };
        // Weighed before it is copied: the copy is what a bomb is made of.
        let bytes = weight(value);
        if !self.alias_budget.charge(bytes) {
            let reason = "aliases expand the document beyond what its size allows".to_owned();
            return Err(Stop::Limit(fault(line, reason)));
        }
        let value = value.clone();
        self.charge(bytes, line)?;
        if self.stack.len() + depth(&value, self.limits.depth) > self.limits.depth {
            return Err(self.too_deep(line));
        }
        Ok(value)
    }

    fn remember(&mut self, anchor: usize, value: &Value, line: u32) -> Result<(), Stop> {
        if anchor != 0 {
            self.charge(weight(value), line)?;
            self.anchors.insert(anchor, value.clone());
        }
        Ok(())
    }

    fn place(&mut self, value: Value, line: u32) -> Result<(), Stop> {
        match self.stack.last_mut() {
            None => self.root = Some((value, line)),
            Some(Frame { node: Node::Seq(items), .. }) => items.push(value),
            Some(Frame { node: Node::Map { map, key, merges }, .. }) => match key.take() {
                Some(name) if name == "<<" => merges.push(value),
                Some(name) => {
                    map.insert(name, value);
                }
                // Only an alias gets here: scalars and containers are handled as keys before.
                None => match value {
                    Value::String(name) if !map.contains_key(&name) => *key = Some(name),
                    Value::String(name) => {
                        return Err(
                            fault(line, format!("the key `{}` is given twice", printable(&name))).into()
                        );
                    }
                    _ => return Err(fault(line, "a key is not a string".to_owned()).into()),
                },
            },
        }
        Ok(())
    }

    fn charge(&mut self, bytes: usize, line: u32) -> Result<(), Stop> {
        if self.budget.charge(bytes) {
            return Ok(());
        }
        Err(self.too_large(line))
    }

    fn too_large(&self, line: u32) -> Stop {
        let mib = self.limits.tree_bytes >> 20;
        Stop::Limit(fault(line, format!("the document takes more than {mib} MiB in memory")))
    }

    fn too_deep(&self, line: u32) -> Stop {
        Stop::Limit(fault(line, format!("nested more than {} deep", self.limits.depth)))
    }
}

/// Whether a mapping read so far is a list. kubectl writes `kind` after `items`: then an
/// `apiVersion` has to do, and the reader checks the kind when it comes.
fn may_be_list(map: &Map<String, Value>) -> bool {
    match map.get("kind") {
        Some(kind) => kind.as_str().is_some_and(|kind| kind.ends_with("List")),
        None => map.contains_key("apiVersion"),
    }
}

fn finish(node: Node, line: u32) -> Result<Value, Fault> {
    match node {
        Node::Seq(items) => Ok(Value::Array(items)),
        Node::Map { mut map, merges, .. } => {
            for merge in merges {
                let sources = match merge {
                    Value::Array(sources) => sources,
                    source => vec![source],
                };
                for source in sources {
                    let Value::Object(source) = source else {
                        return Err(fault(line, "`<<` merges something that is no mapping".to_owned()));
                    };
                    for (key, value) in source {
                        map.entry(key).or_insert(value);
                    }
                }
            }
            Ok(Value::Object(map))
        }
    }
}

fn tagged(suffix: &str, text: &str, line: u32) -> Result<Value, Fault> {
    let resolved = scalar::resolve(text);
    let fits = match suffix {
        "bool" => resolved.is_boolean(),
        "int" => resolved.is_i64() || resolved.is_u64(),
        "float" => resolved.is_number(),
        "null" => resolved.is_null(),
        _ => return Ok(Value::String(text.to_owned())),
    };
    if fits { Ok(resolved) } else { Err(fault(line, format!("a scalar tagged `!!{suffix}` is none"))) }
}

/// Depth of a tree, looked at no further than `limit` + 1.
fn depth(value: &Value, limit: usize) -> usize {
    let mut deepest = 0;
    let mut pending = vec![(value, 1)];
    while let Some((value, level)) = pending.pop() {
        if level > limit {
            return level;
        }
        match value {
            Value::Array(items) => pending.extend(items.iter().map(|item| (item, level + 1))),
            Value::Object(map) => pending.extend(map.values().map(|item| (item, level + 1))),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => continue,
        }
        deepest = deepest.max(level);
    }
    deepest
}

fn fault(line: u32, reason: String) -> Fault {
    Fault { line, reason }
}

fn scan_stop(error: &ScanError) -> Stop {
    match error.kind() {
        ErrorKind::RecursionLimitExceeded => Stop::Limit(scan_fault(error)),
        _ => Stop::Broken(scan_fault(error)),
    }
}

fn scan_fault(error: &ScanError) -> Fault {
    fault(line_number(error.marker().line()), printable(&error.info()))
}

fn line_number(line: usize) -> u32 {
    u32::try_from(line).unwrap_or(u32::MAX)
}

/// Text for a message: short, on one line, without control characters.
pub(crate) fn printable(text: &str) -> String {
    const LONGEST: usize = 120;
    let mut shown: String = text
        .chars()
        .take(LONGEST)
        .map(|c| if c.is_control() || is_directional(c) { '\u{fffd}' } else { c })
        .collect();
    if text.chars().nth(LONGEST).is_some() {
        shown.push('…');
    }
    shown
}

/// Marks that reorder the text around them.
fn is_directional(c: char) -> bool {
    matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}
