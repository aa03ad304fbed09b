"""Definitions of workflows in Python, and the document that register_workflow takes."""

from __future__ import annotations

import functools
import inspect
import re
from abc import ABCMeta
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from difflib import get_close_matches
from types import ModuleType
from typing import TYPE_CHECKING, Any, TypeVar, overload
from weakref import WeakKeyDictionary

from stepgres._postgres.json_text import NotWritable, dumps
from stepgres.errors import DefinitionError

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Protocol, TypeAlias

    StepFunction = Callable[..., Any]

    class HasSteps(Protocol):
        """A Workflow class, an instance of a Workflow class, or a module with workflow_steps()."""

        def workflow_steps(self) -> Iterable[Any]: ...

    WorkflowName: TypeAlias = "str | HasSteps | Definition"
    F = TypeVar("F", bound=StepFunction)

_OPTIONS = "__stepgres_step__"
# The answers of takes_context, since it takes longer than a short step to inspect a function.
_taking_context: WeakKeyDictionary[Any, bool] = WeakKeyDictionary()
_DEFAULTS = (
    "max_attempts",
    "base_delay",
    "timeout",
    "execution",
    "queue",
    "priority",
    "resources",
    "when_unmet",
    "when_exhausted",
    "deadline",
    "events",
    "max_parallel",
    "limits",
    "on_limit",
    "schedule",
    "keep",
    "on_failure",
)


@overload
def step(function: F, /) -> F: ...


@overload
def step(
    *,
    depends_on: Sequence[str | StepFunction] = ...,
    map: bool = ...,
    initial_tasks: int = ...,
    max_attempts: int = ...,
    base_delay: float = ...,
    timeout: float = ...,
    execution: str = ...,
    queue: str = ...,
    transactional: bool = ...,
    sticky: bool = ...,
    durable: bool = ...,
    priority: int = ...,
    resources: Mapping[str, Any] = ...,
    start_delay: float = ...,
    start_at: str = ...,
    condition: str = ...,
    unless: str = ...,
    when_unmet: str = ...,
    when_exhausted: str = ...,
    max_failed: int | str = ...,
    limits: Sequence[Mapping[str, Any]] = ...,
) -> Callable[[F], F]: ...


def step(function: StepFunction | None = None, /, **options: Any) -> Any:
    """Make a function of a Workflow class a step with the name of the function.

    The function takes the input of the step, and the context too if it has a second parameter. The
    function may be async. depends_on lists other steps of the class, by name or by function;
    without depends_on the step is a root. map executes the step once per element of an array: the
    output of its one dependency, or the input of the run. initial_tasks executes the step that many
    times with its input. A transactional step gets `context.connection`; its writes there are
    committed together with its completion. A durable step may wait, and its context keeps what the
    step has done: see docs/waiting.md. start_at is a JSON path over the input of the step to the
    time, as text in ISO 8601, at which the step starts. condition and unless are JSON paths over
    the input of the step: the step starts if condition is met and unless is not. when_unmet and
    when_exhausted are "fail", "skip" or "skip-cascade". max_failed limits the skipped tasks of a
    map, as a number or a percentage such as "5%". A sticky step goes to the worker that completes
    its last dependency, in the same turn, without a ticket. limits are dicts such as {"limit":
    "openai", "key": "$.tenant"}: see docs/limits.md. Durations are in seconds. The step
    inherits missing options from the class.
    """

    def mark(function: Any) -> Any:
        # a static method returns its function, so the function gets the options
        target = getattr(function, "__func__", function)
        try:
            setattr(target, _OPTIONS, {"depends_on": [], **options})
        except (AttributeError, TypeError) as error:
            raise DefinitionError(
                f"{function!r} cannot be made a step",
                hint="Mark a function: with @step, or with options as in @step(timeout=30).",
            ) from error
        return function

    return mark if function is None else mark(function)


class _SqlFunction(str):
    """The name of a SQL function, which can carry the options of a step."""

    __slots__ = (_OPTIONS,)


def sql_step(sql_function: str, /, **options: Any) -> Any:
    """Make a step of a Workflow class whose body is a SQL function f(jsonb) returns jsonb.

    An admin registers the SQL function with register_sql_function. Any worker calls the function,
    in the transaction that completes the task. The options are the options of `step`.
    """
    function = _SqlFunction(sql_function)
    setattr(function, _OPTIONS, {"depends_on": [], **options})
    return function


class WaitStep:
    """A step of a Workflow class that waits, and has no function."""

    def __init__(self, options: dict[str, Any]) -> None:
        setattr(self, _OPTIONS, options)


def wait_for_signal(
    signal: str, /, *, depends_on: Sequence[str | StepFunction | WaitStep] = (), **options: Any
) -> Any:
    """Make a step of a Workflow class that waits for a signal; its output is the payload.

    `approved = wait_for_signal("approved", depends_on=["ask"], timeout=86400)`: no worker is held
    while the step waits. send_signal sends the signal to a run, and send_signal_by_key to the run
    that waits under a key. Options:

    match: a JSON path over the payload that the signal must meet; $input is the input of the step.
    key: a JSON path over the input of the step to the key of the wait.
    timeout: the seconds after which the wait ends; without it the step waits as long as its run.
    when_timeout: "fail" (the default), "skip", "skip-cascade", or "default", which completes the
    step with default_output.

    condition, unless and when_unmet are as for `step`.
    """
    return WaitStep({"depends_on": depends_on, "wait_for": signal, **options})


def approval(
    *,
    title: str,
    description: str | None = None,
    assignees: Sequence[str] | None = None,
    form: Mapping[str, Any] | None = None,
    quorum: int = 1,
    timeout: float | None = None,
    when_timeout: str | None = None,
    when_rejected: str = "fail",
    default_output: Any = None,
    depends_on: Sequence[str | StepFunction | WaitStep] = (),
    **options: Any,
) -> Any:
    """Make a step of a Workflow class that waits until people have approved, or one has rejected.

    `legal = approval(title="Sign the contract", assignees=["Ann", "Ben"], depends_on=["draft"])`:
    no worker is held while the step waits. list_approvals lists what waits; approve and reject
    decide. The output is `{"approved": bool, "payload": ..., "decisions": [...]}`. Options:

    assignees: the names of those who may decide, as they pass them in decided_by.
    form: a JSON Schema that the payload of approve must fit; docs/waiting.md lists its keywords.
    quorum: so many different deciders must approve. One rejection decides.
    timeout: the seconds after which the wait ends; without it the step waits as long as its run.
    when_timeout: "fail" (the default), "skip", "skip-cascade", or "default", which completes the
    step with default_output.
    when_rejected: the same, or "continue", which completes the step; its output says "approved".

    condition, unless and when_unmet are as for `step`.
    """
    given = {
        "title": title,
        "description": description,
        "assignees": assignees,
        "form": form,
        "quorum": quorum,
        "timeout": timeout,
        "when_timeout": when_timeout,
        "when_rejected": when_rejected,
        "default_output": default_output,
    }
    document = {name: value for name, value in given.items() if value is not None}
    return WaitStep({"depends_on": depends_on, "approval": document, **options})


class ChildStep(WaitStep):
    """A step of a Workflow class whose body is a run of another workflow."""

    def __init__(self, workflow: WorkflowName, options: dict[str, Any]) -> None:
        super().__init__(options)
        self.workflow = workflow


def workflow_step(
    workflow: WorkflowName,
    /,
    *,
    depends_on: Sequence[str | StepFunction | WaitStep] = (),
    **options: Any,
) -> Any:
    """Make a step of a Workflow class whose body is a run of a workflow: a child run.

    `ship = workflow_step(ShipOrder, depends_on=["pack"])`: the child run gets the input of the
    step, and its output is the output of the step. No worker is held while the step waits for it.
    The workflow is a Workflow class, a module with workflow_steps(), or a slug. A workflow that
    starts itself is named by its slug. Options:

    map and initial_tasks: a child run for each task, as for `step`.
    version: the version of the workflow; by default the version that is current at that time.
    max_attempts: 1 by default. A further attempt goes on where the last child run failed.
    base_delay, when_exhausted, max_failed, priority, start_delay, start_at, condition, unless and
    when_unmet are as for `step`. The deadline of the workflow bounds the child run.
    """
    slug = workflow if isinstance(workflow, str) else slug_of(workflow)
    return ChildStep(workflow, {"depends_on": depends_on, "workflow": slug, **options})


def _is_step(value: Any) -> bool:
    return hasattr(_function_of(value), _OPTIONS)


def _function_of(value: Any) -> Any:
    """Return the function in a static method, or any other value unchanged."""
    return getattr(value, "__func__", value)


class _Namespace(dict[str, Any]):
    """The names of a class; a second definition of a step in the class is an error."""

    def __init__(self, workflow: str) -> None:
        self._workflow = workflow

    def __setitem__(self, name: str, value: Any) -> None:
        known = self.get(name)
        if _is_step(known) and _function_of(known) is not _function_of(value):
            raise DefinitionError(
                f'workflow class {self._workflow} has two definitions of the step "{name}"',
                hint="Give each step, and what else is in the class, a name of its own.",
            )
        super().__setitem__(name, value)


class _WorkflowType(ABCMeta):
    """The metaclass of workflows; an abstract base class can be a workflow, too."""

    @classmethod
    def __prepare__(cls, name: str, bases: tuple[type, ...], /, **_: Any) -> _Namespace:
        return _Namespace(name)

    def __new__(cls, name: str, bases: tuple[type, ...], names: dict[str, Any], **more: Any) -> Any:
        return super().__new__(cls, name, bases, dict(names), **more)


class Workflow(metaclass=_WorkflowType):
    """A workflow whose steps are the functions of the class that are marked with `step`.

    The slug is the name of the class in snake case, or the attribute `slug`. The attributes
    max_attempts, base_delay, timeout, execution, queue, priority, resources, when_unmet and
    when_exhausted are defaults of the steps. A run must end within deadline seconds. events
    ("none", "run" or "task") chooses the events that are sent on the channel workflow_events.
    max_parallel limits the local steps of a run that the executor executes at a time. limits hold
    runs back, and on_limit is "queue", "reject" or "cancel_oldest": see docs/limits.md. schedule is
    a cron expression such as "0 3 * * *", or a dict of arguments of create_schedule, with durations
    in seconds; it is in force while this version of the workflow is current. keep is how long ended
    runs are kept, such as {"completed": "7 days", "failed": "90 days"}. on_failure is the workflow,
    or its slug, that is started for each run that fails: see docs/failures.md. Any other attribute
    that is plain data is an error, unless its name is in capitals or begins with an underscore.
    """

    slug: str

    @classmethod
    def workflow_steps(cls) -> list[tuple[str, StepFunction, dict[str, Any]]]:
        """Return the steps as (slug, function, options), in the order of the code, bases first."""
        names = dict.fromkeys(name for base in reversed(cls.__mro__) for name in vars(base))
        found = ((name, getattr(cls, name)) for name in names)
        return [
            (name, function, getattr(function, _OPTIONS))
            for name, function in found
            if hasattr(function, _OPTIONS)
        ]


@dataclass(frozen=True)
class Definition:
    """A document for register_workflow and functions by step slug, as `describe` returns them.

    children are the workflows, given as objects, whose runs are the bodies of steps.
    """

    document: dict[str, Any]
    functions: Mapping[str, StepFunction]
    children: tuple[Any, ...] = ()


def describe(workflow: Any) -> Definition:
    """Describe a Workflow class, or anything else with `workflow_steps()`.

    workflow_steps() returns tuples (slug, function, options). A pair (slug, function) is a step
    that depends on the step before the pair. The name of a SQL function may replace the function.
    register_workflow checks the options; describe checks only the rules that SQL cannot check.
    Raises DefinitionError.
    """
    documents = []
    functions: dict[str, StepFunction] = {}
    children = []
    slug = slug_of(workflow)
    steps = list(_steps(workflow, f'workflow "{slug}"'))
    slugs = {id(_function_of(function)): step_slug for step_slug, function, _ in steps}
    for step_slug, function, given in steps:
        culprit = f'workflow "{slug}", step "{step_slug}"'
        options = dict(given)
        if isinstance(function, WaitStep):
            options = {**getattr(function, _OPTIONS), **given}
        if isinstance(function, ChildStep) and not isinstance(function.workflow, str):
            children.append(function.workflow)
        if "depends_on" in options:
            options["depends_on"] = _dependencies(culprit, options["depends_on"], slugs)
        _check_json(culprit, options)
        document = {**options, "step_slug": step_slug}
        if isinstance(function, str):
            document["sql_function"] = function
        elif not isinstance(function, WaitStep):
            _check_function(culprit, function)
            functions[step_slug] = function
        documents.append(document)
    defaults = {
        name: getattr(workflow, name)
        for name in _DEFAULTS
        if hasattr(workflow, name) and name not in functions
    }
    handler = defaults.get("on_failure")
    if handler is not None and not isinstance(handler, str):
        if not hasattr(handler, "workflow_steps"):
            raise DefinitionError(
                f'workflow "{slug}": on_failure must be a workflow or a slug, not {handler!r}',
                hint="A step is marked with `step`; a class is derived from Workflow.",
            )
        defaults["on_failure"] = slug_of(handler)
    _check_json(f'workflow "{slug}"', defaults)
    _check_attributes(f'workflow "{slug}"', workflow, functions)
    document = {"workflow_slug": slug, **defaults, "steps": documents}
    return Definition(document, functions, tuple(children))


def describe_family(*workflows: Any) -> dict[str, Definition]:
    """Describe workflows, and after them the workflows of their child runs, by slug."""
    family: dict[str, Definition] = {}
    left = list(workflows)
    while left:
        found = left.pop(0)
        definition = found if isinstance(found, Definition) else describe(found)
        slug = definition.document["workflow_slug"]
        if slug not in family:
            family[slug] = definition
            left += definition.children
    return family


def describe_all(workflows: Iterable[Any]) -> list[Definition]:
    """Describe workflows; a module without workflow_steps() stands for its Workflow classes.

    These are the classes that the module or a module below it defines, or its __all__ names.
    """
    definitions = []
    for workflow in workflows:
        if isinstance(workflow, ModuleType) and not hasattr(workflow, "workflow_steps"):
            definitions += [describe(found) for found in _workflows_in(workflow)]
        else:
            definitions.append(describe(workflow))
    return definitions


def _workflows_in(module: ModuleType) -> list[type[Workflow]]:
    exported = getattr(module, "__all__", ())
    found = {
        value: None
        for name, value in vars(module).items()
        if isinstance(value, type)
        and issubclass(value, Workflow)
        and (name in exported or f"{value.__module__}.".startswith(f"{module.__name__}."))
        and value.workflow_steps()
    }
    if not found:
        raise DefinitionError(
            f"module {module.__name__} has no workflow",
            hint="It needs a class that is derived from stepgres.Workflow and has steps, or a"
            " function workflow_steps().",
        )
    return list(found)


def slug_of(workflow: Any) -> str:
    """Return the attribute slug, else the last part of the name: "order_lines" for "OrderLines"."""
    slug = getattr(workflow, "slug", None)
    if isinstance(slug, str):
        return slug
    name = getattr(workflow, "__name__", None) or type(workflow).__name__
    return re.sub(
        r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", name.split(".")[-1]
    ).lower()


def takes_context(function: StepFunction) -> bool:
    """Say whether the second parameter of a function has no default or is named context."""
    try:
        return _taking_context[function]
    except KeyError:
        _taking_context[function] = answer = _has_context(function)
        return answer
    except TypeError:  # the function has no hash, or cannot be referred to weakly
        return _has_context(function)


def _has_context(function: StepFunction) -> bool:
    second = _positional(function)[1:2]
    return any(p.default is p.empty or p.name == "context" for p in second)


def _steps(
    workflow: Any, culprit: str
) -> Iterable[tuple[str, StepFunction | str | WaitStep, Mapping[str, Any]]]:
    """Return the steps of workflow_steps(), with the options that a pair leaves out."""
    get_steps = getattr(workflow, "workflow_steps", None)
    if not callable(get_steps) or not _accepts(get_steps):
        raise DefinitionError(
            f"{workflow!r} is not a workflow",
            hint="Derive a class from stepgres.Workflow, or give it a function workflow_steps()"
            " that is called without arguments.",
        )
    entries = get_steps()
    if not isinstance(entries, Iterable):
        raise DefinitionError(
            f"{culprit}: workflow_steps() returned {entries!r}",
            hint="It returns a list of (slug, function) or (slug, function, options).",
        )
    previous: list[str] = []
    for entry in entries:
        match entry:
            case (str(slug), function):
                yield slug, function, {"depends_on": previous}
            case (str(slug), function, Mapping() as options):
                yield slug, function, options
            case _:
                raise DefinitionError(
                    f"{culprit}: {entry!r} is not a step",
                    hint="A step is (slug, function) or (slug, function, options).",
                )
        previous = [slug]


def _check_function(culprit: str, function: Any) -> None:
    if not callable(function):
        raise DefinitionError(
            f"{culprit}: {function!r} is not callable",
            hint="A step is (slug, function) or (slug, function, options).",
        )
    is_method = inspect.isfunction(function) and function.__code__.co_varnames[:1] == ("self",)
    if is_method or not _accepts(function, *[None] * (2 if takes_context(function) else 1)):
        raise DefinitionError(
            f"{culprit}: {function!r} does not take (input) or (input, context)",
            hint="Write def fetch(input) or def fetch(input, context): a step has no self.",
        )

    if not takes_context(function) and "context" in _parameters(function) and not _binds(function):
        raise DefinitionError(
            f"{culprit}: context is not the second parameter of {function!r}",
            hint="Write def fetch(input, context): both are passed by their places.",
        )


def _dependencies(culprit: str, depends_on: Any, slugs: Mapping[int, str]) -> Any:
    """Return the slugs of dependencies; a dependency may also be the function of its step."""
    if callable(depends_on) or isinstance(depends_on, _SqlFunction | WaitStep):
        raise DefinitionError(
            f"{culprit}: depends_on is {depends_on!r}, not a list",
            hint=f"Write depends_on=[{getattr(depends_on, '__name__', 'fetch')}].",
        )
    if isinstance(depends_on, str | Mapping) or not isinstance(depends_on, Iterable):
        return depends_on  # SQL raises the error
    return [_slug_of_step(culprit, step, slugs) for step in depends_on]


def _slug_of_step(culprit: str, step: Any, slugs: Mapping[int, str]) -> Any:
    function = _function_of(step)
    if isinstance(step, str) and not isinstance(step, _SqlFunction):
        return step
    if id(function) in slugs:
        return slugs[id(function)]
    if _is_step(function) and hasattr(function, "__name__"):
        return function.__name__  # a step of a base class that the class has redefined
    if callable(function) or isinstance(step, _SqlFunction | WaitStep):
        raise DefinitionError(
            f"{culprit}: depends_on has {step!r}, which is no step of this workflow",
            hint="Mark the function with @step, or name a step: depends_on=['fetch'].",
        )
    return step


def _check_attributes(culprit: str, workflow: Any, functions: Mapping[str, Any]) -> None:
    """Raise DefinitionError for an attribute of a Workflow class that looks like an option."""
    cls = workflow if isinstance(workflow, type) else type(workflow)
    if not issubclass(cls, Workflow):
        return
    for name in dict.fromkeys(name for base in cls.__mro__ for name in vars(base)):
        if name.startswith("_") or name.isupper():
            continue
        value = inspect.getattr_static(cls, name)
        is_data = value is None or isinstance(
            value, (str, int, float, list, tuple, dict, set, frozenset, timedelta)
        )
        if (
            not is_data
            or _is_step(value)
            or name in ("slug", *_DEFAULTS, *functions)
            or (value is None and any(_is_step(vars(base).get(name)) for base in cls.__mro__))
        ):
            continue
        close = get_close_matches(name.lower(), ("slug", *_DEFAULTS), 1, 0.75)
        guess = f'Did you mean "{close[0]}"? ' if close else ""
        raise DefinitionError(
            f'{culprit}: unknown option "{name}"',
            hint=f"{guess}Options of a workflow are slug, {', '.join(_DEFAULTS)}. Write a constant"
            " of your own in capitals, or outside of the class.",
        )


def _check_json(culprit: str, options: Mapping[str, Any]) -> None:
    for name, value in options.items():
        try:
            dumps({name: value}, "options")
        except NotWritable as error:
            raise DefinitionError(
                f"{culprit}: option {name!r} is not a JSON value: {error}",
                hint="Options are numbers, strings, booleans and lists; durations are seconds.",
            ) from error


def _accepts(function: StepFunction, *arguments: Any) -> bool:
    signature = _signature(function)
    try:
        return signature is None or signature.bind(*arguments) is not None
    except TypeError:
        return False


def _parameters(function: StepFunction) -> Mapping[str, inspect.Parameter]:
    signature = _signature(function)
    return {} if signature is None else signature.parameters


def _binds(function: StepFunction) -> bool:
    """Say whether the program itself passes a context to the function."""
    return isinstance(function, functools.partial) and "context" in function.keywords


def _positional(function: StepFunction) -> list[inspect.Parameter]:
    positional = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    return [p for p in _parameters(function).values() if p.kind in positional]


def _signature(function: StepFunction) -> inspect.Signature | None:
    try:
        return inspect.signature(function)
    except (TypeError, ValueError):  # some built-in functions have no signature
        return None
