//! Files come when and how they should.

use std::collections::{BTreeSet, HashSet};

use super::*;

#[test]
fn lengths_are_the_bytes_there_are() {
    for awkward in [true, false] {
        let world = World::new(WorldConfig { awkward, ..config(11, 2) });
        for file in versions(&world) {
            assert_eq!(world.content(&file).len() as u64, file.length, "{file:?}");
        }
    }
}

#[test]
fn files_are_in_order_of_creation_and_id_and_many_share_a_second() {
    let world = World::new(config(12, 2));
    let files = world.files(end(2));
    assert!(files.is_sorted_by(|a, b| (a.created_date, &a.id) < (b.created_date, &b.id)));
    let seconds: HashSet<Timestamp> = files.iter().map(|file| file.created_date).collect();
    assert!(seconds.len() * 3 < files.len(), "{} in {} seconds", files.len(), seconds.len());
    assert!(files.iter().all(|file| file.created_date.subsec_nanosecond() == 0));
    // Order of ids is not order of anything else.
    assert!(!files.is_sorted_by_key(|file| file.id.clone()));
}

#[test]
fn the_list_is_the_same_whether_time_passes_or_jumps() {
    let (walking, jumping) = (World::new(config(13, 2)), World::new(config(13, 2)));
    let mut before = walking.files(after(0));
    for half_hour in 0..330 {
        let now = after(0) + SignedDuration::from_mins(half_hour * 30);
        let files = walking.files(now);
        assert!(files.iter().all(|file| file.created_date <= now));
        assert!(files.iter().all(|file| file.replaced_at.is_none_or(|at| at > now)));
        assert!(
            before.iter().all(|file| {
                file.replaced_at.is_some_and(|at| at <= now) || files.contains(file)
            })
        );
        if half_hour % 37 == 0 {
            assert_eq!(files, World::new(config(13, 2)).files(now));
        }
        before = files;
    }
    for now in [end(2), after(40), after(3), after(30)] {
        assert_eq!(jumping.files(now), World::new(config(13, 2)).files(now));
    }
}

#[test]
fn a_list_that_has_not_changed_is_not_copied() {
    let world = World::new(config(13, 1));
    let now = end(1);
    assert!(std::sync::Arc::ptr_eq(
        &world.files(now),
        &world.files(now + SignedDuration::from_secs(1))
    ));
}

#[test]
fn files_come_hours_later_and_late_ones_within_two_days() {
    let world = World::new(config(14, 3));
    let (mut first, mut late, mut third) = (0, 0, 0);
    for file in versions(&world) {
        let covers = SignedDuration::from_hours(if file.hourly { 1 } else { 24 });
        let lag = file.created_date.duration_since(file.log_date + covers).as_secs();
        match (file.hourly, file.sequence) {
            (true, 1) => {
                assert!((3 * 3600..=6 * 3600).contains(&lag), "{lag}");
                first += 1;
            }
            (true, sequence) => {
                assert!((3 * 3600..=54 * 3600).contains(&lag), "{lag}");
                late += 1;
                third += usize::from(sequence == 3);
            }
            (false, sequence) => {
                assert_eq!(sequence, 0);
                assert!((2 * 3600..=65 * 3600).contains(&lag), "{lag}");
            }
        }
    }
    assert!(third > 0 && late > third);
    assert!((20..=120).contains(&(late * 1000 / first)), "{late} of {first} are late");
}

#[test]
fn later_files_of_an_hour_have_new_rows_and_sometimes_repeat_old_ones() {
    let world = World::new(config(15, 3));
    let mut hours: BTreeMap<(String, Timestamp), Vec<LogFile>> = BTreeMap::new();
    for file in world.files(end(3)).iter().filter(|file| file.hourly) {
        hours.entry((file.event_type.clone(), file.log_date)).or_default().push(file.clone());
    }
    let (mut clean, mut repeating) = (0, 0);
    for files in hours.values() {
        let sequences: Vec<u32> = files.iter().map(|file| file.sequence).collect();
        assert_eq!(sequences, (1..=files.len() as u32).collect::<Vec<_>>());
        let mut seen: HashMap<Row, usize> = HashMap::new();
        for file in files {
            let rows = counted(read(&world.content(file)).1);
            if file.sequence > 1 {
                let repeated = rows.iter().filter(|(row, _)| seen.contains_key(*row)).count();
                assert!(repeated < rows.len(), "{file:?} has nothing new");
                repeating += usize::from(repeated > 0);
                clean += usize::from(repeated == 0);
            }
            seen.extend(rows);
        }
    }
    assert!(repeating > 5 && clean > repeating, "{repeating} repeat, {clean} do not");
}

#[test]
fn a_replaced_daily_file_gives_way_to_one_with_all_its_rows_and_more() {
    let world = World::new(config(16, 3));
    let versions: Vec<LogFile> = versions(&world).into_iter().filter(|file| !file.hourly).collect();
    let (mut same, mut fresh) = (0, 0);
    for old in versions.iter().filter(|file| file.replaced_at.is_some()) {
        let at = old.replaced_at.unwrap();
        let new = versions
            .iter()
            .find(|file| (&file.event_type, file.created_date) == (&old.event_type, at))
            .unwrap();
        assert_eq!(new.log_date, old.log_date);
        let (less, more) =
            (counted(read(&world.content(old)).1), counted(read(&world.content(new)).1));
        assert!(less.iter().all(|(row, count)| more.get(row) == Some(count)));
        assert!(less.len() < more.len());
        let before = at - SignedDuration::from_secs(1);
        assert_eq!(world.file(&old.id, before).as_ref(), Some(old));
        assert!(!world.files(at).contains(old) && world.files(at).contains(new));
        if old.id == new.id {
            assert_eq!(world.file(&old.id, at).as_ref(), Some(new));
            same += 1;
        } else {
            assert_eq!(world.file(&old.id, at), None);
            assert_eq!(world.file(&new.id, before), None);
            fresh += 1;
        }
    }
    assert!(same > 3 && fresh > 3, "{same} keep their id, {fresh} do not");
    assert!((same + fresh) * 5 < versions.len());
}

#[test]
fn columns_come_and_move_from_one_hour_to_the_next_and_from_hour_to_day() {
    let world = World::new(config(17, 3));
    let mut headers: BTreeMap<(String, bool), Vec<Vec<String>>> = BTreeMap::new();
    for file in world.files(end(3)).iter() {
        let header = read(&world.content(file)).0;
        assert_eq!(header[0], "EVENT_TYPE");
        let headers = headers.entry((file.event_type.clone(), file.hourly)).or_default();
        if headers.last() != Some(&header) {
            headers.push(header);
        }
    }
    let names = |header: &[String]| header.iter().cloned().collect::<BTreeSet<_>>();
    let hourly = || headers.iter().filter(|((_, hourly), _)| *hourly);
    let changed = |test: &dyn Fn(&[Vec<String>]) -> bool| {
        hourly().filter(|(_, seen)| seen.windows(2).any(test)).count()
    };
    let grown = changed(&|two| names(&two[0]).len() < names(&two[1]).len());
    let moved = changed(&|two| names(&two[0]) == names(&two[1]));
    let differ = hourly()
        .filter(|((name, _), seen)| {
            let daily = &headers[&(name.clone(), false)];
            daily.iter().any(|header| !seen.contains(header))
        })
        .count();
    assert!(grown > 5, "a column comes to {grown} types");
    assert!(moved > 3, "columns move in {moved} types");
    assert!(differ > 3, "{differ} types differ between hour and day");
}

#[test]
fn hours_without_rows_have_no_file_but_for_the_odd_header() {
    let world = World::new(config(18, 3));
    let files = world.files(end(3));
    let empty = files.iter().filter(|file| read(&world.content(file)).1.is_empty()).count();
    assert!(empty < files.len() / 50, "{empty} of {}", files.len());
    let rare = files.iter().filter(|file| file.hourly && file.event_type == "PackageInstall");
    assert!(rare.count() < 5);
}

#[test]
fn an_org_without_hourly_files_has_daily_ones_only() {
    let world = World::new(WorldConfig { hourly: false, ..config(19, 2) });
    let files = world.files(end(2));
    assert!(!files.is_empty() && files.iter().all(|file| !file.hourly));
}

#[test]
fn a_month_of_all_types_is_listed() {
    let world = World::new(WorldConfig { volume: 1.0, ..config(20, 30) });
    let files = world.files(end(30));
    let types: HashSet<&str> = files.iter().map(|file| file.event_type.as_str()).collect();
    assert_eq!(types.len(), 78);
    assert!((20_000..60_000).contains(&files.len()), "{}", files.len());
    let ids: HashSet<&str> = files.iter().map(|file| file.id.as_str()).collect();
    assert_eq!(ids.len(), files.len());
    assert!(files.iter().all(|file| world.file(&file.id, end(30)).as_ref() == Some(file)));
}
