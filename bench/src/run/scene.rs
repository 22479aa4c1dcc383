//! The folder on the memory file system where everything happens, and the files in it.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, bail};

use super::orgtap::day;
use super::tools::own;
use crate::made::{EDITION, Kind, Made, Recipe};

/// The memory file system.
const MEMORY: &str = "/dev/shm";
/// What our folders there begin with; the rest is the process's number.
const PREFIX: &str = "orgtap-bench-";
/// Files that pack to more than this are kept on disk between runs.
const KEPT: u64 = 32 * 1024 * 1024;

/// A file that was made.
#[derive(Debug, Clone)]
pub(crate) struct DataFile {
    /// Where it lies.
    pub(crate) path: PathBuf,
    /// Rows and bytes.
    pub(crate) made: Made,
}

/// What form of a file is needed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Form {
    /// CSV.
    Plain,
    /// gzip.
    Packed,
}

/// Where everything happens. Gone when dropped.
#[derive(Debug)]
pub(crate) struct Scene {
    root: PathBuf,
    /// Where large files are kept between runs.
    kept: PathBuf,
    made: RefCell<BTreeMap<String, DataFile>>,
    folders: Cell<u64>,
}

impl Scene {
    /// Makes the folder, if there is room for so much.
    pub(crate) fn new(needed: u64, kept: PathBuf) -> Result<Self> {
        remove_abandoned();
        let free = free()?;
        println!(
            "{MEMORY}: {:.1} GB free, {:.1} GB needed at most",
            free as f64 / 1e9,
            needed as f64 / 1e9
        );
        if free < needed {
            bail!("too little room in {MEMORY}: free some memory, or use --quick");
        }
        let root = Path::new(MEMORY).join(format!("{PREFIX}{}", std::process::id()));
        for path in [&root, &kept] {
            fs::create_dir_all(path).with_context(|| format!("cannot make {}", path.display()))?;
        }
        forget_other_days(&kept)?;
        let scene = Self { root, kept, made: RefCell::default(), folders: Cell::new(0) };
        scene.touch(needed)?;
        Ok(scene)
    }

    /// Writes and removes as much as will be needed: a virtual machine gets its memory when it is
    /// first used, and that would be in whoever's figures come first.
    fn touch(&self, bytes: u64) -> Result<()> {
        println!("touching the memory once ..");
        let path = self.root.join("touch");
        let mut file = fs::File::create(&path)?;
        let zeros = std::io::Read::take(std::io::repeat(0), bytes);
        let written =
            std::io::copy(&mut std::io::BufReader::with_capacity(1 << 18, zeros), &mut file);
        written.context("there is less memory than it seemed: use --quick")?;
        fs::remove_file(&path)?;
        Ok(())
    }

    /// The folder itself.
    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// A path below it.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.root.join(name)
    }

    /// A new empty folder.
    pub(crate) fn folder(&self) -> Result<PathBuf> {
        self.folders.set(self.folders.get() + 1);
        let path = self.root.join(format!("folder-{}", self.folders.get()));
        fs::create_dir(&path).with_context(|| format!("cannot make {}", path.display()))?;
        Ok(path)
    }

    /// A command that runs here, with no proxy and its temporary files on the memory file system.
    pub(crate) fn command(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        command.current_dir(&self.root).env("TMPDIR", &self.root).env("NO_COLOR", "1");
        for name in ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "ORGTAP_LOG"] {
            command.env_remove(name).env_remove(name.to_lowercase());
        }
        command
    }

    /// A log file of about so many bytes.
    pub(crate) fn file(&self, form: Form, kind: Kind, bytes: u64, seed: u64) -> Result<DataFile> {
        self.made(form, Recipe { seed, kind, bytes, begins: day() })
    }

    /// A log file, made when it is not there yet.
    pub(crate) fn made(&self, form: Form, recipe: Recipe) -> Result<DataFile> {
        let Recipe { seed, kind, bytes, begins } = recipe;
        let name = format!(
            "{}{bytes}-{seed}-{begins}-edition{EDITION}{}",
            if kind == Kind::Hostile { "hostile-" } else { "" },
            if form == Form::Plain { ".csv" } else { ".csv.gz" }
        );
        if let Some(file) = self.made.borrow().get(&name) {
            return Ok(file.clone());
        }
        let path = self.root.join(&name);
        let (told, stored) = (self.kept.join(format!("{name}.json")), self.kept.join(&name));
        let large = form == Form::Packed && bytes / 5 > KEPT;
        let known = if large { fs::read(&told).ok() } else { None };
        let known = known.and_then(|text| serde_json::from_slice::<Made>(&text).ok());
        let whole = |made: &Made| fs::metadata(&stored).is_ok_and(|it| it.len() == made.packed);
        let made = if let Some(made) = known.filter(whole) {
            copy(&stored, &path)?;
            made
        } else {
            if bytes >= 500_000_000 {
                println!("making a log file of {:.1} GB ..", bytes as f64 / 1e9);
            }
            let made = self.make(form, recipe, &path)?;
            if large {
                copy(&path, &stored)?;
                fs::write(&told, serde_json::to_vec(&made)?)
                    .with_context(|| format!("cannot write {}", told.display()))?;
            }
            made
        };
        let file = DataFile { path, made };
        self.made.borrow_mut().insert(name, file.clone());
        Ok(file)
    }

    /// Makes a file in a process of its own, because this one has to stay small.
    fn make(&self, form: Form, recipe: Recipe, path: &Path) -> Result<Made> {
        let Recipe { seed, kind, bytes, begins } = recipe;
        let mut command = self.command(&own());
        command.args(["make", "--bytes", &bytes.to_string(), "--seed", &seed.to_string()]);
        command.args(["--begins", &begins.to_string()]);
        command.arg(if form == Form::Plain { "--csv" } else { "--gzip" }).arg(path);
        if kind == Kind::Hostile {
            command.arg("--hostile");
        }
        let output = command.output().context("starting the generator")?;
        if !output.status.success() {
            bail!("the generator failed: {}", String::from_utf8_lossy(&output.stderr).trim_end());
        }
        Ok(serde_json::from_slice(&output.stdout)?)
    }

    /// Removes files of at least so many bytes of CSV, to make room.
    pub(crate) fn forget(&self, bytes: u64) {
        self.made.borrow_mut().retain(|_, file| {
            let keep = file.made.bytes < bytes;
            if !keep {
                // What stays is removed at the end.
                drop(fs::remove_file(&file.path));
            }
            keep
        });
    }
}

impl Drop for Scene {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_dir_all(&self.root) {
            eprintln!("{} could not be removed: {error}", self.root.display());
        }
    }
}

fn copy(from: &Path, to: &Path) -> Result<()> {
    fs::copy(from, to)
        .with_context(|| format!("cannot copy {} to {}", from.display(), to.display()))?;
    Ok(())
}

/// Bytes that can be written to the memory file system: what it allows and what there is.
fn free() -> Result<u64> {
    let output = Command::new("df").args(["-B1", "--output=avail", MEMORY]).output();
    let output = output.context("starting df")?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let allowed: u64 =
        text.lines().last().and_then(|line| line.trim().parse().ok()).with_context(|| {
            format!("there is no {MEMORY}; the bench needs a memory file system")
        })?;
    let memory = fs::read_to_string("/proc/meminfo").context("reading /proc/meminfo")?;
    let available = memory
        .lines()
        .find_map(|line| line.strip_prefix("MemAvailable:")?.trim().strip_suffix(" kB"))
        .and_then(|number| number.trim().parse::<u64>().ok())
        .context("/proc/meminfo tells no MemAvailable")?;
    Ok(allowed.min(available * 1024))
}

/// Removes files that no run will ask for any more.
fn forget_other_days(kept: &Path) -> Result<()> {
    let today = format!("-{}-edition{EDITION}.", day());
    for entry in fs::read_dir(kept).with_context(|| format!("reading {}", kept.display()))? {
        let entry = entry?;
        if !entry.file_name().to_string_lossy().contains(&today) {
            fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}

/// Removes folders of processes that were killed.
fn remove_abandoned() {
    let entries = fs::read_dir(MEMORY).into_iter().flatten().flatten();
    for entry in entries {
        let name = entry.file_name().to_string_lossy().into_owned();
        let Some(process) = name.strip_prefix(PREFIX) else { continue };
        if !Path::new("/proc").join(process).exists() {
            println!("removing {MEMORY}/{name}, which a run that was killed has left");
            drop(fs::remove_dir_all(entry.path()));
        }
    }
}
