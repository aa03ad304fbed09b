"""Pictures: task graphs with boxes around groups, runs with colours."""

from __future__ import annotations

from typing import Any

import pytest

import stepgres
from stepgres.errors import WorkflowFailed

TASKS: list[dict[str, Any]] = [
    {"id": "end", "description": 'Say "end"\n#1'},
    {
        "id": "design",
        "depends_on": ["end"],
        "subtasks": [{"id": "api"}, {"id": "db", "depends_on": ["api"]}],
    },
    {"id": "code", "depends_on": ["design", "design/api"]},
]


def test_task_graph_has_a_box_around_each_group(client: stepgres.Client) -> None:
    graph = client.save_task_graph("x", TASKS)
    assert graph.to_mermaid() == (
        "flowchart LR\n"
        '    n1["end<br/>Say #34;end#34;<br/>#35;1"]\n'
        '    subgraph n2["design"]\n'
        '        n3["api"]\n'
        '        n4["db"]\n'
        "    end\n"
        '    n5["code"]\n'
        "    n1 --> n2\n"
        "    n3 --> n4\n"
        "    n2 --> n5\n"
        "    n3 --> n5\n"
    )


def test_workflow_is_a_picture_from_its_class_and_from_the_database(
    client: stepgres.Client,
) -> None:
    class Order(stepgres.Workflow):
        @stepgres.step()
        def fetch(input: Any) -> None: ...  # noqa: N805 -- steps have no self

        @stepgres.step(depends_on=["fetch"])
        def save(input: Any) -> None: ...  # noqa: N805

    picture = 'flowchart LR\n    n1["fetch"]\n    n2["save"]\n    n1 --> n2\n'
    assert stepgres.to_mermaid(Order) == picture
    client.register_workflow(stepgres.describe(Order).document)
    assert stepgres.to_mermaid(client.get_flow("order")) == picture


def test_run_is_coloured_by_status(client: stepgres.Client) -> None:
    def fail(input: Any) -> None:
        raise stepgres.NonRetryable("no luck")

    tasks = [{"id": "a"}, {"id": "b", "depends_on": ["a"]}, {"id": "c", "depends_on": ["b"]}]
    functions = {"*": lambda given: 1, "b": fail}
    with pytest.raises(WorkflowFailed) as raised:
        stepgres.Orchestrator(client).execute_goal("x", lambda goal: tasks, functions)
    picture = client.get_run(raised.value.run_id).to_mermaid()
    lines = [line.strip() for line in picture.splitlines()]
    assert lines[1:6] == [
        'n1["a"]:::completed', 'n2["b"]:::failed', 'n3["c"]:::cancelled', "n1 --> n2", "n2 --> n3"
    ]  # fmt: skip
    assert [line.split()[:2] for line in lines[6:]] == [
        ["classDef", "cancelled"], ["classDef", "completed"], ["classDef", "failed"]
    ]  # fmt: skip


def test_notebook_gets_the_picture(client: stepgres.Client) -> None:
    graph = client.save_task_graph("x", TASKS)
    assert graph._repr_mimebundle_(include=None) == {
        "text/plain": repr(graph),
        "text/vnd.mermaid": graph.to_mermaid(),
    }
