//! One org: the calls Orgtap makes, each with a session that is renewed when it must be.

use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use jiff::Timestamp;
use orgtap_transport::http;
use reqwest::Response;
use tokio::time::{Duration, Instant};
use url::Url;

use crate::answer;
use crate::call::{Call, CallCounts};
use crate::describe::{self, LogFileShape};
use crate::download::{self, Download};
use crate::error::{Error, ErrorKind};
use crate::limits::{self, ApiUsage, Limits};
use crate::listing::{Listing, Pages};
use crate::page::{self, Page};
use crate::redact::Redactor;
use crate::session::{Session, Sessions, SignedIn};
use crate::settings::OrgSettings;
use crate::sign_in::renewal::Renewal;
use crate::version::{self, ApiVersion};
use crate::wire::Wire;
use crate::{id, sign_in};

/// An org. Cheap to clone; clones share session, counts and version.
#[derive(Clone)]
pub struct Org(Arc<Inner>);

struct Inner {
    settings: OrgSettings,
    wire: Wire,
    sessions: Sessions,
    /// The id of the org it must be: the one expected, or the first that gave a session.
    org_id: OnceLock<String>,
    version: Mutex<Option<ApiVersion>>,
    /// When the user was last seen to be allowed to read `EventLogFile`.
    readable: Mutex<Option<Instant>>,
    /// How sessions are got, and what outlives them.
    renewal: Renewal,
}

/// How long a proof that `EventLogFile` can be read holds, when files turn out to be gone.
const READABLE_FOR: Duration = Duration::from_mins(1);

/// Sessions one call tries before it gives up. The last is always one made for it.
const MOST_SESSIONS: u32 = 4;

impl Org {
    /// Prepares to talk to an org; nothing is sent.
    ///
    /// # Errors
    /// [`ErrorKind::Settings`] if an address is not `https` (or `http` to this machine), has a
    /// path, query or user in it, or a value is missing or cannot be used.
    pub fn new(settings: OrgSettings) -> Result<Self, Error> {
        settings.validate()?;
        let client = http::client(&settings.client).map_err(|error| {
            let detail = "the proxy or a certificate cannot be used";
            Error::new(ErrorKind::Settings, detail).with_source(error)
        })?;
        let wire = Wire::new(client, Redactor::new(&settings.secrets()));
        Ok(Self(Arc::new(Inner {
            renewal: Renewal::of(&settings),
            settings,
            wire,
            sessions: Sessions::default(),
            org_id: OnceLock::new(),
            version: Mutex::default(),
            readable: Mutex::default(),
        })))
    }

    /// Says which org it must be, by the 18 characters of its id. A session of any other is never
    /// used, and neither is one of another org than the first that gave one.
    ///
    /// # Errors
    /// None here: whatever needs a session answers with [`ErrorKind::OtherOrg`].
    pub fn expect(&self, org_id: &str) {
        let _known = self.0.org_id.set(org_id.to_owned());
    }

    /// Signs in now, or joins the sign-in under way. Never tries twice.
    ///
    /// The other calls sign in by themselves when they need to. After a refusal they no longer do,
    /// and answer with it; this call is then the way to try again.
    pub async fn sign_in(&self) -> Result<SignedIn, Error> {
        let session = self.0.sessions.renew(|| self.new_session(false)).await?;
        Ok(session.who.clone())
    }

    /// The session at hand, the one the last run left in the vault, or one by a sign-in. Whether
    /// the first two still live shows with the next call.
    pub async fn connect(&self) -> Result<SignedIn, Error> {
        let (session, _) = self.session().await?;
        Ok(session.who.clone())
    }

    async fn session(&self) -> Result<(Arc<Session>, bool), Error> {
        self.0.sessions.get(|| self.new_session(true)).await
    }

    /// Who is signed in, if anybody is.
    pub fn signed_in(&self) -> Option<SignedIn> {
        self.0.sessions.present().map(|session| session.who.clone())
    }

    fn new_session(&self, adopt: bool) -> BoxFuture<'static, Result<Arc<Session>, Error>> {
        let org = self.clone();
        async move {
            let Inner { wire, settings, sessions, renewal, org_id, .. } = &*org.0;
            let may_adopt = |left: &Session| {
                adopt
                    && !sessions.is_dead(left)
                    && org_id.get().is_none_or(|it| *it == left.who.org_id)
            };
            let session = renewal.renew(wire, settings, may_adopt).await?;
            let (wanted, found) = (org_id.get_or_init(|| session.who.org_id.clone()), &session.who);
            if *wanted != found.org_id {
                let detail = format!("it must be {wanted} and is {}", found.org_id);
                return Err(Error::new(ErrorKind::OtherOrg, detail).during(Call::SignIn));
            }
            Ok(Arc::new(session))
        }
        .boxed()
    }

    /// The API versions the org offers, oldest first. Needs no sign-in and costs no API call.
    pub async fn versions(&self) -> Result<Vec<ApiVersion>, Error> {
        let present = self.0.sessions.present();
        let host =
            present.as_ref().map_or(&self.0.settings.instance_url, |it| &it.who.instance_url);
        let response = sign_in::reach(&self.0.wire, host).await?;
        let answer = self.0.wire.json(Call::Versions, response, None).await?;
        version::parse_list(&answer).ok_or_else(|| {
            Error::new(ErrorKind::BadAnswer, "no list of versions").during(Call::Versions)
        })
    }

    /// Sees whether something answers at the login URL, without a sign-in. What it answers does
    /// not matter.
    pub async fn reach_login(&self) -> Result<(), Error> {
        match sign_in::reach(&self.0.wire, self.0.settings.login_url()).await {
            Err(error) if matches!(error.kind(), ErrorKind::Unreachable(_)) => Err(error),
            _ => Ok(()),
        }
    }

    /// Asks for versions and chooses the one to use: the configured one, or the newest the org
    /// offers up to [`NEWEST_TESTED`](crate::NEWEST_TESTED).
    pub async fn negotiate_version(&self) -> Result<ApiVersion, Error> {
        let offered = self.versions().await?;
        let chosen = version::choose(&offered, self.0.settings.api_version).map_err(|detail| {
            Error::new(ErrorKind::UnsupportedVersion, detail).during(Call::Versions)
        })?;
        *self.0.version.lock().unwrap_or_else(PoisonError::into_inner) = Some(chosen);
        Ok(chosen)
    }

    async fn version(&self) -> Result<ApiVersion, Error> {
        let known = *self.0.version.lock().unwrap_or_else(PoisonError::into_inner);
        match known {
            Some(version) => Ok(version),
            None => self.negotiate_version().await,
        }
    }

    /// Asks what `EventLogFile` looks like here.
    ///
    /// # Errors
    /// [`ErrorKind::PermissionMissing`] if the user may not see it.
    pub async fn log_file_shape(&self) -> Result<LogFileShape, Error> {
        let describe = "sobjects/EventLogFile/describe";
        let (response, session) = self.ask(Call::Describe, describe, None).await?;
        let answer = self.0.wire.json(Call::Describe, response, Some(&session)).await?;
        let shape = describe::read(&answer).map_err(|error| error.during(Call::Describe))?;
        *self.0.readable.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
        Ok(shape)
    }

    /// Begins a listing; nothing is sent before [`Pages::next`].
    pub fn list(&self, listing: Listing) -> Pages {
        Pages::new(self.clone(), listing)
    }

    pub(crate) async fn first_page(&self, soql: &str) -> Result<(Page, Arc<Session>), Error> {
        let (response, session) = self.ask(Call::List, "query", Some(soql)).await?;
        Ok((self.page(response, &session).await?, session))
    }

    /// A further page. Its path is worth nothing to any session but the one that began.
    pub(crate) async fn next_page(
        &self,
        path: &str,
        session: &Arc<Session>,
    ) -> Result<Page, Error> {
        let present = self.0.sessions.present();
        if present.is_none_or(|present| present.token != session.token) {
            let detail = "another session has taken the place of the one that began";
            return Err(Error::new(ErrorKind::InvalidLocator, detail).during(Call::List));
        }
        let mut url = session.who.instance_url.clone();
        url.set_path(path);
        let request = self.0.wire.client.get(url);
        match self.0.wire.send(Call::List, request, Some(session)).await {
            Ok(response) => self.page(response, session).await,
            Err(error) => {
                if *error.kind() == ErrorKind::SessionExpired {
                    self.0.sessions.discard(session);
                }
                // A path that is not found is a place that is no longer kept.
                if error.http_status() == Some(404) {
                    let lost = Error::new(ErrorKind::InvalidLocator, error.detail());
                    return Err(lost.during(Call::List).with_status(404));
                }
                Err(error)
            }
        }
    }

    async fn page(&self, response: Response, session: &Session) -> Result<Page, Error> {
        let answer = self.0.wire.json(Call::List, response, Some(session)).await?;
        page::read(&answer).map_err(|error| error.during(Call::List))
    }

    /// Begins to download a log file.
    ///
    /// # Errors
    /// [`ErrorKind::Gone`] if the org no longer has it. To be sure of that, a describe call is made
    /// at most once a minute: to a user who lost the permission, every file looks gone.
    pub async fn download(&self, log_file_id: &str) -> Result<Download, Error> {
        let wrong =
            || Error::new(ErrorKind::BadRequest, "not a log file id").during(Call::Download);
        let id = id::canonical(log_file_id).ok_or_else(wrong)?;
        let path = format!("sobjects/EventLogFile/{id}/LogFile");
        let (response, session) = match self.ask(Call::Download, &path, None).await {
            Ok(answer) => answer,
            Err(error) if *error.kind() == ErrorKind::Gone => {
                self.confirm_readable().await?;
                return Err(error);
            }
            Err(error) => return Err(error),
        };
        if answer::is_html(response.headers()) {
            return Err(self.0.wire.page_for_people(Call::Download, response, &session).await);
        }
        download::read(response)
    }

    async fn confirm_readable(&self) -> Result<(), Error> {
        let proved = *self.0.readable.lock().unwrap_or_else(PoisonError::into_inner);
        if proved.is_some_and(|at| at.elapsed() < READABLE_FOR) {
            return Ok(());
        }
        self.log_file_shape().await.map(drop)
    }

    /// Asks for the org's limits; none if the user may not see them, which needs the permission
    /// View Setup and Configuration. Not to be polled rapidly.
    pub async fn limits(&self) -> Result<Option<Limits>, Error> {
        let (response, session) = match self.ask(Call::Limits, "limits", None).await {
            Ok(answer) => answer,
            Err(error) if *error.kind() == ErrorKind::PermissionMissing => return Ok(None),
            Err(error) => return Err(error),
        };
        let answer = self.0.wire.json(Call::Limits, response, Some(&session)).await?;
        limits::read(&answer).map(Some).map_err(|error| error.during(Call::Limits))
    }

    /// The answer to a query about the org or the user.
    pub(crate) async fn ask_account(&self, soql: &str) -> Result<serde_json::Value, Error> {
        let (response, session) = self.ask(Call::Account, "query", Some(soql)).await?;
        self.0.wire.json(Call::Account, response, Some(&session)).await
    }

    /// The org's API usage, as the last answer said; none before the first.
    pub fn api_usage(&self) -> Option<ApiUsage> {
        self.0.wire.usage()
    }

    /// Requests sent so far.
    pub fn calls(&self) -> CallCounts {
        self.0.wire.counters.read()
    }

    /// The org's clock: the date of the last answer and the time since; to about a second.
    pub fn server_time(&self) -> Option<Timestamp> {
        self.0.wire.server_time()
    }

    /// A keyed hash of everything a sign-in depends on: 32 hexadecimal digits that change when a
    /// credential or address does.
    ///
    /// `key` must be random and never leave this installation: whoever has a fingerprint and the
    /// key can try passwords against it.
    pub fn credentials_fingerprint(&self, key: &[u8; 32]) -> String {
        self.0.settings.fingerprint(key)
    }

    /// Makes a call below the version's path, with a session that is renewed once if it is dead,
    /// and a version that is chosen again if the org dropped it.
    async fn ask(
        &self,
        call: Call,
        below: &str,
        soql: Option<&str>,
    ) -> Result<(Response, Arc<Session>), Error> {
        let mut refused = 0;
        let mut chosen_again = false;
        loop {
            let (session, fresh) = self.session().await?;
            let version = self.version().await?;
            let mut url: Url = session.who.instance_url.clone();
            url.set_path(&format!("/services/data/v{version}/{below}"));
            if let Some(soql) = soql {
                url.query_pairs_mut().append_pair("q", soql);
            }
            let request = self.0.wire.client.get(url);
            let error = match self.0.wire.send(call, request, Some(&session)).await {
                Ok(response) => return Ok((response, session)),
                Err(error) => error,
            };
            match error.kind() {
                ErrorKind::SessionExpired => {
                    self.0.sessions.discard(&session);
                    refused += 1;
                    if refused > 1 && (fresh || refused >= MOST_SESSIONS) {
                        let error = refused_again(&error);
                        self.0.sessions.refuse(&error);
                        return Err(error);
                    }
                }
                ErrorKind::UnsupportedVersion if !chosen_again => {
                    chosen_again = true;
                    if self.negotiate_version().await? == version {
                        return Err(error);
                    }
                }
                _ => return Err(error),
            }
        }
    }
}

/// A session refused right after its sign-in will be refused again.
fn refused_again(error: &Error) -> Error {
    let refused = Error::new(ErrorKind::SessionRefused, error.detail());
    let refused = refused.with_status(error.http_status().unwrap_or(401));
    match error.call() {
        Some(call) => refused.during(call),
        None => refused,
    }
}

impl std::fmt::Debug for Org {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Org")
            .field("settings", &self.0.settings)
            .field("signed_in", &self.signed_in())
            .field("calls", &self.calls())
            .finish_non_exhaustive()
    }
}
