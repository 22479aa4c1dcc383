//! `orgtap-bench instructions`: how many instructions each hot loop takes for a byte of its input,
//! compared with what is allowed.
//!
//! Callgrind counts; the count does not depend on how busy the machine is, only on the compiler
//! and on which instructions the processor has. The budgets are in `bench/budgets.json`.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, bail};

use crate::loops::{Loop, Ran};

/// Above this much of its budget a loop fails.
const OVER: f64 = 1.05;
/// Below this much of it, the budget is to be lowered.
const UNDER: f64 = 0.90;

/// Instructions for a byte of CSV, by loop.
type Budgets = BTreeMap<String, f64>;

/// How a loop stands to its budget.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verdict {
    Within,
    Over,
    /// So far below that the budget says nothing any more.
    Slack,
    /// There is no budget.
    Unknown,
}

impl Verdict {
    fn of(found: f64, budget: Option<f64>) -> Self {
        match budget {
            None => Self::Unknown,
            Some(budget) if found > budget * OVER => Self::Over,
            Some(budget) if found < budget * UNDER => Self::Slack,
            Some(_) => Self::Within,
        }
    }

    const fn word(self) -> &'static str {
        match self {
            Self::Within => "ok",
            Self::Over => "OVER BUDGET",
            Self::Slack => "well below: lower the budget with --accept",
            Self::Unknown => "no budget yet: write one with --accept",
        }
    }
}

/// Where things are.
#[derive(Debug)]
pub(crate) struct Places {
    /// The budgets.
    pub(crate) budgets: PathBuf,
    /// Where callgrind may write.
    pub(crate) scratch: PathBuf,
}

/// Counts every loop and compares; with `accept` the counts become the budgets.
pub(crate) fn command(places: &Places, accept: bool) -> Result<()> {
    if !comparable() {
        println!("not counted: the budgets are for x86-64 with AVX2, and this processor is not");
        return Ok(());
    }
    let budgets = read(&places.budgets)?;
    fs::create_dir_all(&places.scratch)
        .with_context(|| format!("cannot make {}", places.scratch.display()))?;
    println!("{:<10} {:>14} {:>10}  verdict", "loop", "instr./byte", "budget");
    let mut found = Budgets::new();
    let mut over = Vec::new();
    for one in Loop::ALL {
        let count = count(one, &places.scratch)?;
        let budget = budgets.get(one.name()).copied();
        let verdict = Verdict::of(count, budget);
        let allowed = budget.map_or_else(|| "-".to_owned(), |budget| format!("{budget:.3}"));
        println!("{:<10} {count:>14.3} {allowed:>10}  {}", one.name(), verdict.word());
        if !matches!(verdict, Verdict::Within | Verdict::Slack) {
            over.push(one.name());
        }
        found.insert(one.name().to_owned(), (count * 1_000.0).round() / 1_000.0);
    }
    if accept {
        let text = serde_json::to_string_pretty(&found)? + "\n";
        fs::write(&places.budgets, text)
            .with_context(|| format!("cannot write {}", places.budgets.display()))?;
        println!("these are the budgets now: {}", places.budgets.display());
        return Ok(());
    }
    if over.is_empty() {
        return Ok(());
    }
    bail!(
        "{} took more instructions than allowed: make it cheaper, or, if the cost is worth it, \
         write new budgets with `cargo x bench --instructions --accept`",
        over.join(", ")
    )
}

/// Whether the loops run here as they did where the budgets were written. Valgrind has AVX2 at
/// most, so what a newer processor can do makes no difference.
fn comparable() -> bool {
    #[cfg(target_arch = "x86_64")]
    return std::arch::is_x86_feature_detected!("avx2");
    #[cfg(not(target_arch = "x86_64"))]
    return false;
}

fn read(path: &Path) -> Result<Budgets> {
    match fs::read(path) {
        Ok(text) => serde_json::from_slice(&text)
            .with_context(|| format!("{} holds no budgets", path.display())),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Budgets::new()),
        Err(error) => Err(error).with_context(|| format!("cannot read {}", path.display())),
    }
}

/// Instructions of a loop for a byte of CSV.
fn count(one: Loop, scratch: &Path) -> Result<f64> {
    let out = scratch.join(format!("callgrind.{}", one.name()));
    let program = std::env::current_exe().context("finding this program")?;
    let output = Command::new("valgrind")
        .arg("--tool=callgrind")
        .args(["--cache-sim=no", "--collect-atstart=no"])
        .arg("--toggle-collect=orgtap_bench::loops::measured*")
        .arg(format!("--callgrind-out-file={}", out.display()))
        .arg(program)
        .args(["loops", one.name()])
        .output()
        .context("cannot start valgrind: `cargo x setup` installs it")?;
    if !output.status.success() {
        bail!(
            "valgrind of the loop {} failed ({}):\n{}",
            one.name(),
            output.status,
            String::from_utf8_lossy(&output.stderr)
        );
    }
    let ran: Ran =
        serde_json::from_slice(&output.stdout).context("what the loop said of itself")?;
    let profile =
        fs::read_to_string(&out).with_context(|| format!("callgrind left no {}", out.display()))?;
    let total = total(&profile).filter(|total| *total > ran.bytes / 100);
    let total = total.context(
        "callgrind counted next to nothing: the function it is to count is not called \
         `orgtap_bench::loops::measured` any more",
    )?;
    Ok(total as f64 / ran.bytes as f64)
}

/// The count in callgrind's file.
fn total(profile: &str) -> Option<u64> {
    let line = profile.lines().find_map(|line| line.strip_prefix("summary:"));
    let line = line.or_else(|| profile.lines().find_map(|line| line.strip_prefix("totals:")));
    line?.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn five_per_cent_above_is_allowed_and_no_more() {
        assert_eq!(Verdict::of(10.0, Some(10.0)), Verdict::Within);
        assert_eq!(Verdict::of(10.49, Some(10.0)), Verdict::Within);
        assert_eq!(Verdict::of(10.51, Some(10.0)), Verdict::Over);
        assert_eq!(Verdict::of(9.01, Some(10.0)), Verdict::Within);
        assert_eq!(Verdict::of(8.99, Some(10.0)), Verdict::Slack);
        assert_eq!(Verdict::of(1.0, None), Verdict::Unknown);
    }

    #[test]
    fn the_count_is_read_from_callgrinds_file() {
        assert_eq!(total("version: 1\nevents: Ir\nsummary: 1234\n\nfn=x\n"), Some(1234));
        assert_eq!(total("events: Ir\ntotals: 77\n"), Some(77));
        assert_eq!(total("events: Ir\n"), None);
    }

    #[test]
    fn budgets_that_are_not_there_are_none_and_broken_ones_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("budgets.json");
        assert!(read(&path).unwrap().is_empty());
        fs::write(&path, "{\"scan\": 1.5}").unwrap();
        assert_eq!(read(&path).unwrap()["scan"].to_bits(), 1.5_f64.to_bits());
        fs::write(&path, "[]").unwrap();
        assert!(read(&path).is_err());
    }
}
