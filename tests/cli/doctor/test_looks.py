"""What the doctor makes of what it sees: each thing that can be wrong is named, with its advice."""

from __future__ import annotations

import asyncio
import os
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from metropole_cli.checks import addresses, certificate, database, files, machine, plugins, port
from metropole_cli.checks.look import Look, take
from metropole_cli.checks.web import Answer
from metropole_cli.secrecy import HIDDEN, holds_secrets, redact, redact_url
from pydantic import SecretStr

from metropole_core.config import SiteConfig
from metropole_core.contracts.checks import Check, Finding, Level
from metropole_core.db import migrate
from metropole_core.db.server import ServerFacts, version_numbers
from metropole_core.discovery import PluginRecord, PluginState
from metropole_core.keys import SiteKeys
from metropole_core.plugins import PluginManager


def codes(findings: list[Finding]) -> list[tuple[str, str]]:
    for finding in findings:
        assert finding.advice or finding.level is Level.OK, f"no advice: {finding.sentence}"
    return [(finding.level.value, finding.code) for finding in findings]


def config(**settings: object) -> SiteConfig:
    return SiteConfig.model_validate(settings)


@pytest.fixture
def site_of_checks(tmp_path: Path) -> SiteConfig:
    made = config(data_dir=tmp_path, database=f"sqlite:///{tmp_path}/x", key_file=tmp_path / "k")
    SiteKeys.create(made.key_file)
    migrate.upgrade(made.database)
    return made


def test_a_look_that_hangs_or_crashes_is_a_finding_and_holds_nobody_up() -> None:
    def crash() -> list[Finding]:
        raise RuntimeError("boom")

    def hang() -> list[Finding]:
        time.sleep(30)
        return []

    began = time.monotonic()
    found = take(
        [
            Look("A", "Crash", "crash", crash),
            Look("A", "Hang", "hang", hang),
            Look("B", "Fine", "fine", lambda: [Finding(Level.OK, "Fine", "is fine")]),
        ],
        budget=0.5,
    )
    assert time.monotonic() - began < 5
    assert [(each.group, each.finding.code) for each in found] == [
        ("A", "crash_crashed"),
        ("A", "hang_late"),
        ("B", "fine"),
    ]
    assert "boom" in found[0].finding.sentence


@pytest.mark.parametrize(
    ("mode", "text", "expected"),
    [
        (0o644, 'name = "x"', []),
        (0o600, 'database = "mysql://a:secret@h/d"', []),
        (0o640, 'database = "mysql://a:secret@h/d"', [("warning", "config_readable")]),
        (0o644, 'database = "mysql://a:secret@h/d"', [("error", "config_readable")]),
        (0o644, '[plugin.provider_x]\napi_key = "k"', [("error", "config_readable")]),
        (0o666, 'name = "x"', [("error", "config_writable")]),
    ],
)
def test_a_configuration_that_others_read(
    tmp_path: Path, mode: int, text: str, expected: list[tuple[str, str]]
) -> None:
    path = tmp_path / "metropole.toml"
    path.write_text(text)
    path.chmod(mode)
    assert codes([files.configuration(path)]) == (expected or [("ok", "")])


def test_the_key_file(tmp_path: Path) -> None:
    path = tmp_path / "site.key"
    assert codes([files.key_file(path)]) == [("error", "key_missing")]
    path.write_text("x")
    path.chmod(0o640)
    assert codes([files.key_file(path)]) == [("error", "key_readable")]
    path.chmod(0o600)
    assert codes([files.key_file(path)]) == [("ok", "")]


def test_the_data_folder(tmp_path: Path) -> None:
    assert codes([files.data_folder(tmp_path / "none")]) == [("error", "data_missing")]
    # The tests may run as root, who may write anywhere but here.
    assert codes([files.data_folder(Path("/proc/self"))]) == [("error", "data_unwritable")]
    tmp_path.chmod(0o755)
    assert codes([files.data_folder(tmp_path)]) == [("warning", "data_readable")]
    tmp_path.chmod(0o700)
    assert codes([files.data_folder(tmp_path)]) == [("ok", "")]


MOUNTS = """\
22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw
30 22 0:44 / /srv/my\\040share rw - nfs4 nas:/x rw
31 30 8:2 / /srv/my\\040share/local rw - xfs /dev/sdb1 rw
40 22 0:50 / /home/a rw - fuse.sshfs a@b: rw
"""


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/var/x", "ext4"),
        ("/srv/my share/site.sqlite3", "nfs4"),
        ("/srv/my share/local/x", "xfs"),
        ("/srv/my shareholder", "ext4"),
        ("/home/a/x", "fuse.sshfs"),
    ],
)
def test_the_file_system_below_sqlite(path: str, kind: str, tmp_path: Path) -> None:
    assert files.file_system_kind(Path(path), MOUNTS) == kind
    mounts = tmp_path / "mountinfo"
    mounts.write_text(MOUNTS)
    network = kind in ("nfs4", "fuse.sshfs")
    expected = ("error", "sqlite_network") if network else ("ok", "")
    assert codes([files.file_system(Path(path), mounts)]) == [expected]


def test_a_database_that_has_no_file() -> None:
    assert files.sqlite_path("mysql://a@h/d") is None
    assert files.sqlite_path("sqlite:////srv/x.sqlite3") == Path("/srv/x.sqlite3")


def test_memory_and_processors_of_a_container(tmp_path: Path) -> None:
    info = tmp_path / "meminfo"
    info.write_text("MemTotal: 8388608 kB\nMemFree: 100 kB\nMemAvailable: 4194304 kB\n")
    assert "8.0 GiB, of which 4.0 GiB" in machine.memory(info, tmp_path).sentence
    (tmp_path / "memory.max").write_text(str(900 * 1024**2))
    (tmp_path / "memory.current").write_text(str(100 * 1024**2))
    assert codes([machine.memory(info, tmp_path)]) == [("warning", "memory_small")]
    (tmp_path / "memory.current").write_text(str(800 * 1024**2))
    assert codes([machine.memory(info, tmp_path)]) == [("warning", "memory_low")]
    (tmp_path / "cpu.max").write_text("50000 100000\n")
    assert codes([machine.processors(tmp_path)]) == [("warning", "processors_few")]
    (tmp_path / "cpu.max").write_text("max 100000\n")
    assert codes([machine.processors(tmp_path)]) == [("ok", "")]


def test_a_clock_that_is_years_off() -> None:
    assert codes([machine.clock(1e9)]) == [("error", "clock_wrong")]
    assert codes([machine.clock(time.time())]) == [("ok", "")]


def test_a_disk_that_is_full(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for free, expected in (
        (100 * 1024**2, ("error", "disk_full")),
        (1024**3, ("warning", "disk_low")),
        (5 * 1024**3, ("ok", "")),
    ):
        usage = type("Usage", (), {"free": free})
        monkeypatch.setattr(machine.shutil, "disk_usage", lambda _path, usage=usage: usage)
        assert codes([machine.disk(tmp_path / "not" / "yet")]) == [expected]
    few = os.statvfs_result((4096, 4096, 9**9, 9**9, 9**9, 1000, 10, 10, 0, 255))
    monkeypatch.setattr(machine.os, "statvfs", lambda _path: few)
    assert codes([machine.disk(tmp_path)]) == [("warning", "disk_inodes")]


@pytest.mark.parametrize(
    ("limits", "wanted", "expected"),
    [
        ((1024, 1024), 20_000, ("warning", "files_few")),
        ((1024, 1_000_000), 20_000, ("warning", "files_few")),
        ((65_536, 1_000_000), 20_000, ("ok", "files")),
        ((8192, 8192), 20_000, ("warning", "files_few")),
        ((-1, -1), 20_000, ("ok", "files")),
    ],
)
def test_open_files_beside_connections(
    limits: tuple[int, int], wanted: int, expected: tuple[str, str]
) -> None:
    assert codes([plugins.open_files(wanted, limits)]) == [expected]


HTTPS = {"public_url": "https://tv.example", "media_url": "https://media.tv.example"}
PROXY = {"trusted_proxies": ["127.0.0.1"]}


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({}, []),
        (HTTPS | PROXY, []),
        ({"public_url": "http://localhost:8000", "bind": "0.0.0.0:8000"}, ["public_url_local"]),
        ({"public_url": "http://192.168.1.5:8000"}, ["public_url_unbound"]),
        ({"public_url": "http://192.168.1.5:8000", "bind": "0.0.0.0:8000"}, []),
        ({"public_url": "http://nas.local", "bind": "0.0.0.0:8000"}, ["public_url_port"]),
        (
            {"public_url": "http://tv.example:8000", "bind": "[::]:8000"},
            ["public_url_plain"],
        ),
        (PROXY | {"public_url": "https://tv.example"}, ["media_url_missing"]),
        (HTTPS | PROXY | {"media_url": "http://m.example"}, ["media_url_mixed"]),
        (HTTPS | PROXY | {"media_url": "https://127.0.0.1:8001"}, ["media_url_local"]),
        (HTTPS | {"bind": "0.0.0.0:8000"}, ["trusted_proxies_none"]),
        (HTTPS | {"trusted_proxies": ["0.0.0.0/0"]}, ["trusted_proxies_wide"]),
        (HTTPS | {"trusted_proxies": ["10.0.0.0/8", "::/0"]}, ["trusted_proxies_wide"]),
    ],
)
def test_addresses_that_do_not_fit_together(
    settings: dict[str, object], expected: list[str]
) -> None:
    made = config(**settings)
    found = [finding for look in addresses.looks(made) for finding in look.run()]
    assert [code for level, code in codes(found) if level != "ok"] == expected


@pytest.mark.parametrize(
    ("here", "answer", "expected"),
    [
        (None, Answer(why="refused"), ("ok", "public_url_not_asked")),
        (None, Answer(502), ("ok", "public_url_not_asked")),
        ("a", Answer(502), ("error", "public_url_gateway")),
        ("a", Answer(200, {}, b"<h1>Welcome to nginx"), ("error", "public_url_foreign")),
        ("a", Answer(why="refused"), ("warning", "public_url_unreached")),
        ("a", Answer(why="certificate: expired"), ("error", "public_url_certificate")),
        (
            "a",
            Answer(200, {"metropole-instance": "a"}, b"metropole: ok\n"),
            ("ok", "public_url_reached"),
        ),
        (
            "a",
            Answer(200, {"metropole-instance": "b"}, b"metropole: ok\n"),
            ("error", "public_url_other"),
        ),
        (
            None,
            Answer(200, {"metropole-instance": "b"}, b"metropole: ok\n"),
            ("warning", "public_url_elsewhere"),
        ),
    ],
)
def test_who_answers_at_the_public_address(
    here: str | None, answer: Answer, expected: tuple[str, str]
) -> None:
    assert codes([port.judge(config(), here, answer)]) == [expected]


def test_a_name_without_an_address() -> None:
    made = config(public_url="http://nobody.invalid:8000")
    assert codes(port.reach(made)) == [("error", "public_url_name")]


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        (ServerFacts("MariaDB", (10, 11, 6), "utf8mb4"), ["ok "]),
        (ServerFacts("MySQL", (5, 7), "utf8mb4"), ["warning database_old"]),
        (ServerFacts("MariaDB", (11,), "latin1"), ["warning database_encoding"]),
        (
            ServerFacts("MariaDB", (11,), "utf8mb4", odd_tables=("users",)),
            ["error database_tables"],
        ),
        (
            ServerFacts("SQLite", (3, 40), "UTF-8", variables={"journal_mode": "delete"}),
            ["warning database_journal"],
        ),
        (
            ServerFacts(
                "MariaDB",
                (11,),
                "utf8mb4",
                variables={
                    "innodb_flush_log_at_trx_commit": "0",
                    "max_connections": "10",
                    "max_allowed_packet": "1048576",
                },
            ),
            [
                "warning database_flush",
                "warning database_connections",
                "warning database_packet",
            ],
        ),
    ],
)
def test_how_the_database_is_set(facts: ServerFacts, expected: list[str]) -> None:
    assert [" ".join(each) for each in codes(database.settings(facts))] == expected


def test_the_clock_of_the_database() -> None:
    now = datetime.now(UTC)
    facts = ServerFacts("MariaDB", (11,), "utf8mb4", clock=now - timedelta(seconds=30))
    assert codes(database.clock(facts, now)) == [("warning", "database_clock")]
    assert codes(database.clock(facts, now - timedelta(seconds=29))) == [("ok", "database_clock")]


def test_the_tables_and_the_wire() -> None:
    assert codes([database.schema(None, "0002", config())]) == [("error", "database_outdated")]
    upgraded = config(auto_upgrade=True)
    assert codes([database.schema("0001", "0002", upgraded)]) == [("ok", "")]
    assert codes(database.wire("mysql://a:b@db.example/x")) == [("warning", "database_plain")]
    for url in (
        "mysql://a@db.example/x?ssl=true",
        "mysql://a@127.0.0.1/x",
        "mysql://a@localhost/x?unix_socket=/run/x",
        "sqlite:///x",
    ):
        assert database.wire(url) == []
    assert version_numbers("5.5.5-10.11.6-MariaDB-0+deb12u1") == (10, 11, 6)


def test_plugins_that_do_not_take_part() -> None:
    records = [
        PluginRecord(f"theme_{state.value}", "theme", "d", "1", state, "why")
        for state in PluginState
    ]
    assert codes(plugins.states(records)) == [
        ("warning", "plugin_found"),
        ("error", "plugin_incompatible"),
        ("error", "plugin_failed"),
        ("ok", ""),
    ]
    strange = config(plugins={"enabled": ["theme_x"], "disabled": ["theme_loaded"]})
    assert codes(plugins.unknown_names(strange, records)) == [("warning", "plugin_unknown")]


@pytest.mark.parametrize(
    ("host", "days", "expected"),
    [
        ("tv.example", 60, ("ok", "")),
        ("a.tv.example", 60, ("ok", "")),
        ("a.b.tv.example", 60, ("error", "certificate_name")),
        ("example", 60, ("error", "certificate_name")),
        ("tv.example", 3, ("warning", "certificate_ends")),
        ("tv.example", -1, ("error", "certificate_old")),
    ],
)
def test_a_certificate(host: str, days: int, expected: tuple[str, str]) -> None:
    now = datetime.now(UTC)
    end = now + timedelta(days=days)
    found = certificate.judge(host, ["tv.example", "*.tv.example"], end, now)
    assert codes(found) == [expected]


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("mysql://a:b@h/d", f"mysql://a:{HIDDEN}@h/d"),
        ("mysql://a:b%40c@h/d?unix_socket=/x", f"mysql://a:{HIDDEN}@h/d?unix_socket=/x"),
        ("mysql://h/d?user=a&password=b", f"mysql://h/d?user=a&password={HIDDEN}"),
        ("https://x.example/?api_token=abc", f"https://x.example/?api_token={HIDDEN}"),
        ("sqlite:///x/y", "sqlite:///x/y"),
    ],
)
def test_urls_are_shown_without_passwords(url: str, shown: str) -> None:
    assert redact_url(url) == shown


def test_secrets_are_not_shown() -> None:
    assert redact("token", "abc") == HIDDEN
    assert redact("anything", SecretStr("abc")) == HIDDEN
    assert redact("s3", {"secret_key": "abc", "bucket": "b"}) == {
        "secret_key": HIDDEN,
        "bucket": "b",
    }
    assert redact("key_file", "/srv/site.key") == "/srv/site.key"
    assert redact("password", "") == ""
    assert holds_secrets({"a": [{"url": 1}], "plugin": {"x": {"password": "b"}}})
    assert not holds_secrets({"name": "a", "key_file": "b", "trusted_proxies": ["10.0.0.0/8"]})


def test_checks_of_plugins_that_hang_or_crash(
    site_of_checks: SiteConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def crash() -> list[Finding]:
        raise RuntimeError("boom")

    async def wait() -> list[Finding]:
        await asyncio.sleep(60)
        return []

    async def fine() -> list[Finding]:
        return [Finding(Level.OK, "Fine", "is fine", code="own_code")]

    async def block() -> list[Finding]:
        await asyncio.sleep(0.2)
        time.sleep(3)  # noqa: ASYNC251 - what a check must not do
        return []

    monkeypatch.setattr(plugins, "BUDGET", 0.5)
    names = {"crash": crash, "wait": wait, "fine": fine}
    for blocking in (False, True):
        checks = [Check(name, run) for name, run in names.items()]
        checks += [Check("block", block)] if blocking else []
        monkeypatch.setattr(PluginManager, "checks", lambda _self, checks=checks: checks)
        look = plugins.PluginLook(site_of_checks)
        look.start()
        found = {each.finding.code: each for each in look.result(2.5)}
        assert found["own_code"].group == "Plugins"
        assert "boom" in found["plugin_crash_crashed"].finding.sentence
        assert found["plugin_wait_late"].finding.level is Level.WARNING
        assert ("plugin_block_late" in found) == blocking
