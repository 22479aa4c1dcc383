//! The state machine of units, over every state and any sequence of events.

use orgtap_ledger::unit::{Event, State, apply};
use proptest::prelude::*;

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        (any::<u64>(), any::<u64>(), proptest::option::of(".*")).prop_map(
            |(bytes, rows, warning)| Event::Fetched {
                spool_path: "path".to_owned(),
                spool_bytes: bytes,
                raw_bytes: bytes,
                rows,
                content_hash: "hash".to_owned(),
                warning,
            }
        ),
        (any::<u64>(), any::<u64>(), any::<u64>()).prop_map(|(admitted, repeats, undecodable)| {
            let hours = Vec::new();
            Event::Admitted { admitted, repeats, undecodable, exceptions: repeats, hours }
        }),
        Just(Event::Delivered),
        Just(Event::Gone),
        Just(Event::Covered),
        Just(Event::Retried),
        ".*".prop_map(|reason| Event::Undecodable { reason }),
        ".*".prop_map(|reason| Event::Disputed { reason }),
    ]
}

/// How far along a state is; every event that fits leads further.
fn rank(state: State) -> u8 {
    match state {
        State::Listed => 0,
        State::Fetched => 1,
        State::Admitted => 2,
        State::Done | State::Vanished | State::Skipped | State::Rejected | State::Disputed => 3,
    }
}

proptest! {
    #[test]
    fn only_a_person_leads_out_of_a_final_state(event in event()) {
        for state in State::ALL.into_iter().filter(|state| state.is_final()) {
            if (state, &event) == (State::Rejected, &Event::Retried) {
                prop_assert_eq!(apply(state, &event), Ok(State::Listed));
                continue;
            }
            let misfit = apply(state, &event).unwrap_err();
            prop_assert_eq!((misfit.from, misfit.event), (state.name(), event.name()));
        }
    }

    #[test]
    fn every_event_that_fits_leads_further(
        events in prop::collection::vec(event().prop_filter("", |event| *event != Event::Retried), 0..12)
    ) {
        let mut state = State::Listed;
        let mut steps = 0;
        for event in &events {
            if let Ok(next) = apply(state, event) {
                prop_assert!(rank(next) > rank(state), "{:?} {:?}", state, next);
                prop_assert!(!state.is_final());
                state = next;
                steps += 1;
            }
        }
        prop_assert!(steps <= 3);
        prop_assert_eq!(state == State::Done, events.len() >= 3 && steps == 3);
    }

    #[test]
    fn only_names_of_states_are_read_as_states(name in ".{0,12}") {
        let known = State::ALL.into_iter().find(|state| state.name() == name);
        prop_assert_eq!(State::parse(&name), known);
    }
}

#[test]
fn a_disputed_unit_alone_is_reconsidered_and_is_fetched_again() {
    for state in State::ALL {
        let again = apply(state, &Event::Reconsidered).ok();
        assert_eq!(again, (state == State::Disputed).then_some(State::Fetched));
    }
}

#[test]
fn every_state_is_read_back_from_its_name() {
    for state in State::ALL {
        assert_eq!(State::parse(state.name()), Some(state));
    }
}
