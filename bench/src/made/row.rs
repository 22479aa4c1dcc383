//! One row after the other, of the shape `RestApi` files have.

use jiff::Span;
use jiff::civil::{Date, date};

use super::Kind;
use super::chance::Chance;
use super::words::{AGENTS, APPS, CLAUSES, ENTITIES, MEDIA, PROBLEMS, SELECTS};

/// The columns in order: those of `RestApi`, and one a release has added.
pub(super) const COLUMNS: [&str; 36] = [
    "EVENT_TYPE",
    "TIMESTAMP",
    "REQUEST_ID",
    "ORGANIZATION_ID",
    "USER_ID",
    "RUN_TIME",
    "CPU_TIME",
    "URI",
    "SESSION_KEY",
    "LOGIN_KEY",
    "BOT_IDENTIFIER",
    "BOT_SESSION_IDENTIFIER",
    "CLIENT_NAME",
    "CONNECTED_APP_ID",
    "DB_BLOCKS",
    "DB_CPU_TIME",
    "DB_TOTAL_TIME",
    "ENTITY_NAME",
    "EXCEPTION_MESSAGE",
    "MEDIA_TYPE",
    "METHOD",
    "NUMBER_FIELDS",
    "PLANNER_IDENTIFIER",
    "QUERY",
    "REQUEST_SIZE",
    "REQUEST_STATUS",
    "RESPONSE_SIZE",
    "ROWS_PROCESSED",
    "STATUS_CODE",
    "USER_AGENT",
    "USER_TYPE",
    "TIMESTAMP_DERIVED",
    "USER_ID_DERIVED",
    "CLIENT_IP",
    "URI_ID_DERIVED",
    "API_RESOURCE",
];

/// The org's id, 15 characters.
const ORG: &[u8] = b"00D5j000000ORGT";
/// The day the rows begin on.
const FIRST_DAY: Date = date(2026, 11, 22);
/// Milliseconds from one block's first row to the next block's.
const SPAN: u64 = 40_000;
/// Milliseconds from row to row, at most: a block has about 6,500 rows.
const STEP: u64 = 12;
/// Milliseconds of a day.
const DAY: u64 = 86_400_000;
/// Callers at work at the same time.
const CALLERS: usize = 16;

/// Appends the first line.
pub(super) fn header(out: &mut Vec<u8>) {
    for (number, name) in COLUMNS.iter().enumerate() {
        out.extend_from_slice(if number == 0 { b"\"" } else { b",\"" });
        out.extend_from_slice(name.as_bytes());
        out.push(b'"');
    }
    out.push(b'\n');
}

/// A session of a program.
#[derive(Debug, Clone)]
struct Caller {
    user: String,
    user_long: String,
    session: [u8; 16],
    login: [u8; 16],
    app: (&'static str, &'static str, &'static str),
    app_id: [u8; 15],
    address: String,
    wordy: Option<&'static str>,
}

impl Caller {
    fn new(chance: &mut Chance) -> Self {
        // Few users and apps, many sessions.
        let number = chance.below(400);
        let user = format!("0055j00000A{}{}", number % 10, three(number / 10));
        let user_long = orgtap_events::id::to_18(&user).unwrap_or_else(|| user.clone());
        let app = chance.below(APPS.len() as u64);
        let mut app_id = *b"0H45j000000AP0x";
        app_id[14] = b'a' + app as u8;
        Self {
            user,
            user_long,
            session: chance.word(),
            login: chance.word(),
            app: APPS[app as usize],
            app_id,
            address: format!("203.0.113.{}", chance.below(254) + 1),
            wordy: chance.permille(60).then(|| chance.of(&AGENTS)),
        }
    }
}

/// Three letters for a small number.
fn three(number: u64) -> String {
    let letter = |n: u64| char::from(b'A' + (n % 26) as u8);
    [letter(number), letter(number / 26), letter(number * 7)].iter().collect()
}

/// A row being written.
struct Line<'a> {
    out: &'a mut Vec<u8>,
    kind: Kind,
    first: bool,
}

impl Line<'_> {
    /// Appends a cell of these parts.
    fn cell(&mut self, parts: &[&[u8]]) {
        self.out.extend_from_slice(if self.first { b"\"" } else { b",\"" });
        self.first = false;
        for part in parts {
            // Most have no quote.
            let mut rest = *part;
            while let Some(quote) = memchr::memchr(b'"', rest) {
                self.out.extend_from_slice(&rest[..quote]);
                self.out.extend_from_slice(b"\"\"");
                rest = &rest[quote + 1..];
            }
            self.out.extend_from_slice(rest);
        }
        if self.kind == Kind::Hostile {
            self.out.extend_from_slice(b"\"\"");
        }
        self.out.push(b'"');
    }

    fn text(&mut self, text: &str) {
        self.cell(&[text.as_bytes()]);
    }

    fn number(&mut self, number: u64) {
        let mut room = [0; 20];
        let digits = digits(number, 1, &mut room);
        self.cell(&[digits]);
    }

    fn empty(&mut self) {
        self.cell(&[]);
    }
}

/// A number's digits, at least so many.
fn digits(mut number: u64, least: usize, room: &mut [u8; 20]) -> &[u8] {
    let mut start = room.len();
    while number > 0 || room.len() - start < least {
        start -= 1;
        room[start] = b'0' + (number % 10) as u8;
        number /= 10;
    }
    &room[start..]
}

/// Writes rows.
#[derive(Debug)]
pub(super) struct Rows {
    chance: Chance,
    kind: Kind,
    callers: Vec<Caller>,
    /// Milliseconds since the first block began.
    at: u64,
    clock: Clock,
}

impl Rows {
    /// Begins block `number`.
    pub(super) fn new(mut chance: Chance, number: u64, kind: Kind) -> Self {
        let callers = (0..CALLERS).map(|_| Caller::new(&mut chance)).collect();
        let at = number * SPAN;
        Self { chance, kind, callers, at, clock: Clock::at(at) }
    }

    /// Appends a row.
    pub(super) fn write(&mut self, out: &mut Vec<u8>) {
        let Self { chance, kind, callers, at, clock } = self;
        *at += chance.below(STEP);
        clock.set(*at);
        // Some are busier than others.
        let which =
            (chance.below(CALLERS as u64) * chance.below(CALLERS as u64)) as usize / CALLERS;
        if chance.permille(1) {
            callers[which] = Caller::new(chance);
        }
        let caller = &callers[which];
        let (entity, prefix) = chance.of(&ENTITIES);
        let query = chance.permille(450);
        let failed = chance.permille(35);
        let whole = chance.permille(400);
        let run = chance.small(9_000) + 3;
        let request: [u8; 22] = chance.word();
        let record = record(prefix, chance);
        let base = ["/services/data/v", caller.app.2].map(str::as_bytes);
        let app: &[&[u8]] = &[&caller.app_id];
        let method =
            if query { "GET" } else { chance.of(&["GET", "POST", "PATCH", "PATCH", "DELETE"]) };

        let mut line = Line { out, kind: *kind, first: true };
        line.text("RestApi");
        line.cell(&[&clock.compact]);
        line.cell(&[&request]);
        line.cell(&[ORG]);
        line.text(&caller.user);
        line.number(run);
        line.number(run * (10 + chance.below(40)) / 100);
        match (query, whole) {
            (true, _) => line.cell(&[base[0], base[1], b"/query"]),
            (false, true) => line.cell(&[base[0], base[1], b"/composite/sobjects"]),
            (false, false) => {
                line.cell(&[base[0], base[1], b"/sobjects/", entity.as_bytes(), b"/", &record]);
            }
        }
        line.cell(&[&caller.session]);
        line.cell(&[&caller.login]);
        line.empty();
        line.empty();
        line.text(caller.app.0);
        // What is not known is empty, not 0.
        line.cell(if caller.app.0.is_empty() { &[] } else { app });
        line.number(chance.small(60_000));
        line.number(run * chance.below(20) / 100);
        line.number(run * (1 + chance.below(50)) * 10_000);
        line.text(if whole && !query { "" } else { entity });
        line.text(if failed { chance.of(&PROBLEMS) } else { "" });
        line.text(if method == "DELETE" { "" } else { chance.of(&MEDIA) });
        line.text(method);
        if query {
            line.number(3 + chance.below(24));
        } else {
            line.empty();
        }
        line.empty();
        if query {
            let (select, clause) = (chance.of(&SELECTS), chance.of(&CLAUSES));
            line.cell(&[select.as_bytes(), entity.as_bytes(), clause.as_bytes()]);
        } else {
            line.empty();
        }
        match method {
            "GET" => line.empty(),
            _ => line.number(chance.small(40_000)),
        }
        line.text(if failed { "F" } else { "S" });
        line.number(80 + chance.small(900_000));
        line.number(if query { chance.small(2_000) } else { 1 });
        line.text(match (failed, method) {
            (true, _) => chance.of(&["400", "401", "404", "500"]),
            (false, "POST") => "201",
            (false, "PATCH" | "DELETE") => "204",
            _ => "200",
        });
        line.text(caller.wordy.unwrap_or(caller.app.1));
        line.text("Standard");
        line.cell(&[&clock.iso]);
        line.text(&caller.user_long);
        line.text(&caller.address);
        if query || whole {
            line.empty();
        } else {
            line.cell(&[&record]);
        }
        line.text(if chance.permille(700) { "" } else { entity });
        out.push(b'\n');
    }
}

/// An id of a record, 18 characters; most of it is the same for all.
fn record(prefix: [u8; 3], chance: &mut Chance) -> [u8; 18] {
    let mut id = *b"0015j00000AxxxxAAA";
    id[..3].copy_from_slice(&prefix);
    chance.letters(&mut id[11..15]);
    id
}

/// A time, as it stands in files.
#[derive(Debug)]
struct Clock {
    day: u64,
    compact: [u8; 18],
    iso: [u8; 24],
}

impl Clock {
    fn at(at: u64) -> Self {
        let mut clock = Self {
            day: u64::MAX,
            compact: *b"yyyymmddhhmmss.mmm",
            iso: *b"yyyy-mm-ddThh:mm:ss.mmmZ",
        };
        clock.set(at);
        clock
    }

    /// Sets the time to so many milliseconds after the first.
    fn set(&mut self, at: u64) {
        let (today, within) = (at / DAY, at % DAY);
        if today != self.day {
            self.day = today;
            let day = FIRST_DAY.saturating_add(Span::new().days(today as i64));
            self.put(0, 0, day.year() as u64, 4);
            self.put(4, 5, day.month() as u64, 2);
            self.put(6, 8, day.day() as u64, 2);
        }
        self.put(8, 11, within / 3_600_000, 2);
        self.put(10, 14, within / 60_000 % 60, 2);
        self.put(12, 17, within / 1_000 % 60, 2);
        self.put(15, 20, within % 1_000, 3);
    }

    /// Puts a number of so many digits into both forms.
    fn put(&mut self, compact: usize, iso: usize, number: u64, width: usize) {
        let mut room = [0; 20];
        let digits = digits(number, width, &mut room);
        self.compact[compact..compact + width].copy_from_slice(digits);
        self.iso[iso..iso + width].copy_from_slice(digits);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_written_in_both_forms_and_days_go_on() {
        let clock = Clock::at(DAY * 9 + 3_661_007);
        assert_eq!(&clock.compact, b"20261201010101.007");
        assert_eq!(&clock.iso, b"2026-12-01T01:01:01.007Z");
    }
}
