//! Accounts that are frozen, dead or too poor to exist: nobody else's call fails because of them, and what can't be
//! delivered goes to the treasury.

use super::chain::*;
use frame_support::{
	assert_ok,
	traits::{fungible::Mutate, tokens::Preservation::Expendable, LockableCurrency, WithdrawReasons},
};
use lilypad_primitives::{JobRequest, LP};
use lilypad_runtime::{
	constants::currency::EXISTENTIAL_DEPOSIT, Balances, Runtime, RuntimeEvent, System, TreasuryAccount,
};
use pallet_deals::{Call as D, HoldReason};
use pallet_market::Call as M;

fn freeze(who: Who) {
	let who = who.to_account_id();
	Balances::set_lock(*b"a freeze", &who, u128::MAX, WithdrawReasons::all());
}

/// Empties an account that has nothing on hold, and lets it die.
fn kill(who: Who) {
	let account = who.to_account_id();
	let all = System::account(&account).data.free;
	assert_ok!(<Balances as Mutate<_>>::transfer(
		&account,
		&Who::Dave.to_account_id(),
		all,
		Expendable
	));
	assert!(!System::account_exists(&account));
}

#[test]
fn a_frozen_creator_gets_its_budget_back() {
	for expire in [false, true] {
		test(|| {
			let before = picture();
			let job = post(CREATOR, request());
			freeze(CREATOR);
			if expire {
				pass(51);
				assert_ok!(call(STRANGER, M::expire_job { job }));
			} else {
				assert_ok!(call(CREATOR, M::cancel_job { job }));
			}
			before.assert_changed(&[]);
		});
	}
}

#[test]
fn a_frozen_creator_pays_and_its_frozen_provider_and_author_are_paid() {
	test(|| {
		offer(PROVIDER, machine(RATE, 1));
		let before = picture();
		let deal = deal_of(post(CREATOR, request())).expect("matched");
		for who in [CREATOR, PROVIDER, AUTHOR] {
			freeze(who);
		}
		run(PROVIDER, deal);
		accept(CREATOR, deal);
		before.assert_changed(&[
			("author", plus(FEE), 0),
			("creator", minus(3 * RATE + FEE + LEVY), 0),
			("provider", plus(3 * RATE), 0),
			("pool", plus(LEVY), 0),
		]);
	});
}

#[test]
fn a_frozen_provider_is_fined_and_its_job_goes_on() {
	test(|| {
		offer(PROVIDER, machine(RATE, 1));
		offer(SECOND, machine(2 * RATE, 1));
		let retries = 1;
		let job = post(CREATOR, JobRequest { retries, ..request() });
		let before = picture();
		freeze(PROVIDER);
		lapse(deal_of(job).expect("matched"));
		sweep_deals();
		before.assert_changed(&[
			("provider", 0, minus(NO_SHOW_FINE)),
			("treasury", plus(NO_SHOW_FINE), 0),
		]);
		assert_eq!(provider_of(job), Some(SECOND.to_account_id()));
	});
}

#[test]
fn a_frozen_provider_can_leave() {
	test(|| {
		let before = picture();
		let id = offer(PROVIDER, machine(RATE, 1));
		freeze(PROVIDER);
		assert_ok!(call(PROVIDER, M::withdraw_offer { offer: id }));
		assert_ok!(call(PROVIDER, D::unbond { amount: BOND }));
		pass(<Runtime as pallet_deals::Config>::UnbondingBlocks::get());
		assert_ok!(call(PROVIDER, D::withdraw_unbonded {}));
		before.assert_changed(&[]);
	});
}

#[test]
fn a_tip_too_small_for_a_dead_solver_goes_to_the_treasury() {
	for (tip, delivered) in [(EXISTENTIAL_DEPOSIT - 1, false), (EXISTENTIAL_DEPOSIT, true)] {
		test(|| {
			// A job with a target and without an offer; then the offer, and the bond last: the chain misses it.
			let target = Some(PROVIDER.to_account_id());
			let job = post(
				CREATOR,
				JobRequest {
					target,
					tip,
					..request()
				},
			);
			let id = pallet_market::NextOfferId::<Runtime>::get();
			let params = machine(RATE, 1);
			assert_ok!(call(PROVIDER, M::post_offer { params }));
			assert_ok!(call(PROVIDER, D::bond { amount: BOND }));
			assert_ok!(call(STRANGER, M::propose_match { job, offer: id }));
			kill(STRANGER);
			pass(3);
			idle();
			let deal = deal_of(job).expect("concluded");
			let before = System::account(TreasuryAccount::get()).data.free;
			run(PROVIDER, deal);
			accept(CREATOR, deal);
			let solver = System::account(STRANGER.to_account_id()).data.free;
			let treasury = System::account(TreasuryAccount::get()).data.free - before;
			assert_eq!((solver, treasury), if delivered { (tip, 0) } else { (0, tip) });
			let redirected = RuntimeEvent::Deals(pallet_deals::Event::PaymentRedirected {
				from: CREATOR.to_account_id(),
				reason: HoldReason::JobBudget,
				to: STRANGER.to_account_id(),
				amount: tip,
			});
			assert_eq!(System::events().iter().any(|e| e.event == redirected), !delivered);
		});
	}
}

#[test]
fn an_amount_of_one_unit_is_paid_like_any_other() {
	test(|| {
		// The least rate and the least time: the cap is a millionth of what any account must have.
		let rate = lilypad_runtime::MarketPricing::get().min_rate;
		offer(PROVIDER, machine(rate, 1));
		let least = JobRequest {
			time_limit: 1_000,
			budget: LP,
			..request()
		};
		let before = picture();
		let deal = deal_of(post(CREATOR, least)).expect("matched");
		let tiny = lilypad_primitives::Opening {
			usage: 1,
			..opening()
		};
		let seal = tiny.seal(deal);
		assert_ok!(call(PROVIDER, D::submit { deal, seal }));
		draw(deal);
		assert_ok!(call(CREATOR, D::accept { deal, opening: tiny }));
		let (cost, levy) = (rate / 1_000, rate * 45 / 1_000);
		before.assert_changed(&[
			("author", plus(FEE), 0),
			("creator", minus(FEE + cost + levy), 0),
			("provider", plus(cost), 0),
			("pool", plus(levy), 0),
		]);
	});
}

#[test]
fn only_a_run_that_completed_earns_the_author_its_fee() {
	use lilypad_primitives::{Opening, Status, Triple};
	for (status, fee) in [
		(Status::Completed, FEE),
		(Status::JobError, 0),
		(Status::TimeExceeded, 0),
		(Status::MemoryExceeded, 0),
		(Status::DiskExceeded, 0),
		(Status::OutputExceeded, 0),
	] {
		test(|| {
			offer(PROVIDER, machine(RATE, 1));
			let before = System::account(AUTHOR.to_account_id()).data.free;
			let deal = deal_of(post(CREATOR, request())).expect("matched");
			let triple = Triple {
				status,
				..opening().triple
			};
			let opening = Opening { triple, ..opening() };
			acknowledge(PROVIDER, deal);
			pass(2);
			let seal = opening.seal(deal);
			assert_ok!(call(PROVIDER, D::submit { deal, seal }));
			draw(deal);
			assert_ok!(call(CREATOR, D::accept { deal, opening }));
			assert_eq!(System::account(AUTHOR.to_account_id()).data.free - before, fee);
		});
	}
}
