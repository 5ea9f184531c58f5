//! Cheating does not pay, and honest people are never charged for it: providers and mediators that cheat, on a network of
//! real processes. Each scenario prints who had what before and after.
//!
//! The cheats are the ordinary workers, built with the feature `misbehave`; `make test-verification` builds them.

mod audits;
mod challenges;
mod determinism;
mod mediators;
mod scene;
mod told;
