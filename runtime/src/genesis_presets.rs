//! What a new chain starts with.
//!
//! | preset | chain | validators | sudo | prices and rules |
//! |---|---|---|---|---|
//! | `development` | `dev` | Alice | Alice | [`quick_parameters`] |
//! | `local_testnet` | `local` | Alice, Bob, Charlie | Alice | the configured ones |
//!
//! Both use the well-known test keys, so neither is fit for anything but trying things out. A chain for the public is
//! made from a file of its own, which names its validators, leaves the sudo key unset, and endows treasury and audit pool.
#![warn(missing_docs)]

use alloc::{vec, vec::Vec};

use frame_support::build_struct_json_patch;
use lilypad_primitives::{MediationRules, Pricing};
use pallet_mediation::Parameters;
use serde_json::Value;
use sp_genesis_builder::{PresetId, DEV_RUNTIME_PRESET, LOCAL_TESTNET_RUNTIME_PRESET};
use sp_keyring::{Ed25519Keyring, Sr25519Keyring};

use crate::{
	constants::currency::{EXISTENTIAL_DEPOSIT, LP},
	AccountId, AuditPoolAccount, BabeConfig, Balance, BalancesConfig, DefaultMediationRules, MarketPricing,
	MediationConfig, RuntimeGenesisConfig, SessionConfig, SessionKeys, SudoConfig, TreasuryAccount,
	BABE_GENESIS_EPOCH_CONFIG,
};

/// What each well-known account owns on a chain for trying things out.
const ENDOWMENT: Balance = 1_000_000 * LP;

/// What the audit pool owns on a chain for trying things out: audits happen before any levies have come in.
const AUDIT_POOL: Balance = 1_000 * LP;

/// Prices and rules with which three mediators are enough, whoever becomes one is drawn half a minute later, and a short job's
/// case is over within a minute if all vote, and within three if nobody does.
///
/// Smaller panels forfeit less, so that more results are audited; the configured levy just covers that.
pub fn quick_parameters() -> Parameters {
	Parameters {
		pricing: Pricing {
			largest_panel: 3,
			..MarketPricing::get()
		},
		rules: MediationRules {
			slack_percent: 200,
			commit_margin: 10,
			ask_blocks: 5,
			reveal_blocks: 15,
			era_blocks: 12,
			draw_open_blocks: 6,
			..DefaultMediationRules::get()
		},
	}
}

/// A genesis with the given validators, sudo key, and prices and rules, in which the given accounts own [`ENDOWMENT`] each.
fn genesis(
	validators: Vec<(AccountId, SessionKeys)>,
	endowed: Vec<AccountId>,
	sudo: Option<AccountId>,
	parameters: Option<Parameters>,
) -> Value {
	// Both must exist, or they couldn't take amounts below the existential deposit.
	let pots = [
		(TreasuryAccount::get(), EXISTENTIAL_DEPOSIT),
		(AuditPoolAccount::get(), AUDIT_POOL),
	];
	build_struct_json_patch!(RuntimeGenesisConfig {
		balances: BalancesConfig {
			balances: endowed
				.into_iter()
				.map(|account| (account, ENDOWMENT))
				.chain(pots)
				.collect::<Vec<_>>(),
		},
		babe: BabeConfig {
			epoch_config: BABE_GENESIS_EPOCH_CONFIG
		},
		// BABE and GRANDPA get their authorities from here.
		session: SessionConfig {
			keys: validators
				.into_iter()
				.map(|(account, keys)| (account.clone(), account, keys))
				.collect::<Vec<_>>(),
		},
		sudo: SudoConfig { key: sudo },
		mediation: MediationConfig { parameters },
	})
}

/// A validator with well-known keys.
fn validator(sr25519: Sr25519Keyring, ed25519: Ed25519Keyring) -> (AccountId, SessionKeys) {
	let keys = SessionKeys {
		babe: sr25519.public().into(),
		grandpa: ed25519.public().into(),
	};
	(sr25519.to_account_id(), keys)
}

/// One validator: a chain on one's own machine.
fn development() -> Value {
	genesis(
		vec![validator(Sr25519Keyring::Alice, Ed25519Keyring::Alice)],
		Sr25519Keyring::well_known()
			.map(Sr25519Keyring::to_account_id)
			.collect(),
		Some(Sr25519Keyring::Alice.to_account_id()),
		Some(quick_parameters()),
	)
}

/// Three validators. Finality needs all three: four is the least number that can do without one.
fn local_testnet() -> Value {
	genesis(
		vec![
			validator(Sr25519Keyring::Alice, Ed25519Keyring::Alice),
			validator(Sr25519Keyring::Bob, Ed25519Keyring::Bob),
			validator(Sr25519Keyring::Charlie, Ed25519Keyring::Charlie),
		],
		Sr25519Keyring::well_known()
			.map(Sr25519Keyring::to_account_id)
			.collect(),
		Some(Sr25519Keyring::Alice.to_account_id()),
		None,
	)
}

/// The preset with this name, as JSON, or `None` when there is none.
pub fn get_preset(id: &PresetId) -> Option<Vec<u8>> {
	let preset = match id.as_ref() {
		DEV_RUNTIME_PRESET => development(),
		LOCAL_TESTNET_RUNTIME_PRESET => local_testnet(),
		_ => return None,
	};
	serde_json::to_vec(&preset).ok()
}

/// The whole genesis of the preset with this name, or `None` when there is none: the preset on top of the defaults.
///
/// For whoever has the runtime at hand natively; others let the runtime's code build the state.
#[cfg(feature = "std")]
pub fn genesis_config(id: &PresetId) -> Option<RuntimeGenesisConfig> {
	fn merge(value: &mut Value, patch: Value) {
		match (value, patch) {
			(Value::Object(fields), Value::Object(patches)) => {
				for (name, patch) in patches {
					merge(fields.entry(name).or_insert(Value::Null), patch);
				}
			},
			(value, patch) => *value = patch,
		}
	}

	let mut genesis = serde_json::to_value(RuntimeGenesisConfig::default()).ok()?;
	merge(&mut genesis, serde_json::from_slice(&get_preset(id)?).ok()?);
	serde_json::from_value(genesis).ok()
}

/// The names of all presets.
pub fn preset_names() -> Vec<PresetId> {
	vec![
		PresetId::from(DEV_RUNTIME_PRESET),
		PresetId::from(LOCAL_TESTNET_RUNTIME_PRESET),
	]
}
