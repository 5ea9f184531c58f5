//! What an idle lane costs at its endpoints: an hour at the default pace, counted.

use super::*;
use lilypad_client::gateway::FinalityRule;

const HOUR: Duration = Duration::from_secs(3_600);
/// Work that is done with each block of the market's chain.
const MARKET_BLOCK: Duration = Duration::from_secs(2);

/// A lane's whole work.
struct Work {
	scanner: Scanner,
	attester: Attester,
	signer: BatchSigner,
	deliverer: Deliverer,
	closer: Closer,
}

impl Work {
	fn of(rig: &Rig) -> Self {
		let lane = || rig.lane.clone();
		Self {
			scanner: Scanner::new(lane()),
			attester: Attester::new(lane()),
			signer: BatchSigner::new(lane()),
			deliverer: Deliverer::new(lane()),
			closer: Closer::new(lane()),
		}
	}

	async fn with_the_markets_blocks(&mut self) {
		self.attester.step().await.expect("idle");
		self.signer.step().await.expect("idle");
		self.deliverer.step().await.expect("idle");
		self.closer.step().await.expect("idle");
	}
}

fn calls(rig: &Rig) -> u64 {
	rig.lane.pool.status().iter().map(|endpoint| endpoint.calls).sum()
}

/// Calls within an idle hour, when so many blocks become final every so often.
async fn hourly(rig: &Rig, blocks: usize, every: Duration) -> u64 {
	// The sign of life that is due each week is not part of it.
	rig.market.storage().view.outbox.latest = 101;
	rig.refresh().await;
	let mut work = Work::of(rig);
	work.scanner.step().await.expect("read");
	work.with_the_markets_blocks().await;
	let (before, begun) = (calls(rig), clock::now());
	let poll = rig.lane.config.poll;
	assert_eq!(poll, Duration::from_secs(3), "the default");
	let (mut mined, mut worked) = (begun, begun);
	while clock::since(begun) < HOUR {
		clock::advance(poll);
		while clock::since(mined) >= every {
			mined += every;
			rig.evm.mine_empty(blocks);
		}
		work.scanner.step().await.expect("idle");
		while clock::since(worked) >= MARKET_BLOCK {
			worked += MARKET_BLOCK;
			work.with_the_markets_blocks().await;
		}
	}
	let made = calls(rig) - before;
	println!("{blocks} final blocks every {every:?}: {made} calls an hour");
	made
}

#[tokio::test]
async fn with_a_final_block_at_every_look_an_idle_hour_costs_two_calls_a_look() {
	let made = hourly(&Rig::new(), 1, Duration::from_secs(3)).await;
	assert!((2_400..2_500).contains(&made), "{made}");
}

#[tokio::test]
async fn without_finality_the_blocks_that_count_are_looked_at_too() {
	let rig = Rig::new();
	rig.market.storage().view.lane.finality = FinalityRule::Confirmations(2);
	let made = hourly(&rig, 1, Duration::from_secs(3)).await;
	assert!((4_800..4_900).contains(&made), "{made}");
}

#[tokio::test]
async fn with_two_endpoints_both_name_the_block_and_one_the_number() {
	let made = hourly(&Rig::with(2, 0), 1, Duration::from_secs(3)).await;
	assert!((3_600..3_700).contains(&made), "{made}");
}

#[tokio::test]
async fn where_blocks_become_final_every_six_minutes_four_of_five_looks_are_left_out() {
	let made = hourly(&Rig::new(), 32, Duration::from_secs(384)).await;
	assert!((300..360).contains(&made), "{made}");
}

#[tokio::test]
async fn a_chain_that_stands_still_is_asked_for_nothing_but_its_head() {
	let rig = Rig::new();
	let made = hourly(&rig, 0, HOUR).await;
	assert!((240..260).contains(&made), "{made}");
	assert_eq!(rig.endpoints[0].asked("logs"), 0);
}

#[tokio::test]
async fn an_endpoint_can_hide_what_came_in_for_one_look_only() {
	let rig = Rig::with(3, 0);
	let mut scanner = Scanner::new(rig.lane.clone());
	scanner.step().await.expect("read");
	rig.evm.mine_empty(1);
	scanner.step().await.expect("read");
	rig.endpoints[0].ways().hides = true;
	rig.evm.mine(vec![fake::log_of(&fake::deposit(1, 10))]);
	rig.evm.mine_empty(2);
	for _ in 0..6 {
		// It is caught on the way, and set aside.
		scanner.step().await.ok();
		rig.evm.mine_empty(1);
		clock::advance(Duration::from_secs(3));
	}
	assert_eq!(rig.lane.journal.open_inbound(LANE, 9).expect("read").len(), 1);
}
