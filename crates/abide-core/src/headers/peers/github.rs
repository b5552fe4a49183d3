//! GitHub's kinds of limit, and how long to wait for each.

use serde_json::{Value, json};

use super::{Choice, Vector, now, read, secs, vectors};
use crate::headers::Wait;

fn github_wait(vector: &Vector) {
    let input = &vector.input;
    let headers = input["headers"].as_object().unwrap();
    let fields: Vec<_> = headers.iter().map(|(name, value)| (name.as_str(), value.as_str().unwrap())).collect();
    let body = match (&input["body"], &input["message"]) {
        (Value::Null, Value::Null) => None,
        (Value::Null, message) => Some(json!({ "message": message }).to_string()),
        (body, _) => Some(body.to_string()),
    };
    let signal = read("api.github.com", input["status"].as_u64().unwrap(), &fields, body.as_deref(), now(input));
    assert_eq!(signal.refusal.is_some(), vector.expect["kind"] != "none");
    let told = match signal.wait {
        Some(Wait::For(wait)) => Some(wait),
        Some(Wait::Absurd(_)) => None,
        None => signal.quotas.iter().find(|quota| quota.remaining == Some(0)).and_then(|quota| quota.reset),
    };
    let margin = if vector.choice == Some(Choice::NoMargin) { 1 } else { 0 };
    let expected = secs(&vector.expect["wait_s"]).map(|wait| wait - std::time::Duration::from_secs(margin));
    if expected.is_some() {
        assert_eq!(told, expected);
    }
}

vectors!(github_wait:
    secondary_header = "github-wait/secondary-header";
    secondary_blank = "github-wait/secondary-blank";
    primary_future = "github-wait/primary-future";
    graphql_other = "github-wait/graphql-other";
    not_found = "github-wait/not-found";
);
