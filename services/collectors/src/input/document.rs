//! What a document is: cluster state, a configuration file, a list of either, or nothing of ours.

use std::ops::ControlFlow;

use serde_json::Value;

use super::yaml::printable;
use crate::raw::{Failure, Origin, RawObject, Reading, Sink};

/// Lists inside lists that are followed.
const NESTED_LISTS: u8 = 4;

/// API groups of configuration files: documents of these kinds need no name.
const CONFIG_GROUPS: [&str; 7] = [
    "apiserver.k8s.io",
    "audit.k8s.io",
    "kubeadm.k8s.io",
    "componentconfig",
    "k3d.io",
    "kind.x-k8s.io",
    "skaffold",
];

/// Hands `value` on as what it is; a list as its items.
pub(crate) fn emit(value: Value, origin: Origin, sink: &mut Sink<'_>) -> ControlFlow<()> {
    emit_nested(value, origin, None, NESTED_LISTS, sink)
}

/// Like [`emit`], for an item of a list: built-in lists leave `apiVersion` and `kind` to the list.
pub(crate) fn emit_item(
    value: Value,
    origin: Origin,
    list: (&str, &str),
    sink: &mut Sink<'_>,
) -> ControlFlow<()> {
    emit_nested(value, origin, Some(list), NESTED_LISTS, sink)
}

fn emit_nested(
    mut value: Value,
    origin: Origin,
    list: Option<(&str, &str)>,
    nested: u8,
    sink: &mut Sink<'_>,
) -> ControlFlow<()> {
    if value.is_null() && list.is_none() {
        return ControlFlow::Continue(());
    }
    let Value::Object(map) = &mut value else {
        return match list {
            Some(_) => sink(failed(&origin, "an item of the list is no object".to_owned())),
            None => sink(Reading::Excluded { origin, reason: "no Kubernetes object: not a mapping" }),
        };
    };
    if let Some((api_version, kind)) = list {
        fill_in(map, api_version, kind);
    }
    let (api_version, kind) = match (map.get("apiVersion"), map.get("kind")) {
        (Some(Value::String(api_version)), Some(Value::String(kind))) => (api_version.clone(), kind.clone()),
        (None, Some(_)) if map.contains_key("metadata") => {
            return sink(failed(&origin, "the object has a `kind` but no `apiVersion`".to_owned()));
        }
        (Some(_), None) if map.contains_key("metadata") => {
            return sink(failed(&origin, "the object has an `apiVersion` but no `kind`".to_owned()));
        }
        (Some(_), Some(_)) => {
            return sink(failed(&origin, "`apiVersion` and `kind` have to be strings".to_owned()));
        }
        (None | Some(_), None | Some(_)) => {
            let reason = "no Kubernetes object: no `apiVersion` and `kind`";
            return sink(Reading::Excluded { origin, reason });
        }
    };
    if kind.ends_with("List") && map.contains_key("items") {
        let items = map.remove("items").unwrap_or_default();
        return emit_list(items, &origin, (&api_version, &kind), nested, sink);
    }
    if api_version == "v1" && kind == "Config" {
        return sink(Reading::Excluded { origin, reason: "a kubeconfig file" });
    }
    if !has_name(map) && !is_config(&api_version) {
        let kind = printable(&kind);
        return sink(failed(&origin, format!("the `{kind}` has no `metadata.name`")));
    }
    sink(Reading::Object(RawObject { value, origin, partial: false }))
}

fn emit_list(
    items: Value,
    origin: &Origin,
    (api_version, kind): (&str, &str),
    nested: u8,
    sink: &mut Sink<'_>,
) -> ControlFlow<()> {
    let items = match items {
        Value::Null => Vec::new(),
        Value::Array(items) => items,
        _ => return sink(failed(origin, "the `items` of the list are no sequence".to_owned())),
    };
    let Some(nested) = nested.checked_sub(1) else {
        return sink(failed(origin, format!("lists are nested more than {NESTED_LISTS} deep")));
    };
    for item in items {
        emit_nested(item, origin.clone(), Some((api_version, kind)), nested, sink)?;
    }
    ControlFlow::Continue(())
}

/// Gives an item its list's `apiVersion` and the kind that the list's kind is named after.
fn fill_in(map: &mut serde_json::Map<String, Value>, api_version: &str, list_kind: &str) {
    let Some(kind) = list_kind.strip_suffix("List").filter(|kind| !kind.is_empty()) else { return };
    if !map.contains_key("kind") && !map.contains_key("apiVersion") {
        map.insert("kind".to_owned(), kind.into());
        map.insert("apiVersion".to_owned(), api_version.into());
    }
}

fn has_name(map: &serde_json::Map<String, Value>) -> bool {
    let named = |key| {
        let name = map.get("metadata").and_then(|metadata| metadata.get(key));
        name.and_then(Value::as_str).is_some_and(|name| !name.is_empty())
    };
    named("name") || named("generateName")
}

fn is_config(api_version: &str) -> bool {
    let group = api_version.split_once('/').map_or("", |(group, _)| group);
    group.ends_with(".config.k8s.io") || CONFIG_GROUPS.contains(&group)
}

/// A failure at `origin`.
pub(crate) fn failed(origin: &Origin, reason: String) -> Reading {
    Reading::Failed(match origin {
        Origin::Document { file, line, .. } => {
            Failure { file: file.clone(), line: Some(*line), reason, broken: false }
        }
        Origin::Listed { list, index } => Failure {
            file: list.clone(),
            line: None,
            reason: format!("item {index}: {reason}"),
            broken: false,
        },
    })
}
