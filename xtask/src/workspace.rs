//! The workspace as cargo and git see it.

use std::collections::BTreeSet;
use std::path::PathBuf;

use anyhow::{Context as _, Result};
use serde_json::Value;

use crate::process::{cargo, output, program, root};

/// When a dependency is needed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// By the crate itself.
    Normal,
    /// By its build script.
    Build,
    /// By its tests only.
    Dev,
}

/// One line of a crate's dependencies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Dependency {
    /// The crate depended on.
    pub(crate) name: String,
    pub(crate) kind: Kind,
}

/// A crate of the workspace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Crate {
    pub(crate) name: String,
    /// Its manifest, relative to the workspace.
    pub(crate) manifest: String,
    pub(crate) dependencies: Vec<Dependency>,
}

/// The workspace's crates, from `cargo metadata`; needs no network and no lock file.
pub(crate) fn crates() -> Result<Vec<Crate>> {
    let arguments = ["metadata", "--no-deps", "--offline", "--format-version=1"];
    let metadata: Value = serde_json::from_slice(&output(&mut cargo(&arguments))?)?;
    let packages = metadata["packages"].as_array().context("cargo metadata lists no packages")?;
    packages.iter().map(|package| read_crate(package).context("cargo metadata")).collect()
}

fn read_crate(package: &Value) -> Option<Crate> {
    let manifest = PathBuf::from(package["manifest_path"].as_str()?);
    let manifest = manifest.strip_prefix(root()).unwrap_or(&manifest).to_string_lossy().into();
    let dependencies = package["dependencies"].as_array()?.iter().map(|line| {
        let kind = match line["kind"].as_str() {
            None => Kind::Normal,
            Some("build") => Kind::Build,
            Some(_) => Kind::Dev,
        };
        Some(Dependency { name: line["name"].as_str()?.to_owned(), kind })
    });
    Some(Crate {
        name: package["name"].as_str()?.to_owned(),
        manifest,
        dependencies: dependencies.collect::<Option<_>>()?,
    })
}

/// A text file of the repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct File {
    /// Relative to the workspace, with `/`.
    pub(crate) path: String,
    pub(crate) text: String,
}

impl File {
    /// The part of the name after its last dot; empty if there is none.
    pub(crate) fn extension(&self) -> &str {
        self.path.rsplit('/').next().and_then(|name| name.rsplit_once('.')).map_or("", |it| it.1)
    }

    /// The lines with their numbers, from 1.
    pub(crate) fn lines(&self) -> impl Iterator<Item = (usize, &str)> {
        self.text.lines().enumerate().map(|(index, line)| (index + 1, line))
    }
}

/// The repository's files: every path, and the text of those that are UTF-8.
#[derive(Debug, Default)]
pub(crate) struct Tree {
    /// Every path, folders included.
    pub(crate) paths: BTreeSet<String>,
    pub(crate) files: Vec<File>,
}

/// Reads what git tracks and what it would track if it were added.
pub(crate) fn tree() -> Result<Tree> {
    let list = ["ls-files", "-z", "--cached", "--others", "--exclude-standard"];
    let listed = output(&mut program("git", &list)).context("listing the repository's files")?;
    let mut tree = Tree::default();
    for path in String::from_utf8(listed)?.split_terminator('\0') {
        // A file that was deleted and not yet committed is still listed.
        let Ok(bytes) = std::fs::read(root().join(path)) else { continue };
        let folders = path.match_indices('/').map(|(at, _)| path[..at].to_owned());
        tree.paths.extend(folders);
        tree.paths.insert(path.to_owned());
        if let Ok(text) = String::from_utf8(bytes) {
            tree.files.push(File { path: path.to_owned(), text });
        }
    }
    Ok(tree)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_crate_and_this_file_are_found() {
        let own = crates().unwrap().into_iter().find(|it| it.name == "xtask").unwrap();
        assert_eq!(own.manifest, "xtask/Cargo.toml");
        assert!(own.dependencies.iter().any(|it| it.name == "anyhow" && it.kind == Kind::Normal));
        let tree = tree().unwrap();
        assert!(tree.paths.contains("xtask/src"));
        let file = tree.files.iter().find(|file| file.path == "xtask/src/workspace.rs").unwrap();
        assert_eq!(file.extension(), "rs");
        assert!(!tree.paths.iter().any(|path| path.starts_with("target/")));
    }
}
