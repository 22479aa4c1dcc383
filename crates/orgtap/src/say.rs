//! What a command says: results to standard output, all else to standard error.
//!
//! Nothing that cannot be said ends the work. A reader that has gone has seen what it wanted;
//! whatever else keeps results from being written is told once, and in the exit code.

use std::fmt::Display;
use std::io::{self, ErrorKind, Write};
use std::sync::atomic::{AtomicBool, Ordering};

use crate::exit::Exit;

/// Whether a result could not be written.
static UNSAID: AtomicBool = AtomicBool::new(false);

/// Prints a line of results.
pub(crate) fn say(text: impl Display) {
    let Err(error) = write(io::stdout().lock(), &text) else { return };
    if error.kind() != ErrorKind::BrokenPipe && !UNSAID.swap(true, Ordering::Relaxed) {
        say_aside(&format!(
            "error: what this command says cannot be written to standard output: {error}\n  the \
             work itself goes on"
        ));
    }
}

/// Prints a line to standard error: what is no result, or results where standard output is taken.
pub(crate) fn say_aside(text: &str) {
    // There is no other place to tell that this one takes nothing.
    write(io::stderr().lock(), &text).ok();
}

/// The exit code, if work that was done well could not be told of.
pub(crate) fn judged(exit: Exit) -> Exit {
    let is_unsaid = UNSAID.load(Ordering::Relaxed);
    if exit == Exit::Success && is_unsaid { Exit::Failure } else { exit }
}

/// Writes a line at once and whole.
fn write(mut to: impl Write, text: &dyn Display) -> io::Result<()> {
    to.write_all(format!("{text}\n").as_bytes())?;
    to.flush()
}
