//! What clients may ask the node besides what every Substrate node answers.

use std::sync::Arc;

use jsonrpsee::RpcModule;
use pallet_transaction_payment_rpc::{TransactionPayment, TransactionPaymentApiServer};
use sc_consensus_babe::BabeWorkerHandle;
use sc_consensus_babe_rpc::{Babe, BabeApiServer};
use sc_consensus_grandpa::{
	FinalityProofProvider, GrandpaJustificationStream, SharedAuthoritySet, SharedVoterState,
};
use sc_consensus_grandpa_rpc::{Grandpa, GrandpaApiServer};
use sc_rpc::SubscriptionTaskExecutor;
use sp_keystore::KeystorePtr;
use substrate_frame_rpc_system::{System, SystemApiServer};

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
			executor,
			grandpa.authority_set.clone(),
			grandpa.voter_state.clone(),
			grandpa.justifications.clone(),
			grandpa.proofs.clone(),
		)
		.into_rpc(),
	)?;
	Ok(module)
}
