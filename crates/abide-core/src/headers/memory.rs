//! Remembers what earlier responses of an origin showed about a field: the unit of its numbers, and whether its window rolls.

use std::collections::BTreeMap;
use std::time::Duration;

use super::units::{Decimal, Scale};
use crate::time::Instant;

/// Fields beyond this many are not remembered.
const MOST: usize = 16;
/// Two readings nearer than this show nothing, for most servers write whole seconds.
const APART: Duration = Duration::from_secs(2);
/// What whole seconds and the way here can be off by.
const SLACK: Duration = Duration::from_millis(1_100);
/// So many readings in a row must move with the clock before a window is taken to roll.
const ENOUGH: u8 = 3;

/// What is remembered of each field.
#[derive(Clone, Debug, Default)]
pub(super) struct Memory {
    fields: BTreeMap<String, Field>,
}

#[derive(Clone, Debug, Default)]
struct Field {
    /// The last bare number and when it came.
    number: Option<(Decimal, Instant)>,
    /// The unit that the numbers showed, or that was set by hand.
    scale: Option<Scale>,
    by_hand: bool,
    /// When the window was last said to end, and when that was said.
    due: Option<(Instant, Instant)>,
    /// How often the end moved on with the clock.
    moved: u8,
}

impl Memory {
    /// Sets the unit of a field for good.
    pub(super) fn set(&mut self, field: &str, scale: Scale) {
        self.fields.insert(field.to_owned(), Field { scale: Some(scale), by_hand: true, ..Field::default() });
    }

    /// The unit of a field that was set by hand.
    pub(super) fn by_hand(&self, field: &str) -> Option<Scale> {
        self.fields.get(field).filter(|field| field.by_hand)?.scale
    }

    /// Takes in a bare number, and says in which unit the field counts, if that has been shown.
    pub(super) fn scale(&mut self, field: &str, number: Decimal, now: Instant) -> Option<Scale> {
        let field = self.field(field)?;
        if let Some((known, at)) = field.number
            && let elapsed = now.since(at)
            && elapsed >= APART
            && let Some(fallen) = known.minus(number)
        {
            // What counts down falls by what has passed, in its unit.
            let fits = |scale| fallen.of(scale).abs_diff(elapsed) <= SLACK;
            match (fits(Scale::Seconds), fits(Scale::Millis)) {
                (true, false) => field.scale = Some(Scale::Seconds),
                (false, true) => field.scale = Some(Scale::Millis),
                _ => {}
            }
        }
        if field.number.is_none_or(|(known, at)| now.since(at) >= APART || number > known) {
            field.number = Some((number, now));
        }
        field.scale
    }

    /// Takes in how far away the end of the window was said to be, and says whether it keeps that distance.
    pub(super) fn is_rolling(&mut self, field: &str, reset: Duration, now: Instant) -> bool {
        let Some(field) = self.field(field) else { return false };
        let due = now + reset;
        let Some((known, at)) = field.due else {
            field.due = Some((due, now));
            return false;
        };
        let elapsed = now.since(at);
        if elapsed < APART {
            return field.moved >= ENOUGH;
        }
        // Only a window that has not ended can show whether its end moves.
        if now + SLACK < known {
            field.moved = if due.since(known) + SLACK >= elapsed { field.moved.saturating_add(1) } else { 0 };
        }
        field.due = Some((due, now));
        field.moved >= ENOUGH
    }

    fn field(&mut self, name: &str) -> Option<&mut Field> {
        if !self.fields.contains_key(name) {
            if self.fields.len() >= MOST {
                return None;
            }
            self.fields.insert(name.to_owned(), Field::default());
        }
        self.fields.get_mut(name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: u64) -> Instant {
        Instant::ZERO + Duration::from_millis(millis)
    }

    fn learn(readings: &[(u64, u64)]) -> Option<Scale> {
        let mut memory = Memory::default();
        readings.iter().fold(None, |_, (millis, number)| memory.scale("reset", Decimal::from(*number), at(*millis)))
    }

    #[test]
    fn a_countdown_shows_its_unit() {
        assert_eq!(learn(&[(0, 29_984)]), None);
        assert_eq!(learn(&[(0, 29_984), (2_500, 27_480)]), Some(Scale::Millis));
        assert_eq!(learn(&[(0, 3_000), (2_500, 2_998)]), Some(Scale::Seconds));
        assert_eq!(learn(&[(0, 3_000), (900, 2_999)]), None, "too near");
        assert_eq!(learn(&[(0, 3_000), (5_000, 3_000)]), None, "not counting down");
        assert_eq!(learn(&[(0, 30), (5_000, 60)]), None, "a new window");
    }

    #[test]
    fn a_unit_holds_until_it_is_contradicted() {
        let readings = [(0, 29_984), (2_500, 27_480), (5_000, 27_480)];
        assert_eq!(learn(&readings), Some(Scale::Millis));
        assert_eq!(learn(&[(0, 29_984), (2_500, 27_480), (5_000, 900), (9_000, 896)]), Some(Scale::Seconds));
    }

    #[test]
    fn a_window_whose_end_keeps_its_distance_rolls() {
        let mut memory = Memory::default();
        let mut read = |secs: u64, reset: u64| memory.is_rolling("reset", Duration::from_secs(reset), at(secs * 1_000));
        let all: Vec<_> = (0..6).map(|turn| read(turn * 5, 58)).collect();
        assert_eq!(all, [false, false, false, true, true, true]);
        assert!(!read(32, 50), "it stood still once");
    }

    #[test]
    fn a_fixed_window_does_not_roll() {
        let mut memory = Memory::default();
        for secs in 0..300 {
            let reset = Duration::from_secs(60 - secs % 60);
            assert!(!memory.is_rolling("reset", reset, at(secs * 1_000)), "{secs}");
        }
    }

    #[test]
    fn a_server_that_invents_names_fills_no_memory() {
        let mut memory = Memory::default();
        for number in 0..1_000 {
            memory.is_rolling(&format!("x-reset-{number}"), Duration::ZERO, at(0));
        }
        assert_eq!(memory.fields.len(), MOST);
    }
}
