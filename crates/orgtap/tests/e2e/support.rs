//! A simulated org, a configuration, the real program, and the comparison with the truth.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fs;
use std::io::Read;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use orgtap_simorg::world::{Interval, World, WorldConfig};
use orgtap_simorg::{ClockConfig, Flow, Running, SimConfig, SimOrg};
use serde_json::Value;
use tempfile::TempDir;
use tokio::runtime::Runtime;

/// A simulated org on a runtime of its own, and a folder for one installation.
pub(crate) struct Scene {
    pub(crate) org: Running,
    pub(crate) folder: TempDir,
    // Dropped last: the org runs on it.
    _runtime: Runtime,
}

/// Folder of the kit that [`Scene::sign_in_by`] makes for JWT.
pub(crate) const KIT: &str = "kit";
/// File with the refresh token of [`Scene::sign_in_by`].
pub(crate) const REFRESH_TOKEN: &str = "refresh-token";
/// A `file` destination named `files`, uncompressed, below `events`.
pub(crate) const FILES: &str =
    "- name: files\n  type: file\n  directory: events\n  compression: none\n";

/// A run that takes longer has got stuck.
const PATIENCE: Duration = Duration::from_mins(10);

/// Numbers that look random and are the same for the same start, which is not 0.
pub(crate) struct Random(pub(crate) u64);

impl Random {
    /// The next one, below `end`.
    pub(crate) fn below(&mut self, end: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % end
    }
}

/// First day of every world here: a Monday.
pub(crate) fn first_day() -> Timestamp {
    "2026-10-05T00:00:00Z".parse().unwrap()
}

/// A world for tests.
pub(crate) fn world(seed: u64, days: u32, volume: f64) -> WorldConfig {
    WorldConfig {
        seed,
        start: first_day(),
        days,
        users: 30,
        volume,
        hourly: true,
        event_types: Vec::new(),
        awkward: true,
    }
}

/// The same of late, for tests of what goes by the time it is: all its files are there since midnight.
pub(crate) fn recent_world(seed: u64, days: u32, volume: f64) -> WorldConfig {
    let today = jiff::tz::Offset::UTC.to_datetime(Timestamp::now()).date();
    let midnight = jiff::tz::Offset::UTC.to_timestamp(today.at(0, 0, 0, 0)).unwrap();
    let start = midnight - SignedDuration::from_hours(24 * (i64::from(days) + 4));
    WorldConfig { start, ..world(seed, days, volume) }
}

/// A day with a few types of events, for tests of something else than events.
pub(crate) fn small_world(seed: u64) -> WorldConfig {
    let event_types = ["Login", "Logout", "ApiTotalUsage"].map(str::to_owned).to_vec();
    WorldConfig { event_types, ..world(seed, 1, 0.1) }
}

/// Days whose files are large enough to be written while they come.
pub(crate) fn large_world(seed: u64, days: u32) -> WorldConfig {
    let event_types = ["RestApi", "URI"].map(str::to_owned).to_vec();
    WorldConfig { event_types, ..world(seed, days, 12.0) }
}

impl Scene {
    /// An org with this world, its clock standing four days after the world's end.
    pub(crate) fn new(world: WorldConfig) -> Self {
        Self::with(world, |_| {})
    }

    /// The same, with changes to the org.
    pub(crate) fn with(world: WorldConfig, change: impl FnOnce(&mut SimConfig)) -> Self {
        let end = world.start + SignedDuration::from_hours(24 * (i64::from(world.days) + 4));
        let mut config = SimConfig::new(world);
        config.clock = ClockConfig::standing(end);
        config.org.retention = Duration::from_secs(400 * 86_400);
        change(&mut config);
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .unwrap();
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let org = runtime.block_on(SimOrg::start(config, address)).unwrap();
        Self { org, folder: tempfile::tempdir().unwrap(), _runtime: runtime }
    }

    /// Path below the installation's folder.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Writes a configuration: the connector `acme` with these lines more, and destinations.
    pub(crate) fn configure(&self, connector: &str, destinations: &str) {
        let address = format!("  instance_url: {}\n", self.org.url());
        let sign_in = self.sign_in_by(Flow::Password);
        self.configure_connector(&format!("{address}{sign_in}{connector}"), destinations);
    }

    /// Writes a configuration: the connector `acme` of nothing but these lines, and destinations.
    pub(crate) fn configure_connector(&self, connector: &str, destinations: &str) {
        let names: Vec<&str> =
            destinations.lines().filter_map(|line| line.trim().strip_prefix("- name: ")).collect();
        let text = format!(
            "data_dir: data\n\
             console: off\n\
             retry: {{ initial: 5ms, max: 100ms, attempts: 12 }}\n\
             connectors:\n\
             - name: acme\n\
             \x20 type: salesforce_connector\n\
             {connector}\
             \x20 destinations: [{}]\n\
             destinations:\n{destinations}",
            names.join(", "),
        );
        fs::write(self.path("orgtap.yaml"), text).unwrap();
    }

    /// Makes ready what a flow needs, and answers the connector's lines for it.
    pub(crate) fn sign_in_by(&self, flow: Flow) -> String {
        let user = format!("  salesforce_user: {}\n", self.org.credentials().username);
        let key = "  consumer_key: { env: ACME_KEY }\n";
        let secret = "  consumer_secret: { env: ACME_SECRET }\n";
        match flow {
            Flow::Password => format!(
                "{user}  salesforce_user_password: {{ env: ACME_PASSWORD }}\n{key}{secret}\
                 \x20 security_token: {{ env: ACME_TOKEN }}\n"
            ),
            Flow::ClientCredentials => format!("  auth: client_credentials\n{key}{secret}"),
            Flow::JwtBearer => {
                let made = self.run(&[
                    "setup-kit",
                    "--flow",
                    "jwt",
                    "--out",
                    KIT,
                    "--contact-email",
                    "siem@acme.example",
                ]);
                assert_eq!(made.code, Some(0), "{}{}", made.stdout, made.stderr);
                let pem = fs::read_to_string(self.path(KIT).join("keys/orgtap.crt")).unwrap();
                self.org.change(|org| org.certificate = Some(pem));
                let audience = self.org.login_url();
                format!(
                    "  auth: jwt_bearer\n{user}{key}  jwt_key: {{ file: {KIT}/keys/orgtap.key }}\n\
                     \x20 jwt_audience: {audience}\n"
                )
            }
            Flow::RefreshToken => {
                fs::write(self.path(REFRESH_TOKEN), self.org.refresh_token()).unwrap();
                format!(
                    "  auth: refresh_token\n{key}{secret}  refresh_token: {{ file: {REFRESH_TOKEN} }}\n"
                )
            }
        }
    }

    /// One `file` destination named `files`, uncompressed, below `events`.
    pub(crate) fn configure_files(&self, interval: &str) {
        self.configure(&format!("  event_log_files: {{ interval: {interval} }}\n"), FILES);
    }

    /// The same of hourly files, signing in by this flow, at the org's own address.
    pub(crate) fn configure_flow(&self, flow: Flow) {
        self.configure_flow_at(self.org.url(), flow);
    }

    /// The same at another address; more lines of the connector may follow it.
    pub(crate) fn configure_flow_at(&self, address: &str, flow: Flow) {
        let sign_in = self.sign_in_by(flow);
        let hourly = "  event_log_files: { interval: hourly }\n";
        let connector = format!("  instance_url: {address}\n{sign_in}{hourly}");
        self.configure_connector(&connector, FILES);
    }

    /// Changes words of the configuration.
    pub(crate) fn reword(&self, from: &str, to: &str) {
        let text = fs::read_to_string(self.path("orgtap.yaml")).unwrap();
        assert!(text.contains(from), "{from} is not in\n{text}");
        fs::write(self.path("orgtap.yaml"), text.replace(from, to)).unwrap();
    }

    /// The program, ready to run with arguments and the secrets in its environment.
    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let login = self.org.credentials();
        let mut command = Command::new(env!("CARGO_BIN_EXE_orgtap"));
        command
            .current_dir(self.folder.path())
            .args(args)
            .env("ACME_PASSWORD", &login.password)
            .env("ACME_KEY", &login.consumer_key)
            .env("ACME_SECRET", &login.consumer_secret)
            .env("ACME_TOKEN", &login.security_token)
            .env_remove("ORGTAP_LOG")
            .stdin(Stdio::null());
        for name in ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"] {
            command.env_remove(name).env_remove(name.to_lowercase());
        }
        command
    }

    /// Runs the program to its end, which must come.
    pub(crate) fn run(&self, args: &[&str]) -> Ran {
        let mut command = self.command(args);
        let (ended, end) = mpsc::channel();
        thread::spawn(move || ended.send(command.output()));
        let output = end.recv_timeout(PATIENCE).unwrap_or_else(|_| panic!("{args:?} hangs"));
        Ran::of(&output.unwrap())
    }

    /// Collects until a pass says that all is delivered.
    pub(crate) fn collect_all(&self) -> Ran {
        for _ in 0..60 {
            let ran = self.run(&["collect", "--json"]);
            assert!(
                matches!(ran.code, Some(0 | 3 | 4 | 5)),
                "collect failed: {:?}\n{}",
                ran.code,
                ran.stderr
            );
            if ran.code == Some(0) {
                return ran;
            }
        }
        panic!("60 passes were not enough:\n{}", self.run(&["status"]).stdout);
    }

    /// Everything the `file` destination has.
    pub(crate) fn delivered(&self) -> Delivered {
        Delivered::read(&self.path("events"))
    }

    /// How what was delivered differs from what happened.
    pub(crate) fn difference(&self, interval: Interval) -> Comparison {
        compare(self.org.world(), interval, self.org.clock().now(), &self.delivered())
    }

    /// Fails unless what was delivered is exactly what happened.
    pub(crate) fn compare(&self, interval: Interval) -> Comparison {
        let found = self.difference(interval);
        assert!(found.rows > 0, "the truth is empty");
        found.assert_exact();
        found
    }
}

/// A finished run.
#[derive(Debug, Clone)]
pub(crate) struct Ran {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Ran {
    pub(crate) fn of(output: &Output) -> Self {
        Self {
            code: output.status.code(),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    /// The JSON on standard output.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.stdout)
            .unwrap_or_else(|error| panic!("{error}\n{}\n{}", self.stdout, self.stderr))
    }
}

/// All files below a folder, sorted.
pub(crate) fn all_files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(all_files(&path));
        } else {
            found.push(path);
        }
    }
    found.sort();
    found
}

/// A lane: event type and UTC day.
type LaneName = (String, String);
/// A row: its columns with a value, sorted, as one text.
type RowText = String;

/// What lies in the files of a destination.
#[derive(Debug, Default)]
pub(crate) struct Delivered {
    pub(crate) lanes: HashMap<LaneName, Vec<RowText>>,
    pub(crate) uids: Vec<String>,
}

impl Delivered {
    /// Reads all files below a folder.
    pub(crate) fn read(folder: &Path) -> Self {
        let mut delivered = Self::default();
        for path in files(folder) {
            for line in text(&path).lines() {
                delivered.add(line);
            }
        }
        delivered
    }

    /// Takes in one event.
    pub(crate) fn add(&mut self, line: &str) {
        let mut event: BTreeMap<String, Value> = serde_json::from_str(line).unwrap();
        let meta = event.remove("_orgtap").expect("every event says where it is from");
        let of = |key: &str| meta[key].as_str().unwrap().to_owned();
        self.uids.push(of("event_uid"));
        let lane = (of("event_type"), of("log_date")[..10].to_owned());
        let cells = event.iter().map(|(name, value)| (name.as_str(), value.as_str().unwrap()));
        self.lanes.entry(lane).or_default().push(row_text(cells));
    }
}

fn row_text<'a>(cells: impl Iterator<Item = (&'a str, &'a str)>) -> RowText {
    let sorted: BTreeMap<&str, &str> = cells.filter(|(_, value)| !value.is_empty()).collect();
    format!("{sorted:?}")
}

/// All files below a folder, whole ones only.
pub(crate) fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let Ok(entries) = fs::read_dir(folder) else { return found };
    for entry in entries {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path));
        } else if path.to_string_lossy().contains(".ndjson") && !is_part(&path) {
            found.push(path);
        }
    }
    found.sort();
    found
}

/// Whether a file is still being written.
pub(crate) fn is_part(path: &Path) -> bool {
    let name = path.file_name().unwrap().to_string_lossy().into_owned();
    name.starts_with('.')
}

/// A file's text, unpacked by its ending.
pub(crate) fn text(path: &Path) -> String {
    let bytes = fs::read(path).unwrap();
    let mut text = String::new();
    match path.extension().and_then(|ending| ending.to_str()) {
        Some("gz") => {
            flate2::read::MultiGzDecoder::new(bytes.as_slice()).read_to_string(&mut text).unwrap();
        }
        Some("zst") => {
            zstd::Decoder::new(bytes.as_slice()).unwrap().read_to_string(&mut text).unwrap();
        }
        _ => text = String::from_utf8(bytes).unwrap(),
    }
    text
}

/// The difference between what happened and what was delivered.
#[derive(Debug, Default)]
pub(crate) struct Comparison {
    /// Rows that happened.
    pub(crate) rows: usize,
    /// Rows that were not delivered as they are.
    pub(crate) lost: Vec<(LaneName, RowText)>,
    /// Rows that were delivered though they did not happen, or once too often.
    pub(crate) extra: Vec<(LaneName, RowText)>,
    /// Event uids that occur twice.
    pub(crate) doubled_uids: usize,
}

impl Comparison {
    /// Nothing doubled, nothing altered.
    pub(crate) fn assert_nothing_extra(&self) {
        assert!(self.extra.is_empty() && self.doubled_uids == 0, "{self:.300?}");
    }

    /// Nothing lost, nothing doubled, nothing altered.
    pub(crate) fn assert_exact(&self) {
        let show = |rows: &[(LaneName, RowText)]| {
            rows.iter().take(3).map(|row| format!("\n  {row:.300?}")).collect::<String>()
        };
        assert!(
            self.lost.is_empty() && self.extra.is_empty() && self.doubled_uids == 0,
            "of {} rows {} are lost or altered, {} doubled or altered, {} uids doubled:{}\n{}",
            self.rows,
            self.lost.len(),
            self.extra.len(),
            self.doubled_uids,
            show(&self.lost),
            show(&self.extra)
        );
    }
}

/// Compares as multisets, lane by lane.
pub(crate) fn compare(
    world: &World,
    interval: Interval,
    now: Timestamp,
    delivered: &Delivered,
) -> Comparison {
    let mut found = Comparison::default();
    let mut left: HashMap<&LaneName, HashMap<&str, i64>> = HashMap::new();
    for (lane, rows) in &delivered.lanes {
        let counts = left.entry(lane).or_default();
        for row in rows {
            *counts.entry(row).or_default() += 1;
        }
    }
    for truth in world.truth(interval, now) {
        let lane = (truth.event_type.clone(), truth.day.to_string()[..10].to_owned());
        for row in &truth.rows {
            found.rows += 1;
            let cells = truth.columns.iter().zip(row);
            let row = row_text(cells.map(|(name, value)| (name.as_str(), value.as_str())));
            let count = left.get_mut(&lane).and_then(|counts| counts.get_mut(row.as_str()));
            match count {
                Some(count) if *count > 0 => *count -= 1,
                _ => found.lost.push((lane.clone(), row)),
            }
        }
    }
    for (lane, counts) in left {
        for (row, count) in counts {
            for _ in 0..count {
                found.extra.push((lane.clone(), row.to_owned()));
            }
        }
    }
    let distinct: HashSet<&String> = delivered.uids.iter().collect();
    found.doubled_uids = delivered.uids.len() - distinct.len();
    found
}
