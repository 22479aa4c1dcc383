//! The folder of a kit: which ones may be written into, and how.
//!
//! A file with a list of what was written marks a folder as a kit. Nothing that is not on such a
//! list is ever removed, and keys never are.

use std::collections::BTreeSet;
use std::fs::{self, DirBuilder, File};
use std::io::{self, Read as _, Write as _};
use std::path::{Component, Path};

use super::error::KitError;
use super::project::Files;

/// Marks a folder as a kit.
pub(super) const MARK: &str = ".orgtap-kit";

const MARK_HEAD: &str = "made by orgtap setup-kit, which replaces these files with --force:\n";

/// Longest mark that is read, bytes.
const LONGEST: u64 = 1024 * 1024;

/// Whether a kit may be written here; answers the files of the one that is there.
pub(super) fn open(folder: &Path, force: bool) -> Result<BTreeSet<String>, KitError> {
    let disk = |error| KitError::disk(folder, error);
    match fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(BTreeSet::new()),
        Err(error) => return Err(disk(error)),
        Ok(mut entries) => match entries.next() {
            None => return Ok(BTreeSet::new()),
            Some(entry) => entry.map_err(disk)?,
        },
    };
    let path = folder.join(MARK);
    let file = match File::open(&path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Err(KitError::not_a_kit(folder));
        }
        opened => opened.map_err(|error| KitError::disk(&path, error))?,
    };
    if !force {
        return Err(KitError::is_a_kit(folder));
    }
    let mut text = String::new();
    file.take(LONGEST).read_to_string(&mut text).map_err(|error| KitError::disk(&path, error))?;
    let listed = text.strip_prefix(MARK_HEAD).unwrap_or_default().lines();
    Ok(listed.filter(|path| stays_inside(path)).map(str::to_owned).collect())
}

/// Whether a path leads nowhere but below the folder it is joined to.
fn stays_inside(path: &str) -> bool {
    let path = Path::new(path);
    path.components().all(|part| matches!(part, Component::Normal(_)))
        && path.components().next().is_some()
}

/// Writes the files, and removes those of the earlier kit that this one does not have.
pub(super) fn write(
    folder: &Path,
    files: &Files,
    earlier: &BTreeSet<String>,
) -> Result<(), KitError> {
    let disk = |path: &Path, error| KitError::disk(path, error);
    fs::create_dir_all(folder).map_err(|error| disk(folder, error))?;
    let new: BTreeSet<String> = files.keys().cloned().collect();
    // All of both until it is done, so that a kit that was cut short can be written again.
    mark(folder, new.union(earlier))?;
    for (name, text) in files {
        let path = folder.join(name);
        let parent = path.parent().unwrap_or(folder);
        fs::create_dir_all(parent).map_err(|error| disk(parent, error))?;
        fs::write(&path, text).map_err(|error| disk(&path, error))?;
    }
    for name in earlier.difference(&new) {
        let path = folder.join(name);
        match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(disk(&path, error));
            }
            _ => remove_empty(folder, &path),
        }
    }
    mark(folder, new.iter())
}

/// Removes the folders above a removed file that hold nothing else.
fn remove_empty(folder: &Path, path: &Path) {
    let above = path.ancestors().skip(1).take_while(|above| *above != folder);
    for above in above {
        if fs::remove_dir(above).is_err() {
            return;
        }
    }
}

fn mark<'a>(folder: &Path, names: impl Iterator<Item = &'a String>) -> Result<(), KitError> {
    let mut text = MARK_HEAD.to_owned();
    for name in names {
        text.push_str(name);
        text.push('\n');
    }
    let path = folder.join(MARK);
    fs::write(&path, text).map_err(|error| KitError::disk(&path, error))
}

/// Writes a file that only its owner may read, in place of one that is there. It never exists with
/// wider rights, nor half written.
pub(super) fn write_private(path: &Path, text: &str) -> Result<(), KitError> {
    let part = path.with_extension("part");
    let written = private_folder(path).and_then(|()| {
        // One that was left behind may have wider rights.
        match fs::remove_file(&part) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let mut options = File::options();
        options.create_new(true).write(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut file = options.open(&part)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        fs::rename(&part, path)
    });
    written.map_err(|error| KitError::disk(path, error))
}

/// Makes the folder of a private file.
fn private_folder(path: &Path) -> io::Result<()> {
    let Some(folder) = path.parent() else { return Ok(()) };
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files(names: &[&str]) -> Files {
        names.iter().map(|name| ((*name).to_owned(), "text\n".to_owned())).collect()
    }

    #[test]
    fn paths_that_lead_out_of_the_folder_are_not_ours() {
        assert!(stays_inside("modern/manifest/package.xml"));
        for path in ["", "/etc/passwd", "../x", "modern/../../x", "."] {
            assert!(!stays_inside(path), "{path}");
        }
    }

    #[test]
    fn what_the_new_kit_does_not_have_is_removed_and_the_rest_stays() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path();
        write(folder, &files(&["a/b/old", "a/kept", "GUIDE.md"]), &BTreeSet::new()).unwrap();
        fs::write(folder.join("a/own"), "").unwrap();
        let earlier = open(folder, true).unwrap();
        assert_eq!(earlier.len(), 3);
        write(folder, &files(&["a/kept"]), &earlier).unwrap();
        assert!(!folder.join("a/b").exists() && !folder.join("GUIDE.md").exists());
        assert!(folder.join("a/kept").exists() && folder.join("a/own").exists());
        assert_eq!(open(folder, true).unwrap().len(), 1);
    }

    #[test]
    fn a_mark_that_names_files_elsewhere_removes_nothing_there() {
        let outside = tempfile::tempdir().unwrap();
        let victim = outside.path().join("victim");
        fs::write(&victim, "").unwrap();
        let folder = outside.path().join("kit");
        fs::create_dir(&folder).unwrap();
        let text = format!("{MARK_HEAD}../victim\n{}\n", victim.display());
        fs::write(folder.join(MARK), text).unwrap();
        let earlier = open(&folder, true).unwrap();
        write(&folder, &files(&["a"]), &earlier).unwrap();
        assert!(victim.exists());
    }

    #[test]
    fn other_folders_are_left_alone_and_kits_need_force() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path();
        assert!(open(folder, false).unwrap().is_empty());
        assert!(open(&folder.join("new"), false).unwrap().is_empty());
        fs::write(folder.join("thesis.doc"), "").unwrap();
        for force in [false, true] {
            assert!(open(folder, force).unwrap_err().is_usage());
        }
        fs::write(folder.join(MARK), MARK_HEAD).unwrap();
        assert!(open(folder, false).is_err());
        assert!(open(folder, true).is_ok());
        // A file in place of a folder.
        assert!(!open(&folder.join("thesis.doc"), true).unwrap_err().is_usage());
    }

    #[cfg(unix)]
    #[test]
    fn a_private_file_is_for_its_owner_alone_whatever_was_there() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("keys/orgtap.key");
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        write_private(&path, "one").unwrap();
        assert_eq!(mode(path.parent().unwrap()), 0o700);
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        fs::write(path.with_extension("part"), "left behind").unwrap();
        write_private(&path, "two").unwrap();
        assert_eq!(mode(&path), 0o600);
        assert_eq!(fs::read_to_string(&path).unwrap(), "two");
        assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 1);
    }
}
