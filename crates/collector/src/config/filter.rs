//! Which event types a connector collects.

use std::fmt;

/// Names with `*` standing for any letters, and exclusions that begin with `!`.
///
/// A type is admitted when some name fits it and no exclusion does. With exclusions only,
/// everything else is admitted. Upper and lower case are the same.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TypeFilter {
    wanted: Vec<Pattern>,
    unwanted: Vec<Pattern>,
}

/// One name, in lower case, cut at its asterisks.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Pattern {
    written: String,
    pieces: Vec<String>,
}

/// Longest name accepted. The longest event type known has about 40 letters.
const LONGEST: usize = 80;

/// A name that cannot be one of an event type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotAPattern;

impl fmt::Display for NotAPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(
            "an event type is written with letters, digits, `_` and `*`, after `!` to exclude it",
        )
    }
}

impl Default for TypeFilter {
    /// Every type.
    fn default() -> Self {
        Self { wanted: vec![Pattern::everything()], unwanted: Vec::new() }
    }
}

impl TypeFilter {
    /// Adds one entry of the list, as written.
    fn add(&mut self, written: &str) -> Result<(), NotAPattern> {
        let (list, name) = match written.strip_prefix('!') {
            Some(name) => (&mut self.unwanted, name),
            None => (&mut self.wanted, written),
        };
        list.push(Pattern::parse(name)?);
        Ok(())
    }

    /// Reads a list. The error names the entry that is wrong, counted from 0.
    pub fn parse<'a>(
        entries: impl IntoIterator<Item = &'a str>,
    ) -> Result<Self, (usize, NotAPattern)> {
        let mut filter = Self { wanted: Vec::new(), unwanted: Vec::new() };
        for (index, entry) in entries.into_iter().enumerate() {
            filter.add(entry).map_err(|error| (index, error))?;
        }
        if filter.wanted.is_empty() {
            filter.wanted.push(Pattern::everything());
        }
        Ok(filter)
    }

    /// Whether events of this type are collected.
    pub fn admits(&self, event_type: &str) -> bool {
        let name = event_type.to_ascii_lowercase();
        self.wanted.iter().any(|pattern| pattern.fits(&name))
            && !self.unwanted.iter().any(|pattern| pattern.fits(&name))
    }

    /// The list, as it is written.
    pub fn patterns(&self) -> Vec<String> {
        let wanted = self.wanted.iter().map(|pattern| pattern.written.clone());
        wanted.chain(self.unwanted.iter().map(|pattern| format!("!{}", pattern.written))).collect()
    }

    /// Whether every type is admitted.
    pub fn admits_all(&self) -> bool {
        self.unwanted.is_empty() && self.wanted.iter().any(Pattern::is_everything)
    }

    /// Whether it is plain that no type can be admitted: each wanted name is excluded as a whole.
    pub fn admits_none(&self) -> bool {
        self.wanted.iter().all(|wanted| {
            self.unwanted.iter().any(|unwanted| unwanted.is_everything() || unwanted == wanted)
        })
    }
}

impl fmt::Display for TypeFilter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.patterns().join(", "))
    }
}

impl Pattern {
    fn everything() -> Self {
        Self { written: "*".to_owned(), pieces: vec![String::new(), String::new()] }
    }

    fn is_everything(&self) -> bool {
        self.pieces.len() > 1 && self.pieces.iter().all(String::is_empty)
    }

    fn parse(name: &str) -> Result<Self, NotAPattern> {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'*';
        if name.is_empty() || name.len() > LONGEST || !name.bytes().all(plain) {
            return Err(NotAPattern);
        }
        let pieces = name.to_ascii_lowercase().split('*').map(str::to_owned).collect();
        Ok(Self { written: name.to_owned(), pieces })
    }

    /// Takes the pieces from left to right, each at its first place; no backtracking is needed.
    fn fits(&self, name: &str) -> bool {
        let [first, middle @ .., last] = self.pieces.as_slice() else {
            return self.pieces.first().is_some_and(|whole| whole == name);
        };
        let Some(mut rest) = name.strip_prefix(first.as_str()) else { return false };
        for piece in middle {
            let Some(at) = rest.find(piece.as_str()) else { return false };
            rest = rest.get(at + piece.len()..).unwrap_or("");
        }
        rest.ends_with(last.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn filter(entries: &[&str]) -> TypeFilter {
        TypeFilter::parse(entries.iter().copied()).unwrap()
    }

    #[test]
    fn names_and_asterisks_fit_whatever_the_case() {
        let some = filter(&["Login*", "API", "*Exception", "Lightning*View"]);
        for name in ["Login", "LoginAs", "LOGIN", "api", "ApexUnexpectedException"] {
            assert!(some.admits(name), "{name}");
        }
        assert!(some.admits("LightningPageView"));
        for name in ["Logout", "RestApi", "LightningError", "", "ExceptionX"] {
            assert!(!some.admits(name), "{name}");
        }
    }

    #[test]
    fn an_exclusion_wins_wherever_it_stands() {
        let some = filter(&["!LoginAs", "Login*"]);
        assert!(some.admits("Login"));
        assert!(!some.admits("loginas"));
    }

    #[test]
    fn exclusions_alone_leave_all_the_rest() {
        let rest = filter(&["!Lightning*"]);
        assert!(rest.admits("Login"));
        assert!(!rest.admits("LightningError"));
        assert!(!rest.admits_all());
        assert!(TypeFilter::default().admits_all());
        assert!(filter(&["**"]).admits_all());
    }

    #[test]
    fn a_piece_is_not_used_twice() {
        let both = filter(&["ab*ba"]);
        assert!(both.admits("abba"));
        assert!(!both.admits("aba"));
        assert!(filter(&["a*a*a"]).admits("aaa"));
        assert!(!filter(&["a*a*a"]).admits("aa"));
    }

    #[test]
    fn a_list_that_excludes_all_it_names_is_known() {
        assert!(filter(&["*", "!*"]).admits_none());
        assert!(
            filter(&["Login", "!login"]).admits("x") || filter(&["Login", "!Login"]).admits_none()
        );
        assert!(!filter(&["Login*", "!LoginAs"]).admits_none());
    }

    #[test]
    fn other_characters_are_refused_with_the_entry_they_are_in() {
        for wrong in ["", "!", "Log in", "Login,API", "!!x", "Lögin", "a-b"] {
            assert_eq!(TypeFilter::parse(["Login", wrong]), Err((1, NotAPattern)), "{wrong:?}");
        }
        assert!(TypeFilter::parse(["x".repeat(LONGEST + 1).as_str()]).is_err());
    }

    #[test]
    fn shows_itself_as_written() {
        assert_eq!(filter(&["!LoginAs", "Login*"]).to_string(), "Login*, !LoginAs");
    }

    /// The slow, obvious way.
    fn oracle(pattern: &[u8], name: &[u8]) -> bool {
        match pattern.split_first() {
            None => name.is_empty(),
            Some((b'*', rest)) => (0..=name.len()).any(|at| oracle(rest, &name[at..])),
            Some((first, rest)) => name.first() == Some(first) && oracle(rest, &name[1..]),
        }
    }

    proptest! {
        #[test]
        fn agrees_with_trying_every_split(pattern in "[ab*]{1,8}", name in "[ab]{0,8}") {
            let fits = Pattern::parse(&pattern).unwrap().fits(&name);
            prop_assert_eq!(fits, oracle(pattern.as_bytes(), name.as_bytes()));
        }
    }
}
