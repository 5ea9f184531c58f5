//! Registry, market, deals and gateway together, in the real runtime.

mod bad_input;
mod chain;
mod counterparties;
mod deadlines;
mod extremes;
mod faults;
mod gateway;
mod judging;
mod life;
mod mediation;
mod proposals;
mod random;
mod signed;
mod steps;
mod transactions;
