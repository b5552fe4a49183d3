//! User and password for a host, out of a file such as `~/.netrc`.

use std::path::PathBuf;

/// Which file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Netrc {
    /// The one that `NETRC` names, else `~/.netrc`.
    Usual,
    File(PathBuf),
}

impl Netrc {
    /// User and password for a host.
    ///
    /// # Errors
    ///
    /// If the file can't be read, or says nothing of the host. What stands in it is not repeated.
    pub(crate) fn read(&self, host: &str) -> Result<(String, String), String> {
        let path = match self {
            Self::File(path) => path.clone(),
            Self::Usual => match (std::env::var_os("NETRC"), std::env::var_os("HOME")) {
                (Some(path), _) => path.into(),
                (None, Some(home)) => PathBuf::from(home).join(".netrc"),
                (None, None) => return Err("there is no home folder to look for .netrc in; name the file".to_owned()),
            },
        };
        let shown = path.display();
        let text =
            std::fs::read_to_string(&path).map_err(|e| format!("the credentials in {shown} can't be read: {e}"))?;
        entry(&text, host).ok_or_else(|| format!("{shown} has no login and password for the machine {host}; add them"))
    }
}

/// The entry for a host, or else the default one.
fn entry(text: &str, host: &str) -> Option<(String, String)> {
    let mut words = words(text).into_iter();
    let (mut found, mut default) = (None, None);
    let mut at = None;
    let (mut login, mut password) = (None, None);
    while let Some(word) = words.next() {
        match word.as_str() {
            "machine" => (at, login, password) = (words.next(), None, None),
            "default" => (at, login, password) = (Some(String::new()), None, None),
            "login" => login = words.next(),
            "password" => password = words.next(),
            "account" => drop(words.next()),
            _ => {}
        }
        if let (Some(machine), Some(login), Some(password)) = (&at, &login, &password) {
            let pair = (login.clone(), password.clone());
            if machine.is_empty() {
                default.get_or_insert(pair);
            } else if machine.eq_ignore_ascii_case(host) {
                found.get_or_insert(pair);
            }
        }
    }
    found.or(default)
}

/// The words, without comments and macros. A word between double quotes may hold spaces.
fn words(text: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut in_macro = false;
    for line in text.lines() {
        // A macro ends with an empty line.
        in_macro = in_macro && !line.trim().is_empty();
        let mut chars = line.chars().peekable();
        while let Some(&first) = chars.peek() {
            if in_macro || first == '#' {
                break;
            }
            if first.is_whitespace() {
                chars.next();
                continue;
            }
            let mut word = String::new();
            let quoted = chars.next_if_eq(&'"').is_some();
            while let Some(c) = chars.next_if(|c| if quoted { *c != '"' } else { !c.is_whitespace() }) {
                let escaped = (quoted && c == '\\').then(|| chars.next()).flatten();
                word.push(escaped.unwrap_or(c));
            }
            chars.next();
            in_macro = word == "macdef" && !quoted;
            words.push(word);
        }
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_entry_of_the_host_is_found_whatever_stands_around_it() {
        let text = "# of mine\nmachine a.test login ann password p1\nmacdef init\nmachine b.test login x password y\n\n\
                    machine B.test\n  password \"p 2\\\"\"\n  account z login bob # not eve\ndefault login any password p3\n";
        let of = |host: &str| entry(text, host).map(|(login, password)| format!("{login}:{password}"));
        assert_eq!(of("a.test").as_deref(), Some("ann:p1"));
        assert_eq!(of("b.test").as_deref(), Some("bob:p 2\""));
        assert_eq!(of("c.test").as_deref(), Some("any:p3"));
        assert_eq!(entry("machine a.test login ann", "a.test"), None);
    }
}
