//! Random steps of many actors: every call of registry, market and deals, by whoever is entitled and by whoever is not; those of
//! mediation and of the gateway are in `judged.rs` and `bridged.rs`.

use super::{
	bridged::{self, Bridged, OtherSide, DELEGATE},
	chain::*,
	judged::{self, Ballots, Judged},
	judging::wait,
};
use frame_support::{dispatch::CheckIfFeeless, traits::GetCallMetadata};
use lilypad_primitives::{
	BlockNumber, CreatorPolicy, DealId, JobId, JobOrigin, JobRequest, Judge, MachineSpec, OfferId, Opening,
	OutputRoot, PeerAddress, Platform, Profile, RuntimeImage, Seal, Status, Terms, Triple, VersionId, LP,
};
use lilypad_runtime::{AccountId, Runtime, RuntimeCall, RuntimeOrigin, System};
use pallet_deals::Call as D;
use pallet_market::Call as M;
use pallet_modules::Call as V;
use proptest::prelude::*;
use sp_runtime::traits::Dispatchable;
use std::collections::BTreeMap;

pub(crate) const CREATORS: [Who; 2] = [CREATOR, Who::Dave];
pub(crate) const PROVIDERS: [Who; 3] = [PROVIDER, SECOND, STRANGER];
/// Enough to choose from, and few enough to check often.
const MOST_VERSIONS: usize = 24;

#[derive(Clone, Debug)]
pub(crate) enum Step {
	Bond(usize, u128),
	Unbond(usize, u128),
	Withdraw(usize),
	Offer {
		who: usize,
		rate: u128,
		slots: u32,
		/// Serves nobody: one of those that a search stumbles over.
		closed: bool,
	},
	Rate(usize, u128),
	Pause(usize),
	Resume(usize),
	Drain(usize),
	WithdrawOffer(usize),
	Peer(usize, bool),
	Post {
		who: usize,
		module: usize,
		lp: u128,
		cores: u32,
		retries: u8,
		tip: bool,
		target: Option<usize>,
		deadline: Option<u32>,
		window: u32,
	},
	CancelJob(usize),
	ExpireJob(usize),
	Propose {
		job: usize,
		offer: usize,
		by_node: bool,
	},
	Conclude(usize),
	/// A job that its target could not take when it was posted, and can now: nobody has told the chain.
	Missed {
		who: usize,
		target: usize,
	},
	Acknowledge(usize),
	Decline(usize),
	Unfetchable(usize),
	Submit(usize),
	Accept(usize),
	Reveal(usize),
	Expire(usize),
	Register(bool),
	Deprecate(usize, usize),
	Restore(usize),
	Delist(usize),
	Reclaim(usize),
	Curate(usize, bool),
	/// Any call that names an id, with any id, by anybody.
	Nonsense {
		who: usize,
		call: usize,
		id: u64,
	},
	Idle,
	Pass(BlockNumber),
	Judged(Judged),
	Bridged(Bridged),
}

pub(crate) fn step() -> impl Strategy<Value = Step> {
	let n = || 0usize..6;
	let provider = || 0..PROVIDERS.len();
	let duties = prop_oneof![
		8 => n().prop_map(Step::Acknowledge),
		1 => n().prop_map(Step::Decline),
		2 => n().prop_map(Step::Unfetchable),
		8 => n().prop_map(Step::Submit),
		5 => n().prop_map(Step::Accept),
		5 => n().prop_map(Step::Reveal),
		3 => n().prop_map(Step::Expire),
	];
	let machines = prop_oneof![
		2 => (provider(), 1u128..800).prop_map(|(who, lp)| Step::Bond(who, lp)),
		1 => (provider(), 1u128..800).prop_map(|(who, lp)| Step::Unbond(who, lp)),
		1 => provider().prop_map(Step::Withdraw),
		6 => (provider(), 1u128..4, 1u32..4, any::<bool>())
			.prop_map(|(who, rate, slots, closed)| Step::Offer { who, rate, slots, closed }),
		1 => (n(), 1u128..4).prop_map(|(offer, rate)| Step::Rate(offer, rate)),
		1 => n().prop_map(Step::Pause),
		3 => n().prop_map(Step::Resume),
		1 => n().prop_map(Step::Drain),
		1 => n().prop_map(Step::WithdrawOffer),
		1 => (provider(), any::<bool>()).prop_map(|(who, set)| Step::Peer(who, set)),
	];
	let jobs = prop_oneof![
		10 => (
			(0..CREATORS.len(), 0usize..4, any::<bool>()), 8u128..60, 1u32..4, 0u8..4,
			proptest::option::weighted(0.2, provider()), proptest::option::weighted(0.2, 10u32..200), 1u32..60,
		).prop_map(|((who, module, tip), lp, cores, retries, target, deadline, window)| {
			Step::Post { who, module, lp, cores, retries, tip, target, deadline, window }
		}),
		4 => n().prop_map(Step::CancelJob),
		1 => n().prop_map(Step::ExpireJob),
		6 => (n(), n(), any::<bool>()).prop_map(|(job, offer, by_node)| Step::Propose { job, offer, by_node }),
		3 => n().prop_map(Step::Conclude),
		2 => (0..CREATORS.len(), provider()).prop_map(|(who, target)| Step::Missed { who, target }),
	];
	let modules = prop_oneof![
		4 => any::<bool>().prop_map(Step::Register),
		1 => (n(), n()).prop_map(|(version, next)| Step::Deprecate(version, next)),
		1 => n().prop_map(Step::Restore),
		1 => n().prop_map(Step::Delist),
		1 => n().prop_map(Step::Reclaim),
		1 => (n(), any::<bool>()).prop_map(|(version, curated)| Step::Curate(version, curated)),
	];
	let time = prop_oneof![
		60 => (1u32..6).prop_map(Step::Pass),
		6 => (6u32..200).prop_map(Step::Pass),
		// Bonds are released after a day, what backed a module after a week.
		1 => prop_oneof![Just(43_200u32), Just(302_400)].prop_map(Step::Pass),
	];
	prop_oneof![
		40 => duties,
		16 => machines,
		22 => jobs,
		3 => modules,
		3 => (0usize..6, 0usize..20, prop_oneof![0u64..40, Just(u64::MAX)])
			.prop_map(|(who, call, id)| Step::Nonsense { who, call, id }),
		2 => Just(Step::Idle),
		10 => time,
		22 => judged::step().prop_map(Step::Judged),
		26 => bridged::step().prop_map(Step::Bridged),
	]
}

pub(crate) fn nth<T: Ord + Copy>(items: impl Iterator<Item = T>, n: usize) -> Option<T> {
	let mut items: Vec<_> = items.collect();
	items.sort();
	(!items.is_empty()).then(|| items[n % items.len()])
}

/// Who acts for a deal's creator: itself, or the delegate that a contract has named. Nobody has a contract's key.
pub(crate) fn speaker(terms: &Terms<AccountId>) -> AccountId {
	match &terms.judge {
		Judge::Creator => terms.creator.clone(),
		Judge::Delegate(delegate) => delegate.clone(),
		Judge::Nobody => STRANGER.into(),
	}
}

/// What a deal's provider claims: sometimes what is not so, and sometimes too much.
pub(crate) fn opening_of(deal: DealId) -> Opening {
	let status = if deal.0 % 3 == 2 {
		Status::TimeExceeded
	} else {
		Status::Completed
	};
	let root = if deal.0 % 11 == 5 {
		OutputRoot([66; 32])
	} else {
		opening().triple.root
	};
	let usage = match deal.0 % 4 {
		3 => 2_500,
		n => 500 * n,
	};
	Opening {
		triple: Triple {
			status,
			root,
			..opening().triple
		},
		usage,
		salt: [deal.0 as u8; 32],
	}
}

/// Whether a node's own solver could propose this.
fn may_be_proposed(job: JobId, offer: OfferId) -> bool {
	use frame_support::traits::Authorize;
	use sp_runtime::transaction_validity::TransactionSource;
	let inner: RuntimeCall = M::propose_found { job, offer }.into();
	inner
		.authorize(TransactionSource::InBlock)
		.is_some_and(|verdict| verdict.is_ok())
}

/// What was tried, and what has to be remembered for it.
#[derive(Default)]
pub(crate) struct Tally {
	/// How often each call succeeded, and how often it failed, by pallet and name.
	pub(crate) calls: BTreeMap<(&'static str, &'static str), (u64, u64)>,
	/// The mediators' votes.
	pub(crate) ballots: Ballots,
	/// The gateways' side.
	pub(crate) there: OtherSide,
}

impl Tally {
	/// How many calls were made.
	pub(crate) fn calls(&self) -> u64 {
		self.calls.values().map(|(good, bad)| good + bad).sum()
	}

	fn count(&mut self, inner: &RuntimeCall, success: bool) {
		let name = inner.get_call_metadata();
		let (good, bad) = self
			.calls
			.entry((name.pallet_name, name.function_name))
			.or_default();
		*(if success { good } else { bad }) += 1;
	}

	/// Makes a call which may fail; one that was let in for free may not.
	pub(crate) fn attempt(&mut self, who: impl Into<AccountId>, inner: impl Into<RuntimeCall>) {
		self.succeeds(who, inner);
	}

	/// The same, and whether it succeeded.
	pub(crate) fn succeeds(&mut self, who: impl Into<AccountId>, inner: impl Into<RuntimeCall>) -> bool {
		let (who, inner) = (who.into(), inner.into());
		let free = inner.is_feeless(&RuntimeOrigin::signed(who.clone()));
		let result = call(who, inner.clone());
		assert!(
			!free || result.is_ok(),
			"{inner:?} was let in for free: {result:?}"
		);
		self.count(&inner, result.is_ok());
		result.is_ok()
	}

	/// Makes a call of governance, which may fail.
	pub(crate) fn by_root(&mut self, inner: impl Into<RuntimeCall>) {
		let inner = inner.into();
		let result = inner.clone().dispatch(RuntimeOrigin::root());
		self.count(&inner, result.is_ok());
	}

	/// What a node's own solver found: a call that was let in may not fail.
	fn by_node(&mut self, job: JobId, offer: OfferId) {
		let inner: RuntimeCall = M::propose_found { job, offer }.into();
		let let_in = may_be_proposed(job, offer);
		if let_in {
			let result = inner.clone().dispatch(frame_system::RawOrigin::Authorized.into());
			assert!(result.is_ok(), "{inner:?} was let in: {result:?}");
		}
		self.count(&inner, let_in);
	}

	pub(crate) fn with_deal(
		&mut self,
		n: usize,
		make: impl FnOnce(DealId, &Terms<AccountId>) -> (AccountId, D<Runtime>),
	) {
		if let Some(id) = nth(pallet_deals::Deals::<Runtime>::iter_keys(), n) {
			let terms = pallet_deals::Pallet::<Runtime>::terms(id).expect("it lives");
			let (who, call) = make(id, &terms);
			self.attempt(who, call);
		}
	}

	fn with_offer(&mut self, n: usize, make: impl FnOnce(OfferId) -> M<Runtime>) {
		if let Some(id) = nth(pallet_market::Offers::<Runtime>::iter_keys(), n) {
			let provider = pallet_market::Offers::<Runtime>::get(id)
				.expect("it stands")
				.provider;
			self.attempt(provider, make(id));
		}
	}

	fn with_job(&mut self, n: usize, make: impl FnOnce(JobId) -> M<Runtime>) {
		if let Some(id) = nth(pallet_market::Jobs::<Runtime>::iter_keys(), n) {
			let job = pallet_market::Jobs::<Runtime>::get(id).expect("it is there").job;
			// The delegate of a contract cancels at the gateway, and is refused here.
			let who = match job.origin {
				JobOrigin::Native => job.creator,
				JobOrigin::Evm { .. } => DELEGATE.into(),
			};
			self.attempt(who, make(id));
		}
	}

	fn with_version(&mut self, n: usize, make: impl FnOnce(VersionId) -> V<Runtime>) {
		if let Some(id) = nth(pallet_modules::Versions::<Runtime>::iter_keys(), n) {
			self.attempt(AUTHOR, make(id));
		}
	}

	pub(crate) fn take(&mut self, step: Step) {
		match step {
			Step::Bond(who, lp) => self.attempt(PROVIDERS[who], D::bond { amount: lp * LP }),
			Step::Unbond(who, lp) => self.attempt(PROVIDERS[who], D::unbond { amount: lp * LP }),
			Step::Withdraw(who) => self.attempt(PROVIDERS[who], D::withdraw_unbonded {}),
			Step::Offer {
				who,
				rate,
				slots,
				closed,
			} => {
				let mut params = machine(rate * RATE / 2, slots);
				if closed {
					params.rate = RATE / 4;
					params.creators = CreatorPolicy::Only(Default::default());
				}
				self.attempt(PROVIDERS[who], M::post_offer { params });
			},
			Step::Rate(offer, rate) => {
				let rate = rate * RATE / 2;
				self.with_offer(offer, |offer| M::set_offer_rate { offer, rate });
			},
			Step::Pause(offer) => self.with_offer(offer, |offer| M::pause_offer { offer }),
			Step::Resume(offer) => self.with_offer(offer, |offer| M::resume_offer { offer }),
			Step::Drain(offer) => self.with_offer(offer, |offer| M::drain_offer { offer }),
			Step::WithdrawOffer(offer) => self.with_offer(offer, |offer| M::withdraw_offer { offer }),
			Step::Peer(who, true) => {
				let address = PeerAddress {
					id: [1; 32],
					..Default::default()
				};
				self.attempt(PROVIDERS[who], M::set_peer { address });
			},
			Step::Peer(who, false) => self.attempt(PROVIDERS[who], M::clear_peer {}),
			Step::Post { .. } => self.post(step),
			Step::CancelJob(job) => self.with_job(job, |job| M::cancel_job { job }),
			Step::ExpireJob(job) => self.with_job(job, |job| M::expire_job { job }),
			Step::Propose { job, offer, by_node } => self.propose(job, offer, by_node),
			Step::Conclude(n) => {
				if let Some(job) = nth(pallet_market::Proposals::<Runtime>::iter_keys(), n) {
					self.attempt(AUTHOR, M::conclude_match { job });
				}
			},
			Step::Missed { who, target } => self.missed(who, target),
			Step::Idle => {
				idle();
			},
			Step::Pass(blocks) => wait(blocks),
			Step::Judged(step) => self.take_of_judges(step),
			Step::Bridged(step) => self.take_of_gateway(step),
			Step::Register(..)
			| Step::Deprecate(..)
			| Step::Restore(..)
			| Step::Delist(..)
			| Step::Reclaim(..)
			| Step::Curate(..) => self.take_of_modules(step),
			Step::Nonsense { who, call, id } => self.nonsense(who, call, id),
			step => self.take_of_deals(step),
		}
	}

	fn take_of_deals(&mut self, step: Step) {
		match step {
			Step::Acknowledge(n) => {
				self.with_deal(n, |deal, terms| (terms.provider.clone(), D::acknowledge { deal }))
			},
			Step::Decline(n) => {
				self.with_deal(n, |deal, terms| (terms.provider.clone(), D::decline { deal }))
			},
			Step::Unfetchable(n) => self.with_deal(n, |deal, terms| {
				(terms.provider.clone(), D::report_unfetchable { deal })
			}),
			Step::Submit(n) => self.with_deal(n, |deal, terms| {
				let seal = opening_of(deal).seal(deal);
				(terms.provider.clone(), D::submit { deal, seal })
			}),
			Step::Accept(n) => self.with_deal(n, |deal, terms| {
				let opening = opening_of(deal);
				(speaker(terms), D::accept { deal, opening })
			}),
			Step::Reveal(n) => self.with_deal(n, |deal, terms| {
				let opening = opening_of(deal);
				(terms.provider.clone(), D::reveal { deal, opening })
			}),
			Step::Expire(n) => self.with_deal(n, |deal, _| (AUTHOR.into(), D::expire { deal })),
			step => panic!("{step:?} is not about a deal"),
		}
	}

	fn post(&mut self, step: Step) {
		let Step::Post {
			who,
			module,
			lp,
			cores,
			retries,
			tip,
			target,
			deadline,
			window,
		} = step
		else {
			panic!("{step:?} posts nothing");
		};
		// Of the newest: the old ones are gone sooner or later.
		let newest = pallet_modules::NextVersionId::<Runtime>::get().0;
		let version = VersionId(newest.saturating_sub(1 + module as u32));
		let Some(info) = pallet_modules::Versions::<Runtime>::get(version) else {
			return;
		};
		let request = JobRequest {
			module: info.name,
			spec: MachineSpec::new(1_000 * cores, 500, 50),
			budget: lp * LP,
			retries,
			tip: if tip { LP / 100 } else { 0 },
			target: target.map(|who| PROVIDERS[who].to_account_id()),
			deadline: deadline.map(|blocks| System::block_number() + blocks),
			match_window: window,
			..request()
		};
		self.attempt(CREATORS[who], M::post_job { request });
	}

	fn missed(&mut self, who: usize, target: usize) {
		let provider = PROVIDERS[target].to_account_id();
		let free = pallet_deals::Bonds::<Runtime>::get(&provider).map_or(0, |bond| bond.free());
		self.attempt(PROVIDERS[target], D::unbond { amount: free });
		self.post(Step::Post {
			who,
			module: 0,
			lp: 60,
			cores: 1,
			retries: 0,
			tip: true,
			target: Some(target),
			deadline: None,
			window: 40,
		});
		self.attempt(PROVIDERS[target], D::bond { amount: 700 * LP });
	}

	/// Proposes a pair that fits if there is one, and any pair otherwise.
	fn propose(&mut self, job: usize, offer: usize, by_node: bool) {
		let waiting: Vec<_> = pallet_market::Jobs::<Runtime>::iter()
			.filter(|(_, record)| matches!(record.state, pallet_market::JobState::Open { .. }))
			.map(|(id, _)| id)
			.collect();
		let offers: Vec<_> = pallet_market::Offers::<Runtime>::iter()
			.filter(|(_, offer)| offer.creators == CreatorPolicy::Any)
			.map(|(id, _)| id)
			.collect();
		let any = nth(waiting.iter().copied(), job).zip(nth(offers.iter().copied(), offer));
		let fit = waiting
			.iter()
			.flat_map(|job| offers.iter().map(|offer| (*job, *offer)))
			.find(|(job, offer)| may_be_proposed(*job, *offer));
		let Some((job, offer)) = fit.or(any) else {
			return;
		};
		if by_node {
			self.by_node(job, offer);
		} else {
			self.attempt(Who::One, M::propose_match { job, offer });
		}
	}

	fn take_of_modules(&mut self, step: Step) {
		let others = |n| nth(pallet_modules::Versions::<Runtime>::iter_keys(), n);
		match step {
			Step::Register(deterministic) => {
				if pallet_modules::Versions::<Runtime>::iter_keys().count() >= MOST_VERSIONS {
					return;
				}
				let next = pallet_modules::NextVersionId::<Runtime>::get().0 + 1;
				let name = format!("cowsay:v0.0.{next}");
				let profile = if deterministic {
					Profile::Deterministic
				} else {
					Profile::NonDeterministic
				};
				let register = V::register {
					name: name.parse().expect("a name"),
					runtime: RuntimeImage::Container {
						platform: Platform::ContainerAmd64,
						image: [7; 32],
					},
					fetch_bytes: 5_000_000,
					min_spec: MachineSpec::new(1_000, 100, 10),
					max_run: 600_000,
					fee: FEE,
					profile,
					manifest: b"{}".to_vec().try_into().expect("short"),
				};
				self.attempt(AUTHOR, register);
			},
			Step::Deprecate(n, next) => {
				let successor = others(next);
				let reason = b"old".to_vec().try_into().expect("short");
				self.with_version(n, |version| V::deprecate {
					version,
					successor,
					reason,
				});
			},
			Step::Restore(n) => self.with_version(n, |version| V::restore { version }),
			// Not all at once: something must be left to run.
			Step::Delist(n) => self.with_version(n % 2, |version| V::delist { version }),
			Step::Reclaim(n) => self.with_version(n, |version| V::reclaim { version }),
			Step::Curate(n, curated) => {
				if let Some(version) = others(n) {
					self.by_root(V::set_curated { version, curated });
				}
			},
			step => panic!("{step:?} is not about a module"),
		}
	}

	fn nonsense(&mut self, who: usize, call: usize, id: u64) {
		let who = [AUTHOR, CREATOR, PROVIDER, SECOND, STRANGER, Who::Two][who];
		let (deal, job, offer, version) = (
			DealId(id),
			JobId(id),
			OfferId(id),
			VersionId(u32::try_from(id).unwrap_or(u32::MAX)),
		);
		let calls: [RuntimeCall; 20] = [
			M::set_offer_rate { offer, rate: RATE }.into(),
			M::pause_offer { offer }.into(),
			M::resume_offer { offer }.into(),
			M::drain_offer { offer }.into(),
			M::withdraw_offer { offer }.into(),
			M::cancel_job { job }.into(),
			M::expire_job { job }.into(),
			M::propose_match { job, offer }.into(),
			M::conclude_match { job }.into(),
			D::acknowledge { deal }.into(),
			D::decline { deal }.into(),
			D::report_unfetchable { deal }.into(),
			D::submit {
				deal,
				seal: Seal::default(),
			}
			.into(),
			D::accept {
				deal,
				opening: opening(),
			}
			.into(),
			D::reveal {
				deal,
				opening: opening(),
			}
			.into(),
			D::expire { deal }.into(),
			D::unbond { amount: id.into() }.into(),
			V::restore { version }.into(),
			V::reclaim { version }.into(),
			V::set_curated {
				version,
				curated: true,
			}
			.into(),
		];
		self.attempt(who, calls[call].clone());
	}
}
