//! TLS for whatever goes out: verified always, and with the same trust everywhere.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::aws_lc_rs::default_provider;
use rustls::crypto::{WebPkiSupportedAlgorithms, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, Error, SignatureScheme};
use rustls_platform_verifier::Verifier;

/// A client certificate with its chain, and its key.
pub type Identity = (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>);

/// A client's side of TLS 1.2 and 1.3. It trusts the system's authorities and `extra_roots`, and
/// proves who it is by `identity` if the other side asks.
///
/// # Errors
/// If a root is no certificate of an authority, or the identity's key does not fit.
pub fn client_config(
    extra_roots: Vec<CertificateDer<'static>>,
    identity: Option<Identity>,
) -> Result<ClientConfig, Error> {
    let provider = Arc::new(default_provider());
    let verifier: Arc<dyn ServerCertVerifier> = if extra_roots.is_empty() {
        Arc::new(System)
    } else {
        Arc::new(Verifier::new_with_extra_roots(extra_roots, Arc::clone(&provider))?)
    };
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        // "Dangerous" is the library's word for any verifier of one's own. These ask the library's.
        .dangerous()
        .with_custom_certificate_verifier(verifier);
    match identity {
        None => Ok(builder.with_no_client_auth()),
        Some((chain, key)) => builder.with_client_auth_cert(chain, key),
    }
}

/// How long the system's authorities are taken to be what they were. Whoever renews them need not
/// start anything anew.
const FRESH: Duration = Duration::from_mins(10);

/// Whom the system trusts. Its authorities, a hundred and more, are read when a connection first
/// needs them and kept once for all clients.
#[derive(Debug)]
struct System;

impl System {
    fn verifier() -> Result<Arc<Verifier>, Error> {
        static KEPT: Mutex<Option<(Instant, Arc<Verifier>)>> = Mutex::new(None);
        let mut kept = KEPT.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((read, verifier)) = &*kept
            && read.elapsed() < FRESH
        {
            return Ok(Arc::clone(verifier));
        }
        let verifier = Arc::new(Verifier::new(Arc::new(default_provider()))?);
        *kept = Some((Instant::now(), Arc::clone(&verifier)));
        Ok(verifier)
    }
}

/// The signatures that can be checked, whoever is trusted.
fn known() -> WebPkiSupportedAlgorithms {
    default_provider().signature_verification_algorithms
}

impl ServerCertVerifier for System {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        chain: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Self::verifier()?.verify_server_cert(certificate, chain, name, ocsp, now)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, certificate, signature, &known())
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, certificate, signature, &known())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        known().supported_schemes()
    }
}
