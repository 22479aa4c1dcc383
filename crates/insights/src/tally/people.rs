//! What single users did: sign-ins, things worth a line, what they were seen with, their names.

use std::collections::HashMap;
use std::hash::BuildHasherDefault;

use orgtap_ledger::{CompactString, Notable, Rollup, Session, Trait, UserName};
use xxhash_rust::xxh3::xxh3_128;

use super::kept::{Alike, Cells};
use super::lines::Lines;
use super::names::AsItIs;
use super::{Header, first, value};
use crate::measure::{FROM, Measure, SUCCESS, USER_ID};
use crate::text;

/// Sign-ins, things users are seen with, and names of one unit, at most of each.
const MOST: usize = 8 * 1024;

/// What is kept of single users.
pub(super) struct People {
    user: Vec<usize>,
    from: Vec<usize>,
    login_key: Vec<usize>,
    session_key: Vec<usize>,
    request_id: Vec<usize>,
    /// Of a sign-in: its status.
    status: Option<usize>,
    traits: Vec<(&'static str, Vec<usize>)>,
    noted: Vec<Noted>,
    name: Option<(Vec<usize>, usize)>,
    sessions: Keyed<Session>,
    seen: Keyed<Trait>,
    lines: Lines,
    names: Keyed<UserName>,
}

/// The columns of a line.
struct Noted {
    user: Vec<usize>,
    what: Vec<usize>,
    details: Vec<usize>,
}

/// Things by a hash that no two of them share: [`MOST`] at most. They lie close together, since a
/// table has places that are empty.
struct Keyed<T> {
    places: HashMap<u128, usize, BuildHasherDefault<AsItIs>>,
    things: Vec<T>,
}

impl<T> Default for Keyed<T> {
    fn default() -> Self {
        Self { places: HashMap::default(), things: Vec::new() }
    }
}

impl<T> Keyed<T> {
    /// What is there, or what is made now if there is room.
    fn keep(&mut self, key: u128, make: impl FnOnce() -> T) -> Option<&mut T> {
        let place = match self.places.get(&key) {
            Some(place) => *place,
            None if self.things.len() < MOST => {
                self.places.insert(key, self.things.len());
                self.things.push(make());
                self.things.len() - 1
            }
            None => return None,
        };
        self.things.get_mut(place)
    }
}

impl People {
    pub(super) fn new(header: &Header<'_>, measure: &Measure) -> Self {
        let place = |column: &str| header.place(column).into_iter().collect::<Vec<_>>();
        let name = measure
            .user_name
            .and_then(|(user, name)| Some((header.places(user), header.place(name)?)));
        let noted = measure.noted.iter().map(|noted| Noted {
            user: header.places(noted.user),
            what: header.places(noted.what),
            details: noted.detail.iter().filter_map(|column| header.place(column)).collect(),
        });
        let traits =
            measure.traits.iter().map(|(kind, columns)| (*kind, header.places(columns))).collect();
        Self {
            user: header.places(USER_ID),
            from: header.places(FROM),
            login_key: place("LOGIN_KEY"),
            session_key: place("SESSION_KEY"),
            request_id: place("REQUEST_ID"),
            status: header.place("LOGIN_STATUS"),
            traits,
            noted: noted.collect(),
            name,
            sessions: Keyed::default(),
            seen: Keyed::default(),
            lines: Lines::default(),
            names: Keyed::default(),
        }
    }

    /// The fields that say who did something, and with what.
    pub(super) fn fields(&self) -> Vec<Vec<usize>> {
        let traits = self.traits.iter().map(|(_, places)| places.clone());
        let named = self.name.iter().flat_map(|(user, name)| [user.clone(), vec![*name]]);
        let status = self.status.iter().map(|place| vec![*place]);
        let who = [self.user.clone(), self.from.clone(), self.login_key.clone()];
        let all = who.into_iter().chain(traits).chain(named).chain(status);
        all.filter(|places| !places.is_empty()).collect()
    }

    /// Rows that say the same in these columns.
    pub(super) fn rows(&mut self, rows: &Alike<'_>) {
        if let Some((user, name)) = &self.name {
            let user = text::short_id(first(rows, user).0);
            let called = value(rows, std::slice::from_ref(name));
            if !user.is_empty() && !called.is_empty() {
                self.names.keep(xxh3_128(user), || UserName {
                    user: text::clean(user),
                    name: text::clean(&called),
                    seen_at: rows.first,
                });
            }
        }
        let user = text::short_id(first(rows, &self.user).0);
        if user.is_empty() {
            return;
        }
        self.session(rows, user);
        let failed = self.status.is_some_and(|place| {
            rows.written(place).is_some_and(|(status, _)| status != SUCCESS.as_bytes())
        });
        // Whoever was not let in is not who was seen.
        if !failed {
            self.traits(rows, user);
        }
    }

    fn session(&mut self, rows: &Alike<'_>, user: &[u8]) {
        let key = first(rows, &self.login_key).0;
        if key.is_empty() {
            return;
        }
        let (from, _) = first(rows, &self.from);
        let session = self.sessions.keep(hash(&[user, key]), || Session {
            user: text::clean(user),
            login_key: text::clean(key),
            event_type: CompactString::default(),
            address: None,
            first_at: rows.first,
            last_at: rows.last,
            events: 0,
        });
        if let Some(session) = session {
            session.first_at = session.first_at.min(rows.first);
            session.last_at = session.last_at.max(rows.last);
            session.events += rows.sums.events;
            if session.address.is_none() && !from.is_empty() {
                session.address = Some(text::clean(from));
            }
        }
    }

    fn traits(&mut self, rows: &Alike<'_>, user: &[u8]) {
        for (kind, places) in &self.traits {
            let found = value(rows, places);
            if found.is_empty() {
                continue;
            }
            let key = hash(&[kind.as_bytes(), user, &found]);
            let seen = self.seen.keep(key, || Trait {
                kind: (*kind).into(),
                user: text::clean(user),
                value: text::clean(&found),
                first_at: rows.first,
                last_at: rows.last,
            });
            if let Some(seen) = seen {
                seen.first_at = seen.first_at.min(rows.first);
                seen.last_at = seen.last_at.max(rows.last);
            }
        }
    }

    /// A row that may be worth lines of its own.
    pub(super) fn line(&mut self, row: &impl Cells, time: i64) {
        let Self { noted, lines, .. } = self;
        for Noted { user, what, details } in noted {
            let user = text::short_id(first(row, user).0);
            if user.is_empty() || lines.are_full() {
                continue;
            }
            let what = value(row, what);
            let some = |places: &[usize]| {
                let value = value(row, places);
                (!value.is_empty()).then(|| text::clean(&value))
            };
            lines.add(hash(&[user, &what]), || {
                let details = details.iter().filter_map(|place| some(&[*place]));
                Notable {
                    user: text::clean(user),
                    at: time,
                    event_type: CompactString::default(),
                    what: text::clean(&what),
                    detail: details.collect::<Vec<_>>().join(" · "),
                    address: some(&self.from),
                    request_id: some(&self.request_id),
                    login_key: some(&self.login_key),
                    session_key: some(&self.session_key),
                }
            });
        }
    }

    pub(super) fn finish(self, event_type: &str, rollup: &mut Rollup) {
        rollup.sessions = self.sessions.things;
        rollup.notables = self.lines.finish();
        rollup.traits = self.seen.things;
        rollup.names = self.names.things;
        let kinds = rollup.sessions.iter_mut().map(|one| &mut one.event_type);
        for kind in kinds.chain(rollup.notables.iter_mut().map(|one| &mut one.event_type)) {
            *kind = event_type.into();
        }
        rollup.sessions.sort_by(|a, b| (&a.user, &a.login_key).cmp(&(&b.user, &b.login_key)));
        rollup
            .traits
            .sort_by(|a, b| (&a.kind, &a.user, &a.value).cmp(&(&b.kind, &b.user, &b.value)));
        rollup.names.sort_by(|a, b| a.user.cmp(&b.user));
    }
}

/// One number for several values.
fn hash(values: &[&[u8]]) -> u128 {
    values.iter().fold(0, |all: u128, value| all.rotate_left(1) ^ xxh3_128(value))
}
