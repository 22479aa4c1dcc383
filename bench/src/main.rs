//! What Orgtap is measured with; `cargo x bench` drives it.
//!
//! One program with several hats: it makes log files, serves them as a fast org, takes events as a
//! sink, is three of the baselines, runs the hot loops whose instructions are counted, and runs the
//! comparisons ([`run`]). Whatever is measured runs as a process of its own.

mod baseline;
mod budgets;
mod loops;
mod made;
mod org;
mod run;
mod sink;
mod wire;
mod words;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Result, bail};

use made::{BEGINS, Job, Kind, Recipe};
use words::Words;

const USAGE: &str = "Usage: orgtap-bench COMMAND   (`cargo x bench` is the way to start it)

  run --orgtap FILE --tools DIR --home DIR [--quick] [--runs N] [NAME]..  the comparisons
  make --bytes N [--seed N] [--begins SECONDS] [--hostile] [--csv FILE] [--gzip FILE] [--level N]
  org WORLD          an org that serves the files of a world
  sink               an HTTP target that counts and drops
  gunzip FILE        unpacks and drops
  minimal FROM TO    the shortest converter on the csv crate
  tuned FROM TO      a tuned one
  loops NAME         one hot loop
  instructions --budgets FILE --scratch DIR [--accept]   all of them under callgrind
";

fn main() -> ExitCode {
    let mut words = Words::new(std::env::args().skip(1).collect());
    match dispatch(&mut words) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn dispatch(words: &mut Words) -> Result<()> {
    let command = words.name().unwrap_or_default();
    match command.as_str() {
        "run" => return run::command(&run::Options::read(words)?),
        "make" => {
            let recipe = Recipe {
                bytes: words.needed("--bytes")?.parse()?,
                seed: words.option("--seed").map_or(Ok(1), |seed| seed.parse())?,
                begins: words.option("--begins").map_or(Ok(BEGINS), |begins| begins.parse())?,
                kind: if words.flag("--hostile") { Kind::Hostile } else { Kind::Usual },
            };
            let job = Job {
                recipe,
                csv: words.option("--csv").map(PathBuf::from),
                gzip: words.option("--gzip").map(PathBuf::from),
                level: words.option("--level").map_or(Ok(6), |level| level.parse())?,
            };
            words.done()?;
            println!("{}", serde_json::to_string(&made::make(&job)?)?);
        }
        "org" => org::command(&words.path("a world")?)?,
        "sink" => sink::command()?,
        "gunzip" => println!("{}", baseline::gunzip(&words.path("a file")?)?),
        "minimal" | "tuned" => {
            let convert = if command == "minimal" { baseline::minimal } else { baseline::tuned };
            let from = words.path("a file to read")?;
            println!("{}", convert(&from, &words.path("a file to write")?)?);
        }
        "loops" => {
            let one = loops::Loop::named(&words.name().unwrap_or_default())?;
            println!("{}", serde_json::to_string(&loops::run(one)?)?);
        }
        "instructions" => {
            let places = budgets::Places {
                budgets: words.needed("--budgets")?.into(),
                scratch: words.needed("--scratch")?.into(),
            };
            let accept = words.flag("--accept");
            words.done()?;
            budgets::command(&places, accept)?;
        }
        "" | "help" | "--help" | "-h" => print!("{USAGE}"),
        other => bail!("no command `{other}`\n{USAGE}"),
    }
    Ok(())
}
