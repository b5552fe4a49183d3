//! The rate control of the AWS SDKs' adaptive mode: a measured rate, CUBIC, and a bucket filled at what comes out.
//!
//! Times are seconds since any moment that the caller keeps to; rates are a second.

/// What a throttled answer leaves of the rate.
const BETA: f64 = 0.7;
/// How fast the rate grows away from the last one that was throttled.
const SCALE: f64 = 0.4;
/// The weight of the newest half second in the measured rate.
const SMOOTH: f64 = 0.8;
/// How many times the measured rate the rate may be.
const MOST_UP: f64 = 2.0;
/// Slower than this the bucket is never filled.
const LEAST_RATE: f64 = 0.5;
/// Half seconds a second.
const BUCKETS: f64 = 2.0;

/// CUBIC: after a throttled answer down by a factor, then flat around the rate that was throttled, then steeply on.
#[derive(Clone, Copy, Debug)]
struct Cubic {
    last_max: f64,
    last_throttle: f64,
}

impl Cubic {
    /// How long after a throttled answer the rate is back at where it was throttled.
    fn zero_point(&self) -> f64 {
        (self.last_max * (1.0 - BETA) / SCALE).cbrt()
    }

    fn on_success(&self, now: f64) -> f64 {
        SCALE * (now - self.last_throttle - self.zero_point()).powi(3) + self.last_max
    }

    fn on_throttle(&mut self, rate: f64, now: f64) -> f64 {
        self.last_max = rate;
        self.last_throttle = now;
        rate * BETA
    }
}

/// Counts in half seconds and smooths.
#[derive(Clone, Copy, Debug)]
struct RateClock {
    rate: f64,
    bucket: f64,
    count: f64,
}

impl RateClock {
    fn new(start: f64) -> Self {
        Self { rate: 0.0, bucket: (start * BUCKETS).floor() / BUCKETS, count: 0.0 }
    }

    /// One more was sent; returns the measured rate.
    fn record(&mut self, now: f64) -> f64 {
        let bucket = (now * BUCKETS).floor() / BUCKETS;
        self.count += 1.0;
        if bucket > self.bucket {
            let newest = self.count / (bucket - self.bucket);
            self.rate = newest * SMOOTH + self.rate * (1.0 - SMOOTH);
            self.count = 0.0;
            self.bucket = bucket;
        }
        self.rate
    }
}

/// A bucket that holds what a second fills, but at least one.
#[derive(Clone, Copy, Debug)]
struct TokenBucket {
    rate: f64,
    least_rate: f64,
    capacity: f64,
    level: f64,
    at: f64,
}

impl TokenBucket {
    fn new(rate: f64, least_rate: f64, start: f64) -> Self {
        let mut bucket = Self { rate: 0.0, least_rate, capacity: 0.0, level: 0.0, at: start };
        bucket.set_rate(rate, start);
        bucket
    }

    fn refill(&mut self, now: f64) {
        self.level = (self.level + (now - self.at) * self.rate).min(self.capacity);
        self.at = now;
    }

    fn set_rate(&mut self, rate: f64, now: f64) {
        self.refill(now);
        self.rate = rate.max(self.least_rate);
        self.capacity = rate.max(1.0);
        self.level = self.level.min(self.capacity);
    }

    /// Takes `amount`, or says how long to wait before asking again.
    fn acquire(&mut self, amount: f64, now: f64) -> Result<(), f64> {
        // A billionth of a token is what rounding may have lost.
        const ROUNDING: f64 = 1e-9;
        self.refill(now);
        if amount <= self.level + ROUNDING {
            self.level = (self.level - amount).max(0.0);
            Ok(())
        } else {
            Err((amount - self.level) / self.rate)
        }
    }
}

/// All three together: off until the first throttled answer.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RateLimiter {
    clock: RateClock,
    cubic: Cubic,
    bucket: TokenBucket,
    enabled: bool,
}

impl RateLimiter {
    pub(crate) fn new(start: f64) -> Self {
        Self {
            clock: RateClock::new(start),
            cubic: Cubic { last_max: 0.0, last_throttle: 0.0 },
            bucket: TokenBucket::new(LEAST_RATE, LEAST_RATE, start),
            enabled: false,
        }
    }

    /// Lets one request leave, or says how long to wait before asking again.
    pub(crate) fn acquire(&mut self, now: f64) -> Result<(), f64> {
        if self.enabled { self.bucket.acquire(1.0, now) } else { Ok(()) }
    }

    pub(crate) fn on_answer(&mut self, throttled: bool, now: f64) {
        let measured = self.clock.record(now);
        let wanted = if throttled {
            let rate = if self.enabled { measured.min(self.bucket.rate) } else { measured };
            self.enabled = true;
            self.cubic.on_throttle(rate, now)
        } else {
            self.cubic.on_success(now)
        };
        self.bucket.set_rate(capped(wanted, measured), now);
    }
}

fn capped(wanted: f64, measured: f64) -> f64 {
    wanted.min(MOST_UP * measured)
}

#[cfg(test)]
mod tests;
