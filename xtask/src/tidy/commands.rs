//! Commands that pages tell people to type.
//!
//! Those of `cargo x` and scripts of the repository are checked here; those of `orgtap` need the
//! built binary and are checked with the generated pages.

use super::Finding;
use crate::COMMANDS;
use crate::workspace::{File, Tree};

/// A command shown on a page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Shown {
    /// The page.
    pub(crate) path: String,
    /// The line, from 1.
    pub(crate) line: usize,
    /// The command's words.
    pub(crate) words: Vec<String>,
}

/// Commands of `cargo x` and scripts that do not exist.
pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for shown in shown(tree) {
        let words: Vec<&str> = shown.words.iter().map(String::as_str).collect();
        let what = match words[..] {
            ["cargo", "x", name, ..] if is_name(name) => COMMANDS
                .iter()
                .all(|command| command.name != name)
                .then(|| format!("`cargo x` has no command `{name}`")),
            [script, ..] | ["bash" | "sh", script, ..]
                if script.contains('/') && is_path(script) =>
            {
                let path = script.trim_start_matches("./");
                (!tree.paths.contains(path)).then(|| format!("there is no `{script}`"))
            }
            _ => None,
        };
        findings.extend(what.map(|what| Finding::new(&shown.path, shown.line, what)));
    }
    findings
}

/// Whether the word names a command and is no placeholder.
fn is_name(word: &str) -> bool {
    word.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-')
}

/// Whether the word is a path in the repository, not a built program, a pattern or a placeholder.
fn is_path(word: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"./_-".contains(&byte);
    word.bytes().all(plain)
        && !word.starts_with('/')
        && !word.trim_start_matches("./").starts_with("target/")
}

/// Every command on the Markdown pages: lines of shell blocks, and code spans that are a command
/// of ours.
pub(crate) fn shown(tree: &Tree) -> Vec<Shown> {
    let pages = tree.files.iter().filter(|file| file.extension() == "md");
    pages.flat_map(on_page).collect()
}

fn on_page(page: &File) -> Vec<Shown> {
    let mut all = Vec::new();
    let mut block: Option<&str> = None;
    for (number, line) in page.lines() {
        let mut add = |text: &str| {
            for command in text.split(['|', ';']).flat_map(|part| part.split("&&")) {
                let words = words(command);
                if !words.is_empty() {
                    all.push(Shown { path: page.path.clone(), line: number, words });
                }
            }
        };
        if let Some(language) = line.trim_start().strip_prefix("```") {
            block = if block.is_some() { None } else { Some(language.trim()) };
            continue;
        }
        match block {
            Some("sh" | "bash" | "shell") => add(line),
            // Lines without a prompt are what the command printed.
            Some("console") => line.trim_start().strip_prefix("$ ").into_iter().for_each(add),
            Some(_) => {}
            None => line.split('`').skip(1).step_by(2).filter(|it| is_ours(it)).for_each(add),
        }
    }
    all
}

fn is_ours(span: &str) -> bool {
    ["cargo x ", "orgtap ", "cargo run ", ".ci/"].iter().any(|start| span.starts_with(start))
}

/// A command's words, up to a comment or a redirection, without the variables set before it.
fn words(command: &str) -> Vec<String> {
    let command = command.trim().trim_start_matches("$ ");
    command
        .split_whitespace()
        .take_while(|word| !word.starts_with(['#', '>', '<', '\\']))
        .skip_while(|word| word.contains('=') || *word == "sudo")
        .map(ToOwned::to_owned)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tidy::planted;

    fn found(page: &str) -> Vec<String> {
        let tree = planted(&[("README.md", page), (".ci/run", "")]);
        check(&tree).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn commands_that_exist_are_fine() {
        let page = "Run `cargo x test` or `cargo x COMMAND`.\n\
            ```sh\n.ci/run # all\ncargo x fuzz csv_reader && cargo x lint\n./target/debug/x\n```\n\
            ```console\n$ cargo x tidy\ncargo x gone\n```\n```yaml\ncargo x: gone\n```\n";
        assert!(found(page).is_empty(), "{:?}", found(page));
    }

    #[test]
    fn commands_that_do_not_exist_are_found() {
        for page in [
            "`cargo x gone`",
            "```sh\ncd x && CI=true cargo x gone # now\n```",
            "```console\n$ cargo x gone\n```",
            "```bash\nbash scripts/gone.sh\n```",
            "```sh\n./gone/run\n```",
        ] {
            assert_eq!(found(page).len(), 1, "{page}");
        }
    }

    #[test]
    fn words_end_where_the_shell_takes_over() {
        let tree = planted(&[("a.md", "```sh\nA=1 orgtap status --json > out # why\n```")]);
        assert_eq!(shown(&tree)[0].words, ["orgtap", "status", "--json"]);
        assert_eq!(shown(&tree)[0].line, 2);
    }
}
