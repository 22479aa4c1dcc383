//! Connections that fail, each for a reason a person can act on.

use std::sync::Arc;

use orgtap_salesforce::{ErrorKind, Org, OrgSettings, Unreachable};
use orgtap_transport::{Disposition, Explain};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;

use crate::server::{FakeOrg, settings, token_answer};

async fn why(settings: OrgSettings) -> Unreachable {
    let org = Org::new(settings).unwrap();
    let error = org.sign_in().await.unwrap_err();
    assert!(matches!(error.disposition(), Disposition::Retry { .. }), "{error}");
    match error.kind() {
        ErrorKind::Unreachable(why) => *why,
        other => panic!("{other:?}: {error:?}"),
    }
}

#[tokio::test]
async fn a_port_nobody_listens_on_refuses() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap()).parse().unwrap();
    drop(listener);
    assert_eq!(why(settings(url)).await, Unreachable::Refused);
}

#[tokio::test]
async fn a_name_that_does_not_exist_is_a_name_problem() {
    let url = "https://acme.my.salesforce.com.invalid".parse().unwrap();
    assert_eq!(why(settings(url)).await, Unreachable::Name);
}

#[tokio::test]
async fn a_proxy_that_will_not_connect_is_a_proxy_problem() {
    let proxy = FakeOrg::start(|_| Some(crate::server::Reply::html(403, "no"))).await;
    let mut settings = settings("https://acme.my.salesforce.com".parse().unwrap());
    settings.client.proxy = Some(proxy.url.clone());
    assert_eq!(why(settings).await, Unreachable::Proxy);
}

#[tokio::test]
async fn a_port_that_does_not_speak_tls_is_a_tls_problem() {
    let server = FakeOrg::start(|_| None).await;
    let mut url = server.url.clone();
    url.set_scheme("https").unwrap();
    assert_eq!(why(settings(url)).await, Unreachable::Tls);
}

/// A TLS server with a certificate of its own making, for `localhost`. Answers every request with
/// a session.
async fn tls_server() -> (url::Url, String) {
    let certified = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    let key = PrivateKeyDer::try_from(certified.signing_key.serialize_der()).unwrap();
    let config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certified.cert.der().clone()], key)
        .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let url: url::Url = format!("https://localhost:{port}").parse().unwrap();
    let answer = token_answer(&url, "token").to_string();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let Ok(mut stream) = acceptor.accept(stream).await else { continue };
            let mut request = [0; 4096];
            if stream.read(&mut request).await.is_ok_and(|n| n > 0) {
                let head = format!(
                    "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{answer}",
                    answer.len()
                );
                stream.write_all(head.as_bytes()).await.unwrap();
                stream.shutdown().await.unwrap();
            }
        }
    });
    (url, certified.cert.pem())
}

#[tokio::test]
async fn an_untrusted_certificate_is_named_and_a_trusted_one_passes() {
    let (url, pem) = tls_server().await;
    let mut settings = settings(url);
    assert_eq!(why(settings.clone()).await, Unreachable::Certificate);
    settings.client.extra_roots_pem = Some(pem.into_bytes());
    Org::new(settings.clone()).unwrap().sign_in().await.unwrap();
    let mut other_name = settings.instance_url.clone();
    other_name.set_host(Some("127.0.0.1")).unwrap();
    settings.instance_url = other_name;
    assert_eq!(why(settings).await, Unreachable::Certificate, "for another name");
}

#[tokio::test]
async fn unusable_trust_is_refused_before_anything_is_sent() {
    let mut settings = settings("https://acme.my.salesforce.com".parse().unwrap());
    settings.client.identity_pem = Some(b"-----BEGIN nonsense".to_vec());
    let error = Org::new(settings).unwrap_err();
    assert_eq!(*error.kind(), ErrorKind::Settings);
}
