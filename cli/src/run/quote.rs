//! The price before it is agreed to; and when nothing fits, why, and what would.

use crate::{error::CliError, share};
use lilypad_client::{
	advice::{self, Relaxation, Remedy, Room},
	lp,
	types::Module,
	words, AccountId, Quote, QuotedOffer, View,
};
use lilypad_primitives::{Balance, JobRequest, Mismatch};

/// What was found out about a request that nothing fits.
#[derive(Debug)]
pub struct Misfit<'a> {
	/// The chain's answer.
	pub quote: &'a Quote,
	/// What was asked for.
	pub request: &'a JobRequest<AccountId>,
	/// Offers that would fit if less were asked for.
	pub remedies: Vec<Remedy>,
	/// What machines there are, when room is what is missing.
	pub room: Option<Room>,
}

impl<'a> Misfit<'a> {
	/// Asks the chain what would fit.
	pub async fn look_into(
		view: &View,
		account: &AccountId,
		module: &Module,
		quote: &'a Quote,
		request: &'a JobRequest<AccountId>,
	) -> Result<Misfit<'a>, CliError> {
		let mut remedies: Vec<Remedy> = Vec::new();
		for Relaxation { without, request } in advice::relaxations(request, &module.info.min_spec) {
			// All conditions at once are of interest only if none alone is the obstacle.
			if without.len() > 1 && !remedies.is_empty() {
				break;
			}
			// A relaxed request that the chain would refuse is no way out.
			let Ok(relaxed) = view.quote(account, &request).await else {
				continue;
			};
			remedies.extend(relaxed.offers.into_iter().next().map(|offer| Remedy {
				without,
				offer: offer.offer,
				provider: offer.provider,
				total: offer.escrow,
			}));
		}
		let lacks_room =
			|(why, _): &(Mismatch, u32)| matches!(why, Mismatch::NoFreeSlot | Mismatch::Capacity);
		let room = match quote.mismatches.iter().any(lacks_room) {
			true => {
				let offers = view.offers().await?;
				let offers = offers.iter().map(|(_, offer)| offer);
				Some(advice::room(
					offers,
					module.info.runtime.platform(),
					&request.spec,
				))
			},
			false => None,
		};
		Ok(Self {
			quote,
			request,
			remedies,
			room,
		})
	}

	/// Offers that would do and are just busy.
	pub fn busy(&self) -> u32 {
		self.room.as_ref().map_or(0, |room| room.busy)
	}

	/// All of it, line by line.
	pub fn explain(&self) -> String {
		let quote = self.quote;
		if quote.considered == 0 {
			return "nobody offers a machine on this chain yet; start one with `lilypad provider start`"
				.into();
		}
		let of = if quote.complete { "" } else { "at least " };
		let offers = if quote.considered == 1 { "offer" } else { "offers" };
		let mut lines = vec![format!("of {of}{} {offers}", quote.considered)];
		for step in advice::funnel(quote.considered, &quote.mismatches) {
			let line = match step.rule {
				Mismatch::Budget => self.budget_line(step.failed),
				Mismatch::Capacity => {
					format!(
						"{}, {} are needed",
						advice::sentence(&step),
						words::machine(&self.request.spec)
					)
				},
				_ => advice::sentence(&step),
			};
			lines.push(format!("  - {line}"));
		}
		let advice = self.advice();
		if !advice.is_empty() {
			lines.push("what would fit".into());
			lines.extend(advice.into_iter().map(|line| format!("  - {line}")));
		}
		lines.join("\n")
	}

	fn budget_line(&self, offers: u32) -> String {
		let (have, cost) = match offers {
			1 => ("1 offer has", "costs"),
			_ => ("offers have", "cost"),
		};
		let count = if offers == 1 {
			String::new()
		} else {
			format!("{offers} ")
		};
		let mine = lp::show(self.request.budget);
		match self.quote.enough_budget {
			Some(enough) => format!(
				"{count}{have} enough room; the cheapest costs {}, your budget is {mine}",
				lp::rounded_up(enough)
			),
			None => format!("{count}{have} enough room, but {cost} more than your budget of {mine}, and would not fit anyway"),
		}
	}

	fn advice(&self) -> Vec<String> {
		let mut lines: Vec<String> = self
			.remedies
			.iter()
			.map(|remedy| {
				format!(
					"{}{}",
					advice::remedy_words(remedy, self.request.budget),
					option(remedy)
				)
			})
			.collect();
		if let Some(room) = &self.room {
			match room.busy {
				0 if room.most.cpu_milli > 0 => lines.push(format!(
					"nothing larger than {}: the most that any active offer has of each",
					words::machine(&room.most)
				)),
				0 => (),
				1 => lines.push("1 offer would do and is just busy: with --budget the job waits for it, see --match-timeout".into()),
				n => lines.push(format!(
					"{n} offers would do and are just busy: with --budget the job waits for one, see --match-timeout"
				)),
			}
		}
		lines
	}
}

/// How to do it on the command line.
fn option(remedy: &Remedy) -> String {
	use advice::Condition;
	let parts: Vec<String> = remedy
		.without
		.iter()
		.map(|condition| match condition {
			Condition::Budget => format!("--budget {}", enough(remedy.total)),
			Condition::Target => "no --target".into(),
			Condition::MinScore => "no --min-score".into(),
			Condition::Deadline => "no --deadline".into(),
			Condition::Mediators => "no --mediator".into(),
			Condition::Machine => "none of --cpu, --memory, --disk and --gpu".into(),
		})
		.collect();
	match parts.is_empty() {
		true => String::new(),
		false => format!(" ({})", parts.join(", ")),
	}
}

/// An amount to type that is at least this.
fn enough(amount: Balance) -> String {
	lp::rounded_up(amount).trim_end_matches(" LP").to_string()
}

/// What to spend at most when the user does not say: as much as it takes for as many other providers as there are retries,
/// but never more than twice what the cheapest costs.
pub fn spending_limit(cheapest_first: &[QuotedOffer], retries: u8) -> Balance {
	let Some(first) = cheapest_first.first() else {
		return 0;
	};
	let mut seen = std::collections::BTreeSet::new();
	let providers = cheapest_first.iter().filter(|offer| seen.insert(&offer.provider));
	providers
		.take(usize::from(retries).saturating_add(1))
		.map(|offer| offer.escrow)
		.filter(|escrow| *escrow <= first.escrow.saturating_mul(2))
		.fold(first.escrow, Balance::max)
}

/// The price, part by part.
pub fn breakdown(offer: &QuotedOffer, request: &JobRequest<AccountId>, fitting: usize) -> String {
	let mut parts = vec![format!(
		"{} for at most {} s at {} a second",
		lp::rounded_up(offer.cap),
		request.time_limit.div_ceil(1000),
		lp::rounded_up(offer.rate)
	)];
	for (what, amount) in [
		("to the module's author", offer.module_fee),
		("to the audit pool", offer.levy),
		("tip", request.tip),
	] {
		if amount > 0 {
			parts.push(format!("{} {what}", lp::rounded_up(amount)));
		}
	}
	let others = match fitting {
		0 | 1 => "the only offer that fits".to_string(),
		n => format!("the cheapest of {n} offers that fit"),
	};
	format!(
		"price  at most {} ({}); only the time that it runs is paid\n       by {} (score {}), {others}",
		lp::rounded_up(offer.escrow),
		parts.join(", "),
		offer.provider,
		share::percent_rounded(offer.score),
	)
}

#[cfg(test)]
mod tests {
	use super::*;
	use advice::Condition;
	use lilypad_primitives::{Inputs, MachineSpec, MediatorPolicy, OfferId, LP};
	use sp_runtime::Permill;

	fn request(budget: Balance) -> JobRequest<AccountId> {
		JobRequest {
			module: "cowsay:v0.0.1".parse().expect("a name"),
			inputs: Inputs::Inline(Default::default()),
			files: Default::default(),
			spec: MachineSpec::new(1, 1, 1),
			time_limit: 60_000,
			budget,
			tip: 0,
			match_window: 1,
			deadline: None,
			mediators: MediatorPolicy::Any,
			target: None,
			min_score: Default::default(),
			retries: 0,
		}
	}

	fn quote(mismatches: &[(Mismatch, u32)], enough_budget: Option<Balance>) -> Quote {
		Quote {
			offers: vec![],
			mismatches: mismatches.to_vec(),
			enough_budget,
			considered: mismatches.iter().map(|(_, count)| count).sum(),
			complete: true,
		}
	}

	fn remedy(without: &[Condition]) -> Remedy {
		Remedy {
			without: without.to_vec(),
			offer: OfferId(7),
			provider: AccountId::new([1; 32]),
			total: LP * 2 / 5,
		}
	}

	#[test]
	fn no_fit_says_which_rule_failed_for_how_many_and_what_would_do() {
		let quote = quote(
			&[
				(Mismatch::NotActive, 1),
				(Mismatch::Capacity, 1),
				(Mismatch::Budget, 3),
			],
			Some(LP * 2 / 5),
		);
		let misfit = Misfit {
			quote: &quote,
			request: &request(LP * 3 / 10),
			remedies: vec![remedy(&[Condition::Budget])],
			room: Some(Room {
				busy: 1,
				..Room::default()
			}),
		};
		assert_eq!(
			misfit.explain(),
			"of 5 offers\n  - 1 offer is paused or draining; 4 are left\n  - 1 offer has not enough free capacity; 3 are left, \
			 0.001 cores, 1 MiB memory, 1 MiB disk are needed\n  - 3 offers have enough room; the cheapest costs 0.4 LP, your \
			 budget is 0.3 LP\nwhat would fit\n  - with a budget of 0.4 LP instead of 0.3 LP, offer 7 fits (--budget 0.4)\n  - 1 \
			 offer would do and is just busy: with --budget the job waits for it, see --match-timeout"
		);
		assert_eq!(misfit.busy(), 1);
	}

	#[test]
	fn no_fit_says_when_no_budget_would_help_and_how_large_machines_are() {
		let quote = quote(&[(Mismatch::Capacity, 1), (Mismatch::Budget, 1)], None);
		let misfit = Misfit {
			quote: &quote,
			request: &request(LP),
			remedies: vec![remedy(&[Condition::Budget, Condition::Target])],
			room: Some(Room {
				busy: 0,
				most: MachineSpec::new(2000, 64, 32),
			}),
		};
		let text = misfit.explain();
		for part in [
			"1 offer has enough room, but costs more than your budget of 1 LP, and would not fit anyway",
			"nothing larger than 2 cores, 64 MiB memory, 32 MiB disk",
			"(--budget 0.4, no --target)",
		] {
			assert!(text.contains(part), "{part}: {text}");
		}
	}

	#[test]
	fn every_rule_has_a_line() {
		use Mismatch::*;
		for rule in [
			NotActive,
			NoFreeSlot,
			Capacity,
			Platform,
			ModulePolicy,
			ModuleDelisted,
			Budget,
			Mediators,
			Collateral,
			Target,
			SameAccount,
			CreatorPolicy,
			Score,
			FailedBefore,
			Deadline,
			Terms,
		] {
			for count in [1, 2] {
				let quote = quote(&[(rule, count)], None);
				let request = request(LP);
				let misfit = Misfit {
					quote: &quote,
					request: &request,
					remedies: vec![],
					room: None,
				};
				let text = misfit.explain();
				assert_eq!(text.lines().count(), 2, "{text}");
				let counted = format!("{count} offer{}", if count == 1 { "" } else { "s" });
				assert!(text.contains(&format!("  - {counted} ")), "{text}");
			}
		}
	}

	#[test]
	fn an_empty_market_says_so() {
		let quote = quote(&[], None);
		let request = request(LP);
		let misfit = Misfit {
			quote: &quote,
			request: &request,
			remedies: vec![],
			room: None,
		};
		assert!(misfit.explain().contains("provider start"));
	}

	#[test]
	fn an_answer_about_a_part_of_the_market_says_so() {
		let quote = Quote {
			complete: false,
			..quote(&[(Mismatch::Platform, 512)], None)
		};
		let request = request(LP);
		let misfit = Misfit {
			quote: &quote,
			request: &request,
			remedies: vec![],
			room: None,
		};
		assert!(misfit.explain().starts_with("of at least 512 offers\n"));
	}

	fn quoted(provider: u8, escrow: Balance) -> QuotedOffer {
		QuotedOffer {
			offer: OfferId(u64::from(provider)),
			provider: AccountId::new([provider; 32]),
			rate: 1,
			escrow,
			cap: 0,
			levy: 0,
			module_fee: 0,
			score: Permill::from_percent(50),
		}
	}

	#[test]
	fn spending_limit_covers_the_retries() {
		let offers = [quoted(1, 100), quoted(1, 120), quoted(2, 150), quoted(3, 200)];
		assert_eq!(spending_limit(&offers, 0), 100);
		assert_eq!(
			spending_limit(&offers, 1),
			150,
			"another provider, not another offer of the same"
		);
		assert_eq!(spending_limit(&offers, 2), 200);
		assert_eq!(spending_limit(&offers, 8), 200);
		assert_eq!(spending_limit(&[], 8), 0);
	}

	#[test]
	fn spending_limit_boundary_twice_the_cheapest() {
		assert_eq!(spending_limit(&[quoted(1, 100), quoted(2, 200)], 1), 200);
		assert_eq!(spending_limit(&[quoted(1, 100), quoted(2, 201)], 1), 100);
		assert_eq!(
			spending_limit(&[quoted(1, Balance::MAX), quoted(2, Balance::MAX)], 1),
			Balance::MAX
		);
	}

	#[test]
	fn the_price_is_broken_down() {
		let offer = QuotedOffer {
			offer: OfferId(1),
			provider: AccountId::new([1; 32]),
			rate: LP / 1000,
			escrow: LP * 62 / 1000,
			cap: LP * 60 / 1000,
			levy: LP / 1000,
			module_fee: LP / 1000,
			score: Permill::from_parts(973_999),
		};
		let text = breakdown(&offer, &request(LP), 1);
		for part in [
			"at most 0.062 LP",
			"0.06 LP for at most 60 s at 0.001 LP a second",
			"0.001 LP to the audit pool",
			"(score 97.3 %)",
		] {
			assert!(text.contains(part), "{text}");
		}
		assert!(!text.contains("tip"), "{text}");
	}
}
