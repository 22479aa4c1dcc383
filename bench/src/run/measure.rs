//! Runs a program to its end and says what it took: wall time, its own processor time, its peak
//! of memory.
//!
//! The figures are the kernel's, for that process and the children it waited for, so that the
//! servers beside it are not in them. The peak begins at what this process has when it starts
//! another, which is why it never holds data itself.

use std::fs::File;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use serde::Serialize;

/// What a run took.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub(crate) struct Figures {
    /// Seconds from start to end.
    pub(crate) wall: f64,
    /// Seconds of processor time, user and system.
    pub(crate) cpu: f64,
    /// Most memory at a time, bytes.
    pub(crate) peak: u64,
}

/// A program under way.
#[derive(Debug)]
pub(crate) struct Started {
    child: Child,
    began: Instant,
    shown: String,
}

/// Starts a program; what it prints goes into files in `folder`.
pub(crate) fn start(command: &mut Command, folder: &Path) -> Result<Started> {
    let file = |name: &str| {
        let path = folder.join(name);
        File::create(&path).with_context(|| format!("cannot write {}", path.display()))
    };
    let shown = format!("{command:?}");
    command.stdin(Stdio::null()).stdout(file(OUT)?).stderr(file(ERR)?);
    let began = Instant::now();
    let child = command.spawn().with_context(|| format!("cannot start {shown}"))?;
    Ok(Started { child, began, shown })
}

/// What programs print, in their folder.
const OUT: &str = "stdout";
const ERR: &str = "stderr";

/// Runs a program to its end; answers what it took and what it printed.
pub(crate) fn measured(command: &mut Command, folder: &Path) -> Result<(Figures, String)> {
    let started = start(command, folder)?;
    let shown = started.shown.clone();
    let (figures, status) = started.finish()?;
    let printed = |name| std::fs::read_to_string(folder.join(name)).unwrap_or_default();
    if status != 0 {
        let told = printed(ERR) + &printed(OUT);
        bail!("{shown} ended with {status}:\n{}", told.trim_end());
    }
    Ok((figures, printed(OUT)))
}

impl Started {
    /// Seconds of processor time so far, to a hundredth.
    pub(crate) fn cpu(&self) -> Result<f64> {
        let path = format!("/proc/{}/stat", self.child.id());
        let text = std::fs::read_to_string(&path)
            .with_context(|| format!("{} has ended early", self.shown))?;
        ticks(&text).with_context(|| format!("{path} is not understood"))
    }

    /// Waits until it does nothing for `still`, at most for `most`.
    pub(crate) fn settle(&self, still: Duration, most: Duration) -> Result<()> {
        let end = Instant::now() + most;
        let (mut last, mut since) = (self.cpu()?, Instant::now());
        while since.elapsed() < still {
            std::thread::sleep(Duration::from_millis(50));
            let now = self.cpu()?;
            if now - last > 0.015 {
                (last, since) = (now, Instant::now());
            }
            if Instant::now() > end {
                bail!("{} is still busy after {} s", self.shown, most.as_secs());
            }
        }
        Ok(())
    }

    /// Asks it to end, as a supervisor would, and answers what it took.
    pub(crate) fn stop(self) -> Result<Figures> {
        let id = self.child.id().to_string();
        let told = Command::new("kill").args(["-TERM", &id]).status().context("starting kill")?;
        if !told.success() {
            bail!("{} could not be told to end", self.shown);
        }
        let shown = self.shown.clone();
        match self.finish()? {
            (figures, 0) => Ok(figures),
            (_, status) => bail!("{shown} ended with {status}"),
        }
    }

    /// Waits for its end. Answers the exit code, 128 and more for a signal.
    fn finish(self) -> Result<(Figures, i32)> {
        let (status, cpu, peak) = wait(self.child.id())
            .with_context(|| format!("waiting for the end of {}", self.shown))?;
        Ok((Figures { wall: self.began.elapsed().as_secs_f64(), cpu, peak }, status))
    }
}

/// Waits for a child; its exit code, processor seconds and peak of memory.
#[expect(unsafe_code, reason = "the standard library's wait tells no figures")]
fn wait(id: u32) -> Result<(i32, f64, u64)> {
    let mut status = 0;
    // SAFETY: all-zero is a value of this struct, which is plain numbers.
    let mut usage: libc::rusage = unsafe { std::mem::zeroed() };
    loop {
        // SAFETY: both places are ours and live through the call.
        let waited = unsafe { libc::wait4(id.cast_signed(), &raw mut status, 0, &raw mut usage) };
        if waited == id.cast_signed() {
            break;
        }
        let error = std::io::Error::last_os_error();
        if error.kind() != std::io::ErrorKind::Interrupted {
            return Err(error.into());
        }
    }
    let seconds = |time: libc::timeval| time.tv_sec as f64 + time.tv_usec as f64 / 1e6;
    let code = if libc::WIFEXITED(status) {
        libc::WEXITSTATUS(status)
    } else {
        128 + libc::WTERMSIG(status)
    };
    let cpu = seconds(usage.ru_utime) + seconds(usage.ru_stime);
    Ok((code, cpu, usage.ru_maxrss as u64 * 1024))
}

/// Seconds of processor time in a line of `/proc/PID/stat`; a tick is a hundredth on Linux.
fn ticks(stat: &str) -> Option<f64> {
    // The program's name is in brackets and may hold anything.
    let mut fields = stat.rsplit_once(')')?.1.split_ascii_whitespace().skip(11);
    let (user, system): (u64, u64) = (fields.next()?.parse().ok()?, fields.next()?.parse().ok()?);
    Some((user + system) as f64 / 100.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_is_measured_and_its_output_kept() {
        let folder = tempfile::tempdir().unwrap();
        let mut command = Command::new("sh");
        command.args(["-c", "echo out; i=0; while [ $i -lt 20000 ]; do i=$((i+1)); done"]);
        let (figures, out) = measured(&mut command, folder.path()).unwrap();
        assert_eq!(out, "out\n");
        assert!(figures.cpu > 0.0 && figures.wall > 0.0, "{figures:?}");
        assert!(figures.peak > 500_000, "{figures:?}");
    }

    #[test]
    fn a_program_that_fails_is_an_error_that_says_what_it_said() {
        let folder = tempfile::tempdir().unwrap();
        let mut command = Command::new("sh");
        command.args(["-c", "echo no room >&2; exit 3"]);
        let error = measured(&mut command, folder.path()).unwrap_err().to_string();
        assert!(error.contains("ended with 3") && error.contains("no room"), "{error}");
        assert!(measured(&mut Command::new("/no/such"), folder.path()).is_err());
    }

    #[test]
    fn a_running_program_is_told_to_end() {
        let folder = tempfile::tempdir().unwrap();
        let mut command = Command::new("sh");
        command.args(["-c", "trap 'exit 0' TERM; while :; do sleep 0.02; done"]);
        let started = start(&mut command, folder.path()).unwrap();
        // Until its trap is set.
        std::thread::sleep(Duration::from_millis(300));
        assert!(started.cpu().unwrap() < 5.0);
        started.stop().unwrap();
    }

    #[test]
    fn ticks_are_found_behind_any_name() {
        let stat = "12 (a) b (c)) S 1 1 1 0 -1 4194560 100 0 0 0 150 50 0 0 20 0 1 0 5";
        assert_eq!(ticks(stat), Some(2.0));
        assert_eq!(ticks("12 (x) S"), None);
    }
}
