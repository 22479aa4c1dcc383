//! Runs Test Connection against a simulated org in which something is wrong.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use jiff::{SignedDuration, Timestamp};
use orgtap_collector::{TestReport, config};
use orgtap_salesforce::kit::{self, Flow, KitSettings, Source};
use orgtap_simorg::world::WorldConfig;
use orgtap_simorg::{ClockConfig, Running, SimConfig, SimOrg};
use orgtap_transport::disk;

/// How a connector signs in, as the lines of its configuration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum SignsIn {
    /// By user name, password and security token.
    Password,
    /// The same without the token.
    PasswordWithoutToken,
    /// With a wrong password.
    WrongPassword,
    /// With a secret that is not the app's.
    WrongSecret,
    /// As the app's user.
    ClientCredentials,
    /// With a signed assertion for the audience that is right.
    Jwt,
    /// With a signed assertion for the My Domain.
    JwtForMyDomain,
    /// With the refresh token that is good.
    RefreshToken,
    /// With one that was exchanged before.
    OldRefreshToken,
    /// With a good one and without the app's secret.
    RefreshTokenWithoutSecret,
}

/// What is wrong, and how the connector is configured.
#[derive(Debug, Clone, Copy)]
pub(super) struct Scenario {
    /// How it signs in.
    pub(super) signs_in: SignsIn,
    /// Whether it does so at the host of all orgs.
    pub(super) at_login_host: bool,
    /// More lines of the connector.
    pub(super) lines: &'static str,
}

impl Scenario {
    /// An ordinary connector of this flow.
    pub(super) const fn of(signs_in: SignsIn) -> Self {
        Self { signs_in, at_login_host: false, lines: "" }
    }
}

/// A folder of its own, and the keys of a JWT; both removed at the end.
pub(super) struct Bench {
    folder: PathBuf,
}

impl Drop for Bench {
    fn drop(&mut self) {
        // What stays is in the folder for temporary files.
        fs::remove_dir_all(&self.folder).ok();
    }
}

impl Bench {
    /// Prepares the folder.
    pub(super) fn new() -> anyhow::Result<Self> {
        let folder = std::env::temp_dir().join(format!("orgtap-reference-{}", disk::unique()));
        disk::create_private_folder(&folder)?;
        let bench = Self { folder };
        kit::write(&kit_settings(), &bench.path("kit"))?;
        Ok(bench)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// Starts an org with a day of events that is over, and the certificate of the keys.
    pub(super) async fn org(&self) -> anyhow::Result<Running> {
        let start: Timestamp = "2026-10-05T00:00:00Z".parse()?;
        let world = WorldConfig {
            seed: 3,
            start,
            days: 1,
            users: 5,
            volume: 0.2,
            hourly: true,
            event_types: Vec::new(),
            awkward: false,
        };
        let mut sim = SimConfig::new(world);
        sim.clock = ClockConfig::standing(start + SignedDuration::from_hours(40));
        sim.org.certificate = Some(fs::read_to_string(self.path("kit/keys/orgtap.crt"))?);
        Ok(SimOrg::start(sim, SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).await?)
    }

    /// Tests the connection of a connector that has never met this org.
    pub(super) async fn test(
        &self,
        org: &Running,
        scenario: &Scenario,
    ) -> anyhow::Result<TestReport> {
        let folder = self.path(&format!("run-{}", disk::unique()));
        disk::create_private_folder(&folder)?;
        let path = folder.join("orgtap.yaml");
        fs::write(&path, self.configuration(org, scenario))?;
        let settings = config::load(&path)?;
        let connector = settings.connectors.first().context("one connector")?;
        let report = orgtap_collector::test_connection(&settings, connector, |_| {}).await?;
        fs::remove_dir_all(&folder)?;
        Ok(report)
    }

    fn configuration(&self, org: &Running, scenario: &Scenario) -> String {
        let login = org.credentials();
        let key = self.path("kit/keys/orgtap.key");
        let flow = flow(scenario.signs_in, org, &key);
        let at = if scenario.at_login_host {
            format!("    login_url: {}\n", org.login_url())
        } else {
            String::new()
        };
        format!(
            "data_dir: data\nconnectors:\n  - name: acme\n    type: salesforce_connector\n    \
             instance_url: {}\n    consumer_key: {:?}\n{flow}{at}{}    destinations: [files]\n\
             destinations:\n  - {{ name: files, type: file, directory: events }}\n",
            org.url(),
            login.consumer_key,
            scenario.lines,
        )
    }
}

/// The lines of a flow.
fn flow(signs_in: SignsIn, org: &Running, key: &Path) -> String {
    let login = org.credentials();
    let user = format!("    salesforce_user: {}\n", login.username);
    let secret = format!("    consumer_secret: {:?}\n", login.consumer_secret);
    let password = |password: &str| format!("    salesforce_user_password: {password:?}\n");
    let token = format!("    security_token: {:?}\n", login.security_token);
    let refresh = |token: &str| format!("    auth: refresh_token\n    refresh_token: {token:?}\n");
    match signs_in {
        SignsIn::Password => user + &password(&login.password) + &secret + &token,
        SignsIn::PasswordWithoutToken => user + &password(&login.password) + &secret,
        SignsIn::WrongPassword => user + &password("not the password") + &secret + &token,
        SignsIn::WrongSecret => "    consumer_secret: \"not the secret\"\n".to_owned(),
        SignsIn::ClientCredentials => secret,
        SignsIn::Jwt | SignsIn::JwtForMyDomain => {
            let audience =
                if signs_in == SignsIn::Jwt { org.login_url() } else { org.url().to_owned() };
            format!(
                "    auth: jwt_bearer\n{user}    jwt_key: {{ file: {} }}\n    jwt_audience: {audience}\n",
                key.display()
            )
        }
        SignsIn::RefreshToken => refresh(&org.refresh_token()) + &secret,
        SignsIn::OldRefreshToken => refresh("5Aep861.exchanged-before") + &secret,
        SignsIn::RefreshTokenWithoutSecret => refresh(&org.refresh_token()),
    }
}

/// A kit whose key signs the assertions.
fn kit_settings() -> KitSettings {
    KitSettings {
        name: "Orgtap".to_owned(),
        label: None,
        flow: Flow::Jwt,
        user: None,
        contact_email: "siem@acme.example".to_owned(),
        sources: vec![Source::EventLogFiles],
        api_version: "66.0".to_owned(),
        event_log_retention: None,
        addresses: Vec::new(),
        certificate_days: 365,
        new_key: false,
        force: false,
        today: jiff::tz::Offset::UTC.to_datetime(Timestamp::now()).date(),
    }
}
