//! A single offer of one's own: another price, or off the market.

use crate::{app::App, error::CliError};
use lilypad_client::{calls, lp, AccountId, View};
use lilypad_primitives::{Balance, Offer, OfferId};
use serde_json::json;

/// An offer that is not the account's.
pub fn not_yours(offer: OfferId) -> CliError {
	CliError::Input(format!(
		"offer {offer} is not one of yours; `lilypad provider status` shows them"
	))
}

async fn own(view: &View, id: OfferId, account: &AccountId) -> Result<Offer<AccountId>, CliError> {
	let offer = view.offer(id).await?;
	offer
		.filter(|offer| offer.provider == *account)
		.ok_or_else(|| not_yours(id))
}

/// Changes an offer's price.
pub async fn reprice(app: &App, id: OfferId, rate: Balance) -> Result<(), CliError> {
	let signer = app.signer()?;
	let client = app.client().await?;
	let before = own(&client.best().await?, id, &signer.account()).await?.rate;
	let outcome = client
		.submit(&signer, calls::market::set_offer_rate(id, rate))
		.await?;
	let (before, rate) = (lp::show(before), lp::show(rate));
	app.ui.outcome(
		&json!({ "offer": id, "rate": rate, "before": before, "block": outcome.block.number }),
		|| format!("offer {id} costs {rate} a second now; it was {before}"),
	)
}

/// Takes an offer without deals from the market.
pub async fn withdraw(app: &App, id: OfferId, yes: bool) -> Result<(), CliError> {
	let signer = app.signer()?;
	let client = app.client().await?;
	let offer = own(&client.best().await?, id, &signer.account()).await?;
	if offer.open_deals > 0 {
		return Err(CliError::Input(format!(
			"offer {id} has deals that are not settled ({}): `lilypad provider drain {id}` withdraws it when they are",
			offer.open_deals
		)));
	}
	app.ui
		.confirm(&format!("Withdraw offer {id}? Its deposit comes back."), yes)?;
	let outcome = client.submit(&signer, calls::market::withdraw_offer(id)).await?;
	app.ui.outcome(
		&json!({ "offer": id, "withdrawn": true, "block": outcome.block.number }),
		|| format!("offer {id} is gone from the market"),
	)
}
