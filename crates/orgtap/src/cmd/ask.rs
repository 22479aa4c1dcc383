//! Questions at the terminal, and secrets from it or from standard input.
//!
//! Questions go to standard error, so that standard output stays for results. What is secret is
//! typed unseen.

use std::io::{self, IsTerminal, Read, Write as _};
use std::time::Duration;

use orgtap_transport::Secret;

use super::next_signal;
use crate::exit::usage;

/// Longest answer and longest secret taken, bytes.
const LONGEST: usize = 64 * 1024;

/// How long an interrupted question may take to end.
const GRACE: Duration = Duration::from_millis(500);

/// The person pressed ctrl-c or ended the input where an answer was wanted.
///
/// A thread may still be waiting for the terminal, so the program has to be ended by `exit`.
#[derive(Debug)]
pub(crate) struct Interrupted;

/// What shells answer for a program that was interrupted.
pub(crate) const INTERRUPTED_CODE: i32 = 130;

impl std::fmt::Display for Interrupted {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("interrupted")
    }
}

impl std::error::Error for Interrupted {}

/// Whether there is somebody to ask.
pub(crate) fn is_possible() -> bool {
    io::stdin().is_terminal()
}

/// An answer that may be seen, without the blanks around it.
pub(crate) async fn line(question: &str) -> anyhow::Result<String> {
    let interrupted = next_signal();
    prompt(question)?;
    let reading = tokio::task::spawn_blocking(|| {
        let mut text = String::new();
        let mut input = io::stdin().lock().take(LONGEST as u64);
        io::BufRead::read_line(&mut input, &mut text).map(|bytes| (bytes, text))
    });
    let (bytes, text) = tokio::select! {
        read = reading => read??,
        () = interrupted => {
            // The terminal has shown `^C` on the question's line.
            prompt("\n")?;
            return Err(Interrupted.into());
        }
    };
    if bytes == 0 {
        prompt("\n")?;
        return Err(Interrupted.into());
    }
    Ok(text.trim().to_owned())
}

/// The same, asked again until `check` has nothing to say against it.
pub(crate) async fn until_good(
    question: &str,
    check: impl Fn(&str) -> Result<(), String>,
) -> anyhow::Result<String> {
    loop {
        let answer = line(question).await?;
        match check(&answer) {
            Ok(()) => return Ok(answer),
            Err(why) => not_so(&why)?,
        }
    }
}

/// An answer that is typed unseen; empty if nothing is typed.
pub(crate) async fn secret(question: &str) -> anyhow::Result<Secret> {
    loop {
        let answer = typed_unseen(question).await?;
        if answer.expose().len() <= LONGEST {
            return Ok(answer);
        }
        not_so("it is longer than 64 KiB")?;
    }
}

async fn typed_unseen(question: &str) -> anyhow::Result<Secret> {
    let interrupted = next_signal();
    prompt(question)?;
    let mut reading = tokio::task::spawn_blocking(rpassword::read_password);
    let read = tokio::select! {
        read = &mut reading => read?,
        () = interrupted => {
            // Ctrl-c is a signal that the reading itself sends before it ends and lets the terminal
            // show again what is typed. Signals from elsewhere do not end the reading.
            match tokio::time::timeout(GRACE, reading).await {
                Ok(read) => read?,
                Err(_) => return Err(Interrupted.into()),
            }
        }
    };
    match read {
        Ok(text) => Ok(Secret::new(text)),
        Err(error)
            if matches!(
                error.kind(),
                io::ErrorKind::Interrupted | io::ErrorKind::UnexpectedEof
            ) =>
        {
            prompt("\n")?;
            Err(Interrupted.into())
        }
        Err(error) => Err(error.into()),
    }
}

/// The same, asked again until something is typed.
pub(crate) async fn needed_secret(question: &str) -> anyhow::Result<Secret> {
    loop {
        let answer = secret(question).await?;
        if !answer.is_empty() {
            return Ok(answer);
        }
        not_so("it cannot be empty")?;
    }
}

/// Whether the person says yes. Anything else is no.
pub(crate) async fn confirm(question: &str) -> anyhow::Result<bool> {
    let answer = line(&format!("{question} [y/N] ")).await?;
    Ok(matches!(answer.to_ascii_lowercase().as_str(), "y" | "yes"))
}

/// Says why an answer is not taken.
pub(crate) fn not_so(why: &str) -> io::Result<()> {
    prompt(&format!("  not possible: {why}\n"))
}

/// Says something between questions.
pub(crate) fn note(text: &str) -> io::Result<()> {
    prompt(&format!("  {text}\n"))
}

fn prompt(text: &str) -> io::Result<()> {
    let mut out = io::stderr().lock();
    out.write_all(text.as_bytes())?;
    out.flush()
}

/// The whole of standard input as a secret, without one line end.
pub(crate) fn secret_from_stdin() -> anyhow::Result<Secret> {
    let mut bytes = Vec::new();
    io::stdin().lock().take(LONGEST as u64 + 1).read_to_end(&mut bytes)?;
    let text = String::from_utf8(bytes)
        .map_err(|_| usage("standard input is not UTF-8 text".to_owned()))?;
    // The memory is wiped when it is dropped.
    let text = Secret::new(text);
    let value = text.expose();
    if value.len() > LONGEST {
        return Err(usage("standard input is longer than 64 KiB".to_owned()));
    }
    let ended = value.strip_suffix("\r\n").or(value.strip_suffix('\n'));
    let value = ended.unwrap_or(value);
    if value.is_empty() {
        return Err(usage("standard input is empty; a secret was expected there".to_owned()));
    }
    Ok(Secret::new(value))
}
