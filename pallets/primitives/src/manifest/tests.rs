//! What manifests and inputs are taken, and what is made of them.

use super::*;

fn json() -> serde_json::Value {
	serde_json::json!({
		"version": 1, "name": "cowsay", "tag": "v0.0.1",
		"runtime": { "kind": "container", "image": format!("sha256:{}", "ab".repeat(32)), "archive": null },
		"entrypoint": ["/usr/games/cowsay", "{{Message}}"],
		"env": { "GREETING": "say {{ Message }}, {{Times}} times" },
		"inputs": [
			{ "name": "Message", "type": "string", "required": true, "max_length": 4096, "description": "what to say" },
			{ "name": "Times", "type": "integer", "default": 2, "min": 1, "max": 9 },
			{ "name": "Loud", "type": "boolean" },
			{ "name": "Mood", "type": "string", "choices": ["borg", "dead"] },
			{ "name": "Width", "type": "number" }
		],
		"files": [{ "name": "song", "path": "/inputs/song", "required": false, "max_bytes": 10 }],
		"outputs": ["/outputs"],
		"machine": { "cpu_milli": 1000, "ram_mib": 100, "disk_mib": 10 },
		"max_seconds": 1800,
		"profile": "deterministic"
	})
}

fn manifest() -> Manifest {
	Manifest::parse(json().to_string().as_bytes()).expect("valid")
}

#[test]
fn a_manifest_survives_a_round_trip() {
	let m = manifest();
	assert_eq!(Manifest::parse(&m.to_bytes().expect("short")).expect("valid"), m);
	assert_eq!(m.module_name().expect("a name").as_str(), "cowsay:v0.0.1");
	assert_eq!(m.verified, all_parts());
	assert_eq!(
		m.image(),
		Some(RuntimeImage::Container {
			platform: Platform::ContainerAmd64,
			image: [0xab; 32]
		})
	);
}

#[test]
fn hostile_text_is_one_argument_unchanged() {
	for text in [
		"a=b=c",
		"\"quoted\" 'too'",
		"line\nbreak",
		"🐮",
		"$(rm -rf /)",
		"{{Message}}",
		"{{Times}}",
		"`id`; &",
		"",
	] {
		let values = manifest().inputs_from_text([("Message", text)]).expect("valid");
		assert_eq!(manifest().command(&values), ["/usr/games/cowsay", text]);
		let again = manifest()
			.inputs_from_json(&canonical_inputs(&values))
			.expect("valid");
		assert_eq!(again, values);
	}
}

#[test]
fn placeholders_and_defaults_are_filled() {
	let values = manifest()
		.inputs_from_text([("Message", "moo"), ("Width", "2")])
		.expect("valid");
	assert_eq!(manifest().environment(&values)["GREETING"], "say moo, 2 times");
	assert_eq!(
		canonical_inputs(&values),
		br#"{"Message":"moo","Times":2,"Width":2.0}"#
	);
}

#[test]
fn texts_stand_for_values_of_any_kind() {
	let given = br#"{"Loud":"true","Message":"moo","Times":"3","Width":"2.5"}"#;
	let values = manifest().inputs_from_json(given).expect("valid");
	assert_eq!(
		canonical_inputs(&values),
		br#"{"Loud":true,"Message":"moo","Times":3,"Width":2.5}"#
	);
	let refused = manifest().inputs_from_json(br#"{"Message":"moo","Times":"10"}"#);
	assert!(refused.unwrap_err().to_string().contains("at most 9"));
	let refused = manifest().inputs_from_json(br#"{"Message":"moo","Times":"many"}"#);
	assert!(refused.unwrap_err().to_string().contains("a whole number"));
}

#[test]
fn wrong_inputs_are_refused() {
	let m = manifest();
	let text = |pairs: &[(&'static str, &'static str)]| {
		m.inputs_from_text(pairs.iter().copied()).unwrap_err().to_string()
	};
	assert!(text(&[]).contains("-i Message="));
	assert!(text(&[("Massage", "x")]).contains("Message, Times, Loud"));
	assert!(text(&[("Message", "m"), ("Times", "many")]).contains("a whole number"));
	assert!(text(&[("Message", "m"), ("Times", "10")]).contains("at most 9"));
	assert!(text(&[("Message", "m"), ("Times", "0")]).contains("at least 1"));
	assert!(text(&[("Message", "m"), ("Loud", "yes")]).contains("true or false"));
	assert!(text(&[("Message", "m"), ("Mood", "happy")]).contains("borg, dead"));
	assert!(text(&[("Message", "m"), ("Width", "NaN")]).contains("a number"));
	assert!(text(&[("Message", "a\0b")]).contains("NUL"));
	let long = "x".repeat(4097);
	assert!(m
		.inputs_from_text([("Message", long.as_str())])
		.unwrap_err()
		.to_string()
		.contains("4097 bytes"));
	assert!(m.inputs_from_json(b"[1]").is_err());
	assert!(m.inputs_from_json(br#"{"Message":{"a":1}}"#).is_err());
	assert!(m
		.inputs_from_json(br#"{"Message":7}"#)
		.unwrap_err()
		.to_string()
		.contains("must be text"));
}

#[test]
fn files_are_checked() {
	let m = manifest();
	assert_eq!(m.check_files([("song", 10)]), Ok(()));
	assert!(m.check_files([("song", 11)]).is_err());
	assert!(m.check_files([("sang", 1)]).is_err());
	assert!(m.check_files([("song", 1), ("song", 1)]).is_err());
}

#[test]
fn malformed_manifests_are_refused() {
	let refuse = |change: &dyn Fn(&mut serde_json::Value)| {
		let mut value = json();
		change(&mut value);
		Manifest::parse(value.to_string().as_bytes())
			.expect_err("must be refused")
			.to_string()
	};
	assert!(refuse(&|m| m["version"] = 2.into()).contains("version 2"));
	assert!(refuse(&|m| m["name"] = "Cow Say".into()).contains("lower-case"));
	assert!(refuse(&|m| m["surprise"] = 1.into()).contains("surprise"));
	assert!(refuse(&|m| m["machine"]["ram_mib"] = 0.into()).contains("ram_mib"));
	assert!(refuse(&|m| m["max_seconds"] = 0.into()).contains("max_seconds"));
	assert!(refuse(&|m| m["entrypoint"] = serde_json::json!([])).contains("entrypoint"));
	assert!(refuse(&|m| m["entrypoint"][1] = "{{Nope}}".into()).contains("Nope"));
	assert!(refuse(&|m| m["entrypoint"][1] = "{{Message".into()).contains("without"));
	assert!(refuse(&|m| m["env"]["A=B"] = "x".into()).contains("A=B"));
	assert!(refuse(&|m| m["outputs"][0] = "/outputs/../etc".into()).contains(".."));
	assert!(refuse(&|m| m["outputs"][0] = "outputs".into()).contains("absolute"));
	assert!(refuse(&|m| m["files"][0]["path"] = "/etc/passwd".into()).contains("/inputs/"));
	assert!(refuse(&|m| m["files"][0]["path"] = "/inputs/../etc".into()).contains("/inputs/"));
	assert!(refuse(&|m| m["inputs"][1]["default"] = 99.into()).contains("default"));
	assert!(refuse(&|m| m["inputs"][1]["name"] = "Message".into()).contains("twice"));
	assert!(refuse(&|m| m["runtime"]["image"] = "latest".into()).contains("64 hexadecimal"));
	assert!(refuse(&|m| m["runtime"]["reference"] = "docker.io/x:latest".into()).contains("by digest"));
	assert!(refuse(&|m| m["network"] = "host".into()).contains("host"));
	assert!(Manifest::parse(&vec![b' '; 20_000])
		.expect_err("too long")
		.to_string()
		.contains("20000"));
	assert!(Manifest::parse(b"{").is_err());
}
