//! `lilypad account …`: keys and money.

use crate::{
	app::{require_money, App},
	args::AccountCommand,
	error::CliError,
	keys,
	ui::table,
};
use lilypad_client::{calls, keystore, lp, AccountId, Signer, SignerError};
use lilypad_primitives::Balance;
use serde_json::json;

/// Runs a command.
pub async fn run(app: &App, command: &AccountCommand) -> Result<(), CliError> {
	match command {
		AccountCommand::New { name } => new(app, name),
		AccountCommand::List => list(app),
		AccountCommand::Balance { who } => balance(app, who.clone()).await,
		AccountCommand::Transfer { to, lp, yes } => transfer(app, to, *lp, *yes).await,
	}
}

fn new(app: &App, name: &str) -> Result<(), CliError> {
	let file = keys::key_file(&app.data, name)?;
	if file.exists() {
		return Err(SignerError::from(keystore::KeystoreError::Exists(file)).into());
	}
	let password = keys::new_password(&app.global)?;
	let (_, phrase) = Signer::generate();
	let account = keystore::write(&file, &phrase, &password, name).map_err(SignerError::from)?;
	// The phrase is shown once, to be written down; it is kept nowhere.
	app.ui.outcome(
		&json!({ "account": account.to_string(), "name": name, "file": file, "mnemonic": phrase }),
		|| {
			format!(
				"account  {account}\nfile     {}\n\nWrite these words down: they are the only way back to the key if file or password \
				 is lost, and they give it to whoever reads them.\n\n    {phrase}\n\nUse it with --account {name}{}",
				file.display(),
				if name == "default" { ", or name nothing: it is the default" } else { "" }
			)
		},
	)
}

fn list(app: &App) -> Result<(), CliError> {
	let dir = app.data.keys();
	let mut found = Vec::new();
	match std::fs::read_dir(&dir) {
		Ok(files) => {
			for file in files.flatten() {
				let path = file.path();
				let name = path
					.file_stem()
					.and_then(|s| s.to_str())
					.unwrap_or_default()
					.to_string();
				match keystore::account_of(&path) {
					Ok(account) => found.push((name, account)),
					Err(e) => tracing::warn!("{e}"),
				}
			}
		},
		Err(e) if e.kind() == std::io::ErrorKind::NotFound => (),
		Err(e) => return Err(CliError::io("can't list", dir)(e)),
	}
	found.sort();
	let json: Vec<_> = found
		.iter()
		.map(|(name, a)| json!({ "name": name, "account": a.to_string() }))
		.collect();
	app.ui.outcome(&json, || match found.is_empty() {
		true => "no keys yet: `lilypad account new` makes one".into(),
		false => table(
			&["NAME", "ACCOUNT"],
			found
				.into_iter()
				.map(|(name, a)| vec![name, a.to_string()])
				.collect(),
		),
	})
}

async fn balance(app: &App, who: Option<AccountId>) -> Result<(), CliError> {
	let who = who.map_or_else(|| app.account(), Ok)?;
	let client = app.client().await?;
	let view = client.best().await?;
	let balances = view.balances(&who).await?;
	let held: Vec<_> = balances
		.held
		.iter()
		.map(|(why, amount)| json!({ "reason": why, "amount": lp::show(*amount) }))
		.collect();
	let value = json!({
		"account": who.to_string(),
		"free": lp::show(balances.free),
		"spendable": lp::show(balances.spendable),
		"held": held,
		"block": view.number(),
	});
	app.ui.outcome(&value, || {
		let mut lines = vec![
			format!("account    {who}"),
			format!("available  {}", lp::show(balances.spendable)),
		];
		for (why, amount) in &balances.held {
			lines.push(format!("held       {} ({})", lp::show(*amount), hold_words(why)));
		}
		lines.join("\n")
	})
}

fn hold_words(reason: &str) -> &str {
	match reason {
		"Deals::JobBudget" => "budgets of jobs",
		"Deals::ProviderBond" => "provider's bond",
		"Deals::Deposit" => "deposits for offers and addresses",
		"Deals::ChallengeBond" => "challenges",
		"Modules::ModuleDeposit" => "deposits for modules",
		"Deals::AuditReserve" => "audits under way",
		"Mediation::MediatorBond" => "mediator's tickets",
		"Modules::AuthorBond" => "bonds behind modules",
		other => other,
	}
}

async fn transfer(app: &App, to: &AccountId, amount: Balance, yes: bool) -> Result<(), CliError> {
	let signer = app.signer()?;
	let client = app.client().await?;
	let view = client.best().await?;
	let call = calls::balances::transfer_keep_alive(to.clone().into(), amount.into());
	let fee = client.estimate_fee(&signer, &call).await?;
	require_money(
		&view,
		&signer.account(),
		&[("to send", amount), ("for the transaction", fee)],
	)
	.await?;
	app.ui
		.confirm(&format!("Send {} to {to}?", lp::show(amount)), yes)?;
	let outcome = client.submit(&signer, call).await?;
	let value = json!({
		"from": signer.account().to_string(), "to": to.to_string(), "amount": lp::show(amount),
		"fee": lp::show(outcome.fee()), "block": outcome.block.number,
	});
	app.ui.outcome(&value, || {
		format!(
			"{} sent to {to} in block {}",
			lp::show(amount),
			outcome.block.number
		)
	})
}
