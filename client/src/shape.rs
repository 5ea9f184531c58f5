//! Whether the chain's types are ours.
//!
//! The client encodes and decodes with the very types that the pallets use, without a generated copy of the runtime's
//! interface. What keeps that honest is this check, made at every connection and, in the tests, against the runtime in this
//! repository: every call, event and storage entry that the client knows must be there with the same fields, down to the
//! last primitive and the last variant's name.

use scale_info::{form::PortableForm, MetaType, PortableRegistry, Registry, TypeDef, TypeInfo};
use std::collections::HashSet;
use subxt::metadata::Metadata;

/// One thing that the client expects of the chain.
pub(crate) enum Shape {
	/// A call.
	Call {
		pallet: &'static str,
		name: &'static str,
		args: Vec<Field>,
	},
	/// An event.
	Event {
		pallet: &'static str,
		name: &'static str,
		fields: Vec<Field>,
	},
	/// A storage entry.
	Storage {
		pallet: &'static str,
		name: &'static str,
		value: MetaType,
	},
	/// A constant.
	Constant {
		pallet: &'static str,
		name: &'static str,
		value: MetaType,
	},
}

/// A named field.
pub(crate) struct Field {
	name: &'static str,
	ty: MetaType,
}

impl Field {
	pub(crate) fn new<T: TypeInfo + ?Sized + 'static>(name: &'static str) -> Self {
		Self {
			name,
			ty: MetaType::new::<T>(),
		}
	}
}

/// Everything that does not fit, in words. Empty: all is well.
pub(crate) fn differences(metadata: &Metadata, shapes: &[Shape]) -> Vec<String> {
	let mut registry = Registry::new();
	let resolve = |registry: &mut Registry, ty: &MetaType| registry.register_type(ty).id;
	// First all types go into one registry, which is then made portable, as the chain's is.
	let ids: Vec<Vec<u32>> = shapes
		.iter()
		.map(|shape| match shape {
			Shape::Call { args: fields, .. } | Shape::Event { fields, .. } => {
				fields.iter().map(|f| resolve(&mut registry, &f.ty)).collect()
			},
			Shape::Storage { value, .. } | Shape::Constant { value, .. } => {
				vec![resolve(&mut registry, value)]
			},
		})
		.collect();
	let ours: PortableRegistry = registry.into();
	let mut compare = Compare {
		ours: &ours,
		theirs: metadata.types(),
		seen: HashSet::new(),
	};
	shapes
		.iter()
		.zip(ids)
		.filter_map(|(shape, ids)| compare.shape(metadata, shape, &ids).err())
		.collect()
}

struct Compare<'a> {
	ours: &'a PortableRegistry,
	theirs: &'a PortableRegistry,
	/// Pairs that are equal or being compared further up: types may contain themselves.
	seen: HashSet<(u32, u32)>,
}

type Verdict = Result<(), String>;

impl Compare<'_> {
	fn shape(&mut self, metadata: &Metadata, shape: &Shape, ids: &[u32]) -> Verdict {
		let (pallet, name) = match shape {
			Shape::Call { pallet, name, .. }
			| Shape::Event { pallet, name, .. }
			| Shape::Storage { pallet, name, .. }
			| Shape::Constant { pallet, name, .. } => (*pallet, *name),
		};
		let in_chain = metadata
			.pallet_by_name(pallet)
			.ok_or_else(|| format!("it has no pallet {pallet}"))?;
		match shape {
			Shape::Call { args, .. } => {
				let call = in_chain
					.call_variant_by_name(name)
					.ok_or_else(|| format!("it has no call {pallet}.{name}"))?;
				self.fields(args, ids, &call.fields)
					.map_err(|e| format!("the call {pallet}.{name} differs: {e}"))
			},
			Shape::Event { fields, .. } => {
				let event = in_chain
					.event_variants()
					.and_then(|all| all.iter().find(|v| v.name == name))
					.ok_or_else(|| format!("it has no event {pallet}.{name}"))?;
				self.fields(fields, ids, &event.fields)
					.map_err(|e| format!("the event {pallet}.{name} differs: {e}"))
			},
			Shape::Storage { .. } => {
				let entry = in_chain
					.storage()
					.and_then(|s| s.entry_by_name(name))
					.ok_or_else(|| format!("it stores no {pallet}.{name}"))?;
				self.types(ids[0], entry.value_ty())
					.map_err(|e| format!("the stored {pallet}.{name} differs: {e}"))
			},
			Shape::Constant { .. } => {
				let constant = in_chain
					.constant_by_name(name)
					.ok_or_else(|| format!("it has no constant {pallet}.{name}"))?;
				self.types(ids[0], constant.ty())
					.map_err(|e| format!("the constant {pallet}.{name} differs: {e}"))
			},
		}
	}

	fn fields(&mut self, ours: &[Field], ids: &[u32], theirs: &[scale_info::Field<PortableForm>]) -> Verdict {
		if ours.len() != theirs.len() {
			return Err(format!("it has {} fields, not {}", theirs.len(), ours.len()));
		}
		for ((our, id), their) in ours.iter().zip(ids).zip(theirs) {
			let name = their.name.as_deref().unwrap_or_default().trim_start_matches('_');
			if name != our.name {
				return Err(format!("'{name}' stands in the place of '{}'", our.name));
			}
			self.types(*id, their.ty.id).map_err(|e| format!("{name}: {e}"))?;
		}
		Ok(())
	}

	fn types(&mut self, our_id: u32, their_id: u32) -> Verdict {
		if !self.seen.insert((our_id, their_id)) {
			return Ok(());
		}
		let missing = || "a type is missing".to_string();
		let ours = self.ours.resolve(our_id).ok_or_else(missing)?;
		let theirs = self.theirs.resolve(their_id).ok_or_else(missing)?;
		let differ = || format!("it is {}, not {}", label(theirs), label(ours));
		match (&ours.type_def, &theirs.type_def) {
			(TypeDef::Composite(a), TypeDef::Composite(b)) => self.members(&a.fields, &b.fields),
			(TypeDef::Variant(a), TypeDef::Variant(b)) => {
				if a.variants.len() != b.variants.len() {
					return Err(format!(
						"{} has {} variants, not {}",
						theirs.path,
						b.variants.len(),
						a.variants.len()
					));
				}
				for (a, b) in a.variants.iter().zip(&b.variants) {
					if a.name != b.name || a.index != b.index {
						return Err(format!(
							"{} has {} where {} is expected",
							theirs.path, b.name, a.name
						));
					}
					self.members(&a.fields, &b.fields)
						.map_err(|e| format!("{}: {e}", a.name))?;
				}
				Ok(())
			},
			(TypeDef::Sequence(a), TypeDef::Sequence(b)) => self.types(a.type_param.id, b.type_param.id),
			(TypeDef::Array(a), TypeDef::Array(b)) if a.len == b.len => {
				self.types(a.type_param.id, b.type_param.id)
			},
			(TypeDef::Tuple(a), TypeDef::Tuple(b)) if a.fields.len() == b.fields.len() => a
				.fields
				.iter()
				.zip(&b.fields)
				.try_for_each(|(a, b)| self.types(a.id, b.id)),
			(TypeDef::Primitive(a), TypeDef::Primitive(b)) if a == b => Ok(()),
			(TypeDef::Compact(a), TypeDef::Compact(b)) => self.types(a.type_param.id, b.type_param.id),
			// A vector with a bound is encoded like one without.
			(TypeDef::Sequence(_), TypeDef::Composite(b))
				if theirs.path.ident().as_deref() == Some("BoundedVec") =>
			{
				b.fields
					.first()
					.map_or_else(|| Err(differ()), |f| self.types(our_id, f.ty.id))
			},
			_ => Err(differ()),
		}
	}

	fn members(
		&mut self,
		ours: &[scale_info::Field<PortableForm>],
		theirs: &[scale_info::Field<PortableForm>],
	) -> Verdict {
		if ours.len() != theirs.len() {
			return Err(format!("it has {} fields, not {}", theirs.len(), ours.len()));
		}
		for (a, b) in ours.iter().zip(theirs) {
			if a.name != b.name {
				let name = |n: &Option<String>| n.clone().unwrap_or_else(|| "a field without a name".into());
				return Err(format!(
					"'{}' stands in the place of '{}'",
					name(&b.name),
					name(&a.name)
				));
			}
			self.types(a.ty.id, b.ty.id)
				.map_err(|e| format!("{}: {e}", a.name.as_deref().unwrap_or("its content")))?;
		}
		Ok(())
	}
}

/// A type in words.
fn label(ty: &scale_info::Type<PortableForm>) -> String {
	match &ty.type_def {
		_ if !ty.path.is_empty() => ty.path.to_string(),
		TypeDef::Primitive(primitive) => format!("{primitive:?}").to_lowercase(),
		TypeDef::Sequence(_) => "a list".into(),
		TypeDef::Array(array) => format!("an array of {}", array.len),
		TypeDef::Tuple(tuple) => format!("a tuple of {}", tuple.fields.len()),
		TypeDef::Compact(_) => "a compact number".into(),
		_ => "a structure".into(),
	}
}

#[cfg(test)]
mod tests {
	use super::*;
	use codec::{Decode, Encode};

	/// What a node with this repository's runtime tells of it.
	fn runtime() -> Metadata {
		let bytes = lilypad_runtime::Runtime::metadata_at_version(16).expect("the SDK's newest version");
		Metadata::decode_from(&bytes[..]).expect("subxt reads it")
	}

	#[test]
	fn all_that_the_client_knows_fits_the_runtime() {
		assert_eq!(
			differences(&runtime(), &crate::client::known_shapes()),
			Vec::<String>::new()
		);
	}

	#[test]
	fn whatever_is_missing_is_named() {
		let shapes = [
			Shape::Call {
				pallet: "Market",
				name: "post_jop",
				args: vec![],
			},
			Shape::Event {
				pallet: "Nowhere",
				name: "JobPosted",
				fields: vec![],
			},
			Shape::Storage {
				pallet: "Market",
				name: "Jops",
				value: MetaType::new::<u8>(),
			},
			Shape::Constant {
				pallet: "Deals",
				name: "MillisPerBlock",
				value: MetaType::new::<u8>(),
			},
		];
		let found = differences(&runtime(), &shapes);
		assert_eq!(
			found,
			[
				"it has no call Market.post_jop",
				"it has no pallet Nowhere",
				"it stores no Market.Jops",
				"the constant Deals.MillisPerBlock differs: it is u64, not u8",
			]
		);
	}

	#[derive(Encode, Decode, TypeInfo)]
	enum OtherState {
		Active,
		Idle,
		Draining,
	}

	#[test]
	fn another_name_type_number_or_variant_is_noticed() {
		use lilypad_primitives::{Balance, OfferId, OfferState};
		let event = |fields| Shape::Event {
			pallet: "Market",
			name: "OfferChanged",
			fields,
		};
		let (id, state, rate) = (
			Field::new::<OfferId>,
			Field::new::<OfferState>,
			Field::new::<Balance>,
		);
		let good = event(vec![id("offer"), state("state"), rate("rate")]);
		let wrong = [
			event(vec![id("offer"), state("state"), rate("price")]),
			event(vec![id("offer"), state("state"), Field::new::<u64>("rate")]),
			event(vec![id("offer"), state("state")]),
			event(vec![id("offer"), Field::new::<OtherState>("state"), rate("rate")]),
		];
		assert!(differences(&runtime(), &[good]).is_empty());
		for (at, shape) in wrong.into_iter().enumerate() {
			assert_eq!(differences(&runtime(), &[shape]).len(), 1, "{at}");
		}
	}
}
