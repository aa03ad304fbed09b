create function stepgres._position_setting(pgmq_queue text) returns text
language sql
stable
return 'stepgres.position_' || to_regclass('pgmq.q_' || pgmq_queue)::oid;

comment on function stepgres._position_setting(text) is
'Returns the name of the setting with the position of the session in a pgmq queue.

A queue that was dropped and made anew has another name.';
