//! The relayer: carries messages between gateways on EVM chains and the market's chain.
//!
//! ```text
//! EVM chain ── Requested, Deposited ──▶ attest ──▶ market's chain
//! market's chain ── batches ──▶ sign ──▶ deliver ──▶ EVM chain ──▶ acknowledge
//! ```
//!
//! * [`run`] is all of it; the `lilypad-relayer` program and `lilypad-node --relayer` call it.
//! * [`lane`] is the work for one gateway, in steps that can be repeated.
//! * [`evm`] is an EVM chain, as several endpoints show it that need not be honest; [`sender`] its transactions.
//! * [`market`] is the market's chain, behind a trait.
//! * [`journal`] is what makes all of that survive a crash at any moment.

mod clock;
pub mod config;
pub mod doctor;
pub mod error;
pub mod evm;
pub mod http;
pub mod journal;
pub mod key;
pub mod lane;
pub mod market;
pub mod sender;
mod service;

pub use config::{LaneConfig, RelayerConfig};
pub use error::RelayerError;
pub use service::{connect, pool, run};
