"""Approvals: who may decide what, what a decision does, and what lists show."""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid4

import pytest
from psycopg.types.json import Jsonb
from typing_extensions import LiteralString

from tests.conftest import Clock, Database
from tests.sql.test_signals import buffers
from tests.support.engine import Engine, refused, step

FORM = {
    "type": "object",
    "required": ["amount"],
    "properties": {
        "amount": {"type": "number", "minimum": 1, "maximum": 1000},
        "reason": {"type": "string", "minLength": 2, "maxLength": 10},
        "level": {"enum": ["low", "high", 3, None]},
        "places": {"type": "array", "items": {"type": "integer"}},
        "more": {"type": "object", "properties": {"sure": {"type": "boolean"}}},
    },
}


def approval(step_slug: str, *depends_on: str, **options: Any) -> dict[str, Any]:
    return step(step_slug, *depends_on, approval={"title": "Ship it?", **options})


def start(engine: Engine, **options: Any) -> UUID:
    engine.define("order", approval("ask", **options), step("after", "ask"))
    return engine.start("order", {"id": 7})


def wait_of(engine: Engine, run_id: UUID, step_slug: str = "ask") -> int:
    query: LiteralString = "select wait_id from stepgres.waits where run_id = %s and step_slug = %s"
    (wait_id,) = engine.rows(query, run_id, step_slug)
    assert isinstance(wait_id, int)
    return wait_id


def decide(engine: Engine, function: str, wait_id: int, **more: Any) -> tuple[Any, int]:
    """The outcome, and the number of decisions."""
    if "payload" in more:
        more["payload"] = Jsonb(more["payload"])
    row = engine.answer(function, wait_id=wait_id, **more)
    assert row
    return row[-2], len(row[-1])


def approve(engine: Engine, run_id: UUID, **more: Any) -> tuple[Any, int]:
    return decide(engine, "approve", wait_of(engine, run_id), **more)


def reject(engine: Engine, run_id: UUID, comment: str = "too dear", **more: Any) -> Any:
    return decide(engine, "reject", wait_of(engine, run_id), comment=comment, **more)


def output_of(engine: Engine, run_id: UUID, step_slug: str = "ask") -> Any:
    query: LiteralString = (
        "select output from stepgres.step_states where run_id = %s and step_slug = %s"
    )
    (output,) = engine.rows(query, run_id, step_slug)
    return output


# Decisions


def test_approval_completes_the_step_with_what_was_decided(engine: Engine) -> None:
    run_id = start(engine)
    assert (engine.claim(), engine.tasks(run_id)) == ([], {})
    assert approve(engine, run_id, payload={"a": 1}, comment="good", decided_by="Ann") == (
        "approved",
        1,
    )
    output = engine.claim_one().input["ask"]
    (decision,) = output.pop("decisions")
    assert output == {"approved": True, "payload": {"a": 1}}
    assert decision.pop("decided_at")
    (login,) = engine.rows("select session_user::text")
    assert decision == {
        "approved": True,
        "decided_by": "Ann",
        "login": login,
        "comment": "good",
        "payload": {"a": 1},
    }


def test_decider_is_the_login_by_default(engine: Engine) -> None:
    run_id = start(engine)
    approve(engine, run_id)
    query: LiteralString = "select decided_by = session_user, payload from stepgres.decisions"
    assert engine.rows(query) == [(True, None)]
    assert output_of(engine, run_id)["payload"] is None


def test_rejection_fails_the_run_and_says_who_and_why(engine: Engine) -> None:
    run_id = start(engine)
    assert reject(engine, run_id, "too dear", decided_by="Ann") == ("rejected", 1)
    assert engine.status(run_id) == (
        "failed",
        'step "ask" failed: approval "Ship it?" was rejected by Ann: too dear',
    )


@pytest.mark.parametrize(
    ("policy", "ask", "after"),
    [
        ("skip", "skipped", "started"),
        ("skip-cascade", "skipped", "skipped"),
        ("default", "completed", "started"),
        ("continue", "completed", "started"),
    ],
)
def test_when_rejected_says_how_the_run_goes_on(
    engine: Engine, policy: str, ask: str, after: str
) -> None:
    more = {"default_output": {"x": 1}} if policy == "default" else {}
    run_id = start(engine, when_rejected=policy, **more)
    reject(engine, run_id)
    assert engine.steps(run_id) == {"ask": ask, "after": after}
    if policy == "default":
        assert output_of(engine, run_id) == {"x": 1}
    elif policy == "continue":
        assert output_of(engine, run_id)["approved"] is False
    else:
        query: LiteralString = (
            "select skip_reason from stepgres.step_states where step_slug = 'ask'"
        )
        assert engine.rows(query) == ["rejected"]
    engine.drain()


def test_rejection_needs_a_comment(engine: Engine) -> None:
    run_id = start(engine)
    for comment in ("", None):
        with refused("SG003", "without a comment"):
            reject(engine, run_id, comment)  # type: ignore[arg-type]
    assert engine.rows("select from stepgres.decisions") == []


def test_quorum_counts_different_deciders(engine: Engine) -> None:
    run_id = start(engine, quorum=2)
    assert approve(engine, run_id, decided_by="Ann", payload=1) == (None, 1)
    assert approve(engine, run_id, decided_by="Ann", payload=2) == (None, 1)
    assert engine.steps(run_id)["ask"] == "started"
    assert approve(engine, run_id, decided_by="Ben", payload=3) == ("approved", 2)
    output = output_of(engine, run_id)
    assert output["payload"] == 3
    assert [d["decided_by"] for d in output["decisions"]] == ["Ann", "Ben"]


def test_first_rejection_decides_however_many_have_approved(engine: Engine) -> None:
    run_id = start(engine, quorum=3)
    approve(engine, run_id, decided_by="Ann")
    approve(engine, run_id, decided_by="Ben")
    assert reject(engine, run_id, decided_by="Ann") == ("rejected", 3)
    assert engine.status(run_id)[0] == "failed"


def test_second_decision_is_refused_and_says_what_was_decided(engine: Engine) -> None:
    approved, rejected, late = (start(engine, timeout=60) for _ in range(3))
    approve(engine, approved, decided_by="Ann")
    reject(engine, rejected, decided_by="Ben")
    engine.call("cancel_workflow_run", run_id=late)
    for run_id, words in (
        (approved, "was approved by Ann at"),
        (rejected, "was rejected by Ben at"),
        (late, "was cancelled at"),
    ):
        with refused("SG034", words):
            approve(engine, run_id)
        with refused("SG034", words):
            reject(engine, run_id)
    engine.drain()


def test_unknown_approval_is_refused(engine: Engine) -> None:
    engine.define("signalled", step("ask", wait_for="x"))
    other = wait_of(engine, engine.start("signalled"))
    for wait_id in (0, -1, other, None):
        with refused("SG033", "does not exist"):
            decide(engine, "approve", wait_id)  # type: ignore[arg-type]
        with refused("SG033"):
            decide(engine, "reject", wait_id, comment="no")  # type: ignore[arg-type]


def test_only_assignees_decide(engine: Engine) -> None:
    run_id = start(engine, assignees=["Ann", "Ben"])
    with refused("SG026", '"Eve" is none of the assignees') as refusal:
        approve(engine, run_id, decided_by="Eve")
    assert "Ann" in refusal.hint
    with refused("SG026"):  # the login is no assignee
        reject(engine, run_id)
    assert approve(engine, run_id, decided_by="Ben")[0] == "approved"


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        ({"decided_by": ""}, "SG003", "decided_by"),
        ({"decided_by": "x" * 257}, "SG003", "decided_by"),
        ({"comment": "x" * 10_001}, "SG003", "comment"),
        ({"payload": "x" * 1_000_000}, "SG017", "too large"),
    ],
)
def test_decision_that_cannot_be_stored_is_refused(
    engine: Engine, arguments: dict[str, Any], code: str, words: str
) -> None:
    run_id = start(engine)
    before = engine.snapshot()
    with refused(code, words):
        approve(engine, run_id, **arguments)
    assert engine.snapshot() == before


# Pause, time, retry and prune


def test_decisions_of_a_paused_run_count_when_it_resumes(engine: Engine, clock: Clock) -> None:
    yes, no, half = (start(engine, quorum=2, timeout=60) for _ in range(3))
    for run_id in (yes, no, half):
        engine.call("pause_workflow_run", run_id=run_id)
        assert approve(engine, run_id, decided_by="Ann") == (None, 1)
    assert approve(engine, yes, decided_by="Ben") == (None, 2)
    assert reject(engine, no, decided_by="Ben") == (None, 2)
    with refused("SG034", "was approved by Ben"):
        reject(engine, yes, decided_by="Cid")
    with refused("SG034", "was rejected by Ben"):
        approve(engine, no, decided_by="Cid")
    clock.advance(100)
    engine.call("tick")
    for run_id in (yes, no, half):
        assert engine.steps(run_id)["ask"] == "started"
        engine.call("resume_workflow_run", run_id=run_id)
    assert engine.steps(yes)["ask"] == "completed"
    assert engine.status(no)[0] == "failed"
    assert engine.steps(half)["ask"] == "started"
    assert approve(engine, half, decided_by="Ben") == ("approved", 2)
    engine.drain()


@pytest.mark.parametrize(
    ("policy", "status"),
    [("fail", "cancelled"), ("skip", "started"), ("default", "started")],
)
def test_timeout_ends_an_approval(engine: Engine, clock: Clock, policy: str, status: str) -> None:
    run_id = start(engine, timeout=60, when_timeout=policy)
    clock.advance(60)
    engine.call("tick")
    assert engine.steps(run_id)["after"] == status
    with refused("SG034", "was timed_out at"):
        approve(engine, run_id)
    if policy == "fail":
        assert engine.status(run_id)[1] == (
            'step "ask" failed: approval "Ship it?" was not decided within 60 s'
        )
    engine.drain()


def test_retry_keeps_the_decisions_of_kept_steps_only(engine: Engine) -> None:
    engine.define("order", approval("a"), approval("b", quorum=2), step("c", "a", max_attempts=1))
    run_id = engine.start("order")
    decide(engine, "approve", wait_of(engine, run_id, "a"), decided_by="Ann", payload=1)
    decide(engine, "approve", wait_of(engine, run_id, "b"), decided_by="Ann")
    engine.fail(engine.claim_one())
    again = engine.call("retry_failed_workflow", run_id=run_id)
    kept = engine.rows(
        "select decided_by, wait_id from stepgres.decisions where run_id = %s", again
    )
    assert kept == [("Ann", wait_of(engine, again, "a"))]
    decide(engine, "approve", wait_of(engine, again, "b"), decided_by="Ann")
    decide(engine, "approve", wait_of(engine, again, "b"), decided_by="Ben")
    engine.drain()
    assert engine.status(again)[0] == "completed"


def test_prune_deletes_decisions_with_their_run(engine: Engine) -> None:
    run_id = start(engine)
    wait_id = wait_of(engine, run_id)
    approve(engine, run_id)
    engine.drain()
    engine.call("prune", older_than="0 seconds")
    assert engine.rows("select from stepgres.decisions") == []
    with refused("SG033"):
        decide(engine, "approve", wait_id)


def test_approval_of_a_condition_that_is_not_met_is_not_asked_for(engine: Engine) -> None:
    engine.define("order", {**approval("ask"), "condition": "$.large"})
    run_id = engine.start("order", {})
    assert engine.steps(run_id) == {"ask": "skipped"}
    assert engine.rows("select from stepgres.waits") == []


# Forms

FITTING: list[Any] = [
    {"amount": 1},
    {"amount": 1000.0, "reason": "äö", "level": None, "other": [1]},
    {"amount": 5, "level": 3.0, "places": [], "more": {}},
    {"amount": 5, "places": [1, 2.0, -3], "more": {"sure": False, "x": 1}},
]
MISFITS: list[tuple[Any, str]] = [
    (None, "$ must be an object, not null"),
    ([1], "$ must be an object, not an array"),
    ({}, '$ has no "amount"'),
    ({"amount": None}, "$.amount must be a number, not null"),
    ({"amount": 0}, "$.amount must be at least 1"),
    ({"amount": 1e300}, "$.amount must be at most 1000"),
    ({"amount": 1, "reason": "x"}, "$.reason must have at least 2 characters"),
    ({"amount": 1, "reason": "x" * 11}, "$.reason must have at most 10 characters"),
    ({"amount": 1, "level": "mid"}, "$.level must be one of"),
    ({"amount": 1, "level": ["low"]}, "$.level must be one of"),
    ({"amount": 1, "level": {}}, "$.level must be one of"),
    ({"amount": 1, "places": [1, 2, 2.5]}, "$.places[2] must be an integer"),
    ({"amount": 1, "places": [1, "2"]}, "$.places[1] must be an integer, not a string"),
    ({"amount": 1, "more": {"sure": 1}}, "$.more.sure must be a boolean, not a number"),
    ({"amount": 1, "places": [0] * 10_001}, "more than 10,000 values"),
]


def test_payload_must_fit_the_form(engine: Engine, subtests: pytest.Subtests) -> None:
    run_id = start(engine, form=FORM)
    before = engine.snapshot()
    for payload, problem in MISFITS:
        with (
            subtests.test(payload=str(payload)[:40]),
            refused("SG003", "does not fit the form", problem),
        ):
            approve(engine, run_id, payload=payload)
    assert engine.snapshot() == before
    for payload in FITTING:
        with subtests.test(payload=str(payload)):
            run_id = start(engine, form=FORM)
            assert approve(engine, run_id, payload=payload)[0] == "approved"
    engine.drain()


DATES = {"date": ["2026-11-28", "2028-02-29", "0001-01-01"]}
DATES["date-time"] = [f"{day}T23:59:59Z" for day in DATES["date"]]
DATES["date-time"] += ["2026-11-28T00:00:00.123456+05:30", "2026-11-28T12:30:00-00:00"]
NO_DATES = {
    "date": [
        *(
            "",
            "soon",
            "2026-02-29",
            "2026-13-01",
            "2026-00-10",
            "2026-11-00",
            "0000-01-01",
            "2026-11-2",
            " ",
        ),
        *("2026-11-28 ", "2026-11-28\n", "\u0662026-11-28", "2026-11-28T12:30:00Z", "infinity"),
    ],
    "date-time": [
        *("2026-11-28", "2026-11-28T12:30Z", "2026-11-28T12:30:00", "2026-11-28 12:30:00Z"),
        *("2026-02-30T12:30:00Z", "2026-11-28T24:00:00Z", "2026-11-28T12:60:00Z", "now"),
        *("2026-11-28T12:30:00+24:00", "2026-11-28T12:30:00.Z", 'x"T12:30:00Z', "\\"),
    ],
}


def test_dates_and_times_are_of_the_calendar(engine: Engine, subtests: pytest.Subtests) -> None:
    for format in DATES:
        form = {"items": {"format": format}}
        run_id = start(engine, form=form)
        for text in NO_DATES[format]:
            with subtests.test(text=text), refused("SG003", "$[1] must be a "):
                approve(engine, run_id, payload=[DATES[format][0], text])
        assert approve(engine, run_id, payload=[*DATES[format], 7])[0] == "approved"
    engine.drain()


def test_rejection_needs_no_form(engine: Engine) -> None:
    assert reject(engine, start(engine, form=FORM))[0] == "rejected"


def nested(depth: int) -> dict[str, Any]:
    form: dict[str, Any] = {}
    for _ in range(depth - 1):
        form = {"items": form}
    return form


def test_hostile_payload_takes_a_bounded_number_of_steps(engine: Engine) -> None:
    """Each array of the payload is compared with all properties of the form."""
    properties = {f"p{i}": {"minimum": 1} for i in range(500)}
    run_id = start(engine, form={"items": {"properties": properties}})
    payload = [{f"p{i}": 2 for i in range(100)}] * 900
    with refused("SG003", "more than 10,000 values"):
        approve(engine, run_id, payload=payload)
    deep: Any = 1
    for _ in range(900):
        deep = [deep]
    run_id = start(engine, form=nested(16))
    assert approve(engine, run_id, payload=deep)[0] == "approved"
    engine.drain()


BAD_FORMS: list[tuple[Any, str]] = [
    ({"pattern": "a"}, 'the keyword "pattern"'),
    ({"properties": {"a": {"oneOf": []}}}, '$.a has the keyword "oneOf"'),
    ({"items": {"items": {"format": "x"}}}, '$[*][*] has the format "x"'),
    ({"format": 1}, "has the format 1"),
    ({"format": "date", "default": "soon"}, "has a default that does not fit"),
    ({"type": "text"}, 'has the type "text"'),
    ({"type": ["string"]}, "has the type"),
    ({"properties": []}, "properties"),
    ({"properties": {"a": 1}}, "$.a must be an object"),
    ({"items": [{}]}, "$[*] must be an object"),
    ({"required": "a"}, "required"),
    ({"required": [1]}, "required"),
    ({"required": ["a"]}, '$ requires "a", which is none of its properties'),
    ({"enum": []}, "enum"),
    ({"enum": [[1]]}, "enum"),
    ({"minimum": "1"}, "minimum"),
    ({"maxLength": -1}, "maxLength"),
    ({"minLength": 1.5}, "minLength"),
    ({"title": 1}, "title"),
    ({"properties": {"a": {"type": "string", "default": 1}}}, "$.a has a default that does not"),
    (nested(17), "16 levels"),
    ({"description": "x" * 16_400}, "16,384 bytes"),
]
BAD_APPROVALS: list[tuple[Any, str]] = [
    (1, "object"),
    ({}, "title"),
    ({"title": ""}, "title"),
    ({"title": "x" * 501}, "title"),
    ({"title": 1}, "title"),
    ({"title": "x", "description": "x" * 10_001}, "description"),
    ({"title": "x", "who": ["Ann"]}, '"who"'),
    ({"title": "x", "assignees": []}, "assignees"),
    ({"title": "x", "assignees": "Ann"}, "assignees"),
    ({"title": "x", "assignees": [1]}, "assignees"),
    ({"title": "x", "assignees": [""]}, "assignees"),
    ({"title": "x", "assignees": ["a"] * 101}, "assignees"),
    ({"title": "x", "quorum": 0}, "quorum"),
    ({"title": "x", "quorum": 101}, "quorum"),
    ({"title": "x", "quorum": 1.5}, "quorum"),
    ({"title": "x", "quorum": 2, "assignees": ["a", "a"]}, "quorum of 2 cannot be reached"),
    ({"title": "x", "form": []}, "form"),
    ({"title": "x", "timeout": 0}, "timeout"),
    ({"title": "x", "when_timeout": "skip"}, "when_timeout needs a timeout"),
    ({"title": "x", "timeout": 1, "when_timeout": "continue"}, "when_timeout must be"),
    ({"title": "x", "when_rejected": "ignore"}, "when_rejected must be"),
    ({"title": "x", "default_output": 1}, "default_output is for"),
]


def test_bad_approval_is_refused_at_definition(engine: Engine, subtests: pytest.Subtests) -> None:
    forms: list[tuple[Any, str]] = [({"title": "x", "form": f}, word) for f, word in BAD_FORMS]
    for document, word in BAD_APPROVALS + forms:
        with (
            subtests.test(document=str(document)[:60]),
            refused("SG001", 'workflow "order", step "ask"', word),
        ):
            engine.define("order", step("ask", approval=document))
    for more, word in (
        ({"wait_for": "x"}, "no wait_for"),
        ({"timeout": 5}, "no timeout beside it"),
        ({"match": "$.a"}, "match is for steps with wait_for"),
        ({"map": True}, "has no body"),
        ({"start_delay": 5}, "has no body"),
        ({"transactional": True}, "has no body"),
    ):
        with subtests.test(**more), refused("SG001", word):
            engine.define("order", {**approval("ask"), **more})


def test_document_is_read_as_it_is_shown(engine: Engine) -> None:
    options = {
        "description": "of a customer",
        "assignees": ["Ann"],
        "form": {**FORM, "default": {"amount": 5}},
        "timeout": 60,
        "when_rejected": "default",
        "default_output": None,
    }
    version = engine.define("order", approval("ask", **options), timeout=9)
    document = engine.call("get_flow", workflow_id="order")
    (shown,) = document["steps"]
    assert shown["approval"] == {
        "title": "Ship it?", "quorum": 1, "when_timeout": "fail", **options
    }  # fmt: skip
    assert shown["timeout"] is None
    assert engine._register(document) == version
    assert engine.define("order", approval("ask", quorum=1, **options), timeout=9) == version
    assert engine.define("order", approval("ask", quorum=1), timeout=9) == version + 1
    engine.call("create_flow", name="built")
    engine.call(
        "add_step",
        workflow_id="built",
        step_name="ask",
        approval=Jsonb({"title": "Ship it?", **options}),
        timeout=None,
    )
    (built,) = engine.call("get_flow", workflow_id="built")["steps"]
    assert built["approval"] == shown["approval"]


# Lists


def inbox(engine: Engine, **filters: Any) -> list[Any]:
    return [row[0] for row in engine._execute("list_approvals", filters).fetchall()]


def test_inbox_has_what_its_reader_may_decide(engine: Engine) -> None:
    engine.define(
        "order",
        approval("all", quorum=2),
        approval("ann", assignees=["Ann"]),
        approval("both", assignees=["Ann", "Ben"], quorum=2),
        step("signal", wait_for="x"),
    )
    engine.define("other", approval("ask"))
    run_id, other = engine.start("order", {"id": 7}), engine.start("other")
    wait = {slug: wait_of(engine, run_id, slug) for slug in ("all", "ann", "both")}
    ask = wait_of(engine, other)
    assert inbox(engine) == sorted([*wait.values(), ask])
    assert inbox(engine, assignee="Ben") == sorted([wait["all"], wait["both"], ask])
    decide(engine, "approve", wait["both"], decided_by="Ben")
    assert inbox(engine, assignee="Ben") == sorted([wait["all"], ask])
    assert wait["both"] in inbox(engine, assignee="Ann")
    assert inbox(engine, workflow_slug="Other") == [ask]
    assert inbox(engine, run_id=other) == [ask]
    assert inbox(engine, run_id=other, workflow_slug="order") == []
    ids = inbox(engine)
    assert inbox(engine, limit=2) == ids[:2]
    assert inbox(engine, limit=2, after=ids[1]) == ids[2:]
    assert inbox(engine, limit=None, assignee="Eve") == sorted([wait["all"], ask])
    with refused("SG014", "limit -1"):
        inbox(engine, limit=-1)
    with refused("SG005"):
        inbox(engine, run_id=uuid4())
    query: LiteralString = (
        "select title, assignees, quorum, input, jsonb_array_length(decisions)"
        " from stepgres.list_approvals(run_id => %s) where step_slug = 'both'"
    )
    assert engine.rows(query, run_id) == [("Ship it?", ["Ann", "Ben"], 2, {"id": 7}, 1)]


def test_why_stuck_and_lists_of_waits_know_approvals(engine: Engine) -> None:
    run_id = start(engine, assignees=["Ann"])
    wait_id = wait_of(engine, run_id)
    query: LiteralString = (
        "select waits_for, detail from stepgres.why_stuck(%s) where step_slug = 'ask'"
    )
    ((waits_for, detail),) = engine.rows(query, run_id)
    assert waits_for == "approval"
    assert detail == f'approval {wait_id} "Ship it?" by one of ["Ann"]'
    kinds: LiteralString = (
        "select wait_id, approval ->> 'title' from stepgres.list_waits(kind => 'approval')"
    )
    assert engine.rows(kinds) == [(wait_id, "Ship it?")]
    (shown,) = engine.call("get_run", run_id=run_id)["steps"][0]["waits"]
    assert shown["approval"]["assignees"] == ["Ann"]


def test_fsck_finds_decisions_that_do_not_fit(engine: Engine) -> None:
    run_id = start(engine)
    with engine.connection.transaction(force_rollback=True):
        approve(engine, run_id)
        engine.connection.execute("delete from stepgres.decisions")
        (found,) = engine.rows("select invariant from stepgres.fsck()")
        assert found == "an approval ends as its decisions say"
    with engine.connection.transaction(force_rollback=True):
        approve(engine, run_id)
        engine.connection.execute("update stepgres.decisions set wait_id = 0")
        found = engine.rows("select invariant from stepgres.fsck()")
        assert "a decision is on an approval of its run, by an assignee if there are any" in found


def test_page_of_the_inbox_reads_as_much_among_many_approvals_as_among_few(
    engine: Engine, db: Database
) -> None:
    run_id = start(engine, assignees=["Ann"])
    engine.start("order")
    calls: list[LiteralString] = [
        'select count(*) from stepgres.list_approvals("limit" => 2)',
        "select count(*) from stepgres.list_approvals('Ann', \"limit\" => 2)",
        "select count(*) from stepgres.list_approvals(workflow_slug => 'order', \"limit\" => 2)",
    ]
    few = [buffers(engine.connection, query) for query in calls]
    engine.connection.execute(
        "insert into stepgres.waits (run_id, workflow_slug, step_slug, kind, name, number,"
        " approval, opened_at) select run_id, 'order', 'x', 'approval', 'x', i, approval, now()"
        " from stepgres.waits, generate_series(1, 20000) as i where run_id = %s",
        [run_id],
    )
    old = [buffers(engine.connection, query) for query in calls]
    with db.connect() as connection:
        new = [buffers(connection, query) for query in calls]
    engine.connection.execute("delete from stepgres.waits where name = 'x'")
    for query, before, *after in zip(calls, few, old, new, strict=True):
        assert max(after) <= before * 2 + 60, query
