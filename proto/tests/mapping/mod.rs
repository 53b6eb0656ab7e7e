//! Reading and writing messages by name, and comparing their JSON.

#![allow(dead_code, unreachable_pub, reason = "each test file uses its part")]

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use hexproof_api::FILE_DESCRIPTOR_SET;
use prost_reflect::{
    DescriptorPool, DeserializeOptions, DynamicMessage, Kind, MessageDescriptor, ReflectMessage as _,
    SerializeOptions, Value,
};

/// One pool: messages of two pools are never equal.
pub static POOL: LazyLock<DescriptorPool> =
    LazyLock::new(|| DescriptorPool::decode(FILE_DESCRIPTOR_SET).unwrap());

pub fn descriptor(name: &str) -> MessageDescriptor {
    POOL.get_message_by_name(name).unwrap()
}

/// Reads JSON as the message, refusing what the message does not have.
pub fn from_json(
    descriptor: &MessageDescriptor,
    json: &serde_json::Value,
) -> Result<DynamicMessage, serde_json::Error> {
    let options = DeserializeOptions::new().deny_unknown_fields(true);
    DynamicMessage::deserialize_with_options(descriptor.clone(), json, &options)
}

pub fn to_json(message: &DynamicMessage, skip_defaults: bool) -> serde_json::Value {
    let options = SerializeOptions::new().skip_default_fields(skip_defaults);
    message.serialize_with_options(serde_json::value::Serializer, &options).unwrap()
}

/// The messages of which a message is made: those that are written as JSON by the core too.
pub fn messages_of(descriptor: &MessageDescriptor) -> Vec<MessageDescriptor> {
    let mut found: Vec<MessageDescriptor> = vec![descriptor.clone()];
    let mut next = 0;
    while let Some(message) = found.get(next).cloned() {
        next += 1;
        for field in message.fields() {
            if let Kind::Message(inner) = field.kind()
                && inner.package_name() == "hexproof.v1"
                && !found.contains(&inner)
            {
                found.push(inner);
            }
        }
    }
    found
}

/// Gathers the names of the fields that are set anywhere inside.
pub fn collect(message: &DynamicMessage, seen: &mut BTreeMap<String, ()>) {
    if message.descriptor().package_name() != "hexproof.v1" {
        return;
    }
    for (field, value) in message.fields() {
        seen.insert(field.full_name().to_owned(), ());
        match value {
            Value::Message(inner) => collect(inner, seen),
            Value::List(items) => {
                items.iter().filter_map(Value::as_message).for_each(|item| collect(item, seen))
            }
            _ => {}
        }
    }
}

/// Compares in meaning, and names the places that differ.
pub fn assert_same(left: &serde_json::Value, right: &serde_json::Value) {
    let mut places = Vec::new();
    differences("", left, right, &mut places);
    assert!(places.is_empty(), "{}", places.join("\n"));
}

fn differences(at: &str, left: &serde_json::Value, right: &serde_json::Value, places: &mut Vec<String>) {
    use serde_json::Value as Json;
    match (left, right) {
        (Json::Object(left), Json::Object(right)) => {
            let names: BTreeSet<&String> = left.keys().chain(right.keys()).collect();
            for name in names {
                let (left, right) =
                    (left.get(name).unwrap_or(&Json::Null), right.get(name).unwrap_or(&Json::Null));
                differences(&format!("{at}/{name}"), left, right, places);
            }
        }
        (Json::Array(left), Json::Array(right)) if left.len() == right.len() => {
            for (number, (left, right)) in left.iter().zip(right).enumerate() {
                differences(&format!("{at}/{number}"), left, right, places);
            }
        }
        // The mapping has one kind of number, and may write fractions of a second to any length.
        (Json::Number(left), Json::Number(right)) if left.as_f64() == right.as_f64() => {}
        (Json::String(left), Json::String(right))
            if instant(left).is_some() && instant(left) == instant(right) => {}
        (left, right) if left == right => {}
        (left, right) => places.push(format!("{at}: {left} is not {right}")),
    }
}

fn instant(text: &str) -> Option<jiff::Timestamp> {
    text.parse().ok()
}
