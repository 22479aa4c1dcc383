//! Where sign-ins come from, as a local database of networks has it: derived from the counts by
//! address, so that rows cost nothing more.

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;

use orgtap_ledger::{Count, OTHERS, Rollup, Sums};

use crate::measure::{ADDRESS, ADDRESS_FAILED, COUNTRY_FOUND, NETWORK, NETWORK_FAILED};
use crate::text;

/// Name for addresses of which nothing is known, and for what is no address.
pub const UNKNOWN: &str = "(unknown)";
/// The event type of sign-ins.
const LOGIN: &str = "Login";

/// Where an address is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Place {
    /// Its country, as its code where there is one.
    pub country: Option<String>,
    /// The network it belongs to, by number and name.
    pub network: Option<String>,
}

/// Adds to a unit's counts those by country and network. What was added before is replaced.
pub fn locate(rollup: &mut Rollup, mut find: impl FnMut(IpAddr) -> Place) {
    let ours = [COUNTRY_FOUND, NETWORK, NETWORK_FAILED];
    rollup.counts.retain(|count| !ours.contains(&count.dimension.as_str()));
    let mut places: HashMap<String, Place> = HashMap::new();
    let mut sums: BTreeMap<(&'static str, i64, String), Sums> = BTreeMap::new();
    for count in rollup.counts.iter().filter(|count| count.event_type == LOGIN) {
        let wanted: &[&'static str] = match count.dimension.as_str() {
            ADDRESS => &[COUNTRY_FOUND, NETWORK],
            ADDRESS_FAILED => &[NETWORK_FAILED],
            _ => continue,
        };
        let place = places.entry(count.name.clone()).or_insert_with(|| {
            let address = count.name.parse().ok();
            address.map(&mut find).unwrap_or_default()
        });
        for dimension in wanted {
            let known = if *dimension == COUNTRY_FOUND { &place.country } else { &place.network };
            let name = match known {
                _ if count.name == OTHERS => OTHERS.to_owned(),
                Some(name) => text::clean(name.as_bytes()),
                None => UNKNOWN.to_owned(),
            };
            sums.entry((dimension, count.hour, name)).or_default().add(&count.sums);
        }
    }
    rollup.counts.extend(sums.into_iter().map(|((dimension, hour, name), sums)| Count {
        event_type: LOGIN.to_owned(),
        dimension: dimension.to_owned(),
        hour,
        name,
        sums,
    }));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn count(dimension: &str, hour: i64, name: &str, events: i64) -> Count {
        Count {
            event_type: LOGIN.to_owned(),
            dimension: dimension.to_owned(),
            hour,
            name: name.to_owned(),
            sums: Sums { events, ..Sums::default() },
        }
    }

    #[test]
    fn sign_ins_by_address_are_those_by_country_and_network_however_often_it_is_done() {
        let given = [
            count(ADDRESS, 0, "192.0.2.1", 3),
            count(ADDRESS, 0, "192.0.2.2", 4),
            count(ADDRESS, 1, "192.0.2.1", 5),
            count(ADDRESS, 1, "2001:db8::1", 6),
            count(ADDRESS, 1, "Salesforce.com IP", 7),
            count(ADDRESS, 1, OTHERS, 8),
            count(ADDRESS_FAILED, 1, "192.0.2.1", 2),
        ];
        let mut rollup = Rollup { counts: given.to_vec(), ..Rollup::default() };
        let find = |address: IpAddr| match address {
            IpAddr::V4(_) => Place {
                country: Some("NL".to_owned()),
                network: Some("AS64510 \u{7}Host".to_owned()),
            },
            IpAddr::V6(_) => Place::default(),
        };
        for _ in 0..2 {
            locate(&mut rollup, find);
            let (first, rest) = rollup.counts.split_at(given.len());
            assert_eq!(first, given);
            let network = text::clean(b"AS64510 \x07Host");
            assert_eq!(
                rest,
                [
                    count(COUNTRY_FOUND, 0, "NL", 7),
                    count(COUNTRY_FOUND, 1, OTHERS, 8),
                    count(COUNTRY_FOUND, 1, UNKNOWN, 13),
                    count(COUNTRY_FOUND, 1, "NL", 5),
                    count(NETWORK, 0, &network, 7),
                    count(NETWORK, 1, OTHERS, 8),
                    count(NETWORK, 1, UNKNOWN, 13),
                    count(NETWORK, 1, &network, 5),
                    count(NETWORK_FAILED, 1, &network, 2),
                ]
            );
        }
    }
}
