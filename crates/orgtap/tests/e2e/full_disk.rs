//! A disk that is really full: a small file system of its own, and a file that takes what is left.

use std::fs::{self, File};
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::process::Command;

use orgtap_simorg::world::Interval;

use crate::daemon::{Daemon, wait_until};
use crate::support::{Scene, files, world};

/// Set in a process that has a user namespace of its own to mount in.
const INSIDE: &str = "ORGTAP_TEST_INSIDE";

/// A small disk, gone with this value.
struct Disk(PathBuf);

impl Disk {
    /// Mounts one; none if this process may not.
    fn mount(folder: &Path, size: &str) -> Option<Self> {
        fs::create_dir_all(folder).unwrap();
        let options = format!("size={size}");
        let mounting = ["-t", "tmpfs", "-o", &options, "orgtap-test"];
        let mounted = Command::new("mount").args(mounting).arg(folder).output();
        let mounted = mounted.is_ok_and(|output| output.status.success());
        mounted.then(|| Self(folder.to_owned()))
    }

    fn ballast(&self) -> PathBuf {
        self.0.join("ballast")
    }

    /// Takes all that is left but so many bytes.
    fn fill(&self, leave: u64) {
        let mut ballast = File::create(self.ballast()).unwrap();
        let block = [7; 4096];
        let full = loop {
            if let Err(error) = ballast.write_all(&block) {
                break error;
            }
        };
        assert_eq!(full.kind(), ErrorKind::StorageFull, "{full}");
        let length = ballast.metadata().unwrap().len();
        ballast.set_len(length.saturating_sub(leave)).unwrap();
    }

    fn make_room(&self) {
        fs::remove_file(self.ballast()).unwrap();
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        Command::new("umount").arg("--lazy").arg(&self.0).status().ok();
    }
}

/// Runs a test with small disks: here, or in a namespace where it may mount. Fails where neither is
/// allowed: there is no full disk without one.
fn with_disks(name: &str, test: impl FnOnce()) {
    let folder = tempfile::tempdir().unwrap();
    if Disk::mount(&folder.path().join("disk"), "64k").is_some() {
        return test();
    }
    assert!(std::env::var_os(INSIDE).is_none(), "no file system can be mounted, not even inside");
    let inside = Command::new("unshare")
        .args(["--user", "--map-root-user", "--mount"])
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", name, "--nocapture"])
        .env(INSIDE, "1")
        .status();
    let ended = inside.is_ok_and(|status| status.success());
    assert!(
        ended,
        "NOT TESTED, or failed above: a full disk. Run this as root, or where users may have \
         namespaces (`unshare --user --map-root-user --mount true`)"
    );
}

/// The connector's status.
fn status(scene: &Scene) -> serde_json::Value {
    let ran = scene.run(&["status", "--json"]);
    assert_eq!(ran.code, Some(0), "{}{}", ran.stdout, ran.stderr);
    ran.json()["connectors"][0].clone()
}

fn says_why(scene: &Scene) {
    let status = status(scene);
    assert_eq!(status["problem"]["code"], "OT-DISK-01", "{status}");
    assert_eq!(status["state"], "degraded");
    let remedy = status["problem"]["remedy"].as_str().unwrap();
    assert!(remedy.contains("bytes or more on the disk of") && remedy.contains("data"), "{remedy}");
}

fn all_is_there(scene: &Scene) -> bool {
    let found = scene.difference(Interval::Hourly);
    found.assert_nothing_extra();
    found.lost.is_empty()
}

#[test]
fn a_disk_that_fills_up_pauses_collection_which_goes_on_by_itself() {
    let name = "full_disk::a_disk_that_fills_up_pauses_collection_which_goes_on_by_itself";
    with_disks(name, || {
        for (turn, leave) in [0, 4096, 100_000, 1_000_000].into_iter().enumerate() {
            let scene = Scene::new(world(310 + turn as u64, 1, 0.3));
            // Once with what is delivered, too.
            let all = leave == 100_000;
            let folder = if all { scene.path(".") } else { scene.path("data") };
            let disk = Disk::mount(&folder, "24m").unwrap();
            scene.configure_files("hourly");
            let mut daemon = Daemon::start(&mut scene.command(&["run"]));
            let events = scene.path("events");
            wait_until("a file", || files(&events).len() > 3 * turn);
            disk.fill(leave);
            let before = all_is_there(&scene);
            wait_until("the pause", || {
                let early = files(&events).len();
                std::thread::sleep(std::time::Duration::from_secs(2));
                files(&events).len() == early
            });
            assert!(!all_is_there(&scene) && !before, "{leave}: too late to be of use");
            says_why(&scene);
            assert!(daemon.runs(), "{leave}");
            let mut log = String::new();
            if leave == 4096 {
                log = daemon.kill().stderr;
                says_why(&scene);
                let pass = scene.run(&["collect"]);
                assert_eq!(pass.code, Some(4), "{}{}", pass.stdout, pass.stderr);
                assert!(format!("{}{}", pass.stdout, pass.stderr).contains("OT-DISK-01"));
                daemon = Daemon::start(&mut scene.command(&["run"]));
                std::thread::sleep(std::time::Duration::from_secs(2));
                assert!(daemon.runs());
                says_why(&scene);
            }
            disk.make_room();
            wait_until("the rest", || all_is_there(&scene));
            wait_until("a good end", || status(&scene)["state"] == "active");
            let ran = daemon.stop();
            assert_eq!(ran.code, Some(0), "{leave}: {}", ran.stderr);
            log.push_str(&ran.stderr);
            assert!(log.contains("OT-DISK-01"), "{leave}: {log}");
            scene.compare(Interval::Hourly);
            disk.fill(0);
            let asked = scene.run(&["status"]);
            assert!(matches!(asked.code, Some(0 | 4)), "{}", asked.stderr);
            assert!(format!("{}{}", asked.stdout, asked.stderr).contains("OT-DISK-01"));
        }
    });
}
