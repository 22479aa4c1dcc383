//! Tests of the query language over a small table.

use proptest::prelude::*;

use super::*;
use crate::schema;

/// Six files: a daily one and five hourly ones, two of them in the same second.
struct Fake(Vec<[Cell; 6]>);

const COLUMNS: [&str; 6] =
    ["Id", "EventType", "CreatedDate", "Sequence", "Interval", "LogFileLength"];

fn table() -> Fake {
    let row = |n: u64, kind: &str, created: &str, sequence: i64, length: f64| {
        [
            Cell::text(crate::ids::make("0AT", n)),
            Cell::text(kind),
            Cell::Time(time(created)),
            Cell::Int(sequence),
            Cell::text(if sequence == 0 { "Daily" } else { "Hourly" }),
            Cell::Double(length),
        ]
    };
    Fake(vec![
        row(5, "Login", "2026-11-21T04:00:00Z", 1, 100.0),
        row(4, "API", "2026-11-21T04:00:00Z", 1, 200.0),
        row(3, "Login", "2026-11-21T06:00:00Z", 2, 50.0),
        row(2, "Login", "2026-11-22T03:00:00Z", 0, 150.0),
        row(1, "URI", "2026-11-22T05:30:00Z", 1, 2692.0),
        row(0, "Logout", "2026-11-23T01:00:00Z", 1, 10.5),
    ])
}

fn time(text: &str) -> Timestamp {
    text.parse().unwrap()
}

impl Table for Fake {
    fn len(&self) -> usize {
        self.0.len()
    }

    fn cell(&self, row: usize, field: &str) -> Cell {
        let column = COLUMNS.iter().position(|column| *column == field);
        column.map_or(Cell::Null, |column| self.0[row][column].clone())
    }
}

fn objects(interval: bool) -> Vec<Object> {
    let types = ["Login", "Logout", "API", "URI"].map(str::to_owned).to_vec();
    vec![schema::event_log_file(types, interval, 66), schema::user()]
}

fn context() -> Context {
    Context { now: time("2026-11-23T03:00:00Z"), zone: Offset::constant(-8) }
}

fn rows(query: &str) -> Vec<usize> {
    let objects = objects(true);
    let (plan, _) = plan(query, &objects, context()).unwrap_or_else(|e| panic!("{query}: {e:?}"));
    match run(&plan, &table(), &|_| true) {
        Picked::Rows(rows) => rows,
        other => panic!("{other:?}"),
    }
}

fn picked(condition: &str) -> Vec<usize> {
    let mut rows = rows(&format!("SELECT Id FROM EventLogFile WHERE {condition}"));
    rows.sort_unstable();
    rows
}

fn refusal(query: &str) -> Refusal {
    let objects = objects(false);
    plan(query, &objects, context()).map(|(plan, _)| plan).unwrap_err()
}

#[test]
fn conditions_pick_the_right_records() {
    let id = crate::ids::make("0AT", 4);
    let short = &id[..15];
    for (condition, expected) in [
        ("EventType = 'Login'", vec![0, 2, 3]),
        ("eventtype = 'LOGIN'", vec![0, 2, 3]),
        ("EventType != 'Login'", vec![1, 4, 5]),
        ("EventType IN ('API', 'URI')", vec![1, 4]),
        ("EventType NOT IN ('API', 'URI')", vec![0, 2, 3, 5]),
        ("EventType LIKE 'log%'", vec![0, 2, 3, 5]),
        ("NOT EventType LIKE 'log%'", vec![1, 4]),
        ("Sequence >= 1 AND LogFileLength < 100.5", vec![0, 2, 5]),
        ("Sequence = 0 OR LogFileLength = 2692", vec![3, 4]),
        ("(Sequence = 0 OR Sequence = 2) AND EventType = 'Login'", vec![2, 3]),
        ("CreatedDate > 2026-11-21T04:00:00Z", vec![2, 3, 4, 5]),
        ("CreatedDate >= 2026-11-21T05:00:00.123+01:00", vec![2, 3, 4, 5]),
        ("CreatedDate >= 2026-11-21T05:00:00+01:00", vec![0, 1, 2, 3, 4, 5]),
        ("CreatedDate = 2026-11-21T04:00:00.000Z", vec![0, 1]),
        // The user is eight hours behind: it is still the 22nd, which began at 08:00 UTC.
        ("CreatedDate = TODAY", vec![5]),
        ("CreatedDate = YESTERDAY", vec![3, 4]),
        ("CreatedDate < TODAY", vec![0, 1, 2, 3, 4]),
        ("CreatedDate > YESTERDAY", vec![5]),
        ("CreatedDate = LAST_N_DAYS:1", vec![3, 4, 5]),
        ("CreatedDate = N_DAYS_AGO:2", vec![0, 1, 2]),
        ("LogDate = null", vec![0, 1, 2, 3, 4, 5]),
        ("EventType != null", vec![0, 1, 2, 3, 4, 5]),
        ("Interval = 'Hourly'", vec![0, 1, 2, 4, 5]),
    ] {
        assert_eq!(picked(condition), expected, "{condition}");
    }
    assert_eq!(picked(&format!("Id = '{id}'")), [1]);
    assert_eq!(picked(&format!("Id = '{short}'")), [1]);
    assert_eq!(picked(&format!("CreatedDate = 2026-11-21T04:00:00Z AND Id > '{id}'")), [0]);
}

#[test]
fn order_limit_and_offset_are_kept() {
    let all = "SELECT Id FROM EventLogFile ORDER BY";
    assert_eq!(rows(&format!("{all} CreatedDate, Id")), [1, 0, 2, 3, 4, 5]);
    assert_eq!(rows(&format!("{all} CreatedDate DESC, Id ASC")), [5, 4, 3, 2, 1, 0]);
    assert_eq!(rows(&format!("{all} LogFileLength DESC NULLS LAST LIMIT 2")), [4, 1]);
    assert_eq!(rows(&format!("{all} CreatedDate ASC, Id LIMIT 2 OFFSET 1")), [0, 2]);
    // Without an order the records come as they like; not as they were made.
    assert_eq!(rows("SELECT Id FROM EventLogFile"), [5, 4, 3, 2, 1, 0]);
}

#[test]
fn counts_and_groups() {
    let objects = objects(true);
    let ask = |query: &str| {
        let (plan, _) = plan(query, &objects, context()).unwrap();
        run(&plan, &table(), &|_| true)
    };
    assert_eq!(ask("SELECT COUNT() FROM EventLogFile WHERE Sequence > 0"), Picked::Count(5));
    let groups = ask(
        "SELECT EventType, COUNT(Id) n, MAX(CreatedDate) FROM EventLogFile GROUP BY EventType ORDER BY EventType",
    );
    let Picked::Groups(groups) = groups else { panic!("{groups:?}") };
    assert_eq!(groups.len(), 4);
    assert_eq!(groups[1][0], Cell::text("Login"));
    assert_eq!(groups[1][1], Cell::Int(3));
    assert_eq!(groups[1][2], Cell::Time(time("2026-11-22T03:00:00Z")));
    let sum = ask("SELECT SUM(LogFileLength), COUNT_DISTINCT(EventType) FROM EventLogFile");
    assert_eq!(sum, Picked::Groups(vec![vec![Cell::Double(3202.5), Cell::Int(4)]]));
}

#[test]
fn an_absent_column_is_refused_with_a_caret_under_it() {
    let refusal = refusal("SELECT Id, Interval FROM EventLogFile");
    assert_eq!(refusal.code, "INVALID_FIELD");
    let lines: Vec<&str> = refusal.message.split('\n').collect();
    assert_eq!(lines[0], "");
    assert_eq!(lines[1], "SELECT Id, Interval FROM EventLogFile");
    assert_eq!(lines[2], "           ^");
    assert_eq!(lines[3], "ERROR at Row:1:Column:12");
    assert!(
        lines[4].starts_with("No such column 'Interval' on entity 'EventLogFile'."),
        "{lines:?}"
    );
}

#[test]
fn a_long_query_is_shown_in_part_with_the_caret_still_under_the_word() {
    let query = "SELECT Id, EventType, LogDate, CreatedDate, LogFileLength, Nope, LogFile, Sequence FROM EventLogFile WHERE Sequence >= 0";
    let refusal = refusal(query);
    let lines: Vec<&str> = refusal.message.split('\n').collect();
    let caret = lines[2].len() - 1;
    assert!(lines[1][caret..].starts_with("Nope"), "{lines:?}");
    assert!(lines[1].len() < 90, "{lines:?}");
    assert_eq!(lines[3], "ERROR at Row:1:Column:60");
}

#[test]
fn refusals_have_the_platforms_codes_and_words() {
    let select = "SELECT Id FROM EventLogFile";
    for (query, code, words) in [
        (
            "SELECT Id FROM LoginEvent".into(),
            "INVALID_TYPE",
            "sObject type 'LoginEvent' is not supported",
        ),
        ("SELEKT Id FROM User".into(), "MALFORMED_QUERY", "unexpected token: 'SELEKT'"),
        ("SELECT Id FROM".into(), "MALFORMED_QUERY", "unexpected token: '<EOF>'"),
        ("SELECT * FROM User".into(), "MALFORMED_QUERY", "no viable alternative at character '*'"),
        ("SELECT Id, FROM User".into(), "MALFORMED_QUERY", "unexpected token: 'FROM'"),
        ("SELECT Id, id FROM User".into(), "INVALID_FIELD", "duplicate field selected: Id"),
        (
            "SELECT Profile.Name FROM User".into(),
            "INVALID_FIELD",
            "Didn't understand relationship 'Profile'",
        ),
        ("SELECT FIELDS(ALL) FROM User".into(), "MALFORMED_QUERY", "LIMIT of at most 200"),
        (
            "SELECT Id, COUNT(Id) FROM User".into(),
            "MALFORMED_QUERY",
            "must be grouped or aggregated: Id",
        ),
        (
            "SELECT COUNT(Id) FROM EventLogFile GROUP BY LogDate".into(),
            "MALFORMED_QUERY",
            "field 'LogDate' can not be grouped",
        ),
        (
            format!("{select} WHERE LogFile = 'x'"),
            "INVALID_FIELD",
            "field 'LogFile' can not be filtered",
        ),
        (
            format!("{select} WHERE LogFileFieldNames LIKE 'x%'"),
            "INVALID_FIELD",
            "can not be filtered in a query call",
        ),
        (
            format!("{select} ORDER BY LogFileFieldTypes"),
            "MALFORMED_QUERY",
            "can not be sorted in a query call",
        ),
        (
            format!("{select} WHERE CreatedDate > '2026-11-21T00:00:00Z'"),
            "INVALID_FIELD",
            "must be of type dateTime and should not be enclosed in quotes",
        ),
        (
            format!("{select} WHERE CreatedDate > 2026-11-21"),
            "INVALID_FIELD",
            "must be of type dateTime",
        ),
        (
            format!("{select} WHERE CreatedDate > 2026-11-21T00:00:00.000+0000"),
            "MALFORMED_QUERY",
            "unexpected token: '2026-11-21T00:00:00.000+0000'",
        ),
        (
            format!("{select} WHERE CreatedDate > 2026-11-21T00:00:00 01:00"),
            "MALFORMED_QUERY",
            "unexpected token",
        ),
        (
            format!("{select} WHERE EventType = Login"),
            "MALFORMED_QUERY",
            "unexpected token: 'Login'",
        ),
        (
            format!("{select} WHERE EventType = 5"),
            "INVALID_FIELD",
            "must be of type picklist and should be enclosed in quotes",
        ),
        (
            format!("{select} WHERE Id = '123'"),
            "INVALID_QUERY_FILTER_OPERATOR",
            "invalid ID field: 123",
        ),
        (
            format!("{select} WHERE Id LIKE '0AT%'"),
            "INVALID_QUERY_FILTER_OPERATOR",
            "invalid operator on id field",
        ),
        (
            format!("{select} WHERE EventType = 'a\\x'"),
            "MALFORMED_QUERY",
            "Illegal character sequence '\\x'",
        ),
        (
            format!("{select} WHERE EventType = 'a"),
            "MALFORMED_QUERY",
            "mismatched character '<EOF>'",
        ),
        (
            format!("{select} WHERE EventType = :type"),
            "MALFORMED_QUERY",
            "Bind variables only allowed in Apex code",
        ),
        (
            format!("{select} WHERE Sequence = 0 AND Sequence = 1 OR Sequence = 2"),
            "MALFORMED_QUERY",
            "unexpected token: 'OR'",
        ),
        (format!("{select} LIMIT -1"), "MALFORMED_QUERY", "unexpected token: '-1'"),
        (
            format!("{select} OFFSET 2001"),
            "NUMBER_OUTSIDE_VALID_RANGE",
            "Maximum SOQL offset allowed is 2000",
        ),
        (
            format!("{select} WHERE {}Sequence = 0{}", "(".repeat(100), ")".repeat(100)),
            "QUERY_TOO_COMPLICATED",
            "",
        ),
        (format!("{select} WHERE EventType = '{}'", "x".repeat(4_001)), "MALFORMED_QUERY", "4000"),
        (format!("{select}{}", " ".repeat(100_000)), "QUERY_TOO_COMPLICATED", ""),
    ] {
        let refusal = refusal(&query);
        assert_eq!(refusal.code, code, "{query}: {}", refusal.message);
        assert!(refusal.message.contains(words), "{query}: {}", refusal.message);
    }
}

#[test]
fn names_may_carry_the_objects_name_or_alias() {
    assert_eq!(
        rows("SELECT EventLogFile.Id FROM EventLogFile WHERE EventLogFile.Sequence = 2"),
        [2]
    );
    assert_eq!(rows("select e.Id from EventLogFile e where e.Sequence = 2"), [2]);
}

#[test]
fn the_span_of_a_condition_is_the_narrowest_that_can_be_told() {
    let span = |condition: &str| {
        let objects = objects(true);
        let query = format!("SELECT Id FROM EventLogFile WHERE {condition}");
        plan(&query, &objects, context()).unwrap().0.span_of("CreatedDate")
    };
    let (a, b) = ("2026-11-20T00:00:00Z", "2026-11-22T00:00:00Z");
    let (from, to) = span(&format!("CreatedDate >= {a} AND CreatedDate < {b}"));
    assert_eq!((from, to), (time(a), time(b)));
    let compound = format!(
        "(CreatedDate > {a} OR (CreatedDate = {a} AND Id > '0AT000000000000')) AND CreatedDate < {b}"
    );
    assert_eq!(span(&compound).0, time(a));
    assert_eq!(span("Sequence = 0"), (Timestamp::MIN, Timestamp::MAX));
    assert_eq!(span(&format!("NOT CreatedDate < {a}")), (Timestamp::MIN, Timestamp::MAX));
}

#[test]
fn whole_sets_of_fields_can_be_asked_for() {
    let objects = objects(true);
    let (plan, _) = plan("SELECT FIELDS(STANDARD) FROM EventLogFile", &objects, context()).unwrap();
    let Selection::Fields(fields) = plan.selection else { panic!() };
    assert!(fields.contains(&"Interval") && fields.contains(&"LogFile"), "{fields:?}");
}

/// Words and signs of the language, to make text that gets far into the parser.
fn fragment() -> impl Strategy<Value = String> {
    prop_oneof![
        prop::sample::select(vec![
            "SELECT",
            "FROM",
            "WHERE",
            "AND",
            "OR",
            "NOT",
            "IN",
            "LIKE",
            "ORDER",
            "GROUP",
            "BY",
            "LIMIT",
            "OFFSET",
            "NULLS",
            "FIRST",
            "DESC",
            "COUNT",
            "FIELDS",
            "Id",
            "Interval",
            "EventLogFile",
            "CreatedDate",
            "(",
            ")",
            ",",
            "=",
            "!=",
            "<",
            ">=",
            "'x'",
            "'\\",
            "'",
            "0",
            "-1",
            "2026-11-21T00:00:00Z",
            "2026-02-30",
            "LAST_N_DAYS",
            ":",
            "TODAY",
            "null",
            "\n",
            "é",
            "\u{0}",
            "9999-12-31T23:59:59Z",
            "99999999999999999999",
        ])
        .prop_map(str::to_owned),
        any::<String>(),
    ]
}

proptest! {
    #[test]
    fn no_text_makes_it_panic(text in any::<String>()) {
        let objects = objects(true);
        drop(plan(&text, &objects, context()));
    }

    #[test]
    fn no_mixture_of_its_own_words_makes_it_panic(words in prop::collection::vec(fragment(), 0..30)) {
        let objects = objects(true);
        for text in [words.join(" "), words.concat(), format!("SELECT Id FROM EventLogFile WHERE {}", words.join(" "))] {
            if let Ok((plan, _)) = plan(&text, &objects, context()) {
                run(&plan, &table(), &|_| true);
            }
        }
    }

    #[test]
    fn a_moment_compares_as_its_instant(second in 1_600_000_000_i64..1_900_000_000, hours in -12_i8..=14) {
        let at = Timestamp::from_second(second).unwrap();
        let local = Offset::constant(hours).to_datetime(at);
        let sign = if hours < 0 { '-' } else { '+' };
        let query = format!(
            "SELECT Id FROM EventLogFile WHERE CreatedDate = {}{sign}{:02}:00",
            local.strftime("%Y-%m-%dT%H:%M:%S"), hours.abs()
        );
        let objects = objects(true);
        let (plan, _) = plan(&query, &objects, context()).unwrap();
        prop_assert_eq!(plan.span_of("CreatedDate").0, at);
    }
}
