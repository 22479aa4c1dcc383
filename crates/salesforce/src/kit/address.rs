//! Ranges of addresses that the org shall trust.

use std::net::IpAddr;

use super::error::KitError;

/// The most ranges that an app may have.
const MOST: usize = 128;
/// The shortest prefix of a range: anything wider trusts strangers.
const WIDEST_V4: u32 = 8;
const WIDEST_V6: u32 = 32;

/// Addresses from the first to the last, both included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Range {
    pub(super) first: IpAddr,
    pub(super) last: IpAddr,
}

/// Reads all ranges.
pub(super) fn ranges(texts: &[String]) -> Result<Vec<Range>, KitError> {
    if texts.len() > MOST {
        return Err(KitError::setting(
            "--address",
            format!("{} times", texts.len()),
            format!("Salesforce takes {MOST} ranges at most."),
            "Join neighbouring ranges.",
        ));
    }
    texts.iter().map(|text| range(text)).collect()
}

/// Reads `203.0.113.7`, `203.0.113.0/24` or `203.0.113.1-203.0.113.9`, and the same of IPv6.
fn range(text: &str) -> Result<Range, KitError> {
    let found = if let Some((first, last)) = text.split_once('-') {
        first.trim().parse().ok().zip(last.trim().parse().ok())
    } else if let Some((address, prefix)) = text.split_once('/') {
        address.parse().ok().zip(prefix.parse().ok()).and_then(|(ip, bits)| network(ip, bits))
    } else {
        text.parse().ok().map(|ip: IpAddr| (ip, ip))
    };
    let refused = |cause: &str| {
        let remedy = "Write an address, a range such as 203.0.113.1-203.0.113.9, or a network such \
                      as 203.0.113.0/24.";
        KitError::setting("--address", text, cause, remedy)
    };
    let Some((first, last)) = found else {
        return Err(refused("It is no address, range or network."));
    };
    let (bits, width, widest) = match (first, last) {
        (IpAddr::V4(a), IpAddr::V4(b)) => {
            (32, u128::from(b.to_bits()).checked_sub(a.to_bits().into()), WIDEST_V4)
        }
        (IpAddr::V6(a), IpAddr::V6(b)) => (128, b.to_bits().checked_sub(a.to_bits()), WIDEST_V6),
        _ => return Err(refused("It mixes IPv4 and IPv6.")),
    };
    match width {
        None => Err(refused("Its first address comes after its last.")),
        Some(width) if width >> (bits - widest) > 0 => {
            Err(refused("It is so wide that it trusts strangers."))
        }
        Some(_) => Ok(Range { first, last }),
    }
}

/// The first and last address of a network.
fn network(address: IpAddr, prefix: u32) -> Option<(IpAddr, IpAddr)> {
    match address {
        IpAddr::V4(ip) => {
            let host = u32::MAX.checked_shr(prefix).unwrap_or(0);
            let bits = ip.to_bits();
            (prefix <= 32)
                .then(|| (IpAddr::V4((bits & !host).into()), IpAddr::V4((bits | host).into())))
        }
        IpAddr::V6(ip) => {
            let host = u128::MAX.checked_shr(prefix).unwrap_or(0);
            let bits = ip.to_bits();
            (prefix <= 128)
                .then(|| (IpAddr::V6((bits & !host).into()), IpAddr::V6((bits | host).into())))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> String {
        let range = range(text).unwrap();
        format!("{} {}", range.first, range.last)
    }

    #[test]
    fn an_address_a_network_and_a_range_are_read() {
        assert_eq!(shown("203.0.113.7"), "203.0.113.7 203.0.113.7");
        assert_eq!(shown("203.0.113.7/32"), "203.0.113.7 203.0.113.7");
        assert_eq!(shown("203.0.113.77/24"), "203.0.113.0 203.0.113.255");
        assert_eq!(shown("10.0.0.0/8"), "10.0.0.0 10.255.255.255");
        assert_eq!(shown("203.0.113.1 - 203.0.113.9"), "203.0.113.1 203.0.113.9");
        assert_eq!(shown("2001:db8::/32"), "2001:db8:: 2001:db8:ffff:ffff:ffff:ffff:ffff:ffff");
        assert_eq!(shown("2001:db8::1"), "2001:db8::1 2001:db8::1");
    }

    #[test]
    fn what_is_no_range_or_too_wide_is_refused() {
        for text in [
            "",
            "here",
            "203.0.113.0/33",
            "203.0.113.0/",
            "203.0.113.9-203.0.113.1",
            "203.0.113.1-2001:db8::1",
            "10.0.0.0/7",
            "0.0.0.0/0",
            "0.0.0.0-255.255.255.255",
            "::/0",
            "2001:db8::/31",
            "2001:db8::/129",
        ] {
            assert!(range(text).is_err(), "{text}");
        }
        assert!(ranges(&vec!["203.0.113.7".to_owned(); 128]).is_ok());
        assert!(ranges(&vec!["203.0.113.7".to_owned(); 129]).is_err());
    }
}
