//! Starting other programs: never with an input, the output passed on as it comes.

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::Duration;

use anyhow::{Context as _, Result, bail};

/// The folder of the workspace.
pub(crate) fn root() -> PathBuf {
    let own = std::env::var_os("CARGO_MANIFEST_DIR")
        .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")), PathBuf::from);
    own.parent().map_or(own.clone(), Path::to_path_buf)
}

/// A program, to be started in the workspace's folder.
pub(crate) fn program(name: &str, arguments: &[&str]) -> Command {
    let mut command = Command::new(name);
    command.args(arguments).current_dir(root()).stdin(Stdio::null());
    command
}

/// Cargo, the same that started us.
pub(crate) fn cargo(arguments: &[&str]) -> Command {
    let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned());
    program(&cargo, arguments)
}

/// Runs a command with its output on ours. Anything but success is an error.
pub(crate) fn run(command: &mut Command) -> Result<()> {
    println!("$ {}", shown(command));
    let status = command.status().with_context(|| format!("starting {}", shown(command)))?;
    if status.success() { Ok(()) } else { bail!("`{}`: {status}", shown(command)) }
}

/// Runs a command and hands each line of its standard output to `line`, as it comes.
pub(crate) fn each_line(command: &mut Command, line: impl FnMut(&str)) -> Result<()> {
    each_line_within(command, Duration::MAX, line)
}

/// The same; but a command that says nothing for so long is ended, which is an error. What it has started
/// goes on.
pub(crate) fn each_line_within(
    command: &mut Command,
    patience: Duration,
    mut line: impl FnMut(&str),
) -> Result<()> {
    println!("$ {}", shown(command));
    let mut child = command
        .stdout(Stdio::piped())
        .spawn()
        .with_context(|| format!("starting {}", shown(command)))?;
    let (sender, lines) = mpsc::channel();
    if let Some(output) = child.stdout.take() {
        std::thread::spawn(move || {
            // Tests may print what is no UTF-8: lines are read as bytes.
            for bytes in BufReader::new(output).split(b'\n') {
                if sender.send(bytes).is_err() {
                    break;
                }
            }
        });
    }
    loop {
        match lines.recv_timeout(patience) {
            Ok(bytes) => line(&String::from_utf8_lossy(&bytes?)),
            Err(RecvTimeoutError::Disconnected) => break,
            Err(RecvTimeoutError::Timeout) => {
                child.kill()?;
                child.wait()?;
                bail!("`{}` said nothing for {} s", shown(command), patience.as_secs());
            }
        }
    }
    let status = child.wait()?;
    if status.success() { Ok(()) } else { bail!("`{}`: {status}", shown(command)) }
}

/// Runs a command quietly and answers its standard output; its error output is passed on.
pub(crate) fn output(command: &mut Command) -> Result<Vec<u8>> {
    let output = command
        .stderr(Stdio::inherit())
        .output()
        .with_context(|| format!("starting {}", shown(command)))?;
    if output.status.success() {
        Ok(output.stdout)
    } else {
        bail!("`{}`: {}", shown(command), output.status)
    }
}

/// Whether the program starts and succeeds; says nothing either way.
pub(crate) fn succeeds(name: &str, arguments: &[&str]) -> bool {
    program(name, arguments)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}

/// The command as one would type it.
fn shown(command: &Command) -> String {
    let name = Path::new(command.get_program()).file_name().unwrap_or(command.get_program());
    let mut text = name.to_string_lossy().into_owned();
    for argument in command.get_args() {
        text.push(' ');
        text.push_str(&argument.to_string_lossy());
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failing_program_is_an_error_that_names_it() {
        let error = run(&mut program("false", &["x"])).unwrap_err();
        assert!(error.to_string().starts_with("`false x`"), "{error}");
        assert!(run(&mut program("no-such-program", &[])).is_err());
        assert!(output(&mut program("false", &[])).is_err());
        assert!(!succeeds("no-such-program", &[]));
        assert!(succeeds("true", &[]));
    }

    #[test]
    fn lines_are_handed_on_even_when_the_program_fails() {
        let mut lines = Vec::new();
        let mut command = program("sh", &["-c", "echo one; printf 'caf\\351'; exit 3"]);
        assert!(each_line(&mut command, |line| lines.push(line.to_owned())).is_err());
        assert_eq!(lines, ["one", "caf\u{fffd}"]);
    }

    #[test]
    fn a_program_that_says_nothing_any_more_is_ended() {
        let mut lines = Vec::new();
        let mut command = program("sh", &["-c", "echo one; exec sleep 600"]);
        let patience = Duration::from_secs(1);
        let error = each_line_within(&mut command, patience, |line| lines.push(line.to_owned()));
        assert!(error.unwrap_err().to_string().ends_with("said nothing for 1 s"));
        assert_eq!(lines, ["one"]);
    }
}
