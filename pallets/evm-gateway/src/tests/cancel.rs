use crate::{mock::*, status, Cancelling, Error, Request, WeightInfo};
use frame_support::assert_noop;
use lilypad_primitives::JobId;

fn delegated() -> JobId {
	taken_up(Request {
		delegate: alice().into(),
		..request(1)
	})
}

#[test]
fn cancel_works() {
	test(|| {
		let job = delegated();
		let post = Gateway::cancel(signed(&alice()), job).expect("it is the delegate");
		let own = <() as WeightInfo>::cancel();
		assert_eq!(
			post.actual_weight,
			Some(own.saturating_add(desk::CANCELLED)),
			"what was not needed comes back"
		);
		assert_eq!(
			(only_answer().status, only_answer().refund),
			(status::CANCELLED, BUDGET)
		);
		assert_eq!(Cancelling::<Test>::get(), None);
	});
}

#[test]
fn cancel_fails_when_it_is_not_the_delegate() {
	test(|| {
		let job = delegated();
		assert_noop!(
			Gateway::cancel(signed(&provider()), job),
			Error::<Test>::NotDelegate
		);
		let without = taken_up(request(2));
		for who in [alice(), [0; 32].into()] {
			assert_noop!(Gateway::cancel(signed(&who), without), Error::<Test>::NotDelegate);
		}
	});
}

#[test]
fn cancel_fails_when_there_is_no_such_request() {
	test(|| {
		let job = delegated();
		desk::end(job, completed(), 0, 0);
		assert_noop!(
			Gateway::cancel(signed(&alice()), job),
			Error::<Test>::UnknownRequest
		);
	});
}
