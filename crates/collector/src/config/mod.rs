//! The configuration file: reading, checking, explaining.
//!
//! Three steps, three shapes: the file as written (`written`), checked as a whole (`validate`),
//! and the [`Settings`] the collector works with. The text becomes a tree that knows the place of
//! everything (`tree`), the tree becomes typed values (`reader`, `reading`), and every problem
//! found on the way is told together with its line and the word that was probably meant
//! (`report`, `words`). No message and no excerpt shows a secret (`excerpt`).
//!
//! Connectors that `orgtap connector add` made stand in files of their own in the data folder, in
//! the same form (`saved`). [`load`] reads them after the main file.
//!
//! Reading is pure apart from [`load`], bounded, and safe on hostile input. Secrets stay
//! references; [`ConnectorSettings::org_settings`] fetches them.
//!
//! Relative paths in a file begin at the folder the file is in.

mod address;
mod console;
mod excerpt;
mod fault;
mod filter;
mod insights;
mod main_file;
mod new_connector;
mod reader;
mod reading;
mod report;
mod saved;
mod secrets;
mod settings;
mod tree;
mod validate;
mod value;
mod warnings;
mod words;
mod written;

#[cfg(test)]
mod tests;

use std::io::Read;
use std::path::{Path, PathBuf};

pub use console::{ConsoleSettings, TlsFiles};
pub use fault::{ConfigError, Fault, FaultKind, Place, catalogue};
pub use filter::{NotAPattern, TypeFilter};
pub use insights::InsightsSettings;
pub use main_file::MainFile;
pub use new_connector::{NewBudget, NewConnector, NewFiles};
pub(crate) use saved::Marks;
pub use settings::{ConnectorSettings, RetrySettings, Settings, SignInSettings, StoredUse};
pub use value::check as check_value;
pub use written::{AuthFlow, IntervalPolicy, Reconcile};

use excerpt::Source;
use report::Report;

/// Reads and checks a file of at most 1 MiB, and the connectors saved in its data folder.
///
/// Warns in [`Settings::warnings`] when others can read secrets that stand in a file, and of what
/// insights name and cannot be read.
pub fn load(path: impl AsRef<Path>) -> Result<Settings, ConfigError> {
    let path = path.as_ref();
    let settings = load_maybe_empty(path)?;
    if settings.connectors.is_empty() {
        // Read as what stands alone, the file says what is missing and where.
        return load_main(path, false);
    }
    Ok(settings)
}

/// Like [`load`], for what can be done without any connector: there may be none yet.
pub fn load_maybe_empty(path: impl AsRef<Path>) -> Result<Settings, ConfigError> {
    MainFile::read(path.as_ref())?.with_saved()
}

fn load_main(path: &Path, may_lack_connectors: bool) -> Result<Settings, ConfigError> {
    let OnDisk { bytes, folder, is_readable_by_others } = OnDisk::read(path)?;
    let origin = path.display().to_string();
    let (mut settings, has_plain) = read(&bytes, &origin, |report| {
        let reading = reading::read(report, &folder)?;
        validate::main(report, &reading, &folder, may_lack_connectors)
    })?;
    if has_plain && is_readable_by_others {
        settings.warnings.push(readable_by_others(path));
    }
    let databases = settings.insights.iter().flat_map(|insights| &insights.networks);
    settings
        .warnings
        .extend(databases.filter_map(|path| warnings::of_database(path)).collect::<Vec<_>>());
    Ok(settings)
}

/// Checks a text. `origin` names it in messages, and its folder is where relative paths begin.
///
/// Pure: touches neither disk nor network nor environment, and so knows no saved connectors.
pub fn parse(text: impl AsRef<[u8]>, origin: impl AsRef<Path>) -> Result<Settings, ConfigError> {
    let origin = origin.as_ref();
    let folder = origin.parent().unwrap_or(Path::new(""));
    let (mut settings, _) = read(text.as_ref(), &origin.display().to_string(), |report| {
        let reading = reading::read(report, folder)?;
        validate::main(report, &reading, folder, false)
    })?;
    let whole = warnings::of_whole(&settings);
    settings.warnings.extend(whole);
    Ok(settings)
}

/// The JSON Schema of the file, for editors and documents.
pub fn schema() -> serde_json::Value {
    schemars::schema_for!(written::Config).to_value()
}

/// A whole file with every key, commented. It is valid as it stands.
pub const fn example() -> &'static str {
    include_str!("example.yaml")
}

/// A file as it was read.
struct OnDisk {
    bytes: Vec<u8>,
    /// The folder it is in, absolute.
    folder: PathBuf,
    is_readable_by_others: bool,
}

impl OnDisk {
    /// Reads no more than tells that a file is too large.
    fn read(path: &Path) -> Result<Self, ConfigError> {
        let refuse = |error: std::io::Error| unreadable(path, &error);
        let file = std::fs::File::open(path).map_err(refuse)?;
        let metadata = file.metadata().map_err(refuse)?;
        let mut bytes = Vec::new();
        file.take(tree::LARGEST_TEXT as u64 + 1).read_to_end(&mut bytes).map_err(refuse)?;
        let absolute = std::path::absolute(path).map_err(refuse)?;
        let folder = absolute.parent().unwrap_or(Path::new("/")).to_owned();
        Ok(Self { bytes, folder, is_readable_by_others: is_readable_by_others(&metadata) })
    }
}

fn unreadable(path: &Path, why: &dyn std::fmt::Display) -> ConfigError {
    let fault = Fault::new(FaultKind::File, "", format!("cannot be read: {why}"));
    ConfigError::new(path.display().to_string(), vec![fault])
}

fn readable_by_others(path: &Path) -> String {
    format!(
        "{} holds secrets and other users of this machine can read it; chmod 600 keeps them out",
        path.display()
    )
}

/// What `check` makes of a text, and whether secrets are written out in it.
fn read<T>(
    bytes: &[u8],
    origin: &str,
    check: impl FnOnce(&mut Report<'_>) -> Option<T>,
) -> Result<(T, bool), ConfigError> {
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
    let checked = check(&mut report);
    let has_plain = !secrets::plain(report.root).is_empty();
    match (checked, report.into_error()) {
        (Some(checked), None) => Ok((checked, has_plain)),
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
