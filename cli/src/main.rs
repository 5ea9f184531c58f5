//! `lilypad`: run jobs on the Lilypad network, publish modules, provide machines, judge results.

mod account;
mod app;
mod args;
mod case;
mod check;
mod complete;
mod data;
mod doctor;
mod error;
mod gateway;
mod job;
mod keys;
mod mediator;
mod module;
mod offer;
mod parameters;
mod provider;
mod run;
mod share;
mod ui;

use app::App;
use args::{Cli, Command};
use clap::{CommandFactory, Parser};
use clap_complete::CompleteEnv;
use error::{CliError, ExitCode};
use std::io::{IsTerminal, Write};
use tracing_subscriber::EnvFilter;

fn main() -> std::process::ExitCode {
	// When a shell's script asks for candidates, this answers and ends.
	CompleteEnv::with_factory(Cli::command)
		.var(complete::VARIABLE)
		.complete();
	// Clap itself ends with 2 on wrong usage, and with 0 after --help.
	let cli = Cli::parse();
	log(
		cli.global.verbose,
		matches!(
			&cli.command,
			Command::Provider(args::ProviderCommand::Start(_))
				| Command::Mediator(args::MediatorCommand::Start(_))
		),
	);
	let json = cli.global.json;
	match start(cli) {
		Ok(()) => std::process::ExitCode::SUCCESS,
		Err(error) => {
			if json {
				println!("{}", ui::error_json(&error));
			} else {
				eprintln!("error: {error}");
			}
			std::process::ExitCode::from(error.exit_code() as u8)
		},
	}
}

fn start(cli: Cli) -> Result<(), CliError> {
	let runtime = tokio::runtime::Builder::new_multi_thread()
		.enable_all()
		.build()
		.map_err(|e| CliError::Other(format!("no threads can be started: {e}")))?;
	let app = App::new(cli.global)?;
	let result = runtime.block_on(dispatch(&app, cli.command));
	app.ui.rest();
	// Connections that are being closed are not worth waiting for.
	runtime.shutdown_background();
	result
}

async fn dispatch(app: &App, command: Command) -> Result<(), CliError> {
	match command {
		Command::Run(args) => run::run(app, &args).await,
		Command::Job(command) => job::run(app, &command).await,
		Command::Module(command) => module::run(app, &command).await,
		Command::Offer(command) => offer::run(app, &command).await,
		Command::Provider(command) => provider::run(app, &command).await,
		Command::Mediator(command) => mediator::run(app, &command).await,
		Command::Case(command) => case::run(app, &command).await,
		Command::Parameters(command) => parameters::run(app, &command).await,
		Command::Gateway(command) => gateway::run(app, &command).await,
		Command::Account(command) => account::run(app, &command).await,
		Command::Doctor => doctor::run(app).await,
		Command::Completion { shell } => {
			// Whole or not at all: a reader that went away (`| head`) is no failure.
			let mut script = Vec::new();
			complete::script(shell, &mut script)
				.map_err(|e| CliError::Other(format!("the script can't be written: {e}")))?;
			let _ = std::io::stdout().write_all(&script);
			Ok(())
		},
	}
}

/// Logs go to standard error: warnings, or what `-v` or `RUST_LOG` ask for. A worker tells what it does.
fn log(verbose: u8, is_worker: bool) {
	let ours = match (verbose, is_worker) {
		(0, false) => "lilypad=warn,lilypad_client=warn,lilypad_worker=warn",
		(0, true) | (1, _) => "lilypad=info,lilypad_client=info,lilypad_worker=info",
		(2, _) => "lilypad=debug,lilypad_client=debug,lilypad_worker=debug",
		_ => "debug",
	};
	let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(format!("off,{ours}")));
	let subscriber = tracing_subscriber::fmt()
		.with_env_filter(filter)
		.with_writer(std::io::stderr);
	let subscriber = subscriber.with_ansi(std::io::stderr().is_terminal());
	// A second subscriber is refused; there is none.
	let _ = subscriber.try_init();
}

/// Kept apart from usage errors, which clap reports with the same number.
const _: () = assert!(ExitCode::Usage as u8 == 2);
