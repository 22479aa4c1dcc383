//! Our own servers beside what is measured.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use anyhow::{Context as _, Result};
use serde::Deserialize;

use super::tools::own;
use crate::org::{COUNT as DOWNLOADS, World};
use crate::sink::COUNT as TAKEN;
use crate::wire;

/// A server; it ends with this value.
#[derive(Debug)]
pub(crate) struct Server {
    child: Child,
    /// Where it listens.
    pub(crate) urls: Vec<String>,
}

#[derive(Deserialize)]
struct Told {
    urls: Vec<String>,
}

impl Server {
    /// Starts an org for each of the world's.
    pub(crate) fn org(world: &World, folder: &Path) -> Result<Self> {
        let path = folder.join("world.json");
        world.save(&path)?;
        Self::start(&["org", &path.to_string_lossy()])
    }

    /// Starts a sink.
    pub(crate) fn sink() -> Result<Self> {
        Self::start(&["sink"])
    }

    fn start(arguments: &[&str]) -> Result<Self> {
        // It serves until its input ends, so it does not outlive us either.
        let mut child = Command::new(own())
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .context("starting a server")?;
        let mut line = String::new();
        if let Some(out) = child.stdout.take() {
            BufReader::new(out).read_line(&mut line)?;
        }
        let told: Told =
            serde_json::from_str(&line).context("a server did not start; see above")?;
        Ok(Self { child, urls: told.urls })
    }

    /// The first address.
    pub(crate) fn url(&self) -> Result<&str> {
        self.urls.first().map(String::as_str).context("the server has no address")
    }

    /// Lines the sink has taken.
    pub(crate) fn lines(&self) -> Result<u64> {
        let counts = wire::get(&format!("{}{TAKEN}", self.url()?))?;
        counts["lines"].as_u64().context("the sink tells no lines")
    }

    /// Files the orgs have sent.
    pub(crate) fn downloads(&self) -> Result<u64> {
        let counts = wire::get(&format!("{}{DOWNLOADS}", self.url()?))?;
        counts["downloads"].as_u64().context("the org tells no downloads")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Neither can fail for a child of ours that has not been waited for.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
