//! JSON text to values: strict about duplicate keys, within a budget, errors without values.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};

use super::yaml::{Fault, printable};
use crate::limits::{Budget, CONTAINER, KEY, Limits, SCALAR};

/// Parses one JSON value that starts on `line` of its file.
pub(crate) fn parse(text: &[u8], line: u32, limits: &Limits) -> Result<Value, Fault> {
    let mut budget = Budget::new(limits.tree_bytes);
    let mut deserializer = serde_json::Deserializer::from_slice(text);
    let seed = Strict { budget: &mut budget, depth: limits.depth };
    seed.deserialize(&mut deserializer).and_then(|value| deserializer.end().map(|()| value)).map_err(
        |error| {
            let offset = u32::try_from(error.line().saturating_sub(1)).unwrap_or(u32::MAX);
            let reason = error.to_string();
            // The parser's own position counts from the start of the piece, not of the file.
            let reason = reason.split(" at line ").next().unwrap_or_default();
            Fault { line: line.saturating_add(offset), reason: printable(reason) }
        },
    )
}

struct Strict<'a> {
    budget: &'a mut Budget,
    depth: usize,
}

impl Strict<'_> {
    fn charge<E: serde::de::Error>(&mut self, bytes: usize) -> Result<(), E> {
        if self.budget.charge(bytes) { Ok(()) } else { Err(E::custom("the object takes too much memory")) }
    }
}

impl<'de> DeserializeSeed<'de> for Strict<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_bool<E: serde::de::Error>(mut self, value: bool) -> Result<Value, E> {
        self.charge(SCALAR)?;
        Ok(Value::Bool(value))
    }

    fn visit_i64<E: serde::de::Error>(mut self, value: i64) -> Result<Value, E> {
        self.charge(SCALAR)?;
        Ok(value.into())
    }

    fn visit_u64<E: serde::de::Error>(mut self, value: u64) -> Result<Value, E> {
        self.charge(SCALAR)?;
        Ok(value.into())
    }

    fn visit_f64<E: serde::de::Error>(mut self, value: f64) -> Result<Value, E> {
        self.charge(SCALAR)?;
        Ok(value.into())
    }

    fn visit_str<E: serde::de::Error>(mut self, value: &str) -> Result<Value, E> {
        self.charge(SCALAR + value.len())?;
        Ok(Value::String(value.to_owned()))
    }

    fn visit_string<E: serde::de::Error>(mut self, value: String) -> Result<Value, E> {
        self.charge(SCALAR + value.len())?;
        Ok(Value::String(value))
    }

    fn visit_unit<E: serde::de::Error>(mut self) -> Result<Value, E> {
        self.charge(SCALAR)?;
        Ok(Value::Null)
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut seq: A) -> Result<Value, A::Error> {
        self.charge(CONTAINER)?;
        let depth = deeper::<A::Error>(self.depth)?;
        let mut items = Vec::new();
        while let Some(item) = seq.next_element_seed(Strict { budget: &mut *self.budget, depth })? {
            items.push(item);
        }
        Ok(Value::Array(items))
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut entries: A) -> Result<Value, A::Error> {
        self.charge(CONTAINER)?;
        let depth = deeper::<A::Error>(self.depth)?;
        let mut map = Map::new();
        while let Some(key) = entries.next_key::<String>()? {
            self.charge(KEY + key.len())?;
            if map.contains_key(&key) {
                return Err(A::Error::custom(format!("the key `{}` is given twice", printable(&key))));
            }
            let value = entries.next_value_seed(Strict { budget: &mut *self.budget, depth })?;
            map.insert(key, value);
        }
        Ok(Value::Object(map))
    }
}

fn deeper<E: serde::de::Error>(depth: usize) -> Result<usize, E> {
    depth.checked_sub(1).ok_or_else(|| E::custom("nested too deep"))
}
