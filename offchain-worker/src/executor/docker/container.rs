//! How a job's container is made.
//!
//! * **No network**, not even a loopback to anything but itself.
//! * **Nothing to write to** but the folders of the run: read-only root, `/tmp` and the output paths (and whatever the
//!   image declares as volumes) are folders of the run's own on the host's disk. All of them together are what the disk
//!   limit is for.
//! * **No rights**: no capabilities, no new privileges, the engine's own seccomp profile, no devices, an IPC, PID and host name
//!   of its own, and the user 65534 whatever the image says.
//! * **Limits** on memory (no swap), processor time, processes, open files, size of a file, and the log.
//!
//! **User.** Root's worker runs programs as 65534:65534. With Podman run by an ordinary user, 65534 in the container is that
//! user outside. With Docker used by an ordinary user there is no such mapping, and programs run as that user, since
//! nobody else could remove what they write; a program that prints its own user id is then not deterministic.
//!
//! **Disk.** There is no quota that every file system has. A single file is limited by the kernel (`RLIMIT_FSIZE`); the sum is
//! looked at every tenth of a second or so, and the program is killed when it is too much; and once more after its end, so
//! that no result passes that used too much. What a program can overshoot is what the disk takes in a tenth of a second.

use super::{super::*, engine::Engine};
use bollard::models::{
	ContainerCreateBody, HealthConfig, HostConfig, HostConfigLogConfig, Mount, MountBindOptions,
	MountBindOptionsPropagationEnum, MountType, ResourcesUlimits, RestartPolicy, RestartPolicyNameEnum,
};
use std::collections::HashMap;

/// The user and group of every program, as far as the engine lets us choose.
const NOBODY: u32 = 65534;
/// Most processes and threads of a run.
pub const MAX_PROCESSES: i64 = 512;
/// Most open files of a process.
const MAX_OPEN_FILES: i64 = 4096;
/// Bytes of shared memory; they count as memory.
const SHARED_MEMORY: i64 = 16 << 20;
/// Most bytes that an engine's log needs for one byte of output: an empty line.
const LOG_OVERHEAD: u64 = 40;

/// On every container of ours, with the run's name.
pub(super) const LABEL_RUN: &str = "network.lilypad.run";
/// What the container was made for: a run of the same name for another purpose must not be taken for this one.
pub(super) const LABEL_PURPOSE: &str = "network.lilypad.purpose";
/// When nobody can be waiting for the container any more, in seconds since 1970.
pub(super) const LABEL_UNTIL: &str = "network.lilypad.until";
/// What a run may wait for after its time limit, in milliseconds: a worker that is down, and deadlines of the chain. No deal
/// waits longer for a result than its time limit and some minutes.
const GRACE: Millis = 3_600_000;

/// What an image declares, as far as it matters.
#[derive(Clone, Debug, Default)]
pub(super) struct ImageFacts {
	pub(super) reference: String,
	pub(super) env: Vec<String>,
	pub(super) volumes: Vec<String>,
}

/// BLAKE3 over everything that decides what the container does.
pub(super) fn purpose(request: &RunRequest) -> String {
	let mut hasher = blake3::Hasher::new();
	let mut add = |text: &str| {
		hasher.update(&(text.len() as u64).to_le_bytes());
		hasher.update(text.as_bytes());
	};
	add(&format!(
		"{:?} {:?} {} {:?}",
		request.image, request.spec, request.time_limit, request.limits
	));
	add(&format!(
		"{:?} {:?} {:?}",
		request.command, request.env, request.working_dir
	));
	add(&format!(
		"{:?} {:?} {:?}",
		request.inputs, request.outputs, request.work_dir
	));
	hasher.finalize().to_hex().to_string()
}

fn until(request: &RunRequest) -> u64 {
	let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
	let left = request.time_limit.saturating_add(GRACE) / 1000;
	now.unwrap_or_default().as_secs().saturating_add(left)
}

/// The container of a run, which sees all processors or one. An error is the job's own fault.
pub(super) fn body(
	request: &RunRequest,
	image: &ImageFacts,
	engine: &Engine,
	core: Option<usize>,
) -> Result<ContainerCreateBody, String> {
	let (program, arguments) = request.command.split_first().ok_or("the command is empty")?;
	let env = environment(&image.env, &request.env);
	let (user, userns) = user(engine);
	Ok(ContainerCreateBody {
		hostname: Some(request.conditions.host_name().into()),
		user: Some(user),
		attach_stdin: Some(false),
		open_stdin: Some(false),
		tty: Some(false),
		env: Some(
			env.into_iter()
				.map(|(name, value)| format!("{name}={value}"))
				.collect(),
		),
		entrypoint: Some(vec![program.clone()]),
		cmd: Some(arguments.to_vec()),
		image: Some(image.reference.clone()),
		working_dir: request.working_dir.clone(),
		network_disabled: Some(true),
		healthcheck: Some(HealthConfig {
			test: Some(vec!["NONE".into()]),
			..Default::default()
		}),
		labels: Some(HashMap::from([
			(LABEL_RUN.into(), request.run_id.to_string()),
			(LABEL_PURPOSE.into(), purpose(request)),
			(LABEL_UNTIL.into(), until(request).to_string()),
		])),
		host_config: Some(HostConfig {
			mounts: Some(mounts(request, image)?),
			userns_mode: userns,
			cpuset_cpus: core.map(|core| core.to_string()),
			..limits(request, engine)
		}),
		..Default::default()
	})
}

fn user(engine: &Engine) -> (String, Option<String>) {
	let nobody = format!("{NOBODY}:{NOBODY}");
	let (uid, gid) = who_am_i();
	match (uid, engine.is_podman()) {
		(0, _) => (nobody, None),
		(_, true) => (nobody, Some(format!("keep-id:uid={NOBODY},gid={NOBODY}"))),
		(_, false) => (format!("{uid}:{gid}"), None),
	}
}

/// The user and group that this process has: those of its folder in /proc.
fn who_am_i() -> (u32, u32) {
	use std::os::unix::fs::MetadataExt;
	std::fs::metadata("/proc/self").map_or((NOBODY, NOBODY), |meta| (meta.uid(), meta.gid()))
}

fn limits(request: &RunRequest, engine: &Engine) -> HostConfig {
	let memory = i64::try_from(request.memory_bytes()).unwrap_or(i64::MAX);
	let disk = i64::try_from(request.disk_bytes()).unwrap_or(i64::MAX);
	let ulimit = |name: &str, most: i64| ResourcesUlimits {
		name: Some(name.into()),
		soft: Some(most),
		hard: Some(most),
	};
	HostConfig {
		network_mode: Some("none".into()),
		readonly_rootfs: Some(true),
		privileged: Some(false),
		cap_drop: Some(vec!["ALL".into()]),
		security_opt: Some(vec!["no-new-privileges".into()]),
		ipc_mode: Some("private".into()),
		shm_size: Some(SHARED_MEMORY.min(memory)),
		memory: Some(memory),
		// Memory and swap together: no swap.
		memory_swap: Some(memory),
		nano_cpus: Some(i64::from(request.spec.cpu_milli.max(10)) * 1_000_000),
		pids_limit: Some(MAX_PROCESSES),
		oom_kill_disable: None,
		// When the machine itself runs out of memory, jobs go before the worker does.
		oom_score_adj: Some(500),
		ulimits: Some(vec![
			ulimit("nofile", MAX_OPEN_FILES),
			ulimit("core", 0),
			ulimit("fsize", disk),
		]),
		log_config: Some(log_config(request, engine)),
		restart_policy: Some(RestartPolicy {
			name: Some(RestartPolicyNameEnum::NO),
			maximum_retry_count: None,
		}),
		auto_remove: Some(false),
		..Default::default()
	}
}

/// A log that keeps output up to the limits, whatever it is: it only begins to forget when the output has long been too much.
/// Docker's `json-file` is no choice, since it replaces what is not UTF-8. See [`super::capture`] for what it is good for.
fn log_config(request: &RunRequest, engine: &Engine) -> HostConfigLogConfig {
	let output = request
		.limits
		.max_stdout
		.saturating_add(request.limits.max_stderr);
	let size = output.saturating_mul(LOG_OVERHEAD).max(1 << 20);
	let mut config = HashMap::from([("max-size".to_string(), format!("{size}"))]);
	let typ = match engine.is_podman() {
		true => "k8s-file",
		false => {
			config.insert("max-file".into(), "2".into());
			config.insert("compress".into(), "false".into());
			"local"
		},
	};
	HostConfigLogConfig {
		typ: Some(typ.into()),
		config: Some(config),
	}
}

fn mounts(request: &RunRequest, image: &ImageFacts) -> Result<Vec<Mount>, String> {
	let mut mounts = vec![bind(&request.disk_dir().join("tmp"), "/tmp", false)];
	// An output path within another is already there.
	let mut outputs: Vec<&String> = request.outputs.iter().collect();
	outputs.sort();
	outputs.dedup();
	for path in &outputs {
		if !outputs.iter().any(|outer| is_within(path, outer)) {
			mounts.push(bind(&request.output_dir(path), path, false));
		}
	}
	for input in &request.inputs {
		mounts.push(bind(&input.file, &input.path, true));
	}
	for (at, path) in image.volumes.iter().enumerate() {
		let path = path.trim_end_matches('/');
		if !is_clean_absolute(path)
			|| ["proc", "sys", "dev"].contains(&path.split('/').nth(1).unwrap_or_default())
		{
			return Err(format!("the image declares the volume '{}'", path.escape_debug()));
		}
		let there = |m: &Mount| m.target.as_deref().is_some_and(|t| t == path);
		if !mounts.iter().any(there) {
			mounts.push(bind(&volume_dir(request, at), path, false));
		}
	}
	Ok(mounts)
}

fn is_within(path: &str, outer: &str) -> bool {
	path.strip_prefix(outer).is_some_and(|rest| rest.starts_with('/'))
}

/// The folder behind a volume that an image declares: without one, the engine would make an unlimited one.
pub(super) fn volume_dir(request: &RunRequest, at: usize) -> PathBuf {
	request.disk_dir().join("volumes").join(at.to_string())
}

fn bind(source: &Path, target: &str, read_only: bool) -> Mount {
	Mount {
		target: Some(target.into()),
		source: Some(source.to_string_lossy().into_owned()),
		typ: Some(MountType::BIND),
		read_only: Some(read_only),
		bind_options: Some(MountBindOptions {
			propagation: Some(MountBindOptionsPropagationEnum::RPRIVATE),
			..Default::default()
		}),
		..Default::default()
	}
}

#[cfg(test)]
mod tests {
	use super::{super::super::tests::request, *};

	#[test]
	fn nested_outputs_and_volumes_are_mounted_once() {
		let mut r = request(Path::new("/w"));
		r.outputs = vec![
			"/outputs".into(),
			"/outputs/a".into(),
			"/outputsx".into(),
			"/outputs".into(),
		];
		let image = ImageFacts {
			volumes: vec!["/outputs".into(), "/data/".into()],
			..Default::default()
		};
		let mounts = mounts(&r, &image).expect("fine");
		let targets: Vec<_> = mounts.iter().map(|m| m.target.as_deref().expect("set")).collect();
		assert_eq!(targets, ["/tmp", "/outputs", "/outputsx", "/data"]);
		assert!(mounts
			.iter()
			.all(|m| m.source.as_deref().is_some_and(|s| s.starts_with("/w/disk/"))));
	}

	#[test]
	fn volumes_where_the_kernel_lives_are_refused() {
		let r = request(Path::new("/w"));
		for path in ["/proc", "/sys/fs", "/dev/shm", "/", "/a/../b", "data"] {
			let image = ImageFacts {
				volumes: vec![path.into()],
				..Default::default()
			};
			assert!(mounts(&r, &image).is_err(), "{path}");
		}
	}

	#[test]
	fn the_purpose_changes_with_what_is_run() {
		let r = request(Path::new("/w"));
		assert_eq!(purpose(&r), purpose(&r.clone()));
		for change in [
			|r: &mut RunRequest| r.command.push(String::new()),
			|r: &mut RunRequest| r.time_limit += 1,
			|r: &mut RunRequest| r.spec.ram_mib += 1,
			|r: &mut RunRequest| r.work_dir = "/v".into(),
			|r: &mut RunRequest| r.image = RuntimeImage::Wasm { code: [1; 32] },
		] {
			let mut other = r.clone();
			change(&mut other);
			assert_ne!(purpose(&r), purpose(&other));
		}
	}
}
