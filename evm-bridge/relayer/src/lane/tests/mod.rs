//! A lane between two chains in memory.

mod attest;
mod close;
mod deliver;
mod exit;
mod idle;
mod scan;
mod sign;

use super::{outbox::id_of, Attester, BatchSigner, Closer, Deliverer, Lane, Parts, Scanner};
use crate::{
	clock,
	config::LaneConfig,
	evm::{
		fake::{self, FakeEndpoint, FakeEvm},
		pool::Pool,
		Endpoint,
	},
	journal::Journal,
	key::Key,
	market::{
		fake::{keys, FakeMarket, LANE},
		Market,
	},
	sender::Sender,
};
use lilypad_client::gateway::{BatchId, Message};
use std::{sync::Arc, time::Duration};

/// See the module. The relayer is one of three members.
struct Rig {
	_dir: tempfile::TempDir,
	evm: FakeEvm,
	endpoints: Vec<Arc<FakeEndpoint>>,
	market: Arc<FakeMarket>,
	keys: Vec<Key>,
	lane: Arc<Lane>,
}

impl Rig {
	/// With one endpoint.
	fn new() -> Self {
		Self::with(1, 0)
	}

	/// With so many endpoints, as the member with this place.
	fn with(endpoints: usize, place: usize) -> Self {
		let dir = tempfile::tempdir().expect("a folder");
		let evm = FakeEvm::default();
		let endpoints: Vec<_> = (0..endpoints)
			.map(|n| evm.endpoint(&format!("endpoint {n}")))
			.collect();
		let keys = keys(3);
		let market = Arc::new(FakeMarket::new(&keys, place));
		let lane = lane(dir.path(), &endpoints, &market, &keys[place]);
		Self {
			_dir: dir,
			evm,
			endpoints,
			market,
			keys,
			lane,
		}
	}

	/// The same relayer after it was killed: what it had in memory is gone.
	fn restart(&mut self) {
		let key = self.lane.key.clone();
		// The journal can be opened once at a time.
		let parts = Parts {
			config: self.lane.config.clone(),
			market: self.market.clone(),
			pool: self.lane.pool.clone(),
			journal: self.lane.journal.clone(),
			key,
			sender: self.lane.sender.clone(),
		};
		self.lane = Lane::new(parts, self.market.storage().view.clone());
	}

	/// What the market's chain says of the lane, anew.
	async fn refresh(&self) {
		self.lane.refresh().await.expect("the fake answers");
	}

	/// Adds a batch that a quorum has signed, and makes the lane know it.
	async fn ready_batch(&self, messages: Vec<Message>) -> BatchId {
		let id = {
			let mut storage = self.market.storage();
			let id = storage.add_batch(messages);
			storage.sign_batch(id, &self.keys);
			id
		};
		self.follow().await;
		id
	}

	/// Has the lane look at the chain's batches.
	async fn follow(&self) {
		self.refresh().await;
		let view = self.lane.view();
		self.lane.follow_batches(&view).await.expect("the fake answers");
		self.lane
			.follow_signatures(&view)
			.await
			.expect("the fake answers");
	}

	/// Whether messages have arrived, by the newest block.
	fn has_arrived(&self, messages: &[Message]) -> bool {
		let chain = self.evm.chain();
		let arrived = chain.arrived(chain.latest());
		messages
			.iter()
			.all(|message| arrived.contains(&fake::message_key(id_of(message))))
	}
}

fn lane(
	dir: &std::path::Path,
	endpoints: &[Arc<FakeEndpoint>],
	market: &Arc<FakeMarket>,
	key: &Key,
) -> Arc<Lane> {
	let journal = Journal::open(&dir.join("journal")).expect("new");
	let all = endpoints.iter().map(|e| e.clone() as Arc<dyn Endpoint>).collect();
	let pool = Arc::new(Pool::new(all, None));
	let config = LaneConfig {
		stagger: Duration::from_secs(20),
		..LaneConfig::new(LANE, vec!["http://fake".into()])
	};
	let sender = Sender::new(
		fake::CHAIN,
		key.clone(),
		pool.clone(),
		journal.clone(),
		config.rules(),
	);
	let parts = Parts {
		config,
		market: market.clone() as Arc<dyn Market>,
		pool,
		journal,
		key: key.clone(),
		sender: Arc::new(sender),
	};
	let view = market.storage().view.clone();
	Lane::new(parts, view)
}

#[tokio::test]
async fn members_take_turns() {
	let rigs: Vec<_> = (0..3).map(|place| Rig::with(1, place)).collect();
	for number in 0..7 {
		let mut ranks: Vec<_> = rigs
			.iter()
			.map(|rig| rig.lane.rank(&rig.lane.view(), number).expect("a member"))
			.collect();
		assert_eq!(ranks[(number % 3) as usize], 0);
		ranks.sort_unstable();
		assert_eq!(ranks, [0, 1, 2]);
	}
	let stranger = Key::from_suri("//nobody").expect("a key");
	let rig = Rig::new();
	let mut view = rig.lane.view();
	view.set = crate::market::fake::set(1, &[stranger]);
	assert_eq!(rig.lane.rank(&view, 0), None);
}
