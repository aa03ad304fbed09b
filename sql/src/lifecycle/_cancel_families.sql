create function stepgres._cancel_families(
    run_ids uuid[], family stepgres._family, reason text
) returns void
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
begin
    if family.active is not null then
        perform stepgres._cancel_runs(family.active, _cancel_families.reason);
    end if;
    if family.is_large then
        perform stepgres._note_cancellations(
            stepgres._list_children(_cancel_families.run_ids),
            stepgres._shorten(coalesce(_cancel_families.reason, 'cancelled'))
        );
    end if;
end
$$;

comment on function stepgres._cancel_families(uuid[], stepgres._family, text) is
'Cancels runs and the runs under them, which _lock_families has locked.

The runs under the runs of a large family are left to tick.';
