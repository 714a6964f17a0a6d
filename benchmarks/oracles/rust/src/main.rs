//! Which file of a Rust workspace refers to which, by syn's syntax trees and the crate roots that `cargo metadata` names.
//!
//! Standard input: one crate a line, `name<TAB>root file<TAB>1 if it is a library`. Modules are followed from each root as
//! rustc follows them; then every path (`use`, and `a::b` in code) is walked through modules. Prints
//! "dependent<TAB>dependency". A macro whose inside is items (`cfg_feature! { pub mod client; }`) is taken for them, as
//! its expansion is; other macros' insides are no syntax trees and are passed over.

use std::collections::{BTreeSet, HashMap};
use std::io::Read;
use std::path::{Path, PathBuf};
use syn::visit::{self, Visit};

type Module = Vec<String>;

#[derive(Default)]
struct Crate {
    files: HashMap<Module, PathBuf>, // inline modules have the file that they stand in
    parsed: Vec<(Module, PathBuf, syn::File)>,
}

fn follow(krate: &mut Crate, module: Module, file: PathBuf, folder: PathBuf, edges: &mut BTreeSet<(PathBuf, PathBuf)>) {
    let Ok(text) = std::fs::read_to_string(&file) else { return };
    let Ok(mut tree) = syn::parse_file(&text) else { return };
    tree.items = opened(tree.items);
    krate.files.insert(module.clone(), file.clone());
    items(krate, &tree.items, &module, &file, &folder, file.parent().unwrap(), edges);
    krate.parsed.push((module, file, tree));
}

fn opened(items: Vec<syn::Item>) -> Vec<syn::Item> {
    let mut found = vec![];
    for mut item in items {
        if let syn::Item::Mod(inner) = &mut item {
            inner.content = inner.content.take().map(|(brace, inside)| (brace, opened(inside)));
        }
        match &item {
            syn::Item::Macro(called) if called.ident.is_none() => match syn::parse2::<syn::File>(called.mac.tokens.clone()) {
                Ok(inside) => found.extend(opened(inside.items)),
                Err(_) => found.push(item),
            },
            _ => found.push(item),
        }
    }
    found
}

fn items(
    krate: &mut Crate, items_: &[syn::Item], module: &Module, file: &Path, folder: &Path, beside: &Path,
    edges: &mut BTreeSet<(PathBuf, PathBuf)>,
) {
    for item in items_ {
        let syn::Item::Mod(inner) = item else { continue };
        let name = inner.ident.to_string().trim_start_matches("r#").to_string();
        let mut child = module.clone();
        child.push(name.clone());
        let place = inner.attrs.iter().find(|a| a.path.is_ident("path")).and_then(|a| match a.parse_meta() {
            Ok(syn::Meta::NameValue(value)) => match value.lit {
                syn::Lit::Str(text) => Some(text.value()),
                _ => None,
            },
            _ => None,
        });
        match &inner.content {
            Some((_, inside)) => {
                krate.files.insert(child.clone(), file.to_path_buf());
                let deeper = folder.join(place.unwrap_or(name));
                items(krate, inside, &child, file, &deeper, &deeper, edges);
            }
            None => {
                let candidates = match &place {
                    Some(path) => vec![beside.join(path)],
                    None => vec![folder.join(format!("{name}.rs")), folder.join(&name).join("mod.rs")],
                };
                if let Some(found) = candidates.into_iter().find(|path| path.is_file()) {
                    let own = found.file_name().unwrap() == "mod.rs" || place.is_some();
                    let below = if own { found.parent().unwrap().to_path_buf() } else { folder.join(&name) };
                    edges.insert((file.to_path_buf(), found.clone()));
                    follow(krate, child, found, below, edges);
                }
            }
        }
    }
}

struct Paths {
    here: Module,
    found: Vec<(Module, Vec<String>)>,
}

impl Paths {
    fn tree(&mut self, tree: &syn::UseTree, prefix: &mut Vec<String>) {
        match tree {
            syn::UseTree::Path(path) => {
                prefix.push(path.ident.to_string());
                self.tree(&path.tree, prefix);
                prefix.pop();
            }
            syn::UseTree::Name(name) => self.leaf(prefix, &name.ident),
            syn::UseTree::Rename(name) => self.leaf(prefix, &name.ident),
            syn::UseTree::Glob(_) => self.found.push((self.here.clone(), prefix.clone())),
            syn::UseTree::Group(group) => group.items.iter().for_each(|item| self.tree(item, prefix)),
        }
    }

    fn leaf(&mut self, prefix: &[String], name: &syn::Ident) {
        let mut path = prefix.to_vec();
        if name != "self" || path.is_empty() {
            path.push(name.to_string());
        }
        self.found.push((self.here.clone(), path));
    }
}

impl<'a> Visit<'a> for Paths {
    fn visit_item_mod(&mut self, item: &'a syn::ItemMod) {
        if item.content.is_some() {
            self.here.push(item.ident.to_string());
            visit::visit_item_mod(self, item);
            self.here.pop();
        }
    }

    fn visit_item_use(&mut self, item: &'a syn::ItemUse) {
        let mut prefix = if item.leading_colon.is_some() { vec![String::new()] } else { vec![] };
        self.tree(&item.tree, &mut prefix);
    }

    fn visit_item_extern_crate(&mut self, item: &'a syn::ItemExternCrate) {
        self.found.push((self.here.clone(), vec![String::new(), item.ident.to_string()]));
    }

    fn visit_path(&mut self, path: &'a syn::Path) {
        let names: Vec<String> = path.segments.iter().map(|segment| segment.ident.to_string()).collect();
        if names.len() > 1 && matches!(names[0].as_str(), "crate" | "self" | "super") {
            self.found.push((self.here.clone(), names));
        }
        visit::visit_path(self, path);
    }
}

fn longest(krate: &Crate, start: &[String], rest: &[String]) -> Option<PathBuf> {
    (0..=rest.len()).rev().find_map(|count| {
        let module: Module = start.iter().chain(&rest[..count]).cloned().collect();
        krate.files.get(&module).cloned()
    })
}

fn main() {
    let mut said = String::new();
    std::io::stdin().read_to_string(&mut said).unwrap();
    let mut edges = BTreeSet::new();
    let mut crates: Vec<(String, bool, Crate)> = vec![];
    for line in said.lines() {
        let fields: Vec<&str> = line.split('\t').collect();
        let root = PathBuf::from(fields[1]);
        let mut krate = Crate::default();
        follow(&mut krate, vec![], root.clone(), root.parent().unwrap().to_path_buf(), &mut edges);
        crates.push((fields[0].replace('-', "_"), fields[2] == "1", krate));
    }
    for (_, _, krate) in &crates {
        for (module, file, tree) in &krate.parsed {
            let mut paths = Paths { here: module.clone(), found: vec![] };
            paths.visit_file(tree);
            for (here, path) in paths.found {
                let path: Vec<String> = path.iter().map(|name| name.trim_start_matches("r#").to_string()).collect();
                let mut target = None;
                match path[0].as_str() {
                    "crate" => target = longest(krate, &[], &path[1..]),
                    "self" | "super" => {
                        let (mut at, mut rest) = (here.clone(), &path[..]);
                        while let Some(first) = rest.first().filter(|name| *name == "self" || *name == "super") {
                            if first == "super" {
                                at.pop();
                            }
                            rest = &rest[1..];
                        }
                        target = longest(krate, &at, rest);
                    }
                    first => {
                        let mut child = here.clone();
                        child.push(first.to_string());
                        if !first.is_empty() && krate.files.contains_key(&child) {
                            target = longest(krate, &here, &path);
                        } else {
                            let (name, rest) = if first.is_empty() && path.len() > 1 { (&path[1], &path[2..]) } else { (&path[0], &path[1..]) };
                            if let Some((_, _, other)) = crates.iter().find(|(other, library, _)| *library && other == name) {
                                target = longest(other, &[], rest);
                            }
                        }
                    }
                }
                if let Some(target) = target.filter(|target| target != file) {
                    edges.insert((file.clone(), target));
                }
            }
        }
    }
    for (from, to) in edges {
        println!("{}\t{}", from.display(), to.display());
    }
}
