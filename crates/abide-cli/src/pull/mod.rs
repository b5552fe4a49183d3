//! `abide pull`: all records of an API, to disk, in order, through any limit and any kill.

mod body;
mod chain;
mod endpoint;
mod errand;
mod fetch;
mod journal;
mod names;
mod output;
mod plan;
mod progress;
mod records;
mod report;
mod request;
mod run;
mod sink;
mod summary;
mod table;
mod template;
mod traces;
pub(crate) mod urls;

pub(crate) use abide_core::page::Pages;
pub(crate) use records::RecordsAt;
pub(crate) use sink::key::Key;
pub(crate) use sink::table::name::TableName;

use crate::args::PullArgs;
use crate::connect;
use crate::exit::Result;
use std::time::Duration;

const MAX_WAIT: Duration = Duration::from_secs(60 * 60);

/// Runs the verb.
pub(crate) async fn run(args: PullArgs) -> Result<()> {
    let plan = plan::Plan::of_flags(&args)?;
    let client = connect::client(&args.common, MAX_WAIT, true)?;
    run::pull(vec![plan], client, &args).await
}
