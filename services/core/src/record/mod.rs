//! Redacted Kubernetes objects: an allow-list in types.
//!
//! Each struct names the fields that may leave a collector, under the names the Kubernetes API gives them, so
//! that a path such as `spec.template.spec.hostPID` is the same here as in the cluster. Decoding drops every
//! other field. `null` is the same as absent (as the API server treats it).
//!
//! `kind` names the kinds, `meta` what every object has, the other modules one family of kinds each;
//! `derived` holds what a collector worked out of values that it then dropped.
#![allow(missing_docs, reason = "the field names are those of the Kubernetes API reference")]

pub mod addons;
pub mod cluster;
pub mod config;
pub mod derived;
pub mod kind;
pub mod meta;
pub mod network;
pub mod pod;
pub mod rbac;
pub mod scalar;
pub mod selector;
pub mod storage;
pub mod workload;

mod body;
mod lenient;

pub use body::{Bodied, Body, DecodeError, KindName, Record};
pub use derived::{Derived, Finding};
pub use kind::Kind;
pub use meta::{Meta, Origin};

/// Declares structs of the allow-list: camelCase names, every field optional, nothing empty written.
macro_rules! allow_list {
    ($($(#[$meta:meta])* struct $name:ident { $($(#[$fmeta:meta])* $field:ident : $ty:ty),* $(,)? })+) => {
        $(
            $(#[$meta])*
            #[derive(Debug, Clone, PartialEq, Default, serde::Serialize, serde::Deserialize)]
            #[serde(rename_all = "camelCase", default)]
            pub struct $name {
                $(
                    $(#[$fmeta])*
                    #[serde(
                        deserialize_with = "crate::record::lenient::null_is_absent",
                        skip_serializing_if = "crate::record::lenient::Absent::is_absent"
                    )]
                    pub $field: $ty,
                )*
            }

            impl crate::record::lenient::Absent for $name {
                fn is_absent(&self) -> bool {
                    *self == Self::default()
                }
            }
        )+
    };
}
pub(crate) use allow_list;
