//! Why a kit was not written.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use orgtap_transport::{Disposition, Explain};

/// A kit that was not written, or not to the end.
#[derive(Debug)]
pub struct KitError(Kind);

#[derive(Debug)]
enum Kind {
    /// A setting that Salesforce would refuse, or that cannot be meant.
    Setting { flag: &'static str, value: String, cause: String, remedy: String },
    /// A folder that is not ours to write into.
    Folder { folder: PathBuf, is_kit: bool },
    /// A key or certificate that cannot be used.
    Keys { path: PathBuf, cause: &'static str },
    /// A key that could not be made.
    Making(rcgen::Error),
    /// A file or folder that cannot be read or written.
    Disk { path: PathBuf, error: io::Error },
}

impl KitError {
    pub(super) fn setting(
        flag: &'static str,
        value: impl fmt::Display,
        cause: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Self {
        let value = value.to_string();
        Self(Kind::Setting { flag, value, cause: cause.into(), remedy: remedy.into() })
    }

    pub(super) fn not_a_kit(folder: &Path) -> Self {
        Self(Kind::Folder { folder: folder.to_owned(), is_kit: false })
    }

    pub(super) fn is_a_kit(folder: &Path) -> Self {
        Self(Kind::Folder { folder: folder.to_owned(), is_kit: true })
    }

    pub(super) fn keys(path: &Path, cause: &'static str) -> Self {
        Self(Kind::Keys { path: path.to_owned(), cause })
    }

    pub(super) fn making(error: rcgen::Error) -> Self {
        Self(Kind::Making(error))
    }

    pub(super) fn disk(path: &Path, error: io::Error) -> Self {
        Self(Kind::Disk { path: path.to_owned(), error })
    }

    /// Whether what the person asked for is wrong, and not this machine.
    pub fn is_usage(&self) -> bool {
        !matches!(self.0, Kind::Making(_) | Kind::Disk { .. })
    }
}

impl fmt::Display for KitError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Kind::Setting { flag, value, .. } => write!(f, "{flag} {value:?} cannot be used"),
            Kind::Folder { folder, is_kit: false } => {
                write!(f, "{} holds something that is no kit", folder.display())
            }
            Kind::Folder { folder, is_kit: true } => {
                write!(f, "{} holds a kit already", folder.display())
            }
            Kind::Keys { path, .. } => write!(f, "{} cannot be used", path.display()),
            Kind::Making(_) => f.write_str("no key could be made"),
            Kind::Disk { path, .. } => write!(f, "cannot read or write {}", path.display()),
        }
    }
}

impl std::error::Error for KitError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match &self.0 {
            Kind::Disk { error, .. } => Some(error),
            Kind::Making(error) => Some(error),
            Kind::Setting { .. } | Kind::Folder { .. } | Kind::Keys { .. } => None,
        }
    }
}

impl Explain for KitError {
    fn code(&self) -> &'static str {
        match &self.0 {
            Kind::Setting { .. } | Kind::Folder { .. } | Kind::Keys { .. } => "OT-CONF-00",
            Kind::Disk { error, .. } if error.kind() == io::ErrorKind::StorageFull => "OT-DISK-01",
            Kind::Disk { .. } => "OT-DISK-02",
            Kind::Making(_) => "OT-UNIT-50",
        }
    }

    fn disposition(&self) -> Disposition {
        match &self.0 {
            Kind::Making(_) => Disposition::Bug,
            _ => Disposition::Pause,
        }
    }

    fn cause(&self) -> String {
        match &self.0 {
            Kind::Setting { cause, .. } => cause.clone(),
            Kind::Folder { is_kit: false, .. } => {
                "A kit is written into a new or empty folder, so that nothing of yours is lost."
                    .to_owned()
            }
            Kind::Folder { is_kit: true, .. } => {
                "Writing it again replaces its files, and what was changed in them.".to_owned()
            }
            Kind::Keys { cause, .. } => (*cause).to_owned(),
            Kind::Making(_) => "The cryptographic library refused.".to_owned(),
            Kind::Disk { .. } => {
                "The folder's rights forbid it, the disk is full, or a file stands where a folder \
                 is needed."
                    .to_owned()
            }
        }
    }

    fn remedy(&self) -> String {
        match &self.0 {
            Kind::Setting { remedy, .. } => remedy.clone(),
            Kind::Folder { is_kit: false, .. } => "Give another folder with --out.".to_owned(),
            Kind::Folder { is_kit: true, .. } => {
                "Add --force to write it again; its key is kept. Or give another folder with --out."
                    .to_owned()
            }
            Kind::Keys { .. } => {
                "Put the right files back, or add --new-key to make a new key and certificate; the \
                 app must then be deployed again."
                    .to_owned()
            }
            Kind::Making(_) => "Report it to Orgtap with this message.".to_owned(),
            Kind::Disk { .. } => "Correct it, or give another folder with --out.".to_owned(),
        }
    }
}
