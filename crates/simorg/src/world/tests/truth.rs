//! Files say what happened.

use super::*;
use crate::world::Interval;

/// Lane by lane, each row as often as the file with most of it has it: what the simplest possible
/// reader makes of the files there are.
fn gathered(
    world: &World,
    interval: Interval,
    now: Timestamp,
) -> BTreeMap<(String, Timestamp), HashMap<Row, usize>> {
    let mut lanes: BTreeMap<_, HashMap<Row, usize>> = BTreeMap::new();
    for file in world.files(now).iter() {
        let wanted = match interval {
            Interval::Hourly => file.hourly,
            Interval::Daily => !file.hourly,
            Interval::Both => true,
        };
        if !wanted {
            continue;
        }
        let day = SignedDuration::from_hours(24);
        let since = file.log_date.duration_since(after(0)).as_secs().div_euclid(day.as_secs());
        let lane = (file.event_type.clone(), after(since * 24));
        for (row, count) in counted(read(&world.content(file)).1) {
            let most = lanes.entry(lane.clone()).or_default().entry(row).or_default();
            *most = count.max(*most);
        }
    }
    lanes
}

/// The same from the model.
fn expected(
    world: &World,
    interval: Interval,
    now: Timestamp,
) -> BTreeMap<(String, Timestamp), HashMap<Row, usize>> {
    let lanes = world.truth(interval, now).map(|lane| {
        let rows = lane.rows.into_iter().map(|values| {
            let pairs = lane.columns.iter().cloned().zip(values);
            pairs.filter(|(_, value)| !value.is_empty()).collect::<Row>()
        });
        ((lane.event_type, lane.day), counted(rows))
    });
    lanes.collect()
}

#[test]
fn files_hold_the_truth_for_every_interval_at_any_time() {
    for seed in 1..=3 {
        let world = World::new(WorldConfig { volume: 0.2, ..config(seed, 2) });
        for now in [after(34), end(2)] {
            for interval in [Interval::Hourly, Interval::Daily, Interval::Both] {
                let (gathered, expected) =
                    (gathered(&world, interval, now), expected(&world, interval, now));
                assert_eq!(
                    gathered.keys().collect::<Vec<_>>(),
                    expected.keys().collect::<Vec<_>>()
                );
                for (lane, rows) in &expected {
                    assert_eq!(&gathered[lane], rows, "{interval:?} of {lane:?} at {now}");
                }
            }
        }
    }
}

#[test]
fn daily_files_have_what_hourly_ones_miss_and_nothing_is_in_hourly_ones_alone() {
    let world = World::new(config(4, 3));
    let total =
        |interval| -> usize { world.truth(interval, end(3)).map(|lane| lane.rows.len()).sum() };
    let (hourly, daily, both) =
        (total(Interval::Hourly), total(Interval::Daily), total(Interval::Both));
    assert_eq!(daily, both);
    assert!(hourly < daily && hourly * 100 > daily * 98, "{hourly} of {daily}");
}

#[test]
fn a_tidy_world_has_the_same_rows_by_the_hour_and_by_the_day() {
    let world = World::new(WorldConfig { awkward: false, ..config(5, 2) });
    let now = end(2);
    assert_eq!(expected(&world, Interval::Hourly, now), expected(&world, Interval::Daily, now));
    let files = world.files(now);
    assert!(files.iter().all(|file| file.replaced_at.is_none() && file.sequence < 2));
    for file in files.iter() {
        let bytes = world.content(file);
        assert!(bytes.ends_with(b"\"\n"));
        assert!(!bytes.iter().any(|byte| matches!(byte, b'\r' | b'\t' | 0..=8)));
    }
}

#[test]
fn the_same_seed_makes_the_same_bytes_in_any_order() {
    let (one, other) = (World::new(config(6, 2)), World::new(config(6, 2)));
    // The other world learns about its days and files back to front.
    let last = other.files(end(2)).last().cloned().unwrap();
    assert!(!other.content(&last).is_empty());
    let files = one.files(end(2));
    assert_eq!(files, other.files(end(2)));
    for file in files.iter().rev() {
        assert_eq!(other.content(file).len() as u64, file.length);
    }
    for file in files.iter() {
        assert_eq!(one.content(file), other.content(file), "{file:?}");
    }
    assert_ne!(files, World::new(config(7, 2)).files(end(2)));
    assert_eq!(one.org_id(), other.org_id());
    assert_eq!(one.users(), other.users());
}

#[test]
fn a_file_of_another_world_has_no_content_here() {
    let (one, other) = (World::new(config(6, 1)), World::new(config(8, 1)));
    for file in one.files(end(1)).iter().take(20) {
        assert!(other.content(file).is_empty());
        assert_eq!(other.file(&file.id, end(1)), None);
    }
    let mut file = one.files(end(1))[0].clone();
    file.log_date = "1999-01-01T00:00:00Z".parse().unwrap();
    assert!(one.content(&file).is_empty());
}
