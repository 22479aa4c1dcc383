//! Memory and cost as the file grows.

use anyhow::{Result, bail};

use super::orgtap::{Goal, Installation, daily};
use super::report::{Comparison, Side, Target, Unit, Wanted, size};
use super::scene::Form;
use super::server::Server;
use super::{Bench, Turn};
use crate::made::Kind;

/// Most memory, MiB.
const MEMORY: f64 = 64.0;
/// How much more of it the largest file may take than the smallest, MiB.
const GROWTH: f64 = 4.0;
/// How much a byte's cost may grow, per cent.
const COST: f64 = 10.0;
/// Files below this are about memory only: starting the program is most of what they cost.
const COUNTS: u64 = 20_000_000;

/// Files from 1 MB to 10 GB, from an org to nowhere.
pub(super) fn sizes(bench: &Bench, out: &mut Comparison) -> Result<()> {
    let all: &[u64] = if bench.quick {
        &[1_000_000, 32_000_000, 256_000_000]
    } else {
        &[1_000_000, 100_000_000, 1_000_000_000, 10_000_000_000]
    };
    let files = all
        .iter()
        .map(|bytes| bench.scene.file(Form::Packed, Kind::Usual, *bytes, 7))
        .collect::<Result<Vec<_>>>()?;
    let servers = files
        .iter()
        .map(|file| Server::org(&daily(1, file), bench.scene.root()))
        .collect::<Result<Vec<_>>>()?;
    let turns = files.iter().zip(&servers).map(|(file, server)| {
        let run = move || {
            let here = Installation::new(&bench.scene, &server.urls, &Goal::Discard)?;
            here.collect(&bench.scene, &bench.tools.orgtap, file.made.rows)
        };
        Turn::new(size(file.made.bytes), file.made.bytes, run)
    });
    out.sides = bench.alternately(turns.collect())?;
    let (Some(first), Some(last)) = (out.sides.first(), out.sides.last()) else {
        bail!("nothing ran")
    };
    let peak = out.sides.iter().map(Side::peak).fold(0.0, f64::max);
    let growth = last.peak() - first.peak();
    let base = out.sides.iter().find(|side| side.bytes >= COUNTS).unwrap_or(last);
    let cost = 100.0 * (last.cpu_per_gb() / base.cpu_per_gb() - 1.0);
    for (what, found, most, unit) in [
        ("peak memory, any size".to_owned(), peak, MEMORY, Unit::MiB),
        (format!("memory: growth from {} to {}", first.name, last.name), growth, GROWTH, Unit::MiB),
        (
            format!("CPU for a byte: growth from {} to {}", base.name, last.name),
            cost,
            COST,
            Unit::Percent,
        ),
    ] {
        out.targets.push(Target::new(what, found, Wanted::AtMost(most), unit));
    }
    out.notes.push("From an org to `discard`. gzip at level 6 for all sizes.".to_owned());
    bench.scene.forget(0);
    Ok(())
}
