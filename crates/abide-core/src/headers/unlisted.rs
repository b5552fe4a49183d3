//! Vendors that no row of the table knows, read by the grammar alone. Their formats are from their documentation.

use serde_json::{Value, json};

use super::tests::{read_from, wall};

/// Reads a response at 2026-01-01T00:00:00Z, and picks the given keys out of its summary.
fn told(status: u16, fields: &[(&str, &str)], body: Option<&str>, keys: &[&str]) -> Value {
    let signal = read_from("api.unlisted.example", status, fields, body);
    let summary = signal.summary(wall(0), None).to_json();
    keys.iter().map(|key| ((*key).to_owned(), summary[*key].clone())).collect::<serde_json::Map<_, _>>().into()
}

/// The fields of one vendor, and the limit, what remains and the seconds to the reset that they tell.
type Case<'a> = (&'a str, &'a [(&'a str, &'a str)], Value);

fn trio(fields: &[(&str, &str)]) -> Value {
    let told = told(200, fields, None, &["limit", "remaining", "reset_after_s"]);
    json!([told["limit"], told["remaining"], told["reset_after_s"]])
}

#[test]
fn counts_and_resets_stand_under_many_names() {
    let limits: &[Case<'_>] = &[
        (
            "BigCommerce",
            &[
                ("X-Rate-Limit-Requests-Left", "149"),
                ("X-Rate-Limit-Requests-Quota", "150"),
                ("X-Rate-Limit-Time-Reset-Ms", "29500"),
                ("X-Rate-Limit-Time-Window-Ms", "30000"),
            ],
            json!([150, 149, 29.5]),
        ),
        (
            "Trello",
            &[
                ("x-rate-limit-api-token-interval-ms", "10000"),
                ("x-rate-limit-api-token-max", "100"),
                ("x-rate-limit-api-token-remaining", "99"),
                ("x-rate-limit-api-key-interval-ms", "10000"),
                ("x-rate-limit-api-key-max", "300"),
                ("x-rate-limit-api-key-remaining", "299"),
            ],
            json!([100, 99, null]),
        ),
        (
            "Etsy",
            &[
                ("x-limit-per-second", "10"),
                ("x-remaining-this-second", "9"),
                ("x-limit-per-day", "10000"),
                ("x-remaining-today", "42"),
            ],
            json!([10000, 42, null]),
        ),
        (
            "Yelp",
            &[
                ("RateLimit-DailyLimit", "5000"),
                ("RateLimit-Remaining", "4999"),
                ("RateLimit-ResetTime", "2026-01-02T00:00:00+00:00"),
            ],
            json!([5000, 4999, 86400]),
        ),
        (
            "GitLab",
            &[
                ("RateLimit-Limit", "600"),
                ("RateLimit-Name", "throttle_authenticated_web"),
                ("RateLimit-Observed", "1"),
                ("RateLimit-Remaining", "599"),
                ("RateLimit-Reset", "1767225660"),
                ("RateLimit-ResetTime", "Thu, 01 Jan 2026 00:01:00 GMT"),
            ],
            json!([600, 599, 60]),
        ),
        (
            "LaunchDarkly",
            &[
                ("X-Ratelimit-Global-Remaining", "9"),
                ("X-Ratelimit-Route-Remaining", "4"),
                ("X-Ratelimit-Reset", "1767225605000"),
            ],
            json!([null, 4, 5]),
        ),
        (
            "Basecamp",
            &[(
                "X-RateLimit",
                r#"{"name":"General API limit","period":10,"limit":50,"remaining":49,"until":"2026-01-01T00:00:10Z"}"#,
            )],
            json!([50, 49, 10]),
        ),
        (
            "Mistral",
            &[
                ("x-ratelimit-limit-req-minute", "60"),
                ("x-ratelimit-remaining-req-minute", "59"),
                ("x-ratelimit-limit-tokens-minute", "500000"),
                ("x-ratelimit-remaining-tokens-minute", "1000"),
                ("x-ratelimit-tokens-query-cost", "32"),
            ],
            json!([500000, 1000, null]),
        ),
        (
            "Imgur",
            &[
                ("X-RateLimit-ClientLimit", "12500"),
                ("X-RateLimit-ClientRemaining", "12000"),
                ("X-RateLimit-UserLimit", "500"),
                ("X-RateLimit-UserRemaining", "10"),
                ("X-RateLimit-UserReset", "1767229200"),
                ("X-Post-Rate-Limit-Limit", "1250"),
                ("X-Post-Rate-Limit-Remaining", "1250"),
                ("X-Post-Rate-Limit-Reset", "3600"),
            ],
            json!([500, 10, 3600]),
        ),
        (
            "Pipedrive",
            &[
                ("x-ratelimit-limit", "80"),
                ("x-ratelimit-remaining", "79"),
                ("x-ratelimit-reset", "2"),
                ("x-daily-requests-left", "9999"),
            ],
            json!([80, 79, 2]),
        ),
        (
            "Freshdesk",
            &[
                ("X-Ratelimit-Total", "1000"),
                ("X-Ratelimit-Remaining", "998"),
                ("X-Ratelimit-Used-CurrentRequest", "2"),
            ],
            json!([1000, 998, null]),
        ),
        (
            "Guardian",
            &[
                ("X-RateLimit-Limit-day", "5000"),
                ("X-RateLimit-Limit-minute", "720"),
                ("X-RateLimit-Remaining-day", "4"),
                ("X-RateLimit-Remaining-minute", "700"),
            ],
            json!([5000, 4, null]),
        ),
        ("Salesforce", &[("Sforce-Limit-Info", "api-usage=18/5000")], json!([5000, 4982, null])),
        ("EVE ESI", &[("x-esi-error-limit-remain", "100"), ("x-esi-error-limit-reset", "42")], json!([null, 100, 42])),
        ("Recharge", &[("X-Recharge-Limit", "1/40")], json!([40, 39, null])),
        ("Toggl", &[("X-Toggl-Quota-Remaining", "29"), ("X-Toggl-Quota-Resets-In", "3501")], json!([null, 29, 3501])),
        (
            "Aircall",
            &[("X-AircallApi-Limit", "60"), ("X-AircallApi-Remaining", "59"), ("X-AircallApi-Reset", "1767225630000")],
            json!([60, 59, 30]),
        ),
        (
            "Cohere",
            &[("x-trial-endpoint-call-limit", "40"), ("x-trial-endpoint-call-remaining", "39")],
            json!([40, 39, null]),
        ),
        (
            "Pinterest",
            &[
                (
                    "x-ratelimit-limit",
                    r#"100, 100;w=1;name="safety_net_app_id_user_id", 1000;w=60;name="org_read_app_id""#,
                ),
                ("x-ratelimit-remaining", "98"),
                ("x-ratelimit-reset", "0.25"),
            ],
            json!([100, 98, 0.25]),
        ),
        (
            "Riot",
            &[
                ("X-App-Rate-Limit", "100:120,20:1"),
                ("X-App-Rate-Limit-Count", "100:120,5:1"),
                ("X-Method-Rate-Limit", "2000:60"),
                ("X-Method-Rate-Limit-Count", "4:60"),
            ],
            json!([100, 0, null]),
        ),
        (
            "Contentful",
            &[
                ("X-Contentful-RateLimit-Hour-Limit", "36000"),
                ("X-Contentful-RateLimit-Hour-Remaining", "35883"),
                ("X-Contentful-RateLimit-Second-Limit", "10"),
                ("X-Contentful-RateLimit-Second-Remaining", "8"),
                ("X-Contentful-RateLimit-Reset", "0"),
            ],
            json!([10, 8, 0]),
        ),
        (
            "Dynamics 365",
            &[
                ("x-ms-ratelimit-time-remaining-xrm-requests", "1,200.00"),
                ("x-ms-ratelimit-burst-remaining-xrm-requests", "5999"),
            ],
            json!([null, 1200, null]),
        ),
        (
            "Mapbox",
            &[("X-Rate-Limit-Interval", "60"), ("X-Rate-Limit-Limit", "300"), ("X-Rate-Limit-Reset", "1767225660")],
            json!([300, null, 60]),
        ),
        (
            "Netlify",
            &[
                ("X-RateLimit-Limit", "500"),
                ("X-RateLimit-Remaining", "499"),
                ("X-RateLimit-Reset", "2026-01-01 00:00:07 UTC"),
            ],
            json!([500, 499, 7]),
        ),
        (
            "GoCardless",
            &[
                ("RateLimit-Limit", "1000"),
                ("RateLimit-Remaining", "0"),
                ("RateLimit-Reset", "Thu, 01 Jan 2026 00:01:00 GMT"),
            ],
            json!([1000, 0, 60]),
        ),
        (
            "Mashery",
            &[
                ("X-Plan-Qps-Allotted", "5"),
                ("X-Plan-Quota-Allotted", "1000"),
                ("X-Plan-Quota-Current", "7"),
                ("X-Plan-Quota-Reset", "2026-01-02T00:00:00Z"),
            ],
            json!([1000, 993, 86400]),
        ),
        (
            "Spring Cloud Gateway",
            &[
                ("X-RateLimit-Remaining", "19"),
                ("X-RateLimit-Burst-Capacity", "20"),
                ("X-RateLimit-Replenish-Rate", "10"),
                ("X-RateLimit-Requested-Tokens", "1"),
            ],
            json!([20, 19, null]),
        ),
        (
            "Together",
            &[
                ("x-ratelimit-limit", "10"),
                ("x-ratelimit-remaining", "9"),
                ("x-ratelimit-reset", "1"),
                ("x-tokenlimit-limit", "3000"),
                ("x-tokenlimit-remaining", "100"),
            ],
            json!([3000, 100, null]),
        ),
    ];
    let mut wrong = vec![];
    for (vendor, fields, expected) in limits {
        let read = trio(fields);
        if read != *expected {
            wrong.push(format!("{vendor}: expected {expected}, read {read}"));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}
