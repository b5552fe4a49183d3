//! Where a credential comes from: `env:NAME`, `file:PATH` or `cmd:COMMAND`, and never the command line itself, which other
//! users of the machine can read.

mod netrc;

use std::ffi::OsStr;
use std::fmt;
use std::marker::PhantomData;
use std::process::Command;
use std::str::FromStr;

use clap::builder::TypedValueParser;
use clap::error::ErrorKind;

pub(crate) use self::netrc::Netrc;

/// A credential that has not been read yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Source {
    Env(String),
    File(String),
    Cmd(String),
}

impl FromStr for Source {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.split_once(':') {
            Some(("env", name)) if !name.is_empty() => Ok(Self::Env(name.to_owned())),
            Some(("file", path)) if !path.is_empty() => Ok(Self::File(path.to_owned())),
            Some(("cmd", command)) if !command.is_empty() => Ok(Self::Cmd(command.to_owned())),
            // What was typed may be the secret itself: it is not repeated.
            _ => {
                Err("a credential is not written down here; say where it is: env:NAME, file:PATH or cmd:COMMAND"
                    .to_owned())
            }
        }
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Env(name) => write!(f, "env:{name}"),
            Self::File(path) => write!(f, "file:{path}"),
            Self::Cmd(command) => write!(f, "cmd:{command}"),
        }
    }
}

impl Source {
    /// Reads it; a line end after it does not count.
    pub(crate) fn read(&self) -> Result<String, String> {
        let text = match self {
            Self::Env(name) => std::env::var(name).map_err(|_| {
                format!("the environment variable {name} is not set, or is not text; set it, or name another one")
            })?,
            Self::File(path) => {
                std::fs::read_to_string(path).map_err(|e| format!("the credential in {path} can't be read: {e}"))?
            }
            Self::Cmd(command) => {
                let output = Command::new("sh")
                    .args(["-c", command])
                    .stderr(std::process::Stdio::inherit())
                    .output()
                    .map_err(|e| format!("the command for the credential can't be run: {e}"))?;
                if !output.status.success() {
                    return Err(format!("the command for the credential failed: {}", output.status));
                }
                String::from_utf8(output.stdout).map_err(|_| "the credential is not text".to_owned())?
            }
        };
        let text = text.trim_end_matches(['\r', '\n']).to_owned();
        if text.is_empty() { Err("the credential is empty".to_owned()) } else { Ok(text) }
    }
}

/// A value that may be a secret: then it says where it is.
#[derive(Clone, PartialEq, Eq)]
pub(crate) enum Text {
    Literal(String),
    From(Source),
}

impl FromStr for Text {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.split_once(':') {
            Some(("env" | "file" | "cmd", _)) => text.parse().map(Self::From),
            _ => Ok(Self::Literal(text.to_owned())),
        }
    }
}

impl fmt::Debug for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Literal(_) => f.write_str("…"),
            Self::From(source) => write!(f, "{source:?}"),
        }
    }
}

impl Text {
    pub(crate) fn read(&self) -> Result<String, String> {
        match self {
            Self::Literal(text) => Ok(text.clone()),
            Self::From(source) => source.read(),
        }
    }
}

/// How access tokens are had (RFC 6749).
#[derive(Clone, Debug)]
pub(crate) struct OAuth {
    /// The token endpoint.
    pub(crate) url: String,
    pub(crate) id: Text,
    pub(crate) secret: Option<Source>,
    pub(crate) refresh: Option<Source>,
    pub(crate) parameters: Vec<(String, Text)>,
    pub(crate) in_body: bool,
}

/// `user:SOURCE`, for basic authentication.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Basic {
    pub(crate) user: String,
    pub(crate) password: Source,
}

impl FromStr for Basic {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (user, password) =
            text.split_once(':').ok_or("expected USER:env:NAME, USER:file:PATH or USER:cmd:COMMAND")?;
        Ok(Self { user: user.to_owned(), password: password.parse()? })
    }
}

/// `header.NAME=SOURCE` or `query.NAME=SOURCE`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ApiKey {
    pub(crate) place: KeyPlace,
    pub(crate) source: Source,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum KeyPlace {
    Header(String),
    Query(String),
}

impl FromStr for ApiKey {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let expected = "expected header.NAME=env:VARIABLE or query.NAME=env:VARIABLE (or file:PATH, cmd:COMMAND)";
        let (place, source) = text.split_once('=').ok_or(expected)?;
        let place = match place.split_once('.') {
            Some(("header", name)) if !name.is_empty() => KeyPlace::Header(name.to_owned()),
            Some(("query", name)) if !name.is_empty() => KeyPlace::Query(name.to_owned()),
            _ => return Err(expected.to_owned()),
        };
        Ok(Self { place, source: source.parse()? })
    }
}

/// Reads a flag's value that may be a secret by mistake: errors do not repeat it, as those of clap do.
#[derive(Debug)]
pub(crate) struct Unspoken<T>(PhantomData<fn() -> T>);

impl<T> Unspoken<T> {
    pub(crate) const fn new() -> Self {
        Self(PhantomData)
    }
}

impl<T> Clone for Unspoken<T> {
    fn clone(&self) -> Self {
        Self::new()
    }
}

impl<T: FromStr<Err = String> + Clone + Send + Sync + 'static> TypedValueParser for Unspoken<T> {
    type Value = T;

    fn parse_ref(&self, command: &clap::Command, arg: Option<&clap::Arg>, value: &OsStr) -> Result<T, clap::Error> {
        let read = value.to_str().ok_or_else(|| "it is not text".to_owned()).and_then(str::parse);
        read.map_err(|why| {
            let flag = arg.map(ToString::to_string).unwrap_or_default();
            let message = format!("the value of '{flag}' can't be read: {why}\n");
            clap::Error::raw(ErrorKind::ValueValidation, message).with_cmd(command)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_literal_is_refused_and_not_repeated() {
        let error = "gh_s3cret".parse::<Source>().unwrap_err();
        assert!(error.contains("env:NAME") && !error.contains("s3cret"));
        let error = "query.key=s3cret".parse::<ApiKey>().unwrap_err();
        assert!(!error.contains("s3cret"));
        let error = "ann:s3cret".parse::<Basic>().unwrap_err();
        assert!(!error.contains("s3cret"));
    }

    #[test]
    fn places_and_sources_are_read() {
        let key = "query.api_key=env:KEY".parse::<ApiKey>().unwrap();
        assert_eq!(key.place, KeyPlace::Query("api_key".to_owned()));
        assert_eq!(key.source, Source::Env("KEY".to_owned()));
        assert_eq!("cmd:printf 'a\\n'".parse::<Source>().unwrap().read(), Ok("a".to_owned()));
        assert!(Source::Env("ABIDE_NOT_SET".to_owned()).read().is_err());
    }
}
