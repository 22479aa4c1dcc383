//! `cargo x lint`: everything that judges the code without running it.

use anyhow::{Result, bail};

use crate::arguments::Arguments;
use crate::process::{cargo, run};
use crate::steps::Steps;
use crate::{tidy, tools};

/// Runs the lints and says which failed.
pub(crate) fn command(arguments: Arguments) -> Result<()> {
    arguments.done()?;
    let mut steps = Steps::default();
    all(&mut steps);
    steps.close()
}

/// The lints, quick ones first.
pub(crate) fn all(steps: &mut Steps) {
    steps.run("format", || run(&mut cargo(&["fmt", "--all", "--check"])));
    steps.run("tidy", tidy::report);
    steps.run("deny", deny);
    steps.run("clippy", || {
        let arguments = ["clippy", "--workspace", "--all-targets", "--locked", "--", "-Dwarnings"];
        run(&mut cargo(&arguments))
    });
}

/// Licences, bans and sources. Advisories need a database from elsewhere and are asked for by
/// hand: `cargo deny check advisories`.
fn deny() -> Result<()> {
    if !tools::DENY.is_here() {
        bail!("cargo-deny is missing; `cargo x setup` installs it");
    }
    let check = ["--locked", "check", "--hide-inclusion-graph", "bans", "licenses", "sources"];
    run(cargo(&["deny"]).args(check))
}
