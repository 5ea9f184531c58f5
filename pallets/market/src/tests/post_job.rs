use crate::{mock::*, Error, Event, JobState, NextJobId, WaitingIndex};
use frame_support::{assert_noop, assert_ok};
use frame_system::RawOrigin;
use lilypad_primitives::{
	job::MAX_RETRIES,
	terms::Amounts,
	traits::{NotPosted, PostJob},
	InputFile, Inputs, JobId, JobOrigin, JobRequest, MachineSpec, MediatorPolicy, LP,
};
use sp_runtime::{DispatchError, TokenError};

fn file(name: &str, size: u64) -> InputFile {
	InputFile {
		name: name.as_bytes().to_vec().try_into().unwrap(),
		hash: [1; 32],
		size,
	}
}

fn fails(change: impl FnOnce(&mut JobRequest<AccountId>), why: Error<Test>) {
	let mut request = request();
	change(&mut request);
	assert_noop!(try_post(CREATOR, request), why);
}

#[test]
fn post_job_works_and_waits() {
	test(|| {
		let id = post(request());
		let record = Market::job(id).unwrap();
		assert_eq!(record.state, JobState::Open { match_by: 21 });
		assert_eq!(
			(record.job.creator, record.job.version, record.job.origin),
			(CREATOR, COW, JobOrigin::Native)
		);
		assert_eq!(record.job.request, request());
		assert_eq!(WaitingIndex::<Test>::iter_keys().count(), 1);
		assert_eq!(Desk::at(At::Budget, CREATOR), LP);
		assert_eq!(
			events(),
			vec![Event::JobPosted {
				job: id,
				creator: CREATOR,
				version: COW,
				match_by: 21
			}]
		);
	});
}

#[test]
fn post_job_becomes_a_deal_in_the_same_block() {
	test(|| {
		let offer = offer().by(PROVIDER);
		events();
		let id = post(request());
		let deal = deal_of(id);
		assert_eq!(
			events(),
			vec![
				Event::JobPosted {
					job: id,
					creator: CREATOR,
					version: COW,
					match_by: 21
				},
				Event::JobMatched {
					job: id,
					deal,
					offer,
					provider: PROVIDER
				},
			]
		);
		let live = LiveDeals::<Test>::get(deal).unwrap();
		assert_eq!(
			(live.job, live.offer, live.terms.creator, live.terms.provider),
			(id, offer, CREATOR, PROVIDER)
		);
		assert_eq!(
			(live.terms.author, live.terms.solver, live.terms.budget),
			(AUTHOR, None, LP)
		);
		assert_eq!(WaitingIndex::<Test>::iter_keys().count(), 0);
	});
}

#[test]
fn the_deal_is_told_how_much_there_is_to_fetch() {
	test(|| {
		offer().by(PROVIDER);
		let inline = deal_of(post(request()));
		let files = vec![file("genome", 70), file("table", 30)].try_into().unwrap();
		let inputs = Inputs::Hash {
			hash: [2; 32],
			size: 1_000,
		};
		let many = deal_of(post(JobRequest {
			files,
			inputs,
			..request()
		}));
		let files = vec![file("genome", u64::MAX)].try_into().unwrap();
		let huge = deal_of(post(JobRequest { files, ..request() }));
		let bytes = |deal| LiveDeals::<Test>::get(deal).unwrap().fetch_bytes;
		assert_eq!((bytes(inline), bytes(many), bytes(huge)), (500, 1_600, u64::MAX));
	});
}

#[test]
fn post_job_works_for_gateways() {
	test(|| {
		let origin = JobOrigin::Evm {
			chain: 1337,
			request: 7,
			delegate: Some(RIVAL),
		};
		let id = <Market as PostJob<_>>::post(&CREATOR, request(), origin).unwrap();
		assert_eq!(job(id).origin, origin);
		assert_eq!(<Market as PostJob<_>>::origin(id), Some(origin));
		let failed = <Market as PostJob<_>>::post(&POOR, request(), origin);
		assert_eq!(failed, Err(NotPosted::Other(TokenError::FundsUnavailable.into())));
		let cheap = JobRequest {
			budget: 1,
			..request()
		};
		let failed = <Market as PostJob<_>>::post(&CREATOR, cheap, origin);
		assert_eq!(failed, Err(NotPosted::BudgetTooSmall));
		let module = "who:knows".parse().unwrap();
		let failed = <Market as PostJob<_>>::post(&CREATOR, JobRequest { module, ..request() }, origin);
		assert_eq!(failed, Err(NotPosted::UnknownModule));
		assert_eq!(NextJobId::<Test>::get(), JobId(1));
	});
}

#[test]
fn gateways_cancel_the_jobs_that_they_posted() {
	test(|| {
		let origin = JobOrigin::Evm {
			chain: 1337,
			request: 7,
			delegate: Some(RIVAL),
		};
		let id = <Market as PostJob<_>>::post(&CREATOR, request(), origin).unwrap();
		assert_noop!(
			<Market as PostJob<_>>::cancel(&POOR, id),
			Error::<Test>::NotCreator
		);
		assert_ok!(<Market as PostJob<_>>::cancel(&CREATOR, id));
		assert!(Market::job(id).is_none());
	});
}

#[test]
fn post_job_fails_when_the_module_is_unknown_or_withdrawn() {
	test(|| {
		fails(|r| r.module = "moo:v1".parse().unwrap(), Error::UnknownModule);
		Registry::<Test>::mutate(COW, |m| m.as_mut().unwrap().delisted = true);
		fails(|_| (), Error::ModuleDelisted);
	});
}

#[test]
fn post_job_boundary_machine() {
	test(|| {
		let smaller = [
			MachineSpec::new(999, 100, 10),
			MachineSpec::new(1000, 99, 10),
			MachineSpec::new(1000, 100, 9),
		];
		for spec in smaller {
			fails(|r| r.spec = spec, Error::SpecTooSmall);
		}
		fails(|r| r.spec = MachineSpec::new(0, 100, 10), Error::BadMachine);
		assert_ok!(try_post(
			CREATOR,
			JobRequest {
				spec: MachineSpec::new(1000, 100, 10),
				..request()
			}
		));
		assert_ok!(try_post(
			CREATOR,
			JobRequest {
				spec: MachineSpec::new(u32::MAX, u32::MAX, u32::MAX),
				..request()
			}
		));
	});
}

#[test]
fn post_job_boundary_time_limit() {
	test(|| {
		for limit in [0, 999, 600_001, u64::MAX] {
			fails(|r| r.time_limit = limit, Error::BadTimeLimit);
		}
		assert_ok!(try_post(
			CREATOR,
			JobRequest {
				time_limit: 1_000,
				..request()
			}
		));
		assert_ok!(try_post(
			CREATOR,
			JobRequest {
				time_limit: 600_000,
				..request()
			}
		));
		// The market's own limit counts too.
		Registry::<Test>::mutate(COW, |m| m.as_mut().unwrap().max_run = u64::MAX);
		fails(|r| r.time_limit = PRICING.max_time_limit + 1, Error::BadTimeLimit);
	});
}

#[test]
fn post_job_boundary_match_window() {
	test(|| {
		for window in [0, MIN_WINDOW - 1, MAX_WINDOW + 1, u32::MAX] {
			fails(|r| r.match_window = window, Error::BadMatchWindow);
		}
		assert_ok!(try_post(
			CREATOR,
			JobRequest {
				match_window: MIN_WINDOW,
				..request()
			}
		));
		assert_ok!(try_post(
			CREATOR,
			JobRequest {
				match_window: MAX_WINDOW,
				..request()
			}
		));
	});
}

#[test]
fn post_job_boundary_retries() {
	test(|| {
		fails(|r| r.retries = MAX_RETRIES as u8 + 1, Error::TooManyRetries);
		assert_ok!(try_post(
			CREATOR,
			JobRequest {
				retries: MAX_RETRIES as u8,
				..request()
			}
		));
	});
}

#[test]
fn post_job_boundary_budget() {
	test(|| {
		let fee = LP / 1_000;
		let least = Amounts::new(&pricing(), PRICING.min_rate, 60_000, fee, 3)
			.unwrap()
			.escrow;
		fails(|r| (r.budget, r.tip) = (least - 1, 3), Error::BudgetTooSmall);
		fails(|r| r.budget = 0, Error::BudgetTooSmall);
		fails(|r| r.tip = u128::MAX, Error::BudgetTooSmall);
		assert_ok!(try_post(
			CREATOR,
			JobRequest {
				budget: least,
				tip: 3,
				..request()
			}
		));
		let at_least = crate::OfferParams {
			rate: PRICING.min_rate,
			..offer()
		}
		.by(PROVIDER);
		assert_eq!(offer_of(JobId(0)), at_least);
	});
}

#[test]
fn post_job_fails_when_the_budget_is_not_to_be_had() {
	test(|| {
		assert_noop!(try_post(POOR, request()), TokenError::FundsUnavailable);
		assert_noop!(
			try_post(
				CREATOR,
				JobRequest {
					budget: RICHES + 1,
					..request()
				}
			),
			TokenError::FundsUnavailable
		);
		assert_ok!(try_post(
			CREATOR,
			JobRequest {
				budget: RICHES,
				..request()
			}
		));
		assert_noop!(try_post(CREATOR, request()), TokenError::FundsUnavailable);
	});
}

#[test]
fn post_job_fails_when_files_are_malformed() {
	test(|| {
		for files in [
			vec![file("", 1)],
			vec![file("a\0b", 1)],
			vec![file("a", 1), file("b", 1), file("a", 2)],
		] {
			fails(|r| r.files = files.try_into().unwrap(), Error::BadFiles);
		}
		let not_text = InputFile {
			name: vec![0xff].try_into().unwrap(),
			..file("a", 1)
		};
		fails(|r| r.files = vec![not_text].try_into().unwrap(), Error::BadFiles);
	});
}

#[test]
fn post_job_boundary_deadline() {
	test(|| {
		System::set_block_number(100);
		for deadline in [0, 99, 100, 100 + RUN_BLOCKS - 1] {
			fails(|r| r.deadline = Some(deadline), Error::DeadlineTooSoon);
		}
		let just = post(JobRequest {
			deadline: Some(100 + RUN_BLOCKS),
			..request()
		});
		assert_eq!(match_by(just), Some(100));
		let some = post(JobRequest {
			deadline: Some(100 + RUN_BLOCKS + 7),
			..request()
		});
		assert_eq!(match_by(some), Some(107));
		let far = post(JobRequest {
			deadline: Some(u32::MAX),
			..request()
		});
		assert_eq!(match_by(far), Some(120));
		offer().by(PROVIDER);
		assert!([just, some, far].into_iter().all(|j| matched(j).is_some()));
	});
}

#[test]
fn post_job_fails_when_the_creator_wants_itself() {
	test(|| fails(|r| r.target = Some(CREATOR), Error::TargetIsCreator));
}

#[test]
fn post_job_boundary_mediators() {
	test(|| {
		let only = |list: &[u64]| MediatorPolicy::Only(list.to_vec().try_into().unwrap());
		fails(
			|r| r.mediators = only(&[1, 2, 3, 4, 5, 6, 1]),
			Error::TooFewMediators,
		);
		assert_ok!(try_post(
			CREATOR,
			JobRequest {
				mediators: only(&[1, 2, 3, 4, 5, 6, 7]),
				..request()
			}
		));
	});
}

#[test]
fn post_job_fails_when_not_signed_or_out_of_ids() {
	test(|| {
		assert_noop!(
			Market::post_job(RawOrigin::Root.into(), request()),
			DispatchError::BadOrigin
		);
		NextJobId::<Test>::put(JobId(u64::MAX));
		fails(|_| (), Error::NoIdsLeft);
	});
}

#[test]
fn post_job_gives_back_the_weight_of_the_search_that_was_not_needed() {
	use frame_support::dispatch::GetDispatchInfo;
	test(|| {
		let charged = crate::Call::<Test>::post_job { request: request() }
			.get_dispatch_info()
			.call_weight;
		let nothing = try_post(CREATOR, request()).unwrap().actual_weight.unwrap();
		offer().by(PROVIDER);
		let one = try_post(CREATOR, request()).unwrap().actual_weight.unwrap();
		assert!(nothing.ref_time() < one.ref_time() && one.ref_time() < charged.ref_time());
	});
}
