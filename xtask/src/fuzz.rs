//! `cargo x fuzz`: coverage-guided fuzzing of what reads hostile input.
//!
//! The same functions run over the committed seeds, and changed copies of them, in every test
//! run; this goes on from there for as long as it is told.

use anyhow::{Context as _, Result, bail};

use crate::arguments::Arguments;
use crate::process::{program, root, run, succeeds};
use crate::tools;

/// How long each target runs unless told otherwise.
const SECONDS: u64 = 60;
/// Longest input tried, bytes: enough for a few rows or records with room for nonsense.
const LONGEST: usize = 16 * 1024;

/// Fuzzes the named target, or each in turn; stops at the first failure.
pub(crate) fn command(mut arguments: Arguments) -> Result<()> {
    let seconds = arguments.number("--seconds")?.unwrap_or(SECONDS);
    let wanted = arguments.name();
    arguments.done()?;
    let known = targets()?;
    let chosen = match wanted {
        None => known,
        Some(name) if known.contains(&name) => vec![name],
        Some(name) => bail!("no target `{name}`; there are {}", known.join(", ")),
    };
    if !succeeds("rustup", &["run", "nightly", "rustc", "--version"]) {
        bail!("fuzzing needs the nightly toolchain: rustup toolchain install nightly");
    }
    tools::FUZZ.install()?;
    chosen.iter().try_for_each(|target| fuzz(target, seconds))
}

/// The targets: one file each.
fn targets() -> Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in root().join("fuzz/targets").read_dir().context("reading fuzz/targets")? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "rs")
            && let Some(name) = path.file_stem()
        {
            names.push(name.to_string_lossy().into_owned());
        }
    }
    names.sort_unstable();
    Ok(names)
}

/// Fuzzes one target.
fn fuzz(target: &str, seconds: u64) -> Result<()> {
    // New inputs go into the first folder; the committed seeds are only read.
    let (found, seeds) = (format!("fuzz/corpus/{target}"), format!("fuzz/seeds/{target}"));
    std::fs::create_dir_all(root().join(&found)).with_context(|| format!("making {found}"))?;
    let mut command = program("rustup", &["run", "nightly", "cargo", "fuzz", "run"]);
    command
        .args(["--features=libfuzzer", "--target-dir=target/fuzz", target])
        .args([&found, &seeds])
        .arg("--")
        .arg(format!("-max_total_time={seconds}"))
        .arg(format!("-max_len={LONGEST}"))
        .args(["-timeout=10", "-print_final_stats=1"])
        // Link-time optimisation costs minutes and hides nothing.
        .env("CARGO_PROFILE_RELEASE_LTO", "off")
        .env("CARGO_PROFILE_RELEASE_CODEGEN_UNITS", "16")
        .env_remove("RUSTUP_TOOLCHAIN")
        .env_remove("CARGO");
    let dictionary = format!("fuzz/dictionaries/{target}.dict");
    if root().join(&dictionary).exists() {
        command.arg(format!("-dict={dictionary}"));
    }
    run(&mut command).with_context(|| {
        format!("fuzzing {target}; the input is in fuzz/artifacts/{target}: fix it and add it to {seeds}")
    })
}
