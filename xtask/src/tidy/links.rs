//! Links between pages: files and headings they lead to.

use super::Finding;
use crate::workspace::{File, Tree};

/// Relative links of Markdown pages that lead nowhere.
pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    let pages = tree.files.iter().filter(|file| file.extension() == "md");
    pages.flat_map(|page| check_page(tree, page)).collect()
}

fn check_page(tree: &Tree, page: &File) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (number, line) in prose(page) {
        for target in targets(&line) {
            if let Some(what) = broken(tree, page, target) {
                findings.push(Finding::new(&page.path, number, what));
            }
        }
    }
    findings
}

/// What is wrong with a link, if anything.
fn broken(tree: &Tree, page: &File, target: &str) -> Option<String> {
    if target.contains(':') {
        return None; // Another site, or mail.
    }
    let (path, anchor) = target.split_once('#').unwrap_or((target, ""));
    let file = if path.is_empty() { page.path.clone() } else { resolve(&page.path, path)? };
    if !tree.paths.contains(&file) && !file.is_empty() {
        return Some(format!("the link to `{target}` leads nowhere"));
    }
    let linked = tree.files.iter().find(|it| it.path == file && it.extension() == "md")?;
    let known = anchor.is_empty() || anchors(linked).iter().any(|it| it == anchor);
    (!known).then(|| format!("`{file}` has no heading `#{anchor}`"))
}

/// The path that a relative link on a page means. One out of the repository stays as it is.
fn resolve(page: &str, link: &str) -> Option<String> {
    let mut parts: Vec<&str> = page.split('/').collect();
    parts.pop();
    for part in link.trim_end_matches('/').split('/') {
        match part {
            "." => {}
            ".." if parts.is_empty() => return Some(link.to_owned()),
            ".." => drop(parts.pop()?),
            name => parts.push(name),
        }
    }
    Some(parts.join("/"))
}

/// A page's lines outside code blocks, without their code spans.
pub(super) fn prose(page: &File) -> impl Iterator<Item = (usize, String)> {
    let mut inside = false;
    page.lines().filter_map(move |(number, line)| {
        let fence = line.trim_start().starts_with("```");
        inside ^= fence;
        let text = line.split('`').step_by(2).collect::<Vec<_>>().join("``");
        (!inside && !fence).then_some((number, text))
    })
}

/// What the links of a line lead to: `[text](target "title")` and `[name]: target`.
fn targets(line: &str) -> Vec<&str> {
    let mut targets: Vec<&str> = line
        .match_indices("](")
        .filter_map(|(at, _)| line[at + 2..].split([')', ' ']).next())
        .collect();
    if let Some((name, target)) = line.split_once("]: ")
        && name.starts_with('[')
    {
        targets.extend(target.split(' ').next());
    }
    targets.retain(|target| !target.is_empty());
    targets
}

/// The names by which a page's headings can be linked to.
fn anchors(page: &File) -> Vec<String> {
    let mut anchors: Vec<String> = Vec::new();
    let mut inside = false;
    for (_, line) in page.lines() {
        inside ^= line.trim_start().starts_with("```");
        let title = line.trim_start_matches('#');
        if inside || title.len() == line.len() || !title.starts_with(' ') {
            continue;
        }
        let plain = anchor(title.trim());
        let mut name = plain.clone();
        let mut turn = 1;
        while anchors.contains(&name) {
            name = format!("{plain}-{turn}");
            turn += 1;
        }
        anchors.push(name);
    }
    anchors
}

/// A heading's anchor: lower case, blanks as hyphens, without punctuation.
fn anchor(title: &str) -> String {
    let kept = |letter: &char| letter.is_alphanumeric() || matches!(letter, ' ' | '-' | '_');
    title.to_lowercase().chars().filter(kept).collect::<String>().replace(' ', "-")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tidy::planted;

    fn found(readme: &str) -> Vec<String> {
        let guide = "# A guide\n## Set-up, quickly\n```sh\n# no heading\n```\n## Again\n## Again\n";
        let tree = planted(&[
            ("README.md", readme),
            ("docs/guide.md", guide),
            ("docs/adr/0001.md", "[up](../guide.md) [root](../../README.md) [out](../../../x.md)"),
        ]);
        check(&tree).iter().map(ToString::to_string).collect()
    }

    const OUT: &str = "docs/adr/0001.md:1: the link to `../../../x.md` leads nowhere";

    #[test]
    fn links_to_files_folders_headings_and_other_sites_are_fine() {
        let fine = "# Here\n[a](docs/guide.md) [b](docs/) [c](docs/guide.md#set-up-quickly)\n\
            [d](#here) [e](https://example.com/x) [f](docs/guide.md#again-1) `[g](gone.md)`\n\
            [h]: docs/adr/0001.md\n```\n[i](gone.md)\n```\n";
        assert_eq!(found(fine), [OUT]);
    }

    #[test]
    fn links_that_lead_nowhere_are_found() {
        for bad in [
            "[a](gone.md)",
            "[a](docs/guide.md#gone)",
            "[a](docs/guide.md#no-heading)",
            "[a](#gone)",
            "[a]: gone.md",
            "![a](docs/gone.png \"title\")",
        ] {
            assert_eq!(found(bad).len(), 2, "{bad}");
        }
    }
}
