//! The Lilypad node: a validator, a full node, a provider, or a mediator.

mod chain_spec;
mod cli;
mod command;
mod mediator;
mod provider;
mod relayer;
mod rpc;
mod service;

fn main() -> sc_cli::Result<()> {
	command::run()
}
