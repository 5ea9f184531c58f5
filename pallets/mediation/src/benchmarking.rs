//! Benchmarks.

use crate::{
	cases::vote_of,
	draw,
	state::{Seat, SeatState, Stage, MAX_SEATS},
	verdict::{Evidence, Winner},
	Call, Capability, CaseOf, Cases, Config, Due, DueKey, Mediators, Outputs, Pallet, Parameters, Params,
	StoredTickets, TicketCount, Tickets,
};
use alloc::{vec, vec::Vec};
use codec::Encode;
use core::cell::RefCell;
use frame_benchmarking::v2::*;
use frame_support::{
	traits::{
		fungible::{Inspect, Mutate},
		EnsureOrigin, Get, Hooks,
	},
	BoundedVec,
};
use frame_system::RawOrigin;
use lilypad_primitives::{
	audit::FIRST_PANELS,
	mediation::MAX_PANEL,
	traits::{Arbitrable, Mediate},
	AuditDraw, Balance, BlockNumber, CaseRequest, Commitment, DealId, Dispute, MachineSpec, MediatorPolicy,
	Opening, OutputRoot, Platform, Profile, Reason, Round, Status, Terms, Triple, Verdict, Vote,
};
use sp_runtime::SaturatedConversion;

const SALT: [u8; 32] = [3; 32];

fn capability() -> Capability {
	use Platform::*;
	Capability {
		platforms: BoundedVec::truncate_from(vec![Wasm, ContainerAmd64, ContainerArm64]),
		spec: MachineSpec::new(1_000, 1_000, 1_000),
		slots: u32::MAX,
	}
}

fn endow<T: Config>(who: &T::AccountId, tickets: u32) {
	let amount = T::TicketPrice::get() * Balance::from(tickets) + T::Currency::minimum_balance();
	T::Currency::mint_into(who, amount).expect("the issuance has room");
}

/// A mediator with so many tickets.
fn mediator<T: Config>(who: T::AccountId, tickets: u32) -> T::AccountId {
	endow::<T>(&who, tickets);
	Pallet::<T>::do_register(&who, capability(), tickets).expect("it was given as much");
	who
}

fn crowd<T: Config>(count: u32) -> Vec<T::AccountId> {
	(0..count)
		.map(|nth| mediator::<T>(account("mediator", nth, 0), 1))
		.collect()
}

fn go_to<T: Config>(block: BlockNumber) {
	frame_system::Pallet::<T>::set_block_number(block.saturated_into());
}

fn result() -> Triple {
	Triple {
		status: Status::Completed,
		exit_code: 0,
		root: OutputRoot([1; 32]),
	}
}

fn vote(triple: Triple) -> Vote {
	Vote {
		triple: Some(triple),
		usage: 1,
		fetched: true,
		ample: true,
	}
}

fn request<T: Config>(dispute: Dispute) -> CaseRequest<T::AccountId> {
	CaseRequest {
		dispute,
		parties: (0..4).map(|nth| account("party", nth, 0)).collect(),
		platform: Platform::Wasm,
		spec: MachineSpec::new(1, 1, 1),
		mediators: MediatorPolicy::Any,
		profile: Profile::Deterministic,
		time_limit: 10_000,
		run_blocks: 10,
		largest_panel: MAX_PANEL,
	}
}

/// Has the draw fall on a deal, and mediators ready for its audit.
pub(crate) fn draw_out_of_nothing<T: Config>(
	deal: DealId,
	terms: &Terms<T::AccountId>,
	draw_at: BlockNumber,
) {
	crowd::<T>(MAX_PANEL);
	let blocks = draw_at - T::DrawBlocks::get()..draw_at;
	for try_of in 0u32.. {
		for block in blocks.clone() {
			let output = sp_io::hashing::blake2_256(&(try_of, block).encode());
			Outputs::<T>::insert(block % T::KeptBlocks::get(), (block, output));
		}
		if Pallet::<T>::audit_draw_of(deal, terms, draw_at) == AuditDraw::Drawn {
			break;
		}
	}
}

/// A deal in dispute whose largest panel is about to be drawn, with the randomness for it, after both rounds before it.
struct Scene<T: Config> {
	deal: DealId,
	opening: Opening,
	panel: Vec<T::AccountId>,
}

impl<T: Config> Scene<T> {
	fn drawing() -> Self {
		let (creator, provider) = (account("creator", 0, 0), account("provider", 0, 0));
		let treasury = T::Treasury::get();
		endow::<T>(&treasury, 1);
		let crowd = crowd::<T>(MAX_SEATS + MAX_PANEL);
		let (deal, opening) = T::Deals::dispute_for_benchmark(&creator, &provider);
		Pallet::<T>::do_open_case(deal, request::<T>(Dispute::Audit)).expect("there are enough mediators");
		let mut case: CaseOf<T> = Cases::<T>::get(deal).expect("just opened");
		case.round = Round::Last;
		case.redraws_left = 0;
		for who in crowd.iter().take(FIRST_PANELS as usize) {
			Pallet::<T>::take_seat(who, case.no_show_slash);
			let seat = Seat {
				mediator: who.clone(),
				round: Round::Three,
				state: SeatState::Revealed(vote(Triple {
					exit_code: 9,
					..result()
				})),
			};
			case.seats.try_push(seat).expect("there is room");
		}
		// In an era in which all tickets count.
		let now = Pallet::<T>::now() + 2 * Pallet::<T>::eras().blocks;
		let w = Pallet::<T>::window(now);
		for block in w.from..w.draw_at {
			Outputs::<T>::insert(block % T::KeptBlocks::get(), (block, [block as u8; 32]));
		}
		go_to::<T>(w.draw_at);
		let next = Stage::Drawing {
			from: w.from,
			draw_at: w.draw_at,
			draw_by: w.draw_by,
		};
		Pallet::<T>::move_on(deal, case, next);
		Self {
			deal,
			opening,
			panel: Vec::new(),
		}
	}

	/// Every ticket that the draw looks at is another mediator's, and only the last of those mediators, together with those who have
	/// voted before, can fill the panel.
	fn reluctant(self) -> Self {
		let case = self.case();
		let Stage::Drawing { from, .. } = case.stage else {
			panic!("the case waits for its draw");
		};
		let outputs = Pallet::<T>::outputs(from).expect("the outputs are there");
		let seed = Pallet::<T>::seed_of_panel(self.deal, &case, &outputs);
		let places = RefCell::new(Vec::new());
		let note = |place| {
			places.borrow_mut().push(place);
			None::<T::AccountId>
		};
		// So many that none is looked at twice.
		let count = u32::MAX;
		draw::from_tickets(&seed, count, MAX_PANEL, note, |_| false);
		let places = places.into_inner();
		let unable = places.len() - (MAX_PANEL - FIRST_PANELS) as usize;
		// Long enough ago for everything to count.
		let now = Pallet::<T>::now();
		go_to::<T>(1);
		for (nth, place) in places.into_iter().enumerate() {
			let who = mediator::<T>(account("holder", nth as u32, 0), 1);
			Tickets::<T>::mutate(place, |ticket| ticket.set_next(0, Some(who.clone())));
			if nth < unable {
				Mediators::<T>::mutate(&who, |mediator| {
					let mediator = mediator.as_mut().expect("just registered");
					mediator.liability = mediator.total;
				});
			}
		}
		TicketCount::<T>::mutate(|counts| counts.set_next(0, count));
		go_to::<T>(now);
		self
	}

	fn committing() -> Self {
		let mut scene = Self::drawing();
		Pallet::<T>::do_draw(scene.deal).expect("the randomness is there");
		scene.panel = scene.case().panel().map(|seat| seat.mediator.clone()).collect();
		assert_eq!(scene.panel.len() as u32, MAX_PANEL);
		scene
	}

	/// All but so many have committed.
	fn all_but(self, last: usize) -> Self {
		for who in &self.panel[last..] {
			Pallet::<T>::do_commit(who, self.deal, self.commitment(who)).expect("it is in time");
		}
		self
	}

	fn commitment(&self, who: &T::AccountId) -> Commitment {
		vote(result()).commitment(self.deal, Round::Last, who, &SALT)
	}

	fn case(&self) -> CaseOf<T> {
		Cases::<T>::get(self.deal).expect("the case is open")
	}

	fn lapse(&self) {
		go_to::<T>(self.case().stage.due());
	}
}

#[benchmarks]
mod benches {
	use super::*;

	#[benchmark]
	fn on_initialize() {
		go_to::<T>(7);
		#[block]
		{
			Pallet::<T>::on_initialize(7u32.saturated_into());
		}
		assert_eq!(Pallet::<T>::now(), 7);
	}

	#[benchmark]
	fn register(n: Linear<1, { T::MaxTickets::get() }>) {
		let caller: T::AccountId = whitelisted_caller();
		endow::<T>(&caller, n);
		#[extrinsic_call]
		_(RawOrigin::Signed(caller.clone()), capability(), n);
		let record = Mediators::<T>::get(&caller).expect("just registered");
		assert_eq!(record.tickets.len() as u32, n);
	}

	#[benchmark]
	fn add_tickets(n: Linear<1, { T::MaxTickets::get() - 1 }>) {
		let caller = mediator::<T>(whitelisted_caller(), 1);
		endow::<T>(&caller, n);
		#[extrinsic_call]
		_(RawOrigin::Signed(caller.clone()), n);
		let record = Mediators::<T>::get(&caller).expect("registered");
		assert_eq!(record.tickets.len() as u32, n + 1);
	}

	#[benchmark]
	fn set_capability() {
		let caller = mediator::<T>(whitelisted_caller(), 1);
		let none = Capability {
			slots: 0,
			..capability()
		};
		#[extrinsic_call]
		_(RawOrigin::Signed(caller.clone()), none.clone());
		let record = Mediators::<T>::get(&caller).expect("registered");
		assert_eq!(record.capability.latest(), Some(&none));
	}

	#[benchmark]
	fn unbond_tickets(n: Linear<1, { T::MaxTickets::get() }>) {
		let caller = mediator::<T>(whitelisted_caller(), n);
		// Each place is taken by another's ticket.
		crowd::<T>(n);
		#[extrinsic_call]
		_(RawOrigin::Signed(caller.clone()), n);
		assert!(Mediators::<T>::get(&caller)
			.expect("the bond stays")
			.tickets
			.is_empty());
	}

	#[benchmark]
	fn withdraw() {
		let caller = mediator::<T>(whitelisted_caller(), T::MaxTickets::get());
		Pallet::<T>::do_unbond_tickets(&caller, T::MaxTickets::get()).expect("they are its own");
		go_to::<T>(Pallet::<T>::now() + T::UnbondingBlocks::get());
		#[extrinsic_call]
		_(RawOrigin::Signed(caller.clone()));
		assert!(Mediators::<T>::get(&caller).is_none());
		assert_eq!(
			(StoredTickets::<T>::get(), Tickets::<T>::iter_keys().count()),
			(0, 0)
		);
		assert!(!TicketCount::<T>::exists());
	}

	#[benchmark]
	fn draw() {
		let scene = Scene::<T>::drawing().reluctant();
		let caller: T::AccountId = whitelisted_caller();
		#[extrinsic_call]
		_(RawOrigin::Signed(caller), scene.deal);
		assert!(matches!(scene.case().stage, Stage::Committing { .. }));
		assert_eq!(scene.case().panel().count() as u32, MAX_PANEL);
	}

	#[benchmark]
	fn commit_vote() {
		let scene = Scene::<T>::committing().all_but(1);
		let who = scene.panel[0].clone();
		let commitment = scene.commitment(&who);
		#[extrinsic_call]
		_(RawOrigin::Signed(who), scene.deal, commitment);
		assert!(matches!(scene.case().stage, Stage::Revealing { .. }));
	}

	#[benchmark]
	fn reveal_vote() {
		let scene = Scene::<T>::committing().all_but(0);
		let who = scene.panel[0].clone();
		#[extrinsic_call]
		_(RawOrigin::Signed(who.clone()), scene.deal, vote(result()), SALT);
		let seat = scene.case().seat(&who).map(|seat| vote_of(&seat.state));
		assert_eq!(seat, Some(Some(vote(result()))));
	}

	#[benchmark]
	fn expire() {
		// A third of the panel is slashed, and the others go on.
		let scene = Scene::<T>::committing().all_but(MAX_PANEL as usize / 3);
		scene.lapse();
		let caller: T::AccountId = whitelisted_caller();
		#[extrinsic_call]
		_(RawOrigin::Signed(caller), scene.deal);
		assert!(matches!(scene.case().stage, Stage::Revealing { .. }));
	}

	#[benchmark]
	fn close() {
		let scene = Scene::<T>::committing().all_but(0);
		let mut case = scene.case();
		for seat in case.panel_mut() {
			seat.state = SeatState::Revealed(vote(result()));
		}
		let votes = vec![vote(result()); MAX_PANEL as usize];
		let own = Opening {
			triple: Triple {
				exit_code: 7,
				..result()
			},
			..scene.opening
		};
		let evidence = Evidence {
			round: Round::Last,
			size: MAX_PANEL,
			profile: Profile::Deterministic,
			time_limit: 10_000,
			opening: Some(own),
			votes: &votes,
			overcharge_percent: 200,
			overcharge_floor: 0,
		};
		// Everybody is slashed. Ruling on the deal is weighed by deals, and comes along.
		let slashed = Winner::Other(crate::verdict::Key::Value(own.triple));
		#[block]
		{
			Pallet::<T>::close(
				scene.deal,
				case,
				Verdict::Overturned { result: None },
				Some((evidence, slashed)),
			);
		}
		assert!(Cases::<T>::get(scene.deal).is_none());
		assert_eq!(Due::<T>::iter_keys().count(), 0);
	}

	#[benchmark]
	fn escalate() {
		let scene = Scene::<T>::drawing();
		let mut case = scene.case();
		case.round = Round::Three;
		#[block]
		{
			Pallet::<T>::escalate(scene.deal, case);
		}
		assert_eq!(scene.case().round, Round::Last);
	}

	#[benchmark]
	fn open_case() {
		crowd::<T>(MAX_PANEL);
		let now = Pallet::<T>::now() + 100;
		go_to::<T>(now);
		for block in now - T::DrawBlocks::get()..now {
			Outputs::<T>::insert(block % T::KeptBlocks::get(), (block, [1; 32]));
		}
		let dispute = Dispute::Challenge(Reason::WrongResult);
		#[block]
		{
			core::hint::black_box(Pallet::<T>::outputs(now - T::DrawBlocks::get()));
			<Pallet<T> as Mediate<_>>::open_case(DealId(7), request::<T>(dispute))
				.expect("there are enough mediators");
		}
		assert!(Due::<T>::contains_key(DueKey::new(
			Cases::<T>::get(DealId(7)).expect("just opened").stage.due(),
			DealId(7)
		)));
	}

	#[benchmark]
	fn set_parameters() -> Result<(), BenchmarkError> {
		let params = Parameters {
			pricing: T::DefaultPricing::get(),
			rules: T::DefaultRules::get(),
		};
		let origin = T::GovernanceOrigin::try_successful_origin().map_err(|_| BenchmarkError::Weightless)?;
		#[extrinsic_call]
		_(origin as T::RuntimeOrigin, params);
		assert_eq!(Params::<T>::get(), Some(params));
		Ok(())
	}

	#[benchmark]
	fn sweep_nothing() {
		let scene = Scene::<T>::committing();
		crate::SweepCursor::<T>::put(DueKey::new(0, DealId(0)));
		let mut meter = frame_support::weights::WeightMeter::with_limit(frame_support::weights::Weight::MAX);
		#[block]
		{
			Pallet::<T>::sweep(&mut meter);
		}
		assert!(matches!(scene.case().stage, Stage::Committing { .. }));
		assert!(crate::SweepCursor::<T>::get().is_none());
	}

	#[benchmark]
	fn predicate() {
		let scene = Scene::<T>::committing().all_but(0);
		let passed;
		#[block]
		{
			passed = Pallet::<T>::check_reveal(&scene.panel[0], scene.deal, &vote(result()), &SALT).is_ok();
		}
		assert!(passed);
	}

	#[cfg(test)]
	impl_benchmark_test_suite!(Pallet, crate::mock::new_test_ext(), crate::mock::Test);
}
