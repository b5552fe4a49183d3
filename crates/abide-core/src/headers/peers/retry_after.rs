//! `Retry-After`: its values, the statuses that it is obeyed with, and what is done with too long a wait.

use std::time::Duration;

use serde_json::Value;

use super::{Choice, Vector, now, read, secs, texts, vectors};
use crate::headers::{Signal, Wait};

fn answer(vector: &Vector, status: u64, value: &Value) -> Signal {
    let fields: Vec<_> = texts(value).into_iter().map(|value| ("retry-after", value)).collect();
    read("api.example", status, &fields, None, now(&vector.input))
}

fn field(vector: &Vector) {
    let signal = answer(vector, 429, &vector.input["value"]);
    let delay = signal.retry_after.map(|told| told.from(now(&vector.input)));
    match vector.choice {
        Some(Choice::Uncut) => {
            let cap = secs(&vector.expect["delay_s"]);
            assert!(delay > cap, "{delay:?} is cut to {cap:?}");
        }
        Some(Choice::Fraction) => assert_eq!(delay, Some(Duration::from_secs(1))),
        Some(_) => assert!(matches!(signal.wait, Some(Wait::Absurd(_)))),
        None => {
            assert_eq!(delay.is_some(), vector.expect["valid"]);
            assert_eq!(delay, secs(&vector.expect["delay_s"]));
            assert_eq!(signal.wait, delay.filter(|delay| !delay.is_zero()).map(Wait::For));
        }
    }
}

fn status(vector: &Vector) {
    let signal = answer(vector, vector.input["status"].as_u64().unwrap(), &vector.input["value"]);
    assert_eq!(signal.wait.is_some(), vector.expect["honoured"]);
}

fn policy(vector: &Vector) {
    let signal = match vector.input["headers"].as_object() {
        Some(headers) => {
            let fields: Vec<_> = headers.iter().map(|(name, value)| (name.as_str(), value.as_str().unwrap())).collect();
            read("api.example", 429, &fields, None, now(&vector.input))
        }
        None => answer(vector, 429, &vector.input["value"]),
    };
    match vector.choice {
        // The peer drops a wait above its own cap and comes back early.
        Some(Choice::Uncut) => assert!(matches!(signal.wait, Some(Wait::For(_)))),
        Some(_) => assert!(matches!(signal.wait, Some(Wait::Absurd(_)))),
        None => {
            assert_eq!(signal.wait.is_some(), vector.expect["honoured"]);
            assert_eq!(signal.wait, secs(&vector.expect["delay_s"]).map(Wait::For));
        }
    }
}

fn clamp(vector: &Vector) {
    let value = match vector.input["value"].as_str() {
        Some(value) => value.to_owned(),
        None => vector.input["explicit_delay_s"].to_string(),
    };
    let field = vector.input["header"].as_str().unwrap_or("retry-after");
    let signal = read("api.example", 429, &[(field, &value)], None, now(&vector.input));
    let (told, own) = (secs(&vector.expect["delay_s"]), secs(&vector.input["own_backoff_s"]));
    match vector.choice {
        Some(_) => assert!(matches!(signal.wait, Some(Wait::For(wait)) if Some(wait) > told)),
        // Where no wait is told the peer falls back to its own.
        None => assert_eq!(signal.wait, told.filter(|_| told != own).map(Wait::For)),
    }
}

vectors!(field:
    urllib3_0 = "retry-after/urllib3-0";
    urllib3_1000 = "retry-after/urllib3-1000";
    urllib3_42 = "retry-after/urllib3-42";
    urllib3_invalid_minus = "retry-after/urllib3-invalid-minus";
    urllib3_invalid_decimal = "retry-after/urllib3-invalid-decimal";
    urllib3_date_imf = "retry-after/urllib3-date-imf";
    urllib3_date_asctime = "retry-after/urllib3-date-asctime";
    urllib3_date_now = "retry-after/urllib3-date-now";
    urllib3_cap_over = "retry-after/urllib3-cap-over";
    go_date = "retry-after/go-date";
    go_nil = "retry-after/go-nil";
    go_bad_date_format = "retry-after/go-bad-date-format";
    httpx_5 = "retry-after/httpx-5";
    httpx_arabic_digit = "retry-after/httpx-arabic-digit";
    httpx_past = "retry-after/httpx-past";
    httpx_cap = "retry-after/httpx-cap";
    mre_19 = "retry-after/mre-19";
    rfc_120 = "retry-after/rfc-120";
    rfc_date = "retry-after/rfc-date";
    edge_comma = "retry-after/edge-comma";
    edge_hex = "retry-after/edge-hex";
    edge_u64 = "retry-after/edge-u64";
    edge_leap_second = "retry-after/edge-leap-second";
    edge_wrong_weekday = "retry-after/edge-wrong-weekday";
);
vectors!(status:
    go_linear_429_none = "retry-after-status/go-linear-429-None";
    go_linear_503_none = "retry-after-status/go-linear-503-None";
    go_linear_502_none = "retry-after-status/go-linear-502-None";
    got_413_without = "retry-after-status/got-413-without";
    got_503_without = "retry-after-status/got-503-without";
    urllib3_413 = "retry-after-status/urllib3-413";
    urllib3_429 = "retry-after-status/urllib3-429";
    urllib3_500 = "retry-after-status/urllib3-500";
    urllib3_404 = "retry-after-status/urllib3-404";
);
vectors!(policy:
    openai_01 = "retry-after-policy/openai-01";
    openai_03 = "retry-after-policy/openai-03";
    openai_05 = "retry-after-policy/openai-05";
    openai_07 = "retry-after-policy/openai-07";
    openai_09 = "retry-after-policy/openai-09";
    openai_11 = "retry-after-policy/openai-11";
    openai_13 = "retry-after-policy/openai-13";
    openai_15 = "retry-after-policy/openai-15";
    openai_17 = "retry-after-policy/openai-17";
    openai_19 = "retry-after-policy/openai-19";
    openai_21 = "retry-after-policy/openai-21";
    openai_23 = "retry-after-policy/openai-23";
    openai_ms = "retry-after-policy/openai-ms";
);
vectors!(clamp:
    boto_1500 = "retry-after-clamp/boto-1500";
    boto_10000 = "retry-after-clamp/boto-10000";
    boto_100 = "retry-after-clamp/boto--100";
    smithy_between = "retry-after-clamp/smithy-between";
    smithy_above = "retry-after-clamp/smithy-above";
);
