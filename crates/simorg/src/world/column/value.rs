//! Values, made from an event and a recipe.

use super::text::{self, CONTACT, ENTITIES, PAGES, REPORTS, number};
use super::{Column, Kind, Style};
use crate::world::event::Event;
use crate::world::ids::{self, fifteen};
use crate::world::people::{APPS, DEVICES, Device, PLACES};
use crate::world::random::{Rng, mix, mix_label};
use crate::world::session::{End, Use};
use crate::world::story::Story;

/// Appends the value of `column`, as it is before any quoting.
pub(in crate::world) fn write(column: &Column, event: &Event<'_>, out: &mut Vec<u8>) {
    let rng = Rng::new(mix(event.row.key, column.salt));
    Writer { column, event, rng, out }.write(column.kind);
}

/// Writes one value.
struct Writer<'a> {
    /// The column.
    column: &'a Column,
    /// The event.
    event: &'a Event<'a>,
    /// Chance that nothing but this column of this event uses.
    rng: Rng,
    /// Where the value goes.
    out: &'a mut Vec<u8>,
}

impl Writer<'_> {
    /// Values that need little more than chance; the rest is passed on.
    fn write(&mut self, kind: Kind) {
        match kind {
            Kind::Empty => {}
            Kind::Pick(words) => {
                let word = self.rng.word(words);
                self.text(word);
            }
            Kind::Theme(words) => {
                let first = words.first().copied().unwrap_or_default();
                self.text(Rng::about(self.event.row.request, first).word(words));
            }
            Kind::Rarely(permille, inner) => {
                if self.rng.chance(permille) {
                    self.write(*inner);
                }
            }
            Kind::Failed(inner) => {
                if self.event.failed {
                    self.write(*inner);
                }
            }
            Kind::Outcome(good, bad) => self.text(if self.event.failed { bad } else { good }),
            Kind::Int(low, high) => {
                let n = self.rng.range(low, high);
                self.number(n);
            }
            Kind::Spread(low, high) => {
                let n = self.rng.spread(low, high);
                self.number(n);
            }
            Kind::Flag(permille) => {
                let flag = self.rng.chance(permille);
                self.text(if flag { "1" } else { "0" });
            }
            Kind::Bool(permille) => {
                let flag = self.rng.chance(permille);
                self.text(if flag { "true" } else { "false" });
            }
            Kind::Id(prefix) => {
                let id = self.id(prefix, self.column.salt);
                self.out.extend_from_slice(&id);
            }
            Kind::Long(prefix, short) => {
                let id = self.id(prefix, crate::world::random::label(short));
                self.out.extend_from_slice(&ids::eighteen(id));
            }
            Kind::Opaque(n) => self.rng.opaque(n, self.out),
            Kind::Hex(n) => self.rng.hex(n, self.out),
            Kind::Uuid => self.uuid(),
            Kind::Worked => self.text(if self.event.failed { "0" } else { "1" }),
            _ => self.write_person(kind),
        }
    }

    /// Values about who it was.
    fn write_person(&mut self, kind: Kind) {
        let event = self.event;
        let users = &event.facts.people.users;
        match kind {
            Kind::User if event.quirks.long_user => self.user(event.user, true),
            Kind::User => self.user(event.user, false),
            Kind::UserLong => self.user(event.user, true),
            Kind::UserName => match (event.attempt, event.user) {
                (Some(attempt), _) => self.text(&attempt.username),
                (None, Some(user)) => self.text(&users[user].username),
                (None, None) => {}
            },
            Kind::UserType => self.text(match event.user {
                None if event.type_name == "Sites" => "Guest",
                None => "",
                Some(_) if event.quirks.terse_user_type => "S",
                Some(_) => "Standard",
            }),
            Kind::OtherUser => {
                let other = self.rng.below(users.len() as u64) as usize;
                self.user(Some(other), false);
            }
            Kind::Delegate => self.user(event.delegate, false),
            Kind::DelegateLong => self.user(event.delegate, true),
            Kind::DelegateName => {
                if let Some(delegate) = event.delegate {
                    self.text(&users[delegate].username);
                }
            }
            Kind::LoginKey => {
                if let Some(session) = event.session {
                    self.out.extend_from_slice(&session.login_key);
                }
            }
            Kind::SessionKey => {
                if let Some(session) = event.session {
                    self.out.extend_from_slice(&session.session_key);
                }
            }
            Kind::LogoutPressed => {
                let pressed = event.session.is_some_and(|each| each.ended == End::Pressed);
                self.text(if pressed { "1" } else { "0" });
            }
            Kind::LoginStatus => {
                self.text(event.attempt.map_or("LOGIN_NO_ERROR", |attempt| attempt.status));
            }
            Kind::LoginSubType => self.text(event.sign_in()),
            Kind::LoginType => self.text(match event.sign_in() {
                "UsernamePasswordUiLogin" => "A",
                "SoapApiLogin" => "I",
                _ => "i",
            }),
            _ => self.write_client(kind),
        }
    }

    /// Values about where it came from and with what.
    fn write_client(&mut self, kind: Kind) {
        let event = self.event;
        let app = event.app().map(|app| &APPS[app]);
        let device: Option<&Device> = event.device().map(|n| &DEVICES[n]);
        let place = event.place().map(|n| &PLACES[n]);
        match kind {
            Kind::Ip if event.is_platforms_own() => self.text("Salesforce.com IP"),
            Kind::Ip | Kind::TrueIp => match event.address() {
                Some(address) => self.text(address),
                None => self.visitor(),
            },
            Kind::Country => self.text(place.map_or("", |place| place.country)),
            Kind::Geo => self.text(place.map_or("", |place| place.geo)),
            Kind::Agent => {
                self.text(app.map(|app| app.agent).or(device.map(|d| d.agent)).unwrap_or(""));
            }
            Kind::AgentCode if event.quirks.wordy_agent => self.write_client(Kind::Agent),
            Kind::AgentCode => match (app, device) {
                (Some(_), _) => self.text("9998"),
                (None, device) => self.text(device.map_or("", |d| d.code)),
            },
            Kind::Browser => self.text(device.map_or("", |d| d.browser.0)),
            Kind::BrowserVersion => self.text(device.map_or("", |d| d.browser.1)),
            Kind::Os => self.text(device.map_or("", |d| d.os.0)),
            Kind::OsVersion => self.text(device.map_or("", |d| d.os.1)),
            Kind::Platform => self.text(device.map_or("", |d| d.platform)),
            Kind::Model => self.text(device.map_or("", |d| d.model)),
            Kind::AppName => self.text(app.map_or("", |app| app.name)),
            Kind::AppId => {
                if let Some(app) = app {
                    // The two types with most of them spell them differently.
                    let total = event.type_name == "ApiTotalUsage";
                    let prefix = if total { "0H4" } else { "888" };
                    let n = mix_label(event.facts.config.seed, app.name);
                    self.out.extend_from_slice(&fifteen(prefix, event.facts.instance, n));
                }
            }
            Kind::Client => self.text(app.map_or("", |app| app.client)),
            Kind::ApiLetter => self.text(if event.sign_in() == "SoapApiLogin" { "P" } else { "" }),
            Kind::ApiVersion => self.text(match app {
                Some(app) => app.version,
                None if event.type_name == "Login" => "9998.0",
                None => "66.0",
            }),
            _ => self.write_request(kind),
        }
    }

    /// Values about the request and its times.
    fn write_request(&mut self, kind: Kind) {
        let event = self.event;
        match kind {
            Kind::EventType => self.text(event.type_name),
            Kind::Stamp => event.stamp(self.out),
            Kind::StampIso => event.stamp_iso(self.out),
            Kind::StampMs(before) => {
                let earlier = self.rng.below(before) as i64;
                let ms = event.facts.day_start(event.day) + i64::from(event.row.at) - earlier;
                self.number(ms.max(0) as u64);
            }
            Kind::RequestId => event.request_id(self.out),
            Kind::OtherRequestId => self.rng.opaque(22, self.out),
            Kind::Org => self.out.extend_from_slice(&event.facts.org),
            Kind::RunTime => self.number(event.run_time()),
            Kind::Share(low, high) => {
                let share = self.rng.range(low, high);
                self.number(event.run_time() * share / 100);
            }
            Kind::ShareNs(low, high) => {
                let share = self.rng.range(low * 10_000, high * 10_000);
                self.number(event.run_time() * share);
            }
            Kind::Phase(permille) => {
                let whole = Rng::about(event.row.key, "page").spread(200, 15_000);
                self.number(whole * permille / 1000);
            }
            Kind::HttpStatus => {
                let bad = &["400", "401", "403", "404", "500", "503"];
                let good = &["200", "200", "200", "200", "201", "204"];
                let mut rng = Rng::about(event.row.request, "status");
                self.text(rng.word(if event.failed { bad } else { good }));
            }
            Kind::Verb(style) => {
                let mut rng = Rng::about(event.row.request, "verb");
                self.text(rng.word(self.path(style).verbs()));
            }
            Kind::Family => self.text(match self.path(Style::Api) {
                Path::Soap => "SOAP",
                Path::Bulk => "Bulk",
                _ => "REST",
            }),
            Kind::Uri(style) => self.uri(style),
            Kind::UriId(_) if event.quirks.odd_uri_id => self.rng.opaque(18, self.out),
            Kind::UriId(style) => {
                if let Some(id) = self.path(style).id(event) {
                    self.out.extend_from_slice(&ids::eighteen(id));
                }
            }
            Kind::Rows => {
                let n = match event.session.and_then(|session| session.story) {
                    Some(Story::Exfiltration) => self.rng.range(1_800, 2_000),
                    Some(Story::Leaver) => self.rng.spread(500, 40_000),
                    _ => self.rng.spread(0, 3_000),
                };
                self.number(n);
            }
            _ => self.write_subject(kind),
        }
    }

    /// Values about what was touched, and texts.
    fn write_subject(&mut self, kind: Kind) {
        let event = self.event;
        let entity = ENTITIES[entity(event)];
        match kind {
            Kind::Entity => self.text(entity.0),
            Kind::EntityPrefix => self.text(entity.1),
            Kind::Record => self.out.extend_from_slice(&record(event)),
            Kind::RecordLong => self.out.extend_from_slice(&ids::eighteen(record(event))),
            Kind::Report => self.out.extend_from_slice(&report(event).0),
            Kind::ReportLong => self.out.extend_from_slice(&ids::eighteen(report(event).0)),
            Kind::ReportName => self.text(report(event).1),
            Kind::PageUrl => self.uri(Style::Ui),
            Kind::Soql
                if event.type_name == "RestApi" && self.path(Style::Rest) != Path::RestQuery => {}
            Kind::Soql => text::soql(&mut self.rng, entity.0, self.out),
            Kind::Stack => text::stack(&mut self.rng, self.out),
            Kind::Problem => text::problem(&mut self.rng, self.out),
            Kind::Sentence => text::sentence(&mut self.rng, self.out),
            Kind::SearchText => text::search(&mut self.rng, self.out),
            Kind::Headers => {
                let agent = DEVICES[self.rng.below(DEVICES.len() as u64) as usize].agent;
                text::headers(&mut self.rng, agent, self.out);
            }
            Kind::Actions => text::actions(&mut self.rng, self.out),
            Kind::Json => text::json(&mut self.rng, self.out),
            other => debug_assert!(false, "{other:?} has no writer"),
        }
    }

    /// Appends a text.
    fn text(&mut self, text: &str) {
        self.out.extend_from_slice(text.as_bytes());
    }

    /// Appends a number.
    fn number(&mut self, n: u64) {
        number(n, self.out);
    }

    /// An id of one of a few hundred records.
    fn id(&self, prefix: &str, salt: u64) -> [u8; 15] {
        let n = Rng::new(mix(self.event.row.key, salt)).below(300);
        let key = mix(mix_label(self.event.facts.config.seed, prefix), n);
        fifteen(prefix, self.event.facts.instance, key)
    }

    /// Appends 32 hexadecimal digits with hyphens.
    fn uuid(&mut self) {
        for (n, group) in [8, 4, 4, 4, 12].into_iter().enumerate() {
            if n > 0 {
                self.out.push(b'-');
            }
            self.rng.hex(group, self.out);
        }
    }

    /// Appends a user's id.
    fn user(&mut self, user: Option<usize>, long: bool) {
        let Some(user) = user else { return };
        let id = self.event.facts.people.habits[user].id;
        if long {
            self.out.extend_from_slice(&ids::eighteen(id));
        } else {
            self.out.extend_from_slice(&id);
        }
    }

    /// Appends the address of somebody who is not signed in; the same for all of a request.
    fn visitor(&mut self) {
        let mut rng = Rng::about(self.event.row.request, "visitor");
        if rng.chance(150) {
            self.text("2001:db8:cafe::");
            rng.hex(4, self.out);
        } else {
            self.text("198.51.100.");
            self.number(rng.range(1, 254));
        }
    }

    /// The path of the event's request.
    fn path(&self, style: Style) -> Path {
        Path::of(self.event, style)
    }

    /// Appends the path of the event's request.
    fn uri(&mut self, style: Style) {
        let path = self.path(style);
        let event = self.event;
        let version = event.app().map_or("66.0", |app| APPS[app].version);
        let entity = ENTITIES[entity(event)].0;
        let parts: [&str; 4] = match path {
            Path::Record => ["/lightning/r/", entity, "/", ""],
            Path::Report => ["/lightning/r/Report/", "", "", ""],
            Path::Short => ["/", "", "", ""],
            Path::List => ["/lightning/o/", entity, "/list?filterName=Recent", ""],
            Path::RestRecord => ["/services/data/v", version, "/sobjects/", entity],
            Path::RestQuery => ["/services/data/v", version, "/query", ""],
            Path::RestOther => ["/services/data/v", version, "/composite/sobjects", ""],
            Path::Soap => ["/services/Soap/u/", version, "", ""],
            Path::Bulk => ["/services/async/", version, "/job", ""],
            Path::Fixed(text) => [text, "", "", ""],
        };
        for part in parts {
            self.text(part);
        }
        match (path, path.id(event)) {
            (Path::Short, Some(id)) => self.out.extend_from_slice(&id),
            (Path::Record | Path::Report, Some(id)) => {
                self.out.extend_from_slice(&ids::eighteen(id));
                self.text("/view");
            }
            (Path::RestRecord, Some(id)) => {
                self.text("/");
                self.out.extend_from_slice(&ids::eighteen(id));
            }
            _ => {}
        }
    }
}

/// What a path leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Path {
    /// A record's page.
    Record,
    /// A report's page.
    Report,
    /// A record, the old way.
    Short,
    /// A list of records.
    List,
    /// A record over REST.
    RestRecord,
    /// A query over REST.
    RestQuery,
    /// Anything else over REST.
    RestOther,
    /// SOAP's endpoint.
    Soap,
    /// A bulk job.
    Bulk,
    /// Always the same.
    Fixed(&'static str),
}

impl Path {
    /// The path of an event's request: the same for all of a request's events of one style.
    fn of(event: &Event<'_>, style: Style) -> Self {
        let mut rng = Rng::about(event.row.request, "path");
        let program = event.session.is_some_and(|session| session.used == Use::Api);
        match style {
            Style::Any if program => Self::of(event, Style::Rest),
            Style::Any => Self::of(event, Style::Ui),
            Style::Ui if event.type_name.contains("Report") => Self::Report,
            Style::Ui => match rng.below(10) {
                0..=4 => Self::Record,
                5 | 6 => Self::List,
                7 => Self::Short,
                8 => Self::Report,
                _ => Self::Fixed("/lightning/page/home"),
            },
            Style::Api => match rng.below(20) {
                0 | 1 => Self::Soap,
                2 => Self::Bulk,
                _ => Self::of(event, Style::Rest),
            },
            Style::Rest => match rng.below(10) {
                0..=4 => Self::RestQuery,
                5..=7 => Self::RestRecord,
                _ => Self::RestOther,
            },
            Style::Soap => Self::Soap,
            Style::Bulk => Self::Bulk,
            Style::Aura => Self::Fixed("/aura"),
            Style::Page => Self::Fixed(rng.word(PAGES)),
            Style::Login if event.sign_in() == "UsernamePasswordUiLogin" => {
                Self::Fixed("/index.jsp")
            }
            Style::Login => Self::Fixed("/services/oauth2/token"),
        }
    }

    /// What one does there.
    fn verbs(self) -> &'static [&'static str] {
        match self {
            Self::Soap | Self::Bulk | Self::RestOther => &["POST"],
            Self::RestRecord => &["GET", "GET", "PATCH", "PATCH", "DELETE"],
            Self::Fixed(_) => &["GET", "GET", "GET", "POST"],
            _ => &["GET"],
        }
    }

    /// The id in the path.
    fn id(self, event: &Event<'_>) -> Option<[u8; 15]> {
        match self {
            Self::Record | Self::Short | Self::RestRecord => Some(record(event)),
            Self::Report => Some(report(event).0),
            _ => None,
        }
    }
}

/// Which sObject the event's request is about.
fn entity(event: &Event<'_>) -> usize {
    match event.session.and_then(|session| session.story) {
        Some(Story::Exfiltration) => CONTACT,
        _ => Rng::about(event.row.request, "entity").below(ENTITIES.len() as u64) as usize,
    }
}

/// Which record the event's request is about; some are touched far more often than others.
fn record(event: &Event<'_>) -> [u8; 15] {
    let mut rng = Rng::about(event.row.request, "record");
    let n = rng.spread(1, 2_000);
    let prefix = ENTITIES[entity(event)].1;
    let key = mix(mix_label(event.facts.config.seed, prefix), n);
    fifteen(prefix, event.facts.instance, key)
}

/// Which report the event's request is about: id and name.
fn report(event: &Event<'_>) -> ([u8; 15], &'static str) {
    let n = Rng::about(event.row.request, "report").below(REPORTS.len() as u64) as usize;
    let key = mix_label(event.facts.config.seed, REPORTS[n]);
    (fifteen("00O", event.facts.instance, key), REPORTS[n])
}
