//! How often results are audited, and what that costs.
//!
//! With honest mediators a provider is best off honest when a result is audited with a probability of at least
//!
//! ```text
//! (c_e − c_d) / (π · p_a^(n+1) · (n + θ + 1))
//! ```
//!
//! where `c_e − c_d` is what cheating saves, `π` the price, `p_a` the probability that an honest run gives the module's
//! usual answer, `n` the panel fees that a cheat forfeits and `θ` the rest of its collateral, both in units of `π`. See
//! Eisele et al., "Mechanisms for Outsourcing Computation via a Decentralized Market", DEBS 2020.
//!
//! That holds among honest mediators. A cheat in league with those who hold a share `q` of the tickets is caught only if the
//! audit's one mediator is honest and so are two of the three who come next, and if it is not caught, its mediators are paid. With
//! a vote that costs `f` prices the last factor becomes
//!
//! ```text
//! (n + θ + 1) · (1 − q)³ · (1 + 2q) − f · (1 − q) · (6q² − 3q³)
//! ```
//!
//! Everything is integer arithmetic, and everything rounds towards more audits.

use crate::{
	terms::{share_up, Amounts, MILLIS_PER_SECOND},
	Balance, Pricing, Profile, Terms,
};
use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use scale_info::TypeInfo;
use serde::{Deserialize, Serialize};
use sp_arithmetic::{
	helpers_128bit::multiply_by_rational_with_rounding, traits::Saturating, FixedPointNumber, FixedU128,
	PerThing, Permill, Perquintill, Rounding,
};

/// Votes of an audit's and a challenge's first panels: one mediator, and three.
pub const FIRST_PANELS: u32 = 1 + 3;

/// What the auditing of results rests on: governance parameters.
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
pub struct AuditRules {
	/// What cheating saves, as a share of the price: `(c_e − c_d) / π`.
	pub saving: Permill,
	/// Probability that an honest run of a deterministic module gives its usual answer: `p_a`.
	pub usual: Perquintill,
	/// Share of the audits of right results that go through every panel although they need not.
	pub escalates: Permill,
	/// Share of the tickets that may be in league with a cheat, who must be deterred all the same: `q`.
	pub colluding: Permill,
}

/// What a cheat risks and gains, in units of the price `π`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stakes {
	/// What cheating saves: `(c_e − c_d) / π`.
	pub saving: FixedU128,
	/// Probability that an honest run gives the module's usual answer: `p_a`.
	pub usual: Perquintill,
	/// Runs that must all give it, besides the provider's own: the exponent's `n`.
	pub runs: u32,
	/// Panel fees that a cheat forfeits: the divisor's `n`.
	pub panel_fees: FixedU128,
	/// The rest of the collateral: `θ`.
	pub theta: FixedU128,
	/// Share of the tickets that are in league with the cheat: `q`.
	pub colluding: Permill,
	/// What one vote costs: `f`.
	pub vote_fee: FixedU128,
}

/// `numerator / ACCURACY⁴` for a product of four shares in millionths.
fn of_shares(numerator: u128, rounding: Rounding) -> FixedU128 {
	let accuracy = u128::from(Permill::ACCURACY);
	FixedU128::from_inner(match rounding {
		Rounding::Up => numerator.div_ceil(accuracy),
		_ => numerator / accuracy,
	})
}

impl Stakes {
	/// Probability that an audited cheat is caught, rounded down: the audit's one mediator is honest, and so are two of the three
	/// who come next.
	pub fn caught(&self) -> FixedU128 {
		let q = u128::from(self.colluding.deconstruct());
		let accuracy = u128::from(Permill::ACCURACY);
		of_shares((accuracy - q).pow(3) * (accuracy + 2 * q), Rounding::Down)
	}

	/// Votes of the league that are paid, on average over all audits, because the second panel has found for it, rounded up.
	fn votes_won(&self) -> FixedU128 {
		let q = u128::from(self.colluding.deconstruct());
		let accuracy = u128::from(Permill::ACCURACY);
		of_shares(
			(accuracy - q) * (6 * q.pow(2) * accuracy - 3 * q.pow(3)),
			Rounding::Up,
		)
	}

	/// The least probability of an audit with which honesty pays best, rounded up; one, when not even that suffices.
	pub fn audit_probability(&self) -> Perquintill {
		// Both factors of the divisor round down, and so the quotient up.
		let exponent = usize::try_from(self.runs).unwrap_or(usize::MAX).saturating_add(1);
		let usual = FixedU128::from_inner(self.usual.saturating_pow(exponent).deconstruct().into());
		let forfeit = self
			.panel_fees
			.saturating_add(self.theta)
			.saturating_add(FixedU128::from_u32(1))
			.saturating_mul(self.caught());
		// Fee and product round down: a millionth of a price more makes up for both.
		let rounding = FixedU128::from_rational(u128::from(!self.colluding.is_zero()), 1_000_000);
		let won = self
			.votes_won()
			.saturating_mul(self.vote_fee)
			.saturating_add(rounding);
		let divisor = usual.saturating_mul(forfeit.saturating_sub(won));
		let parts = multiply_by_rational_with_rounding(
			self.saving.into_inner(),
			Perquintill::ACCURACY.into(),
			divisor.into_inner(),
			Rounding::Up,
		);
		match parts.map(u64::try_from) {
			Some(Ok(parts)) => Perquintill::from_parts(parts.min(Perquintill::ACCURACY)),
			_ => Perquintill::one(),
		}
	}
}

/// `floor(amount / unit)` as a fixed-point number, or the largest one.
fn in_units_of(amount: Balance, unit: Balance) -> FixedU128 {
	multiply_by_rational_with_rounding(amount, FixedU128::DIV, unit, Rounding::Down)
		.map_or(FixedU128::from_inner(u128::MAX), FixedU128::from_inner)
}

impl AuditRules {
	/// With which probability the result of a deal with these terms is audited. Zero for modules that need not give the
	/// same result twice.
	///
	/// The price is taken to be the cap: whoever is paid less risks even more in comparison. Padding a bill costs that part of
	/// the collateral which it is of the cap, so that the same probability deters from it.
	pub fn probability<A>(&self, terms: &Terms<A>) -> Perquintill {
		match terms.profile {
			Profile::Deterministic => {
				self.probability_for(terms.cap, terms.mediator_fee, terms.panel_fee, terms.collateral)
			},
			Profile::NonDeterministic => Perquintill::zero(),
		}
	}

	fn probability_for(
		&self,
		cap: Balance,
		mediator_fee: Balance,
		panel_fee: Balance,
		collateral: Balance,
	) -> Perquintill {
		let stakes = Stakes {
			saving: FixedU128::saturating_from_rational(self.saving.deconstruct(), Permill::ACCURACY),
			usual: self.usual,
			runs: FIRST_PANELS,
			panel_fees: in_units_of(panel_fee, cap),
			theta: in_units_of(collateral.saturating_sub(panel_fee), cap),
			colluding: self.colluding,
			vote_fee: in_units_of(mediator_fee, cap),
		};
		stakes.audit_probability()
	}

	/// What the audit of a right result costs the pool on average, rounded up: one vote, and now and then all of them.
	pub fn expected_fees(&self, mediator_fee: Balance, largest_panel: u32) -> Balance {
		let more = mediator_fee.saturating_mul(largest_panel.saturating_add(FIRST_PANELS - 1).into());
		mediator_fee.saturating_add(share_up(self.escalates, more))
	}

	/// Whether the levy of every possible deal covers what auditing it costs on average.
	///
	/// Levy and expected costs are linear in the cap but for the places where a least fee or a least collateral ends, so
	/// it is enough to look there and at both ends.
	pub fn is_covered_by(&self, pricing: &Pricing) -> bool {
		let smallest = crate::terms::charge(pricing.min_rate, pricing.min_time_limit).unwrap_or(1);
		let fee_ends = Permill::one().deconstruct().max(1);
		let bend_of_fees = multiply_by_rational_with_rounding(
			pricing.min_mediator_fee,
			fee_ends.into(),
			pricing.mediator_fee_rate.deconstruct().max(1).into(),
			Rounding::Up,
		)
		.unwrap_or(Balance::MAX);
		let bend_of_collateral = pricing
			.min_collateral
			.div_ceil(pricing.collateral_factor.max(1).into());
		// Larger than any sum that there will ever be, and far from where the numbers end.
		let largest = Balance::MAX >> 32;
		let caps = [bend_of_fees, bend_of_collateral]
			.into_iter()
			.flat_map(|bend| [bend.saturating_sub(1), bend, bend.saturating_add(1)])
			.chain([smallest, largest]);
		caps.map(|cap| cap.clamp(smallest, largest))
			.all(|cap| self.is_covered_at(pricing, cap))
	}

	fn is_covered_at(&self, pricing: &Pricing, cap: Balance) -> bool {
		// A run of a second at this rate has just this cap.
		let pricing = Pricing {
			min_time_limit: 1,
			min_rate: 1,
			max_time_limit: pricing.max_time_limit.max(MILLIS_PER_SECOND),
			..*pricing
		};
		let Ok(amounts) = Amounts::new(&pricing, cap, MILLIS_PER_SECOND, 0, 0) else {
			return false;
		};
		let probability =
			self.probability_for(cap, amounts.mediator_fee, amounts.panel_fee, amounts.collateral);
		let fees = self.expected_fees(amounts.mediator_fee, pricing.largest_panel);
		amounts.levy >= probability.mul_ceil(fees)
	}
}

/// Whether the draw with this seed falls on a subject that is drawn with this probability.
pub fn is_drawn(seed: &[u8; 32], probability: Perquintill) -> bool {
	let mut first = [0; 8];
	first.copy_from_slice(&seed[..8]);
	// Both sides are below 2^124.
	let draw = u128::from(u64::from_le_bytes(first)) * u128::from(Perquintill::ACCURACY);
	draw < u128::from(probability.deconstruct()) << 64
}

#[cfg(test)]
mod tests {
	use super::*;
	use crate::{terms::tests::PRICING, Judge, LP};
	use proptest::prelude::*;

	const RULES: AuditRules = AuditRules {
		saving: Permill::from_percent(80),
		usual: Perquintill::one(),
		escalates: Permill::from_percent(1),
		colluding: Permill::zero(),
	};

	/// Of [`PRICING`], with a levy that covers what [`RULES`] cost.
	const COVERED: Pricing = Pricing {
		levy_rate: Permill::from_percent(3),
		..PRICING
	};

	fn terms(profile: Profile) -> Terms<u64> {
		let a = Amounts::new(&PRICING, LP, 10_000, 0, 0).expect("in range");
		Terms {
			creator: 1,
			judge: Judge::Creator,
			provider: 2,
			author: 3,
			solver: None,
			rate: LP,
			time_limit: 10_000,
			budget: a.escrow,
			cap: a.cap,
			module_fee: 0,
			levy: a.levy,
			tip: 0,
			escrow: a.escrow,
			mediator_fee: a.mediator_fee,
			panel_fee: a.panel_fee,
			collateral: a.collateral,
			no_show_fine: PRICING.no_show_fine,
			cancel_fee: PRICING.cancel_fee,
			victim_share: PRICING.victim_share,
			profile,
		}
	}

	fn stakes(n: u32, theta: u32) -> Stakes {
		Stakes {
			saving: FixedU128::from_rational(8, 10),
			usual: Perquintill::one(),
			runs: n,
			panel_fees: FixedU128::from_u32(n),
			theta: FixedU128::from_u32(theta),
			colluding: Permill::zero(),
			vote_fee: FixedU128::from_u32(1),
		}
	}

	/// The paper's five rows, in its own precision.
	#[test]
	fn the_papers_rows() {
		for (n, theta, tenths_of_a_percent) in
			[(1, 0, 400), (4, 0, 160), (1, 10, 67), (2, 50, 15), (3, 100, 8)]
		{
			let p = stakes(n, theta).audit_probability();
			let rounded = (p.deconstruct() + Perquintill::ACCURACY / 2_000) / (Perquintill::ACCURACY / 1_000);
			assert_eq!(rounded, tenths_of_a_percent, "n = {n}, θ = {theta}: {p:?}");
		}
	}

	#[test]
	fn the_probability_rounds_up() {
		// 0.8 / 11.9 has no end.
		let p = Stakes {
			theta: FixedU128::from_rational(99, 10),
			..stakes(1, 0)
		}
		.audit_probability();
		let exact = multiply_by_rational_with_rounding(8, Perquintill::ACCURACY.into(), 119, Rounding::Down);
		assert_eq!(Some(u128::from(p.deconstruct()) - 1), exact);
	}

	#[test]
	fn the_probability_is_one_when_nothing_deters() {
		assert_eq!(
			Stakes {
				usual: Perquintill::zero(),
				..stakes(1, 0)
			}
			.audit_probability(),
			Perquintill::one()
		);
		assert_eq!(
			Stakes {
				saving: FixedU128::from_u32(5),
				..stakes(0, 0)
			}
			.audit_probability(),
			Perquintill::one()
		);
	}

	#[test]
	fn an_unusual_answer_asks_for_more_audits() {
		let often = Stakes {
			usual: Perquintill::from_percent(99),
			..stakes(3, 100)
		};
		assert!(often.audit_probability() > stakes(3, 100).audit_probability());
	}

	#[test]
	fn a_league_asks_for_more_audits() {
		let league = |percent| Stakes {
			colluding: Permill::from_percent(percent),
			..stakes(1, 10)
		};
		let p = |percent| league(percent).audit_probability().deconstruct() as f64 / 1e18;
		// A half: caught one time in four, and 13/16 of a vote won.
		assert_eq!(league(50).caught(), FixedU128::from_rational(1, 4));
		assert!((p(50) - 0.8 / (12.0 / 4.0 - 9.0 / 16.0)).abs() < 1e-6);
		// A fifth: (4/5)³ · 7/5, and 4/5 · (6/25 − 3/125).
		assert_eq!(league(20).caught(), FixedU128::from_rational(448, 625));
		assert!((p(20) - 0.8 / (12.0 * 0.7168 - 0.8 * 0.216)).abs() < 1e-6);
		assert_eq!(p(100), 1.0);
		assert!((0..100).all(|percent| p(percent) <= p(percent + 1)));
	}

	#[test]
	fn what_is_not_deterministic_is_never_audited() {
		assert_eq!(
			RULES.probability(&terms(Profile::NonDeterministic)),
			Perquintill::zero()
		);
		let p = RULES.probability(&terms(Profile::Deterministic));
		// n = 5.5, θ = 10.
		assert!(
			(p.deconstruct() as f64 / 1e18 - 0.8 / 16.5).abs() < 1e-12,
			"{p:?}"
		);
	}

	#[test]
	fn expected_fees_are_one_vote_and_now_and_then_all() {
		assert_eq!(RULES.expected_fees(100, 7), 110);
		assert_eq!(RULES.expected_fees(1, 7), 2);
	}

	#[test]
	fn coverage_boundary() {
		assert!(RULES.is_covered_by(&COVERED));
		// 0.8 · 1.1 · 50 % / 16.5 = 2.67 %.
		let just = |parts| {
			RULES.is_covered_by(&Pricing {
				levy_rate: Permill::from_parts(parts),
				..PRICING
			})
		};
		assert!(just(26_667));
		assert!(!just(26_666));
	}

	#[test]
	fn coverage_fails_when_the_least_fee_is_too_high() {
		assert!(!RULES.is_covered_by(&Pricing {
			min_mediator_fee: 100 * LP,
			min_collateral: LP,
			..COVERED
		}));
	}

	proptest! {
		/// Where the check says yes, it is so for every cap.
		#[test]
		fn coverage_holds_for_every_cap(
			levy in 0u32..200_000, fee_rate in 0u32..1_000_000, min_fee in 0u128..1 << 70, min_collateral in LP / 10..1 << 70,
			theta in 1u32..200, saving in 0u32..1_000_000, colluding in 0u32..600_000, caps in prop::collection::vec(1_000u128..1 << 95, 50),
		) {
			let pricing = Pricing {
				levy_rate: Permill::from_parts(levy),
				mediator_fee_rate: Permill::from_parts(fee_rate),
				min_mediator_fee: min_fee,
				min_collateral,
				collateral_factor: theta,
				..PRICING
			};
			let rules = AuditRules {
				saving: Permill::from_parts(saving),
				colluding: Permill::from_parts(colluding),
				..RULES
			};
			if rules.is_covered_by(&pricing) {
				for cap in caps {
					let a = Amounts::new(&Pricing { min_rate: 1, ..pricing }, cap, 1_000, 0, 0).expect("in range");
					let p = rules.probability_for(cap, a.mediator_fee, a.panel_fee, a.collateral);
					let fees = p.mul_ceil(rules.expected_fees(a.mediator_fee, 7));
					// The bends lie between whole numbers.
					prop_assert!(a.levy + 2 >= fees, "{cap}: {} < {fees}", a.levy);
				}
			}
		}

		#[test]
		fn draws_come_up_as_often_as_they_should(parts in 0u64..=Perquintill::ACCURACY) {
			let p = Perquintill::from_parts(parts);
			let threshold = (u128::from(parts) << 64) / u128::from(Perquintill::ACCURACY);
			let at = |x: u128| {
				let mut seed = [7; 32];
				seed[..8].copy_from_slice(&u64::try_from(x).expect("below 2^64").to_le_bytes());
				is_drawn(&seed, p)
			};
			if threshold > 0 {
				prop_assert!(at(threshold - 1));
			}
			if threshold < u128::from(u64::MAX) {
				prop_assert!(!at(threshold + 1));
			}
		}
	}

	#[test]
	fn a_probability_of_nothing_or_all_leaves_no_doubt() {
		for byte in [0, 255] {
			assert!(!is_drawn(&[byte; 32], Perquintill::zero()));
			assert!(is_drawn(&[byte; 32], Perquintill::one()));
		}
	}
}
