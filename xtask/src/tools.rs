//! Cargo's own extensions: which ones are used, in which version, and how they come here.

use anyhow::{Context as _, Result};

use crate::process::{cargo, run, succeeds};

/// A program from crates.io that adds a command to cargo.
#[derive(Debug)]
pub(crate) struct Tool {
    /// The crate's name, which is the program's too.
    pub(crate) name: &'static str,
    /// The version to install.
    version: &'static str,
    /// How long that takes on two cores, for a person who waits.
    takes: &'static str,
}

/// Licences, bans and sources of dependencies.
pub(crate) const DENY: Tool = Tool { name: "cargo-deny", version: "0.20.2", takes: "3 minutes" };
/// Coverage-guided fuzzing.
pub(crate) const FUZZ: Tool = Tool { name: "cargo-fuzz", version: "0.13.2", takes: "1 minute" };

impl Tool {
    /// Whether it is here, in any version.
    pub(crate) fn is_here(&self) -> bool {
        succeeds(self.name, &["--version"])
    }

    /// Installs it with cargo unless it is here.
    pub(crate) fn install(&self) -> Result<()> {
        if self.is_here() {
            return Ok(());
        }
        println!("{} is missing: installing it takes about {}", self.name, self.takes);
        run(&mut cargo(&["install", self.name, "--version", self.version, "--locked", "--quiet"]))
            .with_context(|| format!("installing {}", self.name))
    }
}
