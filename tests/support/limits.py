"""A stand-in for inputs that are more than PostgreSQL can hold, which take long to make."""

from __future__ import annotations

from typing import Any

import psycopg


def limit_inputs(connection: psycopg.Connection[Any]) -> None:
    """From now on "large" is too large for an input, and so is an object with that key."""
    connection.execute(
        """
        create function public.within_limit(input jsonb) returns jsonb
        language plpgsql immutable as $$
        begin
            if input ? 'large' then
                raise exception 'too large' using errcode = 'program_limit_exceeded';
            end if;
            return input;
        end $$;
        alter view stepgres._step_inputs rename to _all_step_inputs;
        create view stepgres._step_inputs as
        select i.run_id, i.step_slug, public.within_limit(i.input) as input
        from stepgres._all_step_inputs as i;
        """
    )
