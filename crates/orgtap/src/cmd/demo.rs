//! `orgtap demo`: a simulated org, one connector, its events in files, and the console, from nothing.

use std::fs;
use std::io::{IsTerminal as _, Write as _};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::Context;
use jiff::{SignedDuration, Timestamp};
use orgtap_collector::config::MainFile;
use orgtap_collector::{ConnectorStatus, Fleet, Progress};
use orgtap_console::Console;
use orgtap_simorg::world::WorldConfig;
use orgtap_simorg::{ClockConfig, Running, SimConfig, SimOrg};
use orgtap_transport::words::{bytes, count, counted};
use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;

use super::{reference, say, stop_signal, test_connection};
use crate::cli::{Common, DemoArgs};
use crate::exit::Exit;
use crate::watch::watch;

/// Marks a folder as made by the demo, so that only such a one is emptied.
const MARK: &str = ".orgtap-demo";

/// Where the simulated org's addresses are, in the demo's folder.
const NETWORKS: &str = "networks.mmdb";

/// Where the console listens, if that is free.
const CONSOLE: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 8080);
/// How often it is looked how far collecting has come.
const LOOK: Duration = Duration::from_millis(100);

/// Runs the command.
pub(crate) async fn run(common: &Common, args: &DemoArgs) -> anyhow::Result<Exit> {
    let dir = prepare(&args.dir)?;
    let org = start(args).await?;
    let path = dir.join("orgtap.yaml");
    write_secrets(&dir, &org)?;
    fs::write(dir.join(NETWORKS), orgtap_simorg::networks())
        .context("cannot write the database of networks")?;
    let listener = free_listener().await?;
    fs::write(&path, configuration(&org, listener.local_addr()?))
        .with_context(|| format!("cannot write {}", path.display()))?;
    let main = MainFile::read(&path)?;
    let settings = main.with_saved()?;
    let connector =
        settings.connectors.first().cloned().context("the demo's configuration is empty")?;
    let console = settings.console.clone().context("the demo's configuration has no console")?;
    let fleet = Fleet::open(main, &[], &[]).await?;
    let explanations = reference::explanations();
    let console = Console::on(listener, &console, fleet.clone(), explanations).await?;
    let url = console.url().to_owned();
    let link = console.first_link().await?.map(|link| link.address).unwrap_or_default();
    let cancel = stop_signal();
    let until = cancel.clone();
    let serving = tokio::spawn(async move { console.serve(&until).await });

    say(format!("A simulated Salesforce org is at {}", org.url()));
    say(format!("Its connector is configured in {}", path.display()));
    say(format!("The console is at {url}; this link, which works once, lets you in:\n  {link}\n"));
    say("Test Connection:");
    let test = test_connection::test(&settings, &connector, false).await?;
    if !test.successful {
        return Ok(Exit::Blocked);
    }
    let (running, until) = (fleet.clone(), cancel.clone());
    let running = tokio::spawn(async move { running.run(&until).await });

    say("\nCollecting everything the org has:");
    let one = Demo { fleet: &fleet, name: &connector.name, cancel: &cancel };
    let exit = one.show(common).await?;
    if exit == Exit::Success {
        let events = dir.join("events").join(&connector.name);
        say(arrived(&events)?);
        say(hints(&path, &events));
        say(answer(&url).await?);
        if args.stay || std::io::stdin().is_terminal() {
            say(format!("\nCollecting goes on until Ctrl-C. The console: {url}"));
            cancel.cancelled().await;
        }
    }
    cancel.cancel();
    running.await??;
    serving.await?;
    org.stop().await;
    Ok(exit)
}

/// What is shown of the connector at work.
struct Demo<'a> {
    fleet: &'a Fleet,
    name: &'a str,
    cancel: &'a CancellationToken,
}

impl Demo<'_> {
    /// Shows how it collects, and that a second look brings nothing twice.
    async fn show(&self, common: &Common) -> anyhow::Result<Exit> {
        let started = Instant::now();
        let progress = loop {
            match self.fleet.progress(self.name) {
                Some(progress) => break progress,
                None => tokio::time::sleep(LOOK).await,
            }
        };
        let bars = watch(self.name, &progress, !common.json);
        let Some(first) = self.collected(None).await? else { return Ok(Exit::Incomplete) };
        drop(bars);
        let took = started.elapsed().as_secs_f64();
        let number = |counter| count(Progress::get(counter));
        say(format!(
            "{}: {} files, {} of events, {} rows new, {} rows repeated; {took:.1} s",
            self.name,
            number(&progress.listed),
            bytes(Progress::get(&progress.raw_bytes)),
            number(&progress.admitted),
            number(&progress.repeats),
        ));
        let before = delivered(&progress);
        let listed = Progress::get(&progress.listed);
        say(format!("  files: {} delivered", counted(before, "event")));
        self.fleet.collect_now(self.name).await?;
        if self.collected(first.last_poll).await?.is_none() {
            return Ok(Exit::Incomplete);
        }
        say(format!(
            "A second look found {} and delivered {}: nothing comes twice.",
            counted(Progress::get(&progress.listed) - listed, "new file"),
            counted(delivered(&progress) - before, "event")
        ));
        Ok(Exit::Success)
    }

    /// Waits until all that was found is delivered, after a later poll than this one. None if told
    /// to stop before that.
    async fn collected(&self, poll: Option<String>) -> anyhow::Result<Option<ConnectorStatus>> {
        while !self.cancel.is_cancelled() {
            let mut all = self.fleet.status().await?.connectors;
            if let Some(at) = all.iter().position(|one| one.connector == self.name) {
                let one = all.swap_remove(at);
                if let Some(problem) = &one.problem {
                    anyhow::bail!("{}: {problem}", one.reason);
                }
                let on_its_way = |state| one.units.get(state).is_some_and(|units| *units > 0);
                let busy = ["listed", "fetched", "admitted"].into_iter().any(on_its_way);
                if one.last_poll > poll && !busy {
                    return Ok(Some(one));
                }
            }
            tokio::time::sleep(LOOK).await;
        }
        Ok(None)
    }
}

fn delivered(progress: &Progress) -> u64 {
    progress.destinations.values().map(|one| Progress::get(&one.events)).sum()
}

/// Listens at the console's usual address, or at another if something listens there.
async fn free_listener() -> anyhow::Result<TcpListener> {
    match TcpListener::bind(CONSOLE).await {
        Ok(listener) => Ok(listener),
        Err(_) => {
            TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.context("there is no free port")
        }
    }
}

/// Asks the console for its page for signing in, as a browser would.
async fn answer(url: &str) -> anyhow::Result<String> {
    let address = url.strip_prefix("http://").unwrap_or(url);
    let asked = Instant::now();
    let mut stream = TcpStream::connect(address).await.context("the console does not answer")?;
    let request = format!("GET /sign-in HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut page = String::new();
    stream.read_to_string(&mut page).await?;
    let first = page.lines().next().unwrap_or_default();
    anyhow::ensure!(first == "HTTP/1.1 200 OK", "the console answers {first}");
    Ok(format!("\nThe console answers at {url}, in {} ms.", asked.elapsed().as_millis()))
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

/// Starts an org whose events end with yesterday. Files of its last hours come as time goes on.
async fn start(args: &DemoArgs) -> anyhow::Result<Running> {
    let days = i64::from(args.days.clamp(1, 30));
    let today = jiff::tz::Offset::UTC.to_datetime(Timestamp::now()).date();
    let midnight = jiff::tz::Offset::UTC.to_timestamp(today.to_datetime(jiff::civil::Time::MIN))?;
    let world = WorldConfig {
        seed: args.seed,
        start: midnight - SignedDuration::from_hours(24 * days),
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

/// The eight fields, files as the destination, and the console.
fn configuration(org: &Running, console: SocketAddr) -> String {
    let login = org.credentials();
    format!(
        "# Made by `orgtap demo` for a simulated org. `orgtap config example` shows every key.\n\
         data_dir: data\n\
         console: {{ listen: \"{console}\" }}\n\
         insights: {{ networks: [{NETWORKS}] }}\n\
         connectors:\n\
         \x20 - name: acme\n\
         \x20   type: salesforce_connector\n\
         \x20   description: A simulated org\n\
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
