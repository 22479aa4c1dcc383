//! What `orgtap connector add` needs to know: from its flags, and from a person at the terminal.
//!
//! The questions are those of DNIF's form, in its words and order. Each answer is checked at once
//! by the rules of the configuration.

use std::path::Path;

use orgtap_collector::config::{AuthFlow, NewConnector, Settings, check_value};
use orgtap_destinations::config::DestinationConfig;
use orgtap_transport::{Secret, SecretRef};

use super::flags::AddArgs;
use super::secrets::{Entered, absolute, from_places};
use crate::cmd::ask;
use crate::exit::usage;

/// A connector as far as a person described it.
pub(super) struct Answers {
    /// What is to be saved.
    pub(super) new: NewConnector,
    /// Its secrets.
    pub(super) entered: Vec<Entered>,
}

impl Answers {
    /// The value of a secret, wherever it is kept.
    pub(super) fn entered_value(&self, key: &str) -> Option<&Secret> {
        self.entered.iter().find(|it| it.key == key).map(|secret| &secret.value)
    }

    /// The value of a secret that is not in the vault yet.
    pub(super) fn value(&self, key: &str) -> Option<&Secret> {
        let entered = self.entered.iter().find(|it| it.key == key && it.kept.is_none());
        entered.map(|secret| &secret.value)
    }
}

/// Takes the flags and asks for the rest.
pub(super) async fn gather(
    args: &AddArgs,
    settings: &Settings,
    main: &Path,
) -> anyhow::Result<Answers> {
    args.check()?;
    let free = |name: &str| {
        check_value("name", name)?;
        is_free(name, args.replace, settings, main)
    };
    if let Some(name) = &args.name {
        free(name).map_err(|why| usage(format!("--name: {why}")))?;
    }
    for name in &args.destinations {
        known(name, settings).map_err(|why| usage(format!("--destination: {why}")))?;
    }
    let missing = args.missing(args.flow().unwrap_or(AuthFlow::ClientCredentials));
    let is_asking = !missing.is_empty();
    if is_asking && !ask::is_possible() {
        let missing = missing.join(", ");
        return Err(usage(format!("missing {missing}; there is no terminal to ask at")));
    }
    let ca_file = args.ca_file.as_ref().map(absolute).transpose()?;
    let entered = tokio::task::block_in_place(|| from_places(args, &settings.vault))?;
    let mut form = Form { args, settings, is_asking, entered };
    let name = form.text(args.name.as_deref(), "Connector Name: ", free).await?;
    if is_asking {
        let kind = "salesforce_connector";
        ask::until_good(&format!("Connector Type [{kind}]: "), |answer| {
            let fits = answer.is_empty() || answer == kind;
            if fits { Ok(()) } else { Err(format!("the only type is {kind}")) }
        })
        .await?;
    }
    let url = |url: &str| check_value("instance_url", url);
    let instance_url = form.text(args.instance_url.as_deref(), "Instance URL: ", url).await?;
    let (auth, user) = form.sign_in().await?;
    form.needed("consumer_key", "Consumer key: ").await?;
    match auth {
        AuthFlow::Password | AuthFlow::ClientCredentials => {
            form.needed("consumer_secret", "Consumer secret: ").await?;
        }
        AuthFlow::RefreshToken => {
            let question = "Consumer secret (empty if the app wants none): ";
            form.optional("consumer_secret", question).await?;
        }
        AuthFlow::JwtBearer => {}
    }
    if auth == AuthFlow::Password {
        form.optional("security_token", "Security Token: ").await?;
    }
    let destinations = form.destinations().await?;
    let entered = form.entered;
    let secrets = entered.iter().map(|it| (it.key, it.reference(&name))).collect();
    let new = NewConnector {
        instance_url,
        user,
        secrets,
        jwt_audience: args.jwt_audience.clone(),
        login_url: args.login_url.clone(),
        api_version: args.api_version.clone(),
        proxy: args.proxy.clone(),
        ca_file,
        poll_interval: args.poll_interval.clone(),
        start: args.start.clone(),
        destinations,
        ..NewConnector::new(name, auth)
    };
    Ok(Answers { new, entered })
}

/// Whether a connector may be saved under a name.
fn is_free(name: &str, replace: bool, settings: &Settings, main: &Path) -> Result<(), String> {
    match settings.connectors.iter().find(|one| one.name == name) {
        Some(one) if one.saved_in.is_none() => {
            Err(format!("{name} stands in {}; change it there", main.display()))
        }
        Some(_) if !replace => {
            Err(format!("{name} is there already; --replace puts a new one in its place"))
        }
        _ => Ok(()),
    }
}

fn known(name: &str, settings: &Settings) -> Result<(), String> {
    if settings.destination(name).is_some() {
        return Ok(());
    }
    let names: Vec<_> = settings.destinations.iter().map(DestinationConfig::name).collect();
    Err(format!("no destination has the name {name:?}; there are: {}", names.join(", ")))
}

/// What was given, and the questions for the rest.
struct Form<'a> {
    args: &'a AddArgs,
    settings: &'a Settings,
    /// Whether something needed was missing, so that there is somebody to ask for all the rest.
    is_asking: bool,
    entered: Vec<Entered>,
}

impl Form<'_> {
    async fn text(
        &self,
        given: Option<&str>,
        question: &str,
        check: impl Fn(&str) -> Result<(), String>,
    ) -> anyhow::Result<String> {
        match given {
            Some(given) => Ok(given.to_owned()),
            None => ask::until_good(question, check).await,
        }
    }

    fn has(&self, key: &str) -> bool {
        self.entered.iter().any(|secret| secret.key == key)
    }

    async fn needed(&mut self, key: &'static str, question: &str) -> anyhow::Result<()> {
        if !self.has(key) {
            self.entered.push(Entered::new(key, ask::needed_secret(question).await?));
        }
        Ok(())
    }

    async fn optional(&mut self, key: &'static str, question: &str) -> anyhow::Result<()> {
        if self.is_asking && !self.has(key) {
            let value = ask::secret(question).await?;
            if !value.is_empty() {
                self.entered.push(Entered::new(key, value));
            }
        }
        Ok(())
    }

    /// The flow with the user and the secret that is its alone. Who names no flow and leaves user
    /// or password empty means client credentials.
    async fn sign_in(&mut self) -> anyhow::Result<(AuthFlow, Option<String>)> {
        let given = self.args.user.as_deref();
        let is_user = |user: &str| check_value("salesforce_user", user);
        match self.args.flow() {
            Some(flow @ (AuthFlow::Password | AuthFlow::JwtBearer)) => {
                let user = self.text(given, "Salesforce User: ", is_user).await?;
                if flow == AuthFlow::Password {
                    let key = "salesforce_user_password";
                    self.needed(key, "Salesforce User Password: ").await?;
                } else {
                    self.key_file().await?;
                }
                return Ok((flow, Some(user)));
            }
            Some(flow) => {
                if flow == AuthFlow::RefreshToken {
                    self.needed("refresh_token", "Refresh token: ").await?;
                }
                return Ok((flow, given.map(str::to_owned)));
            }
            None if !self.is_asking => {
                return Ok((AuthFlow::ClientCredentials, given.map(str::to_owned)));
            }
            None => {}
        }
        let or_none = |user: &str| if user.is_empty() { Ok(()) } else { is_user(user) };
        let user = self.text(given, "Salesforce User: ", or_none).await?;
        let user = (!user.is_empty()).then_some(user);
        if user.is_some() {
            self.optional("salesforce_user_password", "Salesforce User Password: ").await?;
        }
        if self.has("salesforce_user_password") {
            return Ok((AuthFlow::Password, user));
        }
        let what = if user.is_some() { "password" } else { "user" };
        ask::note(&format!(
            "without a {what} it signs in by client_credentials, as the user that the app's \
             policies name;\n  no password and no Security Token are needed"
        ))?;
        Ok((AuthFlow::ClientCredentials, user))
    }

    /// The private key, by the file it is in.
    async fn key_file(&mut self) -> anyhow::Result<()> {
        while !self.has("jwt_key") {
            let path = ask::line("Private key file (PEM): ").await?;
            let reference = SecretRef::File(absolute(path)?);
            let (vault, keep) = (&self.settings.vault, self.args.keep_references);
            let found = tokio::task::block_in_place(|| {
                Entered::referred("jwt_key", reference, vault, keep)
            });
            match found {
                Ok(key) if key.value.expose().contains("PRIVATE KEY-----") => {
                    self.entered.push(key);
                }
                Ok(_) => ask::not_so("it holds no private key (PEM)")?,
                Err(why) => ask::not_so(&why)?,
            }
        }
        Ok(())
    }

    /// The destinations that are named; if none is, the only one there is.
    async fn destinations(&self) -> anyhow::Result<Vec<String>> {
        if !self.args.destinations.is_empty() {
            return Ok(self.args.destinations.clone());
        }
        let names: Vec<_> =
            self.settings.destinations.iter().map(DestinationConfig::name).collect();
        if let [only] = names[..] {
            return Ok(vec![only.to_owned()]);
        }
        let names = names.join(", ");
        if !ask::is_possible() {
            return Err(usage(format!("missing --destination; there are: {names}")));
        }
        let question = format!("Destination, or several with commas ({names}): ");
        let check = |answer: &str| {
            let mut seen = Vec::new();
            split(answer).try_for_each(|name| {
                if seen.contains(&name) {
                    return Err(format!("{name} is named twice"));
                }
                seen.push(name);
                known(name, self.settings)
            })
        };
        let answer = ask::until_good(&question, check).await?;
        Ok(split(&answer).map(str::to_owned).collect())
    }
}

fn split(names: &str) -> impl Iterator<Item = &str> {
    names.split(',').map(str::trim)
}
