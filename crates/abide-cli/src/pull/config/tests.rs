use std::path::PathBuf;

use clap::Parser;

use super::*;
use crate::args::{Cli, Verb};
use crate::pull::sink::file::format::Format;

pub(super) fn args(flags: &[&str]) -> PullArgs {
    match Cli::parse_from([&["abide", "pull", "x.toml"], flags].concat()).verb {
        Verb::Pull(args) => *args,
        other => panic!("{other:?}"),
    }
}

fn read(text: &str, flags: &[&str]) -> std::result::Result<(Config, PullArgs), String> {
    let mut args = args(flags);
    let config = Config::of(Source { name: "x.toml", text }, &mut args);
    config.map(|config| (config, args)).map_err(|failure| failure.message.unwrap_or_default())
}

#[test]
fn flags_come_before_what_the_file_says() {
    let text = "[limits]\nconcurrency = 3\nmax_wait = '2min'\nrate = ['10/s', '5000/day']\nbusy = 503\npace = 'even'\n\
                [[pull]]\nurl = 'https://x.test/items'\n[out]\nto = 'a.ndjson'";
    let (config, args) = read(text, &["--max-wait", "9s", "--limit", "1/s"]).unwrap();
    assert_eq!((args.common.concurrency, args.common.max_wait.unwrap().0.as_secs()), (Some(3), 9));
    assert_eq!((args.common.limit.len(), args.common.more.busy.len()), (3, 1));
    let [(endpoint, output)] = config.endpoints.as_slice() else { panic!("{config:?}") };
    assert_eq!(
        (endpoint.name.as_deref(), output),
        (Some("items"), &Output::File(PathBuf::from("a.ndjson"), Format::NDJSON))
    );
}

#[test]
fn what_is_not_known_is_named_with_its_line_and_a_guess() {
    for (text, why) in [
        (
            "[[pull]]\nurl = 'https://x.test/a'\nrecord = 'x'",
            "x.toml, line 3: pull has no key 'record': did you mean 'records'?",
        ),
        ("[apis]\n", "line 1: the file has no key 'apis': did you mean 'api'?"),
        ("[limits]\nbase = 'x'", "line 2: limits has no key 'base': it belongs into [api]"),
        ("[api]\nbase = \"x\"y", "line 2: this is not TOML"),
        (
            "[limits]\nrate = 5",
            "line 2: rate: a text, or a list of texts, was expected, and there is a value of type integer",
        ),
        ("[limits]\nrate = ['5/s', '5/m']", "line 2: rate: "),
        ("[limits]\nbusy = [99]", "line 2: busy: 99 is not the status"),
        ("", "there is no [[pull]]"),
        ("[[pull]]\nname = 'a'", "line 2: pull: it says nothing of where to ask"),
        ("[[pull]]\nname = 'a'\npath = '/a'", "line 3: path: it goes behind [api] base"),
        (
            "[[pull]]\nurl = 'https://x.test/a'\n[[pull]]\nurl = 'https://y.test/a'",
            "line 4: pull: there are two endpoints called 'a'",
        ),
        ("[[pull]]\nurl = 'https://x.test/a'\npages = { cursor = 'body.c' }", "line 3: pages: 'send=SLOT' is missing"),
        ("[[pull]]\nname = '../a'\nurl = 'https://x.test/a'", "line 2: name: letters, digits"),
    ] {
        let error = read(text, &[]).map(|_| ()).unwrap_err();
        assert!(error.contains(why), "{text}\n{error}");
    }
}

#[test]
fn a_secret_in_the_file_is_refused_and_not_repeated() {
    for text in [
        "[api]\nauth = { bearer = 's3cret' }",
        "[api]\nauth = { bearer = ['env:A', 's3cret'] }",
        "[api]\nauth = { basic = 'ann:s3cret' }",
        "[api]\nauth = { basic = { user = 'ann', password = 's3cret' } }",
        "[api]\nauth = { api_key = { 'query.key' = 's3cret' } }",
        "[api]\nauth = { oauth2 = { token_url = 'https://x.test/', id = 'i', secret = 's3cret' } }",
        "[api]\nheaders = { X-Api-Key = 's3cret' }",
        "[api]\nheaders = { Authorization = 'Bearer s3cret' }",
        "[api]\nbase = 'https://ann:s3cret@x.test'",
        "[[pull]]\nurl = 'https://x.test/a'\nquery = { api_key = 's3cret' }",
        "[[pull]]\nurl = 'https://x.test/a'\nheaders = { X-Token = 's3cret' }",
        "[api]\nbearer = 's3cret",
    ] {
        let error = read(text, &[]).map(|_| ()).unwrap_err();
        assert!(!error.contains("s3cret") && error.contains("line"), "{error}");
    }
}

#[test]
fn several_endpoints_have_a_file_each_and_can_be_chosen() {
    let folder = tempfile::tempdir().unwrap();
    let to = folder.path().join("out/");
    let text = format!(
        "[api]\nbase = 'https://x.test/v1'\n[out]\nto = '{}/'\n[[pull]]\npath = 'a'\n[[pull]]\npath = '/b?x=1'\nquery = {{ y = 2 }}",
        to.display().to_string().trim_end_matches('/')
    );
    let (config, _) = read(&text, &[]).unwrap();
    let outputs: Vec<String> = config.endpoints.iter().map(|(_, output)| output.to_string()).collect();
    assert_eq!(outputs, ["a", "b"].map(|name| to.join(format!("{name}.ndjson")).display().to_string()));
    assert_eq!(config.home.map(|home| home.ascii_serialization()).as_deref(), Some("https://x.test"));
    let (config, _) = read(&text, &["--only", "b"]).unwrap();
    let [(endpoint, _)] = config.endpoints.as_slice() else { panic!("{config:?}") };
    assert!(
        matches!(&endpoint.target, super::super::spec::Target::Template { text, .. } if text == "https://x.test/v1/b?x=1&y=2")
    );
    assert!(read(&text, &["--only", "c"]).unwrap_err().contains("there are: a, b"));
    assert!(read(&text, &["-o", "x.ndjson"]).unwrap_err().contains("--only"));
}
