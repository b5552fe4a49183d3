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
        (
            "SurveyMonkey",
            &[
                ("X-Ratelimit-App-Global-Minute-Limit", "120"),
                ("X-Ratelimit-App-Global-Minute-Remaining", "119"),
                ("X-Ratelimit-App-Global-Minute-Reset", "23"),
                ("X-Ratelimit-App-Global-Day-Limit", "500"),
                ("X-Ratelimit-App-Global-Day-Remaining", "5"),
                ("X-Ratelimit-App-Global-Day-Reset", "86000"),
            ],
            json!([500, 5, 86000]),
        ),
        (
            "Ticketmaster",
            &[
                ("Rate-Limit", "5000"),
                ("Rate-Limit-Available", "4723"),
                ("Rate-Limit-Over", "0"),
                ("Rate-Limit-Reset", "1767229200000"),
            ],
            json!([5000, 4723, 3600]),
        ),
        (
            "Rollbar",
            &[
                ("X-Rate-Limit-Limit", "5000"),
                ("X-Rate-Limit-Remaining", "4999"),
                ("X-Rate-Limit-Reset", "1767225640"),
                ("X-Rate-Limit-Remaining-Seconds", "40"),
            ],
            json!([5000, 4999, 40]),
        ),
        ("App Store Connect", &[("X-Rate-Limit", "user-hour-lim:3500;user-hour-rem:500;")], json!([3500, 500, null])),
        (
            "Auth0",
            &[("Auth0-Client-Quota-Limit", "b=per_hour;q=100;r=99;t=1,b=per_day;q=300;r=2;t=9000")],
            json!([300, 2, 9000]),
        ),
        (
            "Tumblr",
            &[
                ("X-Ratelimit-Perday-Limit", "5000"),
                ("X-Ratelimit-Perday-Remaining", "4000"),
                ("X-Ratelimit-Perday-Reset", "80000"),
                ("X-Ratelimit-Perhour-Limit", "1000"),
                ("X-Ratelimit-Perhour-Remaining", "1"),
                ("X-Ratelimit-Perhour-Reset", "600"),
            ],
            json!([1000, 1, 600]),
        ),
        (
            "Pocket",
            &[("X-Limit-User-Limit", "320"), ("X-Limit-User-Remaining", "319"), ("X-Limit-User-Reset", "3600")],
            json!([320, 319, 3600]),
        ),
        (
            "Feedly",
            &[("X-RateLimit-Limit", "250"), ("X-RateLimit-Count", "249"), ("X-RateLimit-Reset", "3000")],
            json!([250, 1, 3000]),
        ),
        (
            "Huobi",
            &[("X-HB-RateLimit-Requests-Remain", "9"), ("X-HB-RateLimit-Requests-Expire", "1767225601500")],
            json!([null, 9, 1.5]),
        ),
        (
            "Gate",
            &[
                ("X-Gate-RateLimit-Requests-Remain", "199"),
                ("X-Gate-RateLimit-Limit", "200"),
                ("X-Gate-RateLimit-Reset-Timestamp", "1767225603"),
            ],
            json!([200, 199, 3]),
        ),
        (
            "BitMEX",
            &[
                ("x-ratelimit-limit", "120"),
                ("x-ratelimit-remaining", "119"),
                ("x-ratelimit-reset", "1767225601"),
                ("x-ratelimit-remaining-1s", "9"),
            ],
            json!([120, 119, 1]),
        ),
        (
            "Solana",
            &[
                ("x-ratelimit-rps-limit", "100"),
                ("x-ratelimit-rps-remaining", "50"),
                ("x-ratelimit-method-limit", "40"),
                ("x-ratelimit-method-remaining", "1"),
            ],
            json!([40, 1, null]),
        ),
        (
            "Printful",
            &[
                ("X-RateLimit-Limit", "120"),
                ("X-RateLimit-Remaining", "119"),
                ("X-RateLimit-Reset", "60"),
                ("X-RateLimit-Policy", "120;w=60"),
            ],
            json!([120, 119, 60]),
        ),
        (
            "Opsgenie",
            &[
                ("X-RateLimit-State", "OK"),
                ("X-RateLimit-Reason", "ACCOUNT"),
                ("X-RateLimit-Period-In-Sec", "60"),
                ("X-RateLimit-Limit", "600"),
            ],
            json!([600, null, null]),
        ),
        (
            "Bucket4j",
            &[("X-Rate-Limit-Remaining", "0"), ("X-Rate-Limit-Retry-After-Milliseconds", "1500")],
            json!([null, 0, null]),
        ),
        (
            "OpenRouter",
            &[("X-RateLimit-Limit", "20"), ("X-RateLimit-Remaining", "0"), ("X-RateLimit-Reset", "1767225660000")],
            json!([20, 0, 60]),
        ),
        (
            "RapidAPI",
            &[
                ("x-ratelimit-requests-limit", "500"),
                ("x-ratelimit-requests-remaining", "499"),
                ("x-ratelimit-requests-reset", "2591999"),
            ],
            json!([500, 499, 2591999]),
        ),
        ("Amazon Selling Partner", &[("x-amzn-RateLimit-Limit", "0.0167")], json!([0.0167, null, null])),
        (
            "Polar",
            &[("RateLimit-Usage", "20, 9900"), ("RateLimit-Limit", "5000, 10000"), ("RateLimit-Reset", "100, 5000")],
            json!([10000, 100, 5000]),
        ),
        (
            "ElevenLabs",
            &[("current-concurrent-requests", "1"), ("maximum-concurrent-requests", "3")],
            json!([3, 2, null]),
        ),
        (
            "Amazon Marketplace",
            &[
                ("x-mws-quota-max", "3600"),
                ("x-mws-quota-remaining", "10"),
                ("x-mws-quota-resetsOn", "2026-01-01T00:10:00.000Z"),
            ],
            json!([3600, 10, 600]),
        ),
        (
            "Cloudinary",
            &[
                ("X-FeatureRateLimit-Limit", "500"),
                ("X-FeatureRateLimit-Remaining", "499"),
                ("X-FeatureRateLimit-Reset", "Thu, 01 Jan 2026 01:00:00 GMT"),
            ],
            json!([500, 499, 3600]),
        ),
        (
            "Akamai",
            &[
                ("X-RateLimit-Limit", "60"),
                ("X-RateLimit-Remaining", "59"),
                ("X-RateLimit-Next", "2026-01-01T00:00:01.5Z"),
            ],
            json!([60, 59, 1.5]),
        ),
        (
            "DocuSign",
            &[
                ("X-RateLimit-Reset", "1767229200"),
                ("X-RateLimit-Limit", "3000"),
                ("X-RateLimit-Remaining", "2999"),
                ("X-BurstLimit-Limit", "500"),
                ("X-BurstLimit-Remaining", "5"),
            ],
            json!([500, 5, null]),
        ),
        (
            "Honeycomb",
            &[("RateLimit", "limit=100, remaining=50, reset=60"), ("RateLimitPolicy", "100;w=60")],
            json!([100, 50, 60]),
        ),
        (
            "Klaviyo",
            &[("RateLimit-Limit", "700, 75;w=1, 700;w=60"), ("RateLimit-Remaining", "699"), ("RateLimit-Reset", "41")],
            json!([700, 699, 41]),
        ),
        (
            "The Odds API",
            &[("x-requests-remaining", "488"), ("x-requests-used", "12"), ("x-requests-last", "1")],
            json!([null, 488, null]),
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

#[test]
fn waits_and_refusals_stand_in_many_places() {
    type Answer<'a> = (&'a str, u16, &'a [(&'a str, &'a str)], &'a str, Value);
    let answers: &[Answer<'_>] = &[
        (
            "Dropbox",
            429,
            &[],
            r#"{"error_summary":"too_many_requests/..","error":{"reason":{".tag":"too_many_requests"},"retry_after":300}}"#,
            json!([true, null, 300]),
        ),
        (
            "Salesforce",
            403,
            &[],
            r#"[{"message":"TotalRequests Limit exceeded.","errorCode":"REQUEST_LIMIT_EXCEEDED"}]"#,
            json!([true, null, null]),
        ),
        (
            "Azure OpenAI",
            429,
            &[],
            r#"{"error":{"code":"429","message":"Requests have exceeded call rate limit. Please retry after 5 seconds."}}"#,
            json!([true, null, 5]),
        ),
        (
            "Gemini",
            429,
            &[],
            r#"{"error":{"code":429,"status":"RESOURCE_EXHAUSTED","details":[{"@type":"type.googleapis.com/google.rpc.RetryInfo","retryDelay":"34.07s"}]}}"#,
            json!([true, null, 34.07]),
        ),
        (
            "Azure API Management",
            429,
            &[],
            r#"{"statusCode":429,"message":"Rate limit is exceeded. Try again in 7 seconds."}"#,
            json!([true, null, 7]),
        ),
        (
            "Django REST framework",
            429,
            &[],
            r#"{"detail":"Request was throttled. Expected available in 86399 seconds."}"#,
            json!([true, null, 86399]),
        ),
        (
            "Infura",
            429,
            &[],
            r#"{"jsonrpc":"2.0","error":{"code":-32005,"data":{"rate":{"allowed_rps":1,"backoff_seconds":30}}}}"#,
            json!([true, null, 30]),
        ),
        (
            "Mixcloud",
            403,
            &[("Retry-After", "42")],
            r#"{"error":{"type":"RateLimitException","retry_after":42}}"#,
            json!([true, 42, 42]),
        ),
        (
            "MusicBrainz",
            503,
            &[],
            r#"{"error":"Your requests are exceeding the allowable rate limit. Please see https://example.com"}"#,
            json!([true, null, null]),
        ),
        (
            "GraphQL",
            200,
            &[],
            r#"{"data":null,"errors":[{"message":"x","extensions":{"code":"RATE_LIMITED"}}]}"#,
            json!([true, null, null]),
        ),
        (
            "Toggl",
            402,
            &[("X-Toggl-Quota-Remaining", "0"), ("X-Toggl-Quota-Resets-In", "900")],
            "",
            json!([true, null, null]),
        ),
        ("CORE", 429, &[("X-RateLimit-Retry-After", "2026-01-01T00:00:09+0000")], "", json!([true, 9, null])),
        ("Zoom", 429, &[("Retry-After", "2026-01-01T01:00:00Z")], "", json!([true, 3600, null])),
        ("Traefik", 429, &[("Retry-After", "1"), ("X-Retry-In", "1m0s")], "", json!([true, 1, null])),
        ("Bucket4j", 429, &[("X-Rate-Limit-Retry-After-Milliseconds", "1500")], "", json!([true, 1.5, null])),
        ("an epoch as a wait", 429, &[("Retry-After", "1767225630")], "", json!([true, 30, null])),
        ("a proxy that is overloaded", 503, &[("Retry-After", "30")], "<html>", json!([true, 30, null])),
        ("a server that is down", 503, &[], "<html>", json!([false, null, null])),
        (
            "no rights",
            403,
            &[],
            r#"{"error":{"code":"forbidden","message":"You may not read this."}}"#,
            json!([false, null, null]),
        ),
        (
            "a full disk",
            403,
            &[],
            r#"{"error":{"errors":[{"reason":"storageQuotaExceeded"}]}}"#,
            json!([false, null, null]),
        ),
        ("no money", 402, &[], r#"{"error":{"code":"card_declined"}}"#, json!([false, null, null])),
        ("not ready", 202, &[("Retry-After", "5")], "", json!([false, 5, null])),
        ("not there", 404, &[("Retry-After", "5")], "", json!([false, 5, null])),
    ];
    let mut wrong = vec![];
    for (vendor, status, fields, body, expected) in answers {
        let told = told(*status, fields, Some(body), &["throttled", "retry_after_s", "retry_after_body_s"]);
        let read = json!([told["throttled"], told["retry_after_s"], told["retry_after_body_s"]]);
        if read != *expected {
            wrong.push(format!("{vendor}: expected {expected}, read {read}"));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn names_and_windows_are_told() {
    let told = |fields: &[(&str, &str)]| {
        let told = told(200, fields, None, &["policy_name", "window_s"]);
        (told["policy_name"].clone(), told["window_s"].clone())
    };
    let trakt =
        r#"{"name":"AUTHED_API_GET_LIMIT","period":300,"limit":1000,"remaining":999,"until":"2026-01-01T00:05:00Z"}"#;
    assert_eq!(told(&[("X-Ratelimit", trakt)]), (json!("AUTHED_API_GET_LIMIT"), json!(300)));
    let envoy = r#"100, 100;w=1;name="per-second", 1000;w=60;name="per-minute""#;
    assert_eq!(told(&[("x-ratelimit-limit", envoy), ("x-ratelimit-remaining", "98")]), (json!("per-second"), json!(1)));
    let riot =
        [("X-Method-Rate-Limit", "2000:60"), ("X-Method-Rate-Limit-Count", "4:60"), ("X-Rate-Limit-Type", "method")];
    assert_eq!(told(&riot), (json!("method"), json!(60)));
    let gitlab = [("RateLimit-Name", "throttle_web"), ("RateLimit-Limit", "600"), ("RateLimit-Remaining", "599")];
    assert_eq!(told(&gitlab), (json!("throttle_web"), Value::Null));
}
