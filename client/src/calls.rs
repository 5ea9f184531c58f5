//! The calls that can be sent, typed. Each function gives a [`Call`] for [`crate::Client::submit`].

use crate::{
	gateway::{BatchId, FinalityRule, Inbound, Keys, LaneId, Limits, Signature, Signatures, Ticket},
	mediation::{Capability, MediationParameters},
	shape::{Field, Shape},
	types::{OfferParams, Reason},
	AccountId,
};
use codec::{Compact, Encode};
use lilypad_primitives::{
	module::ManifestBytes, Balance, Commitment, DealId, JobId, JobRequest, MachineSpec, Millis, ModuleName,
	OfferId, Opening, PeerAddress, Profile, RuntimeImage, Seal, VersionId, Vote,
};
use sp_core::H160;
use sp_runtime::MultiAddress;
use subxt::{
	ext::{
		scale_encode::{self, EncodeAsFields, FieldIter},
		scale_type_resolver::TypeResolver,
	},
	metadata::Metadata,
};

/// A call: pallet, name, and arguments in SCALE.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
	pub(crate) pallet: &'static str,
	pub(crate) name: &'static str,
	pub(crate) args: Args,
}

impl std::fmt::Display for Call {
	fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
		write!(f, "{}.{}", self.pallet, self.name)
	}
}

/// Encoded arguments.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Args(Vec<u8>);

impl EncodeAsFields for Args {
	fn encode_as_fields_to<R: TypeResolver>(
		&self,
		_: &mut dyn FieldIter<'_, R::TypeId>,
		_: &R,
		out: &mut Vec<u8>,
	) -> Result<(), scale_encode::Error> {
		out.extend_from_slice(&self.0);
		Ok(())
	}
}

impl Call {
	/// The call as a call's argument: the numbers that a chain gives pallet and call, then the arguments.
	fn encoded(&self, metadata: &Metadata) -> Option<Vec<u8>> {
		let pallet = metadata.pallet_by_name(self.pallet)?;
		let call = pallet.call_variant_by_name(self.name)?;
		Some([&[pallet.call_index(), call.index], self.args.0.as_slice()].concat())
	}

	/// This call with the powers of the root origin, for the holder of the sudo key. `None`: this chain has no sudo, or not
	/// this call.
	///
	/// That the transaction succeeds says only that the key was the right one; the call's own event says that it succeeded.
	pub(crate) fn sudo(&self, metadata: &Metadata) -> Option<Call> {
		let inner = self.encoded(metadata)?;
		metadata.pallet_by_name("Sudo")?.call_variant_by_name("sudo")?;
		Some(Call {
			pallet: "Sudo",
			name: "sudo",
			args: Args(inner),
		})
	}
}

impl subxt::tx::Payload for Call {
	type CallData = Args;

	fn pallet_name(&self) -> &str {
		self.pallet
	}

	fn call_name(&self) -> &str {
		self.name
	}

	fn call_data(&self) -> &Args {
		&self.args
	}
}

macro_rules! calls {
	($(
		$(#[$mod_doc:meta])*
		$module:ident = $pallet:literal {
			$( $(#[$doc:meta])* $name:ident ( $( $arg:ident : $ty:ty ),* $(,)? ) )*
		}
	)*) => {
		$(
			$(#[$mod_doc])*
			pub mod $module {
				use super::*;
				$(
					$(#[$doc])*
					#[allow(clippy::too_many_arguments)]
					pub fn $name($( $arg: $ty ),*) -> Call {
						#[allow(unused_mut)]
						let mut args = Vec::new();
						$( Encode::encode_to(&$arg, &mut args); )*
						Call { pallet: $pallet, name: stringify!($name), args: Args(args) }
					}
				)*
			}
		)*

		/// What these calls look like.
		pub(crate) fn shapes() -> Vec<Shape> {
			vec![$( $( Shape::Call {
				pallet: $pallet,
				name: stringify!($name),
				args: vec![$( Field::new::<$ty>(stringify!($arg)) ),*],
			} ),* ),*]
		}
	};
}

/// How calls name an account.
pub type Address = MultiAddress<AccountId, ()>;

calls! {
	/// Money.
	balances = "Balances" {
		/// Sends LP, as long as the sender's account stays alive.
		transfer_keep_alive(dest: Address, value: Compact<Balance>)
	}

	/// The module registry.
	modules = "Modules" {
		/// Registers a module version.
		register(
			name: ModuleName,
			runtime: RuntimeImage,
			fetch_bytes: u64,
			min_spec: MachineSpec,
			max_run: Millis,
			fee: Balance,
			profile: Profile,
			manifest: ManifestBytes,
		)
		/// Marks a module version as curated, or takes the mark away. For the curators: on development chains, sudo.
		set_curated(version: VersionId, curated: bool)
		/// Withdraws a module version of one's own.
		delist(version: VersionId)
		/// Says that a module version of one's own, which still runs, should no longer be used.
		deprecate(version: VersionId, successor: Option<VersionId>, reason: Reason)
		/// Takes that back.
		restore(version: VersionId)
		/// Takes what backed a module version of one's own that was withdrawn long enough ago.
		reclaim(version: VersionId)
	}

	/// The market.
	market = "Market" {
		/// Offers a machine.
		post_offer(params: OfferParams)
		/// Posts a job; it is matched in the same block if an offer fits.
		post_job(request: JobRequest<AccountId>)
		/// Cancels a job of one's own.
		cancel_job(job: JobId)
		/// Proposes an offer for a job that waits although it fits; anybody may, and earns the job's tip.
		propose_match(job: JobId, offer: OfferId)
		/// Ends a job that was not matched in time; anybody may.
		expire_job(job: JobId)
		/// Changes an offer's price.
		set_offer_rate(offer: OfferId, rate: Balance)
		/// Takes no new deals with an offer.
		pause_offer(offer: OfferId)
		/// Takes new deals again.
		resume_offer(offer: OfferId)
		/// Takes no new deals, and withdraws the offer once its last deal has ended.
		drain_offer(offer: OfferId)
		/// Withdraws an offer without deals.
		withdraw_offer(offer: OfferId)
		/// Says where one's worker can be reached.
		set_peer(address: PeerAddress)
		/// Takes that back.
		clear_peer()
	}

	/// Deals.
	deals = "Deals" {
		/// Adds to one's bond.
		bond(amount: Compact<Balance>)
		/// Asks for a part of one's bond back.
		unbond(amount: Compact<Balance>)
		/// Takes what has been asked back long enough ago.
		withdraw_unbonded()
		/// Takes a deal on.
		acknowledge(deal: DealId)
		/// Does not take it on, for a fine.
		decline(deal: DealId)
		/// Says that image or inputs are not to be had.
		report_unfetchable(deal: DealId)
		/// Commits to a result.
		submit(deal: DealId, seal: Seal)
		/// Accepts a result and pays.
		accept(deal: DealId, opening: Opening)
		/// Opens one's result on the chain.
		reveal(deal: DealId, opening: Opening)
		/// Does what a lapsed deadline causes; anybody may.
		expire(deal: DealId)
		/// Begins the audit of a result that was drawn for it; anybody may.
		audit(deal: DealId)
		/// Has mediators judge a result that was submitted for a job of one's own.
		challenge(deal: DealId, reason: lilypad_primitives::Reason)
	}

	/// Mediation.
	mediation = "Mediation" {
		/// Becomes a mediator.
		register(capability: Capability, tickets: u32)
		/// Says anew what one's machine runs, from the next era on.
		set_capability(capability: Capability)
		/// Bonds for more tickets, from the next era on.
		add_tickets(tickets: u32)
		/// Gives tickets up, from the next era on.
		unbond_tickets(tickets: u32)
		/// Takes what was given up long enough ago.
		withdraw()
		/// Draws the panel of a case; anybody may.
		draw(deal: DealId)
		/// Commits to a vote.
		commit_vote(deal: DealId, commitment: Commitment)
		/// Reveals the vote that was committed to.
		reveal_vote(deal: DealId, vote: Vote, salt: [u8; 32])
		/// Moves a case on whose deadline has passed; anybody may.
		expire(deal: DealId)
		/// Sets prices and rules. For governance: on development chains, sudo.
		set_parameters(params: MediationParameters)
	}

	/// The gateways to EVM chains.
	gateway = "EvmGateway" {
		/// Registers a gateway and the set that speaks for it. For governance: on development chains, sudo.
		register_lane(
			lane: LaneId,
			chain: u64,
			gateway: H160,
			finality: FinalityRule,
			limits: Limits,
			threshold: u8,
			keys: Keys,
		)
		/// Sets a lane's finality rule and limits. For governance.
		set_lane(lane: LaneId, finality: FinalityRule, limits: Limits)
		/// Pauses a lane, or resumes it. For governance.
		pause_lane(lane: LaneId, paused: bool)
		/// Pauses all lanes, or leaves them to their own switches again. For governance.
		pause_all(paused: bool)
		/// Says what a number of the gateway's stands for; for members of its set.
		attest(lane: LaneId, message: Inbound)
		/// Hands in a member's signature under a batch.
		sign(lane: LaneId, batch: BatchId, signature: Signature)
		/// Says up to where batches were delivered; for members.
		acknowledge(lane: LaneId, before: BatchId)
		/// Opens an empty batch, as a sign of life; for members.
		heartbeat(lane: LaneId)
		/// Puts the next set into office, with the signatures of a quorum of the present one; anybody may.
		rotate(lane: LaneId, threshold: u8, keys: Keys, signatures: Signatures)
		/// Removes batches that nobody needs any more; anybody may.
		prune(lane: LaneId)
		/// Sends LP to an address on the lane's chain.
		bridge_out(lane: LaneId, to: H160, amount: Compact<Balance>)
		/// Sends an address what its wallet here has to spare; anybody may.
		release(lane: LaneId, address: H160)
		/// Cancels the job of a request that names one as its delegate.
		cancel(job: JobId)
		/// Says that a request was taken back at the gateway; for members.
		attest_exit(lane: LaneId, ticket: Ticket)
	}
}

#[cfg(test)]
mod tests {
	use super::*;
	use codec::Decode;
	use lilypad_runtime::{Runtime, RuntimeCall};

	#[test]
	fn sudo_wraps_the_call_as_the_runtime_reads_it() {
		let bytes = Runtime::metadata_at_version(16).expect("the SDK's newest version");
		let metadata = Metadata::decode_from(&bytes[..]).expect("subxt reads it");
		let call = modules::set_curated(VersionId(7), true)
			.sudo(&metadata)
			.expect("there is sudo");
		assert_eq!(call.to_string(), "Sudo.sudo");
		let read = RuntimeCall::decode(&mut &call.args.0[..]).expect("the runtime reads it");
		let shown = format!("{read:?}");
		assert!(
			shown.contains("set_curated") && shown.contains("VersionId(7)"),
			"{shown}"
		);
		let unknown = Call {
			pallet: "Nothing",
			name: "at_all",
			args: Args(vec![]),
		};
		assert_eq!(unknown.sudo(&metadata), None);
	}
}
