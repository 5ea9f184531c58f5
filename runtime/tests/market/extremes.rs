//! Numbers at and beyond their ends, in every argument of every call that has one.

use super::{
	bad_input::{accept_call, done, refused, refused_somehow},
	chain::*,
};
use lilypad_primitives::{
	module::MAX_MANIFEST, spec::GpuSpec, InputFile, Inputs, JobRequest, MachineSpec, MediatorPolicy, OfferId,
	Opening, PeerAddress, Platform, Profile, RuntimeImage, LP,
};
use lilypad_runtime::{AccountId, Runtime};
use pallet_deals::Call as D;
use pallet_market::{Call as M, OfferParams};
use pallet_modules::Call as V;
use sp_runtime::traits::Zero;

type MarketError = pallet_market::Error<Runtime>;
type DealsError = pallet_deals::Error<Runtime>;
type ModulesError = pallet_modules::Error<Runtime>;

#[test]
fn numbers_at_and_beyond_their_ends_of_an_offer() {
	type Change = fn(&mut OfferParams<AccountId>);
	test(|| {
		done(PROVIDER, D::bond { amount: BOND });
		let min_rate = lilypad_runtime::MarketPricing::get().min_rate;
		let with = |change: Change| {
			let mut params = machine(RATE, 1);
			change(&mut params);
			M::post_offer { params }
		};
		let bad: [(Change, MarketError); 12] = [
			(|p| p.slots = 0, MarketError::NoSlots),
			(|p| p.rate = 0, MarketError::RateTooLow),
			(|p| p.rate = 1, MarketError::RateTooLow),
			(
				|p| p.rate = lilypad_runtime::MarketPricing::get().min_rate - 1,
				MarketError::RateTooLow,
			),
			(|p| p.machine.cpu_milli = 0, MarketError::BadMachine),
			(|p| p.machine.ram_mib = 0, MarketError::BadMachine),
			(|p| p.machine = MachineSpec::new(0, 0, 0), MarketError::BadMachine),
			(
				|p| p.machine.gpus = vec![GpuSpec::default()].try_into().expect("one"),
				MarketError::BadMachine,
			),
			(|p| p.platforms = Default::default(), MarketError::BadPlatforms),
			(
				|p| p.platforms = vec![Platform::Wasm; 2].try_into().expect("two"),
				MarketError::BadPlatforms,
			),
			(
				|p| p.mediators = MediatorPolicy::Only(Default::default()),
				MarketError::TooFewMediators,
			),
			(
				|p| {
					p.mediators =
						MediatorPolicy::Only(vec![AccountId::new([1; 32]); 16].try_into().expect("16"))
				},
				MarketError::TooFewMediators,
			),
		];
		for (change, why) in bad {
			refused(PROVIDER, with(change), why);
		}
		// At the ends themselves all is well; what is absurdly dear is matched with nobody.
		let good: [Change; 4] = [
			|p| p.slots = u32::MAX,
			|p| p.rate = lilypad_runtime::MarketPricing::get().min_rate,
			|p| p.rate = u128::MAX,
			|p| p.machine = MachineSpec::new(u32::MAX, u32::MAX, u32::MAX),
		];
		for change in good {
			done(PROVIDER, with(change));
		}
		let dear = OfferId(2);
		assert!(deal_of(post(CREATOR, request())).is_some());
		refused(
			PROVIDER,
			M::set_offer_rate {
				offer: dear,
				rate: min_rate - 1,
			},
			MarketError::RateTooLow,
		);
		for rate in [min_rate, u128::MAX - 1, u128::MAX] {
			done(PROVIDER, M::set_offer_rate { offer: dear, rate });
		}
	});
}

fn file(name: &str, size: u64) -> InputFile {
	InputFile {
		name: name.as_bytes().to_vec().try_into().expect("short"),
		hash: [0; 32],
		size,
	}
}

#[test]
fn numbers_at_and_beyond_their_ends_of_a_job() {
	type Change = fn(&mut JobRequest<AccountId>);
	test(|| {
		let with = |change: Change| {
			let mut request = request();
			change(&mut request);
			M::post_job { request }
		};
		let bad: [(Change, MarketError); 24] = [
			(
				|r| r.module = "cow:v9".parse().expect("a name"),
				MarketError::UnknownModule,
			),
			(|r| r.spec.cpu_milli = 0, MarketError::BadMachine),
			(|r| r.spec.cpu_milli = 1, MarketError::SpecTooSmall),
			(|r| r.spec.ram_mib = 0, MarketError::BadMachine),
			(|r| r.spec.disk_mib = 0, MarketError::SpecTooSmall),
			(|r| r.time_limit = 0, MarketError::BadTimeLimit),
			(|r| r.time_limit = 999, MarketError::BadTimeLimit),
			(|r| r.time_limit = 600_001, MarketError::BadTimeLimit),
			(|r| r.time_limit = u64::MAX, MarketError::BadTimeLimit),
			(|r| r.match_window = 0, MarketError::BadMatchWindow),
			(|r| r.match_window = 43_201, MarketError::BadMatchWindow),
			(|r| r.match_window = u32::MAX, MarketError::BadMatchWindow),
			(|r| r.retries = 9, MarketError::TooManyRetries),
			(|r| r.retries = u8::MAX, MarketError::TooManyRetries),
			(|r| r.budget = 0, MarketError::BudgetTooSmall),
			(|r| r.budget = FEE, MarketError::BudgetTooSmall),
			(|r| r.tip = u128::MAX, MarketError::BudgetTooSmall),
			(|r| r.tip = r.budget, MarketError::BudgetTooSmall),
			(|r| r.deadline = Some(0), MarketError::DeadlineTooSoon),
			(|r| r.deadline = Some(1), MarketError::DeadlineTooSoon),
			(
				|r| r.target = Some(CREATOR.to_account_id()),
				MarketError::TargetIsCreator,
			),
			(
				|r| r.files = vec![file("", 1)].try_into().expect("one"),
				MarketError::BadFiles,
			),
			(
				|r| r.files = vec![file("a", 1), file("a", 2)].try_into().expect("two"),
				MarketError::BadFiles,
			),
			(
				|r| r.mediators = MediatorPolicy::Only(Default::default()),
				MarketError::TooFewMediators,
			),
		];
		for (change, why) in bad {
			refused(CREATOR, with(change), why);
		}
		// More than the creator has.
		refused_somehow(CREATOR, with(|r| r.budget = u128::MAX));
		let good: [Change; 13] = [
			|r| r.time_limit = 1_000,
			|r| {
				r.time_limit = 600_000;
				r.budget = 1_000 * LP;
			},
			|r| r.match_window = 1,
			|r| r.match_window = 43_200,
			|r| r.retries = 8,
			|r| r.retries = 0,
			|r| r.deadline = Some(u32::MAX),
			|r| r.spec = MachineSpec::new(u32::MAX, u32::MAX, u32::MAX),
			|r| r.min_score = sp_runtime::Permill::one(),
			|r| r.files = vec![file("a", 0), file("b", u64::MAX)].try_into().expect("two"),
			|r| {
				r.inputs = Inputs::Hash {
					hash: [0; 32],
					size: u64::MAX,
				}
			},
			|r| r.inputs = Inputs::Inline(vec![0xff; 8 * 1024].try_into().expect("as long as may be")),
			|r| r.target = Some(AccountId::new([0; 32])),
		];
		for change in good {
			done(CREATOR, with(change));
			check();
		}
	});
}

#[test]
fn amounts_at_and_beyond_their_ends_of_a_bond() {
	test(|| {
		for (amount, why) in [
			(0, DealsError::ZeroAmount),
			(1, DealsError::BondTooSmall),
			(LP - 1, DealsError::BondTooSmall),
		] {
			refused(PROVIDER, D::bond { amount }, why);
		}
		for amount in [u128::MAX, u128::MAX - 1, 1_000_000 * LP] {
			refused_somehow(PROVIDER, D::bond { amount });
		}
		refused(PROVIDER, D::unbond { amount: 1 }, DealsError::NoBond);
		refused(PROVIDER, D::withdraw_unbonded {}, DealsError::NoBond);
		done(PROVIDER, D::bond { amount: LP });
		refused(PROVIDER, D::bond { amount: u128::MAX }, DealsError::Overflow);
		for (amount, why) in [
			(0, DealsError::ZeroAmount),
			(1, DealsError::BondTooSmall),
			(LP - 1, DealsError::BondTooSmall),
			(LP + 1, DealsError::BondInUse),
			(u128::MAX, DealsError::BondInUse),
		] {
			refused(PROVIDER, D::unbond { amount }, why);
		}
		refused(PROVIDER, D::withdraw_unbonded {}, DealsError::NothingToWithdraw);
		done(PROVIDER, D::unbond { amount: LP });
	});
}

#[test]
fn what_is_no_peer_address_is_refused() {
	test(|| {
		refused(STRANGER, M::clear_peer {}, MarketError::NoPeer);
		let with = |id: [u8; 32], addresses: &[&[u8]]| {
			let list: Vec<_> = addresses
				.iter()
				.map(|a| a.to_vec().try_into().expect("short"))
				.collect();
			M::set_peer {
				address: PeerAddress {
					id,
					addresses: list.try_into().expect("few"),
				},
			}
		};
		let bad = [
			with([0; 32], &[]),
			with([1; 32], &[b""]),
			with([1; 32], &[b"10.0.0.1:1", b"\n"]),
			with([1; 32], &[b"with space"]),
			with([1; 32], &[&[0xff; 128]]),
		];
		for call in bad {
			refused(STRANGER, call, MarketError::BadPeerAddress);
		}
		done(STRANGER, with([0xff; 32], &[&[b'x'; 128][..]; 4]));
	});
}

#[test]
fn numbers_at_and_beyond_their_ends_of_a_module() {
	#[derive(Clone)]
	struct Args {
		name: &'static str,
		platform: Platform,
		spec: MachineSpec,
		max_run: u64,
		fee: u128,
		manifest: usize,
	}
	let good = Args {
		name: "cow:v1",
		platform: Platform::ContainerAmd64,
		spec: MachineSpec::new(1, 1, 0),
		max_run: 1,
		fee: 0,
		manifest: 1,
	};
	let with = |args: Args| V::register {
		name: lilypad_primitives::ModuleName(args.name.as_bytes().to_vec().try_into().expect("short")),
		runtime: RuntimeImage::Container {
			platform: args.platform,
			image: [0; 32],
		},
		fetch_bytes: u64::MAX,
		min_spec: args.spec,
		max_run: args.max_run,
		fee: args.fee,
		profile: Profile::NonDeterministic,
		manifest: vec![b' '; args.manifest].try_into().expect("within the bound"),
	};
	test(|| {
		let day = 24 * 3_600_000;
		let bad = [
			(
				Args {
					name: "",
					..good.clone()
				},
				ModulesError::BadName,
			),
			(
				Args {
					name: "cow",
					..good.clone()
				},
				ModulesError::BadName,
			),
			(
				Args {
					name: "cowsay:v0.0.1",
					..good.clone()
				},
				ModulesError::NameTaken,
			),
			(
				Args {
					platform: Platform::Wasm,
					..good.clone()
				},
				ModulesError::BadRuntime,
			),
			(
				Args {
					spec: MachineSpec::new(0, 1, 1),
					..good.clone()
				},
				ModulesError::BadMinSpec,
			),
			(
				Args {
					max_run: 0,
					..good.clone()
				},
				ModulesError::BadMaxRun,
			),
			(
				Args {
					max_run: day + 1,
					..good.clone()
				},
				ModulesError::BadMaxRun,
			),
			(
				Args {
					max_run: u64::MAX,
					..good.clone()
				},
				ModulesError::BadMaxRun,
			),
			(
				Args {
					manifest: 0,
					..good.clone()
				},
				ModulesError::EmptyManifest,
			),
		];
		for (args, why) in bad {
			refused(AUTHOR, with(args), why);
		}
		done(AUTHOR, with(good.clone()));
		let most = Args {
			name: "cow:v2",
			spec: MachineSpec::new(u32::MAX, u32::MAX, u32::MAX),
			max_run: day,
			fee: u128::MAX,
			manifest: MAX_MANIFEST as usize,
			..good.clone()
		};
		done(AUTHOR, with(most));
		// A fee that nobody can pay is nobody's problem but the author's.
		let job = JobRequest {
			module: "cow:v2".parse().expect("a name"),
			spec: MachineSpec::new(u32::MAX, u32::MAX, u32::MAX),
			..request()
		};
		refused(CREATOR, M::post_job { request: job }, MarketError::BudgetTooSmall);
	});
}

#[test]
fn an_opening_with_numbers_at_their_ends_is_refused() {
	for usage in [LIMIT + 1, u64::MAX] {
		test(|| {
			offer(PROVIDER, machine(RATE, 1));
			let deal = deal_of(post(CREATOR, request())).expect("matched");
			acknowledge(PROVIDER, deal);
			pass(2);
			let greedy = Opening { usage, ..opening() };
			let seal = greedy.seal(deal);
			done(PROVIDER, D::submit { deal, seal });
			draw(deal);
			let (reveal, accept) = (
				D::reveal {
					deal,
					opening: greedy,
				},
				D::accept {
					deal,
					opening: greedy,
				},
			);
			refused(PROVIDER, reveal, DealsError::UsageTooLong);
			refused(CREATOR, accept, DealsError::UsageTooLong);
			// And one that was not sealed.
			refused(CREATOR, accept_call(deal), DealsError::WrongOpening);
		});
	}
}

/// A run that took no time costs nothing but levy and fee.
#[test]
fn an_opening_that_claims_no_time_is_accepted() {
	test(|| {
		offer(PROVIDER, machine(RATE, 1));
		let before = picture();
		let deal = deal_of(post(CREATOR, request())).expect("matched");
		let none = Opening {
			usage: Zero::zero(),
			..opening()
		};
		let seal = none.seal(deal);
		done(PROVIDER, D::submit { deal, seal });
		draw(deal);
		done(CREATOR, D::accept { deal, opening: none });
		before.assert_changed(&[
			("author", plus(FEE), 0),
			("creator", minus(FEE + LEVY), 0),
			("pool", plus(LEVY), 0),
		]);
	});
}
