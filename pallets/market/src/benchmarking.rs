//! Benchmarks of the calls and of their parts, each in its worst case: full inputs, full policies, all platforms, GPUs.
#![allow(missing_docs)]

use super::*;
use alloc::{vec, vec::Vec};
use frame_benchmarking::v2::*;
use frame_support::{
	pallet_prelude::TransactionSource,
	traits::{Authorize, Get},
	weights::WeightMeter,
	BoundedVec,
};
use frame_system::RawOrigin;
use lilypad_primitives::{
	job::{MAX_FILE_NAME, MAX_INLINE_INPUTS, MAX_INPUT_FILES},
	offer::{MAX_PEER_ADDRESS, MAX_PEER_ADDRESSES, MAX_POLICY},
	spec::{GpuSpec, MAX_GPUS, MAX_GPU_MODEL},
	traits::{Deals, JobBook, Modules},
	Balance, CreatorPolicy, DealId, InputFile, Inputs, JobId, JobRequest, MachineSpec, MediatorPolicy,
	ModuleName, ModulePolicy, Offer, OfferId, OfferState, Outcome, PeerAddress, Platform, Terms, LP,
};

const SEED: u32 = 0;
/// Enough for everything that a benchmark does.
const PLENTY: Balance = 1_000_000 * LP;

fn full<X: Clone, S: Get<u32>>(item: X, count: u32) -> BoundedVec<X, S> {
	vec![item; count as usize]
		.try_into()
		.ok()
		.expect("as many as may be; qed")
}

/// As many different accounts as a policy may name, with this one last.
fn policy<T: Config, S: Get<u32>>(last: &T::AccountId) -> BoundedVec<T::AccountId, S> {
	let mut list: Vec<T::AccountId> = (1..MAX_POLICY).map(|n| account("listed", n, SEED)).collect();
	list.push(last.clone());
	list.try_into().expect("as many as may be; qed")
}

fn rich<T: Config>(name: &'static str, index: u32) -> T::AccountId {
	let who: T::AccountId = account(name, index, SEED);
	T::Deals::fund_for_benchmark(&who, PLENTY);
	who
}

fn provider<T: Config>(index: u32) -> T::AccountId {
	let who = rich::<T>("provider", index);
	T::Deals::bond_for_benchmark(&who, PLENTY);
	who
}

/// Whoever signs: its account is read and written for the fee anyway.
fn creator<T: Config>() -> T::AccountId {
	whitelisted_caller()
}

fn machine(share: u32) -> MachineSpec {
	let gpu = GpuSpec {
		vram_mib: 80_000,
		model: Some(full(b'm', MAX_GPU_MODEL)),
	};
	MachineSpec {
		gpus: full(gpu, MAX_GPUS),
		..MachineSpec::new(1_000 * share, 1_024 * share, 1_024 * share)
	}
}

fn params<T: Config>() -> OfferParams<T::AccountId> {
	let platforms = vec![Platform::Wasm, Platform::ContainerAmd64, Platform::ContainerArm64];
	OfferParams {
		machine: machine(8),
		slots: 1,
		rate: T::Pricing::get().min_rate,
		platforms: platforms.try_into().expect("as many as there are; qed"),
		modules: ModulePolicy::Authors(policy::<T, _>(&account("author", 0, SEED))),
		mediators: MediatorPolicy::Only(policy::<T, _>(&account("mediator", 0, SEED))),
		creators: CreatorPolicy::Only(policy::<T, _>(&creator::<T>())),
	}
}

fn request<T: Config>() -> JobRequest<T::AccountId> {
	request_of::<T>(0)
}

/// A request for one of several modules.
fn request_of<T: Config>(module: u32) -> JobRequest<T::AccountId> {
	let name: ModuleName = alloc::format!("benchmark:v{module}")
		.parse()
		.expect("well formed; qed");
	T::Modules::register_for_benchmark(&account("author", 0, SEED), name.clone());
	T::Deals::fund_for_benchmark(&creator::<T>(), PLENTY);
	let file = |n: u32| InputFile {
		name: full(b'a' + n as u8, MAX_FILE_NAME),
		hash: [1; 32],
		size: 1,
	};
	let files: Vec<_> = (0..MAX_INPUT_FILES).map(file).collect();
	JobRequest {
		module: name,
		inputs: Inputs::Inline(full(b' ', MAX_INLINE_INPUTS)),
		files: files.try_into().expect("as many as may be; qed"),
		spec: machine(1),
		time_limit: T::Pricing::get().min_time_limit,
		budget: 1_000 * LP,
		tip: 0,
		match_window: T::MaxMatchWindow::get(),
		deadline: None,
		mediators: MediatorPolicy::Only(policy::<T, _>(&account("mediator", 0, SEED))),
		target: None,
		min_score: Default::default(),
		retries: 1,
	}
}

fn post<T: Config>(request: JobRequest<T::AccountId>) -> JobId {
	Pallet::<T>::do_post_job(creator::<T>(), request, Default::default())
		.expect("the request is good; qed")
		.0
}

fn offer<T: Config>(provider: T::AccountId, params: OfferParams<T::AccountId>) -> OfferId {
	let id = NextOfferId::<T>::get();
	Pallet::<T>::do_post_offer(provider, params).expect("the offer is good; qed");
	id
}

fn deal_of<T: Config>(job: JobId) -> Option<DealId> {
	match Jobs::<T>::get(job)?.state {
		JobState::Matched { deal, .. } => Some(deal),
		JobState::Open { .. } => None,
	}
}

/// A job and its deal.
fn matched<T: Config>(provider: T::AccountId) -> (JobId, DealId, OfferId) {
	let offer = offer::<T>(provider, params::<T>());
	let job = post::<T>(request::<T>());
	(job, deal_of::<T>(job).expect("they fit; qed"), offer)
}

/// Waiting jobs, each of its own module, and offers at these rates, of a provider each, that fit them and were missed.
fn missed<T: Config>(jobs: u32, rates: &[Balance]) -> (Vec<JobId>, Vec<OfferId>) {
	let offers: Vec<_> = rates
		.iter()
		.enumerate()
		.map(|(n, rate)| {
			let who = provider::<T>(1_000 + n as u32);
			let rate = *rate;
			let id = offer::<T>(
				who.clone(),
				OfferParams {
					rate,
					..params::<T>()
				},
			);
			Pallet::<T>::do_pause_offer(who, id).expect("it is active; qed");
			id
		})
		.collect();
	let jobs = (0..jobs).map(|n| post::<T>(request_of::<T>(n))).collect();
	offers.iter().for_each(|id| activate::<T>(*id));
	(jobs, offers)
}

/// Lets a paused offer take deals again, and looks for none.
fn activate<T: Config>(id: OfferId) {
	let paused = Offers::<T>::get(id).expect("it was posted; qed");
	let mut active = paused.clone();
	active.state = OfferState::Active;
	Pallet::<T>::save_offer(id, Some(&paused), &active);
}

/// An offer that stays in the index when it gets a job.
fn roomy<T: Config>() -> OfferParams<T::AccountId> {
	OfferParams {
		slots: 3,
		..params::<T>()
	}
}

/// The terms on which an offer takes a job that it fits.
fn terms_of<T: Config>(offer: &Offer<T::AccountId>, record: &JobRecord<T::AccountId>) -> Terms<T::AccountId> {
	let module = T::Modules::version(record.job.version).expect("it was registered; qed");
	Pallet::<T>::fit(offer, record, &module, &T::Pricing::get(), None).expect("they fit; qed")
}

/// The least rate, and the one above it.
fn two_rates<T: Config>() -> [Balance; 2] {
	let least = T::Pricing::get().min_rate;
	[least, least + 1]
}

fn solver<T: Config>() -> T::AccountId {
	account("solver", 0, SEED)
}

fn past_the_window<T: Config>() {
	let later = Pallet::<T>::now() + T::MaxMatchWindow::get() + 1;
	frame_system::Pallet::<T>::set_block_number(later.into());
}

#[benchmarks]
mod benchmarks {
	use super::*;

	#[benchmark]
	fn post_offer() {
		let who = provider::<T>(0);

		#[extrinsic_call]
		_(RawOrigin::Signed(who.clone()), params::<T>());

		assert_eq!(OffersOf::<T>::get(&who).len(), 1);
	}

	#[benchmark]
	fn set_offer_rate() {
		let who = provider::<T>(0);
		let id = offer::<T>(who.clone(), params::<T>());

		#[extrinsic_call]
		_(RawOrigin::Signed(who), id, LP);

		assert!(Offers::<T>::get(id).is_some_and(|o| o.rate == LP));
	}

	#[benchmark]
	fn pause_offer() {
		let who = provider::<T>(0);
		let id = offer::<T>(who.clone(), params::<T>());

		#[extrinsic_call]
		_(RawOrigin::Signed(who), id);

		assert!(Offers::<T>::get(id).is_some_and(|o| o.state == OfferState::Paused));
	}

	#[benchmark]
	fn resume_offer() {
		let who = provider::<T>(0);
		let id = offer::<T>(who.clone(), params::<T>());
		Pallet::<T>::do_pause_offer(who.clone(), id).expect("it is active; qed");

		#[extrinsic_call]
		_(RawOrigin::Signed(who), id);

		assert!(Offers::<T>::get(id).is_some_and(|o| o.state == OfferState::Active));
	}

	#[benchmark]
	fn drain_offer() {
		let who = provider::<T>(0);
		let id = offer::<T>(who.clone(), params::<T>());

		#[extrinsic_call]
		_(RawOrigin::Signed(who), id);

		assert!(Offers::<T>::get(id).is_none());
	}

	#[benchmark]
	fn withdraw_offer() {
		let who = provider::<T>(0);
		let id = offer::<T>(who.clone(), params::<T>());

		#[extrinsic_call]
		_(RawOrigin::Signed(who), id);

		assert!(Offers::<T>::get(id).is_none());
	}

	#[benchmark]
	fn set_peer() {
		let who = provider::<T>(0);
		let text: BoundedVec<u8, _> = full(b'x', MAX_PEER_ADDRESS);
		let address = PeerAddress {
			id: [1; 32],
			addresses: full(text, MAX_PEER_ADDRESSES),
		};

		#[extrinsic_call]
		_(RawOrigin::Signed(who.clone()), address);

		assert!(Peers::<T>::contains_key(&who));
	}

	#[benchmark]
	fn clear_peer() {
		let who = provider::<T>(0);
		let address = PeerAddress {
			id: [1; 32],
			..Default::default()
		};
		Pallet::<T>::do_set_peer(who.clone(), address).expect("the address is good; qed");

		#[extrinsic_call]
		_(RawOrigin::Signed(who.clone()));

		assert!(!Peers::<T>::contains_key(&who));
	}

	#[benchmark]
	fn post_job() {
		let request = request::<T>();

		#[extrinsic_call]
		_(RawOrigin::Signed(creator::<T>()), request);

		assert_eq!(WaitingIndex::<T>::iter_keys().count(), 1);
	}

	#[benchmark]
	fn cancel_open() {
		let job = post::<T>(request::<T>());

		#[extrinsic_call]
		cancel_job(RawOrigin::Signed(creator::<T>()), job);

		assert!(Jobs::<T>::get(job).is_none());
	}

	#[benchmark]
	fn cancel_matched() {
		let (job, ..) = matched::<T>(provider::<T>(0));

		#[extrinsic_call]
		cancel_job(RawOrigin::Signed(creator::<T>()), job);

		assert!(Jobs::<T>::get(job).is_none());
	}

	#[benchmark]
	fn expire_job() {
		let job = post::<T>(request::<T>());
		past_the_window::<T>();

		#[extrinsic_call]
		_(RawOrigin::Signed(account("anybody", 0, SEED)), job);

		assert!(Jobs::<T>::get(job).is_none());
	}

	#[benchmark]
	fn propose_match() {
		let (jobs, offers) = missed::<T>(1, &two_rates::<T>());
		Pallet::<T>::record_proposal(Some(solver::<T>()), jobs[0], offers[1]).expect("it fits; qed");

		#[extrinsic_call]
		_(RawOrigin::Signed(solver::<T>()), jobs[0], offers[0]);

		assert!(Proposals::<T>::get(jobs[0]).is_some_and(|p| p.offer == offers[0]));
	}

	#[benchmark]
	fn propose_found() {
		let (jobs, offers) = missed::<T>(1, &two_rates::<T>());
		Pallet::<T>::record_proposal(Some(solver::<T>()), jobs[0], offers[1]).expect("it fits; qed");

		#[extrinsic_call]
		_(RawOrigin::Authorized, jobs[0], offers[0]);

		assert!(Proposals::<T>::get(jobs[0]).is_some_and(|p| p.solver.is_none()));
	}

	#[benchmark]
	fn authorize_propose_found() {
		let (jobs, offers) = missed::<T>(1, &two_rates::<T>());
		Pallet::<T>::record_proposal(Some(solver::<T>()), jobs[0], offers[1]).expect("it fits; qed");
		let call = Call::<T>::propose_found {
			job: jobs[0],
			offer: offers[0],
		};
		let verdict;

		#[block]
		{
			verdict = call.authorize(TransactionSource::Local);
		}

		assert!(verdict.is_some_and(|v| v.is_ok()));
	}

	#[benchmark]
	fn conclude_proposal() {
		let (jobs, offers) = missed::<T>(1, &two_rates::<T>());
		Pallet::<T>::record_proposal(Some(solver::<T>()), jobs[0], offers[0]).expect("it fits; qed");
		let due = Proposals::<T>::get(jobs[0]).expect("just recorded; qed").due;
		frame_system::Pallet::<T>::set_block_number(due.into());

		#[extrinsic_call]
		conclude_match(RawOrigin::Signed(solver::<T>()), jobs[0]);

		assert!(deal_of::<T>(jobs[0]).is_some() && Proposals::<T>::get(jobs[0]).is_none());
	}

	#[benchmark]
	fn scan_offers(s: Linear<0, { T::MaxScan::get() }>) {
		let job = post::<T>(request::<T>());
		// They fail late: each is of another provider, and serves everybody but this creator.
		for n in 0..s {
			let creators = CreatorPolicy::Only(policy::<T, _>(&account("stranger", 0, SEED)));
			offer::<T>(
				provider::<T>(n),
				OfferParams {
					creators,
					..params::<T>()
				},
			);
		}
		let record = Jobs::<T>::get(job).expect("just posted; qed");
		let scan;

		#[block]
		{
			scan = Pallet::<T>::match_job(job, &record);
		}

		assert_eq!(
			scan,
			Scan {
				candidates: s,
				..Default::default()
			}
		);
	}

	#[benchmark]
	fn scan_jobs(s: Linear<0, { T::MaxScan::get() }>) {
		// Each would fit, but is promised to a cheaper offer of its own.
		let [least, dearer] = two_rates::<T>();
		let mut rates = vec![least; s as usize];
		rates.push(dearer);
		let (jobs, offers) = missed::<T>(s, &rates);
		for (job, offer) in jobs.iter().zip(&offers) {
			Pallet::<T>::record_proposal(Some(solver::<T>()), *job, *offer).expect("it fits; qed");
		}
		let last = *offers.last().expect("there is the dearer one; qed");
		let scan;

		#[block]
		{
			scan = Pallet::<T>::match_offer(last, u32::MAX);
		}

		assert_eq!(
			scan,
			Scan {
				candidates: s,
				..Default::default()
			}
		);
	}

	#[benchmark]
	fn conclude_match() {
		let who = provider::<T>(0);
		let id = offer::<T>(who.clone(), roomy::<T>());
		Pallet::<T>::do_pause_offer(who, id).expect("it is active; qed");
		let job = post::<T>(request::<T>());
		let record = Jobs::<T>::get(job).expect("just posted; qed");
		activate::<T>(id);
		let offer = Offers::<T>::get(id).expect("it was posted; qed");
		let terms = terms_of::<T>(&offer, &record);

		#[block]
		{
			Pallet::<T>::make_deal(job, &record, id, &offer, terms, false);
		}

		assert!(deal_of::<T>(job).is_some());
	}

	#[benchmark]
	fn leave_waiting() {
		let (jobs, offers) = missed::<T>(1, &two_rates::<T>());
		Pallet::<T>::record_proposal(Some(solver::<T>()), jobs[0], offers[1]).expect("it fits; qed");
		let record = Jobs::<T>::get(jobs[0]).expect("just posted; qed");

		#[block]
		{
			Pallet::<T>::leave_waiting(jobs[0], &record);
		}

		assert_eq!(WaitingIndex::<T>::iter_keys().count(), 0);
		assert!(Proposals::<T>::get(jobs[0]).is_none());
	}

	#[benchmark]
	fn index_offer() {
		let id = offer::<T>(provider::<T>(0), params::<T>());
		let active = Offers::<T>::get(id).expect("it was posted; qed");
		let mut paused = active.clone();
		paused.state = OfferState::Paused;

		#[block]
		{
			Pallet::<T>::save_offer(id, Some(&active), &paused);
		}

		assert_eq!(OfferIndex::<T>::iter_keys().count(), 0);
	}

	#[benchmark]
	fn settled(o: Linear<1, { T::MaxOffersPerProvider::get() }>) {
		let who = provider::<T>(0);
		let (job, deal, _) = matched::<T>(who.clone());
		for _ in 1..o {
			offer::<T>(who.clone(), params::<T>());
		}

		#[block]
		{
			<Pallet<T> as JobBook<_>>::settled(job, deal, &Outcome::NoShow, None, 0);
		}

		assert!(deal_of::<T>(job).is_none() && Jobs::<T>::contains_key(job));
		assert_eq!(OfferIndex::<T>::iter_keys().count(), 0);
	}

	#[benchmark]
	fn sweep_base() {
		#[block]
		{
			Pallet::<T>::sweep(&mut WeightMeter::with_limit(T::WeightInfo::sweep_base()));
		}

		assert!(SweepCursor::<T>::get().is_none());
	}

	#[benchmark]
	fn sweep_step() {
		post::<T>(request::<T>());
		let step =
			T::WeightInfo::sweep_step().saturating_add(Pallet::<T>::closing(T::WeightInfo::expire_job()));
		let limit = T::WeightInfo::sweep_base().saturating_add(step);

		#[block]
		{
			Pallet::<T>::sweep(&mut WeightMeter::with_limit(limit));
		}

		assert!(SweepCursor::<T>::get().is_some());
	}

	impl_benchmark_test_suite!(Pallet, crate::mock::new_test_ext(), crate::mock::Test);
}
