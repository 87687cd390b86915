"""The certificate of the RTMPS port, where the plugin has one of its own."""

from __future__ import annotations

import logging
import ssl
from pathlib import Path

from metropole_core.errors import Unavailable

LOOK_SECONDS = 60.0
Stamp = tuple[tuple[int, int], ...]


class Certificate:
    """A PEM chain with its PEM key, read anew when the files change: programs renew them every few
    weeks.

    Fields:
        context: what the listener uses.

    Raises:
        Unavailable: they cannot be used; the sentence says why.
    """

    def __init__(self, chain: Path, key: Path, log: logging.Logger) -> None:
        self.context = new_context()
        self._chain, self._key, self._log = chain, key, log
        try:
            self._stamp = self._look()
            load(self.context, chain, key)
        except OSError as error:
            raise Unavailable(why_not(error, chain, key)) from error
        self._looked = float("-inf")

    def renew(self, now: float) -> None:
        """Look once a minute whether the files changed. What cannot be used is told, and the
        certificate that was in use goes on."""
        if now - self._looked < LOOK_SECONDS:
            return
        self._looked = now
        try:
            stamp = self._look()
            if stamp == self._stamp:
                return
            self._stamp = stamp
            # First into another context: half of a pair must not get into the one in use.
            load(new_context(), self._chain, self._key)
            load(self.context, self._chain, self._key)
        except OSError as error:
            self._log.error("RTMPS goes on with the former certificate: %s",
                            why_not(error, self._chain, self._key))  # fmt: skip
        else:
            self._log.info("RTMPS: the certificate was changed and is in use")

    def _look(self) -> Stamp:
        found = [path.stat() for path in (self._chain, self._key)]
        return tuple((status.st_mtime_ns, status.st_ino) for status in found)


def new_context() -> ssl.SSLContext:
    """TLS 1.2 and 1.3, for a server."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


def load(context: ssl.SSLContext, chain: Path, key: Path) -> None:
    """Take a certificate. Raises OSError; `why_not` makes a sentence of it."""
    # Without a password given, OpenSSL would ask for one on the terminal and wait.
    context.load_cert_chain(chain, key, password=lambda: b"")


def why_not(error: OSError, chain: Path, key: Path) -> str:
    """Why a certificate cannot be used."""
    if not isinstance(error, ssl.SSLError):
        return f"{chain} or {key} cannot be read: {error.strerror or 'unknown reason'}."
    if "MISMATCH" in (error.reason or ""):
        return f"{key} is not the key of the certificate {chain}."
    return f"{chain} and {key} must be a PEM chain and its PEM key without a password."
