//! The amounts of a deal, frozen when it is matched.
//!
//! What is charged is rounded up, what is shared is rounded down, and every operation is checked.

use crate::{Balance, Millis, Profile};
use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use scale_info::TypeInfo;
use serde::{Deserialize, Serialize};
use sp_arithmetic::{
	helpers_128bit::multiply_by_rational_with_rounding, traits::CheckedAdd, Permill, Rounding,
};

/// Milliseconds in the second that a rate is for.
pub const MILLIS_PER_SECOND: Millis = 1000;

/// The market's prices and fines: governance parameters, the same for everybody.
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
pub struct Pricing {
	/// Share of the cap that goes to the audit pool.
	pub levy_rate: Permill,
	/// Share of the cap that one mediator earns for one vote.
	pub mediator_fee_rate: Permill,
	/// Least that one mediator earns for one vote.
	pub min_mediator_fee: Balance,
	/// Mediators in the largest panel: L.
	pub largest_panel: u32,
	/// Collateral as a multiple of the cap: θ, at least 1.
	pub collateral_factor: u32,
	/// Least collateral, before panel fees; at least `no_show_fine`.
	pub min_collateral: Balance,
	/// Fine of a provider that does not acknowledge, or declines.
	pub no_show_fine: Balance,
	/// What a creator pays for cancelling before the acknowledgement, or for inputs that twice were not to be had.
	pub cancel_fee: Balance,
	/// Share of a time-out's fine that goes to the creator; less than one, so that nobody profits from timing out on
	/// himself.
	pub victim_share: Permill,
	/// Least rate of an offer, in LP per second.
	pub min_rate: Balance,
	/// Least time limit of a job.
	pub min_time_limit: Millis,
	/// Longest time limit of a job.
	pub max_time_limit: Millis,
}

impl Pricing {
	/// Whether the parameters keep each other's promises. Configurations and parameter changes must pass this.
	pub fn check(&self) -> Result<(), &'static str> {
		if self.min_rate == 0 {
			return Err("min_rate is zero: a free offer would win every match and could not be fined");
		}
		if self.min_time_limit == 0 || self.min_time_limit > self.max_time_limit {
			return Err("time limits must be positive and in order");
		}
		if self.collateral_factor == 0 {
			return Err("collateral_factor must be at least 1");
		}
		if self.min_collateral < self.no_show_fine {
			return Err("min_collateral must cover the no-show fine");
		}
		if self.victim_share == Permill::one() {
			return Err("victim_share must be less than one");
		}
		match self.levy_rate.checked_add(&self.victim_share) {
			Some(sum) if sum < Permill::one() || self.levy_rate.is_zero() => Ok(()),
			_ => Err("levy and victim's share of a fine must leave something for the treasury"),
		}
	}
}

/// Why no terms can be made.
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
pub enum TermsError {
	/// A number left its range: rate, time limit or fee is absurdly large.
	Overflow,
	/// The rate is below the least rate.
	RateTooLow,
	/// The time limit is outside its bounds.
	TimeLimit,
}

/// Who speaks for the creator once there is a result.
#[derive(
	Clone,
	Copy,
	Debug,
	Default,
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
pub enum Judge<AccountId> {
	/// The creator itself.
	#[default]
	Creator,
	/// An account that a creator without a key on this chain has named.
	Delegate(AccountId),
	/// Nobody: a result that is not drawn for an audit is paid for as soon as it is opened.
	Nobody,
}

/// The frozen terms of a deal.
#[derive(
	Clone,
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
pub struct Terms<AccountId> {
	/// Who pays.
	pub creator: AccountId,
	/// Who accepts or challenges the result for it.
	pub judge: Judge<AccountId>,
	/// Who runs.
	pub provider: AccountId,
	/// Who earns the module's fee.
	pub author: AccountId,
	/// Who proposed the match and earns the tip, when it was neither the chain nor a party.
	pub solver: Option<AccountId>,
	/// LP per second of run time.
	pub rate: Balance,
	/// Longest run to pay for.
	pub time_limit: Millis,
	/// The creator's budget, held whole while the job lives.
	pub budget: Balance,
	/// Most that the provider can earn.
	pub cap: Balance,
	/// The author's fee for a completed run.
	pub module_fee: Balance,
	/// To the audit pool, due once the deal is acknowledged.
	pub levy: Balance,
	/// To the solver.
	pub tip: Balance,
	/// The part of the budget that this deal can use: cap, fee, levy and tip.
	pub escrow: Balance,
	/// What one mediator earns for one vote.
	pub mediator_fee: Balance,
	/// Every vote of every round that a case can have; also the bond of a challenge.
	pub panel_fee: Balance,
	/// Committed out of the provider's bond.
	pub collateral: Balance,
	/// Fine for not acknowledging, or declining.
	pub no_show_fine: Balance,
	/// The creator's fee for cancelling before the acknowledgement.
	pub cancel_fee: Balance,
	/// The creator's share of a time-out's fine.
	pub victim_share: Permill,
	/// Whether results can be audited and challenged.
	pub profile: Profile,
}

/// `ceil(rate · span)`, with the rate per second and the span in milliseconds.
pub fn charge(rate: Balance, span: Millis) -> Option<Balance> {
	multiply_by_rational_with_rounding(rate, span.into(), MILLIS_PER_SECOND.into(), Rounding::Up)
}

/// `ceil(share · amount)`.
pub fn share_up(share: Permill, amount: Balance) -> Balance {
	share.mul_ceil(amount)
}

/// `floor(share · amount)`.
pub fn share_down(share: Permill, amount: Balance) -> Balance {
	share.mul_floor(amount)
}

/// The amounts that follow from rate, time limit and fee.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, TypeInfo)]
pub struct Amounts {
	/// See [`Terms::cap`].
	pub cap: Balance,
	/// See [`Terms::levy`].
	pub levy: Balance,
	/// See [`Terms::escrow`].
	pub escrow: Balance,
	/// See [`Terms::mediator_fee`].
	pub mediator_fee: Balance,
	/// See [`Terms::panel_fee`].
	pub panel_fee: Balance,
	/// See [`Terms::collateral`].
	pub collateral: Balance,
}

impl Amounts {
	/// Works them out.
	pub fn new(
		pricing: &Pricing,
		rate: Balance,
		time_limit: Millis,
		module_fee: Balance,
		tip: Balance,
	) -> Result<Self, TermsError> {
		use TermsError::*;
		if rate < pricing.min_rate {
			return Err(RateTooLow);
		}
		// The longest limit is a rule for posting: a job that waits, or is queued again, keeps its own when the rule changes.
		if time_limit < pricing.min_time_limit {
			return Err(TimeLimit);
		}
		let cap = charge(rate, time_limit).ok_or(Overflow)?;
		let levy = share_up(pricing.levy_rate, cap);
		let escrow = cap
			.checked_add(module_fee)
			.and_then(|s| s.checked_add(levy))
			.and_then(|s| s.checked_add(tip))
			.ok_or(Overflow)?;
		let mediator_fee = pricing
			.min_mediator_fee
			.max(share_up(pricing.mediator_fee_rate, cap));
		let votes = Balance::from(pricing.largest_panel)
			.checked_add(4)
			.ok_or(Overflow)?;
		let panel_fee = mediator_fee.checked_mul(votes).ok_or(Overflow)?;
		let collateral = cap
			.checked_mul(pricing.collateral_factor.into())
			.map(|c| c.max(pricing.min_collateral))
			.and_then(|c| c.checked_add(panel_fee))
			.ok_or(Overflow)?;
		Ok(Self {
			cap,
			levy,
			escrow,
			mediator_fee,
			panel_fee,
			collateral,
		})
	}
}

impl<AccountId> Terms<AccountId> {
	/// What the provider earns for a run of this length: `min(cap, ceil(rate · usage))`.
	pub fn cost(&self, usage: Millis) -> Balance {
		charge(self.rate, usage).unwrap_or(self.cap).min(self.cap)
	}

	/// What of the collateral a claim costs that was this much too high: the part that it is of the cap. Claiming the whole cap
	/// for nothing costs the whole collateral, as a forged result does, so that the audits which deter from one deter from
	/// the other.
	pub fn forfeit(&self, excess: Balance) -> Balance {
		let part = excess.min(self.cap);
		multiply_by_rational_with_rounding(self.collateral, part, self.cap.max(1), Rounding::Up)
			.unwrap_or(self.collateral)
			.min(self.collateral)
	}

	/// The account that accepts or challenges the result, if anybody does.
	pub fn judging_account(&self) -> Option<&AccountId> {
		match &self.judge {
			Judge::Creator => Some(&self.creator),
			Judge::Delegate(delegate) => Some(delegate),
			Judge::Nobody => None,
		}
	}

	/// Whose the bond of a challenge is. What a wrong result costs its provider goes to the creator all the same.
	pub fn challenger(&self) -> &AccountId {
		self.judging_account().unwrap_or(&self.creator)
	}
}

#[cfg(test)]
pub(crate) mod tests {
	use super::*;
	use crate::LP;

	pub(crate) const PRICING: Pricing = Pricing {
		levy_rate: Permill::from_percent(2),
		mediator_fee_rate: Permill::from_percent(50),
		min_mediator_fee: LP / 100,
		largest_panel: 7,
		collateral_factor: 10,
		min_collateral: LP,
		no_show_fine: LP / 10,
		cancel_fee: LP / 1000,
		victim_share: Permill::from_percent(50),
		min_rate: 1_000,
		min_time_limit: 1_000,
		max_time_limit: 24 * 3_600_000,
	};

	#[test]
	fn charges_round_up() {
		assert_eq!(charge(1, 1), Some(1));
		assert_eq!(charge(1, 1000), Some(1));
		assert_eq!(charge(1, 1001), Some(2));
		assert_eq!(charge(0, u64::MAX), Some(0));
		assert_eq!(charge(u128::MAX, 1000), Some(u128::MAX));
		assert_eq!(charge(u128::MAX, 1001), None);
	}

	#[test]
	fn amounts_follow_the_formulas() {
		let a = Amounts::new(&PRICING, LP, 1500, 7, 3).expect("in range");
		assert_eq!(a.cap, LP * 3 / 2);
		assert_eq!(a.levy, a.cap / 50);
		assert_eq!(a.escrow, a.cap + a.levy + 10);
		assert_eq!(a.mediator_fee, a.cap / 2);
		assert_eq!(a.panel_fee, 11 * a.mediator_fee);
		assert_eq!(a.collateral, 10 * a.cap + a.panel_fee);
		let small = Amounts::new(&PRICING, 1_000, 1_000, 0, 0).expect("in range");
		assert_eq!(small.mediator_fee, LP / 100);
		assert_eq!(small.collateral, LP + small.panel_fee);
	}

	#[test]
	fn amounts_fail_at_the_extremes() {
		let new = |rate, time| Amounts::new(&PRICING, rate, time, 0, 0);
		assert_eq!(new(0, 1000), Err(TermsError::RateTooLow));
		assert_eq!(new(999, 1000), Err(TermsError::RateTooLow));
		assert_eq!(new(1000, 999), Err(TermsError::TimeLimit));
		assert_eq!(new(1000, 0), Err(TermsError::TimeLimit));
		assert!(new(1000, PRICING.max_time_limit + 1).is_ok());
		assert_eq!(new(u128::MAX, u64::MAX), Err(TermsError::Overflow));
		assert_eq!(new(u128::MAX, 1000), Err(TermsError::Overflow));
		assert_eq!(new(u128::MAX, 2000), Err(TermsError::Overflow));
		assert_eq!(
			Amounts::new(&PRICING, 1000, 1000, u128::MAX, 1),
			Err(TermsError::Overflow)
		);
	}

	#[test]
	fn pricing_is_checked() {
		assert_eq!(PRICING.check(), Ok(()));
		for bad in [
			Pricing {
				min_rate: 0,
				..PRICING
			},
			Pricing {
				min_time_limit: 0,
				..PRICING
			},
			Pricing {
				max_time_limit: 1,
				..PRICING
			},
			Pricing {
				collateral_factor: 0,
				..PRICING
			},
			Pricing {
				min_collateral: PRICING.no_show_fine - 1,
				..PRICING
			},
			Pricing {
				victim_share: Permill::one(),
				..PRICING
			},
			Pricing {
				levy_rate: Permill::from_percent(50),
				..PRICING
			},
		] {
			assert!(bad.check().is_err(), "{bad:?}");
		}
	}
}
