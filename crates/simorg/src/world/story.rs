//! Stories: a few things a security team looks for, each played out once a week.
//!
//! A story is made of sessions and failed sign-ins like any other, plus more rows of some types
//! while it lasts; nothing in the files says that it is one.

use super::WorldConfig;
use super::people::{PLACES, People, ROGUE_APP};
use super::random::{Rng, mix, mix_label};
use super::session::{Attempt, DAY, Day, HOUR, MINUTE, Session, Use};

/// What is going on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Story {
    /// An app a user let in takes the contacts away at night.
    Exfiltration,
    /// One address tries a password on everybody, and gets in once.
    Spray,
    /// One user's password is guessed at, hundreds of times an hour.
    Guessing,
    /// An administrator signs in as somebody else and looks around.
    Impersonation,
    /// Somebody about to leave saves what they can, in the evening.
    Leaver,
}

/// All of them.
const STORIES: [Story; 5] =
    [Story::Exfiltration, Story::Spray, Story::Guessing, Story::Impersonation, Story::Leaver];

/// The first place attackers sit.
const ABROAD: usize = 6;

impl Story {
    /// Rows it adds to an event type at full volume.
    pub(super) fn rows(self, event_type: &str) -> u64 {
        let table: &[(&str, u64)] = match self {
            Self::Exfiltration => &[
                ("RestApi", 180),
                ("ApiTotalUsage", 200),
                ("BulkApi2", 8),
                ("BulkApiRequest", 12),
                ("UniqueQuery", 6),
            ],
            Self::Spray => {
                &[("URI", 22), ("Report", 7), ("ReportExport", 3), ("ContentTransfer", 5)]
            }
            Self::Guessing => &[],
            Self::Impersonation => &[
                ("LoginAs", 1),
                ("URI", 16),
                ("Report", 5),
                ("ReportExport", 2),
                ("PermissionUpdate", 1),
            ],
            Self::Leaver => &[
                ("ReportExport", 12),
                ("Report", 14),
                ("ContentTransfer", 60),
                ("DocumentAttachmentDownloads", 15),
                ("Search", 10),
            ],
        };
        table.iter().find(|(name, _)| *name == event_type).map_or(0, |(_, rows)| *rows)
    }
}

/// Less than full volume tells a story shorter; more does not tell it longer.
pub(super) fn scaled(rows: u64, volume: f64) -> u64 {
    let scaled = (rows as f64 * volume.clamp(0.0, 1.0)).round() as u64;
    scaled.max(u64::from(rows > 0))
}

/// Adds what the day's stories consist of.
pub(super) fn play(config: &WorldConfig, people: &People, day: &mut Day) {
    if day.number < 0 {
        return;
    }
    let period = i64::from(config.days.clamp(1, 7));
    let seed = mix_label(config.seed, "stories");
    for (n, story) in STORIES.into_iter().enumerate() {
        let key = mix(mix(seed, n as u64), (day.number / period) as u64);
        if (key % period as u64) as i64 == day.number % period {
            Teller { config, people, story, rng: Rng::new(key) }.tell(day);
        }
    }
}

/// One story on one day.
struct Teller<'a> {
    /// The world's configuration.
    config: &'a WorldConfig,
    /// Who can be in it.
    people: &'a People,
    /// Which it is.
    story: Story,
    /// Its chance.
    rng: Rng,
}

impl Teller<'_> {
    /// Adds its sessions and attempts.
    fn tell(mut self, day: &mut Day) {
        match self.story {
            Story::Exfiltration => {
                let victim = self.somebody();
                let span = self.at_home_time(day, victim, 2, 150);
                let session = self.session(victim, Use::Api, span);
                day.sessions.push(Session { app: Some(ROGUE_APP), ..self.abroad(&session) });
            }
            Story::Spray => self.spray(day),
            Story::Guessing => self.guess(day),
            Story::Impersonation => {
                let admin = self.rng.choose(&self.people.admins).copied().unwrap_or(0);
                let victim = self.somebody();
                let span = self.at_home_time(day, admin, 15, 40);
                let session = self.session(admin, Use::Desk, span);
                day.sessions.push(Session { user: victim, delegate: Some(admin), ..session });
            }
            Story::Leaver => {
                let leaver = self.somebody();
                let span = self.at_home_time(day, leaver, 20, 100);
                let session = self.session(leaver, Use::Desk, span);
                day.sessions.push(session);
            }
        }
    }

    /// Any person who may sign in.
    fn somebody(&mut self) -> usize {
        let persons = self.people.persons;
        let from = self.rng.below(persons as u64) as usize;
        (0..persons)
            .map(|n| (from + n) % persons)
            .find(|n| self.people.users[*n].active)
            .unwrap_or(0)
    }

    /// `minutes` from about `hour` o'clock where `user` lives, inside the UTC day.
    fn at_home_time(&mut self, day: &Day, user: usize, hour: i64, minutes: i64) -> (i64, i64) {
        let offset = PLACES[self.people.habits[user].place].offset * MINUTE;
        let early = self.rng.below(40 * MINUTE as u64) as i64;
        let at = (hour * HOUR + early - offset).rem_euclid(DAY);
        let at = day.start + at.min(DAY - (minutes + 5) * MINUTE);
        (at, at + minutes * MINUTE)
    }

    /// A session of this story.
    fn session(&mut self, user: usize, used: Use, span: (i64, i64)) -> Session {
        let key = self.rng.next();
        Session { story: Some(self.story), ..Session::new(self.people, key, user, used, span) }
    }

    /// The same session from where its user never was.
    fn abroad(&mut self, session: &Session) -> Session {
        let place = ABROAD + self.rng.below(2) as usize;
        Session { address: format!("192.0.2.{}", self.rng.range(2, 250)), place, ..*session }
    }

    /// One password, everybody's name.
    fn spray(mut self, day: &mut Day) {
        let victim = self.somebody();
        let (at, _) = self.at_home_time(day, victim, 3, 150);
        let session = self.session(victim, Use::Desk, (at + 45 * MINUTE, at + 100 * MINUTE));
        let session = self.abroad(&session);
        let tries = scaled(2 * self.people.persons.min(500) as u64, self.config.volume);
        for n in 0..tries {
            let user = (victim + 1 + n as usize) % self.people.persons;
            let status = match self.rng.below(20) {
                0 => "LOGIN_ERROR_PASSWORD_LOCKOUT",
                1 => "LOGIN_CHALLENGE_ISSUED",
                _ => "LOGIN_ERROR_INVALID_PASSWORD",
            };
            let later = (45 * MINUTE / tries as i64) * n as i64 + self.rng.below(900) as i64;
            day.attempts.push(self.attempt(user, at + later, &session, status));
        }
        day.sessions.push(session);
    }

    /// One name, many passwords.
    fn guess(mut self, day: &mut Day) {
        let victim = self.somebody();
        let span = self.at_home_time(day, victim, 4, 10);
        let session = self.session(victim, Use::Desk, span);
        let session = self.abroad(&session);
        let tries = scaled(60, self.config.volume);
        for n in 0..tries {
            let locked = n * 10 >= tries * 7;
            let status = ["LOGIN_ERROR_INVALID_PASSWORD", "LOGIN_ERROR_PASSWORD_LOCKOUT"]
                [usize::from(locked)];
            let later = n as i64 * 5_000 + self.rng.below(4_000) as i64;
            day.attempts.push(self.attempt(victim, span.0 + later, &session, status));
        }
    }

    /// One failed sign-in from where `like` comes from.
    fn attempt(&mut self, user: usize, at: i64, like: &Session, status: &'static str) -> Attempt {
        Attempt {
            key: self.rng.next(),
            at,
            user: Some(user),
            username: self.people.users[user].username.clone(),
            address: like.address.clone(),
            place: like.place,
            device: like.device,
            app: None,
            status,
        }
    }
}
