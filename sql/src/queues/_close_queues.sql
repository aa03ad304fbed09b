create function stepgres._close_queues() returns void
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
begin
    perform stepgres._close_queue(q) from stepgres._closable_queues() as q;
end
$$;

comment on function stepgres._close_queues() is
'Marks empty pgmq queues as idle, so that workers no longer look into them.

So a turn costs as much as there is to claim, however many queues there are.';
