//! The chain behind a node.

use super::{BestBlock, Block, Call, Chain, ChainError, ChainResult, Deal, DealState};
use crate::AccountId;
use async_trait::async_trait;
use futures::stream::{BoxStream, StreamExt};
use lilypad_client::{
	calls,
	mediation::{Case, Mediator},
	BlockId, ChainEvent, Client, ClientError, Follower, MarketEvent, MediationEvent, OfferParams, Signer,
	TxOptions, Update, View,
};
use lilypad_primitives::{
	Balance, BlockNumber, DealId, Job, JobId, MediationRules, Millis, ModuleInfo, Offer, OfferId,
	PeerAddress, VersionId,
};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;

/// Blocks in which a worker's transaction can be included: it is worthless later.
const MORTALITY: u64 = 16;

/// Blocks that wait to be looked at.
const QUEUE: usize = 64;

/// The chain behind a node.
#[derive(Clone, Debug)]
pub struct OnChain {
	client: Client,
	signer: Signer,
	millis_per_block: Millis,
	/// How its worker cheats.
	#[cfg(feature = "misbehave")]
	misbehaviour: Option<crate::misbehave::Misbehaviour>,
}

impl OnChain {
	/// With a connection that stands.
	pub async fn new(client: Client, signer: Signer) -> ChainResult<Self> {
		let millis_per_block = client.best().await?.constant("Deals", "MillisPerBlock")?;
		Ok(Self {
			client,
			signer,
			millis_per_block,
			#[cfg(feature = "misbehave")]
			misbehaviour: None,
		})
	}

	/// For a worker that cheats.
	#[cfg(feature = "misbehave")]
	pub(crate) fn cheating(mut self, how: crate::misbehave::Misbehaviour) -> Self {
		self.misbehaviour = Some(how);
		self
	}

	async fn block(&self, view: &View) -> ChainResult<Block> {
		Ok(Block {
			number: view.number(),
			hash: view.hash().into(),
			timestamp: view.timestamp().await?,
		})
	}

	/// The next new best block.
	async fn next(&self, follower: &mut Follower) -> ChainResult<BestBlock> {
		loop {
			if let Update::Best { block, events } = follower.next().await? {
				let me = self.signer.account();
				let (mut matched, mut drawn) = (Vec::new(), Vec::new());
				for record in events {
					match record.event {
						ChainEvent::MarketEvent(MarketEvent::JobMatched { deal, provider, .. })
							if provider == me =>
						{
							matched.push(deal)
						},
						ChainEvent::MediationEvent(MediationEvent::PanelDrawn {
							deal, mediators, ..
						}) if mediators.contains(&me) => drawn.push(deal),
						_ => (),
					}
				}
				let view = self.client.at(lilypad_client::At::Hash(block.hash)).await?;
				return Ok(BestBlock {
					block: self.block(&view).await?,
					matched,
					drawn,
				});
			}
		}
	}
}

impl From<ClientError> for ChainError {
	fn from(error: ClientError) -> Self {
		let text = error.to_string();
		match error {
			ClientError::Lapsed { .. } => Self::NotIncluded(text),
			ClientError::OtherChain { .. }
			| ClientError::NotLilypad { .. }
			| ClientError::Incompatible { .. } => Self::WrongChain(text),
			ClientError::Decode { .. } => Self::Malformed(text),
			other if other.is_transient() => Self::Unreachable(text),
			_ => Self::Refused {
				what: "the request".into(),
				error: text,
			},
		}
	}
}

fn deal(id: DealId, deal: lilypad_client::Deal) -> Deal {
	use lilypad_client::DealState as Theirs;
	let state = match deal.state {
		Theirs::Matched { ack_by } => DealState::Matched { ack_by },
		Theirs::Running {
			acked_at,
			acked_ms,
			submit_by,
		} => DealState::Running {
			acked_at,
			acked_ms,
			submit_by,
		},
		Theirs::Submitted {
			seal,
			elapsed,
			draw_at,
			judge_by,
			opened,
			..
		} => DealState::Submitted {
			seal,
			elapsed,
			draw_at,
			judge_by,
			opened,
		},
		Theirs::Disputed {
			seal,
			elapsed,
			opened,
			..
		} => DealState::Disputed {
			seal,
			elapsed,
			opened,
			stage: None,
		},
	};
	Deal {
		id,
		job: deal.job,
		offer: deal.offer,
		terms: deal.terms,
		state,
	}
}

fn encode(call: Call) -> ChainResult<calls::Call> {
	Ok(match call {
		Call::Bond(amount) => calls::deals::bond(amount.into()),
		Call::PostOffer(offer) => calls::market::post_offer(OfferParams {
			machine: offer.machine,
			slots: offer.slots,
			rate: offer.rate,
			platforms: offer
				.platforms
				.try_into()
				.map_err(|_| ChainError::Malformed("too many platforms".into()))?,
			modules: offer.modules,
			mediators: offer.mediators,
			creators: offer.creators,
		}),
		Call::PauseOffer(offer) => calls::market::pause_offer(offer),
		Call::ResumeOffer(offer) => calls::market::resume_offer(offer),
		Call::SetPeer(address) => calls::market::set_peer(address),
		Call::Acknowledge(deal) => calls::deals::acknowledge(deal),
		Call::Decline(deal) => calls::deals::decline(deal),
		Call::ReportUnfetchable(deal) => calls::deals::report_unfetchable(deal),
		Call::Submit(deal, seal) => calls::deals::submit(deal, seal),
		Call::Reveal(deal, opening) => calls::deals::reveal(deal, opening),
		Call::Expire(deal) => calls::deals::expire(deal),
		Call::Audit(deal) => calls::deals::audit(deal),
		Call::Register(capability, tickets) => calls::mediation::register(capability, tickets),
		Call::SetCapability(capability) => calls::mediation::set_capability(capability),
		Call::AddTickets(tickets) => calls::mediation::add_tickets(tickets),
		Call::Draw(deal) => calls::mediation::draw(deal),
		Call::CommitVote(deal, commitment) => calls::mediation::commit_vote(deal, commitment),
		Call::RevealVote(deal, vote, salt) => calls::mediation::reveal_vote(deal, vote, salt),
		Call::ExpireCase(deal) => calls::mediation::expire(deal),
	})
}

#[async_trait]
impl Chain for OnChain {
	fn account(&self) -> AccountId {
		self.signer.account()
	}

	fn genesis_hash(&self) -> [u8; 32] {
		self.client.genesis_hash().into()
	}

	fn millis_per_block(&self) -> Millis {
		self.millis_per_block
	}

	async fn best_block(&self) -> ChainResult<Block> {
		self.block(&self.client.best().await?).await
	}

	async fn highest_block(&self) -> ChainResult<BlockNumber> {
		Ok(self.client.highest_block().await?)
	}

	async fn subscribe_best(&self) -> ChainResult<BoxStream<'static, ChainResult<BestBlock>>> {
		let (sender, receiver) = mpsc::channel(QUEUE);
		let (chain, runtime) = (self.clone(), tokio::runtime::Handle::current());
		// The follower can't move between threads while it waits, so it has one of its own.
		let follow = move || {
			runtime.block_on(async {
				let mut follower = chain.client.follow(None);
				loop {
					let next = tokio::select! {
						next = chain.next(&mut follower) => next,
						() = sender.closed() => return,
					};
					let failed = next.is_err();
					if sender.send(next).await.is_err() || failed {
						return;
					}
				}
			})
		};
		std::thread::Builder::new()
			.name("lilypad-follow".into())
			.spawn(follow)
			.map_err(|e| ChainError::Unreachable(format!("no thread can be started: {e}")))?;
		Ok(ReceiverStream::new(receiver).boxed())
	}

	async fn deal(&self, id: DealId) -> ChainResult<Option<Deal>> {
		let view = self.client.best().await?;
		let mut found = view.deal(id).await?.map(|found| deal(id, found));
		if let Some(Deal {
			state: DealState::Disputed { stage, .. },
			..
		}) = &mut found
		{
			*stage = view.case(id).await?.map(|case| case.stage);
		}
		Ok(found)
	}

	async fn deals_of(&self, who: &AccountId) -> ChainResult<Vec<Deal>> {
		let all = self.client.best().await?.deals().await?;
		let ours = all.into_iter().filter(|(_, found)| found.terms.provider == *who);
		Ok(ours.map(|(id, found)| deal(id, found)).collect())
	}

	async fn job(&self, id: JobId) -> ChainResult<Option<Job<AccountId>>> {
		Ok(self.client.best().await?.job(id).await?.map(|record| record.job))
	}

	async fn module(&self, id: VersionId) -> ChainResult<Option<(ModuleInfo<AccountId>, Vec<u8>)>> {
		let module = self.client.best().await?.module_by_id(id).await?;
		Ok(module.map(|module| (module.info, module.manifest)))
	}

	async fn offers_of(&self, who: &AccountId) -> ChainResult<Vec<(OfferId, Offer<AccountId>)>> {
		Ok(self.client.best().await?.offers_of(who).await?)
	}

	async fn peer(&self, who: &AccountId) -> ChainResult<Option<PeerAddress>> {
		Ok(self.client.best().await?.peer(who).await?)
	}

	async fn peers(&self) -> ChainResult<Vec<(AccountId, PeerAddress)>> {
		Ok(self.client.best().await?.peers().await?)
	}

	async fn is_drawn(&self, deal: DealId) -> ChainResult<Option<bool>> {
		Ok(self.client.best().await?.is_drawn(deal).await?)
	}

	async fn case(&self, deal: DealId) -> ChainResult<Option<Case>> {
		Ok(self.client.best().await?.case(deal).await?)
	}

	async fn cases_of(&self, who: &AccountId) -> ChainResult<Vec<DealId>> {
		let all = self.client.best().await?.cases().await?;
		let ours = |case: &Case| case.seats.iter().any(|seat| seat.mediator == *who);
		Ok(all
			.into_iter()
			.filter(|(_, case)| ours(case))
			.map(|(id, _)| id)
			.collect())
	}

	async fn mediator(&self, who: &AccountId) -> ChainResult<Option<Mediator>> {
		Ok(self.client.best().await?.mediator(who).await?)
	}

	async fn rules(&self) -> ChainResult<MediationRules> {
		Ok(self.client.best().await?.mediation_parameters().await?.rules)
	}

	async fn bond(&self, who: &AccountId) -> ChainResult<Balance> {
		Ok(self
			.client
			.best()
			.await?
			.bond(who)
			.await?
			.map_or(0, |bond| bond.total))
	}

	async fn call(&self, call: Call, anchor: Option<Block>) -> ChainResult<Block> {
		let anchor = anchor.map(|block| BlockId {
			number: block.number,
			hash: block.hash.into(),
		});
		let options = TxOptions {
			mortality: MORTALITY,
			anchor,
			..TxOptions::default()
		};
		#[cfg(feature = "misbehave")]
		let call = match self.misbehaviour {
			Some(how) => {
				crate::misbehave::tampered(how, call, &self.client.best().await?, &self.account()).await?
			},
			None => call,
		};
		let call = encode(call)?;
		let what = call.to_string();
		let outcome = self
			.client
			.submit_with(&self.signer, call, options)
			.await
			.map_err(|e| match e.into() {
				ChainError::Refused { error, .. } => ChainError::Refused { what, error },
				other => other,
			})?;
		self.block(
			&self
				.client
				.at(lilypad_client::At::Hash(outcome.block.hash))
				.await?,
		)
		.await
	}
}
