//! `grpc-timeout`: up to eight digits and a unit.

use std::time::Duration;

use http::HeaderMap;

/// The time that the caller gives, if it gives any.
pub(super) fn of(headers: &HeaderMap) -> Result<Option<Duration>, &'static str> {
    let Some(value) = headers.get("grpc-timeout") else { return Ok(None) };
    let wrong = "one to eight digits and one of H, M, S, m, u, n";
    let text = value.to_str().map_err(|_| wrong)?;
    let (digits, unit) = text.split_at_checked(text.len().saturating_sub(1)).ok_or(wrong)?;
    if !(1..=8).contains(&digits.len()) || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(wrong);
    }
    let number: u64 = digits.parse().map_err(|_| wrong)?;
    Ok(Some(match unit {
        "H" => Duration::from_secs(number * 3600),
        "M" => Duration::from_secs(number * 60),
        "S" => Duration::from_secs(number),
        "m" => Duration::from_millis(number),
        "u" => Duration::from_micros(number),
        "n" => Duration::from_nanos(number),
        _ => return Err(wrong),
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn timeout(text: &str) -> Result<Option<Duration>, &'static str> {
        let mut headers = HeaderMap::new();
        headers.insert("grpc-timeout", http::HeaderValue::from_bytes(text.as_bytes()).unwrap());
        of(&headers)
    }

    #[test]
    fn digits_and_a_unit_are_a_time_and_all_else_is_refused() {
        assert_eq!(of(&HeaderMap::new()), Ok(None));
        assert_eq!(timeout("250m"), Ok(Some(Duration::from_millis(250))));
        assert_eq!(timeout("99999999H"), Ok(Some(Duration::from_secs(99_999_999 * 3600))));
        assert_eq!(timeout("7u"), Ok(Some(Duration::from_micros(7))));
        for wrong in ["", "S", "123456789S", "1", "-1S", "1 S", "1x", "+1S", "é", "1é"] {
            assert!(timeout(wrong).is_err(), "{wrong}");
        }
    }
}
