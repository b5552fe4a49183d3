//! A map by the numbers of calls. They are counted, so nobody can choose them, and a product spreads them well.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

use abide_core::CallId;

/// Something for each call.
pub(super) type ByCall<T> = HashMap<CallId, T, BuildHasherDefault<Product>>;

/// Hashes by multiplication (Knuth, The Art of Computer Programming, section 6.4), with the golden ratio's share of 2^64.
#[derive(Debug, Default)]
pub(super) struct Product(u64);

impl Hasher for Product {
    fn write(&mut self, bytes: &[u8]) {
        bytes.iter().for_each(|byte| self.write_u64(u64::from(*byte)));
    }

    fn write_u64(&mut self, number: u64) {
        self.0 = (self.0 ^ number).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    }

    fn finish(&self) -> u64 {
        self.0
    }
}
