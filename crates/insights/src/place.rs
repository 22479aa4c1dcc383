//! Where sign-ins come from, as a local database of networks has it: derived from the counts by
//! address, so that rows cost nothing more.

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;

use orgtap_ledger::{CompactString, Count, OTHERS, Rollup, Series, Step, Sums};

use crate::measure::{ADDRESS, ADDRESS_FAILED, COUNTRY_FOUND, NETWORK, NETWORK_FAILED};
use crate::text;

/// Name for addresses of which nothing is known, and for what is no address.
pub const UNKNOWN: &str = "(unknown)";
/// The event type of sign-ins.
const LOGIN: &str = "Login";

/// Sums by start and name.
type Counts = BTreeMap<(i64, CompactString), Sums>;

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
    rollup.series.retain(|series| !ours.contains(&series.dimension.as_str()));
    let mut places: HashMap<&str, Place> = HashMap::new();
    let mut found: BTreeMap<(&'static str, Step), Counts> = BTreeMap::new();
    for series in rollup.series.iter().filter(|series| series.event_type == LOGIN) {
        let wanted: &[&'static str] = match series.dimension.as_str() {
            ADDRESS => &[COUNTRY_FOUND, NETWORK],
            ADDRESS_FAILED => &[NETWORK_FAILED],
            _ => continue,
        };
        for count in &series.counts {
            let place = places.entry(&count.name).or_insert_with(|| {
                let address = count.name.parse().ok();
                address.map(&mut find).unwrap_or_default()
            });
            for dimension in wanted {
                let known =
                    if *dimension == COUNTRY_FOUND { &place.country } else { &place.network };
                let name = match known {
                    _ if count.name == OTHERS => OTHERS.into(),
                    Some(name) => text::clean(name.as_bytes()),
                    None => UNKNOWN.into(),
                };
                let counts = found.entry((dimension, series.step)).or_default();
                counts.entry((count.start, name)).or_default().add(&count.sums);
            }
        }
    }
    rollup.series.extend(found.into_iter().map(|((dimension, step), counts)| {
        let counts = counts.into_iter();
        let count = |((start, name), sums)| Count { start, name, sums };
        let (event_type, dimension) = (LOGIN.to_owned(), dimension.to_owned());
        Series { event_type, dimension, step, counts: counts.map(count).collect() }
    }));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn series(dimension: &str, counts: &[(i64, &str, i64)]) -> Series {
        let count = |(start, name, events): &(i64, &str, i64)| Count {
            start: *start,
            name: (*name).into(),
            sums: Sums { events: *events, ..Sums::default() },
        };
        let (event_type, dimension) = (LOGIN.to_owned(), dimension.to_owned());
        let counts = counts.iter().map(count).collect();
        Series { event_type, dimension, step: Step::Hour, counts }
    }

    #[test]
    fn sign_ins_by_address_are_those_by_country_and_network_however_often_it_is_done() {
        let given = [
            series(
                ADDRESS,
                &[
                    (0, "192.0.2.1", 3),
                    (0, "192.0.2.2", 4),
                    (1, "192.0.2.1", 5),
                    (1, "2001:db8::1", 6),
                    (1, "Salesforce.com IP", 7),
                    (1, OTHERS, 8),
                ],
            ),
            series(ADDRESS_FAILED, &[(1, "192.0.2.1", 2)]),
        ];
        let mut rollup = Rollup { series: given.to_vec(), ..Rollup::default() };
        let find = |address: IpAddr| match address {
            IpAddr::V4(_) => Place {
                country: Some("NL".to_owned()),
                network: Some("AS64510 \u{7}Host".to_owned()),
            },
            IpAddr::V6(_) => Place::default(),
        };
        for _ in 0..2 {
            locate(&mut rollup, find);
            let (first, rest) = rollup.series.split_at(given.len());
            assert_eq!(first, given);
            let network = text::clean(b"AS64510 \x07Host");
            assert_eq!(
                rest,
                [
                    series(
                        COUNTRY_FOUND,
                        &[(0, "NL", 7), (1, OTHERS, 8), (1, UNKNOWN, 13), (1, "NL", 5)]
                    ),
                    series(
                        NETWORK,
                        &[(0, &network, 7), (1, OTHERS, 8), (1, UNKNOWN, 13), (1, &network, 5)]
                    ),
                    series(NETWORK_FAILED, &[(1, &network, 2)]),
                ]
            );
        }
    }
}
