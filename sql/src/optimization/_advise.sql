create function stepgres._advise(source stepgres.workflow_versions, current_version int, level text)
returns setof stepgres._advice
language plpgsql
stable
set search_path = pg_catalog, pg_temp
-- the queries compare all steps with all steps
set enable_nestloop = off
as $$
declare
    v_statistics stepgres.step_statistics[];
begin
    if (level in ('none', 'basic', 'advanced', 'aggressive')) is not true then
        raise exception '"%" is not a level of optimization', level
            using errcode = 'SG003',
                hint = 'Levels are basic, advanced and aggressive; none removes all optimizations.';
    elsif level = 'none' then
        return;
    end if;
    v_statistics := array(
        select k::stepgres.step_statistics from stepgres.step_statistics(source.workflow_slug) as k
    );
    return query
    select * from stepgres._advise_timeouts(source, _advise.current_version, v_statistics);
    return query select * from stepgres._advise_attempts(source, v_statistics);
    if level in ('advanced', 'aggressive') then
        return query select * from stepgres._advise_priorities(source, v_statistics);
        return query select * from stepgres._advise_max_parallel(source);
    end if;
    if level = 'aggressive' then
        return query select * from stepgres._advise_sticky(source, v_statistics);
    end if;
end
$$;

comment on function stepgres._advise(stepgres.workflow_versions, int, text) is
'Returns the options of a version that should differ from its definition, by recorded runs.

The function raises SG003 for an unknown level.';
