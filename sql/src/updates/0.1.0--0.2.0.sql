-- Changes of tables and types, and drops, that lead from 0.1.0 to 0.2.0.
\ir structure/waits.sql
\ir structure/signals.sql

alter table stepgres.workflow_versions add column schedule jsonb;
\ir structure/schedules.sql

alter table stepgres.steps
add column start_at jsonpath,
add column wait jsonb,
drop constraint gathering_is_all_that_it_does,
add constraint gathering_is_all_that_it_does check (
    gathers is null or (
        not map and not transactional and sql_function is null
        and condition is null and unless is null and start_delay = '0' and start_at is null
        and wait is null
    )
),
add constraint start_is_delayed_once check (start_at is null or start_delay = '0'),
add constraint waiting_is_all_that_it_does check (
    wait is null or (
        not map and not transactional and not sticky and sql_function is null
        and start_delay = '0' and start_at is null
    )
);
alter type stepgres.step add attribute start_at jsonpath, add attribute wait jsonb;

drop function stepgres._expand_map(uuid, text);
drop function stepgres._json_path(text, text, text);
drop function stepgres.add_step(
    text, text, text[], int, interval, interval, boolean, int, text, text, int, jsonb, boolean,
    text, interval, text, text, text, text, text, boolean
);
