create function stepgres._refuse_without_payloads(run stepgres.runs) returns void
language plpgsql
immutable
set search_path = pg_catalog, pg_temp
as $$
begin
    if run.payloads_deleted_at is not null then
        raise exception 'the inputs and outputs of run % were deleted at %',
            run.run_id, run.payloads_deleted_at
            using errcode = 'SG040',
                hint = 'Start a new run. "payloads" in the option keep of the workflow says how '
                    'long inputs and outputs are kept.';
    end if;
end
$$;

comment on function stepgres._refuse_without_payloads(stepgres.runs) is
'Raises SG040 if the payloads of a run that is to be copied were deleted.';
