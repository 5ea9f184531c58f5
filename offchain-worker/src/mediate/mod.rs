//! A mediator's hands: runs disputed jobs again, and votes.
//!
//! ```text
//! drawn → fetch image and inputs → execute → hash → keep → ask the provider for the same → commit → reveal
//! ```
//!
//! * [`vote`] says what is next, as a pure function of journal and chain, and sends votes.
//! * [`run`] runs the job, with the provider's own executors and rules of outputs, and asks for the provider's result.
//! * [`ample`] finds out whether it needed far less than the job's limits.
//! * [`watch`] starts a task for each seat of this account in a panel.
//! * [`standing`] registers the mediator and keeps the chain informed of what its machine runs.
//!
//! Vote and salt are journalled before the commitment is sent, so a worker that is killed at any moment reveals what it has
//! committed to. Its own result is shown to nobody before the case has ended, and to everybody afterwards: if the provider's
//! was overturned, the creator fetches it here.

pub mod ample;
pub mod run;
pub mod standing;
pub mod vote;
pub mod watch;

use lilypad_primitives::DealId;

/// Tag of a mediator's own result.
pub fn vote_tag(deal: DealId) -> String {
	format!("vote/{deal}")
}

/// Tag of what came along with it, unverified.
pub fn vote_sidecar_tag(deal: DealId) -> String {
	format!("vote-sidecar/{deal}")
}

/// What the tags of a case's input files begin with.
pub fn case_inputs_prefix(deal: DealId) -> String {
	format!("case-input/{deal}/")
}

/// Tag of one of a case's input files.
pub fn case_input_tag(deal: DealId, hash: &[u8; 32]) -> String {
	format!("{}{}", case_inputs_prefix(deal), hex::encode(hash))
}
