//! The session all calls share: who may renew it, and who just waits for that.
//!
//! One sign-in at a time, however many calls need one, and its outcome is the answer to all of
//! them. A refusal of the credentials is remembered: until somebody signs in on purpose, calls get
//! the same refusal without another try, because every failed try brings the user closer to being
//! locked. What else only a person can mend (a host that redirects, a session refused as soon as
//! it was made) is tried again every [`LOOK_AGAIN`]: nobody is locked for that, and the person who
//! mends it need not know of Orgtap.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures_util::FutureExt;
use futures_util::future::{BoxFuture, Shared, WeakShared};
use jiff::Timestamp;
use orgtap_transport::{Disposition, Explain, Secret};
use reqwest::header::HeaderValue;
use tokio::time::{Duration, Instant};
use url::Url;

use crate::error::{Error, ErrorKind};

/// What a sign-in found out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedIn {
    /// The org's id, 18 characters.
    pub org_id: String,
    /// The user's id, 18 characters.
    pub user_id: String,
    /// Where the org's data is; every further call goes there.
    pub instance_url: Url,
    /// When, by this machine's clock.
    pub at: Timestamp,
}

/// A session: the token, ready to be sent, and what came with it.
#[derive(Debug)]
pub(crate) struct Session {
    pub(crate) token: Secret,
    /// The `Authorization` header, marked so that no log shows it.
    pub(crate) header: HeaderValue,
    pub(crate) who: SignedIn,
    /// Whether another run made it, so that nobody knows whether it still lives.
    pub(crate) adopted: bool,
}

impl Session {
    /// None if the token cannot be a header.
    pub(crate) fn new(token: Secret, who: SignedIn) -> Option<Self> {
        let mut header = HeaderValue::from_str(&format!("Bearer {}", token.expose())).ok()?;
        header.set_sensitive(true);
        Some(Self { token, header, who, adopted: false })
    }

    /// The same, as one another run made.
    pub(crate) fn adopted(self) -> Self {
        Self { adopted: true, ..self }
    }
}

type Outcome = Result<Arc<Session>, Error>;
type Flight = BoxFuture<'static, Outcome>;

/// The present session, or how to get one.
#[derive(Default)]
pub(crate) struct Sessions(Mutex<State>);

#[derive(Default)]
struct State {
    current: Option<Arc<Session>>,
    /// The last one that turned out to be dead, which must not be adopted again.
    dead: Option<Arc<Session>>,
    /// Weak, so that a sign-in everybody gave up on ends, and does not keep the org alive.
    flight: Option<WeakShared<Flight>>,
    refusal: Option<Refusal>,
}

struct Refusal {
    error: Error,
    /// When a further try is allowed; never by itself if none.
    until: Option<Instant>,
}

impl State {
    /// The sign-in under way, or a new one.
    fn join(&mut self, start: impl FnOnce() -> Flight) -> Shared<Flight> {
        if let Some(flight) = self.flight.as_ref().and_then(WeakShared::upgrade) {
            return flight;
        }
        let flight = start().shared();
        self.flight = flight.downgrade();
        flight
    }

    /// The remembered refusal, if it still holds.
    fn refused(&self, now: Instant) -> Option<Error> {
        let refusal = self.refusal.as_ref()?;
        match refusal.until {
            Some(until) if now >= until => None,
            _ => Some(refusal.error.clone()),
        }
    }

    fn record(&mut self, outcome: &Outcome, now: Instant) {
        match outcome {
            Ok(session) => {
                self.current = Some(Arc::clone(session));
                self.refusal = None;
            }
            Err(error) => self.refusal = refusal(error, now),
        }
    }
}

/// How long a failure that is no refusal of the credentials, and needs a person, holds up calls.
const LOOK_AGAIN: Duration = Duration::from_mins(15);

/// What a failed sign-in means for the next one that nobody asked for; none if it may be tried.
fn refusal(error: &Error, now: Instant) -> Option<Refusal> {
    let until = match (error.kind(), error.disposition()) {
        (ErrorKind::SignIn(_), Disposition::Retry { after }) => after.map(|pause| now + pause),
        (ErrorKind::SignIn(_), _) => None,
        (_, Disposition::Retry { .. }) => return None,
        _ => Some(now + LOOK_AGAIN),
    };
    Some(Refusal { error: error.clone(), until })
}

impl Sessions {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The present session, without getting one.
    pub(crate) fn present(&self) -> Option<Arc<Session>> {
        self.state().current.clone()
    }

    /// The present session, or another one by a shared sign-in; says whether it was made for this.
    pub(crate) async fn get(
        &self,
        start: impl FnOnce() -> Flight,
    ) -> Result<(Arc<Session>, bool), Error> {
        let flight = {
            let mut state = self.state();
            if let Some(session) = &state.current {
                return Ok((Arc::clone(session), false));
            }
            if let Some(error) = state.refused(Instant::now()) {
                return Err(error);
            }
            state.join(start)
        };
        let session = self.land(flight).await?;
        let fresh = !session.adopted;
        Ok((session, fresh))
    }

    /// A new session by a shared sign-in, whatever was remembered.
    pub(crate) async fn renew(&self, start: impl FnOnce() -> Flight) -> Outcome {
        let flight = self.state().join(start);
        self.land(flight).await
    }

    /// Waits for a sign-in. Whoever wakes first records its outcome.
    async fn land(&self, flight: Shared<Flight>) -> Outcome {
        let outcome = flight.clone().await;
        let mut state = self.state();
        let under_way = state.flight.as_ref().and_then(WeakShared::upgrade);
        if under_way.is_some_and(|other| other.ptr_eq(&flight)) {
            state.flight = None;
            state.record(&outcome, Instant::now());
        }
        outcome
    }

    /// Forgets a session that turned out to be dead, unless it has been replaced already.
    pub(crate) fn discard(&self, dead: &Arc<Session>) {
        let mut state = self.state();
        if state.current.as_ref().is_some_and(|current| Arc::ptr_eq(current, dead)) {
            state.current = None;
            state.dead = Some(Arc::clone(dead));
        }
    }

    /// Remembers that even a new session was refused, so that calls get this answer without
    /// another sign-in, as after a sign-in that failed.
    pub(crate) fn refuse(&self, error: &Error) {
        self.state().refusal = refusal(error, Instant::now());
    }

    /// Whether a session is known to be dead.
    pub(crate) fn is_dead(&self, session: &Session) -> bool {
        self.state().dead.as_ref().is_some_and(|dead| dead.token == session.token)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::refusal::SignInRefusal;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use tokio::sync::Notify;

    fn session(token: &str) -> Arc<Session> {
        let who = SignedIn {
            org_id: "00Dxx0000001gERAAY".into(),
            user_id: "005xx0000001gERAAY".into(),
            instance_url: "https://acme.my.salesforce.com".parse().unwrap(),
            at: Timestamp::UNIX_EPOCH,
        };
        Arc::new(Session::new(Secret::new(token), who).unwrap())
    }

    /// Starts sign-ins that end as told once they are let go, and counts them.
    struct Door {
        begun: AtomicUsize,
        open: Notify,
    }

    impl Door {
        fn new() -> Arc<Self> {
            Arc::new(Self { begun: AtomicUsize::new(0), open: Notify::new() })
        }

        fn start(self: &Arc<Self>, outcome: Outcome) -> impl FnOnce() -> Flight + use<> {
            let door = Arc::clone(self);
            move || {
                door.begun.fetch_add(1, Ordering::SeqCst);
                async move {
                    door.open.notified().await;
                    outcome
                }
                .boxed()
            }
        }

        fn begun(&self) -> usize {
            self.begun.load(Ordering::SeqCst)
        }
    }

    fn wrong_password() -> Error {
        Error::new(ErrorKind::SignIn(SignInRefusal::Credentials), "invalid_grant")
    }

    #[tokio::test]
    async fn all_who_wait_share_one_sign_in() {
        let (sessions, door) = (Sessions::default(), Door::new());
        let made = session("a");
        let waiters = (0..8).map(|_| sessions.get(door.start(Ok(Arc::clone(&made)))));
        let (answers, ()) = tokio::join!(futures_util::future::join_all(waiters), async {
            door.open.notify_one();
        });
        for answer in answers {
            let (got, fresh) = answer.unwrap();
            assert!(Arc::ptr_eq(&got, &made) && fresh);
        }
        assert_eq!(door.begun(), 1);
        let (_, fresh) = sessions.get(door.start(Err(wrong_password()))).await.unwrap();
        assert!(!fresh, "a session that is there is used");
    }

    #[tokio::test]
    async fn all_who_wait_share_one_refusal_and_it_is_remembered() {
        let (sessions, door) = (Sessions::default(), Door::new());
        let waiters = (0..8).map(|_| sessions.get(door.start(Err(wrong_password()))));
        let (answers, ()) = tokio::join!(futures_util::future::join_all(waiters), async {
            door.open.notify_one();
        });
        assert!(answers.iter().all(Result::is_err));
        let at_once = sessions.get(door.start(Ok(session("a")))).now_or_never();
        assert!(at_once.is_some_and(|answer| answer.is_err()));
        assert_eq!(door.begun(), 1, "no further try without being asked");

        door.open.notify_one();
        assert!(sessions.renew(door.start(Ok(session("a")))).await.is_ok());
        assert!(
            sessions.get(door.start(Err(wrong_password()))).await.is_ok(),
            "a success clears it"
        );
        assert_eq!(door.begun(), 2);
    }

    #[test]
    fn too_many_sign_ins_are_followed_by_a_pause_not_by_a_stop() {
        let (mut state, now) = (State::default(), Instant::now());
        let limited = Error::new(ErrorKind::SignIn(SignInRefusal::RateExceeded), "");
        state.record(&Err(limited), now);
        assert!(state.refused(now + Duration::from_mins(14)).is_some());
        assert!(state.refused(now + Duration::from_mins(15)).is_none());
        state.record(&Err(wrong_password()), now);
        assert!(state.refused(now + Duration::from_hours(365 * 24)).is_some());
        state.record(&Ok(session("a")), now);
        assert!(state.refused(now).is_none());
    }

    #[test]
    fn what_is_no_refusal_of_the_credentials_is_tried_again_after_a_while() {
        let now = Instant::now();
        for kind in [ErrorKind::WrongHost, ErrorKind::UntrustedAddress, ErrorKind::SessionRefused] {
            let mut state = State::default();
            state.record(&Err(Error::new(kind.clone(), "HTTP 302")), now);
            assert!(state.refused(now + Duration::from_mins(14)).is_some(), "{kind:?}");
            assert!(state.refused(now + Duration::from_mins(15)).is_none(), "{kind:?}");
        }
    }

    #[tokio::test]
    async fn a_session_the_org_refused_holds_up_calls_for_a_while_and_not_for_good() {
        let sessions = Sessions::default();
        sessions.refuse(&Error::new(ErrorKind::SessionRefused, "HTTP 401"));
        let (state, now) = (sessions.state(), Instant::now());
        assert!(state.refused(now + Duration::from_mins(14)).is_some());
        assert!(state.refused(now + Duration::from_mins(15)).is_none());
    }

    #[tokio::test]
    async fn a_failure_that_passes_is_not_remembered() {
        let (sessions, door) = (Sessions::default(), Door::new());
        door.open.notify_one();
        let down = Error::new(ErrorKind::ServerError, "HTTP 503");
        assert!(sessions.get(door.start(Err(down))).await.is_err());
        door.open.notify_one();
        assert!(sessions.get(door.start(Ok(session("a")))).await.is_ok());
    }

    #[tokio::test]
    async fn a_sign_in_everybody_gave_up_on_does_not_block_the_next() {
        let (sessions, door) = (Sessions::default(), Door::new());
        {
            let waiting = sessions.get(door.start(Err(wrong_password())));
            assert!(waiting.now_or_never().is_none());
        }
        door.open.notify_one();
        assert!(sessions.get(door.start(Ok(session("a")))).await.is_ok());
        assert_eq!(door.begun(), 2);
    }

    #[tokio::test]
    async fn one_who_stays_gets_the_sign_in_another_began_and_gave_up_on() {
        let (sessions, door) = (Sessions::default(), Door::new());
        let made = session("a");
        let mut first = Box::pin(sessions.get(door.start(Ok(Arc::clone(&made)))));
        assert!((&mut first).now_or_never().is_none());
        let mut second = Box::pin(sessions.get(door.start(Err(wrong_password()))));
        assert!((&mut second).now_or_never().is_none());
        drop(first);
        door.open.notify_one();
        assert!(Arc::ptr_eq(&second.await.unwrap().0, &made));
        assert_eq!(door.begun(), 1);
    }

    #[tokio::test]
    async fn only_the_session_that_died_is_forgotten() {
        let (sessions, door) = (Sessions::default(), Door::new());
        let (old, new) = (session("a"), session("b"));
        door.open.notify_one();
        sessions.renew(door.start(Ok(Arc::clone(&old)))).await.unwrap();
        door.open.notify_one();
        sessions.renew(door.start(Ok(Arc::clone(&new)))).await.unwrap();
        sessions.discard(&old);
        assert!(Arc::ptr_eq(&sessions.present().unwrap(), &new));
        sessions.discard(&new);
        assert!(sessions.present().is_none());
    }

    #[test]
    fn a_token_that_cannot_be_a_header_makes_no_session() {
        let who = session("a").who.clone();
        assert!(Session::new(Secret::new("a\r\nX: y"), who).is_none());
        let shown = format!("{:?}", session("00Dtoken"));
        assert!(!shown.contains("00Dtoken"), "{shown}");
    }
}
