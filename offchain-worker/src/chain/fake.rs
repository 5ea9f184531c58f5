//! A chain in memory. It keeps the rules that the worker relies on, remembers every call, and can fail or be cut off at any
//! moment.

use super::*;
use crate::AccountId;
use futures::StreamExt;
use lilypad_primitives::{
	module::ModuleName, Dispute, Inputs, JobOrigin, JobRequest, Judge, OfferState, Profile, Round,
	RuntimeImage, LP,
};
use sp_runtime::Permill;
use std::{
	collections::{BTreeMap, VecDeque},
	sync::{Arc, Mutex, MutexGuard},
};
use tokio::sync::broadcast;

pub(crate) const MILLIS_PER_BLOCK: Millis = 2000;
const DRAW_BLOCKS: BlockNumber = 4;
// Far away: tests let blocks pass faster than a busy machine gets things done.
const JUDGE_BLOCKS: BlockNumber = 300;
const SUBMIT_BLOCKS: BlockNumber = 5_000;
const REVEAL_BLOCKS: BlockNumber = 500;
pub(crate) const RULES: MediationRules = MediationRules {
	audit: lilypad_primitives::AuditRules {
		saving: Permill::one(),
		usual: sp_runtime::Perquintill::one(),
		escalates: Permill::from_percent(1),
		colluding: Permill::zero(),
	},
	overcharge_percent: 200,
	overcharge_floor: 2_000,
	slack_percent: 300,
	commit_margin: 30,
	// Nobody serves a provider's result here.
	ask_blocks: 0,
	reveal_blocks: REVEAL_BLOCKS,
	era_blocks: 150,
	draw_open_blocks: 60,
	max_redraws: 2,
	no_show_slash: Permill::from_percent(10),
	minority_slash: Permill::from_percent(5),
};
const START_MS: Millis = 1_700_000_000_000;

pub(crate) fn account(n: u8) -> AccountId {
	AccountId::new([n; 32])
}

pub(crate) fn provider() -> AccountId {
	account(1)
}

pub(crate) fn creator() -> AccountId {
	account(2)
}

pub(crate) fn terms() -> Terms<AccountId> {
	Terms {
		creator: creator(),
		judge: Judge::Creator,
		provider: provider(),
		author: account(3),
		solver: None,
		rate: LP / 1000,
		time_limit: 60_000,
		budget: LP,
		cap: LP / 10,
		module_fee: 0,
		levy: 0,
		tip: 0,
		escrow: LP / 10,
		mediator_fee: 0,
		panel_fee: 0,
		collateral: LP,
		no_show_fine: 0,
		cancel_fee: 0,
		victim_share: Permill::zero(),
		profile: Profile::Deterministic,
	}
}

pub(crate) fn deal(id: DealId, state: DealState) -> Deal {
	Deal {
		id,
		job: JobId(id.0 + 100),
		offer: OfferId(1),
		terms: terms(),
		state,
	}
}

pub(crate) fn case(deal: &Deal, stage: CaseStage, panel: &[AccountId]) -> Case {
	let seat = |mediator: &AccountId| Seat {
		mediator: mediator.clone(),
		round: Round::Three,
		state: SeatState::Drawn,
	};
	Case {
		dispute: Dispute::Audit,
		parties: vec![deal.terms.creator.clone(), deal.terms.provider.clone()],
		platform: Platform::Wasm,
		spec: MachineSpec::new(1000, 100, 1),
		mediators: MediatorPolicy::Any,
		profile: deal.terms.profile,
		time_limit: deal.terms.time_limit,
		commit_blocks: 100,
		reveal_blocks: REVEAL_BLOCKS,
		largest_panel: 5,
		redraws_left: 2,
		max_redraws: 2,
		overcharge_percent: RULES.overcharge_percent,
		overcharge_floor: RULES.overcharge_floor,
		no_show_slash: 10,
		minority_slash: 5,
		round: Round::Three,
		stage,
		seats: panel.iter().map(seat).collect(),
	}
}

fn mediator(capability: Capability, tickets: u32) -> Mediator {
	Mediator {
		total: Balance::from(tickets) * 100 * LP,
		unbonding: vec![],
		tickets: (0..tickets).collect(),
		capability: lilypad_client::mediation::Versioned {
			versions: vec![(0, capability)],
		},
		seats: 0,
		liability: 0,
	}
}

pub(crate) fn job(inputs: &str) -> Job<AccountId> {
	Job {
		creator: creator(),
		request: JobRequest {
			module: "cowsay:v1".parse().expect("a name"),
			inputs: Inputs::Inline(inputs.as_bytes().to_vec().try_into().expect("short")),
			files: Default::default(),
			spec: MachineSpec::new(1000, 100, 1),
			time_limit: 60_000,
			budget: LP,
			tip: 0,
			match_window: 10,
			deadline: None,
			mediators: MediatorPolicy::Any,
			target: None,
			min_score: Permill::zero(),
			retries: 0,
		},
		version: VersionId(0),
		origin: JobOrigin::Native,
		retries_left: 0,
		failed: Default::default(),
		unfetchable_once: false,
	}
}

pub(crate) fn module(code: [u8; 32], size: u64) -> (ModuleInfo<AccountId>, Vec<u8>) {
	let manifest = serde_json::json!({
		"version": 1, "name": "cowsay", "tag": "v1",
		"runtime": { "kind": "wasm", "code": { "hash": hex::encode(code), "size": size } },
		"entrypoint": ["cowsay", "{{Message}}"],
		"inputs": [
			{ "name": "Message", "type": "string", "required": true, "max_length": 64 },
			{ "name": "Times", "type": "integer", "min": 1, "max": 9, "default": 1 },
		],
		"files": [{ "name": "data", "path": "/inputs/data", "max_bytes": 100_000_000 }],
		"machine": { "cpu_milli": 1000, "ram_mib": 100, "disk_mib": 1 },
		"max_seconds": 60, "profile": "deterministic",
	});
	let name: ModuleName = "cowsay:v1".parse().expect("a name");
	let info = ModuleInfo {
		name,
		author: account(3),
		runtime: RuntimeImage::Wasm { code },
		fetch_bytes: size,
		min_spec: MachineSpec::new(1000, 100, 1),
		max_run: 60_000,
		fee: 0,
		profile: Profile::Deterministic,
		curated: false,
		delisted: false,
		manifest_hash: [0; 32],
		bond: 0,
	};
	(info, manifest.to_string().into_bytes())
}

/// What the chain holds, and what has happened to it.
#[derive(Default)]
pub(crate) struct State {
	pub(crate) number: BlockNumber,
	/// Blocks that the node has heard of and does not have yet.
	pub(crate) behind: BlockNumber,
	pub(crate) deals: BTreeMap<DealId, Deal>,
	pub(crate) jobs: BTreeMap<JobId, Job<AccountId>>,
	pub(crate) modules: BTreeMap<VersionId, (ModuleInfo<AccountId>, Vec<u8>)>,
	pub(crate) offers: BTreeMap<OfferId, Offer<AccountId>>,
	pub(crate) peers: BTreeMap<Vec<u8>, (AccountId, PeerAddress)>,
	pub(crate) bond: Balance,
	pub(crate) cases: BTreeMap<DealId, Case>,
	pub(crate) mediators: BTreeMap<Vec<u8>, Mediator>,
	/// Whether results are drawn for an audit.
	pub(crate) audits: bool,
	/// Every vote and salt that was ever committed to, whether or not it took effect.
	pub(crate) commitments: Vec<(DealId, Commitment)>,
	/// Every call that took effect.
	pub(crate) calls: Vec<Call>,
	/// Every seal that was ever sent, whether or not it took effect.
	pub(crate) seals: Vec<(DealId, Seal)>,
	/// Answers to the next calls, instead of executing them.
	pub(crate) fail_calls: VecDeque<ChainError>,
	pub(crate) unreachable: bool,
}

impl State {
	fn timestamp(&self) -> Millis {
		START_MS + Millis::from(self.number) * MILLIS_PER_BLOCK
	}

	pub(crate) fn block(&self) -> Block {
		let mut hash = [0; 32];
		hash[..4].copy_from_slice(&self.number.to_le_bytes());
		Block {
			number: self.number,
			hash,
			timestamp: self.timestamp(),
		}
	}
}

/// The chain, as one account sees it. Clones are the same chain.
#[derive(Clone)]
pub(crate) struct FakeChain {
	pub(crate) state: Arc<Mutex<State>>,
	blocks: broadcast::Sender<BestBlock>,
	account: AccountId,
	/// Asked before and after each call takes effect; a test can stop the worker there for ever.
	pub(crate) gate: crate::pipeline::tests::Gate,
}

impl FakeChain {
	pub(crate) fn new(account: AccountId) -> Self {
		let state = State {
			number: 10,
			..State::default()
		};
		Self {
			state: Arc::new(Mutex::new(state)),
			blocks: broadcast::channel(1000).0,
			account,
			gate: Default::default(),
		}
	}

	pub(crate) fn with_gate(&self, gate: crate::pipeline::tests::Gate) -> Self {
		Self { gate, ..self.clone() }
	}

	pub(crate) fn lock(&self) -> MutexGuard<'_, State> {
		self.state.lock().expect("no panic while it was held")
	}

	/// A new block.
	pub(crate) fn mine(&self, matched: Vec<DealId>) -> Block {
		let block = {
			let mut state = self.lock();
			state.number += 1;
			state.block()
		};
		// Nobody may be listening.
		let drawn = Vec::new();
		self.blocks
			.send(BestBlock {
				block,
				matched,
				drawn,
			})
			.ok();
		block
	}

	/// A job is matched with the account's offer, in a new block.
	pub(crate) fn match_job(&self, id: DealId, job: Job<AccountId>, ack_in: BlockNumber) {
		{
			let mut state = self.lock();
			let ack_by = state.number + 1 + ack_in;
			let deal = deal(id, DealState::Matched { ack_by });
			state.jobs.insert(deal.job, job);
			state.deals.insert(id, deal);
		}
		self.mine(vec![id]);
	}

	pub(crate) fn settle(&self, id: DealId) {
		{
			let mut state = self.lock();
			if let Some(deal) = state.deals.remove(&id) {
				state.jobs.remove(&deal.job);
			}
		}
		self.mine(vec![]);
	}

	/// A result with this seal is in dispute, before a panel that has so many blocks to commit.
	pub(crate) fn open_case(
		&self,
		id: DealId,
		job: Job<AccountId>,
		seal: Seal,
		panel: &[AccountId],
		blocks: BlockNumber,
	) {
		{
			let mut state = self.lock();
			let by = state.number + blocks;
			let disputed = DealState::Disputed {
				seal,
				elapsed: 60_000,
				opened: None,
				stage: None,
			};
			let deal = deal(id, disputed);
			state.jobs.insert(deal.job, job);
			state
				.cases
				.insert(id, case(&deal, CaseStage::Committing { by }, panel));
			state.deals.insert(id, deal);
		}
		self.mine(vec![]);
	}

	pub(crate) fn case_of(&self, id: DealId) -> Option<Case> {
		self.lock().cases.get(&id).cloned()
	}

	/// The chain as another account sees it.
	pub(crate) fn with_account(&self, account: AccountId) -> Self {
		Self {
			account,
			..self.clone()
		}
	}

	pub(crate) fn state_of(&self, id: DealId) -> Option<DealState> {
		self.lock().deals.get(&id).map(|deal| deal.state.clone())
	}

	fn read<T>(&self, read: impl FnOnce(&State) -> T) -> ChainResult<T> {
		let state = self.lock();
		match state.unreachable {
			true => Err(ChainError::Unreachable("the test says so".into())),
			false => Ok(read(&state)),
		}
	}

	fn execute(&self, call: &Call) -> ChainResult<()> {
		let mut state = self.lock();
		match call {
			Call::Submit(deal, seal) => state.seals.push((*deal, *seal)),
			Call::CommitVote(deal, commitment) => state.commitments.push((*deal, *commitment)),
			_ => (),
		}
		if state.unreachable {
			return Err(ChainError::Unreachable("the test says so".into()));
		}
		if let Some(error) = state.fail_calls.pop_front() {
			return Err(error);
		}
		let refused = |why: &str| ChainError::Refused {
			what: format!("{call:?}"),
			error: why.into(),
		};
		// The call is executed in the block after the best.
		let now = state.number + 1;
		let now_ms = state.timestamp() + MILLIS_PER_BLOCK;
		let next_offer = OfferId(state.offers.len() as u64 + 1);
		let me = self.account.clone();
		let live = |state: &mut State, id: &DealId| {
			state.deals.get(id).cloned().ok_or_else(|| refused("UnknownDeal"))
		};
		match call.clone() {
			Call::Bond(amount) => state.bond += amount,
			Call::PostOffer(new) => {
				let offer = Offer {
					provider: me,
					total: new.machine.clone(),
					free: new.machine,
					slots: new.slots,
					running: 0,
					open_deals: 0,
					rate: new.rate,
					platforms: new
						.platforms
						.try_into()
						.map_err(|_| refused("TooManyPlatforms"))?,
					modules: new.modules,
					mediators: new.mediators,
					creators: new.creators,
					state: OfferState::Active,
				};
				state.offers.insert(next_offer, offer);
			},
			Call::PauseOffer(id) => {
				state
					.offers
					.get_mut(&id)
					.ok_or_else(|| refused("UnknownOffer"))?
					.state = OfferState::Paused
			},
			Call::ResumeOffer(id) => {
				state
					.offers
					.get_mut(&id)
					.ok_or_else(|| refused("UnknownOffer"))?
					.state = OfferState::Active
			},
			Call::SetPeer(address) => {
				let key: &[u8] = me.as_ref();
				state.peers.insert(key.to_vec(), (me.clone(), address));
			},
			Call::Acknowledge(id) => {
				let mut deal = live(&mut state, &id)?;
				match deal.state {
					DealState::Matched { ack_by } if now <= ack_by => {
						let submit_by = now + SUBMIT_BLOCKS;
						deal.state = DealState::Running {
							acked_at: now,
							acked_ms: now_ms,
							submit_by,
						};
						state.deals.insert(id, deal);
					},
					DealState::Matched { .. } => return Err(refused("TooLate")),
					_ => return Err(refused("AlreadyAcknowledged")),
				}
			},
			Call::Decline(id) | Call::ReportUnfetchable(id) => {
				let deal = live(&mut state, &id)?;
				match deal.state {
					DealState::Matched { ack_by } if now <= ack_by => state.deals.remove(&id),
					_ => return Err(refused("TooLate")),
				};
			},
			Call::Submit(id, seal) => {
				let mut deal = live(&mut state, &id)?;
				let elapsed = match deal.state {
					DealState::Matched { ack_by } if now <= ack_by => MILLIS_PER_BLOCK,
					DealState::Running {
						acked_ms, submit_by, ..
					} if now <= submit_by => now_ms - acked_ms + MILLIS_PER_BLOCK,
					DealState::Submitted { .. } => return Err(refused("AlreadySubmitted")),
					_ => return Err(refused("TooLate")),
				};
				let draw_at = now + DRAW_BLOCKS;
				deal.state = DealState::Submitted {
					seal,
					elapsed,
					draw_at,
					judge_by: draw_at + JUDGE_BLOCKS,
					opened: None,
				};
				state.deals.insert(id, deal);
			},
			Call::Reveal(id, opening) => {
				let mut deal = live(&mut state, &id)?;
				let limit = deal.terms.time_limit;
				match &mut deal.state {
					DealState::Submitted {
						seal,
						elapsed,
						draw_at,
						judge_by,
						opened,
					} => {
						if now < *draw_at || now > *judge_by {
							return Err(refused("TooEarly or TooLate"));
						}
						if opening.seal(id) != *seal || opening.usage > limit.min(*elapsed) {
							return Err(refused("WrongOpening or UsageTooLong"));
						}
						*opened = Some(opening);
					},
					DealState::Disputed { seal, opened, .. } => {
						let stage = state.cases.get(&id).map(|case| case.stage);
						if !matches!(stage, Some(CaseStage::Revealing { by }) if now <= by) {
							return Err(refused("MediatorsNotReady"));
						}
						if opening.seal(id) != *seal {
							return Err(refused("WrongOpening"));
						}
						*opened = Some(opening);
					},
					_ => return Err(refused("NotSubmitted")),
				}
				state.deals.insert(id, deal);
			},
			Call::Expire(id) => {
				live(&mut state, &id)?;
				state.deals.remove(&id);
			},
			Call::Audit(id) => {
				let mut deal = live(&mut state, &id)?;
				let DealState::Submitted { seal, elapsed, .. } = deal.state else {
					return Err(refused("NotSubmitted"));
				};
				if !state.audits {
					return Err(refused("NotDrawn"));
				}
				deal.state = DealState::Disputed {
					seal,
					elapsed,
					opened: None,
					stage: None,
				};
				let by = now + REVEAL_BLOCKS;
				state
					.cases
					.insert(id, case(&deal, CaseStage::Committing { by }, &[account(9)]));
				state.deals.insert(id, deal);
			},
			Call::Register(capability, tickets) => {
				let key: &[u8] = me.as_ref();
				let mediator = mediator(capability, tickets);
				if state.mediators.insert(key.to_vec(), mediator).is_some() {
					return Err(refused("AlreadyMediator"));
				}
			},
			Call::SetCapability(_) | Call::AddTickets(_) => {
				let key: &[u8] = me.as_ref();
				let mediator = state
					.mediators
					.get_mut(key)
					.ok_or_else(|| refused("NotMediator"))?;
				match call.clone() {
					Call::SetCapability(capability) => mediator.capability.versions = vec![(0, capability)],
					Call::AddTickets(more) => mediator.tickets.extend(0..more),
					_ => (),
				}
			},
			Call::Draw(id) => {
				let case = state.cases.get_mut(&id).ok_or_else(|| refused("NoCase"))?;
				case.stage = CaseStage::Committing {
					by: now + REVEAL_BLOCKS,
				};
			},
			Call::CommitVote(id, commitment) => {
				let case = state.cases.get_mut(&id).ok_or_else(|| refused("NoCase"))?;
				if !matches!(case.stage, CaseStage::Committing { by } if now <= by) {
					return Err(refused("NotCommitting"));
				}
				let (round, mut seated) = (case.round, false);
				for seat in case
					.seats
					.iter_mut()
					.filter(|seat| seat.round == round && seat.mediator == me)
				{
					if seat.state != SeatState::Drawn {
						return Err(refused("AlreadyCommitted"));
					}
					seat.state = SeatState::Committed(commitment);
					seated = true;
				}
				if !seated {
					return Err(refused("NotSeated"));
				}
				if case.panel().all(|seat| seat.state != SeatState::Drawn) {
					case.stage = CaseStage::Revealing {
						by: now + REVEAL_BLOCKS,
					};
				}
			},
			Call::RevealVote(id, vote, salt) => {
				let case = state.cases.get_mut(&id).ok_or_else(|| refused("NoCase"))?;
				if !matches!(case.stage, CaseStage::Revealing { by } if now <= by) {
					return Err(refused("NotRevealing"));
				}
				let round = case.round;
				let commitment = SeatState::Committed(vote.commitment(id, round, &me, &salt));
				let seat = case
					.seats
					.iter_mut()
					.find(|seat| seat.round == round && seat.mediator == me && seat.state == commitment);
				seat.ok_or_else(|| refused("WrongVote"))?.state = SeatState::Revealed(vote);
			},
			Call::ExpireCase(id) => {
				state.cases.remove(&id).ok_or_else(|| refused("NoCase"))?;
				state.deals.remove(&id);
			},
		}
		state.calls.push(call.clone());
		Ok(())
	}
}

#[async_trait]
impl Chain for FakeChain {
	fn account(&self) -> AccountId {
		self.account.clone()
	}

	fn genesis_hash(&self) -> [u8; 32] {
		[7; 32]
	}

	fn millis_per_block(&self) -> Millis {
		MILLIS_PER_BLOCK
	}

	async fn best_block(&self) -> ChainResult<Block> {
		self.read(State::block)
	}

	async fn highest_block(&self) -> ChainResult<BlockNumber> {
		self.read(|state| state.number + state.behind)
	}

	async fn subscribe_best(&self) -> ChainResult<BoxStream<'static, ChainResult<BestBlock>>> {
		let next = |mut blocks: broadcast::Receiver<BestBlock>| async move {
			loop {
				match blocks.recv().await {
					Ok(block) => return Some((Ok(block), blocks)),
					Err(broadcast::error::RecvError::Lagged(_)) => (),
					Err(broadcast::error::RecvError::Closed) => return None,
				}
			}
		};
		Ok(futures::stream::unfold(self.blocks.subscribe(), next).boxed())
	}

	async fn deal(&self, id: DealId) -> ChainResult<Option<Deal>> {
		self.gate.pass().await;
		self.read(|state| {
			let mut deal = state.deals.get(&id).cloned()?;
			if let DealState::Disputed { stage, .. } = &mut deal.state {
				*stage = state.cases.get(&id).map(|case| case.stage);
			}
			Some(deal)
		})
	}

	async fn deals_of(&self, who: &AccountId) -> ChainResult<Vec<Deal>> {
		self.read(|state| {
			state
				.deals
				.values()
				.filter(|deal| deal.terms.provider == *who)
				.cloned()
				.collect()
		})
	}

	async fn job(&self, id: JobId) -> ChainResult<Option<Job<AccountId>>> {
		self.read(|state| state.jobs.get(&id).cloned())
	}

	async fn module(&self, id: VersionId) -> ChainResult<Option<(ModuleInfo<AccountId>, Vec<u8>)>> {
		self.read(|state| state.modules.get(&id).cloned())
	}

	async fn offers_of(&self, who: &AccountId) -> ChainResult<Vec<(OfferId, Offer<AccountId>)>> {
		self.read(|state| {
			let offers = state.offers.iter().filter(|(_, offer)| offer.provider == *who);
			offers.map(|(id, offer)| (*id, offer.clone())).collect()
		})
	}

	async fn peer(&self, who: &AccountId) -> ChainResult<Option<PeerAddress>> {
		let key: &[u8] = who.as_ref();
		self.read(|state| state.peers.get(key).map(|(_, address)| address.clone()))
	}

	async fn peers(&self) -> ChainResult<Vec<(AccountId, PeerAddress)>> {
		self.read(|state| state.peers.values().cloned().collect())
	}

	async fn is_drawn(&self, id: DealId) -> ChainResult<Option<bool>> {
		self.read(|state| match state.deals.get(&id)?.state {
			DealState::Submitted { draw_at, .. } if state.number >= draw_at => Some(state.audits),
			_ => None,
		})
	}

	async fn case(&self, id: DealId) -> ChainResult<Option<Case>> {
		self.gate.pass().await;
		self.read(|state| state.cases.get(&id).cloned())
	}

	async fn cases_of(&self, who: &AccountId) -> ChainResult<Vec<DealId>> {
		self.read(|state| {
			let ours = |case: &Case| case.seats.iter().any(|seat| seat.mediator == *who);
			let found = state.cases.iter().filter(|(_, case)| ours(case));
			found.map(|(id, _)| *id).collect()
		})
	}

	async fn mediator(&self, who: &AccountId) -> ChainResult<Option<Mediator>> {
		let key: &[u8] = who.as_ref();
		self.read(|state| state.mediators.get(key).cloned())
	}

	async fn rules(&self) -> ChainResult<MediationRules> {
		Ok(RULES)
	}

	async fn bond(&self, _: &AccountId) -> ChainResult<Balance> {
		self.read(|state| state.bond)
	}

	async fn call(&self, call: Call, _anchor: Option<Block>) -> ChainResult<Block> {
		self.gate.pass().await;
		self.execute(&call)?;
		let block = self.mine(vec![]);
		self.gate.pass().await;
		Ok(block)
	}
}
