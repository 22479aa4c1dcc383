//! The set-up kit: what an administrator deploys into an org so that Orgtap can collect from it,
//! and a guide to it.
//!
//! [`write()`] makes a folder with a Salesforce project for each way to sign in (metadata as the
//! Salesforce CLI takes it), a key pair where the flow needs one, and a guide that names every step
//! that metadata cannot do. The same settings give the same bytes, keys aside.
//!
//! It does not talk to an org: it deploys nothing, makes no user, and does not know what the org
//! has. It holds no secret of the org, because Salesforce makes those after the deployment.

mod access;
mod address;
mod error;
mod folder;
mod guide;
mod keys;
mod modern;
mod project;
mod seed;
mod settings;
mod xml;

use std::path::{Path, PathBuf};

pub use error::KitError;
pub use settings::{Flow, KitSettings, Source};

use project::Files;
use settings::Plan;

/// The guide's file.
const GUIDE: &str = "GUIDE.md";

/// What must not come under version control.
const IGNORED: &str = "# Private keys, and settings that Salesforce calls sensitive.\n\
                       /keys/\n\
                       /modern/oauth-app/\n";

/// A kit that was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Written {
    /// Its folder, as it was given.
    pub folder: PathBuf,
    /// Every file of it, relative to the folder, in order.
    pub files: Vec<String>,
    /// Those of them that were there before and were left as they are: key and certificate.
    pub kept: Vec<String>,
    /// The guide, relative to the folder.
    pub guide: &'static str,
    /// Whether it allows the org's users the username-password flow, which makes the org easier to
    /// attack.
    pub allows_password_flow: bool,
}

/// The permissions a kit gives for these sources: API name, and what administrators read in Setup.
///
/// That for event log objects is not among them, because its API name is not published.
pub fn permissions(sources: &[Source]) -> Vec<(&'static str, &'static str)> {
    let mut names = access::permissions(sources.iter().copied());
    names.push(access::API_ONLY);
    names.into_iter().map(|name| (name, access::label(name))).collect()
}

/// Writes a kit into a new or empty folder, or with `force` over an earlier kit.
pub fn write(settings: &KitSettings, out: &Path) -> Result<Written, KitError> {
    let plan = Plan::new(settings)?;
    let earlier = folder::open(out, settings.force)?;
    let keys =
        if plan.flow.has_jwt() { Some(keys::ready(out, &plan, settings.new_key)?) } else { None };
    let files = files(&plan, keys.as_ref().map(|keys| keys.certificate.as_str()));
    folder::write(out, &files, &earlier)?;
    let mut written = Written {
        folder: out.to_owned(),
        files: files.into_keys().collect(),
        kept: Vec::new(),
        guide: GUIDE,
        allows_password_flow: plan.flow.has_password(),
    };
    written.files.push(folder::MARK.to_owned());
    if let Some(keys) = &keys {
        write_keys(out, keys, &mut written)?;
    }
    written.files.sort_unstable();
    Ok(written)
}

/// All files but the keys and the mark.
fn files(plan: &Plan, certificate: Option<&str>) -> Files {
    let mut files = Files::new();
    if plan.flow.has_app() {
        modern::write(plan, certificate, &mut files);
    }
    if plan.flow.has_password() {
        seed::write(plan, &mut files);
    }
    files.insert(".gitignore".to_owned(), IGNORED.to_owned());
    files.insert(GUIDE.to_owned(), guide::write(plan));
    files
}

/// Writes what of the keys is new; they are on no list of files that a later kit removes.
fn write_keys(out: &Path, keys: &keys::Keys, written: &mut Written) -> Result<(), KitError> {
    let key = out.join(keys::KEY);
    let has_key = match &keys.new_key {
        Some(text) => {
            folder::write_private(&key, text.expose())?;
            true
        }
        None => key.exists(),
    };
    if keys.is_new_certificate {
        folder::write_private(&out.join(keys::CERTIFICATE), &keys.certificate)?;
    }
    for (name, is_there, is_new) in [
        (keys::KEY, has_key, keys.new_key.is_some()),
        (keys::CERTIFICATE, true, keys.is_new_certificate),
    ] {
        if is_there {
            written.files.push(name.to_owned());
        }
        if is_there && !is_new {
            written.kept.push(name.to_owned());
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::fs;

    use jiff::civil::date;

    use super::*;

    /// Settings as the command's defaults are.
    pub(super) fn settings(flow: Flow) -> KitSettings {
        KitSettings {
            name: "Orgtap".to_owned(),
            label: None,
            flow,
            user: Some("collector@acme.example".to_owned()),
            contact_email: "siem@acme.example".to_owned(),
            sources: vec![Source::EventLogFiles],
            api_version: "66.0".to_owned(),
            event_log_retention: None,
            addresses: Vec::new(),
            certificate_days: 365,
            new_key: false,
            force: false,
            today: date(2026, 11, 24),
        }
    }

    /// Every file below a folder, with its content.
    fn content(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
        let mut found = Vec::new();
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                found.extend(content(&path));
            } else {
                let bytes = fs::read(&path).unwrap();
                found.push((path, bytes));
            }
        }
        found.sort();
        found
    }

    #[test]
    fn the_same_settings_give_the_same_bytes() {
        let folder = tempfile::tempdir().unwrap();
        let out = folder.path().join("kit");
        let first = write(&settings(Flow::All), &out).unwrap();
        let before = content(&out);
        let again = KitSettings { force: true, ..settings(Flow::All) };
        let second = write(&again, &out).unwrap();
        assert_eq!(before, content(&out));
        assert_eq!(first.files, second.files);
        assert!(first.kept.is_empty());
        assert_eq!(second.kept, ["keys/orgtap.key", "keys/orgtap.crt"]);
        let found: Vec<String> = before
            .iter()
            .map(|(path, _)| path.strip_prefix(&out).unwrap().to_str().unwrap().to_owned())
            .collect();
        let mut found_sorted = found.clone();
        found_sorted.sort();
        assert_eq!(first.files, found_sorted, "every file is named in the answer");
    }

    #[test]
    fn another_flow_removes_the_files_of_the_one_before_but_no_key() {
        let folder = tempfile::tempdir().unwrap();
        let out = folder.path().join("kit");
        write(&settings(Flow::All), &out).unwrap();
        let key = fs::read(out.join(keys::KEY)).unwrap();
        let later = KitSettings { force: true, ..settings(Flow::ClientCredentials) };
        let written = write(&later, &out).unwrap();
        assert!(!out.join("seed").exists());
        assert_eq!(fs::read(out.join(keys::KEY)).unwrap(), key);
        assert!(!written.files.iter().any(|name| name.starts_with("keys/")));
    }

    #[test]
    fn a_setting_that_is_refused_leaves_no_trace() {
        let folder = tempfile::tempdir().unwrap();
        let out = folder.path().join("kit");
        let wrong = KitSettings { name: "1st".to_owned(), ..settings(Flow::All) };
        assert!(write(&wrong, &out).unwrap_err().is_usage());
        assert!(!out.exists());
    }
}
