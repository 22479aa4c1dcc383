//! Who calls the API: the sessions of a busy org, with their users, programs and addresses.

use super::chance::Chance;
use super::words::{AGENTS, App, CLIENTS, SERVICES};

/// Sessions of services: few and busy.
const OF_SERVICES: u64 = 60;
/// Sessions of people: many, each with little to do.
const OF_PEOPLE: u64 = 340;
/// Times in a thousand that a service calls and not a person.
const BY_SERVICES: u64 = 600;
/// Users that are services.
const SERVICE_USERS: u64 = 40;
/// Users that are people.
const PEOPLE_USERS: u64 = 5_000;
/// A session ends after so many blocks, which is two hours, and another takes its place.
const LIFE: u64 = 180;
/// Users and programs are the same in every file, as of one org, whatever the session.
const ORG: u64 = 11;
const USERS: u64 = 1 << 40;
const APPS: u64 = 2 << 40;
const SESSIONS: u64 = 3 << 40;

/// A session.
#[derive(Debug, Clone)]
pub(super) struct Caller {
    /// The user's id, 15 characters.
    pub(super) user: String,
    /// The same with 18.
    pub(super) user_long: String,
    /// `SESSION_KEY`.
    pub(super) session: [u8; 16],
    /// `LOGIN_KEY`.
    pub(super) login: [u8; 16],
    /// The program.
    pub(super) app: App,
    /// Its id; none for a program that is not known.
    pub(super) app_id: Option<String>,
    /// `CLIENT_IP`.
    pub(super) address: String,
    /// `USER_AGENT`.
    pub(super) agent: &'static str,
}

/// The sessions at work in block `number`. Most are those of the block before.
#[derive(Debug)]
pub(super) struct Callers(Vec<Caller>);

impl Callers {
    /// Begins, continues or ends the sessions.
    pub(super) fn new(seed: u64, number: u64) -> Self {
        let all = 0..OF_SERVICES + OF_PEOPLE;
        // They do not all end together.
        let session = |slot: u64| (number + slot * 7) / LIFE * 1_000 + slot;
        Self(all.map(|slot| Caller::new(seed, session(slot), slot < OF_SERVICES)).collect())
    }

    /// Whose call the next one is.
    pub(super) fn next(&self, chance: &mut Chance) -> &Caller {
        let which = if chance.permille(BY_SERVICES) {
            // Some services are far busier than others.
            chance.below(OF_SERVICES) * chance.below(OF_SERVICES) / OF_SERVICES
        } else {
            OF_SERVICES + chance.below(OF_PEOPLE)
        };
        &self.0[which as usize]
    }
}

impl Caller {
    fn new(seed: u64, session: u64, service: bool) -> Self {
        let mut chance = Chance::new(seed, SESSIONS | session);
        let (apps, before, user) = if service {
            (&SERVICES[..], 0, chance.below(SERVICE_USERS))
        } else {
            (&CLIENTS[..], SERVICES.len(), SERVICE_USERS + chance.below(PEOPLE_USERS))
        };
        let which = chance.below(apps.len() as u64) as usize;
        let app = apps[which];
        let number = (before + which) as u64;
        let app_id =
            (!app.name.is_empty()).then(|| short("0H4", &mut Chance::new(ORG, APPS | number)));
        let user = short("005", &mut Chance::new(ORG, USERS | user));
        Self {
            user_long: orgtap_events::id::to_18(&user).unwrap_or_else(|| user.clone()),
            user,
            session: chance.word(),
            login: chance.word(),
            app,
            app_id,
            address: address(&mut chance),
            agent: if chance.permille(60) { chance.of(&AGENTS) } else { app.agent },
        }
    }
}

/// An id of 15 characters, of a set of a few millions.
pub(super) fn short(prefix: &str, chance: &mut Chance) -> String {
    let [place, rest @ ..]: [u8; 5] = chance.word();
    let place = char::from(b'A' + place % 6);
    let rest = rest.map(char::from);
    format!("{prefix}5j00000{place}{}", rest.iter().collect::<String>())
}

/// An address of the ranges for documentation.
fn address(chance: &mut Chance) -> String {
    match chance.below(20) {
        0 => "Salesforce.com IP".to_owned(),
        1 => format!("2001:db8:{:x}::{:x}", chance.below(64), chance.below(65_535) + 1),
        _ => {
            let range = chance.of(&["192.0.2", "198.51.100", "203.0.113"]);
            format!("{range}.{}", chance.below(254) + 1)
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn hundreds_of_sessions_are_at_work_and_most_go_on_in_the_next_block() {
        let sessions = |number| -> HashSet<[u8; 16]> {
            Callers::new(1, number).0.iter().map(|caller| caller.session).collect()
        };
        let (one, next, later) = (sessions(5), sessions(6), sessions(5 + LIFE));
        assert_eq!(one.len() as u64, OF_SERVICES + OF_PEOPLE);
        assert!(one.intersection(&next).count() > 380);
        assert_eq!(one.intersection(&later).count(), 0);
    }

    #[test]
    fn a_program_has_one_id_whoever_calls() {
        let callers = Callers::new(1, 0).0;
        let ids: HashSet<_> =
            callers.iter().filter_map(|one| Some((one.app.name, one.app_id.clone()?))).collect();
        let names: HashSet<_> = ids.iter().map(|(name, _)| name).collect();
        let alone: HashSet<_> = ids.iter().map(|(_, id)| id).collect();
        assert!(names.len() > 15);
        assert_eq!((names.len(), alone.len()), (ids.len(), ids.len()));
    }
}
