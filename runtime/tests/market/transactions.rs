//! The provider's calls as signed transactions: whoever is entitled pays nothing, whoever isn't pays and fails.

use super::{chain::*, signed::transact};
use frame_support::{
	assert_ok,
	traits::{fungible::Mutate, tokens::Preservation::Preserve},
};
use lilypad_primitives::{DealId, LP};
use lilypad_runtime::{constants::currency::EXISTENTIAL_DEPOSIT, Balance, Balances, Runtime, System};
use pallet_deals::Call;

fn free(who: Who) -> Balance {
	System::account(who.to_account_id()).data.free
}

fn matched() -> DealId {
	offer(PROVIDER, machine(RATE, 1));
	deal_of(post(CREATOR, request())).expect("matched")
}

#[test]
fn a_provider_without_spare_money_does_its_duties_free() {
	test(|| {
		let deal = matched();
		// All but what keeps the account alive is gone.
		let spare = free(PROVIDER) - EXISTENTIAL_DEPOSIT;
		assert_ok!(Balances::transfer(
			&PROVIDER.to_account_id(),
			&STRANGER.to_account_id(),
			spare,
			Preserve
		));
		assert_eq!(transact(PROVIDER, Call::acknowledge { deal }), Ok(Ok(())));
		pass(2);
		assert_eq!(
			transact(
				PROVIDER,
				Call::submit {
					deal,
					seal: opening().seal(deal)
				}
			),
			Ok(Ok(()))
		);
		draw(deal);
		assert_eq!(
			transact(
				PROVIDER,
				Call::reveal {
					deal,
					opening: opening()
				}
			),
			Ok(Ok(()))
		);
		assert_eq!(free(PROVIDER), EXISTENTIAL_DEPOSIT);
		assert_eq!(System::account_nonce(PROVIDER.to_account_id()), 3);
	});
}

#[test]
fn who_is_not_entitled_pays_and_fails() {
	test(|| {
		let deal = matched();
		let before = free(STRANGER);
		let result = transact(STRANGER, Call::acknowledge { deal });
		assert_eq!(
			result,
			Ok(Err(pallet_deals::Error::<Runtime>::NotProvider.into()))
		);
		assert!(free(STRANGER) < before);
	});
}

#[test]
fn a_second_acknowledgement_is_not_free() {
	test(|| {
		let deal = matched();
		assert_eq!(transact(PROVIDER, Call::acknowledge { deal }), Ok(Ok(())));
		let before = free(PROVIDER);
		let result = transact(PROVIDER, Call::acknowledge { deal });
		assert_eq!(
			result,
			Ok(Err(pallet_deals::Error::<Runtime>::AlreadyAcknowledged.into()))
		);
		assert!(free(PROVIDER) < before);
	});
}

#[test]
fn a_creator_pays_a_fee_for_accepting() {
	test(|| {
		let before = free(CREATOR);
		let deal = matched();
		run(PROVIDER, deal);
		draw(deal);
		assert_eq!(
			transact(
				CREATOR,
				Call::accept {
					deal,
					opening: opening()
				}
			),
			Ok(Ok(()))
		);
		let fee = before - free(CREATOR) - (3 * RATE + FEE + LEVY);
		assert!(fee > 0 && fee < LP / 50, "the fee is {fee}");
	});
}
