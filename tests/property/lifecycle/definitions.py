"""Workflows as the contract describes them, and as documents of register_workflow."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from tests.property.lifecycle.paths import Predicate, json_type
from tests.property.lifecycle.waits import Approval


@dataclass(frozen=True)
class Use:
    """A limit that a step or a run is under; key, weight and fair_by may be paths."""

    limit: str
    key: tuple[str, ...] | None = None
    weight: int | tuple[str, ...] = 1
    fair_by: tuple[str, ...] | None = None

    @property
    def document(self) -> dict[str, Any]:
        options = {"limit": self.limit, "key": self.key, "weight": self.weight}
        options["fair_by"] = self.fair_by
        return {name: written(option) for name, option in options.items() if option is not None}


@dataclass(frozen=True)
class Step:
    """A step with its options; the defaults are those of the contract, in seconds."""

    step_slug: str
    depends_on: list[str] = field(default_factory=list)
    map: bool = False
    initial_tasks: int | None = None
    condition: Predicate | None = None
    unless: Predicate | None = None
    when_unmet: str = "skip"
    when_exhausted: str = "fail"
    max_failed: int | str | None = None
    start_delay: float = 0
    max_attempts: int = 3
    base_delay: float = 1
    timeout: float | None = 300
    execution: str = "local"
    queue: str = "default"
    resources: dict[str, Any] = field(default_factory=dict)
    priority: int = 0  # these two say which tasks are claimed first, which is left open here
    sticky: bool = False
    durable: bool = False
    limits: list[Use] = field(default_factory=list)
    wait_for: str | None = None
    match: Predicate | None = None
    key: tuple[str, ...] | None = None
    approval: Approval | None = None
    when_timeout: str = "fail"
    when_rejected: str = "fail"
    default_output: Any = None
    workflow: str | None = None

    @property
    def waits(self) -> bool:
        return self.wait_for is not None or self.approval is not None

    @property
    def is_map(self) -> bool:
        return self.map or self.initial_tasks is not None

    @property
    def maps_over_array(self) -> bool:
        return self.map and self.initial_tasks is None

    def may_start(self, input: Any) -> bool:
        """The condition is met and the other one is not; one that is missing does not matter."""
        if self.condition is not None and not self.condition.is_met(input):
            return False
        return self.unless is None or not self.unless.is_met(input)

    def tolerates(self, skipped: int, tasks: int) -> bool:
        """Whether a map of so many tasks goes on when so many of them are skipped."""
        if self.max_failed is None:
            return True
        limit = str(self.max_failed)
        if limit.endswith("%"):
            return skipped <= tasks * float(limit[:-1]) // 100
        return skipped <= int(limit)


@dataclass(frozen=True)
class Workflow:
    """A version of a workflow. What a step leaves out it inherits from the workflow."""

    workflow_slug: str
    listed: list[dict[str, Any]]
    defaults: dict[str, Any] = field(default_factory=dict)
    deadline: float | None = None
    keep: dict[str, float] | None = None
    limits: list[Use] = field(default_factory=list)  # of whole runs
    on_limit: str = "queue"

    @property
    def document(self) -> dict[str, Any]:
        steps = [
            {
                name: written(option)
                for name, option in step.items()
                if (name, option) != ("limits", [])
            }
            for step in self.listed
        ]
        document = {"workflow_slug": self.workflow_slug, "steps": steps, **self.defaults}
        options: dict[str, Any] = {"deadline": self.deadline, "keep": self.keep}
        if self.limits:
            options |= {"limits": written(self.limits), "on_limit": self.on_limit}
        return document | {name: option for name, option in options.items() if option is not None}

    @property
    def children(self) -> set[str]:
        return {step.workflow for step in self.steps.values() if step.workflow is not None}

    def refuses(self, input: Any) -> str | None:
        """What is wrong with an input that a root step maps over."""
        for slug, step in self.steps.items():
            if step.maps_over_array and not step.depends_on and not isinstance(input, list):
                return (
                    f'step "{slug}" of workflow "{self.workflow_slug}" maps over the run input, '
                    f"which must be an array, not {json_type(input)}"
                )
        return None

    @cached_property
    def steps(self) -> dict[str, Step]:
        """In a topological order."""
        return {options["step_slug"]: self._step(options) for options in self.listed}

    def _step(self, options: dict[str, Any]) -> Step:
        own = dict(options)
        if "approval" in own:
            of_step = ("timeout", "when_timeout", "when_rejected", "default_output")
            asked = own.pop("approval")
            own |= {name: option for name, option in asked.items() if name in of_step}
            asked = {name: option for name, option in asked.items() if name not in of_step}
            own["approval"] = Approval(**asked)
        defaults = dict(self.defaults)
        if "wait_for" in own or "approval" in own:
            defaults["timeout"] = None
        if "workflow" in own:
            defaults["max_attempts"] = 1
        return Step(**{**defaults, **own})


def written(option: Any) -> Any:
    """An option as the document has it: a path is a text."""
    if isinstance(option, list):
        return [part.document if isinstance(part, Use) else part for part in option]
    if isinstance(option, tuple):
        return ".".join(["$", *option])
    return str(option) if isinstance(option, Predicate) else option
