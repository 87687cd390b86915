"""RTMP over TLS: a real encoder, a certificate that changes, caps and time limits, the doctor."""

from __future__ import annotations

import asyncio
import logging
import os
import socket
import ssl
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from metropole_ingest_rtmp.admission import Admission
from metropole_ingest_rtmp.certificate import LOOK_SECONDS
from metropole_ingest_rtmp.checks import RTMPS, check_certificate, check_port, check_reach, is_ours
from metropole_ingest_rtmp.listener import RtmpListener, RtmpsListener
from metropole_ingest_rtmp.plugin import Plugin
from metropole_ingest_rtmp.settings import RtmpSettings
from pydantic import ValidationError

from metropole_core.contracts.checks import Check, Level
from metropole_core.contracts.ingest import Ingest
from metropole_core.errors import Unavailable
from metropole_core.testing.clock import FakeClock
from metropole_core.testing.context import make_context
from tests.support.certificate import self_signed
from tests.support.flv_files import flv_file, sending
from tests.support.rtmp_listener import Doors, Running, Until
from tests.support.rtmp_socket import RawEncoder, connected


@dataclass
class Secure(Running):
    """Both ports, and what the second one shows."""

    plain: RtmpListener
    chain: Path
    key: Path

    def url(self, key: str) -> str:
        return f"rtmps://127.0.0.1:{self.port}/live/{key}"

    @property
    def trusting(self) -> ssl.SSLContext:
        return ssl.create_default_context(cafile=str(self.chain))

    async def encoder(self, context: ssl.SSLContext | None = None) -> RawEncoder:
        """Connect by TLS, with a look at the certificate."""
        return RawEncoder(
            *await asyncio.open_connection("127.0.0.1", self.port, ssl=context or self.trusting)
        )


@pytest.fixture
async def secure(tmp_path: Path) -> AsyncIterator[Secure]:
    chain, key = self_signed(tmp_path)
    settings = RtmpSettings(
        bind="127.0.0.1:0",
        tls_bind="127.0.0.1:0",
        certificate=chain,
        certificate_key=key,
        before_grant_seconds=0.5,
        max_per_address=4,
    )
    clock = FakeClock()
    doors = Doors(clock)
    context = make_context(settings, clock=clock, publishing=doors)
    admission = Admission(context)
    plain = RtmpListener(context, admission=admission)
    listener = RtmpsListener(context, admission=admission)
    await plain.start()
    await listener.start()
    yield Secure(listener, doors, clock, plain, chain, key)
    await listener.stop()
    await plain.stop()
    assert listener.connections == plain.connections == 0


async def test_an_encoder_publishes(secure: Secure, until: Until) -> None:
    file = flv_file(("libx264",), ("aac",))
    follower = secure.doors.follow("secret")
    async with sending(file, secure.url("secret")) as encoder:
        assert await encoder.wait() == (0, "")
    await until(lambda: secure.doors.stays["secret"][0].outcome)
    assert secure.doors.asked == [("rtmps", "secret", "127.0.0.1")]
    assert secure.doors.stays["secret"][0].outcome == "ended"
    for track, sent in file.packets.items():
        arrived = [bytes(p.data) for p in follower.packets if p.track == track]
        assert arrived == [p.data for p in sent]


async def test_large_frames_arrive_whole(secure: Secure, until: Until) -> None:
    """More than a TLS record, and than the network buffer."""
    follower = secure.doors.follow("secret")
    encoder = await secure.encoder()
    await encoder.go_live("secret")
    await encoder.announce_chunk_size(60_000)
    for stamp in range(8):
        await encoder.frame(stamp * 40, key=True, filling=700_000)
    await until(lambda: follower.keys() == 8)
    assert {len(p.data) for p in follower.packets} == {700_009}
    await encoder.close()


async def test_a_refusal_is_heard(secure: Secure) -> None:
    encoder = await secure.encoder()
    await encoder.ask("")
    assert await encoder.status() == "NetStream.Publish.BadName"
    await encoder.closed()
    await encoder.close()


async def test_who_never_agrees_on_a_key_is_closed_and_counted(secure: Secure) -> None:
    silent = [await asyncio.open_connection("127.0.0.1", secure.port) for _ in range(4)]
    # One more from there is closed unheard.
    reader, writer = await asyncio.open_connection("127.0.0.1", secure.port)
    async with asyncio.timeout(5):
        assert await reader.read() == b""
        writer.close()
        # The others when their time is over.
        for reader, writer in silent:
            assert await reader.read() == b""
            writer.close()
    encoder = await secure.encoder()
    await encoder.go_live("secret")
    await encoder.close()


async def test_plain_rtmp_there_is_closed(secure: Secure) -> None:
    async with connected(secure.port) as encoder:
        await encoder.send(b"\3" + bytes(1536))
        await encoder.closed()
    assert secure.doors.asked == []


async def test_both_ports_share_one_cap(
    secure: Secure, until: Until, caplog: pytest.LogCaptureFixture
) -> None:
    over_tls = [await secure.encoder() for _ in range(3)]
    await until(lambda: secure.listener.connections == 3)
    async with connected(secure.plain.port) as last, connected(secure.plain.port) as late:
        await last.shake()
        await late.closed()
    assert "that address has too many connections" in caplog.text
    for encoder in over_tls:
        await encoder.close()


async def test_a_new_certificate_is_taken_without_a_restart(
    secure: Secure, until: Until, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    first = await secure.encoder()
    old = secure.trusting
    chain, key = self_signed(tmp_path, "other")
    os.replace(chain, secure.chain)
    # Half of a pair is not taken.
    secure.clock.advance(LOOK_SECONDS + 1)
    await until(lambda: "goes on with the former certificate" in caplog.text)
    await (await secure.encoder(old)).close()
    os.replace(key, secure.key)
    secure.clock.advance(LOOK_SECONDS + 1)
    await until(lambda: "was changed and is in use" in caplog.text)
    with pytest.raises(ssl.SSLCertVerificationError):
        await secure.encoder(old)
    await (await secure.encoder()).close()
    await first.close()


# Settings and start


def test_both_files_or_none() -> None:
    with pytest.raises(ValidationError, match="must both be set"):
        RtmpSettings(certificate=Path("a.pem"))
    with pytest.raises(ValidationError, match="write an address"):
        RtmpSettings(tls_bind="1936")


def test_it_is_off_unless_it_has_an_address(secure: Secure) -> None:
    for bind, names in (("", ["rtmp"]), ("127.0.0.1:1936", ["rtmp", "rtmps"])):
        plugin = Plugin(make_context(RtmpSettings(tls_bind=bind)))
        ingests: list[Ingest] = []
        plugin.register_ingest(ingests.append)
        assert [ingest.name for ingest in ingests] == names
    point = ingests[1].point()
    assert (point.protocol, point.title) == ("rtmps", "RTMPS")
    assert point.url == "rtmps://live.example:1936/live"
    assert secure.listener.point().url == f"rtmps://live.example:{secure.port}/live"


@pytest.mark.parametrize("case", ["none", "missing", "another", "rubbish", "taken"])
async def test_why_it_does_not_start(case: str, tmp_path: Path, secure: Secure) -> None:
    chain, key = self_signed(tmp_path, "one")
    _, other = self_signed(tmp_path, "two")
    rubbish = tmp_path / "rubbish"
    rubbish.write_text("-----BEGIN CERTIFICATE-----")
    pair, words = {
        "none": ((None, None), "has no certificate: set certificate and certificate_key"),
        "missing": ((tmp_path / "nowhere", key), "cannot be read: No such file"),
        "another": ((chain, other), "is not the key of the certificate"),
        "rubbish": ((rubbish, key), "must be a PEM chain"),
        "taken": ((chain, key), r"RTMPS port .* is taken.*tls_bind"),
    }[case]
    bind = f"127.0.0.1:{secure.port if case == 'taken' else 0}"
    settings = RtmpSettings(tls_bind=bind, certificate=pair[0], certificate_key=pair[1])
    listener = RtmpsListener(make_context(settings))
    with pytest.raises(Unavailable, match=words):
        await listener.start()
    await listener.stop()
    if case in ("missing", "another", "rubbish"):
        assert pair[0] is not None
        assert pair[1] is not None
        (finding,) = check_certificate(pair[0], pair[1])
        assert (finding.level, finding.code) == (Level.ERROR, "rtmps_certificate")


async def test_the_site_has_a_certificate_already(tmp_path: Path) -> None:
    chain, key = self_signed(tmp_path)
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    tls.set_alpn_protocols(["http/1.1"])
    tls.load_cert_chain(chain, key)
    context = make_context(RtmpSettings(tls_bind="127.0.0.1:0"))
    object.__setattr__(context, "tls", tls)
    listener = RtmpsListener(context)
    await listener.start()
    trusting = ssl.create_default_context(cafile=str(chain))
    encoder = RawEncoder(*await asyncio.open_connection("127.0.0.1", listener.port, ssl=trusting))
    await encoder.shake()
    await encoder.close()
    await listener.stop()


# The doctor


async def test_the_doctor_looks_at_the_second_port(secure: Secure) -> None:
    plugin = Plugin(make_context(RtmpSettings(tls_bind=f"127.0.0.1:{secure.port}")))
    checks: list[Check] = []
    plugin.register_checks(checks.append)
    assert [check.name for check in checks] == ["port", "address", "tls_port", "tls_address"]
    (finding,) = await checks[2].run()
    assert (finding.level, finding.code) == (Level.OK, "rtmps_port_ours")
    assert await is_ours(f"127.0.0.1:{secure.port}", secure=True)
    assert not await is_ours(f"127.0.0.1:{secure.plain.port}", secure=True)
    (taken,) = await check_port(RTMPS, f"127.0.0.1:{secure.plain.port}")
    assert (taken.level, taken.code) == (Level.ERROR, "rtmps_port_taken")
    assert "tls_bind of [plugin.ingest_rtmp]" in taken.advice
    assert check_certificate(secure.chain, secure.key) == []


async def test_the_doctor_says_that_obs_refuses_a_self_signed_certificate(
    secure: Secure, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = f"rtmps://127.0.0.1:{secure.port}"
    untrusted = await check_reach(RTMPS, url, True)
    assert (untrusted.level, untrusted.code) == (Level.WARNING, "rtmps_url_untrusted")
    assert "OBS refuses the certificate" in untrusted.sentence
    assert "self-signed" in untrusted.sentence
    monkeypatch.setenv("SSL_CERT_FILE", str(secure.chain))
    trusted = await check_reach(RTMPS, url, True)
    assert (trusted.level, trusted.code) == (Level.OK, "rtmps_url")
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        nobody = await check_reach(RTMPS, f"rtmps://127.0.0.1:{closed.getsockname()[1]}", True)
    assert (nobody.level, nobody.code) == (Level.WARNING, "rtmps_url_unreached")
    assert "tls_bind" in nobody.advice
