//! `gateway rotate`: a lane's next bridge set. Members of the set in office sign for it with `lilypad-relayer rotation sign`.

use super::args::Rotate;
use crate::{app::App, error::CliError};
use lilypad_client::{
	calls,
	gateway::{show_address, NextSet, RotationError, Signatures, MAX_MEMBERS},
};
use serde_json::{json, Value};

pub(super) async fn run(app: &App, args: &Rotate) -> Result<(), CliError> {
	let client = app.client().await?;
	let view = client.best().await?;
	let next = view
		.next_set(args.lane, args.members.clone(), args.threshold)
		.await
		.map_err(refusal)?;
	if args.signatures.is_empty() {
		return app.ui.outcome(&proposal(&next), || in_words(&next));
	}
	next.check(&args.signatures).map_err(refusal)?;
	let signatures = Signatures::try_from(args.signatures.clone()).map_err(|_| {
		CliError::Input(format!(
			"a set has at most {MAX_MEMBERS} members, and as many signatures"
		))
	})?;
	let call = calls::gateway::rotate(next.lane, next.set.threshold, next.keys.clone(), signatures);
	let outcome = client.submit(&app.signer()?, call).await?;
	let mut value = proposal(&next);
	value["block"] = json!(outcome.block.number);
	app.ui.outcome(&value, || {
		format!(
			"set {} of lane {} is in office. Its relayers tell the gateway of it, and sign anew what was not delivered; keep those of \
			 set {} running until they have",
			next.set.number, next.lane, next.office.number
		)
	})
}

fn refusal(error: RotationError) -> CliError {
	match error {
		RotationError::Client(error) => error.into(),
		other => CliError::Input(other.to_string()),
	}
}

fn proposal(next: &NextSet) -> Value {
	let addresses = next.set.members.iter().map(|member| show_address(member.address));
	json!({
		"lane": next.lane,
		"set": next.set.number,
		"threshold": next.set.threshold,
		"members": addresses.collect::<Vec<_>>(),
		"digest": next.digest,
		"signatures_needed": next.office.threshold,
	})
}

fn in_words(next: &NextSet) -> String {
	let mut text = format!(
		"set {} of lane {}; {} of these would be a quorum\n",
		next.set.number, next.lane, next.set.threshold
	);
	for member in &next.set.members {
		text.push_str(&format!("  {}\n", show_address(member.address)));
	}
	text.push_str(&format!(
		"\n{} members of set {} have to sign {:?}:\n",
		next.office.threshold, next.office.number, next.digest
	));
	for member in &next.office.members {
		text.push_str(&format!("  {}\n", show_address(member.address)));
	}
	let members = next
		.keys
		.iter()
		.map(|key| format!(" --member 0x{}", hex::encode(key)));
	text.push_str(&format!(
		"\neach on its own machine:\n  lilypad-relayer rotation sign {}{} --threshold {}\nand then this command again, with a --signature \
		 for each\n",
		next.lane,
		members.collect::<String>(),
		next.set.threshold
	));
	text
}
