//! A file per call, and what is not a call.

mod acknowledge;
mod attest;
mod bridge_out;
mod cancel;
mod contract;
mod deposits;
mod eip712;
mod exits;
mod feeless;
mod heartbeat;
mod invariants;
mod job_ended;
mod lanes;
mod pause;
mod prune;
mod refusals;
mod release;
mod rotate;
mod sign;
mod two_sides;
mod vectors;
