"""The password of the database, and of an account, in what commands print when they fail."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner
from metropole_cli.main import main

from metropole_core.config import SiteConfig
from metropole_core.keys import SiteKeys
from tests.security.traces import found

SECRET = "brackish-Wren-7731"
URLS = [
    f"mysql://metropole:{SECRET}@127.0.0.1:1/metropole",
    f"mysql://metropole:{SECRET}@127.0.0.1:port/metropole",
    f"mysql://metropole:{SECRET}@127.0.0.1:1/metropole?password={SECRET}&ssl_key={SECRET}",
    f"mysql://metropole:p@ss{SECRET}@127.0.0.1:1/metropole",
    f"mysql://metropole:{SECRET}/x@127.0.0.1:1/metropole",
    f"mysql:/metropole:{SECRET}@127.0.0.1/metropole",
    f"postgresql://metropole:{SECRET}@127.0.0.1/metropole",
    f"metropole:{SECRET}@127.0.0.1/metropole",
    f"mysql://metropole:{SECRET}@[127.0.0.1/metropole",
    f"sqlite:////no/such/{SECRET}@x/../../folder.sqlite3?password={SECRET}",
]
COMMANDS = [("db", "upgrade"), ("user", "list"), ("config", "show"),
            ("config", "show", "--json")]  # fmt: skip


@pytest.mark.parametrize("by", ["file", "environment"])
@pytest.mark.parametrize("url", URLS[:-1])
def test_the_password_of_the_database_is_printed_nowhere(
    tmp_path: Path, url: str, by: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    SiteKeys.create(tmp_path / "site.key")
    file = tmp_path / "metropole.toml"
    lines = [f'data_dir = "{tmp_path}"', 'bind = "127.0.0.1:1"']
    if by == "file":
        lines.insert(0, f'database = "{url}"')
    else:
        monkeypatch.setenv("METROPOLE_DATABASE", url)
    file.write_text("\n".join(lines))
    looks = [("doctor",), ("doctor", "--json")] if url in URLS[2:4] and by == "file" else []
    for command in [*COMMANDS, *looks]:
        result = CliRunner().invoke(main, ["--config", str(file), *command])
        said = result.output + (repr(result.exception) if result.exception else "")
        assert not found(SECRET, said), f"{' '.join(command)}: {said}"
        assert "Traceback" not in result.output
        if command[0] == "db":
            assert result.exit_code != 0, command


@pytest.mark.parametrize("url", URLS)
def test_a_refused_setting_is_not_repeated(url: str) -> None:
    said = ""
    try:
        said = repr(SiteConfig(database=url))
    except ValueError as error:
        said = str(error) + repr(error)
    assert said
    assert not found(SECRET, said)


def test_a_broken_file_is_not_repeated(tmp_path: Path) -> None:
    file = tmp_path / "metropole.toml"
    for text in (
        f'database = "mysql://a:{SECRET}@h/d',
        f'databse = "mysql://a:{SECRET}@h/d"',
        f'[plugin.ingest_rtmp]\nsecret = "{SECRET}"\nbind = "x"',
        f'[database]\npassword = "{SECRET}"',
        f"database = 5 # {SECRET}",
    ):
        file.write_text(text)
        for command in (("db", "upgrade"), ("config", "show")):
            result = CliRunner().invoke(main, ["--config", str(file), *command])
            said = result.output + (repr(result.exception) if result.exception else "")
            assert not found(SECRET, said), said


def test_the_administrators_password_is_printed_nowhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("METROPOLE_ADMIN_PASSWORD", SECRET)
    for extra in ([], ["--database", "mysql://a:b@127.0.0.1:1/x"], ["--admin", "x"]):
        folder = tmp_path / "-".join(each[:8] for each in extra).replace(":", "").replace("/", "")
        folder.mkdir(exist_ok=True)
        result = CliRunner().invoke(
            main,
            ["--config", str(folder / "metropole.toml"), "init", "--yes", "--name", "A",
             "--data-dir", str(folder / "data"), "--admin", "boss_of_it", *extra],
        )  # fmt: skip
        said = result.output + (repr(result.exception) if result.exception else "")
        assert not found(SECRET, said), said
        for path in folder.rglob("*"):
            if path.is_file():
                assert not found(SECRET, path.read_bytes().decode("latin-1")), path
