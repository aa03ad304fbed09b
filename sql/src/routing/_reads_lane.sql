create function stepgres._reads_lane(knows jsonb, lane jsonb) returns boolean
language sql
stable
set search_path = pg_catalog, pg_temp
as $$
    select knows is null or lane = '{}' or coalesce(
        case
            when lane ? 'goals' then knows -> 'goals' in ('true', lane -> 'goals')
            when lane ? 'step' then stepgres._knows_step(
                knows, lane ->> 'workflow', (lane ->> 'version')::int, lane ->> 'step'
            )
            else stepgres._known_version(knows, lane ->> 'workflow') >= (lane ->> 'version')::int
        end,
        false
    )
$$;

comment on function stepgres._reads_lane(jsonb, jsonb) is
'Says whether a worker that knows this takes tickets from a lane: see _lane_for.';
