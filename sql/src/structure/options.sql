-- What a single value may be is a domain, since most stand in more than one table; what concerns several
-- columns is a constraint of their table. Definition functions raise the comment of what was violated:
-- one rule, one wording. Slugs are checked by a cast and stay text, which `return query` insists on.
create domain stepgres.slug as text
check (stepgres._is_slug(value));

create domain stepgres.queue as text
check (value ~ '^[a-z][a-z0-9_]*$' and length(value) <= 38);

-- Each priority that is used makes a pgmq queue: a customer number or a time is no priority.
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

-- A century, so that no time plus a few of them leaves the range of timestamps.
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
'a slug starts with a letter or underscore, has only letters, digits and underscores, at most 128 of them, and is not "run"';
comment on domain stepgres.queue is
'a queue starts with a lower-case letter and has only lower-case letters, digits and underscores, at most 38 of them';
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
'base_delay must not be negative, and at most 100 years';
comment on domain stepgres.start_delay is
'start_delay must not be negative, and at most 100 years';
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
