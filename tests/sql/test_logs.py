"""The logs of attempts: what is stored with results, listed, cut and deleted."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import psycopg
import pytest
from psycopg.types.json import Jsonb

from tests.conftest import Clock
from tests.support.engine import Engine, WorkItem, refused, step


def line(message: Any = "hello", level: Any = "info", at: Any = "2026-11-28T12:30:00Z") -> Any:
    return {"at": at, "level": level, "message": message}


def listed(engine: Engine, run_id: UUID, **options: Any) -> list[Any]:
    """What list_logs returns: attempt, level and message of each line."""
    query = "select attempt, level, message from stepgres.list_logs(%s, {})"
    arguments = ", ".join(f'"{name}" => %s' for name in options) or "null"
    return engine.rows(query.format(arguments).encode(), run_id, *options.values())  # type: ignore


def send(engine: Engine, item: WorkItem, *lines: Any, **more: Any) -> None:
    assert engine.work([{**item.completed(), "logs": list(lines), **more}]) == []


def test_each_attempt_has_the_lines_that_came_with_its_result(engine: Engine) -> None:
    engine.define("order", step("a", base_delay=0))
    run_id = engine.start("order")
    first = engine.claim_one()
    assert engine.work([{**first.failed(), "logs": [line("one", "error")]}]) == []
    engine.call("tick")
    send(engine, engine.claim_one(), line("two"), line("three", "debug"))
    assert listed(engine, run_id) == [
        (1, "error", "one"),
        (2, "info", "two"),
        (2, "debug", "three"),
    ]


def test_single_results_take_logs_too(engine: Engine) -> None:
    engine.define("order", step("a", max_attempts=1), step("b", max_attempts=1))
    run_id = engine.start("order")
    a, b = engine.claim()
    logs = Jsonb([line("of a")])
    engine.call("complete_task", worker_id="worker", output=Jsonb(1), logs=logs, **a.key)
    engine.fail(b, logs=Jsonb([line("of b")]))
    assert [message for _, _, message in listed(engine, run_id)] == ["of a", "of b"]


def test_body_that_lets_go_adds_to_the_log_of_its_attempt(engine: Engine) -> None:
    durable = engine.colleague("durable", features=["durable"])
    engine.define("agent", step("body", durable=True))
    run_id = engine.start("agent")
    item = durable.claim_one()
    wait = durable.answer(
        "save_checkpoints",
        worker_id="durable",
        waits=Jsonb([item.operation("signal go", kind="signal", signal="go")]),
    )
    assert durable.work([{**item.suspended(wait[9]), "logs": [line("before")]}]) == []
    engine.call("send_signal", run_id=run_id, signal="go", payload=Jsonb(1))
    engine.call("tick")
    send(durable, durable.claim_one(), line("after"))
    assert listed(engine, run_id) == [(1, "info", "before"), (1, "info", "after")]


def test_refused_result_stores_no_lines(engine: Engine) -> None:
    engine.define("order", step("a"))
    run_id = engine.start("order")
    item = engine.claim_one()
    engine.call("cancel_workflow_run", run_id=run_id)
    (answer,) = engine.work([{**item.completed(), "logs": [line()]}])
    assert answer.is_refused
    assert listed(engine, run_id) == []


@pytest.mark.parametrize(
    "logs",
    [
        [line(level="loud")],
        [line(level=None)],
        [line(level=7)],
        [line(message=None)],
        [line(message={"no": "text"})],
        [line(at="yesterday")],
        [line(at="2026-13-45T12:30:00Z")],
        [line(at="2026-11-28T12:30:00")],
        [line(at=None)],
        [[]],
        ["text"],
        "text",
        {"left_out": -1},
        {"left_out": "many"},
        {"left_out": 1e300},
        7,
    ],
)
def test_bad_line_refuses_no_result_and_is_left_out_with_a_warning(
    engine: Engine, logs: Any
) -> None:
    engine.define("order", step("a"), step("b"))
    run_id = engine.start("order")
    warnings: list[Any] = []
    engine.connection.add_notice_handler(
        lambda notice: warnings.append((notice.message_primary, notice.message_hint))
    )
    bad, good = engine.claim()
    results = [{**bad.completed(1), "logs": logs}, {**good.completed(2), "logs": [line("good")]}]
    assert engine.work(results) == []
    assert engine.output(run_id) == {"a": 1, "b": 2}
    ((warning, hint),) = warnings
    assert warning == f"task {run_id}/a/0: 1 lines of its log were left out"
    assert "debug, info, warning, error or critical" in hint
    assert [message for _, _, message in listed(engine, run_id)] == [
        "[... 1 lines were left out ...]",
        "good",
    ]


@pytest.mark.parametrize("logs", [None, []])
def test_result_without_lines_stores_no_row(engine: Engine, logs: Any) -> None:
    engine.define("order", step("a"))
    engine.start("order")
    assert engine.work([{**engine.claim_one().completed(), "logs": logs}]) == []
    assert engine.rows("select from stepgres.logs") == []


def test_nul_is_refused_by_postgresql_and_the_result_can_be_sent_again(engine: Engine) -> None:
    engine.define("order", step("a"))
    run_id = engine.start("order")
    item = engine.claim_one()
    with pytest.raises(psycopg.errors.UntranslatableCharacter):
        engine.work([{**item.completed(), "logs": [line("a\0b")]}])
    send(engine, item, line(r"a\x00b"))
    assert listed(engine, run_id) == [(1, "info", r"a\x00b")]


def test_long_message_loses_its_middle(engine: Engine) -> None:
    engine.define("order", step("a"))
    run_id = engine.start("order")
    send(engine, engine.claim_one(), line("x" * 10_000_000))
    ((_, _, message),) = listed(engine, run_id)
    assert len(message) < 8_000
    assert "[... 9992100 characters ...]" in message


def test_long_log_loses_its_middle_also_if_it_grows(engine: Engine) -> None:
    engine.define("order", step("a", base_delay=0))
    run_id = engine.start("order")
    item = engine.claim_one()
    part = [line(f"{number} {'é' * 500}") for number in range(100)]
    assert engine.work([{**item.released(), "logs": part}]) == []
    send(engine, engine.claim_one(), *part)
    lines = [message for _, _, message in listed(engine, run_id)]
    (cut,) = [place for place, text in enumerate(lines) if text.startswith("[...")]
    assert lines[cut] == f"[... {200 - (len(lines) - 1)} lines were left out ...]"
    assert lines[:2] == [part[0]["message"], part[1]["message"]]
    assert lines[-1] == part[-1]["message"]
    (size,) = engine.rows("select octet_length(lines::text) from stepgres.logs")
    assert 60_000 < size <= 65_536


def test_lines_of_a_step_a_task_and_a_level(engine: Engine) -> None:
    engine.define("order", step("a"), step("each", map=True))
    run_id = engine.start("order", [1, 2, 3])
    for item in engine.claim():
        name = f"{item.step_slug}{item.task_index}"
        send(engine, item, line(name), line(f"{name}!", "warning"))
    loud = ["a0!", "each0!", "each1!", "each2!"]

    def found(**options: Any) -> list[str]:
        return [message for _, _, message in listed(engine, run_id, **options)]

    assert found() == ["a0", "a0!", "each0", "each0!", "each1", "each1!", "each2", "each2!"]
    assert found(level="warning") == loud
    assert found(level="error") == []
    assert found(step_slug="each", task_index=1) == ["each1", "each1!"]
    assert found(task_index=0, level="warning") == ["a0!", "each0!"]
    assert found(step_slug="each", after="each/1/1") == ["each2", "each2!"]
    assert found(limit=3) == ["a0", "a0!", "each0", "each0!"]


def test_position_leads_through_all_lines(engine: Engine) -> None:
    engine.define("order", step("each", map=True))
    run_id = engine.start("order", list(range(25)))
    for item in engine.claim():
        send(engine, item, line(str(item.task_index)), line("end"))
    found: list[Any] = []
    after = None
    query = 'select * from stepgres.list_logs(%s, after => %s, "limit" => 7)'
    while page := engine.rows(query, run_id, after):
        assert len(page) <= 8
        found += page
        after = page[-1][-1]
    assert [row[1] for row in found] == [index for index in range(25) for _ in range(2)]


def test_newest_lines_are_those_of_attempts_that_ended_last(engine: Engine, clock: Clock) -> None:
    engine.define("order", step("a", base_delay=0), step("each", "a", map=True), step("z"))
    run_id = engine.start("order", [1, 2, 3])
    a, z = engine.claim()
    send(engine, z, line("z"))
    clock.advance(1)
    assert engine.work([{**a.failed(), "logs": [line("a1", "error"), line("more")]}]) == []
    clock.advance(1)
    engine.call("tick")
    send(engine, engine.claim_one(), line("a2"), output=[1, 2, 3])
    for item in sorted(engine.claim(), key=lambda item: item.task_index != 1):
        clock.advance(1)
        send(engine, item, line(f"each{item.task_index}"))

    def found(**options: Any) -> list[Any]:
        return [message for _, _, message in listed(engine, run_id, newest=True, **options)]

    assert found() == ["each2", "each0", "each1", "a2", "a1", "more", "z"]
    assert found(limit=4) == ["each2", "each0", "each1", "a2"]
    assert found(limit=5) == found(limit=6) == found()[:6]
    assert found(step_slug="a") == ["a2", "a1", "more"]
    assert found(step_slug="each", task_index=1) == ["each1"]
    assert found(level="error") == ["a1"]


def test_wrong_arguments_are_refused(engine: Engine) -> None:
    engine.define("order", step("a"))
    run_id = engine.start("order")
    for options, words in (
        ({"level": "loud"}, 'there is no level "loud"'),
        ({"after": "somewhere"}, '"somewhere" is no position'),
        ({"after": "a/0/1", "newest": True}, "the newest lines of a run have no position"),
        ({"limit": 0}, "limit 0 is less than 1"),
        ({"step_slug": "b"}, f'run {run_id} of workflow "order" has no step "b"'),
    ):
        with refused("SG003", words):
            listed(engine, run_id, **options)
    with refused("SG005"):
        listed(engine, UUID(int=1))


def test_retry_has_no_lines_of_the_run_before(engine: Engine) -> None:
    engine.define("order", step("a", max_attempts=1))
    run_id = engine.start("order")
    assert engine.work([{**engine.claim_one().failed(), "logs": [line("first")]}]) == []
    retried = engine.call("retry_failed_workflow", run_id=run_id)
    send(engine, engine.claim_one(), line("second"))
    assert listed(engine, run_id) == [(1, "info", "first")]
    assert listed(engine, retried) == [(1, "info", "second")]


def test_lines_are_deleted_with_the_payloads_or_with_the_run(engine: Engine, clock: Clock) -> None:
    engine.define("order", step("a"), keep={"payloads": 60})
    run_id = engine.start("order")
    send(engine, engine.claim_one(), line())
    for _ in range(3):
        clock.advance(61)
        engine.call("tick")
    assert listed(engine, run_id) == []
    engine.define("kept", step("a"))
    other = engine.start("kept")
    send(engine, engine.claim_one(), line())
    engine.call("prune", older_than="0 s")
    with refused("SG005"):
        listed(engine, other)
    assert engine.rows("select from stepgres.logs") == []
