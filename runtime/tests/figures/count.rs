//! Counts reads and writes of the state, from what the state machine traces.

use frame_support::storage::storage_prefix;
use sp_tracing::tracing::{
	self,
	field::{Field, Visit},
	span, Event, Metadata, Subscriber,
};
use std::{
	collections::BTreeSet,
	fmt::Debug,
	sync::{Arc, Mutex},
};

/// What a call read and wrote: keys, as hexadecimal text.
#[derive(Clone, Default)]
pub(crate) struct Count {
	read: BTreeSet<String>,
	written: BTreeSet<String>,
}

/// What every transaction touches: the SDK's benchmarks don't count it either.
fn is_everybodys(key: &str) -> bool {
	let hex = |bytes: &[u8]| bytes.iter().map(|b| format!("{b:02x}")).collect::<String>();
	lilypad_runtime::hot_keys().iter().any(|hot| hex(hot) == key)
		// The transaction itself, until the end of its block.
		|| key.starts_with(&hex(&storage_prefix(b"System", b"ExtrinsicData")))
		// The transaction layer's own bookkeeping.
		|| key.starts_with("3a")
}

fn counted_keys(keys: &BTreeSet<String>) -> impl Iterator<Item = &String> {
	keys.iter().filter(|key| !is_everybodys(key))
}

impl Count {
	pub(crate) fn reads(&self) -> usize {
		counted_keys(&self.read).count()
	}

	pub(crate) fn writes(&self) -> usize {
		counted_keys(&self.written).count()
	}

	/// The keys that were written.
	pub(crate) fn written(&self) -> Vec<&String> {
		counted_keys(&self.written).collect()
	}
}

#[derive(Default)]
struct Fields {
	method: String,
	key: String,
}

impl Visit for Fields {
	fn record_str(&mut self, field: &Field, value: &str) {
		if field.name() == "method" {
			self.method = value.into();
		}
	}

	fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
		match field.name() {
			"method" => self.method = format!("{value:?}").trim_matches('"').into(),
			"key" => self.key = format!("{value:?}").trim_matches('"').into(),
			_ => (),
		}
	}
}

struct Counter(Arc<Mutex<Count>>);

impl Subscriber for Counter {
	fn enabled(&self, metadata: &Metadata<'_>) -> bool {
		metadata.target() == "state"
	}

	fn event(&self, event: &Event<'_>) {
		let mut fields = Fields::default();
		event.record(&mut fields);
		let mut count = self.0.lock().expect("nobody panicked with it");
		match fields.method.as_str() {
			"Get" | "Hash" | "Exists" => {
				count.read.insert(fields.key);
			},
			"Put" | "Append" => {
				count.written.insert(fields.key);
			},
			_ => (),
		}
	}

	fn new_span(&self, _: &span::Attributes<'_>) -> span::Id {
		span::Id::from_u64(1)
	}
	fn record(&self, _: &span::Id, _: &span::Record<'_>) {}
	fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}
	fn enter(&self, _: &span::Id) {}
	fn exit(&self, _: &span::Id) {}
}

/// Does it, and counts.
pub(crate) fn counted<R>(run: impl FnOnce() -> R) -> (R, Count) {
	let count = Arc::new(Mutex::new(Count::default()));
	let result = tracing::subscriber::with_default(Counter(count.clone()), run);
	let count = count.lock().expect("nobody panicked with it").clone();
	(result, count)
}
