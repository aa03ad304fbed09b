create function stepgres._check_filter(status text) returns void
language plpgsql
immutable
set search_path = pg_catalog, pg_temp
as $$
begin
    if status not in ('started', 'completed', 'failed') then
        raise exception 'runs have no status "%"', status
            using errcode = 'SG014',
                hint = 'The status of a run is started, completed or failed: a paused run is a '
                    'started run with paused_at, and a cancelled run is a failed run with '
                    'cancelled_at.';
    end if;
end
$$;

comment on function stepgres._check_filter(text) is
'Raises SG014 for a status that no run can have.';
