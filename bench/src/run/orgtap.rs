//! Orgtap against the loopback org: its configuration, its runs, and what it says it delivered.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, bail};
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use super::measure::{Figures, measured};
use super::scene::{DataFile, Scene};
use crate::org::{LogFile, OrgFiles, World, file_id, org_id};

/// Event types of hourly files.
const TYPES: u64 = 20;

/// Where events go.
#[derive(Debug, Clone)]
pub(crate) enum Goal {
    /// Nowhere.
    Discard,
    /// Files, compressed so.
    Files(&'static str),
    /// A sink at this address.
    Http(String),
}

impl Goal {
    fn lines(&self) -> String {
        match self {
            Self::Discard => "  type: discard\n".to_owned(),
            Self::Files(compression) => {
                format!("  type: file\n  directory: events\n  compression: {compression}\n")
            }
            Self::Http(url) => format!("  type: http\n  url: {url}/events\n  body: ndjson\n"),
        }
    }
}

/// An installation of Orgtap: a folder with a configuration. Gone when dropped.
#[derive(Debug)]
pub(crate) struct Installation {
    /// The folder.
    pub(crate) folder: PathBuf,
}

impl Installation {
    /// A fresh one that collects from these orgs.
    pub(crate) fn new(scene: &Scene, orgs: &[String], goal: &Goal) -> Result<Self> {
        let folder = scene.folder()?;
        let mut text = String::from("data_dir: data\nconnectors:\n");
        for (number, url) in orgs.iter().enumerate() {
            write!(
                text,
                "- name: org{number}\n  type: salesforce_connector\n  instance_url: {url}\n\
                 \x20 auth: client_credentials\n  consumer_key: {{ env: BENCH_KEY }}\n\
                 \x20 consumer_secret: {{ env: BENCH_SECRET }}\n  destinations: [goal]\n"
            )?;
        }
        write!(text, "destinations:\n- name: goal\n{}", goal.lines())?;
        fs::write(folder.join("orgtap.yaml"), text).context("writing a configuration")?;
        Ok(Self { folder })
    }

    /// The program in this installation.
    pub(crate) fn command(&self, scene: &Scene, program: &Path) -> Command {
        let mut command = scene.command(program);
        command.current_dir(&self.folder).env("BENCH_KEY", "key").env("BENCH_SECRET", "secret");
        command
    }

    /// Collects everything, which must be so many events.
    pub(crate) fn collect(&self, scene: &Scene, program: &Path, rows: u64) -> Result<Figures> {
        let mut command = self.command(scene, program);
        command.args(["collect", "--json"]);
        let (figures, told) = measured(&mut command, &self.folder)?;
        let told: Value = serde_json::from_str(&told).context("what `orgtap collect` told")?;
        let connectors = told["connectors"].as_array().map(Vec::as_slice).unwrap_or_default();
        let delivered: u64 = connectors.iter().filter_map(|one| one["delivered"].as_u64()).sum();
        if delivered != rows {
            bail!("orgtap delivered {delivered} events where there are {rows}: {told}");
        }
        Ok(figures)
    }

    /// Events in the files of the `file` destination, which must not be compressed.
    pub(crate) fn lines(&self) -> Result<u64> {
        lines_below(&self.folder.join("events"))
    }
}

impl Drop for Installation {
    fn drop(&mut self) {
        // What stays goes with the scene.
        drop(fs::remove_dir_all(&self.folder));
    }
}

fn lines_below(folder: &Path) -> Result<u64> {
    let mut lines = 0;
    for entry in fs::read_dir(folder).with_context(|| format!("reading {}", folder.display()))? {
        let path = entry?.path();
        lines += if path.is_dir() { lines_below(&path)? } else { lines_of(&path)? };
    }
    Ok(lines)
}

/// Lines of a file.
pub(crate) fn lines_of(path: &Path) -> Result<u64> {
    use std::io::BufRead as _;
    let file = fs::File::open(path).with_context(|| format!("cannot read {}", path.display()))?;
    let mut reader = std::io::BufReader::with_capacity(1 << 18, file);
    let mut lines = 0;
    loop {
        let piece = reader.fill_buf()?;
        if piece.is_empty() {
            return Ok(lines);
        }
        lines += memchr::memchr_iter(b'\n', piece).count() as u64;
        let length = piece.len();
        reader.consume(length);
    }
}

/// The day files are about, seconds since 1970: recent enough for every org to still have them.
pub(crate) fn day() -> u64 {
    let day = Timestamp::now().as_second().div_euclid(86_400) - 6;
    day.unsigned_abs() * 86_400
}

/// When the rows of the `number`th hourly file begin, seconds since 1970.
pub(crate) fn hour(number: u64) -> u64 {
    day() + number / TYPES * 3_600
}

fn moment(seconds: u64) -> Timestamp {
    Timestamp::from_second(seconds.cast_signed()).unwrap_or(Timestamp::UNIX_EPOCH)
}

/// So many orgs, each with one daily file of this content.
pub(crate) fn daily(orgs: u64, file: &DataFile) -> World {
    let one = |number| OrgFiles {
        id: org_id(number),
        files: vec![LogFile {
            id: file_id(number),
            event_type: "RestApi".to_owned(),
            path: file.path.clone(),
            log_date: moment(day()),
            created_date: moment(day()) + SignedDuration::from_hours(27),
            length: file.made.bytes,
            hourly: false,
        }],
    };
    World { orgs: (1..=orgs).map(one).collect() }
}

/// One org with many hourly files, as of twenty event types over some days.
pub(crate) fn hourly(files: &[DataFile]) -> World {
    let one = |(number, file): (u64, &DataFile)| {
        let begins = moment(hour(number));
        LogFile {
            id: file_id(number),
            event_type: format!("BenchType{}", number % TYPES),
            path: file.path.clone(),
            log_date: begins,
            created_date: begins + SignedDuration::from_mins(90),
            length: file.made.bytes,
            hourly: true,
        }
    };
    let files = (0..).zip(files).map(one).collect();
    World { orgs: vec![OrgFiles { id: org_id(0), files }] }
}
