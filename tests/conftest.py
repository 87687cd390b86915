"""What all tests share: databases of both kinds, each test with an empty one.

    async def test_something(database): ...     # runs on SQLite and on MariaDB
    def test_other(db_url): ...                 # likewise, the URL only; migrated, without rows
    def test_third(empty_db_url): ...           # likewise, without tables
    def test_fourth(mariadb_url): ...           # a new MariaDB database without tables

One MariaDB server runs for the whole run, in a temporary folder, made when a test first asks.
"""

from __future__ import annotations

import getpass
import itertools
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pymysql  # type: ignore[import-untyped]
import pytest
from databases import DatabaseURL

from metropole_core.db import migrate
from metropole_core.db.connection import Database, make_database
from metropole_core.db.tables import metadata

START_SECONDS = 30.0


def find_program(name: str) -> str:
    """A program of the MariaDB server, which distributions keep in places off the PATH."""
    for folder in (None, "/usr/sbin:/usr/local/sbin:/usr/libexec:/usr/local/bin"):
        found = shutil.which(name, path=folder)
        if found:
            return found
    pytest.fail(
        f"The tests need a MariaDB server, and {name} is not installed."
        " Install it: apt-get install --no-install-recommends mariadb-server-core",
        pytrace=False,
    )


class MariaDB:
    """A server of our own on a socket in a temporary folder; no network."""

    def __init__(self, *, survives_a_kill: bool = False) -> None:
        # What it acknowledged is in the log file of its own then, if not on the disk.
        self._flush = 2 if survives_a_kill else 0
        # A short path: a socket's has at most 107 bytes.
        self.folder = Path(tempfile.mkdtemp(prefix="mp-db-"))
        self.socket = self.folder / "s.sock"
        self._numbers = itertools.count(1)
        self._process: subprocess.Popen[bytes] | None = None
        self._options: list[str] = []

    def start(self) -> None:
        options = [
            "--no-defaults",
            f"--user={getpass.getuser()}",
            f"--datadir={self.folder}/data",
            f"--tmpdir={self.folder}",  # a server that starts empties the one it finds
            "--innodb-log-file-size=16M",
            "--innodb-flush-method=nosync",
        ]
        made = subprocess.run(
            [
                find_program("mariadb-install-db"),
                *options,
                "--auth-root-authentication-method=normal",
                "--skip-test-db",
            ],
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        if made.returncode:
            pytest.fail(f"mariadb-install-db failed:\n{made.stdout}\n{made.stderr}", pytrace=False)
        self._options = options
        self.start_again()

    def start_again(self) -> None:
        """Start the server on the data that are there."""
        self._process = subprocess.Popen(
            [
                find_program("mariadbd"),
                *self._options,
                f"--socket={self.socket}",
                f"--pid-file={self.folder}/pid",
                f"--log-error={self.folder}/err",
                "--skip-networking",
                "--skip-name-resolve",
                "--skip-log-bin",
                "--character-set-server=utf8mb4",
                "--collation-server=utf8mb4_unicode_ci",
                f"--innodb-flush-log-at-trx-commit={self._flush}",
                "--innodb-doublewrite=0",
                "--innodb-buffer-pool-size=64M",
                "--performance-schema=0",
                "--innodb-fast-shutdown=2",
            ],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,  # Ctrl-C ends the tests, which then end the server
        )
        deadline = time.monotonic() + START_SECONDS
        while True:
            try:
                with socket.socket(socket.AF_UNIX) as probe:
                    probe.connect(str(self.socket))
            except OSError:
                if self._process.poll() is not None or time.monotonic() > deadline:
                    log = (self.folder / "err").read_text(errors="replace")[-3000:]
                    pytest.fail(f"mariadbd did not start:\n{log}", pytrace=False)
                time.sleep(0.05)
            else:
                return

    def stop(self) -> None:
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
            try:
                self._process.wait(10)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)

    def connect(self, database: str | None = None) -> pymysql.Connection:
        return pymysql.connect(
            unix_socket=str(self.socket), user="root", database=database, autocommit=True
        )

    def run(self, sql: str, database: str | None = None) -> None:
        connection = self.connect(database)
        try:
            with connection.cursor() as cursor:
                cursor.execute(sql)
        finally:
            connection.close()

    def new_database(self) -> str:
        """The URL of a new database without tables."""
        name = f"metropole_{next(self._numbers)}"
        self.run(f"CREATE DATABASE {name} CHARACTER SET utf8mb4")
        return self.url(name)

    def url(self, name: str) -> str:
        return f"mysql://root@localhost/{name}?unix_socket={self.socket}"


@pytest.fixture(scope="session")
def mariadb() -> Iterator[MariaDB]:
    """The server: `new_database()`, `url(name)`, `run(sql, database)`."""
    server = MariaDB()
    try:
        server.start()
        yield server
    finally:
        server.stop()


@pytest.fixture
def mariadb_url(mariadb: MariaDB) -> Iterator[str]:
    """A new database without tables, dropped afterwards."""
    url = mariadb.new_database()
    yield url
    mariadb.run(f"DROP DATABASE {_name(url)}")


def _name(url: str) -> str:
    return DatabaseURL(url).database


@pytest.fixture(scope="session")
def migrated_mariadb(mariadb: MariaDB) -> tuple[str, str]:
    """Name and URL of the database that every test on MariaDB gets in turn."""
    url = mariadb.new_database()
    migrate.upgrade(url)
    return _name(url), url


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("template") / "metropole.sqlite3"
    migrate.upgrade(f"sqlite:///{path}")
    return path


@pytest.fixture(params=["sqlite", "mariadb"])
def db_url(request: pytest.FixtureRequest) -> str:
    """A database with every table and no row, of both kinds."""
    if request.param == "sqlite":
        template: Path = request.getfixturevalue("sqlite_template")
        folder: Path = request.getfixturevalue("tmp_path")
        copied = shutil.copy(template, folder / "metropole.sqlite3")
        return f"sqlite:///{copied}"
    server: MariaDB = request.getfixturevalue("mariadb")
    name, url = request.getfixturevalue("migrated_mariadb")
    connection = server.connect(name)
    try:
        with connection.cursor() as cursor:
            # Much quicker than making the tables anew.
            cursor.execute("SET FOREIGN_KEY_CHECKS=0")
            for table in metadata.tables:
                cursor.execute(f"DELETE FROM {table}")
    finally:
        connection.close()
    return str(url)


@pytest.fixture(params=["sqlite", "mariadb"])
def empty_db_url(request: pytest.FixtureRequest) -> str:
    """A database without tables, of both kinds."""
    if request.param == "sqlite":
        return f"sqlite:///{request.getfixturevalue('tmp_path')}/empty.sqlite3"
    return str(request.getfixturevalue("mariadb_url"))


@pytest.fixture
async def database(db_url: str) -> AsyncIterator[Database]:
    """The same, connected."""
    db = make_database(db_url)
    await db.connect()
    yield db
    await db.disconnect()
