"""Everything that users and workers can do, in any order."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from tests.property.lifecycle import bodies, ends, graphs, outcomes
from tests.property.lifecycle.actions import EVERYTHING, Actions, Offer
from tests.property.lifecycle.definitions import Workflow
from tests.property.lifecycle.run import Run
from tests.property.lifecycle.states import Result
from tests.property.lifecycle.waits import Decision, Operation, Signal
from tests.support.engine import Engine, WorkItem

MAX_RUNS = 6
SLUGS = ["order", "invoice", "parcel"]
WORKER_IDS = ["anna", "berta", "clara"]
OFFERS: list[Offer] = [
    (["default", "slow"], {"gpu": True}),
    (["slow", "default"], {}),
    (["default"], {}),
]

numbers = st.integers(0, 9)
seconds = st.sampled_from([1, 2, 5, 12, 40])
ages = graphs.sometimes(st.sampled_from([timedelta(seconds=1), timedelta(seconds=50)]), 1)
rounds = st.integers(1, 5)
sizes = st.integers(1, 3)
limit_slugs = st.sampled_from(graphs.LIMITS)
worker_ids = st.sampled_from(WORKER_IDS)
schedule_slugs = st.sampled_from(["daily", "weekly"])
schedule_actions = st.sampled_from(
    ["pause", "resume", "update", "trigger", "backfill", "backfill", "delete"]
)
capacities = st.sampled_from([0, 1, 2, 5, EVERYTHING])
steering = st.sampled_from(["pause", "pause", "resume", "resume", "cancel", "force"])


class Lifecycle(RuleBasedStateMachine):
    """What to do next, and with what, is chosen here; what must happen then, in Actions."""

    engine: Engine

    def __init__(self) -> None:
        super().__init__()
        # rolled back at the end, so that no case sees another
        self.transaction = self.engine.connection.transaction(force_rollback=True)
        self.transaction.__enter__()
        self.actions = Actions(self.engine)
        self.model = self.actions.model

    def teardown(self) -> None:
        try:
            if self.actions.is_sound:
                ends.drain(self.actions)
        finally:
            self.transaction.__exit__(None, None, None)

    @property
    def has_room(self) -> bool:
        """Children do not count: their workflows are small."""
        return sum(not run.is_child for run in self.model.runs.values()) < MAX_RUNS

    def have_worker(self) -> None:
        if not self.model.workers:
            self.actions.register(WORKER_IDS[0], OFFERS[0], timedelta(seconds=100))

    def have_workers(self) -> None:
        for worker_id, offer in zip(WORKER_IDS, OFFERS, strict=True):
            self.actions.register(worker_id, offer, timedelta(seconds=15))

    def run_at(self, number: int) -> Run:
        """Rather one that is active: what has ended refuses everything."""
        runs = list(self.model.runs.values())
        if number % 4 and self.model.active_runs:
            runs = self.model.active_runs
        return runs[number % len(runs)]

    # Definitions and runs

    @initialize(data=st.data(), workflow=graphs.workflows(SLUGS[0]), has_child=st.booleans())
    def begin(self, data: st.DataObject, workflow: Workflow, has_child: bool) -> None:
        """Two workers and a run, or two, so that there is something to do."""
        for limit_slug in graphs.LIMITS:
            self.actions.create_limit(limit_slug, data.draw(sizes))
        for workflow_slug in graphs.CHILDREN[workflow.workflow_slug]:
            if workflow_slug in workflow.children:
                self.actions.define(data.draw(graphs.workflows(workflow_slug)))
        self.actions.define(workflow)
        for worker_id, offer in zip(WORKER_IDS[:2], OFFERS, strict=False):
            self.actions.register(worker_id, offer, timedelta(seconds=15))
        self.actions.start(workflow.workflow_slug, data.draw(graphs.inputs(workflow)))
        if has_child and self.model.active_runs:
            parent = self.model.active_runs[0]
            self.actions.start(workflow.workflow_slug, parent.input, parent_run_id=parent.run_id)

    @rule(workflow=st.sampled_from(SLUGS).flatmap(graphs.workflows))
    def define_another(self, workflow: Workflow) -> None:
        """Runs keep the version that they were started with."""
        self.actions.define(workflow)

    @rule(limit_slug=limit_slugs, max_running=sizes, is_deploy=st.booleans())
    def change_limit(self, limit_slug: str, max_running: int, is_deploy: bool) -> None:
        """By a declaration, or by an operator."""
        change = self.actions.create_limit if is_deploy else self.actions.update_limit
        change(limit_slug, max_running)

    @precondition(lambda self: self.has_room)
    @rule(
        data=st.data(),
        workflow_slug=st.sampled_from(SLUGS),
        delay=graphs.sometimes(seconds, 5),
        deadline=graphs.sometimes(st.sampled_from([3, 30]), 8),
        parent=graphs.sometimes(numbers, 1),
        executor_id=graphs.sometimes(worker_ids),
        key=graphs.sometimes(st.sampled_from(["a", "b"]), 8),
    )
    def start(
        self,
        data: st.DataObject,
        workflow_slug: str,
        delay: int | None,
        deadline: int | None,
        parent: int | None,
        executor_id: str | None,
        key: str | None,
    ) -> None:
        if parent is not None and self.model.runs:
            parent_run_id = self.run_at(parent).run_id
        else:
            parent_run_id = None
        workflow = self.model.workflows.get(workflow_slug)
        self.actions.start(
            workflow_slug,
            data.draw(graphs.inputs(workflow)) if workflow else None,
            {"delay": delay, "deadline": deadline},
            executor_id=executor_id,
            idempotency_key=key,
            parent_run_id=parent_run_id,
        )

    @precondition(lambda self: self.has_room and SLUGS[0] in self.model.workflows)
    @rule(data=st.data())
    def start_unique(self, data: st.DataObject) -> None:
        unique = data.draw(graphs.unique)
        input = data.draw(graphs.inputs(self.model.workflows[SLUGS[0]]))
        debounce = {name: unique[name] for name in unique if name.startswith("debounce")}
        delay = None if debounce else data.draw(graphs.sometimes(seconds, 5))
        parents = [run.run_id for run in self.model.active_runs if not run.is_child]
        rest = {name: unique[name] for name in unique if name not in debounce}
        self.actions.start(
            SLUGS[0],
            input,
            {"delay": delay, **debounce},
            **rest,
            parent_run_id=data.draw(st.sampled_from([None, None, None, *parents])),
            idempotency_key=data.draw(graphs.sometimes(st.sampled_from(["a", "b"]), 5)),
        )

    @precondition(lambda self: self.model.runs)
    @rule(number=numbers, action=steering)
    def steer(self, number: int, action: str) -> None:
        self.actions.steer(self.run_at(number).run_id, action)

    @precondition(lambda self: self.model.active_runs and self.model.workers)
    @rule(data=st.data(), number=numbers, rounds=rounds)
    def interrupt(self, data: st.DataObject, number: int, rounds: int) -> None:
        """What is under way when a run is paused is ended before it is resumed."""
        run = self.model.active_runs[number % len(self.model.active_runs)]
        self.actions.steer(run.run_id, "pause")
        self.work_on(data, rounds)
        self.actions.steer(run.run_id, "resume")

    @rule(number=numbers)
    def cancel_children(self, number: int) -> None:
        """Of a run that is completed, if there is one."""
        completed = [run for run in self.model.runs.values() if run.status == "completed"]
        if completed:
            self.actions.steer(completed[number % len(completed)].run_id, "force")

    @precondition(lambda self: self.model.runs and self.has_room)
    @rule(
        number=numbers,
        skip_completed=st.sampled_from([True, True, False]),
        reset_all=st.sampled_from([False, False, True]),
        executor_id=graphs.sometimes(worker_ids, 5),
    )
    def retry(self, number: int, **how: Any) -> None:
        """Of a run that has failed, if there is one."""
        failed = [run for run in self.model.runs.values() if run.status == "failed"]
        run = failed[number % len(failed)] if failed else self.run_at(number)
        self.actions.retry(run.run_id, **how)

    @precondition(lambda self: self.model.active_runs and self.has_room)
    @rule(number=numbers)
    def begin_again(self, number: int) -> None:
        """Of a run that is cancelled on its way, rather one that has waited."""
        active = self.model.active_runs
        runs = [run for run in active if run.waits] or active
        run_id = runs[number % len(runs)].run_id
        self.actions.steer(run_id, "cancel")
        self.actions.retry(run_id, skip_completed=True, reset_all=False)

    @rule(minutes=st.sampled_from([0, 1]))
    def prune(self, minutes: int) -> None:
        self.actions.prune(timedelta(minutes=minutes))

    @rule(workflow_slug=st.sampled_from(SLUGS), force=st.booleans())
    def delete_flow(self, workflow_slug: str, force: bool) -> None:
        self.actions.delete_flow(workflow_slug, force=force)

    @rule()
    def report(self) -> None:
        self.actions.report()

    # Schedules

    @rule(data=st.data(), schedule_slug=schedule_slugs, workflow_slug=st.sampled_from(SLUGS))
    def declare_schedule(self, data: st.DataObject, schedule_slug: str, workflow_slug: str) -> None:
        rule, options = data.draw(graphs.rules), data.draw(graphs.schedule_options)
        if data.draw(st.integers(0, 5)) == 5:
            rule = {"at": self.model.world.now + timedelta(seconds=data.draw(numbers) * 10 - 30)}
        elif data.draw(st.integers(0, 5)) == 5:
            options["starts_at"] = self.model.world.now + timedelta(seconds=data.draw(seconds))
            options["ends_at"] = options["starts_at"] + timedelta(minutes=data.draw(numbers))
        self.actions.declare_schedule(schedule_slug, workflow_slug, {**rule, **options})

    @rule(
        data=st.data(),
        schedule_slug=schedule_slugs,
        action=schedule_actions,
    )
    def change_schedule(self, data: st.DataObject, schedule_slug: str, action: str) -> None:
        if action == "update":
            changed = graphs.rules | graphs.schedule_options | st.just({"due_key": ""})
            self.actions.update_schedule(schedule_slug, data.draw(changed))
        elif action == "trigger":
            self.actions.trigger_schedule(schedule_slug)
        elif action == "backfill":
            self.actions.backfill_schedule(schedule_slug, timedelta(minutes=data.draw(numbers)))
        else:
            self.actions.change_schedule(schedule_slug, action)

    # Workers

    @rule(worker_id=worker_ids, offer=st.sampled_from(OFFERS), lease=st.sampled_from([6, 15, 100]))
    def register(self, worker_id: str, offer: Offer, lease: int) -> None:
        self.actions.register(worker_id, offer, timedelta(seconds=lease))

    @rule(queue=st.sampled_from(["default", "slow"]), action=st.sampled_from(["pause", "resume"]))
    def steer_queue(self, queue: str, action: str) -> None:
        self.actions.steer_queue(queue, action)

    @rule(worker_id=worker_ids)
    def unregister(self, worker_id: str) -> None:
        self.actions.unregister(worker_id)

    @rule(data=st.data(), worker_id=worker_ids, age=ages)
    def heartbeat(self, data: st.DataObject, worker_id: str, age: timedelta | None) -> None:
        claimed = self.actions.claimed
        tasks = data.draw(st.lists(st.sampled_from(claimed), max_size=4)) if claimed else []
        self.actions.heartbeat(worker_id, tasks, age)

    @precondition(lambda self: self.model.workers)
    @rule(data=st.data())
    def crash(self, data: st.DataObject) -> None:
        """A worker is not heard of again after it has claimed something."""
        worker_id = data.draw(st.sampled_from(sorted(self.model.workers)))
        self.actions.turn(worker_id, [], EVERYTHING)
        self.actions.advance(self.model.workers[worker_id].lease)
        self.actions.tick()

    @precondition(lambda self: self.model.workers)
    @rule(data=st.data(), age=ages)
    def hang(self, data: st.DataObject, age: timedelta | None) -> None:
        """A worker lives, and does not end what it has claimed; some of it makes progress."""
        worker_id = data.draw(st.sampled_from(sorted(self.model.workers)))
        self.actions.turn(worker_id, [], EVERYTHING)
        for _ in range(2):
            self.actions.advance(timedelta(seconds=40))
            self.actions.heartbeat(worker_id, self.actions.held(worker_id)[::2], age)
        self.actions.tick()

    @rule(
        data=st.data(),
        worker_id=worker_ids,
        capacity=capacities,
        is_executor=st.booleans(),
        is_ahead=st.booleans(),
    )
    def work(
        self,
        data: st.DataObject,
        worker_id: str,
        capacity: int,
        is_executor: bool,
        is_ahead: bool,
    ) -> None:
        """Some results of one worker, in any order, some of them twice; and a claim."""
        held = self.actions.held(worker_id)
        items = data.draw(st.lists(st.sampled_from(held), max_size=6)) if held else []
        self.go_on(data, worker_id, items)
        results = [(item, data.draw(self.results(item))) for item in items]
        self.actions.turn(worker_id, results, capacity, is_executor=is_executor, is_ahead=is_ahead)

    def start_crowd(self, data: st.DataObject) -> None:
        """One run or more, some of them local."""
        executor_ids = graphs.sometimes(st.sampled_from(sorted(self.model.workers)), 4)
        for executor_id in data.draw(st.lists(executor_ids, min_size=1, max_size=3)):
            if self.has_room:
                input = data.draw(graphs.crowd_inputs)
                self.actions.start(SLUGS[0], input, executor_id=executor_id)

    def start_limited(self, data: st.DataObject) -> None:
        """One run or more, under limits of whole runs."""
        slugs = st.sampled_from(["order", "order", "parcel"])
        executor_ids = graphs.sometimes(st.sampled_from(sorted(self.model.workers)), 4)
        for slug in data.draw(st.lists(slugs, min_size=1, max_size=3)):
            if self.has_room:
                delay = data.draw(graphs.sometimes(st.just(3), 6))
                input, executor_id = data.draw(graphs.elements), data.draw(executor_ids)
                self.actions.start(slug, input, {"delay": delay}, executor_id=executor_id)

    # What brings runs forward is in several rules, because in each case some rules are left out.

    @precondition(lambda self: self.model.workers)
    @rule(data=st.data(), rounds=rounds)
    def complete_all(self, data: st.DataObject, rounds: int) -> None:
        self.work_on(data, rounds, "completed")

    @precondition(lambda self: self.model.workers)
    @rule(data=st.data(), rounds=rounds)
    def fail_all(self, data: st.DataObject, rounds: int) -> None:
        self.work_on(data, rounds, "failed")

    @precondition(lambda self: self.model.workers)
    @rule(data=st.data(), rounds=rounds)
    def end_all(self, data: st.DataObject, rounds: int) -> None:
        self.work_on(data, rounds)

    def work_on(self, data: st.DataObject, rounds: int, status: str | None = None) -> None:
        """A worker ends all that it has, and claims all that there is."""
        worker_id = data.draw(st.sampled_from(sorted(self.model.workers)))
        if not self.actions.held(worker_id):
            self.actions.turn(worker_id, [], EVERYTHING, is_executor=True)
        for _ in range(rounds):
            self.go_on(data, worker_id, self.actions.held(worker_id), int(status == "suspended"))
            held = self.actions.held(worker_id)
            results = [(item, data.draw(self.results(item, status))) for item in held]
            self.actions.turn(worker_id, results, EVERYTHING, is_executor=True)
            if not self.actions.held(worker_id):
                break

    @precondition(lambda self: self.actions.claimed)
    @rule(data=st.data(), worker_id=worker_ids)
    def send(self, data: st.DataObject, worker_id: str) -> None:
        """A result of any claim there ever was: late, repeated, foreign, or in order."""
        item = data.draw(st.sampled_from(self.actions.claimed))
        result = data.draw(self.results(item))
        if result.status in ("completed", "failed"):  # the others have no function but work
            self.actions.send(worker_id, item, result)

    @precondition(lambda self: self.model.workers)
    @rule(data=st.data())
    def keep_tasks(self, data: st.DataObject) -> None:
        worker_id = data.draw(st.sampled_from(sorted(self.model.workers)))
        held = self.actions.held(worker_id)
        kept = data.draw(st.lists(st.sampled_from(held), max_size=4)) if held else []
        self.actions.keep_tasks(worker_id, kept)

    def results(self, item: WorkItem, status: str | None = None) -> st.SearchStrategy[Result]:
        workflow = self.actions.workflows[item.run_id]
        run = self.model.runs.get(item.run_id)
        waits = [wait.timer for wait in bodies.waits_of(run, item.place)] if run else []
        return outcomes.results(workflow, item.step_slug, waits, status)

    # Signals and durable steps

    @precondition(lambda self: self.model.runs)
    @rule(
        number=numbers,
        signal=graphs.signals,
        payload=outcomes.payloads,
        key=graphs.sometimes(st.sampled_from(["a", "3"]), 1),
        idempotency_key=graphs.sometimes(st.sampled_from(["first", "second"])),
        keep=st.sampled_from([timedelta(seconds=5), timedelta(days=1)]),
        is_ticked=st.booleans(),
    )
    def send_signal(
        self,
        number: int,
        signal: str,
        payload: Any,
        key: str | None,
        idempotency_key: str | None,
        keep: timedelta,
        is_ticked: bool,
    ) -> None:
        run_id = None if key else self.run_at(number).run_id
        sent = Signal(signal, payload, run_id, key, idempotency_key)
        self.actions.signal(sent, keep if key else None)
        if is_ticked:
            self.actions.tick()

    @precondition(lambda self: self.model.runs)
    @rule(
        number=numbers,
        decided_by=outcomes.deciders,
        is_approval=st.sampled_from([True, True, False]),
        payload=outcomes.payloads,
    )
    def decide(self, number: int, decided_by: str, is_approval: bool, payload: Any) -> None:
        """Rather on what is open."""
        asked = [
            (wait.is_open, run.run_id, key)
            for run in self.model.runs.values()
            for key, wait in run.waits.items()
            if wait.approval is not None
        ]
        if number % 4:
            asked = [wait for wait in asked if wait[0]] or asked
        if asked:
            _, run_id, key = asked[number % len(asked)]
            comment = None if is_approval else "no"
            decision = Decision(is_approval, decided_by, payload if is_approval else None, comment)
            self.actions.decide(run_id, key, decision)

    @rule()
    def approve_all(self) -> None:
        ends.approve_all(self.actions)

    @rule(payload=st.just({"n": 5}) | outcomes.payloads)
    def signal_all(self, payload: Any) -> None:
        ends.signal_all(self.actions, payload)
        self.actions.tick()

    @precondition(lambda self: self.model.workers)
    @rule(data=st.data(), rounds=rounds)
    def suspend_all(self, data: st.DataObject, rounds: int) -> None:
        """Bodies that wait, and what they wait for comes, or their time; or their run ends."""
        for _ in range(rounds):
            self.work_on(data, 1, "suspended")
            events = ["signal", "approve", "time", "time", "retry", "pause"]
            then = data.draw(st.sampled_from(events))
            if then == "signal":
                self.signal_all({"n": 5})
            elif then == "approve":
                self.approve_all()
            elif then == "time":
                self.advance_to_next_due(0)
            elif then == "pause" and self.model.runs:
                self.steer(data.draw(numbers), data.draw(st.sampled_from(["pause", "resume"])))
            elif self.model.active_runs and self.has_room:
                self.begin_again(data.draw(numbers))
            if not self.model.workers:
                break

    def go_on(
        self, data: st.DataObject, worker_id: str, items: list[WorkItem], least: int = 0
    ) -> None:
        """The bodies that a worker executes do something."""
        for item in self.durable(items):
            if done := data.draw(st.lists(outcomes.operations(), min_size=least, max_size=3)):
                self.actions.save(worker_id, item, done)

    @precondition(lambda self: self.actions.claimed)
    @rule(data=st.data(), worker_id=worker_ids, done=st.lists(outcomes.operations(), max_size=4))
    def save(self, data: st.DataObject, worker_id: str, done: list[Operation]) -> None:
        """For any claim there ever was: most of these are lost."""
        durable = self.durable(self.actions.held(worker_id)) or self.durable(self.actions.claimed)
        if durable:
            self.actions.save(worker_id, data.draw(st.sampled_from(durable)), done)

    def durable(self, items: list[WorkItem]) -> list[WorkItem]:
        return [
            item
            for item in items
            if self.actions.workflows[item.run_id].steps[item.step_slug].durable
        ]

    # Time

    @rule(seconds=seconds)
    def advance(self, seconds: int) -> None:
        self.actions.advance(timedelta(seconds=seconds))

    @rule(late=st.sampled_from([0, 0, 1]))
    def advance_to_next_due(self, late: int) -> None:
        self.actions.advance_to_next_due()
        self.actions.advance(timedelta(seconds=late))
        self.actions.tick()

    @rule()
    def tick(self) -> None:
        self.actions.tick()
