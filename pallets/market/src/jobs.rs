//! What the calls about jobs do, and the sweeper.

use crate::{
	offers::names_a_panel,
	pallet::{Config, Error, Event, Jobs, NextJobId, Pallet, Proposals, SweepCursor, WaitingIndex},
	proposals::Concluded,
	types::{waiting_key, Class, JobRecord, JobState, Scan},
	weights::WeightInfo as _,
};
use frame_support::{
	ensure,
	traits::Get,
	weights::{Weight, WeightMeter},
};
use lilypad_primitives::{
	highest_affordable_rate,
	job::MAX_RETRIES,
	traits::{Deals, JobEnding, Modules, NotPosted, OnJobEnded, PostJob},
	Balance, BlockNumber, InputFile, Inputs, Job, JobId, JobOrigin, JobRequest, Millis, ModuleInfo,
	VersionId,
};
use sp_runtime::DispatchError;

/// What the chain finds out about a request.
pub(crate) struct Checked<AccountId> {
	pub version: VersionId,
	pub module: ModuleInfo<AccountId>,
	pub class: Class,
	pub fetch_bytes: u64,
	pub match_by: BlockNumber,
	/// The highest rate that the budget affords; `None` when it affords not even the least.
	pub ceiling: Option<Balance>,
}

impl<AccountId> Checked<AccountId> {
	/// The record of the job, waiting.
	pub(crate) fn into_record(
		self,
		creator: AccountId,
		request: JobRequest<AccountId>,
		origin: JobOrigin<AccountId>,
		ceiling: Balance,
	) -> JobRecord<AccountId> {
		JobRecord {
			state: JobState::Open {
				match_by: self.match_by,
			},
			fetch_bytes: self.fetch_bytes,
			class: self.class,
			ceiling,
			job: Job {
				creator,
				version: self.version,
				origin,
				retries_left: request.retries,
				failed: Default::default(),
				unfetchable_once: false,
				request,
			},
		}
	}
}

/// Whether input files have names that a manifest can declare: text without control characters, none twice.
fn files_are_well_formed(files: &[InputFile]) -> bool {
	let well_formed = |name: &[u8]| {
		!name.is_empty() && core::str::from_utf8(name).is_ok_and(|text| !text.chars().any(char::is_control))
	};
	files
		.iter()
		.enumerate()
		.all(|(at, f)| well_formed(&f.name) && !files[..at].iter().any(|e| e.name == f.name))
}

/// What the provider has to fetch for a request, besides the module.
fn bytes_of<AccountId>(request: &JobRequest<AccountId>) -> u64 {
	let inputs = match &request.inputs {
		Inputs::Inline(_) => 0,
		Inputs::Hash { size, .. } => *size,
	};
	request
		.files
		.iter()
		.fold(inputs, |sum, file| sum.saturating_add(file.size))
}

impl<T: Config> Pallet<T> {
	/// The last block in which a job can be matched that is queued now: its window's end, or earlier when a later run could
	/// not end before the job's own deadline. `None` when no match could be in time.
	pub(crate) fn match_by(request: &JobRequest<T::AccountId>, fetch_bytes: u64) -> Option<BlockNumber> {
		let now = Self::now();
		let window = now.saturating_add(request.match_window);
		match request.deadline {
			None => Some(window),
			Some(deadline) => {
				let latest = deadline.checked_sub(T::Deals::run_blocks(request.time_limit, fetch_bytes))?;
				(latest >= now).then_some(latest.min(window))
			},
		}
	}

	/// Everything about a request that has nothing to do with offers.
	pub(crate) fn check_request(
		creator: &T::AccountId,
		request: &JobRequest<T::AccountId>,
	) -> Result<Checked<T::AccountId>, Error<T>> {
		let pricing = T::Pricing::get();
		let version = T::Modules::resolve(&request.module).ok_or(Error::<T>::UnknownModule)?;
		let module = T::Modules::version(version).ok_or(Error::<T>::UnknownModule)?;
		ensure!(!module.delisted, Error::<T>::ModuleDelisted);
		ensure!(request.spec.is_usable(), Error::<T>::BadMachine);
		ensure!(request.spec.covers(&module.min_spec), Error::<T>::SpecTooSmall);
		let longest = pricing.max_time_limit.min(module.max_run);
		ensure!(
			(pricing.min_time_limit..=longest).contains(&request.time_limit),
			Error::<T>::BadTimeLimit
		);
		let windows = T::MinMatchWindow::get()..=T::MaxMatchWindow::get();
		ensure!(
			windows.contains(&request.match_window),
			Error::<T>::BadMatchWindow
		);
		ensure!(
			u32::from(request.retries) <= MAX_RETRIES,
			Error::<T>::TooManyRetries
		);
		ensure!(files_are_well_formed(&request.files), Error::<T>::BadFiles);
		ensure!(
			request.target.as_ref() != Some(creator),
			Error::<T>::TargetIsCreator
		);
		ensure!(
			names_a_panel(&request.mediators, &pricing),
			Error::<T>::TooFewMediators
		);

		let fetch_bytes = module.fetch_bytes.saturating_add(bytes_of(request));
		let match_by = Self::match_by(request, fetch_bytes).ok_or(Error::<T>::DeadlineTooSoon)?;
		let ceiling = highest_affordable_rate(
			&pricing,
			request.budget,
			request.time_limit,
			module.fee,
			request.tip,
		);
		let class = Class {
			platform: module.runtime.platform(),
			gpu: !request.spec.gpus.is_empty(),
		};
		Ok(Checked {
			version,
			module,
			class,
			fetch_bytes,
			match_by,
			ceiling,
		})
	}

	/// Posts a job. Writes nothing when it fails.
	pub(crate) fn do_post_job(
		creator: T::AccountId,
		request: JobRequest<T::AccountId>,
		origin: JobOrigin<T::AccountId>,
	) -> Result<(JobId, Scan), DispatchError> {
		let checked = Self::check_request(&creator, &request)?;
		let ceiling = checked.ceiling.ok_or(Error::<T>::BudgetTooSmall)?;
		let id = NextJobId::<T>::get();
		let next = id.next().ok_or(Error::<T>::NoIdsLeft)?;
		T::Deals::hold_budget(&creator, request.budget)?;

		NextJobId::<T>::put(next);
		let (version, match_by) = (checked.version, checked.match_by);
		let record = checked.into_record(creator.clone(), request, origin, ceiling);
		Self::deposit_event(Event::JobPosted {
			job: id,
			creator,
			version,
			match_by,
		});
		Ok((id, Self::match_or_wait(id, &record)))
	}

	/// Writes a waiting job and its index entry.
	pub(crate) fn enqueue(id: JobId, record: &JobRecord<T::AccountId>) {
		WaitingIndex::<T>::insert(waiting_key(id, record), ());
		Jobs::<T>::insert(id, record);
	}

	/// Cancels a job. Returns what it weighed.
	pub(crate) fn do_cancel_job(who: T::AccountId, id: JobId) -> Result<Weight, DispatchError> {
		let record = Jobs::<T>::get(id).ok_or(Error::<T>::UnknownJob)?;
		ensure!(record.job.creator == who, Error::<T>::NotCreator);
		match record.state {
			JobState::Open { .. } => {
				Self::deposit_event(Event::JobCancelled { job: id });
				Self::close_waiting(id, &record);
				Ok(T::WeightInfo::cancel_open().saturating_add(Self::told_of(&record.job.origin)))
			},
			JobState::Matched { deal, .. } => {
				T::Deals::cancel(deal).map(|market| T::WeightInfo::cancel_matched().saturating_add(market))
			},
		}
	}

	/// Expires a job, unless somebody has found a match for it in time: then that is its deal. Returns what it weighed.
	pub(crate) fn do_expire_job(id: JobId) -> Result<Weight, DispatchError> {
		let record = Jobs::<T>::get(id).ok_or(Error::<T>::UnknownJob)?;
		ensure!(Self::has_expired(&record), Error::<T>::NotExpired);
		// Whatever was proposed is due by now.
		let concluded = Self::conclude_due(id);
		let mut weight = T::WeightInfo::expire_job();
		if concluded.is_some() {
			weight.saturating_accrue(T::WeightInfo::conclude_proposal());
		}
		if concluded != Some(Concluded::Matched) {
			Self::deposit_event(Event::JobExpired { job: id });
			Self::close_waiting(id, &record);
			weight.saturating_accrue(Self::told_of(&record.job.origin));
		}
		Ok(weight)
	}

	fn has_expired(record: &JobRecord<T::AccountId>) -> bool {
		matches!(record.state, JobState::Open { match_by } if Self::now() > match_by)
	}

	/// Forgets a waiting job, and what was proposed for it, and gives its whole budget back.
	fn close_waiting(id: JobId, record: &JobRecord<T::AccountId>) {
		Self::leave_waiting(id, record);
		Jobs::<T>::remove(id);
		let job = &record.job;
		T::Deals::release_budget(&job.creator, job.request.budget);
		T::OnJobEnded::job_ended(id, &job.origin, &job.creator, &JobEnding::Unmatched, 0);
	}

	/// Goes on where it stopped in the index of waiting jobs, as far as the weight and [`Config::MaxScan`] allow, and
	/// expires what is overdue. Nothing depends on it: anybody may call `expire_job`.
	pub(crate) fn sweep(meter: &mut WeightMeter) {
		if meter.try_consume(T::WeightInfo::sweep_base()).is_err() {
			return;
		}
		let step = T::WeightInfo::sweep_step().saturating_add(Self::closing(T::WeightInfo::expire_job()));
		let mut keys = match SweepCursor::<T>::get() {
			Some(last) => WaitingIndex::<T>::iter_keys_from(WaitingIndex::<T>::hashed_key_for(last)),
			None => WaitingIndex::<T>::iter_keys(),
		};
		let mut last = None;
		for _ in 0..T::MaxScan::get() {
			if !meter.can_consume(step) {
				break;
			}
			let Some(key) = keys.next() else {
				// The next round begins at the beginning.
				last = None;
				SweepCursor::<T>::kill();
				break;
			};
			meter.consume(T::WeightInfo::sweep_step());
			let id = JobId(u64::from_be_bytes(key.2));
			last = Some(key);
			// A job with a proposal is left to the sweep of those, which comes first.
			let expired = Jobs::<T>::get(id).is_some_and(|record| Self::has_expired(&record))
				&& !Proposals::<T>::contains_key(id);
			if expired {
				match Self::do_expire_job(id) {
					Ok(used) => meter.consume(used),
					Err(error) => {
						log::error!(target: crate::LOG_TARGET, "job {id} can't be expired: {error:?}");
						meter.consume(Self::closing(T::WeightInfo::expire_job()));
					},
				}
			}
		}
		if let Some(key) = last {
			SweepCursor::<T>::put(key);
		}
	}
}

impl<T: Config> PostJob<T::AccountId> for Pallet<T> {
	fn post(
		creator: &T::AccountId,
		request: JobRequest<T::AccountId>,
		origin: JobOrigin<T::AccountId>,
	) -> Result<JobId, NotPosted> {
		Self::do_post_job(creator.clone(), request, origin)
			.map(|(id, _)| id)
			.map_err(|error| {
				let is = |known: Error<T>| error == known.into();
				match error {
					_ if is(Error::UnknownModule) || is(Error::ModuleDelisted) => NotPosted::UnknownModule,
					_ if is(Error::BudgetTooSmall) => NotPosted::BudgetTooSmall,
					other => NotPosted::Other(other),
				}
			})
	}

	fn max_time_limit() -> Millis {
		T::Pricing::get().max_time_limit
	}

	fn post_weight() -> Weight {
		T::WeightInfo::post_job().saturating_add(Self::longest_search_for_offers())
	}

	fn origin(job: JobId) -> Option<JobOrigin<T::AccountId>> {
		Jobs::<T>::get(job).map(|record| record.job.origin)
	}

	fn cancel(creator: &T::AccountId, job: JobId) -> Result<Weight, DispatchError> {
		Self::do_cancel_job(creator.clone(), job)
	}

	fn cancel_weight() -> Weight {
		Self::weight_of_cancel()
	}
}
