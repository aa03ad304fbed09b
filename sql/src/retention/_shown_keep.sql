create function stepgres._shown_keep(workflow_slug text) returns jsonb
language plpgsql
stable
set search_path = pg_catalog, pg_temp
as $$
begin
    return (
        select jsonb_build_object('keep', jsonb_strip_nulls(stepgres._merge_objects(array_agg(
            case r.subject
                when 'payloads' then jsonb_build_object(
                    'payloads', trim_scale(extract(epoch from r.completed))
                )
                else jsonb_build_object(
                    'completed', trim_scale(extract(epoch from r.completed)),
                    'failed', trim_scale(extract(epoch from r.failed)),
                    'cancelled', trim_scale(extract(epoch from nullif(r.cancelled, r.failed)))
                )
            end
        ))))
        from stepgres.retentions as r
        where r.workflow_slug = _shown_keep.workflow_slug
        having count(*) > 0
    );
end
$$;

comment on function stepgres._shown_keep(text) is
'Returns {"keep": the option as get_flow shows it}, with durations in seconds; null: no option.';
