"""The site's key file: one secret, from which keys for every purpose are derived.

Who has the database without the key file can neither read stream keys nor sign in with stored
sessions. Losing the file means new stream keys for everyone, so it belongs into the backup, apart
from the database.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import os
import secrets
import stat
from functools import lru_cache
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from metropole_core.errors import ConfigError

SECRET_BYTES = 32
NONCE_BYTES = 12
FORMAT = "metropole-key-1:"


class SiteKeys:
    """Keyed hashes and encryption, separate for each purpose ("session", "stream-key")."""

    def __init__(self, secret: bytes) -> None:
        if len(secret) != SECRET_BYTES:
            raise ValueError(f"a site's secret has {SECRET_BYTES} bytes")
        self._derive = lru_cache(maxsize=64)(_Derivation(secret))

    def __repr__(self) -> str:
        return "SiteKeys(...)"

    @classmethod
    def create(cls, path: Path) -> SiteKeys:
        """Make a new key file that only its owner can read (mode 0600).

        Raises:
            ConfigError: there is a file already, or the folder cannot be written.
        """
        secret = secrets.token_bytes(SECRET_BYTES)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError:
            if not path.parent.is_dir():
                raise ConfigError(
                    f"The key file {path} cannot be written: {path.parent} is not a folder.",
                    field="key_file",
                ) from None
            raise ConfigError(
                f"The key file {path} exists already. It is kept: a new one would make every"
                " stream key and session unreadable.",
                field="key_file",
            ) from None
        except OSError as error:
            raise ConfigError(
                f"The key file {path} cannot be written ({error.strerror}).", field="key_file"
            ) from None
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(FORMAT + base64.urlsafe_b64encode(secret).decode() + "\n")
            file.flush()
            os.fsync(file.fileno())
        return cls(secret)

    @classmethod
    def load(cls, path: Path) -> SiteKeys:
        """Read a key file.

        Raises:
            ConfigError: it is missing, damaged, or others on this machine can read it.
        """
        try:
            with path.open(encoding="ascii") as file:
                mode = stat.S_IMODE(os.fstat(file.fileno()).st_mode)
                content = file.read(200).strip()
        except FileNotFoundError:
            raise ConfigError(
                f"The key file {path} is missing. Restore it from a backup, or make a new site"
                " with: metropole init",
                field="key_file",
            ) from None
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigError(
                f"The key file {path} cannot be read ({error}).", field="key_file"
            ) from None
        if mode & 0o077:
            raise ConfigError(
                f"Other users of this machine can read the key file {path}. Run: chmod 600 {path}",
                field="key_file",
            )
        try:
            secret = base64.b64decode(content.removeprefix(FORMAT), altchars=b"-_", validate=True)
        except binascii.Error:
            secret = b""
        if not content.startswith(FORMAT) or len(secret) != SECRET_BYTES:
            raise ConfigError(
                f"The key file {path} is damaged. Restore it from a backup.", field="key_file"
            )
        return cls(secret)

    def hash(self, purpose: str, value: str) -> str:
        """Keyed hash (HMAC-SHA256) in hex: the same value gives the same hash, which can be
        looked up but not turned back, nor computed without the key file."""
        data = value.encode(errors="surrogatepass")  # what a request sends must not raise
        return hmac.new(self._derive("hash", purpose), data, hashlib.sha256).hexdigest()

    def encrypt(self, purpose: str, text: str) -> str:
        """Encrypt (AES-256-GCM) into URL-safe text, other each time."""
        nonce = secrets.token_bytes(NONCE_BYTES)
        sealed = AESGCM(self._derive("encrypt", purpose)).encrypt(
            nonce, text.encode(), purpose.encode()
        )
        return base64.urlsafe_b64encode(nonce + sealed).decode()

    def decrypt(self, purpose: str, text: str) -> str:
        """What `encrypt` was given.

        Raises:
            ConfigError: it was encrypted with another key file or purpose, or is damaged.
        """
        try:
            data = base64.b64decode(text, altchars=b"-_", validate=True)
            opened = AESGCM(self._derive("encrypt", purpose)).decrypt(
                data[:NONCE_BYTES], data[NONCE_BYTES:], purpose.encode()
            )
        except (InvalidTag, ValueError):
            raise ConfigError(
                "The key file does not fit the database: something stored cannot be decrypted."
                " Restore the key file that this site was made with.",
                field="key_file",
            ) from None
        return opened.decode()


class _Derivation:
    """A key of 32 bytes for each use and purpose (HKDF, RFC 5869)."""

    def __init__(self, secret: bytes) -> None:
        self._secret = secret

    def __call__(self, use: str, purpose: str) -> bytes:
        info = f"metropole/1/{use}/{purpose}".encode()
        return HKDF(algorithm=SHA256(), length=32, salt=None, info=info).derive(self._secret)
