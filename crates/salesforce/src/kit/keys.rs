//! The key pair of the JWT flow: an RSA key, and a certificate of it for the app.
//!
//! What is there is kept. It does not renew a certificate by itself, and writes nothing: the
//! caller does that when everything else is known to be sound.

use std::fs;
use std::io::{self, Read as _};
use std::path::Path;

use jiff::ToSpan as _;
use jiff::civil::Date;
use orgtap_transport::Secret;
use rcgen::{
    CertificateParams, DistinguishedName, DnType, KeyPair, KeyUsagePurpose, PKCS_RSA_SHA256,
    PublicKeyData as _, RsaKeySize, date_time_ymd,
};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;

use super::error::KitError;
use super::settings::Plan;

/// The private key's file.
pub(super) const KEY: &str = "keys/orgtap.key";
/// The certificate's file.
pub(super) const CERTIFICATE: &str = "keys/orgtap.crt";

/// Longest file that is read, bytes.
const LONGEST: u64 = 64 * 1024;

/// A certificate for the app, and what of it must still be written.
#[derive(Debug)]
pub(super) struct Keys {
    /// In PEM.
    pub(super) certificate: String,
    /// The private key in PEM, if it is new.
    pub(super) new_key: Option<Secret>,
    /// Whether the certificate is new.
    pub(super) is_new_certificate: bool,
}

/// Takes what is below the folder, or makes what is missing.
///
/// A certificate without its key is fine: the key may have been moved to where Orgtap runs.
pub(super) fn ready(folder: &Path, plan: &Plan, new_key: bool) -> Result<Keys, KitError> {
    if new_key {
        return make(plan);
    }
    let key_path = folder.join(KEY);
    let certificate_path = folder.join(CERTIFICATE);
    let key = match read(&key_path)? {
        Some(text) => Some(key_pair(&key_path, &text)?),
        None => None,
    };
    match (key, read(&certificate_path)?) {
        (None, None) => make(plan),
        (Some(key), None) => {
            Ok(Keys { certificate: sign(plan, &key)?, new_key: None, is_new_certificate: true })
        }
        (key, Some(certificate)) => {
            let certificate = certificate.expose();
            check(&certificate_path, certificate, key.as_ref())?;
            let certificate = certificate.to_owned();
            Ok(Keys { certificate, new_key: None, is_new_certificate: false })
        }
    }
}

fn make(plan: &Plan) -> Result<Keys, KitError> {
    let pair =
        KeyPair::generate_rsa_for(&PKCS_RSA_SHA256, RsaKeySize::_2048).map_err(KitError::making)?;
    Ok(Keys {
        certificate: sign(plan, &pair)?,
        new_key: Some(Secret::new(pair.serialize_pem())),
        is_new_certificate: true,
    })
}

/// A certificate that the key signs for itself.
fn sign(plan: &Plan, key: &KeyPair) -> Result<String, KitError> {
    let midnight = |date: Date| {
        date_time_ymd(date.year().into(), date.month().unsigned_abs(), date.day().unsigned_abs())
    };
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, plan.name.as_str());
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    // From the day before, for a clock that is behind.
    params.not_before = midnight(plan.today.yesterday().unwrap_or(plan.today));
    params.not_after = midnight(plan.today.saturating_add(i64::from(plan.certificate_days).days()));
    Ok(params.self_signed(key).map_err(KitError::making)?.pem())
}

fn key_pair(path: &Path, text: &Secret) -> Result<KeyPair, KitError> {
    let pair = KeyPair::from_pem(text.expose())
        .map_err(|_| KitError::keys(path, "It is no private key in PEM that can be read."))?;
    if pair.is_compatible(&PKCS_RSA_SHA256) {
        Ok(pair)
    } else {
        Err(KitError::keys(path, "Salesforce takes RSA keys only."))
    }
}

/// A certificate, alone in its file, and of the key if that is here.
fn check(path: &Path, text: &str, key: Option<&KeyPair>) -> Result<(), KitError> {
    let certificate = CertificateDer::from_pem_slice(text.as_bytes())
        .map_err(|_| KitError::keys(path, "It is no certificate in PEM."))?;
    // Its text goes into a file for the org as it is.
    if text.matches("-----BEGIN ").count() != 1 || !text.starts_with("-----BEGIN CERTIFICATE-----")
    {
        return Err(KitError::keys(path, "It holds more than one certificate."));
    }
    let Some(key) = key else { return Ok(()) };
    // A certificate holds the public key as it is.
    let public = key.subject_public_key_info();
    if certificate.windows(public.len()).any(|part| part == public) {
        Ok(())
    } else {
        Err(KitError::keys(path, "It belongs to another key than the one beside it."))
    }
}

/// A small file's text; none if there is no file.
fn read(path: &Path) -> Result<Option<Secret>, KitError> {
    let file = match fs::File::open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        opened => opened.map_err(|error| KitError::disk(path, error))?,
    };
    let mut text = String::new();
    match file.take(LONGEST).read_to_string(&mut text) {
        Ok(_) => Ok(Some(Secret::new(text))),
        Err(error) if error.kind() == io::ErrorKind::InvalidData => {
            Err(KitError::keys(path, "It is no text."))
        }
        Err(error) => Err(KitError::disk(path, error)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kit::settings::Flow;
    use crate::kit::tests::settings;

    fn plan() -> Plan {
        Plan::new(&settings(Flow::Jwt)).unwrap()
    }

    /// A folder with files in its `keys`.
    fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("keys")).unwrap();
        for (name, text) in files {
            fs::write(folder.path().join(name), text).unwrap();
        }
        folder
    }

    fn cause(files: &[(&str, &str)]) -> String {
        let error = ready(folder(files).path(), &plan(), false).unwrap_err();
        assert!(error.is_usage());
        orgtap_transport::Explain::cause(&error)
    }

    #[test]
    fn a_pair_is_made_once_and_kept() {
        let made = ready(folder(&[]).path(), &plan(), false).unwrap();
        let key = made.new_key.unwrap();
        assert!(key.expose().starts_with("-----BEGIN PRIVATE KEY-----"));
        let there = folder(&[(KEY, key.expose()), (CERTIFICATE, &made.certificate)]);
        let kept = ready(there.path(), &plan(), false).unwrap();
        assert!(kept.new_key.is_none() && !kept.is_new_certificate);
        assert_eq!(kept.certificate, made.certificate);
        let new = ready(there.path(), &plan(), true).unwrap();
        assert!(new.new_key.is_some());
        assert_ne!(new.certificate, made.certificate);
    }

    #[test]
    fn a_key_may_have_been_moved_away_and_a_certificate_lost() {
        let made = ready(folder(&[]).path(), &plan(), false).unwrap();
        let moved = ready(folder(&[(CERTIFICATE, &made.certificate)]).path(), &plan(), false);
        assert!(moved.unwrap().new_key.is_none());
        let key = made.new_key.unwrap();
        let lost = ready(folder(&[(KEY, key.expose())]).path(), &plan(), false).unwrap();
        assert!(lost.new_key.is_none() && lost.is_new_certificate);
        let pair = KeyPair::from_pem(key.expose()).unwrap();
        check(Path::new(CERTIFICATE), &lost.certificate, Some(&pair)).unwrap();
    }

    #[test]
    fn files_that_do_not_belong_together_or_are_something_else_are_refused() {
        let one = ready(folder(&[]).path(), &plan(), false).unwrap();
        let other = ready(folder(&[]).path(), &plan(), false).unwrap();
        let key = one.new_key.unwrap();
        let key = key.expose();
        let pair = [(KEY, key), (CERTIFICATE, other.certificate.as_str())];
        assert_eq!(cause(&pair), "It belongs to another key than the one beside it.");
        let both = format!("{}{key}", one.certificate);
        assert_eq!(cause(&[(CERTIFICATE, &both)]), "It holds more than one certificate.");
        assert_eq!(cause(&[(CERTIFICATE, key)]), "It is no certificate in PEM.");
        assert_eq!(cause(&[(KEY, "secret")]), "It is no private key in PEM that can be read.");
        let curve = KeyPair::generate().unwrap().serialize_pem();
        assert_eq!(cause(&[(KEY, &curve)]), "Salesforce takes RSA keys only.");
    }
}
