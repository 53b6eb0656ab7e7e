//! Scalars of the Kubernetes API that JSON writes in more than one way.

use std::cmp::Ordering;
use std::fmt;

use serde::{Deserialize, Deserializer, Serialize};

/// A number or a text, such as a target port or `25%`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum IntOrString {
    Int(i64),
    String(String),
}

impl IntOrString {
    /// The percentage, if the text is one: `25%` gives 25.
    pub fn percent(&self) -> Option<i64> {
        match self {
            Self::Int(_) => None,
            Self::String(text) => text.strip_suffix('%')?.parse().ok(),
        }
    }

    /// The number, also where it is written as text.
    pub fn int(&self) -> Option<i64> {
        match self {
            Self::Int(number) => Some(*number),
            Self::String(text) => text.parse().ok(),
        }
    }
}

impl fmt::Display for IntOrString {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Int(number) => number.fmt(f),
            Self::String(text) => text.fmt(f),
        }
    }
}

/// A resource quantity (`k8s.io/apimachinery` resource.Quantity), kept as it was written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Quantity(pub String);

impl Quantity {
    /// The value; `None` if the text is no quantity.
    pub fn value(&self) -> Option<f64> {
        let text = self.0.trim();
        let end = text.find(|c: char| !matches!(c, '0'..='9' | '.' | '+' | '-')).unwrap_or(text.len());
        let (number, suffix) = text.split_at(end);
        let factor = match suffix {
            "" => 1.0,
            "n" => 1e-9,
            "u" => 1e-6,
            "m" => 1e-3,
            "k" => 1e3,
            "M" => 1e6,
            "G" => 1e9,
            "T" => 1e12,
            "P" => 1e15,
            "E" => 1e18,
            "Ki" => 1024.0,
            "Mi" => 1024f64.powi(2),
            "Gi" => 1024f64.powi(3),
            "Ti" => 1024f64.powi(4),
            "Pi" => 1024f64.powi(5),
            "Ei" => 1024f64.powi(6),
            exponent => {
                let digits = exponent.strip_prefix(['e', 'E'])?;
                10f64.powi(digits.parse().ok()?)
            }
        };
        Some(number.parse::<f64>().ok()? * factor)
    }

    /// Whether the value is above zero.
    pub fn is_positive(&self) -> bool {
        self.value().is_some_and(|value| value > 0.0)
    }

    /// Compares by value; `None` if one of them is no quantity.
    pub fn compare(&self, other: &Self) -> Option<Ordering> {
        self.value()?.partial_cmp(&other.value()?)
    }
}

impl fmt::Display for Quantity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl<'de> Deserialize<'de> for Quantity {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Written {
            Text(String),
            Int(i64),
            Float(f64),
        }
        Ok(Self(match Written::deserialize(deserializer)? {
            Written::Text(text) => text,
            Written::Int(number) => number.to_string(),
            Written::Float(number) => number.to_string(),
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantities_have_the_values_of_the_api_server() {
        for (text, value) in [
            ("100m", 0.1),
            ("2", 2.0),
            ("1.5Gi", 1.5 * 1024.0 * 1024.0 * 1024.0),
            ("1e3", 1000.0),
            ("12E", 12e18),
            ("0", 0.0),
            ("-1", -1.0),
        ] {
            let got = Quantity(text.into()).value().unwrap();
            assert!((got - value).abs() <= value.abs() * 1e-12, "{text}: {got}");
        }
        for text in ["", "Mi", "1Q", "one", "1ee3"] {
            assert_eq!(Quantity(text.into()).value(), None, "{text}");
        }
    }

    #[test]
    fn unquoted_numbers_are_quantities_too() {
        let quantity: Quantity = serde_json::from_str("1.5").unwrap();
        assert_eq!(quantity, Quantity("1.5".into()));
    }
}
