//! `lilypad offer …`: the machines on offer.

pub mod own;

use crate::{
	app::App,
	args::{OfferCommand, OfferList},
	error::CliError,
	run::request::find_module,
	share,
	ui::table,
};
use lilypad_client::{
	advice::OfferFilter,
	lp,
	words::{self, variant},
	AccountId, Bond, ClientError, Missing,
};
use lilypad_primitives::{CreatorPolicy, MediatorPolicy, ModulePolicy, Offer, OfferId};
use serde_json::{json, Value};
use sp_runtime::Permill;

/// Runs a command.
pub async fn run(app: &App, command: &OfferCommand) -> Result<(), CliError> {
	match command {
		OfferCommand::List(args) => list(app, args).await,
		OfferCommand::Show { offer } => show(app, *offer).await,
		OfferCommand::Reprice { offer, lp } => own::reprice(app, *offer, *lp).await,
		OfferCommand::Withdraw { offer, yes } => own::withdraw(app, *offer, *yes).await,
	}
}

type Listed = (OfferId, Offer<AccountId>);

async fn list(app: &App, args: &OfferList) -> Result<(), CliError> {
	let view = app.client().await?.best().await?;
	let module = match &args.module {
		Some(name) => Some(find_module(&view, name).await?),
		None => None,
	};
	let filter = OfferFilter {
		provider: args.provider.clone(),
		platform: args.platform,
		state: args.state,
		module: module.map(|module| (module.id, module.info)),
	};
	// A provider's own are few; all of them may be many.
	let all = match &args.provider {
		Some(provider) => view.offers_of(provider).await?,
		None => view.offers().await?,
	};
	let total = all.len();
	let offers = select(all, &filter);
	let json: Vec<_> = offers.iter().map(|(id, offer)| offer_json(*id, offer)).collect();
	app.ui.outcome(&json, || match (offers.is_empty(), total) {
		(true, 0) => "no machines on offer yet: `lilypad provider start` offers one".into(),
		(true, n) => format!("no offer is like that, of {n} in all"),
		(false, _) => rows(&offers),
	})
}

/// Those that are looked for, cheapest first and of equals the oldest: the order in which the chain tries them.
fn select(mut offers: Vec<Listed>, filter: &OfferFilter) -> Vec<Listed> {
	offers.retain(|(_, offer)| filter.matches(offer));
	offers.sort_by_key(|(id, offer)| (offer.rate, *id));
	offers
}

fn rows(offers: &[Listed]) -> String {
	let rows = offers.iter().map(|(id, offer)| {
		vec![
			id.to_string(),
			variant(&offer.state),
			format!("{} a second", lp::show(offer.rate)),
			format!("{} of {}", offer.running, offer.slots),
			words::machine(&offer.free),
			platforms(offer),
			offer.provider.to_string(),
		]
	});
	table(
		&["OFFER", "STATE", "RATE", "RUNNING", "FREE", "RUNS", "PROVIDER"],
		rows.collect(),
	)
}

fn platforms(offer: &Offer<AccountId>) -> String {
	let names: Vec<_> = offer
		.platforms
		.iter()
		.map(|platform| match variant(platform).as_str() {
			"containerAmd64" => "container-amd64".to_string(),
			"containerArm64" => "container-arm64".to_string(),
			other => other.to_string(),
		})
		.collect();
	names.join(", ")
}

fn offer_json(id: OfferId, offer: &Offer<AccountId>) -> Value {
	json!({
		"offer": id, "provider": offer.provider.to_string(), "state": offer.state, "rate": lp::show(offer.rate),
		"rate_units": offer.rate.to_string(), "platforms": offer.platforms, "machine": offer.total, "free": offer.free,
		"slots": offer.slots, "running": offer.running, "open_deals": offer.open_deals,
	})
}

async fn show(app: &App, id: OfferId) -> Result<(), CliError> {
	let view = app.client().await?.best().await?;
	let offer = view
		.offer(id)
		.await?
		.ok_or(ClientError::NotFound(Missing::Offer(id)))?;
	let bond = view.bond(&offer.provider).await?.unwrap_or_default();
	let announced = view.peer(&offer.provider).await?.is_some();
	let score = view.score(&offer.provider).await?;
	let mut value = offer_json(id, &offer);
	value["modules"] = json!(policy(&offer));
	value["creators"] = json!(creators(&offer));
	value["mediators"] = json!(mediators(&offer));
	value["bond_free"] = json!(lp::show(bond.free()));
	value["announced"] = json!(announced);
	value["score"] = json!(share::percent_rounded(score));
	app.ui
		.outcome(&value, || describe(id, &offer, &bond, announced, score))
}

fn policy(offer: &Offer<AccountId>) -> String {
	match &offer.modules {
		ModulePolicy::Any => "any".into(),
		ModulePolicy::Curated => "curated ones".into(),
		ModulePolicy::Versions(versions) => {
			let ids: Vec<_> = versions.iter().map(ToString::to_string).collect();
			format!("versions {}", ids.join(", "))
		},
		ModulePolicy::Authors(authors) => format!("those by {}", listed(authors)),
	}
}

fn creators(offer: &Offer<AccountId>) -> String {
	match &offer.creators {
		CreatorPolicy::Any => "any".into(),
		CreatorPolicy::Only(accounts) => listed(accounts),
	}
}

fn mediators(offer: &Offer<AccountId>) -> String {
	match &offer.mediators {
		MediatorPolicy::Any => "any".into(),
		MediatorPolicy::Only(accounts) => listed(accounts),
	}
}

fn listed(accounts: &[AccountId]) -> String {
	let names: Vec<_> = accounts.iter().map(ToString::to_string).collect();
	names.join(", ")
}

fn describe(id: OfferId, offer: &Offer<AccountId>, bond: &Bond, announced: bool, score: Permill) -> String {
	let worker = match announced {
		true => "has announced its address",
		false => "has announced no address: nobody can reach it",
	};
	[
		format!("offer      {id}, {}", variant(&offer.state)),
		format!("provider   {}", offer.provider),
		format!("score      {}", share::percent_rounded(score)),
		format!("worker     {worker}"),
		format!("rate       {} a second", lp::show(offer.rate)),
		format!("machine    {}", words::machine(&offer.total)),
		format!("free       {}", words::machine(&offer.free)),
		format!(
			"jobs       {} of {} running, {} deals not settled",
			offer.running, offer.slots, offer.open_deals
		),
		format!("runs       {}", platforms(offer)),
		format!("modules    {}", policy(offer)),
		format!("creators   {}", creators(offer)),
		format!("mediators  {}", mediators(offer)),
		format!("bond       {} free to back deals", lp::show(bond.free())),
	]
	.join("\n")
}

#[cfg(test)]
mod tests {
	use super::*;
	use lilypad_primitives::{MachineSpec, OfferState, Platform, LP};

	fn offer(rate: u128) -> Offer<AccountId> {
		let machine = MachineSpec::new(2000, 4096, 1024);
		Offer {
			provider: AccountId::new([2; 32]),
			total: machine.clone(),
			free: machine,
			slots: 2,
			running: 1,
			open_deals: 1,
			rate,
			platforms: vec![Platform::Wasm, Platform::ContainerAmd64]
				.try_into()
				.expect("two"),
			modules: ModulePolicy::Any,
			mediators: MediatorPolicy::Any,
			creators: CreatorPolicy::Only(vec![AccountId::new([9; 32])].try_into().expect("one")),
			state: OfferState::Active,
		}
	}

	#[test]
	fn the_cheapest_comes_first_and_of_equals_the_oldest() {
		let offers = vec![
			(OfferId(3), offer(5)),
			(OfferId(2), offer(7)),
			(OfferId(1), offer(5)),
		];
		let found: Vec<_> = select(offers, &OfferFilter::default())
			.into_iter()
			.map(|(id, _)| id.0)
			.collect();
		assert_eq!(found, [1, 3, 2]);
	}

	#[test]
	fn offers_are_shown_in_words_and_as_json() {
		let text = rows(&[(OfferId(4), offer(LP / 1000))]);
		for part in [
			"OFFER",
			"0.001 LP a second",
			"1 of 2",
			"2 cores, 4096 MiB",
			"wasm, container-amd64",
		] {
			assert!(text.contains(part), "{part}: {text}");
		}
		let text = describe(
			OfferId(4),
			&offer(LP),
			&Bond {
				total: 3 * LP,
				..Bond::default()
			},
			false,
			Permill::from_percent(98),
		);
		for part in [
			"nobody can reach it",
			"98.0 %",
			"3 LP free",
			&AccountId::new([9; 32]).to_string(),
		] {
			assert!(text.contains(part), "{part}: {text}");
		}
		let value = offer_json(OfferId(4), &offer(LP / 1000));
		assert_eq!(
			(&value["state"], &value["rate_units"]),
			(&json!("active"), &json!("1000000000000000"))
		);
		assert_eq!(value["platforms"], json!(["wasm", "container_amd64"]));
	}
}
