//! What building and testing a checkout need: the same that `scripts/setup.sh` installs. A test here reads that script, so that the two
//! can't part.

use super::{Check, Verdict};
use lilypad_worker::executor::free_bytes;
use std::{
	env,
	path::{Path, PathBuf},
	process::Command,
};

/// What a cold build takes, in GiB.
const BUILD_GIB: u64 = 15;
/// The oldest Node.js that the contracts and the tests of dapps run with.
const NODE: (u32, u32) = (20, 19);
/// What the runtime is compiled to.
const TARGET: &str = "wasm32v1-none";

/// How a Debian package shows that it is there.
enum Sign {
	/// A program that only it brings.
	Program(&'static str),
	/// A file.
	File(&'static str),
	/// Nothing but the package manager's word; where there is none, the build will tell.
	Package,
}
use Sign::{File, Package, Program};

/// What the build needs.
const BUILD: &[(&str, Sign)] = &[
	("build-essential", Program("cc")),
	("clang", Program("clang")),
	("libclang-dev", Package),
	("pkg-config", Program("pkg-config")),
	("protobuf-compiler", Program("protoc")),
	("perl", Program("perl")),
	("ca-certificates", File("/etc/ssl/certs/ca-certificates.crt")),
	("curl", Program("curl")),
	("git", Program("git")),
	("jq", Program("jq")),
	("make", Program("make")),
];
/// What the sample modules need.
const MODULES: &[(&str, Sign)] = &[
	("musl-tools", Program("musl-gcc")),
	("lld", Program("wasm-ld")),
	("wasi-libc", Package),
	("libclang-rt-dev-wasm32", Package),
	("b3sum", Program("b3sum")),
];
/// What the tests need, besides Node.js.
const TESTS: &[(&str, Sign)] = &[
	("busybox-static", Program("busybox")),
	("chromium", Program("chromium")),
];

/// Checks what building and testing this checkout need.
pub fn checks(root: &Path) -> Vec<Check> {
	let mend = |purpose: &str| {
		let script = root.join("scripts/setup.sh");
		format!("`{}{purpose}` installs what is missing", script.display())
	};
	let (build, test, deny) = (mend(""), mend(" test"), mend(" deny"));
	vec![
		system(),
		space(),
		rust(root),
		packages("packages", "building needs", BUILD, &build),
		packages("samples", "the sample modules need", MODULES, &build),
		target(&build),
		set_up(&build),
		packages("test tools", "the tests need", TESTS, &test),
		node(),
		cargo_tools(
			"test cargo",
			"the tests need",
			&["clippy", "fmt", "nextest"],
			&test,
		),
		cargo_tools("deny", "`make deny` needs", &["deny"], &deny),
	]
}

fn missing(name: &'static str, finding: impl Into<String>, mend: impl Into<String>) -> Check {
	Check::bad(name, Verdict::Optional, finding, mend)
}

fn system() -> Check {
	let here = format!("{} on {}", env::consts::OS, env::consts::ARCH);
	match (env::consts::OS, env::consts::ARCH) {
		("linux", "x86_64") => Check::ok("system", here),
		("linux", _) => missing(
			"system",
			format!("{here}: most jobs' containers are linux/amd64"),
			"WebAssembly modules, and containers for this machine, run here",
		),
		_ => missing(
			"system",
			format!("{here}: only Linux is supported for building and providing"),
			"use a Debian 12 machine or container",
		),
	}
}

/// Where builds and tools are kept.
fn cache() -> Option<PathBuf> {
	let home = || env::var_os("HOME").map(|home| Path::new(&home).join(".cache"));
	let base = || env::var_os("XDG_CACHE_HOME").map(PathBuf::from).or_else(home);
	env::var_os("LILYPAD_CACHE")
		.map(PathBuf::from)
		.or_else(|| Some(base()?.join("lilypad")))
}

fn space() -> Check {
	let cache = cache().unwrap_or_else(|| "/".into());
	let there = cache
		.ancestors()
		.find(|path| path.is_dir())
		.unwrap_or(Path::new("/"));
	let gib = free_bytes(there).map(|bytes| bytes >> 30);
	match gib {
		Ok(gib) if gib >= BUILD_GIB => Check::ok(
			"space",
			format!("{gib} GiB free for builds in {}", cache.display()),
		),
		Ok(gib) => missing(
			"space",
			format!(
				"{gib} GiB free in {}; a cold build takes about {BUILD_GIB}",
				cache.display()
			),
			"make room, or set LILYPAD_CACHE to a folder on another disk",
		),
		Err(error) => missing(
			"space",
			format!("{}: {error}", there.display()),
			"set LILYPAD_CACHE to a usable folder",
		),
	}
}

/// What a program prints first; `None` when it does not run or fails.
fn says(program: &str, args: &[&str]) -> Option<String> {
	let output = Command::new(program).args(args).output().ok()?;
	let text = String::from_utf8_lossy(&output.stdout);
	let line = text.lines().next().unwrap_or_default().trim().to_string();
	output.status.success().then_some(line)
}

/// The first two numbers of a version such as `rustc 1.95.0 (…)` or `v20.19.1`.
fn version(text: &str) -> Option<(u32, u32)> {
	let number = |part: &str| part.trim_start_matches('v').parse().ok();
	text.split_whitespace().find_map(|word| {
		let mut parts = word.split('.');
		Some((number(parts.next()?)?, number(parts.next()?)?))
	})
}

fn rust(root: &Path) -> Check {
	let manifest = std::fs::read_to_string(root.join("Cargo.toml")).unwrap_or_default();
	let wanted = manifest
		.lines()
		.find_map(|line| line.strip_prefix("rust-version = \""))
		.map(|line| line.trim_end_matches('"'));
	let wanted = wanted.unwrap_or("0.0");
	match (says("rustup", &["--version"]), says("rustc", &["--version"])) {
		(None, _) => missing(
			"rust",
			"rustup was not found",
			"install Rust from https://rustup.rs",
		),
		(_, None) => missing(
			"rust",
			"rustup has no toolchain that works",
			"`rustup default stable`",
		),
		(_, Some(found)) if version(&found) >= version(wanted) => Check::ok("rust", found),
		(_, Some(found)) => missing(
			"rust",
			format!("{found} is too old, {wanted} or newer is needed"),
			"`rustup update stable`",
		),
	}
}

/// Whether a program is on the path.
fn has(program: &str) -> bool {
	let paths = env::var_os("PATH").unwrap_or_default();
	env::split_paths(&paths).any(|folder| folder.join(program).is_file())
}

fn is_there(package: &str, sign: &Sign, has_dpkg: bool) -> bool {
	let installed = || {
		let status = says("dpkg-query", &["-W", "-f", "${Status}", package]);
		status.is_some_and(|status| status == "install ok installed")
	};
	match sign {
		// A browser may be another one, which is named.
		Program("chromium") if env::var_os("CHROMIUM").is_some_and(|path| Path::new(&path).is_file()) => true,
		Program(program) => has(program),
		File(path) => Path::new(path).exists() || (has_dpkg && installed()),
		Package => !has_dpkg || installed(),
	}
}

fn packages(name: &'static str, who: &str, all: &[(&'static str, Sign)], mend: &str) -> Check {
	let has_dpkg = has("dpkg-query");
	let gone: Vec<_> = all
		.iter()
		.filter(|(package, sign)| !is_there(package, sign, has_dpkg))
		.map(|(package, _)| *package)
		.collect();
	match gone.is_empty() {
		true => Check::ok(name, format!("all {} that {who}", all.len())),
		false => missing(name, format!("{who} {}", gone.join(", ")), mend),
	}
}

/// A variable that the set-up has written for cargo.
fn in_env_file(name: &str) -> Option<String> {
	let text = std::fs::read_to_string(cache()?.join("env.sh")).ok()?;
	let start = format!("export {name}=\"${{{name}:-");
	let line = text.lines().find_map(|line| line.strip_prefix(&start))?;
	Some(line.split('}').next()?.to_string())
}

/// Either rustup's own toolchain has the target, or the one that the set-up has made can compile to it.
fn target(mend: &str) -> Check {
	let named = env::var("WASM_BUILD_TOOLCHAIN").ok();
	let toolchain = named.or_else(|| in_env_file("WASM_BUILD_TOOLCHAIN"));
	let ask = ["rustc", "--print", "target-libdir", "--target", TARGET];
	let folder = match &toolchain {
		Some(toolchain) => says("rustup", &[&["run", toolchain], &ask[..]].concat()),
		None => says(ask[0], &ask[1..]),
	};
	let toolchain = toolchain.as_deref().unwrap_or("the active toolchain");
	match folder.is_some_and(|folder| Path::new(&folder).is_dir()) {
		true => Check::ok("target", format!("{TARGET} by {toolchain}")),
		false => missing(
			"target",
			format!("{toolchain} has no {TARGET}, which the runtime is compiled to"),
			mend,
		),
	}
}

fn set_up(mend: &str) -> Check {
	match cache()
		.map(|cache| cache.join("env.sh"))
		.filter(|file| file.is_file())
	{
		Some(file) => Check::ok("set-up", format!("{} is written", file.display())),
		None => missing("set-up", "this machine was not set up yet", mend),
	}
}

fn node() -> Check {
	let wanted = format!("Node.js {}.{} or newer, with npm", NODE.0, NODE.1);
	let found = says("node", &["--version"]);
	match found {
		Some(found) if version(&found) >= Some(NODE) && has("npm") => Check::ok("node.js", found),
		found => missing(
			"node.js",
			format!(
				"the contracts and the tests of dapps need {wanted} (found: {})",
				found.as_deref().unwrap_or("none")
			),
			"install it from https://nodejs.org (Debian 12's own is too old)",
		),
	}
}

/// Commands of cargo, on the path or among the tools that the set-up has built.
fn cargo_tools(name: &'static str, who: &str, all: &[&str], mend: &str) -> Check {
	let built = |tool: &str| cache().is_some_and(|cache| cache.join("tools/bin").join(tool).is_file());
	let gone: Vec<_> = all
		.iter()
		.map(|command| format!("cargo-{command}"))
		// rustup leaves these names for components that are not installed.
		.filter(|tool| !built(tool) && says(tool, &["--version"]).is_none())
		.collect();
	match gone.is_empty() {
		true => Check::ok(name, format!("cargo {}", all.join(", cargo "))),
		false => missing(name, format!("{who} {}", gone.join(", ")), mend),
	}
}

#[cfg(test)]
mod tests {
	use super::*;
	use std::collections::BTreeSet;

	fn root() -> PathBuf {
		Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
	}

	fn script(name: &str) -> String {
		std::fs::read_to_string(root().join("scripts").join(name)).expect("a checkout has scripts")
	}

	/// Behind each `install_packages "why"` stand the packages, to the end of the line that is not continued.
	fn installed_by_the_script() -> BTreeSet<String> {
		let script = script("setup.sh").replace("\\\n", " ");
		let lines = script
			.lines()
			.filter(|line| line.trim_start().starts_with("install_packages \""));
		let names = lines.flat_map(|line| {
			let list = line.rsplit('"').next().unwrap_or_default();
			let list = list.split(['&', '|']).next().unwrap_or_default();
			list.split_whitespace().map(String::from).collect::<Vec<_>>()
		});
		names.collect()
	}

	#[test]
	fn it_checks_what_the_set_up_installs() {
		let known = [BUILD, MODULES, TESTS]
			.into_iter()
			.flatten()
			.map(|(name, _)| *name);
		// The engine has a check of its own.
		let known: BTreeSet<_> = known.chain(["docker.io", "iptables"]).map(String::from).collect();
		assert_eq!(installed_by_the_script(), known);
	}

	#[test]
	fn it_demands_what_the_set_up_demands() {
		let setup = script("setup.sh");
		assert!(setup.contains(&format!("((free >= {BUILD_GIB}))")));
		for tool in [
			"clippy rustfmt",
			"cargo_tool cargo-nextest",
			"cargo_tool cargo-deny",
		] {
			assert!(setup.contains(tool), "{tool}");
		}
		let node = format!(
			"major > {} || (major == {} && minor >= {})",
			NODE.0, NODE.0, NODE.1
		);
		assert!(script("lib.sh").contains(&node));
		assert!(script("wasm-target.sh").contains(&format!("TARGET={TARGET}")));
	}

	#[test]
	fn versions_are_compared_by_number() {
		assert_eq!(version("rustc 1.95.0 (abc 2026-01-01)"), Some((1, 95)));
		assert_eq!(version("v20.19.1"), Some((20, 19)));
		assert!(version("v20.9.0") < Some(NODE) && version("v22.0.0") > Some(NODE));
		assert_eq!(version("none"), None);
	}

	#[test]
	fn what_is_missing_is_named_with_how_to_get_it() {
		let all: &[(&str, Sign)] = &[
			("nothing-like-this", Program("nothing-like-this")),
			("sh", Program("sh")),
		];
		let check = packages("packages", "building needs", all, "do this");
		assert_eq!(check.verdict, Verdict::Optional);
		assert!(check.finding.contains("nothing-like-this") && !check.finding.contains("sh,"));
		assert_eq!(check.mend.as_deref(), Some("do this"));
		assert_eq!(
			packages("packages", "building needs", &all[1..], "do this").verdict,
			Verdict::Ok
		);
	}

	#[test]
	fn whoever_runs_these_tests_can_build() {
		let checks = checks(&root());
		let of = |name| {
			checks
				.iter()
				.find(|check| check.name == name)
				.map(|check| check.verdict)
		};
		assert_eq!(of("rust"), Some(Verdict::Ok));
		assert!(checks
			.iter()
			.all(|check| (check.verdict == Verdict::Ok) == check.mend.is_none()));
	}
}
