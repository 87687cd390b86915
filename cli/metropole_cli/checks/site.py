"""Looks at the site: key file, port, database, plugins."""

from __future__ import annotations

import asyncio
import http.client
import socket
import stat
from typing import TYPE_CHECKING

from metropole_core.contracts.checks import Finding, Level

if TYPE_CHECKING:
    from metropole_core.config import SiteConfig
    from metropole_core.site import Site


def examine_files(config: SiteConfig) -> list[Finding]:
    """The key file exists and is for the site's eyes only."""
    path = config.key_file
    if not path.exists():
        return [
            Finding(
                Level.ERROR, "Key file", f"{path} does not exist", "Make the site: metropole init"
            )
        ]
    mode = stat.S_IMODE(path.stat().st_mode)
    if mode & 0o077:
        return [
            Finding(
                Level.ERROR,
                "Key file",
                f"{path} can be read by others (mode {mode:04o})",
                f"chmod 600 {path}",
            )
        ]
    return [Finding(Level.OK, "Key file", f"{path} is there, readable by the site only")]


def examine_port(config: SiteConfig) -> list[Finding]:
    """The site's port is free, or held by this site."""
    host, _, port = config.bind.rpartition(":")
    subject = "Site port"
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host.strip("[]"), int(port)))
        except OSError as error:
            if _is_metropole(host.strip("[]"), int(port)):
                return [Finding(Level.OK, subject, f"Metropole is running on {config.bind}")]
            return [
                Finding(
                    Level.ERROR,
                    subject,
                    f"{config.bind} cannot be used: {error.strerror}",
                    "End the program that holds it, or set `bind` to another port.",
                )
            ]
    return [Finding(Level.OK, subject, f"{config.bind} is free")]


def _is_metropole(host: str, port: int) -> bool:
    connection = http.client.HTTPConnection(host, port, timeout=2)
    try:
        connection.request("GET", "/healthz")
        response = connection.getresponse()
        return response.status == 200 and b"metropole" in response.read(200).lower()
    except OSError:
        return False
    finally:
        connection.close()


async def examine_database(site: Site) -> list[Finding]:
    """The database answers and is up to date."""
    from metropole_core.db import migrate

    url = site.config.database
    current = await asyncio.to_thread(migrate.current, url)
    if current != migrate.head():
        return [
            Finding(
                Level.ERROR,
                "Database",
                f"it is at {current or 'nothing'}, this release needs {migrate.head()}",
                "metropole db upgrade",
            )
        ]
    kind = url.split(":", 1)[0]
    return [Finding(Level.OK, "Database", f"{kind} answers and is up to date")]


def examine_plugins(site: Site) -> list[Finding]:
    """Every plugin is loaded, and nothing is missing for going live."""
    findings = [
        Finding(Level.WARNING, f"Plugin {record.name}", f"{record.state.value}: {record.reason}")
        for record in site.plugins.records()
        if record.state.value in ("failed", "incompatible")
    ]
    findings += [Finding(Level.WARNING, "Site", sentence) for sentence in site.missing()]
    if not findings:
        findings.append(Finding(Level.OK, "Plugins", f"{len(site.plugins.records())} loaded"))
    return findings
