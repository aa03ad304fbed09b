"""Every public function with hostile arguments: a result, or an error of Stepgres, in seconds.

The functions and the types of their arguments come from the catalog, so that a new function is
tried as well; a new type of argument needs a line in VALUES.
"""

from __future__ import annotations

import json
from random import Random
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from psycopg.types.json import Jsonb

from tests.support.engine import Engine, refused, step

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.conftest import Database

# a bound on hanging, and not on speed
BOUND = "20s"

RANDOM_TEXT = "(select string_agg(md5(i::text), '') from generate_series(1, 200) as i)"
VALUES: dict[str, list[str]] = {
    "text": [
        "null",
        "''",
        "' '",
        "'x'",
        "'run'",
        "'default'",
        "'none'",
        "'0'",
        "'-1'",
        "'%s %I \"'",
        "E'a\\nb'",
        "'99999999999999999999'",
        "'9223372036854775807'",
        "'5;1-3@4/5'",
        "'a.b'",
        "'''; select 1; --'",
        "'\U0001f600'",
        "repeat('x', 1000000)",
        RANDOM_TEXT,
        "'strict $.** ? (@ == $)'",
        "'pg_catalog.now'",
        "'a.b.c'",
        "'a.b.c.d'",
        "'now('",
    ],
    "integer": ["null", "0", "1", "-1", "7", "2147483647", "-2147483648"],
    "bigint": ["null", "0", "-1", "9223372036854775807", "-9223372036854775808"],
    "boolean": ["null", "true", "false"],
    "uuid": [
        "null",
        "'00000000-0000-0000-0000-000000000000'",
        "'ffffffff-ffff-ffff-ffff-ffffffffffff'",
    ],
    "interval": [
        "null",
        "'0'",
        "'-1 s'",
        "'1 microsecond'",
        "'1 month -30 days'",
        "'100 years'",
        "'36526 days'",
        "'170000 years'",
        "'-170000 years'",
        "'178000000 years'",
        "'-178000000 years'",
        "'2147483647 days'",
        "'infinity'",
        "'-infinity'",
    ],
    "timestamp with time zone": [
        "null",
        "'-infinity'",
        "'infinity'",
        "'294276-12-31'",
        "'4713-01-01 BC'",
    ],
    "jsonb": [
        "null",
        "'null'",
        "'{}'",
        "'[]'",
        "'\"\"'",
        "'\"x\"'",
        "'1e400'",
        "'-1'",
        "'true'",
        "'[null]'",
        "'[[]]'",
        "'[{}]'",
        "'[1, \"a\", {}]'",
        "'{\"a\": null}'",
        '\'{"": {"": []}}\'',
        "repeat('[', 5000)::text || repeat(']', 5000)",
        "to_jsonb(repeat('x', 1000000))",
        "to_jsonb(array[[1, 2], [3, 4]])",
        """'[{"id": "a", "depends_on": ["a"]}]'""",
        """'[{"run_id": "x", "step_slug": [], "task_index": 1e9, "attempt": -1, "status": 0}]'""",
        """'[{"id": "a", "options": {"timeout": 1e300, "priority": 1e300, "resources": []}}]'""",
        """'{"workflow_slug": "w", "steps": [{"step_slug": "a", "depends_on": "a"}]}'""",
        """'{"workflow_slug": "w", "steps": [{"step_slug": "a", "max_attempts": 1e99}]}'""",
        """'{"workflow_slug": "w", "steps": [1, null, []]}'""",
        """'{"workflow_slug": ["w"], "steps": {"a": 1}}'""",
        f"""jsonb_build_object('workflow_slug', 'w',
            'resources', jsonb_build_object('x', {RANDOM_TEXT}),
            'steps', jsonb_build_array(jsonb_build_object('step_slug', 'a')))""",
        f"jsonb_build_object('x', {RANDOM_TEXT})",
    ],
    "double precision": [
        "null",
        "0",
        "-1",
        "1",
        "1e-300",
        "1e300",
        "'nan'",
        "'infinity'",
        "'-infinity'",
    ],
    "text[]": [
        "null",
        "'{}'",
        "'{null}'",
        "'{\"\"}'",
        "'{{a,b},{c,d}}'",
        "'{{null}}'",
        "'[5:6]={desc,inserted_at}'",
        "'{a,a,a}'",
        f"array[{RANDOM_TEXT}]",
        "array(select i::text from generate_series(1, 2000) as i)",
        "'{{default}}'",
        "'{desc,inserted_at,x}'",
        "'{desc,input}'",
    ],
    "uuid[]": [
        "null",
        "'{}'",
        "'{null}'",
        "'{{00000000-0000-0000-0000-000000000000}}'",
        "array(select gen_random_uuid() from generate_series(1, 2000))",
    ],
}


# a value of each kind that ought to have been found above, by itself

LONG = "".join(chr(33 + i % 90) for i in range(2001))


def test_cancelling_no_run_is_an_error_and_ends(engine: Engine) -> None:
    engine.connection.execute(f"set statement_timeout = '{BOUND}'".encode())
    with refused("SG005"):
        engine.call("cancel_workflow_run", run_id=None)


@pytest.mark.parametrize("character", ["x", "\U0001f600"])
def test_idempotency_key_and_tag_have_up_to_2000_bytes(engine: Engine, character: str) -> None:
    engine.define("order", step("a"))
    text = character * (2000 // len(character.encode()))
    run_id = engine.start("order", idempotency_key=text, tags=[text, "short"])
    assert engine.start("order", idempotency_key=text) == run_id
    for name, value in (("idempotency_key", text + "y"), ("tags", ["short", text + "y"])):
        with refused("SG003", "has at most 2,000 bytes, not 2001"):
            engine.start("order", **{name: value})
    engine.call("save_task_graph", goal="x", tasks=Jsonb([{"id": "a"}]))
    (graph_id,) = engine.rows("select task_graph_id from stepgres.task_graphs")
    engine.call("approve_task_graph", task_graph_id=graph_id)
    for name, value in (("idempotency_key", LONG), ("tags", [LONG])):
        with refused("SG003", "has at most 2,000 bytes, not 2001"):
            engine.call("start_task_graph", task_graph_id=graph_id, **{name: value})
    with refused("SG003", "has at most 2,000 bytes, not 2001"):
        engine.call("start_workflow_runs", workflow_slug="order", inputs=Jsonb([1]), tags=[LONG])


def test_longest_random_texts_fit_the_indexes(engine: Engine) -> None:
    random = Random(1)
    engine.define("w" * 128, step("a"))
    text = "".join(chr(random.randrange(0x10000, 0x10FFFF)) for _ in range(500))
    engine.start("w" * 128, idempotency_key=text, tags=[text])


def test_tags_are_one_list(engine: Engine) -> None:
    engine.define("order", step("a"))
    with refused("SG003", "the tags of a run are one list"):
        engine.start("order", tags=[["a"], ["b"]])


@pytest.mark.parametrize("age", ["170000 years", "178000000 years"])
def test_nothing_is_older_than_an_age_beyond_all_timestamps(engine: Engine, age: str) -> None:
    engine.define("order", step("a"))
    run_id = engine.start("order")
    engine.drain()
    assert engine.call("prune", older_than=age) == 0
    assert engine.call("list_active_runs", started_within=age) == run_id


@pytest.fixture
def connection(db: Database) -> Iterator[psycopg.Connection[Any]]:
    with db.connect() as connection:
        yield connection


def prepare(connection: psycopg.Connection[Any]) -> dict[str, list[str]]:
    """A bit of everything; for arguments of each name the values that mean something."""
    engine = Engine(connection)
    connection.execute(
        "create schema app;"
        "create function app.total(jsonb) returns jsonb language sql as 'select $1'"
    )
    engine.define("order", step("a"), step("b", "a"), step("m", "a", map=True))
    engine.start("order", {}, tags=["t"], idempotency_key="k")
    for item in engine.claim():
        engine.work([item.completed([1, 2])])
    (item,) = engine.claim(1)
    failed = engine.start("order", {})
    engine.call("cancel_workflow_run", run_id=failed)
    delayed = engine.start("order", {}, delay="1 day")
    engine.call("pause_workflow_run", run_id=delayed)
    engine.start("order", {}, unique_key="u")
    engine.start("order", {}, unique_key="u", debounce="1 day")
    graph: Any = engine.rows(
        """select task_graph_id from stepgres.save_task_graph('g', '[{"id": "a"}]')"""
    )[0]
    engine.call("approve_task_graph", task_graph_id=graph)
    engine.call("send_with_notify", channel="orders", message=Jsonb(1))
    run_ids = [f"'{run_id}'" for run_id in engine.rows("select run_id from stepgres.runs")]
    task = f"'{json.dumps([item.completed()])}'"
    return {
        "run_id": run_ids,
        "parent_run_id": ["null", run_ids[0]],
        "workflow_slug": ["'order'"],
        "workflow_id": ["'order'"],
        "name": ["'other'"],
        "step_name": ["'z'"],
        "step_slug": ["'m'"],
        "worker_id": ["'worker'"],
        "executor_id": ["null", "'worker'"],
        "task_graph_id": [f"'{graph}'"],
        "channel": ["'orders'"],
        "after": ["'0'", "'5;1-3@4/5'"],
        "sql_function": ["null", "'app.total'"],
        "tasks": ["""'[{"id": "a"}]'""", task],
        "results": ["'[]'", task],
        "inputs": ["'[{}, 1]'"],
        "definition": ["""'{"workflow_slug": "w", "steps": [{"step_slug": "a"}]}'"""],
        "goal": ["'g'"],
        "reason": ["'r'"],
        "message_id": ["'1'"],
        "payload": ["'\"p\"'"],
        "older_than": ["'0'"],
        "queues": ["'{default}'"],
        "depends_on": ["'{}'", "'{a}'"],
        "role": ["'public'"],
        "version": ["null", "1"],
        "unique_key": ["'u'"],
        "if_running": ["'cancel'", "'reject'"],
        "debounce": ["null", "'1 s'"],
        "search": ["'u'"],
    }


def functions(connection: psycopg.Connection[Any]) -> dict[str, list[tuple[str, str, bool]]]:
    """The arguments of each public function: name, type, and whether it may be left out."""
    rows = connection.execute(
        """
        select p.proname, coalesce(p.proargnames[:p.pronargs], '{}'),
            array(select t::regtype::text from unnest(p.proargtypes) as t),
            p.pronargs - p.pronargdefaults
        from pg_proc as p
        where p.pronamespace = 'stepgres'::regnamespace and p.proname !~ '^_'
        """
    ).fetchall()
    return {
        name: [
            (argument, type, place >= needed)
            for place, (argument, type) in enumerate(zip(arguments, types, strict=True))
        ]
        for name, arguments, types, needed in rows
    }


def attempts(
    arguments: list[tuple[str, str, bool]], good: dict[str, list[str]], random: Random
) -> Iterator[dict[str, str]]:
    """Calls with one hostile argument each, then with several."""

    def known_to_be_sound(name: str, type: str) -> list[str]:
        # after is a position in some functions, and a run or a number in others
        return [] if name == "after" and type != "text" else good.get(name, [])

    def sound(name: str, type: str) -> str:
        return random.choice(known_to_be_sound(name, type) or VALUES[type])

    yield {name: f"null::{type}" for name, type, _ in arguments}
    for hostile, type, _ in arguments:
        for value in VALUES[type]:
            yield {
                name: f"({value if name == hostile else sound(name, of)})::{of}"
                for name, of, may_be_left_out in arguments
                if name == hostile or not may_be_left_out
            }
    for _ in range(8):
        yield {
            name: f"({random.choice(VALUES[of] + known_to_be_sound(name, of))})::{of}"
            for name, of, may_be_left_out in arguments
            if not may_be_left_out or random.random() < 0.5
        }


def complaint(connection: psycopg.Connection[Any], function: str, call: dict[str, str]) -> str:
    """What is wrong with the answer to a call; nothing of it stays."""
    listed = ", ".join(f'"{name}" => {value}' for name, value in call.items())
    shown = f"{function}({listed})"[:300]
    try:
        with connection.transaction(force_rollback=True):
            connection.execute(f"select * from stepgres.{function}({listed})".encode())
            # Without a transaction id the call has written nothing that can be wrong.
            wrote = "select pg_current_xact_id_if_assigned() is not null"
            if connection.execute(wrote).fetchall() == [(False,)]:
                return ""
            found = connection.execute("select * from stepgres.fsck()").fetchall()
            return f"{shown}: {found}" if found else ""
    except psycopg.Error as error:
        if (error.sqlstate or "").startswith("SG") and error.diag.message_hint:
            return ""
        if error.sqlstate == "22007" and "infinity" in listed:  # before PostgreSQL 17
            return ""
        return f"{shown}: {error.sqlstate} {error.diag.message_primary}"[:500]


def test_every_public_function_answers_or_refuses_hostile_arguments(
    connection: psycopg.Connection[Any],
) -> None:
    good = prepare(connection)
    connection.execute(f"set statement_timeout = '{BOUND}'".encode())
    random = Random(22)
    complaints = [
        wrong
        for function, arguments in sorted(functions(connection).items())
        for call in attempts(arguments, good, random)
        if (wrong := complaint(connection, function, call))
    ]
    assert complaints == [], "\n".join(complaints)
