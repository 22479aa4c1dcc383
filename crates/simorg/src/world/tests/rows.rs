//! Rows look like an org's.

use std::collections::HashSet;

use super::*;

/// A value, or nothing.
fn get<'a>(row: &'a Row, column: &str) -> &'a str {
    row.get(column).map_or("", String::as_str)
}

#[test]
fn a_working_day_has_thousands_of_rows_and_a_sunday_few() {
    for seed in 1..=3 {
        let world = World::new(WorldConfig { volume: 1.0, awkward: false, ..config(seed, 7) });
        let mut days: BTreeMap<Timestamp, usize> = BTreeMap::new();
        for file in world.files(end(7)).iter().filter(|file| !file.hourly) {
            *days.entry(file.log_date).or_default() += read(&world.content(file)).1.len();
        }
        let days: Vec<usize> = days.into_values().collect();
        assert!(days[..5].iter().all(|rows| (3000..=6000).contains(rows)), "{days:?}");
        assert!(days[5..].iter().all(|rows| *rows < 2500), "{days:?}");
    }
}

#[test]
fn some_types_have_most_of_the_rows_and_volume_multiplies_all() {
    let rows = |volume| {
        let world = World::new(WorldConfig { volume, awkward: false, ..config(31, 2) });
        everything(&world)
            .into_iter()
            .map(|(name, rows)| (name, rows.len()))
            .collect::<HashMap<_, _>>()
    };
    let (once, thrice) = (rows(1.0), rows(3.0));
    let sum = |rows: &HashMap<String, usize>| rows.values().sum::<usize>();
    assert!(
        (26..34).contains(&(sum(&thrice) * 10 / sum(&once))),
        "{} {}",
        sum(&once),
        sum(&thrice)
    );
    let mut counts: Vec<usize> = once.values().copied().collect();
    counts.sort_unstable_by(|a, b| b.cmp(a));
    assert!(counts[..8].iter().sum::<usize>() * 2 > sum(&once));
    assert!(once.get("PackageInstall").is_none_or(|rows| *rows < 4));
    assert!(thrice["Login"] > once["Login"] * 2);
}

#[test]
fn events_lie_inside_their_hour_and_both_clocks_agree() {
    let world = World::new(config(32, 2));
    let (mut short, mut blank) = (0, 0);
    for file in world.files(end(2)).iter().filter(|file| file.hourly) {
        for row in read(&world.content(file)).1 {
            let stamp = get(&row, "TIMESTAMP");
            let (date, fraction) = stamp.split_once('.').unwrap();
            short += usize::from(fraction.len() == 2);
            let milli: i64 = format!("{fraction:0<3}").parse().unwrap();
            let parts: Vec<&str> = [0..4, 4..6, 6..8, 8..10, 10..12, 12..14]
                .into_iter()
                .map(|part| &date[part])
                .collect();
            let iso = format!(
                "{}-{}-{}T{}:{}:{}.{milli:03}Z",
                parts[0], parts[1], parts[2], parts[3], parts[4], parts[5]
            );
            let when: Timestamp = iso.parse().unwrap();
            assert!((0..3600).contains(&when.duration_since(file.log_date).as_secs()), "{row:?}");
            match get(&row, "TIMESTAMP_DERIVED") {
                "" => blank += 1,
                derived => assert_eq!(derived, iso),
            }
        }
    }
    assert!(short > 0 && blank > 0);
}

#[test]
fn a_sessions_key_runs_from_login_through_other_types_to_logout() {
    let world = World::new(WorldConfig { volume: 1.0, awkward: false, ..config(33, 2) });
    let rows = everything(&world);
    let users: HashMap<&str, &str> =
        world.users().iter().map(|user| (user.id.as_str(), user.username.as_str())).collect();
    let mut logins: HashMap<&str, &Row> = HashMap::new();
    for row in &rows["Login"] {
        if get(row, "LOGIN_STATUS") == "LOGIN_NO_ERROR" {
            assert_eq!(users[get(row, "USER_ID_DERIVED")], get(row, "USER_NAME"));
            assert!(logins.insert(get(row, "LOGIN_KEY"), row).is_none());
        }
    }
    let (mut joined, mut alone) = (0, 0);
    for (name, rows) in &rows {
        for row in rows.iter().filter(|row| !get(row, "LOGIN_KEY").is_empty()) {
            if name == "LoginAs" {
                assert_ne!(get(row, "DELEGATED_USER_ID"), get(row, "USER_ID"));
                continue;
            }
            let Some(login) = logins.get(get(row, "LOGIN_KEY")) else {
                alone += 1;
                continue;
            };
            joined += 1;
            assert_eq!(get(row, "USER_ID"), get(login, "USER_ID"), "{name}");
            assert!(get(row, "TIMESTAMP") >= get(login, "TIMESTAMP"), "{name}");
        }
    }
    // Only sessions from before the first day have no login.
    assert!(joined > 10 * alone, "{joined} and {alone}");
    let ends = rows["Logout"].iter().filter(|row| logins.contains_key(get(row, "LOGIN_KEY")));
    assert!(ends.count() > 20);
}

#[test]
fn long_ids_are_the_short_ones_and_a_check_suffix() {
    let world = World::new(WorldConfig { volume: 1.0, awkward: false, ..config(34, 1) });
    let mut pairs = 0;
    for (name, rows) in everything(&world) {
        for row in rows {
            for (column, long) in row.iter().filter(|(c, _)| c.ends_with("_ID_DERIVED")) {
                assert_eq!(long.len(), 18, "{name}.{column}");
                let short: [u8; 15] = long.as_bytes()[..15].try_into().unwrap();
                assert_eq!(crate::world::ids::eighteen(short), *long.as_bytes());
                if let Some(other) = row.get(column.trim_end_matches("_DERIVED")) {
                    assert_eq!(other, &long[..15], "{name}.{column}");
                    pairs += 1;
                }
            }
        }
    }
    assert!(pairs > 3000, "{pairs}");
}

#[test]
fn events_of_different_types_share_requests() {
    let world = World::new(WorldConfig { volume: 1.0, awkward: false, ..config(35, 1) });
    let mut types: HashMap<String, HashSet<String>> = HashMap::new();
    for (name, rows) in everything(&world) {
        for row in rows {
            types.entry(get(&row, "REQUEST_ID").to_owned()).or_default().insert(name.clone());
        }
    }
    let shared = types.values().filter(|names| names.len() > 2).count();
    assert!(shared > 200, "{shared} of {}", types.len());
}

#[test]
fn stories_are_told() {
    let world = World::new(WorldConfig { volume: 1.0, ..config(36, 7) });
    let rows = everything(&world);
    let stolen: usize = rows["ApiTotalUsage"]
        .iter()
        .filter(|row| get(row, "CONNECTED_APP_NAME") == "Data Loader Partner")
        .count();
    assert!(stolen >= 200, "{stolen}");
    let mut tried: HashMap<&str, HashSet<&str>> = HashMap::new();
    for row in &rows["Login"] {
        if get(row, "LOGIN_STATUS") == "LOGIN_ERROR_INVALID_PASSWORD" {
            tried.entry(get(row, "SOURCE_IP")).or_default().insert(get(row, "USER_NAME"));
        }
    }
    assert!(tried.values().any(|names| names.len() > 30));
    assert!(rows["Login"].iter().any(|row| {
        tried.get(get(row, "SOURCE_IP")).is_some_and(|names| names.len() > 30)
            && get(row, "LOGIN_STATUS") == "LOGIN_NO_ERROR"
    }));
    assert!(!rows["LoginAs"].is_empty() && !rows["PermissionUpdate"].is_empty());
    let codes: HashSet<&str> = rows["Login"].iter().map(|row| get(row, "LOGIN_STATUS")).collect();
    assert!(codes.len() > 8 && codes.iter().all(|code| code.starts_with("LOGIN_")), "{codes:?}");
}

#[test]
fn hostile_values_are_there() {
    let world = World::new(WorldConfig { volume: 1.0, ..config(37, 10) });
    let mut seen: HashSet<&str> = HashSet::new();
    let mut twice = 0;
    let mut unterminated = 0;
    for file in world.files(end(10)).iter().filter(|file| !file.hourly) {
        let bytes = world.content(file);
        unterminated += usize::from(!bytes.ends_with(b"\n"));
        let (header, rows) = read(&bytes);
        for (column, value) in rows.iter().flatten() {
            let found = [
                ("crlf", value.contains("\r\n")),
                ("lf", value.contains('\n')),
                ("cr alone", value == "\r"),
                ("quote alone", value == "\""),
                ("huge", value.len() >= 300 * 1024),
                ("four bytes", value.contains('🙈')),
                ("control", value.contains('\u{1}') && value.contains('\t')),
                ("backslash", value.ends_with('\\')),
                ("a header", header.contains(value)),
                ("platform", column == "CLIENT_IP" && value == "Salesforce.com IP"),
                ("slb", column == "REQUEST_ID" && value.starts_with("SLB:")),
                ("tid", column == "REQUEST_ID" && value.starts_with("TID:")),
                ("not an id", column == "URI_ID_DERIVED" && value.contains(['-', '_'])),
                ("long user", column == "USER_ID" && value.len() == 18),
                ("wordy agent", column == "USER_AGENT" && value.contains('/')),
            ];
            seen.extend(found.into_iter().filter(|(_, found)| *found).map(|(name, _)| name));
        }
        for row in &rows {
            if get(row, "REQUEST_ID").is_empty() {
                seen.insert("no request");
            }
        }
        twice += counted(rows).values().filter(|count| **count > 1).count();
    }
    assert_eq!(seen.len(), 16, "{seen:?}");
    assert!(twice > 20, "{twice}");
    assert!(unterminated > 0);
}

#[test]
fn the_picklist_has_the_catalogue_and_files_exist_of_two_more() {
    let world = World::new(WorldConfig { volume: 1.0, ..config(38, 7) });
    let names = world.event_types();
    assert_eq!(names.len(), 76);
    assert!(!names.iter().any(|name| name == "ApexInline" || name == "UITracking"));
    assert!(world.is_free("Login") && !world.is_free("RestApi"));
    let rows = everything(&world);
    let unknown: Vec<&String> = rows.keys().filter(|name| !names.contains(name)).collect();
    assert_eq!(unknown.len(), 2, "{unknown:?}");
}

#[test]
fn a_world_can_be_asked_for_some_types_only() {
    let types = vec!["Login".to_owned(), "URI".to_owned()];
    let world = World::new(WorldConfig { event_types: types.clone(), ..config(39, 1) });
    let seen: HashSet<String> = everything(&world).into_keys().collect();
    assert_eq!(seen, types.into_iter().collect());
    assert_eq!(world.event_types().len(), 76);
}
