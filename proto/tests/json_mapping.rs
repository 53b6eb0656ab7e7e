//! The JSON that the core writes is the JSON mapping of the messages, and the messages say the same.

#![allow(clippy::unwrap_used, reason = "a test ends where it is surprised")]

mod full;
mod mapping;

use std::collections::{BTreeMap, BTreeSet};

use hexproof_api::v1;
use hexproof_core::assessment::Assessment;
use hexproof_core::snapshot::{Source, State};
use hexproof_core::{Goal, Layer, Outcome, Platform, Rating, Significance};
use prost_reflect::prost::Message as _;
use prost_reflect::{DynamicMessage, Kind, MessageDescriptor};
use serde_json::json;

use mapping::{POOL, assert_same, collect, messages_of, to_json};

fn descriptor() -> MessageDescriptor {
    mapping::descriptor("hexproof.v1.Assessment")
}

fn from_json(json: &serde_json::Value) -> Result<DynamicMessage, serde_json::Error> {
    mapping::from_json(&descriptor(), json)
}

#[test]
fn the_json_of_the_core_is_read_as_the_message_and_back() {
    for assessment in [full::assessment(), full::smallest()] {
        let json = serde_json::to_value(&assessment).unwrap();
        let message = from_json(&json).unwrap_or_else(|error| panic!("{error} in {json:#}"));
        // Everything that the message would print, the core reads as what it wrote.
        let again: Assessment = serde_json::from_value(to_json(&message, false)).unwrap();
        assert_same(&serde_json::to_value(again).unwrap(), &json);
    }
}

#[test]
fn the_json_of_a_message_is_what_the_core_writes() {
    let ours = serde_json::to_value(full::assessment()).unwrap();
    assert_same(&to_json(&from_json(&ours).unwrap(), true), &ours);
}

#[test]
fn the_conversion_says_what_the_json_says() {
    for assessment in [full::assessment(), full::smallest()] {
        let converted = v1::Assessment::from(&assessment).encode_to_vec();
        let converted = DynamicMessage::decode(descriptor(), converted.as_slice()).unwrap();
        let read = from_json(&serde_json::to_value(&assessment).unwrap()).unwrap();
        assert_same(&to_json(&converted, false), &to_json(&read, false));
        // Over the wire a field that was set to its default is not set.
        let read = DynamicMessage::decode(descriptor(), read.encode_to_vec().as_slice()).unwrap();
        assert!(converted == read);
    }
}

#[test]
fn the_full_example_leaves_no_field_out() {
    let message = from_json(&serde_json::to_value(full::assessment()).unwrap()).unwrap();
    let mut seen = BTreeMap::new();
    collect(&message, &mut seen);
    let mut described = BTreeSet::new();
    for message in messages_of(&descriptor()) {
        for field in message.fields() {
            let name = field.full_name().to_owned();
            assert!(seen.contains_key(&name), "`{name}` has no counterpart in the core");
            described.insert(name);
        }
    }
    assert_eq!(described.len(), seen.len());
}

#[test]
fn every_scale_has_the_same_values_in_the_same_order() {
    fn wire<T: Copy>(all: &[T], wire: fn(T) -> &'static str) -> Vec<String> {
        all.iter().map(|value| wire(*value).to_owned()).collect()
    }
    fn written<T: serde::Serialize>(all: &[T]) -> Vec<String> {
        all.iter().map(|value| serde_json::to_value(value).unwrap().as_str().unwrap().to_owned()).collect()
    }
    let scales = [
        ("Layer", wire(Layer::ALL, Layer::wire)),
        ("Goal", wire(Goal::ALL, Goal::wire)),
        ("Significance", wire(Significance::ALL, Significance::wire)),
        ("Outcome", wire(Outcome::ALL, Outcome::wire)),
        ("Rating", wire(Rating::ALL, Rating::wire)),
        ("Platform", wire(Platform::ALL, Platform::wire)),
        ("Origin", written(&[Source::Manifests, Source::Recording, Source::Live])),
        ("SourceState", written(&[State::Complete, State::Partial, State::Refused, State::NotCollected])),
    ];
    for (name, values) in scales {
        let scale = POOL.get_enum_by_name(&format!("hexproof.v1.{name}")).unwrap();
        let described: Vec<String> = scale.values().skip(1).map(|value| value.name().to_owned()).collect();
        assert_eq!(described, values, "{name}");
    }
}

#[test]
fn unknown_fields_and_unknown_values_are_refused() {
    let good = serde_json::to_value(full::assessment()).unwrap();
    assert!(from_json(&good).is_ok());
    for (pointer, name, value) in [
        ("", "surprise", json!(1)),
        ("/overall", "surprise", json!(1)),
        ("/observations/0", "outcome", json!("OUTCOME_MAYBE")),
        ("/observations/0/subject", "image", json!("x")),
    ] {
        let mut bad = good.clone();
        bad.pointer_mut(pointer).unwrap()[name] = value;
        assert!(from_json(&bad).is_err(), "{pointer}/{name} was accepted");
    }
}

#[test]
fn everything_in_the_proto_files_is_explained_in_the_descriptor() {
    for message in POOL.all_messages().filter(|message| message.package_name() == "hexproof.v1") {
        if message.is_map_entry() {
            continue; // Made by the compiler for a map field, which has the comment.
        }
        let file = message.parent_file();
        let explained = |path: &[i32]| {
            let info = file.file_descriptor_proto().source_code_info.as_ref().unwrap();
            info.location.iter().any(|at| at.path == path && at.leading_comments.is_some())
        };
        assert!(explained(message.path()), "{}", message.full_name());
        for field in message.fields() {
            assert!(explained(field.path()), "{}", field.full_name());
        }
    }
    for field in messages_of(&descriptor()).iter().flat_map(MessageDescriptor::fields) {
        // 64-bit integers are strings in the mapping, and the core writes numbers.
        let wide = matches!(field.kind(), Kind::Int64 | Kind::Uint64 | Kind::Sint64 | Kind::Fixed64);
        assert!(!wide, "{}", field.full_name());
    }
}
