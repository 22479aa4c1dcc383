//! The programs of others that Orgtap is compared with, and what they are called with.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, bail};

/// Where programs and scripts are.
#[derive(Debug)]
pub(crate) struct Tools {
    /// Orgtap: a copy, so that a build meanwhile does not change what is measured.
    pub(crate) orgtap: PathBuf,
    /// This program.
    pub(crate) own: PathBuf,
    /// xan, a converter written in Rust.
    pub(crate) xan: PathBuf,
    /// A Python with DuckDB and simple-salesforce.
    pub(crate) python: PathBuf,
    /// DuckDB's part.
    pub(crate) duck: PathBuf,
    /// The script people write first.
    pub(crate) typical: PathBuf,
}

impl Tools {
    /// Finds everything, and says what is missing.
    pub(crate) fn find(orgtap: &Path, tools: &Path, home: &Path) -> Result<Self> {
        let here = |path: PathBuf| {
            let whole = std::path::absolute(&path)?;
            if whole.exists() { Ok(whole) } else { bail!("{} is missing", whole.display()) }
        };
        let found = || -> Result<Self> {
            let copy = std::path::absolute(tools.join(format!("orgtap-{}", std::process::id())))?;
            std::fs::copy(here(orgtap.to_owned())?, &copy).context("copying orgtap")?;
            Ok(Self {
                orgtap: copy,
                own: own(),
                xan: here(tools.join("tools/bin/xan"))?,
                python: here(tools.join("venv/bin/python"))?,
                duck: here(home.join("duck.py"))?,
                typical: here(home.join("typical.py"))?,
            })
        };
        found().context("`cargo x bench` installs and builds what is needed")
    }

    /// Name and version of each, as the report has them.
    pub(crate) fn versions(&self) -> Vec<(String, String)> {
        let said = |program: &Path, arguments: &[&str]| first_line(program, arguments);
        let package = |name: &str| {
            let code = format!("from importlib.metadata import version; print(version('{name}'))");
            said(&self.python, &["-c", &code])
        };
        let curl = said(Path::new("curl"), &["--version"]);
        let curl = curl.split_whitespace().nth(1).unwrap_or("unknown").to_owned();
        [
            ("orgtap", said(&self.orgtap, &["--version"])),
            ("xan", said(&self.xan, &["--version"])),
            ("DuckDB", package("duckdb")),
            ("simple-salesforce", package("simple-salesforce")),
            ("requests", package("requests")),
            ("Python", said(&self.python, &["--version"])),
            ("curl", curl),
        ]
        .map(|(name, version)| (name.to_owned(), version))
        .to_vec()
    }
}

impl Drop for Tools {
    fn drop(&mut self) {
        // At worst it stays below target/.
        drop(std::fs::remove_file(&self.orgtap));
    }
}

/// This program, even when another has been built in its place.
pub(super) fn own() -> PathBuf {
    PathBuf::from(format!("/proc/{}/exe", std::process::id()))
}

/// The first line a program prints, or a word that it did not.
pub(super) fn first_line(program: &Path, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).output();
    let text = output.map(|output| String::from_utf8_lossy(&output.stdout).into_owned());
    let line = text.ok().and_then(|text| text.lines().next().map(|line| line.trim().to_owned()));
    line.filter(|line| !line.is_empty()).unwrap_or_else(|| "unknown".to_owned())
}

/// Something that turns CSV into NDJSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Converter {
    Orgtap,
    /// The shortest one on the `csv` crate.
    Minimal,
    /// One on the `csv` crate that is tuned.
    Tuned,
    Xan,
    Duck,
}

impl Converter {
    /// All of them, Orgtap first.
    pub(crate) const ALL: [Self; 5] =
        [Self::Orgtap, Self::Minimal, Self::Tuned, Self::Xan, Self::Duck];

    /// What the report calls it.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Orgtap => "orgtap convert",
            Self::Minimal => "minimal (csv crate)",
            Self::Tuned => "tuned (csv crate)",
            Self::Xan => "xan to ndjson",
            Self::Duck => "DuckDB COPY",
        }
    }

    /// The command line. All give what Orgtap gives, as far as they can: text stays text, and,
    /// but for DuckDB, empty cells are left out.
    pub(crate) fn words(self, tools: &Tools, from: &Path, to: &Path) -> Vec<PathBuf> {
        let plain = |words: &[&str]| words.iter().map(PathBuf::from).collect::<Vec<_>>();
        let (from, to) = (from.to_owned(), to.to_owned());
        let mut words = match self {
            Self::Orgtap => vec![tools.orgtap.clone()],
            Self::Minimal | Self::Tuned => vec![tools.own.clone()],
            Self::Xan => vec![tools.xan.clone()],
            Self::Duck => vec![tools.python.clone(), tools.duck.clone()],
        };
        match self {
            Self::Orgtap => {
                words.extend(plain(&["convert", "--out"]));
                words.extend([to, from]);
            }
            Self::Minimal | Self::Tuned => {
                words.extend(plain(&[if self == Self::Minimal { "minimal" } else { "tuned" }]));
                words.extend([from, to]);
            }
            Self::Xan => {
                words.extend(plain(&["to", "ndjson", "--omit", "--strings", "*", "-o"]));
                words.extend([to, from]);
            }
            Self::Duck => words.extend([from, to]),
        }
        words
    }
}
