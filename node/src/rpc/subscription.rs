//! Following one job for one client.

use std::{sync::Arc, time::Duration};

use jsonrpsee::{SubscriptionMessage, SubscriptionSink};
use lilypad_primitives::JobId;
use tokio::sync::watch;

use super::{
	answer::JobStatusJson,
	chain::Chain,
	market::{read, Shared},
};

/// How long a client that reads slowly is waited for.
const PATIENCE: Duration = Duration::from_secs(30);

/// Sends where a job stands, at once and whenever it has changed, until it has ended and that is final.
///
/// A status that is not final yet may be taken back: then the one that is so now is sent, as after any other change.
/// However many blocks pass while a client does not read, it gets the newest status only.
pub(crate) async fn follow<C: Chain>(
	shared: Arc<Shared<C>>,
	id: JobId,
	first: JobStatusJson,
	sink: SubscriptionSink,
	mut blocks: watch::Receiver<u64>,
) {
	let mut sent = first;
	loop {
		if !send(&sink, &sent).await || is_over(&sent) {
			return;
		}
		loop {
			tokio::select! {
				() = sink.closed() => return,
				// The node stops.
				changed = blocks.changed() => if changed.is_err() { return },
			}
			match read(&shared, id).await {
				Ok(Some(now)) if is_news(&sent, &now) => {
					sent = now;
					break;
				},
				// The block that posted the job is being replaced by another that will.
				Ok(_) => (),
				Err(why) => log::debug!("job {id} can't be followed at this block: {why}"),
			}
		}
	}
}

/// Whether a client that knows one status should be told the other.
fn is_news(sent: &JobStatusJson, now: &JobStatusJson) -> bool {
	sent.job != now.job || (now.finalized && !sent.finalized)
}

fn is_over(status: &JobStatusJson) -> bool {
	status.finalized && status.job.is_ended()
}

/// `false`: the client is gone, or does not read.
async fn send(sink: &SubscriptionSink, status: &JobStatusJson) -> bool {
	match SubscriptionMessage::from_json(status) {
		Ok(message) => sink.send_timeout(message, PATIENCE).await.is_ok(),
		Err(why) => {
			log::error!("a job's status is no JSON: {why}");
			false
		},
	}
}
