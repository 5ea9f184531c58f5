//! Requests: from a contract's LP to a job, and from a job's end to the contract's answer.
//!
//! The LP of a contract's live requests is in its *wallet*, an account without a key that is derived from its chain and address. Of
//! each request's budget the wallet keeps the existential deposit free, so that it exists, and can take whatever is given back.

use crate::{
	inputs, status, BooksOf, Cancelling, Config, Error, Event, Lane, LaneId, Live, LiveRequests, Message,
	Pallet, Payout, Pending, PendingRequests, Request, Ticket, Wallets,
};
use codec::Encode;
use frame_support::{
	ensure,
	storage::with_storage_layer,
	traits::{
		fungible::{Inspect, Mutate},
		tokens::{Fortitude::Force, Precision::BestEffort, Preservation::Expendable},
		Get,
	},
	weights::Weight,
};
use lilypad_primitives::{
	traits::{JobEnding, Modules, NotPosted, OnJobEnded, PostJob},
	Balance, JobId, JobOrigin, JobRequest, MediatorPolicy, ModuleName,
};
use sp_core::H160;
use sp_runtime::{AccountId32, DispatchError, DispatchResult};

/// The account here of an address there. Nobody has a key to it: what is in it leaves through the bridge only.
pub fn wallet_of(chain: u64, address: H160) -> AccountId32 {
	AccountId32::new(sp_io::hashing::blake2_256(
		&(b"lilypad/evm-account/1", chain, address).encode(),
	))
}

/// What posting a job weighs at most.
pub(crate) fn post_weight<T: Config>() -> Weight {
	T::PostJob::post_weight()
}

/// What comes back of a request.
struct Refund {
	/// All of it.
	amount: Balance,
	/// How much of it is more than what was not spent.
	extra: Balance,
}

impl<T: Config> Pallet<T> {
	/// The existential deposit.
	pub(crate) fn ed() -> Balance {
		T::Currency::minimum_balance()
	}

	/// Credits the wallet and posts the job, or says why not, and then nothing has happened.
	pub(crate) fn take_up(lane: &Lane, request: &Request) -> Result<JobId, u8> {
		let module = ModuleName(request.module.clone());
		let version = T::Modules::resolve(&module)
			.and_then(T::Modules::version)
			.filter(|version| !version.delisted)
			.ok_or(status::UNKNOWN_MODULE)?;
		let inputs = inputs::json_of(request).ok_or(status::BAD_INPUTS)?;
		let budget = request
			.budget
			.checked_sub(Self::ed())
			.filter(|budget| *budget > 0)
			.ok_or(status::BUDGET_TOO_SMALL)?;
		// Who asks for no limit, or for one that nobody may have any longer, gets the longest that there is now.
		let longest = version.max_run.min(T::PostJob::max_time_limit());
		let time_limit = match request.time_limit {
			0 => longest,
			wanted => wanted.min(longest),
		};
		let job = JobRequest {
			module,
			inputs,
			files: Default::default(),
			spec: version.min_spec,
			time_limit,
			budget,
			tip: 0,
			match_window: T::MatchWindow::get(),
			deadline: None,
			mediators: MediatorPolicy::Any,
			target: None,
			min_score: Default::default(),
			retries: T::Retries::get(),
		};
		let origin = JobOrigin::Evm {
			chain: lane.chain,
			request: request.id,
			delegate: (request.delegate != [0; 32]).then(|| AccountId32::new(request.delegate)),
		};
		let wallet = wallet_of(lane.chain, request.requester);
		with_storage_layer(|| {
			T::Currency::mint_into(&wallet, request.budget).map_err(NotPosted::Other)?;
			T::PostJob::post(&wallet, job, origin)
		})
		.map_err(|why| {
			log::debug!(target: crate::LOG, "request {} is refused: {why:?}", request.id);
			status::of_refusal(&why)
		})
	}

	/// Notes a request whose job was posted.
	pub(crate) fn record_live(lane_id: LaneId, lane: &Lane, job: JobId, ticket: Ticket) {
		let wallet = wallet_of(lane.chain, ticket.requester);
		Self::change_books(lane_id, |books| {
			books.reserved = books.reserved.saturating_add(ticket.budget);
			books.live = books.live.saturating_add(1);
		});
		Wallets::<T>::mutate(&wallet, |live| *live = live.saturating_add(1));
		LiveRequests::<T>::insert(
			job,
			Live {
				lane: lane_id,
				ticket,
				exited: false,
			},
		);
		PendingRequests::<T>::insert(lane_id, ticket.id, Pending::Live(job));
		Self::deposit_event(Event::RequestTakenUp {
			lane: lane_id,
			id: ticket.id,
			job,
			wallet,
		});
	}

	/// Ends a live request: burns what comes back, and answers. Can't fail.
	fn close(live: Live, wallet: &AccountId32, job: JobId, ending: &JobEnding, cost: Balance) {
		let Live { lane, ticket, exited } = live;
		let others = Wallets::<T>::get(wallet).saturating_sub(1);
		if others == 0 {
			Wallets::<T>::remove(wallet);
		} else {
			Wallets::<T>::insert(wallet, others);
		}
		let due = ticket.budget.saturating_sub(cost);
		Self::change_books(lane, |books| {
			let reserved = if exited { 0 } else { ticket.budget };
			books.reserved = books.reserved.saturating_sub(reserved);
			books.live = books.live.saturating_sub(1);
		});
		if exited {
			return Self::close_exited(lane, &ticket, wallet, others, due);
		}
		let Refund { amount, extra } = Self::refund(lane, wallet, others, due, ticket.budget);
		let burned = Self::burn(lane, wallet, amount);
		if burned < due {
			log::error!(target: crate::LOG, "{} of a request's rest can't be given back", due - burned);
		}
		Self::record_outflow(lane, extra);
		let cancelled = Cancelling::<T>::get() == Some(job);
		let answer = status::answer(ending, cancelled, cost, burned);
		let batch = Self::push(lane, Message::Answer { ticket, answer });
		// After a re-organisation the number may be another request's.
		if PendingRequests::<T>::get(lane, ticket.id) == Some(Pending::Live(job)) {
			PendingRequests::<T>::insert(lane, ticket.id, Pending::Answered(batch));
		}
	}

	/// What can come back: what was not spent, and compensation as far as the lane has LP to spare and limits allow; as much
	/// again as the budget at most, which the gateway lets through at all times. What can't stays in the wallet.
	fn refund(lane_id: LaneId, wallet: &AccountId32, others: u32, due: Balance, budget: Balance) -> Refund {
		let there = Self::spare(wallet, others);
		let extra = there.saturating_sub(due);
		let room = Self::outflow_room(lane_id);
		let books = BooksOf::<T>::get(lane_id);
		let payable = extra.min(books.free().saturating_sub(due)).min(room).min(budget);
		// Never more than the gateway holds: a message that it can't honour would be no answer.
		let most = due.min(there).min(books.locked());
		let amount = Self::without_dust(most.saturating_add(payable), there, others);
		Refund {
			amount,
			extra: amount.saturating_sub(due),
		}
	}

	/// What a wallet can give away: all but what its live requests keep in it.
	pub(crate) fn spare(wallet: &AccountId32, live: u32) -> Balance {
		T::Currency::balance(wallet).saturating_sub(Self::ed().saturating_mul(live.into()))
	}

	/// `amount`, or so much less that what stays is not lost as dust.
	pub(crate) fn without_dust(amount: Balance, there: Balance, live: u32) -> Balance {
		let left = there.saturating_sub(amount);
		if live == 0 && left > 0 && left < Self::ed() {
			there.saturating_sub(Self::ed())
		} else {
			amount
		}
	}

	/// Burns LP of a wallet that is told to leave the gateway. Returns how much that was.
	pub(crate) fn burn(lane: LaneId, wallet: &AccountId32, amount: Balance) -> Balance {
		let burn = || T::Currency::burn_from(wallet, amount, Expendable, BestEffort, Force);
		let burned = with_storage_layer(burn).unwrap_or_else(|error| {
			log::error!(target: crate::LOG, "a wallet's {amount} can't be burned: {error:?}");
			0
		});
		Self::record_burned(lane, burned);
		burned
	}

	/// Books what was burned here for something to be released there.
	pub(crate) fn record_burned(lane: LaneId, amount: Balance) {
		Self::change_books(lane, |books| {
			books.burned = books.burned.saturating_add(amount);
			books.released = books.released.saturating_add(amount);
		});
	}

	/// Sends what is in a wallet, and belongs to no live request, to its address.
	pub(crate) fn do_release(lane_id: LaneId, address: H160) -> DispatchResult {
		let lane = Self::open(lane_id)?;
		Self::ensure_room_for_message(lane_id)?;
		let wallet = wallet_of(lane.chain, address);
		let live = Wallets::<T>::get(&wallet);
		let there = Self::spare(&wallet, live);
		let possible = there
			.min(BooksOf::<T>::get(lane_id).free())
			.min(Self::outflow_room(lane_id))
			.min(lane.limits.largest);
		let amount = Self::without_dust(possible, there, live);
		ensure!(amount >= lane.limits.least, Error::<T>::NothingToRelease);
		let burned = Self::burn(lane_id, &wallet, amount);
		ensure!(burned == amount, Error::<T>::NothingToRelease);
		Self::record_outflow(lane_id, amount);
		let payout: Payout = Self::next_payout(lane_id, address, amount);
		Self::deposit_event(Event::Released {
			lane: lane_id,
			nonce: payout.nonce,
			address,
			amount,
		});
		Self::push(lane_id, Message::Payout(payout));
		Ok(())
	}

	/// Cancels a request's job for its delegate.
	///
	/// Returns what that weighed in the market.
	pub(crate) fn do_cancel(who: &AccountId32, job: JobId) -> Result<Weight, DispatchError> {
		let live = LiveRequests::<T>::get(job).ok_or(Error::<T>::UnknownRequest)?;
		let is_delegate = matches!(
			T::PostJob::origin(job),
			Some(JobOrigin::Evm { delegate: Some(delegate), .. }) if delegate == *who
		);
		ensure!(is_delegate, Error::<T>::NotDelegate);
		let lane = Self::existing(live.lane)?;
		let wallet = wallet_of(lane.chain, live.ticket.requester);
		Cancelling::<T>::put(job);
		let result = T::PostJob::cancel(&wallet, job);
		Cancelling::<T>::kill();
		result
	}
}

impl<T: Config> OnJobEnded<AccountId32> for Pallet<T> {
	fn job_ended(
		job: JobId,
		origin: &JobOrigin<AccountId32>,
		creator: &AccountId32,
		ending: &JobEnding,
		cost: Balance,
	) {
		if *origin == JobOrigin::Native {
			return;
		}
		match LiveRequests::<T>::take(job) {
			Some(live) => Self::close(live, creator, job, ending, cost),
			None => log::error!(target: crate::LOG, "job {job} came from elsewhere, but nobody asked for it"),
		}
	}

	fn job_ended_weight() -> Weight {
		use crate::WeightInfo;
		T::WeightInfo::job_ended()
	}
}
