//! Several whole responses to one reader. A line is a field, an empty line ends the head, a zero byte ends a response.
#![no_main]

use abide_core::headers::Reader;
use abide_core::time::{Instant, Now, Wall};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let mut reader = Reader::default();
    for response in data.split(|byte| *byte == 0).take(6) {
        let Some((clocks, rest)) = response.split_first_chunk::<18>() else { return };
        let number = |at: usize| u64::from_le_bytes(std::array::from_fn(|byte| clocks[at + byte]));
        let status = 100 + u16::from_le_bytes([clocks[16], clocks[17]]) % 900;
        // Half of the time the wall clock is near today, or no date would ever be believed.
        let wall = match number(8) {
            even if even % 2 == 0 => Wall::from_nanos(abide_fuzz::TODAY.as_nanos() + (even % (1 << 50)) as i64),
            odd => Wall::from_nanos(odd as i64),
        };
        let now = Now { mono: Instant::from_nanos(number(0)), wall };
        let (head, body) = match rest.windows(2).position(|pair| pair == b"\n\n") {
            Some(end) => (&rest[..end], Some(&rest[end + 2..])),
            None => (rest, None),
        };
        let fields: Vec<_> = head
            .split(|byte| *byte == b'\n')
            .filter_map(|line| {
                let colon = line.iter().position(|byte| *byte == b':')?;
                Some((&line[..colon], &line[colon + 1..]))
            })
            .collect();
        abide_fuzz::read(&mut reader, status, &fields, body, now);
    }
});
