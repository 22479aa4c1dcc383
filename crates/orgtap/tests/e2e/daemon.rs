//! The program in the background, and waiting for what it does.

use std::io::Read;
use std::process::{Child, Command, Stdio};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crate::support::Ran;

/// Waits for something that takes a moment, with an end.
pub(crate) fn wait_until(what: &str, mut done: impl FnMut() -> bool) {
    let end = Instant::now() + Duration::from_secs(30);
    while !done() {
        assert!(Instant::now() < end, "{what}: not within thirty seconds");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// A program in the background, killed at the end if it still runs.
pub(crate) struct Daemon {
    child: Child,
    /// What it says, read as it comes, so that it never waits for a reader.
    said: Option<[JoinHandle<String>; 2]>,
}

impl Daemon {
    /// Starts it.
    pub(crate) fn start(command: &mut Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let stdout = child.stdout.take().unwrap();
        let stderr = child.stderr.take().unwrap();
        let said = [std::thread::spawn(|| all(stdout)), std::thread::spawn(|| all(stderr))];
        Self { child, said: Some(said) }
    }

    /// Whether it still runs.
    pub(crate) fn runs(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }

    /// Ends it without a warning.
    pub(crate) fn kill(mut self) -> Ran {
        self.child.kill().unwrap();
        self.end()
    }

    /// Asks it to stop, and waits for that.
    pub(crate) fn stop(mut self) -> Ran {
        let id = self.child.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &id]).status().unwrap().success());
        self.end()
    }

    /// Waits for its end.
    pub(crate) fn end(&mut self) -> Ran {
        let code = self.child.wait().unwrap().code();
        let [stdout, stderr] = self.said.take().unwrap().map(|said| said.join().unwrap());
        Ran { code, stdout, stderr }
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

fn all(mut stream: impl Read) -> String {
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).unwrap();
    String::from_utf8_lossy(&bytes).into_owned()
}
