create function stepgres._refuse_transition() returns trigger
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
begin
    raise exception '% of run % cannot change from % to %', tg_table_name, old.run_id,
        to_jsonb(old) - '{run_id,input,output}'::text[],
        to_jsonb(new) - '{run_id,input,output}'::text[]
        using errcode = 'SG008',
            hint = 'Change state through the functions of the schema stepgres, not in its tables.';
end
$$;

comment on function stepgres._refuse_transition() is
'Raises SG008 for a transition that the WHEN clause of a trigger found illegal.';
