//! What is kept of one key, for people to read.

use std::fmt;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use abide_core::adapt::Knowledge;
use abide_core::policy::LimitSpec;
use abide_core::time::{Human, Now, Wall};
use abide_core::{Engine, Event, Key, Policy};

use super::file;
use crate::clock::Clock;

/// What is kept of one origin and credential.
#[derive(Clone, Debug)]
pub struct Remembered {
    path: PathBuf,
    origin: String,
    has_credential: bool,
    written: SystemTime,
    knowledge: Knowledge,
    now: Now,
}

impl Remembered {
    pub(super) fn read(path: &Path) -> Option<Self> {
        let now = Clock::System.now();
        let (header, deeds) = file::read(path, now)?;
        let file_now = header.clock.read(now);
        let key = Key::new(&header.origin, u64::from(header.has_credential));
        let mut engine = Engine::new(Policy::default(), 0);
        if let Some(knowledge) = &header.knowledge {
            engine.recall(&key, knowledge, file_now);
        }
        engine.handle(Event::Others { key: &key, deeds: &deeds }, now);
        Some(Self {
            path: path.to_owned(),
            origin: header.origin,
            has_credential: header.has_credential,
            written: path.metadata().and_then(|meta| meta.modified()).unwrap_or(SystemTime::UNIX_EPOCH),
            knowledge: engine.knowledge(&key, file_now).unwrap_or_default(),
            now: file_now,
        })
    }

    /// Scheme, host and port.
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// Whether it is kept for requests with a credential. Which one is not known.
    pub fn has_credential(&self) -> bool {
        self.has_credential
    }

    /// When something was last written.
    pub fn written(&self) -> SystemTime {
        self.written
    }

    /// The limits that were learned, where what is left to believe comes to them.
    pub fn limits(&self) -> Vec<LimitSpec> {
        self.knowledge.limits()
    }

    /// How many limits explain what was seen.
    pub fn candidates(&self) -> usize {
        self.knowledge.beliefs.iter().filter(|belief| !belief.is_odd && !belief.is_doubted).count()
    }

    /// How many attempts were accepted, and refused, that this rests on.
    pub fn evidence(&self) -> (u64, u64) {
        (self.knowledge.proof.accepted, self.knowledge.proof.refused)
    }

    /// How long ago an attempt was last accepted.
    pub fn confirmed(&self) -> Option<Duration> {
        self.ago(self.knowledge.proof.confirmed)
    }

    /// For how long the server asked that nothing be sent.
    pub fn pause(&self) -> Option<Duration> {
        let left = self.knowledge.pause?.since(self.now.wall);
        (!left.is_zero()).then_some(left)
    }

    fn ago(&self, moment: Option<Wall>) -> Option<Duration> {
        Some(self.now.wall.since(moment?))
    }

    /// Forgets it. A process that uses it now goes on without.
    ///
    /// # Errors
    ///
    /// If the file can't be removed.
    pub fn forget(&self) -> std::io::Result<()> {
        file::forget(&self.path)
    }
}

impl fmt::Display for Remembered {
    /// `20/s burst 10, learned: 412 accepted, 9 refused, last confirmed 3m20s ago`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&words(&self.knowledge, self.now))
    }
}

/// What is known, in half a sentence.
pub(crate) fn words(knowledge: &Knowledge, now: Now) -> String {
    let limits: Vec<String> = knowledge.limits().iter().map(ToString::to_string).collect();
    let proof = &knowledge.proof;
    let mut text = match (limits.as_slice(), knowledge.beliefs.len(), proof.refused) {
        ([], 0, 0) => "no limit met".to_owned(),
        ([], 0, _) => "no limit explains the refusals".to_owned(),
        ([], some, _) => format!("a limit that is being learned, {some} explain what was seen"),
        (limits, ..) => format!("{}, learned", limits.join(" + ")),
    };
    text += &format!(": {} accepted, {} refused", proof.accepted, proof.refused);
    if let Some(confirmed) = proof.confirmed {
        text += &format!(", last confirmed {} ago", Human(now.wall.since(confirmed)));
    }
    if let Some(left) = knowledge.pause.map(|pause| pause.since(now.wall)).filter(|left| !left.is_zero()) {
        text += &format!("; the server asked for a pause of another {}", Human(left));
    }
    text
}

#[cfg(test)]
mod tests {
    use abide_core::adapt::knowledge::Proof;
    use abide_core::time::Instant;

    use super::*;

    #[test]
    fn it_says_what_is_known_and_how_well() {
        let wall = Wall::from_secs(1_790_000_000);
        let now = Now { mono: Instant::ZERO, wall };
        let proof = Proof { accepted: 41, refused: 0, confirmed: Some(Wall::from_secs(1_789_999_800)), tested: None };
        let mut knowledge = Knowledge { written: wall, proof, ..Knowledge::default() };
        assert_eq!(words(&knowledge, now), "no limit met: 41 accepted, 0 refused, last confirmed 3m20s ago");
        knowledge.pause = Some(wall + Duration::from_secs(30));
        assert!(words(&knowledge, now).ends_with("ago; the server asked for a pause of another 30s"));
    }
}
