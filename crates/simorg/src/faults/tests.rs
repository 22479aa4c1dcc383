//! Tests of when faults strike.

use super::*;

fn struck(faults: &Faults, fault: Fault, call: Call, calls: u64) -> Vec<u64> {
    (1..=calls).filter(|_| faults.strikes(fault, call).is_some()).collect()
}

#[test]
fn strikes_when_the_rule_says() {
    let faults = Faults::new(1);
    let fault = Fault::InvalidLocator;
    for (when, expected) in [
        ("always", vec![1, 2, 3, 4, 5, 6]),
        ("first:2", vec![1, 2]),
        ("every:3", vec![3, 6]),
        ("calls:2,5", vec![2, 5]),
        ("0", vec![]),
        ("1", vec![1, 2, 3, 4, 5, 6]),
    ] {
        faults.set(fault, Rule::new(when.parse().unwrap()));
        assert_eq!(struck(&faults, fault, Call::QueryMore, 6), expected, "{when}");
        assert_eq!(faults.struck()["invalid_locator"], expected.len() as u64);
    }
}

#[test]
fn the_same_seed_meets_the_same_faults() {
    let run = |seed| {
        let faults = Faults::new(seed);
        faults.set(Fault::TruncateCut, Rule::new(When::Rate(0.3)));
        struck(&faults, Fault::TruncateCut, Call::Download, 200)
    };
    assert_eq!(run(7), run(7));
    assert_ne!(run(7), run(8));
    assert!((30..90).contains(&run(7).len()), "{}", run(7).len());
}

#[test]
fn strikes_only_its_own_calls_or_those_it_is_told() {
    let faults = Faults::new(1);
    faults.always(Fault::SessionExpires);
    assert!(faults.strikes(Fault::SessionExpires, Call::Token).is_none());
    assert!(faults.strikes(Fault::SessionExpires, Call::Download).is_some());
    faults.set(Fault::SessionExpires, Rule::new(When::First(1)).only(Call::QueryMore));
    assert!(faults.strikes(Fault::SessionExpires, Call::Download).is_none());
    assert!(faults.strikes(Fault::SessionExpires, Call::QueryMore).is_some());
    assert!(faults.strikes(Fault::SessionExpires, Call::QueryMore).is_none());
}

#[test]
fn a_burst_is_a_run_of_calls() {
    let faults = Faults::new(1);
    faults.set(Fault::Burst5xx, Rule::new(When::Calls(vec![2])).amount(3));
    assert_eq!(struck(&faults, Fault::Burst5xx, Call::Query, 8), [2, 3, 4]);
}

#[test]
fn a_file_once_decided_stays_decided() {
    let faults = Faults::new(1);
    faults.set(Fault::Vanish, Rule::new(When::Rate(0.5)));
    let decide = || (0..100).map(|n| faults.concerns(Fault::Vanish, &format!("f{n}"))).collect();
    let first: Vec<bool> = decide();
    let again: Vec<bool> = decide();
    assert_eq!(first, again);
    assert!(first.contains(&true) && first.contains(&false));
    assert!(!faults.concerns(Fault::WrongLength, "f1"));
}

#[test]
fn rules_read_back_as_written() {
    for text in [
        "truncate_cut=0.05",
        "session_expires/query_more=first:1",
        "small_batches=always@3",
        "quota=calls:2,5@4",
        "login_inactive_user=every:2",
    ] {
        let (fault, rule) = Rule::parse(text).unwrap();
        assert_eq!(rule.write(fault), text);
    }
    assert_eq!(Rule::parse("vanish").unwrap(), (Fault::Vanish, Rule::new(When::Always)));
    for wrong in ["", "vanished", "quota=2", "quota=first:x", "quota=every:0", "quota@x", "quota/x"]
    {
        assert!(Rule::parse(wrong).is_err(), "{wrong}");
    }
}

#[test]
fn every_fault_has_a_name_of_its_own() {
    let names: std::collections::BTreeSet<_> = Fault::all().map(Fault::name).collect();
    assert_eq!(names.len(), Fault::all().count());
    for fault in Fault::all() {
        assert_eq!(fault.name().parse::<Fault>().unwrap(), fault);
    }
}

#[test]
fn the_bad_week_holds_only_what_can_be_made_good() {
    let week = preset("bad-week").unwrap();
    let beyond_repair =
        |fault: &Fault| matches!(fault, Fault::Vanish | Fault::WrongLength | Fault::Login(_));
    assert!(!week.iter().any(|(fault, _)| beyond_repair(fault)));
    assert!(week.len() > 15);
    assert!(preset("good-week").is_err());
}
