"""Looks at the plugins: those that do not run, what is missing, and what they look at themselves.

The site's parts are made as for any command beside a running site, and closed again.
"""

from __future__ import annotations

import asyncio
import json
import resource
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from metropole_cli.checks import transcoding
from metropole_cli.checks.look import BUDGET, Found, crashed, late, named
from metropole_cli.checks.machine import GROUP as MACHINE
from metropole_core.contracts.checks import Check, Finding, Level

if TYPE_CHECKING:
    from metropole_core.config import SiteConfig
    from metropole_core.discovery import PluginRecord
    from metropole_core.site import Site

GROUP = "Plugins"
RESERVE = 256
FILES_WANTED = 4096
FILES_A_VIEWER = 3


class PluginLook:
    """Runs beside the other looks; `result` waits for it."""

    def __init__(self, config: SiteConfig) -> None:
        self._config = config
        self._found: list[Found] = []
        self._open: dict[str, str] = {}
        self._phase = "opening the site's parts"
        self._thread = threading.Thread(target=self._run, daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def result(self, seconds: float) -> list[Found]:
        """What was found within that time; what is still being looked at is a finding."""
        self._thread.join(seconds)
        found = list(self._found)
        if self._thread.is_alive():
            late_ones = dict(self._open) or {"plugins": f"Plugins ({self._phase})"}
            found += [
                Found(GROUP, late(subject, code, BUDGET)) for code, subject in late_ones.items()
            ]
        return found

    def _run(self) -> None:
        from metropole_core.errors import MetropoleError

        try:
            asyncio.run(self._examine())
        except MetropoleError as error:
            self._found.append(Found(GROUP, _unopened(error.sentence)))
        except BaseException as error:
            self._found.append(Found(GROUP, crashed("Plugins", "plugins", error)))

    async def _examine(self) -> None:
        from metropole_core.site import Site

        async with Site.offline(self._config) as site:
            self._add(GROUP, states(site.plugins.records()))
            self._add(GROUP, unknown_names(self._config, site.plugins.records()))
            self._add(GROUP, missing(site))
            self._add(GROUP, assets(site))
            self._add(MACHINE, [open_files(connections(site))])
            self._phase = "asking plugins for their checks"
            # One after the other they would need a budget each.
            checks = site.plugins.checks()
            await asyncio.gather(
                self._transcoding(site), *(self._check(check, site) for check in checks)
            )

    def _add(self, group: str, findings: Sequence[Finding]) -> None:
        self._found += [Found(group, named(finding, "plugins")) for finding in findings]

    async def _transcoding(self, site: Site) -> None:
        code = "transcoding"
        self._open[code] = transcoding.SUBJECT
        try:
            findings = await asyncio.wait_for(transcoding.look(site), BUDGET)
        except TimeoutError:
            findings = [late(transcoding.SUBJECT, code, BUDGET)]
        except Exception as error:
            findings = [crashed(transcoding.SUBJECT, code, error)]
        del self._open[code]
        self._found += [Found(GROUP, named(finding, code)) for finding in findings]

    async def _check(self, check: Check, site: Site) -> None:
        owner = site.registry.owner(check) or "plugin"
        code = f"{owner}_{check.name}"
        self._open[code] = f"Plugin {owner}, check {check.name}"
        try:
            findings = await asyncio.wait_for(check.run(), BUDGET)
        except TimeoutError:
            findings = [late(self._open[code], code, BUDGET)]
        except Exception as error:
            findings = [crashed(self._open[code], code, error)]
        del self._open[code]
        self._found += [Found(GROUP, named(finding, code)) for finding in findings]


def _unopened(sentence: str) -> Finding:
    return Finding(
        Level.ERROR,
        "Plugins",
        f"they could not be looked at: {sentence}",
        "Mend what stands above first.",
        "plugins_unopened",
    )


def states(records: Sequence[PluginRecord]) -> list[Finding]:
    """Plugins that do not take part though they should, or might."""
    levels = {"failed": Level.ERROR, "incompatible": Level.ERROR, "found": Level.WARNING}
    advice = {
        "failed": "Mend its settings or install another release; until then it is left out.",
        "incompatible": "Install a release of the plugin that fits.",
        "found": "Add it to plugins.enabled to use it, or to plugins.disabled to hear no more.",
    }
    findings = [
        Finding(
            levels[record.state.value],
            f"Plugin {record.name}",
            f"{record.state.value}: {record.reason}",
            advice[record.state.value],
            f"plugin_{record.state.value}",
        )
        for record in records
        if record.state.value in levels
    ]
    loaded = sum(record.state.value == "loaded" for record in records)
    return [*findings, Finding(Level.OK, "Plugins", f"{loaded} loaded")]


def unknown_names(config: SiteConfig, records: Sequence[PluginRecord]) -> list[Finding]:
    """Plugins of the settings that are not installed."""
    installed = {record.name for record in records}
    given = {
        "plugins.enabled": config.plugins.enabled,
        "plugins.disabled": config.plugins.disabled,
        "[plugin.<name>]": list(config.plugin),
    }
    return [
        Finding(
            Level.WARNING,
            f"Plugin {name}",
            f"named in {setting}, but not installed",
            "Install it, or remove it from the settings; `metropole plugins` lists what there is.",
            "plugin_unknown",
        )
        for setting, names in given.items()
        for name in names
        if name not in installed
    ]


def missing(site: Site) -> list[Finding]:
    """What a complete site has and this one has not."""
    return [Finding(Level.WARNING, "Site", each, "", "site_incomplete") for each in site.missing()]


def assets(site: Site) -> list[Finding]:
    """Whether the scripts and styles of core, theme and plugins were built."""
    import metropole_core

    folders = {"core": Path(metropole_core.__file__).parent / "static" / "dist"}
    folders |= site.plugins.assets()
    wanted: dict[str, list[str]] = {name: [] for name in folders}
    for theme in site.registry.themes():
        owner = site.registry.owner(theme) or ""
        wanted.setdefault(owner, []).extend([*theme.styles, *theme.scripts])
    broken = [
        name for name, folder in folders.items() if not _is_built(folder, wanted.get(name, []))
    ]
    if not broken:
        return [Finding(Level.OK, "Scripts and styles", "are built", code="assets")]
    return [
        Finding(
            Level.ERROR,
            "Scripts and styles",
            f"those of {', '.join(broken)} are missing, so pages look plain or do not work",
            "Install from the wheels, or run `make assets` in a checkout.",
            "assets_missing",
        )
    ]


def _is_built(folder: Path, entries: Sequence[str]) -> bool:
    try:
        manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
        files = [each["file"] for each in manifest.values() if each.get("file")]
        return set(entries) <= set(manifest) and all((folder / file).is_file() for file in files)
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return False


def connections(site: Site) -> int:
    """Connections that all ports together may hold, by their settings."""
    total = site.config.max_connections
    for name in site.plugins.loaded():
        settings = site.plugins.settings(name)
        total += int(getattr(settings.value if settings else None, "max_connections", 0))
    return total


def open_files(wanted: int, limits: tuple[int, int] | None = None) -> Finding:
    """The limit of open files beside the limits of connections."""
    subject = "Open files"
    soft, hard = limits or resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard == resource.RLIM_INFINITY or soft == resource.RLIM_INFINITY:
        return Finding(Level.OK, subject, "any number may be open", code="files")
    sentence = (
        f"{soft} may be open, enough for about {max(0, soft - RESERVE) // FILES_A_VIEWER} viewers; "
        f"the settings allow {wanted} connections"
    )
    if soft < min(wanted + RESERVE, FILES_WANTED) or hard < wanted + RESERVE:
        return Finding(
            Level.WARNING,
            subject,
            sentence,
            "Raise it: `ulimit -n 65536`, or LimitNOFILE=65536 in the systemd unit.",
            "files_few",
        )
    return Finding(Level.OK, subject, sentence, code="files")
