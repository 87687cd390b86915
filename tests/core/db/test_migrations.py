"""The migrations make the tables that the code declares, go both ways, and keep rows."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.operations import Operations
from alembic.runtime.migration import MigrationContext

from metropole_core.db import migrate
from metropole_core.db.tables import metadata
from metropole_core.db.types import Utc
from metropole_core.errors import ConfigError

USER = (
    "INSERT INTO users (name, name_key, display_name, password_hash, created_at)"
    " VALUES ('anna', 'anna', 'Änna 😀', 'x', '2026-01-02 03:04:05.678901')"
)


def run(url: str, sql: str) -> list[Any]:
    engine = migrate.sync_engine(url)
    with engine.begin() as connection:
        result = connection.exec_driver_sql(sql)
        rows = [tuple(row) for row in result] if result.returns_rows else []
    engine.dispose()
    return rows


def tables(url: str) -> set[str]:
    engine = migrate.sync_engine(url)
    names = set(sa.inspect(engine).get_table_names())
    engine.dispose()
    return names


def test_up_down_up_with_rows(empty_db_url: str) -> None:
    assert migrate.current(empty_db_url) is None
    migrate.upgrade(empty_db_url)
    assert migrate.current(empty_db_url) == migrate.head()
    assert migrate.head() == migrate._scripts().get_current_head()
    assert tables(empty_db_url) == {*metadata.tables, migrate.VERSION_TABLE}
    run(empty_db_url, USER)

    migrate.upgrade(empty_db_url)  # nothing to do, nothing lost
    assert run(empty_db_url, "SELECT name, display_name FROM users") == [("anna", "Änna 😀")]

    migrate.downgrade(empty_db_url, "base")
    assert tables(empty_db_url) == {migrate.VERSION_TABLE}
    assert migrate.current(empty_db_url) is None
    migrate.upgrade(empty_db_url)
    assert run(empty_db_url, "SELECT name FROM users") == []


def test_no_drift_between_tables_and_migrations(db_url: str) -> None:
    engine = migrate.sync_engine(db_url)
    with engine.connect() as connection:
        context = MigrationContext.configure(
            connection,
            opts={
                "compare_type": True,
                "compare_server_default": True,
                "version_table": migrate.VERSION_TABLE,
            },
        )
        assert compare_metadata(context, metadata) == []
    engine.dispose()


def test_the_comparison_would_see_a_difference(db_url: str) -> None:
    changed = sa.MetaData()
    for table in metadata.tables.values():
        table.to_metadata(changed)
    changed.tables["users"].append_column(sa.Column("more", sa.Integer))
    engine = migrate.sync_engine(db_url)
    with engine.connect() as connection:
        context = MigrationContext.configure(
            connection, opts={"version_table": migrate.VERSION_TABLE}
        )
        assert [step[0] for step in compare_metadata(context, changed)] == ["add_column"]
    engine.dispose()


@pytest.mark.parametrize("db_url", ["mariadb"], indirect=True)
def test_moments_keys_and_text_on_mariadb(db_url: str) -> None:
    # What the comparison misses: microseconds and collations.
    found = {
        (table, column): (kind, collation)
        for table, column, kind, collation in run(
            db_url,
            "SELECT table_name, column_name, column_type, collation_name"
            " FROM information_schema.columns WHERE table_schema = DATABASE()",
        )
    }
    keys = 0
    for table in metadata.tables.values():
        for column in table.columns:
            kind, collation = found[table.name, column.name]
            if isinstance(column.type, Utc):
                assert kind == "datetime(6)", f"{table.name}.{column.name}"
            elif isinstance(column.type, sa.String):
                assert collation.startswith("utf8mb4"), f"{table.name}.{column.name}"
                if "mysql" in column.type._variant_mapping:
                    keys += 1
                    assert collation == "utf8mb4_nopad_bin", f"{table.name}.{column.name}"
    assert keys > 10


def test_four_processes_migrate_at_once(empty_db_url: str) -> None:
    code = "import sys; from metropole_core.db import migrate; migrate.upgrade(sys.argv[1])"
    started = [
        subprocess.Popen([sys.executable, "-c", code, empty_db_url], stderr=subprocess.PIPE)
        for _ in range(4)
    ]
    for process in started:
        _, errors = process.communicate(timeout=50)
        assert process.returncode == 0, errors.decode()
    assert migrate.current(empty_db_url) == migrate.head()


def test_a_newer_database_is_refused_with_a_sentence(empty_db_url: str) -> None:
    migrate.upgrade(empty_db_url)
    run(empty_db_url, f"UPDATE {migrate.VERSION_TABLE} SET version_num = '9999'")
    with pytest.raises(ConfigError, match="newer") as caught:
        migrate.upgrade(empty_db_url)
    assert "9999" in caught.value.sentence


def test_making_a_table_anew_keeps_the_rows_of_its_children(empty_db_url: str) -> None:
    # As a batch operation of Alembic does it on SQLite: copy, drop, rename.
    migrate.upgrade(empty_db_url)
    run(empty_db_url, USER)
    session = "'2026-01-02 03:04:05', '2026-01-02 03:04:05', '2026-01-02 03:04:05'"
    run(
        empty_db_url,
        "INSERT INTO sessions (token_hash, user_id, created_at, seen_at, expires_at)"
        f" SELECT 'x', id, {session} FROM users",
    )
    engine = migrate.sync_engine(empty_db_url)
    with engine.begin() as connection:
        operations = Operations(MigrationContext.configure(connection))
        with operations.batch_alter_table("users") as batch:
            batch.alter_column(
                "display_name", existing_type=sa.String(40), type_=sa.String(50), nullable=False
            )
    engine.dispose()
    assert run(empty_db_url, "SELECT display_name FROM users") == [("Änna 😀",)]
    assert run(empty_db_url, "SELECT token_hash FROM sessions") == [("x",)]


def test_a_revision_that_fails_leaves_nothing_on_sqlite(tmp_path: Path) -> None:
    path = tmp_path / "half.sqlite3"
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE settings (x)")  # the last one that the revision makes
    connection.close()
    with pytest.raises(sa.exc.OperationalError, match="already exists"):
        migrate.upgrade(f"sqlite:///{path}")
    assert tables(f"sqlite:///{path}") <= {"settings", migrate.VERSION_TABLE}


@pytest.mark.parametrize(
    ("url", "sentence"),
    [
        ("mysql://root@127.0.0.1:9/x", "does not answer"),
        ("sqlite:////proc/nowhere/x.sqlite3", "cannot be written"),
        ("postgresql://localhost/x", "neither sqlite"),
    ],
)
def test_a_database_that_cannot_be_opened(url: str, sentence: str) -> None:
    with pytest.raises(ConfigError, match=sentence) as caught:
        migrate.upgrade(url)
    assert caught.value.field == "database"


def test_wrong_user_and_missing_database(mariadb_url: str) -> None:
    with pytest.raises(ConfigError, match="refuses the user") as caught:
        migrate.upgrade(mariadb_url.replace("root@", "stranger:geheim@"))
    assert "geheim" not in caught.value.sentence
    with pytest.raises(ConfigError, match="does not exist"):
        migrate.upgrade(mariadb_url.replace("/metropole_", "/missing_"))
