//! Registry, market and deals together, in the real runtime.

mod chain;
mod faults;
mod life;
mod proposals;
mod random;
mod transactions;
