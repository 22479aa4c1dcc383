//! Which crate may depend on which, and where heavy dependencies live.

use super::Finding;
use crate::workspace::{Crate, Kind};

/// The crates of the workspace and those of them each may use. Data flows the other way.
const DIRECTION: &[(&str, &[&str])] = &[
    ("orgtap-codec", &[]),
    ("orgtap-events", &["orgtap-codec"]),
    ("orgtap-transport", &[]),
    ("orgtap-ledger", &[]),
    ("orgtap-salesforce", &["orgtap-codec", "orgtap-events", "orgtap-transport"]),
    ("orgtap-destinations", &["orgtap-codec", "orgtap-events", "orgtap-transport"]),
    ("orgtap-insights", &["orgtap-codec", "orgtap-events", "orgtap-ledger"]),
    (
        "orgtap-collector",
        &[
            "orgtap-codec",
            "orgtap-events",
            "orgtap-transport",
            "orgtap-salesforce",
            "orgtap-destinations",
            "orgtap-ledger",
            "orgtap-insights",
        ],
    ),
    (
        "orgtap-console",
        &[
            "orgtap-events",
            "orgtap-transport",
            "orgtap-ledger",
            "orgtap-insights",
            "orgtap-collector",
        ],
    ),
    ("orgtap-simorg", &["orgtap-events"]),
    ("orgtap-bench", &["orgtap-codec", "orgtap-events"]),
    (
        "orgtap",
        &[
            "orgtap-codec",
            "orgtap-events",
            "orgtap-transport",
            "orgtap-salesforce",
            "orgtap-destinations",
            "orgtap-ledger",
            "orgtap-insights",
            "orgtap-collector",
            "orgtap-console",
            "orgtap-simorg",
        ],
    ),
    (
        "orgtap-fuzz",
        &[
            "orgtap-codec",
            "orgtap-events",
            "orgtap-transport",
            "orgtap-salesforce",
            "orgtap-collector",
        ],
    ),
    ("xtask", &[]),
];

/// Crates whose tests, too, use nothing of ours but themselves.
const ALONE: &[&str] = &["orgtap-ledger", "xtask"];

/// Dependencies with weight, and the only crates that may use them other than in tests.
const HOMES: &[(&str, &[&str])] = &[
    ("argon2", &["orgtap-console"]),
    ("askama", &["orgtap-console"]),
    ("axum", &["orgtap-console", "orgtap-simorg"]),
    ("anyhow", &["orgtap", "orgtap-bench", "xtask"]),
    ("clap", &["orgtap", "orgtap-simorg"]),
    ("comfy-table", &["orgtap"]),
    ("indicatif", &["orgtap"]),
    ("jsonwebtoken", &["orgtap-salesforce"]),
    ("keyring-core", &["orgtap-transport"]),
    ("libfuzzer-sys", &["orgtap-fuzz"]),
    ("rcgen", &["orgtap-salesforce"]),
    ("reqwest", &["orgtap-transport", "orgtap-salesforce", "orgtap-destinations"]),
    ("serde-saphyr", &["orgtap-collector"]),
    ("sqlx", &["orgtap-ledger"]),
    (
        "tokio",
        &[
            "orgtap-transport",
            "orgtap-ledger",
            "orgtap-salesforce",
            "orgtap-destinations",
            "orgtap-collector",
            "orgtap-console",
            "orgtap-simorg",
            "orgtap",
        ],
    ),
    ("tracing-subscriber", &["orgtap", "orgtap-simorg"]),
];

/// What of the crates' dependencies goes the wrong way.
pub(super) fn check(crates: &[Crate]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for known in DIRECTION.iter().filter(|(name, _)| !crates.iter().any(|it| it.name == *name)) {
        let what = format!("`{}` is on the map of crates and not in the workspace", known.0);
        findings.push(Finding::new("Cargo.toml", 0, what));
    }
    for one in crates {
        let Some((_, allowed)) = DIRECTION.iter().find(|(name, _)| *name == one.name) else {
            let what = format!("`{}` is not on the map of crates: say what it may use", one.name);
            findings.push(Finding::new(&one.manifest, 0, what));
            continue;
        };
        for dependency in &one.dependencies {
            let fault = direction(&one.name, allowed, &dependency.name, dependency.kind)
                .or_else(|| home(&one.name, &dependency.name, dependency.kind));
            if let Some(what) = fault {
                findings.push(Finding::new(&one.manifest, 0, what));
            }
        }
    }
    findings
}

/// Whether our own crate `used` is one that `user` may not use.
fn direction(user: &str, allowed: &[&str], used: &str, kind: Kind) -> Option<String> {
    if !DIRECTION.iter().any(|(name, _)| *name == used) {
        return None;
    }
    let fine = match kind {
        Kind::Normal | Kind::Build => allowed.contains(&used),
        // Tests may use any library, their own with other features included, but nothing on top.
        Kind::Dev if ALONE.contains(&user) => used == user,
        Kind::Dev => !matches!(used, "orgtap" | "orgtap-bench" | "orgtap-fuzz" | "xtask"),
    };
    if fine { None } else { Some(format!("`{user}` must not depend on `{used}`")) }
}

/// Whether the heavy dependency `used` lives elsewhere.
fn home(user: &str, used: &str, kind: Kind) -> Option<String> {
    let (_, homes) = HOMES.iter().find(|(name, _)| *name == used)?;
    if kind == Kind::Dev || homes.contains(&user) {
        return None;
    }
    Some(format!("`{used}` is for {} only, not for `{user}`", homes.join(", ")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workspace::Dependency;

    /// The workspace as it should be, but for one more dependency.
    fn with(user: &str, used: &str, kind: Kind) -> Vec<String> {
        let crates: Vec<Crate> = DIRECTION
            .iter()
            .map(|(name, _)| Crate {
                name: (*name).to_owned(),
                manifest: "Cargo.toml".to_owned(),
                dependencies: (*name == user)
                    .then(|| Dependency { name: used.to_owned(), kind })
                    .into_iter()
                    .collect(),
            })
            .collect();
        check(&crates).into_iter().map(|finding| finding.what).collect()
    }

    #[test]
    fn dependencies_go_one_way() {
        assert!(with("orgtap-events", "orgtap-codec", Kind::Normal).is_empty());
        for (user, used) in [
            ("orgtap-codec", "orgtap-events"),
            ("orgtap-ledger", "orgtap-events"),
            ("orgtap-simorg", "orgtap-salesforce"),
            ("orgtap-destinations", "orgtap-collector"),
            ("orgtap-collector", "orgtap"),
            ("xtask", "orgtap-collector"),
        ] {
            for kind in [Kind::Normal, Kind::Build] {
                let found = with(user, used, kind);
                assert_eq!(found, [format!("`{user}` must not depend on `{used}`")]);
            }
        }
    }

    #[test]
    fn tests_may_use_any_library_unless_their_crate_stands_alone() {
        assert!(with("orgtap-collector", "orgtap-simorg", Kind::Dev).is_empty());
        assert!(with("orgtap-ledger", "orgtap-ledger", Kind::Dev).is_empty());
        assert_eq!(with("orgtap-ledger", "orgtap-simorg", Kind::Dev).len(), 1);
        assert_eq!(with("orgtap-collector", "orgtap", Kind::Dev).len(), 1);
    }

    #[test]
    fn heavy_dependencies_live_in_one_place() {
        assert!(with("orgtap-ledger", "sqlx", Kind::Normal).is_empty());
        assert!(with("orgtap-destinations", "axum", Kind::Dev).is_empty());
        assert_eq!(
            with("orgtap-collector", "sqlx", Kind::Normal),
            ["`sqlx` is for orgtap-ledger only, not for `orgtap-collector`"]
        );
        assert_eq!(with("orgtap-codec", "tokio", Kind::Normal).len(), 1);
    }

    #[test]
    fn a_crate_nobody_knows_and_a_crate_that_is_gone_are_named() {
        let stranger = Crate {
            name: "orgtap-new".to_owned(),
            manifest: "crates/new/Cargo.toml".to_owned(),
            dependencies: Vec::new(),
        };
        let found = check(&[stranger]);
        assert_eq!(found.len(), DIRECTION.len() + 1);
        assert!(found.iter().any(|finding| finding.path == "crates/new/Cargo.toml"));
    }
}
