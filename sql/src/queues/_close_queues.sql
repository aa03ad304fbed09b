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
'Lets workers no longer look into pgmq queues that are empty: a turn costs what there is to claim,
however many queues there are.';
