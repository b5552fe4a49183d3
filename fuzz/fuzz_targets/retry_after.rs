//! `Retry-After` and its relatives, with each status that makes a difference.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    for status in [200, 301, 403, 404, 429, 503] {
        let signal = abide_fuzz::read_today(status, &[(b"retry-after", data)]);
        assert!(signal.wait.is_none() || !matches!(status, 200 | 404));
    }
    abide_fuzz::read_today(429, &[(b"retry-after-ms", data), (b"x-amz-retry-after", data)]);
    abide_fuzz::read_today(429, &[(b"x-sentry-rate-limits", data)]);
});
