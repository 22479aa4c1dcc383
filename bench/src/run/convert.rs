//! Log files on disk to NDJSON: Orgtap and others, each on one core.

use std::cell::Cell;
use std::path::Path;

use anyhow::{Context as _, Result, bail};

use super::measure::{Figures, measured};
use super::report::{Comparison, Target, Unit, Wanted};
use super::scene::{DataFile, Form};
use super::tools::Converter;
use super::{Bench, Turn, same_rows, truth};
use crate::made::Kind;

/// What Orgtap's rate must be, in times of theirs. The others are shown beside them.
const WANTED: [(Converter, f64); 3] =
    [(Converter::Minimal, 4.0), (Converter::Xan, 5.0), (Converter::Duck, 12.0)];
/// What a hostile byte may cost, in times of a usual one.
const HOSTILE: f64 = 3.0;

/// Orgtap, two converters on the `csv` crate, xan and DuckDB.
pub(super) fn tools(bench: &Bench, out: &mut Comparison) -> Result<()> {
    let bytes = bench.size(256_000_000, 48_000_000);
    let file = bench.scene.file(Form::Plain, Kind::Usual, bytes, 1)?;
    for converter in Converter::ALL {
        let found = truth::rows(bench, converter, &file.path)?;
        same_rows(converter.name(), found, file.made.rows)?;
    }
    out.notes.push(
        "What each makes of an awkward file (quotes, line ends, numbers that are none):".to_owned(),
    );
    for (name, differences) in truth::awkward_file(bench)? {
        if name == Converter::Orgtap.name() && !differences.is_empty() {
            bail!("orgtap changes what an awkward file says: {}", differences.join("; "));
        }
        let told =
            if differences.is_empty() { "what it says".to_owned() } else { differences.join("; ") };
        out.notes.push(format!("- {name}: {told}"));
    }
    let turns = Converter::ALL.map(|converter| turn(bench, converter.name(), converter, &file));
    out.sides = bench.alternately(turns.into())?;
    let Some(orgtap) = out.sides.first() else { bail!("nothing ran") };
    for (converter, times) in WANTED {
        let other = out.sides.iter().find(|side| side.name == converter.name());
        let other = other.with_context(|| format!("{} did not run", converter.name()))?;
        let found = orgtap.rate() / other.rate();
        let what = format!("rate, in times of {}", other.name);
        out.targets.push(Target::new(what, found, Wanted::AtLeast(times), Unit::Times));
    }
    out.notes.push(
        "Orgtap writes each row's identity and origin besides its cells. The minimal converter is \
         the one people write first: a map of strings for each row, and serde_json. The tuned one \
         reuses a record, makes keys once and escapes by itself; there is no target for it. \
         DuckDB's figures include the start of Python."
            .to_owned(),
    );
    bench.scene.forget(bytes);
    Ok(())
}

/// A file with a doubled quote in every cell against a usual one.
pub(super) fn hostile(bench: &Bench, out: &mut Comparison) -> Result<()> {
    let bytes = bench.size(128_000_000, 32_000_000);
    let usual = bench.scene.file(Form::Plain, Kind::Usual, bytes, 2)?;
    let hostile = bench.scene.file(Form::Plain, Kind::Hostile, bytes, 2)?;
    for (name, file) in [("usual", &usual), ("hostile", &hostile)] {
        let found = truth::rows(bench, Converter::Orgtap, &file.path)?;
        same_rows(name, found, file.made.rows)?;
    }
    out.sides = bench.alternately(vec![
        turn(bench, "orgtap convert, usual file", Converter::Orgtap, &usual),
        turn(bench, "orgtap convert, hostile file", Converter::Orgtap, &hostile),
    ])?;
    if let [usual, hostile] = &out.sides[..] {
        let found = hostile.cpu_per_gb() / usual.cpu_per_gb();
        let what = "CPU for a hostile byte, in times of a usual one";
        out.targets.push(Target::new(what, found, Wanted::AtMost(HOSTILE), Unit::Times));
    }
    bench.scene.forget(bytes);
    Ok(())
}

/// One converter over one file. Its output must have the same length each time.
fn turn<'a>(bench: &'a Bench, name: &str, converter: Converter, file: &'a DataFile) -> Turn<'a> {
    let to = bench.scene.path("converted.ndjson");
    let length = Cell::new(0);
    Turn::new(name, file.made.bytes, move || {
        let figures = pinned(bench, converter, &file.path, &to)?;
        let found = std::fs::metadata(&to).context("the output is missing")?.len();
        // What is there already would cost the next one the time to drop it.
        std::fs::remove_file(&to).context("removing the output")?;
        match length.replace(found) {
            0 => Ok(figures),
            before if before == found => Ok(figures),
            before => bail!("{found} bytes came out, and {before} the time before"),
        }
    })
}

fn pinned(bench: &Bench, converter: Converter, from: &Path, to: &Path) -> Result<Figures> {
    let mut command = bench.scene.command(Path::new("taskset"));
    command.args(["-c", "0"]).args(converter.words(&bench.tools, from, to));
    Ok(measured(&mut command, bench.scene.root())?.0)
}
