//! What every command has at hand.

use crate::{args::Global, data::DataDir, error::CliError, interrupt::Interrupt, keys, ui::Ui};
use lilypad_client::{lp, AccountId, Balances, Client, ClientConfig, Signer, View};
use lilypad_primitives::Balance;

/// See the module.
#[derive(Debug)]
pub struct App {
	/// Global arguments.
	pub global: Global,
	/// Folders.
	pub data: DataDir,
	/// What the user sees.
	pub ui: Ui,
	/// Ctrl-C.
	pub interrupt: Interrupt,
}

impl App {
	/// From the command line.
	pub fn new(global: Global) -> Result<Self, CliError> {
		let data = DataDir::choose(global.data_dir.as_deref())?;
		let ui = Ui::new(global.json);
		Ok(Self {
			global,
			data,
			ui,
			interrupt: Interrupt::default(),
		})
	}

	/// How to connect.
	pub fn client_config(&self) -> ClientConfig {
		ClientConfig {
			expected_genesis: self.global.genesis,
			..ClientConfig::with_urls(self.global.nodes())
		}
	}

	/// Connects.
	pub async fn client(&self) -> Result<Client, CliError> {
		Ok(Client::connect(&self.client_config()).await?)
	}

	/// The key.
	pub fn signer(&self) -> Result<Signer, CliError> {
		keys::signer(&self.global, &self.data)
	}

	/// The account.
	pub fn account(&self) -> Result<AccountId, CliError> {
		keys::account(&self.global, &self.data)
	}
}

/// Refuses when an account has less to spare than is needed for something and its fee.
pub async fn require_money(
	view: &View,
	account: &AccountId,
	parts: &[(&str, Balance)],
) -> Result<Balances, CliError> {
	let balances = view.balances(account).await?;
	let needed = parts
		.iter()
		.fold(0, |sum: Balance, (_, amount)| sum.saturating_add(*amount));
	match needed <= balances.spendable {
		true => Ok(balances),
		false => Err(CliError::Money {
			needed,
			available: balances.spendable,
			what: parts
				.iter()
				.map(|(what, amount)| format!("{} {what}", lp::rounded_up(*amount)))
				.collect::<Vec<_>>()
				.join(", "),
			account: account.to_string(),
		}),
	}
}
