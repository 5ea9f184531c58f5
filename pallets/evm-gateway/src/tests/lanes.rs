use crate::{mock::*, BridgeSet, Error, Event, FinalityRule, Keys, Lane, LaneId, Lanes, Limits, Sets};
use frame_support::{assert_noop, assert_ok};
use sp_core::H160;
use sp_runtime::{DispatchError, DispatchResult};

struct Args {
	lane: LaneId,
	chain: u64,
	gateway: H160,
	finality: FinalityRule,
	limits: Limits,
	threshold: u8,
	keys: Keys,
}

fn args() -> Args {
	Args {
		lane: 3,
		chain: 5,
		gateway: gateway(3),
		finality: FinalityRule::Confirmations(12),
		limits: LIMITS,
		threshold: 2,
		keys: publics(&members()),
	}
}

fn register(a: Args) -> DispatchResult {
	Gateway::register_lane(
		RuntimeOrigin::root(),
		a.lane,
		a.chain,
		a.gateway,
		a.finality,
		a.limits,
		a.threshold,
		a.keys,
	)
}

#[test]
fn register_lane_works() {
	test(|| {
		assert_ok!(register(args()));
		let lane = Lane {
			chain: 5,
			gateway: gateway(3),
			finality: FinalityRule::Confirmations(12),
			limits: LIMITS,
			paused: false,
		};
		assert_eq!(Gateway::lane(3), Some(lane));
		let members: Vec<_> = members().into_iter().map(|key| key.member).collect();
		let members: sp_core::bounded::BoundedVec<_, _> = members.try_into().unwrap();
		let set = BridgeSet {
			number: 1,
			threshold: 2,
			members: members.clone(),
		};
		assert_eq!(Gateway::bridge_set(3), Some(set));
		assert_eq!(
			events(),
			[
				Event::LaneRegistered {
					lane: 3,
					chain: 5,
					gateway: gateway(3)
				},
				Event::SetSeated {
					lane: 3,
					set: 1,
					threshold: 2,
					members
				}
			]
		);
	});
}

#[test]
fn register_lane_fails_when_it_is_not_governance() {
	test(|| {
		let a = args();
		let call = Gateway::register_lane(
			signed(&alice()),
			a.lane,
			a.chain,
			a.gateway,
			a.finality,
			a.limits,
			a.threshold,
			a.keys,
		);
		assert_noop!(call, DispatchError::BadOrigin);
		assert_noop!(
			Gateway::set_lane(signed(&alice()), LANE, FinalityRule::Finalized, LIMITS),
			DispatchError::BadOrigin
		);
	});
}

#[test]
fn register_lane_fails_when_number_or_gateway_is_taken() {
	test(|| {
		assert_noop!(register(Args { lane: LANE, ..args() }), Error::<Test>::LaneTaken);
		let same = Args {
			chain: CHAIN,
			gateway: gateway(LANE),
			..args()
		};
		assert_noop!(register(same), Error::<Test>::GatewayTaken);
		// Another gateway on the same chain, and the same address on another chain, are other gateways.
		assert_ok!(register(Args {
			chain: CHAIN,
			..args()
		}));
		let other_chain = Args {
			lane: 4,
			gateway: gateway(LANE),
			..args()
		};
		assert_ok!(register(other_chain));
	});
}

#[test]
fn register_lane_fails_when_the_gateway_is_none() {
	test(|| {
		assert_noop!(register(Args { chain: 0, ..args() }), Error::<Test>::BadGateway);
		let gateway = H160::zero();
		assert_noop!(register(Args { gateway, ..args() }), Error::<Test>::BadGateway);
	});
}

#[test]
fn register_lane_fails_when_settings_contradict_each_other() {
	test(|| {
		let finality = FinalityRule::Confirmations(0);
		assert_noop!(register(Args { finality, ..args() }), Error::<Test>::BadFinality);
		for limits in [
			Limits { largest: 0, ..LIMITS },
			Limits { least: 0, ..LIMITS },
			Limits {
				least: LIMITS.largest + 1,
				..LIMITS
			},
			Limits {
				largest: LIMITS.inflow + 1,
				..LIMITS
			},
			Limits {
				outflow: LIMITS.largest - 1,
				..LIMITS
			},
			Limits { period: 0, ..LIMITS },
			Limits {
				least: 1,
				largest: crate::MAX_AMOUNT / 2 + 1,
				inflow: u128::MAX,
				outflow: u128::MAX,
				period: 1,
			},
		] {
			assert_noop!(register(Args { limits, ..args() }), Error::<Test>::BadLimits);
			let set = Gateway::set_lane(RuntimeOrigin::root(), LANE, FinalityRule::Finalized, limits);
			assert_noop!(set, Error::<Test>::BadLimits);
		}
	});
}

#[test]
fn register_lane_fails_when_the_set_is_below_a_quorum() {
	test(|| {
		for (members, threshold) in [
			(0, 0),
			(0, 1),
			(1, 0),
			(1, 2),
			(3, 1),
			(3, 4),
			(4, 2),
			(15, 9),
			(32, 21),
		] {
			let keys = publics(&keys(1..=members));
			let bad = Args {
				threshold,
				keys,
				..args()
			};
			assert_noop!(register(bad), Error::<Test>::BadSet);
		}
	});
}

#[test]
fn register_lane_boundary_set() {
	test(|| {
		for (lane, (members, threshold)) in [(1, 1), (2, 2), (3, 2), (4, 3), (7, 5), (15, 10), (32, 22)]
			.into_iter()
			.enumerate()
		{
			let lane = 10 + lane as u64;
			assert_ok!(register(Args {
				lane,
				gateway: gateway(lane),
				threshold,
				keys: publics(&keys(1..=members)),
				..args()
			}));
			assert_eq!(Sets::<Test>::get(lane).unwrap().threshold, threshold);
		}
	});
}

#[test]
fn register_lane_fails_when_members_are_out_of_order_or_named_twice() {
	test(|| {
		let mut reversed = members();
		reversed.reverse();
		let mut twice = members();
		twice[1] = twice[0].clone();
		for keys in [reversed, twice] {
			let keys = publics(&keys);
			assert_noop!(register(Args { keys, ..args() }), Error::<Test>::BadSet);
		}
	});
}

#[test]
fn set_lane_works() {
	test(|| {
		let finality = FinalityRule::Confirmations(64);
		let limits = Limits { period: 7, ..LIMITS };
		assert_ok!(Gateway::set_lane(RuntimeOrigin::root(), LANE, finality, limits));
		let lane = Lanes::<Test>::get(LANE).unwrap();
		assert_eq!((lane.finality, lane.limits), (finality, limits));
		assert_eq!(
			events(),
			[Event::LaneSet {
				lane: LANE,
				finality,
				limits
			}]
		);
		let unknown = Gateway::set_lane(RuntimeOrigin::root(), 99, finality, limits);
		assert_noop!(unknown, Error::<Test>::UnknownLane);
	});
}
