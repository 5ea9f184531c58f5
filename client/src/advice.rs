//! What to tell somebody whose job no offer fits: which rule failed for how many offers, and what would fit.
//!
//! Nothing here judges offers: that is the chain's own matching rule, which a quote runs. An answer's counts are of the
//! *first* rule that an offer fails, so that they say how many pass all rules before it; and what would fit is found by
//! asking for quotes again with one of the request's conditions dropped ([`relaxations`]).

use crate::{lp, words, AccountId};
use lilypad_primitives::{
	Balance, JobRequest, MachineSpec, MediatorPolicy, Mismatch, ModuleInfo, ModulePolicy, Offer, OfferId,
	OfferState, Platform, VersionId,
};
use serde::Serialize;

/// One rule, in the order in which the chain tries them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Step {
	/// The rule.
	pub rule: Mismatch,
	/// Offers that passed all rules before it and fail it.
	pub failed: u32,
	/// Offers that pass it, too.
	pub left: u32,
}

/// From how many offers fail each rule to how many are left after it.
pub fn funnel(considered: u32, mismatches: &[(Mismatch, u32)]) -> Vec<Step> {
	let mut sorted = mismatches.to_vec();
	sorted.sort();
	let mut left = considered;
	sorted
		.into_iter()
		.map(|(rule, failed)| {
			left = left.saturating_sub(failed);
			Step { rule, failed, left }
		})
		.collect()
}

/// A condition of a request that its creator can change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Condition {
	/// A larger budget.
	Budget,
	/// Any provider, not just the target.
	Target,
	/// Just the module's least machine.
	Machine,
	/// Any mediators.
	Mediators,
	/// A provider of any score.
	MinScore,
	/// No deadline.
	Deadline,
}

impl Condition {
	const ALL: [Self; 6] = [
		Self::Budget,
		Self::Target,
		Self::Machine,
		Self::Mediators,
		Self::MinScore,
		Self::Deadline,
	];

	/// Drops the condition. `false`: the request does not make it.
	fn drop_from(self, request: &mut JobRequest<AccountId>, least: &MachineSpec) -> bool {
		match self {
			Self::Budget => std::mem::replace(&mut request.budget, Balance::MAX) != Balance::MAX,
			Self::Target => request.target.take().is_some(),
			Self::Machine => std::mem::replace(&mut request.spec, least.clone()) != *least,
			Self::Mediators => {
				std::mem::replace(&mut request.mediators, MediatorPolicy::Any) != MediatorPolicy::Any
			},
			Self::MinScore => !std::mem::take(&mut request.min_score).is_zero(),
			Self::Deadline => request.deadline.take().is_some(),
		}
	}
}

/// A request with conditions dropped, to ask for a quote for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Relaxation {
	/// The conditions that were dropped.
	pub without: Vec<Condition>,
	/// What is left of the request.
	pub request: JobRequest<AccountId>,
}

/// The request without each of its conditions alone, and, when it has several, without all of them, which is of interest
/// only if nothing before it fits. At most seven.
pub fn relaxations(request: &JobRequest<AccountId>, least: &MachineSpec) -> Vec<Relaxation> {
	let mut all = Relaxation {
		without: Vec::new(),
		request: request.clone(),
	};
	let mut found = Vec::new();
	for condition in Condition::ALL {
		let mut relaxed = request.clone();
		if condition.drop_from(&mut relaxed, least) {
			found.push(Relaxation {
				without: vec![condition],
				request: relaxed,
			});
			condition.drop_from(&mut all.request, least);
			all.without.push(condition);
		}
	}
	if all.without.len() > 1 {
		found.push(all);
	}
	found
}

/// An offer that would take the job if some conditions were dropped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Remedy {
	/// The conditions to drop.
	pub without: Vec<Condition>,
	/// The cheapest offer that would fit then.
	pub offer: OfferId,
	/// Whose it is.
	pub provider: AccountId,
	/// The most that the job would cost: the least budget.
	pub total: Balance,
}

/// The machines on offer for a platform, when capacity is what is missing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Room {
	/// Active offers whose whole machine would do, and which are just busy.
	pub busy: u32,
	/// The most of everything that any active offer has in all; not necessarily one and the same.
	pub most: MachineSpec,
}

/// What the active offers for a platform have.
pub fn room<'a>(
	offers: impl IntoIterator<Item = &'a Offer<AccountId>>,
	platform: Platform,
	wanted: &MachineSpec,
) -> Room {
	let mut room = Room::default();
	for offer in offers {
		if offer.state != OfferState::Active || !offer.platforms.contains(&platform) {
			continue;
		}
		let has_free = offer.running < offer.slots && offer.free.covers(wanted);
		if offer.total.covers(wanted) && !has_free {
			room.busy = room.busy.saturating_add(1);
		}
		room.most.cpu_milli = room.most.cpu_milli.max(offer.total.cpu_milli);
		room.most.ram_mib = room.most.ram_mib.max(offer.total.ram_mib);
		room.most.disk_mib = room.most.disk_mib.max(offer.total.disk_mib);
		if room.most.gpus.len() < offer.total.gpus.len() {
			room.most.gpus = offer.total.gpus.clone();
		}
	}
	room
}

/// Which offers somebody looks for.
#[derive(Clone, Debug, Default)]
pub struct OfferFilter {
	/// Of this provider.
	pub provider: Option<AccountId>,
	/// That run this.
	pub platform: Option<Platform>,
	/// In this state.
	pub state: Option<OfferState>,
	/// Whose whole machine and policy suit this module.
	pub module: Option<(VersionId, ModuleInfo<AccountId>)>,
}

impl OfferFilter {
	/// Whether an offer is one of them.
	pub fn matches(&self, offer: &Offer<AccountId>) -> bool {
		self.provider.as_ref().is_none_or(|who| *who == offer.provider)
			&& self
				.platform
				.is_none_or(|platform| offer.platforms.contains(&platform))
			&& self.state.is_none_or(|state| state == offer.state)
			&& self
				.module
				.as_ref()
				.is_none_or(|(version, info)| suits(offer, *version, info))
	}
}

/// Whether an offer could run a module at all, when nothing else runs on it.
pub fn suits(offer: &Offer<AccountId>, version: VersionId, module: &ModuleInfo<AccountId>) -> bool {
	let accepted = match &offer.modules {
		ModulePolicy::Any => true,
		ModulePolicy::Curated => module.curated,
		ModulePolicy::Versions(versions) => versions.contains(&version),
		ModulePolicy::Authors(authors) => authors.contains(&module.author),
	};
	accepted
		&& !module.delisted
		&& offer.platforms.contains(&module.runtime.platform())
		&& offer.total.covers(&module.min_spec)
}

/// What somebody with this budget would have to do to get an offer: `with a budget of 0.4 LP instead of 0.3 LP, …`.
pub fn remedy_words(remedy: &Remedy, budget: Balance) -> String {
	let total = lp::rounded_up(remedy.total);
	let mut changes: Vec<String> = Vec::new();
	let mut named = false;
	for condition in &remedy.without {
		changes.push(match condition {
			Condition::Budget => {
				named = true;
				format!("with a budget of {total} instead of {}", lp::show(budget))
			},
			Condition::Target => "with another provider than the target".into(),
			Condition::Machine => "with no more than the machine that the module needs".into(),
			Condition::Mediators => "with whichever mediators are drawn".into(),
			Condition::MinScore => "with a provider of any score".into(),
			Condition::Deadline => "without the deadline".into(),
		});
	}
	let costs = if named {
		String::new()
	} else {
		format!(", for at most {total}")
	};
	format!("{}, offer {} fits{costs}", changes.join(" and "), remedy.offer)
}

/// A rule in one sentence, with how many are left: `1 offer has no free slot; 3 are left`.
pub fn sentence(step: &Step) -> String {
	let words = words::mismatch(step.rule, step.failed);
	match step.left {
		0 => words,
		1 => format!("{words}; 1 is left"),
		n => format!("{words}; {n} are left"),
	}
}

#[cfg(test)]
mod tests {
	use super::*;
	use lilypad_primitives::{CreatorPolicy, Inputs, Profile, RuntimeImage, LP};
	use sp_runtime::Permill;

	fn request() -> JobRequest<AccountId> {
		JobRequest {
			module: "cowsay:v0.0.1".parse().expect("a name"),
			inputs: Inputs::Inline(Default::default()),
			files: Default::default(),
			spec: least(),
			time_limit: 60_000,
			budget: Balance::MAX,
			tip: 0,
			match_window: 1,
			deadline: None,
			mediators: MediatorPolicy::Any,
			target: None,
			min_score: Permill::zero(),
			retries: 0,
		}
	}

	fn least() -> MachineSpec {
		MachineSpec::new(1000, 100, 10)
	}

	fn offer(cpu_milli: u32, free: u32) -> Offer<AccountId> {
		Offer {
			provider: AccountId::new([2; 32]),
			total: MachineSpec::new(cpu_milli, 4096, 1024),
			free: MachineSpec::new(free, 4096, 1024),
			slots: 2,
			running: 0,
			open_deals: 0,
			rate: LP,
			platforms: vec![Platform::ContainerAmd64].try_into().expect("one"),
			modules: ModulePolicy::Any,
			mediators: MediatorPolicy::Any,
			creators: CreatorPolicy::Any,
			state: OfferState::Active,
		}
	}

	fn module() -> ModuleInfo<AccountId> {
		ModuleInfo {
			name: "cowsay:v0.0.1".parse().expect("a name"),
			author: AccountId::new([3; 32]),
			runtime: RuntimeImage::Container {
				platform: Platform::ContainerAmd64,
				image: [0; 32],
			},
			fetch_bytes: 0,
			min_spec: least(),
			max_run: 60_000,
			fee: 0,
			profile: Profile::Deterministic,
			curated: false,
			delisted: false,
			manifest_hash: [0; 32],
			bond: 0,
		}
	}

	#[test]
	fn a_funnel_counts_what_passes_rule_by_rule() {
		let step = |rule, failed, left| Step { rule, failed, left };
		assert_eq!(
			funnel(
				5,
				&[
					(Mismatch::Budget, 3),
					(Mismatch::NotActive, 1),
					(Mismatch::Capacity, 1)
				]
			),
			[
				step(Mismatch::NotActive, 1, 4),
				step(Mismatch::Capacity, 1, 3),
				step(Mismatch::Budget, 3, 0)
			]
		);
		assert_eq!(funnel(0, &[]), []);
		// A node that miscounts makes nobody panic.
		assert_eq!(funnel(1, &[(Mismatch::Score, 2)])[0].left, 0);
		assert_eq!(
			sentence(&step(Mismatch::Capacity, 1, 3)),
			"1 offer has not enough free capacity; 3 are left"
		);
	}

	#[test]
	fn a_request_without_conditions_has_nothing_to_relax() {
		assert_eq!(relaxations(&request(), &least()), []);
	}

	#[test]
	fn one_condition_is_dropped_once() {
		let relaxed = relaxations(
			&JobRequest {
				budget: 3,
				..request()
			},
			&least(),
		);
		assert_eq!(
			relaxed,
			[Relaxation {
				without: vec![Condition::Budget],
				request: request()
			}]
		);
	}

	#[test]
	fn all_conditions_are_dropped_one_by_one_and_then_together() {
		let strict = JobRequest {
			budget: 3,
			target: Some(AccountId::new([2; 32])),
			spec: MachineSpec::new(8000, 100, 10),
			mediators: MediatorPolicy::Only(Default::default()),
			min_score: Permill::from_percent(50),
			deadline: Some(7),
			..request()
		};
		let relaxed = relaxations(&strict, &least());
		assert_eq!(relaxed.len(), 7);
		assert!(relaxed[..6]
			.iter()
			.all(|r| r.without.len() == 1 && r.request != strict));
		assert_eq!(
			relaxed[6],
			Relaxation {
				without: Condition::ALL.to_vec(),
				request: request()
			}
		);
	}

	#[test]
	fn a_remedy_says_what_to_change_and_what_it_costs() {
		let remedy = |without: &[Condition]| {
			let provider = AccountId::new([2; 32]);
			let remedy = Remedy {
				without: without.to_vec(),
				offer: OfferId(7),
				provider,
				total: LP * 2 / 5,
			};
			remedy_words(&remedy, LP * 3 / 10)
		};
		assert_eq!(
			remedy(&[Condition::Budget]),
			"with a budget of 0.4 LP instead of 0.3 LP, offer 7 fits"
		);
		assert_eq!(
			remedy(&[Condition::Target]),
			"with another provider than the target, offer 7 fits, for at most 0.4 LP"
		);
		assert_eq!(
			remedy(&[Condition::Budget, Condition::Deadline]),
			"with a budget of 0.4 LP instead of 0.3 LP and without the deadline, offer 7 fits"
		);
	}

	#[test]
	fn room_tells_busy_machines_from_small_ones() {
		let wanted = MachineSpec::new(2000, 100, 10);
		let paused = Offer {
			state: OfferState::Paused,
			..offer(64_000, 64_000)
		};
		let wasm = Offer {
			platforms: vec![Platform::Wasm].try_into().expect("one"),
			..offer(64_000, 0)
		};
		let full = Offer {
			running: 2,
			..offer(3000, 3000)
		};
		let offers = [
			offer(4000, 1000),
			full,
			offer(1000, 1000),
			offer(2000, 2000),
			paused,
			wasm,
		];
		let room = room(&offers, Platform::ContainerAmd64, &wanted);
		assert_eq!((room.busy, room.most.cpu_milli), (2, 4000));
	}

	#[test]
	fn a_filter_without_conditions_matches_everything() {
		assert!(OfferFilter::default().matches(&offer(1, 0)));
	}

	#[test]
	fn a_filter_fails_when_any_part_differs() {
		let good = OfferFilter {
			provider: Some(AccountId::new([2; 32])),
			platform: Some(Platform::ContainerAmd64),
			state: Some(OfferState::Active),
			module: Some((VersionId(1), module())),
		};
		assert!(
			good.matches(&offer(1000, 0)),
			"a busy machine suits the module, too"
		);
		assert!(!good.matches(&offer(999, 999)), "too small");
		for wrong in [
			Offer {
				provider: AccountId::new([9; 32]),
				..offer(1000, 0)
			},
			Offer {
				state: OfferState::Draining,
				..offer(1000, 0)
			},
			Offer {
				platforms: Default::default(),
				..offer(1000, 0)
			},
			Offer {
				modules: ModulePolicy::Curated,
				..offer(1000, 0)
			},
			Offer {
				modules: ModulePolicy::Versions(Default::default()),
				..offer(1000, 0)
			},
			Offer {
				modules: ModulePolicy::Authors(Default::default()),
				..offer(1000, 0)
			},
		] {
			assert!(!good.matches(&wrong), "{wrong:?}");
		}
		let delisted = ModuleInfo {
			delisted: true,
			..module()
		};
		assert!(!suits(&offer(1000, 0), VersionId(1), &delisted));
	}
}
