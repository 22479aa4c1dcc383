//! `cargo x setup`: what the tests need beside Rust, on a Debian machine.
//!
//! Installs only what is missing, so that a second run does nothing and asks nobody.

use std::path::Path;

use anyhow::{Context as _, Result, bail};

use crate::arguments::Arguments;
use crate::process::{program, root, run, succeeds};
use crate::tools;

/// Something the tests start or build with.
struct Need {
    /// The Debian package that has it.
    package: &'static str,
    /// What it is for.
    purpose: &'static str,
    is_here: fn() -> bool,
}

const NEEDS: &[Need] = &[
    Need { package: "gcc", purpose: "C parts of dependencies", is_here: || on_path("cc") },
    Need {
        package: "libc6-dev",
        purpose: "C parts of dependencies",
        is_here: || Path::new("/usr/include/stdlib.h").exists(),
    },
    Need {
        package: "rsyslog",
        purpose: "the syslog destination is tested against a real receiver",
        is_here: || on_path("rsyslogd"),
    },
    Need {
        package: "rsyslog-gnutls",
        purpose: "the same over TLS",
        is_here: || is_installed("rsyslog-gnutls"),
    },
    Need {
        package: "python3-venv",
        purpose: "the simulated org is tested with a Python client",
        is_here: || succeeds("python3", &["-c", "import ensurepip, venv"]),
    },
    Need {
        package: "nodejs",
        purpose: "the simulated org is tested with a JavaScript client",
        is_here: || on_path("node"),
    },
    Need {
        package: "npm",
        purpose: "installs the JavaScript client and Salesforce's reader of metadata",
        is_here: || on_path("npm"),
    },
    Need {
        package: "valgrind",
        purpose: "counts the instructions of hot loops",
        is_here: || on_path("valgrind"),
    },
    Need {
        package: "chromium",
        purpose: "the console is tested in a browser",
        is_here: || on_path("chromium"),
    },
    Need {
        package: "fonts-liberation",
        purpose: "the same, with letters that look alike everywhere",
        is_here: || is_installed("fonts-liberation"),
    },
    Need { package: "curl", purpose: "the bench compares with it", is_here: || on_path("curl") },
];

/// Clients of other people that the simulated org is tested with; installed by a script of its own.
const INTEROP: &str = "crates/simorg/tests/interop/setup.sh";

/// Salesforce's own reader of metadata, which the set-up kit is tested with; the same.
const METADATA_CHECK: &str = "xtask/metadata-check/setup.sh";

/// What drives the browser in the console's test; the same.
const BROWSER: &str = "crates/orgtap/tests/browser/setup.sh";

/// What tries the console's API by its own description; the same.
const API: &str = "crates/orgtap/tests/schemathesis/setup.sh";

/// Installs what is missing.
pub(crate) fn command(arguments: Arguments) -> Result<()> {
    arguments.done()?;
    all()
}

/// Debian packages, parts of the toolchain, cargo's extensions, foreign clients.
pub(crate) fn all() -> Result<()> {
    packages()?;
    components()?;
    tools::DENY.install()?;
    for script in [INTEROP, METADATA_CHECK, BROWSER, API] {
        if root().join(script).exists() {
            run(&mut program("bash", &[script])).context("installing what others wrote")?;
        }
    }
    println!("setup is complete");
    Ok(())
}

/// Debian packages alone.
pub(crate) fn packages() -> Result<()> {
    let missing: Vec<&Need> = NEEDS.iter().filter(|need| !(need.is_here)()).collect();
    if missing.is_empty() {
        return Ok(());
    }
    let names: Vec<&str> = missing.iter().map(|need| need.package).collect();
    if !Path::new("/etc/debian_version").exists() || !on_path("apt-get") {
        bail!(
            "this is no Debian: install what corresponds to its packages {} and try again",
            names.join(", ")
        );
    }
    println!("these Debian packages are missing and will be installed:");
    for need in &missing {
        println!("  {:<16} {}", need.package, need.purpose);
    }
    apt_get(&["update", "--quiet=2"])?;
    // Without a terminal of its own dpkg draws no progress into a log.
    let install = ["install", "--yes", "--quiet=2", "--no-install-recommends", "-oDpkg::Use-Pty=0"];
    apt_get(&[&install, &names[..]].concat())?;
    match missing.iter().find(|need| !(need.is_here)()) {
        Some(need) => bail!("{} was installed and still cannot be found", need.package),
        None => Ok(()),
    }
}

/// Runs apt-get as root: through sudo when we are not.
fn apt_get(arguments: &[&str]) -> Result<()> {
    let user = crate::process::output(&mut program("id", &["-u"]))?;
    let mut words = vec!["env", "DEBIAN_FRONTEND=noninteractive", "apt-get"];
    words.extend(arguments);
    if user.trim_ascii() == b"0" {
        return run(&mut program("env", &words[1..]));
    }
    if !on_path("sudo") {
        bail!("installing packages takes root, and there is no sudo: run `cargo x setup` as root");
    }
    // In CI nobody can type a password.
    if std::env::var_os("CI").is_some() {
        words.insert(0, "--non-interactive");
    }
    run(&mut program("sudo", &words))
}

/// Rust's formatter and linter, which minimal toolchains lack.
fn components() -> Result<()> {
    for (component, command) in [("rustfmt", "cargo-fmt"), ("clippy", "cargo-clippy")] {
        if succeeds(command, &["--version"]) {
            continue;
        }
        if !on_path("rustup") {
            bail!("Rust's {component} is missing, and there is no rustup to install it");
        }
        run(&mut program("rustup", &["component", "add", component]))?;
    }
    Ok(())
}

/// Whether a program can be found; daemons stand where the path of plain users does not lead.
fn on_path(name: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .chain(["/usr/sbin".into(), "/sbin".into()])
        .any(|folder| folder.join(name).is_file())
}

/// Whether Debian's package is installed.
fn is_installed(package: &str) -> bool {
    let query = ["--show", "--showformat=${db:Status-Status}", package];
    program("dpkg-query", &query)
        .stderr(std::process::Stdio::null())
        .output()
        .is_ok_and(|output| output.stdout == b"installed")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn programs_are_found_on_the_path_only() {
        assert!(on_path("sh"));
        assert!(!on_path("no-such-program"));
    }

    #[test]
    fn a_package_that_is_not_installed_is_missing() {
        assert!(!is_installed("no-such-package"));
    }
}
