//! The worker: a provider's hands, and a mediator's.
//!
//! It watches the chain for jobs matched with its account, fetches what they need, runs them, publishes what they gave and
//! submits sealed results:
//!
//! ```text
//! watch → admit → fetch image and inputs → execute → hash → publish → submit the seal → hand the opening over → reveal
//! ```
//!
//! * [`run`] is all of it; `lilypad-node --provider` and `lilypad provider start` call it.
//! * [`pipeline`] is the way of a deal; [`journal`] what makes it survive a crash at any moment.
//! * [`mediate`] is the way of a mediator's seat: the same job, run again, and a vote.
//! * [`executor`] runs jobs, in containers or as WebAssembly; [`output`] makes their outputs a result.
//! * [`p2p`] is how files come and results go, for the worker and for its clients; [`http`] serves opened results to others.
//! * [`chain`] is the chain behind a trait, with a fake for tests.

pub mod chain;
pub mod config;
pub mod datadir;
pub mod error;
pub mod executor;
pub mod http;
pub mod image;
pub mod journal;
pub mod local;
pub mod machine;
pub mod mediate;
pub mod metrics;
#[cfg(feature = "misbehave")]
pub mod misbehave;
pub mod offers;
pub mod output;
pub mod p2p;
pub mod pipeline;
pub mod progress;
pub mod results;
mod service;
pub mod sources;
pub mod status;

pub use config::WorkerConfig;
pub use error::WorkerError;
pub use service::{executors, run, run_with};

/// An account on the chain.
pub type AccountId = sp_runtime::AccountId32;
