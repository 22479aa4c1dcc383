//! The JWT bearer flow: an assertion signed with the key of a certificate the administrator
//! uploaded takes the place of all secrets.

use aws_lc_rs::signature::{RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::{Map, Value};

use super::host::Host;
use super::{Asked, Denied, Granted, Who};
use crate::config::{Flow, PermittedUsers};
use crate::faults::LoginRefusal::{
    AudienceInvalid, ClientIdentifierInvalid, ExpiredCode, InvalidAssertion, MissingParameter,
    NotApproved,
};
use crate::org::login_host;

/// Seconds an assertion may live.
const LONGEST_LIFE: i64 = 180;
/// Seconds by which the client's clock may differ.
const TOLERANCE: i64 = 5;

const UNAPPROVED: Denied = Denied::with(NotApproved, "Failed: Not approved for access");

pub(super) fn sign_in(asked: &Asked<'_>, who: &mut Who) -> Result<Granted, Denied> {
    let assertion = asked.field("assertion").ok_or(MissingParameter)?;
    let claims = Claims::read(assertion).ok_or(InvalidAssertion)?;
    let org = asked.org;
    if claims.text("iss") != Some(org.credentials.consumer_key.as_str()) {
        return Err(ClientIdentifierInvalid.into());
    }
    // The older name of the claim wins.
    let user = claims.text("prn").or_else(|| claims.text("sub")).ok_or(InvalidAssertion)?;
    who.user = Some(user.to_owned());
    asked.check_org()?;
    let certificate = asked.settings.certificate.as_deref();
    if !certificate.is_some_and(|pem| signed_with(assertion, pem)) {
        return Err(Denied::with(InvalidAssertion, "Failed: Signature Invalid"));
    }
    check_audience(asked, &claims)?;
    check_time(asked, &claims)?;
    if asked.host == Host::OtherLogin || !user.eq_ignore_ascii_case(&org.credentials.username) {
        return Err(NotApproved.into());
    }
    asked.check_app(Flow::JwtBearer)?;
    if asked.settings.permitted_users == PermittedUsers::SelfAuthorised
        && !asked.settings.pre_authorised
    {
        return Err(UNAPPROVED);
    }
    asked.check_user()?;
    // This flow's answer is shorter than the others'.
    Ok(Granted { issued_at: None, signature: None, ..asked.grant() })
}

/// The audience is one text: the address of the login host, wherever the assertion is sent.
fn check_audience(asked: &Asked<'_>, claims: &Claims) -> Result<(), Denied> {
    let audience = claims.text("aud").unwrap_or_default();
    let settings = &asked.settings;
    let official = format!("https://{}", login_host(settings.sandbox));
    let played = asked.org.login_url();
    if audience == official || (audience == played && !settings.wrong_login_host) {
        return Ok(());
    }
    Err(Denied::with(AudienceInvalid, "Failed: Audience Invalid"))
}

/// The assertion lives for minutes, by the org's clock.
fn check_time(asked: &Asked<'_>, claims: &Claims) -> Result<(), Denied> {
    let expires = match claims.0.get("exp") {
        Some(Value::Number(number)) => number.as_f64().map(|seconds| seconds as i64),
        Some(Value::String(text)) => text.parse().ok(),
        _ => None,
    };
    let Some(expires) = expires else {
        return Err(Denied::with(InvalidAssertion, "Failed: Assertion Invalid"));
    };
    let left = expires.saturating_sub(asked.now.as_second());
    if (-TOLERANCE..=LONGEST_LIFE + TOLERANCE).contains(&left) {
        return Ok(());
    }
    Err(Denied::with(ExpiredCode, "Failed: Assertion Expired"))
}

/// What an assertion claims.
struct Claims(Map<String, Value>);

impl Claims {
    /// Reads an assertion without believing it; none unless it is a JWT of the one algorithm.
    fn read(assertion: &str) -> Option<Self> {
        let mut parts = assertion.split('.');
        let header = object(parts.next()?)?;
        let claims = object(parts.next()?)?;
        let whole = parts.next().is_some() && parts.next().is_none();
        (whole && header.get("alg").and_then(Value::as_str) == Some("RS256"))
            .then_some(Self(claims))
    }

    fn text(&self, name: &str) -> Option<&str> {
        self.0.get(name)?.as_str()
    }
}

fn object(part: &str) -> Option<Map<String, Value>> {
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).ok()?).ok()
}

/// Whether the assertion's signature is that of the certificate's key.
fn signed_with(assertion: &str, pem: &str) -> bool {
    let check = || {
        let (signed, signature) = assertion.rsplit_once('.')?;
        let signature = URL_SAFE_NO_PAD.decode(signature).ok()?;
        let certificate = certificate(pem)?;
        let key = UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, public_key(&certificate)?);
        key.verify(signed.as_bytes(), &signature).ok()
    };
    check().is_some()
}

/// The bytes of a PEM's first certificate.
fn certificate(pem: &str) -> Option<Vec<u8>> {
    let (_, rest) = pem.split_once("-----BEGIN CERTIFICATE-----")?;
    let (body, _) = rest.split_once("-----END CERTIFICATE-----")?;
    let body: String = body.split_ascii_whitespace().collect();
    STANDARD.decode(body).ok()
}

/// The public key of an X.509 certificate, with its algorithm: the seventh field of the part that
/// is signed, or the sixth in certificates without a version.
fn public_key(certificate: &[u8]) -> Option<&[u8]> {
    const VERSION: u8 = 0xa0;
    let (_, certificate, _) = element(certificate)?;
    let (_, mut rest, _) = element(certificate)?;
    let fields_before = if rest.first() == Some(&VERSION) { 6 } else { 5 };
    for _ in 0..fields_before {
        (_, _, rest) = element(rest)?;
    }
    let (whole, _, _) = element(rest)?;
    Some(whole)
}

/// Splits DER into its first element with and without its head, and what follows.
fn element(der: &[u8]) -> Option<(&[u8], &[u8], &[u8])> {
    let first = usize::from(*der.get(1)?);
    let (head, length) = if first < 0x80 {
        (2, first)
    } else {
        let digits = der.get(2..2 + (first & 0x7f))?;
        let length = digits.iter().try_fold(0_usize, |length, byte| {
            length.checked_mul(256)?.checked_add(usize::from(*byte))
        });
        (2 + digits.len(), length?)
    };
    let (whole, rest) = der.split_at_checked(head.checked_add(length)?)?;
    Some((whole, whole.get(head..)?, rest))
}
