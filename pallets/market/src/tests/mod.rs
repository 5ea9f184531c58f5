//! A file per call, and one for each thing that concerns several.
#![allow(clippy::unwrap_used)]

mod cancel_job;
mod deal_ends;
mod expire_job;
mod invariants;
mod match_order;
mod peers;
mod post_job;
mod post_offer;
mod quote;
mod requeue;
mod set_offer_rate;
mod states_of_offers;
mod try_state;
