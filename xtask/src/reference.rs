//! `cargo x docs`: pages that the built `orgtap` writes about itself.
//!
//! Error codes, delivery promises, commands, the configuration's schema and example stand in the
//! code once. The pages are committed, so that a change of them is seen in review, and compared
//! by every test run. Commands that people find on the pages are tried as well.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};

use crate::arguments::Arguments;
use crate::process::{cargo, each_line, output, program, root, run};
use crate::tidy::{Shown, shown};
use crate::{test, workspace};

/// The generated pages and the commands of `orgtap` that write them.
const PAGES: &[(&str, &[&str])] = &[
    ("docs/cli.md", &["reference", "cli"]),
    ("docs/config.example.yaml", &["config", "example"]),
    ("docs/config.schema.json", &["config", "schema"]),
    ("docs/delivery.md", &["reference", "delivery"]),
    ("docs/errors.md", &["reference", "errors"]),
    ("docs/openapi.json", &["reference", "openapi"]),
    ("docs/troubleshooting.md", &["reference", "troubleshooting"]),
];

/// Where pages are generated before they are compared.
const FRESH: &str = "target/reference";

/// Writes the pages, or with `--check` compares them.
pub(crate) fn command(mut arguments: Arguments) -> Result<()> {
    let only_check = arguments.flag("--check");
    arguments.done()?;
    let binary = build()?;
    if only_check {
        return check(&binary);
    }
    for (page, words) in PAGES {
        let text = generate(&binary, words)?;
        let file = root().join(page);
        if std::fs::read(&file).is_ok_and(|before| before == text) {
            println!("{page} is as it was");
        } else {
            std::fs::write(&file, text).with_context(|| format!("writing {page}"))?;
            println!("{page} is written");
        }
    }
    try_commands(&binary)
}

/// Builds `orgtap` and answers where it is.
fn build() -> Result<PathBuf> {
    let mut arguments = vec!["build", "--package=orgtap", "--bin=orgtap"];
    arguments.push("--message-format=json-render-diagnostics");
    let mut binary = None;
    each_line(&mut cargo(&arguments), |line| binary = test::executable(line).or(binary.take()))?;
    binary.context("cargo built no `orgtap` binary")
}

/// Says how the committed pages differ from what the binary writes, and which commands on pages it
/// does not know.
pub(crate) fn check(binary: &Path) -> Result<()> {
    let mut stale = Vec::new();
    for (page, words) in PAGES {
        let fresh = Path::new(FRESH).join(page);
        let file = root().join(&fresh);
        std::fs::create_dir_all(file.parent().context("a page has a folder")?)?;
        std::fs::write(&file, generate(binary, words)?)?;
        let diff = ["--no-pager", "diff", "--no-index", "--exit-code", "--", page];
        if run(program("git", &diff).arg(&fresh)).is_err() {
            stale.push(*page);
        }
    }
    let tried = try_commands(binary);
    if !stale.is_empty() {
        bail!("{} differ from the code: run `cargo x docs`", stale.join(", "));
    }
    tried
}

/// What the binary writes; the same on every machine and terminal.
fn generate(binary: &Path, words: &[&str]) -> Result<Vec<u8>> {
    let mut command = program(&binary.to_string_lossy(), words);
    let text = output(command.env("NO_COLOR", "1").env("COLUMNS", "100"))?;
    if text.is_empty() {
        bail!("`orgtap {}` wrote nothing", words.join(" "));
    }
    Ok(text)
}

/// Asks the binary for help on every command that pages show; a wrong one is an error.
fn try_commands(binary: &Path) -> Result<()> {
    let tree = workspace::tree()?;
    let mut tried = BTreeSet::new();
    let mut wrong = 0;
    for place in shown(&tree) {
        let Some(call) = Call::of(&place) else { continue };
        if !tried.insert(call.clone()) {
            continue;
        }
        if let Some(what) = call.fault(binary)? {
            eprintln!("{}:{}: {what}", place.path, place.line);
            wrong += 1;
        }
    }
    println!("{} commands on pages were tried", tried.len());
    if wrong == 0 { Ok(()) } else { bail!("commands on pages that do not exist: {wrong}") }
}

/// A call of `orgtap`, without the values of this one time.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Call {
    /// The command and those below it.
    commands: Vec<String>,
    /// Its options, without their values.
    options: Vec<String>,
}

impl Call {
    /// Reads a shown command; none if it calls something else.
    fn of(shown: &Shown) -> Option<Self> {
        let words: Vec<&str> = shown.words.iter().map(String::as_str).collect();
        let own = match words.split_first()? {
            (program, rest) if Path::new(program).file_name()? == "orgtap" => rest,
            (&"cargo", ["run", rest @ ..]) => {
                let after = rest.iter().position(|word| *word == "--")?;
                // Another package of the workspace has commands of its own.
                let other = |word: &&str| word.starts_with("-p") || word.starts_with("--p");
                if rest[..after].iter().any(other) {
                    return None;
                }
                &rest[after + 1..]
            }
            _ => return None,
        };
        // `help` is a command whose own help is that of the rest.
        let own = own.strip_prefix(&["help"]).unwrap_or(own);
        let is_name = |word: &&&str| {
            word.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-')
                && !word.starts_with('-')
        };
        let options = own.iter().filter(|word| word.starts_with("--") && word.len() > 2);
        Some(Self {
            commands: own.iter().take_while(is_name).map(ToString::to_string).collect(),
            options: options
                .map(|word| word.split('=').next().unwrap_or(word).to_owned())
                .collect(),
        })
    }

    /// What the binary does not know of it.
    fn fault(&self, binary: &Path) -> Result<Option<String>> {
        let words: Vec<&str> = self.commands.iter().map(String::as_str).collect();
        let mut command = program(&binary.to_string_lossy(), &words);
        let answer = command.arg("--help").env("NO_COLOR", "1").output()?;
        let name = words.join(" ");
        if !answer.status.success() {
            return Ok(Some(format!("there is no `orgtap {name}`")));
        }
        let help = String::from_utf8_lossy(&answer.stdout);
        let offered = |option: &str| {
            let end = |letter: char| letter != '-' && !letter.is_alphanumeric();
            help.split(end).any(|word| word == option)
        };
        let missing = self.options.iter().find(|option| !offered(option));
        Ok(missing.map(|option| format!("`orgtap {name}` has no option `{option}`")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(line: &str) -> Option<Call> {
        let words = line.split(' ').map(ToOwned::to_owned).collect();
        Call::of(&Shown { path: String::new(), line: 1, words })
    }

    #[test]
    fn calls_of_orgtap_are_read_in_all_their_spellings() {
        let expected = Call {
            commands: vec!["config".to_owned(), "check".to_owned()],
            options: vec!["--json".to_owned()],
        };
        for line in [
            "orgtap config check orgtap.yaml --json",
            "./target/release/orgtap config check --json",
            "cargo run --release -- config check --json=yes",
        ] {
            assert_eq!(call(line).as_ref(), Some(&expected), "{line}");
        }
        assert_eq!(call("orgtap help config check --json").as_ref(), Some(&expected));
        assert_eq!(call("cargo run -p orgtap-simorg -- --seed 1"), None);
        assert_eq!(call("cargo x test"), None);
    }

    #[test]
    fn commands_and_options_the_binary_does_not_know_are_found() {
        // Cargo stands in for the binary: it is there, and its help is of the same make.
        let cargo = std::env::var("CARGO").unwrap();
        let fault = |commands: &[&str], options: &[&str]| {
            let own = |words: &[&str]| words.iter().map(ToString::to_string).collect();
            let call = Call { commands: own(commands), options: own(options) };
            call.fault(Path::new(&cargo)).unwrap()
        };
        assert_eq!(fault(&["build"], &["--release"]), None);
        assert!(fault(&["build"], &["--gone"]).is_some());
        assert!(fault(&["gone"], &[]).is_some());
    }
}
