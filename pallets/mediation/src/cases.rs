//! The life of a case: opened, drawn, voted on, closed.

use crate::{
	draw,
	state::{Case, Seat, SeatState, Stage},
	verdict::{Conduct, Evidence, Step, Winner},
	Able, CaseOf, Cases, Config, Due, Error, Event, Mediators, Pallet, TicketCount, Tickets, WeightInfo,
};
use alloc::vec::Vec;
use frame_support::{defensive, ensure, traits::Get, weights::Weight, BoundedVec};
use lilypad_primitives::{
	audit, distinct,
	traits::{Arbitrable, NoPanel},
	AuditDraw, Balance, BlockNumber, CaseRequest, DealId, Dispute, DueKey, MediatorPolicy, Round, Ruling,
	Terms, Verdict, Vote,
};
use sp_runtime::DispatchError;

/// A case that can be drawn for, and the outputs for it.
type Drawable<T> = (CaseOf<T>, Vec<[u8; 32]>);

impl<T: Config> Pallet<T> {
	/// Whether a result was drawn for an audit: the same answer from `draw_at` on, for as long as the outputs are kept.
	pub(crate) fn audit_draw_of(
		deal: DealId,
		terms: &Terms<T::AccountId>,
		draw_at: BlockNumber,
	) -> AuditDraw {
		let probability = Self::params().rules.audit.probability(terms);
		if probability.deconstruct() == 0 {
			return AuditDraw::NotDrawn;
		}
		let Some(outputs) = draw_at.checked_sub(T::DrawBlocks::get()).and_then(Self::outputs) else {
			return AuditDraw::NoRandomness;
		};
		if audit::is_drawn(&draw::seed((b"audit", deal), &outputs), probability) {
			AuditDraw::Drawn
		} else {
			AuditDraw::NotDrawn
		}
	}

	/// Whether there are enough mediators for every panel that the case can need.
	fn can_be_judged(request: &CaseRequest<T::AccountId>) -> bool {
		// An audit's right result needs no more than its one mediator; but nobody may be convicted by him alone. He may sit
		// in the next panel, too, if there is nobody else.
		let wanted = match request.dispute {
			Dispute::Audit => Round::Three.size(request.largest_panel),
			Dispute::Challenge(_) => request.largest_panel,
		};
		let runs = |who: &T::AccountId| {
			Mediators::<T>::get(who).is_some_and(|mediator| mediator.will_run(request.platform))
		};
		let able = match &request.mediators {
			MediatorPolicy::Any => {
				let parties = distinct(&request.parties).filter(|who| runs(who)).count() as u32;
				Able::<T>::get(request.platform).saturating_sub(parties)
			},
			MediatorPolicy::Only(list) => distinct(list)
				.filter(|who| !request.parties.contains(who) && runs(who))
				.count() as u32,
		};
		able >= wanted
	}

	pub(crate) fn do_open_case(deal: DealId, request: CaseRequest<T::AccountId>) -> Result<(), NoPanel> {
		if Cases::<T>::contains_key(deal) || !Self::can_be_judged(&request) {
			return Err(NoPanel);
		}
		let rules = Self::params().rules;
		let round = match request.dispute {
			Dispute::Audit => Round::One,
			Dispute::Challenge(_) => Round::Three,
		};
		let case = Case {
			dispute: request.dispute,
			parties: BoundedVec::truncate_from(request.parties),
			platform: request.platform,
			spec: request.spec,
			mediators: request.mediators,
			profile: request.profile,
			time_limit: request.time_limit,
			commit_blocks: rules.commit_blocks(request.run_blocks),
			reveal_blocks: rules.reveal_blocks,
			largest_panel: request.largest_panel,
			redraws_left: rules.max_redraws,
			max_redraws: rules.max_redraws,
			overcharge_percent: rules.overcharge_percent,
			overcharge_floor: rules.overcharge_floor,
			no_show_slash: Self::share_of_ticket(rules.no_show_slash),
			minority_slash: Self::share_of_ticket(rules.minority_slash),
			round,
			stage: Self::drawing(),
			seats: BoundedVec::new(),
		};
		Self::deposit_event(Event::CaseOpened {
			deal,
			dispute: case.dispute,
		});
		Self::enter(deal, case);
		Ok(())
	}

	/// The stage of waiting for a draw that is called for now.
	pub(crate) fn drawing() -> Stage {
		let w = Self::window(Self::now());
		Stage::Drawing {
			from: w.from,
			draw_at: w.draw_at,
			draw_by: w.draw_by,
		}
	}

	/// Stores a case that has just entered its stage.
	fn enter(deal: DealId, case: CaseOf<T>) {
		Due::<T>::insert(DueKey::new(case.stage.due(), deal), ());
		Self::deposit_event(Event::StageEntered {
			deal,
			round: case.round,
			stage: case.stage,
		});
		Cases::<T>::insert(deal, case);
	}

	/// Puts a stored case into its next stage.
	pub(crate) fn move_on(deal: DealId, mut case: CaseOf<T>, next: Stage) {
		Due::<T>::remove(DueKey::new(case.stage.due(), deal));
		case.stage = next;
		Self::enter(deal, case);
	}

	/// For `draw`.
	fn check_draw(deal: DealId) -> Result<Drawable<T>, Error<T>> {
		let case = Cases::<T>::get(deal).ok_or(Error::NoCase)?;
		let Stage::Drawing {
			from,
			draw_at,
			draw_by,
		} = case.stage
		else {
			return Err(Error::NotDrawing);
		};
		let now = Self::now();
		ensure!(
			now >= draw_at,
			Error::TooEarly {
				wait: draw_at.saturating_sub(now).try_into().unwrap_or(u16::MAX)
			}
		);
		ensure!(now <= draw_by, Error::TooLate);
		let outputs = Self::outputs(from).ok_or(Error::NoRandomness)?;
		Ok((case, outputs))
	}

	/// Draws a panel. Returns what it weighed.
	pub(crate) fn do_draw(deal: DealId) -> Result<Weight, DispatchError> {
		let (mut case, outputs) = Self::check_draw(deal)?;
		let drawn = Self::pick(deal, &case, &outputs);
		for mediator in &drawn {
			Self::take_seat(mediator, case.no_show_slash);
			let seat = Seat {
				mediator: mediator.clone(),
				round: case.round,
				state: SeatState::Drawn,
			};
			if case.seats.try_push(seat).is_err() {
				defensive!("a case has more seats than it can have");
			}
		}
		Self::deposit_event(Event::PanelDrawn {
			deal,
			round: case.round,
			mediators: BoundedVec::truncate_from(drawn),
		});
		if !is_quorum(case.panel().count() as u32, case.size()) {
			let first = case.seats.iter().all(|seat| seat.round == case.round)
				&& case.redraws_left == case.max_redraws;
			let verdict = if first {
				Verdict::NoPanel
			} else {
				Verdict::Unresolved
			};
			Self::close(deal, case, verdict, None);
		} else if case.panel().all(|seat| seat.state != SeatState::Drawn) {
			// Nobody could be found for those who did not commit; the others have.
			Self::start_revealing(deal, case);
		} else {
			let by = Self::now().saturating_add(case.commit_blocks);
			Self::move_on(deal, case, Stage::Committing { by });
		}
		Ok(Self::spent(deal, T::WeightInfo::draw()))
	}

	/// What the draw for a case's empty seats follows from.
	pub(crate) fn seed_of_panel(deal: DealId, case: &CaseOf<T>, outputs: &[[u8; 32]]) -> [u8; 32] {
		draw::seed((b"panel", deal, case.round, case.seats.len() as u32), outputs)
	}

	/// Draws for the empty seats. Who voted in an earlier round comes in only when nobody else is found.
	fn pick(deal: DealId, case: &CaseOf<T>, outputs: &[[u8; 32]]) -> Vec<T::AccountId> {
		let Stage::Drawing { from, .. } = case.stage else {
			return Vec::new();
		};
		let era = Self::era_of(from);
		let seed = Self::seed_of_panel(deal, case, outputs);
		let wanted = case.empty_seats();
		let able = |who: &T::AccountId| {
			!case.parties.contains(who)
				&& !case.seats.iter().any(|seat| seat.mediator == *who)
				&& Self::is_able(who, case, era)
		};
		let mut drawn = match &case.mediators {
			MediatorPolicy::Any => {
				let tickets = TicketCount::<T>::get().as_of(era).copied().unwrap_or_default();
				let owner = |place| Tickets::<T>::get(place).as_of(era).cloned().flatten();
				draw::from_tickets(&seed, tickets, wanted, owner, able)
			},
			MediatorPolicy::Only(list) => draw::from_list(&seed, list, wanted, able),
		};
		let sits = |who: &T::AccountId| {
			case.seats
				.iter()
				.any(|seat| seat.round == case.round && seat.mediator == *who)
		};
		let again = case
			.seats
			.iter()
			.filter(|seat| matches!(seat.state, SeatState::Revealed(_)) && !sits(&seat.mediator));
		for seat in again {
			if (drawn.len() as u32) < wanted
				&& !drawn.contains(&seat.mediator)
				&& Self::is_able(&seat.mediator, case, era)
			{
				drawn.push(seat.mediator.clone());
			}
		}
		drawn
	}

	/// Whether a mediator can take a seat: what it runs is looked up as it stood in the draw's era.
	fn is_able(who: &T::AccountId, case: &CaseOf<T>, era: crate::versions::Era) -> bool {
		Mediators::<T>::get(who).is_some_and(|mediator| {
			let can = mediator.capability.as_of(era);
			// Whoever has voted in an earlier round has run the job.
			let here = case
				.seats
				.iter()
				.filter(|seat| seat.mediator == *who && seat.state != SeatState::Absent)
				.count() as u32;
			let covered = mediator.liability.saturating_add(case.no_show_slash) <= mediator.total;
			covered
				&& can.is_some_and(|can| {
					mediator.seats.saturating_sub(here) < can.slots
						&& can.platforms.contains(&case.platform)
						&& can.spec.covers(&case.spec)
				})
		})
	}

	/// All have committed, or their time is over.
	pub(crate) fn start_revealing(deal: DealId, case: CaseOf<T>) {
		let by = Self::now().saturating_add(case.reveal_blocks);
		Self::move_on(deal, case, Stage::Revealing { by });
	}

	/// Closes the round if nobody is left to reveal anything.
	pub(crate) fn close_if_complete(deal: DealId) {
		let Some(case) = Cases::<T>::get(deal) else {
			return;
		};
		let revealing = matches!(case.stage, Stage::Revealing { .. });
		let all = case
			.panel()
			.all(|seat| matches!(seat.state, SeatState::Revealed(_)));
		if revealing && all && T::Deals::opening(deal).is_some() {
			Self::close_round(deal, case);
		}
	}

	/// Judges a round whose votes are in. Who has not revealed was absent.
	pub(crate) fn close_round(deal: DealId, mut case: CaseOf<T>) {
		Self::dismiss_absent(deal, &mut case, |state| !matches!(state, SeatState::Revealed(_)));
		let votes: Vec<Vote> = case.panel().filter_map(|seat| vote_of(&seat.state)).collect();
		let evidence = Self::evidence(deal, &case, &votes);
		match evidence.judge() {
			Step::Escalate => Self::escalate(deal, case),
			Step::Close(verdict, winner) => {
				let judgement = Some((evidence, winner));
				Self::close(deal, case.clone(), verdict, judgement);
			},
		}
	}

	/// Calls a larger panel, if it can be paid. Without it nobody is judged: neither the provider nor who has voted.
	pub(crate) fn escalate(deal: DealId, mut case: CaseOf<T>) {
		let Some(next) = case.round.next() else {
			defensive!("a last round escalates");
			Self::close(deal, case, Verdict::Unresolved, None);
			return;
		};
		if T::Deals::fund_round(deal, next) {
			case.round = next;
			case.redraws_left = case.max_redraws;
			Self::move_on(deal, case, Self::drawing());
		} else {
			let verdict = match case.round {
				Round::One => Verdict::Unfunded,
				// Three have looked, and did not agree.
				Round::Three | Round::Last => Verdict::Unresolved,
			};
			Self::close(deal, case, verdict, None);
		}
	}

	fn evidence<'a>(deal: DealId, case: &CaseOf<T>, votes: &'a [Vote]) -> Evidence<'a> {
		Evidence {
			round: case.round,
			size: case.size(),
			profile: case.profile,
			time_limit: case.time_limit,
			opening: T::Deals::opening(deal),
			votes,
			overcharge_percent: case.overcharge_percent,
			overcharge_floor: case.overcharge_floor,
		}
	}

	/// Slashes those of the present round in such a state, and takes their seats.
	pub(crate) fn dismiss_absent(deal: DealId, case: &mut CaseOf<T>, absent: impl Fn(&SeatState) -> bool) {
		let slash = case.no_show_slash;
		for seat in case.panel_mut().filter(|seat| absent(&seat.state)) {
			seat.state = SeatState::Absent;
			Self::leave_seat(&seat.mediator, slash, slash, deal);
		}
	}

	/// Ends a case: everybody leaves, the minority is slashed, and the deal is ruled on.
	pub(crate) fn close(
		deal: DealId,
		case: CaseOf<T>,
		verdict: Verdict,
		judgement: Option<(Evidence<'_>, Winner)>,
	) {
		Cases::<T>::remove(deal);
		Due::<T>::remove(DueKey::new(case.stage.due(), deal));
		let mut paid = Vec::new();
		for seat in case.seats {
			let conduct = match (&seat.state, &judgement) {
				(SeatState::Absent, _) => continue,
				(SeatState::Revealed(vote), Some((evidence, winner))) => evidence.conduct(*winner, vote),
				_ => Conduct::Unpaid,
			};
			let slash: Balance = if conduct == Conduct::Slashed {
				case.minority_slash
			} else {
				0
			};
			Self::leave_seat(&seat.mediator, case.no_show_slash, slash, deal);
			if conduct == Conduct::Paid {
				paid.push(seat.mediator);
			}
		}
		Self::deposit_event(Event::CaseClosed {
			deal,
			verdict,
			paid: BoundedVec::truncate_from(paid.clone()),
		});
		T::Deals::rule(deal, Ruling { verdict, paid });
	}
}

/// Whether so many are two thirds of a panel.
pub(crate) fn is_quorum(count: u32, size: u32) -> bool {
	count > 0 && 3 * u64::from(count) >= 2 * u64::from(size)
}

pub(crate) fn vote_of(state: &SeatState) -> Option<Vote> {
	match state {
		SeatState::Revealed(vote) => Some(*vote),
		SeatState::Drawn | SeatState::Committed(_) | SeatState::Absent => None,
	}
}
