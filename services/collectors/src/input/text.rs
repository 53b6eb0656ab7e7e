//! Bytes to text: UTF-8 with or without a mark, UTF-16 with one; anything else is named.

use std::borrow::Cow;

use super::yaml::Fault;

/// The text of a file, or why it has none.
pub(crate) fn decode(bytes: &[u8]) -> Result<Cow<'_, str>, Fault> {
    match bytes {
        [0xEF, 0xBB, 0xBF, rest @ ..] => utf8(rest),
        [0xFF, 0xFE, rest @ ..] => utf16(rest, u16::from_le_bytes),
        [0xFE, 0xFF, rest @ ..] => utf16(rest, u16::from_be_bytes),
        _ => utf8(bytes),
    }
}

fn utf8(bytes: &[u8]) -> Result<Cow<'_, str>, Fault> {
    if let Some(at) = memchr::memchr(0, bytes) {
        return Err(fault(bytes, at, "a binary file: it holds a NUL byte"));
    }
    std::str::from_utf8(bytes)
        .map(Cow::Borrowed)
        .map_err(|error| fault(bytes, error.valid_up_to(), "a binary file: it is not UTF-8"))
}

fn utf16(bytes: &[u8], unit: fn([u8; 2]) -> u16) -> Result<Cow<'_, str>, Fault> {
    let (pairs, rest) = bytes.as_chunks::<2>();
    let text: Result<String, _> = char::decode_utf16(pairs.iter().map(|pair| unit(*pair))).collect();
    match text {
        Ok(text) if rest.is_empty() && !text.contains('\0') => Ok(Cow::Owned(text)),
        _ => Err(Fault { line: 1, reason: "a binary file: it is not UTF-16".to_owned() }),
    }
}

fn fault(bytes: &[u8], at: usize, reason: &str) -> Fault {
    let before = bytes.get(..at).unwrap_or_default();
    let line = memchr::memchr_iter(b'\n', before).count() + 1;
    Fault { line: u32::try_from(line).unwrap_or(u32::MAX), reason: reason.to_owned() }
}

/// Whether a file that begins like this is JSON: an object whose first key is quoted.
pub(crate) fn is_json(bytes: &[u8]) -> bool {
    let bytes = bytes.strip_prefix(&[0xEF, 0xBB, 0xBF]).unwrap_or(bytes);
    let Some(rest) = bytes.trim_ascii_start().strip_prefix(b"{") else { return false };
    matches!(rest.trim_ascii_start().first(), Some(b'"' | b'}'))
}

#[cfg(test)]
mod tests {
    use super::{decode, is_json};

    #[test]
    fn text_in_utf_8_and_utf_16_is_read_and_anything_else_named() {
        assert_eq!(decode(b"\xEF\xBB\xBFa: 1").unwrap(), "a: 1");
        assert_eq!(decode(b"\xFF\xFEa\0:\0").unwrap(), "a:");
        assert_eq!(decode(b"\xFE\xFF\0a\0:").unwrap(), "a:");
        assert_eq!(decode(b"a\n\0").unwrap_err().line, 2);
        assert_eq!(decode(b"a\n\n\xFF").unwrap_err().line, 3);
        assert!(decode(b"\xFE\xFF\0a\0").is_err());
    }

    #[test]
    fn json_is_told_by_content() {
        assert!(is_json(b" \n{ \"kind\""));
        assert!(is_json(b"{}"));
        assert!(!is_json(b"{{ .Values.x }}"));
        assert!(!is_json(b"{kind: Pod}"));
        assert!(!is_json(b"kind: Pod"));
    }
}
