//! The chain client: the one place that knows the runtime's interface, nonces, mortality, tips, retries, best and finalized
//! blocks, and reconnecting.
//!
//! ```no_run
//! use lilypad_client::{calls, Client, ClientConfig, Signer};
//!
//! # async fn example() -> Result<(), lilypad_client::ClientError> {
//! let client = Client::connect(&ClientConfig::default()).await?;
//! let alice = Signer::from_suri("//Alice")?;
//! println!("{} LP", lilypad_client::lp::show(client.best().await?.balances(&alice.account()).await?.free));
//! let outcome = client.submit(&alice, calls::deals::expire(lilypad_primitives::DealId(7))).await?;
//! println!("done in block {}", outcome.block);
//! # Ok(())
//! # }
//! ```
//!
//! * [`Client`] connects ([`ClientConfig`]) and hands out a [`View`] of the chain at a block.
//! * [`calls`] are the calls, [`Client::submit`] sends them, [`Signer`] signs them.
//! * [`Client::follow`] tells of every best block and its [`ChainEvent`]s, once each.
//! * [`quote()`](Client::quote) asks the chain what a job would cost before it is posted; [`advice`] says what to do when no
//!   offer fits.

pub mod advice;
pub mod book;
pub mod calls;
mod client;
mod error;
pub mod events;
mod follow;
pub mod gateway;
pub mod keystore;
pub mod lp;
pub mod mediation;
pub mod metrics;
mod nonce;
mod quote;
mod shape;
mod signer;
mod submit;
pub mod tasks;
#[cfg(test)]
mod testing;
mod transport;
pub mod types;
mod view;
pub mod words;

pub use calls::Call;
pub use client::{At, Client, ClientConfig, DEFAULT_URL};
pub use error::{CallError, ClientError, Missing, RefusalReason};
pub use events::{ChainEvent, DealsEvent, FeeEvent, GatewayEvent, MarketEvent, MediationEvent, ModulesEvent};
pub use follow::{Follower, Update};
pub use mediation::{Capability, Case, CaseStage, Eras, MediationParameters, Mediator, Seat, SeatState};
pub use signer::{verify, Signer, SignerError};
pub use sp_runtime::MultiSignature;
pub use submit::{TxOptions, TxOutcome};
pub use types::{
	Balances, BlockId, Bond, Class, Deal, DealState, Deprecation, JobRecord, JobState, Module, OfferParams,
	Proposal, Quote, QuotedOffer, SkipReason,
};
pub use view::{EventRecord, View};

/// An account.
pub type AccountId = sp_runtime::AccountId32;

/// A hash of the chain's data.
pub type Hash = sp_core::H256;
