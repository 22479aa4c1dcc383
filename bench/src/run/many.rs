//! Many files, many orgs: what each one costs beside its bytes.

use anyhow::{Result, bail};

use super::orgtap::{Goal, Installation, daily, hour, hourly};
use super::report::{Comparison, Target, Unit, Wanted, median};
use super::scene::Form;
use super::server::Server;
use super::{Bench, Turn};
use crate::made::{Kind, Recipe};
use crate::org::{OrgFiles, World, org_id};

/// Bytes of a small file.
const SMALL: u64 = 50_000;
/// What small files may cost, in times of a large one with as many bytes.
const FILES: f64 = 2.0;
/// How much a byte's cost may differ with the number of orgs, per cent.
const ORGS: f64 = 10.0;

/// Many small files against a large one.
pub(super) fn files(bench: &Bench, out: &mut Comparison) -> Result<()> {
    let count = bench.size(2_000, 400);
    let large = bench.scene.file(Form::Packed, Kind::Usual, count * SMALL, 5)?;
    let small = (0..count)
        .map(|number| {
            let (seed, begins) = (1_000 + number, hour(number));
            bench.scene.made(Form::Packed, Recipe { seed, kind: Kind::Usual, bytes: SMALL, begins })
        })
        .collect::<Result<Vec<_>>>()?;
    let (bytes, rows) = small
        .iter()
        .fold((0, 0), |(bytes, rows), file| (bytes + file.made.bytes, rows + file.made.rows));
    let one = Server::org(&daily(1, &large), bench.scene.root())?;
    let many = Server::org(&hourly(&small), bench.scene.root())?;
    let collect = |org: &Server, rows| {
        let here = Installation::new(&bench.scene, &org.urls, &Goal::Discard)?;
        here.collect(&bench.scene, &bench.tools.orgtap, rows)
    };
    out.sides = bench.alternately(vec![
        Turn::new("one file", large.made.bytes, || collect(&one, large.made.rows)),
        Turn::new(format!("{count} files"), bytes, || collect(&many, rows)),
    ])?;
    if let [one, many] = &out.sides[..] {
        let found = many.cpu_per_gb() / one.cpu_per_gb();
        let what = "CPU for a byte in small files, in times of one in a large file";
        out.targets.push(Target::new(what, found, Wanted::AtMost(FILES), Unit::Times));
    }
    out.notes.push("From an org to `discard`; small files are hourly ones of 20 types.".to_owned());
    bench.scene.forget(0);
    Ok(())
}

/// One org, ten, a hundred; each has the same.
pub(super) fn orgs(bench: &Bench, out: &mut Comparison) -> Result<()> {
    let bytes = bench.size(100_000_000, 8_000_000);
    let file = bench.scene.file(Form::Packed, Kind::Usual, bytes, 6)?;
    let counts = [1, 10, bench.size(100, 40)];
    let servers = counts
        .iter()
        .map(|count| Server::org(&daily(*count, &file), bench.scene.root()))
        .collect::<Result<Vec<_>>>()?;
    let file = &file;
    let turns = counts.iter().zip(&servers).map(|(count, server)| {
        Turn::new(format!("connectors: {count}"), file.made.bytes * count, move || {
            let here = Installation::new(&bench.scene, &server.urls, &Goal::Discard)?;
            here.collect(&bench.scene, &bench.tools.orgtap, file.made.rows * count)
        })
    });
    out.sides = bench.alternately(turns.collect())?;
    let [one, more @ ..] = &out.sides[..] else { bail!("nothing ran") };
    for side in more {
        let found = 100.0 * (side.cpu_per_gb() / one.cpu_per_gb() - 1.0).abs();
        let what = format!("CPU for a byte, {}: difference from one", side.name);
        out.targets.push(Target::new(what, found, Wanted::AtMost(ORGS), Unit::Percent));
    }
    let nobody = OrgFiles { id: org_id(1), files: Vec::new() };
    let nobody = Server::org(&World { orgs: vec![nobody] }, bench.scene.root())?;
    let start = (0..bench.runs)
        .map(|_| {
            let here = Installation::new(&bench.scene, &nobody.urls, &Goal::Discard)?;
            Ok(here.collect(&bench.scene, &bench.tools.orgtap, 0)?.cpu)
        })
        .collect::<Result<Vec<_>>>()?;
    out.notes.push(format!(
        "From orgs to `discard` by `orgtap collect`, which takes one connector after the other. \
         Starting it and finding nothing costs {:.3} s of CPU, which is in every figure.",
        median(start.into_iter())
    ));
    bench.scene.forget(0);
    Ok(())
}
