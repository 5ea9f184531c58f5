//! An RPC endpoint that loses half of its answers.

use anyhow::Result;
use std::{
	io::{self, BufRead, BufReader, Write},
	net::{TcpListener, TcpStream},
	sync::{
		atomic::{AtomicU64, Ordering},
		Arc,
	},
	thread,
	time::Duration,
};

/// Stands between relayers and a chain. Requests arrive there, all of them; every second answer does not come back.
pub struct FlakyProxy {
	url: String,
	asked: Arc<AtomicU64>,
}

impl FlakyProxy {
	/// In front of a plain HTTP endpoint.
	pub fn start(upstream: &str) -> Result<Self> {
		let listener = TcpListener::bind("127.0.0.1:0")?;
		let url = format!("http://{}", listener.local_addr()?);
		let upstream = upstream.trim_start_matches("http://").to_string();
		let asked = Arc::new(AtomicU64::new(0));
		let counter = asked.clone();
		// Ends with the test's process.
		thread::spawn(move || {
			for client in listener.incoming().flatten() {
				let (upstream, counter) = (upstream.clone(), counter.clone());
				thread::spawn(move || {
					// A client that goes away has had enough.
					let _ = serve(client, &upstream, &counter);
				});
			}
		});
		Ok(Self { url, asked })
	}

	/// Its own URL.
	pub fn url(&self) -> &str {
		&self.url
	}

	/// Requests so far.
	pub fn asked(&self) -> u64 {
		self.asked.load(Ordering::Relaxed)
	}
}

fn serve(client: TcpStream, upstream: &str, counter: &AtomicU64) -> io::Result<()> {
	let mut requests = BufReader::new(client.try_clone()?);
	let mut client = client;
	while let Some(request) = message(&mut requests)? {
		let mut server = TcpStream::connect(upstream)?;
		server.set_read_timeout(Some(Duration::from_secs(10)))?;
		server.write_all(&request)?;
		let answer = message(&mut BufReader::new(server))?;
		let dropped = counter.fetch_add(1, Ordering::Relaxed).is_multiple_of(2);
		match answer {
			Some(answer) if !dropped => client.write_all(&answer)?,
			// Closing the connection is what a client sees of a lost answer.
			_ => return Ok(()),
		}
	}
	Ok(())
}

/// One HTTP message with a body of known length. `None` at the end.
fn message(from: &mut impl BufRead) -> io::Result<Option<Vec<u8>>> {
	let (mut whole, mut length) = (Vec::new(), 0);
	loop {
		let mut line = Vec::new();
		if from.read_until(b'\n', &mut line)? == 0 {
			return Ok(None);
		}
		whole.extend_from_slice(&line);
		let line = String::from_utf8_lossy(&line).to_ascii_lowercase();
		if let Some(text) = line.strip_prefix("content-length:") {
			length = text.trim().parse().map_err(io::Error::other)?;
		}
		if line.trim().is_empty() {
			break;
		}
	}
	let mut body = vec![0; length];
	from.read_exact(&mut body)?;
	whole.extend_from_slice(&body);
	Ok(Some(whole))
}
