//! Parameters of a row: those that it names, or for every second seed others that are drawn from it.

use std::time::Duration;

use abide_core::sim::Fields;

/// What a row may ask for. Asked in the same order it gives the same numbers for a seed.
pub(crate) struct Draw {
    seed: u64,
    state: u64,
}

impl Draw {
    pub(crate) fn new(seed: u64) -> Self {
        // Spreads neighbouring seeds.
        Self { seed, state: seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ 0x2545_f491_4f6c_dd1d }
    }

    /// The named number, or one between `least` and `most`.
    pub(crate) fn number(&mut self, named: u64, least: u64, most: u64) -> u64 {
        let drawn = least + self.next() % (most - least + 1);
        if self.is_drawn() { drawn } else { named }
    }

    /// The named length in seconds, or one of those that people choose and some that they do not.
    pub(crate) fn period(&mut self, named: u64) -> Duration {
        const SECONDS: [u64; 12] = [1, 2, 3, 4, 5, 6, 7, 10, 15, 20, 30, 60];
        let drawn = SECONDS[(self.next() % SECONDS.len() as u64) as usize];
        Duration::from_secs(if self.is_drawn() { drawn } else { named })
    }

    /// Every dialect in turn.
    pub(crate) fn dialect(&self) -> Fields {
        const ALL: [Fields; 5] = [Fields::Legacy, Fields::LegacyDelta, Fields::Draft6, Fields::Draft7, Fields::Draft8];
        ALL[(self.seed / 2 % ALL.len() as u64) as usize]
    }

    fn is_drawn(&self) -> bool {
        self.seed % 2 == 1
    }

    /// Xorshift (Marsaglia 2003).
    fn next(&mut self) -> u64 {
        self.state ^= self.state << 13;
        self.state ^= self.state >> 7;
        self.state ^= self.state << 17;
        self.state
    }
}
