//! Weights of the runtime's pallets, as `make weights` measured them.
pub mod frame_system_extensions;
pub mod lilypad_transaction;
pub mod pallet_deals;
pub mod pallet_evm_gateway;
pub mod pallet_feeless;
pub mod pallet_market;
pub mod pallet_mediation;
pub mod pallet_modules;
pub mod pallet_transaction_payment;
