//! Takes our own secrets out of what the other side says.
//!
//! A broken or hostile server can echo a request in its error page. Whatever of an answer ends up
//! in an [`Error`](crate::Error) passes through here first.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

use orgtap_transport::{Secret, http};
use url::form_urlencoded;

/// Secrets shorter than this are left alone: taking out every `a` would tell more than it hides.
const SHORTEST: usize = 4;

/// Knows the secrets of one connector in every spelling they are sent in.
pub(crate) struct Redactor {
    /// Those of the settings.
    settled: Vec<Secret>,
    /// Those of the last sign-ins: assertions, refresh tokens.
    passing: Mutex<VecDeque<Secret>>,
}

/// Spellings of passing secrets that are remembered: those of the last handful of sign-ins.
const PASSING: usize = 64;

impl Redactor {
    pub(crate) fn new<'a>(secrets: impl IntoIterator<Item = &'a Secret>) -> Self {
        let mut spellings: Vec<Secret> = Vec::new();
        for secret in secrets {
            add_spellings(secret.expose(), &mut spellings);
        }
        // The longest first, so that a password with its token goes before the password alone.
        spellings.sort_by_key(|spelling| std::cmp::Reverse(spelling.expose().len()));
        Self { settled: spellings, passing: Mutex::default() }
    }

    /// Takes out these as well from now on, until enough others have come.
    pub(crate) fn also(&self, secrets: &[Secret]) {
        let mut spellings = Vec::new();
        for secret in secrets {
            add_spellings(secret.expose(), &mut spellings);
        }
        let mut passing = self.passing.lock().unwrap_or_else(PoisonError::into_inner);
        for spelling in spellings.into_iter().filter(|it| !self.settled.contains(it)) {
            passing.push_front(spelling);
        }
        passing.truncate(PASSING);
    }

    /// The text without secrets: the connector's, and the session's if one was sent.
    pub(crate) fn clean(&self, text: &str, session: Option<&Secret>) -> String {
        let mut own = Vec::new();
        if let Some(token) = session {
            add_spellings(token.expose(), &mut own);
        }
        let mut text = text.to_owned();
        let passing = self.passing.lock().unwrap_or_else(PoisonError::into_inner);
        for spelling in own.iter().chain(passing.iter()).chain(&self.settled) {
            if text.contains(spelling.expose()) {
                text = text.replace(spelling.expose(), "[secret]");
            }
        }
        text
    }

    /// The start of a body, cleaned and short enough for a message.
    pub(crate) fn excerpt(&self, body: &[u8], session: Option<&Secret>) -> String {
        http::excerpt(self.clean(&String::from_utf8_lossy(body), session).as_bytes())
    }
}

impl std::fmt::Debug for Redactor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Redactor(..)")
    }
}

/// A secret as it is, form-encoded, percent-encoded, and escaped for JSON and HTML.
fn add_spellings(secret: &str, spellings: &mut Vec<Secret>) {
    if secret.len() < SHORTEST {
        return;
    }
    let form: String = form_urlencoded::byte_serialize(secret.as_bytes()).collect();
    let json = serde_json::Value::from(secret).to_string();
    let html = secret
        .replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;");
    for spelling in [
        secret.to_owned(),
        form.replace('+', "%20"),
        form,
        json.trim_matches('"').to_owned(),
        html.replace('\'', "&#39;"),
        html,
    ] {
        if !spellings.iter().any(|known| known.expose() == spelling) {
            spellings.push(Secret::new(spelling));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_secrets_out_in_every_spelling() {
        let password = Secret::new(r#"p@ss w<r"d&1"#);
        let redactor = Redactor::new([&password]);
        let session = Secret::new("00Dxx!TOKEN");
        let echo = r#"<pre>password=p%40ss+w%3Cr%22d%261 p%40ss%20w%3Cr%22d%261 {"p":"p@ss w<r\"d&1"} p@ss w<r"d&1 p@ss w&lt;r&quot;d&amp;1 Bearer 00Dxx!TOKEN</pre>"#;
        assert_eq!(
            redactor.clean(echo, Some(&session)),
            r#"<pre>password=[secret] [secret] {"p":"[secret]"} [secret] [secret] Bearer [secret]</pre>"#
        );
    }

    #[test]
    fn a_secret_on_the_edge_of_the_excerpt_does_not_show_in_part() {
        let secret = Secret::new("abcdefghijklmnopqrstuvwxyz");
        let redactor = Redactor::new([&secret]);
        for padding in 150..260 {
            let body = format!("{}{}", "x".repeat(padding), secret.expose());
            assert!(!redactor.excerpt(body.as_bytes(), None).contains("abcd"), "{padding}");
        }
    }

    #[test]
    fn secrets_of_a_sign_in_are_taken_out_too() {
        let redactor = Redactor::new([&Secret::new("password")]);
        redactor.also(&[Secret::new("5Aep861.rotated"), Secret::new("ey.header.signature")]);
        let echo = "refresh_token=5Aep861.rotated assertion=ey.header.signature password";
        let clean = "refresh_token=[secret] assertion=[secret] [secret]";
        assert_eq!(redactor.clean(echo, None), clean);
        for number in 0..100 {
            redactor.also(&[Secret::new(format!("token-{number}"))]);
        }
        assert_eq!(redactor.clean("token-99", None), "[secret]");
    }

    #[test]
    fn one_letter_secrets_do_not_eat_the_message() {
        let redactor = Redactor::new([&Secret::new("a")]);
        assert_eq!(redactor.clean("authentication failure", None), "authentication failure");
    }
}
