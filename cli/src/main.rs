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
mod interrupt;
mod job;
mod keys;
mod mediator;
mod module;
mod offer;
mod parameters;
mod provider;
mod run;
mod share;
mod solver;
mod ui;

use app::App;
use args::{Cli, Command};
use clap::{error::ErrorKind, CommandFactory, Parser};
use clap_complete::CompleteEnv;
use error::{CliError, ExitCode};
use std::{
	io::{IsTerminal, Write},
	sync::Arc,
};
use tokio::signal::unix::{signal, SignalKind};
use tracing_subscriber::EnvFilter;

fn main() -> std::process::ExitCode {
	// When a shell's script asks for candidates, this answers and ends.
	CompleteEnv::with_factory(Cli::command)
		.var(complete::VARIABLE)
		.complete();
	let cli = match Cli::try_parse() {
		Ok(cli) => cli,
		Err(error) if error.use_stderr() && wants_json() => return failed(&usage(&error), true),
		// Clap itself ends with 2 on wrong usage, and with 0 after --help.
		Err(error) => error.exit(),
	};
	let is_worker = is_worker(&cli.command);
	log(cli.global.verbose, is_worker);
	let json = cli.global.json;
	match start(cli, is_worker) {
		Ok(()) => std::process::ExitCode::SUCCESS,
		Err(error) => failed(&error, json),
	}
}

/// Whether a command goes on until it is told to stop, and ends in its own way.
fn is_worker(command: &Command) -> bool {
	use args::{MediatorCommand, ProviderCommand};
	match command {
		Command::Provider(args) => matches!(args.command, None | Some(ProviderCommand::Start(_))),
		Command::Mediator(args) => matches!(args.command, None | Some(MediatorCommand::Start(_))),
		Command::Solver(args) => !args.once,
		_ => false,
	}
}

fn failed(error: &CliError, json: bool) -> std::process::ExitCode {
	std::process::ExitCode::from(ui::report(error, json) as u8)
}

/// Whether a command line that can't be understood asks for JSON.
fn wants_json() -> bool {
	let words = std::env::args_os().skip(1);
	words.take_while(|word| word != "--").any(|word| word == "--json")
}

fn usage(error: &clap::Error) -> CliError {
	CliError::Usage(match error.kind() {
		// What clap shows then is the whole help.
		ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => {
			"a command is missing: `lilypad --help` lists them all".into()
		},
		_ => {
			let text = error.render().to_string();
			text.strip_prefix("error: ").unwrap_or(&text).trim_end().into()
		},
	})
}

fn start(cli: Cli, is_worker: bool) -> Result<(), CliError> {
	let runtime = tokio::runtime::Builder::new_multi_thread()
		.enable_all()
		.build()
		.map_err(|e| CliError::Other(format!("no threads can be started: {e}")))?;
	let app = Arc::new(App::new(cli.global)?);
	let result = runtime.block_on(async {
		// Workers end in their own way. Where signals can't be waited for, Ctrl-C ends the process the hard way.
		if let (false, Ok(signals)) = (is_worker, signal(SignalKind::interrupt())) {
			tokio::spawn(interrupt::watch(Arc::clone(&app), signals));
		}
		tokio::select! {
			biased;
			result = dispatch(&app, cli.command) => result,
			() = app.interrupt.over() => Err(app.interrupt.error()),
		}
	});
	app.ui.rest();
	// Connections that are being closed are not worth waiting for.
	runtime.shutdown_background();
	// What fails after an interruption fails because of it.
	result.map_err(|error| match app.interrupt.has_happened() {
		true => app.interrupt.error(),
		false => error,
	})
}

async fn dispatch(app: &App, command: Command) -> Result<(), CliError> {
	match command {
		Command::Run(args) => run::run(app, &args).await,
		Command::Job(command) => job::run(app, &command).await,
		Command::Module(command) => module::run(app, &command).await,
		Command::Offer(command) => offer::run(app, &command).await,
		Command::Provider(args) => provider::run(app, &args).await,
		Command::Mediator(args) => mediator::run(app, &args).await,
		Command::Solver(args) => solver::run(app, &args).await,
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
