//! When audits are due, the queue they wait in, and the workers that run them.
