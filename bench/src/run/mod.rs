//! `orgtap-bench run`: the comparisons, one after the other, each with its sides run in turns.
//!
//! A comparison begins with whether its sides deliver what they should; then they run A B A B,
//! so that what else the machine does hits all alike, and medians are compared. A missed target is
//! told and is no failure; a side that fails or delivers something else is one.

mod convert;
mod idle;
mod machine;
mod many;
mod measure;
mod org;
mod orgtap;
mod page;
mod report;
mod scene;
mod server;
mod sizes;
mod tools;
mod truth;

use std::path::PathBuf;

use anyhow::{Context as _, Result, bail};

use crate::words::Words;
use measure::Figures;
use page::Page;
use report::{Comparison, Side};
use scene::Scene;
use tools::Tools;

/// How the comparisons are to be run.
#[derive(Debug)]
pub(crate) struct Options {
    /// The program.
    orgtap: PathBuf,
    /// Where tools are installed and files kept between runs.
    tools: PathBuf,
    /// The package's folder, with its scripts; results of whole runs go there.
    home: PathBuf,
    /// Smaller data, fewer runs.
    quick: bool,
    /// Runs of each side.
    runs: usize,
    /// Comparisons; all if there are none.
    names: Vec<String>,
}

impl Options {
    /// Reads them.
    pub(crate) fn read(words: &mut Words) -> Result<Self> {
        let path = |words: &mut Words, name| words.needed(name).map(PathBuf::from);
        let (orgtap, tools) = (path(words, "--orgtap")?, path(words, "--tools")?);
        let home = path(words, "--home")?;
        let quick = words.flag("--quick");
        let runs = match words.option("--runs") {
            Some(runs) => runs.parse().with_context(|| format!("--runs {runs}: not a number"))?,
            None if quick => 3,
            None => 5,
        };
        if runs == 0 {
            bail!("--runs 0 measures nothing");
        }
        let names: Vec<String> = std::iter::from_fn(|| words.name()).collect();
        words.done()?;
        if let Some(unknown) = names.iter().find(|name| ALL.iter().all(|one| one.0 != **name)) {
            let all: Vec<&str> = ALL.iter().map(|one| one.0).collect();
            bail!("there is no comparison {unknown}; there are {}", all.join(", "));
        }
        Ok(Self { orgtap, tools, home, quick, runs, names })
    }
}

/// What the comparisons share.
#[derive(Debug)]
pub(crate) struct Bench {
    scene: Scene,
    tools: Tools,
    quick: bool,
    runs: usize,
}

/// A comparison: its name, what it compares, and how.
type Entry = (&'static str, &'static str, fn(&Bench, &mut Comparison) -> Result<()>);

const ALL: &[Entry] = &[
    ("convert", "a log file on disk to NDJSON, on one core", convert::tools),
    ("hostile", "a doubled quote in every cell, on one core", convert::hostile),
    ("org", "from an org to destinations, against unpacking alone", org::destinations),
    ("script", "from an org to a file, against what people write", org::scripts),
    ("files", "many small files against a large one", many::files),
    ("orgs", "many orgs against one", many::orgs),
    ("hundred", "a hundred connectors at the same time", idle::hundred),
    ("idle", "connectors with nothing to do", idle::idle),
    ("sizes", "memory and cost as the file grows", sizes::sizes),
];

/// Memory needed at most, bytes: the largest file packed, twice, with its index, or the files
/// converters write.
const NEEDED: u64 = 8_000_000_000;
const NEEDED_QUICK: u64 = 1_500_000_000;

/// Runs the comparisons and writes the results.
pub(crate) fn command(options: &Options) -> Result<()> {
    let tools = Tools::find(&options.orgtap, &options.tools, &options.home)?;
    let needed = if options.quick { NEEDED_QUICK } else { NEEDED };
    let mut page = Page {
        machine: machine::described(),
        tools: tools.versions(),
        busy: machine::busy(),
        quick: options.quick,
        comparisons: Vec::new(),
    };
    if let Some(busy) = &page.busy {
        println!("{busy}");
    }
    let scene = Scene::new(needed, options.tools.join("data"))?;
    let bench = Bench { scene, tools, quick: options.quick, runs: options.runs };
    let chosen = |name| options.names.is_empty() || options.names.iter().any(|one| one == name);
    for (name, title, run) in ALL.iter().filter(|one| chosen(one.0)) {
        println!("\n==> {name}: {title}");
        let mut comparison = Comparison {
            name: (*name).to_owned(),
            title: (*title).to_owned(),
            ..Comparison::default()
        };
        if let Err(error) = run(&bench, &mut comparison) {
            comparison.failure = Some(format!("{error:#}"));
        }
        println!("{}", comparison.section());
        page.comparisons.push(comparison);
    }
    drop(bench);
    // Results of whole runs alone go where they are committed.
    let whole = !options.quick && options.names.is_empty();
    let folder = if whole { &options.home } else { &options.tools };
    page.write(folder)
}

impl Bench {
    /// A size for whole runs, or the one for quick ones.
    fn size(&self, whole: u64, quick: u64) -> u64 {
        if self.quick { quick } else { whole }
    }

    /// Runs the sides in turns.
    fn alternately(&self, mut turns: Vec<Turn<'_>>) -> Result<Vec<Side>> {
        let mut sides: Vec<Side> = turns
            .iter()
            .map(|turn| Side { name: turn.name.clone(), bytes: turn.bytes, runs: Vec::new() })
            .collect();
        for round in 0..self.runs {
            println!("  round {} of {}", round + 1, self.runs);
            for (turn, side) in turns.iter_mut().zip(&mut sides) {
                if round >= turn.most {
                    continue;
                }
                let figures = (turn.run)().with_context(|| turn.name.clone())?;
                println!(
                    "    {:<32} {:>8.3} s  CPU {:>8.3} s",
                    side.name, figures.wall, figures.cpu
                );
                side.runs.push(figures);
            }
        }
        Ok(sides)
    }
}

/// Sides with so many bytes of CSV run only so often: each run takes long enough to be steady.
const LARGE: u64 = 4_000_000_000;
const FEW: usize = 3;

/// One side, ready to run.
struct Turn<'a> {
    name: String,
    /// Bytes of CSV.
    bytes: u64,
    /// No more runs than this.
    most: usize,
    run: Box<dyn FnMut() -> Result<Figures> + 'a>,
}

impl<'a> Turn<'a> {
    fn new(name: impl Into<String>, bytes: u64, run: impl FnMut() -> Result<Figures> + 'a) -> Self {
        let most = if bytes < LARGE { usize::MAX } else { FEW };
        Self { name: name.into(), bytes, most, run: Box::new(run) }
    }
}

/// Fails unless a side gives as many events as there are rows.
fn same_rows(name: &str, found: u64, rows: u64) -> Result<()> {
    if found == rows {
        println!("  {name}: {rows} events, as there are rows");
        Ok(())
    } else {
        bail!("{name} gives {found} events where there are {rows} rows")
    }
}
