//! `lilypad gateway …`: the lanes to EVM chains.

pub mod args;
mod govern;
mod rotate;
mod show;

use crate::{app::App, error::CliError, ui::table};
use args::GatewayCommand;
use lilypad_client::{
	calls,
	gateway::{show_address, wallet_of, FinalityRule, Lane, LaneId},
	lp, ChainEvent, GatewayEvent, View,
};
use lilypad_primitives::{Balance, JobId};
use serde_json::json;
use sp_core::H160;

/// Runs a command.
pub async fn run(app: &App, command: &GatewayCommand) -> Result<(), CliError> {
	match command {
		GatewayCommand::List => show::list(app).await,
		GatewayCommand::Show { lane } => show::show(app, *lane).await,
		GatewayCommand::Register(args) => govern::register(app, args).await,
		GatewayCommand::Set {
			lane,
			finality,
			limits,
		} => govern::set(app, *lane, *finality, limits).await,
		GatewayCommand::Rotate(args) => rotate::run(app, args).await,
		GatewayCommand::Pause { lane } => govern::pause(app, *lane, true).await,
		GatewayCommand::Resume { lane } => govern::pause(app, *lane, false).await,
		GatewayCommand::Out { lane, to, lp, yes } => out(app, *lane, *to, *lp, *yes).await,
		GatewayCommand::Wallet { lane, address } => wallet(app, *lane, *address).await,
		GatewayCommand::Release { lane, address } => release(app, *lane, *address).await,
		GatewayCommand::Cancel { job, yes } => cancel(app, *job, *yes).await,
	}
}

/// A lane that must be there.
async fn existing(view: &View, lane: LaneId) -> Result<Lane, CliError> {
	view.lane(lane).await?.ok_or_else(|| {
		CliError::Input(format!(
			"there is no lane {lane}; `lilypad gateway list` shows what there is"
		))
	})
}

/// A finality rule, as it is typed.
fn rule(finality: FinalityRule) -> String {
	match finality {
		FinalityRule::Finalized => "finalized".into(),
		FinalityRule::Confirmations(blocks) => blocks.to_string(),
	}
}

async fn out(app: &App, lane: LaneId, to: H160, amount: Balance, yes: bool) -> Result<(), CliError> {
	let signer = app.signer()?;
	let client = app.client().await?;
	let view = client.best().await?;
	let settings = existing(&view, lane).await?;
	let (shown, address) = (lp::show(amount), show_address(to));
	crate::app::require_money(&view, &signer.account(), &[("to be sent", amount)]).await?;
	app.ui.confirm(
		&format!(
			"Send {shown} to {address} on chain {}? It has to be an address there.",
			settings.chain
		),
		yes,
	)?;
	let call = calls::gateway::bridge_out(lane, to, amount.into());
	let outcome = client.submit(&signer, call).await?;
	let nonce = outcome.find(|event| match event {
		ChainEvent::GatewayEvent(GatewayEvent::BridgedOut { nonce, .. }) => Some(*nonce),
		_ => None,
	});
	app.ui.outcome(
		&json!({ "lane": lane, "to": address, "amount": shown, "payout": nonce, "block": outcome.block.number }),
		|| {
			format!(
				"{shown} are on their way to {address}. Once the relayers have delivered them, the gateway pays them out to \
				 whoever calls its withdraw({address})"
			)
		},
	)
}

async fn wallet(app: &App, lane: LaneId, address: H160) -> Result<(), CliError> {
	let view = app.client().await?.best().await?;
	let settings = existing(&view, lane).await?;
	let account = wallet_of(settings.chain, address);
	let balances = view.balances(&account).await?;
	let held: Balance = balances.held.iter().map(|(_, amount)| amount).sum();
	let (free, held) = (lp::show(balances.free), lp::show(held));
	app.ui.outcome(
		&json!({ "address": show_address(address), "account": account.to_string(), "free": free, "held": held }),
		|| {
			let rows = [
				("account", account.to_string()),
				("free", free.clone()),
				("held", held.clone()),
			];
			let rows = rows.map(|(name, value)| vec![name.to_string(), value]);
			table(&["", ""], rows.to_vec())
		},
	)
}

async fn release(app: &App, lane: LaneId, address: H160) -> Result<(), CliError> {
	let signer = app.signer()?;
	let client = app.client().await?;
	let outcome = client
		.submit(&signer, calls::gateway::release(lane, address))
		.await?;
	let amount = outcome.find(|event| match event {
		ChainEvent::GatewayEvent(GatewayEvent::Released { amount, .. }) => Some(lp::show(*amount)),
		_ => None,
	});
	app.ui.outcome(
		&json!({ "lane": lane, "address": show_address(address), "amount": amount, "block": outcome.block.number }),
		|| {
			format!(
				"{} on the way to {}",
				amount.as_deref().unwrap_or("LP"),
				show_address(address)
			)
		},
	)
}

async fn cancel(app: &App, job: JobId, yes: bool) -> Result<(), CliError> {
	let signer = app.signer()?;
	let client = app.client().await?;
	let Some(live) = client.best().await?.request_of(job).await? else {
		return Err(CliError::Input(format!(
			"job {job} is no live job of a request from an EVM chain"
		)));
	};
	app.ui.confirm(
		&format!(
			"Cancel job {job}, which {} has asked for? What it has cost so far is paid.",
			show_address(live.ticket.requester)
		),
		yes,
	)?;
	let outcome = client.submit(&signer, calls::gateway::cancel(job)).await?;
	app.ui
		.outcome(&json!({ "job": job, "block": outcome.block.number }), || {
			format!("job {job} is cancelled; what is left of its budget goes back")
		})
}
