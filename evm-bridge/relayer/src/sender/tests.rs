use super::*;
use crate::evm::{
	fake::{FakeEvm, CHAIN},
	Endpoint,
};
use alloy::consensus::Transaction;

struct Rig {
	_dir: tempfile::TempDir,
	evm: FakeEvm,
	endpoints: Vec<Arc<crate::evm::fake::FakeEndpoint>>,
	sender: Sender,
}

/// Transactions are bumped after this; ages are by the wall clock, as the journal outlives the process.
const SOON: Duration = Duration::from_millis(20);

/// What fails for as long is dead.
const DEAD: Duration = Duration::from_secs(1_800);

fn rig(max_price: u128) -> Rig {
	rig_with(max_price, 1)
}

/// With so many endpoints.
fn rig_with(max_price: u128, endpoints: usize) -> Rig {
	let dir = tempfile::tempdir().expect("a folder");
	let evm = FakeEvm::default();
	let endpoints: Vec<_> = (0..endpoints).map(|n| evm.endpoint(&format!("e{n}"))).collect();
	let all = endpoints.iter().map(|e| e.clone() as Arc<dyn Endpoint>).collect();
	let pool = Arc::new(Pool::new(all, None));
	let journal = Journal::open(&dir.path().join("journal")).expect("new");
	let rules = Rules {
		max_price,
		bump_after: SOON,
		dead_after: DEAD,
	};
	let key = Key::from_suri("//Alice").expect("a key");
	let sender = Sender::new(CHAIN, key, pool, journal, rules);
	Rig {
		_dir: dir,
		evm,
		endpoints,
		sender,
	}
}

fn wanted(batch: u64) -> Wanted {
	Wanted {
		purpose: Purpose::Deliver {
			lane: 7,
			batch,
			places: vec![0],
		},
		to: Address::repeat_byte(1),
		data: Bytes::new(),
		gas: 100_000,
	}
}

fn wait() {
	std::thread::sleep(SOON * 2);
}

#[tokio::test]
async fn transactions_are_journalled_before_they_are_sent_and_forgotten_once_final() {
	let rig = rig(1_000);
	rig.endpoints[0].ways().down = true;
	// The endpoint is down: nonce and price can't be had, so nothing is decided.
	assert!(rig.sender.submit(wanted(0)).await.is_err());
	assert!(rig.sender.pending().expect("read").is_empty());
	rig.endpoints[0].ways().down = false;
	crate::clock::advance(Duration::from_secs(600));
	rig.sender.submit(wanted(0)).await.expect("sent");
	assert_eq!(rig.sender.pending().expect("read").len(), 1);
	rig.evm.mine_empty(1);
	rig.sender.tend(0).await.expect("seen");
	let pending = rig.sender.pending().expect("read");
	assert_eq!(
		pending[0].1.mined,
		Some(1),
		"mined, but a re-organisation could undo it"
	);
	rig.sender.tend(1).await.expect("done");
	assert!(rig.sender.pending().expect("read").is_empty());
}

#[tokio::test]
async fn nonces_follow_each_other_without_waiting() {
	let rig = rig(1_000);
	rig.evm.chain().mines = false;
	for batch in 0..3 {
		rig.sender.submit(wanted(batch)).await.expect("sent");
	}
	let nonces: Vec<_> = rig.evm.chain().waiting.keys().copied().collect();
	assert_eq!(nonces, [0, 1, 2]);
	rig.evm.chain().mines = true;
	rig.evm.mine_empty(1);
	assert_eq!(rig.evm.chain().nonce(), 3);
}

#[tokio::test]
async fn no_more_than_so_many_wait_at_a_time() {
	let rig = rig(1_000);
	rig.evm.chain().mines = false;
	for batch in 0..MAX_IN_FLIGHT as u64 {
		rig.sender.submit(wanted(batch)).await.expect("sent");
	}
	assert!(matches!(
		rig.sender.submit(wanted(99)).await,
		Err(SendError::Busy)
	));
}

#[tokio::test]
async fn a_stuck_transaction_gets_a_higher_price_up_to_the_limit() {
	let rig = rig(30);
	rig.sender.submit(wanted(0)).await.expect("sent");
	rig.evm.chain().base_fee = 25;
	for _ in 0..10 {
		rig.evm.mine_empty(1);
		wait();
		rig.sender.tend(0).await.expect("pushed");
	}
	rig.evm.mine_empty(1);
	let chain = rig.evm.chain();
	assert_eq!(chain.nonce(), 1, "it was mined in the end");
	let prices: Vec<_> = chain.handed_in.iter().map(|tx| tx.max_fee_per_gas()).collect();
	assert!(
		prices.len() > 1 && prices.windows(2).all(|w| w[1] * 8 >= w[0] * 9),
		"{prices:?}"
	);
	assert!(prices.iter().all(|price| *price <= 30), "{prices:?}");
	assert!(
		chain.handed_in.iter().all(|tx| tx.nonce() == 0),
		"always the same nonce"
	);
}

#[tokio::test]
async fn a_transaction_that_everybody_forgot_is_handed_in_again() {
	let rig = rig(21);
	rig.sender.submit(wanted(0)).await.expect("sent");
	rig.evm.chain().waiting.clear();
	wait();
	// Its price is at the limit already: the same bytes.
	rig.sender.tend(0).await.expect("handed in again");
	let chain = rig.evm.chain();
	assert_eq!(chain.handed_in.len(), 2);
	assert_eq!(chain.handed_in[0].tx_hash(), chain.handed_in[1].tx_hash());
}

#[tokio::test]
async fn a_nonce_that_was_left_out_is_filled() {
	let rig = rig(1_000);
	rig.evm.chain().mines = false;
	for batch in 0..3 {
		rig.sender.submit(wanted(batch)).await.expect("sent");
	}
	// The first is lost, and the journal knows nothing of it.
	rig.sender.journal.remove_transaction(CHAIN, 0).expect("removed");
	rig.evm.chain().waiting.remove(&0);
	wait();
	rig.evm.chain().mines = true;
	rig.sender.tend(0).await.expect("filled");
	rig.evm.mine_empty(1);
	assert_eq!(rig.evm.chain().nonce(), 3);
}

#[tokio::test]
async fn the_next_delivery_fills_a_gap_too() {
	let rig = rig(1_000);
	rig.evm.chain().mines = false;
	for batch in 0..2 {
		rig.sender.submit(wanted(batch)).await.expect("sent");
	}
	rig.sender.journal.remove_transaction(CHAIN, 0).expect("removed");
	rig.evm.chain().waiting.remove(&0);
	rig.sender.submit(wanted(2)).await.expect("sent");
	let chain = rig.evm.chain();
	assert_eq!(chain.waiting.keys().copied().collect::<Vec<_>>(), [0, 1]);
}

#[tokio::test]
async fn what_a_reorganisation_unmined_waits_again() {
	let rig = rig(1_000);
	rig.evm.mine_empty(3);
	rig.sender.submit(wanted(0)).await.expect("sent");
	rig.evm.mine_empty(1);
	rig.sender.tend(0).await.expect("seen");
	rig.evm.reorganise(1);
	rig.evm.mine_empty(1);
	wait();
	rig.sender.tend(0).await.expect("handed in again");
	rig.evm.mine_empty(1);
	assert_eq!(rig.evm.chain().nonce(), 1);
	rig.sender.tend(100).await.expect("done");
	assert!(rig.sender.pending().expect("read").is_empty());
}

#[tokio::test]
async fn a_restart_knows_what_was_sent() {
	let rig = rig(1_000);
	rig.evm.chain().mines = false;
	rig.sender.submit(wanted(5)).await.expect("sent");
	let again = Sender::new(
		CHAIN,
		rig.sender.key.clone(),
		rig.sender.pool.clone(),
		rig.sender.journal.clone(),
		rig.sender.rules,
	);
	assert_eq!(again.pending().expect("read")[0].1.purpose, wanted(5).purpose);
	again.submit(wanted(6)).await.expect("sent");
	let nonces: Vec<_> = rig.evm.chain().waiting.keys().copied().collect();
	assert_eq!(nonces, [0, 1]);
}

#[tokio::test]
async fn a_refusal_leaves_no_trace_and_says_what_to_do() {
	let rig = rig(1_000);
	rig.endpoints[0].ways().refuses = Some("insufficient funds for gas".into());
	let error = rig.sender.submit(wanted(0)).await.expect_err("refused");
	assert!(matches!(error, SendError::NoMoney { .. }), "{error}");
	assert!(rig.sender.pending().expect("read").is_empty());
}

#[tokio::test]
async fn nothing_is_sent_above_the_limit() {
	let rig = rig(9);
	let error = rig.sender.submit(wanted(0)).await.expect_err("too dear");
	assert!(
		matches!(error, SendError::TooDear { price: 10, limit: 9 }),
		"{error}"
	);
	assert!(rig.evm.chain().handed_in.is_empty());
}

#[tokio::test]
async fn what_one_endpoint_may_have_taken_is_followed_up_although_another_refuses_it() {
	for silent in 0..2 {
		let rig = rig_with(1_000, 2);
		rig.endpoints[silent].ways().swallows = true;
		rig.endpoints[1 - silent].ways().refuses = Some("txpool is full".into());
		rig.sender.submit(wanted(0)).await.expect("it may be under way");
		assert_eq!(rig.sender.pending().expect("read").len(), 1);
		rig.evm.mine_empty(1);
		assert_eq!(rig.evm.chain().nonce(), 1);
		rig.sender.tend(1).await.expect("done");
		assert!(rig.sender.pending().expect("read").is_empty());
		assert_eq!(rig.sender.tally.mined.get(), 1);
	}
}

#[tokio::test]
async fn an_endpoint_that_is_down_for_good_keeps_no_nonce_that_the_others_refuse() {
	let rig = rig_with(1_000, 2);
	rig.endpoints[0].ways().down = true;
	rig.endpoints[1].ways().max_gas = Some(50_000);
	rig.sender.submit(wanted(0)).await.expect("it may be under way");
	for _ in 0..2 {
		wait();
		rig.sender.tend(0).await.expect("handed in again");
		assert_eq!(rig.sender.pending().expect("read")[0].1.to, [1; 20], "it waits");
		crate::clock::advance(DEAD / 2);
	}
	wait();
	rig.sender.tend(0).await.expect("given up");
	let pending = rig.sender.pending().expect("read");
	assert_eq!(pending[0].1.to, rig.sender.account().into_array());
	assert!(
		pending[0].1.attempts.len() > 2,
		"whichever is mined is found: nothing is forgotten"
	);
	rig.evm.mine_empty(1);
	assert_eq!(rig.evm.chain().nonce(), 1, "room was made with the same nonce");
	rig.sender.tend(9).await.expect("done");
	assert!(rig.sender.pending().expect("read").is_empty());
}

#[tokio::test]
async fn an_endpoint_that_was_back_meanwhile_may_have_taken_it() {
	let rig = rig_with(1_000, 2);
	rig.endpoints[0].ways().down = true;
	rig.endpoints[1].ways().max_gas = Some(50_000);
	rig.sender.submit(wanted(0)).await.expect("it may be under way");
	crate::clock::advance(DEAD);
	rig.endpoints[0].ways().down = false;
	assert_eq!(
		rig.sender.pool.nonce(rig.sender.account()).await.expect("asked"),
		0
	);
	rig.endpoints[0].ways().down = true;
	wait();
	rig.sender.tend(0).await.expect("handed in again");
	assert_eq!(rig.sender.pending().expect("read")[0].1.to, [1; 20], "it waits");
}

#[tokio::test]
async fn what_all_refuse_leaves_no_trace() {
	let rig = rig_with(1_000, 2);
	for endpoint in &rig.endpoints {
		endpoint.ways().refuses = Some("txpool is full".into());
	}
	let error = rig.sender.submit(wanted(0)).await.expect_err("refused");
	assert!(matches!(error, SendError::Refused(_)), "{error}");
	assert!(rig.sender.pending().expect("read").is_empty());
}

#[tokio::test]
async fn what_is_refused_later_makes_room_for_what_is_behind_it() {
	let rig = rig(1_000);
	rig.sender.submit(wanted(0)).await.expect("sent");
	let behind = Wanted {
		gas: 30_000,
		..wanted(1)
	};
	rig.sender.submit(behind).await.expect("sent");
	// Everybody forgets the first, and nobody would take it again.
	rig.evm.chain().waiting.remove(&0);
	rig.endpoints[0].ways().max_gas = Some(50_000);
	rig.evm.mine_empty(1);
	assert_eq!(rig.evm.chain().nonce(), 0);
	wait();
	rig.sender.tend(0).await.expect("given up");
	let pending = rig.sender.pending().expect("read");
	assert_eq!(
		pending[0].1.purpose,
		wanted(0).purpose,
		"nothing else is sent for it meanwhile"
	);
	rig.evm.mine_empty(1);
	assert_eq!(rig.evm.chain().nonce(), 2);
	rig.sender.tend(9).await.expect("done");
	assert!(rig.sender.pending().expect("read").is_empty());
}
