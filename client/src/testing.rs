//! A node that knows only its first block.

use jsonrpsee::server::{RpcModule, Server, ServerHandle};

pub(crate) struct FakeNode {
	address: std::net::SocketAddr,
	handle: ServerHandle,
}

impl FakeNode {
	pub(crate) async fn start(genesis: [u8; 32]) -> Self {
		let server = Server::builder().build("127.0.0.1:0").await.expect("a free port");
		let address = server.local_addr().expect("bound");
		let mut module = RpcModule::new(());
		module
			.register_method("chain_getBlockHash", move |_, _, _| {
				format!("0x{}", hex::encode(genesis))
			})
			.expect("a new name");
		Self {
			address,
			handle: server.start(module),
		}
	}

	pub(crate) fn url(&self) -> String {
		format!("ws://{}", self.address)
	}

	pub(crate) async fn stop(self) {
		self.handle.stop().expect("it runs");
		self.handle.stopped().await;
	}
}
