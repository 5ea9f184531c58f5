//! What is always true.
//!
//! 1. For each lane, what circulates here (minted and not burned) is what the gateway was said to hold (received and not released).
//!    What a re-organisation or an exit took is booked as lost, and the only LP without cover.
//! 2. The budgets of a lane's live requests that were not taken back are reserved, and unless something was lost, the gateway holds
//!    as much.
//! 3. Nobody but gateways makes and destroys LP: what all lanes together circulate is all that there is beyond the genesis' endowment.
//! 4. Each wallet counts its live requests, and keeps the existential deposit free for each of them.
//! 5. Each lane has a set as the gateway demands it, whose members' accounts exist.
//! 6. A number is decided once: what is kept of it lies in the window or is pending, and no member has two votes.
//! 7. Batches are numbered without gaps, and with those that live requests need there are not too many.
//! 8. Each request has one answer or one live job; payouts' numbers are used once.
//! 9. Every signature under a batch is good, and by another member of the set it names.
//! 10. What the gateway is said to wait for is a live job that was not taken back, or an answer in a batch that is kept.

use crate::{
	eip712, AllBatches, AllHandled, Batch, BatchId, Books, BooksOf, BridgeSet, Cancelling, Config, Endowment,
	FirstKept, LaneId, Lanes, LiveRequests, Message, OpenVotes, Outboxes, Pallet, Pending, PendingRequests,
	Sets, Wallets, WINDOW,
};
use alloc::collections::{BTreeMap, BTreeSet};
use frame_support::{
	ensure,
	traits::{fungible::Inspect, Get},
};
use lilypad_primitives::Balance;
use sp_core::H256;
use sp_runtime::TryRuntimeError;

impl<T: Config> Pallet<T> {
	/// Checks the invariants. Reads everything: for tests and try-runtime only.
	pub fn do_try_state() -> Result<(), TryRuntimeError> {
		Self::check_books()?;
		Self::check_wallets()?;
		Self::check_numbers()?;
		for lane in Lanes::<T>::iter_keys() {
			Self::check_lane(lane)?;
		}
		Self::check_pending()?;
		ensure!(!Cancelling::<T>::exists(), "a cancelling outlived its call");
		Ok(())
	}

	fn check_books() -> Result<(), TryRuntimeError> {
		let mut live = BTreeMap::<LaneId, (Balance, u32)>::new();
		for request in LiveRequests::<T>::iter_values() {
			let (reserved, count) = live.entry(request.lane).or_default();
			let kept_back = if request.exited { 0 } else { request.ticket.budget };
			*reserved = reserved.checked_add(kept_back).ok_or("2: budgets overflow")?;
			*count = count.saturating_add(1);
		}
		let mut circulating: Balance = 0;
		for (lane, books) in BooksOf::<T>::iter() {
			ensure!(Lanes::<T>::contains_key(lane), "1: books of no lane");
			let Books {
				minted,
				burned,
				received,
				released,
				lost,
				reserved,
				live: count,
				..
			} = books;
			let here = minted
				.checked_sub(burned)
				.ok_or("1: more was burned than minted")?;
			let there = received
				.checked_sub(released)
				.ok_or("1: more was released than received")?;
			ensure!(here == there, "1: what circulates is not what the gateway holds");
			ensure!(
				live.remove(&lane).unwrap_or_default() == (reserved, count),
				"2: what is reserved is not the live budgets"
			);
			ensure!(
				reserved <= there && (lost > 0 || reserved <= books.locked()),
				"2: more is reserved than is locked"
			);
			circulating = circulating.checked_add(here).ok_or("3: overflow")?;
		}
		ensure!(live.is_empty(), "2: a live request of a lane without books");
		let due = Endowment::<T>::get()
			.checked_add(circulating)
			.ok_or("3: overflow")?;
		ensure!(
			due == T::Currency::total_issuance(),
			"3: LP were made or destroyed that no gateway knows of"
		);
		Ok(())
	}

	fn check_wallets() -> Result<(), TryRuntimeError> {
		let mut counts = BTreeMap::<_, u32>::new();
		for request in LiveRequests::<T>::iter_values() {
			let lane = Lanes::<T>::get(request.lane).ok_or("4: a live request of no lane")?;
			let wallet = crate::wallet_of(lane.chain, request.ticket.requester);
			*counts.entry(wallet).or_default() += 1;
		}
		let mut wallets = 0usize;
		for (wallet, live) in Wallets::<T>::iter() {
			wallets = wallets.saturating_add(1);
			ensure!(
				counts.get(&wallet) == Some(&live),
				"4: a wallet's count is not its live requests"
			);
			let kept = Self::ed().saturating_mul(live.into());
			ensure!(
				T::Currency::balance(&wallet) >= kept,
				"4: a wallet has less than its requests keep in it"
			);
		}
		ensure!(wallets == counts.len(), "4: a wallet is not counted");
		Ok(())
	}

	fn check_numbers() -> Result<(), TryRuntimeError> {
		let in_window = |lane: LaneId, id: u64| {
			let first = FirstKept::<T>::get(lane);
			id >= first && id - first < WINDOW
		};
		for (lane, id, _) in AllHandled::<T>::iter() {
			ensure!(in_window(lane, id), "6: a decided number outside the window");
		}
		for (lane, id, votes) in OpenVotes::<T>::iter() {
			ensure!(
				in_window(lane, id) || PendingRequests::<T>::contains_key(lane, id),
				"6: votes on a number outside the window"
			);
			let voters: BTreeSet<_> = votes.iter().map(|vote| &vote.member).collect();
			ensure!(voters.len() == votes.len(), "6: a member has two votes");
			ensure!(!votes.is_empty(), "6: an entry without votes");
			if let Some(handled) = AllHandled::<T>::get(lane, id) {
				ensure!(
					votes.iter().all(|vote| vote.digest != handled.digest),
					"6: votes for what is decided"
				);
			}
		}
		Ok(())
	}

	fn check_pending() -> Result<(), TryRuntimeError> {
		for (lane, id, pending) in PendingRequests::<T>::iter() {
			let exists = match pending {
				Pending::Live(job) => LiveRequests::<T>::get(job)
					.is_some_and(|live| (live.lane, live.ticket.id, live.exited) == (lane, id, false)),
				Pending::Answered(batch) => AllBatches::<T>::get(lane, batch).is_some_and(|batch| {
					batch
						.messages
						.iter()
						.any(|message| matches!(message, Message::Answer { ticket, .. } if ticket.id == id))
				}),
			};
			ensure!(exists, "10: the gateway waits for nothing");
		}
		Ok(())
	}

	fn check_lane(lane: LaneId) -> Result<(), TryRuntimeError> {
		let set = Sets::<T>::get(lane).ok_or("5: a lane without a set")?;
		ensure!(set.is_sound(), "5: a set that the gateway would refuse");
		for member in &set.members {
			let references = frame_system::Pallet::<T>::sufficients(&member.account);
			ensure!(references > 0, "5: a member without an account");
		}
		let outbox = Outboxes::<T>::get(lane);
		let kept = outbox
			.next
			.checked_sub(outbox.oldest)
			.ok_or("7: batches end before they begin")?;
		ensure!(outbox.delivered <= outbox.next, "7: delivered before it was made");
		let needed = kept.saturating_add(BooksOf::<T>::get(lane).live.into());
		ensure!(needed <= T::MaxBatches::get().into(), "7: too many batches");

		let mut batches = 0u64;
		let mut told = Told::default();
		for (id, batch) in AllBatches::<T>::iter_prefix(lane) {
			batches = batches.saturating_add(1);
			ensure!(
				(outbox.oldest..outbox.next).contains(&id),
				"7: a batch outside the range"
			);
			ensure!(batch.block <= outbox.latest, "7: a batch after the newest");
			told.check(&batch, outbox.next_payout)?;
			Self::check_signatures(lane, id, &batch, &set)?;
		}
		ensure!(batches == kept, "7: a batch is missing");
		for request in LiveRequests::<T>::iter_values().filter(|request| request.lane == lane) {
			ensure!(
				!told.answers.contains(&eip712::ticket(&request.ticket)),
				"8: a live request is answered"
			);
		}
		Ok(())
	}

	fn check_signatures(
		lane: LaneId,
		_: BatchId,
		batch: &Batch,
		set: &BridgeSet,
	) -> Result<(), TryRuntimeError> {
		ensure!(batch.set <= set.number, "9: signatures of a set to come");
		ensure!(
			batch
				.signatures
				.windows(2)
				.all(|pair| pair[0].member < pair[1].member),
			"9: signatures out of order"
		);
		if batch.set != set.number {
			return Ok(());
		}
		ensure!(
			batch.signatures.len() <= usize::from(set.threshold),
			"9: more signatures than a quorum"
		);
		let settings = Lanes::<T>::get(lane).ok_or("9: no lane")?;
		let digest = batch.digest(lane, &settings, batch.set);
		for signed in &batch.signatures {
			let member = set
				.members
				.get(usize::from(signed.member))
				.ok_or("9: signed by no member")?;
			ensure!(
				eip712::signer(&signed.signature, digest) == Some(member.address),
				"9: a signature is not its member's"
			);
		}
		Ok(())
	}
}

/// What the kept batches of a lane say.
#[derive(Default)]
struct Told {
	answers: BTreeSet<H256>,
	payouts: BTreeSet<u64>,
}

impl Told {
	fn check(&mut self, batch: &Batch, next_payout: u64) -> Result<(), TryRuntimeError> {
		for message in &batch.messages {
			let new = match message {
				Message::Answer { ticket, .. } => self.answers.insert(eip712::ticket(ticket)),
				Message::Payout(payout) => payout.nonce < next_payout && self.payouts.insert(payout.nonce),
			};
			ensure!(new, "8: something is told twice");
		}
		Ok(())
	}
}
