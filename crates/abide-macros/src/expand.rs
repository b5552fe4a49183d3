//! Puts a loop around the body of a function: each attempt has its own clones of the arguments, and the last one the arguments.

use proc_macro2::{Span, TokenStream};
use quote::{format_ident, quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{Error, FnArg, Ident, ItemFn, Pat, PatType, Result, ReturnType};

use crate::options::Options;

pub(crate) fn expand(options: TokenStream, function: TokenStream) -> Result<TokenStream> {
    let Options(calls) = syn::parse2(options)?;
    let mut function: ItemFn = syn::parse2(function)?;
    let body = std::mem::replace(&mut *function.block, syn::parse_quote!({}));
    let sig = &mut function.sig;
    if let Some(keyword) = &sig.constness {
        return Err(Error::new(keyword.span(), "a const fn can't wait, so it can't be tried again"));
    }
    let ReturnType::Type(_, output) = &sig.output else {
        return Err(Error::new(sig.ident.span(), "a function that is tried again returns a Result"));
    };
    let output = quote!(#output);
    let arguments: Vec<Argument> = sig.inputs.iter_mut().enumerate().filter_map(Argument::take).collect();
    let (keeps, hands) = (arguments.iter().map(Argument::keep), arguments.iter().map(Argument::hand));
    let name = sig.ident.to_string();
    let is_async = sig.asyncness.is_some();
    let attempt = match is_async {
        true => {
            let typed = returned_early(&output);
            quote!(async { #typed #body }.await)
        }
        false if says_impl(&output) => quote!((|| #body)()),
        false => quote!((|| -> #output { #body })()),
    };
    let ours = Span::mixed_site();
    let settle = match is_async {
        true => quote_spanned!(ours=> settle(outcome).await),
        false => quote_spanned!(ours=> settle_blocking(outcome)),
    };
    // Names of ours are hygienic: the body does not see them.
    *function.block = syn::parse2(quote_spanned!(ours=> {
        let retry = ::abide::retry::Retry::new().named(#name) #(#calls)*;
        let mut course = retry.course();
        #(#keeps)*
        loop {
            let attempt = course.attempt();
            #(#hands)*
            #[allow(clippy::redundant_closure_call)]
            let outcome = #attempt;
            if let ::core::ops::ControlFlow::Break(result) = course.#settle {
                return ::core::result::Result::or_else(result, ::abide::retry::RetryError::into_inner);
            }
        }
    }))?;
    Ok(quote!(#function))
}

/// An argument, which is kept for further attempts under a name of ours.
struct Argument {
    pattern: Pat,
    /// Its name in the signature.
    name: Ident,
    kept: Ident,
    at: Span,
}

impl Argument {
    /// Takes the pattern out of the signature and leaves a name there.
    fn take((number, input): (usize, &mut FnArg)) -> Option<Self> {
        let FnArg::Typed(PatType { pat, .. }) = input else { return None };
        let at = pat.span();
        let name = match &**pat {
            Pat::Ident(simple) if simple.by_ref.is_none() && simple.subpat.is_none() => simple.ident.clone(),
            _ => format_ident!("argument_{number}", span = at),
        };
        let pattern = std::mem::replace(&mut **pat, syn::parse_quote!(#name));
        let kept = Ident::new(&format!("kept_{number}"), Span::mixed_site());
        Some(Self { pattern, name, kept, at })
    }

    /// A trait of its own for each argument, so that the compiler's message can name it.
    fn keep(&self) -> TokenStream {
        let Self { pattern, name, kept, at } = self;
        let at = Span::mixed_site().located_at(*at);
        let shown = quote!(#pattern).to_string();
        let message = format!("`#[abide::retry]` clones the argument `{shown}`, and `{{Self}}` is not `Clone`");
        let note =
            "each attempt but the last has a clone of each argument; pass a reference or an `Arc`, or derive `Clone`";
        quote_spanned!(at=>
            let mut #kept = {
                #[diagnostic::on_unimplemented(message = #message, label = "can't be cloned", note = #note)]
                trait ClonedForEachAttempt {}
                #[diagnostic::do_not_recommend]
                impl<T: ::core::clone::Clone> ClonedForEachAttempt for T {}
                fn keep<T: ClonedForEachAttempt>(argument: T) -> ::core::option::Option<T> {
                    ::core::option::Option::Some(argument)
                }
                keep(#name)
            };
        )
    }

    fn hand(&self) -> TokenStream {
        let Self { pattern, kept, at, .. } = self;
        let at = Span::mixed_site().located_at(*at);
        let attempt = Ident::new("attempt", Span::mixed_site());
        quote_spanned!(at=>
            let #pattern = ::core::option::Option::expect(
                if #attempt.is_last {
                    ::core::option::Option::take(&mut #kept)
                } else {
                    ::core::clone::Clone::clone(&#kept)
                },
                "the last attempt is made once",
            );
        )
    }
}

/// Tells the compiler the type of an async block before it reads the body, for `?` and `into` in there.
fn returned_early(output: &TokenStream) -> TokenStream {
    if says_impl(output) {
        return TokenStream::new();
    }
    quote!(
        #[allow(unreachable_code, clippy::all)]
        if false {
            let never: #output = loop {};
            return never;
        }
    )
}

/// Whether a type has an `impl Trait` in it, which can't be written within a function.
fn says_impl(output: &TokenStream) -> bool {
    fn any(tokens: TokenStream) -> bool {
        tokens.into_iter().any(|token| match token {
            proc_macro2::TokenTree::Ident(ident) => ident == "impl",
            proc_macro2::TokenTree::Group(group) => any(group.stream()),
            _ => false,
        })
    }
    any(output.clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wrong(options: TokenStream, function: TokenStream) -> String {
        expand(options, function).unwrap_err().to_string().split(';').next().unwrap_or_default().to_owned()
    }

    #[test]
    fn what_can_not_be_tried_again_is_named() {
        let function = || {
            quote!(
                fn f() -> Result<(), ()> {
                    Ok(())
                }
            )
        };
        assert_eq!(
            wrong(
                quote!(),
                quote!(
                    fn f() {}
                )
            ),
            "a function that is tried again returns a Result"
        );
        assert_eq!(
            wrong(
                quote!(),
                quote!(
                    const fn f() -> Result<(), ()> {
                        Ok(())
                    }
                )
            ),
            "a const fn can't wait, so it can't be tried again"
        );
        assert_eq!(wrong(quote!(tries = 5), function()), "`tries` is no option of retry");
        assert_eq!(wrong(quote!(attempts = 5, attempts = 6), function()), "`attempts` is given twice");
        assert_eq!(wrong(quote!(elapsed = "5m"), function()), "'5m' is not a duration");
        assert_eq!(wrong(quote!(backoff = "exp 1s"), function()), "'exp' is no backoff");
    }

    #[test]
    fn the_signature_keeps_its_names_and_loses_its_patterns() {
        let code = expand(
            quote!(attempts = 3),
            quote!(
                /// Says so.
                pub async fn f<T: Clone>(&mut self, mut a: T, (b, c): (u8, u8)) -> Result<T, E> {
                    Ok(a)
                }
            ),
        );
        let code = code.unwrap().to_string();
        assert!(
            code.contains(
                "pub async fn f < T : Clone > (& mut self , a : T , argument_2 : (u8 , u8)) -> Result < T , E >"
            ),
            "{code}"
        );
        assert!(code.contains("let mut a =") && code.contains("let (b , c) ="), "{code}");
        assert!(code.contains("clones the argument `(b , c)`"), "{code}");
    }
}
