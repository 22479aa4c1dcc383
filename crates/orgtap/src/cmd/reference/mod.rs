//! `orgtap reference` and `orgtap completions`: pages made from the program itself.

mod scenario;
mod troubleshooting;

use clap::CommandFactory;
use orgtap_salesforce::LikelyCause;
use serde_json::{Value, json};

use super::say;
use crate::cli::{Cli, Common, CompletionsArgs, ExplainArgs, Page, ReferenceArgs};
use crate::exit::Exit;

/// Prints a page.
pub(crate) async fn run(args: &ReferenceArgs) -> anyhow::Result<Exit> {
    match args.page {
        Page::Errors => say(errors()),
        Page::Delivery => say(delivery()),
        Page::Cli => say(cli()),
        Page::Troubleshooting => say(troubleshooting::page().await?),
        Page::Openapi => say(orgtap_console::document().to_pretty_json()?),
    }
    Ok(Exit::Success)
}

/// Prints completions for a shell.
pub(crate) fn completions(args: &CompletionsArgs) -> Exit {
    let mut command = Cli::command();
    // Into memory first: it panics where it cannot write.
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut command, "orgtap", &mut script);
    say(String::from_utf8_lossy(&script).trim_end());
    Exit::Success
}

struct Row {
    code: &'static str,
    title: String,
    cause: String,
    remedy: String,
}

/// `orgtap explain CODE`: the section of one code.
pub(crate) fn explain(common: &Common, args: &ExplainArgs) -> anyhow::Result<Exit> {
    let wanted = args.code.to_ascii_uppercase();
    let mut rows = rows();
    rows.retain(|row| row.code == wanted);
    if rows.is_empty() {
        let message = format!("there is no code {:?}; codes look like OT-AUTH-01", args.code);
        return Err(crate::exit::usage(message));
    }
    if common.json {
        say(json!({ "code": wanted, "meanings": rows.iter().map(as_json).collect::<Vec<_>>() }));
    } else {
        let meanings: Vec<String> = rows.iter().map(for_terminal).collect();
        say(meanings.join("\n\n"));
    }
    Ok(Exit::Success)
}

fn as_json(row: &Row) -> Value {
    let possible = causes(row.code)
        .map(|one| json!({ "cause": one.cause, "check": one.check, "remedy": one.remedy }));
    json!({
        "title": row.title,
        "cause": row.cause,
        "remedy": row.remedy,
        "possibilities": possible.collect::<Vec<_>>(),
    })
}

fn for_terminal(row: &Row) -> String {
    let mut text =
        format!("{}: {}\n  cause:   {}\n  remedy:  {}", row.code, row.title, row.cause, row.remedy);
    for (number, one) in (1..).zip(causes(row.code)) {
        if number == 1 {
            text.push_str("\n  possible causes, and what tells them apart:");
        }
        text.push_str(&format!(
            "\n    {number}. {}\n       check:  {}\n       remedy: {}",
            one.cause, one.check, one.remedy
        ));
    }
    text
}

/// What may be behind a code that has several causes.
fn causes(code: &str) -> impl Iterator<Item = &'static LikelyCause> {
    let several = orgtap_salesforce::possibilities().into_iter();
    several.filter(move |(one, _)| *one == code).flat_map(|(_, causes)| causes)
}

/// Every code, for the console.
pub(crate) fn explanations() -> Vec<orgtap_console::Explanation> {
    let explain = |row: Row| orgtap_console::Explanation {
        code: row.code,
        title: row.title,
        cause: row.cause,
        remedy: row.remedy,
    };
    rows().into_iter().map(explain).collect()
}

/// Every code, in order.
fn rows() -> Vec<Row> {
    let mut rows: Vec<Row> = Vec::new();
    let mut add = |code: &'static str, title: &str, cause: &str, remedy: &str| {
        rows.push(Row {
            code,
            title: title.to_owned(),
            cause: cause.to_owned(),
            remedy: remedy.to_owned(),
        });
    };
    for (code, title, cause, remedy, _) in orgtap_salesforce::catalogue() {
        add(code, title, cause, remedy);
    }
    for kind in orgtap_destinations::Kind::ALL {
        add(kind.code(), kind.words(), kind.cause(), kind.remedy());
    }
    let vault = orgtap_transport::vault::CATALOGUE;
    let own = orgtap_collector::catalogue().into_iter();
    for (code, title, cause, remedy) in own
        .chain(orgtap_collector::config::catalogue())
        .chain(vault)
        .chain(orgtap_console::catalogue())
    {
        add(code, title, cause, remedy);
    }
    add(
        crate::exit::USAGE_CODE,
        "a wrong command line",
        "an argument names something that is not there, or cannot be used",
        "see the message, and `--help` of the command",
    );
    rows.sort_by(|a, b| a.code.cmp(b.code));
    rows.dedup_by(|a, b| a.code == b.code && a.title == b.title);
    rows
}

/// What there is to say of a code, without its heading.
fn section(row: &Row) -> String {
    let mut text =
        format!("\n**{}**\n\n- Cause: {}\n- Remedy: {}\n", row.title, row.cause, row.remedy);
    for (number, one) in (1..).zip(causes(row.code)) {
        if number == 1 {
            text.push_str("- Possible causes, and what tells them apart:\n");
        }
        let line = format!("  - {}. Check: {}. Remedy: {}.\n", one.cause, one.check, one.remedy);
        text.push_str(&line);
    }
    text
}

fn errors() -> String {
    let mut text = String::from(
        "# Error codes\n\nEvery failure has a stable code. This page is made by `cargo x docs`; \
         `orgtap explain CODE` prints one section.\n",
    );
    let mut last = "";
    for row in &rows() {
        if row.code != last {
            text.push_str(&format!("\n## {}\n", row.code));
            last = row.code;
        }
        text.push_str(&section(row));
    }
    text.trim_end().to_owned()
}

fn delivery() -> String {
    format!(
        "# What each destination promises\n\nThis page is made by `cargo x docs`. The same table is \
         held against every destination by the contract suite.\n\n{}",
        orgtap_destinations::promises_table().trim_end()
    )
}

fn cli() -> String {
    let mut text = String::from("# Command line\n\nThis page is made by `cargo x docs`.\n");
    let mut command = Cli::command().term_width(96);
    command.build();
    page(&mut command, &mut text, 2);
    text.trim_end().to_owned()
}

fn page(command: &mut clap::Command, text: &mut String, level: usize) {
    let name = command.get_bin_name().unwrap_or("orgtap").to_owned();
    let help = command.render_long_help().to_string();
    let help: Vec<&str> = help.lines().map(str::trim_end).collect();
    text.push_str(&format!(
        "\n{} {name}\n\n```text\n{}\n```\n",
        "#".repeat(level),
        help.join("\n").trim_end()
    ));
    let names: Vec<String> = command
        .get_subcommands()
        .filter(|sub| !sub.is_hide_set() && sub.get_name() != "help")
        .map(|sub| sub.get_name().to_owned())
        .collect();
    for name in names {
        if let Some(sub) = command.find_subcommand_mut(&name) {
            page(sub, text, 3);
        }
    }
}
