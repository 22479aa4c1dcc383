//! One event with everything its values are made from.

use super::facts::{DayText, Facts};
use super::hostile::Hostile;
use super::lane::{Row, Who};
use super::random::Rng;
use super::session::{Attempt, Day, Session, Use};
use super::traffic::Cause;

/// An event, looked up.
#[derive(Debug, Clone)]
pub(super) struct Event<'a> {
    /// The world.
    pub(super) facts: &'a Facts,
    /// Name of its type.
    pub(super) type_name: &'a str,
    /// Who causes events of its type.
    cause: Cause,
    /// Its day, in writing.
    pub(super) day: &'a DayText,
    /// What it is.
    pub(super) row: &'a Row,
    /// Its session, if it is part of one.
    pub(super) session: Option<&'a Session>,
    /// The failed sign-in it is, if it is one.
    pub(super) attempt: Option<&'a Attempt>,
    /// Who it was, if known.
    pub(super) user: Option<usize>,
    /// Who it really was, if that is somebody else.
    pub(super) delegate: Option<usize>,
    /// Whether what was tried did not work.
    pub(super) failed: bool,
    /// What is odd about it.
    pub(super) quirks: Quirks,
}

/// Oddities of single rows; none in a tidy world.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Quirks {
    /// `TIMESTAMP_DERIVED` is blank.
    pub(super) no_iso: bool,
    /// Trailing zero of `TIMESTAMP`'s fraction left off.
    pub(super) short_fraction: bool,
    /// `CLIENT_IP` says that the caller is the platform.
    pub(super) platform_ip: bool,
    /// `URI_ID_DERIVED` is not an id.
    pub(super) odd_uri_id: bool,
    /// `USER_ID` has 18 characters.
    pub(super) long_user: bool,
    /// `USER_TYPE` is a letter.
    pub(super) terse_user_type: bool,
    /// `USER_AGENT` is the text, not the number.
    pub(super) wordy_agent: bool,
    /// A value nobody wants.
    pub(super) hostile: Option<Hostile>,
}

impl Quirks {
    /// What is odd about `row`; `targets` are the columns with free text.
    fn of(row: &Row, event_type: &str, targets: &[usize]) -> Self {
        let mut rng = Rng::about(row.key, "quirks");
        Self {
            no_iso: rng.chance(5),
            short_fraction: rng.chance(300) && row.at.is_multiple_of(10),
            platform_ip: rng.chance(30),
            odd_uri_id: rng.chance(6),
            long_user: rng.chance(200) && event_type == "Logout",
            terse_user_type: rng.chance(20),
            wordy_agent: rng.chance(30),
            hostile: Hostile::draw(&mut rng, targets),
        }
    }
}

impl<'a> Event<'a> {
    /// Looks up what `row` refers to.
    pub(super) fn new(
        facts: &'a Facts,
        event_type: usize,
        text: &'a DayText,
        day: &'a Day,
        row: &'a Row,
    ) -> Self {
        let plan = &facts.types[event_type];
        let session = match row.who {
            Who::Session(index) => day.sessions.get(index as usize),
            _ => None,
        };
        let attempt = match row.who {
            Who::Attempt(index) => day.attempts.get(index as usize),
            _ => None,
        };
        let mut user = session.map(|each| each.user).or(attempt.and_then(|each| each.user));
        let mut delegate = session.and_then(|each| each.delegate);
        if plan.name == "LoginAs" && delegate.is_none() {
            // Administrators sign in as one of the others.
            delegate = user;
            user = Some(facts.somebody_else(row.key, delegate));
        }
        let failed = attempt.is_some() || Rng::about(row.request, "outcome").chance(35);
        let failed = failed && session.is_none_or(|each| each.story.is_none());
        let quirks = if facts.config.awkward {
            Quirks::of(row, &plan.name, &plan.free_text)
        } else {
            Quirks::default()
        };
        Self {
            facts,
            type_name: &plan.name,
            cause: plan.cause,
            day: text,
            row,
            session,
            attempt,
            user,
            delegate,
            failed,
            quirks,
        }
    }

    /// The program, if it was one.
    pub(super) fn app(&self) -> Option<usize> {
        self.session.and_then(|each| each.app).or(self.attempt.and_then(|each| each.app))
    }

    /// The device, if it was a person.
    pub(super) fn device(&self) -> Option<usize> {
        self.session.map(|each| each.device).or(self.attempt.map(|each| each.device))
    }

    /// The place it came from.
    pub(super) fn place(&self) -> Option<usize> {
        self.session.map(|each| each.place).or(self.attempt.map(|each| each.place))
    }

    /// The address it came from.
    pub(super) fn address(&self) -> Option<&'a str> {
        let session = self.session.map(|each| each.address.as_str());
        session.or(self.attempt.map(|each| each.address.as_str()))
    }

    /// Whether the address column says that the platform called itself.
    pub(super) fn is_platforms_own(&self) -> bool {
        let token = self.type_name == "Login" && self.sign_in().ends_with("RefreshToken");
        let nobody = self.session.is_none() && self.attempt.is_none();
        let platform = nobody && self.cause == Cause::Platform;
        token || platform || (self.quirks.platform_ip && !nobody)
    }

    /// How it signed in, or tried to.
    pub(super) fn sign_in(&self) -> &'static str {
        use super::people::APPS;
        match (self.session, self.attempt.and_then(|each| each.app)) {
            (Some(session), _) => session.sign_in(),
            (None, Some(app)) => APPS[app].sign_in,
            (None, None) => "UsernamePasswordUiLogin",
        }
    }

    /// How long it took, ms.
    pub(super) fn run_time(&self) -> u64 {
        let slow = self.session.is_some_and(|each| each.used == Use::Api);
        Rng::about(self.row.key, "run").spread(3, if slow { 30_000 } else { 9_000 })
    }

    /// Appends the compact time.
    pub(super) fn stamp(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.day.compact);
        let [h1, h2, m1, m2, s1, s2, f1, f2, f3] = clock(self.row.at);
        out.extend_from_slice(&[h1, h2, m1, m2, s1, s2, b'.', f1, f2]);
        if !self.quirks.short_fraction {
            out.push(f3);
        }
    }

    /// Appends the time in ISO 8601.
    pub(super) fn stamp_iso(&self, out: &mut Vec<u8>) {
        if self.quirks.no_iso {
            return;
        }
        out.extend_from_slice(&self.day.iso);
        let [h1, h2, m1, m2, s1, s2, f1, f2, f3] = clock(self.row.at);
        out.extend_from_slice(&[b'T', h1, h2, b':', m1, m2, b':', s1, s2, b'.', f1, f2, f3, b'Z']);
    }

    /// Appends the id of the transaction, in one of the forms there are.
    pub(super) fn request_id(&self, out: &mut Vec<u8>) {
        let mut rng = Rng::about(self.row.request, "id");
        let form = if self.facts.config.awkward { rng.below(1000) } else { 999 };
        match form {
            0..=9 => {}
            10..=24 => {
                out.extend_from_slice(b"SLB:");
                rng.hex(32, out);
            }
            25..=39 => {
                out.extend_from_slice(b"TID:");
                rng.opaque(18, out);
            }
            _ => rng.opaque(22, out),
        }
    }
}

/// The digits of a time of day: hours, minutes, seconds, milliseconds.
fn clock(at: u32) -> [u8; 9] {
    let digit = |n: u32| b'0' + (n % 10) as u8;
    let (hours, minutes, seconds) = (at / 3_600_000, at / 60_000 % 60, at / 1000 % 60);
    [
        digit(hours / 10),
        digit(hours),
        digit(minutes / 10),
        digit(minutes),
        digit(seconds / 10),
        digit(seconds),
        digit(at / 100),
        digit(at / 10),
        digit(at),
    ]
}
