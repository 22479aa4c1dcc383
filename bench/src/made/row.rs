//! One row after the other, of the shape `RestApi` files have.

use super::caller::{Callers, short};
use super::chance::Chance;
use super::clock::Clock;
use super::words::{CLAUSES, ENTITIES, MEDIA, PROBLEMS, SELECTS};
use super::{Kind, Recipe};

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
/// Milliseconds from one block's first row to the next block's.
const SPAN: u64 = 40_000;
/// Milliseconds from row to row, at most: a block has about 8,500 rows.
const STEP: u64 = 9;

/// Appends the first line.
pub(super) fn header(out: &mut Vec<u8>) {
    for (number, name) in COLUMNS.iter().enumerate() {
        out.extend_from_slice(if number == 0 { b"\"" } else { b",\"" });
        out.extend_from_slice(name.as_bytes());
        out.push(b'"');
    }
    out.push(b'\n');
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
pub(super) fn digits(mut number: u64, least: usize, room: &mut [u8; 20]) -> &[u8] {
    let mut start = room.len();
    while number > 0 || room.len() - start < least {
        start -= 1;
        room[start] = b'0' + (number % 10) as u8;
        number /= 10;
    }
    &room[start..]
}

/// What is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Call {
    /// The first rows of a query.
    Query,
    /// The next rows of one, by its locator.
    More,
    /// One record, by its id.
    Record,
    /// A new record.
    New,
    /// Several records of several kinds.
    Many,
    /// What fields there are.
    Describe,
}

impl Call {
    fn any(chance: &mut Chance) -> Self {
        match chance.below(100) {
            0..40 => Self::Query,
            40..46 => Self::More,
            46..76 => Self::Record,
            76..82 => Self::New,
            82..96 => Self::Many,
            _ => Self::Describe,
        }
    }

    fn method(self, chance: &mut Chance) -> &'static str {
        match self {
            Self::Query | Self::More | Self::Describe => "GET",
            Self::Record => chance.of(&["GET", "PATCH", "PATCH", "DELETE"]),
            Self::New => "POST",
            Self::Many => chance.of(&["GET", "POST", "PATCH"]),
        }
    }
}

/// Writes rows.
#[derive(Debug)]
pub(super) struct Rows {
    chance: Chance,
    kind: Kind,
    callers: Callers,
    /// Milliseconds since 1970.
    at: u64,
    clock: Clock,
    /// Path and query of the row being written.
    uri: String,
    query: String,
}

impl Rows {
    /// Begins block `number`.
    pub(super) fn new(recipe: &Recipe, number: u64) -> Self {
        let Recipe { seed, kind, begins, .. } = *recipe;
        let at = begins * 1_000 + number * SPAN;
        Self {
            chance: Chance::new(seed, number),
            kind,
            callers: Callers::new(seed, number),
            at,
            clock: Clock::at(at),
            uri: String::new(),
            query: String::new(),
        }
    }

    /// Appends a row.
    pub(super) fn write(&mut self, out: &mut Vec<u8>) {
        let Self { chance, kind, callers, at, clock, uri, query } = self;
        *at += chance.below(STEP);
        clock.set(*at);
        let caller = callers.next(chance);
        let call = Call::any(chance);
        let (entity, prefix) = chance.of(&ENTITIES);
        let method = call.method(chance);
        let failed = chance.permille(35);
        let run = chance.small(9_000) + 3;
        let request = request(chance);
        let named = match call {
            Call::Record => record(prefix, chance),
            Call::More => record("01g", chance),
            _ => String::new(),
        };
        query.clear();
        if call == Call::Query {
            ask(query, entity, prefix, *at, chance);
        }

        uri.clear();
        uri.push_str("/services/data/v");
        uri.push_str(caller.app.version);
        match call {
            Call::Query => uri.push_str("/query"),
            Call::More => {
                uri.extend(["/query/", &named, "-"]);
                *uri += &((1 + chance.small(60)) * 2_000).to_string();
            }
            Call::Record => uri.extend(["/sobjects/", entity, "/", &named]),
            Call::New => uri.extend(["/sobjects/", entity]),
            Call::Many => uri.push_str("/composite/sobjects"),
            Call::Describe => uri.extend(["/sobjects/", entity, "/describe"]),
        }

        let mut line = Line { out, kind: *kind, first: true };
        line.text("RestApi");
        line.cell(&[&clock.compact]);
        line.text(&request);
        line.cell(&[ORG]);
        line.text(&caller.user);
        line.number(run);
        line.number(run * (10 + chance.below(40)) / 100);
        line.text(uri);
        line.cell(&[&caller.session]);
        line.cell(&[&caller.login]);
        line.empty();
        line.empty();
        line.text(caller.app.name);
        // What is not known is empty, not 0.
        line.text(caller.app_id.as_deref().unwrap_or_default());
        line.number(chance.small(60_000));
        line.number(run * chance.below(20) / 100);
        line.number(run * (10_000 + chance.below(500_000)));
        line.text(if call == Call::Many { "" } else { entity });
        line.text(if failed { chance.of(&PROBLEMS) } else { "" });
        line.text(if method == "DELETE" { "" } else { chance.of(&MEDIA) });
        line.text(method);
        if call == Call::Query {
            line.number(3 + chance.below(24));
        } else {
            line.empty();
        }
        line.empty();
        line.text(query);
        match method {
            "GET" | "DELETE" => line.empty(),
            _ => line.number(chance.small(40_000)),
        }
        line.text(if failed { "F" } else { "S" });
        line.number(80 + chance.small(900_000));
        line.number(match call {
            Call::Query => chance.small(2_000),
            Call::More => 2_000,
            Call::Many => 1 + chance.below(200),
            _ => 1,
        });
        line.text(match (failed, method) {
            (true, _) => chance.of(&["400", "401", "404", "500"]),
            (false, "POST") => "201",
            (false, "PATCH" | "DELETE") => "204",
            _ => "200",
        });
        line.text(caller.agent);
        line.text("Standard");
        line.cell(&[&clock.iso]);
        line.text(&caller.user_long);
        line.text(&caller.address);
        line.text(&named);
        line.text(if chance.permille(700) { "" } else { entity });
        out.push(b'\n');
    }
}

/// `REQUEST_ID`, in either form it has.
fn request(chance: &mut Chance) -> String {
    if chance.permille(80) {
        return format!("SLB:{:016x}{:016x}", chance.next(), chance.next());
    }
    chance.word::<22>().map(char::from).iter().collect()
}

/// An id of a record, 18 characters.
fn record(prefix: &str, chance: &mut Chance) -> String {
    let short = short(prefix, chance);
    orgtap_events::id::to_18(&short).unwrap_or(short)
}

/// Writes a query.
fn ask(query: &mut String, entity: &str, prefix: &str, at: u64, chance: &mut Chance) {
    query.push_str(chance.of(&SELECTS));
    query.push_str(entity);
    for part in chance.of(&CLAUSES).split_inclusive(['@', '#']) {
        query.push_str(part.trim_end_matches(['@', '#']));
        match part.bytes().last() {
            Some(b'@') => {
                // Since a while ago, to the second.
                let since = Clock::at(at.saturating_sub(chance.small(7_200_000))).iso;
                query.extend(since[..19].iter().copied().map(char::from));
                query.push('Z');
            }
            Some(b'#') => query.push_str(&record(prefix, chance)),
            _ => {}
        }
    }
}
