"""The site's certificate, for the ports that this server opens itself.

Certificates are renewed every few weeks by other programs: the files are looked at again from time
to time, and connections that come after a change get the new one. No restart is needed.
"""

from __future__ import annotations

import logging
import ssl
from pathlib import Path

from metropole_core.config import SiteConfig
from metropole_core.errors import ConfigError

log = logging.getLogger("metropole.tls")

Stamp = tuple[tuple[int, int, int], ...]


class Certificate:
    """A certificate chain with its key.

    Fields:
        context: what a TLS server uses; HTTP/1.1 is what it agrees on with those who ask.

    Raises:
        ConfigError: the files cannot be read or do not belong together.
    """

    def __init__(self, chain: Path, key: Path) -> None:
        self.context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        self.context.minimum_version = ssl.TLSVersion.TLSv1_2
        self.context.set_alpn_protocols(["http/1.1"])
        self._chain, self._key = chain, key
        self._told = ""
        self._stamp = self._look()
        self._load()

    async def renew(self) -> None:
        """Take the files anew if they have changed. What cannot be used is told once, and the
        certificate that was in use goes on."""
        try:
            stamp = self._look()
            if stamp == self._stamp:
                self._told = ""
                return
            self._stamp = stamp
            # First into another context: half of a pair must not get into the one in use.
            _load_into(ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), self._chain, self._key)
            self._load()
        except ConfigError as error:
            if error.sentence != self._told:
                log.error("the certificate was changed, the former is used on: %s", error.sentence)
            self._told = error.sentence
        else:
            log.info("the certificate was changed and is in use")

    def _look(self) -> Stamp:
        found = []
        for setting, path in (("certificate", self._chain), ("certificate_key", self._key)):
            try:
                status = path.stat()
            except OSError as error:
                raise ConfigError(
                    f"setting `{setting}`: {path} cannot be read ({error.strerror})."
                ) from None
            found.append((status.st_mtime_ns, status.st_size, status.st_ino))
        return tuple(found)

    def _load(self) -> None:
        _load_into(self.context, self._chain, self._key)


def certificate_of(config: SiteConfig) -> Certificate | None:
    """The certificate that the settings name, None when they name none.

    Raises:
        ConfigError: one of the two files is not set, or they cannot be used.
    """
    chain, key = config.certificate, config.certificate_key
    if chain is None and key is None:
        return None
    if chain is None or key is None:
        raise ConfigError("`certificate` and `certificate_key` must both be set, or neither.")
    if not config.public_url.startswith("https:"):
        raise ConfigError(
            "`certificate` is set, so the site speaks HTTPS, but `public_url` begins with "
            "http://. Write it with https://."
        )
    return Certificate(chain, key)


def _load_into(context: ssl.SSLContext, chain: Path, key: Path) -> None:
    try:
        # Without a password given, OpenSSL would ask for one on the terminal and wait.
        context.load_cert_chain(chain, key, password=lambda: b"")
    except ssl.SSLError as error:
        reason = error.reason or ""
        if "MISMATCH" in reason:
            why = f"{key} is not the key of the certificate {chain}"
        else:
            why = f"{chain} and {key} must be a PEM chain and its PEM key without a password"
        raise ConfigError(f"The certificate cannot be used: {why}.") from None
    except OSError as error:
        raise ConfigError(
            f"The certificate cannot be used: {chain} or {key} cannot be read ({error.strerror}). "
            "Let the site's account read both."
        ) from None
