//! Object storage of runs and packs; the sole user of object_store.
