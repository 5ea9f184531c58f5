//! The Lilypad node: a validator, a full node, or a provider.

mod chain_spec;
mod cli;
mod command;
mod provider;
mod rpc;
mod service;

fn main() -> sc_cli::Result<()> {
	command::run()
}
