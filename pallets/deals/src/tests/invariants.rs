//! Whatever is corrupted, `do_try_state` notices.

use super::*;
use frame_support::traits::fungible::MutateHold;
use sp_runtime::TryRuntimeError;

/// Checks that a sound state with one deal of each kind passes, and that it doesn't once it is corrupted.
#[track_caller]
fn notices(expected: &'static str, corrupt: impl FnOnce(DealId)) {
	new_test_ext().execute_with(|| {
		mint(PROVIDER, 10 * BOND);
		assert_ok!(DealsPallet::bond(signed(PROVIDER), 9 * BOND));
		assert_ok!(DealsPallet::hold_deposit(&OTHER, LP));
		Kept::insert(OTHER, LP);
		matched();
		running();
		let deal = revealed();
		assert_ok!(DealsPallet::do_try_state());
		corrupt(deal);
		assert_eq!(DealsPallet::do_try_state(), Err(TryRuntimeError::Other(expected)));
	});
}

fn hold_more(reason: HoldReason, who: AccountId) {
	assert_ok!(<Balances as MutateHold<_>>::hold(&reason.into(), &who, 1));
}

/// A submitted deal's record says that it is in dispute, and nothing else does.
fn dispute_in_the_record(deal: DealId, dispute: Dispute) {
	Deals::<Test>::mutate(deal, |deal| {
		let deal = deal.as_mut().expect("lives");
		let DealState::Submitted { seal, elapsed, .. } = deal.state else {
			panic!("the deal is submitted");
		};
		deal.state = DealState::Disputed {
			seal,
			elapsed,
			opened: None,
			dispute,
		};
	});
}

#[test]
fn a_hold_that_no_record_explains() {
	notices("1: budgets differ from the hold", |_| {
		hold_more(HoldReason::JobBudget, AUTHOR)
	});
	notices("1: deposits differ from the hold", |_| {
		hold_more(HoldReason::Deposit, CREATOR)
	});
	notices("1: bond differs from the hold", |_| {
		hold_more(HoldReason::ProviderBond, PROVIDER)
	});
	notices("1: challenge bonds differ from the hold", |_| {
		hold_more(HoldReason::ChallengeBond, CREATOR)
	});
	notices("1: the audits' reserve differs from the hold", |_| {
		mint(POOL, LP);
		hold_more(HoldReason::AuditReserve, POOL)
	});
	notices("1: the audits' reserve differs from the hold", |_| {
		hold_more(HoldReason::AuditReserve, OTHER)
	});
}

#[test]
fn a_reserve_that_is_not_its_audits() {
	notices("1: a reserve without an audit", |deal| {
		AuditReserves::<Test>::insert(deal, VOTE)
	});
	let audit = |deal, reserved| {
		dispute_in_the_record(deal, Dispute::Audit);
		AuditReserves::<Test>::insert(deal, reserved);
	};
	for wrong in [VOTE - 1, PANEL_FEE + 1] {
		notices("1: an audit's reserve is not that of its rounds", |deal| {
			audit(deal, wrong)
		});
	}
	notices("1: the audits' reserve differs from the hold", |deal| {
		audit(deal, VOTE)
	});
}

#[test]
fn a_record_that_no_hold_backs() {
	notices("1: budgets differ from the hold", |_| {
		Jobs::mutate(JobId(0), |job| job.as_mut().expect("it lives").terms.budget += 1);
	});
	notices("1: budgets differ from the hold", |_| {
		Jobs::mutate(JobId(0), |job| {
			job.as_mut().expect("it lives").terms.creator = NOBODY
		});
	});
	notices("1: deposits differ from the hold", |_| {
		Deposits::<Test>::insert(NOBODY, 1)
	});
	notices("1: bond differs from the hold", |_| {
		Bonds::<Test>::insert(
			NOBODY,
			Bond {
				total: 1,
				..Default::default()
			},
		);
	});
	notices("1: an entry that says nothing", |_| {
		Deposits::<Test>::insert(NOBODY, 0)
	});
}

#[test]
fn a_deposit_that_nothing_kept_explains() {
	let wrong = "1: deposits differ from those of what is kept";
	notices(wrong, |_| Kept::remove(OTHER));
	notices(wrong, |_| Kept::insert(OTHER, LP - 1));
	notices(wrong, |_| Kept::insert(NOBODY, 1));
}

#[test]
fn a_job_and_a_deal_that_do_not_know_each_other() {
	let change = |change: fn(&mut MockJob)| {
		Jobs::mutate(JobId(0), |job| change(job.as_mut().expect("it lives")));
	};
	notices("8: a deal without a job", |_| change(|job| job.deal = None));
	notices("8: a job's deal is gone", |_| {
		change(|job| job.deal = Some(DealId(9)))
	});
	notices("8: a job's deal is another's", |_| {
		change(|job| job.deal = Some(DealId(1)))
	});
	notices("8: a job's deal is another's", |deal| {
		Deals::<Test>::mutate(deal, |deal| deal.as_mut().expect("lives").offer = OfferId(8));
	});
	// What is on hold is what the jobs say, and more than what the deals say.
	notices("8: a deal's budget is not its job's", |_| {
		change(|job| job.terms.budget += 1);
		hold_more(HoldReason::JobBudget, CREATOR);
	});
}

#[test]
fn capacity_that_is_not_used_as_it_is_granted() {
	let wrong = "9: capacity is granted to a deal that uses none, or the other way round";
	for job in [JobId(0), JobId(2)] {
		notices(wrong, |_| {
			Jobs::mutate(job, |job| {
				let job = job.as_mut().expect("it lives");
				job.running = !job.running;
			});
		});
	}
}

#[test]
fn commitments_that_do_not_add_up() {
	notices("2: committed differs from the collaterals", |_| {
		Bonds::<Test>::mutate(PROVIDER, |bond| bond.as_mut().expect("bonded").committed += 1);
	});
	notices("2: more is committed and unbonding than bonded", |_| {
		Bonds::<Test>::mutate(PROVIDER, |bond| {
			let bond = bond.as_mut().expect("bonded");
			let all = Unbonding {
				amount: bond.total,
				releasable_at: 0,
			};
			bond.unbonding.try_push(all).expect("there is room");
		});
	});
	notices("2: an empty bond", |_| {
		Bonds::<Test>::insert(NOBODY, Bond::default())
	});
}

#[test]
fn a_deal_whose_provider_has_no_bond() {
	notices("2: a deal without a bond", |_| {
		let bond = Bonds::<Test>::take(PROVIDER).expect("bonded");
		let reason = HoldReason::ProviderBond.into();
		let exact = frame_support::traits::tokens::Precision::Exact;
		assert_ok!(<Balances as MutateHold<_>>::release(
			&reason, &PROVIDER, bond.total, exact
		));
	});
}

#[test]
fn a_deal_whose_budget_is_not_held() {
	notices("3: a deal's budget is not on hold", |deal| {
		Deals::<Test>::mutate(deal, |deal| deal.as_mut().expect("lives").terms.budget += 1);
	});
}

#[test]
fn an_index_that_differs_from_the_deals() {
	notices("4: a deal is missing in the index", |deal| {
		let place = Deals::<Test>::get(deal).expect("lives").indexed_at;
		Lapses::<Test>::remove(DueKey::new(place, deal));
	});
	notices("4: a deal would be looked at too late", |deal| {
		Deals::<Test>::mutate(deal, |entry| {
			let entry = entry.as_mut().expect("lives");
			Lapses::<Test>::remove(DueKey::new(entry.indexed_at, deal));
			entry.indexed_at = deadline(deal) + 1;
			Lapses::<Test>::insert(DueKey::new(entry.indexed_at, deal), ());
		});
	});
	notices("4: an index entry without a deal", |_| {
		Lapses::<Test>::insert(DueKey::new(1, DealId(0)), ())
	});
}

#[test]
fn an_id_that_could_be_used_again() {
	notices("5: an id could be used again", NextDealId::<Test>::put);
}

#[test]
fn a_usage_that_is_too_long() {
	notices("6: a usage is too long", |deal| {
		Deals::<Test>::mutate(deal, |deal| {
			if let DealState::Submitted { elapsed, .. } = &mut deal.as_mut().expect("lives").state {
				*elapsed = 2_999;
			}
		});
	});
}

#[test]
fn a_score_that_cannot_be() {
	notices("7: a score is better than perfect", |_| {
		let record = TrackRecord {
			good: 2,
			all: 1,
			..Default::default()
		};
		Bonds::<Test>::mutate(PROVIDER, |bond| bond.as_mut().expect("bonded").record = record);
	});
}

#[test]
fn a_stake_that_is_not_held() {
	notices("1: challenge bonds differ from the hold", |deal| {
		dispute_in_the_record(deal, Dispute::Challenge(Reason::Unavailable))
	});
}

#[test]
fn purses_that_are_too_small() {
	use frame_support::traits::tokens::Precision::Exact;
	let wrong = "10: a purse is too small for an outcome";
	let release = |reason: HoldReason, who, amount| {
		assert_ok!(<Balances as MutateHold<_>>::release(
			&reason.into(),
			&who,
			amount,
			Exact
		));
	};
	// Everything else is as the records say: the hold, the job, the other deals.
	notices(wrong, |deal| {
		let missing = BUDGET - (CAP + FEE + LEVY + TIP) + 1;
		Deals::<Test>::mutate(deal, |deal| {
			let deal = deal.as_mut().expect("lives");
			deal.terms.solver = Some(SOLVER);
			deal.terms.budget -= missing;
		});
		Jobs::mutate(JobId(2), |job| {
			job.as_mut().expect("lives").terms.budget -= missing
		});
		release(HoldReason::JobBudget, CREATOR, missing);
	});
	notices(wrong, |deal| {
		let left = Deals::<Test>::mutate(deal, |deal| {
			let terms = &mut deal.as_mut().expect("lives").terms;
			terms.collateral = terms.panel_fee + terms.cap - 1;
			terms.collateral
		});
		Bonds::<Test>::mutate(PROVIDER, |bond| {
			bond.as_mut().expect("bonded").committed -= COLLATERAL - left
		});
	});
}

#[test]
fn an_opening_that_was_not_submitted() {
	notices("11: what was opened is not what was submitted", |deal| {
		Deals::<Test>::mutate(deal, |deal| {
			if let DealState::Submitted { seal, .. } = &mut deal.as_mut().expect("lives").state {
				seal.0[0] ^= 1;
			}
		});
	});
}
