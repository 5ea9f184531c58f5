//! From a contract's texts to a job's inputs.

use crate::types::{Request, MAX_INPUT_BYTES};
use alloc::{collections::BTreeMap, vec::Vec};
use lilypad_primitives::Inputs;

/// The inputs of a request as the chain's jobs have them: one JSON object, keys in byte order, all values texts. `None` when they
/// are no texts `Key=Value`, name a key twice, or are too long.
pub(crate) fn json_of(request: &Request) -> Option<Inputs> {
	let total: usize = request.inputs.iter().map(|input| input.len()).sum();
	if total > MAX_INPUT_BYTES as usize {
		return None;
	}
	let mut values = BTreeMap::new();
	for input in &request.inputs {
		let (key, value) = core::str::from_utf8(input).ok()?.split_once('=')?;
		if key.is_empty() || values.insert(key, value).is_some() {
			return None;
		}
	}
	let mut json = Vec::from(*b"{");
	for (at, (key, value)) in values.iter().enumerate() {
		if at > 0 {
			json.push(b',');
		}
		write_text(&mut json, key);
		json.push(b':');
		write_text(&mut json, value);
	}
	json.push(b'}');
	json.try_into().ok().map(Inputs::Inline)
}

/// Writes a text in quotation marks, escaping what JSON demands and nothing else.
fn write_text(json: &mut Vec<u8>, text: &str) {
	const HEX: &[u8; 16] = b"0123456789abcdef";
	json.push(b'"');
	for byte in text.bytes() {
		match byte {
			b'"' | b'\\' => json.extend_from_slice(&[b'\\', byte]),
			b'\n' => json.extend_from_slice(b"\\n"),
			b'\r' => json.extend_from_slice(b"\\r"),
			b'\t' => json.extend_from_slice(b"\\t"),
			0x08 => json.extend_from_slice(b"\\b"),
			0x0c => json.extend_from_slice(b"\\f"),
			0..=0x1f => {
				json.extend_from_slice(b"\\u00");
				json.push(HEX[usize::from(byte >> 4)]);
				json.push(HEX[usize::from(byte & 0xf)]);
			},
			_ => json.push(byte),
		}
	}
	json.push(b'"');
}

#[cfg(test)]
mod tests {
	use super::*;

	fn json(inputs: &[&[u8]]) -> Option<Vec<u8>> {
		let inputs: Vec<_> = inputs.iter().map(|i| i.to_vec().try_into().unwrap()).collect();
		let request = Request {
			inputs: inputs.try_into().unwrap(),
			..crate::mock::request(1)
		};
		json_of(&request).map(|inputs| match inputs {
			Inputs::Inline(json) => json.into_inner(),
			Inputs::Hash { .. } => unreachable!("inputs from elsewhere are carried whole"),
		})
	}

	#[test]
	fn inputs_become_canonical_json() {
		assert_eq!(json(&[]).unwrap(), b"{}");
		assert_eq!(
			json(&[b"Z=last", b"A=a=b=c", b"M="]).unwrap(),
			br#"{"A":"a=b=c","M":"","Z":"last"}"#
		);
	}

	#[test]
	fn inputs_are_escaped_as_serde_does() {
		let hostile: String = (0..0x80u8)
			.map(char::from)
			.chain("äß🐮\u{2028}".chars())
			.collect();
		let input = format!("Key={hostile}");
		let written = json(&[input.as_bytes()]).unwrap();
		let expected = serde_json::to_vec(&BTreeMap::from([("Key", hostile.as_str())])).unwrap();
		assert_eq!(written, expected);
	}

	#[test]
	fn inputs_fail_when_malformed() {
		assert_eq!(json(&[b"no key"]), None);
		assert_eq!(json(&[b"=value"]), None);
		assert_eq!(json(&[b"A=1", b"A=2"]), None);
		assert_eq!(json(&[b"A=\xff"]), None);
	}

	#[test]
	fn inputs_boundary_length() {
		let mut long = b"A=".to_vec();
		long.resize(4_096, b'x');
		assert!(json(&[&long]).is_some());
		assert_eq!(json(&[&long, b"B="]), None);
		// Longer than a job's inputs may be once it is escaped.
		let mut escaped = b"A=".to_vec();
		escaped.resize(4_000, 1);
		assert_eq!(json(&[&escaped]), None);
	}
}
