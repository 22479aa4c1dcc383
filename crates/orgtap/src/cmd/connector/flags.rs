//! What `orgtap connector add` takes on the command line.

use std::path::PathBuf;

use clap::Args;
use clap::builder::{PossibleValuesParser, TypedValueParser as _};
use orgtap_collector::config::{AuthFlow, check_value};

use crate::exit::usage;

/// How secrets are given, below the flags.
pub(super) const HELP: &str = "\
Secrets are asked for unseen. Without a terminal each comes from a WHERE, never from the command
line itself, which every user of the machine can read:
  env:NAME      an environment variable
  file:PATH     a file
  stdin         standard input, for one of them
  stored:ENTRY  an entry that the vault has already; it is referred to, not copied
What comes from a variable, a file or standard input is copied into the vault.";

#[derive(Debug, Args)]
pub(crate) struct AddArgs {
    /// Connector Name: letters, digits, `-`, `_` and `.`.
    #[arg(long)]
    pub(super) name: Option<String>,
    /// Instance URL: the org's My Domain, for example https://acme.my.salesforce.com.
    #[arg(long, value_name = "URL")]
    pub(super) instance_url: Option<String>,
    /// Salesforce User.
    #[arg(long, value_name = "NAME")]
    pub(super) user: Option<String>,
    /// The way to sign in, if it does not follow from the secrets that are given; without any of
    /// password, private key and refresh token it is client_credentials.
    #[arg(long, value_name = "FLOW", value_parser = flow())]
    pub(super) auth: Option<AuthFlow>,
    /// Where the Salesforce User Password comes from.
    #[arg(long, value_name = "WHERE")]
    pub(super) password_from: Option<String>,
    /// Where the Consumer key comes from.
    #[arg(long, value_name = "WHERE")]
    pub(super) consumer_key_from: Option<String>,
    /// Where the Consumer secret comes from.
    #[arg(long, value_name = "WHERE")]
    pub(super) consumer_secret_from: Option<String>,
    /// Where the Security Token comes from.
    #[arg(long, value_name = "WHERE")]
    pub(super) security_token_from: Option<String>,
    /// Where the private key (PEM) comes from, for jwt_bearer.
    #[arg(long, value_name = "WHERE")]
    pub(super) jwt_key_from: Option<String>,
    /// Where the refresh token comes from, for refresh_token.
    #[arg(long, value_name = "WHERE")]
    pub(super) refresh_token_from: Option<String>,
    /// Refer to variables and files in the saved connector, and copy nothing into the vault.
    #[arg(long)]
    pub(super) keep_references: bool,
    /// Where to sign in, if not at the instance URL.
    #[arg(long, value_name = "URL")]
    pub(super) login_url: Option<String>,
    /// Who the assertion is for, if not the login host of the org's kind; for jwt_bearer.
    #[arg(long, value_name = "URL")]
    pub(super) jwt_audience: Option<String>,
    /// A proxy towards the org, for example http://proxy.example:3128.
    #[arg(long, value_name = "URL")]
    pub(super) proxy: Option<String>,
    /// A file of certificate authorities (PEM) to trust besides the system's own.
    #[arg(long, value_name = "FILE")]
    pub(super) ca_file: Option<PathBuf>,
    /// The API version to stay at, for example 66.0.
    #[arg(long, value_name = "VERSION")]
    pub(super) api_version: Option<String>,
    /// The time between two looks for new log files, for example 5m.
    #[arg(long, value_name = "TIME")]
    pub(super) poll_interval: Option<String>,
    /// The date or time to begin at; everything the org still has if not given.
    #[arg(long, value_name = "MOMENT")]
    pub(super) start: Option<String>,
    /// A destination to deliver to. May be repeated; not needed if there is only one.
    #[arg(long = "destination", value_name = "NAME")]
    pub(super) destinations: Vec<String>,
    /// Put it in the place of a saved connector of the same name.
    #[arg(long)]
    pub(super) replace: bool,
    /// Save it without testing it.
    #[arg(long)]
    pub(super) no_test: bool,
    /// Save it even if the test fails.
    #[arg(long, conflicts_with = "no_test")]
    pub(super) save_anyway: bool,
}

fn flow() -> impl clap::builder::TypedValueParser<Value = AuthFlow> {
    let words = AuthFlow::ALL.map(AuthFlow::word);
    PossibleValuesParser::new(words)
        .try_map(|word| AuthFlow::of_word(&word).ok_or("this is no way to sign in"))
}

impl AddArgs {
    /// The plain values that are given: key, flag, value.
    fn values(&self) -> [(&'static str, &'static str, Option<&str>); 9] {
        [
            ("name", "--name", self.name.as_deref()),
            ("instance_url", "--instance-url", self.instance_url.as_deref()),
            ("salesforce_user", "--user", self.user.as_deref()),
            ("login_url", "--login-url", self.login_url.as_deref()),
            ("jwt_audience", "--jwt-audience", self.jwt_audience.as_deref()),
            ("proxy", "--proxy", self.proxy.as_deref()),
            ("api_version", "--api-version", self.api_version.as_deref()),
            ("poll_interval", "--poll-interval", self.poll_interval.as_deref()),
            ("start", "--start", self.start.as_deref()),
        ]
    }

    /// Where each secret comes from: key, place.
    pub(super) fn places(&self) -> [(&'static str, Option<&str>); 6] {
        [
            ("salesforce_user_password", self.password_from.as_deref()),
            ("consumer_key", self.consumer_key_from.as_deref()),
            ("consumer_secret", self.consumer_secret_from.as_deref()),
            ("security_token", self.security_token_from.as_deref()),
            ("jwt_key", self.jwt_key_from.as_deref()),
            ("refresh_token", self.refresh_token_from.as_deref()),
        ]
    }

    /// Whether the value or the secret of a key is given.
    fn gives(&self, key: &str) -> bool {
        self.values().iter().any(|(it, _, value)| *it == key && value.is_some())
            || self.places().iter().any(|(it, place)| *it == key && place.is_some())
    }

    /// Refuses values that the configuration would not take, and what the flow has no use for.
    pub(super) fn check(&self) -> anyhow::Result<()> {
        for (key, flag, value) in self.values() {
            if let Some(Err(why)) = value.map(|value| check_value(key, value)) {
                return Err(usage(format!("{flag}: {why}")));
            }
        }
        let Some(flow) = self.flow() else { return Ok(()) };
        let belongs = |key: &str| flow.needs().contains(&key) || flow.may_have().contains(&key);
        match AuthFlow::KEYS.iter().find(|key| self.gives(key) && !belongs(key)) {
            Some(key) => {
                let (flag, flow) = (flag_of(key), flow.word());
                Err(usage(format!("{flag} is not used when signing in by {flow}")))
            }
            None => Ok(()),
        }
    }

    /// The flow, as far as the flags say.
    pub(super) fn flow(&self) -> Option<AuthFlow> {
        let implied = [
            (&self.password_from, AuthFlow::Password),
            (&self.jwt_key_from, AuthFlow::JwtBearer),
            (&self.refresh_token_from, AuthFlow::RefreshToken),
        ];
        let implied = implied.into_iter().find(|(place, _)| place.is_some());
        self.auth.or(implied.map(|(_, flow)| flow))
    }

    /// The flags that are missing for a flow.
    pub(super) fn missing(&self, flow: AuthFlow) -> Vec<&'static str> {
        let needed = ["name", "instance_url", "consumer_key"].iter().chain(flow.needs());
        needed.filter(|key| !self.gives(key)).map(|key| flag_of(key)).collect()
    }
}

/// The flag of a key.
pub(super) fn flag_of(key: &str) -> &'static str {
    match key {
        "name" => "--name",
        "instance_url" => "--instance-url",
        "salesforce_user" => "--user",
        "salesforce_user_password" => "--password-from",
        "consumer_key" => "--consumer-key-from",
        "consumer_secret" => "--consumer-secret-from",
        "security_token" => "--security-token-from",
        "jwt_key" => "--jwt-key-from",
        "jwt_audience" => "--jwt-audience",
        _ => "--refresh-token-from",
    }
}
