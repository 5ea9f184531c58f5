use super::*;
use crate::solver::fixtures::{account, candidate, wanted, NOW, PRICING};
use std::cell::Cell;

/// A market in which all jobs and offers are of one class.
#[derive(Default)]
struct FakeBook {
	/// Those that can pay most first.
	jobs: Vec<Wanted>,
	/// The cheapest first.
	offers: Vec<Candidate>,
	/// The most entries that were handed out at once.
	largest_page: Cell<usize>,
	proposals: BTreeMap<JobId, Proposal>,
}

impl FakeBook {
	fn page<K, V>(&self, all: impl ExactSizeIterator<Item = (K, V)>, after: Option<&Place>) -> Page<K, V> {
		let start = after.map_or(0, |place| {
			usize::from_be_bytes(place.key().try_into().expect("eight bytes"))
		});
		let end = all.len().min(start + PAGE as usize);
		let next = (end < all.len()).then(|| Place::behind(end.to_be_bytes().to_vec()));
		let entries: Vec<_> = all.skip(start).take(PAGE as usize).collect();
		self.largest_page.set(self.largest_page.get().max(entries.len()));
		Page { entries, next }
	}
}

fn is_wasm(class: Class) -> bool {
	class.platform == Platform::Wasm && !class.gpu
}

impl Book for FakeBook {
	fn number(&self) -> BlockNumber {
		NOW
	}

	async fn pricing(&self) -> Result<Pricing, CliError> {
		Ok(PRICING)
	}

	async fn waiting(&self, class: Class, after: Option<&Place>) -> Result<Page<JobId, JobRecord>, CliError> {
		let some = if is_wasm(class) { &self.jobs[..] } else { &[] };
		Ok(self.page(some.iter().map(|job| (job.id, job.record.clone())), after))
	}

	async fn offers(
		&self,
		class: Class,
		after: Option<&Place>,
	) -> Result<Page<OfferId, Offer<AccountId>>, CliError> {
		let some = if is_wasm(class) { &self.offers[..] } else { &[] };
		Ok(self.page(some.iter().map(|one| (one.id, one.offer.clone())), after))
	}

	async fn proposals(&self, jobs: &[JobId]) -> Result<Vec<Option<Proposal>>, CliError> {
		Ok(jobs.iter().map(|job| self.proposals.get(job).cloned()).collect())
	}

	async fn standing(&self, providers: &[AccountId]) -> Result<Vec<(Balance, Permill)>, CliError> {
		let first = candidate(0, 2, 1, 1);
		Ok(providers.iter().map(|_| (first.free_bond, first.score)).collect())
	}

	async fn module(&self, _: VersionId) -> Result<Option<ModuleInfo<AccountId>>, CliError> {
		Ok(Some(wanted(0, 1, 1).module))
	}

	fn run_blocks(&self, _: &JobRecord) -> Result<BlockNumber, CliError> {
		Ok(1)
	}
}

/// Jobs and offers that were found in each of so many rounds, and whether the last one came to an end.
async fn look(book: &FakeBook, rounds: usize) -> (Vec<Vec<(u64, u64)>>, Seen) {
	let mut state = Rounds::new(account(9));
	let mut all = Vec::new();
	let mut last = Seen::default();
	for _ in 0..rounds {
		let (found, seen) = state.look(book, &Pace::default(), 1).await.expect("a book");
		all.push(
			found
				.into_iter()
				.map(|found| (found.job.0, found.offer.0))
				.collect(),
		);
		last = seen;
	}
	(all, last)
}

/// So many offers with one core each, at rates from 1 on.
fn crowd(number: usize) -> Vec<Candidate> {
	(0..number as u64)
		.map(|n| candidate(n, 2, u128::from(n) + 1, 1))
		.collect()
}

#[tokio::test]
async fn a_crowd_that_never_fits_hides_nothing_for_longer_than_it_takes_to_walk_it() {
	let behind = MOST_OFFERS * 2 + 5;
	let mut offers = crowd(behind);
	offers.push(candidate(99_999, 4, behind as u128 + 1, 8));
	let book = FakeBook {
		jobs: vec![wanted(1, 8, 1_000_000)],
		offers,
		..FakeBook::default()
	};
	let (found, seen) = look(&book, 3).await;
	assert_eq!(found, [vec![], vec![], vec![(1, 99_999)]]);
	assert!(seen.complete);
	assert!(book.largest_page.get() <= PAGE as usize);
}

#[tokio::test]
async fn every_batch_of_jobs_meets_the_whole_book() {
	// Nothing fits the first thousand; the last can pay less than they, and has the dearest offer that it can pay.
	let mut jobs: Vec<_> = (0..1_000).map(|n| wanted(n, 9, 1_000_000)).collect();
	jobs.push(wanted(1_000, 8, 2_000));
	let mut offers = crowd(1_999);
	offers.push(candidate(99_999, 4, 2_000, 8));
	let book = FakeBook {
		jobs,
		offers,
		..FakeBook::default()
	};
	let (found, seen) = look(&book, 1).await;
	assert_eq!(found, [vec![(1_000, 99_999)]]);
	assert_eq!((seen.jobs, seen.wanted, seen.complete), (1_001, 1_001, true));
}

#[tokio::test]
async fn a_round_is_bounded_and_the_next_goes_on() {
	let book = FakeBook {
		jobs: (0..MOST_JOBS as u64 + 1).map(|n| wanted(n, 8, 10)).collect(),
		offers: vec![candidate(7, 2, 5, 1)],
		..FakeBook::default()
	};
	let (_, seen) = look(&book, 1).await;
	assert!(!seen.complete && seen.jobs >= MOST_JOBS && seen.jobs < MOST_JOBS + BATCH + PAGE as usize);
	let (_, seen) = look(&book, 2).await;
	assert!(seen.complete, "{seen:?}");
}

#[tokio::test]
async fn jobs_that_do_not_pay_are_left_out_and_those_of_its_own_too() {
	let mut poor = wanted(1, 1, 100);
	poor.record.job.request.tip = 0;
	let proposal = |solver, rate| Proposal {
		offer: OfferId(7),
		rate,
		solver,
		due: NOW + 3,
	};
	let book = FakeBook {
		jobs: vec![poor, wanted(2, 1, 100), wanted(3, 1, 100), wanted(4, 1, 100)],
		offers: vec![candidate(7, 2, 50, 80)],
		proposals: BTreeMap::from([
			(JobId(2), proposal(Some(account(9)), 80)),
			(JobId(3), proposal(None, 50)),
			(JobId(4), proposal(None, 51)),
		]),
		..FakeBook::default()
	};
	let (found, seen) = look(&book, 1).await;
	assert_eq!(found, [vec![(4, 7)]]);
	assert_eq!((seen.jobs, seen.wanted), (4, 2));
}
