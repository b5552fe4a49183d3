//! What a pull will do, checked before the first request: which URLs, which pages, which records, and where to.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use abide::LimitSpec;
use abide_core::page::Pages;
use abide_core::place::Place;
use abide_core::retry::{Meaning, Sign};
use url::{Origin, Url};

use super::answers::Rules;
use super::expect::MaxErrors;
use super::journal::digest::Digest;
use super::journal::disk::with_suffix;
use super::names::Names;
use super::output::Output;
use super::records::RecordsAt;
use super::request::{Form, Step, Unsettable};
use super::rows;
use super::since::Since;
use super::sink::key::Key;
use super::sink::table::name::TableName;
use super::spec::{Endpoint, Target};
use super::template::Template;
use super::urls::{UrlList, UrlListError};
use crate::args::{HostLimit, IfComplete, PullArgs};
use crate::connect;
use crate::exit::{Failure, Result};

/// The pages of one URL, unless the user says how many they may be. More are hardly ever meant.
const MAX_PAGES: u64 = 1_000_000;

/// Everything that decides what is fetched and what is written.
pub(crate) struct Plan {
    /// What it is called where there are several.
    pub(crate) name: Option<String>,
    /// What all of its requests have in common.
    pub(crate) form: Arc<Form>,
    pub(crate) input: Arc<Input>,
    pub(crate) output: Output,
    /// How pages are followed; `None` where the user did not say and there is more than one URL or file.
    pub(crate) pages: Option<Pages>,
    /// How many pages a job may have.
    pub(crate) max_pages: u64,
    pub(crate) records: RecordsAt,
    /// What names a record.
    pub(crate) key: Option<Key>,
    /// The table of a database that the records go to.
    pub(crate) table: TableName,
    /// The columns of a CSV file, where the user chose them.
    pub(crate) columns: Option<Vec<String>>,
    /// Origins beside a job's own that its next links may lead to.
    pub(crate) allowed: Vec<Origin>,
    /// Told limits that hold for all of the URLs together.
    pub(crate) bounds: Vec<LimitSpec>,
    /// The one origin that the credentials are for; `None` where they are for whatever the user names.
    pub(crate) home: Option<Origin>,
    /// Query keys that hold secrets.
    pub(crate) secret_keys: Vec<String>,
    /// What answers mean where their status does not say it; and the same as the engine has to know it.
    pub(crate) rules: Rules,
    pub(crate) signs: Option<Arc<[(Sign, Meaning)]>>,
    /// Where the server says how many records there are.
    pub(crate) expect: Option<Place>,
    pub(crate) max_errors: Option<MaxErrors>,
    /// Where its records say when they changed, if a later run asks for what is new.
    pub(crate) since: Option<Since>,
    /// Which run of an endpoint that asks for what is new it follows, be it at one or several removes.
    pub(crate) follows: Option<String>,
    /// The members that the records of each job get from its parent, and what they are called there.
    pub(crate) kept: Vec<Box<str>>,
    pub(crate) keep: Vec<(String, abide_core::place::Path)>,
    /// What of each record children need.
    pub(crate) rows: Vec<abide_core::place::Path>,
    /// The most pages of this run.
    pub(crate) most_pages: Option<u64>,
    /// Where bodies are kept as they were received.
    pub(crate) raw: Option<PathBuf>,
    pub(crate) fresh: bool,
    pub(crate) if_complete: IfComplete,
}

/// The URLs to pull, each a job.
pub(crate) enum Input {
    Template {
        text: String,
        template: Template,
    },
    /// From a file or standard input.
    List(Vec<Box<str>>),
}

impl Plan {
    /// What the flags ask for.
    pub(crate) fn of_flags(args: &PullArgs) -> Result<Self> {
        let output = Output::of(args.output.as_deref())?;
        Self::new(Endpoint::of_flags(args)?, output, None, args)
    }

    /// `home` is the one origin that the credentials are for, if there is one.
    pub(crate) fn new(endpoint: Endpoint, output: Output, home: Option<Origin>, args: &PullArgs) -> Result<Self> {
        let Endpoint {
            name,
            target,
            form,
            records,
            pages,
            key,
            columns,
            allowed,
            rules,
            expect,
            max_errors,
            max_pages,
            since,
        } = endpoint;
        let (kept, keep_pages) = match &target {
            Target::Requests(requests) => (requests.kept.clone(), true),
            _ => (Vec::new(), false),
        };
        let input = Input::of(target)?;
        let one = input.len() == 1 && !matches!(output, Output::Folder(_));
        if matches!(output, Output::Folder(_)) && pages.as_ref().is_some_and(|pages| *pages != Pages::None) {
            return Err(Failure::usage(
                "one file an URL does not go with --pages; write the records of all pages to one file with -o NAME.ndjson",
            ));
        }
        if since.is_some() {
            can_ask_for_news(&output, key.as_ref(), input.len())?;
        }
        let named = name.as_deref().and_then(|name| name.parse().ok());
        Ok(Self {
            table: args.table.clone().or(named).unwrap_or_else(|| input.table()),
            name,
            form: Arc::new(form),
            bounds: input.bounds(&args.common.limit),
            input: Arc::new(input),
            output,
            pages: pages.or((one || keep_pages).then_some(Pages::Auto)),
            max_pages: args.max_pages.or(max_pages).unwrap_or(MAX_PAGES),
            records,
            key,
            columns,
            allowed: allowed.into_iter().map(|allowed| allowed.0).collect(),
            home,
            secret_keys: connect::secret_query_keys(&args.common),
            signs: rules.signs(),
            rules,
            expect,
            max_errors,
            since,
            follows: None,
            kept,
            keep: Vec::new(),
            rows: Vec::new(),
            most_pages: args.limit_pages,
            raw: args.raw.clone(),
            fresh: args.fresh,
            if_complete: args.if_complete,
        })
    }

    /// As it is spoken of.
    pub(crate) fn name(&self) -> String {
        self.name.clone().unwrap_or_else(|| self.output.to_string())
    }

    /// Where the rows are kept that children need, if there are any.
    pub(crate) fn rows_file(&self) -> Option<PathBuf> {
        let name = self.name.as_deref().unwrap_or("records");
        let base = match &self.output {
            _ if self.rows.is_empty() => None,
            Output::Postgres(address) => Some(address.journal(&self.table)),
            output => output.path().map(Path::to_owned),
        };
        base.map(|base| with_suffix(&base, &format!(".{name}-rows.ndjson")))
    }

    /// Where its first request goes.
    pub(crate) fn origin(&self) -> Option<String> {
        (self.input.len() > 0).then(|| self.input.url(0).origin().ascii_serialization())
    }

    /// The first request of a job, which asks from `bound` on where there is one.
    ///
    /// # Errors
    ///
    /// If a value has no place in this request.
    pub(crate) fn opening(&self, job: &Url, bound: Option<&str>) -> std::result::Result<Step, Unsettable> {
        let step = self.form.opening(job, self.pages.as_ref())?;
        let change = self.since.as_ref().zip(bound).map(|(since, bound)| since.change(bound));
        self.form.changed(&step, change.as_slice())
    }

    /// What the first run asks from.
    pub(crate) fn start(&self) -> Option<&str> {
        self.since.as_ref()?.start.as_deref()
    }

    /// Whether the credentials may go where this job is.
    pub(crate) fn trusts(&self, job: &Url) -> bool {
        self.home.as_ref().is_none_or(|home| *home == job.origin())
    }

    /// What decides the bytes of the output, by name and without credentials.
    pub(crate) fn config(&self) -> Vec<(&'static str, String)> {
        let pages = self.pages.as_ref().map_or_else(|| "none".to_owned(), Pages::to_string);
        let mut config = vec![("input", self.input.fingerprint(&self.secret_keys)), ("pages", pages)];
        if !matches!(self.output, Output::Folder(_)) {
            config.push(("records", self.records.to_string()));
        }
        if !self.kept.is_empty() {
            let names: Vec<&str> = self.keep.iter().map(|(name, _)| name.as_str()).collect();
            config.push((
                "keep",
                format!("{}, {:016x}", names.join(","), Digest::of(self.kept.concat().as_bytes()).as_u64()),
            ));
        }
        config.extend(self.since.as_ref().map(|since| ("since", since.to_string())));
        config.extend(self.follows.as_ref().map(|run| ("parent", run.clone())));
        config.extend(self.key.as_ref().map(|key| ("key", key.to_string())));
        config.extend(self.columns.as_ref().map(|columns| ("columns", columns.join(","))));
        // A plain GET says nothing that the input does not.
        config.extend(Some(self.form.fingerprint()).filter(|form| form != "GET").map(|form| ("request", form)));
        config
    }

    /// The name of each job's file.
    pub(crate) fn names(&self) -> Names {
        Names::plan((0..self.input.len()).map(|job| self.input.url(job)), self.secret_keys.clone())
    }
}

/// Refuses to ask for what is new where it could not be put to what is there.
fn can_ask_for_news(output: &Output, key: Option<&Key>, urls: u64) -> Result<()> {
    if !output.has_tables() {
        return Err(Failure::usage(format!(
            "since asks a later run for what is new, which takes the place of what it was, and in {output} nothing can be \
             replaced; write to NAME.sqlite or postgres://HOST/DATABASE, or leave since out and pull all of it again with --if-complete refetch"
        )));
    }
    if key.is_none() {
        return Err(Failure::usage(
            "since needs a key: what lies on the bound comes again, and only a key tells that it is there already; name the \
             fields that do, as key = \"id\" or --key id",
        ));
    }
    if urls != 1 {
        return Err(Failure::usage(format!(
            "since goes with one URL, and here are {urls}: each would have a bound of its own; give each an endpoint of its own"
        )));
    }
    Ok(())
}

/// The one host that all of these ask.
///
/// # Errors
///
/// If there are several: then nobody knows which credential is meant.
pub(crate) fn host(plans: &[Plan]) -> Result<String> {
    let of = |plan: &Plan| match &plan.home {
        Some(Origin::Tuple(_, host, _)) => host.to_string(),
        _ => plan.input.url(0).host_str().unwrap_or_default().to_owned(),
    };
    let hosts: std::collections::BTreeSet<String> = plans.iter().map(of).collect();
    match hosts.into_iter().collect::<Vec<_>>().as_slice() {
        [host] => Ok(host.clone()),
        hosts => Err(Failure::usage(format!(
            "the credentials of a netrc are those of one host, and here are {}; say with [api] base which one they are for",
            hosts.join(", ")
        ))),
    }
}

impl Input {
    fn of(target: Target) -> Result<Self> {
        match target {
            Target::Template { text, template } => Ok(Self::Template { text, template }),
            Target::List(path) => Self::read(&path),
            Target::Requests(requests) => Ok(Self::List(requests.urls)),
            Target::Children(parent) => {
                Err(Failure::usage(format!("'{}' has to be pulled before its children", parent.name)))
            }
            Target::Rows { from, pattern } => rows::urls(&from, &pattern).map(Self::List).map_err(Failure::usage),
        }
    }

    fn read(path: &Path) -> Result<Self> {
        let name = if path.as_os_str() == "-" { "standard input".to_owned() } else { path.display().to_string() };
        let collect = |input: &mut dyn BufRead| {
            UrlList::new(input)
                .map(|url| url.map(|url| Box::from(url.as_str())))
                .collect::<std::result::Result<_, UrlListError>>()
        };
        let urls: Vec<Box<str>> = if path.as_os_str() == "-" {
            collect(&mut std::io::stdin().lock())
        } else {
            let file =
                File::open(path).map_err(|e| Failure::usage(format!("the URLs in {name} can't be read: {e}")))?;
            collect(&mut BufReader::new(file))
        }
        .map_err(|e| Failure::usage(format!("{name}: {e}")))?;
        if urls.is_empty() {
            return Err(Failure::usage(format!("there is no URL in {name}")));
        }
        Ok(Self::List(urls))
    }

    /// A table for what is pulled, where the user names none.
    pub(crate) fn table(&self) -> TableName {
        match self {
            Self::Template { text, .. } => TableName::of_url(text),
            Self::List(urls) => TableName::of_url(&urls[0]),
        }
    }

    /// How many jobs there are.
    pub(crate) fn len(&self) -> u64 {
        match self {
            Self::Template { template, .. } => template.len(),
            Self::List(urls) => urls.len() as u64,
        }
    }

    /// The URL of a job below [`Self::len`].
    pub(crate) fn url(&self, job: u64) -> Url {
        match self {
            Self::Template { template, .. } => {
                let url = template.url(job).expect("a job is below the number of URLs");
                url.expect("every host was read with the first path, and every choice of the path with the first host")
            }
            Self::List(urls) => {
                let index = usize::try_from(job).expect("a job is below the number of URLs");
                Url::parse(&urls[index]).expect("it was written by the parser of URLs")
            }
        }
    }

    /// The limits that hold for all of the URLs, where they are on one origin: limits hold for each origin by itself.
    fn bounds(&self, limits: &[HostLimit]) -> Vec<LimitSpec> {
        let one_origin = match self {
            Self::Template { text, .. } => !origin(text).contains('{'),
            Self::List(urls) => urls.iter().all(|url| origin(url) == origin(&urls[0])),
        };
        if !one_origin || self.len() == 0 {
            return Vec::new();
        }
        let url = self.url(0);
        let holds = |limit: &&HostLimit| limit.host.is_none() || limit.host.as_deref() == url.host_str();
        limits.iter().filter(holds).flat_map(|limit| limit.limits.0.clone()).collect()
    }

    /// Tells inputs apart, without credentials.
    fn fingerprint(&self, secret_keys: &[String]) -> String {
        match self {
            Self::Template { text, .. } => without_secrets(text, secret_keys),
            Self::List(urls) => {
                let mut digest = Digest::EMPTY;
                for url in urls {
                    digest.update(without_secrets(url, secret_keys).as_bytes());
                    digest.update(b"\n");
                }
                format!("{} URLs, {:016x}", urls.len(), digest.as_u64())
            }
        }
    }
}

/// The beginning of a URL or a template, up to the path.
fn origin(text: &str) -> &str {
    let scheme = text.find("://").map_or(0, |at| at + 3);
    text[scheme..].find(['/', '?', '#']).map_or(text, |end| &text[..scheme + end])
}

/// A URL or a template without user and password and the secret query keys.
pub(crate) fn without_secrets(text: &str, secret_keys: &[String]) -> String {
    let (address, query) = text.split_once('?').map_or((text, None), |(address, query)| (address, Some(query)));
    let (scheme, rest) = address.split_once("://").unwrap_or(("", address));
    let authority = rest.find('/').unwrap_or(rest.len());
    let host = rest[..authority].rfind('@').map_or(0, |at| at + 1);
    let mut clean = format!("{scheme}://{}", &rest[host..]);
    let secret = |pair: &&str| {
        let key = url::form_urlencoded::parse(pair.as_bytes()).next().map(|(key, _)| key.into_owned());
        key.is_some_and(|key| secret_keys.contains(&key))
    };
    let kept: Vec<&str> = query.into_iter().flat_map(|query| query.split('&')).filter(|pair| !secret(pair)).collect();
    if !kept.is_empty() {
        clean += &format!("?{}", kept.join("&"));
    }
    clean
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fingerprint_holds_no_credential() {
        let keys = ["api_key".to_owned()];
        let clean = |text| without_secrets(text, &keys);
        assert_eq!(clean("https://ann:pw@x.test/{0..9}?a=1&api%5Fkey=s&b=2"), "https://x.test/{0..9}?a=1&b=2");
        assert_eq!(clean("https://x.test/@at?api_key=s"), "https://x.test/@at");
        assert_eq!(clean("https://x.test"), "https://x.test");
    }

    #[test]
    fn a_limit_bounds_a_pull_from_one_origin_alone() {
        let limits = ["50/5s".parse().unwrap(), "x.test=9/s".parse().unwrap(), "y.test=1/s".parse().unwrap()];
        let bounds = |text: &str| {
            let input = Input::Template { text: text.to_owned(), template: text.parse().unwrap() };
            input.bounds(&limits).iter().map(LimitSpec::to_string).collect::<Vec<_>>()
        };
        assert_eq!(bounds("https://x.test/{0..9}"), ["50/5s", "9/s"]);
        assert_eq!(bounds("https://z.test?a={0..9}"), ["50/5s"]);
        assert!(bounds("https://{x,y}.test/").is_empty());
        let list = |urls: &[&str]| Input::List(urls.iter().map(|url| Box::from(*url)).collect()).bounds(&limits).len();
        assert_eq!((list(&["http://z/a", "http://z/b"]), list(&["http://z/a", "http://y/b"])), (1, 0));
    }
}
