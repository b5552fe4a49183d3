//! Dates and reset values.

use super::{Choice, Vector, now, secs, vectors};
use crate::headers::date;
use crate::headers::units::{self, Decimal, Hint, Told};
use crate::time::Wall;

fn http_date(vector: &Vector) {
    let read = date::http_date(vector.input["text"].as_str().unwrap()).map(Wall::as_secs);
    let expected = vector.expect["epoch_s"].as_i64();
    match (vector.expect["grammar"].as_str(), vector.choice) {
        (Some("strict"), _) => assert_eq!(read, expected),
        (_, Some(Choice::Weekday)) => assert!(read.is_some()),
        // Outside of the grammar no reading is always fair, and another moment never is.
        _ => assert!(read.is_none() || read == expected, "{read:?}"),
    }
}

fn reset_value(vector: &Vector) {
    let text = vector.input["value"].as_str().unwrap();
    let told = units::told(text, Hint::default(), now(&vector.input));
    let number = Decimal::parse(text.trim()).map(Decimal::count);
    match vector.input["unit"].as_str().unwrap() {
        "epoch_s" | "http_date" => {
            assert_eq!(told, vector.expect["epoch_s"].as_i64().map(|secs| Told::At(Wall::from_secs(secs))));
        }
        "int" => assert_eq!(number, vector.expect["int"].as_u64()),
        _ => assert_eq!(units::go_duration(text), secs(&vector.expect["delta_s"])),
    }
}

vectors!(http_date:
    httpdate_imf = "http-date/httpdate-imf";
    httpdate_asctime = "http-date/httpdate-asctime";
    httpdate_zero = "http-date/httpdate-zero";
    httpdate_1d = "http-date/httpdate-1d";
    httpdate_march = "http-date/httpdate-march";
    httpdate_aug71 = "http-date/httpdate-aug71";
    httpdate_1999 = "http-date/httpdate-1999";
    httpdate_bad_star = "http-date/httpdate-bad-star";
    httpdate_wrong_weekday = "http-date/httpdate-wrong-weekday";
    curl_001 = "http-date/curl-001";
    curl_003 = "http-date/curl-003";
    curl_005 = "http-date/curl-005";
    curl_007 = "http-date/curl-007";
    curl_009 = "http-date/curl-009";
    curl_011 = "http-date/curl-011";
    curl_013 = "http-date/curl-013";
    curl_015 = "http-date/curl-015";
    curl_017 = "http-date/curl-017";
    curl_019 = "http-date/curl-019";
    curl_021 = "http-date/curl-021";
    curl_023 = "http-date/curl-023";
    curl_025 = "http-date/curl-025";
    curl_027 = "http-date/curl-027";
    curl_029 = "http-date/curl-029";
    curl_031 = "http-date/curl-031";
    curl_033 = "http-date/curl-033";
    curl_035 = "http-date/curl-035";
    curl_037 = "http-date/curl-037";
    curl_039 = "http-date/curl-039";
    curl_041 = "http-date/curl-041";
    curl_043 = "http-date/curl-043";
    curl_045 = "http-date/curl-045";
    curl_047 = "http-date/curl-047";
    curl_049 = "http-date/curl-049";
    curl_051 = "http-date/curl-051";
    curl_053 = "http-date/curl-053";
    curl_055 = "http-date/curl-055";
    curl_057 = "http-date/curl-057";
    curl_059 = "http-date/curl-059";
    curl_061 = "http-date/curl-061";
    curl_063 = "http-date/curl-063";
    curl_065 = "http-date/curl-065";
    curl_067 = "http-date/curl-067";
    curl_069 = "http-date/curl-069";
    curl_071 = "http-date/curl-071";
    rfc850_far = "http-date/rfc850-far";
    imf_leap_day = "http-date/imf-leap-day";
    iso = "http-date/iso";
    lower_month = "http-date/lower-month";
);
vectors!(reset_value:
    mre_timestamp = "reset-value/mre-timestamp";
    mre_imf = "reset-value/mre-imf";
    mre_bad_limit_0_foo = "reset-value/mre-bad-limit-0-foo";
    mre_spaces = "reset-value/mre-spaces";
    duration_1s = "reset-value/duration-1s";
    duration_6m0s = "reset-value/duration-6m0s";
    duration_1h16m0_667s = "reset-value/duration-1h16m0.667s";
    duration_1m12s = "reset-value/duration-1m12s";
    duration_120ms = "reset-value/duration-120ms";
    duration_bad_invalid = "reset-value/duration-bad-invalid";
    duration_bad_s = "reset-value/duration-bad-s";
    duration_bad_1s = "reset-value/duration-bad--1s";
    duration_bad_1_s = "reset-value/duration-bad-1_s";
);
