create function stepgres._hint_subscribers(run_ids uuid[]) returns void
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
begin
    perform pg_notify('stepgres_run_' || replace(s.run_id::text, '-', ''), '')
    from stepgres.subscribers as s
    where s.run_id = any (_hint_subscribers.run_ids);
end
$$;

comment on function stepgres._hint_subscribers(uuid[]) is
'Notifies those who wait for runs that have ended, at commit, on the channel stepgres_run_ and the id without dashes.';
