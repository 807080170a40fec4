"""A real PostgreSQL from Debian's binaries on a free loopback port, for the tests that need one."""

import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql

from stockade_db import roles
from stockade_db.migrate import migrate
from stockade_db.settings import Settings
from tests.support.ports import find_free_port

_START_SECONDS = 60.0
_STOP_SECONDS = 60.0
PASSWORD = "made-up"


@dataclass
class Server:
    """A PostgreSQL server of the tests' own; `stop` and `start` imitate an outage."""

    binaries: Path
    folder: Path
    port: int
    process: subprocess.Popen[bytes] | None = None

    def url(self, role: str = "stockade", password: str = PASSWORD, database: str = "stockade") -> str:
        """Return the address of a database as a role."""
        return f"postgresql://{role}:{password}@127.0.0.1:{self.port}/{database}"

    def start(self) -> None:
        """Start the server and wait until it answers."""
        command = [self.binaries / "postgres", "-D", self.folder / "data", "-p", str(self.port)]
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(_as_postgres([str(word) for word in command]), stdout=log, stderr=log)
        deadline = time.monotonic() + _START_SECONDS
        while True:
            try:
                psycopg.connect(self.url(database="postgres"), connect_timeout=5).close()
            except psycopg.OperationalError as error:
                if time.monotonic() > deadline or self.process.poll() is not None:
                    raise AssertionError(f"no answer: {error}\n{(self.folder / 'log').read_text()}") from error
                time.sleep(0.1)
            else:
                return

    def stop(self, how: signal.Signals = signal.SIGINT) -> None:
        """Stop the server: SIGINT ends its clients, SIGQUIT is as a crash."""
        if self.process is None:
            return
        self.process.send_signal(how)
        self.process.wait(timeout=_STOP_SECONDS)
        self.process = None

    def create_database(self, name: str) -> str:
        """Create an empty database and return the owner's address of it."""
        with psycopg.connect(self.url(database="postgres"), autocommit=True) as connection:
            connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        return self.url(database=name)

    def create_ledger(self, name: str) -> "Ledger":
        """Create a database with the whole schema in it."""
        url = self.create_database(name)
        migrate(Settings(database_url=url, operator_password=PASSWORD, panel_password=PASSWORD, wait_seconds=30))
        return Ledger(self, name)


@dataclass(frozen=True)
class Ledger:
    """One migrated database."""

    server: Server
    name: str

    def url(self, role: str = "stockade") -> str:
        """Return its address as a role."""
        return self.server.url(role, database=self.name)

    def connect(self, role: str = "stockade") -> psycopg.Connection[Any]:
        """Return a connection in autocommit mode as a role."""
        return psycopg.connect(self.url(role), autocommit=True)

    def add_tenant(self, name: str, uid: str | None = None) -> str:
        """Make a tenant and its role the way the operator does; return the tenant's uid."""
        uid = uid or f"uid-of-{name}"
        role = roles.tenant_role(name)
        with self.connect(roles.OPERATOR) as connection:
            connection.execute("SELECT ledger.open_tenant(%s, %s, %s)", (uid, name, name.title()))
            if not connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", (role,)).fetchone():
                connection.execute(
                    sql.SQL("CREATE ROLE {} LOGIN PASSWORD {} IN ROLE {}").format(
                        sql.Identifier(role), sql.Literal(PASSWORD), sql.Identifier(roles.TENANT_GROUP)
                    )
                )
        return uid


@contextmanager
def run_server() -> Iterator[Server]:
    """Make a fresh server in a temporary folder; it and the folder are gone afterwards."""
    binaries = _find_binaries()
    folder = Path(tempfile.mkdtemp(prefix="stockade-postgresql-"))
    server = Server(binaries, folder, find_free_port())
    try:
        folder.chmod(0o755)
        (folder / "password").write_text(PASSWORD)
        (folder / "data").mkdir()
        if os.geteuid() == 0:
            shutil.chown(folder / "data", "postgres", "postgres")
        (folder / "password").chmod(0o644)
        initdb = [binaries / "initdb", "-D", folder / "data", "-U", "stockade", "--auth=scram-sha-256"]
        initdb += [f"--pwfile={folder / 'password'}", "--encoding=UTF8", "--no-instructions", "--no-sync"]
        subprocess.run(_as_postgres([str(word) for word in initdb]), check=True, stdout=subprocess.DEVNULL)
        with (folder / "data" / "postgresql.conf").open("a") as configuration:
            configuration.write("listen_addresses = '127.0.0.1'\nunix_socket_directories = ''\nmax_connections = 60\n")
            # Servers are killed here, machines are not: what the kernel has is kept.
            configuration.write("fsync = off\n")
        server.start()
        server.create_database("stockade")
        yield server
    finally:
        server.stop()
        shutil.rmtree(folder)


def _find_binaries() -> Path:
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"), key=lambda path: int(path.parts[4]))
    assert found, "PostgreSQL's server is not installed; run: apt-get install postgresql"
    return found[-1].parent


def _as_postgres(command: list[str]) -> list[str]:
    """PostgreSQL refuses to run as root."""
    return (
        ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups", *command]
        if os.geteuid() == 0
        else command
    )
