//! Every call with what it must refuse: ids that never were, are gone or belong to others; nobody's origin; the same call
//! twice. A refused call changes nothing. Numbers at their ends are in `extremes.rs`, blocks in `deadlines.rs`.

use super::chain::*;
use frame_support::assert_ok;
use lilypad_primitives::{DealId, JobId, OfferId, PeerAddress, Seal, VersionId, LP};
use lilypad_runtime::{Runtime, RuntimeCall, RuntimeOrigin};
use pallet_deals::Call as D;
use pallet_market::Call as M;
use pallet_modules::Call as V;
use sp_runtime::{traits::Dispatchable, DispatchError};

type MarketError = pallet_market::Error<Runtime>;
type DealsError = pallet_deals::Error<Runtime>;
type ModulesError = pallet_modules::Error<Runtime>;

/// The call fails with this error, and nothing has changed.
#[track_caller]
pub(crate) fn refused(who: Who, inner: impl Into<RuntimeCall>, expected: impl Into<DispatchError>) {
	let inner = inner.into();
	let root = || sp_io::storage::root(sp_storage::StateVersion::V1);
	let before = root();
	let result = call(who, inner.clone()).map_err(|e| e.error);
	assert_eq!(result.map(|_| ()), Err(expected.into()), "{inner:?}");
	assert_eq!(before, root(), "{inner:?} failed and left a trace");
}

/// The call fails, whatever for, and nothing has changed.
#[track_caller]
pub(crate) fn refused_somehow(who: Who, inner: impl Into<RuntimeCall>) {
	let inner = inner.into();
	let root = || sp_io::storage::root(sp_storage::StateVersion::V1);
	let before = root();
	assert!(call(who, inner.clone()).is_err(), "{inner:?}");
	assert_eq!(before, root(), "{inner:?} failed and left a trace");
}

#[track_caller]
pub(crate) fn done(who: Who, inner: impl Into<RuntimeCall>) {
	assert_ok!(call(who, inner));
}

fn provider_deal_calls(deal: DealId) -> Vec<D<Runtime>> {
	vec![
		D::acknowledge { deal },
		D::decline { deal },
		D::report_unfetchable { deal },
		D::submit {
			deal,
			seal: Seal::default(),
		},
		D::reveal {
			deal,
			opening: opening(),
		},
	]
}

pub(crate) fn accept_call(deal: DealId) -> D<Runtime> {
	D::accept {
		deal,
		opening: opening(),
	}
}

fn own_offer_calls(offer: OfferId) -> Vec<M<Runtime>> {
	vec![
		M::set_offer_rate { offer, rate: RATE },
		M::pause_offer { offer },
		M::resume_offer { offer },
		M::drain_offer { offer },
		M::withdraw_offer { offer },
	]
}

fn version_calls(version: VersionId) -> Vec<V<Runtime>> {
	vec![
		V::delist { version },
		V::deprecate {
			version,
			successor: None,
			reason: Default::default(),
		},
		V::restore { version },
		V::reclaim { version },
	]
}

/// An id that is gone, the next that will be given out, and the last there is.
fn gone() -> (Vec<OfferId>, Vec<JobId>, Vec<DealId>) {
	let offer_id = offer(PROVIDER, machine(RATE, 1));
	let job = post(CREATOR, request());
	let deal = deal_of(job).expect("matched");
	run(PROVIDER, deal);
	accept(CREATOR, deal);
	done(PROVIDER, M::withdraw_offer { offer: offer_id });
	(
		vec![offer_id, OfferId(offer_id.0 + 1), OfferId(u64::MAX)],
		vec![job, JobId(job.0 + 1), JobId(u64::MAX)],
		vec![deal, DealId(deal.0 + 1), DealId(u64::MAX)],
	)
}

#[test]
fn ids_that_are_gone_or_never_were_are_refused() {
	test(|| {
		let (offers, jobs, deals) = gone();
		for id in offers {
			for call in own_offer_calls(id) {
				refused(PROVIDER, call, MarketError::UnknownOffer);
			}
		}
		for job in jobs {
			refused(CREATOR, M::cancel_job { job }, MarketError::UnknownJob);
			refused(STRANGER, M::expire_job { job }, MarketError::UnknownJob);
			refused(STRANGER, M::conclude_match { job }, MarketError::NoProposal);
			let propose = M::propose_match {
				job,
				offer: OfferId(0),
			};
			refused(STRANGER, propose, MarketError::UnknownJob);
		}
		for deal in deals {
			for call in provider_deal_calls(deal) {
				refused(PROVIDER, call, DealsError::UnknownDeal);
			}
			refused(CREATOR, accept_call(deal), DealsError::UnknownDeal);
			refused(STRANGER, D::expire { deal }, DealsError::UnknownDeal);
		}
		for version in [VersionId(1), VersionId(u32::MAX)] {
			for call in version_calls(version) {
				refused(AUTHOR, call, ModulesError::UnknownVersion);
			}
		}
	});
}

#[test]
fn what_belongs_to_others_is_refused() {
	test(|| {
		let offer_id = offer(PROVIDER, machine(RATE, 1));
		let job = post(CREATOR, request());
		let deal = deal_of(job).expect("matched");
		let waiting = post(CREATOR, request());
		for who in [STRANGER, CREATOR, SECOND] {
			for call in own_offer_calls(offer_id) {
				refused(who, call, MarketError::NotProvider);
			}
			for call in provider_deal_calls(deal) {
				refused(who, call, DealsError::NotProvider);
			}
			for call in version_calls(VersionId(0)) {
				refused(who, call, ModulesError::NotAuthor);
			}
		}
		for who in [STRANGER, PROVIDER] {
			for job in [job, waiting] {
				refused(who, M::cancel_job { job }, MarketError::NotCreator);
			}
			refused(who, accept_call(deal), DealsError::NotCreator);
		}
		// The other side's calls are not one's own either.
		for who in [STRANGER, AUTHOR, CREATOR] {
			let curate = V::set_curated {
				version: VersionId(0),
				curated: true,
			};
			refused(who, curate, DispatchError::BadOrigin);
		}
	});
}

#[test]
fn nothing_can_be_done_by_nobody() {
	test(|| {
		let offer_id = offer(PROVIDER, machine(RATE, 1));
		let job = post(CREATOR, request());
		let deal = deal_of(job).expect("matched");
		let mut calls: Vec<RuntimeCall> = Vec::new();
		calls.extend(own_offer_calls(offer_id).into_iter().map(Into::into));
		calls.extend(provider_deal_calls(deal).into_iter().map(Into::into));
		calls.extend(version_calls(VersionId(0)).into_iter().map(Into::into));
		calls.extend([
			M::post_offer {
				params: machine(RATE, 1),
			}
			.into(),
			M::post_job { request: request() }.into(),
			M::cancel_job { job }.into(),
			M::expire_job { job }.into(),
			M::conclude_match { job }.into(),
			M::propose_match { job, offer: offer_id }.into(),
			M::propose_found { job, offer: offer_id }.into(),
			M::clear_peer {}.into(),
			M::set_peer {
				address: Default::default(),
			}
			.into(),
			accept_call(deal).into(),
			D::expire { deal }.into(),
			D::bond { amount: LP }.into(),
			D::unbond { amount: LP }.into(),
			D::withdraw_unbonded {}.into(),
		]);
		for inner in calls {
			let result = inner.clone().dispatch(RuntimeOrigin::none());
			assert_eq!(
				result.map_err(|e| e.error),
				Err(DispatchError::BadOrigin),
				"{inner:?}"
			);
		}
		// Not even a signature is enough for what is a node's own business.
		let found = M::propose_found { job, offer: offer_id };
		refused(STRANGER, found, DispatchError::BadOrigin);
	});
}

#[test]
fn the_same_call_twice_in_a_block_is_refused_the_second_time() {
	#[track_caller]
	fn once(who: Who, inner: impl Into<RuntimeCall>, then: impl Into<DispatchError>) {
		let inner = inner.into();
		done(who, inner.clone());
		refused(who, inner, then);
	}
	test(|| {
		let id = offer(PROVIDER, machine(RATE, 4));
		once(
			PROVIDER,
			M::pause_offer { offer: id },
			MarketError::OfferNotActive,
		);
		once(
			PROVIDER,
			M::resume_offer { offer: id },
			MarketError::OfferNotPaused,
		);
		let address = PeerAddress {
			id: [1; 32],
			..Default::default()
		};
		done(PROVIDER, M::set_peer { address });
		once(PROVIDER, M::clear_peer {}, MarketError::NoPeer);

		let [a, b, c, d] = [0; 4].map(|_| deal_of(post(CREATOR, request())).expect("matched"));
		once(PROVIDER, D::decline { deal: b }, DealsError::UnknownDeal);
		done(PROVIDER, M::resume_offer { offer: id });
		once(
			PROVIDER,
			D::report_unfetchable { deal: c },
			DealsError::UnknownDeal,
		);
		once(
			PROVIDER,
			D::acknowledge { deal: a },
			DealsError::AlreadyAcknowledged,
		);
		let seal = opening().seal(a);
		pass(2);
		once(
			PROVIDER,
			D::submit { deal: a, seal },
			DealsError::AlreadySubmitted,
		);
		draw(a);
		let reveal = D::reveal {
			deal: a,
			opening: opening(),
		};
		once(PROVIDER, reveal, DealsError::AlreadyRevealed);
		once(CREATOR, accept_call(a), DealsError::UnknownDeal);
		lapse(d);
		once(STRANGER, D::expire { deal: d }, DealsError::UnknownDeal);

		let job = post(CREATOR, request());
		once(CREATOR, M::cancel_job { job }, MarketError::UnknownJob);
		let job = post(CREATOR, request());
		pass(60);
		once(STRANGER, M::expire_job { job }, MarketError::UnknownJob);
		done(PROVIDER, D::unbond { amount: LP });
		pass(<Runtime as pallet_deals::Config>::UnbondingBlocks::get());
		once(PROVIDER, D::withdraw_unbonded {}, DealsError::NothingToWithdraw);
		once(PROVIDER, M::drain_offer { offer: id }, MarketError::UnknownOffer);
		let version = VersionId(0);
		once(AUTHOR, V::delist { version }, ModulesError::AlreadyDelisted);
	});
}
