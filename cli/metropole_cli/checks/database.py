"""Looks at the database: does it answer, is it up to date, is it set so that nothing is lost."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from metropole_cli.checks.look import Look
from metropole_core.contracts.checks import Finding, Level

if TYPE_CHECKING:
    from metropole_core.config import SiteConfig
    from metropole_core.db.server import ServerFacts

GROUP = "Database"
OLDEST = {"MariaDB": (10, 5), "MySQL": (8, 0), "SQLite": (3, 35)}
POOL = 10
"""Connections that one site opens at most."""
PACKET = 4 * 1024 * 1024
CLOCK_SECONDS = 2.0
LOCAL = frozenset(["", "localhost", "127.0.0.1", "::1"])


def looks(config: SiteConfig) -> list[Look]:
    """Everything about the database."""
    return [Look(GROUP, "Database", "database", lambda: examine(config))]


def examine(config: SiteConfig) -> list[Finding]:
    """Ask the database itself."""
    from metropole_core.db import migrate
    from metropole_core.db.server import look
    from metropole_core.errors import MetropoleError

    url = config.database
    try:
        current = migrate.current(url)
    except MetropoleError as error:
        return [
            Finding(
                Level.ERROR,
                "Database",
                error.sentence,
                "Start the server, or correct the setting `database`.",
                "database_unreachable",
            )
        ]
    findings = [schema(current, migrate.head(), config)]
    if current is not None:
        facts = look(url)
        findings += [*settings(facts), *clock(facts, datetime.now(UTC))]
    return findings + wire(url)


def schema(current: str | None, head: str, config: SiteConfig) -> Finding:
    """Whether the tables are those of this release."""
    kind = config.database.partition(":")[0].partition("+")[0]
    if current == head:
        return Finding(Level.OK, "Database", f"{kind} answers and is up to date")
    sentence = f"its tables are those of {current}, this release needs {head}"
    if current is None:
        sentence = "it has no tables yet"
    if config.auto_upgrade:
        return Finding(Level.OK, "Database", f"{sentence}; the next start upgrades it")
    advice = "Back it up, then: metropole db upgrade"
    if current is None:
        advice = "Make the site with `metropole init`, or the tables alone: metropole db upgrade"
    return Finding(Level.ERROR, "Database", sentence, advice, "database_outdated")


def settings(facts: ServerFacts) -> list[Finding]:
    """Version, encoding, and settings that could lose what was stored."""
    subject = "Database settings"
    found = []

    def warn(sentence: str, advice: str, code: str) -> None:
        found.append(Finding(Level.WARNING, subject, sentence, advice, f"database_{code}"))

    version = ".".join(map(str, facts.version))
    oldest = OLDEST[facts.kind]
    if facts.version < oldest:
        warn(
            f"{facts.kind} {version} is older than {'.'.join(map(str, oldest))}, which Metropole "
            "was not tested with",
            "Use a newer release of the server.",
            "old",
        )
    if facts.encoding.lower() not in ("utf8mb4", "utf-8"):
        warn(
            f"the database's own encoding is {facts.encoding}",
            "ALTER DATABASE ... CHARACTER SET utf8mb4",
            "encoding",
        )
    if facts.odd_tables:
        found.append(
            Finding(
                Level.ERROR,
                subject,
                f"these tables lose emoji or transactions: {', '.join(facts.odd_tables)}",
                "ALTER TABLE ... ENGINE=InnoDB, CONVERT TO CHARACTER SET utf8mb4",
                "database_tables",
            )
        )
    if facts.kind == "SQLite" and facts.variables.get("journal_mode") != "wal":
        warn(
            f"its journal mode is {facts.variables.get('journal_mode')}, not WAL: pages wait for "
            "who writes",
            "Start the site once, or: metropole db upgrade",
            "journal",
        )
    _server(facts, warn)
    if not found:
        found.append(Finding(Level.OK, subject, f"{facts.kind} {version}, {facts.encoding}"))
    return found


def _server(facts: ServerFacts, warn: object) -> None:
    assert callable(warn)
    known = {name: int(value) for name, value in facts.variables.items() if value.isdecimal()}
    if known.get("innodb_flush_log_at_trx_commit") == 0:
        warn(
            "innodb_flush_log_at_trx_commit is 0: a crash of the server loses the last second",
            "Set it to 1, or to 2 when only a power cut may cost a second.",
            "flush",
        )
    if known.get("max_connections", 2 * POOL) < 2 * POOL:
        warn(
            f"max_connections is {known['max_connections']}, and this site opens up to {POOL}",
            f"Set it to {5 * POOL} or more.",
            "connections",
        )
    if known.get("max_allowed_packet", PACKET) < PACKET:
        warn(
            f"max_allowed_packet is only {known['max_allowed_packet'] // 1024} KiB",
            "Set it to 16M.",
            "packet",
        )


def clock(facts: ServerFacts, now: datetime) -> list[Finding]:
    """The clock of the database's machine and ours."""
    if facts.clock is None:
        return []
    off = abs((facts.clock - now).total_seconds())
    subject = "Database clock"
    if off > CLOCK_SECONDS:
        return [
            Finding(
                Level.WARNING,
                subject,
                f"the database server's clock is {off:.0f} s off this machine's",
                "Switch on NTP on both: timedatectl set-ntp true",
                "database_clock",
            )
        ]
    return [Finding(Level.OK, subject, "agrees with this machine's", code="database_clock")]


def wire(url: str) -> list[Finding]:
    """Passwords and e-mail addresses should not cross a network in the open."""
    parts = urlsplit(url)
    if not parts.scheme.startswith("mysql") or (parts.hostname or "") in LOCAL:
        return []
    if "ssl=true" in parts.query or "unix_socket=" in parts.query:
        return []
    return [
        Finding(
            Level.WARNING,
            "Database connection",
            f"the connection to {parts.hostname} is not encrypted",
            "Add ?ssl=true to the setting `database`, unless the network between is yours alone.",
            "database_plain",
        )
    ]
