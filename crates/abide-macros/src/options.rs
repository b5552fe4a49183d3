//! The options of the attribute, each at most once, as the calls that set them on a `Retry`.

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::parse::{Parse, ParseStream};
use syn::punctuated::Punctuated;
use syn::spanned::Spanned;
use syn::{Expr, ExprLit, Ident, Lit, LitStr, Result, Token};

use crate::{backoff, duration};

const NAMES: &str = "attempts, elapsed, backoff, max_wait, when, wait_from, on_wait, on_give_up";

/// What is called on a `Retry`, in the order of the options.
pub(crate) struct Options(pub(crate) Vec<TokenStream>);

impl Parse for Options {
    fn parse(input: ParseStream<'_>) -> Result<Self> {
        let options = Punctuated::<Setting, Token![,]>::parse_terminated(input)?;
        let mut calls = Vec::new();
        let mut seen: Vec<Ident> = Vec::new();
        for Setting { name, value } in options {
            if seen.contains(&name) {
                return Err(syn::Error::new(name.span(), format!("`{name}` is given twice")));
            }
            calls.push(call(&name, &value)?);
            seen.push(name);
        }
        Ok(Self(calls))
    }
}

struct Setting {
    name: Ident,
    value: Expr,
}

impl Parse for Setting {
    fn parse(input: ParseStream<'_>) -> Result<Self> {
        let name = input.parse()?;
        input.parse::<Token![=]>()?;
        Ok(Self { name, value: input.parse()? })
    }
}

fn call(name: &Ident, value: &Expr) -> Result<TokenStream> {
    let at = value.span();
    Ok(match name.to_string().as_str() {
        "attempts" => quote_spanned!(at=> .attempts(#value)),
        "elapsed" => {
            let elapsed = duration(value)?;
            quote_spanned!(at=> .stop_before(#elapsed))
        }
        "max_wait" => {
            let most = duration(value)?;
            quote_spanned!(at=> .max_wait(#most))
        }
        "backoff" => {
            let backoff = match text(value) {
                Some(text) => backoff::parse(&text.value()).map_err(|wrong| syn::Error::new(text.span(), wrong))?,
                None => quote!(#value),
            };
            quote_spanned!(at=> .backoff(#backoff))
        }
        "when" | "wait_from" | "on_wait" | "on_give_up" => quote_spanned!(at=> .#name(#value)),
        _ => return Err(syn::Error::new(name.span(), format!("`{name}` is no option of retry; there are: {NAMES}"))),
    })
}

/// A duration as text, or an expression that is one.
fn duration(value: &Expr) -> Result<TokenStream> {
    let Some(text) = text(value) else { return Ok(quote!(#value)) };
    let parsed = duration::parse(&text.value());
    let wrong = || syn::Error::new(text.span(), format!("'{}' is not a duration; {}", text.value(), duration::FORM));
    Ok(duration::code(parsed.ok_or_else(wrong)?))
}

fn text(value: &Expr) -> Option<&LitStr> {
    match value {
        Expr::Lit(ExprLit { lit: Lit::Str(text), .. }) => Some(text),
        _ => None,
    }
}
