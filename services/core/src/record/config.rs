//! Secrets and ConfigMaps: types and key names, never values.

use super::allow_list;

allow_list! {
    /// core/v1 Secret: its type and the names of its keys. The collector fills `keys` from `data` and
    /// `stringData`; the values are dropped there.
    struct Secret {
        r#type: Option<String>,
        immutable: Option<bool>,
        keys: Vec<String>,
        /// The keys were not read (metadata only): whether a key exists cannot be told.
        keys_not_read: Option<bool>,
    }

    /// core/v1 ConfigMap: the names of its keys.
    struct ConfigMap { immutable: Option<bool>, keys: Vec<String> }
}
