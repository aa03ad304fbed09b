create domain stepgres.max_running as int
check (value > 0);

-- The bound keeps the time of one unit at a microsecond at least, the resolution of timestamps.
create domain stepgres.rate as float8
check (value > 0 and value <= 1000000000);

create domain stepgres.per as interval
check (value > '0' and value <= '36525 days');

create domain stepgres.burst as int
check (value > 0);

comment on domain stepgres.max_running is
'max_running must be at least 1';
comment on domain stepgres.rate is
'rate must be more than 0, and at most 1,000,000,000';
comment on domain stepgres.per is
'per must be more than 0 seconds, and at most 100 years';
comment on domain stepgres.burst is
'burst must be at least 1';

create table stepgres.limits (
    limit_slug text primary key,
    max_running stepgres.max_running,
    rate stepgres.rate,
    per stepgres.per,
    burst stepgres.burst,
    declared jsonb not null,
    created_at timestamptz not null,
    constraint limit_slug_is_slug check (limit_slug::stepgres.slug is not null),
    constraint limit_limits check (max_running is not null or rate is not null),
    constraint rate_has_its_time check ((rate is null) = (per is null)),
    constraint burst_is_of_a_rate check ((rate is null) = (burst is null)),
    constraint rate_is_measurable check (extract(epoch from per) >= rate / 1000000)
);

comment on table stepgres.limits is
'Holds the limits. Each of its keys is limited on its own.';
comment on column stepgres.limits.max_running is
'How much weight of tasks and runs a key has at a time; null: any.';
comment on column stepgres.limits.rate is
'How much weight of tasks and runs of a key starts in the time per; null: any.';
comment on column stepgres.limits.burst is
'How much weight may start at once after a time without starts.';
comment on column stepgres.limits.declared is
'The last declaration: another one changes only what differs from it.';
comment on constraint limit_limits on stepgres.limits is
'a limit needs max_running or rate';
comment on constraint rate_has_its_time on stepgres.limits is
'rate and per need one another';
comment on constraint burst_is_of_a_rate on stepgres.limits is
'burst needs a rate';
comment on constraint rate_is_measurable on stepgres.limits is
'a rate may be at most 1,000,000 per second';

-- The lock of a row serializes those who let tasks and runs in under this key. Whoever holds it
-- waits for no lock of a run or task.
create table stepgres.limit_keys (
    limit_slug text not null,
    key text not null,
    next_at timestamptz,
    opens_at timestamptz,
    primary key (limit_slug, key)
) with (fillfactor = 50);

create index limit_keys_by_opens_at on stepgres.limit_keys (opens_at) where opens_at is not null;

comment on table stepgres.limit_keys is
'Holds the keys of limits that are in use.';
comment on column stepgres.limit_keys.key is
'The key as JSON; null, for work without a key, is a key too.';
comment on column stepgres.limit_keys.next_at is
'The instant from which the whole burst of the rate minus one unit is free: the theoretical arrival
time of the generic cell rate algorithm (ITU-T I.371).';
comment on column stepgres.limit_keys.opens_at is
'The instant at which the rate lets in the next of the lines that stand at the key.';

-- A line has all tasks that are alike to whoever looks for work: the same step, the same keys, and
-- so on. All of them can start, or none.
create table stepgres.lines (
    line_id bigint generated always as identity primary key,
    fair_group uuid not null,
    identity uuid not null,
    served_by text not null,
    resources jsonb not null,
    workflow_slug text not null,
    version int not null,
    step_slug text not null,
    priority int not null,
    limit_slugs text[] not null,
    keys text[] not null,
    lenders uuid[] not null,
    turn bigint not null,
    head bigint not null,
    at_limit text not null default '',
    at_key text not null default '',
    at_lender uuid,
    needs bigint,
    constraint lines_by_fair_group unique (fair_group, identity)
);

create index lines_by_place on stepgres.lines (
    at_limit, at_key, served_by, priority desc, turn, head
);
create index lines_by_lender on stepgres.lines (at_limit, at_key, at_lender)
where at_lender is not null;

create sequence stepgres._turns;

comment on table stepgres.lines is
'Holds the lines in which tasks and runs wait for limits.';
comment on column stepgres.lines.fair_group is
'The lines of a group share their turn in the round robin.';
comment on column stepgres.lines.served_by is
'The queue of the step; with "@", the executor of a run; empty: the line has runs, and any worker
lets them in.';
comment on column stepgres.lines.lenders is
'The run that lends its place under the key, for each of the limits; null: the line needs a place.';
comment on column stepgres.lines.head is
'The entry_id of the first entry, or a lower number.';
comment on column stepgres.lines.at_limit is
'The limit at which the line stands until it has room, under at_key and at_lender.
Empty: nothing is known that holds the line up.';
comment on column stepgres.lines.needs is
'The weight that the first entry needs where the line stands.';

create table stepgres.line_entries (
    run_id uuid not null,
    step_slug text not null,
    task_index int not null,
    entry_id bigint generated always as identity,
    line_id bigint,
    weights bigint[],
    fault text,
    is_paused boolean not null default false,
    primary key (run_id, step_slug, task_index)
);

create index line_entries_by_line on stepgres.line_entries (line_id, entry_id) where not is_paused;
create index faulty_line_entries on stepgres.line_entries (run_id) where fault is not null;

comment on table stepgres.line_entries is
'Holds the tasks, and without a step_slug the runs, that wait in lines.';
comment on column stepgres.line_entries.line_id is
'The line; null: the entry is new, or its run is paused.';
comment on column stepgres.line_entries.weights is
'The weight under each of the limits of the line.';
comment on column stepgres.line_entries.fault is
'The reason why the entry cannot stand in a line: tick fails its task or run.';

create table stepgres.places (
    run_id uuid not null,
    step_slug text not null,
    task_index int not null,
    limit_slug text not null,
    key text not null,
    weight bigint not null,
    lent_by uuid,
    claim int,
    taken_at timestamptz not null,
    primary key (run_id, step_slug, task_index, limit_slug, key)
);

create index places_by_key on stepgres.places (limit_slug, key);

comment on table stepgres.places is
'Holds the places that started tasks, and without a step_slug the active runs, have under limits.';
comment on column stepgres.places.lent_by is
'The run that has lent its own place; null: the place counts.';
comment on column stepgres.places.claim is
'The claim of the task; null: the place is that of a run.';

create table stepgres.freed_places (
    limit_slug text not null,
    key text not null,
    lent_by uuid
);

comment on table stepgres.freed_places is
'Holds the keys under which there is room again. Whoever looks for work deletes them.

So the end of a task locks no key.';

create type stepgres._limit_uses as (
    limit_slugs text[], -- noqa: LT01
    keys text[], -- noqa: LT01
    weights bigint[], -- noqa: LT01
    fair_key text,
    fault text
);

create type stepgres._line_place as (
    limit_slug text,
    key text,
    lent_by uuid
);

create type stepgres._new_entry as (
    run_id uuid,
    step_slug text,
    task_index int,
    entry_id bigint,
    line stepgres.lines,
    weights bigint[], -- noqa: LT01
    fault text
);

create type stepgres._picked_entry as (
    line stepgres.lines,
    entry_id bigint,
    run_id uuid,
    step_slug text,
    task_index int,
    weights bigint[], -- noqa: LT01
    row_id tid
);

create type stepgres._held_up_line as (
    line_id bigint,
    place stepgres._line_place,
    needs bigint
);

create type stepgres._verdict as (
    admitted stepgres._picked_entry[], -- noqa: LT01
    held_up stepgres._held_up_line[] -- noqa: LT01
);

create type stepgres.limit_status as (
    limit_slug text,
    max_running int,
    rate float8,
    per interval,
    burst int,
    running bigint,
    waiting bigint,
    keys jsonb
);

comment on type stepgres.limit_status is
'A limit, the weight that runs under it, and the number of tasks and runs that wait for it.

keys has its busiest keys, at most 20: {"key", "running", "waiting", "opens_at"}, with the instant
at which the rate lets in the next.';

create type stepgres.limit_key as (
    key jsonb,
    running bigint,
    waiting bigint,
    opens_at timestamptz,
    position text
);

comment on type stepgres.limit_key is
'A key of a limit, the weight that runs under it, and the number of tasks and runs that wait for it.

opens_at is the instant at which the rate lets in the next. position is for the next page.';
