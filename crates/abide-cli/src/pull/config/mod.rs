//! `abide pull FILE.toml`: the file says what the flags say, for many endpoints; flags given beside it come first.

mod api;
mod keys;
mod limits;
mod out;
mod pull;
mod schema;
mod section;

pub(crate) use self::schema::schema;

use std::path::Path;

use toml::de::DeTable;
use url::Origin;

use self::keys::FILE;
use self::section::{Section, Source};
use super::output::Output;
use super::spec::Endpoint;
use crate::args::PullArgs;
use crate::exit::{Failure, Result};

/// What a file asks for beyond what could be turned into flags.
#[derive(Debug)]
pub(crate) struct Config {
    pub(crate) endpoints: Vec<(Endpoint, Output)>,
    /// Where the credentials belong, if it says so.
    pub(crate) home: Option<Origin>,
}

impl Config {
    /// Reads a file. What it says of sending goes into `args`, unless a flag says otherwise.
    ///
    /// # Errors
    ///
    /// With the line, and without what stands on it: it may be a secret.
    pub(crate) fn read(path: &Path, args: &mut PullArgs) -> Result<Self> {
        let name = path.display().to_string();
        let text = std::fs::read_to_string(path).map_err(|e| Failure::usage(format!("{name} can't be read: {e}")))?;
        Self::of(Source { name: &name, text: &text }, args)
    }

    /// Refuses endpoints without a key whose parents are asked for what is new: what comes again could not be told.
    ///
    /// # Errors
    ///
    /// If there is one.
    pub(crate) fn keyless_followers(&self) -> Result<()> {
        let all: Vec<&Endpoint> = self.endpoints.iter().map(|(endpoint, _)| endpoint).collect();
        match all.iter().find(|endpoint| endpoint.key.is_none() && follows(endpoint, &all)) {
            None => Ok(()),
            Some(endpoint) => Err(Failure::usage(format!(
                "{} is asked for again for each record of its parent that has changed, since that has since; name with key what tells \
                 its records apart",
                endpoint.name.as_deref().unwrap_or_default()
            ))),
        }
    }

    fn of(source: Source<'_>, args: &mut PullArgs) -> Result<Self> {
        let table = DeTable::parse(source.text).map_err(|e| {
            source.error(e.span().map_or(0, |span| span.start), format!("this is not TOML: {}", e.message()))
        })?;
        let file = Section::new(source, "the file", FILE, table.get_ref())?;
        let api = file.section("api")?.map(|api| api::read(&api, args)).transpose()?.unwrap_or_default();
        if let Some(limits) = file.section("limits")? {
            limits::read(&limits, &mut args.common)?;
        }
        let pulls = file.sections("pull")?;
        if pulls.is_empty() {
            return Err(Failure::usage(format!("{}: there is no [[pull]]; add one with a path or a url", source.name)));
        }
        let mut endpoints = Vec::new();
        for pull in &pulls {
            let endpoint = pull::read(pull, api.base.as_ref())?;
            if endpoints.iter().any(|(_, known): &(_, Endpoint)| known.name == endpoint.name) {
                let name = endpoint.name.unwrap_or_default();
                return Err(pull.fault(format!("there are two endpoints called '{name}'; give one another name")));
            }
            endpoints.push((pull, endpoint));
        }
        for (pull, endpoint) in &endpoints {
            kin(pull, endpoint, &endpoints)?;
        }
        let all: Vec<Endpoint> = endpoints.iter().map(|(_, endpoint)| endpoint.clone()).collect();
        let chosen = chosen(endpoints, &args.only)?;
        let names: Vec<&str> = chosen.iter().filter_map(|(_, endpoint)| endpoint.name.as_deref()).collect();
        left_behind(&all.iter().collect::<Vec<_>>(), &names)?;
        let outputs = out::outputs(file.section("out")?.as_ref(), &chosen, args)?;
        let endpoints = chosen.into_iter().map(|(_, endpoint)| endpoint).zip(outputs).collect();
        Ok(Self { endpoints, home: api.base.map(|base| base.origin()) })
    }
}

/// Refuses a parent that is not there, and one that is its own descendant.
fn kin(pull: &Section<'_>, endpoint: &Endpoint, all: &[(&Section<'_>, Endpoint)]) -> Result<()> {
    let mut at = endpoint;
    for _ in 0..=all.len() {
        let Some(parent) = at.parent() else { return Ok(()) };
        let named = all.iter().find(|(_, known)| known.name.as_deref() == Some(parent));
        let Some((_, named)) = named else {
            let names: Vec<&str> = all.iter().filter_map(|(_, known)| known.name.as_deref()).collect();
            return Err(pull.error("for", format!("there is no endpoint '{parent}'; there are: {}", names.join(", "))));
        };
        at = named;
    }
    Err(pull.error("for", "its parents lead back to itself"))
}

/// Whether an ancestor of the endpoint is asked for what is new. Nobody is an ancestor of itself.
fn follows(endpoint: &Endpoint, all: &[&Endpoint]) -> bool {
    let parent = all.iter().find(|known| known.name.as_deref() == endpoint.parent() && known.name.is_some());
    parent.is_some_and(|parent| parent.since.is_some() || follows(parent, all))
}

/// Refuses to ask for what is new and to leave out the children, who would never hear of it.
fn left_behind(all: &[&Endpoint], chosen: &[&str]) -> Result<()> {
    let is_chosen = |name: Option<&str>| name.is_some_and(|name| chosen.contains(&name));
    let left = all.iter().find(|endpoint| {
        !is_chosen(endpoint.name.as_deref()) && is_chosen(endpoint.parent()) && follows(endpoint, all)
    });
    match left.and_then(|endpoint| endpoint.name.as_deref()) {
        None => Ok(()),
        Some(name) => Err(Failure::usage(format!(
            "--only leaves out {name}, which would never hear of what is new of its parent; give --only {name} as well"
        ))),
    }
}

/// The endpoints that were asked for by name, all if none was.
fn chosen<T>(mut endpoints: Vec<(T, Endpoint)>, only: &[String]) -> Result<Vec<(T, Endpoint)>> {
    let names: Vec<String> = endpoints.iter().filter_map(|(_, endpoint)| endpoint.name.clone()).collect();
    if let Some(wrong) = only.iter().find(|name| !names.contains(name)) {
        let names = names.join(", ");
        return Err(Failure::usage(format!("--only {wrong}: there is no endpoint of that name; there are: {names}")));
    }
    if !only.is_empty() {
        // Who is asked for brings those along whose records it is asked for.
        let mut wanted: Vec<String> = only.to_vec();
        while let Some(more) = endpoints.iter().find_map(|(_, endpoint)| {
            let is_wanted = endpoint.name.as_ref().is_some_and(|name| wanted.contains(name));
            endpoint.parent().filter(|parent| is_wanted && !wanted.iter().any(|name| name == parent))
        }) {
            wanted.push(more.to_owned());
        }
        endpoints.retain(|(_, endpoint)| endpoint.name.as_ref().is_some_and(|name| wanted.contains(name)));
    }
    Ok(endpoints)
}

#[cfg(test)]
mod tests;
