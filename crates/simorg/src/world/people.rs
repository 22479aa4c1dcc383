//! Who works in the org, where they sit, and what they sign in with.
//!
//! Addresses are taken from the ranges set aside for documentation and benchmarks, so that no
//! made-up attack points at a real network.

use super::ids;
use super::random::{Rng, mix, mix_label};

/// A person, or a program with a login of its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// 18 characters, prefix `005`.
    pub id: String,
    /// The login name.
    pub username: String,
    /// The full name.
    pub name: String,
    /// E-mail address.
    pub email: String,
    /// The profile's name.
    pub profile: String,
    /// The profile's id, 18 characters, prefix `00e`.
    pub profile_id: String,
    /// Whether the user may sign in.
    pub active: bool,
    /// Whether it is a program rather than a person.
    pub integration: bool,
}

/// A town people work in.
#[derive(Debug)]
pub(super) struct Place {
    /// Country code in `COUNTRY_CODE`.
    pub(super) country: &'static str,
    /// Country and state, as `CLIENT_GEO` has them.
    pub(super) geo: &'static str,
    /// Minutes ahead of UTC.
    pub(super) offset: i64,
}

/// Where people work, then where attackers sit.
pub(super) const PLACES: [Place; 8] = [
    Place { country: "IN", geo: "India/Maharashtra", offset: 330 },
    Place { country: "US", geo: "United States/California", offset: -480 },
    Place { country: "US", geo: "United States/New York", offset: -300 },
    Place { country: "GB", geo: "United Kingdom/England", offset: 0 },
    Place { country: "DE", geo: "Germany/Bavaria", offset: 60 },
    Place { country: "SG", geo: "Singapore/Singapore", offset: 480 },
    Place { country: "NL", geo: "Netherlands/North Holland", offset: 60 },
    Place { country: "RO", geo: "Romania/Bucharest", offset: 120 },
];

/// How many of [`PLACES`] are offices.
const OFFICES: u64 = 6;

/// The countries of the offices, in the order of their addresses.
pub(crate) fn office_countries() -> impl Iterator<Item = &'static str> {
    PLACES[..OFFICES as usize].iter().map(|place| place.country)
}

/// A browser on a machine, or an app on a telephone.
#[derive(Debug)]
pub(super) struct Device {
    /// The text a client sends.
    pub(super) agent: &'static str,
    /// The number some types have instead.
    pub(super) code: &'static str,
    /// Browser and its version.
    pub(super) browser: (&'static str, &'static str),
    /// Operating system and its version.
    pub(super) os: (&'static str, &'static str),
    /// Experience as `DEVICE_PLATFORM` tells it.
    pub(super) platform: &'static str,
    /// Model, for telephones.
    pub(super) model: &'static str,
}

/// What people work with.
pub(super) const DEVICES: [Device; 6] = [
    Device {
        agent: "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36",
        code: "13142000",
        browser: ("CHROME", "142"),
        os: ("WINDOWS", "10"),
        platform: "SFX:BROWSER:DESKTOP",
        model: "",
    },
    Device {
        agent: "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.6 Safari/605.1.15",
        code: "14018000",
        browser: ("SAFARI", "18.6"),
        os: ("OSX", "10.15"),
        platform: "SFX:BROWSER:DESKTOP",
        model: "",
    },
    Device {
        agent: "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36 Edg/142.0.0.0",
        code: "25142000",
        browser: ("EDGE", "142"),
        os: ("WINDOWS", "10"),
        platform: "SFX:BROWSER:DESKTOP",
        model: "",
    },
    Device {
        agent: "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
        code: "11140000",
        browser: ("FIREFOX", "140"),
        os: ("LINUX", ""),
        platform: "SFX:BROWSER:DESKTOP",
        model: "",
    },
    Device {
        agent: "Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148 Salesforce/258.0",
        code: "26018001",
        browser: ("SALESFORCE_APP", "258.0"),
        os: ("IOS", "18.6"),
        platform: "APP:NATIVE:PHONE",
        model: "iPhone17,3",
    },
    Device {
        agent: "Mozilla/5.0 (Linux; Android 16; Pixel 9) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Mobile Safari/537.36",
        code: "13142001",
        browser: ("CHROME", "142"),
        os: ("ANDROID", "16"),
        platform: "SFX:BROWSER:PHONE",
        model: "Pixel 9",
    },
];

/// The first of [`DEVICES`] that is a telephone.
const FIRST_PHONE: u64 = 4;

/// A program that uses the API.
#[derive(Debug)]
pub(super) struct App {
    /// The connected app's name.
    pub(super) name: &'static str,
    /// What it calls itself in requests.
    pub(super) client: &'static str,
    /// The user agent it sends.
    pub(super) agent: &'static str,
    /// The API version it asks for.
    pub(super) version: &'static str,
    /// How it signs in: `LOGIN_SUB_TYPE`.
    pub(super) sign_in: &'static str,
}

/// Programs of the org's own; the last is never one of them.
pub(super) const APPS: [App; 7] = [
    App {
        name: "Warehouse Sync",
        client: "WarehouseSync/4.2",
        agent: "Java-SDK/66.0.0 OpenJDK/21.0.4",
        version: "64.0",
        sign_in: "OauthClientCredentials",
    },
    App {
        name: "Marketing Hub",
        client: "MarketingHub",
        agent: "Apache-HttpClient/5.3 (Java/17)",
        version: "61.0",
        sign_in: "OauthRefreshToken",
    },
    App {
        name: "SIEM Collector",
        client: "",
        agent: "collector/1.0",
        version: "66.0",
        sign_in: "oauthpassword",
    },
    App {
        name: "Billing Bridge",
        client: "BillingBridge",
        agent: "python-requests/2.32.5",
        version: "58.0",
        sign_in: "SoapApiLogin",
    },
    App {
        name: "Support Desk Connector",
        client: "SupportDesk",
        agent: "node-fetch/1.0",
        version: "62.0",
        sign_in: "OauthTokenExchange",
    },
    App {
        name: "Document Signing",
        client: "DocSign/11",
        agent: "Go-http-client/2.0",
        version: "60.0",
        sign_in: "OauthRefreshToken",
    },
    App {
        name: "Data Loader Partner",
        client: "DataLoaderBulkUI/59.0",
        agent: "Salesforce Web Service Connector For Java/1.0",
        version: "59.0",
        sign_in: "OauthRefreshToken",
    },
];

/// The app nobody asked for.
pub(super) const ROGUE_APP: usize = APPS.len() - 1;

/// What one user usually does.
#[derive(Debug, Clone)]
pub(super) struct Habits {
    /// The 15-character user id.
    pub(super) id: [u8; 15],
    /// Where they work: an index of [`PLACES`].
    pub(super) place: usize,
    /// Addresses they come from: office, home.
    pub(super) addresses: [String; 2],
    /// What they use at the desk: an index of [`DEVICES`].
    pub(super) desk: usize,
    /// Their telephone: an index of [`DEVICES`].
    pub(super) phone: usize,
    /// How much later than nine they start, minutes.
    pub(super) shift: i64,
    /// Whether they administer the org.
    pub(super) admin: bool,
    /// For a program, an index of [`APPS`].
    pub(super) app: Option<usize>,
}

/// Everybody.
#[derive(Debug)]
pub(super) struct People {
    /// People first, then programs.
    pub(super) users: Vec<User>,
    /// As many as `users`, in the same order.
    pub(super) habits: Vec<Habits>,
    /// How many of them are people.
    pub(super) persons: usize,
    /// Which of the people administer the org; never empty.
    pub(super) admins: Vec<usize>,
}

/// Given names.
const GIVEN: [&str; 32] = [
    "Asha", "Ravi", "Meera", "Arjun", "Priya", "Kiran", "Maria", "José", "Søren", "Ingrid", "Wei",
    "Mei", "Yuki", "Hana", "Omar", "Leila", "Chidi", "Amara", "John", "Emily", "Michael", "Sarah",
    "David", "Olivia", "Zoë", "Łukasz", "Anaïs", "Pierre", "Fatima", "Ahmed", "Tomás", "Nora",
];

/// Family names, with the plain letters a login name has.
const FAMILY: [(&str, &str); 24] = [
    ("Sharma", "sharma"),
    ("Iyer", "iyer"),
    ("Patel", "patel"),
    ("O'Brien", "obrien"),
    ("García", "garcia"),
    ("Müller", "mueller"),
    ("Nguyễn", "nguyen"),
    ("Kim", "kim"),
    ("Okafor", "okafor"),
    ("Haddad", "haddad"),
    ("Schmidt", "schmidt"),
    ("Rossi", "rossi"),
    ("Novák", "novak"),
    ("Kowalski", "kowalski"),
    ("Tan", "tan"),
    ("Wong", "wong"),
    ("Dubois", "dubois"),
    ("Jensen", "jensen"),
    ("van der Berg", "vanderberg"),
    ("Smith", "smith"),
    ("Johnson", "johnson"),
    ("Brown", "brown"),
    ("Lindqvist", "lindqvist"),
    ("Yamada", "yamada"),
];

/// Profiles and how many in a thousand have them.
const PROFILES: [(&str, u64); 5] = [
    ("Standard User", 360),
    ("Sales Representative", 280),
    ("Service Agent", 220),
    ("Marketing User", 90),
    ("System Administrator", 50),
];

/// The profile programs have.
const PROGRAM_PROFILE: &str = "Minimum Access - API Only Integrations";

impl People {
    /// Makes `persons` people, at least one, and a handful of programs.
    pub(super) fn new(seed: u64, instance: [u8; 2], persons: u32) -> Self {
        let persons = persons.max(1) as usize;
        let programs = (persons / 10).clamp(1, ROGUE_APP);
        let seed = mix_label(seed, "people");
        let mut people =
            Self { users: Vec::new(), habits: Vec::new(), persons, admins: Vec::new() };
        for n in 0..persons {
            let (user, habits) = person(seed, instance, n);
            if habits.admin {
                people.admins.push(n);
            }
            people.users.push(user);
            people.habits.push(habits);
        }
        for app in 0..programs {
            let (user, habits) = program(seed, instance, persons + app, app);
            people.users.push(user);
            people.habits.push(habits);
        }
        people
    }
}

/// The `n`th user's 15-character id.
fn user_id(seed: u64, instance: [u8; 2], n: usize) -> [u8; 15] {
    // Ids go up with time, in steps.
    ids::fifteen("005", instance, 1_000_000 + mix(seed, 5) % 90_000_000 + n as u64 * 37)
}

/// The id of the profile called `name`.
fn profile_id(seed: u64, instance: [u8; 2], name: &str) -> String {
    ids::text(&ids::eighteen(ids::fifteen("00e", instance, mix_label(seed, name) % 40_000_000)))
}

/// A name's plain letters.
fn plain(name: &str) -> String {
    name.to_lowercase()
        .chars()
        .map(|c| match c {
            'é' | 'ë' => 'e',
            'ø' | 'ö' => 'o',
            'ł' => 'l',
            'á' | 'ï' => 'a',
            other => other,
        })
        .filter(char::is_ascii_lowercase)
        .collect()
}

/// The `n`th person; the first administers the org.
fn person(seed: u64, instance: [u8; 2], n: usize) -> (User, Habits) {
    let mut rng = Rng::new(mix(seed, n as u64));
    // Every given name meets every family name before a pair comes again.
    let given = GIVEN[n % GIVEN.len()];
    let (family, login) = FAMILY[(n % GIVEN.len() + n / GIVEN.len()) % FAMILY.len()];
    let round = n / (GIVEN.len() * FAMILY.len());
    let suffix = if round == 0 { String::new() } else { (round + 1).to_string() };
    let mut at = rng.below(1000);
    let mut profile = PROFILES[PROFILES.len() - 1].0;
    for (name, share) in PROFILES {
        if at < share {
            profile = name;
            break;
        }
        at -= share;
    }
    if n == 0 {
        profile = PROFILES[PROFILES.len() - 1].0;
    }
    let admin = profile == PROFILES[PROFILES.len() - 1].0;
    let place = rng.below(OFFICES) as usize;
    let id = user_id(seed, instance, n);
    let username = format!("{}.{login}{suffix}@acme.example", plain(given));
    let office = format!("203.0.113.{}", 10 + place * 8 + rng.below(3) as usize);
    let home = match rng.below(5) {
        0 => format!("2001:db8:{:x}:{:x}::{:x}", 0xa0 + place, n + 1, rng.range(2, 0xffff)),
        _ => format!("198.51.100.{}", (n * 7 + 11) % 253 + 1),
    };
    let user = User {
        id: ids::text(&ids::eighteen(id)),
        email: username.clone(),
        username,
        name: format!("{given} {family}"),
        profile: profile.to_owned(),
        profile_id: profile_id(seed, instance, profile),
        // Somebody has always left.
        active: n == 0 || rng.below(100) >= 4,
        integration: false,
    };
    let habits = Habits {
        id,
        place,
        addresses: [office, home],
        desk: rng.below(FIRST_PHONE) as usize,
        phone: rng.range(FIRST_PHONE, DEVICES.len() as u64 - 1) as usize,
        shift: rng.range(0, 180) as i64 - 60,
        admin,
        app: None,
    };
    (user, habits)
}

/// The user of the program `app`.
fn program(seed: u64, instance: [u8; 2], n: usize, app: usize) -> (User, Habits) {
    let mut rng = Rng::new(mix(seed, n as u64));
    let id = user_id(seed, instance, n);
    let name = APPS[app].name;
    let username = format!("{}@integration.acme.example", name.to_lowercase().replace(' ', "-"));
    let address = |last: u64| format!("198.18.{}.{last}", app + 4);
    let user = User {
        id: ids::text(&ids::eighteen(id)),
        email: "integrations@acme.example".to_owned(),
        username,
        name: format!("{name} Integration"),
        profile: PROGRAM_PROFILE.to_owned(),
        profile_id: profile_id(seed, instance, PROGRAM_PROFILE),
        active: true,
        integration: true,
    };
    let habits = Habits {
        id,
        place: (rng.below(2) + 1) as usize,
        addresses: [address(10), address(11)],
        desk: 0,
        phone: FIRST_PHONE as usize,
        shift: 0,
        admin: false,
        app: Some(app),
    };
    (user, habits)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn every_user_has_an_id_and_a_login_of_their_own() {
        let people = People::new(11, *b"5j", 2000);
        let ids: HashSet<&str> = people.users.iter().map(|u| u.id.as_str()).collect();
        let logins: HashSet<&str> = people.users.iter().map(|u| u.username.as_str()).collect();
        assert_eq!(ids.len(), people.users.len());
        assert_eq!(logins.len(), people.users.len());
        assert!(people.users.iter().all(|u| u.username.is_ascii()));
        assert_eq!(people.users.iter().filter(|u| u.integration).count(), 6);
    }

    #[test]
    fn even_the_smallest_org_has_an_administrator_and_a_program() {
        let people = People::new(1, *b"5j", 0);
        assert_eq!((people.users.len(), people.admins.as_slice()), (2, &[0][..]));
    }
}
