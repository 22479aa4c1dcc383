//! `orgtap demo`: a simulated org, one connector, and its events in files, from nothing.

use std::fs;
use std::io::Write as _;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use anyhow::Context;
use jiff::{SignedDuration, Timestamp};
use orgtap_collector::{Collector, Progress, config};
use orgtap_simorg::world::WorldConfig;
use orgtap_simorg::{ClockConfig, Running, SimConfig, SimOrg};
use serde_json::Value;

use super::{collect, say, stop_signal, test_connection};
use crate::cli::{Common, DemoArgs};
use crate::exit::Exit;
use crate::render::{bytes, count};
use crate::watch::watch;

/// Marks a folder as made by the demo, so that only such a one is emptied.
const MARK: &str = ".orgtap-demo";

/// Runs the command.
pub(crate) async fn run(common: &Common, args: &DemoArgs) -> anyhow::Result<Exit> {
    let dir = prepare(&args.dir)?;
    let org = start(args).await?;
    let path = dir.join("orgtap.yaml");
    write_secrets(&dir, &org)?;
    fs::write(&path, configuration(&org))
        .with_context(|| format!("cannot write {}", path.display()))?;
    let settings = config::load(&path)?;
    let connector =
        settings.connectors.first().cloned().context("the demo's configuration is empty")?;

    say(format!("A simulated Salesforce org is at {}", org.url()));
    say(format!("Its connector is configured in {}\n", path.display()));
    say("Test Connection:");
    let test = test_connection::test(&settings, &connector, false).await?;
    if !test.successful {
        return Ok(Exit::Blocked);
    }

    say("\nCollecting everything the org has:");
    let collector = Collector::open(settings).await?;
    let progress = Arc::new(Progress::new(&connector.destinations));
    let cancel = stop_signal();
    let started = Instant::now();
    let bars = watch(&connector.name, &progress, !common.json);
    let collected = collector.collect(&connector, &progress, &cancel).await?;
    drop(bars);
    say(collect::report(&collected, &progress, started.elapsed()));

    let again = Arc::new(Progress::new(&connector.destinations));
    let second = collector.collect(&connector, &again, &cancel).await?;
    say(format!(
        "A second pass found {} new files and delivered {} events: nothing comes twice.",
        count(second.new_files),
        count(second.delivered)
    ));
    drop(collector);
    org.stop().await;

    let events = dir.join("events").join(&connector.name);
    say(arrived(&events)?);
    say(hints(&path, &events));
    Ok(collect::exit_of(&collected).max(collect::exit_of(&second)))
}

/// Makes the folder, or empties one an earlier demo made.
fn prepare(dir: &Path) -> anyhow::Result<PathBuf> {
    if dir.exists() {
        let ours = dir.join(MARK).exists();
        let empty = dir.read_dir().is_ok_and(|mut entries| entries.next().is_none());
        if !ours && !empty {
            return Err(crate::exit::usage(format!(
                "{} exists and was not made by the demo; give another folder with --dir",
                dir.display()
            )));
        }
        fs::remove_dir_all(dir).with_context(|| format!("cannot empty {}", dir.display()))?;
    }
    fs::create_dir_all(dir).with_context(|| format!("cannot make {}", dir.display()))?;
    fs::write(dir.join(MARK), "made by orgtap demo; the next demo empties this folder\n")?;
    dir.canonicalize().context("cannot resolve the demo's folder")
}

/// Starts an org whose last day of events ended long enough ago for all its files to be there.
async fn start(args: &DemoArgs) -> anyhow::Result<Running> {
    let days = i64::from(args.days.clamp(1, 30));
    let today = jiff::tz::Offset::UTC.to_datetime(Timestamp::now()).date();
    let midnight = jiff::tz::Offset::UTC.to_timestamp(today.to_datetime(jiff::civil::Time::MIN))?;
    let world = WorldConfig {
        seed: args.seed,
        start: midnight - SignedDuration::from_hours(24 * (days + 3)),
        days: u32::try_from(days)?,
        users: args.users.clamp(2, 5_000),
        volume: 1.0,
        hourly: true,
        event_types: Vec::new(),
        awkward: true,
    };
    let mut sim = SimConfig::new(world);
    sim.clock = ClockConfig { start: Some(Timestamp::now()), factor: 1.0 };
    Ok(SimOrg::start(sim, SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).await?)
}

/// The eight fields, and files as the destination.
fn configuration(org: &Running) -> String {
    let login = org.credentials();
    format!(
        "# Made by `orgtap demo` for a simulated org. `orgtap config example` shows every key.\n\
         data_dir: data\n\
         connectors:\n\
         \x20 - name: acme\n\
         \x20   type: salesforce_connector\n\
         \x20   instance_url: {}\n\
         \x20   salesforce_user: {}\n\
         \x20   salesforce_user_password: {{ file: secrets/password }}\n\
         \x20   consumer_key: {{ file: secrets/consumer_key }}\n\
         \x20   consumer_secret: {{ file: secrets/consumer_secret }}\n\
         \x20   security_token: {{ file: secrets/security_token }}\n\
         \x20   event_log_files: {{ interval: auto, event_types: [\"*\"] }}\n\
         \x20   destinations: [files]\n\
         destinations:\n\
         \x20 - name: files\n\
         \x20   type: file\n\
         \x20   directory: events\n\
         \x20   compression: none\n",
        org.url(),
        login.username,
    )
}

/// The simulated org's secrets, as files, as a real set-up would have them.
fn write_secrets(dir: &Path, org: &Running) -> anyhow::Result<()> {
    let login = org.credentials();
    let folder = dir.join("secrets");
    fs::create_dir_all(&folder).context("cannot make the folder for secrets")?;
    for (name, secret) in [
        ("password", &login.password),
        ("consumer_key", &login.consumer_key),
        ("consumer_secret", &login.consumer_secret),
        ("security_token", &login.security_token),
    ] {
        let path = folder.join(name);
        let mut options = fs::File::options();
        options.create(true).truncate(true).write(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let opened = options.open(&path);
        let mut file = opened.with_context(|| format!("cannot write {}", path.display()))?;
        writeln!(file, "{secret}")?;
    }
    Ok(())
}

/// What lies in the folder now: events by type, and one of them.
fn arrived(events: &Path) -> anyhow::Result<String> {
    let mut lines = vec![format!("\nWhat arrived, in {}:", events.display())];
    let mut types = Vec::new();
    let mut example = None;
    for entry in fs::read_dir(events).context("no events arrived")? {
        let folder = entry?.path();
        let (mut files, mut rows, mut size) = (0_u64, 0_u64, 0_u64);
        for file in walk(&folder)? {
            let text = fs::read_to_string(&file)?;
            files += 1;
            rows += text.lines().count() as u64;
            size += text.len() as u64;
            if folder.ends_with("ReportExport") && example.is_none() {
                example = text.lines().next().map(str::to_owned);
            }
        }
        let name = folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
        types.push((rows, name, files, size));
    }
    types.sort_by(|a, b| b.cmp(a));
    let (rows, size) = types.iter().fold((0, 0), |sum, one| (sum.0 + one.0, sum.1 + one.3));
    for (rows, name, files, size) in types.iter().take(12) {
        lines.push(format!(
            "  {name:<28} {:>8} events in {files:>3} files, {:>9}",
            count(*rows),
            bytes(*size)
        ));
    }
    if types.len() > 12 {
        lines.push(format!("  and {} more event types", types.len() - 12));
    }
    lines.push(format!("  {} events of {} types, {}", count(rows), types.len(), bytes(size)));
    if let Some(event) = example.and_then(|line| serde_json::from_str::<Value>(&line).ok()) {
        lines.push(format!("\nWho exported which report, for example:\n{event:#}"));
    }
    Ok(lines.join("\n"))
}

fn walk(folder: &Path) -> std::io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            found.extend(walk(&path)?);
        } else {
            found.push(path);
        }
    }
    Ok(found)
}

fn hints(config: &Path, events: &Path) -> String {
    let program = std::env::current_exe().unwrap_or_else(|_| "orgtap".into());
    format!(
        "\nLook further:\n  \
         {} --config {} status\n  \
         grep -rh LOGIN_ERROR {} | head -3",
        program.display(),
        config.display(),
        events.join("Login").display()
    )
}
