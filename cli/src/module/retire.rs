//! Curating modules, and their end: deprecated, withdrawn, and what backed them taken back.

use crate::{
	app::App,
	args::{Deprecate, OwnModule},
	error::CliError,
	run::request::find_module,
};
use lilypad_client::{
	calls, lp,
	types::{Module, Reason, MAX_REASON},
	Call, ChainEvent, Client, ModulesEvent, Signer, TxOutcome, View,
};
use lilypad_primitives::{ModuleName, VersionId};
use serde_json::json;

/// What every command here begins with.
struct Errand {
	signer: Signer,
	client: Client,
	view: View,
	module: Module,
}

impl Errand {
	async fn new(app: &App, name: &ModuleName) -> Result<Self, CliError> {
		let signer = app.signer()?;
		let client = app.client().await?;
		let view = client.best().await?;
		let module = find_module(&view, name).await?;
		Ok(Self {
			signer,
			client,
			view,
			module,
		})
	}

	/// Refuses what only the author may do, unless it is done as a curator.
	fn require_author(&self, sudo: bool) -> Result<(), CliError> {
		match sudo || self.module.info.author == self.signer.account() {
			true => Ok(()),
			false => Err(CliError::Input(format!(
				"{} is {}'s: only its author can do that, or a curator (--sudo on development chains)",
				self.module.info.name, self.module.info.author
			))),
		}
	}

	/// Sends a call, as it is or with the sudo key's powers, and makes sure that it had its effect: a call by sudo can fail
	/// although its transaction succeeds, and only its event says that it did not.
	async fn send(
		&self,
		call: Call,
		sudo: bool,
		effect: impl Fn(&ModulesEvent) -> Option<VersionId>,
	) -> Result<TxOutcome, CliError> {
		let call = match sudo {
			true => self.view.sudo(&call).ok_or_else(|| {
				CliError::Input(
					"this chain has no sudo key: its governance curates modules, by proposals".into(),
				)
			})?,
			false => call,
		};
		let outcome = self.client.submit(&self.signer, call).await?;
		let done = outcome.find(|event| match event {
			ChainEvent::ModulesEvent(event) => effect(event),
			_ => None,
		});
		match done == Some(self.module.id) {
			true => Ok(outcome),
			false => Err(CliError::Other(
				"the transaction is in a block, but the module is as it was: somebody else may have been quicker".into(),
			)),
		}
	}
}

/// Marks a module as curated, or takes the mark away.
pub async fn curate(app: &App, name: &ModuleName, curated: bool) -> Result<(), CliError> {
	let errand = Errand::new(app, name).await?;
	let id = errand.module.id;
	let words = match curated {
		true => format!("{name} is curated"),
		false => format!("{name} is not curated any more"),
	};
	let value =
		|block| json!({ "module": name.to_string(), "version": id, "curated": curated, "block": block });
	if errand.module.info.curated == curated {
		let block = errand.view.number();
		return app
			.ui
			.outcome(&value(block), || format!("nothing to do: {words}"));
	}
	let call = calls::modules::set_curated(id, curated);
	let effect = |event: &ModulesEvent| match event {
		ModulesEvent::CuratedSet { version, .. } => Some(*version),
		_ => None,
	};
	let outcome = errand.send(call, true, effect).await?;
	app.ui.outcome(&value(outcome.block.number), || words)
}

/// Says that a module should no longer be used.
pub async fn deprecate(app: &App, args: &Deprecate) -> Result<(), CliError> {
	let OwnModule {
		module: name,
		sudo,
		yes,
	} = &args.which;
	let errand = Errand::new(app, name).await?;
	errand.require_author(*sudo)?;
	let successor = match &args.successor {
		Some(successor) if successor == name => {
			return Err(CliError::Input("a module can't be its own successor".into()))
		},
		Some(successor) => Some(find_module(&errand.view, successor).await?.id),
		None => None,
	};
	let reason = reason(&args.reason)?;
	let question = format!("Deprecate {name}? It still runs; people are told to use something else.");
	app.ui.confirm(&question, *yes)?;
	let call = calls::modules::deprecate(errand.module.id, successor, reason);
	let effect = |event: &ModulesEvent| match event {
		ModulesEvent::ModuleDeprecated { version, .. } => Some(*version),
		_ => None,
	};
	let outcome = errand.send(call, *sudo, effect).await?;
	let value = json!({
		"module": name.to_string(), "version": errand.module.id, "deprecated": true,
		"successor": args.successor.as_ref().map(ToString::to_string), "block": outcome.block.number,
	});
	app.ui.outcome(&value, || {
		format!("{name} is deprecated; `lilypad module restore {name}` takes that back")
	})
}

/// A reason as the chain takes it.
fn reason(text: &str) -> Result<Reason, CliError> {
	text.as_bytes()
		.to_vec()
		.try_into()
		.map_err(|_| CliError::Input(format!("a reason has at most {MAX_REASON} bytes")))
}

/// Takes a deprecation back.
pub async fn restore(app: &App, which: &OwnModule) -> Result<(), CliError> {
	let OwnModule {
		module: name,
		sudo,
		yes,
	} = which;
	let errand = Errand::new(app, name).await?;
	errand.require_author(*sudo)?;
	app.ui
		.confirm(&format!("Take the deprecation of {name} back?"), *yes)?;
	let effect = |event: &ModulesEvent| match event {
		ModulesEvent::ModuleRestored { version } => Some(*version),
		_ => None,
	};
	let outcome = errand
		.send(calls::modules::restore(errand.module.id), *sudo, effect)
		.await?;
	let value = json!({
		"module": name.to_string(), "version": errand.module.id, "deprecated": false, "block": outcome.block.number,
	});
	app.ui
		.outcome(&value, || format!("{name} is no longer deprecated"))
}

/// Withdraws a module for good.
pub async fn delist(app: &App, which: &OwnModule) -> Result<(), CliError> {
	let OwnModule {
		module: name,
		sudo,
		yes,
	} = which;
	let errand = Errand::new(app, name).await?;
	errand.require_author(*sudo)?;
	if errand.module.info.delisted {
		return Err(CliError::Input(format!("{name} has been withdrawn before")));
	}
	let question =
		format!("Withdraw {name} for good? Nobody can post jobs for it any more, and the tag stays taken.");
	app.ui.confirm(&question, *yes)?;
	let effect = |event: &ModulesEvent| match event {
		ModulesEvent::ModuleDelisted { version } => Some(*version),
		_ => None,
	};
	let outcome = errand
		.send(calls::modules::delist(errand.module.id), *sudo, effect)
		.await?;
	let value = json!({
		"module": name.to_string(), "version": errand.module.id, "delisted": true, "block": outcome.block.number,
	});
	app.ui.outcome(&value, || {
		format!("{name} is withdrawn; what backed it can be had back later: `lilypad module reclaim {name}`")
	})
}

/// Takes back what backed a module that was withdrawn.
pub async fn reclaim(app: &App, name: &ModuleName) -> Result<(), CliError> {
	let errand = Errand::new(app, name).await?;
	errand.require_author(false)?;
	let effect = |event: &ModulesEvent| match event {
		ModulesEvent::ModuleReclaimed { version, .. } => Some(*version),
		_ => None,
	};
	let outcome = errand
		.send(calls::modules::reclaim(errand.module.id), false, effect)
		.await?;
	let (bond, deposit) = outcome
		.find(|event| match event {
			ChainEvent::ModulesEvent(ModulesEvent::ModuleReclaimed { bond, deposit, .. }) => {
				Some((*bond, *deposit))
			},
			_ => None,
		})
		.unwrap_or_default();
	let value = json!({
		"module": name.to_string(), "version": errand.module.id, "bond": lp::show(bond), "deposit": lp::show(deposit),
		"block": outcome.block.number,
	});
	app.ui.outcome(&value, || {
		format!(
			"{} of bond and {} of deposit are yours again",
			lp::show(bond),
			lp::show(deposit)
		)
	})
}

#[cfg(test)]
mod tests {
	use super::*;

	#[test]
	fn reason_boundary_of_its_length() {
		assert!(reason("").is_ok());
		assert!(reason(&"x".repeat(256)).is_ok());
		let error = reason(&"x".repeat(257)).expect_err("too long");
		assert_eq!(
			(error.exit_code() as u8, error.to_string().contains("256")),
			(4, true)
		);
	}
}
