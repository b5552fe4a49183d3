//! Decides so many times, in one of a few situations. `scripts/bench` counts what one costs.
//!
//! ```text
//! decide call LIMITS KEYS TIMES      a call from its submission to the end of its body, its head without a field
//! decide decision LIMITS KEYS TIMES  a submission, the decision to send, and the cancel that takes it back
//! decide memory LIMITS KEYS TIMES    so many calls of each key, and nothing at the end: peak memory is what it is for
//! ```

use std::hint::black_box;
use std::time::Duration;

use abide_core::call::Safety;
use abide_core::policy::{LimitRule, LimitSpec, Unit, WindowKind};
use abide_core::time::{Instant, Now, Wall};
use abide_core::{Call, Decision, Engine, Event, Key, Policy};
use http::{HeaderMap, StatusCode};

/// What all calls share: the engine, the keys that they go to in turn, and the clock, which moves on by 10 us a call.
struct Desk {
    engine: Engine,
    keys: Vec<Key>,
    headers: HeaderMap,
    micros: u64,
}

impl Desk {
    /// With so many limits that hold at once and are never used up, half of them windows and half buckets.
    fn new(limits: u32, keys: usize) -> Self {
        let spec = |i: u32| {
            let (amount, period, unit) = (1_000_000_000, Duration::from_secs(1 + u64::from(i)), Unit::Requests);
            if i.is_multiple_of(2) {
                LimitSpec::Window { amount, period, kind: WindowKind::Sliding, unit }
            } else {
                LimitSpec::Bucket { amount, period, burst: amount, unit }
            }
        };
        let limits = (0..limits).map(|i| LimitRule { host: None, spec: spec(i) }).collect();
        let keys = (0..keys).map(|i| Key::new(format!("https://api{i}.example.com"), 0)).collect();
        let engine = Engine::new(Policy { limits, ..Policy::default() }, 1);
        Self { engine, keys, headers: HeaderMap::new(), micros: 0 }
    }

    fn now(&self) -> Now {
        let since = Duration::from_micros(self.micros);
        Now { mono: Instant::ZERO + since, wall: Wall::from_secs(1_767_225_600) + since }
    }

    fn next_key(&mut self, i: u64) -> Key {
        self.micros += 10;
        self.keys[i as usize % self.keys.len()].clone()
    }

    /// A submission, and the decisions that follow at once.
    fn decide(&mut self, key: Key) -> Option<abide_core::CallId> {
        let id = self.engine.submit(Call::new(key, Safety::Idempotent), self.now());
        let sent = matches!(black_box(self.engine.poll_decision()), Some(Decision::Send { .. }));
        sent.then_some(id)
    }

    fn call(&mut self, key: Key) {
        let Some(id) = self.decide(key) else { return };
        let now = self.now();
        self.engine.begin(id, None, now);
        let headers = &self.headers;
        let event = Event::Head { id, attempt: 1, status: StatusCode::OK, headers, redirect: None, body: Some(&[]) };
        self.engine.handle(event, now);
        black_box(self.engine.poll_decision());
        self.engine.handle(Event::Done { id }, now);
    }
}

fn main() {
    // Cargo adds `--bench` when it runs this itself.
    let arguments: Vec<String> = std::env::args().skip(1).filter(|arg| arg != "--bench").collect();
    let number = |place: usize, default: u64| arguments.get(place).and_then(|arg| arg.parse().ok()).unwrap_or(default);
    let (limits, keys, times) = (number(1, 10), number(2, 1), number(3, 1_000));
    let mut desk = Desk::new(limits as u32, keys as usize);
    match arguments.first().map(String::as_str) {
        Some("decision") => {
            for i in 0..times {
                let key = desk.next_key(i);
                if let Some(id) = desk.decide(key) {
                    desk.engine.cancel(id, desk.now());
                }
            }
        }
        Some("memory") => {
            for i in 0..times * keys {
                let key = desk.next_key(i);
                desk.call(key);
            }
            black_box(&desk.engine);
        }
        _ => {
            for i in 0..times {
                let key = desk.next_key(i);
                desk.call(key);
            }
        }
    }
}
