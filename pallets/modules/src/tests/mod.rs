//! A file per call, and one for the invariants.
#![allow(clippy::unwrap_used)]

mod curated;
mod delist;
mod deprecate;
mod reclaim;
mod register;
mod slash_author;
mod try_state;
