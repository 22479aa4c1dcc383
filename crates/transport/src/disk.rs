//! Files that must survive: written whole or not at all, and named so that nothing escapes.

use std::fmt::Write as _;
use std::fs::{self, DirBuilder, File};
use std::io::{self, Write as _};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

use aws_lc_rs::digest;

/// Longest part of a path, bytes. File systems allow 255; the rest is for suffixes.
const LONGEST_PART: usize = 120;

/// Puts a finished file where it belongs: contents first, then the name, then the folder.
pub fn settle(from: &Path, to: &Path) -> io::Result<()> {
    File::open(from)?.sync_all()?;
    place(from, to)?;
    match to.parent() {
        Some(folder) => sync_folder(folder),
        None => Ok(()),
    }
}

/// Like [`settle`] for a file that can be made again: it is not forced to disk.
pub fn place(from: &Path, to: &Path) -> io::Result<()> {
    match fs::rename(from, to) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            if let Some(folder) = to.parent() {
                fs::create_dir_all(folder)?;
            }
            fs::rename(from, to)
        }
        other => other,
    }
}

/// Forces a folder's entries to disk.
pub fn sync_folder(folder: &Path) -> io::Result<()> {
    // A bare file name has the empty path for its folder.
    let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    File::open(folder)?.sync_all()
}

/// Writes a file that only its owner may read, in place of an older one if there is one.
///
/// The file never exists with wider rights or half written.
pub fn write_private(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut part = path.as_os_str().to_owned();
    part.push(format!(".{}.part", unique()));
    let part = Path::new(&part);
    let mut options = File::options();
    options.create_new(true).write(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let written = options
        .open(part)
        .and_then(|mut file| file.write_all(bytes))
        .and_then(|()| settle(part, path));
    if written.is_err() {
        // What is left is nobody's; the failure itself is what counts.
        fs::remove_file(part).ok();
    }
    written
}

/// Makes a folder that only its owner may look into. One that is there stays as it is.
pub fn create_private_folder(folder: &Path) -> io::Result<()> {
    if folder.is_dir() {
        return Ok(());
    }
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}

/// The room on a disk, bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Space {
    /// What a user without special rights can still write.
    pub free: u64,
    /// All there is.
    pub total: u64,
}

/// The room on the disk of a folder; none where the system does not say.
pub fn space(folder: &Path) -> Option<Space> {
    #[cfg(unix)]
    {
        let found = rustix::fs::statvfs(folder).ok()?;
        let bytes = |blocks: u64| blocks.saturating_mul(found.f_frsize);
        Some(Space { free: bytes(found.f_bavail), total: bytes(found.f_blocks) })
    }
    #[cfg(not(unix))]
    {
        _ = folder;
        None
    }
}

/// A text no other try on this machine uses: process, time, counter.
pub fn unique() -> String {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    let now = jiff::Timestamp::now().as_nanosecond();
    format!("{:x}-{now:x}-{count:x}", std::process::id())
}

/// A text from outside as one part of a path: different texts stay different, ordinary ones stay
/// readable.
///
/// Letters, digits, dots, dashes and underscores stay; all else becomes `%` and two digits, as
/// does a dot at the start. A long text is cut and ends with a hash of the whole.
pub fn path_part(text: &str) -> String {
    let mut part = String::with_capacity(text.len());
    for (index, byte) in text.bytes().enumerate() {
        let plain = byte.is_ascii_alphanumeric()
            || matches!(byte, b'-' | b'_')
            || (byte == b'.' && index > 0);
        if plain {
            part.push(char::from(byte));
        } else {
            // Writing to a string cannot fail.
            write!(part, "%{byte:02X}").ok();
        }
    }
    if part.is_empty() {
        // No text yields a lone percent sign.
        part.push('%');
    }
    if part.len() > LONGEST_PART {
        let hash = digest::digest(&digest::SHA256, text.as_bytes());
        part.truncate(LONGEST_PART - 34);
        part.push_str("%~");
        for byte in hash.as_ref().iter().take(16) {
            write!(part, "{byte:02x}").ok();
        }
    }
    part
}

/// The text a part of a path was made from; none if it was cut, or is no such part.
pub fn text_of_part(part: &str) -> Option<String> {
    if part == "%" {
        return Some(String::new());
    }
    let mut bytes = Vec::with_capacity(part.len());
    let mut rest = part.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let digit = |byte: Option<u8>| char::from(byte?).to_digit(16);
        let (high, low) = (digit(rest.next())?, digit(rest.next())?);
        bytes.push(u8::try_from(high * 16 + low).ok()?);
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn ordinary_names_stay_as_they_are() {
        for text in ["Login", "acme-prod_2", "v1.2", "0AT3000000001aZGAQ-1763856000-12345"] {
            assert_eq!(path_part(text), text);
            assert_eq!(text_of_part(text).as_deref(), Some(text));
        }
    }

    #[test]
    fn hostile_names_become_one_harmless_part_each_and_stay_different() {
        let hostile = [
            "",
            ".",
            "..",
            "../x",
            "..%2Fx",
            "/etc/passwd",
            "a/b",
            "a\\b",
            "a\0b",
            "a\nb",
            "é",
            "e\u{301}",
            ".hidden",
            "%",
            "%~",
            "C:",
            "a b",
        ];
        let mut seen = HashSet::new();
        for text in hostile {
            let part = path_part(text);
            assert!(!part.is_empty() && !part.starts_with('.'), "{text:?} {part:?}");
            assert!(part.bytes().all(|b| b.is_ascii_graphic() && b != b'/' && b != b'\\'));
            assert_eq!(text_of_part(&part).as_deref(), Some(text));
            assert!(seen.insert(part), "{text:?} is taken for another");
        }
    }

    #[test]
    fn long_names_are_cut_and_stay_different() {
        let (a, b) = (format!("{}a", "x".repeat(5_000)), format!("{}b", "x".repeat(5_000)));
        assert!(path_part(&a).len() <= LONGEST_PART && path_part(&a) != path_part(&b));
        let slashes = "/".repeat(300);
        assert!(path_part(&slashes).len() <= LONGEST_PART && path_part(&slashes).is_ascii());
        assert_eq!(text_of_part(&path_part(&a)), None);
    }

    #[cfg(unix)]
    #[test]
    fn a_disk_has_no_more_free_than_there_is() {
        let folder = tempfile::tempdir().unwrap();
        let space = space(folder.path()).unwrap();
        assert!(space.free <= space.total && space.total > 0, "{space:?}");
        assert_eq!(super::space(Path::new("/nowhere/at/all")), None);
    }

    #[test]
    fn settling_makes_the_folder_it_needs() {
        let folder = tempfile::tempdir().unwrap();
        let from = folder.path().join("x");
        fs::write(&from, b"1").unwrap();
        let to = folder.path().join("a/b/c");
        settle(&from, &to).unwrap();
        assert_eq!(fs::read(to).unwrap(), b"1");
    }

    #[cfg(unix)]
    #[test]
    fn a_private_file_is_its_owners_alone_even_in_place_of_an_open_one() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        fs::write(&path, b"old").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        write_private(&path, b"new").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"new");
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "nothing is left over");
    }
}
