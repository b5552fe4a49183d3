//! The value of a reset, a window and a count, in every unit and shape.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    abide_fuzz::read_today(200, &[(b"x-ratelimit-remaining", b"0"), (b"x-ratelimit-reset", data)]);
    abide_fuzz::read_today(200, &[(b"x-ratelimit-reset-ms", data), (b"x-ratelimit-window", data)]);
    abide_fuzz::read_today(200, &[(b"x-ratelimit-limit", data), (b"x-ratelimit-used", data)]);
    abide_fuzz::read_today(429, &[(b"x-rate-limit", data), (b"date", data)]);
});
