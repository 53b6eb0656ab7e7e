//! Text strings (ISO 32000-1 §7.9.2.2) and dates (§7.9.4).

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::{Offset, TimeZone};

use super::Object;

/// A text string: as it is where ASCII suffices, else UTF-16BE with its mark.
pub(crate) fn encode(text: &str) -> Object {
    if text.bytes().all(|byte| matches!(byte, b' '..=b'~')) {
        return Object::string(text);
    }
    let units = std::iter::once(0xfeff).chain(text.encode_utf16());
    Object::string(units.flat_map(u16::to_be_bytes).collect::<Vec<_>>())
}

/// Reads a text string. Bytes without a mark are PDFDocEncoding, read as Latin-1: it differs only in
/// a few typographic characters, and no name of ours contains one.
pub(crate) fn decode(bytes: &[u8]) -> String {
    if let Some(utf16) = bytes.strip_prefix(b"\xfe\xff") {
        let units = utf16.chunks(2).map(|pair| match pair {
            [high, low] => u16::from_be_bytes([*high, *low]),
            _ => 0xfffd,
        });
        return char::decode_utf16(units).map(|unit| unit.unwrap_or('\u{fffd}')).collect();
    }
    if let Some(utf8) = bytes.strip_prefix(b"\xef\xbb\xbf") {
        return String::from_utf8_lossy(utf8).into_owned();
    }
    bytes.iter().copied().map(char::from).collect()
}

/// `D:YYYYMMDDHHMMSSZ`. Years outside 0 to 9999 have no PDF date.
pub(crate) fn date(at: Timestamp) -> Option<String> {
    let time = at.to_zoned(TimeZone::UTC).datetime();
    (time.year() >= 0).then(|| {
        format!(
            "D:{:04}{:02}{:02}{:02}{:02}{:02}Z",
            time.year(),
            time.month(),
            time.day(),
            time.hour(),
            time.minute(),
            time.second()
        )
    })
}

/// Reads a date with all its parts: a signing time must name its second and its offset from UTC.
pub(crate) fn parse_date(bytes: &[u8]) -> Option<Timestamp> {
    let text = std::str::from_utf8(bytes).ok()?.strip_prefix("D:")?;
    let part = |from: usize, to: usize| -> Option<i16> {
        let digits = text.get(from..to)?;
        digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse().ok())?
    };
    let small = |from: usize, to: usize| i8::try_from(part(from, to)?).ok();
    let time = DateTime::new(
        part(0, 4)?,
        small(4, 6)?,
        small(6, 8)?,
        small(8, 10)?,
        small(10, 12)?,
        small(12, 14)?,
        0,
    );
    let zone = text.get(14..)?;
    let seconds = match zone.get(..1)? {
        "Z" => 0,
        sign @ ("+" | "-") => {
            let hours = i32::from(small(15, 17)?);
            let minutes = if zone.len() > 4 { i32::from(small(18, 20)?) } else { 0 };
            (hours * 60 + minutes) * if sign == "-" { -60 } else { 60 }
        }
        _ => return None,
    };
    Offset::from_seconds(seconds).ok()?.to_timestamp(time.ok()?).ok()
}

/// A string of foreign origin made fit for one line of a terminal or a report: control characters,
/// line breaks and marks of direction become U+FFFD; at most 200 characters.
pub(crate) fn printable(text: &str) -> String {
    let unfit = |character: char| {
        character.is_control()
            || matches!(character, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}' | '\u{61c}')
    };
    text.chars().take(200).map(|character| if unfit(character) { '\u{fffd}' } else { character }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_read_back_and_partial_ones_do_not() {
        let at: Timestamp = "2026-11-23T06:07:08Z".parse().unwrap();
        assert_eq!(date(at).unwrap(), "D:20261123060708Z");
        for text in [
            "D:20261123060708Z",
            "D:20261123070708+01'00'",
            "D:20261123003708-05'30",
            "D:20261123060708Z00'00'",
        ] {
            assert_eq!(parse_date(text.as_bytes()), Some(at), "{text}");
        }
        for text in [
            "",
            "D:2026",
            "D:20261123060708",
            "20261123060708Z",
            "D:20261323060708Z",
            "D:2026112306070\u{e9}Z",
        ] {
            assert_eq!(parse_date(text.as_bytes()), None, "{text}");
        }
    }

    #[test]
    fn text_of_any_script_reads_back() {
        for text in ["Seal", "Prüfsiegel", "監査 🦑"] {
            let Object::String(bytes, _) = encode(text) else { panic!() };
            assert_eq!(decode(&bytes), text);
        }
        assert_eq!(printable("a\u{202e}b\nc"), "a\u{fffd}b\u{fffd}c");
    }
}
