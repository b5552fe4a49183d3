//! Signatures as text, in one spelling whatever the source's layout.

use proc_macro2::{Delimiter, Spacing, TokenStream, TokenTree};
use quote::ToTokens;
use syn::{Attribute, FnArg, Pat, Signature};

/// Tokens with the spaces that people put between them.
pub(crate) fn tidy(tokens: impl ToTokens) -> String {
    let mut words = Vec::new();
    split(tokens.to_token_stream(), &mut words);
    let (mut text, mut last) = (String::new(), "");
    for word in words.iter().map(String::as_str) {
        let opens_after = matches!(last, "->" | "," | "=" | ":" | "+" | "for" | "in" | "as" | "&&" | "{");
        let is_glued = matches!(last, "" | "(" | "[" | "<" | "&" | "::" | "#" | "!" | "." | "*" | "?" | "'")
            || matches!(word, "," | ";" | ":" | "." | ")" | ">" | "]")
            || (matches!(word, "::" | "(" | "[" | "<") && !opens_after);
        if !is_glued {
            text.push(' ');
        }
        text.push_str(word);
        last = word;
    }
    // What a list over several lines ends with.
    text.replace(",)", ")").replace(",>", ">").replace(", }", " }").trim_end_matches(',').to_owned()
}

/// The tokens as words: a name, a sign of one character or several, a bracket.
fn split(tokens: TokenStream, words: &mut Vec<String>) {
    let mut goes_on = false;
    for token in tokens {
        let was_joint = std::mem::take(&mut goes_on);
        match token {
            TokenTree::Group(group) => {
                let [open, close] = match group.delimiter() {
                    Delimiter::Parenthesis => ["(", ")"],
                    Delimiter::Bracket => ["[", "]"],
                    Delimiter::Brace => ["{", "}"],
                    Delimiter::None => ["", ""],
                };
                words.push(open.to_owned());
                split(group.stream(), words);
                words.push(close.to_owned());
            }
            TokenTree::Punct(sign) => {
                goes_on = sign.spacing() == Spacing::Joint;
                match words.last_mut() {
                    Some(last) if was_joint => last.push(sign.as_char()),
                    _ => words.push(sign.as_char().to_string()),
                }
            }
            // A lifetime is a sign and a name.
            TokenTree::Ident(name) => match words.last_mut() {
                Some(last) if was_joint && last == "'" => last.push_str(&name.to_string()),
                _ => words.push(name.to_string()),
            },
            TokenTree::Literal(literal) => words.push(literal.to_string()),
        }
    }
}

/// A function without what only its body cares about.
pub(crate) fn signature(of: &Signature) -> String {
    let mut of = of.clone();
    for argument in &mut of.inputs {
        match argument {
            FnArg::Receiver(receiver) => receiver.mutability = None,
            FnArg::Typed(typed) => {
                if let Pat::Ident(name) = &mut *typed.pat {
                    name.mutability = None;
                }
            }
        }
    }
    tidy(of)
}

/// The attributes that users of an item see.
pub(crate) fn visible(attributes: &[Attribute]) -> String {
    let seen = attributes.iter().filter(|attribute| {
        let is = |name: &str| attribute.path().is_ident(name);
        is("derive") || is("non_exhaustive") || is("deprecated")
    });
    seen.map(|attribute| tidy(attribute) + " ").collect()
}

/// The conditions of an item, without those that always hold where users look.
pub(crate) fn conditions(attributes: &[Attribute]) -> Vec<String> {
    let cfgs = attributes.iter().filter(|attribute| attribute.path().is_ident("cfg"));
    cfgs.map(|attribute| tidy(attribute.parse_args::<TokenStream>().expect("a cfg has something in brackets")))
        .collect()
}
