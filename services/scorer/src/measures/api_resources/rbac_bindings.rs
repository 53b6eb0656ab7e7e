//! Measures on rbac bindings.

use crate::measures::Entry;

/// The functions of this module.
pub(super) const ENTRIES: &[Entry] = &[];
