"""Definitions of workflows in Python, and the document that register_workflow takes."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar, overload

from stepgres.errors import DefinitionError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    StepFunction = Callable[..., Any]
    F = TypeVar("F", bound=StepFunction)

_OPTIONS = "__stepgres_step__"
_DEFAULTS = ("max_attempts", "base_delay", "timeout", "execution", "queue")


@overload
def step(function: F, /) -> F: ...


@overload
def step(
    *,
    depends_on: Sequence[str] = ...,
    map: bool = ...,
    initial_tasks: int = ...,
    max_attempts: int = ...,
    base_delay: float = ...,
    timeout: float = ...,
    execution: str = ...,
    queue: str = ...,
) -> Callable[[F], F]: ...


def step(function: StepFunction | None = None, /, **options: Any) -> Any:
    """Make a function of a Workflow class a step of that name.

    The function takes the input of the step, and the context too if it has a second parameter; it
    may be async. Without depends_on the step is a root. map runs it once per element of an array:
    the output of its one dependency, or the input of the run. initial_tasks runs it that many
    times with the input of the step. Durations are seconds. Options that are left out are
    inherited from the class.
    """

    def mark(function: StepFunction) -> StepFunction:
        setattr(function, _OPTIONS, {"depends_on": [], **options})
        return function

    return mark if function is None else mark(function)


class Workflow:
    """A workflow whose steps are the functions of the class that are marked with `step`.

    Its slug is the name of the class in snake case, or the attribute `slug`. The attributes
    max_attempts, base_delay, timeout, execution and queue are defaults of its steps.
    """

    slug: str

    @classmethod
    def workflow_steps(cls) -> list[tuple[str, StepFunction, dict[str, Any]]]:
        """The steps as (slug, function, options), in the order they were written, bases first."""
        names = dict.fromkeys(name for base in reversed(cls.__mro__) for name in vars(base))
        found = ((name, getattr(cls, name)) for name in names)
        return [
            (name, function, getattr(function, _OPTIONS))
            for name, function in found
            if hasattr(function, _OPTIONS)
        ]


@dataclass(frozen=True)
class Definition:
    """What describe returns: the document for register_workflow, and the functions by step slug."""

    document: dict[str, Any]
    functions: Mapping[str, StepFunction]


def describe(workflow: Any) -> Definition:
    """Describe a Workflow class, or anything else with `workflow_steps()`.

    workflow_steps() returns tuples (slug, function, options), or (slug, function) for a step that
    depends on the one before it. What the options may be is checked when they are registered; here
    only what SQL cannot see. Raises DefinitionError.
    """
    slug = _slug(workflow)
    get_steps = getattr(workflow, "workflow_steps", None)
    if not callable(get_steps):
        raise DefinitionError(
            f"{workflow!r} is not a workflow",
            hint="Derive a class from stepgres.Workflow, or give it a function workflow_steps().",
        )
    documents = []
    functions: dict[str, StepFunction] = {}
    for step_slug, function, options in _explicit_options(slug, get_steps()):
        if not callable(function):
            raise DefinitionError(
                f'workflow "{slug}", step "{step_slug}": {function!r} is not callable',
                hint="A step is (slug, function) or (slug, function, options).",
            )
        documents.append({**options, "step_slug": step_slug})
        functions[step_slug] = function
    defaults = {name: getattr(workflow, name) for name in _DEFAULTS if hasattr(workflow, name)}
    return Definition({"workflow_slug": slug, **defaults, "steps": documents}, functions)


def _slug(workflow: Any) -> str:
    """The attribute slug, else the last part of the name, "OrderLines" becoming "order_lines"."""
    name = getattr(workflow, "slug", None)
    if isinstance(name, str):
        return name
    name = getattr(workflow, "__name__", None) or type(workflow).__name__
    return re.sub(
        r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", name.split(".")[-1]
    ).lower()


def _explicit_options(
    slug: str, steps: Iterable[Sequence[Any]]
) -> Iterable[tuple[str, StepFunction, dict[str, Any]]]:
    previous: list[str] = []
    for entry in steps:
        if not 2 <= len(entry) <= 3:
            raise DefinitionError(
                f'workflow "{slug}": {entry!r} is not a step',
                hint="A step is (slug, function) or (slug, function, options).",
            )
        step_slug, function, *options = entry
        yield step_slug, function, dict(options[0]) if options else {"depends_on": previous}
        previous = [step_slug]
