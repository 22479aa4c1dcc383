//! What the vault keeps, from whom, and through which accidents.

use std::sync::atomic::{AtomicBool, Ordering};

use super::*;

struct Scene {
    folder: tempfile::TempDir,
    vault: Vault,
}

fn scene() -> Scene {
    let folder = tempfile::tempdir().unwrap();
    let vault = Vault::new(folder.path(), None);
    Scene { folder, vault }
}

fn value(vault: &Vault, name: &str) -> Option<String> {
    vault.get(name).unwrap().map(|secret| secret.expose().to_owned())
}

/// Every byte below a folder.
fn bytes_below(folder: &Path) -> Vec<u8> {
    let mut all = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        all.extend(if path.is_dir() { bytes_below(&path) } else { fs::read(&path).unwrap() });
    }
    all
}

fn holds(bytes: &[u8], text: &str) -> bool {
    bytes.windows(text.len()).any(|window| window == text.as_bytes())
}

#[test]
fn what_is_kept_comes_back_and_is_nowhere_on_disk_in_the_clear() {
    let Scene { folder, vault } = scene();
    assert_eq!(value(&vault, "acme/consumer_secret"), None);
    vault.set("acme/consumer_secret", &Secret::new("hunter2-hunter2")).unwrap();
    vault.set("acme/password", &Secret::new("pässword ✓")).unwrap();
    assert_eq!(value(&vault, "acme/consumer_secret").as_deref(), Some("hunter2-hunter2"));
    assert_eq!(value(&vault, "acme/password").as_deref(), Some("pässword ✓"));
    assert_eq!(vault.names().unwrap(), ["acme/consumer_secret", "acme/password"]);
    assert!(!holds(&bytes_below(folder.path()), "hunter2"));
    assert!(vault.remove("acme/password").unwrap());
    assert!(!vault.remove("acme/password").unwrap());
    assert_eq!(value(&vault, "acme/password"), None);
}

#[cfg(unix)]
#[test]
fn key_and_entries_are_their_owners_alone() {
    use std::os::unix::fs::PermissionsExt;
    let Scene { folder, vault } = scene();
    vault.set("a", &Secret::new("x")).unwrap();
    for path in ["vault.key", "vault/a.secret", "vault/vault.lock"] {
        let mode = fs::metadata(folder.path().join(path)).unwrap().permissions().mode();
        assert_eq!(mode & 0o077, 0, "{path}");
    }
}

#[test]
fn the_same_value_looks_different_each_time() {
    let Scene { folder, vault } = scene();
    let file = folder.path().join("vault/a.secret");
    vault.set("a", &Secret::new("x")).unwrap();
    let first = fs::read(&file).unwrap();
    vault.set("a", &Secret::new("x")).unwrap();
    assert_ne!(fs::read(&file).unwrap(), first);
}

#[test]
fn a_changed_cut_or_exchanged_file_is_called_damaged() {
    let Scene { folder, vault } = scene();
    vault.set("a", &Secret::new("value")).unwrap();
    vault.set("b", &Secret::new("value")).unwrap();
    let file = folder.path().join("vault/a.secret");
    let whole = fs::read(&file).unwrap();
    let other = fs::read(folder.path().join("vault/b.secret")).unwrap();
    let mut flipped = whole.clone();
    *flipped.last_mut().unwrap() ^= 1;
    for bytes in [&whole[..10], &whole[..whole.len() - 1], &flipped, &other, b""] {
        fs::write(&file, bytes).unwrap();
        assert!(matches!(vault.get("a"), Err(VaultError::Damaged { .. })));
    }
    fs::write(&file, whole).unwrap();
    assert_eq!(value(&vault, "a").as_deref(), Some("value"));
}

#[test]
fn no_bit_of_a_file_can_be_changed_without_being_noticed() {
    let Scene { folder, vault } = scene();
    vault.set("a", &Secret::new("value")).unwrap();
    let file = folder.path().join("vault/a.secret");
    let whole = fs::read(&file).unwrap();
    for index in 0..whole.len() * 8 {
        let mut bytes = whole.clone();
        bytes[index / 8] ^= 1 << (index % 8);
        fs::write(&file, bytes).unwrap();
        let error = vault.get("a").unwrap_err();
        let told = matches!(error, VaultError::Damaged { .. } | VaultError::UnknownKey { .. });
        assert!(told, "bit {index}: {error:?}");
    }
}

#[test]
fn a_rotation_changes_the_key_and_every_file_and_no_value() {
    let Scene { folder, vault } = scene();
    for name in ["a", "b", "c"] {
        vault.set(name, &Secret::new(format!("value of {name}"))).unwrap();
    }
    let key = fs::read(folder.path().join("vault.key")).unwrap();
    let file = fs::read(folder.path().join("vault/a.secret")).unwrap();
    assert_eq!(vault.rotate().unwrap(), 3);
    let new = fs::read_to_string(folder.path().join("vault.key")).unwrap();
    assert_ne!(new.as_bytes(), key);
    assert_eq!(new.lines().count(), 1, "the old key is forgotten");
    assert_ne!(fs::read(folder.path().join("vault/a.secret")).unwrap(), file);
    assert_eq!(value(&vault, "b").as_deref(), Some("value of b"));
    fs::write(folder.path().join("vault.key"), key).unwrap();
    assert!(matches!(vault.get("a"), Err(VaultError::UnknownKey { .. })));
}

#[test]
fn a_rotation_that_was_cut_off_leaves_everything_readable_and_is_completed_by_the_next() {
    let Scene { folder, vault } = scene();
    vault.set("a", &Secret::new("1")).unwrap();
    vault.set("b", &Secret::new("2")).unwrap();
    // As after a crash between the first and the second entry.
    let keys = vault.keys().unwrap().unwrap().with_new().unwrap();
    vault.key.write(&keys).unwrap();
    vault.write("a", keys.current(), &Secret::new("1")).unwrap();
    assert_eq!(value(&vault, "a").as_deref(), Some("1"));
    assert_eq!(value(&vault, "b").as_deref(), Some("2"));
    vault.rotate().unwrap();
    assert_eq!(value(&vault, "b").as_deref(), Some("2"));
    let text = fs::read_to_string(folder.path().join("vault.key")).unwrap();
    assert_eq!(text.lines().count(), 1);
}

#[test]
fn what_is_read_beside_rotations_is_never_called_unreadable() {
    let Scene { folder: _folder, vault } = scene();
    vault.set("a", &Secret::new("1")).unwrap();
    let rotating = AtomicBool::new(true);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                while rotating.load(Ordering::Relaxed) {
                    assert_eq!(value(&vault, "a").as_deref(), Some("1"));
                }
            });
        }
        for _ in 0..50 {
            vault.rotate().unwrap();
        }
        rotating.store(false, Ordering::Relaxed);
    });
}

#[test]
fn a_lost_key_is_told_and_no_new_one_made_behind_a_persons_back() {
    let Scene { folder, vault } = scene();
    vault.set("a", &Secret::new("x")).unwrap();
    fs::remove_file(folder.path().join("vault.key")).unwrap();
    let ways = [
        vault.get("a").map(drop),
        vault.set("b", &Secret::new("y")),
        vault.set("a", &Secret::new("y")),
        vault.rotate().map(drop),
    ];
    for error in ways.map(Result::unwrap_err) {
        let text = error.to_string();
        assert!(matches!(error, VaultError::NoKey { .. }) && text.contains("vault.key"), "{text}");
        assert!(text.contains("a in the vault"), "{text}");
    }
    assert!(!folder.path().join("vault.key").exists());
    fs::write(folder.path().join("vault.key"), "no key").unwrap();
    let error = vault.get("a").unwrap_err();
    assert!(matches!(error, VaultError::NoKey { .. }) && error.to_string().contains("vault.key"));
}

#[test]
fn a_key_in_the_environment_is_read_and_never_made() {
    let folder = tempfile::tempdir().unwrap();
    let vault = Vault::new(folder.path(), Some(KeyRef::Env("ORGTAP_TEST_NO_SUCH_KEY".into())));
    let error = vault.set("a", &Secret::new("x")).unwrap_err();
    assert!(error.to_string().contains("ORGTAP_TEST_NO_SUCH_KEY"), "{error}");
    assert!(matches!(vault.rotate(), Err(VaultError::NoNewKey { .. })));
    assert_eq!(new_key().unwrap().expose().len(), 44);
}

#[cfg(target_os = "linux")]
#[test]
fn a_key_in_the_kernels_keyring_leaves_no_key_on_disk() {
    let folder = tempfile::tempdir().unwrap();
    let entry = format!("test-{}", disk::unique());
    let vault = Vault::new(folder.path(), Some(KeyRef::Keyring(entry.clone())));
    if let Err(error) = vault.set("a", &Secret::new("x")) {
        // Some containers forbid the kernel's keyring; then the refusal must say so.
        assert!(matches!(error, VaultError::NoKey { .. }), "{error:?}");
        return;
    }
    assert_eq!(value(&vault, "a").as_deref(), Some("x"));
    vault.rotate().unwrap();
    assert_eq!(value(&vault, "a").as_deref(), Some("x"));
    assert!(!folder.path().join("vault.key").exists());
}

#[test]
fn only_one_at_a_time_holds_a_lock() {
    let Scene { folder: _folder, vault } = scene();
    let held = vault.lock("acme").unwrap();
    let _other_name = vault.lock("globex").unwrap();
    let (sender, receiver) = std::sync::mpsc::channel();
    let waiting = {
        let vault = vault.clone();
        std::thread::spawn(move || {
            let _lock = vault.lock("acme").unwrap();
            sender.send(()).unwrap();
        })
    };
    assert!(receiver.recv_timeout(std::time::Duration::from_millis(50)).is_err());
    drop(held);
    receiver.recv_timeout(std::time::Duration::from_secs(10)).unwrap();
    waiting.join().unwrap();
}
