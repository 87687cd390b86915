"""Plugins good and bad: whatever a distribution holds, the site starts and says what is wrong."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from metropole_core.contracts.checks import Level
from metropole_core.discovery import PluginState

GOOD = """
class Settings(BaseModel):
    port: int = Field(default=1, title="Port")

class Plugin:
    requires_api = ">=1,<2"
    Settings = Settings

    def __init__(self, context):
        self.context = context

    @hookimpl
    def register_ingest(self, register):
        register(Ingest(self.context.name))
"""

Install = Callable[..., None]
Load = Callable[..., Any]


def test_a_good_plugin_is_loaded(install: Install, load: Load) -> None:
    install("metropole-ingest-good", GOOD, version="2.3")
    loaded = load(plugin={"ingest_good": {"port": 7}})
    record = loaded.record("ingest_good")
    assert record.state is PluginState.LOADED
    assert (record.kind, record.distribution, record.version, record.reason) == (
        "ingest", "metropole-ingest-good", "2.3", "",
    )  # fmt: skip
    assert "ingest_good" in [ingest.name for ingest in loaded.registry.ingests()]
    assert "ingest_good" in loaded.manager.loaded()
    settings = loaded.manager.settings("ingest_good")
    assert settings.value.port == 7


def test_settings_come_from_the_database_too(install: Install, load: Load) -> None:
    install("metropole-ingest-good", GOOD)
    loaded = load(stored={"ingest_good": {"port": 9}})
    assert loaded.manager.settings("ingest_good").value.port == 9


BAD = {
    "import error": ("import a_module_that_is_not_there", "its import failed: ModuleNotFoundError"),
    "syntax error": ("def (", "its import failed: SyntaxError"),
    "exit at import": ("raise SystemExit(3)", "it tried to end the program (SystemExit: 3)"),
    "cancelled at import": (
        "import asyncio\nraise asyncio.CancelledError",
        "its import failed: CancelledError",
    ),
    "no class": ("Plugin = 3", "names no class"),
    "no such attribute": ("", "its import failed: AttributeError"),
    "no API": ("class Plugin: ...", 'its class needs requires_api = ">=1,<2"'),
    "API of the future": (
        "class Plugin:\n    requires_api = '>=2'",
        "it needs plugin API >=2, this site has 1.0",
    ),
    "API in words": (
        "class Plugin:\n    requires_api = 'the first'",
        "'the first' is not a version specifier",
    ),
    "API as a number": ("class Plugin:\n    requires_api = 1", "1 is not a version specifier"),
    "settings of another kind": (
        "class Plugin:\n    requires_api = '>=1'\n    Settings = dict",
        "its `Settings` is not a pydantic model",
    ),
    "constructor": (
        (
            "class Plugin:\n    requires_api = '>=1'\n"
            "    def __init__(self, context): raise ValueError('no luck')"
        ),
        "its constructor failed: ValueError: no luck",
    ),
    "exit in the constructor": (
        "class Plugin:\n    requires_api = '>=1'\n    def __init__(self, context): exit()",
        "its constructor failed: it tried to end the program",
    ),
    "an error that cannot be shown": (
        (
            "class Bad(Exception):\n    def __str__(self): raise RuntimeError\n"
            "class Plugin:\n    requires_api = '>=1'\n    def __init__(self, context): raise Bad"
        ),
        "its constructor failed: Bad",
    ),
    "misspelt hook": (
        (
            "class Plugin:\n    requires_api = '>=1'\n"
            "    @hookimpl\n    def register_ingres(self, register): ..."
        ),
        "it implements `register_ingres`, which is no hook; did you mean `register_ingest`?",
    ),
    "argument that no hook has": (
        (
            "class Plugin:\n    requires_api = '>=1'\n"
            "    @hookimpl\n    def register_ingest(self, registry): ..."
        ),
        "taking its hooks failed",
    ),
    "bad registration": (
        (
            "class Plugin:\n    requires_api = '>=1'\n"
            "    @hookimpl\n    def register_ingest(self, register): register('rtmp')"
        ),
        "plugin ingest_bad, hook register_ingest: field `name` of str is missing",
    ),
    "hook that fails": (
        (
            "class Plugin:\n    requires_api = '>=1'\n"
            "    @hookimpl\n    def register_ingest(self, register): 1 / 0"
        ),
        "hook register_ingest failed: ZeroDivisionError",
    ),
}


@pytest.mark.parametrize("what", list(BAD))
def test_a_bad_plugin_hurts_nobody(install: Install, load: Load, what: str) -> None:
    code, reason = BAD[what]
    install("metropole-ingest-bad", code)
    install("metropole-ingest-good", GOOD)
    loaded = load()
    record = loaded.record("ingest_bad")
    expected = PluginState.INCOMPATIBLE if "API" in what else PluginState.FAILED
    assert record.state is expected
    assert reason in record.reason
    assert "ingest_bad" not in loaded.manager.loaded()
    assert loaded.record("ingest_good").state is PluginState.LOADED
    assert [i.name for i in loaded.registry.ingests() if "good" in i.name] == ["ingest_good"]


def test_ctrl_c_goes_through(install: Install, load: Load) -> None:
    install("metropole-ingest-bad", "raise KeyboardInterrupt")
    with pytest.raises(KeyboardInterrupt):
        load()


def test_what_a_failing_plugin_registered_is_dropped(install: Install, load: Load) -> None:
    install(
        "metropole-ingest-half",
        """
        class Plugin:
            requires_api = ">=1"

            @hookimpl
            def register_ingest(self, register):
                register(Ingest("half"))
                register(Ingest("half"))
        """,
    )
    loaded = load()
    assert "which plugin ingest_half has registered already" in loaded.record("ingest_half").reason
    assert "half" not in [ingest.name for ingest in loaded.registry.ingests()]
    assert loaded.released == ["ingest_half"]


def test_bad_settings(install: Install, load: Load) -> None:
    install("metropole-ingest-good", GOOD)
    record = load(plugin={"ingest_good": {"prot": 1}}).record("ingest_good")
    assert record.state is PluginState.FAILED
    assert "there is no setting `prot`" in record.reason
    assert "Did you mean `port`?" in record.reason


def test_disabled_plugins_are_not_imported(install: Install, load: Load, tmp_path: Path) -> None:
    mark = tmp_path / "imported"
    install("metropole-ingest-good", f"open({str(mark)!r}, 'w').close()\n" + GOOD)
    record = load(disabled=("ingest_good",)).record("ingest_good")
    assert record.state is PluginState.DISABLED
    assert "plugins.disabled" in record.reason
    assert not mark.exists()


def test_foreign_plugins_wait_for_the_operator(
    install: Install, load: Load, tmp_path: Path
) -> None:
    mark = tmp_path / "imported"
    install("acme-ingest", f"open({str(mark)!r}, 'w').close()\n" + GOOD, name="ingest_acme")
    record = load().record("ingest_acme")
    assert record.state is PluginState.FOUND
    assert 'add "ingest_acme" to the setting plugins.enabled' in record.reason
    assert not mark.exists()
    assert load(enabled=("ingest_acme",)).record("ingest_acme").state is PluginState.LOADED
    both = load(enabled=("ingest_acme",), disabled=("ingest_acme",))
    assert both.record("ingest_acme").state is PluginState.DISABLED


def test_of_two_with_one_name_ours_wins(install: Install, load: Load) -> None:
    install("acme-ingest", GOOD, name="ingest_good")
    install("metropole-ingest-good", GOOD)
    loaded = load(enabled=("ingest_good",))
    assert loaded.record("ingest_good", "metropole-ingest-good").state is PluginState.LOADED
    other = loaded.record("ingest_good", "acme-ingest")
    assert other.state is PluginState.FAILED
    assert "metropole-ingest-good brings a plugin of the same name" in other.reason


def test_a_name_without_a_kind(install: Install, load: Load) -> None:
    install("metropole-thing", GOOD, name="thing_good")
    record = load().record("thing_good")
    assert record.state is PluginState.FAILED
    assert record.kind == ""
    assert "must begin with its kind, one of provider, ingest" in record.reason


def test_names_of_settings_that_nobody_has(
    load: Load, install: Install, caplog: pytest.LogCaptureFixture
) -> None:
    install("metropole-ingest-good", GOOD)
    load(disabled=("ingest_goood",), plugin={"zzz": {}})
    assert "plugins.disabled: no plugin ingest_goood is installed. Did you mean ingest_good?" in (
        caplog.text
    )
    assert "setting plugin: no plugin zzz is installed." in caplog.text


def test_a_plugin_needs_no_constructor(install: Install, load: Load) -> None:
    install(
        "metropole-theme-bare",
        """
        from pathlib import Path

        class Plugin:
            requires_api = ">=1"
            assets = Path("dist")

            @hookimpl
            def register_theme(self, register):
                register(Theme("bare", "Bare"))
        """,
    )
    loaded = load()
    assert loaded.record("theme_bare").state is PluginState.LOADED
    assert loaded.registry.theme("bare") is not None
    assert loaded.manager.assets()["theme_bare"] == Path("dist")


async def test_checks_are_asked_when_the_doctor_runs(install: Install, load: Load) -> None:
    install(
        "metropole-ingest-looks",
        """
        from metropole_core.contracts.checks import Finding, Level

        class Plugin:
            requires_api = ">=1"

            @hookimpl
            def register_checks(self, register):
                async def look():
                    return [Finding(Level.OK, "Port", "is free")]
                register(Check("looks", look))
        """,
    )
    install(
        "metropole-ingest-blind",
        """
        class Plugin:
            requires_api = ">=1"

            @hookimpl
            def register_checks(self, register):
                raise RuntimeError("blind")
        """,
    )
    loaded = load()
    for _ in range(2):  # the doctor may run again
        check = next(c for c in loaded.manager.checks() if c.name == "looks")
        assert (await check.run())[0].level is Level.OK
    assert loaded.record("ingest_blind").state is PluginState.LOADED


def test_a_plugin_that_fails_later_is_recorded(install: Install, load: Load) -> None:
    install("metropole-ingest-good", GOOD)
    loaded = load()
    loaded.manager.fail("ingest_good", "its port is taken")
    record = loaded.record("ingest_good")
    assert record.state is PluginState.FAILED
    assert record.reason == "its port is taken"
    assert "ingest_good" not in [ingest.name for ingest in loaded.registry.ingests()]
    assert loaded.manager.settings("ingest_good") is None
