//! The benchmarks that `frame-omni-bencher` can run on this runtime.

use frame_benchmarking::v2::account;
use frame_support::traits::fungible::Mutate;
use lilypad_primitives::{
	traits::{Deals as _, Modules as _},
	CreatorPolicy, DealId, Inputs, JobRequest, MachineSpec, MediatorPolicy, ModuleName, ModulePolicy,
	Platform, LP,
};
use pallet_market::OfferParams;

use crate::{
	AccountId, Balance, Balances, Deals, Market, MarketPricing, Modules, Runtime, RuntimeOrigin,
	TreasuryAccount,
};

frame_benchmarking::define_benchmarks!(
	[frame_benchmarking, BaselineBench::<Runtime>]
	[frame_system, SystemBench::<Runtime>]
	[frame_system_extensions, SystemExtensionsBench::<Runtime>]
	[lilypad_transaction, TransactionBench::<Runtime>]
	[pallet_balances, Balances]
	[pallet_deals, Deals]
	[pallet_evm_gateway, EvmGateway]
	[pallet_feeless, Feeless]
	[pallet_market, Market]
	[pallet_mediation, Mediation]
	[pallet_modules, Modules]
	[pallet_multisig, Multisig]
	[pallet_proxy, Proxy]
	[pallet_sudo, Sudo]
	[pallet_timestamp, Timestamp]
	[pallet_transaction_payment, TransactionPayment]
	[pallet_utility, Utility]
);

impl frame_system_benchmarking::Config for Runtime {}
impl frame_benchmarking::baseline::Config for Runtime {}

impl pallet_transaction_payment::BenchmarkConfig for Runtime {
	fn setup_benchmark_environment() {
		// There is no author in a benchmark: fees go to the treasury, which must exist for them.
		let _as_there_is_room = <Balances as Mutate<AccountId>>::mint_into(&TreasuryAccount::get(), LP);
	}
}

/// Enough for everything that a benchmark does.
const PLENTY: Balance = 1_000_000 * LP;

/// Opens deals for the benchmarks of `pallet-deals`: by an offer and a job that fit.
pub struct OpenDeals;

impl pallet_deals::BenchmarkHelper<AccountId> for OpenDeals {
	fn open_deal(creator: &AccountId, provider: &AccountId) -> DealId {
		let module: ModuleName = "benchmark:v1".parse().expect("well formed; qed");
		Modules::register_for_benchmark(&account("author", 0, 0), module.clone());
		Deals::fund_for_benchmark(creator, PLENTY);
		Deals::fund_for_benchmark(provider, PLENTY);
		Deals::bond_for_benchmark(provider, PLENTY);

		let machine = MachineSpec::new(1_000, 1_024, 1_024);
		let platforms = alloc::vec![Platform::ContainerAmd64];
		let offer = OfferParams {
			machine: machine.clone(),
			slots: 1,
			rate: LP,
			platforms: platforms.try_into().expect("one is within the bound; qed"),
			modules: ModulePolicy::Any,
			mediators: MediatorPolicy::Any,
			creators: CreatorPolicy::Any,
		};
		Market::post_offer(RuntimeOrigin::signed(provider.clone()), offer).expect("the offer is good; qed");

		let job = JobRequest {
			module,
			inputs: Inputs::Inline(Default::default()),
			files: Default::default(),
			spec: machine,
			time_limit: MarketPricing::get().min_time_limit,
			budget: 1_000 * LP,
			tip: LP,
			match_window: 10,
			deadline: None,
			mediators: MediatorPolicy::Any,
			target: Some(provider.clone()),
			min_score: Default::default(),
			retries: 1,
		};
		Market::post_job(RuntimeOrigin::signed(creator.clone()), job).expect("the job is good; qed");
		pallet_deals::Deals::<Runtime>::iter_keys()
			.max()
			.expect("they fit; qed")
	}
}
