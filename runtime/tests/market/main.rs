//! Registry, market, deals, mediation and gateway together, in the real runtime.

mod bad_input;
mod bridged;
mod chain;
mod counterparties;
mod deadlines;
mod extremes;
mod faults;
mod gateway;
mod invariants;
mod judged;
mod judging;
mod life;
mod mediation;
mod proposals;
mod random;
mod signed;
mod steps;
mod transactions;
