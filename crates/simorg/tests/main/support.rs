//! An org to ask, and a client that hides nothing: bodies as they were sent, no redirects.

use std::io::Read as _;
use std::net::{Ipv4Addr, SocketAddr};

use jiff::{SignedDuration, Timestamp};
use orgtap_simorg::world::{LogFile, WorldConfig};
use orgtap_simorg::{ClockConfig, LoginRefusal, Running, SimConfig, SimOrg};
use reqwest::{RequestBuilder, Response};
use serde_json::{Value, json};

/// Where tokens are had.
pub(crate) const TOKEN: &str = "/services/oauth2/token";

/// An answer of the token endpoint that refuses.
#[track_caller]
pub(crate) fn assert_refused(answer: &(u16, Value), refusal: LoginRefusal) {
    let expected = json!({ "error": refusal.error(), "error_description": refusal.description() });
    assert_eq!(answer, &(400, expected), "{}", refusal.name());
}

/// First day of every world here.
pub(crate) fn first_day() -> Timestamp {
    "2026-10-05T00:00:00Z".parse().unwrap()
}

/// A small org: one day of a few event types, its clock standing three days after the beginning.
pub(crate) fn small() -> SimConfig {
    let world = WorldConfig {
        seed: 7,
        start: first_day(),
        days: 1,
        users: 20,
        volume: 0.1,
        hourly: true,
        event_types: ["Login", "Logout", "API", "URI"].map(str::to_owned).to_vec(),
        awkward: true,
    };
    let now = first_day() + SignedDuration::from_hours(72);
    SimConfig { clock: ClockConfig::standing(now), ..SimConfig::new(world) }
}

/// An org and a client of it.
pub(crate) struct Client {
    pub(crate) org: Running,
    pub(crate) http: reqwest::Client,
    /// The session's token; empty before the sign-in.
    pub(crate) token: String,
}

impl Client {
    /// A client that has not signed in.
    pub(crate) async fn stranger(config: SimConfig) -> Self {
        let org = SimOrg::start(config, SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).await.unwrap();
        Self { org, http: plain_client(), token: String::new() }
    }

    /// A client of this org, signed in.
    pub(crate) async fn of(config: SimConfig) -> Self {
        let mut client = Self::stranger(config).await;
        client.sign_in().await;
        client
    }

    /// A client of the small org, signed in.
    pub(crate) async fn new() -> Self {
        Self::of(small()).await
    }

    /// Signs in with the right credentials.
    pub(crate) async fn sign_in(&mut self) {
        let answer = self.post_form("/services/oauth2/token", &self.form()).await;
        assert_eq!(answer.status(), 200);
        json(answer).await["access_token"].as_str().unwrap().clone_into(&mut self.token);
    }

    /// The form of a right sign-in.
    pub(crate) fn form(&self) -> Vec<(&'static str, String)> {
        let credentials = self.org.credentials();
        vec![
            ("grant_type", "password".to_owned()),
            ("client_id", credentials.consumer_key.clone()),
            ("client_secret", credentials.consumer_secret.clone()),
            ("username", credentials.username.clone()),
            ("password", credentials.password_with_token()),
        ]
    }

    /// The form of a sign-in that names the app and nothing else.
    pub(crate) fn app_form(&self, grant_type: &str) -> Vec<(&'static str, String)> {
        let credentials = self.org.credentials();
        vec![
            ("grant_type", grant_type.to_owned()),
            ("client_id", credentials.consumer_key.clone()),
            ("client_secret", credentials.consumer_secret.clone()),
        ]
    }

    /// Asks the token endpoint at the My Domain; answers the status and the JSON.
    pub(crate) async fn ask(&self, form: &[(&str, String)]) -> (u16, Value) {
        let answer = self.post_form(TOKEN, form).await;
        (answer.status().as_u16(), json(answer).await)
    }

    /// Asks the token endpoint at the login host.
    pub(crate) async fn ask_login_host(&self, form: &[(&str, String)]) -> (u16, Value) {
        let url = format!("{}{TOKEN}", self.org.login_url());
        let answer = self.http.post(url).form(form).send().await.unwrap();
        (answer.status().as_u16(), json(answer).await)
    }

    /// Whether a session is alive.
    pub(crate) async fn is_alive(&self, token: &str) -> bool {
        let request = self.http.get(self.address("/services/oauth2/userinfo")).bearer_auth(token);
        request.send().await.unwrap().status() == 200
    }

    pub(crate) async fn post_form(&self, path: &str, form: &[(&str, String)]) -> Response {
        self.http.post(self.address(path)).form(form).send().await.unwrap()
    }

    /// A GET with the session's token.
    pub(crate) fn get(&self, path: &str) -> RequestBuilder {
        self.http.get(self.address(path)).bearer_auth(&self.token)
    }

    /// Sends a GET with the session's token.
    pub(crate) async fn fetch(&self, path: &str) -> Response {
        self.get(path).send().await.unwrap()
    }

    /// A query's answer, whatever its status.
    pub(crate) async fn query(&self, soql: &str) -> (u16, Value) {
        let request = self.get("/services/data/v66.0/query").query(&[("q", soql)]);
        let answer = request.send().await.unwrap();
        (answer.status().as_u16(), json(answer).await)
    }

    /// The records of a query with one page.
    pub(crate) async fn records(&self, soql: &str) -> Vec<Value> {
        let (status, page) = self.query(soql).await;
        assert_eq!((status, &page["done"]), (200, &Value::Bool(true)), "{soql}: {page}");
        page["records"].as_array().unwrap().clone()
    }

    /// Files of the world at the org's time.
    pub(crate) fn files(&self) -> Vec<LogFile> {
        self.org.world().files(self.org.clock().now()).to_vec()
    }

    /// The largest file of the world.
    pub(crate) fn largest(&self) -> LogFile {
        self.files().into_iter().max_by_key(|file| file.length).unwrap()
    }

    pub(crate) fn address(&self, path: &str) -> String {
        format!("{}{path}", self.org.url())
    }
}

#[expect(clippy::disallowed_methods, reason = "the test wants to see bodies as they were sent")]
pub(crate) fn plain_client() -> reqwest::Client {
    // Neither pooling nor proxies: every request is a connection of its own to this machine.
    reqwest::Client::builder()
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .pool_max_idle_per_host(0)
        .build()
        .unwrap()
}

/// An answer's JSON.
pub(crate) async fn json(answer: Response) -> Value {
    let body = answer.bytes().await.unwrap();
    serde_json::from_slice(&body).unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&body)))
}

/// Where a file is downloaded.
pub(crate) fn content_path(id: &str) -> String {
    format!("/services/data/v66.0/sobjects/EventLogFile/{id}/LogFile")
}

/// Inflates all members of a gzip body.
pub(crate) fn inflate(body: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut out = Vec::new();
    flate2::read::MultiGzDecoder::new(body).read_to_end(&mut out)?;
    Ok(out)
}

/// The code and message of an error array.
pub(crate) fn error(body: &Value) -> (&str, &str) {
    let errors = body.as_array().unwrap_or_else(|| panic!("no error array: {body}"));
    assert_eq!(errors.len(), 1);
    (errors[0]["errorCode"].as_str().unwrap(), errors[0]["message"].as_str().unwrap())
}
