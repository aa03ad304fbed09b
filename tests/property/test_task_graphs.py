"""Random nested task graphs against plain Python: what waits for what, what each goal task gets."""

from __future__ import annotations

import random
from copy import deepcopy
from typing import Any

from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st
from psycopg.types.json import Jsonb

from tests.support.engine import Engine, refused

# Few names, so that goal tasks of several groups have the same ones.
IDS = "abcd"


@st.composite
def levels(draw: st.DrawFn, depth: int = 1) -> list[dict[str, Any]]:
    """Goal tasks of one group, in any order; their dependencies are drawn when all are known."""
    tasks: list[dict[str, Any]] = []
    for name in draw(st.permutations(IDS))[: draw(st.integers(1, len(IDS)))]:
        task: dict[str, Any] = {"id": name}
        if depth < 3 and draw(st.integers(0, 2)) == 0:
            task["subtasks"] = draw(levels(depth=depth + 1))
        tasks.append(task)
    return tasks


@st.composite
def graphs(draw: st.DrawFn) -> list[dict[str, Any]]:
    tasks = draw(levels())
    oracle = Oracle(tasks)
    paths = list(oracle.tasks)
    is_ordered = draw(st.integers(0, 3)) > 0
    for place, (path, task) in enumerate(oracle.tasks.items()):
        # those before it, without the groups that it is in, close no cycle
        before = [name for name in paths[:place] if not path.startswith(f"{name}/")]
        named = before if is_ordered else paths
        names = draw(st.lists(st.sampled_from(named), max_size=2)) if named else []
        # by its whole path, or from where the two part
        task["depends_on"] = [
            name[draw(st.sampled_from([0, common(path, name)])) :] for name in names
        ]
    return tasks


def common(path: str, other: str) -> int:
    """The length of the groups that both are in, with the slash behind."""
    length = 0
    for place, letter in enumerate(path):
        if other[: place + 1] != path[: place + 1]:
            break
        if letter == "/":
            length = place + 1
    return length


class Oracle:
    """What the goal tasks of a graph wait for, and their outputs, in other words than SQL."""

    def __init__(self, tasks: list[dict[str, Any]]) -> None:
        self.top = tasks
        self.tasks: dict[str, dict[str, Any]] = {}
        self._collect(tasks, "")

    def with_tasks(self, adder: str, added: list[dict[str, Any]]) -> Oracle:
        """The graph with more goal tasks beside one, for which all wait that wait for that one."""
        resolved = {path: ["/" + name for name in self.depends_on(path)] for path in self.tasks}
        oracle = Oracle(deepcopy(self.top))
        group = adder.rpartition("/")[0]
        for path, task in oracle.tasks.items():
            task["depends_on"] = resolved[path]
            if f"/{adder}" in resolved[path]:
                task["depends_on"] += [f"/{group}/{new['id']}".replace("//", "/") for new in added]
        level = oracle.tasks[group]["subtasks"] if group else oracle.top
        level += [{**new, "depends_on": new["depends_on"] or [f"/{adder}"]} for new in added]
        return Oracle(oracle.top)

    def _collect(self, tasks: list[dict[str, Any]], prefix: str) -> None:
        for task in tasks:
            self.tasks[prefix + task["id"]] = task
            self._collect(task.get("subtasks", []), f"{prefix}{task['id']}/")

    def meant(self, path: str, name: str) -> str:
        """The path that a goal task means by a name: the nearest, from its own group outwards."""
        if name.startswith("/"):
            return name[1:]
        found = []
        scope = path
        while scope:
            scope = scope.rpartition("/")[0]
            candidate = f"{scope}/{name}".lstrip("/")
            if candidate in self.tasks:
                found.append(candidate)
        return min(found, key=lambda candidate: candidate == path)

    def depends_on(self, path: str) -> list[str]:
        names = self.tasks[path]["depends_on"]
        return list(dict.fromkeys(self.meant(path, name) for name in names))

    def inner(self, path: str) -> list[str]:
        return [f"{path}/{task['id']}" for task in self.tasks[path].get("subtasks", [])]

    def finish(self) -> list[str] | None:
        """The leaves in an order in which they can be executed; None if there is none."""
        started: set[str] = set()
        ended: dict[str, None] = {}
        while len(ended) < len(self.tasks):
            before = (len(started), len(ended))
            for path in self.tasks:
                group = path.rpartition("/")[0]
                if (not group or group in started) and {*self.depends_on(path)} <= ended.keys():
                    started.add(path)
                if path in started and {*self.inner(path)} <= ended.keys():
                    ended[path] = None
            if before == (len(started), len(ended)):
                return None
        return [path for path in ended if not self.inner(path)]

    def waits_for(self, path: str) -> set[str]:
        """All leaves that must have been executed before this one."""
        direct = {*self.depends_on(path)}
        group = path.rpartition("/")[0]
        leaves = set() if not group else self.waits_for(group)
        for name in direct:
            leaves |= self.leaves(name)
        return leaves | {early for leaf in [*leaves] for early in self.waits_for(leaf)}

    def leaves(self, path: str) -> set[str]:
        inner = self.inner(path)
        return {path} if not inner else {leaf for name in inner for leaf in self.leaves(name)}

    def given(self, path: str) -> dict[str, Any]:
        """The input of a leaf: what it, or the groups that it begins, depend on, in layers."""
        names = self.effective(path)
        layers: dict[str, Any] = {"goal": "x"}
        for name in names:
            output = self.output(name)
            layers.update(output if isinstance(output, dict) else {})
        layers.update({name.replace("/", "__"): self.output(name) for name in names})
        return layers

    def effective(self, path: str) -> list[str]:
        own = self.depends_on(path)
        group = path.rpartition("/")[0]
        if not group or any(name.startswith(f"{group}/") for name in own):
            return own
        return list(dict.fromkeys([*self.effective(group), *own]))

    def output(self, path: str) -> Any:
        inner = self.inner(path)
        return {name.rpartition("/")[2]: self.output(name) for name in inner} or [path]


def more_tasks(oracle: Oracle, number: int, dice: random.Random) -> list[dict[str, Any]]:
    """Goal tasks that a step adds: at most two, which depend on each other or on any other."""
    if number > 6 or dice.random() < 0.6:
        return []
    names = [f"n{number}_{i}" for i in range(dice.randint(1, 2))]
    others = [*names[:1], *(f"/{path}" for path in oracle.tasks)]
    added: list[dict[str, Any]] = [{"id": names[0], "depends_on": []}]
    if dice.random() < 0.3:
        added[0]["subtasks"] = [{"id": "a", "depends_on": []}]
    return added + [{"id": name, "depends_on": [dice.choice(others)]} for name in names[1:]]


@given(tasks=graphs(), seed=st.integers(0, 99))
@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_tasks_are_executed_in_order_and_given_what_they_depend_on(
    engine: Engine, tasks: list[dict[str, Any]], seed: int
) -> None:
    oracle = Oracle(tasks)
    with engine.connection.transaction(force_rollback=True):
        save = "select task_graph_id from stepgres.save_task_graph('x', %s)"
        leaves = oracle.finish()
        event("cycle" if leaves is None else "no cycle")
        if leaves is None:
            with refused("SG018", "in a cycle"):
                engine.rows(save, Jsonb(tasks))
            return
        (graph_id,) = engine.rows(save, Jsonb(tasks))
        engine.call("approve_task_graph", task_graph_id=graph_id)
        run_id = engine.call("start_task_graph", task_graph_id=graph_id)
        executed: list[str] = []
        ready = engine.claim()
        while ready:
            dice = random.Random(f"{seed} {len(executed)}")
            item = ready.pop(dice.randrange(len(ready)))
            path = next(p for p in oracle.tasks if p.replace("/", "__") == item.step_slug)
            assert oracle.waits_for(path) <= {*executed}
            assert item.input == oracle.given(path)
            executed.append(path)
            result = item.completed([path])
            if added := more_tasks(oracle, len(executed), dice):
                larger = oracle.with_tasks(path, added)
                if larger.finish() is None:
                    with refused("SG018", "in a cycle"), engine.connection.transaction():
                        engine.work([{**result, "tasks": added}])
                else:
                    event("tasks added")
                    oracle, result = larger, {**result, "tasks": added}
            ready += engine.work([result], capacity=1000)
        leaves = oracle.finish()
        assert leaves is not None
        assert sorted(executed) == sorted(leaves)
        last = [
            path
            for path in oracle.tasks
            if "/" not in path
            and not any(path in oracle.effective(other) for other in oracle.tasks)
        ]
        output = {path: oracle.output(path) for path in last}
        assert engine.output(run_id) == (output if len(last) > 1 else output[last[0]])
