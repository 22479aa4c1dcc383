//! Whether converters say what the file says, before anybody looks at how fast they are.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::Value;

use super::Bench;
use super::measure::measured;
use super::orgtap::{daily, lines_of};
use super::scene::DataFile;
use super::server::Server;
use super::tools::Converter;
use crate::made::{Made, awkward};

/// How what each makes of the awkward file differs from what it says. Orgtap's comes first.
pub(crate) fn awkward_file(bench: &Bench) -> Result<Vec<(String, Vec<String>)>> {
    let folder = bench.scene.folder()?;
    let from = folder.join("awkward.csv");
    std::fs::write(&from, awkward::csv()).context("writing the awkward file")?;
    let to = folder.join("events.ndjson");
    let mut all = Vec::new();
    let mut add = |name: &str, words: &[PathBuf]| -> Result<()> {
        let mut command = bench.scene.command(&words[0]);
        measured(command.args(&words[1..]), &folder)?;
        let text = std::fs::read(&to).with_context(|| format!("{name} left nothing"))?;
        all.push((name.to_owned(), differences(&text)));
        Ok(())
    };
    for converter in Converter::ALL {
        add(converter.name(), &converter.words(&bench.tools, &from, &to))?;
    }
    let mut xan = vec![bench.tools.xan.clone()];
    xan.extend(["to", "ndjson", "-o"].map(PathBuf::from));
    xan.extend([to.clone(), from.clone()]);
    add("xan to ndjson without further words", &xan)?;
    let org = Server::org(&daily(1, &packed(&from)?), &folder)?;
    let typical = [&bench.tools.python, &bench.tools.typical].map(Clone::clone);
    add("typical.py", &[&typical[..], &[org.url()?.into(), to.clone()]].concat())?;
    Ok(all)
}

/// The file as gzip, beside it.
fn packed(csv: &Path) -> Result<DataFile> {
    let (text, path) = (std::fs::read(csv)?, csv.with_added_extension("gz"));
    let mut packer = GzEncoder::new(std::fs::File::create(&path)?, Compression::new(6));
    packer.write_all(&text)?;
    packer.finish()?;
    let (rows, bytes) = (awkward::ROWS.len() as u64, text.len() as u64);
    Ok(DataFile { path, made: Made { rows, bytes, packed: 0 } })
}

/// Rows a converter makes of a file.
pub(crate) fn rows(bench: &Bench, converter: Converter, from: &Path) -> Result<u64> {
    let folder = bench.scene.folder()?;
    let to = folder.join("events.ndjson");
    let words = converter.words(&bench.tools, from, &to);
    let mut command = bench.scene.command(&words[0]);
    command.args(&words[1..]);
    measured(&mut command, &folder)?;
    let rows = lines_of(&to)?;
    std::fs::remove_dir_all(&folder).context("removing a folder")?;
    Ok(rows)
}

/// What of the events is not what the awkward rows say, each kind once.
fn differences(text: &[u8]) -> Vec<String> {
    let lines: Vec<&[u8]> =
        text.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()).collect();
    let mut kinds: BTreeMap<String, u64> = BTreeMap::new();
    let mut add = |kind: String| *kinds.entry(kind).or_default() += 1;
    if lines.len() != awkward::ROWS.len() {
        add(format!("{} events for {} rows", lines.len(), awkward::ROWS.len()));
    }
    for (line, row) in lines.iter().zip(awkward::ROWS) {
        let Ok(event) = serde_json::from_slice::<Value>(line) else {
            add("a line is no JSON".to_owned());
            continue;
        };
        for (name, cell) in awkward::COLUMNS.iter().zip(row) {
            match (event.get(name), *cell) {
                (None, "") => {}
                (None, _) => add(format!("{name} is missing")),
                (Some(Value::String(text)), cell) if text == cell && !cell.is_empty() => {}
                (Some(Value::String(text)), "") if text.is_empty() => {
                    add("empty cells are written as \"\"".to_owned());
                }
                (Some(Value::Null), "") => add("empty cells are written as null".to_owned()),
                (Some(Value::String(_)), _) => add(format!("{name} is another text")),
                (Some(Value::Number(_)), _) => add(format!("{name} becomes a number")),
                (Some(Value::Bool(_) | Value::Null), _) => add(format!("{name} loses its text")),
                (Some(_), _) => add(format!("{name} is no text")),
            }
        }
    }
    kinds
        .into_iter()
        .map(|(kind, times)| if times > 1 { format!("{kind} ({times} times)") } else { kind })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_that_say_what_the_rows_say_do_not_differ() {
        let mut text = Vec::new();
        for row in awkward::ROWS {
            let event: BTreeMap<_, _> =
                awkward::COLUMNS.iter().zip(row).filter(|(_, cell)| !cell.is_empty()).collect();
            text.extend(serde_json::to_vec(&event).unwrap());
            text.push(b'\n');
        }
        assert!(differences(&text).is_empty());
        let cut = text.len() / 2;
        assert!(!differences(&text[..cut]).is_empty());
    }

    #[test]
    fn changed_types_and_empty_cells_are_told_apart() {
        let line = r#"{"EVENT_TYPE":"RestApi","TIMESTAMP":20261122101530.12,"NUMBER":"1","TEXT":"x","EMPTY":null}"#;
        let found = differences(line.as_bytes());
        for expected in [
            "1 events for 9 rows",
            "TIMESTAMP becomes a number",
            "TIMESTAMP_DERIVED is missing",
            "TEXT is another text",
            "empty cells are written as null",
        ] {
            assert!(found.iter().any(|one| one == expected), "{expected}: {found:?}");
        }
    }
}
