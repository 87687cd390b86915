"""Looks at the site's own certificate: usable, in time, made for the public address."""

from __future__ import annotations

import stat
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from metropole_cli.checks.look import Look
from metropole_core.contracts.checks import Finding, Level

if TYPE_CHECKING:
    from collections.abc import Sequence

    from metropole_core.config import SiteConfig

GROUP = "Configuration"
SUBJECT = "Certificate"
DAYS = 10
RENEW = "Renew it: the program that fetched it (certbot, acme.sh) should have done so by itself."


def looks(config: SiteConfig) -> list[Look]:
    """Nothing, when the site has none: then a web server in front may have one."""
    if config.certificate is None and config.certificate_key is None:
        return []
    return [Look(GROUP, SUBJECT, "certificate", lambda: examine(config, datetime.now(UTC)))]


def examine(config: SiteConfig, now: datetime) -> list[Finding]:
    """Read both files."""
    from cryptography import x509

    from metropole_core.errors import ConfigError
    from metropole_core.tls import certificate_of

    try:
        certificate_of(config)
    except ConfigError as error:
        return [Finding(Level.ERROR, SUBJECT, error.sentence, "", "certificate_unusable")]
    assert config.certificate is not None
    assert config.certificate_key is not None
    first = x509.load_pem_x509_certificates(config.certificate.read_bytes())[0]
    try:
        extension = first.extensions.get_extension_for_class(x509.SubjectAlternativeName)
        names = extension.value.get_values_for_type(x509.DNSName)
        names += [str(each) for each in extension.value.get_values_for_type(x509.IPAddress)]
    except x509.ExtensionNotFound:
        names = []
    host = urlsplit(config.public_url).hostname or ""
    mode = stat.S_IMODE(config.certificate_key.stat().st_mode)
    found = [*judge(host, names, first.not_valid_after_utc, now)]
    if mode & 0o007:
        key = config.certificate_key
        sentence = f"everyone on this machine can read its key {key} (mode {mode:04o})"
        advice = f"chmod 640 {key}, or 600"
        found.append(Finding(Level.ERROR, SUBJECT, sentence, advice, "certificate_key_readable"))
    return found


def judge(host: str, names: Sequence[str], end: datetime, now: datetime) -> list[Finding]:
    """Whether a certificate of these names, good until `end`, serves that host now."""
    if not any(matches(name, host) for name in names):
        made_for = ", ".join(names) or "no name at all"
        sentence = f"it is made for {made_for}, not for {host}"
        advice = "Get one for the host of `public_url`, or correct `public_url`."
        return [Finding(Level.ERROR, SUBJECT, sentence, advice, "certificate_name")]
    days = (end - now).total_seconds() / 86400
    if days < 0:
        sentence = f"it ran out on {end:%Y-%m-%d}"
        return [Finding(Level.ERROR, SUBJECT, sentence, RENEW, "certificate_old")]
    sentence = f"it is good for {host}, for {days:.0f} more days"
    if days < DAYS:
        return [Finding(Level.WARNING, SUBJECT, sentence, RENEW, "certificate_ends")]
    return [Finding(Level.OK, SUBJECT, sentence)]


def matches(name: str, host: str) -> bool:
    """Whether a certificate's name covers a host: itself, or "*." with one more label."""
    name, host = name.lower(), host.lower()
    return name == host or (name.startswith("*.") and host.partition(".")[2] == name[2:])
