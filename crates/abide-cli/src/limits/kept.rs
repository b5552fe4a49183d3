//! What earlier runs learned of servers: told for a host or all of them, and forgotten when asked.

use std::io::Write;

use abide::{Memory, Remembered};
use serde_json::json;

use crate::exit::{Failure, Result};
use crate::screen::short;

/// What is remembered of a host, or of all.
pub(super) fn tell(host: Option<&str>, json: bool, to: &mut impl Write) -> Result<()> {
    let all = remembered(host)?;
    if all.is_empty() && !json {
        let what = host.map_or_else(|| "nothing".to_owned(), |host| format!("nothing of {host}"));
        return say(&format!("{what} is remembered\n"), to);
    }
    for kept in &all {
        say(&if json { object(kept) } else { people(kept) }, to)?;
    }
    Ok(())
}

/// What is remembered of a host that was just asked, if anything is.
pub(super) fn tell_known(url: &str, to: &mut impl Write) -> Result<()> {
    for kept in &remembered(Some(url))? {
        say(&people(kept), to)?;
    }
    Ok(())
}

pub(super) fn forget(host: &str, to: &mut impl Write) -> Result<()> {
    let all = remembered(Some(host))?;
    for kept in &all {
        kept.forget().map_err(|e| Failure::error(format!("what is remembered of {host} can't be removed: {e}")))?;
    }
    match all.len() {
        0 => say(&format!("nothing of {host} was remembered\n"), to),
        _ => say(&format!("what was remembered of {host} is forgotten\n"), to),
    }
}

fn remembered(host: Option<&str>) -> Result<Vec<Remembered>> {
    let Some(memory) = Memory::user() else { return Ok(Vec::new()) };
    let all = memory.remembered().map_err(|e| {
        Failure::error(format!(
            "{} can't be read: {e}; name another folder with ABIDE_STATE_DIR",
            memory.path().display()
        ))
    })?;
    Ok(all.into_iter().filter(|kept| host.is_none_or(|host| is_of(kept.origin(), host))).collect())
}

/// Whether an origin is the one of a URL, or has this host, or host and port.
fn is_of(origin: &str, whom: &str) -> bool {
    if let Ok(url) = url::Url::parse(whom)
        && url.has_host()
    {
        return url.origin().ascii_serialization() == origin;
    }
    let authority = origin.split_once("://").map_or(origin, |(_, rest)| rest);
    let whom = whom.to_ascii_lowercase();
    authority == whom || authority.rsplit_once(':').is_some_and(|(host, _)| host == whom)
}

fn people(kept: &Remembered) -> String {
    let whose = if kept.has_credential() { ", with a credential" } else { "" };
    let age = kept.written().elapsed().unwrap_or_default();
    format!("{}{whose}, remembered, written {} ago\n  {kept}\n", kept.origin(), short(age))
}

fn object(kept: &Remembered) -> String {
    let (accepted, refused) = kept.evidence();
    let seconds = |time: std::time::Duration| (time.as_secs_f64() * 1_000.0).round() / 1_000.0;
    let object = json!({
        "origin": kept.origin(),
        "credential": kept.has_credential(),
        "limits": kept.limits().iter().map(ToString::to_string).collect::<Vec<_>>(),
        "candidates": kept.candidates(),
        "accepted": accepted,
        "refused": refused,
        "confirmed_s": kept.confirmed().map(seconds),
        "pause_s": kept.pause().map(seconds),
        "age_s": seconds(kept.written().elapsed().unwrap_or_default()),
    });
    format!("{object}\n")
}

fn say(text: &str, to: &mut impl Write) -> Result<()> {
    to.write_all(text.as_bytes()).map_err(|e| Failure::stdout(&e))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_is_named_with_its_port_or_without_or_by_a_url() {
        for whom in ["127.0.0.1", "127.0.0.1:8080", "http://127.0.0.1:8080/a?b"] {
            assert!(is_of("http://127.0.0.1:8080", whom), "{whom}");
        }
        for whom in ["https://127.0.0.1:8080", "127.0.0.1:80", "0.0.1", "http"] {
            assert!(!is_of("http://127.0.0.1:8080", whom), "{whom}");
        }
        assert!(is_of("https://api.example.com", "API.example.com"));
        assert!(is_of("http://[::1]:80", "[::1]"));
    }
}
