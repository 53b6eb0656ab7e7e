//! The public API of Hexproof.
