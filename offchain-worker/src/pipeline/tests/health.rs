//! Pausing and resuming offers, and two workers with one key.

use super::*;
use crate::{
	chain::{Call, Chain, NewOffer, SeatState},
	config::OfferConfig,
	offers::{claim_account, ensure_offer, Ailments, Health},
	p2p::PeerService,
	WorkerError,
};
use lilypad_primitives::{
	Commitment, CreatorPolicy, MachineSpec, MediatorPolicy, ModulePolicy, OfferId, OfferState, PeerAddress,
	Seal, LP,
};

fn offer() -> OfferConfig {
	OfferConfig {
		offer: NewOffer {
			machine: MachineSpec::new(1000, 1000, 1000),
			slots: 1,
			rate: LP,
			platforms: vec![],
			modules: ModulePolicy::Any,
			mediators: MediatorPolicy::Any,
			creators: CreatorPolicy::Any,
		},
		bond: 5 * LP,
		resume: false,
	}
}

fn health(world: &World, life: &Life) -> Health {
	Health {
		chain: Arc::new(world.chain.clone()),
		journal: life.ctx.journal.clone(),
		engines: life.ctx.engines.clone(),
		data: life.ctx.data.clone(),
		limits: world.limits.clone(),
		metrics: Arc::default(),
		peer: [1; 32],
		ailments: Ailments::default(),
		strangers: Default::default(),
	}
}

fn state(world: &World) -> OfferState {
	world.chain.lock().offers[&OfferId(1)].state
}

#[tokio::test]
async fn bond_and_offer_are_made_once() {
	let world = World::new();
	let life = world.start(Gate::default()).await;
	for _ in 0..2 {
		ensure_offer(&world.chain, &life.ctx.journal, &life.ctx.engines, &offer())
			.await
			.expect("made");
	}
	let calls = world.chain.lock().calls.clone();
	assert_eq!(calls.len(), 2);
	assert_eq!(calls[0], Call::Bond(5 * LP));
	assert!(matches!(&calls[1], Call::PostOffer(offer) if offer.platforms == [Platform::Wasm]));
}

#[tokio::test]
async fn an_offer_that_the_chain_has_paused_stays_paused_unless_told_otherwise() {
	let world = World::new();
	let life = world.start(Gate::default()).await;
	let mut config = offer();
	ensure_offer(&world.chain, &life.ctx.journal, &life.ctx.engines, &config)
		.await
		.expect("made");
	world
		.chain
		.lock()
		.offers
		.get_mut(&OfferId(1))
		.expect("there")
		.state = OfferState::Paused;
	ensure_offer(&world.chain, &life.ctx.journal, &life.ctx.engines, &config)
		.await
		.expect("looked at");
	assert_eq!(state(&world), OfferState::Paused);
	config.resume = true;
	ensure_offer(&world.chain, &life.ctx.journal, &life.ctx.engines, &config)
		.await
		.expect("resumed");
	assert_eq!(state(&world), OfferState::Active);
}

#[tokio::test]
async fn a_dead_engine_pauses_the_offer_until_it_is_back() {
	let world = World::new();
	let life = world.start(Gate::default()).await;
	ensure_offer(&world.chain, &life.ctx.journal, &life.ctx.engines, &offer())
		.await
		.expect("made");
	let health = health(&world, &life);
	health.look().await.expect("well");
	assert_eq!(state(&world), OfferState::Active);
	world.executor.with(|runs| runs.down = true);
	for _ in 0..2 {
		health.look().await.expect("ill");
		assert_eq!(state(&world), OfferState::Paused);
	}
	assert!(!health.ailments.lock().expect("free").is_empty());
	world.executor.with(|runs| runs.down = false);
	for _ in 0..2 {
		health.look().await.expect("well again");
		assert_eq!(state(&world), OfferState::Active);
	}
	assert!(health.ailments.lock().expect("free").is_empty());
	assert_eq!(count(&world, |call| matches!(call, Call::PauseOffer(_))), 1);
	assert_eq!(count(&world, |call| matches!(call, Call::ResumeOffer(_))), 1);
}

#[tokio::test]
async fn a_full_disk_pauses_the_offer_and_says_so() {
	let mut world = World::new();
	world.limits.min_free_bytes = u64::MAX;
	let life = world.start(Gate::default()).await;
	ensure_offer(&world.chain, &life.ctx.journal, &life.ctx.engines, &offer())
		.await
		.expect("made");
	let health = health(&world, &life);
	health.look().await.expect("ill");
	assert_eq!(state(&world), OfferState::Paused);
	let ailments = health.ailments.lock().expect("free").clone();
	assert!(
		ailments.iter().any(|why| why.contains("nearly full")),
		"{ailments:?}"
	);
}

#[tokio::test]
async fn what_the_operator_has_paused_is_not_resumed() {
	let world = World::new();
	let life = world.start(Gate::default()).await;
	ensure_offer(&world.chain, &life.ctx.journal, &life.ctx.engines, &offer())
		.await
		.expect("made");
	world
		.chain
		.call(Call::PauseOffer(OfferId(1)), None)
		.await
		.expect("paused");
	health(&world, &life).look().await.expect("well");
	assert_eq!(state(&world), OfferState::Paused);
}

#[tokio::test]
async fn a_second_worker_with_the_same_key_does_not_start_while_the_first_answers() {
	let world = World::new();
	let life = world.start(Gate::default()).await;
	let endpoint = p2p::bind(iroh::SecretKey::generate(), Some(([127, 0, 0, 1], 0).into()))
		.await
		.expect("bound");
	let service = PeerService {
		chain: Arc::new(world.chain.clone()),
		data: life.ctx.data.clone(),
		journal: life.ctx.journal.clone(),
		blobs: life.ctx.blobs.clone(),
		hub: life.ctx.hub.clone(),
		access: life.ctx.access.clone(),
		limits: world.limits.clone(),
		arrivals: life.arrivals.clone(),
		reserved: Arc::default(),
		#[cfg(feature = "misbehave")]
		withholds: false,
	};
	let router = service.serve(endpoint.clone(), CancellationToken::new());
	let address = endpoint.bound_sockets()[0]
		.to_string()
		.into_bytes()
		.try_into()
		.expect("short");
	let first = PeerAddress {
		id: *endpoint.id().as_bytes(),
		addresses: vec![address].try_into().expect("one"),
	};
	let peers = PeerClient::bind([7; 32], None).await.expect("bound");
	claim_account(&world.chain, &life.ctx.journal, &peers, &first, false)
		.await
		.expect("the first");
	let second = PeerAddress {
		id: [2; 32],
		..PeerAddress::default()
	};
	let refused = claim_account(&world.chain, &life.ctx.journal, &peers, &second, false).await;
	assert!(
		matches!(refused, Err(WorkerError::AnotherWorker { .. })),
		"{refused:?}"
	);
	// The first may start again any time.
	claim_account(&world.chain, &life.ctx.journal, &peers, &first, false)
		.await
		.expect("the same worker");
	assert_eq!(count(&world, |call| matches!(call, Call::SetPeer(_))), 1);

	router.shutdown().await.expect("stopped");
	claim_account(&world.chain, &life.ctx.journal, &peers, &second, false)
		.await
		.expect("taken over from a dead worker");
	// The first notices if it was only out of reach.
	let mut first_worker = health(&world, &life);
	first_worker.peer = first.id;
	first_worker.look().await.expect("once may be a fork");
	assert!(matches!(
		first_worker.look().await,
		Err(WorkerError::TakenOver(_))
	));
}

#[tokio::test]
async fn what_only_a_silent_worker_can_open_is_not_given_up_unasked() {
	let world = World::new();
	let life = world.start(Gate::default()).await;
	let peers = PeerClient::bind([7; 32], None).await.expect("bound");
	let silent = PeerAddress {
		id: [2; 32],
		..PeerAddress::default()
	};
	let own = PeerAddress {
		id: [3; 32],
		..PeerAddress::default()
	};
	let claim = |peer: PeerAddress, give_up: bool| {
		let (world, life, peers) = (&world, &life, &peers);
		async move { claim_account(&world.chain, &life.ctx.journal, peers, &peer, give_up).await }
	};
	claim(silent.clone(), false).await.expect("the first");

	// A result that this worker's journal does not know, and a vote in somebody else's deal.
	let (sealed, judged) = (DealId(71), DealId(72));
	world
		.chain
		.open_case(sealed, fake::job("{}"), Seal([9; 32]), &[], 50);
	world
		.chain
		.open_case(judged, fake::job("{}"), Seal([9; 32]), &[fake::provider()], 50);
	{
		let mut state = world.chain.lock();
		state.deals.get_mut(&judged).expect("open").terms.provider = fake::account(77);
		let case = state.cases.get_mut(&judged).expect("open");
		// Drawn, but without a vote: nothing is lost.
		assert_eq!(case.seats[0].state, SeatState::Drawn);
	}
	let refused = claim(own.clone(), false).await;
	assert!(
		matches!(&refused, Err(WorkerError::HeldElsewhere { deals, .. }) if deals == "71"),
		"{refused:?}"
	);
	world.chain.lock().cases.get_mut(&judged).expect("open").seats[0].state =
		SeatState::Committed(Commitment([8; 32]));
	let refused = claim(own.clone(), false).await;
	assert!(
		matches!(&refused, Err(WorkerError::HeldElsewhere { deals, .. }) if deals == "71, 72"),
		"{refused:?}"
	);
	assert_eq!(
		world.chain.peer(&fake::provider()).await,
		Ok(Some(silent.clone()))
	);

	// The silent one itself may start, whatever it has; and so may another that is told to give it up.
	claim(silent, false).await.expect("the same worker");
	claim(own.clone(), true).await.expect("told to");
	assert_eq!(world.chain.peer(&fake::provider()).await, Ok(Some(own)));
}
