//! Reads a backoff written as text, `exponential 1s max 30s full jitter`, into the code that makes it.

use std::time::Duration;

use proc_macro2::TokenStream;
use quote::quote;

use crate::duration;

const FORM: &str = "accepted: 'fixed 1s', 'random 1s 5s', 'linear 1s step 2s', 'exponential 1s', each with 'min 1s', 'max 30s', and \
                    'full jitter', 'equal jitter' or 'decorrelated jitter'; 'exponential' also with 'factor 3'";

/// The code, or what is wrong with the text.
pub(crate) fn parse(text: &str) -> Result<TokenStream, String> {
    let mut words = Words(text.split_whitespace());
    let kind = words.0.next().ok_or_else(|| format!("the backoff is empty; {FORM}"))?;
    let curve = match kind {
        "fixed" => {
            let wait = words.duration()?;
            quote!(::abide::retry::fixed(#wait))
        }
        "random" => {
            let (from, to) = (words.duration()?, words.duration()?);
            quote!(::abide::retry::random(#from, #to))
        }
        "linear" => {
            let first = words.duration()?;
            words.word("step")?;
            let step = words.duration()?;
            quote!(::abide::retry::linear(#first, #step))
        }
        "exponential" => {
            let first = words.duration()?;
            quote!(::abide::retry::exponential(#first))
        }
        other => return Err(format!("'{other}' is no backoff; {FORM}")),
    };
    words.settings(curve, kind)
}

struct Words<'a>(std::str::SplitWhitespace<'a>);

impl Words<'_> {
    fn settings(mut self, mut code: TokenStream, kind: &str) -> Result<TokenStream, String> {
        while let Some(word) = self.0.next() {
            let setting = match word {
                "min" => {
                    let min = self.duration()?;
                    quote!(min(#min))
                }
                "max" => {
                    let max = self.duration()?;
                    quote!(max(#max))
                }
                "factor" if kind == "exponential" => {
                    let factor = self.0.next().and_then(|word| word.parse::<f64>().ok()).filter(|by| *by >= 1.0);
                    let factor = factor.ok_or_else(|| format!("a factor is a number from 1 on; {FORM}"))?;
                    quote!(factor(#factor))
                }
                "full" => {
                    self.word("jitter")?;
                    quote!(full_jitter())
                }
                "equal" => {
                    self.word("jitter")?;
                    quote!(equal_jitter())
                }
                "decorrelated" => {
                    self.word("jitter")?;
                    quote!(decorrelated_jitter())
                }
                other => return Err(format!("'{other}' is not understood here; {FORM}")),
            };
            code = quote!(#code.#setting);
        }
        Ok(code)
    }

    fn duration(&mut self) -> Result<TokenStream, String> {
        let word = self.0.next().ok_or_else(|| format!("a duration is missing; {FORM}"))?;
        let duration: Duration =
            duration::parse(word).ok_or_else(|| format!("'{word}' is not a duration; {}", duration::FORM))?;
        Ok(duration::code(duration))
    }

    fn word(&mut self, expected: &str) -> Result<(), String> {
        match self.0.next() {
            Some(word) if word == expected => Ok(()),
            _ => Err(format!("'{expected}' is missing; {FORM}")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(text: &str) -> String {
        parse(text).unwrap().to_string().replace(' ', "")
    }

    #[test]
    fn text_becomes_the_code_that_one_would_write() {
        assert_eq!(
            code("exponential 1s factor 3 min 100ms max 30s full jitter"),
            "::abide::retry::exponential(::core::time::Duration::new(1u64,0u32)).factor(3f64)\
             .min(::core::time::Duration::new(0u64,100000000u32)).max(::core::time::Duration::new(30u64,0u32)).full_jitter()"
        );
        assert!(code("linear 1s step 2s equal jitter").starts_with("::abide::retry::linear("));
        assert!(code("random 1s 5s").starts_with("::abide::retry::random("));
        assert!(code("fixed 1s decorrelated jitter").ends_with(".decorrelated_jitter()"));
    }

    #[test]
    fn nonsense_is_named() {
        let wrong = |text: &str| parse(text).unwrap_err().split(';').next().unwrap_or_default().to_owned();
        assert_eq!(wrong(""), "the backoff is empty");
        assert_eq!(wrong("quadratic 1s"), "'quadratic' is no backoff");
        assert_eq!(wrong("fixed"), "a duration is missing");
        assert_eq!(wrong("fixed 1"), "'1' is not a duration");
        assert_eq!(wrong("fixed 1s factor 2"), "'factor' is not understood here");
        assert_eq!(wrong("exponential 1s factor 0.5"), "a factor is a number from 1 on");
        assert_eq!(wrong("exponential 1s full"), "'jitter' is missing");
        assert_eq!(wrong("linear 1s 2s"), "'step' is missing");
    }
}
