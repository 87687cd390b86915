"""Limits from end to end: a real site and real encoders; what the encoder got, what the creator's
page says, in English and in German, and that its socket tells of it."""

from __future__ import annotations

import asyncio
import html
import io
import logging
import random
import re
import shutil
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from metropole_core.channels import Channel
from metropole_core.contracts.events import LiveState
from metropole_core.limits import OwnLimits
from metropole_core.site import Site
from metropole_core.streams import limits as rules
from metropole_media.rtmp import messages
from tests.core.site.conftest import Configure, running
from tests.support.publisher import publishing
from tests.support.publisher import running as program
from tests.support.rtmp_socket import RawEncoder, connected
from tests.support.ws_client import Client, connect

PASSWORD = "four random little words"
SMALL = ("--size", "512x288", "--fps", "15", "--bitrate", "300000")


def ffmpeg(url: str) -> list[str]:
    """The same picture from the FFmpeg program."""
    return [
        *("ffmpeg", "-v", "error", "-re", "-f", "lavfi", "-i", "testsrc=s=512x288:r=15"),
        *("-c:v", "libx264", "-preset", "ultrafast", "-g", "15", "-pix_fmt", "yuv420p"),
        *("-f", "flv", url),
    ]


async def until(condition: Callable[[], object], within: float = 10.0) -> None:
    """Wait for something that nothing announces."""
    async with asyncio.timeout(within):
        while not condition():  # noqa: ASYNC110
            await asyncio.sleep(0.02)


@dataclass
class Place:
    """A site with the real plugins, and people on it."""

    site: Site
    tokens: dict[str, str] = field(default_factory=dict)

    @property
    def port(self) -> int:
        return int(self.site.config.bind.rpartition(":")[2])

    @property
    def rtmp_port(self) -> int:
        return int(self.site.config.plugin["ingest_rtmp"]["bind"].rpartition(":")[2])

    async def channel(self, name: str) -> tuple[Channel, str]:
        """Somebody's channel, and its key."""
        await self.site.accounts.create(name=name, password=PASSWORD, email=None)
        _, self.tokens[name] = await self.site.accounts.sign_in(
            login=name, password=PASSWORD, address="192.0.2.1", user_agent=""
        )
        channel = await self.site.channels.by_name(name)
        assert channel is not None
        return channel, await self.site.channels.stream_key(channel.id)

    def url(self, key: str) -> str:
        return f"rtmp://127.0.0.1:{self.rtmp_port}/live/{key}"

    def state(self, channel: Channel) -> LiveState:
        return self.site.status.state(channel.id).state

    async def page(
        self, name: str, path: str = "", *, language: str = "en", files: bytes | None = None
    ) -> str:
        """The text of a page of that channel's dashboard, without its tags."""
        head = [
            f"{'POST' if files is not None else 'GET'} /dashboard/{name}{path} HTTP/1.1",
            f"Host: 127.0.0.1:{self.port}",
            f"Origin: http://127.0.0.1:{self.port}",
            f"Cookie: metropole_session={self.tokens[name]}",
            f"Accept-Language: {language}",
            "Connection: close",
        ]
        body = b""
        if files is not None:
            found = re.search(r'name="csrf" value="([^"]+)"', await self._get(name))
            assert found is not None
            body = multipart(found[1], files)
            head += [
                "Content-Type: multipart/form-data; boundary=x",
                f"Content-Length: {len(body)}",
            ]
        text = await self._fetch("\r\n".join(head).encode() + b"\r\n\r\n" + body)
        return " ".join(html.unescape(re.sub(r"<[^>]*>", " ", text)).split())

    async def _get(self, name: str) -> str:
        head = (
            f"GET /dashboard/{name} HTTP/1.1\r\nHost: 127.0.0.1:{self.port}\r\n"
            f"Cookie: metropole_session={self.tokens[name]}\r\nConnection: close\r\n\r\n"
        )
        return await self._fetch(head.encode())

    async def _fetch(self, request: bytes) -> str:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        try:
            writer.write(request)
            async with asyncio.timeout(10):
                return (await reader.read()).decode()
        finally:
            writer.close()
            await writer.wait_closed()

    @asynccontextmanager
    async def socket(self, name: str, channel: str) -> AsyncIterator[Client]:
        """Somebody's page of that channel."""
        origin = f"http://127.0.0.1:{self.port}"
        cookies = {"metropole_session": self.tokens[name]}
        async with connect(self.port, origin=origin, cookies=cookies) as client:
            await client.hello(channel)
            yield client


def multipart(csrf: str, picture: bytes) -> bytes:
    return (
        b'--x\r\nContent-Disposition: form-data; name="csrf"\r\n\r\n' + csrf.encode() + b"\r\n"
        b'--x\r\nContent-Disposition: form-data; name="picture"; filename="a.png"\r\n'
        b"Content-Type: image/png\r\n\r\n" + picture + b"\r\n--x--\r\n"
    )


@asynccontextmanager
async def place(
    configure: Configure, sqlite_template: Path, folder: Path, **limits: Any
) -> AsyncIterator[Place]:
    database = shutil.copy(sqlite_template, folder / "site.sqlite3")
    config = configure(f"sqlite:///{database}", limits=limits)
    async with running(config) as (site, _):
        yield Place(site)


async def stream(encoder: RawEncoder, frames: int, filling: int, start: int = 0) -> None:
    for number in range(frames):
        await encoder.frame((start + number) * 33, key=number % 30 == 0, filling=filling)


async def test_too_high_a_bitrate(
    configure: Configure,
    sqlite_template: Path,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO)
    async with place(configure, sqlite_template, tmp_path, bitrate="1M") as here:
        _, key = await here.channel("owner")
        await here.channel("other")
        assert "at most: 1 Mbit/s" in await here.page("owner")
        async with (
            here.socket("owner", "owner") as mine,
            here.socket("other", "owner") as others,
            connected(here.rtmp_port) as encoder,
        ):
            await encoder.go_live(key)
            await stream(encoder, 60, 60_000)
            told = await encoder.full_status()
            assert told["level"] == "error"
            assert re.fullmatch(
                r"This channel may send at most 1 Mbit/s; yours sends [\d.]+ Mbit/s\. "
                r"Lower the bitrate in OBS > Settings > Output\.",
                told["description"],
            )
            await encoder.closed()
            assert (await mine.expect("notice"))["channel"] == "owner"
            # OBS comes back by itself, and is told why it has to wait.
            async with connected(here.rtmp_port) as again:
                await again.ask(key)
                answer = await again.full_status()
                assert answer["code"] == "NetStream.Publish.Denied"
                assert answer["description"].startswith(told["description"])
                assert "works again in" in answer["description"]
            english = await here.page("owner", "/notices")
            assert f"Your encoder was cut off. {told['description']}" in english
            german = await here.page("owner", language="de")
            assert "Dein Encoder wurde getrennt." in german
            assert "höchstens 1 Mbit/s senden, deiner sendet" in german
            await others.say("hello")  # what was sent before has arrived
            assert not any(frame["t"] == "notice" for frame in others.seen)
        assert told["description"] in caplog.text
        assert key not in caplog.text
        assert key not in english + german


async def test_what_a_real_encoder_is_told(
    configure: Configure,
    sqlite_template: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(rules, "REST_AFTER_SIZE", 0.0)
    limits = {"height": 240, "streams": 1}
    async with place(configure, sqlite_template, tmp_path, **limits) as here:
        one, key = await here.channel("owner")
        async with program(*ffmpeg(here.url(key))) as publisher:
            code, complaints = await publisher.wait()
        assert code != 0
        assert "Server error: This channel may send pictures of at most 240p" in complaints
        assert here.state(one) is LiveState.OFFLINE
        page = await here.page("owner")
        assert "pictures of at most 240p; yours are 512 x 288. Lower the output resolution" in page
        # The operator allows this channel more; it is known at the next go-live.
        await here.site.limits.set_own(one.id, OwnLimits(height=720))
        two, other_key = await here.channel("other")
        async with publishing(here.url(key), *SMALL) as publisher:
            await until(lambda: here.state(one) is LiveState.LIVE)
            async with connected(here.rtmp_port) as encoder:
                await encoder.ask(other_key)
                told = await encoder.full_status()
                assert told["code"] == "NetStream.Publish.Denied"
                assert "there is no place left" in told["description"]
            assert "Your encoder was not let in." in await here.page("other")
            publisher.kill()
            await until(lambda: here.state(one) is LiveState.INTERRUPTED)
            assert "The connection to your encoder ended." in await here.page("owner")
        # Within the window its place is kept.
        async with connected(here.rtmp_port) as encoder:
            await encoder.ask(other_key)
            assert await encoder.status() == "NetStream.Publish.Denied"
        # Too long: the time is up at once, and whoever comes back is told so.
        await here.site.limits.set_own(one.id, OwnLimits(height=720, duration=3))
        async with program(*ffmpeg(here.url(key))) as publisher:
            code, complaints = await publisher.wait()
        assert "Server error: A broadcast may last 3 seconds here" in complaints
        assert code != 0
        assert here.state(one) is LiveState.OFFLINE
        assert "A broadcast may last 3 seconds here; this one has ended." in await here.page(
            "owner"
        )
        async with connected(here.rtmp_port) as encoder:
            await encoder.ask(key)
            assert "works again in" in (await encoder.full_status())["description"]
        assert here.state(two) is LiveState.OFFLINE


async def test_what_else_goes_wrong(
    configure: Configure, sqlite_template: Path, tmp_path: Path
) -> None:
    async with place(configure, sqlite_template, tmp_path) as here:
        _, key = await here.channel("owner")
        assert "Your stream may have at most" not in await here.page("owner")
        async with connected(here.rtmp_port) as encoder, connected(here.rtmp_port) as second:
            await encoder.go_live(key)
            await second.ask(key)
            assert await second.status() == "NetStream.Publish.BadName"
            german = await here.page("owner", "/notices", language="de")
            assert "Dein Encoder wurde nicht angenommen. Ein anderer Encoder sendet" in german
            # A codec that nothing here can play.
            await encoder.send(encoder.chunks.message(4, messages.VIDEO, b"\x14\0\0\0\0"))
            told = (await encoder.full_status())["description"]
            assert "H.264" in told
            page = await here.page("owner", "/notices")
            assert f"The connection to your encoder ended. {told}" in page


def noise(side: int) -> bytes:
    """A picture that cannot be packed."""
    data = io.BytesIO()
    pixels = random.Random(side).randbytes(side * side * 3)
    Image.frombytes("RGB", (side, side), pixels).save(data, "PNG")
    return data.getvalue()


async def test_no_room_for_a_picture(
    configure: Configure, sqlite_template: Path, tmp_path: Path
) -> None:
    async with place(
        configure, sqlite_template, tmp_path, storage="100k", total_storage="150k"
    ) as here:
        channel, _ = await here.channel("owner")
        assert "may take: 100 kB" in await here.page("owner")
        page = await here.page("owner", "/thumbnail", files=noise(720))
        assert "HTTP/1.1 413" in page
        assert "The files of this channel may take 100 kB, and would take" in page
        assert "Choose a smaller picture." in page
        german = await here.page("owner", "/thumbnail", files=noise(720), language="de")
        assert "Die Dateien dieses Kanals dürfen 100 kB belegen" in german
        assert (await here.site.channels.get(channel.id)).thumbnail is None
        files = here.site.config.data_dir / "files"
        assert not files.exists() or not list(files.iterdir())
        # The square one is smaller, and may be replaced: the old one does not count.
        for side in (128, 129, 130):
            page = await here.page("owner", "/avatar", files=noise(side))
            assert "HTTP/1.1 303" in page
        assert len(list(files.iterdir())) == 1
        # What everybody has together.
        (files / "thumbnail-99-0123456789abcdef0123.webp").write_bytes(bytes(140_000))
        page = await here.page("owner", "/avatar", files=noise(256))
        assert "The files of this site may take 150 kB, and there is no room left." in page
