create function stepgres._delete_payloads(run_ids uuid[]) returns void
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
begin
    -- Where a rule of the row demands a value, JSON null replaces it: payloads_deleted_at tells
    -- this null from a value.
    delete from stepgres.checkpoints as c where c.run_id = any (_delete_payloads.run_ids);
    delete from stepgres.logs as l where l.run_id = any (_delete_payloads.run_ids);
    update stepgres.decisions as d set payload = 'null'
    where d.run_id = any (_delete_payloads.run_ids) and d.payload <> 'null';
    update stepgres.signals as s set payload = 'null'
    where s.run_id = any (_delete_payloads.run_ids) and s.wait_id is null;
    update stepgres.signals as s set payload = 'null'
    where s.run_id = any (_delete_payloads.run_ids) and s.wait_id is not null;
    update stepgres.waits as w set payload = 'null'
    where w.run_id = any (_delete_payloads.run_ids) and w.payload is not null;
    update stepgres.tasks as t set input = null, output = null
    where t.run_id = any (_delete_payloads.run_ids)
        and (t.input is not null or t.output is not null);
    update stepgres.step_states as s set output = 'null'
    where s.run_id = any (_delete_payloads.run_ids) and s.output is not null;
    update stepgres.runs as r
    set input = 'null', output = case when r.output is not null then 'null'::jsonb end,
        payloads_deleted_at = stepgres._now()
    where r.run_id = any (_delete_payloads.run_ids);
end
$$;

comment on function stepgres._delete_payloads(uuid[]) is
'Deletes the inputs, outputs, signals, checkpoints and logs of finished runs, but no errors.';
