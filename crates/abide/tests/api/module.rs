//! The modules of a crate, read from its sources, and what a name in one of them means.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use syn::{Attribute, Item, UseTree, Visibility};

use super::words::conditions;

/// The path of a module from the crate's root.
pub(crate) type Place = Vec<String>;

pub(crate) struct Library {
    pub(crate) name: String,
    pub(crate) modules: BTreeMap<Place, Module>,
}

#[derive(Default)]
pub(crate) struct Module {
    pub(crate) items: Vec<Item>,
    pub(crate) imports: Vec<Import>,
    pub(crate) conditions: Vec<String>,
}

/// A name that a `use` brings in, or a glob.
pub(crate) struct Import {
    pub(crate) path: Vec<String>,
    /// `None` for a glob.
    pub(crate) name: Option<String>,
    pub(crate) is_public: bool,
    pub(crate) conditions: Vec<String>,
}

/// What a path leads to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Meaning {
    Module(Place),
    /// An item of a module.
    Item(Place, String),
    /// Something of another crate.
    Foreign(Vec<String>),
}

impl Library {
    pub(crate) fn read(name: &str, root: &Path) -> Self {
        let mut library = Self { name: name.to_owned(), modules: BTreeMap::new() };
        let folder = root.parent().expect("a file lies in a folder");
        let file = syn::parse_file(&fs::read_to_string(root).unwrap()).unwrap();
        library.add(Vec::new(), file.items, folder, Vec::new());
        library
    }

    /// `folder` is where the files of its children lie.
    fn add(&mut self, place: Place, items: Vec<Item>, folder: &Path, inherited: Vec<String>) {
        let mut module = Module { conditions: inherited.clone(), ..Module::default() };
        for item in items {
            match item {
                Item::Mod(child) if !is_for_tests(&child.attrs) => {
                    let name = child.ident.to_string();
                    let below = folder.join(&name);
                    let items = match &child.content {
                        Some((_, items)) => items.clone(),
                        None => {
                            let files = [folder.join(format!("{name}.rs")), below.join("mod.rs")];
                            let file = files.iter().find(|file| file.exists()).expect("a module has a file");
                            syn::parse_file(&fs::read_to_string(file).unwrap()).unwrap().items
                        }
                    };
                    let all = [inherited.clone(), conditions(&child.attrs)].concat();
                    self.add([place.clone(), vec![name]].concat(), items, &below, all);
                    module.items.push(Item::Mod(child));
                }
                Item::Mod(_) => {}
                Item::Use(import) => {
                    let is_public = matches!(import.vis, Visibility::Public(_));
                    let mut found = Vec::new();
                    flatten(&import.tree, &mut Vec::new(), &mut found);
                    module.imports.extend(found.into_iter().map(|(path, name)| Import {
                        path,
                        name,
                        is_public,
                        conditions: conditions(&import.attrs),
                    }));
                }
                item => module.items.push(item),
            }
        }
        self.modules.insert(place, module);
    }

    /// What a path means in a module.
    pub(crate) fn resolve(&self, from: &Place, path: &[String]) -> Option<Meaning> {
        self.resolve_within(from, path, 16)
    }

    /// `depth` bounds globs that lead round in a circle.
    fn resolve_within(&self, from: &Place, path: &[String], depth: usize) -> Option<Meaning> {
        let (first, rest) = path.split_first()?;
        if depth == 0 {
            return None;
        }
        let start = match first.as_str() {
            "crate" => Meaning::Module(Vec::new()),
            "self" => Meaning::Module(from.clone()),
            "super" => Meaning::Module(from[..from.len().checked_sub(1)?].to_vec()),
            _ => self.name_in(from, first, depth).unwrap_or_else(|| Meaning::Foreign(vec![first.clone()])),
        };
        match start {
            found if rest.is_empty() => Some(found),
            Meaning::Module(place) => self.resolve_within(&place, rest, depth - 1),
            Meaning::Foreign(path) => Some(Meaning::Foreign([path.as_slice(), rest].concat())),
            // A variant of an enum, say.
            Meaning::Item(..) => None,
        }
    }

    fn name_in(&self, place: &Place, name: &str, depth: usize) -> Option<Meaning> {
        let module = self.modules.get(place)?;
        let child = [place.as_slice(), &[name.to_owned()]].concat();
        if self.modules.contains_key(&child) {
            return Some(Meaning::Module(child));
        }
        if module.items.iter().any(|item| ident(item).is_some_and(|known| known == name)) {
            return Some(Meaning::Item(place.clone(), name.to_owned()));
        }
        let named = module.imports.iter().filter(|import| import.name.as_deref() == Some(name));
        let by_name =
            named.filter(|import| import.path.first().is_some_and(|first| first != name || import.path.len() > 1));
        if let Some(found) = by_name.into_iter().find_map(|import| self.resolve_within(place, &import.path, depth - 1))
        {
            return Some(found);
        }
        let globs = module.imports.iter().filter(|import| import.name.is_none());
        globs.into_iter().find_map(|glob| match self.resolve_within(place, &glob.path, depth - 1)? {
            Meaning::Module(other) if other != *place => self.name_in(&other, name, depth - 1),
            _ => None,
        })
    }
}

fn is_for_tests(attributes: &[Attribute]) -> bool {
    conditions(attributes).iter().any(|condition| condition.contains("test") && !condition.contains("\"testing\""))
}

fn flatten(tree: &UseTree, path: &mut Vec<String>, found: &mut Vec<(Vec<String>, Option<String>)>) {
    match tree {
        UseTree::Path(step) => {
            path.push(step.ident.to_string());
            flatten(&step.tree, path, found);
            path.pop();
        }
        UseTree::Name(name) if name.ident == "self" => found.push((path.clone(), path.last().cloned())),
        UseTree::Name(name) => found.push((whole(path, &name.ident), Some(name.ident.to_string()))),
        UseTree::Rename(name) => found.push((whole(path, &name.ident), Some(name.rename.to_string()))),
        UseTree::Glob(_) => found.push((path.clone(), None)),
        UseTree::Group(group) => group.items.iter().for_each(|tree| flatten(tree, path, found)),
    }
}

fn whole(path: &[String], last: &syn::Ident) -> Vec<String> {
    [path, &[last.to_string()]].concat()
}

/// The name of an item that can be named.
pub(crate) fn ident(item: &Item) -> Option<&syn::Ident> {
    match item {
        Item::Const(item) => Some(&item.ident),
        Item::Enum(item) => Some(&item.ident),
        Item::Fn(item) => Some(&item.sig.ident),
        Item::Static(item) => Some(&item.ident),
        Item::Struct(item) => Some(&item.ident),
        Item::Trait(item) => Some(&item.ident),
        Item::Type(item) => Some(&item.ident),
        Item::Union(item) => Some(&item.ident),
        _ => None,
    }
}
