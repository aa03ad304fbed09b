create function stepgres._list_checkpoints(
    run_id uuid, step_slug text, task_index int, after int, most_bytes int
) returns setof stepgres.checkpoint
language plpgsql
stable
set search_path = pg_catalog, pg_temp
as $$
declare
    v_checkpoint stepgres.checkpoint;
    v_size bigint := 0::bigint;
begin
    for v_checkpoint in
        select c.place, c.name, c.number,
            case
                when c.wait_id is not null then w.outcome
                when c.error is null then 'completed'
                else 'failed'
            end,
            coalesce(w.payload, c.output), coalesce(w.error, c.error), c.error_type, c.wait_id,
            w.child_run_id
        from stepgres.checkpoints as c
        left join lateral (
            select o.outcome, o.payload, o.error, o.child_run_id from stepgres.waits as o
            where o.wait_id = c.wait_id
            offset 0
        ) as w on true
        where (c.run_id, c.step_slug, c.task_index)
            = (_list_checkpoints.run_id, _list_checkpoints.step_slug, _list_checkpoints.task_index)
            and c.place > _list_checkpoints.after
        order by c.place
    loop
        return next v_checkpoint;
        v_size := v_size + 100 + coalesce(octet_length(v_checkpoint.output::text), 0)
            + coalesce(octet_length(v_checkpoint.error), 0);
        exit when v_size > most_bytes;
    end loop;
end
$$;

comment on function stepgres._list_checkpoints(uuid, text, int, int, int) is
'Returns the operations of a task after a place, up to the one that exceeds a number of bytes.';
