//! A file per call, and one for each thing that concerns several.
#![allow(clippy::unwrap_used)]

mod cancel_job;
mod conclude_match;
mod deal_ends;
mod expire_job;
mod invariants;
mod match_order;
mod peers;
mod post_job;
mod post_offer;
mod propose_match;
mod proposed;
mod quote;
mod requeue;
mod set_offer_rate;
mod solver;
mod states_of_offers;
mod try_state;
