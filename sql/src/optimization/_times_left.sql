create function stepgres._times_left(
    source stepgres.workflow_versions, statistics stepgres.step_statistics[]
) returns setof stepgres._time_left
language plpgsql
stable
set search_path = pg_catalog, pg_temp
as $$
declare
    v_step record;
    v_slugs text[] := '{}'::text[];
    v_has_body boolean[] := '{}'::boolean[];
    v_before int[];
    v_edges int[] := '{}'::int[];
    v_dependents int[] := '{}'::int[];
    v_seconds float8[] := '{}'::float8[];
    v_longest float8[];
    v_related varbit[] := '{}'::varbit[];
    v_behind varbit[];
    v_bit varbit;
    v_count int;
    v_order int[];
    v_left stepgres._time_left;
begin
    v_count := count(*) from stepgres.steps as s
    where (s.workflow_slug, s.version) = (source.workflow_slug, source.version);
    -- Steps come after the steps that they depend on. Each step has one bit for each step that
    -- comes before or after it in the graph: so a graph of any shape costs no more than its edges.
    for v_step in
        select s.step_slug, s.gathers is null as has_body,
            row_number() over (order by s.step_index)::int as place,
            coalesce(extract(epoch from k.p50_elapsed), 0)::float8 as seconds, s.step_index
        from stepgres.steps as s
        left join unnest(statistics) as k on k.step_slug = s.step_slug
        where (s.workflow_slug, s.version) = (source.workflow_slug, source.version)
        order by s.step_index
    loop
        v_slugs := v_slugs || v_step.step_slug;
        v_has_body := v_has_body || v_step.has_body;
        v_seconds := v_seconds || v_step.seconds;
        v_bit := set_bit(repeat('0', v_count)::varbit, v_step.place - 1, 1);
        v_before := array(
            select array_position(v_slugs, d.depends_on) from stepgres.dependencies as d
            where (d.workflow_slug, d.version, d.step_slug)
                = (source.workflow_slug, source.version, v_step.step_slug)
        );
        for i in 1 .. cardinality(v_before) loop
            v_bit := v_bit | v_related[v_before[i]];
            v_edges := v_edges || v_before[i];
            v_dependents := v_dependents || v_step.place;
        end loop;
        v_related := v_related || v_bit;
    end loop;

    v_longest := v_seconds;
    v_behind := array_fill(repeat('0', v_count)::varbit, array[v_count]);
    for i in reverse cardinality(v_edges) .. 1 loop
        v_longest[v_edges[i]] := greatest(
            v_longest[v_edges[i]], v_seconds[v_edges[i]] + v_longest[v_dependents[i]]
        );
        v_behind[v_edges[i]] := set_bit(
            v_behind[v_edges[i]] | v_behind[v_dependents[i]], v_dependents[i] - 1, 1
        );
    end loop;

    v_order := array(
        select o.place::int from unnest(v_longest) with ordinality as o (seconds, place)
        order by o.seconds desc, o.place
    );
    for i in 1 .. v_count loop
        continue when not v_has_body[i];
        v_left := (v_slugs[i], v_longest[i], null, null)::stepgres._time_left;
        v_bit := v_related[i] | v_behind[i];
        for j in 1 .. case when bit_count(v_bit) < v_count then v_count else 0 end loop
            if get_bit(v_bit, v_order[j] - 1) = 0 and v_has_body[v_order[j]] then
                v_left.rival := v_slugs[v_order[j]];
                v_left.rival_seconds := v_longest[v_order[j]];
                exit;
            end if;
        end loop;
        return next v_left;
    end loop;
end
$$;

comment on function stepgres._times_left(stepgres.workflow_versions, stepgres.step_statistics[]) is
'Returns for each step with a body how long the longest path from its start to the end takes.

In addition it returns the rival: the step with the longest path of all steps that can run at the
same time.';
