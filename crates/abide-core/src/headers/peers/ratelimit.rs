//! The fields of the RateLimit drafts, and blocks of fields as lenient readers take them.

use std::fmt::Write as _;

use serde_json::Value;

use super::{Choice, Vector, now, read, secs, texts, vectors};
use crate::headers::ratelimit::{self, Member};
use crate::headers::{Told, grammar};
use crate::time::Wall;

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

fn assert_policy(member: &Member<'_>, expected: &Value) {
    assert_eq!(member.name.as_deref(), expected["name"].as_str());
    assert_eq!(member.quota.or(member.number), expected["quota"].as_u64());
    assert_eq!(member.window, secs(&expected["window_s"]));
    assert_eq!(member.unit.as_deref(), expected["unit"].as_str());
    assert_eq!(member.partition.as_deref().map(hex).as_deref(), expected["partition_key_hex"].as_str());
}

fn assert_limit(member: &Member<'_>, expected: &Value) {
    assert_eq!(member.name.as_deref(), expected["name"].as_str());
    assert_eq!(member.remaining, expected["remaining"].as_u64());
    assert_eq!(member.reset, secs(&expected["reset_after_s"]));
    assert_eq!(member.partition.as_deref().map(hex).as_deref(), expected["partition_key_hex"].as_str());
}

/// Parameters that no draft gives a meaning are not kept, and so not compared.
fn field(vector: &Vector) {
    let value = texts(&vector.input["value"]).join(", ");
    let name = vector.input["field"].as_str().unwrap().to_ascii_lowercase();
    let expect = &vector.expect;
    let members = ratelimit::list(&value);
    let members = members.as_deref().unwrap_or_default();
    if expect["error"] == true {
        assert!(members.is_empty());
        // Nor does the reader as a whole make anything of it.
        assert_eq!(read("api.example", 200, &[(&name, &value)], None, now(&vector.input)).quotas, []);
        return;
    }
    match name.as_str() {
        "ratelimit-limit" => {
            assert_eq!(members[0].number, expect["limit"].as_u64());
            let policies = expect["policies"].as_array().unwrap();
            assert_eq!(members.len() - 1, policies.len());
            members[1..].iter().zip(policies).for_each(|(member, policy)| assert_policy(member, policy));
        }
        "ratelimit-policy" => {
            let policies = expect["policies"].as_array().unwrap();
            assert_eq!(members.len(), policies.len());
            members.iter().zip(policies).for_each(|(member, policy)| assert_policy(member, policy));
        }
        "ratelimit-reset" => {
            let signal = read("api.example", 200, &[(&name, &value)], None, now(&vector.input));
            assert_eq!(signal.quotas[0].reset, secs(&expect["reset_after_s"]));
        }
        _ if expect["limits"].is_array() => {
            let limits = expect["limits"].as_array().unwrap();
            assert_eq!(members.len(), limits.len());
            members.iter().zip(limits).for_each(|(member, limit)| assert_limit(member, limit));
        }
        _ => {
            let read = ratelimit::dictionary(&value).unwrap();
            assert_eq!(read.limit, expect["limit"].as_u64());
            assert_eq!(read.remaining, expect["remaining"].as_u64());
            assert_eq!(read.reset, secs(&expect["reset_after_s"]));
        }
    }
    assert!(grammar::may_matter(&name) && grammar::understand(&name).is_some());
}

fn lenient(vector: &Vector) {
    let headers = vector.input["headers"].as_object().unwrap();
    let fields: Vec<_> = headers.iter().map(|(name, value)| (name.as_str(), value.as_str().unwrap())).collect();
    let signal = read("api.example", 200, &fields, None, now(&vector.input));
    let expect = &vector.expect;
    // An epoch of long ago has passed.
    let quota = &signal.quotas[0];
    assert_eq!(quota.limit, expect["limit"].as_u64().filter(|_| vector.choice != Some(Choice::NotDerived)));
    assert_eq!(quota.remaining, expect["remaining"].as_u64());
    let moment = expect["reset_epoch_s"].as_i64().map(|secs| Told::At(Wall::from_secs(secs)));
    assert_eq!(quota.told_reset, secs(&expect["reset_after_s"]).map(Told::After).or(moment));
}

vectors!(field:
    draft_03_limit_plain = "ratelimit-field/03-limit-plain";
    draft_03_limit_one = "ratelimit-field/03-limit-one";
    draft_03_limit_four = "ratelimit-field/03-limit-four";
    draft_03_limit_burst = "ratelimit-field/03-limit-burst";
    draft_03_limit_big = "ratelimit-field/03-limit-big";
    draft_04_policy_one = "ratelimit-field/04-policy-one";
    draft_04_policy_four = "ratelimit-field/04-policy-four";
    draft_05_policy_one = "ratelimit-field/05-policy-one";
    draft_05_policy_four = "ratelimit-field/05-policy-four";
    draft_06_policy_one = "ratelimit-field/06-policy-one";
    draft_06_policy_four = "ratelimit-field/06-policy-four";
    draft_06_policy_same_quota = "ratelimit-field/06-policy-same-quota";
    draft_03_reset = "ratelimit-field/03-reset";
    draft_06_reset = "ratelimit-field/06-reset";
    draft_07_basic = "ratelimit-field/07-basic";
    draft_07_redirect = "ratelimit-field/07-redirect";
    draft_07_day = "ratelimit-field/07-day";
    draft_07_exhausted = "ratelimit-field/07-exhausted";
    draft_08_default = "ratelimit-field/08-default";
    draft_09_default = "ratelimit-field/09-default";
    draft_10_default = "ratelimit-field/10-default";
    draft_08_permin = "ratelimit-field/08-permin";
    draft_10_peruser = "ratelimit-field/10-peruser";
    draft_10_pk = "ratelimit-field/10-pk";
    draft_10_daily = "ratelimit-field/10-daily";
    draft_10_token_policy = "ratelimit-field/10-token-policy";
    draft_10_bad_letter = "ratelimit-field/10-bad-letter";
    draft_10_bad_open_string = "ratelimit-field/10-bad-open-string";
    draft_10_bad_empty_item = "ratelimit-field/10-bad-empty-item";
    draft_10_decimal = "ratelimit-field/10-decimal";
);
vectors!(lenient:
    mre_reddit = "ratelimit-field-lenient/mre-reddit";
    mre_github = "ratelimit-field-lenient/mre-github";
    mre_upper = "ratelimit-field-lenient/mre-upper";
    mre_sendgrid = "ratelimit-field-lenient/mre-sendgrid";
);
