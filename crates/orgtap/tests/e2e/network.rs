//! The way to the org: proxies, TLS with a private authority, names and ports that lead nowhere,
//! clocks that differ.

use std::net::{SocketAddr, TcpListener};
use std::process::Command;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::{SignedDuration, Timestamp};
use orgtap_simorg::world::Interval;
use orgtap_simorg::{ClockConfig, Flow};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs::default_provider;
use rustls::pki_types::PrivateKeyDer;
use serde_json::Value;

use crate::front::{Front, Gate, Proxy};
use crate::planted::{Listener, Planted};
use crate::support::{Ran, Scene, small_world};

/// A name as real orgs have it. No name service is asked for it: only the proxy knows the way.
const HOST: &str = "acme.my.salesforce.com";
/// The proxy's user and password.
const PROXY_USER: &str = "siem";
const PROXY_PASSWORD: &str = "Pr0xyPassw0rdThatNobodyMaySee";

/// A private authority.
struct Authority(CertifiedIssuer<'static, KeyPair>);

impl Authority {
    fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(DnType::CommonName, "Acme inspection");
        Self(CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap())
    }

    /// A server with a certificate for this name, changed before it is signed.
    fn server(&self, name: &str, change: impl FnOnce(&mut CertificateParams)) -> Arc<ServerConfig> {
        let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        change(&mut params);
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.0).unwrap().der().clone();
        let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
        let server = ServerConfig::builder_with_provider(Arc::new(default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![certificate], key)
            .unwrap();
        Arc::new(server)
    }
}

/// An org that shows itself behind TLS only.
struct Site {
    scene: Scene,
    front: Front,
}

impl Site {
    /// The org under its real kind of name, with a sound certificate.
    fn new(seed: u64) -> Self {
        Self::with(seed, HOST, |_| {})
    }

    /// The same with a certificate for this name, changed before it is signed.
    fn with(seed: u64, name: &str, change: impl FnOnce(&mut CertificateParams)) -> Self {
        let scene = Scene::new(small_world(seed));
        let authority = Authority::new();
        std::fs::write(scene.path("ca.pem"), authority.0.pem()).unwrap();
        let front = Front::before(scene.org.url(), Some(authority.server(name, change)));
        let site = Self { scene, front };
        site.lives_at(&format!("https://{HOST}"), Flow::ClientCredentials);
        site
    }

    /// Moves the org to another address.
    fn lives_at(&self, url: &str, flow: Flow) {
        let outside = url.to_owned();
        self.scene.org.change(|org| org.external_url = Some(outside));
        self.scene.configure_flow_at(&format!("{url}\n  ca_file: ca.pem"), flow);
    }

    fn proxy(&self, gate: Gate) -> Proxy {
        Proxy::start(gate, self.front.address())
    }

    /// The program with this proxy in its environment.
    fn command(&self, args: &[&str], proxy: &str) -> Command {
        let mut command = self.scene.command(args);
        command.env("HTTPS_PROXY", proxy);
        command
    }

    /// Test Connection by way of this proxy.
    fn fails(&self, proxy: &str) -> Failure {
        Failure::of(&mut self.command(&["test-connection", "--json"], proxy))
    }
}

/// What Test Connection says of its failure.
#[derive(Debug)]
struct Failure {
    message: String,
    problem: Value,
}

impl Failure {
    fn of(command: &mut Command) -> Self {
        let ran = Ran::of(&command.output().unwrap());
        assert_eq!(ran.code, Some(5), "{}{}", ran.stdout, ran.stderr);
        let report = ran.json()["connectors"][0].clone();
        let last = report["stages"].as_array().unwrap().last().unwrap().clone();
        assert_eq!(last["stage"], "Configuration", "{report:#}");
        Self {
            message: report["message"].as_str().unwrap().to_owned(),
            problem: last["problem"].clone(),
        }
    }

    /// Fails unless it is this failure of the way, and its words hold all of these.
    fn assert_is(&self, code: &str, words: &[&str]) {
        assert_eq!(self.problem["code"], code, "{self:#?}");
        assert_eq!(self.message, "Configuration Stage: Unable to connect");
        let said = format!(
            "{}\n{}\n{}",
            self.problem["message"].as_str().unwrap(),
            self.problem["cause"].as_str().unwrap(),
            self.problem["remedy"].as_str().unwrap()
        );
        for word in words {
            assert!(said.contains(word), "{word} is not in:\n{said}");
        }
    }
}

fn basic(user: &str, password: &str) -> String {
    STANDARD.encode(format!("{user}:{password}"))
}

#[test]
fn through_a_proxy_that_wants_a_password_and_private_tls_everything_arrives() {
    for flow in [Flow::ClientCredentials, Flow::JwtBearer] {
        let site = Site::new(71);
        site.lives_at(&format!("https://{HOST}"), flow);
        let proxy = site.proxy(Gate::Basic(basic(PROXY_USER, PROXY_PASSWORD)));
        let url = proxy.url(&format!("{PROXY_USER}:{PROXY_PASSWORD}@"));
        let mut listener = Listener::default();
        for args in [
            &["--log", "trace", "test-connection"][..],
            &["--log", "trace", "collect"],
            &["--log", "trace", "--log-format", "json", "collect"],
            &["status", "--json"],
        ] {
            let ran = listener.hear(&args.join(" "), &mut site.command(args, &url));
            assert_eq!(ran.code, Some(0), "{args:?}: {}{}", ran.stdout, ran.stderr);
            if args.contains(&"test-connection") {
                for text in [
                    "the way leads through the proxy 127.0.0.1:",
                    "(from the environment)",
                    "its certificate is trusted",
                    "Connection successful",
                ] {
                    assert!(ran.stdout.contains(text), "{text}: {}", ran.stdout);
                }
            }
        }
        site.scene.compare(Interval::Hourly);
        let tunnels = proxy.tunnels();
        assert!(!tunnels.is_empty());
        assert!(tunnels.iter().all(|to| *to == format!("{HOST}:443")), "{tunnels:?}");
        assert_eq!(site.scene.org.login_history().len(), 1);
        let mut planted = Planted::of(&site.scene);
        planted.add("the proxy's password", PROXY_PASSWORD);
        planted.add("the proxy's credentials", &basic(PROXY_USER, PROXY_PASSWORD));
        listener.heard_none_of(&planted, &site.scene);
    }
}

#[test]
fn a_proxy_of_the_configuration_is_used_whatever_the_environment_says() {
    let site = Site::new(72);
    let (used, unused) = (site.proxy(Gate::Open), site.proxy(Gate::Closed("403 Forbidden")));
    site.scene.reword("  ca_file:", &format!("  proxy: {}\n  ca_file:", used.url("")));
    let ran = site.command(&["collect"], &unused.url("")).output().unwrap();
    assert_eq!(ran.status.code(), Some(0), "{}", Ran::of(&ran).stdout);
    site.scene.compare(Interval::Hourly);
    assert!(!used.tunnels().is_empty());
}

#[test]
fn a_private_authority_must_be_named_and_the_message_says_how() {
    let site = Site::new(73);
    let proxy = site.proxy(Gate::Open);
    site.scene.reword("  ca_file: ca.pem\n", "");
    let failure = site.fails(&proxy.url(""));
    failure.assert_is("OT-ORG-14", &["the certificate is not trusted", "ca_file"]);
    assert!(site.front.seen().is_empty(), "something was sent past a certificate nobody trusts");
    // The same for a pass, which must not go on asking.
    let ran = site.command(&["collect"], &proxy.url("")).output().unwrap();
    let said = Ran::of(&ran).stdout;
    assert!(said.contains("OT-ORG-14"), "{said}");
    assert!(site.front.seen().is_empty());
    assert!(site.scene.org.login_history().is_empty());
}

#[test]
fn an_authority_the_system_trusts_need_not_be_named() {
    let site = Site::new(81);
    let proxy = site.proxy(Gate::Open);
    site.scene.reword("  ca_file: ca.pem\n", "");
    let mut command = site.command(&["collect"], &proxy.url(""));
    let ran = command.env("SSL_CERT_FILE", site.scene.path("ca.pem")).output().unwrap();
    assert_eq!(ran.status.code(), Some(0), "{}", Ran::of(&ran).stdout);
    site.scene.compare(Interval::Hourly);

    // A machine without any.
    std::fs::write(site.scene.path("none.pem"), "").unwrap();
    let mut command = site.command(&["test-connection", "--json"], &proxy.url(""));
    command.env("SSL_CERT_FILE", site.scene.path("none.pem"));
    command.env("SSL_CERT_DIR", site.scene.path("none"));
    let failure = Failure::of(&mut command);
    failure.assert_is("OT-ORG-15", &["No CA certificates were loaded from the system"]);
}

#[test]
fn a_certificate_that_has_run_out_or_is_for_another_name_is_called_that() {
    let expired = Site::with(74, HOST, |params| {
        params.not_before = rcgen::date_time_ymd(2019, 1, 1);
        params.not_after = rcgen::date_time_ymd(2020, 1, 1);
    });
    let proxy = expired.proxy(Gate::Open);
    expired.fails(&proxy.url("")).assert_is("OT-ORG-14", &["expired", "check the clock"]);
    assert!(expired.front.seen().is_empty());

    let other = Site::with(75, "evil.example", |_| {});
    let proxy = other.proxy(Gate::Open);
    let words = ["not valid for name", HOST, "evil.example"];
    other.fails(&proxy.url("")).assert_is("OT-ORG-14", &words);
    assert!(other.front.seen().is_empty());
}

#[test]
fn a_proxy_that_refuses_is_named_and_its_password_is_not() {
    let site = Site::new(76);
    let right = basic(PROXY_USER, "another password altogether");
    let with_password = format!("{PROXY_USER}:{PROXY_PASSWORD}@");
    let mut planted = Planted::default();
    planted.add("the proxy's password", PROXY_PASSWORD);
    planted.add("the proxy's credentials", &basic(PROXY_USER, PROXY_PASSWORD));
    let mut listener = Listener::default();
    for (gate, user) in [
        (Gate::Closed("403 Forbidden"), with_password.as_str()),
        (Gate::Closed("502 Bad Gateway"), &with_password),
        (Gate::Basic(right.clone()), &with_password),
        (Gate::Basic(right), ""),
    ] {
        let proxy = site.proxy(gate.clone());
        let url = proxy.url(user);
        let failure = site.fails(&url);
        failure.assert_is("OT-ORG-16", &["the proxy does not pass the connection on"]);
        if let Gate::Basic(_) = gate {
            failure.assert_is("OT-ORG-16", &["proxy authorization required"]);
        }
        for args in [
            &["--log", "trace", "test-connection"][..],
            &["--log", "trace", "--log-format", "json", "collect", "--json"],
            &["status", "--json"],
        ] {
            listener.hear(&args.join(" "), &mut site.command(args, &url));
        }
        assert!(proxy.tunnels().is_empty());
    }
    listener.heard_none_of(&planted, &site.scene);
    assert!(site.scene.org.login_history().is_empty());
}

#[test]
fn a_host_that_no_proxy_names_is_reached_directly() {
    let site = Site::with(77, "localhost", |_| {});
    let url = format!("https://localhost:{}", site.front.address().port());
    site.lives_at(&url, Flow::Password);
    let proxy = site.proxy(Gate::Closed("403 Forbidden"));
    site.fails(&proxy.url("")).assert_is("OT-ORG-16", &[]);
    let mut command = site.command(&["collect"], &proxy.url(""));
    let ran = command.env("NO_PROXY", "localhost").output().unwrap();
    assert_eq!(ran.status.code(), Some(0), "{}", Ran::of(&ran).stdout);
    site.scene.compare(Interval::Hourly);
}

/// An address of this machine at which nothing listens.
fn nowhere() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

#[test]
fn names_and_ports_that_lead_nowhere_fail_the_configuration() {
    let scene = Scene::new(small_world(78));
    for (url, code, words) in [
        (
            "https://acme.invalid".to_owned(),
            "OT-ORG-10",
            ["name cannot be resolved", "Check the URL"],
        ),
        (format!("http://{}", nowhere()), "OT-ORG-11", ["was refused", "Check the URL's port"]),
    ] {
        scene.configure_flow_at(&url, Flow::ClientCredentials);
        let failure = Failure::of(&mut scene.command(&["test-connection", "--json"]));
        failure.assert_is(code, &words);
        // As a person sees it.
        let text = scene.run(&["test-connection"]).stdout;
        assert!(text.contains("Configuration Stage: Unable to connect  (20"), "{text}");
        assert!(text.contains(&format!("code:    {code}")), "{text}");
    }
}

#[test]
fn a_proxy_that_is_not_there_fails_the_configuration() {
    let site = Site::new(79);
    let url = format!("http://{PROXY_USER}:{PROXY_PASSWORD}@{}", nowhere());
    let failure = site.fails(&url);
    assert!(["OT-ORG-11", "OT-ORG-16"].contains(&failure.problem["code"].as_str().unwrap()));
    failure.assert_is(failure.problem["code"].as_str().unwrap(), &["proxy"]);
    assert!(!format!("{failure:?}").contains(PROXY_PASSWORD));
}

#[test]
fn a_clock_that_differs_is_told_with_how_much_and_which_way() {
    for (ahead, told) in [(-190, "3 hours behind"), (340, "5 hours ahead of")] {
        let org_time = Timestamp::now() - SignedDuration::from_mins(ahead);
        let scene = Scene::with(small_world(80), |sim| {
            sim.clock = ClockConfig { start: Some(org_time), factor: 1.0 };
        });
        scene.configure_files("daily");
        let text = scene.run(&["test-connection"]).stdout;
        let line = text.lines().find(|line| line.contains("this machine's clock")).unwrap();
        assert!(line.trim_start().starts_with("warning"), "{line}");
        assert!(line.contains(&format!("this machine's clock is {told} the org's")), "{line}");
    }
    let scene = Scene::with(small_world(80), |sim| sim.clock = ClockConfig::REAL);
    scene.configure_files("daily");
    let text = scene.run(&["test-connection"]).stdout;
    assert!(text.contains("the clocks of this machine and the org agree"), "{text}");
}
