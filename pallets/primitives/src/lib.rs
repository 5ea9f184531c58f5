//! Types and pure rules of the Lilypad market, shared by pallets, worker, relayer and command line.
//!
//! Nothing here reads or writes state. The rules that everything else obeys are pure functions:
//!
//! * [`fits()`]: may this offer take this job, and on which [`Terms`]?
//! * [`settle()`]: who gets how much from which purse when a deal ends?
//! * [`AuditRules`]: how often is a result audited, and does the levy pay for it?
//! * [`GpuSpec`]s and [`MachineSpec`]s: does one machine *cover* another, and what is left of it?
//!
//! [`traits`] holds the seams between the pallets: start there.
#![cfg_attr(not(feature = "std"), no_std)]

extern crate alloc;

pub mod audit;
pub mod bond;
pub mod due;
pub mod fits;
pub mod ids;
pub mod job;
#[cfg(feature = "std")]
pub mod manifest;
pub mod mediation;
pub mod module;
pub mod offer;
pub mod result;
pub mod score;
pub mod settlement;
pub mod spec;
pub mod terms;
pub mod traits;

pub use audit::AuditRules;
pub use bond::Unbonding;
pub use due::DueKey;
pub use fits::{fits, highest_affordable_rate, MatchContext, Mismatch};
pub use ids::{BlockNumber, DealId, JobId, Millis, OfferId, VersionId};
pub use job::{InputFile, Inputs, Job, JobOrigin, JobRequest};
pub use mediation::{
	AuditDraw, CaseRequest, Commitment, Dispute, JobNeeds, MediationRules, Reason, Round, Ruling, Verdict,
	Vote,
};
pub use module::{ModuleInfo, ModuleName, Platform, Profile, RuntimeImage, RuntimeKind};
pub use offer::{CreatorPolicy, MediatorPolicy, ModulePolicy, Offer, OfferState, PeerAddress};
pub use result::{Opening, OutputRoot, Seal, Status, Triple};
pub use score::TrackRecord;
pub use settlement::{nobody_is_cut_short, settle, Move, Outcome, Party, Purse, Settlement};
pub use spec::{GpuModel, GpuSpec, MachineSpec};
pub use terms::{Judge, Pricing, Terms, TermsError};

/// Amounts of LP in its smallest unit: 10^18 of them are one LP.
pub type Balance = u128;

/// One LP.
pub const LP: Balance = 1_000_000_000_000_000_000;

/// The different items of a short list, in order.
pub fn distinct<A: PartialEq>(list: &[A]) -> impl Iterator<Item = &A> {
	list.iter()
		.enumerate()
		.filter(|(at, item)| !list[..*at].contains(item))
		.map(|(_, item)| item)
}
