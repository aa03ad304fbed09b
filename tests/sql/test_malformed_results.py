"""Results that are no results: the whole batch is refused, and the error says which one it was."""

from __future__ import annotations

from typing import Any

import pytest
from psycopg.types.json import Jsonb

from tests.support.engine import Engine, refused, step

MALFORMED: list[tuple[dict[str, Any], str]] = [
    ({"run_id": "x"}, "uuid"),
    ({"run_id": 7}, "uuid"),
    ({"task_index": "one"}, "integer"),
    ({"task_index": 1e13}, "integer"),
    ({"attempt": 1.5}, "integer"),
    ({"attempt": {}}, "integer"),
    ({"retryable": "perhaps"}, "boolean"),
    ({"retry_after": "soon"}, "double precision"),
    ({"retry_after": 1e13}, "retry_after is out of range"),
    ({"retry_after": 1e300}, "retry_after is out of range"),
    ({"retry_after": "NaN"}, "retry_after is out of range"),
    ({"retry_after": "Infinity"}, "retry_after is out of range"),
    ({"retry_after": -0.001}, "retry_after is out of range"),
    ({"status": "success"}, 'status must be "completed", "failed" or "released", not "success"'),
    ({"status": ""}, "status must be"),
    ({"status": "Completed"}, "status must be"),
    ({"status": 1}, "status must be"),
    ({"status": {}}, "status must be"),
    ({"status": None}, "status is missing"),
    ({"run_id": None}, "run_id is missing"),
    ({"step_slug": None}, "step_slug is missing"),
    ({"task_index": None}, "task_index is missing"),
    ({"claim": None}, "claim is missing"),
    ({"claim": "x"}, "integer"),
]
KEYS = ["run_id", "step_slug", "task_index", "claim"]


def test_malformed_result_is_named_and_nothing_is_applied(
    engine: Engine, subtests: pytest.Subtests
) -> None:
    engine.define("order", step("a", map=True))
    engine.start("order", [1, 2, 3])
    one, two, three = engine.claim()
    before = engine.snapshot()
    for change, words in MALFORMED:
        with subtests.test(change=change):
            results = [one.completed(), two.failed() | change, three.completed()]
            with refused("SG003", "results[1]: ", words):
                engine.work(results)
            assert engine.snapshot() == before
    assert engine.work([one.completed(), two.failed(), three.completed()]) == []


@pytest.mark.parametrize("key", [*KEYS, "status"])
def test_result_without_a_key_is_malformed_and_not_refused(engine: Engine, key: str) -> None:
    engine.define("order", step("a"))
    engine.start("order")
    item = engine.claim_one()
    result = item.completed()
    del result[key]
    before = engine.snapshot()
    with refused("SG003", "results[0]: ", f"{key} is missing"):
        engine.work([result])
    assert engine.snapshot() == before
    engine.complete(item)


@pytest.mark.parametrize("function", ["heartbeat", "keep_tasks"])
@pytest.mark.parametrize("key", KEYS)
def test_task_that_a_worker_names_without_a_key_is_malformed(
    engine: Engine, function: str, key: str
) -> None:
    engine.define("order", step("a"))
    engine.start("order")
    task = engine.claim_one().released()
    del task["status"], task[key]
    before = engine.snapshot()
    with refused("SG003", "tasks[0]: ", f"{key} is missing"):
        engine.call(function, worker_id="worker", tasks=Jsonb([task]))
    assert engine.snapshot() == before


def test_completed_result_without_an_output_has_the_output_null(engine: Engine) -> None:
    engine.define("order", step("a"))
    run_id = engine.start("order")
    result = engine.claim_one().completed()
    del result["output"]
    assert engine.work([result]) == []
    assert engine.output(run_id) is None


@pytest.mark.parametrize("element", [7, "x", None, [], [1], True])
def test_result_that_is_no_object_is_named(engine: Engine, element: Any) -> None:
    engine.define("order", step("a"))
    engine.start("order")
    item = engine.claim_one()
    with refused("SG003", "results[2]: must be a JSON object, not "):
        engine.call(
            "work",
            worker_id="worker",
            results=Jsonb([item.completed(), item.completed(), element]),
        )
    engine.complete(item)


@pytest.mark.parametrize("wait", ["-1 s", "1000 years"])
def test_failure_with_a_wait_out_of_range_is_refused(engine: Engine, wait: str) -> None:
    engine.define("order", step("a"))
    engine.start("order")
    item = engine.claim_one()
    with refused("SG003", "retry_after is out of range"):
        engine.fail(item, retry_after=wait)
    engine.fail(item, retry_after="100 years")
