//! `[out]`: where the records of each endpoint go.

use std::path::{Path, PathBuf};

use super::section::Section;
use crate::args::PullArgs;
use crate::exit::{Failure, Result};
use crate::pull::output::Output;
use crate::pull::spec::Endpoint;

/// The output of each endpoint, in their order.
pub(super) fn outputs<T>(
    out: Option<&Section<'_>>,
    endpoints: &[(T, Endpoint)],
    args: &mut PullArgs,
) -> Result<Vec<Output>> {
    let (to, format, raw) = match out {
        Some(out) => (out.text("to")?, out.text("format")?, out.text("raw")?),
        None => (None, None, None),
    };
    args.raw = args.raw.take().or(raw.map(PathBuf::from));
    let to = args.output.clone().or(to.map(PathBuf::from));
    let is_folder = to.as_ref().is_some_and(|to| to.as_os_str().as_encoded_bytes().ends_with(b"/"));
    let Some(folder) = to.as_ref().filter(|_| is_folder) else {
        if to.is_some() && Output::of(to.as_deref())?.has_tables() {
            return endpoints.iter().map(|_| Output::of(to.as_deref())).collect();
        }
        let output = Output::of(to.as_deref())?;
        if endpoints.len() > 1 && !output.has_tables() {
            return Err(Failure::usage(format!(
                "{} endpoints can't go into one output of this kind; name a folder with a slash at its end ([out] to = \"NAME/\") for \
                 one file each, NAME.sqlite for a table each, or choose one with --only",
                endpoints.len()
            )));
        }
        return Ok(vec![output; endpoints.len()]);
    };
    let format = format.unwrap_or("ndjson");
    endpoints
        .iter()
        .map(|(_, endpoint)| {
            let name = endpoint.name.as_deref().unwrap_or("records");
            Output::of(Some(&Path::new(folder).join(format!("{name}.{format}"))))
        })
        .collect()
}
