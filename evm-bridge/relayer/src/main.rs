//! `lilypad-relayer`: carry messages between gateways on EVM chains and the market's chain.

mod args;
mod rotation;

use anyhow::{bail, Context, Result};
use args::{Cli, Command, KeyArgs, KeyCommand, RunArgs};
use clap::Parser;
use lilypad_relayer::{
	config::Flags,
	doctor::{self, Verdict},
	http::Status,
	key::{read_password, Key},
	RelayerConfig,
};
use serde_json::json;
use std::{
	io::{IsTerminal, Write},
	net::SocketAddr,
	process::ExitCode,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_util::sync::CancellationToken;
use tracing_subscriber::EnvFilter;

/// The data folder, if none is named.
const DATA: &str = "lilypad-relayer";

/// Exit code of what could not go on, and of wrong usage.
const FAILED: u8 = 1;
const USAGE: u8 = 2;

fn main() -> ExitCode {
	let cli = match Cli::try_parse() {
		Ok(cli) => cli,
		Err(error) if error.use_stderr() && wants_json() => {
			let text = error.render().to_string();
			return report(
				text.strip_prefix("error: ").unwrap_or(&text).trim_end(),
				USAGE,
				true,
			);
		},
		// Clap itself ends with 2 on wrong usage, and with 0 after --help.
		Err(error) => error.exit(),
	};
	log();
	let json = cli.json;
	match start(cli) {
		Ok(()) => ExitCode::SUCCESS,
		Err(error) => report(&format!("{error:#}"), FAILED, json),
	}
}

/// Whether a command line that can't be understood asks for JSON.
fn wants_json() -> bool {
	let words = std::env::args_os().skip(1);
	words.take_while(|word| word != "--").any(|word| word == "--json")
}

/// Says what failed: JSON on standard output for machines, or words on standard error.
fn report(error: &str, code: u8, json: bool) -> ExitCode {
	// A reader that went away hears nothing; the exit code tells all the same.
	let _ = match json {
		true => writeln!(
			std::io::stdout(),
			"{}",
			json!({ "error": error, "exit_code": code })
		),
		false => writeln!(std::io::stderr(), "error: {error}"),
	};
	ExitCode::from(code)
}

fn start(cli: Cli) -> Result<()> {
	let runtime = tokio::runtime::Builder::new_multi_thread()
		.enable_all()
		.build()
		.context("no threads can be started")?;
	let result = runtime.block_on(dispatch(cli.command, cli.json));
	// Connections that are being closed are not worth waiting for.
	runtime.shutdown_background();
	result
}

async fn dispatch(command: Command, json: bool) -> Result<()> {
	match command {
		Command::Run(args) => run(settle(args)?).await,
		Command::Doctor(args) => examine(settle(args)?, json).await,
		Command::Status { metrics } => status(metrics, json).await,
		Command::Key(command) => show_key(command, json),
		Command::Rotation(command) => rotation::run(command, json).await,
	}
}

fn settle(args: RunArgs) -> Result<RelayerConfig> {
	let default = vec![lilypad_client::DEFAULT_URL.into()];
	Ok(Flags::from(args).settle(default, DATA.into())?)
}

async fn run(config: RelayerConfig) -> Result<()> {
	let shutdown = CancellationToken::new();
	let stop = shutdown.clone();
	tokio::spawn(async move {
		ended().await;
		stop.cancel();
	});
	Ok(lilypad_relayer::run(config, shutdown).await?)
}

/// Waits for a signal to end.
async fn ended() {
	#[cfg(unix)]
	{
		use tokio::signal::unix::{signal, SignalKind};
		if let Ok(mut term) = signal(SignalKind::terminate()) {
			tokio::select! {
				_ = term.recv() => (),
				_ = tokio::signal::ctrl_c() => (),
			}
			return;
		}
	}
	// Without handlers a signal ends the process by itself.
	if tokio::signal::ctrl_c().await.is_err() {
		std::future::pending::<()>().await;
	}
}

async fn examine(config: RelayerConfig, json: bool) -> Result<()> {
	let checks = doctor::examine(&config).await;
	match json {
		true => println!("{}", serde_json::to_string(&checks)?),
		false => print!("{}", doctor::show(&checks)),
	}
	match checks
		.iter()
		.filter(|check| check.verdict == Verdict::Failed)
		.count()
	{
		0 => Ok(()),
		1 => bail!("1 check failed"),
		n => bail!("{n} checks failed"),
	}
}

async fn status(address: SocketAddr, json: bool) -> Result<()> {
	let status: Status = serde_json::from_str(&get(address, "/status").await?)
		.with_context(|| format!("what answers at {address} is no relayer of this version"))?;
	if json {
		println!("{}", serde_json::to_string(&status)?);
		return Ok(());
	}
	println!(
		"account {}, block {} (final: {})",
		status.account, status.best, status.finalized
	);
	for lane in &status.lanes {
		let member = if lane.member { "member" } else { "not a member" };
		let paused = if lane.paused { ", paused" } else { "" };
		println!(
			"lane {} on chain {} ({member}{paused}): final block {}, {} behind; number {}, {} open; {} batches undelivered, {} \
			 messages held back; {} gwei for gas",
			lane.lane,
			lane.chain,
			lane.final_block,
			lane.blocks_behind,
			lane.inbound,
			lane.open,
			lane.undelivered,
			lane.held_back,
			lane.gas_money_gwei
		);
		for endpoint in &lane.endpoints {
			let state = if endpoint.in_use { "in use" } else { "set aside" };
			let trouble = endpoint.trouble.as_deref().map(|t| format!("; last: {t}"));
			println!(
				"  {} {state}, {} calls, {} failed{}",
				endpoint.name,
				endpoint.calls,
				endpoint.errors,
				trouble.unwrap_or_default()
			);
		}
	}
	Ok(())
}

/// A page of a relayer's own server, which speaks plain HTTP.
async fn get(address: SocketAddr, path: &str) -> Result<String> {
	let limit = std::time::Duration::from_secs(5);
	let talk = async {
		let mut stream = tokio::net::TcpStream::connect(address).await?;
		let request = format!("GET {path} HTTP/1.0\r\nHost: {address}\r\nConnection: close\r\n\r\n");
		stream.write_all(request.as_bytes()).await?;
		let mut answer = String::new();
		stream.read_to_string(&mut answer).await?;
		Ok::<_, std::io::Error>(answer)
	};
	let answer = tokio::time::timeout(limit, talk)
		.await
		.map_err(|_| anyhow::anyhow!("no answer from {address} within {limit:?}"))?
		.with_context(|| {
			format!("no relayer serves its status at {address}: start one with --metrics, or name its address by --metrics")
		})?;
	match answer.split_once("\r\n\r\n") {
		Some((head, body)) if head.starts_with("HTTP/1.") && head.contains(" 200") => Ok(body.into()),
		_ => bail!("what answers at {address} is no relayer"),
	}
}

fn show_key(command: KeyCommand, json: bool) -> Result<()> {
	let key = match command {
		KeyCommand::New {
			keystore,
			password_file,
		} => Key::create(&keystore, &read_password(&password_file)?)?,
		KeyCommand::Show { key } => key_of(key)?,
	};
	let public = format!("0x{}", hex::encode(key.public()));
	let (address, account) = (key.address().to_string(), key.account().to_string());
	match json {
		true => println!(
			"{}",
			json!({ "public_key": public, "address": address, "account": account })
		),
		false => println!("public key  {public}\naddress     {address}\naccount     {account}"),
	}
	Ok(())
}

/// The key that is named.
fn key_of(args: KeyArgs) -> Result<Key> {
	match (args.suri, args.keystore, args.password_file) {
		(Some(suri), _, _) => Ok(Key::from_suri(&suri)?),
		(None, Some(file), Some(password)) => Ok(Key::from_file(&file, &read_password(&password)?)?),
		_ => bail!("name a key: --keystore and --password-file, or --suri"),
	}
}

/// Logs go to standard error.
fn log() {
	let filter = EnvFilter::try_from_default_env()
		.unwrap_or_else(|_| EnvFilter::new("off,lilypad_relayer=info,lilypad_client=info"));
	let subscriber = tracing_subscriber::fmt()
		.with_env_filter(filter)
		.with_writer(std::io::stderr)
		.with_ansi(std::io::stderr().is_terminal());
	// A second subscriber is refused; there is none.
	let _ = subscriber.try_init();
}
