//! `cargo x bench`: what Orgtap costs, beside other ways to do the same; and the instruction
//! counts of its hot loops, which every test run compares with their budgets.
//!
//! Builds and installs what is needed, once, and starts `orgtap-bench`, which does the measuring.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use serde_json::Value;

use crate::arguments::Arguments;
use crate::process::{cargo, each_line, output, program, root, run};
use crate::setup;

/// The package, its folder, and where it keeps what is not committed.
const PACKAGE: &str = "orgtap-bench";
const HOME: &str = "bench";
const KEPT: &str = "target/bench";

/// The converter from crates.io that Orgtap is compared with.
const XAN: (&str, &str) = ("xan", "0.61.0");
/// The Python packages it is compared with.
const REQUIREMENTS: &str = "bench/requirements.txt";
/// The budgets of the hot loops.
const BUDGETS: &str = "bench/budgets.json";

/// Runs the comparisons, or counts instructions.
pub(crate) fn command(mut arguments: Arguments) -> Result<()> {
    if arguments.flag("--instructions") {
        let accept = arguments.flag("--accept");
        arguments.done()?;
        setup::packages()?;
        return instructions(accept);
    }
    let mut words = vec!["run".to_owned()];
    if arguments.flag("--quick") {
        words.push("--quick".to_owned());
    }
    if let Some(runs) = arguments.number("--runs")? {
        words.extend(["--runs".to_owned(), runs.to_string()]);
    }
    words.extend(std::iter::from_fn(|| arguments.name()));
    arguments.done()?;
    setup::packages()?;
    let kept = root().join(KEPT);
    std::fs::create_dir_all(&kept).with_context(|| format!("making {KEPT}"))?;
    xan(&kept)?;
    python(&kept)?;
    // One after the other: each alone has the same features of its dependencies as ever.
    let (orgtap, bench) = (build("orgtap")?, build(PACKAGE)?);
    let mut command = program(&bench.to_string_lossy(), &[]);
    command.args(&words).arg("--orgtap").arg(orgtap);
    command.arg("--tools").arg(kept).arg("--home").arg(root().join(HOME));
    run(&mut command)
}

/// Counts the instructions of the hot loops and compares them with their budgets; with `accept`
/// the counts become the budgets. Needs valgrind, which `cargo x setup` installs.
pub(crate) fn instructions(accept: bool) -> Result<()> {
    let mut command = program(&build(PACKAGE)?.to_string_lossy(), &["instructions"]);
    command.arg("--budgets").arg(root().join(BUDGETS));
    command.arg("--scratch").arg(root().join(KEPT).join("callgrind"));
    if accept {
        command.arg("--accept");
    }
    run(&mut command)
}

/// Builds a package for release; answers where its program is.
fn build(package: &str) -> Result<PathBuf> {
    let mut command = cargo(&["build", "--release", "--locked", "--package", package]);
    command.args(["--bin", package, "--message-format=json-render-diagnostics"]);
    let mut found = None;
    each_line(&mut command, |line| found = executable(line, package).or(found.take()))?;
    found.with_context(|| format!("cargo built no `{package}`"))
}

/// Where the program is, if this message of cargo says so.
fn executable(message: &str, name: &str) -> Option<PathBuf> {
    let message: Value = serde_json::from_str(message).ok()?;
    let is_it = message.get("target")?["name"] == name;
    if is_it { Some(PathBuf::from(message.get("executable")?.as_str()?)) } else { None }
}

/// Installs xan beside nothing else, unless it is there.
fn xan(kept: &Path) -> Result<()> {
    let (name, version) = XAN;
    let folder = kept.join("tools");
    let here = folder.join("bin").join(name);
    let wanted = |said: Vec<u8>| String::from_utf8_lossy(&said).contains(version);
    if here.exists()
        && output(&mut program(&here.to_string_lossy(), &["--version"])).is_ok_and(wanted)
    {
        return Ok(());
    }
    println!("{name} {version} is missing: installing it takes about 5 minutes");
    let mut command = cargo(&["install", name, "--version", version, "--locked", "--quiet"]);
    command.arg("--root").arg(&folder);
    run(&mut command).with_context(|| format!("installing {name}"))
}

/// Makes a Python environment with the packages, unless it is there with the same ones.
fn python(kept: &Path) -> Result<()> {
    let (folder, mark) = (kept.join("venv"), kept.join("venv/requirements.txt"));
    let wanted = std::fs::read(root().join(REQUIREMENTS))
        .with_context(|| format!("reading {REQUIREMENTS}"))?;
    if std::fs::read(&mark).is_ok_and(|present| present == wanted) {
        return Ok(());
    }
    let mut make = program("python3", &["-m", "venv", "--clear"]);
    run(make.arg(&folder)).context("making a Python environment")?;
    let pip = folder.join("bin/pip");
    let quiet =
        ["install", "--quiet", "--disable-pip-version-check", "--requirement", REQUIREMENTS];
    run(&mut program(&pip.to_string_lossy(), &quiet)).context("installing Python packages")?;
    if !folder.join("bin/python").exists() {
        bail!("{} has no python", folder.display());
    }
    std::fs::write(&mark, wanted).with_context(|| format!("writing {}", mark.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_is_found_by_its_name_among_cargos_messages() {
        let message = |name: &str, executable: Value| {
            serde_json::json!({ "target": { "name": name }, "executable": executable }).to_string()
        };
        let found = executable(&message("orgtap", "/t/orgtap".into()), "orgtap");
        assert_eq!(found, Some(PathBuf::from("/t/orgtap")));
        assert_eq!(executable(&message("orgtap-codec", "/t/x".into()), "orgtap"), None);
        assert_eq!(executable(&message("orgtap", Value::Null), "orgtap"), None);
        assert_eq!(executable("warning: not JSON", "orgtap"), None);
    }
}
