//! `orgtap run`: a hundred connectors at work together, and connectors with nothing to do.

use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use serde_json::Value;

use super::measure::{Figures, measured, start};
use super::orgtap::{Goal, Installation, daily};
use super::report::{Comparison, Side, Target, Unit, Wanted};
use super::scene::Form;
use super::server::Server;
use super::{Bench, same_rows};
use crate::made::Kind;

/// Connectors at a time.
const CONNECTORS: u64 = 100;
/// Most memory for them, MiB.
const MEMORY: f64 = 128.0;
/// How long nothing must happen before all counts as done.
const STILL: Duration = Duration::from_secs(2);
/// How long to wait for that.
const PATIENCE: Duration = Duration::from_mins(10);
/// Most of one core that connectors with nothing to do may take, per cent.
const IDLE: f64 = 0.5;

/// All connectors begin at once.
pub(super) fn hundred(bench: &Bench, out: &mut Comparison) -> Result<()> {
    let bytes = bench.size(32_000_000, 4_000_000);
    let file = bench.scene.file(Form::Packed, Kind::Usual, bytes, 8)?;
    let mut runs = Vec::new();
    for round in 0..bench.runs.min(3) {
        println!("  round {}", round + 1);
        let org = Server::org(&daily(CONNECTORS, &file), bench.scene.root())?;
        let here = Installation::new(&bench.scene, &org.urls, &Goal::Discard)?;
        let mut figures = at_work(bench, &org, &here)?;
        same_rows("orgtap run", admitted(bench, &here)?, file.made.rows * CONNECTORS)?;
        figures.wall -= STILL.as_secs_f64();
        runs.push(figures);
    }
    let name = format!("orgtap run, connectors: {CONNECTORS}");
    let side = Side { name, bytes: file.made.bytes * CONNECTORS, runs };
    let what = format!("peak memory with {CONNECTORS} connectors");
    out.targets.push(Target::new(what, side.peak(), Wanted::AtMost(MEMORY), Unit::MiB));
    out.sides.push(side);
    out.notes.push("To `discard`; the end is when nothing happens any more.".to_owned());
    bench.scene.forget(0);
    Ok(())
}

/// Runs until everything is fetched and nothing happens any more.
fn at_work(bench: &Bench, org: &Server, here: &Installation) -> Result<Figures> {
    let mut command = here.command(&bench.scene, &bench.tools.orgtap);
    let started = start(command.arg("run"), &here.folder)?;
    let wanted = org.urls.len() as u64;
    let begun = std::time::Instant::now();
    while org.downloads()? < wanted {
        if begun.elapsed() > PATIENCE {
            bail!("{} of {wanted} files were fetched in time", org.downloads()?);
        }
        started.cpu()?;
        std::thread::sleep(Duration::from_millis(100));
    }
    started.settle(STILL, PATIENCE)?;
    started.stop()
}

/// Rows the ledger says are admitted.
fn admitted(bench: &Bench, here: &Installation) -> Result<u64> {
    let mut command = here.command(&bench.scene, &bench.tools.orgtap);
    let (_, told) = measured(command.args(["status", "--json"]), &here.folder)?;
    let told: Value = serde_json::from_str(&told).context("what `orgtap status` told")?;
    let connectors = told["connectors"].as_array().context("no connectors in the status")?;
    Ok(connectors.iter().filter_map(|one| one["admitted"].as_u64()).sum())
}

/// Everything is collected; what does waiting cost?
pub(super) fn idle(bench: &Bench, out: &mut Comparison) -> Result<()> {
    let file = bench.scene.file(Form::Packed, Kind::Usual, 100_000, 9)?;
    let seconds = bench.size(30, 8);
    for connectors in [1, CONNECTORS] {
        let org = Server::org(&daily(connectors, &file), bench.scene.root())?;
        let here = Installation::new(&bench.scene, &org.urls, &Goal::Discard)?;
        here.collect(&bench.scene, &bench.tools.orgtap, file.made.rows * connectors)?;
        let mut command = here.command(&bench.scene, &bench.tools.orgtap);
        let started = start(command.arg("run"), &here.folder)?;
        started.settle(STILL, PATIENCE)?;
        let before = started.cpu()?;
        std::thread::sleep(Duration::from_secs(seconds));
        let used = started.cpu()? - before;
        let figures = started.stop()?;
        println!("  connectors: {connectors}: {used:.2} s of CPU in {seconds} s");
        let what = format!("CPU of idle connectors, of one core ({connectors})");
        let share = 100.0 * used / seconds as f64;
        out.targets.push(Target::new(what, share, Wanted::AtMost(IDLE), Unit::Percent));
        out.notes.push(format!(
            "Connectors: {connectors}: {used:.2} s of CPU in {seconds} s (told in hundredths); \
             peak memory {:.1} MiB.",
            figures.peak as f64 / 1024.0 / 1024.0
        ));
    }
    bench.scene.forget(0);
    Ok(())
}
