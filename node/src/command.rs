//! Does what the command line says.

use std::sync::Arc;

use sc_cli::SubstrateCli;
use sc_service::{chain_ops, ChainSpec, Configuration, TaskManager};

use crate::{
	chain_spec,
	cli::{BuildSpecCmd, Cli, Subcommand},
	mediator, provider, relayer,
	service::{self, Backend, Client, ImportQueue},
};

impl SubstrateCli for Cli {
	fn impl_name() -> String {
		"Lilypad node".into()
	}

	fn impl_version() -> String {
		env!("SUBSTRATE_CLI_IMPL_VERSION").into()
	}

	fn description() -> String {
		env!("CARGO_PKG_DESCRIPTION").into()
	}

	fn author() -> String {
		env!("CARGO_PKG_AUTHORS").into()
	}

	fn support_url() -> String {
		format!("{}/issues", env!("CARGO_PKG_REPOSITORY"))
	}

	fn copyright_start_year() -> i32 {
		2026
	}

	fn load_spec(&self, id: &str) -> Result<Box<dyn ChainSpec>, String> {
		let load = match self.subcommand {
			None => chain_spec::load_to_run,
			Some(_) => chain_spec::load,
		};
		Ok(Box::new(load(id)?))
	}
}

/// Opens what is in the database and hands it to `work`, whose future does the rest.
fn with_parts<F>(
	config: &Configuration,
	work: impl FnOnce(Arc<Client>, Arc<Backend>, ImportQueue) -> F,
) -> sc_cli::Result<(F, TaskManager)> {
	let (parts, import_queue) = service::open(config)?;
	Ok((
		work(parts.client, parts.backend, import_queue),
		parts.task_manager,
	))
}

/// Parses the command line and does what it says.
pub(crate) fn run() -> sc_cli::Result<()> {
	let mut cli = Cli::from_args();
	if cli.run.get_keyring().is_some() {
		// A validator with a well-known key is for trying things out: whoever runs it does not mind which peer it is.
		cli.run
			.network_params
			.node_key_params
			.unsafe_force_node_key_generation = true;
	}
	match &cli.subcommand {
		None => run_node(&cli),
		Some(subcommand) => run_subcommand(&cli, subcommand),
	}
}

fn run_node(cli: &Cli) -> sc_cli::Result<()> {
	cli.create_runner(&cli.run)?
		.run_node_until_exit(|config| async move {
			let workers = mediator::join(
				cli.provider.worker_config(&config)?,
				cli.mediator.worker_config(&config)?,
			);
			let relayer = cli.relayer.relayer_config(&config)?;
			let node = service::start(config)?;
			for (role, worker) in workers {
				provider::spawn(&node, role, worker);
			}
			if let Some(relayer) = relayer {
				relayer::spawn(&node, relayer);
			}
			Ok(node.tasks)
		})
}

fn run_subcommand(cli: &Cli, subcommand: &Subcommand) -> sc_cli::Result<()> {
	match subcommand {
		Subcommand::Key(cmd) => cmd.run(cli),
		Subcommand::ExportChainSpec(cmd) => cmd.run(cli.load_spec(&cmd.chain)?),
		Subcommand::BuildSpec(cmd) => build_spec(cli, cmd),
		Subcommand::CheckBlock(cmd) => cli
			.create_runner(cmd)?
			.async_run(|config| with_parts(&config, |client, _, queue| cmd.run(client, queue))),
		Subcommand::ImportBlocks(cmd) => cli
			.create_runner(cmd)?
			.async_run(|config| with_parts(&config, |client, _, queue| cmd.run(client, queue))),
		Subcommand::ExportBlocks(cmd) => cli.create_runner(cmd)?.async_run(|config| {
			let database = config.database.clone();
			with_parts(&config, |client, _, _| cmd.run(client, database))
		}),
		Subcommand::ExportState(cmd) => cli.create_runner(cmd)?.async_run(|config| {
			let chain_spec = config.chain_spec.cloned_box();
			with_parts(&config, |client, _, _| cmd.run(client, chain_spec))
		}),
		Subcommand::Revert(cmd) => cli.create_runner(cmd)?.async_run(|config| {
			with_parts(&config, |client, backend, _| {
				cmd.run(client, backend, Some(Box::new(service::revert)))
			})
		}),
		Subcommand::PurgeChain(cmd) => cli
			.create_runner(cmd)?
			.sync_run(|config| cmd.run(config.database)),
		Subcommand::ChainInfo(cmd) => cli
			.create_runner(cmd)?
			.sync_run(|config| cmd.run::<service::Block>(&config)),
	}
}

fn build_spec(cli: &Cli, cmd: &BuildSpecCmd) -> sc_cli::Result<()> {
	let spec = cli.load_spec(&cmd.chain)?;
	print!("{}", chain_ops::build_spec(spec.as_ref(), cmd.raw)?);
	Ok(())
}
