-- A rule for a single value is a domain, because most values stand in more than one table. A rule
-- for several columns is a constraint of their table. Definition functions raise the comment of the
-- violated domain or constraint, so each rule has one wording. Slugs are checked by a cast and stay
-- text, because `return query` insists on text.
create domain stepgres.slug as text
check (stepgres._is_slug(value));

create domain stepgres.queue as text
check (value ~ '^[a-z][a-z0-9_]*$' and length(value) <= 38);

-- Each priority that is used makes a pgmq queue. So a customer number or a time must not be a
-- priority.
create domain stepgres.priority as int
check (value between -100 and 100);

create domain stepgres.resources as jsonb
check (jsonb_typeof(value) = 'object' and octet_length(value::text) <= 2000);

create domain stepgres.execution as text
check (value in ('local', 'distributed'));

create domain stepgres.initial_tasks as int
check (value > 0);

create domain stepgres.max_attempts as int
check (value > 0);

create domain stepgres.max_parallel as int
check (value > 0);

-- The limit is a century, so that a time plus a few such durations stays in the range of
-- timestamps.
create domain stepgres.base_delay as interval
check (value between '0' and '36525 days');

create domain stepgres.start_delay as interval
check (value between '0' and '36525 days');

create domain stepgres.timeout as interval
check (value > '0' and value <= '36525 days');

create domain stepgres.deadline as interval
check (value > '0' and value <= '36525 days');

create domain stepgres.events as text
check (value in ('none', 'run', 'task'));

create domain stepgres.when_unmet as text
check (value in ('fail', 'skip', 'skip-cascade'));

create domain stepgres.when_exhausted as text
check (value in ('fail', 'skip', 'skip-cascade'));

create domain stepgres.max_failed as text
check (value ~ '^([0-9]{1,9}|([0-9]{1,2}(\.[0-9]{1,9})?|100)%)$');

comment on domain stepgres.slug is
'a slug starts with a letter or "_", has at most 128 letters, digits and "_", and is not "run"';
comment on domain stepgres.queue is
'a queue starts with a lower-case letter, and has at most 38 lower-case letters, digits and "_"';
comment on domain stepgres.priority is
'a priority must be a whole number from -100 to 100';
comment on domain stepgres.resources is
'resources must be a JSON object of at most 2,000 bytes as text';
comment on domain stepgres.execution is
'execution must be "local" or "distributed"';
comment on domain stepgres.initial_tasks is
'initial_tasks must be at least 1';
comment on domain stepgres.max_attempts is
'max_attempts must be at least 1';
comment on domain stepgres.max_parallel is
'max_parallel must be at least 1';
comment on domain stepgres.base_delay is
'base_delay must be at least 0 seconds and at most 100 years';
comment on domain stepgres.start_delay is
'start_delay must be at least 0 seconds and at most 100 years';
comment on domain stepgres.timeout is
'timeout must be more than 0 seconds, and at most 100 years';
comment on domain stepgres.deadline is
'deadline must be more than 0 seconds, and at most 100 years';
comment on domain stepgres.events is
'events must be "none", "run" or "task"';
comment on domain stepgres.when_unmet is
'when_unmet must be "fail", "skip" or "skip-cascade"';
comment on domain stepgres.when_exhausted is
'when_exhausted must be "fail", "skip" or "skip-cascade"';
comment on domain stepgres.max_failed is
'max_failed must be a whole number, or a percentage from "0%" to "100%"';
