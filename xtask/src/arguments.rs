//! The words after a command: a few flags and names, nothing that needs a library.

use anyhow::{Context as _, Result, bail};

/// What was typed after the command and has not been taken yet.
#[derive(Debug)]
pub(crate) struct Arguments(Vec<String>);

impl Arguments {
    /// The words after the command.
    pub(crate) fn new(words: Vec<String>) -> Self {
        Self(words)
    }

    /// Takes a flag such as `--check`; answers whether it was there.
    pub(crate) fn flag(&mut self, name: &str) -> bool {
        let before = self.0.len();
        self.0.retain(|word| word != name);
        self.0.len() < before
    }

    /// Takes an option and its number, such as `--seconds 30` or `--seconds=30`.
    pub(crate) fn number(&mut self, name: &str) -> Result<Option<u64>> {
        let joined = format!("{name}=");
        let Some(at) = self.0.iter().position(|word| word == name || word.starts_with(&joined))
        else {
            return Ok(None);
        };
        let word = self.0.remove(at);
        let value = match word.strip_prefix(&joined) {
            Some(value) => value.to_owned(),
            None if at < self.0.len() => self.0.remove(at),
            None => bail!("{name} needs a number"),
        };
        let number = value.parse().with_context(|| format!("{name} {value}: not a number"))?;
        Ok(Some(number))
    }

    /// Takes the one name that may be there.
    pub(crate) fn name(&mut self) -> Option<String> {
        let at = self.0.iter().position(|word| !word.starts_with('-'))?;
        Some(self.0.remove(at))
    }

    /// Refuses what nobody took.
    pub(crate) fn done(self) -> Result<()> {
        match self.0.first() {
            Some(word) => bail!("unexpected argument `{word}`"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn arguments(words: &[&str]) -> Arguments {
        Arguments::new(words.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn flags_numbers_and_names_are_taken_in_any_order() {
        let mut given = arguments(&["--seconds", "30", "csv_reader", "--check"]);
        assert!(given.flag("--check"));
        assert_eq!(given.number("--seconds").unwrap(), Some(30));
        assert_eq!(given.name().as_deref(), Some("csv_reader"));
        given.done().unwrap();
        assert_eq!(arguments(&["--seconds=7"]).number("--seconds").unwrap(), Some(7));
    }

    #[test]
    fn what_is_not_understood_is_refused() {
        assert!(arguments(&["--seconds"]).number("--seconds").is_err());
        assert!(arguments(&["--seconds", "soon"]).number("--seconds").is_err());
        assert!(arguments(&["--fast"]).done().is_err());
    }
}
