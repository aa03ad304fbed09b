create function stepgres._position_in(pgmq_queue text) returns stepgres._queue_position
language sql
volatile
return coalesce(
    nullif(current_setting(stepgres._position_setting(pgmq_queue), true), '')
    ::stepgres._queue_position,
    (0, 0, null, 0)::stepgres._queue_position
);

comment on function stepgres._position_in(text) is
'Returns where this session looks for tickets in a pgmq queue.';
