"""Steps that wait for signals: what opens, resolves and ends a wait."""

from __future__ import annotations

from tests.support.engine import Engine, step


def test_step_waits_for_a_signal_and_its_output_is_the_payload(engine: Engine) -> None:
    engine.define("order", step("ask", wait_for="approved"), step("ship", "ask"))
    run_id = engine.start("order", {"id": 7})
    assert engine.steps(run_id) == {"ask": "started", "ship": "created"}
    assert engine.claim() == []
    engine.call("send_signal", run_id=run_id, signal="approved", payload='{"by": "Ann"}')
    assert engine.call("tick") > 0
    item = engine.claim_one()
    assert item.input["ask"] == {"by": "Ann"}
    engine.complete(item, "done")
    assert engine.output(run_id) == "done"
