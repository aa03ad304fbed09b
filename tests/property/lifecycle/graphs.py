"""Random workflows and their inputs."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from tests.property.lifecycle.definitions import Step, Use, Workflow
from tests.property.lifecycle.paths import Predicate, objects, predicates, scalars, values

DURATIONS = [0, 1, 3, 8]

signals = st.sampled_from(["go", "stop"])
matches = st.sampled_from(
    [
        Predicate(("n",), "exists"),
        Predicate(("n",), "compared", ">", 2),
        Predicate(("n",), "compared", "!=", input_keys=("x",)),
        Predicate((), "filtered", "==", input_keys=("n",)),
    ]
)
policies = st.sampled_from(["skip", "skip", "skip-cascade", "skip-cascade", "fail"])
tolerances = st.sampled_from([0, 1, 2, "0%", "25%", "50%", "62.5%", "100%"])
sizes = st.integers(0, 4) | st.integers(0, 50)


titles = st.sampled_from(["May I?", "Ship it?"])
quorums: st.SearchStrategy[dict[str, Any]] = st.sampled_from([
    {}, {"quorum": 2}, {"quorum": 2, "assignees": ["ann", "ben"]}
])  # fmt: skip


def sometimes(strategy: st.SearchStrategy[Any], chances: int = 3) -> st.SearchStrategy[Any]:
    """Nothing more often than not: an option that everything has hides the others."""
    return st.one_of(*[st.none()] * chances, strategy)


unique: st.SearchStrategy[dict[str, Any]] = st.one_of(
    st.just({}),
    st.fixed_dictionaries(
        {"unique_key": st.just("k"), "if_running": st.sampled_from(["return", "reject", "cancel"])}
    ),
    st.fixed_dictionaries(
        {"unique_key": st.just("k"), "debounce": st.sampled_from([1, 5])},
        optional={"debounce_max": st.sampled_from([3, 8])},
    ),
)

keeps: st.SearchStrategy[dict[str, float] | None] = sometimes(
    st.sampled_from([{"completed": 20}, {"failed": 20, "completed": 2}, {"cancelled": 2}])
)

# Which workflows have children of which: so there is an end.
CHILDREN: dict[str, list[str]] = {
    "order": ["invoice", "parcel", "parcel"],
    "invoice": ["parcel"],
    "parcel": [],
}

# The options of steps, by what they are about, and which of them a body has.
START = {
    "when_unmet": policies,
    "start_delay": st.sampled_from(DURATIONS),
    "priority": st.integers(1, 2),
}
ATTEMPTS = {
    "when_exhausted": policies,
    "max_attempts": st.integers(1, 3),
    "base_delay": st.sampled_from(DURATIONS),
}
LIMITS = ["api", "tenant", "runs"]
uses = st.sampled_from([
    *[[]] * 10,
    [Use("api")],
    [Use("api", weight=2)],
    [Use("api", key=("x",))],
    [Use("api", fair_by=("n",))],
    [Use("tenant", key=("n",), weight=("n",))],
    [Use("tenant", key=("n",)), Use("api")],
    [Use("tenant", key=("x",)), Use("api", key=("n",), weight=2)],
])  # fmt: skip
# Of whole runs. Only orders have limits that their children do not have: two runs do not wait for
# each other.
run_uses = {
    "order": st.sampled_from([
        [Use("runs")],
        [Use("runs", weight=2)],
        [Use("runs", key=("x",))],
        [Use("runs", key=("n",), weight=("n",))],
        [Use("runs", fair_by=("n",)), Use("api")],
        [Use("api")],
    ]),
    "invoice": st.sampled_from([[Use("api")], [Use("api", weight=2)]]),
    "parcel": st.sampled_from([[Use("api")], [Use("api", fair_by=("x",))]]),
}  # fmt: skip
on_limits = st.sampled_from(["queue", "queue", "reject", "cancel_oldest"])
PLACE = {
    "timeout": st.sampled_from([5, 30]),
    "execution": st.just("distributed"),
    "queue": st.just("slow"),
    "resources": st.just({"gpu": True}),
    "sticky": st.just(True),
}
OPTIONS: dict[str, dict[str, st.SearchStrategy[Any]]] = {
    "function": {**START, **ATTEMPTS, **PLACE},
    "child": {**START, **ATTEMPTS},
    "signal": {"when_unmet": policies, "match": matches},
    "approval": {"when_unmet": policies},
}
KEYED = {"key": st.just(("x",))}  # which of two children is the first to get a key is open


@st.composite
def steps(
    draw: st.DrawFn, workflow_slug: str, number: int, defaults: dict[str, Any]
) -> dict[str, Any]:
    """A step that may depend on those before it."""
    children = CHILDREN[workflow_slug]
    kinds = ["function"] * 6 + ["child"] * min(len(children), 2) + ["signal", "signal", "approval"]
    kind = draw(st.sampled_from(kinds))
    shape = "single"
    if kind in ("function", "child"):
        shape = draw(st.sampled_from(["single", "single", "map", "tasks"]))
    earlier = [f"s{i}" for i in reversed(range(number))]
    depends_on = draw(dependencies(earlier, 1 if shape == "map" else 3))
    if shape == "map" and not depends_on and workflow_slug != "order":
        shape = draw(st.sampled_from(["map", "single", "single"]))  # few children get an array
    options: dict[str, Any] = {"step_slug": f"s{number}", "depends_on": depends_on}
    if shape == "map":
        options["map"] = True
    if shape == "tasks":
        options["initial_tasks"] = draw(st.integers(1, 4))
    if shape != "single":
        children = children[-1:]  # many children are small
    own: dict[str, st.SearchStrategy[dict[str, Any]]] = {
        "function": st.fixed_dictionaries({"durable": st.booleans(), "limits": uses}),
        "child": st.fixed_dictionaries({"workflow": st.sampled_from(children)}),
        "signal": waits(),
        "approval": st.fixed_dictionaries({"approval": approvals()}),
    }
    options |= draw(own[kind])

    optional = {**OPTIONS[kind], "condition": predicates(earlier), "unless": predicates(earlier)}
    if kind == "signal" and workflow_slug == "order":
        optional |= KEYED
    for name in draw(st.lists(st.sampled_from(list(optional)), max_size=4, unique=True)):
        options[name] = draw(optional[name])
    if shape != "single" and Step(**{**defaults, **options}).when_exhausted == "skip":
        options |= draw(st.fixed_dictionaries({}, optional={"max_failed": tolerances}))
    return options


@st.composite
def waits(draw: st.DrawFn) -> dict[str, Any]:
    """A signal, and for how long it is waited for."""
    return {"wait_for": draw(signals), **draw(ends())}


@st.composite
def approvals(draw: st.DrawFn) -> dict[str, Any]:
    asked = {"title": draw(titles), **draw(quorums), **draw(ends())}
    if draw(st.booleans()):
        asked["when_rejected"] = draw(st.sampled_from(["skip", "skip-cascade", "continue"]))
    return asked


@st.composite
def ends(draw: st.DrawFn) -> dict[str, Any]:
    """What happens when the time of a wait is over, if that is limited."""
    policy = draw(sometimes(st.sampled_from(["fail", "skip", "skip-cascade", "default"]), 4))
    options = {} if policy is None else {"timeout": 6, "when_timeout": policy}
    output = draw(values) if policy == "default" else None
    return options if output is None else {**options, "default_output": output}


@st.composite
def dependencies(draw: st.DrawFn, earlier: list[str], most: int) -> list[str]:
    """Half of the steps depend on the last one alone."""
    if not earlier or not draw(st.booleans()):
        return earlier[:1]
    most = min(len(earlier), most)
    least = max(0, most - 2)
    chosen = st.lists(st.sampled_from(earlier), min_size=least, max_size=most, unique=True)
    return draw(chosen)


@st.composite
def workflows(draw: st.DrawFn, workflow_slug: str) -> Workflow:
    """At most 12 steps, most of them fewer; those that are mostly children have at most 3."""
    policy = {"when_unmet": policies, "when_exhausted": policies}
    attempts = {"max_attempts": st.integers(1, 3)}
    defaults = draw(st.just({}) | st.fixed_dictionaries(policy, optional=attempts))
    small = st.integers(1, 3)
    number = draw(small if workflow_slug == "parcel" else st.integers(1, 5) | st.integers(1, 12))
    listed = [draw(steps(workflow_slug, i, defaults)) for i in range(number)]
    deadline = draw(sometimes(st.sampled_from([10, 60]), 7))
    limits = draw(sometimes(run_uses[workflow_slug], 4)) or []
    return Workflow(workflow_slug, listed, defaults, deadline, draw(keeps), limits, draw(on_limits))


@st.composite
def bodies(draw: st.DrawFn, workflow_slug: str) -> Workflow:
    """Durable steps, and steps that wait for the same signals."""
    attempts, policy = draw(st.integers(1, 3)), draw(policies)
    listed: list[dict[str, Any]] = [
        {"step_slug": "s0", "durable": True, "max_attempts": attempts},
        {"step_slug": "s1", "durable": True, "initial_tasks": 2, "when_exhausted": policy},
    ]
    if draw(st.booleans()):
        listed.append({"step_slug": "s2", "depends_on": ["s0"], "wait_for": "go"})
    if draw(st.booleans()):
        timeout = {"timeout": 6, "when_timeout": "skip"}
        listed.append({"step_slug": "s3", "wait_for": "stop", **timeout})
    return Workflow(workflow_slug, listed)


@st.composite
def crowds(draw: st.DrawFn, workflow_slug: str) -> Workflow:
    """Maps over the input, most of them under limits, for several kinds of workers."""
    options = st.fixed_dictionaries(
        {"limits": uses},
        optional={
            "durable": st.just(True),
            "base_delay": st.sampled_from([0, 3]),
            "when_exhausted": st.just("skip"),
            **{name: PLACE[name] for name in ("queue", "resources", "execution")},
            "priority": START["priority"],
        },
    )
    slugs = [f"s{number}" for number in range(draw(st.integers(1, 4)))]
    listed = [{"step_slug": slug, "map": True, **draw(options)} for slug in slugs]
    return Workflow(workflow_slug, listed)


@st.composite
def limited(draw: st.DrawFn) -> list[Workflow]:
    """Whole runs under limits, and children and tasks that they lend their places to."""
    places: dict[str, Any] = {"limits": [Use("api")]}
    single = st.sampled_from([{}, {}, places, {"durable": True}, {"initial_tasks": 2}])
    child: dict[str, Any] = {"workflow": "parcel", "max_attempts": 2, "base_delay": 1}
    step = single | st.sampled_from([child, {**child, "initial_tasks": 2}])
    found = []
    for slug, kinds in ("parcel", single), ("order", step):
        steps = draw(st.lists(kinds, min_size=1, max_size=3))
        listed = [{"step_slug": f"s{n}", **options} for n, options in enumerate(steps)]
        uses = draw(run_uses[slug])
        found.append(Workflow(slug, listed, limits=uses, on_limit=draw(on_limits)))
    return found


# Of schedules. The clock of a life moves by seconds and minutes.
rules: st.SearchStrategy[dict[str, Any]] = st.sampled_from([
    {"every": 20}, {"every": 45}, {"every": 130}, {"cron": "* * * * *"}, {"cron": "*/3 * * * *"}
])  # fmt: skip
schedule_options: st.SearchStrategy[dict[str, Any]] = st.fixed_dictionaries(
    {"overlap": st.sampled_from(["skip", "buffer_one", "buffer_one", "cancel_other", "allow_all"])},
    optional={
        "catch_up": st.integers(0, 3),
        "due_key": st.just("due"),
        "input": st.sampled_from([{"n": 1}, {"x": "a"}]),
    },
)

elements = st.fixed_dictionaries(
    {"x": st.sampled_from(["a", "b", 1]), "n": st.sampled_from([1, 1, 2, 3, 0, None])}
)
crowd_inputs = st.lists(elements, min_size=1, max_size=5)


@st.composite
def families(draw: st.DrawFn) -> list[Workflow]:
    """Children, and children of these, each beside a step that may end its run before."""
    others: list[dict[str, Any]] = [
        {"max_attempts": 1},
        {"wait_for": "go", "timeout": 6, "when_timeout": "fail"},
        {"approval": {"title": "May I?", "quorum": 2, "timeout": 40}},
        {"approval": {"title": "May I?", "when_rejected": "continue"}},
    ]
    other = st.sampled_from(others)
    child = st.fixed_dictionaries(
        {}, optional={"max_attempts": st.just(2), "base_delay": st.just(1)}
    )
    some = {"initial_tasks": 2, "when_exhausted": draw(policies)}
    parcel = [{"step_slug": "s0", "max_attempts": 1}, {"step_slug": "s1", **draw(other)}]
    invoice = [
        {"step_slug": "s0", "workflow": "parcel", **draw(child)},
        {"step_slug": "s1", **draw(other)},
    ]
    order = [
        {"step_slug": "s0", "workflow": "invoice", **draw(child)},
        {"step_slug": "s1", "workflow": "parcel", **draw(child), **some},
        {"step_slug": "s2", **draw(other)},
    ]
    return [Workflow("parcel", parcel), Workflow("invoice", invoice), Workflow("order", order)]


arrays = sizes.flatmap(
    lambda size: st.lists(scalars | objects(scalars), min_size=size // 2, max_size=size)
)


def inputs(workflow: Workflow) -> st.SearchStrategy[Any]:
    """An array where a root step maps over it, and now and then something else."""
    root_maps = [s for s in workflow.steps.values() if s.maps_over_array and not s.depends_on]
    if root_maps:
        return st.one_of(*[arrays] * 3, values)
    return objects(values) | values
