//! `expire_job`, and the sweeper that saves people the trouble.

use crate::{mock::*, Error, Event, SweepCursor, WeightInfo};
use frame_support::{
	assert_noop, assert_ok,
	traits::Hooks,
	weights::{Weight, WeightMeter},
};
use frame_system::RawOrigin;
use lilypad_primitives::{JobId, JobRequest};
use sp_runtime::DispatchError;

#[test]
fn expire_job_works_for_anybody_and_gives_everything_back() {
	test(|| {
		let job = post(request());
		System::set_block_number(22);
		events();
		assert_ok!(Market::expire_job(signed(POOR), job));
		assert_eq!(events(), vec![Event::JobExpired { job }]);
		assert_eq!(Market::job(job), None);
		assert_eq!(Desk::at(At::Free, CREATOR), RICHES);
		assert_eq!(Ended::<Test>::get(), vec![(job, CREATOR, false, 0)]);
	});
}

/// Whoever is told of a job's end has work with jobs from elsewhere alone.
#[test]
fn expire_job_gives_back_what_it_did_not_weigh() {
	use frame_support::dispatch::GetDispatchInfo;
	use lilypad_primitives::JobOrigin;
	let own = <() as WeightInfo>::expire_job();
	let elsewhere = JobOrigin::Evm {
		chain: 1,
		request: 1,
		delegate: None,
	};
	for (origin, weighed) in [(JobOrigin::Native, own), (elsewhere, own + TOLD)] {
		test(|| {
			let (job, _) = Market::do_post_job(CREATOR, request(), origin).unwrap();
			System::set_block_number(22);
			let declared = crate::Call::<Test>::expire_job { job }
				.get_dispatch_info()
				.call_weight;
			let info = Market::expire_job(signed(POOR), job).unwrap();
			assert_eq!(info.actual_weight, Some(weighed));
			assert!(weighed.all_lt(declared));
		});
	}
}

#[test]
fn expire_job_boundary_last_block() {
	test(|| {
		let job = post(request());
		System::set_block_number(21);
		assert_noop!(Market::expire_job(signed(POOR), job), Error::<Test>::NotExpired);
		System::set_block_number(22);
		assert_ok!(Market::expire_job(signed(POOR), job));
		assert_noop!(Market::expire_job(signed(POOR), job), Error::<Test>::UnknownJob);
	});
}

#[test]
fn expire_job_fails_when_matched_or_not_signed() {
	test(|| {
		offer().by(PROVIDER);
		let job = post(request());
		System::set_block_number(99);
		assert_noop!(Market::expire_job(signed(POOR), job), Error::<Test>::NotExpired);
		assert_noop!(
			Market::expire_job(RawOrigin::None.into(), job),
			DispatchError::BadOrigin
		);
	});
}

#[test]
fn the_sweeper_expires_what_is_overdue_and_nothing_else() {
	test(|| {
		let overdue = post(request());
		let waiting = post(JobRequest {
			match_window: 50,
			..request()
		});
		System::set_block_number(22);
		Market::on_idle(22, Weight::MAX);
		assert_eq!(Market::job(overdue), None);
		assert!(Market::job(waiting).is_some());
		assert_eq!(SweepCursor::<Test>::get(), None);
	});
}

#[test]
fn the_sweeper_uses_no_more_weight_than_there_is() {
	test(|| {
		for _ in 0..5 {
			post(request());
		}
		System::set_block_number(22);
		let (base, step, expire) = (<()>::sweep_base(), <()>::sweep_step(), <()>::expire_job());
		let mut nothing = WeightMeter::with_limit(base - Weight::from_parts(1, 0));
		Market::sweep(&mut nothing);
		assert_eq!(nothing.consumed(), Weight::zero());
		// Twice the base: a look at the proposals comes first.
		let limit = base * 2 + (step + expire) * 2 + step;
		assert_eq!(Market::on_idle(22, limit), base * 2 + (step + expire) * 2);
		assert_eq!(crate::Jobs::<Test>::iter_keys().count(), 3);
		check();
		// It goes on where it stopped.
		assert!(SweepCursor::<Test>::get().is_some());
		Market::on_idle(22, Weight::MAX);
		assert_eq!(crate::Jobs::<Test>::iter_keys().count(), 0);
	});
}

#[test]
fn the_sweeper_comes_around_however_many_jobs_wait() {
	test(|| {
		// Rich jobs with long windows stand before the overdue one.
		for _ in 0..3 * MAX_SCAN {
			post(JobRequest {
				match_window: 90,
				budget: 2 * lilypad_primitives::LP,
				..request()
			});
		}
		let overdue = post(request());
		System::set_block_number(22);
		let rounds = (1..10).find(|_| {
			Market::on_idle(22, Weight::MAX);
			Market::job(overdue).is_none()
		});
		assert_eq!(rounds, Some(4));
		// The next round begins at the beginning.
		assert_eq!(SweepCursor::<Test>::get(), None);
		assert!(Market::job(JobId(0)).is_some());
	});
}
