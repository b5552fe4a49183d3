//! `abide pull`: all records of an API, to disk, in order, through any limit and any kill.

mod answers;
mod body;
mod chain;
mod check;
mod config;
mod endpoint;
mod errand;
mod expect;
mod fetch;
mod journal;
mod kin;
mod names;
mod output;
mod pattern;
mod plan;
mod progress;
mod raw;
mod records;
mod report;
mod request;
mod rows;
mod run;
mod since;
mod sink;
mod spec;
mod summary;
mod table;
mod template;
mod tokens;
mod traces;
pub(crate) mod urls;

pub(crate) use abide_core::page::Pages;
pub(crate) use answers::Rule;
pub(crate) use expect::MaxErrors;
pub(crate) use records::RecordsAt;
pub(crate) use since::Since;
pub(crate) use sink::key::Key;
pub(crate) use sink::table::name::TableName;
pub(crate) use spec::Allowed;

use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;
use std::time::Duration;

use crate::args::PullArgs;
use crate::connect;
use crate::exit::{Failure, Result};
use abide_core::place::Path as Place;
use config::Config;
use plan::Plan;
use run::Child;
use spec::Target;

const MAX_WAIT: Duration = Duration::from_secs(60 * 60);

/// Runs the verb.
pub(crate) async fn run(mut args: PullArgs) -> Result<()> {
    if args.schema {
        return writeln!(std::io::stdout(), "{:#}", config::schema()).map_err(|e| Failure::stdout(&e));
    }
    let (plans, children) = match args.url.as_slice() {
        [file] if file.ends_with(".toml") && !file.contains("://") => {
            let config = Config::read(Path::new(&file.clone()), &mut args)?;
            family(config, &args)?
        }
        _ if !args.only.is_empty() => return Err(Failure::usage("--only chooses among the endpoints of a FILE.toml")),
        _ => (vec![Plan::of_flags(&args)?], Vec::new()),
    };
    if args.plan {
        return check::plan(&plans, &children);
    }
    if let Some(netrc) = args.common.more.netrc.take() {
        args.common.more.login = Some(netrc.read(&plan::host(&plans)?).map_err(Failure::usage)?);
    }
    let client = connect::client(&args.common, MAX_WAIT, true)?;
    if args.check {
        return check::check(&plans, &children, &client, &args).await;
    }
    run::pull(plans, children, client, &args).await
}

/// The endpoints that can begin, and those that are asked for the records of others.
fn family(config: Config, args: &PullArgs) -> Result<(Vec<Plan>, Vec<Child>)> {
    let mut needed: BTreeMap<String, Vec<Place>> = BTreeMap::new();
    for (endpoint, _) in &config.endpoints {
        if let Target::Children(parent) = &endpoint.target {
            let places = needed.entry(parent.name.clone()).or_default();
            for place in parent.places().filter(|place| !places.contains(place)).cloned().collect::<Vec<_>>() {
                if !places.contains(&place) {
                    places.push(place);
                }
            }
        }
    }
    config.keyless_followers()?;
    let (mut plans, mut children) = (Vec::new(), Vec::new());
    for (endpoint, output) in config.endpoints {
        let rows = endpoint.name.as_ref().and_then(|name| needed.get(name)).cloned().unwrap_or_default();
        let is_file = output.path().is_some() && !matches!(output, output::Output::Folder(_));
        if !rows.is_empty() && !is_file {
            let name = endpoint.name.unwrap_or_default();
            return Err(Failure::usage(format!(
                "{name} has children, so its records have to be kept; name a file with -o or [out] to"
            )));
        }
        let home = config.home.clone();
        if let Target::Children(parent) = endpoint.target.clone() {
            children.push(Child { endpoint, output, home, parent: *parent, rows });
        } else {
            let mut plan = Plan::new(endpoint, output, home, args)?;
            plan.rows = rows;
            plans.push(plan);
        }
    }
    Ok((plans, children))
}
