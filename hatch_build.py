"""Builds the SQL scripts when the package is built, and puts them into the wheel."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class SqlBuildHook(BuildHookInterface):  # type: ignore[type-arg]
    """Makes sql/*.sql from sql/src, as `make sql` does."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        root = Path(self.root)
        sys.path.insert(0, self.root)
        from tools.build_sql import write

        write(root)
        if self.target_name == "wheel" and version != "editable":
            files = [root / "stepgres.control", *(root / "sql").glob("*.sql")]
            build_data["force_include"] |= {
                str(file): f"stepgres/sql/{file.name}" for file in files
            }
