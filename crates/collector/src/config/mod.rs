//! The configuration file: reading, checking, explaining.
//!
//! Three steps, three shapes: the file as written (`written`), checked as a whole (`validate`),
//! and the [`Settings`] the collector works with. The text becomes a tree that knows the place of
//! everything (`tree`), the tree becomes typed values (`reader`, `reading`), and every problem
//! found on the way is told together with its line and the word that was probably meant
//! (`report`, `words`). No message and no excerpt shows a secret (`excerpt`).
//!
//! Reading is pure apart from [`load`], bounded, and safe on hostile input. Secrets stay
//! references; [`ConnectorSettings::org_settings`] fetches them.
//!
//! Relative paths in the file begin at the folder the file is in.

mod address;
mod excerpt;
mod fault;
mod filter;
mod reader;
mod reading;
mod report;
mod secrets;
mod settings;
mod tree;
mod validate;
mod warnings;
mod words;
mod written;

#[cfg(test)]
mod tests;

use std::io::Read;
use std::path::{Path, PathBuf};

pub use fault::{ConfigError, Fault, FaultKind, Place, catalogue};
pub use filter::{NotAPattern, TypeFilter};
pub use settings::{ConnectorSettings, RetrySettings, Settings, SignInSettings};
pub use written::IntervalPolicy;

use excerpt::Source;
use report::Report;

/// Reads and checks a file of at most 1 MiB.
///
/// Warns in [`Settings::warnings`] when others can read secrets that stand in it.
pub fn load(path: impl AsRef<Path>) -> Result<Settings, ConfigError> {
    let path = path.as_ref();
    let refuse = |why: &dyn std::fmt::Display| {
        let fault = Fault::new(FaultKind::File, "", format!("cannot be read: {why}"));
        ConfigError::new(path.display().to_string(), vec![fault])
    };
    let mut bytes = Vec::new();
    let file = std::fs::File::open(path).map_err(|error| refuse(&error))?;
    let metadata = file.metadata().map_err(|error| refuse(&error))?;
    file.take(tree::LARGEST_TEXT as u64 + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| refuse(&error))?;
    let absolute = std::path::absolute(path).map_err(|error| refuse(&error))?;
    let folder = absolute.parent().unwrap_or(Path::new("/"));
    let (mut settings, has_plain) = read(&bytes, &path.display().to_string(), folder)?;
    if has_plain && is_readable_by_others(&metadata) {
        settings.warnings.push(format!(
            "{} holds secrets and other users of this machine can read it; chmod 600 keeps them out",
            path.display()
        ));
    }
    Ok(settings)
}

/// Checks a text. `origin` names it in messages, and its folder is where relative paths begin.
///
/// Pure: touches neither disk nor network nor environment.
pub fn parse(text: impl AsRef<[u8]>, origin: impl AsRef<Path>) -> Result<Settings, ConfigError> {
    let origin = origin.as_ref();
    let folder = origin.parent().unwrap_or(Path::new(""));
    read(text.as_ref(), &origin.display().to_string(), folder).map(|(settings, _)| settings)
}

/// The JSON Schema of the file, for editors and documents.
pub fn schema() -> serde_json::Value {
    schemars::schema_for!(written::Config).to_value()
}

/// A whole file with every key, commented. It is valid as it stands.
pub const fn example() -> &'static str {
    include_str!("example.yaml")
}

/// The settings, and whether secrets are written out in the text.
fn read(bytes: &[u8], origin: &str, folder: &Path) -> Result<(Settings, bool), ConfigError> {
    let refuse = |message: String| {
        ConfigError::new(origin, vec![Fault::new(FaultKind::Syntax, "", message)])
    };
    if bytes.len() > tree::LARGEST_TEXT {
        return Err(refuse("larger than 1 MiB, which no configuration is".to_owned()));
    }
    let text = std::str::from_utf8(bytes).map_err(|error| {
        let line =
            bytes.iter().take(error.valid_up_to()).filter(|byte| **byte == b'\n').count() + 1;
        refuse(format!("line {line} is not UTF-8 text"))
    })?;
    let parsed = tree::parse(text).map_err(|error| {
        let mut fault = Fault::new(FaultKind::Syntax, "", error.message);
        fault.place = Some(Source::unread(text).place(&error.at));
        ConfigError::new(origin, vec![fault])
    })?;
    let mut report = Report::new(origin, text, &parsed);
    let settings = reading::read(&mut report, folder)
        .and_then(|reading| validate::validate(&mut report, &reading, folder));
    let has_plain = !secrets::plain(report.root).is_empty();
    match (settings, report.into_error()) {
        (Some(settings), None) => Ok((settings, has_plain)),
        (_, Some(error)) => Err(error),
        (None, None) => Err(refuse("this cannot be read as a configuration".to_owned())),
    }
}

/// A path of the file; relative ones begin at its folder.
fn based_on(folder: &Path, path: &Path) -> PathBuf {
    let dot = std::path::Component::CurDir;
    let path: PathBuf = folder.join(path).components().filter(|part| *part != dot).collect();
    if path.as_os_str().is_empty() { PathBuf::from(".") } else { path }
}

#[cfg(unix)]
fn is_readable_by_others(metadata: &std::fs::Metadata) -> bool {
    use std::os::unix::fs::PermissionsExt;
    metadata.permissions().mode() & 0o044 != 0
}

#[cfg(not(unix))]
fn is_readable_by_others(_: &std::fs::Metadata) -> bool {
    false
}
