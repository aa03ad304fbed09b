"""Values that PostgreSQL stores and Python cannot read hide no others."""

from __future__ import annotations

import json
from itertools import islice
from queue import SimpleQueue
from typing import Any

import pytest
from click.testing import CliRunner
from starlette.routing import Route

from stepgres import AsyncClient, Client, UnreadableValue
from stepgres._listening import listeners as listener
from stepgres._postgres.json_text import tolerant_loads
from stepgres.cli import main
from stepgres.web import sse
from tests.conftest import Database
from tests.support.engine import Engine, step
from tests.support.webserver import page, pages

UNREADABLE = {
    "long number": "1e5000",
    "long number in an object": '{"x": [1, 1e5000], "y": 2}',
    "deep array": "[" * 3_000 + "]" * 3_000,
    "deep object": '{"a[": ' * 3_000 + '"\\"]"' + "}" * 3_000,
}


@pytest.fixture(params=UNREADABLE.values(), ids=list(UNREADABLE))
def unreadable(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def placeholders(value: Any) -> list[UnreadableValue]:
    """Those that stand somewhere in a value."""
    if isinstance(value, UnreadableValue):
        return [value]
    parts = value.values() if isinstance(value, dict) else value if isinstance(value, list) else []
    return [found for part in parts for found in placeholders(part)]


def test_parts_that_python_reads_are_kept() -> None:
    value = tolerant_loads('{"x": [1, 1' + 5000 * "0" + '], "y": "[{\\""}')
    assert (value["x"][0], value["y"]) == (1, '[{"')
    assert isinstance(value["x"][1], UnreadableValue)


def send(engine: Engine, *messages: str) -> list[str]:
    return [
        str(engine.rows("select stepgres.send_with_notify('orders', %s::jsonb)", message)[0])
        for message in messages
    ]


def test_lists_and_details_of_runs_have_a_placeholder(
    engine: Engine, client: Client, unreadable: str
) -> None:
    engine.define("order", step("a"))
    query = "select stepgres.start_workflow_run('order', %s::jsonb)"
    (bad,) = engine.rows(query, unreadable)
    good = engine.start("order", {"x": 1})
    runs = {run.run_id: run for run in client.list_workflow_runs()}
    assert runs[good].input == {"x": 1}
    assert placeholders(runs[bad].input)
    assert placeholders(client.get_run(bad).input)
    assert client.get_run(bad).steps[0].step_slug == "a"


def test_commands_show_runs_with_unreadable_values(
    engine: Engine, db: Database, unreadable: str
) -> None:
    engine.define("order", step("a"))
    (bad,) = engine.rows("select stepgres.start_workflow_run('order', %s::jsonb)", unreadable)
    nearly = engine.start("order", json.loads("[" * 500 + "]" * 500))
    for arguments in (["list"], ["show", str(bad)], ["show", str(nearly)]):
        for options in ([], ["--json"]):
            command = ["runs", *arguments, *options, "--dsn", db.dsn]
            result = CliRunner().invoke(main, command, catch_exceptions=False)
            assert result.exit_code == 0, result.output
            assert "unreadable" in result.stdout or not options


def test_messages_can_be_read_listed_and_acknowledged(
    engine: Engine, client: Client, unreadable: str
) -> None:
    first, bad, last = send(engine, "1", unreadable, "3")
    read = {message.message_id: message.message for message in client.read_messages("orders", 10)}
    assert (read[first], read[last]) == (1, 3)
    assert placeholders(read[bad])
    message = client.get_message("orders", bad)
    assert message is not None
    assert placeholders(message.message)
    assert client.acknowledge("orders", bad)
    assert [message.message_id for message in client.message_history("orders")] == [
        first,
        bad,
        last,
    ]
    assert [message.message_id for message in client.catch_up("orders", "0")] == [first, bad, last]


def test_listener_raises_for_the_unreadable_message_only(
    engine: Engine, client: Client, unreadable: str
) -> None:
    with client.listen("orders") as messages:
        _, bad, _ = send(engine, "1", unreadable, "3")
        assert next(messages).payload == 1
        with pytest.raises(UnreadableValue, match=f'message {bad} of "orders"'):
            next(messages)
        assert next(messages).payload == 3


def test_callback_is_called_with_the_next_message_at_once(
    engine: Engine, client: Client, unreadable: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listener, "_PAUSE", 86_400)
    heard: SimpleQueue[Any] = SimpleQueue()
    with client.listen("orders", callback=heard.put):
        send(engine, "1", unreadable, "3")
        assert [heard.get(timeout=60).payload for _ in range(2)] == [1, 3]


def test_page_gets_the_messages_around_the_unreadable_one_which_the_log_names(
    engine: Engine, db: Database, unreadable: str, caplog: pytest.LogCaptureFixture
) -> None:
    send(engine, "0")
    listening = AsyncClient(db.dsn)
    with (
        pages(listening, Route("/orders", sse(listening, "orders"))) as address,
        page(f"http://{address}/orders?after=1") as stream,
    ):
        _, bad, _ = send(engine, "1", unreadable, "3")
        told = list(islice(stream.events(), 2))
    assert [sent.data["payload"] for sent in told] == [1, 3]
    assert f"message {bad} of" in caplog.text


def test_single_answer_that_is_unreadable_is_an_error_that_names_it(
    engine: Engine, client: Client, unreadable: str
) -> None:
    engine.define("order", step("a"))
    (run_id,) = engine.rows("select stepgres.start_workflow_run('order', %s::jsonb)", unreadable)
    with pytest.raises(UnreadableValue, match=r"the answer of stepgres\.get_run_input"):
        client.get_run_input(run_id)


def test_subscriber_is_told_of_runs_with_unreadable_inputs(
    engine: Engine, client: Client, unreadable: str
) -> None:
    engine.define("order", step("a", max_attempts=1))
    with client.subscribe() as events:
        (run_id,) = engine.rows(
            "select stepgres.start_workflow_run('order', %s::jsonb)", unreadable
        )
        engine.call("cancel_workflow_run", run_id=run_id)
        assert [event.run_id for event in islice(events, 4)] == [run_id] * 4
