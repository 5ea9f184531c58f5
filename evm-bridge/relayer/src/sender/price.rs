//! What to pay for gas.

use super::SendError;

/// A price for a unit of gas, in wei.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Price {
	/// The most that is paid.
	pub max_fee: u128,
	/// What of it is for the block's producer; `None` on chains without EIP-1559.
	pub tip: Option<u128>,
}

impl Price {
	/// The price that gets a transaction into one of the next blocks: twice the base fee, which rises by an eighth a block at
	/// most, and the tip. Never more than `limit`; an error when even the next block would cost more.
	pub fn now(base_fee: Option<u128>, tip: u128, limit: u128) -> Result<Self, SendError> {
		let least = base_fee.unwrap_or(tip);
		if least > limit {
			return Err(SendError::TooDear { price: least, limit });
		}
		Ok(match base_fee {
			Some(base) => {
				let max_fee = base.saturating_mul(2).saturating_add(tip).min(limit);
				Self {
					max_fee,
					tip: Some(tip.min(max_fee.saturating_sub(base))),
				}
			},
			None => Self {
				max_fee: tip,
				tip: None,
			},
		})
	}

	/// A price at which nodes take a transaction in the place of one at this price: both parts an eighth higher, rounded up,
	/// and at least what the market asks now. `None` if that is more than `limit`.
	pub fn bumped(self, market: Self, limit: u128) -> Option<Self> {
		let eighth_more = |fee: u128| fee.saturating_add(fee.div_ceil(8)).saturating_add(1);
		let max_fee = eighth_more(self.max_fee).max(market.max_fee);
		let tip = match (self.tip, market.tip) {
			(Some(old), Some(new)) => Some(eighth_more(old).max(new).min(max_fee)),
			(old, _) => old.map(eighth_more),
		};
		(max_fee <= limit).then_some(Self { max_fee, tip })
	}
}

#[cfg(test)]
mod tests {
	use super::*;

	const GWEI: u128 = 1_000_000_000;

	#[test]
	fn a_price_survives_rising_base_fees() {
		let price = Price::now(Some(10 * GWEI), GWEI, 100 * GWEI).expect("cheap");
		assert_eq!(
			price,
			Price {
				max_fee: 21 * GWEI,
				tip: Some(GWEI)
			}
		);
	}

	#[test]
	fn a_price_boundary_limit() {
		let at = Price::now(Some(10 * GWEI), GWEI, 10 * GWEI).expect("just so");
		assert_eq!((at.max_fee, at.tip), (10 * GWEI, Some(0)));
		assert!(matches!(
			Price::now(Some(10 * GWEI + 1), GWEI, 10 * GWEI),
			Err(SendError::TooDear { .. })
		));
		assert!(Price::now(None, 11, 10).is_err());
		assert_eq!(Price::now(None, 10, 10).expect("just so").tip, None);
	}

	#[test]
	fn a_raised_price_replaces_the_old_one() {
		let market = Price {
			max_fee: 5,
			tip: Some(1),
		};
		for max_fee in [1, 7, 8, 9, 1_000, 21 * GWEI] {
			for tip in [0, 1, max_fee / 2, max_fee] {
				let old = Price {
					max_fee,
					tip: Some(tip),
				};
				let new = old.bumped(market, u128::MAX).expect("no limit");
				// What nodes demand: 12.5 % more of each.
				assert!(
					new.max_fee * 8 >= max_fee * 9 && new.max_fee > max_fee,
					"{old:?} {new:?}"
				);
				let new_tip = new.tip.expect("kept");
				assert!(new_tip * 8 >= tip * 9 && new_tip > tip, "{old:?} {new:?}");
				assert!(new_tip <= new.max_fee);
			}
		}
	}

	#[test]
	fn a_raised_price_follows_the_market_and_stops_at_the_limit() {
		let old = Price {
			max_fee: 100,
			tip: Some(10),
		};
		let market = Price {
			max_fee: 500,
			tip: Some(50),
		};
		assert_eq!(old.bumped(market, 500), Some(market));
		assert_eq!(old.bumped(market, 499), None);
	}
}
