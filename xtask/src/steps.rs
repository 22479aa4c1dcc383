//! A run of several steps that goes on after a failure and tells the whole story at the end.

use std::time::{Duration, Instant};

use anyhow::{Result, bail};

/// What happened to one step.
#[derive(Debug)]
struct Done {
    name: &'static str,
    took: Duration,
    failure: Option<String>,
}

/// The steps so far.
#[derive(Debug, Default)]
pub(crate) struct Steps {
    done: Vec<Done>,
}

impl Steps {
    /// Runs a step; answers what it gave, or nothing when it failed.
    pub(crate) fn run<T>(
        &mut self,
        name: &'static str,
        step: impl FnOnce() -> Result<T>,
    ) -> Option<T> {
        println!("\n==> {name}");
        let start = Instant::now();
        let result = step();
        let failure = result.as_ref().err().map(|error| format!("{error:#}"));
        if let Some(failure) = &failure {
            eprintln!("error: {failure}");
        }
        self.done.push(Done { name, took: start.elapsed(), failure });
        result.ok()
    }

    /// One line for each step, with its time.
    fn table(&self) -> String {
        let mut table = String::new();
        for done in &self.done {
            let word = if done.failure.is_some() { "FAILED" } else { "ok" };
            table += &line(done.name, word, done.took);
        }
        let total = self.done.iter().map(|done| done.took).sum();
        table + &line("total", "", total)
    }

    /// Prints the summary and answers whether everything went well.
    pub(crate) fn close(&self) -> Result<()> {
        print!("\n{}", self.table());
        let failed: Vec<_> =
            self.done.iter().filter(|done| done.failure.is_some()).map(|done| done.name).collect();
        if failed.is_empty() { Ok(()) } else { bail!("failed: {}", failed.join(", ")) }
    }
}

/// A line of the table.
fn line(name: &str, word: &str, took: Duration) -> String {
    format!("{name:<10} {word:<6} {:>12}\n", time(took))
}

/// A duration as a person reads it.
fn time(took: Duration) -> String {
    let seconds = took.as_secs();
    if seconds >= 60 {
        format!("{} min {:02} s", seconds / 60, seconds % 60)
    } else {
        format!("{:.1} s", took.as_secs_f64())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn goes_on_after_a_failure_and_names_it_at_the_end() {
        let mut steps = Steps::default();
        assert_eq!(steps.run("one", || Ok(1)), Some(1));
        assert!(steps.run::<()>("two", || bail!("no")).is_none());
        assert!(steps.run("three", || Ok(())).is_some());
        assert_eq!(steps.close().unwrap_err().to_string(), "failed: two");
        let table = steps.table();
        assert_eq!(table.lines().count(), 4);
        assert!(table.contains("two        FAILED"), "{table}");
    }

    #[test]
    fn all_well_is_no_error() {
        let mut steps = Steps::default();
        steps.run("one", || Ok(()));
        steps.close().unwrap();
    }

    #[test]
    fn times_read_well() {
        assert_eq!(time(Duration::from_millis(1_234)), "1.2 s");
        assert_eq!(time(Duration::from_secs(125)), "2 min 05 s");
    }
}
