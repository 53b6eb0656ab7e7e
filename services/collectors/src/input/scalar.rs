//! Plain scalars, resolved as kubectl resolves them: YAML 1.1 words, Go's integer prefixes.
//!
//! kubectl reads YAML with YAML 1.1 booleans (`y`, `no`, `on`), integers in Go's base-0 notation
//! (`0400` and `0o400` are 256), `_` between digits, and keeps timestamps as text.

use serde_json::{Number, Value};

/// The value of an unquoted, untagged scalar.
pub(crate) fn resolve(text: &str) -> Value {
    match text.as_bytes().first() {
        None => Value::Null,
        Some(b'y' | b'Y' | b'n' | b'N' | b't' | b'T' | b'f' | b'F' | b'o' | b'O' | b'~') => {
            word(text).unwrap_or_else(|| Value::String(text.to_owned()))
        }
        Some(b'0'..=b'9' | b'+' | b'-' | b'.') => {
            number(text).map_or_else(|| Value::String(text.to_owned()), Value::Number)
        }
        Some(_) => Value::String(text.to_owned()),
    }
}

/// The text of a scalar used as a key: JSON has string keys only.
pub(crate) fn key(text: &str) -> Option<String> {
    match resolve(text) {
        Value::Null => None,
        Value::Bool(flag) => Some(flag.to_string()),
        Value::Number(number) => Some(number.to_string()),
        Value::String(text) => Some(text),
        Value::Array(_) | Value::Object(_) => None,
    }
}

fn word(text: &str) -> Option<Value> {
    match text {
        "y" | "Y" | "yes" | "Yes" | "YES" | "true" | "True" | "TRUE" | "on" | "On" | "ON" => {
            Some(Value::Bool(true))
        }
        "n" | "N" | "no" | "No" | "NO" | "false" | "False" | "FALSE" | "off" | "Off" | "OFF" => {
            Some(Value::Bool(false))
        }
        "~" | "null" | "Null" | "NULL" => Some(Value::Null),
        _ => None,
    }
}

/// A number, or nothing where the text is one for neither Go nor YAML 1.1.
pub(crate) fn number(text: &str) -> Option<Number> {
    let plain;
    let text = if text.contains('_') && !text.starts_with('.') {
        plain = text.replace('_', "");
        plain.as_str()
    } else {
        text
    };
    integer(text).or_else(|| float(text))
}

fn integer(text: &str) -> Option<Number> {
    let (negative, digits) = match text.as_bytes().first()? {
        b'-' => (true, &text[1..]),
        b'+' => (false, &text[1..]),
        _ => (false, text),
    };
    let (radix, digits) = match digits.as_bytes() {
        [b'0', b'x' | b'X', ..] => (16, &digits[2..]),
        [b'0', b'o' | b'O', ..] => (8, &digits[2..]),
        [b'0', b'b' | b'B', ..] => (2, &digits[2..]),
        [b'0', _, ..] => (8, &digits[1..]),
        _ => (10, digits),
    };
    // `from_str_radix` would accept a second sign.
    if !digits.starts_with(|c: char| c.is_ascii_alphanumeric()) {
        return None;
    }
    let magnitude = u64::from_str_radix(digits, radix).ok()?;
    if negative {
        0i64.checked_sub_unsigned(magnitude).map(Number::from)
    } else {
        Some(Number::from(magnitude))
    }
}

/// Decimal floats; whole ones become integers, as Go writes them to JSON.
fn float(text: &str) -> Option<Number> {
    if !text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'+' | b'-' | b'.' | b'e' | b'E')) {
        return None;
    }
    let value: f64 = text.parse().ok()?;
    const EXACT: f64 = 9_007_199_254_740_992.0;
    if value.fract() == 0.0 && value.abs() <= EXACT {
        #[expect(clippy::cast_possible_truncation, reason = "whole and within 2^53")]
        return Some(Number::from(value as i64));
    }
    Number::from_f64(value)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{key, resolve};

    #[test]
    fn scalars_resolve_as_kubectl_resolves_them() {
        for (text, value) in [
            ("", Value::Null),
            ("~", Value::Null),
            ("Null", Value::Null),
            ("yes", json!(true)),
            ("On", json!(true)),
            ("y", json!(true)),
            ("OFF", json!(false)),
            ("tRue", json!("tRue")),
            ("0400", json!(256)),
            ("0o400", json!(256)),
            ("0x1F", json!(31)),
            ("0b11", json!(3)),
            ("09", json!(9)),
            ("1_000", json!(1000)),
            ("+7", json!(7)),
            ("-7", json!(-7)),
            ("--7", json!("--7")),
            ("-", json!("-")),
            ("1e3", json!(1000)),
            ("1.5", json!(1.5)),
            (".5", json!(0.5)),
            ("1.0", json!(1)),
            (".inf", json!(".inf")),
            ("18446744073709551615", json!(u64::MAX)),
            ("-9223372036854775808", json!(i64::MIN)),
            ("100m", json!("100m")),
            ("1Gi", json!("1Gi")),
            ("10.0.0.1", json!("10.0.0.1")),
            ("2001-12-14", json!("2001-12-14")),
            ("12:30:45", json!("12:30:45")),
            ("0x", json!("0x")),
        ] {
            assert_eq!(resolve(text), value, "{text:?}");
        }
    }

    #[test]
    fn keys_become_the_text_json_gives_them() {
        assert_eq!(key("on").as_deref(), Some("true"));
        assert_eq!(key("0x10").as_deref(), Some("16"));
        assert_eq!(key("name").as_deref(), Some("name"));
        assert_eq!(key("~"), None);
    }
}
