//! Statements about many series and rows at once: insertions, and questions that take lists as JSON,
//! which is SQLite's own, like what is in [`dialect`](crate::sqlite::dialect).

use super::many::Insertion;

/// Marks the units in $1 that can be counted and are not yet.
pub(super) const MARK: &str = "
    update unit set counted = 1
    where id in (select value from json_each($1)) and counted = 0 and state in ('admitted', 'done')
    returning id, connector_id";
/// Makes series known, or later. Answers their numbers.
pub(super) const SERIES: Insertion = Insertion {
    into: "rollup_series (connector_id, event_type, dimension, last_hour)",
    rest: "on conflict (connector_id, event_type, dimension) do update set
        last_hour = max(last_hour, excluded.last_hour)
        returning id, connector_id, event_type, dimension",
};
/// Adds counts. None grows beyond a number that many of can be added up.
pub(super) const COUNTS: Insertion = Insertion {
    into: "rollup (series_id, step, start, name, events, row_count, bytes, millis, longest)",
    rest: "on conflict (series_id, step, start, name) do update set
        events = min(events + excluded.events, 100000000000000),
        row_count = min(row_count + excluded.row_count, 100000000000000),
        bytes = min(bytes + excluded.bytes, 100000000000000),
        millis = min(millis + excluded.millis, 100000000000000),
        longest = max(longest, excluded.longest)",
};
pub(super) const TRAITS: Insertion = Insertion {
    into: "user_trait (connector_id, kind, user_id, value, first_at, last_at)",
    rest: "on conflict (connector_id, kind, user_id, value) do update set
        first_at = min(first_at, excluded.first_at), last_at = max(last_at, excluded.last_at)",
};
pub(super) const SESSIONS: Insertion = Insertion {
    into: "user_session
        (day, connector_id, user_id, login_key, event_type, address, first_at, last_at, events)",
    rest: "on conflict (day, connector_id, user_id, login_key, event_type) do update set
        address = coalesce(address, excluded.address), events = events + excluded.events,
        first_at = min(first_at, excluded.first_at), last_at = max(last_at, excluded.last_at)",
};
pub(super) const NOTABLES: Insertion = Insertion {
    into: "notable (connector_id, user_id, at, event_type, what, detail, address, request_id,
        login_key, session_key)",
    rest: "",
};
pub(super) const NAMES: Insertion = Insertion {
    into: "user_name (user_id, name, seen_at)",
    rest: "on conflict (user_id) do update set
        name = case when excluded.seen_at >= seen_at then excluded.name else name end,
        seen_at = max(seen_at, excluded.seen_at)",
};

/// Series of a dimension and of the event types in $2; without any, of each but all together.
macro_rules! series_where {
    ($connector:literal) => {
        concat!(
            "select s.id, s.event_type from rollup_series s
            where s.dimension = $1 and ",
            $connector,
            " and case json_array_length($2) when 0 then s.event_type <> '*'
                else s.event_type in (select value from json_each($2)) end"
        )
    };
}
/// Those of one connector, or of all added up.
pub(in crate::sqlite) const SERIES_OF: &str = series_where!("s.connector_id = $3");
/// Those of each connector.
pub(in crate::sqlite) const SERIES_OF_ALL: &str = series_where!("s.connector_id <> 0");

/// The counts of the series in $1, in the spans in $2. The order of the tables is the order they
/// are to be read in.
macro_rules! counts_in_spans {
    ($columns:literal, $rest:literal) => {
        concat!(
            "select ",
            $columns,
            ", sum(r.events) as events, sum(r.row_count) as row_count, sum(r.bytes) as bytes,
                sum(r.millis) as millis, max(r.longest) as longest
            from json_each($1) i cross join json_each($2) j cross join rollup r
            where r.series_id = i.value and r.step = j.value ->> 'step'
              and r.start >= j.value ->> 'from' and r.start < j.value ->> 'to' ",
            $rest
        )
    };
}
/// The greatest names by each measure: events, rows, bytes, longest time. The others come last.
pub(in crate::sqlite) const TOP: [&str; 4] = [
    counts_in_spans!("r.name", "group by r.name order by r.name = char(1), 2 desc, 1 limit $3"),
    counts_in_spans!("r.name", "group by r.name order by r.name = char(1), 3 desc, 1 limit $3"),
    counts_in_spans!("r.name", "group by r.name order by r.name = char(1), 4 desc, 1 limit $3"),
    counts_in_spans!("r.name", "group by r.name order by r.name = char(1), 6 desc, 1 limit $3"),
];
/// What is counted under no name of its own.
pub(in crate::sqlite) const OF_NAMES: &str = counts_in_spans!(
    "r.name",
    "and r.name in (select value from json_each($3)) group by r.name order by r.name"
);
pub(in crate::sqlite) const OVER_TIME: &str =
    counts_in_spans!("r.series_id, r.start, '' as name", "group by r.series_id, r.start");
pub(in crate::sqlite) const BY_NAME: &str =
    counts_in_spans!("r.series_id, r.start, r.name", "group by r.series_id, r.start, r.name");

/// What of these event types was noted, newest first.
pub(in crate::sqlite) const NOTABLES_OF_TYPES: &str = "
    select n.user_id, n.at, n.event_type, n.what, n.detail, n.address, n.request_id, n.login_key,
        n.session_key
    from connector c cross join json_each($2) t cross join notable n
    where ($1 is null or c.name = $1) and n.connector_id = c.id and n.event_type = t.value
      and n.at >= $3 and n.at < $4
    order by n.at desc, n.id desc
    limit $5";
pub(in crate::sqlite) const USER_NAMES: &str = "
    select n.user_id, n.name from json_each($1) i join user_name n on n.user_id = i.value
    order by n.user_id";
