//! Fake API server, fixed clock and builders for tests.
