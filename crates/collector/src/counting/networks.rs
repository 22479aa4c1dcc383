//! Local databases of networks, in the format of MaxMind: which country and network an address is of.
//!
//! The files are read whole. Whoever keeps them puts new ones in their place now and then; they are
//! taken up within a minute. One that cannot be read leaves the old one in use.

use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom};
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use maxminddb::Reader;
use orgtap_insights::{Place, locate};
use orgtap_ledger::Rollup;
use serde::Deserialize;

/// How often it is looked for new files.
const LOOK: Duration = Duration::from_mins(1);
/// Largest file that is read, bytes.
const LARGEST: u64 = 1 << 30;
/// What begins the last part of a database, and how far from the file's end, bytes, at most.
const MARK: &[u8] = b"\xab\xcd\xefMaxMind.com";
const END: u64 = 128 << 10;

/// The configured databases. What the first of them says counts.
pub(crate) struct Networks {
    /// With the time they were last looked at.
    databases: Mutex<(Vec<Database>, Option<Instant>)>,
}

struct Database {
    path: PathBuf,
    /// Size and time of the file that was read, or tried.
    stamp: Option<(u64, SystemTime)>,
    reader: Option<Reader<Vec<u8>>>,
}

/// What a record may say; providers differ.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Found {
    country: Option<Country>,
    registered_country: Option<Country>,
    country_code: Option<String>,
    autonomous_system_number: Option<Number>,
    autonomous_system_organization: Option<String>,
    asn: Option<Number>,
    as_name: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Country {
    Record { iso_code: Option<String> },
    Code(String),
}

impl Country {
    fn code(self) -> Option<String> {
        match self {
            Self::Record { iso_code } => iso_code,
            Self::Code(code) => Some(code),
        }
    }
}

/// As a number of any width, or with letters before it.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Number {
    Plain(u64),
    Written(String),
}

/// Looks whether a file seems to be a database, without reading it whole.
///
/// # Errors
/// A sentence that says what is wrong with it.
pub(crate) fn check(path: &Path) -> Result<(), String> {
    let end = || {
        let mut file = File::open(path)?;
        let size = file.metadata()?.len();
        file.seek(SeekFrom::Start(size.saturating_sub(END)))?;
        let mut end = Vec::new();
        file.take(END).read_to_end(&mut end)?;
        io::Result::Ok((size, end))
    };
    let (size, end) = end().map_err(|error| error.to_string())?;
    if size > LARGEST {
        return Err("it is larger than 1 GiB".to_owned());
    }
    if memchr::memmem::rfind(&end, MARK).is_none() {
        return Err("it is no MaxMind DB".to_owned());
    }
    Ok(())
}

/// Reads a database whole.
fn read(path: &Path) -> Result<Reader<Vec<u8>>, String> {
    check(path)?;
    let bytes = fs::read(path).map_err(|error| error.to_string())?;
    Reader::from_source(bytes).map_err(|error| format!("it is no MaxMind DB ({error})"))
}

impl Networks {
    /// None if no database is configured.
    pub(crate) fn new(paths: &[PathBuf]) -> Option<Self> {
        let database = |path: &PathBuf| Database { path: path.clone(), stamp: None, reader: None };
        let databases = Mutex::new((paths.iter().map(database).collect(), None));
        (!paths.is_empty()).then_some(Self { databases })
    }

    /// Adds to units' counts those by country and network.
    pub(crate) fn locate<'r>(&self, rollups: impl Iterator<Item = &'r mut Rollup>) {
        let databases = self.current();
        for rollup in rollups {
            locate(rollup, |address| place(&databases.0, address));
        }
    }

    /// The databases, as their files are.
    fn current(&self) -> MutexGuard<'_, (Vec<Database>, Option<Instant>)> {
        let mut guard = self.databases.lock().unwrap_or_else(PoisonError::into_inner);
        let (databases, looked) = &mut *guard;
        if looked.is_none_or(|looked| looked.elapsed() >= LOOK) {
            *looked = Some(Instant::now());
            databases.iter_mut().for_each(Database::look);
        }
        guard
    }
}

/// What the databases say of an address: of each thing what the first says that knows it.
fn place(databases: &[Database], address: IpAddr) -> Place {
    let found = databases.iter().filter_map(|database| database.find(address));
    found.map(place_of).fold(Place::default(), |place, next| Place {
        country: place.country.or(next.country),
        network: place.network.or(next.network),
    })
}

fn place_of(found: Found) -> Place {
    let country = found.country_code.or_else(|| found.country.and_then(Country::code));
    let number = found.autonomous_system_number.or(found.asn).map(|number| match number {
        Number::Plain(number) => format!("AS{number}"),
        Number::Written(number) => number,
    });
    let name = found.autonomous_system_organization.or(found.as_name);
    Place {
        country: country.or_else(|| found.registered_country.and_then(Country::code)),
        network: match (number, name) {
            (Some(number), Some(name)) => Some(format!("{number} {name}")),
            (number, name) => number.or(name),
        },
    }
}

impl Database {
    /// Reads the file if it is another than before.
    fn look(&mut self) {
        let stamp = fs::metadata(&self.path)
            .and_then(|metadata| io::Result::Ok((metadata.len(), metadata.modified()?)));
        let stamp = stamp.ok();
        if stamp == self.stamp && (stamp.is_some() || self.reader.is_some()) {
            return;
        }
        self.stamp = stamp;
        match read(&self.path) {
            Ok(reader) => self.reader = Some(reader),
            Err(why) => tracing::warn!(
                file = %self.path.display(),
                "cannot read a database of networks: {why}; {}",
                if self.reader.is_some() { "the one before is used" } else { "it is left out" }
            ),
        }
    }

    /// What it says of an address. A record of another form says nothing.
    fn find(&self, address: IpAddr) -> Option<Found> {
        self.reader.as_ref()?.lookup(address).ok()?.decode().ok()?
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_of_its_countrys_network() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("networks.mmdb");
        fs::write(&path, orgtap_simorg::networks()).unwrap();
        let missing = folder.path().join("missing.mmdb");
        let networks = Networks::new(&[missing, path]).unwrap();
        let databases = networks.current();
        let find = |address: &str| {
            let Place { country, network } = place(&databases.0, address.parse().unwrap());
            (country.unwrap_or_default(), network.unwrap_or_default())
        };
        let of = |country: &str, network: &str| (country.to_owned(), network.to_owned());
        assert_eq!(find("203.0.113.10"), of("IN", "AS64500 Acme Offices"));
        assert_eq!(find("203.0.113.50"), of("SG", "AS64500 Acme Offices"));
        assert_eq!(find("192.0.2.77"), of("NL", "AS64510 Bulletproof Hosting"));
        assert_eq!(find("198.51.100.9"), of("", "AS64501 Acme Broadband"));
        assert_eq!(find("198.19.255.1"), of("US", "AS64502 Acme Cloud"));
        assert_eq!(find("2001:db8:a4:7::1"), of("DE", "AS64501 Acme Broadband"));
        assert_eq!(find("2001:db8:ffff::1"), of("", "AS64501 Acme Broadband"));
        assert_eq!(find("127.0.0.1"), of("", ""));
    }

    #[test]
    fn records_of_other_providers_are_understood() {
        let read = |text: &str| -> Place {
            let found: Found = serde_json::from_str(text).unwrap();
            place_of(found)
        };
        let of = |country: &str, network: &str| Place {
            country: Some(country.to_owned()),
            network: Some(network.to_owned()),
        };
        let ipinfo =
            r#"{"country": "Germany", "country_code": "DE", "asn": "AS1", "as_name": "X"}"#;
        assert_eq!(read(ipinfo), of("DE", "AS1 X"));
        assert_eq!(read(r#"{"country": "DE", "asn": 7}"#), of("DE", "AS7"));
        let registered =
            r#"{"registered_country": {"iso_code": "US"}, "as_name": "Y", "city": {}}"#;
        assert_eq!(read(registered), of("US", "Y"));
    }

    #[test]
    fn a_file_that_is_no_database_says_so_and_a_new_one_is_taken_up() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("networks.mmdb");
        fs::write(&path, "no database").unwrap();
        assert!(read(&path).unwrap_err().contains("no MaxMind DB"));
        let mut database = Database { path: path.clone(), stamp: None, reader: None };
        database.look();
        assert!(database.find("203.0.113.10".parse().unwrap()).is_none());
        fs::write(&path, orgtap_simorg::networks()).unwrap();
        database.look();
        assert!(database.find("203.0.113.10".parse().unwrap()).is_some());
        fs::write(&path, "damaged").unwrap();
        database.look();
        assert!(database.find("203.0.113.10".parse().unwrap()).is_some(), "the one before");
    }
}
