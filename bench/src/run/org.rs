//! From an org to destinations: against unpacking alone, and against what people write.

use std::path::Path;

use anyhow::{Context as _, Result, bail};

use super::measure::{Figures, measured};
use super::orgtap::{Goal, Installation, daily, lines_of};
use super::report::{Comparison, Target, Unit, Wanted};
use super::scene::Form;
use super::server::Server;
use super::{Bench, Turn, same_rows};
use crate::made::Kind;
use crate::org::file_id;

/// Orgtap into each destination, and gunzip.
pub(super) fn destinations(bench: &Bench, out: &mut Comparison) -> Result<()> {
    let bytes = bench.size(1_000_000_000, 100_000_000);
    let file = bench.scene.file(Form::Packed, Kind::Usual, bytes, 3)?;
    let rows = file.made.rows;
    let org = Server::org(&daily(1, &file), bench.scene.root())?;
    let sink = Server::sink()?;
    let goals = [
        ("discard", Goal::Discard, 65.0),
        ("file, uncompressed", Goal::Files("none"), 55.0),
        ("http on the loopback", Goal::Http(sink.url()?.to_owned()), 50.0),
        ("file, zstd (the default)", Goal::Files("zstd"), 45.0),
    ];

    let sent = sink.lines()?;
    for (name, goal, _) in &goals[..3] {
        let here = Installation::new(&bench.scene, &org.urls, goal)?;
        here.collect(&bench.scene, &bench.tools.orgtap, rows)?;
        match goal {
            Goal::Files(_) => same_rows(name, here.lines()?, rows)?,
            Goal::Http(_) => same_rows(name, sink.lines()? - sent, rows)?,
            Goal::Discard => {}
        }
    }

    let mut turns = vec![Turn::new("gunzip alone", file.made.bytes, || {
        let mut command = bench.scene.command(&bench.tools.own);
        let (figures, told) = measured(command.arg("gunzip").arg(&file.path), bench.scene.root())?;
        if told.trim() != file.made.bytes.to_string() {
            bail!("{} bytes came out", told.trim());
        }
        Ok(figures)
    })];
    for (name, goal, _) in &goals {
        let org = &org;
        turns.push(Turn::new(format!("org to {name}"), file.made.bytes, move || {
            let here = Installation::new(&bench.scene, &org.urls, goal)?;
            here.collect(&bench.scene, &bench.tools.orgtap, rows)
        }));
    }
    out.sides = bench.alternately(turns)?;
    let [gunzip, others @ ..] = &out.sides[..] else { bail!("nothing ran") };
    for (side, (_, _, share)) in others.iter().zip(&goals) {
        let found = 100.0 * side.rate() / gunzip.rate();
        let what = format!("{}: rate, of gunzip's", side.name);
        out.targets.push(Target::new(what, found, Wanted::AtLeast(*share), Unit::Percent));
    }
    out.notes.push(format!(
        "gzip level 6; {:.2} bytes of CSV for a byte on the wire.",
        file.made.bytes as f64 / file.made.packed as f64
    ));
    bench.scene.forget(bytes);
    Ok(())
}

/// Orgtap, the typical script, and curl into xan.
pub(super) fn scripts(bench: &Bench, out: &mut Comparison) -> Result<()> {
    let bytes = bench.size(100_000_000, 20_000_000);
    let file = bench.scene.file(Form::Packed, Kind::Usual, bytes, 4)?;
    let rows = file.made.rows;
    let org = Server::org(&daily(1, &file), bench.scene.root())?;
    let url = org.url()?.to_owned();
    let to = bench.scene.path("script.ndjson");

    let typical = || -> Result<Figures> {
        let mut command = bench.scene.command(&bench.tools.python);
        command.arg(&bench.tools.typical).arg(&url).arg(&to);
        Ok(measured(&mut command, bench.scene.root())?.0)
    };
    let curl = || -> Result<Figures> {
        let path = format!("/services/data/v66.0/sobjects/EventLogFile/{}/LogFile", file_id(1));
        let pipe = format!(
            "set -o pipefail; curl --silent --fail --compressed -H 'Authorization: Bearer bench' \
             {url}{path} | {} to ndjson --omit --strings '*' -o {}",
            bench.tools.xan.display(),
            to.display()
        );
        let mut command = bench.scene.command(Path::new("bash"));
        Ok(measured(command.args(["-c", &pipe]), bench.scene.root())?.0)
    };
    let clear = || std::fs::remove_file(&to).context("the output is missing");
    typical()?;
    same_rows("the typical script", lines_of(&to)?, rows)?;
    clear()?;
    curl()?;
    same_rows("curl into xan", lines_of(&to)?, rows)?;
    clear()?;

    out.sides = bench.alternately(vec![
        Turn::new("org to file, uncompressed", file.made.bytes, || {
            let here = Installation::new(&bench.scene, &org.urls, &Goal::Files("none"))?;
            here.collect(&bench.scene, &bench.tools.orgtap, rows)
        }),
        Turn::new("typical.py", file.made.bytes, || {
            let figures = typical()?;
            clear().map(|()| figures)
        }),
        Turn::new("curl --compressed into xan", file.made.bytes, || {
            let figures = curl()?;
            clear().map(|()| figures)
        }),
    ])?;
    if let [orgtap, typical, curl] = &out.sides[..] {
        for (what, found, times) in [
            ("rate, in times of typical.py", orgtap.rate() / typical.rate(), 15.0),
            ("CPU of typical.py, in times of Orgtap's", typical.cpu() / orgtap.cpu(), 9.0),
            ("rate, in times of curl into xan", orgtap.rate() / curl.rate(), 3.0),
        ] {
            out.targets.push(Target::new(what, found, Wanted::AtLeast(times), Unit::Times));
        }
    }
    bench.scene.forget(bytes);
    Ok(())
}
