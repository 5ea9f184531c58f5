//! What deals do to their provider's score.

use super::*;
use sp_runtime::Permill;

fn score() -> Permill {
	<DealsPallet as Scores<_>>::score(&PROVIDER)
}

fn record() -> TrackRecord {
	Bonds::<Test>::get(PROVIDER).unwrap_or_default().record
}

#[test]
fn a_newcomer_has_half() {
	test(|| {
		assert_eq!(score(), Permill::from_percent(50));
		assert_eq!(
			<DealsPallet as Scores<_>>::score(&NOBODY),
			Permill::from_percent(50)
		);
	});
}

#[test]
fn accepted_and_upheld_results_raise_it() {
	test(|| {
		let deal = submitted();
		pass(DRAW);
		assert_ok!(DealsPallet::accept(signed(CREATOR), deal, opening()));
		let accepted = score();
		assert!(accepted > Permill::from_percent(50));
		let deal = challenged();
		open_in_case(deal);
		rule(deal, Verdict::Upheld, 3);
		assert!(score() > accepted);
		assert_eq!((record().accepted, record().upheld), (1, 1));
	});
}

#[test]
fn overturned_results_and_no_shows_lower_it() {
	test(|| {
		let deal = matched();
		assert_ok!(DealsPallet::decline(signed(PROVIDER), deal));
		let declined = score();
		assert!(declined < Permill::from_percent(50));
		let deal = challenged();
		rule(deal, Verdict::Overturned { result: None }, 0);
		assert!(score() < declined);
		assert_eq!((record().no_shows, record().overturned), (1, 1));
	});
}

#[test]
fn what_is_not_the_providers_doing_does_not_count() {
	test(|| {
		let deal = matched();
		assert_ok!(DealsPallet::report_unfetchable(signed(PROVIDER), deal));
		assert_ok!(<DealsPallet as DealsSeam<_>>::cancel(matched()));
		rule(challenged(), Verdict::Unresolved, 0);
		let deal = challenged();
		open_in_case(deal);
		rule(deal, Verdict::NonDeterministic, 0);
		assert_eq!(record(), TrackRecord::default());
	});
}

#[test]
fn a_score_goes_with_its_bond() {
	test(|| {
		assert_ok!(DealsPallet::decline(signed(PROVIDER), matched()));
		let rest = Bonds::<Test>::get(PROVIDER).expect("bonded").free();
		assert_ok!(DealsPallet::unbond(signed(PROVIDER), rest));
		assert_eq!(record().no_shows, 1);
		pass(UNBONDING);
		assert_ok!(DealsPallet::withdraw_unbonded(signed(PROVIDER)));
		assert_eq!(crate::Pallet::<Test>::record_of(PROVIDER), None);
	});
}
