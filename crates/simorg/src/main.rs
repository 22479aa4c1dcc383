//! Runs a simulated org until it is interrupted: for clients in other languages, and for people.
//!
//! Prints one line of JSON with the address and what to sign in with.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use jiff::{SignedDuration, Timestamp};
use orgtap_simorg::world::WorldConfig;
use orgtap_simorg::{ClockConfig, Error, Fault, PRESETS, Rule, Running, SimConfig, SimOrg, preset};

/// A simulated Salesforce org.
#[derive(Debug, Parser)]
#[command(name = "simorg")]
struct Args {
    /// Same seed, same org.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Days of data.
    #[arg(long, default_value_t = 2)]
    days: u32,
    /// People with a login.
    #[arg(long, default_value_t = 40)]
    users: u32,
    /// Multiplies the number of events.
    #[arg(long, default_value_t = 1.0)]
    volume: f64,
    /// First day of data, a UTC midnight; by default so many days before today.
    #[arg(long)]
    start: Option<Timestamp>,
    /// The org's time at the beginning; by default a day after the last day of data, or the
    /// machine's time if that is earlier.
    #[arg(long)]
    now: Option<Timestamp>,
    /// Org seconds per real second; 0 stands still.
    #[arg(long, default_value_t = 1.0)]
    factor: f64,
    /// Leave out the awkward things: late, replaced and hostile data.
    #[arg(long)]
    tame: bool,
    /// No entitlement to hourly files: no column Interval.
    #[arg(long)]
    no_interval: bool,
    /// Address to listen at.
    #[arg(long, default_value_t = IpAddr::V4(Ipv4Addr::LOCALHOST))]
    host: IpAddr,
    /// Port to listen at; 0 picks a free one.
    #[arg(long, default_value_t = 0)]
    port: u16,
    /// A fault as NAME[/CALL][=WHEN][@AMOUNT]; WHEN is always, a rate, first:N, every:N, calls:N,N.
    #[arg(long = "fault", value_name = "FAULT")]
    faults: Vec<String>,
    /// A mixture of faults.
    #[arg(long, value_parser = PRESETS)]
    preset: Option<String>,
    /// Settings of the org, as the JSON that `POST /_sim/org` takes; can be given several times.
    #[arg(long = "org", value_name = "JSON")]
    org: Vec<String>,
    /// A file with the app's certificate (X.509, PEM), which assertions are checked with.
    #[arg(long, value_name = "FILE")]
    certificate: Option<PathBuf>,
    /// List the faults and stop.
    #[arg(long)]
    list_faults: bool,
}

impl Args {
    fn config(&self) -> Result<SimConfig, Error> {
        let start = self.start.unwrap_or_else(|| days_before_today(self.days));
        let after_all = start
            .checked_add(SignedDuration::from_hours(24 * (i64::from(self.days) + 1)))
            .unwrap_or(start);
        let now = self.now.unwrap_or_else(|| after_all.min(Timestamp::now()));
        let world = WorldConfig {
            seed: self.seed,
            start,
            days: self.days,
            users: self.users,
            volume: self.volume,
            hourly: !self.no_interval,
            event_types: Vec::new(),
            awkward: !self.tame,
        };
        let mut faults = match &self.preset {
            Some(name) => preset(name)?,
            None => Vec::new(),
        };
        for text in &self.faults {
            faults.push(Rule::parse(text)?);
        }
        let clock = ClockConfig { start: Some(now), factor: self.factor };
        let mut config = SimConfig { clock, faults, ..SimConfig::new(world) };
        for text in &self.org {
            config.org.apply_json(text)?;
        }
        if let Some(path) = &self.certificate {
            let pem = std::fs::read_to_string(path)
                .map_err(|error| Error::Control(format!("{}: {error}", path.display())))?;
            config.org.certificate = Some(pem);
        }
        Ok(config)
    }
}

/// The UTC midnight so many days before the last one.
fn days_before_today(days: u32) -> Timestamp {
    let today = Timestamp::now().as_second().div_euclid(86_400) - i64::from(days);
    Timestamp::from_second(today * 86_400).unwrap_or(Timestamp::UNIX_EPOCH)
}

#[tokio::main]
async fn main() -> ExitCode {
    let args = Args::parse();
    if args.list_faults {
        list_faults();
        return ExitCode::SUCCESS;
    }
    let outcome = match args.config() {
        Ok(config) => SimOrg::start(config, SocketAddr::new(args.host, args.port)).await,
        Err(error) => Err(error),
    };
    match outcome {
        Ok(org) => {
            announce(&org);
            if let Err(error) = tokio::signal::ctrl_c().await {
                eprintln!("simorg: cannot wait for an interrupt: {error}");
            }
            org.stop().await;
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("simorg: {error}");
            ExitCode::from(2)
        }
    }
}

fn announce(org: &Running) {
    let credentials = org.credentials();
    println!(
        "{}",
        serde_json::json!({
            "url": org.url(),
            "login_url": org.login_url(),
            "control": format!("{}/_sim", org.url()),
            "username": credentials.username,
            "password": credentials.password,
            "security_token": credentials.security_token,
            "consumer_key": credentials.consumer_key,
            "consumer_secret": credentials.consumer_secret,
            "refresh_token": org.refresh_token(),
            "now": org.clock().now().to_string(),
        })
    );
}

fn list_faults() {
    for fault in Fault::all() {
        let means = fault.amount_means();
        if means.is_empty() {
            println!("{fault}");
        } else {
            println!("{fault} (@{} {means})", fault.usual_amount());
        }
    }
}
