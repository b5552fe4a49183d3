//! `abide pull`: all records of an API, to disk, in order, through any limit and any kill.

mod body;
mod chain;
mod config;
mod endpoint;
mod errand;
mod fetch;
mod journal;
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
mod sink;
mod spec;
mod summary;
mod table;
mod template;
mod tokens;
mod traces;
pub(crate) mod urls;

pub(crate) use abide_core::page::Pages;
pub(crate) use records::RecordsAt;
pub(crate) use sink::key::Key;
pub(crate) use sink::table::name::TableName;
pub(crate) use spec::Allowed;

use std::io::Write;
use std::path::Path;
use std::time::Duration;

use crate::args::PullArgs;
use crate::connect;
use crate::exit::{Failure, Result};
use config::Config;
use plan::Plan;

const MAX_WAIT: Duration = Duration::from_secs(60 * 60);

/// Runs the verb.
pub(crate) async fn run(mut args: PullArgs) -> Result<()> {
    if args.schema {
        return writeln!(std::io::stdout(), "{:#}", config::schema()).map_err(|e| Failure::stdout(&e));
    }
    let plans: Vec<Plan> = match args.url.as_slice() {
        [file] if file.ends_with(".toml") && !file.contains("://") => {
            let config = Config::read(Path::new(&file.clone()), &mut args)?;
            let plan = |(endpoint, output)| Plan::new(endpoint, output, config.home.clone(), &args);
            config.endpoints.into_iter().map(plan).collect::<Result<_>>()?
        }
        _ if !args.only.is_empty() => return Err(Failure::usage("--only chooses among the endpoints of a FILE.toml")),
        _ => vec![Plan::of_flags(&args)?],
    };
    if let Some(netrc) = args.common.more.netrc.take() {
        args.common.more.login = Some(netrc.read(&plan::host(&plans)?).map_err(Failure::usage)?);
    }
    let client = connect::client(&args.common, MAX_WAIT, true)?;
    run::pull(plans, client, &args).await
}
