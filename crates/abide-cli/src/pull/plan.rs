//! What a pull will do, checked before the first request: which URLs, which pages, which records, and where to.

use std::fs::File;
use std::io::{BufReader, Read};
use std::path::{Path, PathBuf};

use abide_core::page::Pages;
use url::{Origin, Url};

use super::journal::digest::Digest;
use super::names::Names;
use super::records::RecordsAt;
use super::template::Template;
use super::urls;
use crate::args::{IfComplete, PullArgs};
use crate::connect;
use crate::exit::{Failure, Result};

/// Everything that decides what is fetched and what is written.
pub(crate) struct Plan {
    pub(crate) input: Input,
    pub(crate) output: Output,
    /// How pages are followed; `None` where the user did not say and there is more than one URL or file.
    pub(crate) pages: Option<Pages>,
    pub(crate) records: RecordsAt,
    /// Origins beside a job's own that its next links may lead to.
    pub(crate) allowed: Vec<Origin>,
    /// Query keys that hold secrets.
    pub(crate) secret_keys: Vec<String>,
    pub(crate) fresh: bool,
    pub(crate) if_complete: IfComplete,
}

/// Where the output goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Output {
    Stdout,
    /// One record a line.
    Ndjson(PathBuf),
    /// One file an URL.
    Folder(PathBuf),
}

/// The URLs to pull, each a job.
pub(crate) enum Input {
    Template(Template),
    /// From a file or standard input, which is held as it came; `lines` are where its URLs begin and end.
    List { name: String, text: String, lines: Vec<(usize, usize)> },
}

impl Plan {
    pub(crate) fn new(args: &PullArgs) -> Result<Self> {
        let secret_keys = connect::secret_query_keys(&args.common);
        let input = Input::of(args)?;
        let output = Output::of(args.output.as_deref())?;
        let one = input.len() == 1 && !matches!(output, Output::Folder(_));
        if matches!(output, Output::Folder(_)) && args.pages.as_ref().is_some_and(|pages| *pages != Pages::None) {
            return Err(Failure::usage(
                "one file an URL does not go with --pages; write the records of all pages to one file with -o NAME.ndjson",
            ));
        }
        let allowed = args
            .allow_origin
            .iter()
            .map(|text| match Url::parse(text) {
                Ok(url) if url.origin().is_tuple() => Ok(url.origin()),
                _ => Err(Failure::usage(format!("'{text}' is not an origin; write it as https://cdn.example.com"))),
            })
            .collect::<Result<_>>()?;
        Ok(Self {
            input,
            output,
            pages: args.pages.clone().or(one.then_some(Pages::Auto)),
            records: args.records.clone().unwrap_or_default(),
            allowed,
            secret_keys,
            fresh: args.fresh,
            if_complete: args.if_complete,
        })
    }

    /// What decides the bytes of the output, by name and without credentials.
    pub(crate) fn config(&self) -> Vec<(&'static str, String)> {
        let pages = self.pages.as_ref().map_or_else(|| "none".to_owned(), Pages::to_string);
        let mut config = vec![("input", self.input.fingerprint(&self.secret_keys)), ("pages", pages)];
        if !matches!(self.output, Output::Folder(_)) {
            config.push(("records", self.records.to_string()));
        }
        config
    }

    /// The name of each job's file.
    pub(crate) fn names(&self) -> Names {
        Names::of((0..self.input.len()).map(|job| self.input.url(job)), &self.secret_keys)
    }
}

impl Output {
    fn of(path: Option<&Path>) -> Result<Self> {
        let Some(path) = path.filter(|path| path.as_os_str() != "-") else { return Ok(Self::Stdout) };
        if path.as_os_str().as_encoded_bytes().ends_with(b"/") {
            return Ok(Self::Folder(path.to_owned()));
        }
        if path.is_dir() {
            return Err(Failure::error(format!(
                "{0} is a folder; for one file an URL end the name with a slash (-o {0}/), else name a file in it",
                path.display()
            )));
        }
        match path.extension().and_then(|extension| extension.to_str()) {
            Some("ndjson" | "jsonl") => Ok(Self::Ndjson(path.to_owned())),
            _ => Err(Failure::usage(format!(
                "{} has an ending that abide does not know; write NAME.ndjson (or .jsonl) for one record a line, or NAME/ for \
                 one file an URL",
                path.display()
            ))),
        }
    }
}

impl Input {
    fn of(args: &PullArgs) -> Result<Self> {
        match (&args.url, &args.urls) {
            (Some(url), _) => Ok(Self::Template(url.parse().map_err(Failure::usage)?)),
            (None, Some(path)) => Self::read(path),
            (None, None) => Err(Failure::usage("say what to pull: a URL, a template, or --urls FILE")),
        }
    }

    fn read(path: &Path) -> Result<Self> {
        let name = path.display().to_string();
        let mut text = String::new();
        let read = if path.as_os_str() == "-" {
            std::io::stdin().lock().read_to_string(&mut text)
        } else {
            File::open(path).and_then(|file| BufReader::new(file).read_to_string(&mut text))
        };
        read.map_err(|e| Failure::usage(format!("the URLs in {name} can't be read: {e}")))?;
        let lines = urls::lines(&text).map_err(|e| Failure::usage(format!("{name}: {e}")))?;
        if lines.is_empty() {
            return Err(Failure::usage(format!("there is no URL in {name}")));
        }
        Ok(Self::List { name, text, lines })
    }

    /// How many jobs there are.
    pub(crate) fn len(&self) -> u64 {
        match self {
            Self::Template(template) => template.len(),
            Self::List { lines, .. } => lines.len() as u64,
        }
    }

    /// The URL of a job below [`Self::len`].
    pub(crate) fn url(&self, job: u64) -> Url {
        match self {
            Self::Template(template) => template.url(job),
            Self::List { text, lines, .. } => {
                let (from, to) = lines[usize::try_from(job).expect("a job is below the number of lines")];
                Url::parse(&text[from..to]).expect("each line was parsed when the list was read")
            }
        }
    }

    fn fingerprint(&self, secret_keys: &[String]) -> String {
        match self {
            Self::Template(template) => template.redacted(secret_keys),
            Self::List { text, .. } => format!("{} bytes of URLs, {:016x}", text.len(), Digest::of(text.as_bytes()).as_u64()),
        }
    }
}
