//! What people read: failures, numbers, times.

use std::process::ExitCode;

use comfy_table::{ColumnConstraint, ContentArrangement, Table, Width, presets};
use orgtap_transport::vault::VaultError;
use orgtap_transport::{Explain, Problem};
use serde_json::json;

use crate::exit::Exit;
use crate::say::say_aside;

/// Prints a command's failure and answers its exit code.
pub(crate) fn failure(error: &anyhow::Error, json: bool) -> ExitCode {
    let (problem, exit) = judge(error);
    let faults = error.downcast_ref::<orgtap_collector::config::ConfigError>().or_else(|| {
        match error.downcast_ref::<orgtap_collector::Error>() {
            Some(orgtap_collector::Error::Config(faults)) => Some(faults),
            _ => None,
        }
    });
    if let (Some(faults), false) = (faults, json) {
        say_aside(faults.render().trim_end());
    } else if json {
        say_aside(&json!({ "problem": problem }).to_string());
    } else {
        say_aside(&problem_text(&problem));
    }
    exit.into()
}

fn judge(error: &anyhow::Error) -> (Problem, Exit) {
    if let Some(error) = error.downcast_ref::<orgtap_collector::Error>() {
        let exit = match error {
            orgtap_collector::Error::Config(_) => Exit::Usage,
            orgtap_collector::Error::InUse { .. }
            | orgtap_collector::Error::Abandoned { .. }
            | orgtap_collector::Error::AllTooOld { .. }
            | orgtap_collector::Error::State(_)
            | orgtap_collector::Error::Destination(_) => Exit::Blocked,
            orgtap_collector::Error::Vault(error) => of_vault(error),
            _ if error.is_disk_full() => Exit::Incomplete,
            _ => Exit::Failure,
        };
        return (error.problem(), exit);
    }
    if let Some(error) = error.downcast_ref::<orgtap_collector::config::ConfigError>() {
        return (error.problem(), Exit::Usage);
    }
    if let Some(error) = error.downcast_ref::<VaultError>() {
        return (error.problem(), of_vault(error));
    }
    if let Some(error) = error.downcast_ref::<orgtap_console::Error>() {
        let exit = match error {
            orgtap_console::Error::Listen { .. } | orgtap_console::Error::Tls { .. } => {
                Exit::Blocked
            }
            _ => Exit::Failure,
        };
        return (error.problem(), exit);
    }
    if error.is::<crate::exit::UsageError>() {
        let problem = Problem {
            code: crate::exit::USAGE_CODE.to_owned(),
            message: error.to_string(),
            cause: String::new(),
            remedy: String::new(),
            possibilities: Vec::new(),
            disposition: "pause".to_owned(),
        };
        return (problem, Exit::Usage);
    }
    let problem = Problem {
        code: "OT-UNIT-50".to_owned(),
        message: format!("{error:#}"),
        cause: String::new(),
        remedy: String::new(),
        possibilities: Vec::new(),
        disposition: "pause".to_owned(),
    };
    (problem, Exit::Failure)
}

fn of_vault(error: &VaultError) -> Exit {
    match error {
        VaultError::Disk { .. } | VaultError::Crypto => Exit::Failure,
        _ => Exit::Blocked,
    }
}

/// A problem with its cause, remedy and code, for a terminal.
pub(crate) fn problem_text(problem: &Problem) -> String {
    let mut text = format!("error: {} [{}]", problem.message, problem.code);
    if !problem.cause.is_empty() {
        text.push_str(&format!("\n  cause:  {}", problem.cause));
    }
    if !problem.remedy.is_empty() {
        text.push_str(&format!("\n  remedy: {}", problem.remedy));
    }
    text
}

/// Longer words may be broken wherever there is a better use for the room.
const LONGEST_WORD: usize = 40;
/// Shorter ones are broken only where there is no room for a table at all.
const SHORT_WORD: usize = 6;

/// A table as wide as the terminal. As many of its words are whole as the terminal has room for.
pub(crate) fn table<const N: usize>(header: [&str; N], rows: Vec<[String; N]>) -> String {
    let word = |text: &str| text.split(' ').map(|word| word.chars().count()).max().unwrap_or(0);
    let mut widths = header.map(word);
    for row in &rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = word(cell).max(*width);
        }
    }
    let mut table = Table::new();
    table.load_style(presets::UTF8_HORIZONTAL_ONLY);
    table.set_content_arrangement(ContentArrangement::Dynamic);
    table.set_header(header);
    table.add_rows(rows);
    let room = table.width().map_or(usize::MAX, usize::from);
    // A space stands on each side of a word, and one between columns.
    let all = |most: usize| widths.iter().map(|width| width.min(&most) + 3).sum::<usize>() - 1;
    let most = (SHORT_WORD..=LONGEST_WORD).rev().find(|most| all(*most) <= room);
    for (column, width) in table.column_iter_mut().zip(widths) {
        let Some(most) = most else { break };
        let width = Width::Fixed(u16::try_from(width.min(most) + 2).unwrap_or(u16::MAX));
        column.set_constraint(ColumnConstraint::LowerBoundary(width));
    }
    table.to_string()
}

/// A moment in RFC 3339 without its fraction.
pub(crate) fn moment(text: &str) -> String {
    match text.split_once('.') {
        Some((whole, _)) => format!("{whole}Z"),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_have_no_fraction() {
        assert_eq!(moment("2026-11-23T19:00:00.123Z"), "2026-11-23T19:00:00Z");
    }
}
