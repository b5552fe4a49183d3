//! What stands between the quotes of a JSON string: where it ends, and what it means.

use std::borrow::Cow;

const LOW: u64 = u64::from_ne_bytes([0x01; 8]);
const HIGH: u64 = u64::from_ne_bytes([0x80; 8]);

/// How many bytes at the beginning of `text` are neither a quote, a backslash nor a control character.
///
/// Eight bytes are looked at together. `x - 1` borrows into the top bit of a byte that is zero; the lowest byte found so is
/// always right, and only that one is used.
#[inline]
pub(super) fn plain_len(text: &[u8]) -> usize {
    let (words, rest) = text.as_chunks::<8>();
    for (i, word) in words.iter().enumerate() {
        let word = u64::from_le_bytes(*word);
        let quote = word ^ (LOW * b'"' as u64);
        let backslash = word ^ (LOW * b'\\' as u64);
        let found = quote.wrapping_sub(LOW) & !quote
            | backslash.wrapping_sub(LOW) & !backslash
            | word.wrapping_sub(LOW * 0x20) & !word;
        if found & HIGH != 0 {
            return i * 8 + (found & HIGH).trailing_zeros() as usize / 8;
        }
    }
    let plain = rest.iter().position(|&c| c == b'"' || c == b'\\' || c < 0x20).unwrap_or(rest.len());
    words.len() * 8 + plain
}

/// The meaning of what stands between the quotes. Half of a surrogate pair, which no text can hold, becomes U+FFFD.
pub(super) fn unescape(inner: &str) -> Cow<'_, str> {
    let Some(first) = inner.find('\\') else { return Cow::Borrowed(inner) };
    let mut out = String::with_capacity(inner.len());
    let (plain, mut rest) = inner.split_at(first);
    out.push_str(plain);
    // Each round begins at a backslash, and the text was checked: an escape stands there whole.
    while let Some(&letter) = rest.as_bytes().get(1) {
        let mut used = 2;
        match letter {
            b'b' => out.push('\u{8}'),
            b'f' => out.push('\u{c}'),
            b'n' => out.push('\n'),
            b'r' => out.push('\r'),
            b't' => out.push('\t'),
            b'u' => {
                let (c, len) = code_point(rest);
                out.push(c);
                used = len;
            }
            other => out.push(char::from(other)),
        }
        rest = rest.get(used..).unwrap_or_default();
        let plain = rest.find('\\').unwrap_or(rest.len());
        out.push_str(&rest[..plain]);
        rest = &rest[plain..];
    }
    Cow::Owned(out)
}

/// The character of the `\uXXXX` at the beginning, or of the two that make up a pair, and how many bytes it took.
fn code_point(text: &str) -> (char, usize) {
    let unit = |at: usize| text.get(at..at + 6)?.strip_prefix("\\u").and_then(|hex| u16::from_str_radix(hex, 16).ok());
    let Some(first) = unit(0) else { return (char::REPLACEMENT_CHARACTER, 2) };
    if let Some(c) = char::from_u32(first.into()) {
        return (c, 6);
    }
    let pair = unit(6).and_then(|second| char::decode_utf16([first, second]).next()?.ok());
    pair.map_or((char::REPLACEMENT_CHARACTER, 6), |c| (c, 12))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn escapes_are_read_as_the_grammar_means_them() {
        assert_eq!(unescape("plain"), "plain");
        assert_eq!(unescape(r"https:\/\/api.example\/a"), "https://api.example/a");
        assert_eq!(unescape(r#"\"\\\b\f\n\r\t"#), "\"\\\u{8}\u{c}\n\r\t");
        assert_eq!(unescape(r"caf\u00e9 \uD83D\ude00!"), "café 😀!");
    }

    #[test]
    fn half_a_pair_becomes_a_replacement_character() {
        assert_eq!(unescape(r"a\ud83db"), "a\u{fffd}b");
        assert_eq!(unescape(r"\ude00"), "\u{fffd}");
        assert_eq!(unescape(r"\ud83d\u0041"), "\u{fffd}A");
    }

    proptest! {
        #[test]
        fn the_plain_part_ends_at_the_first_special_byte(text in proptest::collection::vec(any::<u8>(), 0..40), at in 0..40usize) {
            let mut text: Vec<u8> = text.into_iter().map(|c| if c < 0x20 || c == b'"' || c == b'\\' { c | 0x80 } else { c }).collect();
            prop_assert_eq!(plain_len(&text), text.len());
            for special in [b'"', b'\\', 0, 0x1f] {
                if let Some(byte) = text.get_mut(at) {
                    *byte = special;
                    prop_assert_eq!(plain_len(&text), at);
                }
            }
        }

        #[test]
        fn what_serde_json_writes_reads_back(text in any::<String>()) {
            let written = serde_json::to_string(&text).unwrap();
            prop_assert_eq!(unescape(&written[1..written.len() - 1]), text);
        }
    }
}
