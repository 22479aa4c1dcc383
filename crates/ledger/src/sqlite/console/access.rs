//! Ways in: one-time links, sessions, tokens.

use sqlx::sqlite::SqliteRow;
use sqlx::{Row, SqliteConnection};

use super::person::{self, person_columns};
use crate::sqlite::dialect::Stop;
use crate::{ApiToken, NewSession, NewToken, OpenSession, PersonId, SecretHash, TokenId};

const VOID_LINKS: &str = "delete from console_link";
const OPEN_LINK: &str = "insert into console_link (hash, expires_at) values ($1, $2)";
const HAS_LINK: &str = "select count(*) from console_link where hash = $1 and expires_at > $2";
const USE_LINK: &str = "delete from console_link where hash = $1 and expires_at > $2";
const ADMINISTRATOR: &str = "
    insert into console_person (name, role, password, made_at)
    values ($1, 'administrator', $2, $3)
    on conflict (name) do update set role = excluded.role, password = excluded.password
    returning id";
const OPEN_SESSION: &str = "
    insert into console_session (hash, person_id, opened_at, seen_at, ends_at)
    select $1, id, $3, $3, $4 from console_person where id = $2";
const SIGNED_IN: &str = "update console_person set signed_in_at = $2 where id = $1";
const SESSION: &str = concat!(
    "select s.seen_at, ",
    person_columns!(),
    " from console_session s join console_person p on p.id = s.person_id
      where s.hash = $1 and s.seen_at > $2 and s.ends_at > $3"
);
const SESSION_SEEN: &str = "update console_session set seen_at = $2 where hash = $1";
const END_SESSION: &str = "delete from console_session where hash = $1";
const END_SESSIONS: &str = "delete from console_session where person_id = $1";
const FORGET_SESSIONS: &str = "delete from console_session where seen_at <= $1 or ends_at <= $2";
const FORGET_LINKS: &str = "delete from console_link where expires_at <= $1";
const ADD_TOKEN: &str = "
    insert into console_token (hash, person_id, name, role, made_at, expires_at)
    values ($1, $2, $3, $4, $5, $6) on conflict do nothing returning id";
macro_rules! tokens {
    ($rest:literal) => {
        concat!(
            "select t.id, t.name, t.role, t.made_at, t.expires_at, t.used_at, ",
            person_columns!(),
            " from console_token t join console_person p on p.id = t.person_id ",
            $rest
        )
    };
}
const TOKENS: &str = tokens!("order by p.name collate nocase, t.name");
const TOKEN: &str = tokens!("where t.hash = $1 and (t.expires_at is null or t.expires_at > $2)");
const TOKEN_USED: &str = "update console_token set used_at = $2 where id = $1";
const REMOVE_TOKEN: &str = "delete from console_token where id = $1";

pub(super) async fn open_link(
    conn: &mut SqliteConnection,
    hash: &SecretHash,
    expires_at: i64,
) -> Result<(), Stop> {
    sqlx::query(VOID_LINKS).execute(&mut *conn).await?;
    sqlx::query(OPEN_LINK).bind(hash.as_slice()).bind(expires_at).execute(conn).await?;
    Ok(())
}

pub(super) async fn has_link(
    conn: &mut SqliteConnection,
    hash: &SecretHash,
    now: i64,
) -> Result<bool, Stop> {
    let query = sqlx::query_scalar::<_, i64>(HAS_LINK).bind(hash.as_slice()).bind(now);
    Ok(query.fetch_one(conn).await? > 0)
}

pub(super) async fn use_link(
    conn: &mut SqliteConnection,
    hash: &SecretHash,
    name: &str,
    password: &str,
    now: i64,
) -> Result<Option<PersonId>, Stop> {
    let used = sqlx::query(USE_LINK).bind(hash.as_slice()).bind(now).execute(&mut *conn).await?;
    if used.rows_affected() == 0 {
        return Ok(None);
    }
    let query = sqlx::query_scalar(ADMINISTRATOR).bind(name).bind(password).bind(now);
    let person = query.fetch_one(&mut *conn).await?;
    end_sessions(conn, person).await?;
    Ok(Some(person))
}

pub(super) async fn open_session(
    conn: &mut SqliteConnection,
    session: &NewSession,
    now: i64,
) -> Result<bool, Stop> {
    let NewSession { hash, person, ends_at } = session;
    let query = sqlx::query(OPEN_SESSION).bind(hash.as_slice()).bind(person).bind(now);
    let opened = query.bind(ends_at).execute(&mut *conn).await?;
    sqlx::query(SIGNED_IN).bind(person).bind(now).execute(conn).await?;
    Ok(opened.rows_affected() > 0)
}

pub(super) async fn session(
    conn: &mut SqliteConnection,
    hash: &SecretHash,
    idle_since: i64,
    now: i64,
) -> Result<Option<OpenSession>, Stop> {
    let query = sqlx::query(SESSION).bind(hash.as_slice()).bind(idle_since).bind(now);
    let row = query.fetch_optional(conn).await?;
    row.map(|row| Ok(OpenSession { person: person::read(&row)?, seen_at: row.try_get("seen_at")? }))
        .transpose()
}

pub(super) async fn session_seen(
    conn: &mut SqliteConnection,
    hash: &SecretHash,
    now: i64,
) -> Result<(), Stop> {
    sqlx::query(SESSION_SEEN).bind(hash.as_slice()).bind(now).execute(conn).await?;
    Ok(())
}

pub(super) async fn end_session(
    conn: &mut SqliteConnection,
    hash: &SecretHash,
) -> Result<(), Stop> {
    sqlx::query(END_SESSION).bind(hash.as_slice()).execute(conn).await?;
    Ok(())
}

pub(super) async fn end_sessions(
    conn: &mut SqliteConnection,
    person: PersonId,
) -> Result<(), Stop> {
    sqlx::query(END_SESSIONS).bind(person).execute(conn).await?;
    Ok(())
}

pub(super) async fn forget(
    conn: &mut SqliteConnection,
    idle_since: i64,
    now: i64,
) -> Result<(), Stop> {
    sqlx::query(FORGET_SESSIONS).bind(idle_since).bind(now).execute(&mut *conn).await?;
    sqlx::query(FORGET_LINKS).bind(now).execute(conn).await?;
    Ok(())
}

pub(super) async fn add_token(
    conn: &mut SqliteConnection,
    token: &NewToken,
    now: i64,
) -> Result<Option<TokenId>, Stop> {
    let query = sqlx::query_scalar(ADD_TOKEN)
        .bind(token.hash.as_slice())
        .bind(token.person)
        .bind(&token.name)
        .bind(&token.role)
        .bind(now)
        .bind(token.expires_at);
    Ok(query.fetch_optional(conn).await?)
}

fn read_token(row: &SqliteRow) -> Result<ApiToken, Stop> {
    Ok(ApiToken {
        id: row.try_get("id")?,
        person: person::read(row)?,
        name: row.try_get("name")?,
        role: row.try_get("role")?,
        made_at: row.try_get("made_at")?,
        expires_at: row.try_get("expires_at")?,
        used_at: row.try_get("used_at")?,
    })
}

pub(super) async fn tokens(conn: &mut SqliteConnection) -> Result<Vec<ApiToken>, Stop> {
    sqlx::query(TOKENS).fetch_all(conn).await?.iter().map(read_token).collect()
}

pub(super) async fn token(
    conn: &mut SqliteConnection,
    hash: &SecretHash,
    now: i64,
) -> Result<Option<ApiToken>, Stop> {
    let row = sqlx::query(TOKEN).bind(hash.as_slice()).bind(now).fetch_optional(conn).await?;
    row.as_ref().map(read_token).transpose()
}

pub(super) async fn token_used(
    conn: &mut SqliteConnection,
    token: TokenId,
    now: i64,
) -> Result<(), Stop> {
    sqlx::query(TOKEN_USED).bind(token).bind(now).execute(conn).await?;
    Ok(())
}

pub(super) async fn remove_token(
    conn: &mut SqliteConnection,
    token: TokenId,
) -> Result<bool, Stop> {
    let removed = sqlx::query(REMOVE_TOKEN).bind(token).execute(conn).await?;
    Ok(removed.rows_affected() > 0)
}
