//! Secrets: where they come from, and a type that never shows them.

use std::borrow::Cow;
use std::fmt;
use std::io::{self, Read};
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{self, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use zeroize::Zeroizing;

use crate::vault::Vault;

/// A secret in memory. `Debug` and `Display` show dots, the memory is wiped on drop, and it does
/// not serialise.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// Takes a value as a secret.
    pub fn new(value: impl Into<String>) -> Self {
        Self(Zeroizing::new(value.into()))
    }

    /// The value itself, to be put on the wire and nowhere else.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Whether there is no value.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(...)")
    }
}

impl fmt::Display for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("...")
    }
}

/// Where a secret comes from, as written in the configuration.
///
/// `{ env: NAME }`, `{ file: PATH }`, `{ command: [PROGRAM, ARGUMENT...] }`, `{ stored: NAME }`, or,
/// discouraged, the value itself as a plain string.
#[derive(Clone, PartialEq, Eq)]
pub enum SecretRef {
    /// The value itself.
    Plain(Secret),
    /// An environment variable.
    Env(String),
    /// A file; one trailing line end is dropped.
    File(PathBuf),
    /// What a program prints; one trailing line end is dropped. The program is run without a shell.
    Command(Vec<String>),
    /// An entry of the vault.
    Stored(String),
}

impl fmt::Debug for SecretRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Plain(_) => f.write_str("a plain value"),
            Self::Env(name) => write!(f, "environment variable {name}"),
            Self::File(path) => write!(f, "file {}", path.display()),
            Self::Command(words) => {
                write!(f, "command {}", words.first().map_or("", String::as_str))
            }
            Self::Stored(name) => write!(f, "the vault's entry {name}"),
        }
    }
}

/// A secret that could not be had. Says where it was looked for, never what was found.
#[derive(Debug, thiserror::Error)]
#[error("no secret from {from}: {reason}")]
pub struct SecretError {
    /// The reference, in words.
    pub from: String,
    /// Why there is no value.
    pub reason: String,
}

/// Longest secret accepted, in bytes.
pub(crate) const LONGEST: usize = 64 * 1024;

/// How long a command may take to print a secret. Whoever waits for it stands still.
pub const COMMAND_LIMIT: Duration = Duration::from_secs(30);

/// How often it is looked whether a command has ended that has said everything.
const LOOK: Duration = Duration::from_millis(5);

impl SecretRef {
    /// Fetches the value, from `vault` if it is stored. Blocks while a file is read or a command
    /// runs, which is stopped after [`COMMAND_LIMIT`].
    pub fn resolve(&self, vault: &Vault) -> Result<Secret, SecretError> {
        self.resolve_within(vault, COMMAND_LIMIT)
    }

    fn resolve_within(&self, vault: &Vault, limit: Duration) -> Result<Secret, SecretError> {
        let value = match self {
            Self::Plain(secret) => return Ok(secret.clone()),
            Self::Env(name) => match std::env::var(name) {
                Ok(text) => text,
                Err(std::env::VarError::NotPresent) => return Err(self.error(&"it is not set")),
                // The error itself would show the value.
                Err(std::env::VarError::NotUnicode(_)) => {
                    return Err(self.error(&"it is not UTF-8"));
                }
            },
            Self::File(path) => {
                let bytes = std::fs::read(path).map_err(|error| self.error(&error))?;
                self.text(bytes)?
            }
            Self::Command(words) => self.run(words, limit)?,
            Self::Stored(name) => {
                let found = vault.get(name).map_err(|error| self.error(&error))?;
                return found.ok_or_else(|| {
                    self.error(&format!("there is none; enter it with `orgtap vault set {name}`"))
                });
            }
        };
        if value.is_empty() {
            return Err(self.error(&"it is empty"));
        }
        Ok(Secret::new(value))
    }

    fn run(&self, words: &[String], limit: Duration) -> Result<String, SecretError> {
        let (program, arguments) =
            words.split_first().ok_or_else(|| self.error(&"the command has no words"))?;
        let mut command = Command::new(program);
        command.args(arguments).stdin(Stdio::null()).stderr(Stdio::inherit());
        let (status, output) =
            printed(&mut command, limit).map_err(|error| match error.kind() {
                io::ErrorKind::TimedOut => self.error(&format!(
                    "it and what it started did not end within {} s and were stopped; run it by \
                     hand: it must print the secret, ask nothing, and leave nothing running that \
                     keeps its output open",
                    limit.as_secs_f32()
                )),
                _ => self.error(&error),
            })?;
        if !status.success() {
            return Err(self.error(&format!("it ended with {status}")));
        }
        self.text(output)
    }

    fn text(&self, bytes: Vec<u8>) -> Result<String, SecretError> {
        if bytes.len() > LONGEST {
            return Err(self.error(&"it is longer than 64 KiB"));
        }
        let mut text = String::from_utf8(bytes).map_err(|_| self.error(&"it is not UTF-8"))?;
        if text.ends_with('\n') {
            text.pop();
            if text.ends_with('\r') {
                text.pop();
            }
        }
        Ok(text)
    }

    fn error(&self, reason: &dyn fmt::Display) -> SecretError {
        SecretError { from: format!("{self:?}"), reason: reason.to_string() }
    }
}

/// Runs a command to its end and that of its output, or for as long as the limit says: then it is
/// killed with its group.
fn printed(command: &mut Command, limit: Duration) -> io::Result<(ExitStatus, Vec<u8>)> {
    let end = Instant::now() + limit;
    #[cfg(unix)]
    std::os::unix::process::CommandExt::process_group(command, 0);
    let mut child = command.stdout(Stdio::piped()).spawn()?;
    let read = child.stdout.take().map(read_aside).transpose();
    let ended = read.and_then(|read| match read {
        Some(read) => output(&mut child, &read, end),
        None => Err(io::ErrorKind::BrokenPipe.into()),
    });
    if ended.is_err() {
        kill(&mut child);
    }
    ended
}

/// Reads elsewhere: who has inherited the pipe may hold it open longer than anybody waits.
fn read_aside(pipe: impl Read + Send + 'static) -> io::Result<mpsc::Receiver<io::Result<Vec<u8>>>> {
    let (done, read) = mpsc::channel();
    thread::Builder::new().spawn(move || {
        let mut bytes = Vec::new();
        let whole = pipe.take(LONGEST as u64 + 1).read_to_end(&mut bytes);
        // Nobody may be waiting any longer.
        done.send(whole.map(|_| bytes)).ok();
    })?;
    Ok(read)
}

fn output(
    child: &mut Child,
    read: &mpsc::Receiver<io::Result<Vec<u8>>>,
    end: Instant,
) -> io::Result<(ExitStatus, Vec<u8>)> {
    let left = || end.saturating_duration_since(Instant::now());
    let bytes = read.recv_timeout(left()).map_err(|_| io::ErrorKind::TimedOut)??;
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok((status, bytes));
        }
        if left().is_zero() {
            return Err(io::ErrorKind::TimedOut.into());
        }
        thread::sleep(LOOK);
    }
}

/// Kills a child that was not waited for yet, and what it started in its group.
fn kill(child: &mut Child) {
    #[cfg(unix)]
    {
        use rustix::process::{Pid, Signal, kill_process_group};
        kill_process_group(Pid::from_child(child), Signal::KILL).ok();
    }
    // One that has ended already is only waited for.
    child.kill().ok();
    child.wait().ok();
}

impl<'de> Deserialize<'de> for SecretRef {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct RefVisitor;
        impl<'de> Visitor<'de> for RefVisitor {
            type Value = SecretRef;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(
                    "a secret: { env: NAME }, { file: PATH }, { command: [..] }, { stored: NAME } or a string",
                )
            }

            fn visit_str<E: de::Error>(self, value: &str) -> Result<SecretRef, E> {
                Ok(SecretRef::Plain(Secret::new(value)))
            }

            // The default answers name the value; a number here is most likely a mistyped secret.
            fn visit_i64<E: de::Error>(self, _: i64) -> Result<SecretRef, E> {
                Err(E::custom("a secret must be a string; put it in quotes"))
            }

            fn visit_u64<E: de::Error>(self, _: u64) -> Result<SecretRef, E> {
                self.visit_i64(0)
            }

            fn visit_f64<E: de::Error>(self, _: f64) -> Result<SecretRef, E> {
                self.visit_i64(0)
            }

            fn visit_bool<E: de::Error>(self, _: bool) -> Result<SecretRef, E> {
                self.visit_i64(0)
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<SecretRef, A::Error> {
                let Some(key) = map.next_key::<String>()? else {
                    return Err(de::Error::custom(
                        "a secret needs one of env, file, command, stored",
                    ));
                };
                let found = match key.as_str() {
                    "env" => SecretRef::Env(map.next_value()?),
                    "file" => SecretRef::File(map.next_value()?),
                    "command" => SecretRef::Command(map.next_value()?),
                    "stored" => SecretRef::Stored(map.next_value()?),
                    other => {
                        let known = &["env", "file", "command", "stored"];
                        return Err(de::Error::unknown_field(other, known));
                    }
                };
                if map.next_key::<String>()?.is_some() {
                    return Err(de::Error::custom(
                        "a secret has one of env, file, command, stored, not two",
                    ));
                }
                Ok(found)
            }
        }
        deserializer.deserialize_any(RefVisitor)
    }
}

impl JsonSchema for SecretRef {
    fn schema_name() -> Cow<'static, str> {
        "Secret".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "A secret: from an environment variable, a file, a command's output (within 30 s), the vault, or (discouraged) the value itself.",
            "oneOf": [
                { "type": "string" },
                { "type": "object", "additionalProperties": false, "required": ["env"],
                  "properties": { "env": { "type": "string" } } },
                { "type": "object", "additionalProperties": false, "required": ["file"],
                  "properties": { "file": { "type": "string" } } },
                { "type": "object", "additionalProperties": false, "required": ["command"],
                  "properties": { "command": { "type": "array", "items": { "type": "string" } } } },
                { "type": "object", "additionalProperties": false, "required": ["stored"],
                  "properties": { "stored": { "type": "string" } } }
            ]
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn vault() -> Vault {
        Vault::new(std::path::Path::new("/no/such/folder"), None)
    }

    fn parse(json: &str) -> Result<SecretRef, serde_json::Error> {
        serde_json::from_str(json)
    }

    #[test]
    fn comes_from_env_file_command_or_plain() {
        assert_eq!(parse(r#"{"env":"A"}"#).unwrap(), SecretRef::Env("A".into()));
        assert_eq!(parse(r#""x""#).unwrap(), SecretRef::Plain(Secret::new("x")));
        let command = parse(r#"{"command":["printf","tok\n"]}"#).unwrap();
        assert_eq!(command.resolve(&vault()).unwrap().expose(), "tok");
    }

    #[test]
    fn wrong_shapes_are_refused_without_showing_the_value() {
        for json in ["12345678", r#"{"env":"A","file":"b"}"#, r#"{"vault":"x"}"#, "{}"] {
            let message = parse(json).unwrap_err().to_string();
            assert!(!message.contains("12345678"), "{message}");
        }
    }

    #[test]
    fn an_absent_or_empty_secret_says_where_it_was_looked_for() {
        let error = SecretRef::Env("ORGTAP_NO_SUCH_VARIABLE".into()).resolve(&vault()).unwrap_err();
        assert!(error.to_string().contains("ORGTAP_NO_SUCH_VARIABLE"));
        let error = SecretRef::Stored("acme/token".into()).resolve(&vault()).unwrap_err();
        assert!(error.to_string().contains("orgtap vault set acme/token"), "{error}");
        let error = SecretRef::Command(vec!["true".into()]).resolve(&vault()).unwrap_err();
        assert!(error.to_string().contains("it is empty"));
        let error = SecretRef::Command(vec!["false".into()]).resolve(&vault()).unwrap_err();
        assert!(error.to_string().contains("ended with"));
    }

    fn shell(script: &str) -> SecretRef {
        SecretRef::Command(["sh", "-c", script].map(str::to_owned).to_vec())
    }

    #[test]
    fn a_command_that_does_not_end_is_stopped_with_all_it_started() {
        let folder = tempfile::tempdir().unwrap();
        let pids = folder.path().join("pids");
        let limit = Duration::from_millis(300);
        for script in [
            "echo $$ > PIDS; exec sleep 600",
            // The output has ended, the command has not.
            "echo $$ > PIDS; exec sleep 600 >&-",
            // The command has ended; what it started holds its output open.
            "echo secret; sleep 600 & echo $! > PIDS",
            "sleep 600 & echo $! > PIDS; wait",
        ] {
            let script = script.replace("PIDS", pids.to_str().unwrap());
            let begun = Instant::now();
            let error = shell(&script).resolve_within(&vault(), limit).unwrap_err().to_string();
            assert!(error.contains("did not end within 0.3 s and were stopped"), "{error}");
            assert!(error.contains("run it by hand"), "{error}");
            assert!(begun.elapsed() < Duration::from_secs(60), "{script}");
            let pid = std::fs::read_to_string(&pids).unwrap();
            let is_there = || {
                let stat = std::fs::read_to_string(format!("/proc/{}/stat", pid.trim()));
                stat.is_ok_and(|stat| !stat.contains(") Z"))
            };
            while is_there() {
                assert!(begun.elapsed() < Duration::from_secs(60), "{script}: it lives on");
                thread::sleep(LOOK);
            }
        }
    }

    #[test]
    fn a_command_that_prints_without_end_is_refused_at_once() {
        let error = shell("yes").resolve(&vault()).unwrap_err().to_string();
        assert!(!error.contains("did not end within"), "{error}");
    }

    #[test]
    fn never_shows_itself() {
        let secret = Secret::new("hunter2");
        assert!(!format!("{secret:?} {secret}").contains("hunter2"));
        assert!(!format!("{:?}", SecretRef::Plain(secret)).contains("hunter2"));
    }
}
