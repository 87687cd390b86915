"""Stream keys, passwords, session tokens and the site's key stand nowhere, on a site that runs
and says all it has to say.

The stream key is shown in one place: the answer to `POST /dashboard/<name>/key` of the channel's
owner, as page or as JSON.
"""

from __future__ import annotations

import asyncio
import base64
import json
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote

import pytest
import pytest_asyncio

from tests.security.traces import SHORTEST, found, traces
from tests.support.publisher import publishing
from tests.support.rtmp_socket import connected
from tests.support.site_process import ADMIN, ADMIN_PASSWORD, SiteProcess, make_site
from tests.support.web import Web
from tests.support.ws_client import connect

pytestmark = pytest.mark.timeout(120)

PASSWORD = "sequoia-Lantern-5102-marsh"
PAGES = ["/", "/?fragment=cards", "/?fragment=rail", "/weaver", "/weaver?fragment=page-data",
         "/dashboard", "/dashboard/weaver", "/dashboard/weaver?done=rotated", "/following",
         "/new-channel", "/search?q=weaver", "/signin", "/signup", "/no_such_channel", "/no/such",
         "/healthz", "/art/weaver.svg", "/api/v1/channels", "/api/v1/channels/weaver",
         "/api/v1/channels/weaver/status", "/api/v1/channels/nobody", "/api/v1/openapi.json",
         "/admin", "/admin/people", "/admin/people/weaver", "/account", "/account/password",
         "/metrics", "/debug", "/__debug__", "/console", "/.git/config", "/metropole.toml",
         "/site.key", "/files/../site.key", "/server-status", "/api/v1/docs", "/docs",
         "/redoc"]  # fmt: skip


@dataclass
class Heard:
    """A running site, and all that was heard of it."""

    site: SiteProcess
    texts: dict[str, str] = field(default_factory=dict)
    keys: list[str] = field(default_factory=list)
    tokens: list[str] = field(default_factory=list)
    shown: dict[str, str] = field(default_factory=dict)

    def note(self, what: str, text: str) -> None:
        self.texts[what] = self.texts.get(what, "") + text + "\n"

    def everything(self) -> dict[str, str]:
        return {**self.texts, "the log": "".join(self.site.log)}


async def look_around(heard: Heard, who: str, web: Web) -> None:
    for path in PAGES:
        heard.note(f"{who} GET {path}", (await web.get(path)).text)
    for path, form in (
        ("/dashboard/weaver/key/rotate", {}),
        ("/dashboard/weaver/details", {"title": "A title " * 60}),
        ("/dashboard/weaver/chat", {"enabled": "on"}),
        ("/dashboard/weaver/no_such", {}),
    ):
        heard.note(f"{who} POST {path}", (await web.post(path, **form)).text)


async def frames(heard: Heard, who: str, web: Web) -> None:
    """What a socket hears of a broadcast."""
    cookies = {each.name: each.value or "" for each in web.cookies}
    async with connect(heard.site.port, origin=heard.site.url, cookies=cookies) as client:
        await client.hello("weaver")
        await client.send({"t": "beat", "channel": "weaver", "playing": True})
        await client.say("Good evening")
        await client.send({"t": "say", "text": 5})
        await client.expect("error")
        heard.note(f"{who} WebSocket", json.dumps(client.seen))


async def wrong_publishers(heard: Heard, key: str) -> None:
    """Encoders that hold the right key in the wrong place, or almost the right one."""
    asked = [
        ("live", key + "x"),
        ("live", key[:-1]),
        ("live", key.swapcase()),
        ("live", f"x?key={key}"),
        ("live", f"{key[:-1]}?token={key}&x=1"),
        (f"live/{key}", "x"),
        (f"live?key={key}", "x"),
        ("live", f"../{key}"),
        ("live", quote(key[:-2]) + "%00"),
    ]
    for app, name in asked:
        async with connected(heard.site.rtmp_port) as encoder:
            await encoder.shake()
            await encoder.command(
                "connect", 1.0,
                {"app": app, "tcUrl": f"rtmp://127.0.0.1/{app}/{key}", "flashVer": key,
                 "swfUrl": key, "pageUrl": key},
            )  # fmt: skip
            await encoder.command("releaseStream", 2.0, None, name)
            await encoder.command("FCPublish", 3.0, None, name)
            await encoder.command("createStream", 4.0, None)
            await encoder.command("publish", 5.0, None, name, "live", stream_id=1)
            try:
                status = await encoder.full_status()
            except (ConnectionError, asyncio.IncompleteReadError):
                status = {}
            assert status.get("code") != "NetStream.Publish.Start", name
            heard.note("what wrong encoders are told", json.dumps(status))
    async with connected(heard.site.rtmp_port) as encoder:
        await encoder.send(b"GET /live/" + key.encode() + b" HTTP/1.1\r\n\r\n")
        await encoder.send(key.encode() * 200)


async def until_live(web: Web) -> None:
    async with asyncio.timeout(20):
        while '"live"' not in (await web.get("/api/v1/channels/weaver/status")).body:  # noqa: ASYNC110
            await asyncio.sleep(0.1)


async def playlists(heard: Heard, viewer: Web) -> None:
    data = json.loads((await viewer.get("/weaver?fragment=page-data")).body)
    assert data["sources"]
    for source in data["sources"]:
        addresses = [source["url"]]
        if source.get("fallback_url"):
            addresses.append(source["fallback_url"])
        for address in addresses:
            top = await viewer.get(address)
            assert "#EXTM3U" in top.body
            heard.note(f"playlist {address}", address + top.text)
            for line in top.body.splitlines():
                if line and not line.startswith("#"):
                    below = (await viewer.get(address.rpartition("/")[0] + "/" + line)).text
                    assert "#EXT" in below
                    heard.note(f"playlist {address}", line + below)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def heard(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Heard]:
    """All that a site says while it is set up, broadcasts, is asked wrongly and is stopped."""
    site = make_site(tmp_path_factory.mktemp("secrets"))
    heard = Heard(site)
    await site.init()
    await site.start(None, "--verbose")
    try:
        weaver, other, admin, guest = (Web(site.url) for _ in range(4))
        for name, web in (("weaver", weaver), ("other", other)):
            made = await web.post(
                "/signup", name=name, password=PASSWORD, email=f"{name}@a.example"
            )
            assert made.status == 303, made.text
            wrong = await web.post("/signup", name="x", password=PASSWORD)
            heard.note("a sign-up that was refused", wrong.text)
        wrong = await guest.post("/signin", login="weaver", password=PASSWORD + "x")
        heard.note("a sign-in that was refused", wrong.text)
        assert (await admin.post("/signin", login=ADMIN, password=ADMIN_PASSWORD)).status == 303
        people = {"owner": weaver, "other": other, "admin": admin, "guest": guest}
        for web in (weaver, other, admin):
            token = web.cookie("metropole_session")
            assert token is not None
            heard.tokens.append(token)

        shown = await weaver.post("/dashboard/weaver/key")
        asked = await weaver.post("/dashboard/weaver/key", headers={"Accept": "application/json"})
        key = json.loads(asked.body)["key"]
        heard.keys.append(key)
        heard.shown = {"the page": shown.text, "the JSON": asked.text}
        for who in ("other", "admin", "guest"):
            heard.note(f"{who} asks for the key", (await people[who].post(
                "/dashboard/weaver/key", headers={"Accept": "application/json"})).text)  # fmt: skip

        async with publishing(site.rtmp_url(key), "--size", "640x360") as encoder:
            await until_live(guest)
            await wrong_publishers(heard, key)
            async with publishing(site.rtmp_url(key), "--size", "640x360") as second:
                heard.note("a second encoder", str((await second.wait())[0]))
            for who, web in people.items():
                await look_around(heard, who, web)
                await frames(heard, who, web)
            await playlists(heard, guest)
            heard.note("doctor", await output_of(site, "doctor"))
            heard.note("doctor --json", await output_of(site, "doctor", "--json"))
            heard.note("plugins", await output_of(site, "plugins"))
            heard.note("config show", await output_of(site, "config", "show"))
            heard.note("user list", await output_of(site, "user", "list"))
            rotated = await weaver.post("/dashboard/weaver/key/rotate", confirm="yes")
            assert rotated.status == 303
            heard.note("after the rotation", rotated.text)
            heard.note("after the rotation", (await weaver.get("/dashboard/weaver")).text)
            await encoder.wait()
        async with publishing(site.rtmp_url(key), "--size", "640x360") as late:
            await late.wait()
        now = await weaver.post("/dashboard/weaver/key", headers={"Accept": "application/json"})
        heard.keys.append(json.loads(now.body)["key"])
        async with publishing(site.rtmp_url(heard.keys[1]), "--size", "640x360") as encoder:
            await until_live(guest)
            await look_around(heard, "owner", weaver)
            await encoder.stop()
        heard.note("signing out", (await other.post("/signout")).text)
    finally:
        await site.stop()
    yield heard


async def output_of(site: SiteProcess, *command: str) -> str:
    """What a command prints, whether it succeeds or not."""
    try:
        return await site.run(*command)
    except AssertionError as failed:
        return str(failed)


async def test_the_stream_key_is_shown_to_its_owner_alone(heard: Heard) -> None:
    assert len(set(heard.keys)) == 2
    for what, text in heard.shown.items():
        assert heard.keys[0] in text, what
        assert "no-store" in text, f"{what} may be kept"
    for what, text in heard.everything().items():
        for key in heard.keys:
            assert not found(key, text), what


async def test_passwords_stand_nowhere(heard: Heard) -> None:
    for what, text in (heard.everything() | heard.shown).items():
        for password in (PASSWORD, ADMIN_PASSWORD):
            assert not found(password, text), what
        assert "$argon2" not in text, what


async def test_session_tokens_stand_nowhere_but_in_their_cookie(heard: Heard) -> None:
    assert len(set(heard.tokens)) == 3
    for what, text in (heard.everything() | heard.shown).items():
        kept = re.sub(r"(?im)^set-cookie:.*$", "", text)
        for token in heard.tokens:
            assert not found(token, kept), what


async def test_the_sites_own_key_stands_nowhere(heard: Heard) -> None:
    [file] = heard.site.folder.rglob("*.key")
    secret = file.read_text().strip().rpartition(":")[2].split()[-1]
    assert len(base64.b64decode(secret, altchars=b"-_")) >= 32
    assert file.stat().st_mode & 0o077 == 0
    for what, text in (heard.everything() | heard.shown).items():
        assert not found(secret, text), what


async def test_the_log_tells_of_refusals_all_the_same(heard: Heard) -> None:
    """A log that says nothing would pass the tests above."""
    log = "".join(heard.site.log)
    assert "refused: bad_key" in log
    assert "DEBUG" in log or "INFO" in log
    assert "weaver: a publisher came over rtmp" in log
    assert "Traceback" not in log


async def test_what_is_stored_is_no_secret(heard: Heard) -> None:
    """Neither in the database nor in any other file of the site, but for its key file."""
    files = [p for p in heard.site.folder.rglob("*") if p.is_file() and p.suffix != ".key"]
    assert any("sqlite" in path.name for path in files)
    for path in files:
        text = path.read_bytes().decode("latin-1")
        for secret in (*heard.keys, *heard.tokens, PASSWORD, ADMIN_PASSWORD):
            assert not found(secret, text), path.name
        if path.suffix == ".sqlite3":
            assert "$argon2id$" in text


def test_a_secret_is_found_in_whatever_it_was_turned_into() -> None:
    secret = "mp_0123456789-abcdefghij_KLMNOP"
    for text in (
        f"key={secret}&x", secret[::-1], quote("/" + secret, safe=""), secret.encode().hex(),
        base64.b64encode(b"rtmp://a/" + secret.encode() + b"/b").decode(),
        base64.urlsafe_b64encode(b"xx" + secret.encode()).decode(),
        base64.b64encode(f"a{secret}".encode()).decode(), secret[:16], secret[15:],
    ):  # fmt: skip
        assert found(secret, text), text
    assert not found(secret, "mp_ 0123456789")
    assert all(len(trace) >= SHORTEST for trace in traces(secret))


def test_other_commands_print_no_key(heard: Heard, tmp_path: Path) -> None:
    """What was heard covers every role and every kind of answer."""
    heads = " ".join(heard.texts)
    for part in ("owner GET /dashboard/weaver", "guest GET /", "admin WebSocket", "playlist",
                 "doctor --json", "owner POST", "what wrong encoders are told"):  # fmt: skip
        assert part in heads
