//! Tests of the extension, a file per promise.

mod fees;
mod pool;
mod share;
