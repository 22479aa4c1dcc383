-- The first shape of the ledger.
--
-- Times are microseconds since 1970 UTC, yes and no are 1 and 0. What another database would
-- write differently is `integer primary key`, `strict`, `without rowid` and the triggers, nothing
-- else.

-- Connectors, known by name. One that was only tried, never run, has no registered_at.
create table connector (
    id            integer primary key,
    name          text    not null unique,
    registered_at integer,
    -- What is kept besides its units, as one JSON object.
    record        text    not null default '{}',
    -- Since when, by whom and why it is paused, as one JSON object. Apart from the record, because
    -- others than those at work write it.
    paused        text
) strict;

create index connector_paused on connector (name) where paused is not null;

-- Destinations a connector has or had. Those it no longer has stay for what they were sent.
create table destination (
    id           integer primary key,
    connector_id integer not null references connector (id),
    name         text    not null,
    registered   integer not null check (registered in (0, 1)),
    -- When it got events last, and the newest log date of a unit of which it did.
    delivered_at integer,
    newest       integer,
    unique (connector_id, name)
) strict;

create table lane (
    id           integer primary key,
    connector_id integer not null references connector (id),
    event_type   text    not null,
    day          text    not null,
    unique (connector_id, event_type, day)
) strict;

-- How far discovery has come. No row: nowhere yet.
create table listing_cursor (
    connector_id integer not null references connector (id),
    track        text    not null,
    created_date integer not null,
    log_file_id  text    not null,
    primary key (connector_id, track)
) strict;

-- The last grant of each lane's stage. Rows stay, so that epochs only grow; no owner: free.
create table lease (
    lane_id integer not null references lane (id),
    stage   text    not null,
    owner   text,
    epoch   integer not null,
    expires integer not null,
    primary key (lane_id, stage)
) strict;

-- Calls to the org, by UTC day and what they were for.
create table api_call (
    connector_id integer not null references connector (id),
    day          text    not null,
    purpose      text    not null,
    calls        integer not null,
    primary key (connector_id, day, purpose)
) strict;

-- Files of a range of log dates that are collected beside what is new. Its cursor is null before
-- the first file.
create table backfill (
    id            integer primary key,
    connector_id  integer not null references connector (id),
    log_date_from integer not null,
    log_date_to   integer not null,
    -- Patterns, as one JSON array.
    event_types   text    not null,
    state         text    not null default 'open' check (state in
        ('open', 'listed', 'done', 'cancelled')),
    created_date  integer,
    log_file_id   text,
    known         integer not null default 0,
    begun_at      integer not null,
    ended_at      integer
) strict;

create index backfill_connector on backfill (connector_id, id);

create table unit (
    id            integer primary key,
    connector_id  integer not null references connector (id),
    lane_id       integer not null references lane (id),
    file_interval text    not null,
    sequence      integer not null,
    log_file_id   text    not null,
    log_date      integer not null,
    created_date  integer not null,
    length        integer not null,
    state         text    not null default 'listed' check (state in
        ('listed', 'fetched', 'admitted', 'done', 'vanished', 'skipped', 'rejected',
         'disputed')),
    attempts      integer not null default 0,
    not_before    integer not null default 0,
    -- The last failure of the present stage; gone with the next success.
    failure       text,
    -- What a person should know of the unit for good.
    remark        text,
    spool_path    text,
    spool_bytes   integer not null default 0,
    raw_bytes     integer not null default 0,
    row_count     integer not null default 0,
    admitted      integer not null default 0,
    repeats       integer not null default 0,
    undecodable   integer not null default 0,
    exceptions    integer not null default 0,
    content_hash  text,
    listed_at     integer not null,
    final_at      integer,
    spooled       integer not null default 0 check (spooled in (0, 1)),
    -- The backfill that listed it; none: found as new.
    backfill_id   integer references backfill (id),
    -- Whether its admitted rows are in the rollups.
    counted       integer not null default 0 check (counted in (0, 1)),
    unique (connector_id, log_file_id, created_date, length)
) strict;

create index unit_lane on unit (lane_id);
-- Few units wait at any time, however many there were: these two stay small.
create index unit_due on unit (connector_id, lane_id, created_date, not_before, backfill_id)
    where state in ('listed', 'fetched');
create index unit_waiting on unit (connector_id, not_before)
    where state in ('listed', 'fetched') and attempts > 0;
-- Vanished units are few; their successors are looked for in the lane.
create index unit_vanished on unit (connector_id) where state = 'vanished';
-- So are disputed ones.
create index unit_disputed on unit (connector_id) where state = 'disputed';
-- The log date first, so that questions about all units of a connector do not take it.
create index unit_log_date on unit (log_date, connector_id);
create index unit_backfill on unit (backfill_id, final_at, length)
    where backfill_id is not null;
create index unit_in_spool on unit (spool_bytes) where spooled = 1;
create index unit_spooled on unit (final_at, id)
    where spooled = 1 and final_at is not null;
-- What is admitted and not counted is counted within seconds, unless that is turned off.
create index unit_uncounted on unit (connector_id, id)
    where counted = 0 and spooled = 1 and state in ('admitted', 'done');

-- A row that is not done belongs to a unit that is admitted. Lane, creation and backfill are the unit's,
-- repeated here because they never change and the question for due work then needs this alone.
create table delivery (
    unit_id        integer not null references unit (id),
    destination_id integer not null references destination (id),
    lane_id        integer not null references lane (id),
    created_date   integer not null,
    backfilled     integer not null default 0 check (backfilled in (0, 1)),
    position       integer not null default 0 check (position >= 0),
    delivered      integer not null default 0,
    rejected       integer not null default 0,
    done           integer not null default 0 check (done in (0, 1)),
    attempts       integer not null default 0,
    not_before     integer not null default 0,
    failure        text,
    -- Why nothing of the unit is sent there; gone once a replay has brought it after all.
    withheld       text,
    primary key (unit_id, destination_id),
    check (withheld is null or (done = 1 and position = 0))
) strict;

create index delivery_due
    on delivery (destination_id, lane_id, created_date, not_before, backfilled)
    where done = 0;
create index delivery_waiting on delivery (destination_id, not_before)
    where done = 0 and attempts > 0;
create index delivery_withheld on delivery (destination_id, unit_id) where withheld is not null;

-- What status counts, so that its cost does not grow with the units there ever were. Kept by the
-- triggers alone, and left out of dumps: who fills the tables fills these.
create table unit_total (
    connector_id integer not null references connector (id),
    event_type   text    not null,
    state        text    not null,
    units        integer not null,
    row_count    integer not null,
    admitted     integer not null,
    repeats      integer not null,
    undecodable  integer not null,
    raw_bytes    integer not null,
    -- The newest file that ever was in this state.
    newest       integer not null,
    -- The greatest age a file had when it was listed.
    oldest_age   integer not null,
    primary key (connector_id, event_type, state)
) strict;

create table delivery_total (
    destination_id integer primary key references destination (id),
    units          integer not null,
    finished       integer not null,
    delivered      integer not null,
    rejected       integer not null
) strict;

create trigger unit_counted after insert on unit begin
    insert into unit_total
    select new.connector_id, l.event_type, new.state, 1, new.row_count, new.admitted, new.repeats,
        new.undecodable, new.raw_bytes, new.created_date, new.listed_at - new.created_date
    from lane l where l.id = new.lane_id
    on conflict (connector_id, event_type, state) do update set
        units = units + 1, row_count = row_count + excluded.row_count,
        admitted = admitted + excluded.admitted, repeats = repeats + excluded.repeats,
        undecodable = undecodable + excluded.undecodable,
        raw_bytes = raw_bytes + excluded.raw_bytes, newest = max(newest, excluded.newest),
        oldest_age = max(oldest_age, excluded.oldest_age);
end;

create trigger unit_recounted
after update of state, row_count, admitted, repeats, undecodable, raw_bytes on unit begin
    update unit_total set
        units = units - 1, row_count = row_count - old.row_count, admitted = admitted - old.admitted,
        repeats = repeats - old.repeats, undecodable = undecodable - old.undecodable,
        raw_bytes = raw_bytes - old.raw_bytes
    where connector_id = old.connector_id and state = old.state
      and event_type = (select l.event_type from lane l where l.id = old.lane_id);
    insert into unit_total
    select new.connector_id, l.event_type, new.state, 1, new.row_count, new.admitted, new.repeats,
        new.undecodable, new.raw_bytes, new.created_date, new.listed_at - new.created_date
    from lane l where l.id = new.lane_id
    on conflict (connector_id, event_type, state) do update set
        units = units + 1, row_count = row_count + excluded.row_count,
        admitted = admitted + excluded.admitted, repeats = repeats + excluded.repeats,
        undecodable = undecodable + excluded.undecodable,
        raw_bytes = raw_bytes + excluded.raw_bytes, newest = max(newest, excluded.newest),
        oldest_age = max(oldest_age, excluded.oldest_age);
end;

create trigger delivery_counted after insert on delivery begin
    insert into delivery_total
    values (new.destination_id, 1, new.done, new.delivered, new.rejected)
    on conflict (destination_id) do update set
        units = units + 1, finished = finished + excluded.finished,
        delivered = delivered + excluded.delivered, rejected = rejected + excluded.rejected;
end;

create trigger delivery_recounted after update of delivered, rejected, done on delivery begin
    update delivery_total set
        finished = finished + new.done - old.done,
        delivered = delivered + new.delivered - old.delivered,
        rejected = rejected + new.rejected - old.rejected
    where destination_id = new.destination_id;
end;

create trigger delivery_uncounted after delete on delivery begin
    update delivery_total set
        units = units - 1, finished = finished - old.done, delivered = delivered - old.delivered,
        rejected = rejected - old.rejected
    where destination_id = old.destination_id;
end;

-- Decodable rows of an admitted unit by hour of its lane's day; 24: outside that day.
create table unit_hour (
    unit_id   integer not null references unit (id),
    hour      integer not null check (hour between 0 and 24),
    row_count integer not null,
    admitted  integer not null,
    repeats   integer not null,
    missing   integer not null,
    primary key (unit_id, hour)
) strict;

-- Units, or rows of them that were set aside, sent again to one destination. Beside the deliveries,
-- because those are never moved backwards.
create table replay (
    id             integer primary key,
    unit_id        integer not null references unit (id),
    destination_id integer not null references destination (id),
    lane_id        integer not null references lane (id),
    -- Only the rows of the dead letters that name this replay; else the whole unit.
    only_letters   integer not null check (only_letters in (0, 1)),
    position       integer not null default 0 check (position >= 0),
    delivered      integer not null default 0,
    rejected       integer not null default 0,
    attempts       integer not null default 0,
    not_before     integer not null default 0,
    -- The last failure; for one that has ended, why it ended without being done.
    failure        text,
    requested_at   integer not null,
    ended_at       integer
) strict;

create index replay_due on replay (destination_id, lane_id, not_before) where ended_at is null;
create index replay_unit on replay (unit_id);

create table dead_letter (
    id           integer primary key,
    connector_id integer not null references connector (id),
    unit_id      integer not null references unit (id),
    -- By name: it outlives the destination. None: the row could not be decoded.
    destination  text,
    row_number   integer,
    byte_offset  integer,
    code         text    not null,
    reason       text    not null,
    payload      blob    not null,
    set_aside_at integer not null,
    -- The replay it was last asked for.
    replay_id    integer references replay (id),
    -- A letter is open until it was replayed, or a person dismissed it.
    closed       text check (closed in ('replayed', 'dismissed')),
    closed_at    integer,
    check ((closed is null) = (closed_at is null))
) strict;

create index dead_letter_unit on dead_letter (unit_id);
create index dead_letter_replay on dead_letter (replay_id) where replay_id is not null;
create index dead_letter_open on dead_letter (connector_id, set_aside_at, id)
    where closed_at is null;

-- The console's own: who may use it, and what they did. Named so that they stay behind when the
-- rest moves to another machine.
create table console_person (
    id           integer primary key,
    name         text    not null unique collate nocase,
    role         text    not null check (role in ('viewer', 'operator', 'administrator')),
    -- As a PHC string.
    password     text    not null,
    made_at      integer not null,
    signed_in_at integer
) strict;

-- Secrets of sessions, tokens and links are kept as hashes.
create table console_session (
    hash      blob    primary key,
    person_id integer not null references console_person (id) on delete cascade,
    opened_at integer not null,
    seen_at   integer not null,
    ends_at   integer not null
) strict;

create index console_session_person on console_session (person_id);

create table console_token (
    id         integer primary key,
    hash       blob    not null unique,
    person_id  integer not null references console_person (id) on delete cascade,
    name       text    not null,
    role       text    not null check (role in ('viewer', 'operator', 'administrator')),
    made_at    integer not null,
    expires_at integer,
    used_at    integer,
    unique (person_id, name)
) strict;

create table console_link (
    hash       blob    primary key,
    expires_at integer not null
) strict;

create table console_audit (
    id      integer primary key,
    at      integer not null,
    -- The person by name, which outlives them; empty: nobody signed in.
    who     text    not null,
    -- The name of the token they used.
    token   text,
    address text    not null,
    action  text    not null,
    subject text    not null,
    outcome text    not null
) strict;

create index console_audit_at on console_audit (at);

-- Rollups: what the admitted rows of units said, counted by time and by what stands in a column.
-- One series for each connector, event type and dimension. Connector 0 is all of them together, which
-- is not counted for users, event type '*' all types.
create table rollup_series (
    id           integer primary key,
    connector_id integer not null,
    event_type   text    not null,
    dimension    text    not null,
    -- Start of the last hour that has rows.
    last_hour    integer not null,
    -- In the order they are asked for.
    unique (dimension, connector_id, event_type)
) strict;

-- The counts of a series, for each hour, day and week: the length in hours is the step. Rows of a
-- series and step lie together in the order of time, as they are asked for.
create table rollup (
    series_id integer not null references rollup_series (id),
    step      integer not null check (step in (1, 24, 168)),
    start     integer not null,
    name      text    not null,
    events    integer not null,
    row_count integer not null,
    bytes     integer not null,
    millis    integer not null,
    longest   integer not null,
    primary key (series_id, step, start, name)
) strict, without rowid;

-- From when to when a user was seen with an address, an application, or a program.
create table user_trait (
    connector_id integer not null references connector (id),
    kind         text    not null,
    user_id      text    not null,
    value        text    not null,
    first_at     integer not null,
    last_at      integer not null,
    primary key (connector_id, kind, user_id, value)
) strict, without rowid;

create index user_trait_first on user_trait (kind, connector_id, first_at);
create index user_trait_last on user_trait (last_at);

-- What users sign in as, by their ids.
create table user_name (
    user_id text    not null primary key,
    name    text    not null,
    seen_at integer not null
) strict, without rowid;

-- What was done under one sign-in, by event type and by the UTC day it began. The rows of a day lie
-- together, and go together.
create table user_session (
    day          integer not null,
    connector_id integer not null references connector (id),
    user_id      text    not null,
    login_key    text    not null,
    event_type   text    not null,
    address      text,
    first_at     integer not null,
    last_at      integer not null,
    events       integer not null,
    primary key (day, connector_id, user_id, login_key, event_type)
) strict, without rowid;

-- Single events worth a line in a user's time line.
create table notable (
    id           integer primary key,
    connector_id integer not null references connector (id),
    user_id      text    not null,
    at           integer not null,
    event_type   text    not null,
    what         text    not null,
    detail       text    not null,
    address      text,
    request_id   text,
    login_key    text,
    session_key  text
) strict;

create index notable_user on notable (user_id, at);
create index notable_type on notable (connector_id, event_type, at);
create index notable_at on notable (at);
