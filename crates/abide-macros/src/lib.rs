//! The attribute `#[abide::retry]`, and nothing else.

#![cfg_attr(test, allow(clippy::unwrap_used))]

mod backoff;
mod duration;
mod expand;
mod options;

use proc_macro::TokenStream;

/// Tries the function again until it succeeds or is given up; see `abide::retry` for the options.
#[proc_macro_attribute]
pub fn retry(options: TokenStream, function: TokenStream) -> TokenStream {
    expand::expand(options.into(), function.into()).unwrap_or_else(syn::Error::into_compile_error).into()
}
