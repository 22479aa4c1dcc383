//! The words of the command line: few enough to need no library.

use std::path::PathBuf;

use anyhow::{Context as _, Result, bail};

/// What has not been taken yet.
#[derive(Debug)]
pub(crate) struct Words(Vec<String>);

impl Words {
    /// All of them.
    pub(crate) fn new(words: Vec<String>) -> Self {
        Self(words)
    }

    /// Takes a flag; answers whether it was there.
    pub(crate) fn flag(&mut self, name: &str) -> bool {
        let before = self.0.len();
        self.0.retain(|word| word != name);
        self.0.len() < before
    }

    /// Takes an option and the word behind it.
    pub(crate) fn option(&mut self, name: &str) -> Option<String> {
        let at = self.0.iter().position(|word| word == name)?;
        self.0.remove(at);
        (at < self.0.len()).then(|| self.0.remove(at))
    }

    /// Takes an option that must be there.
    pub(crate) fn needed(&mut self, name: &str) -> Result<String> {
        self.option(name).with_context(|| format!("{name} is missing; `cargo x bench` gives it"))
    }

    /// Takes the next word that is no option.
    pub(crate) fn name(&mut self) -> Option<String> {
        let at = self.0.iter().position(|word| !word.starts_with('-'))?;
        Some(self.0.remove(at))
    }

    /// Takes the next word that is no option: a path.
    pub(crate) fn path(&mut self, what: &str) -> Result<PathBuf> {
        self.name().map(PathBuf::from).with_context(|| format!("{what} is missing"))
    }

    /// Refuses what nobody took.
    pub(crate) fn done(&self) -> Result<()> {
        match self.0.first() {
            Some(word) => bail!("unexpected argument `{word}`"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_options_and_names_are_taken_in_any_order() {
        let mut words = ["--runs", "3", "convert", "--quick"].map(str::to_owned).to_vec();
        words.push("memory".to_owned());
        let mut words = Words::new(words);
        assert!(words.flag("--quick"));
        assert_eq!(words.needed("--runs").unwrap(), "3");
        assert_eq!(words.name().as_deref(), Some("convert"));
        assert!(words.done().is_err());
        assert_eq!(words.path("a name").unwrap(), PathBuf::from("memory"));
        words.done().unwrap();
        assert!(words.needed("--runs").is_err());
    }
}
