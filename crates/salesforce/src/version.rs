//! API versions: their spelling, and the choice of one.

use std::fmt;
use std::str::FromStr;

use serde_json::Value;

/// A version of the REST API, for example 66.0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ApiVersion {
    major: u16,
    minor: u16,
}

/// The newest version Orgtap has been tested with; a newer one of the org is not used.
pub const NEWEST_TESTED: ApiVersion = ApiVersion::new(68);

impl ApiVersion {
    /// Version `major.0`; there has never been another minor version.
    pub const fn new(major: u16) -> Self {
        Self { major, minor: 0 }
    }

    /// The number before the dot.
    pub const fn major(self) -> u16 {
        self.major
    }
}

impl fmt::Display for ApiVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)
    }
}

/// Not a version.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotAVersion;

impl fmt::Display for NotAVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an API version looks like 66.0")
    }
}

impl std::error::Error for NotAVersion {}

impl FromStr for ApiVersion {
    type Err = NotAVersion;

    /// Reads `66.0`, `v66.0` or `66`.
    fn from_str(text: &str) -> Result<Self, NotAVersion> {
        let text = text.strip_prefix(['v', 'V']).unwrap_or(text);
        let (major, minor) = text.split_once('.').unwrap_or((text, "0"));
        let number = |digits: &str| {
            let plain = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
            if plain { digits.parse::<u16>().map_err(|_| NotAVersion) } else { Err(NotAVersion) }
        };
        Ok(Self { major: number(major)?, minor: number(minor)? })
    }
}

/// Reads the answer to the versions call; none if it is not a list with a version in it.
pub(crate) fn parse_list(answer: &Value) -> Option<Vec<ApiVersion>> {
    let mut versions: Vec<ApiVersion> = answer
        .as_array()?
        .iter()
        .filter_map(|entry| entry.get("version")?.as_str()?.parse().ok())
        .collect();
    versions.sort_unstable();
    versions.dedup();
    if versions.is_empty() { None } else { Some(versions) }
}

/// The version to use: the pinned one if the org has it, else the newest that is tested.
pub(crate) fn choose(
    offered: &[ApiVersion],
    pinned: Option<ApiVersion>,
) -> Result<ApiVersion, String> {
    let range = || match (offered.iter().min(), offered.iter().max()) {
        (Some(oldest), Some(newest)) => format!("the org offers {oldest} to {newest}"),
        _ => "the org offers none".to_owned(),
    };
    match pinned {
        Some(pinned) if offered.contains(&pinned) => Ok(pinned),
        Some(pinned) => Err(format!("{pinned} is configured and {}", range())),
        None => offered
            .iter()
            .copied()
            .filter(|version| *version <= NEWEST_TESTED)
            .max()
            .ok_or_else(|| format!("{NEWEST_TESTED} is the newest tested and {}", range())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn version(text: &str) -> ApiVersion {
        text.parse().unwrap()
    }

    #[test]
    fn reads_the_usual_spellings_and_nothing_else() {
        for text in ["66.0", "v66.0", "V66", "66"] {
            assert_eq!(version(text), ApiVersion::new(66));
        }
        assert_eq!(version("66.0").to_string(), "66.0");
        for text in ["", "v", "66.", "+66.0", "66.0.1", "99999.0", "sixty"] {
            assert_eq!(text.parse::<ApiVersion>(), Err(NotAVersion), "{text}");
        }
    }

    #[test]
    fn chooses_the_newest_tested_unless_one_is_pinned() {
        let offered = [version("58.0"), version("66.0"), version("70.0")];
        assert_eq!(choose(&offered, None), Ok(version("66.0")));
        assert_eq!(choose(&offered, Some(version("58.0"))), Ok(version("58.0")));
        let refused = choose(&offered, Some(version("59.0"))).unwrap_err();
        assert_eq!(refused, "59.0 is configured and the org offers 58.0 to 70.0");
        assert!(choose(&[version("70.0")], None).is_err());
        assert!(choose(&[], None).is_err());
    }

    #[test]
    fn versions_compare_as_numbers() {
        assert!(version("9.0") < version("66.0"));
    }

    #[test]
    fn a_list_without_versions_is_no_list() {
        let listed = json!([{ "label": "Spring '26", "url": "/x", "version": "66.0" }, {}, 7]);
        assert_eq!(parse_list(&listed), Some(vec![version("66.0")]));
        assert_eq!(parse_list(&json!([])), None);
        assert_eq!(parse_list(&json!({ "version": "66.0" })), None);
    }
}
