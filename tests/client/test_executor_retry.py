"""What is left of a failed run is executed in this process."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from uuid import UUID

import pytest

import stepgres
from stepgres import Client, Executor, Workflow, errors, step
from tests.conftest import Database
from tests.support.workflows import workflow

executed: list[Any] = []
broken: list[int] = []


class Order(Workflow):
    """Fails as long as the number 3 is broken."""

    @staticmethod
    @step
    def numbers(input: Any) -> list[int]:
        executed.append("numbers")
        return [1, 2, 3]

    @staticmethod
    @step(depends_on=["numbers"], map=True)
    def tenfold(number: int) -> int:
        executed.append(number)
        if number in broken:
            raise stepgres.NonRetryable("no luck")
        return 10 * number

    @staticmethod
    @step(depends_on=["tenfold"])
    def total(input: Any) -> int:
        executed.append("total")
        return int(sum(input["tenfold"]) + input["plus"])


@pytest.fixture
def executor(client: Client) -> Executor:
    """One step at a time, so that it is known which of them were executed."""
    return Executor(client, concurrency=1)


@pytest.fixture
def failed_run(executor: Executor) -> Iterator[UUID]:
    """A run that has failed because of the last element; that is mended now."""
    broken.append(3)
    with pytest.raises(errors.WorkflowFailed) as error:
        executor.execute(Order, {"plus": 5})
    broken.clear()
    executed.clear()
    yield error.value.run_id
    executed.clear()


def test_only_what_is_left_is_executed(
    executor: Executor, client: Client, failed_run: UUID
) -> None:
    output, run_id = executor.retry(Order, failed_run)
    assert output == 65
    assert executed == [3, "total"]
    assert run_id != failed_run
    assert client.get_run(run_id).retried_from == failed_run
    with pytest.raises(errors.RunNotFailed):
        executor.retry(Order, run_id)


@pytest.mark.parametrize("options", [{"reset_all": True}, {"skip_completed": False}])
def test_all_is_executed_again(
    executor: Executor, failed_run: UUID, options: dict[str, bool]
) -> None:
    assert executor.retry(Order, failed_run, **options).output == 65
    assert executed == ["numbers", 1, 2, 3, "total"]


def test_completed_run_is_executed_again_with_reset_all(executor: Executor) -> None:
    _, run_id = executor.execute(Order, {"plus": 0})
    assert executor.retry(Order, run_id, reset_all=True).output == 60
    executed.clear()


def test_retry_of_a_retry(executor: Executor, client: Client, failed_run: UUID) -> None:
    broken.append(3)
    with pytest.raises(errors.WorkflowFailed, match="no luck") as error:
        executor.retry(Order, failed_run)
    broken.clear()
    assert executor.retry(Order, error.value.run_id).output == 65
    assert executed == [3, 3, "total"]
    assert client.list_workflow_runs(status="failed", limit=1)[0].retried_from == failed_run


def test_functions_by_slug_retry_a_workflow_of_the_database(
    executor: Executor, client: Client
) -> None:
    client.create_flow("made", max_attempts=1)
    client.add_step("made", "first")
    client.add_step("made", "second", ["first"])
    functions: dict[str, Any] = {"first": lambda _: 1, "second": lambda _: 1 / 0}
    with pytest.raises(errors.WorkflowFailed, match="division by zero") as error:
        executor.execute_dynamic("made", {}, functions)
    mended = {"first": executed.append, "second": lambda given: given["first"] + 1}
    assert executor.retry(mended, error.value.run_id).output == 2
    assert executed == []


def test_version_of_the_run_is_executed_not_that_of_the_class(
    executor: Executor, client: Client, failed_run: UUID
) -> None:
    client.add_step("order", "later", ["total"])
    assert executor.retry(Order, failed_run).output == 65


def test_workflow_that_is_another_is_refused(
    executor: Executor, client: Client, failed_run: UUID
) -> None:
    other = workflow(("numbers", len), slug="other")
    lacking = workflow(("numbers", len), slug="order")
    for wrong, words in [
        (other, 'the run is one of workflow "order", not of "other"'),
        (lacking, 'no function for step "tenfold"'),
        ({"numbers": len}, 'no function for step "tenfold"'),
        (5, "is not a workflow"),
    ]:
        with pytest.raises(errors.DefinitionError, match=words) as error:
            executor.retry(wrong, failed_run)
        assert error.value.hint
    with pytest.raises(errors.RunNotFound):
        executor.retry(Order, UUID(int=1))
    assert [run.run_id for run in client.list_workflow_runs()] == [failed_run]


@pytest.mark.anyio
async def test_async_executor_retries(db: Database, failed_run: UUID) -> None:
    async with stepgres.AsyncClient(db.dsn) as client:
        result = await stepgres.AsyncExecutor(client).retry(Order, failed_run)
    assert result.output == 65
