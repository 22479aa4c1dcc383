//! Addresses in the configuration: what can be sent to, and what is refused before anything is.
//!
//! Messages never repeat an address, which may hold a password in the wrong place.

use url::{Host, Url};

/// The address of an org: scheme and host, nothing else. A host alone means `https`, because
/// that is how some write it into a connector's form.
pub(super) fn org(text: &str) -> Result<Url, String> {
    let whole = if text.contains("://") { text.to_owned() } else { format!("https://{text}") };
    let url = Url::parse(&whole).map_err(|_| not_an_address())?;
    check_host(&url)?;
    if !url.username().is_empty() || url.password().is_some() {
        return Err("user and password do not belong in an address".to_owned());
    }
    if url.path() != "/" || url.query().is_some() || url.fragment().is_some() {
        return Err("an org's address ends after its host: remove what follows".to_owned());
    }
    match url.scheme() {
        "https" => {}
        "http" if is_loopback(&url) => {}
        "http" => {
            return Err("passwords would cross the network readable: write https://".to_owned());
        }
        _ => return Err(not_an_address()),
    }
    if let Some(right) = url.host_str().and_then(api_host) {
        return Err(format!("this host is for browsers; the API is at https://{right}"));
    }
    Ok(url)
}

/// The address of a proxy: scheme, host and port.
pub(super) fn proxy(text: &str) -> Result<Url, String> {
    let wrong = || "write a proxy as http://host:port".to_owned();
    let url = Url::parse(text).map_err(|_| wrong())?;
    if !url.username().is_empty() || url.password().is_some() {
        return Err("a proxy's password does not belong in this file; set HTTPS_PROXY in the \
                    environment instead"
            .to_owned());
    }
    let plain = matches!(url.path(), "" | "/") && url.query().is_none() && url.fragment().is_none();
    let known = matches!(url.scheme(), "http" | "https" | "socks5" | "socks5h");
    if !known || !plain || check_host(&url).is_err() {
        return Err(wrong());
    }
    Ok(url)
}

/// Who a signed assertion is for: a whole `https` address, of which Salesforce compares every
/// character, so it stays as it is written.
pub(super) fn audience(text: &str) -> Result<String, String> {
    let wrong = || {
        "an audience is a whole address such as https://login.salesforce.com or \
         https://test.salesforce.com"
            .to_owned()
    };
    let url = Url::parse(text).map_err(|_| wrong())?;
    let safe = url.scheme() == "https" || (url.scheme() == "http" && is_loopback(&url));
    let plain = url.username().is_empty() && url.password().is_none() && url.query().is_none();
    if safe && plain && check_host(&url).is_ok() { Ok(text.to_owned()) } else { Err(wrong()) }
}

fn not_an_address() -> String {
    "this is no address of an org: write https://, then its host".to_owned()
}

fn check_host(url: &Url) -> Result<(), String> {
    if url.host_str().is_none_or(str::is_empty) {
        return Err(not_an_address());
    }
    if url.port() == Some(0) {
        return Err("port 0 cannot be sent to".to_owned());
    }
    Ok(())
}

/// For the host of a page in the browser, the host of the same org's API.
fn api_host(host: &str) -> Option<String> {
    let name = host
        .strip_suffix(".lightning.force.com")
        .or_else(|| host.strip_suffix(".my.salesforce-setup.com"))?;
    Some(format!("{name}.my.salesforce.com"))
}

/// Whether an address stays on this machine.
fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => is_loopback_name(name),
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

fn is_loopback_name(name: &str) -> bool {
    name == "localhost" || name.ends_with(".localhost")
}

/// Whether a host, as written without scheme, is this machine.
pub(super) fn is_loopback_host(host: &str) -> bool {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    is_loopback_name(bare) || bare.parse().is_ok_and(|ip: std::net::IpAddr| ip.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_org_has_https_and_a_host_and_nothing_else() {
        for (text, url) in [
            ("https://acme.my.salesforce.com", "https://acme.my.salesforce.com/"),
            ("https://Acme.my.salesforce.com/", "https://acme.my.salesforce.com/"),
            ("acme.my.salesforce.com", "https://acme.my.salesforce.com/"),
            ("http://127.0.0.1:8443", "http://127.0.0.1:8443/"),
            ("http://localhost:1", "http://localhost:1/"),
            ("http://[::1]:8080", "http://[::1]:8080/"),
        ] {
            assert_eq!(org(text).unwrap().as_str(), url, "{text}");
        }
        for (text, reason) in [
            ("", "no address"),
            ("https://", "no address"),
            ("ftp://acme.my.salesforce.com", "no address"),
            ("http://acme.my.salesforce.com", "readable"),
            ("http://127.0.0.1.evil.example", "readable"),
            ("https://u:hunter2@acme.my.salesforce.com", "do not belong"),
            ("u:hunter2@acme.my.salesforce.com", "do not belong"),
            ("https://acme.my.salesforce.com/services", "ends after its host"),
            ("https://acme.my.salesforce.com/?token=hunter2", "ends after its host"),
            ("https://acme.lightning.force.com", "https://acme.my.salesforce.com"),
            ("https://acme.my.salesforce.com:0", "port 0"),
        ] {
            let refused = org(text).unwrap_err();
            assert!(refused.contains(reason), "{text}: {refused}");
            assert!(!refused.contains("hunter2"));
        }
    }

    #[test]
    fn a_proxy_has_no_password_in_it() {
        assert!(proxy("http://proxy.example:3128").is_ok());
        assert!(proxy("socks5://10.0.0.1:1080").is_ok());
        assert!(proxy("http://u:hunter2@proxy.example:3128").unwrap_err().contains("HTTPS_PROXY"));
        for text in ["proxy.example:3128", "ftp://proxy.example", "http://proxy.example/x", ""] {
            assert!(proxy(text).is_err(), "{text}");
        }
    }

    #[test]
    fn this_machine_is_known_by_name_and_address() {
        for host in ["localhost", "127.0.0.1", "127.9.9.9", "::1", "[::1]", "a.localhost"] {
            assert!(is_loopback_host(host), "{host}");
        }
        for host in ["siem.example", "10.0.0.1", "localhost.example", ""] {
            assert!(!is_loopback_host(host), "{host}");
        }
    }
}
