//! Cuts a stream of JSON into objects and, where an object is a list, into its items.
//!
//! Fed with chunks of any size, it holds one object at a time: a list of a gigabyte passes in the
//! memory of its largest item. It knows strings, brackets and the keys of the outermost object;
//! whether a piece is valid JSON is for [`super::json`] to say.

use std::ops::ControlFlow;

use super::yaml::Fault;
use crate::limits::Limits;

/// A piece cut from the stream.
pub(crate) enum Cut<'a> {
    /// An item of a list, with what is known of the list's `kind` and `apiVersion` so far.
    Item { text: &'a [u8], line: u32, list: &'a ListHead },
    /// A whole value, or a list whose items were cut out before (`[]` stands in their place).
    Whole { text: &'a [u8], line: u32 },
}

/// `kind` and `apiVersion` of the outermost object, as far as they were seen.
#[derive(Debug, Default, Clone)]
pub(crate) struct ListHead {
    pub(crate) kind: Option<String>,
    pub(crate) api_version: Option<String>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Mode {
    /// Between values.
    Outside,
    /// Inside a value, outside of a list's items.
    Whole,
    /// Inside the items of a list.
    Items,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Text {
    Out,
    In,
    Escaped,
}

/// The state between two chunks.
pub(crate) struct Splitter {
    limits: Limits,
    mode: Mode,
    text: Text,
    depth: usize,
    line: u32,
    whole: Vec<u8>,
    whole_line: u32,
    item: Vec<u8>,
    item_line: u32,
    item_open: bool,
    outermost_object: bool,
    at_key: bool,
    string_start: usize,
    key: Vec<u8>,
    head: ListHead,
}

impl Splitter {
    pub(crate) fn new(limits: &Limits) -> Self {
        Self {
            limits: *limits,
            mode: Mode::Outside,
            text: Text::Out,
            depth: 0,
            line: 1,
            whole: Vec::new(),
            whole_line: 1,
            item: Vec::new(),
            item_line: 1,
            item_open: false,
            outermost_object: false,
            at_key: false,
            string_start: 0,
            key: Vec::new(),
            head: ListHead::default(),
        }
    }

    /// Takes the next chunk; `Ok(Break)` when `each` asked to stop.
    pub(crate) fn feed(
        &mut self,
        chunk: &[u8],
        each: &mut dyn FnMut(Cut<'_>) -> ControlFlow<()>,
    ) -> Result<ControlFlow<()>, Fault> {
        let mut at = 0;
        // Start of the run of bytes not yet copied into the open buffer.
        let mut run = 0;
        while let Some(&byte) = chunk.get(at) {
            match self.text {
                Text::Escaped => {
                    self.text = Text::In;
                    at += 1;
                    continue;
                }
                Text::In => {
                    let rest = chunk.get(at..).unwrap_or_default();
                    let Some(offset) = memchr::memchr2(b'"', b'\\', rest) else { break };
                    at += offset + 1;
                    if rest.get(offset) == Some(&b'\\') {
                        self.text = Text::Escaped;
                    } else {
                        self.text = Text::Out;
                        if self.mode == Mode::Whole && self.depth == 1 {
                            self.take(chunk, run, at)?;
                            run = at;
                            self.string_ended();
                        }
                    }
                    continue;
                }
                Text::Out => {}
            }
            if byte == b'\n' {
                self.line = self.line.saturating_add(1);
            }
            match self.mode {
                Mode::Outside => match byte {
                    b' ' | b'\t' | b'\r' | b'\n' => {}
                    b'{' | b'[' => {
                        self.start_whole(byte);
                        run = at;
                    }
                    _ => return Err(self.fault("expected a JSON object")),
                },
                Mode::Whole => match byte {
                    b'"' => {
                        self.text = Text::In;
                        if self.depth == 1 {
                            self.take(chunk, run, at)?;
                            run = at;
                            self.string_start = self.whole.len();
                        }
                    }
                    b'[' if self.depth == 1 && self.starts_items() => {
                        self.take(chunk, run, at)?;
                        self.whole.extend_from_slice(b"[]");
                        self.mode = Mode::Items;
                        self.depth = 2;
                    }
                    b'{' | b'[' => self.deeper()?,
                    b'}' | b']' => {
                        self.depth -= 1;
                        if self.depth == 0 {
                            self.take(chunk, run, at + 1)?;
                            if self.finish_whole(each).is_break() {
                                return Ok(ControlFlow::Break(()));
                            }
                        }
                    }
                    b',' if self.depth == 1 => self.at_key = self.outermost_object,
                    b':' if self.depth == 1 => self.at_key = false,
                    _ => {}
                },
                Mode::Items => match byte {
                    b' ' | b'\t' | b'\r' | b'\n' if !self.item_open => {}
                    b',' | b']' if self.depth == 2 => {
                        if self.item_open {
                            self.take(chunk, run, at)?;
                            if self.finish_item(each).is_break() {
                                return Ok(ControlFlow::Break(()));
                            }
                        }
                        if byte == b']' {
                            self.mode = Mode::Whole;
                            self.depth = 1;
                            run = at + 1;
                        }
                    }
                    _ => {
                        if !self.item_open {
                            self.item_open = true;
                            self.item_line = self.line;
                            run = at;
                        }
                        match byte {
                            b'"' => self.text = Text::In,
                            b'{' | b'[' => self.deeper()?,
                            b'}' | b']' => {
                                self.depth -= 1;
                                if self.depth == 1 {
                                    return Err(self.fault("a bracket closes what is not open"));
                                }
                            }
                            _ => {}
                        }
                    }
                },
            }
            at += 1;
        }
        if self.mode == Mode::Whole || (self.mode == Mode::Items && self.item_open) {
            self.take(chunk, run, chunk.len())?;
        }
        Ok(ControlFlow::Continue(()))
    }

    /// Ends the stream: a value still open is a fault.
    pub(crate) fn finish(&self) -> Result<(), Fault> {
        match self.mode {
            Mode::Outside => Ok(()),
            Mode::Whole | Mode::Items => Err(self.fault("the file ends inside a JSON value")),
        }
    }

    fn start_whole(&mut self, byte: u8) {
        self.mode = Mode::Whole;
        self.depth = 1;
        self.whole.clear();
        self.whole_line = self.line;
        self.outermost_object = byte == b'{';
        self.at_key = self.outermost_object;
        self.key.clear();
        self.head = ListHead::default();
    }

    fn deeper(&mut self) -> Result<(), Fault> {
        self.depth += 1;
        if self.depth > self.limits.depth {
            return Err(self.fault(&format!("nested more than {} deep", self.limits.depth)));
        }
        Ok(())
    }

    /// Copies the run that ends before `end` into the open buffer.
    fn take(&mut self, chunk: &[u8], run: usize, end: usize) -> Result<(), Fault> {
        let bytes = chunk.get(run..end).unwrap_or_default();
        let buffer = if self.mode == Mode::Items { &mut self.item } else { &mut self.whole };
        if buffer.len() + bytes.len() > self.limits.object_bytes {
            let mib = self.limits.object_bytes >> 20;
            return Err(self.fault(&format!("a single object is larger than {mib} MiB")));
        }
        buffer.extend_from_slice(bytes);
        Ok(())
    }

    /// A string at the top of the outermost object: a key, or the value of one that matters.
    fn string_ended(&mut self) {
        if !self.outermost_object {
            return;
        }
        let start = self.string_start + 1;
        let text = self.whole.get(start..self.whole.len() - 1).unwrap_or_default();
        if self.at_key {
            self.key.clear();
            self.key.extend_from_slice(text);
            return;
        }
        let slot = match self.key.as_slice() {
            b"kind" => &mut self.head.kind,
            b"apiVersion" => &mut self.head.api_version,
            _ => return,
        };
        *slot = std::str::from_utf8(text).ok().map(str::to_owned);
    }

    fn starts_items(&self) -> bool {
        self.outermost_object
            && !self.at_key
            && self.key == b"items"
            && match &self.head.kind {
                Some(kind) => kind.ends_with("List"),
                None => self.head.api_version.is_some(),
            }
    }

    fn finish_item(&mut self, each: &mut dyn FnMut(Cut<'_>) -> ControlFlow<()>) -> ControlFlow<()> {
        self.item_open = false;
        let flow = each(Cut::Item { text: &self.item, line: self.item_line, list: &self.head });
        self.item.clear();
        flow
    }

    fn finish_whole(&mut self, each: &mut dyn FnMut(Cut<'_>) -> ControlFlow<()>) -> ControlFlow<()> {
        self.mode = Mode::Outside;
        each(Cut::Whole { text: &self.whole, line: self.whole_line })
    }

    fn fault(&self, reason: &str) -> Fault {
        Fault { line: self.line, reason: reason.to_owned() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cut(text: &[u8], chunk: usize) -> Result<Vec<String>, Fault> {
        let mut out = Vec::new();
        let mut splitter = Splitter::new(&Limits::default());
        for part in text.chunks(chunk) {
            let _ = splitter.feed(part, &mut |cut| {
                out.push(match cut {
                    Cut::Item { text, line, list } => format!(
                        "item {line} {} {}",
                        list.kind.as_deref().unwrap_or("-"),
                        String::from_utf8_lossy(text)
                    ),
                    Cut::Whole { text, line } => {
                        format!("whole {line} {}", String::from_utf8_lossy(text))
                    }
                });
                ControlFlow::Continue(())
            })?;
        }
        splitter.finish()?;
        Ok(out)
    }

    #[test]
    fn cuts_do_not_depend_on_where_chunks_end() {
        let text = br#"{"kind":"PodList","apiVersion":"v1","metadata":{"items":[1]},
"items":[{"a":"}\"]"},
 {"b":[[]]} , 3],"x":[1]}
{"kind":"Pod","items":[1,2]}"#;
        let expected = vec![
            r#"item 2 PodList {"a":"}\"]"}"#.to_owned(),
            "item 3 PodList {\"b\":[[]]} ".to_owned(),
            "item 3 PodList 3".to_owned(),
            "whole 1 {\"kind\":\"PodList\",\"apiVersion\":\"v1\",\"metadata\":{\"items\":[1]},\n\"items\":[],\"x\":[1]}".to_owned(),
            r#"whole 4 {"kind":"Pod","items":[1,2]}"#.to_owned(),
        ];
        for chunk in 1..text.len() {
            assert_eq!(cut(text, chunk).unwrap(), expected, "chunks of {chunk}");
        }
    }

    #[test]
    fn brackets_that_do_not_match_are_faults_and_not_panics() {
        for text in [
            "}",
            "]",
            "{\"apiVersion\":\"v1\",\"items\":[}",
            "{\"a\":",
            "{\"apiVersion\":\"v\",\"items\":[{]",
        ] {
            assert!(cut(text.as_bytes(), 3).is_err(), "{text}");
        }
    }
}
