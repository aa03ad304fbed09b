"""psql is a client and a worker: whole workflows without a line of Python."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

from tests.conftest import Database
from tests.support.engine import Engine
from tests.support.servers import find_psql

README = Path(__file__).parents[2] / "README.md"

BY_HAND = r"""
select stepgres.create_flow('order', base_delay => '0 s');
select (stepgres.add_step('order', 'fetch')).step_index;
select (stepgres.add_step('order', 'each', '{fetch}', map => true)).step_index;
select (stepgres.add_step('order', 'total', '{each}', max_attempts => 2)).step_index;
select stepgres.register_worker('by hand');
select stepgres.start_workflow_run('order', '{"n": 2}') as run_id \gset
select step_slug, input from stepgres.claim_tasks('by hand');
select stepgres.complete_task('by hand', :'run_id', 'fetch', '[10, 20]');
select step_slug, task_index, input from stepgres.claim_tasks('by hand', 10) order by 2;
select stepgres.complete_task('by hand', :'run_id', 'each', '11', task_index => 0);
select stepgres.complete_task('by hand', :'run_id', 'each', '21', task_index => 1);
select (stepgres.get_run_status(:'run_id')).details ->> 'completed_steps';
select step_slug, input from stepgres.claim_tasks('by hand');
select stepgres.fail_task('by hand', :'run_id', 'total', 'no calculator at hand');
select stepgres.tick();
select step_slug, attempt from stepgres.claim_tasks('by hand');
select stepgres.complete_task('by hand', :'run_id', 'total', '32', attempt => 2);
select status, details from stepgres.get_run_status(:'run_id');
select count(*) from stepgres.fsck();
"""

AS_A_LOOP = r"""
select stepgres.register_workflow('{"workflow_slug": "squares", "steps": [
    {"step_slug": "numbers"},
    {"step_slug": "square", "depends_on": ["numbers"], "map": true},
    {"step_slug": "sum", "depends_on": ["square"]}
]}');
select stepgres.start_workflow_run('squares', '{"last": 20}') as run_id \gset
do $$
declare
    v_worker_id text := stepgres.register_worker();
    v_results jsonb := '[]';
begin
    loop
        select jsonb_agg(jsonb_build_object(
            'run_id', w.run_id, 'step_slug', w.step_slug, 'task_index', w.task_index,
            'attempt', w.attempt, 'status', 'completed', 'output', case w.step_slug
                when 'numbers' then (
                    select jsonb_agg(i) from generate_series(1, (w.input ->> 'last')::int) as i
                )
                when 'square' then to_jsonb(w.input::int * w.input::int)
                else (
                    select to_jsonb(sum(s::int)) from jsonb_array_elements(w.input -> 'square') as s
                )
            end
        )) into v_results
        from stepgres.work(v_worker_id, v_results, 7) as w;
        exit when v_results is null;
    end loop;
end
$$;
select status, details from stepgres.get_run_status(:'run_id');
"""


def psql(db: Database, script: str) -> list[str]:
    """The lines that psql prints, which stops at the first error."""
    options = ["--no-psqlrc", "--quiet", "--no-align", "--tuples-only", "--set=ON_ERROR_STOP=1"]
    result = subprocess.run(
        [find_psql(), *options, "--dbname", db.dsn], input=script, capture_output=True, text=True
    )
    assert (result.returncode, result.stderr) == (0, "")
    return result.stdout.splitlines()


def test_workflow_is_defined_executed_and_watched_by_hand(db: Database) -> None:
    assert psql(db, BY_HAND) == [
        *("order", "0", "1", "2", "by hand"),
        'fetch|{"n": 2}', "",
        "each|0|10", "each|1|20", "", "",
        "2",
        'total|{"n": 2, "each": [11, 21]}', "",
        "1",
        "total|2", "",
        "completed|32",
        "0",
    ]  # fmt: skip


def test_worker_may_be_a_loop_in_sql(db: Database) -> None:
    assert psql(db, AS_A_LOOP) == ["1", "completed|2870"]


def test_quick_start_of_the_readme_works(db: Database, engine: Engine) -> None:
    text = README.read_text(encoding="utf-8")
    found = re.search(
        r"\n#+ [^\n]*psql[^\n]*\n(?:(?!#)[^\n]*\n)*?```sql\n(.*?)\n```\n", text, re.DOTALL
    )
    assert found, "README.md has no quick start for psql"
    assert psql(db, found[1])[-1].startswith("completed|")
    assert set(engine.rows("select status from stepgres.runs")) == {"completed"}
    assert engine.tickets() == []
