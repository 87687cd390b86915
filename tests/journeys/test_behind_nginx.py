"""Pages, WebSocket and media under one host name, through a real nginx with the configuration that
`metropole proxy-config` prints, over HTTPS."""

from __future__ import annotations

import asyncio
import contextlib
import re
import ssl
import subprocess
from pathlib import Path
from urllib.parse import urljoin, urlsplit

import pytest
from playwright.async_api import Browser, Response, expect

from tests.support.browser import person
from tests.support.certificate import self_signed
from tests.support.nginx import nginx
from tests.support.publisher import publishing
from tests.support.screen import Watch
from tests.support.site_process import METROPOLE, free_ports, make_site
from tests.support.steps import (
    SMALL,
    expect_state,
    messages,
    open_dashboard,
    player,
    reveal_key,
    say,
    sign_up,
)

pytestmark = pytest.mark.timeout(150)
VIEWERS = 50
"""Players that ask for the same thing at the same time."""


async def test_one_host_name_over_https(browser: Browser, tmp_path: Path) -> None:
    site = make_site(tmp_path)
    await site.init()
    public = f"https://127.0.0.1:{free_ports(1)[0]}"
    text = re.sub(r"(?m)^public_url = .*$", f'public_url = "{public}"', site.config.read_text())
    site.config.write_text(text)
    certificate, key = self_signed(tmp_path)
    printed = await asyncio.to_thread(
        subprocess.run,
        [METROPOLE, "--config", site.config, "proxy-config", "nginx", "--certificate",
         certificate, "--key", key, "--cache-dir", tmp_path / "cache"],
        capture_output=True, text=True, timeout=30, check=True,
    )  # fmt: skip
    lacking = [line.strip() for line in printed.stderr.splitlines()[1:]]
    assert lacking == [
        f'media_url = "{public}/-/media"',
        'trusted_proxies = ["127.0.0.1", "::1"]',
    ]
    site.config.write_text("\n".join(lacking) + "\n" + text)

    await site.start()
    try:
        async with contextlib.AsyncExitStack() as stack:
            await stack.enter_async_context(nginx(tmp_path / "nginx", printed.stdout))
            creator = await stack.enter_async_context(person(browser, trusting=True))
            viewer = await stack.enter_async_context(person(browser, trusting=True))
            fetched: list[Response] = []
            viewer.on("response", lambda answer: fetched.append(answer))

            await sign_up(creator, public, "northlight")
            await open_dashboard(creator, public, "northlight")
            stream_key = await reveal_key(creator)
            await stack.enter_async_context(publishing(site.rtmp_url(stream_key), *SMALL))
            await viewer.goto(f"{public}/northlight")
            await expect_state(player(viewer), "live", seconds=20)
            await Watch(viewer).playing(timeout=20)
            await creator.goto(f"{public}/northlight")
            await say(creator, "hello through nginx")
            await expect(messages(viewer)).to_have_text(["hello through nginx"])
            await Watch(viewer).smooth(5)

            cookies = await creator.context.cookies()
            assert any("session" in cookie.get("name", "") for cookie in cookies)
            assert all(cookie.get("secure") for cookie in cookies), cookies
            parts = [answer for answer in fetched if re.search(r"/-/media/.*\.m4s$", answer.url)]
            assert len(parts) > 10
            assert {answer.url.partition("/-/")[0] for answer in parts} == {public}

            playlist = next(answer.url for answer in fetched if "_HLS_msn" in answer.url)
            newest, spread = await next_part(playlist.partition("?")[0])
            assert spread < 0.4  # the wait for a lock of nginx would be half a second
            answers = await asyncio.gather(*(get(newest) for _ in range(VIEWERS)))
            asked = sum("X-Cache: HIT" not in head for head, _, _ in answers)
            print(f"{asked} of {VIEWERS} parts came from the media port; reloads {spread:.3f} s")
            assert len({body for _, body, _ in answers}) == 1
            assert asked <= VIEWERS / 2
    finally:
        assert await site.stop() == 0
    log = "".join(site.log)
    assert "Traceback" not in log


async def next_part(playlist: str) -> tuple[str, float]:
    """Many wait for the next segment's first part.

    Returns:
        The address of that part, and the seconds between the first and the last answer.
    """
    _, text, _ = await get(playlist)
    body = text.decode()
    sequence = int(re.findall(r"#EXT-X-MEDIA-SEQUENCE:(\d+)", body)[0])
    following = sequence + body.count("#EXTINF") + 1
    url = f"{playlist}?_HLS_msn={following}&_HLS_part=0"
    answers = await asyncio.gather(*(get(url) for _ in range(VIEWERS)))
    assert {head.split()[1] for head, _, _ in answers} == {"200"}
    newest = re.findall(r'#EXT-X-PART:.*URI="([^"]+)"', answers[0][1].decode())[-1]
    times = [at for _, _, at in answers]
    return urljoin(playlist, newest), max(times) - min(times)


async def get(url: str) -> tuple[str, bytes, float]:
    """Head and body of an answer, and when it was there."""
    parts = urlsplit(url)
    trusting = ssl.create_default_context()
    trusting.check_hostname, trusting.verify_mode = False, ssl.CERT_NONE
    reader, writer = await asyncio.open_connection(parts.hostname, parts.port, ssl=trusting)
    try:
        target = f"{parts.path}?{parts.query}".rstrip("?")
        writer.write(
            f"GET {target} HTTP/1.1\r\nHost: {parts.netloc}\r\nConnection: close\r\n\r\n".encode()
        )
        head, _, body = (await reader.read()).partition(b"\r\n\r\n")
        return head.decode(), body, asyncio.get_running_loop().time()
    finally:
        writer.close()
