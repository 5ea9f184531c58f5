//! Who gets what when a deal ends. One pure function; `pallet-deals`' `escrow.rs` applies what it says and decides
//! nothing.
//!
//! A settlement lists only what leaves its purse for somebody else. What is not listed stays its owner's: the rest of
//! the budget goes back to the creator unless the job is queued again, the rest of the collateral to the provider's
//! free bond, the rest of a challenge's bond to the challenger.

use crate::{
	terms::{share_down, Terms},
	Balance, Millis,
};
use alloc::vec::Vec;
use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use scale_info::TypeInfo;
use serde::{Deserialize, Serialize};

/// Money that backs a deal.
#[derive(
	Clone,
	Copy,
	Debug,
	PartialEq,
	Eq,
	PartialOrd,
	Ord,
	Encode,
	Decode,
	DecodeWithMemTracking,
	MaxEncodedLen,
	TypeInfo,
	Serialize,
	Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum Purse {
	/// The creator's hold for the job.
	Budget,
	/// The part of the provider's bond that is committed to the deal.
	Collateral,
	/// The challenger's hold for the case.
	ChallengeBond,
	/// The author's bond behind a module version.
	AuthorBond,
	/// The audit pool's account.
	AuditPool,
}

/// Who receives money.
#[derive(
	Clone,
	Copy,
	Debug,
	PartialEq,
	Eq,
	PartialOrd,
	Ord,
	Encode,
	Decode,
	DecodeWithMemTracking,
	MaxEncodedLen,
	TypeInfo,
	Serialize,
	Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum Party {
	/// Who posted the job.
	Creator,
	/// Who ran it.
	Provider,
	/// Who registered the module version.
	Author,
	/// Who proposed the match.
	Solver,
	/// The mediators whose votes are paid, in equal parts.
	Mediators,
	/// The pool that pays for audits.
	AuditPool,
	/// The treasury.
	Treasury,
}

/// One movement.
#[derive(
	Clone,
	Copy,
	Debug,
	PartialEq,
	Eq,
	Encode,
	Decode,
	DecodeWithMemTracking,
	MaxEncodedLen,
	TypeInfo,
	Serialize,
	Deserialize,
)]
pub struct Move {
	/// Whence.
	pub from: Purse,
	/// Whither.
	pub to: Party,
	/// How much; never zero.
	pub amount: Balance,
}

/// How a deal ended.
#[derive(
	Clone,
	Copy,
	Debug,
	PartialEq,
	Eq,
	Encode,
	Decode,
	DecodeWithMemTracking,
	MaxEncodedLen,
	TypeInfo,
	Serialize,
	Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
	/// The creator accepted, or the result was opened and the creator stayed silent.
	Accepted {
		/// Run time to pay for.
		usage: Millis,
		/// Whether the program ran to its end, so that its author is paid.
		completed: bool,
	},
	/// The provider did not acknowledge in time.
	NoShow,
	/// The provider declined.
	Declined,
	/// The provider acknowledged, and then submitted or opened nothing in time.
	TimedOut,
	/// Image or inputs were not to be had.
	Unfetchable {
		/// Whether that has happened to this job before, with another provider.
		again: bool,
	},
	/// The creator cancelled before the acknowledgement.
	CancelledBeforeAck,
	/// The creator cancelled while the job ran.
	CancelledRunning {
		/// Time since the acknowledgement.
		elapsed: Millis,
	},
	/// A panel confirmed the result.
	Upheld {
		/// Run time to pay for.
		usage: Millis,
		/// Whether the program ran to its end.
		completed: bool,
		/// Votes to pay.
		votes: u32,
		/// Whether the creator challenged; otherwise the chain audited.
		challenged: bool,
	},
	/// A panel confirmed the result and found the claimed run time too long: what was claimed beyond its median costs that
	/// part of the collateral which it is of the cap.
	Overcharged {
		/// Run time that the provider claimed.
		claimed: Millis,
		/// The panel's median.
		median: Millis,
		/// Whether the program ran to its end.
		completed: bool,
		/// Votes to pay.
		votes: u32,
	},
	/// A panel found another result, or the provider withheld its own.
	Overturned {
		/// Votes to pay.
		votes: u32,
	},
	/// A panel's honest runs gave different results.
	NonDeterministic {
		/// Run time to pay for.
		usage: Millis,
		/// Votes to pay.
		votes: u32,
		/// What is left of the author's bond for this version.
		author_bond: Balance,
		/// Whether the creator challenged; otherwise the chain audited, and the pool adds a vote's fee to a bond too small. For a
		/// challenge it does not: whoever chooses when to challenge could drain it.
		challenged: bool,
	},
	/// Too few mediators voted on a challenge.
	UnresolvedChallenge,
	/// Too few mediators voted on an audit.
	UnresolvedAudit {
		/// Run time to pay for.
		usage: Millis,
		/// Whether the program ran to its end.
		completed: bool,
	},
}

impl Outcome {
	/// Whether the job may be tried with another provider afterwards.
	pub fn is_retriable(&self) -> bool {
		matches!(
			self,
			Outcome::NoShow | Outcome::Declined | Outcome::TimedOut | Outcome::Unfetchable { again: false }
		)
	}

	/// Whether the provider broke its word, so that its offers are paused.
	pub fn is_provider_fault(&self) -> bool {
		matches!(self, Outcome::NoShow | Outcome::Declined | Outcome::TimedOut)
	}
}

/// Everything that moves when a deal ends.
#[derive(Clone, Debug, Default, PartialEq, Eq, Encode, Decode, TypeInfo)]
pub struct Settlement {
	/// The movements, in the order in which they are made.
	pub moves: Vec<Move>,
}

impl Settlement {
	/// How much leaves a purse.
	pub fn taken_from(&self, purse: Purse) -> Balance {
		self.moves
			.iter()
			.filter(|m| m.from == purse)
			.map(|m| m.amount)
			.fold(0, Balance::saturating_add)
	}

	/// How much a party receives.
	pub fn paid_to(&self, party: Party) -> Balance {
		self.moves
			.iter()
			.filter(|m| m.to == party)
			.map(|m| m.amount)
			.fold(0, Balance::saturating_add)
	}
}

/// Pays out of purses that can't be overdrawn: every payment is cut to what is left.
struct Book {
	budget: Balance,
	collateral: Balance,
	challenge_bond: Balance,
	author_bond: Balance,
	moves: Vec<Move>,
}

impl Book {
	fn pay(&mut self, from: Purse, to: Party, amount: Balance) -> Balance {
		let left = match from {
			Purse::Budget => &mut self.budget,
			Purse::Collateral => &mut self.collateral,
			Purse::ChallengeBond => &mut self.challenge_bond,
			Purse::AuthorBond => &mut self.author_bond,
			// What every vote of the rounds so far can cost was reserved before their panels were called.
			Purse::AuditPool => &mut { Balance::MAX },
		};
		let amount = amount.min(*left);
		*left -= amount;
		if amount > 0 {
			self.moves.push(Move { from, to, amount });
		}
		amount
	}

	/// A job that was done: provider, author, pool and solver out of the budget.
	fn pay_for_run<A>(&mut self, terms: &Terms<A>, usage: Millis, completed: bool) {
		self.pay(Purse::Budget, Party::Provider, terms.cost(usage));
		if completed {
			self.pay(Purse::Budget, Party::Author, terms.module_fee);
		}
		self.pay(Purse::Budget, Party::AuditPool, terms.levy);
		if terms.solver.is_some() {
			self.pay(Purse::Budget, Party::Solver, terms.tip);
		}
	}
}

/// Who gets how much from which purse when a deal with these terms ends like this.
///
/// For terms that [`crate::fits()`] made, nothing is ever cut short except by an author's bond that is too small and, in
/// [`Outcome::Overturned`], by collateral that panel and creator exhaust.
pub fn settle<A>(terms: &Terms<A>, outcome: &Outcome) -> Settlement {
	let mut book = Book {
		budget: terms.budget,
		collateral: terms.collateral,
		challenge_bond: 0,
		author_bond: 0,
		moves: Vec::new(),
	};
	let votes_cost = |votes: u32| {
		terms
			.mediator_fee
			.saturating_mul(votes.into())
			.min(terms.panel_fee)
	};
	match *outcome {
		Outcome::Accepted { usage, completed } | Outcome::UnresolvedAudit { usage, completed } => {
			book.pay_for_run(terms, usage, completed)
		},
		Outcome::NoShow | Outcome::Declined => {
			book.pay(Purse::Collateral, Party::Treasury, terms.no_show_fine);
		},
		Outcome::TimedOut => {
			let levy = book.pay(Purse::Collateral, Party::AuditPool, terms.levy.min(terms.cap));
			let victim = share_down(terms.victim_share, terms.cap).min(terms.cap - levy);
			book.pay(Purse::Collateral, Party::Creator, victim);
			book.pay(Purse::Collateral, Party::Treasury, terms.cap - levy - victim);
		},
		Outcome::Unfetchable { again: false } | Outcome::UnresolvedChallenge => (),
		Outcome::Unfetchable { again: true } | Outcome::CancelledBeforeAck => {
			book.pay(Purse::Budget, Party::Treasury, terms.cancel_fee);
		},
		Outcome::CancelledRunning { elapsed } => {
			book.pay(Purse::Budget, Party::Provider, terms.cost(elapsed));
			book.pay(Purse::Budget, Party::AuditPool, terms.levy);
		},
		Outcome::Upheld {
			usage,
			completed,
			votes,
			challenged,
		} => {
			book.pay_for_run(terms, usage, completed);
			if challenged {
				book.challenge_bond = terms.panel_fee;
				book.pay(Purse::ChallengeBond, Party::Mediators, votes_cost(votes));
			} else {
				book.pay(Purse::AuditPool, Party::Mediators, votes_cost(votes));
			}
		},
		Outcome::Overcharged {
			claimed,
			median,
			completed,
			votes,
		} => {
			let fair = terms.cost(median);
			let excess = terms.cost(claimed).saturating_sub(fair);
			book.pay_for_run(terms, median, completed);
			book.pay(Purse::Collateral, Party::Mediators, votes_cost(votes));
			book.pay(Purse::Collateral, Party::Treasury, terms.forfeit(excess));
		},
		Outcome::Overturned { votes } => {
			book.pay(Purse::Collateral, Party::Mediators, votes_cost(votes));
			book.pay(Purse::Collateral, Party::Creator, terms.cap);
			book.pay(Purse::Collateral, Party::Treasury, Balance::MAX);
		},
		Outcome::NonDeterministic {
			usage,
			votes,
			author_bond,
			challenged,
		} => {
			book.author_bond = author_bond;
			let owed = votes_cost(votes);
			let from_author = book.pay(Purse::AuthorBond, Party::Mediators, owed);
			if !challenged {
				// The price of a right result's audit, which the levy covers. Every vote would be more than the levies of
				// all deals with such a module bring: whoever deals with himself could empty the pool.
				let missing = (owed - from_author).min(terms.mediator_fee);
				book.pay(Purse::AuditPool, Party::Mediators, missing);
			}
			let cost = book.pay(Purse::Budget, Party::Provider, terms.cost(usage));
			book.pay(Purse::AuthorBond, Party::Creator, cost);
		},
	}
	Settlement { moves: book.moves }
}

/// Whether the purses of a deal with these terms hold whatever the table moves out of them: so that nobody is ever cut short, except
/// by an author's bond that is too small, and the treasury by an [`Outcome::Overturned`].
pub fn nobody_is_cut_short<A: Clone>(terms: &Terms<A>) -> bool {
	let ample = Terms {
		budget: Balance::MAX,
		collateral: Balance::MAX,
		..terms.clone()
	};
	let (usage, votes, completed) = (Millis::MAX, u32::MAX, true);
	let dearest = [
		Outcome::Accepted { usage, completed },
		Outcome::NoShow,
		Outcome::TimedOut,
		Outcome::Unfetchable { again: true },
		Outcome::CancelledRunning { elapsed: usage },
		Outcome::Upheld {
			usage,
			completed,
			votes,
			challenged: true,
		},
	];
	let overturned = Outcome::Overturned { votes };
	let (paid, due) = (settle(terms, &overturned), settle(&ample, &overturned));
	dearest
		.iter()
		.all(|outcome| settle(terms, outcome) == settle(&ample, outcome))
		&& [Party::Mediators, Party::Creator]
			.iter()
			.all(|party| paid.paid_to(*party) == due.paid_to(*party))
}

#[cfg(test)]
mod tests {
	use super::*;
	use crate::{
		terms::{tests::PRICING, Amounts},
		Judge, Profile, LP,
	};
	use proptest::prelude::*;

	fn terms_with(
		rate: Balance,
		time_limit: Millis,
		fee: Balance,
		tip: Balance,
		solver: Option<u64>,
	) -> Terms<u64> {
		let a = Amounts::new(&PRICING, rate, time_limit, fee, tip).expect("in range");
		Terms {
			creator: 1,
			judge: Judge::Creator,
			provider: 2,
			author: 3,
			solver,
			rate,
			time_limit,
			budget: a.escrow + 1000,
			cap: a.cap,
			module_fee: fee,
			levy: a.levy,
			tip,
			escrow: a.escrow,
			mediator_fee: a.mediator_fee,
			panel_fee: a.panel_fee,
			collateral: a.collateral,
			no_show_fine: PRICING.no_show_fine,
			cancel_fee: PRICING.cancel_fee,
			victim_share: PRICING.victim_share,
			profile: Profile::Deterministic,
		}
	}

	fn terms() -> Terms<u64> {
		terms_with(LP, 10_000, 7, 3, Some(4))
	}

	/// The table of the protocol, row by row: what each outcome moves.
	#[test]
	fn every_row_pays_as_the_table_says() {
		use Party::*;
		use Purse::{AuthorBond, Budget, ChallengeBond, Collateral};
		let t = terms();
		let cap = 10 * LP;
		let levy = cap / 50;
		let fee = cap / 2;
		type Moved = Vec<(Purse, Party, Balance)>;
		let rows: Vec<(Outcome, Moved)> = vec![
			(
				Outcome::Accepted {
					usage: 2500,
					completed: true,
				},
				vec![
					(Budget, Provider, LP * 5 / 2),
					(Budget, Author, 7),
					(Budget, AuditPool, levy),
					(Budget, Solver, 3),
				],
			),
			(
				Outcome::Accepted {
					usage: 2500,
					completed: false,
				},
				vec![
					(Budget, Provider, LP * 5 / 2),
					(Budget, AuditPool, levy),
					(Budget, Solver, 3),
				],
			),
			(Outcome::NoShow, vec![(Collateral, Treasury, LP / 10)]),
			(Outcome::Declined, vec![(Collateral, Treasury, LP / 10)]),
			(
				Outcome::TimedOut,
				vec![
					(Collateral, AuditPool, levy),
					(Collateral, Creator, cap / 2),
					(Collateral, Treasury, cap / 2 - levy),
				],
			),
			(Outcome::Unfetchable { again: false }, vec![]),
			(
				Outcome::Unfetchable { again: true },
				vec![(Budget, Treasury, LP / 1000)],
			),
			(Outcome::CancelledBeforeAck, vec![(Budget, Treasury, LP / 1000)]),
			(
				Outcome::CancelledRunning { elapsed: 1 },
				vec![(Budget, Provider, LP / 1000), (Budget, AuditPool, levy)],
			),
			(
				Outcome::CancelledRunning { elapsed: u64::MAX },
				vec![(Budget, Provider, cap), (Budget, AuditPool, levy)],
			),
			(
				Outcome::Upheld {
					usage: 1000,
					completed: true,
					votes: 3,
					challenged: true,
				},
				vec![
					(Budget, Provider, LP),
					(Budget, Author, 7),
					(Budget, AuditPool, levy),
					(Budget, Solver, 3),
					(ChallengeBond, Mediators, 3 * fee),
				],
			),
			(
				Outcome::Upheld {
					usage: 1000,
					completed: false,
					votes: 1,
					challenged: false,
				},
				vec![
					(Budget, Provider, LP),
					(Budget, AuditPool, levy),
					(Budget, Solver, 3),
					(Purse::AuditPool, Mediators, fee),
				],
			),
			(
				Outcome::Overcharged {
					claimed: 9000,
					median: 1000,
					completed: true,
					votes: 3,
				},
				vec![
					(Budget, Provider, LP),
					(Budget, Author, 7),
					(Budget, AuditPool, levy),
					(Budget, Solver, 3),
					(Collateral, Mediators, 3 * fee),
					(Collateral, Treasury, t.collateral * 8 / 10),
				],
			),
			(
				Outcome::Overturned { votes: 4 },
				vec![
					(Collateral, Mediators, 4 * fee),
					(Collateral, Creator, cap),
					(Collateral, Treasury, t.collateral - 4 * fee - cap),
				],
			),
			(
				Outcome::NonDeterministic {
					usage: 1000,
					votes: 11,
					author_bond: 11 * fee + 5,
					challenged: true,
				},
				vec![
					(AuthorBond, Mediators, 11 * fee),
					(Budget, Provider, LP),
					(AuthorBond, Creator, 5),
				],
			),
			(
				Outcome::NonDeterministic {
					usage: 1000,
					votes: 2,
					author_bond: fee,
					challenged: false,
				},
				vec![
					(AuthorBond, Mediators, fee),
					(Purse::AuditPool, Mediators, fee),
					(Budget, Provider, LP),
				],
			),
			(
				Outcome::NonDeterministic {
					usage: 1000,
					votes: 11,
					author_bond: fee,
					challenged: false,
				},
				vec![
					(AuthorBond, Mediators, fee),
					(Purse::AuditPool, Mediators, fee),
					(Budget, Provider, LP),
				],
			),
			(
				Outcome::NonDeterministic {
					usage: 1000,
					votes: 2,
					author_bond: fee,
					challenged: true,
				},
				vec![(AuthorBond, Mediators, fee), (Budget, Provider, LP)],
			),
			(Outcome::UnresolvedChallenge, vec![]),
			(
				Outcome::UnresolvedAudit {
					usage: 1000,
					completed: true,
				},
				vec![
					(Budget, Provider, LP),
					(Budget, Author, 7),
					(Budget, AuditPool, levy),
					(Budget, Solver, 3),
				],
			),
		];
		for (outcome, moves) in rows {
			let expected: Vec<_> = moves
				.into_iter()
				.map(|(from, to, amount)| Move { from, to, amount })
				.collect();
			assert_eq!(settle(&t, &outcome).moves, expected, "{outcome:?}");
		}
	}

	#[test]
	fn a_tip_without_a_solver_stays_the_creators() {
		let t = terms_with(LP, 10_000, 7, 3, None);
		assert_eq!(
			settle(
				&t,
				&Outcome::Accepted {
					usage: 1,
					completed: true
				}
			)
			.paid_to(Party::Solver),
			0
		);
	}

	fn any_outcome() -> impl Strategy<Value = Outcome> {
		let t = any::<u64>;
		let v = 0u32..20;
		prop_oneof![
			(t(), any::<bool>()).prop_map(|(usage, completed)| Outcome::Accepted { usage, completed }),
			Just(Outcome::NoShow),
			Just(Outcome::Declined),
			Just(Outcome::TimedOut),
			any::<bool>().prop_map(|again| Outcome::Unfetchable { again }),
			Just(Outcome::CancelledBeforeAck),
			t().prop_map(|elapsed| Outcome::CancelledRunning { elapsed }),
			(t(), any::<bool>(), v.clone(), any::<bool>()).prop_map(
				|(usage, completed, votes, challenged)| Outcome::Upheld {
					usage,
					completed,
					votes,
					challenged
				}
			),
			(t(), t(), any::<bool>(), v.clone()).prop_map(|(claimed, median, completed, votes)| {
				Outcome::Overcharged {
					claimed,
					median,
					completed,
					votes,
				}
			}),
			v.clone().prop_map(|votes| Outcome::Overturned { votes }),
			(t(), v, any::<u128>(), any::<bool>()).prop_map(|(usage, votes, author_bond, challenged)| {
				Outcome::NonDeterministic {
					usage,
					votes,
					author_bond,
					challenged,
				}
			}),
			Just(Outcome::UnresolvedChallenge),
			(t(), any::<bool>()).prop_map(|(usage, completed)| Outcome::UnresolvedAudit { usage, completed }),
		]
	}

	fn any_terms() -> impl Strategy<Value = Terms<u64>> {
		(
			1_000u128..1 << 90,
			1_000u64..86_400_000,
			0u128..1 << 90,
			0u128..1 << 90,
			any::<Option<u64>>(),
		)
			.prop_map(|(rate, limit, fee, tip, solver)| terms_with(rate, limit, fee, tip, solver))
	}

	proptest! {
		#[test]
		fn no_purse_is_overdrawn(terms in any_terms(), outcome in any_outcome()) {
			let s = settle(&terms, &outcome);
			prop_assert!(s.taken_from(Purse::Budget) <= terms.budget.min(terms.escrow.max(terms.cancel_fee)));
			prop_assert!(s.taken_from(Purse::Collateral) <= terms.collateral);
			prop_assert!(s.taken_from(Purse::ChallengeBond) <= terms.panel_fee);
			if let Outcome::NonDeterministic { author_bond, .. } = outcome {
				prop_assert!(s.taken_from(Purse::AuthorBond) <= author_bond);
			}
			prop_assert!(s.moves.iter().all(|m| m.amount > 0));
		}

		/// Creator, provider, author, solver and every mediator together never take out more than the author's bond and
		/// the audit pool put in, and the pool never pays more than the votes cost.
		#[test]
		fn colluding_parties_gain_nothing_together(terms in any_terms(), outcome in any_outcome()) {
			let s = settle(&terms, &outcome);
			let from_inside: u128 = s.moves.iter().filter(|m| m.from != Purse::AuditPool)
				.filter(|m| !matches!(m.to, Party::AuditPool | Party::Treasury)).map(|m| m.amount).sum();
			let spent: u128 = [Purse::Budget, Purse::Collateral, Purse::ChallengeBond, Purse::AuthorBond]
				.iter().map(|p| s.taken_from(*p)).sum();
			prop_assert!(from_inside <= spent);
			prop_assert!(s.taken_from(Purse::AuditPool) <= terms.panel_fee);
			if matches!(outcome, Outcome::NonDeterministic { .. }) {
				prop_assert!(s.taken_from(Purse::AuditPool) <= terms.mediator_fee, "an author can empty the pool");
			}
			if matches!(outcome, Outcome::TimedOut) {
				prop_assert!(s.paid_to(Party::Treasury) + s.paid_to(Party::AuditPool) > 0, "timing out on oneself costs");
			}
		}

		#[test]
		fn terms_that_fit_cut_nobody_short(terms in any_terms()) {
			prop_assert!(nobody_is_cut_short(&terms));
			let short = |budget, collateral| Terms { budget, collateral, ..terms.clone() };
			prop_assert!(!nobody_is_cut_short(&short(terms.escrow - 1, terms.collateral)) || terms.solver.is_none());
			prop_assert!(!nobody_is_cut_short(&short(terms.budget, terms.panel_fee + terms.cap - 1)));
			prop_assert!(!nobody_is_cut_short(&short(terms.budget, 0)));
		}

		#[test]
		fn the_extremes_do_not_panic(
			rate: u128, budget: u128, cap: u128, levy: u128, fee: u128, collateral: u128, panel_fee: u128, outcome in any_outcome(),
		) {
			let terms = Terms {
				rate, budget, cap, levy, module_fee: fee, tip: fee, escrow: budget, mediator_fee: fee, panel_fee, collateral,
				no_show_fine: fee, cancel_fee: fee, ..terms()
			};
			let s = settle(&terms, &outcome);
			prop_assert!(s.taken_from(Purse::Budget) <= budget);
			prop_assert!(s.taken_from(Purse::Collateral) <= collateral);
		}
	}
}
