//! The checksum that tells whether bytes reached the disk: CRC-64/XZ, whose value alone is enough to go on from.
//!
//! A digest of a file's prefix can be stored, and taken up again where it ended, whatever the sizes of the writes were.
//! It finds torn and altered files; it is no defence against somebody who means to deceive.

use std::io::{self, Read};

/// ECMA-182's polynomial, bits reversed.
const POLYNOMIAL: u64 = 0xC96C_5795_D787_0F42;
const TABLES: [[u64; 256]; 8] = tables();

/// The CRC-64/XZ of some bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Digest(u64);

impl Digest {
    /// The digest of no bytes.
    pub(crate) const EMPTY: Self = Self(0);

    pub(crate) fn of(bytes: &[u8]) -> Self {
        let mut digest = Self::EMPTY;
        digest.update(bytes);
        digest
    }

    /// Takes in the next `len` bytes of `reader`; fewer if it ends before. Returns how many there were.
    pub(crate) fn update_from(&mut self, reader: &mut impl Read, len: u64) -> io::Result<u64> {
        let mut buffer = [0; 64 * 1024];
        let mut left = len;
        while left > 0 {
            let want = buffer.len().min(usize::try_from(left).unwrap_or(usize::MAX));
            match reader.read(&mut buffer[..want]) {
                Ok(0) => break,
                Ok(got) => {
                    self.update(&buffer[..got]);
                    left -= got as u64;
                }
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(e) => return Err(e),
            }
        }
        Ok(len - left)
    }

    pub(crate) fn update(&mut self, bytes: &[u8]) {
        let mut crc = !self.0;
        let (words, rest) = bytes.as_chunks::<8>();
        for word in words {
            let x = (crc ^ u64::from_le_bytes(*word)).to_le_bytes();
            crc = (0..8).fold(0, |sum, i| sum ^ TABLES[7 - i][usize::from(x[i])]);
        }
        for byte in rest {
            crc = TABLES[0][usize::from(crc as u8 ^ byte)] ^ (crc >> 8);
        }
        self.0 = !crc;
    }

    /// The digest that [`Self::as_u64`] gave.
    pub(crate) const fn from_u64(value: u64) -> Self {
        Self(value)
    }

    pub(crate) const fn as_u64(self) -> u64 {
        self.0
    }
}

/// `TABLES[n][b]` is what byte `b` contributes when `n` more bytes follow it.
const fn tables() -> [[u64; 256]; 8] {
    let mut tables = [[0; 256]; 8];
    let mut byte = 0;
    while byte < 256 {
        let mut crc = byte as u64;
        let mut bit = 0;
        while bit < 8 {
            crc = if crc & 1 == 1 { (crc >> 1) ^ POLYNOMIAL } else { crc >> 1 };
            bit += 1;
        }
        tables[0][byte] = crc;
        byte += 1;
    }
    let mut n = 1;
    while n < 8 {
        let mut byte = 0;
        while byte < 256 {
            let before = tables[n - 1][byte];
            tables[n][byte] = tables[0][(before & 0xFF) as usize] ^ (before >> 8);
            byte += 1;
        }
        n += 1;
    }
    tables
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_digest_is_the_crc_64_that_xz_writes() {
        assert_eq!(Digest::of(b"123456789").as_u64(), 0x995D_C9BB_DF19_39FA);
        assert_eq!(Digest::of(b""), Digest::EMPTY);
    }

    proptest! {
        #[test]
        fn a_digest_goes_on_from_its_value(bytes in prop::collection::vec(any::<u8>(), 0..100), cut in 0..100usize) {
            let (head, tail) = bytes.split_at(cut.min(bytes.len()));
            let mut digest = Digest::from_u64(Digest::of(head).as_u64());
            digest.update_from(&mut &tail[..], tail.len() as u64).unwrap();
            prop_assert_eq!(digest, Digest::of(&bytes));
        }

        #[test]
        fn one_wrong_byte_is_found(bytes in prop::collection::vec(any::<u8>(), 1..100), at in 0..100usize, by in 1..=255u8) {
            let mut other = bytes.clone();
            let at = at % bytes.len();
            other[at] ^= by;
            prop_assert_ne!(Digest::of(&other), Digest::of(&bytes));
        }
    }
}
