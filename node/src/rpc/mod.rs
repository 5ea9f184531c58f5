//! What clients may ask the node besides what every Substrate node answers.

mod answer;
mod chain;
mod endings;
#[cfg(test)]
mod fake;
mod market;
mod request;
mod subscription;
#[cfg(test)]
mod tests;

use std::{future::Future, sync::Arc};

use futures::StreamExt;
use jsonrpsee::RpcModule;
use pallet_transaction_payment_rpc::{TransactionPayment, TransactionPaymentApiServer};
use sc_client_api::BlockchainEvents;
use sc_consensus_babe::BabeWorkerHandle;
use sc_consensus_babe_rpc::{Babe, BabeApiServer};
use sc_consensus_grandpa::{
	FinalityProofProvider, GrandpaJustificationStream, SharedAuthoritySet, SharedVoterState,
};
use sc_consensus_grandpa_rpc::{Grandpa, GrandpaApiServer};
use sc_rpc::SubscriptionTaskExecutor;
use sp_keystore::KeystorePtr;
use substrate_frame_rpc_system::{System, SystemApiServer};
use tokio::sync::{watch, Semaphore};

use chain::NodeChain;
use market::{Market, MarketApiServer, Shared, MOST_SUBSCRIPTIONS};

use crate::service::{Backend, Block, BlockNumber, Client, Hash, Pool, SelectChain};

/// What the answers are made from.
pub(crate) struct Sources {
	/// The chain.
	pub(crate) client: Arc<Client>,
	/// Transactions that are not in a block yet.
	pub(crate) pool: Arc<Pool>,
	/// Which of several forks is the chain.
	pub(crate) select_chain: SelectChain,
	/// The validator's keys.
	pub(crate) keystore: KeystorePtr,
	/// What BABE knows about epochs.
	pub(crate) babe: BabeWorkerHandle<Block>,
	/// What GRANDPA knows.
	pub(crate) grandpa: GrandpaSources,
	/// The market.
	pub(crate) market: MarketSources,
}

/// What answers about the market are made from: the same for everybody who asks.
pub(crate) struct MarketSources {
	shared: Arc<Shared<NodeChain>>,
	blocks: watch::Receiver<u64>,
	subscriptions: Arc<Semaphore>,
}

impl MarketSources {
	/// The sources, and a task that must run as long as they are used: it tells of new blocks, and notes how jobs ended. It
	/// is one for all subscriptions and passes on only that there was a block, so nobody who reads slowly makes anything
	/// pile up.
	pub(crate) fn new(client: Arc<Client>) -> (Self, impl Future<Output = ()> + Send + 'static) {
		let (sender, blocks) = watch::channel(0);
		let best = client
			.import_notification_stream()
			.filter_map(|block| async move { block.is_new_best.then_some(false) });
		let finalized = client.finality_notification_stream().map(|_| true);
		let mut both = futures::stream::select(best.boxed(), finalized.boxed());
		let shared = Arc::new(Shared {
			chain: NodeChain(client),
			endings: Default::default(),
		});
		let remembering = shared.clone();
		let task = async move {
			while let Some(is_final) = both.next().await {
				if is_final {
					let shared = remembering.clone();
					// Reading is not for here. What it misses now, it finds the next time.
					let _ = tokio::task::spawn_blocking(move || shared.endings.catch_up(&shared.chain)).await;
				}
				sender.send_modify(|count: &mut u64| *count = count.wrapping_add(1));
			}
		};
		let sources = Self {
			shared,
			blocks,
			subscriptions: Arc::new(Semaphore::new(MOST_SUBSCRIPTIONS)),
		};
		(sources, task)
	}
}

/// What answers about finality are made from.
pub(crate) struct GrandpaSources {
	/// Who may vote now.
	pub(crate) authority_set: SharedAuthoritySet<Hash, BlockNumber>,
	/// How the present round of votes stands.
	pub(crate) voter_state: SharedVoterState,
	/// Finality proofs as they come.
	pub(crate) justifications: GrandpaJustificationStream<Block>,
	/// Finality proofs of the past.
	pub(crate) proofs: Arc<FinalityProofProvider<Backend, Block>>,
}

/// Makes the answers.
pub(crate) fn create(
	sources: &Sources,
	executor: SubscriptionTaskExecutor,
) -> Result<RpcModule<()>, jsonrpsee::core::RegisterMethodError> {
	let Sources {
		client,
		pool,
		select_chain,
		keystore,
		babe,
		grandpa,
		market,
	} = sources;
	let mut module = RpcModule::new(());
	module.merge(System::new(client.clone(), pool.clone()).into_rpc())?;
	module.merge(TransactionPayment::new(client.clone()).into_rpc())?;
	module.merge(
		Babe::new(
			client.clone(),
			babe.clone(),
			keystore.clone(),
			select_chain.clone(),
		)
		.into_rpc(),
	)?;
	module.merge(
		Grandpa::new(
			executor.clone(),
			grandpa.authority_set.clone(),
			grandpa.voter_state.clone(),
			grandpa.justifications.clone(),
			grandpa.proofs.clone(),
		)
		.into_rpc(),
	)?;
	module.merge(
		Market::new(
			market.shared.clone(),
			market.blocks.clone(),
			executor,
			market.subscriptions.clone(),
		)
		.into_rpc(),
	)?;
	Ok(module)
}
