create function stepgres._normal_schedule(document jsonb, culprit text) returns jsonb
language sql
stable
set search_path = pg_catalog, pg_temp
as $$
    select case
        when document <> 'null' then stepgres._schedule_document(stepgres._read_schedule(
            case jsonb_typeof(document)
                when 'string' then jsonb_build_object('cron', document)
                else document
            end,
            culprit || ', schedule'
        ))
    end
$$;

comment on function stepgres._normal_schedule(jsonb, text) is
'Returns the schedule of a definition with all of its options; a string is a cron expression.';
