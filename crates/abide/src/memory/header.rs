//! The first line of a key's file: whose it is, how its clock goes, and what was known when it was begun.

use abide_core::adapt::Knowledge;
use abide_core::time::{Instant, Now, Wall};
use serde_json::{Value, json};

const VERSION: u64 = 1;

#[derive(Clone, Debug)]
pub(super) struct Header {
    pub(super) origin: String,
    pub(super) has_credential: bool,
    /// Counts how often the file was begun anew.
    pub(super) generation: u64,
    pub(super) clock: FileClock,
    pub(super) knowledge: Option<Knowledge>,
}

/// How the moments of a file are to be read: as the wall clock went when the file was begun, even if it was set since.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct FileClock {
    /// When the machine was started, as the system names it; moments of one boot can be told exactly.
    boot: Option<String>,
    /// How far the wall clock was ahead of the monotonic one.
    ahead: i64,
}

/// Why a first line is of no use.
#[derive(Debug)]
pub(super) enum Unread {
    /// A later version wrote it, and may still use it.
    Later,
    /// It is torn, or something else.
    Broken,
}

impl FileClock {
    pub(super) fn new(now: Now) -> Self {
        Self { boot: boot(), ahead: now.wall.as_nanos().saturating_sub(mono(now)) }
    }

    /// Both clocks, with the wall clock as this file has it.
    pub(super) fn read(&self, now: Now) -> Now {
        if self.is_of_this_boot() {
            Now { wall: Wall::from_nanos(mono(now).saturating_add(self.ahead)), ..now }
        } else {
            now
        }
    }

    pub(super) fn is_of_this_boot(&self) -> bool {
        self.boot.is_some() && self.boot == boot()
    }

    /// The monotonic clock that all processes share which use this file, with our wall clock: the wall clock as this file has it.
    pub(super) fn moment(&self, now: Now) -> Now {
        let shared = u64::try_from(self.read(now).wall.as_nanos()).unwrap_or(0);
        Now { mono: Instant::from_nanos(shared), wall: now.wall }
    }

    /// A digest of the boot's name, 0 if it has none, and how far the wall clock was ahead.
    pub(super) fn words(&self) -> (u64, u64) {
        (self.boot.as_deref().map_or(0, digest), self.ahead.cast_unsigned())
    }

    /// The clock of these [words](Self::words); one of another boot has no name.
    pub(super) fn from_words(boot: u64, ahead: u64) -> Self {
        let boot = self::boot().filter(|name| digest(name) == boot);
        Self { boot, ahead: ahead.cast_signed() }
    }
}

/// FNV-1a, and never 0.
fn digest(name: &str) -> u64 {
    let mix = |hash: u64, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
    name.bytes().fold(0xcbf2_9ce4_8422_2325, mix).max(1)
}

fn mono(now: Now) -> i64 {
    i64::try_from(now.mono.as_nanos()).unwrap_or(i64::MAX)
}

#[cfg(target_os = "linux")]
fn boot() -> Option<String> {
    use std::sync::OnceLock;
    static BOOT: OnceLock<Option<String>> = OnceLock::new();
    let read = || Some(std::fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?.trim().to_owned());
    BOOT.get_or_init(read).clone()
}

/// Elsewhere the monotonic clock is not the same for all processes.
#[cfg(not(target_os = "linux"))]
fn boot() -> Option<String> {
    None
}

impl Header {
    pub(super) fn to_line(&self) -> String {
        let object = json!({
            "abide": VERSION,
            "origin": self.origin,
            "credential": self.has_credential,
            "generation": self.generation,
            "clock": { "boot": self.clock.boot, "ahead_ns": self.clock.ahead },
            "knowledge": self.knowledge.as_ref().map(Knowledge::to_json),
        });
        format!("{object}\n")
    }

    pub(super) fn from_line(line: &str) -> Result<Self, Unread> {
        let object: Value = serde_json::from_str(line).map_err(|_| Unread::Broken)?;
        match object["abide"].as_u64() {
            Some(VERSION) => Self::from_object(&object).ok_or(Unread::Broken),
            Some(later) if later > VERSION => Err(Unread::Later),
            _ => Err(Unread::Broken),
        }
    }

    fn from_object(object: &Value) -> Option<Self> {
        let clock = &object["clock"];
        Some(Self {
            origin: object["origin"].as_str()?.to_owned(),
            has_credential: object["credential"].as_bool()?,
            generation: object["generation"].as_u64()?,
            clock: FileClock { boot: clock["boot"].as_str().map(str::to_owned), ahead: clock["ahead_ns"].as_i64()? },
            // Knowledge that can't be read is as good as none.
            knowledge: Knowledge::from_json(&object["knowledge"]).ok(),
        })
    }
}
