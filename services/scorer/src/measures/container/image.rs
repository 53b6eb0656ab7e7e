//! Measures on image.

use crate::measures::Entry;

/// The functions of this module.
pub(super) const ENTRIES: &[Entry] = &[];
