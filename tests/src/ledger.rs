//! Who had what before and after: the accounts of a scenario, and that nothing was made or lost.

use crate::{wait_for, Cli, Network};
use anyhow::{ensure, Context, Result};
use serde_json::Value;
use std::{fmt, time::Duration};

/// One LP in its smallest unit.
pub const LP: u128 = 1_000_000_000_000_000_000;
/// Longest wait until no transaction changes anybody's money any more.
const QUIET: Duration = Duration::from_secs(30);

/// What belongs to nobody, by the names of the chain's pots.
const POTS: [(&str, &[u8; 8]); 2] = [("treasury", b"lp/trsry"), ("audit pool", b"lp/audit")];

/// What an account has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Holding {
	/// Free, in the smallest unit of LP.
	pub free: u128,
	/// Held for all reasons together.
	pub held: u128,
}

impl Holding {
	/// What an account has now: the one of the command line, unless another is named.
	pub fn of(cli: &Cli, who: Option<&str>) -> Result<Self> {
		let args: Vec<_> = ["account", "balance"].into_iter().chain(who).collect();
		let balance = cli.json(&args)?;
		let held = balance["held"]
			.as_array()
			.context("a balance lists what is held")?;
		let held = held.iter().map(|hold| smallest(&hold["amount"]));
		Ok(Self {
			free: smallest(&balance["free"])?,
			held: held.sum::<Result<u128>>()?,
		})
	}

	fn total(&self) -> u128 {
		self.free + self.held
	}
}

/// What a shown amount such as `1.25 LP` is in the smallest unit.
pub fn smallest(shown: &Value) -> Result<u128> {
	decimal(shown, " LP")
}

/// What a shown share such as `3.5 %` is of an amount, rounded up.
pub fn share_of(shown: &Value, amount: u128) -> Result<u128> {
	let percent = decimal(shown, " %")?;
	let part = amount.checked_mul(percent).context("an amount of this size")?;
	Ok(part.div_ceil(100 * LP))
}

/// A number with at most 18 digits after the point, in units of the last of them.
fn decimal(shown: &Value, unit: &str) -> Result<u128> {
	let text = shown.as_str().with_context(|| format!("{shown} is no text"))?;
	let number = text
		.strip_suffix(unit)
		.with_context(|| format!("{text} is not in{unit}"))?;
	let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
	format!("{whole}{fraction:0<18}")
		.parse()
		.with_context(|| format!("{text} is no number"))
}

/// An account of the chain's own, as its pallets derive it from a name.
fn pot(name: &[u8; 8]) -> String {
	let digits = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
	format!("0x{}{:0<56}", digits(b"modl"), digits(name))
}

/// The accounts of a scenario, opened.
pub struct Ledger {
	title: String,
	cli: Cli,
	/// What each is in the scenario, and its account.
	roles: Vec<(String, String)>,
	before: Vec<Holding>,
}

impl Ledger {
	/// Takes down what everybody has: those who are named (what they are, and their keys), the block's author, and the
	/// chain's pots. Nobody else may gain or lose anything until the ledger is closed.
	pub fn open(network: &Network, title: &str, roles: &[(&str, &str)]) -> Result<Self> {
		let named = roles.iter().map(|(role, key)| ((*role).into(), (*key).into()));
		let pots = POTS.iter().map(|(name, id)| ((*name).into(), pot(id)));
		let ledger = Self {
			title: title.into(),
			cli: network.cli("//Alice"),
			roles: named
				.chain([("validator (fees)".into(), "//Alice".into())])
				.chain(pots)
				.collect(),
			before: Vec::new(),
		};
		let before = ledger.look()?;
		Ok(Self { before, ..ledger })
	}

	/// What everybody has, once nothing changes any more.
	fn look(&self) -> Result<Vec<Holding>> {
		let mut last = Vec::new();
		wait_for("the accounts come to rest", QUIET, || {
			let now = self
				.roles
				.iter()
				.map(|(_, who)| Holding::of(&self.cli, Some(who)))
				.collect::<Result<Vec<_>>>()?;
			let rests = now == last;
			last.clone_from(&now);
			Ok(rests.then_some(now))
		})
	}

	/// Takes down what everybody has now, prints it, and fails unless what some gained is what others lost.
	pub fn close(self) -> Result<Account> {
		let after = self.look()?;
		let rows = self.roles.iter().zip(&self.before).zip(after);
		let account = Account {
			title: self.title.clone(),
			rows: rows
				.map(|(((role, _), before), after)| Row {
					role: role.clone(),
					before: *before,
					after,
				})
				.collect(),
		};
		println!("\n{account}");
		account.balances()?;
		Ok(account)
	}
}

/// One line of it.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Row {
	role: String,
	before: Holding,
	after: Holding,
}

impl Row {
	fn change(&self) -> i128 {
		// There are far fewer than 2^127 units.
		self.after.total() as i128 - self.before.total() as i128
	}
}

/// Who had what before and after.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
	title: String,
	rows: Vec<Row>,
}

impl Account {
	fn row(&self, role: &str) -> Result<&Row> {
		let found = self.rows.iter().find(|row| row.role == role);
		found.with_context(|| format!("nobody is the {role} here"))
	}

	/// By how much somebody's money has grown, held and free together.
	pub fn change(&self, role: &str) -> Result<i128> {
		Ok(self.row(role)?.change())
	}

	/// What is held of somebody's money in the end.
	pub fn held(&self, role: &str) -> Result<u128> {
		Ok(self.row(role)?.after.held)
	}

	/// Fails unless somebody's money has changed by just this.
	pub fn changed_by(&self, role: &str, expected: i128) -> Result<()> {
		let change = self.change(role)?;
		ensure!(
			change == expected,
			"the {role}'s money changed by {}, and not by {}\n{self}",
			signed(change),
			signed(expected)
		);
		Ok(())
	}

	/// The same, but for transactions' fees, of which nobody in these scenarios pays as much as a tenth of an LP.
	pub fn changed_by_less_fees(&self, role: &str, expected: i128) -> Result<()> {
		let change = self.change(role)?;
		let fees = 0..(LP / 10) as i128;
		ensure!(
			fees.contains(&(expected - change)),
			"the {role}'s money changed by {}, and not by {} less fees\n{self}",
			signed(change),
			signed(expected)
		);
		Ok(())
	}

	/// Nothing is made and nothing is lost.
	fn balances(&self) -> Result<()> {
		let sum: i128 = self.rows.iter().map(Row::change).sum();
		ensure!(
			sum == 0,
			"the changes add up to {}, and not to nothing\n{self}",
			signed(sum)
		);
		Ok(())
	}
}

impl fmt::Display for Account {
	fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
		let width = self.rows.iter().map(|row| row.role.len()).max().unwrap_or(0);
		writeln!(f, "{}", self.title)?;
		writeln!(
			f,
			"  {:width$} {:>18} {:>14} {:>18} {:>14} {:>14}",
			"LP", "free before", "held before", "free after", "held after", "change"
		)?;
		for row in &self.rows {
			writeln!(
				f,
				"  {:width$} {:>18} {:>14} {:>18} {:>14} {:>14}",
				row.role,
				rounded(row.before.free),
				rounded(row.before.held),
				rounded(row.after.free),
				rounded(row.after.held),
				signed(row.change()),
			)?;
		}
		Ok(())
	}
}

/// An amount in LP with six digits after the point, rounded down.
fn rounded(amount: u128) -> String {
	format!("{}.{:06}", amount / LP, amount % LP / (LP / 1_000_000))
}

fn signed(amount: i128) -> String {
	let sign = match amount {
		0 => "",
		1.. => "+",
		_ => "-",
	};
	format!("{sign}{}", rounded(amount.unsigned_abs()))
}

#[cfg(test)]
mod tests {
	use super::*;
	use serde_json::json;

	fn holding(free: u128, held: u128) -> Holding {
		Holding { free, held }
	}

	fn account(changes: &[(&str, Holding, Holding)]) -> Account {
		let row = |(role, before, after): &(&str, Holding, Holding)| Row {
			role: (*role).into(),
			before: *before,
			after: *after,
		};
		Account {
			title: "a fine".into(),
			rows: changes.iter().map(row).collect(),
		}
	}

	#[test]
	fn shown_amounts_are_read_exactly() {
		for (shown, amount) in [
			("1.25 LP", LP + LP / 4),
			("3 LP", 3 * LP),
			("0.000000000000000001 LP", 1),
		] {
			assert_eq!(smallest(&json!(shown)).ok(), Some(amount));
		}
		assert!(smallest(&json!("1.25")).is_err());
		assert!(smallest(&json!(1)).is_err());
	}

	#[test]
	fn shown_shares_are_of_an_amount() {
		assert_eq!(share_of(&json!("3.5 %"), 2 * LP).ok(), Some(7 * LP / 100));
		assert_eq!(share_of(&json!("50 %"), 3).ok(), Some(2));
		assert!(share_of(&json!("3.5 LP"), LP).is_err());
	}

	#[test]
	fn a_pots_account_is_its_name_padded() {
		let account = pot(b"lp/trsry");
		assert_eq!(account.len(), 2 + 64);
		assert!(account.starts_with("0x6d6f646c6c702f7472737279000000"));
	}

	#[test]
	fn changes_are_of_free_and_held_together() {
		let fined = account(&[
			("provider", holding(LP, 5 * LP), holding(2 * LP, LP / 2)),
			("treasury", holding(0, 0), holding(7 * LP / 2, 0)),
		]);
		fined.balances().expect("what one lost the other has");
		fined
			.changed_by("provider", -(7 * LP as i128) / 2)
			.expect("it is so");
		fined.changed_by("treasury", LP as i128).expect_err("it is more");
		assert_eq!(fined.held("provider").ok(), Some(LP / 2));
		assert!(fined.change("creator").is_err());
		let shown = fined.to_string();
		let line = shown
			.lines()
			.nth(2)
			.map(|line| line.split_whitespace().collect::<Vec<_>>());
		assert_eq!(
			line,
			Some(vec![
				"provider",
				"1.000000",
				"5.000000",
				"2.000000",
				"0.500000",
				"-3.500000"
			])
		);
	}

	#[test]
	fn fees_are_small_and_never_earned() {
		let paid = |fee: i128| {
			let after = (10 * LP as i128 - fee) as u128;
			account(&[("creator", holding(10 * LP, 0), holding(after, 0))])
		};
		let is_fee = |fee| paid(fee).changed_by_less_fees("creator", 0).is_ok();
		assert!(is_fee(0) && is_fee(LP as i128 / 20));
		assert!(!is_fee(-1) && !is_fee(LP as i128 / 10));
	}

	#[test]
	fn money_out_of_nothing_is_noticed() {
		let minted = account(&[("creator", holding(LP, 0), holding(LP + 1, 0))]);
		assert!(minted.balances().is_err());
	}
}
