//! The fields of the RateLimit drafts; the first line is the balance, the second the policy.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let mut lines = data.splitn(2, |byte| *byte == b'\n');
    let (balance, policy) = (lines.next().unwrap_or_default(), lines.next().unwrap_or_default());
    abide_fuzz::read_today(200, &[(b"ratelimit", balance), (b"ratelimit-policy", policy)]);
    abide_fuzz::read_today(429, &[(b"ratelimit-limit", balance), (b"ratelimit-remaining", policy)]);
});
