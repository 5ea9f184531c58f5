//! What the composition promises: who gets fees and dust, what proxies may do, what a new chain starts with.

use frame_support::{
	assert_ok,
	dispatch::{DispatchClass, GetDispatchInfo},
	traits::{fungible::Inspect, Hooks, InstanceFilter},
	weights::{Weight, WeightToFee as _},
};
use sp_genesis_builder::{DEV_RUNTIME_PRESET, LOCAL_TESTNET_RUNTIME_PRESET};
use sp_keyring::Sr25519Keyring::{Alice, Bob, Charlie, Ferdie};
use sp_runtime::{testing::Digest, traits::Header as _, BuildStorage, DigestItem};

use crate::{
	constants::{
		currency::{EXISTENTIAL_DEPOSIT, LP},
		time::{EPOCH_DURATION_IN_SLOTS, SLOT_DURATION},
	},
	*,
};

/// A chain as one of the presets makes it.
fn chain(preset: &str) -> sp_io::TestExternalities {
	let genesis = genesis_presets::genesis_config(&preset.into()).expect("the preset exists and fits");
	genesis.build_storage().expect("the genesis can be built").into()
}

/// Starts block 1, made by the validator with this index.
fn start_block(author: u32) {
	use sp_consensus_babe::digests::{PreDigest, SecondaryPlainPreDigest};

	let digest = PreDigest::SecondaryPlain(SecondaryPlainPreDigest {
		authority_index: author,
		slot: 1.into(),
	});
	let digest = Digest {
		logs: vec![DigestItem::PreRuntime(
			sp_consensus_babe::BABE_ENGINE_ID,
			codec::Encode::encode(&digest),
		)],
	};
	System::initialize(&1, &Default::default(), &digest);
	Babe::on_initialize(1);
	Authorship::on_initialize(1);
}

#[test]
fn both_presets_work() {
	assert_eq!(genesis_presets::preset_names().len(), 2);
	for (preset, validators) in [
		(DEV_RUNTIME_PRESET, vec![Alice]),
		(LOCAL_TESTNET_RUNTIME_PRESET, vec![Alice, Bob, Charlie]),
	] {
		chain(preset).execute_with(|| {
			let validators: Vec<AccountId> = validators.into_iter().map(|v| v.to_account_id()).collect();
			assert_eq!(pallet_session::Validators::<Runtime>::get(), validators);
			assert_eq!(Babe::authorities().len(), validators.len());
			assert_eq!(Grandpa::grandpa_authorities().len(), validators.len());
			assert_eq!(pallet_sudo::Key::<Runtime>::get(), Some(Alice.to_account_id()));
			assert_eq!(Balances::total_balance(&Ferdie.to_account_id()), 1_000_000 * LP);
			assert_eq!(
				Balances::total_balance(&TreasuryAccount::get()),
				EXISTENTIAL_DEPOSIT
			);
			let panel = Mediation::parameters().pricing.largest_panel;
			assert_eq!(panel, if preset == DEV_RUNTIME_PRESET { 3 } else { 7 });
		});
	}
}

#[test]
fn unknown_preset_is_none() {
	assert_eq!(genesis_presets::get_preset(&"mainnet".into()), None);
}

#[test]
fn sudo_has_no_key_unless_the_genesis_names_one() {
	let genesis = RuntimeGenesisConfig::default();
	assert_eq!(genesis.sudo.key, None);
}

#[test]
fn every_block_brings_randomness() {
	assert_eq!(
		BABE_GENESIS_EPOCH_CONFIG.allowed_slots,
		sp_consensus_babe::AllowedSlots::PrimaryAndSecondaryVRFSlots
	);
}

#[test]
fn blocks_come_every_two_seconds_and_epochs_last_ten_minutes() {
	assert_eq!(SLOT_DURATION, 2_000);
	assert_eq!(EPOCH_DURATION_IN_SLOTS * SLOT_DURATION, 10 * 60 * 1_000);
}

#[test]
fn block_can_be_executed_twice_within_its_slot_and_leave_time_to_travel() {
	let block = RuntimeBlockWeights::get().max_block.ref_time();
	assert!(3 * block <= SLOT_DURATION * 1_000_000_000);
}

#[test]
fn fees_and_tips_go_to_the_author() {
	chain(LOCAL_TESTNET_RUNTIME_PRESET).execute_with(|| {
		start_block(1);
		let (issuance, before) = (
			Balances::total_issuance(),
			Balances::balance(&Bob.to_account_id()),
		);
		let credit = <Balances as frame_support::traits::fungible::Balanced<_>>::withdraw(
			&Ferdie.to_account_id(),
			3 * LP,
			frame_support::traits::tokens::Precision::Exact,
			frame_support::traits::tokens::Preservation::Preserve,
			frame_support::traits::tokens::Fortitude::Polite,
		);
		use frame_support::traits::OnUnbalanced;
		DealWithFees::on_unbalanced(credit.expect("it is there"));
		assert_eq!(Balances::balance(&Bob.to_account_id()), before + 3 * LP);
		assert_eq!(Balances::total_issuance(), issuance);
	});
}

#[test]
fn fees_go_to_the_treasury_when_there_is_no_author() {
	chain(DEV_RUNTIME_PRESET).execute_with(|| {
		let issuance = Balances::total_issuance();
		let credit = <Balances as frame_support::traits::fungible::Balanced<_>>::withdraw(
			&Ferdie.to_account_id(),
			5,
			frame_support::traits::tokens::Precision::Exact,
			frame_support::traits::tokens::Preservation::Preserve,
			frame_support::traits::tokens::Fortitude::Polite,
		);
		use frame_support::traits::OnUnbalanced;
		DealWithFees::on_unbalanced(credit.expect("it is there"));
		assert_eq!(
			Balances::balance(&TreasuryAccount::get()),
			EXISTENTIAL_DEPOSIT + 5
		);
		assert_eq!(Balances::total_issuance(), issuance);
	});
}

#[test]
fn dust_goes_to_the_treasury() {
	chain(DEV_RUNTIME_PRESET).execute_with(|| {
		System::set_block_number(1);
		let issuance = Balances::total_issuance();
		let ferdie = Ferdie.to_account_id();
		let all_but_dust = Balances::balance(&ferdie) - EXISTENTIAL_DEPOSIT + 1;
		assert_ok!(Balances::transfer_allow_death(
			RuntimeOrigin::signed(ferdie),
			Alice.to_account_id().into(),
			all_but_dust
		));
		assert_eq!(
			Balances::balance(&TreasuryAccount::get()),
			2 * EXISTENTIAL_DEPOSIT - 1
		);
		assert_eq!(Balances::total_issuance(), issuance);
	});
}

#[test]
fn nobody_burns_lp() {
	chain(DEV_RUNTIME_PRESET).execute_with(|| {
		use sp_runtime::traits::Dispatchable;
		let burn = RuntimeCall::Balances(pallet_balances::Call::burn {
			value: LP,
			keep_alive: true,
		});
		let ferdie = || RuntimeOrigin::signed(Ferdie.to_account_id());
		let issuance = Balances::total_issuance();
		let refused = burn.clone().dispatch(ferdie()).map_err(|error| error.error);
		assert_eq!(refused, Err(frame_system::Error::<Runtime>::CallFiltered.into()));
		let wrapped = pallet_utility::Call::batch { calls: vec![burn] };
		assert_ok!(RuntimeCall::Utility(wrapped).dispatch(ferdie()));
		assert_eq!(Balances::total_issuance(), issuance);
	});
}

#[test]
fn fee_is_the_larger_share_of_the_block() {
	let block = RuntimeBlockWeights::get().max_block;
	let full = WeightToFee::weight_to_fee(&block);
	assert!((3 * LP..4 * LP).contains(&full), "{full}");
	for half in [
		Weight::from_parts(block.ref_time() / 2, 0),
		Weight::from_parts(0, block.proof_size() / 2),
	] {
		let fee = WeightToFee::weight_to_fee(&half);
		assert!(
			fee.abs_diff(full / 2) < full / 1_000_000,
			"{fee} is not half of {full}"
		);
	}
	assert_eq!(WeightToFee::weight_to_fee(&Weight::zero()), 0);
}

#[test]
fn transfer_costs_about_two_thousandths_of_an_lp() {
	chain(DEV_RUNTIME_PRESET).execute_with(|| {
		let call: RuntimeCall = pallet_balances::Call::transfer_keep_alive {
			dest: Bob.to_account_id().into(),
			value: LP,
		}
		.into();
		let fee = TransactionPayment::compute_fee(146, &call.get_dispatch_info(), 0);
		assert!((LP / 1_000..LP / 250).contains(&fee), "{fee}");
	});
}

#[test]
fn longest_ordinary_transaction_leaves_room_in_the_block() {
	let limits = RuntimeBlockWeights::get();
	let most = limits
		.get(DispatchClass::Normal)
		.max_extrinsic
		.expect("there is a limit");
	assert!(most.all_lt(
		limits
			.get(DispatchClass::Normal)
			.max_total
			.expect("there is a limit")
	));
}

#[test]
fn proxies_do_what_their_type_says() {
	let transfer: RuntimeCall = pallet_balances::Call::transfer_keep_alive {
		dest: Bob.to_account_id().into(),
		value: LP,
	}
	.into();
	let add_proxy: RuntimeCall = pallet_proxy::Call::add_proxy {
		delegate: Bob.to_account_id().into(),
		proxy_type: ProxyType::Any,
		delay: 0,
	}
	.into();
	let reject: RuntimeCall = pallet_proxy::Call::reject_announcement {
		delegate: Bob.to_account_id().into(),
		call_hash: Default::default(),
	}
	.into();
	let remark: RuntimeCall = frame_system::Call::remark { remark: vec![] }.into();
	let sudo: RuntimeCall = pallet_sudo::Call::sudo {
		call: Box::new(remark.clone()),
	}
	.into();

	for call in [&transfer, &add_proxy, &reject, &remark, &sudo] {
		assert!(ProxyType::Any.filter(call));
	}
	assert!(ProxyType::NonTransfer.filter(&remark));
	for call in [&transfer, &add_proxy, &reject, &sudo] {
		assert!(!ProxyType::NonTransfer.filter(call), "{call:?}");
	}
	assert!(ProxyType::CancelProxy.filter(&reject));
	for call in [&transfer, &add_proxy, &remark, &sudo] {
		assert!(!ProxyType::CancelProxy.filter(call), "{call:?}");
	}
}

#[test]
fn market_proxies_do_their_part_of_the_market() {
	use lilypad_primitives::{DealId, JobId, OfferId, VersionId};

	let offer: RuntimeCall = pallet_market::Call::drain_offer { offer: OfferId(1) }.into();
	let acknowledge: RuntimeCall = pallet_deals::Call::acknowledge { deal: DealId(1) }.into();
	let cancel: RuntimeCall = pallet_market::Call::cancel_job { job: JobId(1) }.into();
	let expire: RuntimeCall = pallet_deals::Call::expire { deal: DealId(1) }.into();
	let delist: RuntimeCall = pallet_modules::Call::delist {
		version: VersionId(1),
	}
	.into();
	let transfer: RuntimeCall = pallet_balances::Call::transfer_keep_alive {
		dest: Bob.to_account_id().into(),
		value: LP,
	}
	.into();
	let batch: RuntimeCall = pallet_utility::Call::batch_all { calls: vec![] }.into();

	let may = |proxy: ProxyType| {
		[&offer, &acknowledge, &cancel, &expire, &delist, &transfer, &batch].map(|call| proxy.filter(call))
	};
	assert_eq!(
		may(ProxyType::Provider),
		[true, true, false, true, false, false, true]
	);
	assert_eq!(
		may(ProxyType::Creator),
		[false, false, true, true, false, false, true]
	);
	assert_eq!(
		may(ProxyType::Author),
		[false, false, false, false, true, false, true]
	);
	assert_eq!(
		may(ProxyType::NonTransfer),
		[false, false, false, false, true, false, true]
	);
	assert_eq!(may(ProxyType::CancelProxy), [false; 7]);
	assert_eq!(
		may(ProxyType::Mediator),
		[false, false, false, false, false, false, true]
	);
	let draw: RuntimeCall = pallet_mediation::Call::draw {
		deal: lilypad_primitives::DealId(1),
	}
	.into();
	assert!(ProxyType::Mediator.filter(&draw) && !ProxyType::Provider.filter(&draw));
}

#[test]
fn no_proxy_type_is_a_superset_of_one_that_may_do_more() {
	use ProxyType::*;
	let all = [Any, NonTransfer, CancelProxy, Provider, Creator, Author, Mediator];
	for mine in all {
		for theirs in all {
			let expected = mine == Any || mine == theirs || (mine, theirs) == (NonTransfer, Author);
			assert_eq!(mine.is_superset(&theirs), expected, "{mine:?} {theirs:?}");
		}
	}
}

#[test]
fn each_free_call_fits_into_the_share_many_times() {
	use lilypad_primitives::{DealId, Opening, OutputRoot, Status, Triple};
	use sp_runtime::traits::TransactionExtension;

	let opening = Opening {
		triple: Triple {
			status: Status::Completed,
			exit_code: 0,
			root: OutputRoot([0; 32]),
		},
		usage: 0,
		salt: [0; 32],
	};
	let deal = DealId(1);
	let calls: [RuntimeCall; 8] = [
		pallet_evm_gateway::Call::attest {
			lane: 1,
			message: pallet_evm_gateway::Inbound::Deposit(pallet_evm_gateway::Deposit {
				id: 1,
				from: Default::default(),
				account: Alice.to_account_id(),
				amount: 1,
			}),
		}
		.into(),
		pallet_evm_gateway::Call::sign {
			lane: 1,
			batch: 1,
			signature: [0; 65],
		}
		.into(),
		pallet_deals::Call::acknowledge { deal: DealId(1) }.into(),
		pallet_deals::Call::submit {
			deal: DealId(1),
			seal: Default::default(),
		}
		.into(),
		pallet_deals::Call::audit { deal: DealId(1) }.into(),
		pallet_deals::Call::reveal { deal, opening }.into(),
		pallet_mediation::Call::commit_vote {
			deal: DealId(1),
			commitment: Default::default(),
		}
		.into(),
		pallet_mediation::Call::reveal_vote {
			deal: DealId(1),
			vote: lilypad_primitives::Vote {
				triple: None,
				usage: 0,
				fetched: false,
				ample: false,
			},
			salt: [0; 32],
		}
		.into(),
	];
	let payment = pallet_transaction_payment::ChargeTransactionPayment::<Runtime>::from(0);
	let extension: pallet_feeless::EntitledCall<Runtime, _> = payment.into();
	for call in calls {
		let cost = call.get_dispatch_info().call_weight + extension.weight(&call);
		let times = Feeless::allowance()
			.checked_div_per_component(&cost)
			.expect("it weighs something");
		assert!(times >= 10, "only {times} of {call:?} fit into a block");
	}
}

#[test]
fn wallets_see_the_extensions_they_know() {
	use sp_runtime::traits::TransactionExtension;
	let names: Vec<_> = <TxExtension as TransactionExtension<RuntimeCall>>::metadata()
		.into_iter()
		.map(|e| e.identifier)
		.collect();
	assert_eq!(
		names,
		[
			"AuthorizeCall",
			"CheckNonZeroSender",
			"CheckSpecVersion",
			"CheckTxVersion",
			"CheckGenesis",
			"CheckMortality",
			"CheckNonce",
			"CheckWeight",
			"ChargeTransactionPayment",
			"CheckMetadataHash",
			"WeightReclaim"
		]
	);
}

#[test]
fn header_hash_is_blake2() {
	// Light clients and bridges rely on it.
	let header = Header::new(
		1,
		Default::default(),
		Default::default(),
		Default::default(),
		Default::default(),
	);
	assert_eq!(
		header.hash(),
		sp_io::hashing::blake2_256(&codec::Encode::encode(&header)).into()
	);
}

/// What `make simulate` says is said of these parameters.
#[test]
fn the_simulation_is_of_what_is_shipped() {
	use lilypad_primitives::{terms::Amounts, JobOrigin, Profile, Terms};

	let (pricing, rules) = (MarketPricing::get(), DefaultMediationRules::get());
	let rate = LP;
	let time_limit = 10_000;
	let a = Amounts::new(&pricing, rate, time_limit, 0, 0).expect("in range");
	let terms = Terms {
		creator: (),
		judge: JobOrigin::Native.judge(),
		provider: (),
		author: (),
		solver: None,
		rate,
		time_limit,
		budget: a.escrow,
		cap: a.cap,
		module_fee: 0,
		levy: a.levy,
		tip: 0,
		escrow: a.escrow,
		mediator_fee: a.mediator_fee,
		panel_fee: a.panel_fee,
		collateral: a.collateral,
		no_show_fine: pricing.no_show_fine,
		cancel_fee: pricing.cancel_fee,
		victim_share: pricing.victim_share,
		profile: Profile::Deterministic,
	};
	let audited = rules.audit.probability(&terms).deconstruct() as f64 / 1e16;
	let levy = f64::from(pricing.levy_rate.deconstruct()) / 1e4;
	let expected = format!(
		"Shipped: θ = {}, largest panel {}, a levy of {levy:.1} %, claims up to {} % of the median, {audited:.1} % of results audited.",
		pricing.collateral_factor, pricing.largest_panel, rules.overcharge_percent
	);
	assert!(
		include_str!("../../docs/simulation.md").contains(&expected),
		"`make simulate`, with these parameters as its default: {expected}"
	);
}

#[test]
fn an_author_reclaims_a_bond_after_every_deal_that_depends_on_it_has_ended() {
	use lilypad_primitives::traits::Arbitrable;

	let longest = <Runtime as pallet_modules::Config>::MaxRunCeiling::get();
	let run = <Deals as Arbitrable<AccountId>>::longest_run(longest);
	let draw = <Runtime as pallet_mediation::Config>::DrawBlocks::get();
	let case = DefaultMediationRules::get().longest_case(run, draw);
	let day = constants::time::DAYS;
	assert!((28 * day..29 * day).contains(&case), "four weeks: {case}");
	let delay = <Runtime as pallet_modules::Config>::ReclaimDelay::get();
	// Whatever governance sets, a case takes no longer than this.
	let allowed = <Runtime as pallet_mediation::Config>::LongestCase::get();
	assert!(allowed > case);
	assert!(delay > run + draw + case && delay > run + draw + allowed);
}
