//! One line for each thing that users can name or rely on: items, fields, variants, methods, implementations.

use std::collections::BTreeSet;

use syn::{Fields, ImplItem, Item, ItemImpl, TraitItem, Type, Visibility};

use super::module::{Import, Library, Meaning, Place, ident};
use super::words::{conditions, signature, tidy, visible};

/// All lines, unsorted.
pub(crate) fn of(library: &Library) -> Vec<String> {
    let mut list = List { library, lines: Vec::new() };
    list.module(&Vec::new(), &library.name, &[]);
    list.lines
}

struct List<'a> {
    library: &'a Library,
    lines: Vec<String>,
}

impl List<'_> {
    fn line(&mut self, text: String, under: &[String]) {
        let mut known = BTreeSet::new();
        let under: Vec<&str> = under.iter().map(String::as_str).filter(|condition| known.insert(*condition)).collect();
        self.lines.push(if under.is_empty() { text } else { format!("{text} [{}]", under.join(", ")) });
    }

    /// What a module shows, under the name that users have for it.
    fn module(&mut self, place: &Place, shown: &str, under: &[String]) {
        let library = self.library;
        let module = &library.modules[place];
        for item in module.items.iter().filter(|item| is_public(item)) {
            if let Item::Mod(child) = item {
                let name = format!("{shown}::{}", child.ident);
                let under = [under, &conditions(&child.attrs)].concat();
                self.line(format!("{name}: mod"), &under);
                self.module(&[place.as_slice(), &[child.ident.to_string()]].concat(), &name, &under);
            } else if let Some(name) = ident(item) {
                self.item(place, item, &format!("{shown}::{name}"), under);
            }
        }
        for import in module.imports.iter().filter(|import| import.is_public) {
            self.import(place, import, shown, &[under, &import.conditions].concat());
        }
    }

    fn import(&mut self, place: &Place, import: &Import, shown: &str, under: &[String]) {
        let name = |name: &String| format!("{shown}::{name}");
        match (self.library.resolve(place, &import.path), &import.name) {
            (Some(Meaning::Module(other)), None) => self.module(&other, shown, under),
            (Some(Meaning::Module(other)), Some(last)) => {
                self.line(format!("{}: mod", name(last)), under);
                self.module(&other, &name(last), under);
            }
            (Some(Meaning::Item(other, item)), Some(last)) => {
                let module = &self.library.modules[&other];
                let is_it = |known: &&Item| ident(known).is_some_and(|known| known == &item);
                for found in module.items.iter().filter(is_it).filter(|found| is_public(found)) {
                    self.item(&other, found, &name(last), &[under, &module.conditions].concat());
                }
            }
            (Some(Meaning::Foreign(path)), Some(last)) => {
                self.line(format!("{} = {}", name(last), path.join("::")), under);
            }
            (found, _) => {
                panic!("{shown} shows {:?}, which is {found:?}: this list can't say what that is", import.path)
            }
        }
    }

    fn item(&mut self, place: &Place, item: &Item, shown: &str, under: &[String]) {
        let attributes = attributes(item);
        let under = &[under, &conditions(attributes)].concat();
        let seen = visible(attributes);
        let (text, is_type) = match item {
            Item::Const(item) => (format!("const {}: {}", item.ident, tidy(&item.ty)), false),
            Item::Static(item) => (format!("static {}: {}", item.ident, tidy(&item.ty)), false),
            Item::Fn(item) => (signature(&item.sig), false),
            Item::Type(item) => (format!("type {}{} = {}", item.ident, tidy(&item.generics), tidy(&item.ty)), false),
            Item::Struct(item) => {
                let is_tuple = matches!(&item.fields, Fields::Unnamed(fields) if fields.unnamed.iter().all(|field| is_pub(&field.vis)));
                let tuple = if is_tuple { tidy(&item.fields) } else { String::new() };
                self.fields(&item.fields, shown, under);
                (format!("struct {}{}{tuple}", item.ident, generics(&item.generics)), true)
            }
            Item::Enum(item) => {
                for variant in &item.variants {
                    let seen = visible(&variant.attrs);
                    let mut variant = variant.clone();
                    variant.attrs.clear();
                    variant.fields.iter_mut().for_each(|field| field.attrs.clear());
                    self.line(format!("{shown}::{}: {seen}{}", variant.ident, tidy(&variant)), under);
                }
                (format!("enum {}{}", item.ident, generics(&item.generics)), true)
            }
            Item::Trait(item) => {
                item.items.iter().for_each(|member| self.member(member, shown, under));
                let colon = if item.supertraits.is_empty() { "" } else { ": " };
                (format!("trait {}{}{colon}{}", item.ident, generics(&item.generics), tidy(&item.supertraits)), false)
            }
            _ => return,
        };
        self.line(format!("{shown}: {seen}{text}"), under);
        if let Some(name) = ident(item).filter(|_| is_type) {
            self.implementations(&Meaning::Item(place.clone(), name.to_string()), shown, under);
        }
    }

    fn fields(&mut self, fields: &Fields, shown: &str, under: &[String]) {
        for field in fields.iter().filter(|field| is_pub(&field.vis)) {
            if let Some(name) = &field.ident {
                let under = [under, &conditions(&field.attrs)].concat();
                self.line(format!("{shown}::{name}: {}", tidy(&field.ty)), &under);
            }
        }
    }

    fn member(&mut self, member: &TraitItem, shown: &str, under: &[String]) {
        match member {
            TraitItem::Fn(member) => {
                let provided = if member.default.is_some() { " { .. }" } else { "" };
                self.line(format!("{shown}::{}: {}{provided}", member.sig.ident, signature(&member.sig)), under);
            }
            TraitItem::Type(member) => {
                let colon = if member.bounds.is_empty() { "" } else { ": " };
                self.line(format!("{shown}::{0}: type {0}{colon}{1}", member.ident, tidy(&member.bounds)), under);
            }
            TraitItem::Const(member) => {
                self.line(format!("{shown}::{0}: const {0}: {1}", member.ident, tidy(&member.ty)), under);
            }
            _ => {}
        }
    }

    /// What is implemented for a type, wherever that stands.
    fn implementations(&mut self, of: &Meaning, shown: &str, under: &[String]) {
        let library = self.library;
        for (place, module) in &library.modules {
            for item in &module.items {
                let Item::Impl(item) = item else { continue };
                let Some(path) = named(&item.self_ty) else { continue };
                let own = [module.conditions.clone(), conditions(&item.attrs)].concat();
                if own.iter().any(|condition| condition == "test") || library.resolve(place, &path).as_ref() != Some(of)
                {
                    continue;
                }
                let under: Vec<String> = under
                    .iter()
                    .cloned()
                    .chain(own.into_iter().filter(|condition| !under.contains(condition)))
                    .collect();
                self.implementation(item, shown, &under);
            }
        }
    }

    fn implementation(&mut self, item: &ItemImpl, shown: &str, under: &[String]) {
        let (bounds, of) = (generics(&item.generics), tidy(&item.self_ty));
        let whose = item.generics.where_clause.as_ref().map_or_else(String::new, |clause| format!(" {}", tidy(clause)));
        if let Some((name, _)) = &item.trait_ {
            self.line(format!("{shown}: impl{bounds} {} for {of}{whose}", tidy(name)), under);
            return;
        }
        for member in &item.items {
            match member {
                ImplItem::Fn(member) if is_pub(&member.vis) => {
                    let under = [under, &conditions(&member.attrs)].concat();
                    let whose = if bounds.is_empty() && !of.contains('<') {
                        String::new()
                    } else {
                        format!("impl{bounds} {of}{whose} ")
                    };
                    self.line(format!("{shown}::{}: {whose}{}", member.sig.ident, signature(&member.sig)), &under);
                }
                ImplItem::Const(member) if is_pub(&member.vis) => {
                    self.line(format!("{shown}::{0}: const {0}: {1}", member.ident, tidy(&member.ty)), under);
                }
                _ => {}
            }
        }
    }
}

fn generics(of: &syn::Generics) -> String {
    tidy(of)
}

/// The path of a type that is named, without what it is applied to.
fn named(of: &Type) -> Option<Vec<String>> {
    match of {
        Type::Path(path) if path.qself.is_none() => {
            Some(path.path.segments.iter().map(|segment| segment.ident.to_string()).collect())
        }
        Type::Reference(reference) => named(&reference.elem),
        _ => None,
    }
}

fn is_pub(visibility: &Visibility) -> bool {
    matches!(visibility, Visibility::Public(_))
}

fn is_public(item: &Item) -> bool {
    match item {
        Item::Const(item) => is_pub(&item.vis),
        Item::Enum(item) => is_pub(&item.vis),
        Item::Fn(item) => is_pub(&item.vis),
        Item::Mod(item) => is_pub(&item.vis),
        Item::Static(item) => is_pub(&item.vis),
        Item::Struct(item) => is_pub(&item.vis),
        Item::Trait(item) => is_pub(&item.vis),
        Item::Type(item) => is_pub(&item.vis),
        _ => false,
    }
}

fn attributes(item: &Item) -> &[syn::Attribute] {
    match item {
        Item::Const(item) => &item.attrs,
        Item::Enum(item) => &item.attrs,
        Item::Fn(item) => &item.attrs,
        Item::Static(item) => &item.attrs,
        Item::Struct(item) => &item.attrs,
        Item::Trait(item) => &item.attrs,
        Item::Type(item) => &item.attrs,
        _ => &[],
    }
}
