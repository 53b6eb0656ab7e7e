//! Pages of a list, in the forms an API server has.

use serde_json::{Value, json};

use crate::cluster::Served;

/// A page of `objects` that begins at `start`, with its continue token if there is more.
pub(crate) fn page(served: &Served, start: usize, limit: usize, metadata_only: bool) -> Value {
    let end = start.saturating_add(limit).min(served.objects.len());
    let items: Vec<Value> = served
        .objects
        .get(start..end)
        .unwrap_or_default()
        .iter()
        .map(|object| item(object, metadata_only))
        .collect();
    let mut metadata = json!({"resourceVersion": "1000"});
    let remaining = served.objects.len() - end;
    if remaining > 0 {
        metadata["continue"] = token(end).into();
        metadata["remainingItemCount"] = remaining.into();
    }
    let (kind, api_version) = if metadata_only {
        ("PartialObjectMetadataList".to_owned(), "meta.k8s.io/v1".to_owned())
    } else {
        (format!("{}List", served.kind), served.api_version.clone())
    };
    json!({"kind": kind, "apiVersion": api_version, "metadata": metadata, "items": items})
}

/// Built-in lists leave kind and version to the list; metadata lists carry those of their own form.
fn item(object: &Value, metadata_only: bool) -> Value {
    if metadata_only {
        return json!({"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": object["metadata"]});
    }
    let mut object = object.clone();
    if let Some(map) = object.as_object_mut() {
        map.remove("kind");
        map.remove("apiVersion");
    }
    object
}

pub(crate) fn token(start: usize) -> String {
    format!("from-{start}")
}

pub(crate) fn start_of(token: &str) -> Option<usize> {
    token.rsplit_once("from-")?.1.parse().ok()
}
