//! How each pallet is set up, a file per concern.
#![warn(missing_docs)]

pub(crate) mod consensus;
pub(crate) mod gateway;
pub(crate) mod governance;
pub(crate) mod market;
pub(crate) mod mediation;
pub(crate) mod money;
pub(crate) mod system;
pub(crate) mod utility;
