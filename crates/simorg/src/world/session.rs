//! One UTC day's sessions and failed sign-ins: the thread that joins events of different types.
//!
//! A session belongs to the day its user's own calendar shows when it starts, and may run into the
//! next UTC day. Any day can be computed alone, because a session depends on its user and that
//! date only.

use super::WorldConfig;
use super::people::{APPS, PLACES, People};
use super::random::{Rng, mix, mix_label};
use super::story::{self, Story};

/// Milliseconds in a minute.
pub(super) const MINUTE: i64 = 60_000;

/// Milliseconds in an hour.
pub(super) const HOUR: i64 = 60 * MINUTE;

/// Milliseconds in a day.
pub(super) const DAY: i64 = 24 * HOUR;

/// How a session is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Use {
    /// A browser at a desk.
    Desk,
    /// An app or browser on a telephone.
    Phone,
    /// A program.
    Api,
}

/// How a session ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// No logout was recorded.
    Silent,
    /// The user pressed the button.
    Pressed,
    /// It was found dead later; how much later, ms.
    Expired(i64),
}

/// From a login to its end.
#[derive(Debug, Clone)]
#[expect(clippy::struct_field_names, reason = "the column is called SESSION_KEY")]
pub(super) struct Session {
    /// What everything else about it is derived from.
    pub(super) key: u64,
    /// Whose it is: an index of the people.
    pub(super) user: usize,
    /// Who really sits there, if somebody signed in as the user.
    pub(super) delegate: Option<usize>,
    /// How it is used.
    pub(super) used: Use,
    /// Start, ms since 1970.
    pub(super) start: i64,
    /// End, ms since 1970.
    pub(super) end: i64,
    /// How it ended.
    pub(super) ended: End,
    /// Address it comes from.
    pub(super) address: String,
    /// Where that is: an index of the places.
    pub(super) place: usize,
    /// With what: an index of the devices.
    pub(super) device: usize,
    /// For a program, which: an index of the apps.
    pub(super) app: Option<usize>,
    /// Value of `LOGIN_KEY`.
    pub(super) login_key: [u8; 16],
    /// Value of `SESSION_KEY`.
    pub(super) session_key: [u8; 16],
    /// The story it is part of, if any.
    pub(super) story: Option<Story>,
}

/// A sign-in that did not work.
#[derive(Debug, Clone)]
pub(super) struct Attempt {
    /// What everything else about it is derived from.
    pub(super) key: u64,
    /// When, ms since 1970.
    pub(super) at: i64,
    /// Whose name was tried; none when no user has it.
    pub(super) user: Option<usize>,
    /// The name that was tried.
    pub(super) username: String,
    /// Address it came from.
    pub(super) address: String,
    /// Where that is: an index of the places.
    pub(super) place: usize,
    /// With what: an index of the devices.
    pub(super) device: usize,
    /// The program that tried, if one did: an index of the apps.
    pub(super) app: Option<usize>,
    /// `LOGIN_STATUS`.
    pub(super) status: &'static str,
}

/// What people and programs do on one UTC day.
#[derive(Debug)]
pub(super) struct Day {
    /// Number of the day in the world; -1 is the day before its first.
    pub(super) number: i64,
    /// Its first millisecond since 1970.
    pub(super) start: i64,
    /// Every session any part of which is in the day.
    pub(super) sessions: Vec<Session>,
    /// Sign-ins that failed on the day.
    pub(super) attempts: Vec<Attempt>,
    /// Sessions of people, then of programs, then of administrators, to draw from by their share
    /// of the day.
    pub(super) draws: [Draw; 3],
}

/// Sessions to draw from: index and running total of the milliseconds in the day.
pub(super) type Draw = Vec<(u32, u64)>;

/// Codes of failed sign-ins nobody plotted, and how many in a thousand they are.
const FAILURES: [(&str, u64); 16] = [
    ("LOGIN_ERROR_INVALID_PASSWORD", 560),
    ("LOGIN_CHALLENGE_ISSUED", 120),
    ("LOGIN_TWOFACTOR_REQ", 70),
    ("LOGIN_ERROR_PASSWORD_LOCKOUT", 40),
    ("LOGIN_ERROR_USER_INACTIVE", 40),
    ("LOGIN_ERROR_INVALID_USERNAME", 40),
    ("LOGIN_ERROR_MUST_USE_API_TOKEN", 25),
    ("LOGIN_ERROR_RESTRICTED_DOMAIN", 25),
    ("LOGIN_OAUTH_INVALID_TOKEN", 20),
    ("LOGIN_OAUTH_API_DISABLED", 10),
    ("LOGIN_ERROR_USER_FROZEN", 10),
    ("LOGIN_ERROR_RESTRICTED_TIME", 10),
    ("LOGIN_SAML_INVALID_TIMESTAMP", 10),
    ("LOGIN_SAML_MISMATCH_CERT", 5),
    ("LOGIN_ERROR_SSO_SVC_DOWN", 5),
    ("LOGIN_ERROR_EXPORT_RESTRICTED", 10),
];

/// Failed sign-ins on a working day of forty people.
const FAILURES_A_DAY: f64 = 7.0;

impl Day {
    /// Computes day `number`.
    pub(super) fn new(config: &WorldConfig, people: &People, number: i64) -> Self {
        let start = config.start.as_millisecond() + number * DAY;
        let seed = mix_label(config.seed, "sessions");
        let mut sessions = Vec::new();
        for user in 0..people.users.len() {
            for date in number - 1..=number + 1 {
                add_sessions(config, people, seed, user, date, &mut sessions);
            }
        }
        sessions.retain(|each| each.start < start + DAY && each.over() > start);
        let mut day =
            Self { number, start, sessions, attempts: Vec::new(), draws: Default::default() };
        if !day.sessions.iter().any(|each| each.used != Use::Api && each.end > start) {
            day.sessions.push(errand(people, mix(seed, number as u64), start));
        }
        day.add_failures(config, people, seed);
        story::play(config, people, &mut day);
        day.fill_draws(people);
        day
    }

    /// Fewer people work on Saturdays and Sundays.
    pub(super) fn is_weekend(&self) -> bool {
        weekend(self.start)
    }

    /// Failed sign-ins nobody plotted.
    fn add_failures(&mut self, config: &WorldConfig, people: &People, seed: u64) {
        let mut rng = Rng::about(mix(seed, self.number as u64), "failures");
        let quiet = if self.is_weekend() { 0.25 } else { 1.0 };
        let mean = FAILURES_A_DAY * quiet * config.volume * people.persons as f64 / 40.0;
        for _ in 0..rng.count(mean) {
            let mut at = rng.below(1000);
            let mut status = FAILURES[0].0;
            for (name, share) in FAILURES {
                if at < share {
                    status = name;
                    break;
                }
                at -= share;
            }
            let user = rng.below(people.users.len() as u64) as usize;
            let habits = &people.habits[user];
            let unknown = status == "LOGIN_ERROR_INVALID_USERNAME";
            let name = &people.users[user].username;
            self.attempts.push(Attempt {
                key: rng.next(),
                at: self.start + rng.below(DAY as u64) as i64,
                user: (!unknown).then_some(user),
                username: if unknown { name.replace('@', ".old@") } else { name.clone() },
                address: habits.addresses[rng.below(2) as usize].clone(),
                place: habits.place,
                device: habits.desk,
                app: habits.app,
                status,
            });
        }
    }

    /// Sums up who is there for how long.
    fn fill_draws(&mut self, people: &People) {
        for (index, session) in self.sessions.iter().enumerate() {
            if session.story.is_some() || session.end <= self.start {
                continue;
            }
            let from = session.start.max(self.start);
            let share = (session.end.min(self.start + DAY) - from).max(1) as u64;
            let program = session.used == Use::Api;
            let admin = people.habits[session.user].admin;
            for (draw, drawn) in self.draws.iter_mut().zip([!program, program, admin]) {
                if drawn {
                    let total = draw.last().map_or(0, |each| each.1);
                    draw.push((index as u32, total + share));
                }
            }
        }
    }
}

/// Whether a moment is on a Saturday or Sunday of its own calendar.
fn weekend(ms: i64) -> bool {
    // 1970 began on a Thursday.
    (ms.div_euclid(DAY) + 3).rem_euclid(7) >= 5
}

/// The sessions `user` starts on the date `number` of their own calendar.
fn add_sessions(
    config: &WorldConfig,
    people: &People,
    seed: u64,
    user: usize,
    number: i64,
    out: &mut Vec<Session>,
) {
    if !people.users[user].active {
        return;
    }
    let habits = &people.habits[user];
    let mut rng = Rng::new(mix(mix(seed, user as u64), number as u64));
    let midnight = config.start.as_millisecond() + number * DAY;
    if let Some(app) = habits.app {
        let first = usize::from(user == people.persons);
        let count = (rng.count(10.0 * config.volume) as usize).max(first) as i64;
        for n in 0..count {
            let span = DAY / count;
            let at = midnight + n * span + rng.below(span as u64 / 4 + 1) as i64;
            let lasts = rng.range(30, 150) as i64 * MINUTE;
            let mut session = Session::new(people, rng.next(), user, Use::Api, (at, at + lasts));
            session.app = Some(app);
            out.push(session);
        }
        return;
    }
    let mean = if weekend(midnight) { 0.12 } else { 1.5 };
    for _ in 0..rng.count(mean * config.volume) {
        let hour = match rng.below(10) {
            0..=5 => 9 * HOUR,
            6..=8 => 13 * HOUR,
            _ => 18 * HOUR,
        };
        let local = hour + habits.shift * MINUTE + rng.below(75 * MINUTE as u64) as i64;
        let at = midnight + local - PLACES[habits.place].offset * MINUTE;
        let lasts = rng.range(25, 290) as i64 * MINUTE;
        let used = if rng.chance(180) { Use::Phone } else { Use::Desk };
        out.push(Session::new(people, rng.next(), user, used, (at, at + lasts)));
    }
}

/// The one session of a day on which nobody else came.
fn errand(people: &People, key: u64, start: i64) -> Session {
    let present = (0..people.persons).filter(|n| people.users[*n].active).collect::<Vec<_>>();
    let mut rng = Rng::about(key, "errand");
    let user = rng.choose(&present).copied().unwrap_or(0);
    let at = start + 7 * HOUR + rng.below(6 * HOUR as u64) as i64;
    Session::new(people, rng.next(), user, Use::Desk, (at, at + 3 * HOUR))
}

impl Session {
    /// A session of `user` as usual for them.
    pub(super) fn new(
        people: &People,
        key: u64,
        user: usize,
        used: Use,
        (start, end): (i64, i64),
    ) -> Self {
        let habits = &people.habits[user];
        let mut rng = Rng::about(key, "session");
        let home = rng.chance(if used == Use::Phone { 800 } else { 250 });
        let (pressed, silent) = if used == Use::Api { (5, 5) } else { (45, 70) };
        let ended = match rng.below(100) {
            n if n < pressed => End::Pressed,
            n if n >= silent => End::Silent,
            _ => End::Expired(rng.below(15 * MINUTE as u64) as i64),
        };
        let mut keys = Vec::with_capacity(32);
        rng.opaque(32, &mut keys);
        let (mut login_key, mut session_key) = ([0; 16], [0; 16]);
        login_key.copy_from_slice(&keys[..16]);
        session_key.copy_from_slice(&keys[16..]);
        Self {
            key,
            user,
            delegate: None,
            used,
            start,
            end,
            ended,
            address: habits.addresses[usize::from(home)].clone(),
            place: habits.place,
            device: if used == Use::Phone { habits.phone } else { habits.desk },
            app: None,
            login_key,
            session_key,
            story: None,
        }
    }

    /// The name it signs in by: `LOGIN_SUB_TYPE`.
    pub(super) fn sign_in(&self) -> &'static str {
        match (self.app, self.used) {
            (Some(app), _) => APPS[app].sign_in,
            (None, Use::Phone) => "OauthHybridRefreshToken",
            (None, _) => "UsernamePasswordUiLogin",
        }
    }

    /// When nothing more can come of it: ms since 1970.
    fn over(&self) -> i64 {
        self.logged_out().unwrap_or(self.end)
    }

    /// When it logs out, if that is recorded: ms since 1970.
    pub(super) fn logged_out(&self) -> Option<i64> {
        match self.ended {
            End::Silent => None,
            End::Pressed => Some(self.end),
            End::Expired(later) => Some(self.end + later),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(volume: f64) -> WorldConfig {
        WorldConfig {
            seed: 5,
            start: "2026-11-02T00:00:00Z".parse().unwrap(),
            days: 7,
            users: 40,
            volume,
            hourly: true,
            event_types: Vec::new(),
            awkward: true,
        }
    }

    #[test]
    fn a_session_over_midnight_is_the_same_seen_from_both_days() {
        let config = config(1.0);
        let people = People::new(config.seed, *b"5j", config.users);
        let (monday, tuesday) = (Day::new(&config, &people, 0), Day::new(&config, &people, 1));
        let over: Vec<_> = monday.sessions.iter().filter(|each| each.end > tuesday.start).collect();
        assert!(!over.is_empty());
        for each in over {
            let again = tuesday.sessions.iter().find(|other| other.key == each.key).unwrap();
            assert_eq!((again.start, again.end, again.user), (each.start, each.end, each.user));
            assert_eq!(again.login_key, each.login_key);
        }
    }

    #[test]
    fn weekends_are_quiet_but_never_empty() {
        let config = config(0.02);
        let people = People::new(config.seed, *b"5j", config.users);
        for number in 0..7 {
            let day = Day::new(&config, &people, number);
            assert!(day.draws[0].last().is_some_and(|each| each.1 > 0));
            assert!(day.draws[1].last().is_some_and(|each| each.1 > 0));
        }
        let config = self::config(1.0);
        let of = |number| {
            let day = Day::new(&config, &people, number);
            day.sessions.iter().filter(|each| each.used != Use::Api).count()
        };
        assert!(of(5) * 3 < of(1), "Saturday {} and Tuesday {}", of(5), of(1));
    }
}
