"""HTTPS without a web server in front: both ports, a renewed certificate, certificates that cannot
be used."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import ssl
from pathlib import Path

import pytest

from metropole_core.config import SiteConfig
from metropole_core.errors import ConfigError
from metropole_core.tls import Certificate, certificate_of
from tests.support.certificate import self_signed
from tests.support.site_process import make_site


async def shown(port: int, trusted: Path) -> tuple[str, bytes]:
    """What a port answers over TLS, and the certificate it shows. It must be the trusted one."""
    context = ssl.create_default_context(cafile=str(trusted))
    reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=context)
    certificate: bytes = writer.get_extra_info("ssl_object").getpeercert(True)
    writer.write(b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n")
    answer = (await asyncio.wait_for(reader.read(), 10)).decode()
    writer.close()
    return answer, certificate


async def test_both_ports_speak_tls(tmp_path: Path) -> None:
    site = make_site(tmp_path)
    await site.init()
    chain, _ = self_signed(tmp_path, "site")
    text = site.config.read_text().replace(site.url, f"https://127.0.0.1:{site.port}")
    site.config.write_text(f'certificate = "site.crt"\ncertificate_key = "site.key"\n{text}')
    site.trusted = chain
    await site.start()
    try:
        page, _ = await shown(site.port, chain)
        media, _ = await shown(site.media_port, chain)
        assert page.startswith("HTTP/1.1 200")
        assert media.startswith("HTTP/1.1 404")
        # Who speaks plain HTTP there gets nothing, and troubles nobody.
        for port in (site.port, site.media_port):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
            assert not (await asyncio.wait_for(reader.read(), 10)).startswith(b"HTTP/")
            writer.close()
        assert (await shown(site.port, chain))[0].startswith("HTTP/1.1 200")
    finally:
        assert await site.stop() == 0
    log = "".join(site.log)
    assert "Traceback" not in log
    assert "WARNING" not in log


async def test_who_connects_and_says_nothing_is_counted(tmp_path: Path) -> None:
    site = make_site(tmp_path)
    await site.init()
    chain, _ = self_signed(tmp_path, "site")
    text = site.config.read_text().replace(site.url, f"https://127.0.0.1:{site.port}")
    files = 'certificate = "site.crt"\ncertificate_key = "site.key"\n'
    site.config.write_text(f"{files}max_connections = 20\n{text}")
    site.trusted = chain
    await site.start()
    try:
        silent = [await asyncio.open_connection("127.0.0.1", site.port) for _ in range(50)]
        async with asyncio.timeout(5):
            while sum(reader.at_eof() for reader, _ in silent) < 30:  # noqa: ASYNC110
                await asyncio.sleep(0.02)
        for _, writer in silent:
            writer.close()
        async with asyncio.timeout(5):
            while True:
                with contextlib.suppress(OSError):
                    if (await shown(site.port, chain))[0].startswith("HTTP/1.1 200"):
                        break
                await asyncio.sleep(0.05)
    finally:
        assert await site.stop() == 0
    assert "Traceback" not in "".join(site.log)


async def test_a_renewed_certificate_is_taken_without_a_restart(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    old = self_signed(tmp_path, "old")
    new = self_signed(tmp_path, "new")
    chain, key = tmp_path / "used.crt", tmp_path / "used.key"
    shutil.copy(old[0], chain)
    shutil.copy(old[1], key)
    certificate = Certificate(chain, key)

    async def answer(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"hello")
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0, ssl=certificate.context)
    port = server.sockets[0].getsockname()[1]
    async with server:
        assert (await shown(port, old[0]))[0] == "hello"
        await certificate.renew()
        assert not caplog.records

        put(new[0], chain)  # the key has not come yet
        await certificate.renew()
        assert "is not the key of the certificate" in caplog.text
        assert (await shown(port, old[0]))[0] == "hello"
        caplog.clear()
        await certificate.renew()
        assert not caplog.records, "told once"

        put(new[1], key)
        await certificate.renew()
        assert (await shown(port, new[0]))[0] == "hello"


async def test_a_certificate_that_is_gone_is_told_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    chain, key = self_signed(tmp_path, "used")
    certificate = Certificate(chain, key)
    for _ in range(2):
        key.rename(tmp_path / "away")
        for _ in range(3):
            await certificate.renew()
        (record,) = caplog.records
        assert "cannot be read" in record.getMessage()
        (tmp_path / "away").rename(key)
        await certificate.renew()
        caplog.clear()


def put(source: Path, target: Path) -> None:
    """As certbot does: another file under the same name."""
    beside = target.with_suffix(".new")
    shutil.copy(source, beside)
    os.replace(beside, target)


def test_what_cannot_be_used_is_said_in_words(tmp_path: Path) -> None:
    chain, key = self_signed(tmp_path, "one")
    other = self_signed(tmp_path, "other")[1]
    (tmp_path / "text").write_text("hello")
    for wrong, sentence in (
        ((chain, other), "is not the key of the certificate"),
        ((tmp_path / "text", key), "must be a PEM chain"),
        ((chain, tmp_path / "none"), "cannot be read (No such file or directory)"),
        ((tmp_path, key), "cannot be read (Is a directory)"),
    ):
        with pytest.raises(ConfigError) as caught:
            Certificate(*wrong)
        assert sentence in caught.value.sentence


def test_settings_that_do_not_fit_together(tmp_path: Path) -> None:
    chain, key = self_signed(tmp_path, "one")
    config = SiteConfig(data_dir=tmp_path)
    assert certificate_of(config) is None
    with pytest.raises(ConfigError, match="must both be set"):
        certificate_of(config.model_copy(update={"certificate": chain}))
    with pytest.raises(ConfigError, match="https://"):
        certificate_of(config.model_copy(update={"certificate": chain, "certificate_key": key}))
