//! The main configuration file as it was read, for a process that goes on while connectors are
//! saved, changed and removed beside it. What the file itself says is not read again.

use std::path::{Path, PathBuf};

use orgtap_transport::Explain;

use super::fault::ConfigError;
use super::saved::{self, Marks};
use super::settings::Settings;
use super::{load_main, warnings};

/// The main file, read and checked.
#[derive(Debug, Clone)]
pub struct MainFile {
    path: PathBuf,
    /// Without the saved connectors.
    settings: Settings,
}

impl MainFile {
    /// Reads it. It may have no connector.
    pub fn read(path: impl Into<PathBuf>) -> Result<Self, ConfigError> {
        let path = path.into();
        let settings = load_main(&path, true)?;
        Ok(Self { path, settings })
    }

    /// Its path.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Its settings with the connectors that are saved now.
    pub fn with_saved(&self) -> Result<Settings, ConfigError> {
        self.read_saved(&mut |_, _, error| Err(error))
    }

    /// The same, going on past files that cannot be read: [`Settings::broken`] says what is wrong
    /// with them.
    pub fn with_readable(&self) -> Result<Settings, ConfigError> {
        self.with_readable_since(&self.settings)
    }

    /// The same; a connector of `before` whose file cannot be read now stays as it was.
    pub(crate) fn with_readable_since(&self, before: &Settings) -> Result<Settings, ConfigError> {
        self.read_saved(&mut |settings, path, error| {
            settings.broken.push(error.problem());
            let file = Some(path);
            let known = before.connectors.iter().find(|one| one.saved_in.as_deref() == file);
            if let Some(known) = known {
                let own = |it: &&super::StoredUse| it.kind == "connector" && it.name == known.name;
                settings.stored.extend(before.stored.iter().filter(own).cloned());
                settings.connectors.push(known.clone());
            }
            Ok(())
        })
    }

    fn read_saved(
        &self,
        broken: &mut dyn FnMut(&mut Settings, &Path, ConfigError) -> Result<(), ConfigError>,
    ) -> Result<Settings, ConfigError> {
        let mut settings = self.settings.clone();
        saved::append(&mut settings, &self.path.display().to_string(), broken)?;
        let whole = warnings::of_whole(&settings);
        settings.warnings.extend(whole);
        Ok(settings)
    }

    /// Changes whenever a saved connector does.
    pub(crate) fn marks(&self) -> Marks {
        saved::marks(&self.settings.data_dir)
    }
}
