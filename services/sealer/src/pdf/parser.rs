//! Reads one value at an offset (ISO 32000-1 §7.2, §7.3). Never panics, never recurses deeper than
//! [`MAX_DEPTH`].

use super::object::{Dict, Object, Reference, is_delimiter, is_space};
use crate::SealError;

/// Nesting of arrays and dictionaries; Typst's deepest is 8.
const MAX_DEPTH: usize = 64;
/// Values in one indirect object. The longest arrays of a pack name its pages and tags, some 10,000.
const MAX_VALUES: usize = 1_000_000;

/// A cursor over the file.
pub(super) struct Parser<'a> {
    data: &'a [u8],
    pub(super) at: usize,
    /// Values read so far: in memory each is many times its two bytes in the file.
    pub(super) values: usize,
}

type Result<T> = std::result::Result<T, SealError>;

impl<'a> Parser<'a> {
    pub(super) fn new(data: &'a [u8], at: usize) -> Self {
        Self { data, at, values: 0 }
    }

    fn fail<T>(&self, reason: &'static str) -> Result<T> {
        Err(SealError::malformed(self.at, reason))
    }

    fn peek(&self) -> Option<u8> {
        self.data.get(self.at).copied()
    }

    fn rest(&self) -> &'a [u8] {
        self.data.get(self.at..).unwrap_or_default()
    }

    /// Skips white space and comments.
    pub(super) fn skip_space(&mut self) {
        while let Some(byte) = self.peek() {
            if is_space(byte) {
                self.at += 1;
            } else if byte == b'%' {
                let line = self.rest().iter().position(|byte| matches!(byte, b'\r' | b'\n'));
                self.at += line.unwrap_or(self.rest().len());
            } else {
                return;
            }
        }
    }

    /// Consumes a keyword that ends at a delimiter, white space or the end.
    pub(super) fn keyword(&mut self, word: &'static str) -> bool {
        let Some(after) = self.rest().strip_prefix(word.as_bytes()) else { return false };
        if after.first().is_some_and(|&byte| !is_space(byte) && !is_delimiter(byte)) {
            return false;
        }
        self.at += word.len();
        true
    }

    /// An unsigned decimal number of at most 10 digits.
    pub(super) fn unsigned(&mut self) -> Result<u64> {
        let digits = self.rest().iter().take_while(|byte| byte.is_ascii_digit()).count();
        if digits == 0 || digits > 10 {
            return self.fail("a number of 1 to 10 digits is missing");
        }
        let value = self.rest()[..digits].iter().fold(0, |sum, &digit| sum * 10 + u64::from(digit - b'0'));
        self.at += digits;
        Ok(value)
    }

    /// Reads `n g R` or `n g obj` up to the keyword, or nothing.
    pub(super) fn reference(&mut self, word: &'static str) -> Option<Reference> {
        let start = self.at;
        let read = |parser: &mut Self| -> Option<Reference> {
            let number = u32::try_from(parser.unsigned().ok()?).ok()?;
            parser.skip_space();
            let generation = u16::try_from(parser.unsigned().ok()?).ok()?;
            parser.skip_space();
            parser.keyword(word).then_some(Reference { number, generation })
        };
        let found = read(self);
        if found.is_none() {
            self.at = start;
        }
        found
    }

    pub(super) fn object(&mut self) -> Result<Object> {
        self.value(0)
    }

    fn value(&mut self, depth: usize) -> Result<Object> {
        if depth > MAX_DEPTH {
            return Err(SealError::Limit { what: "values nest deeper than 64" });
        }
        self.values += 1;
        if self.values > MAX_VALUES {
            return Err(SealError::Limit { what: "an object of more than 1,000,000 values" });
        }
        self.skip_space();
        match self.peek() {
            None => self.fail("the file ends within a value"),
            Some(b'/') => Ok(Object::Name(self.name()?)),
            Some(b'(') => self.literal_string(),
            Some(b'[') => self.array(depth),
            Some(b'<') if self.rest().starts_with(b"<<") => Ok(Object::Dict(self.dict(depth)?)),
            Some(b'<') => self.hex_string(),
            Some(b'0'..=b'9') => match self.reference("R") {
                Some(reference) => Ok(Object::Reference(reference)),
                None => self.number(),
            },
            Some(b'+' | b'-' | b'.') => self.number(),
            Some(_) if self.keyword("null") => Ok(Object::Null),
            Some(_) if self.keyword("true") => Ok(Object::Boolean(true)),
            Some(_) if self.keyword("false") => Ok(Object::Boolean(false)),
            Some(_) => self.fail("no value starts with this byte"),
        }
    }

    fn number(&mut self) -> Result<Object> {
        let token = self.rest();
        let length = token.iter().take_while(|byte| matches!(byte, b'0'..=b'9' | b'+' | b'-' | b'.')).count();
        let token = &token[..length];
        let unsigned = token.strip_prefix(b"-").or_else(|| token.strip_prefix(b"+")).unwrap_or(token);
        let digits = unsigned.iter().filter(|byte| byte.is_ascii_digit()).count();
        let points = unsigned.iter().filter(|&&byte| byte == b'.').count();
        if digits == 0 || points > 1 || digits + points != unsigned.len() || length > 40 {
            return self.fail("a number is malformed");
        }
        let value = if points == 1 {
            Object::Real(token.to_vec())
        } else {
            let text = std::str::from_utf8(token).unwrap_or_default();
            match text.parse() {
                Ok(value) => Object::Integer(value),
                Err(_) => return self.fail("a number exceeds 64 bits"),
            }
        };
        self.at += length;
        if self.peek().is_some_and(|byte| !is_space(byte) && !is_delimiter(byte)) {
            return self.fail("a number is followed by other characters");
        }
        Ok(value)
    }

    fn name(&mut self) -> Result<Vec<u8>> {
        self.at += 1;
        let mut name = Vec::new();
        while let Some(byte) = self.peek() {
            if is_space(byte) || is_delimiter(byte) {
                break;
            }
            self.at += 1;
            if byte != b'#' {
                name.push(byte);
                continue;
            }
            match self.rest() {
                [high, low, ..] => match (hex_digit(*high), hex_digit(*low)) {
                    (Some(high), Some(low)) => name.push(high << 4 | low),
                    _ => return self.fail("a name has a broken # escape"),
                },
                _ => return self.fail("a name has a broken # escape"),
            }
            self.at += 2;
        }
        Ok(name)
    }

    fn array(&mut self, depth: usize) -> Result<Object> {
        self.at += 1;
        let mut items = Vec::new();
        loop {
            self.skip_space();
            if self.peek() == Some(b']') {
                self.at += 1;
                return Ok(Object::Array(items));
            }
            items.push(self.value(depth + 1)?);
        }
    }

    fn dict(&mut self, depth: usize) -> Result<Dict> {
        self.at += 2;
        let mut entries = Vec::new();
        let mut keys = std::collections::BTreeSet::new();
        loop {
            self.skip_space();
            if self.rest().starts_with(b">>") {
                self.at += 2;
                return Ok(Dict(entries));
            }
            if self.peek() != Some(b'/') {
                return self.fail("a dictionary key is missing");
            }
            let key = self.name()?;
            if !keys.insert(key.clone()) {
                // Readers disagree on which of two equal keys counts.
                return self.fail("a dictionary has the same key twice");
            }
            entries.push((key, self.value(depth + 1)?));
        }
    }

    fn hex_string(&mut self) -> Result<Object> {
        let start = self.at;
        self.at += 1;
        let mut bytes = Vec::new();
        let mut high = None;
        loop {
            let Some(byte) = self.peek() else { return self.fail("the file ends within a string") };
            self.at += 1;
            if byte == b'>' {
                break;
            }
            if is_space(byte) {
                continue;
            }
            let Some(digit) = hex_digit(byte) else {
                self.at -= 1;
                return self.fail("a hexadecimal string has another character");
            };
            match high.take() {
                None => high = Some(digit),
                Some(high) => bytes.push(high << 4 | digit),
            }
        }
        bytes.extend(high.map(|high| high << 4));
        Ok(Object::String(bytes, start..self.at))
    }

    fn literal_string(&mut self) -> Result<Object> {
        let start = self.at;
        self.at += 1;
        let mut bytes = Vec::new();
        let mut open = 1_usize;
        loop {
            let Some(byte) = self.peek() else { return self.fail("the file ends within a string") };
            self.at += 1;
            match byte {
                b'(' => open += 1,
                b')' => {
                    open -= 1;
                    if open == 0 {
                        return Ok(Object::String(bytes, start..self.at));
                    }
                }
                b'\\' => {
                    self.escape(&mut bytes);
                    continue;
                }
                b'\r' => {
                    // Every end of line within a string reads as a line feed (§7.3.4.2).
                    self.at += usize::from(self.peek() == Some(b'\n'));
                    bytes.push(b'\n');
                    continue;
                }
                _ => {}
            }
            bytes.push(byte);
        }
    }

    fn escape(&mut self, bytes: &mut Vec<u8>) {
        let Some(byte) = self.peek() else { return };
        self.at += 1;
        match byte {
            b'n' => bytes.push(b'\n'),
            b'r' => bytes.push(b'\r'),
            b't' => bytes.push(b'\t'),
            b'b' => bytes.push(8),
            b'f' => bytes.push(12),
            b'\n' => {}
            b'\r' => self.at += usize::from(self.peek() == Some(b'\n')),
            b'0'..=b'7' => {
                let mut value = u32::from(byte - b'0');
                for _ in 0..2 {
                    let Some(digit @ b'0'..=b'7') = self.peek() else { break };
                    value = value * 8 + u32::from(digit - b'0');
                    self.at += 1;
                }
                // §7.3.4.2: high-order overflow is ignored.
                bytes.push((value & 0xff) as u8);
            }
            other => bytes.push(other),
        }
    }
}

fn hex_digit(byte: u8) -> Option<u8> {
    char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Object> {
        Parser::new(text.as_bytes(), 0).object()
    }

    #[test]
    fn every_kind_of_value_is_written_as_it_was_read() {
        for text in [
            "null",
            "true",
            "-17",
            "+.5",
            "/A#20B#2F",
            "(a\\(b\\)\\\\)",
            "<ff00>",
            "[1 0 R [2] /N]",
            "<</K 3 0 R/L [1 2 3]>>",
        ] {
            let mut out = Vec::new();
            parse(text).unwrap().write(&mut out);
            assert_eq!(String::from_utf8(out).unwrap(), text);
        }
    }

    #[test]
    fn string_escapes_follow_the_standard() {
        let Object::String(bytes, span) = parse("(a\\n\\101\\5x\\\r\nb\r\n(c))").unwrap() else { panic!() };
        assert_eq!(bytes, b"a\nA\x05xb\n(c)");
        assert_eq!(span, 0..21);
    }

    #[test]
    fn malformed_values_are_refused_and_deep_ones_stop() {
        for text in [
            "",
            "<<",
            "<</A",
            "[1",
            "(a",
            "<0g>",
            "/#zz",
            "1.2.3",
            "--1",
            "<</A 1/A 2>>",
            "99999999999999999999",
        ] {
            assert!(parse(text).is_err(), "{text}");
        }
        assert!(matches!(parse(&"[".repeat(100_000)), Err(SealError::Limit { .. })));
    }
}
