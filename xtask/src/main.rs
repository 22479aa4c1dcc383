//! Developers' commands: `cargo x`.
//!
//! Drives cargo, git and the built `orgtap` binary; links none of the product, so that it
//! compiles in seconds and runs on a machine where nothing is built yet. Start with [`COMMANDS`].

mod arguments;
mod bench;
mod fuzz;
mod lint;
mod process;
mod reference;
mod setup;
mod steps;
mod test;
mod tidy;
mod tools;
mod workspace;

use std::process::ExitCode;

use anyhow::Result;

use arguments::Arguments;

/// One command of `cargo x`.
struct Command {
    /// What is typed.
    name: &'static str,
    /// Its arguments, as the usage shows them.
    arguments: &'static str,
    /// What it does, in one line.
    about: &'static str,
    run: fn(Arguments) -> Result<()>,
}

/// Everything `cargo x` can do.
const COMMANDS: &[Command] = &[
    Command {
        name: "test",
        arguments: "",
        about: "set up, lint, run every test, compare the generated pages; what CI runs",
        run: test::command,
    },
    Command {
        name: "setup",
        arguments: "",
        about: "install what the tests need on a Debian machine",
        run: setup::command,
    },
    Command {
        name: "lint",
        arguments: "",
        about: "formatting, house rules, dependencies' licences and bans, clippy",
        run: lint::command,
    },
    Command {
        name: "tidy",
        arguments: "",
        about: "house rules that compilers do not know; takes no build",
        run: tidy::command,
    },
    Command {
        name: "bench",
        arguments: "[--quick] [--runs N] [NAME]..",
        about: "measure beside other ways; or, with --instructions, hot loops against budgets",
        run: bench::command,
    },
    Command {
        name: "docs",
        arguments: "[--check]",
        about: "write the generated pages of docs/, or say how they differ",
        run: reference::command,
    },
    Command {
        name: "fuzz",
        arguments: "[TARGET] [--seconds N]",
        about: "fuzz one target or each in turn, on the nightly toolchain",
        run: fuzz::command,
    },
];

fn main() -> ExitCode {
    let mut words = std::env::args().skip(1);
    let wanted = words.next().unwrap_or_default();
    let Some(command) = COMMANDS.iter().find(|command| command.name == wanted) else {
        return unknown(&wanted);
    };
    match (command.run)(Arguments::new(words.collect())) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Shows the usage; asking for it is no failure.
fn unknown(wanted: &str) -> ExitCode {
    let asked = matches!(wanted, "" | "help" | "--help" | "-h");
    if !asked {
        eprintln!("error: cargo x has no command `{wanted}`\n");
    }
    println!("Usage: cargo x COMMAND\n");
    for command in COMMANDS {
        let shown = format!("{} {}", command.name, command.arguments);
        println!("  {shown:<36} {}", command.about);
    }
    if asked { ExitCode::SUCCESS } else { ExitCode::from(2) }
}
